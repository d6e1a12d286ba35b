"""`remission review`: the main job."""

from __future__ import annotations

import json

import click


@click.command(name="review")
@click.option("--out", "directory", default="out", show_default=True, help="Directory for review.html and review.json.")
@click.option(
    "--seed", type=click.IntRange(0, 2**64 - 1), default=1, show_default=True, help="Seed of all random numbers."
)
@click.option("--draws", type=int, default=200, show_default=True, help="Parameter draws from the priors.")
@click.option(
    "--patients", type=int, default=1000, show_default=True, help="Virtual patients in each draw of each arm."
)
@click.option("--trial", "trials", multiple=True, help="Only this trial (may be repeated).")
@click.option(
    "--threads", type=click.IntRange(1, 1024), default=None, help="Threads to use; the result does not depend on it."
)
@click.option("--json", "as_json", is_flag=True, help="Print the rows and the summary as JSON.")
def command(
    directory: str, seed: int, draws: int, patients: int, trials: tuple[str, ...], threads: int | None, as_json: bool
) -> None:
    """Simulate every arm from diagnosis and hold the published results against the predictions.

    Prints published beside predicted (median and 90 % interval for a trial of the same size), and writes review.html and
    review.json. The same seed gives the same numbers on any number of threads.
    """
    from remission.base import catalog, files
    from remission.base.errors import UsageError

    for name, number in (("--patients", patients), ("--draws", draws)):
        if number < 1:
            raise UsageError(
                f"{number} {name[2:]} were asked for",
                where=name,
                why="a simulation needs at least one",
                near="1",
                fix=f"give {name} 1 or more",
            )
    chosen = trials or simulated_trials()
    for identifier in chosen:
        catalog.path("trials", identifier)
    files.check_writable(directory)

    from rich.console import Console

    from remission.doors import NOTICE
    from remission.doors._progress import bar
    from remission.engine import prior_draws
    from remission.inference import review
    from remission.report import print_review, render_review

    with bar("review") as tell:
        result = review(chosen, prior_draws(draws, seed), patients, seed, tell, threads)
        tell("writing the report", 1.0)
        page = render_review(result)
        files.write_directory(
            directory, {"review.json": json.dumps(result, indent=1, ensure_ascii=False) + "\n", "review.html": page}
        )
    if as_json:
        click.echo(json.dumps({"rows": result["rows"], "summary": result["summary"]}, ensure_ascii=False))
        return
    console = Console()
    print_review(result["rows"], result["summary"], console)
    click.echo(f"{directory}/review.html and {directory}/review.json written. {NOTICE}")


def simulated_trials() -> tuple[str, ...]:
    """Trials of the catalog that can be simulated: every arm's regimen and population is there, and something was reported."""
    from remission.base import catalog
    from remission.protocol import load_design

    found = []
    for identifier in catalog.ids("trials"):
        design = load_design(identifier).design
        arms = design.arms.values()
        if (
            design.status == "reported"
            and arms
            and all(
                arm.regimen in catalog.ids("regimens") and arm.population in catalog.ids("populations") for arm in arms
            )
        ):
            found.append(identifier)
    return tuple(found)
