"""`remission review`: the main job."""

from __future__ import annotations

import json

import click

from remission.doors._draws import draws_option, load


@click.command(name="review")
@click.option("--out", "directory", default="out", show_default=True, help="Directory for review.html and review.json.")
@click.option(
    "--seed", type=click.IntRange(0, 2**64 - 1), default=1, show_default=True, help="Seed of all random numbers."
)
@draws_option(200)
@click.option(
    "--patients", type=int, default=1000, show_default=True, help="Virtual patients in each draw of each arm."
)
@click.option("--trial", "trials", multiple=True, help="Only this trial (may be repeated).")
@click.option(
    "--threads", type=click.IntRange(1, 1024), default=None, help="Threads to use; the result does not depend on it."
)
@click.option("--json", "as_json", is_flag=True, help="Print the rows and the summary as JSON.")
def command(
    directory: str, seed: int, draws: str, patients: int, trials: tuple[str, ...], threads: int | None, as_json: bool
) -> None:
    """Simulate every arm from diagnosis and hold the published results against the predictions.

    Prints published beside predicted (median and 90 % interval for a trial of the same size), and writes review.html and
    review.json. The same seed gives the same numbers on any number of threads.
    """
    from remission.base import catalog, files
    from remission.base.errors import UsageError

    if patients < 1:
        raise UsageError(
            f"{patients} patients were asked for",
            where="--patients",
            why="a simulation needs at least one",
            near="1",
            fix="give --patients 1 or more",
        )
    p = load(draws, 200, seed)
    for identifier in trials:
        catalog.path("trials", identifier)
    files.check_writable(directory)

    from rich.console import Console

    from remission.doors import NOTICE
    from remission.doors._progress import bar
    from remission.inference import ongoing_trials, review, simulated_trials
    from remission.report import print_review, render_review

    chosen = trials or simulated_trials()
    with bar("review") as tell:
        result = review(chosen, p, patients, seed, tell, threads, ongoing=() if trials else ongoing_trials())
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
