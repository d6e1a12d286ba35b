"""`remission review`: the main job."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from remission.doors._draws import draws_option, load, parse_draws

if TYPE_CHECKING:
    from remission.engine import Draws

RANKED_PATIENTS = 200
CLAIM_DRAWS, CLAIM_PATIENTS = 100, 150  # a smaller size than that of `remission claims`: the whole review takes less than a minute
TENSION_PATIENTS = 400


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
@click.option("--fitted", is_flag=True, help="Predict each trial with draws that were fitted to it, too: the fit, not a test of it.")
@click.option(
    "--threads", type=click.IntRange(1, 1024), default=None, help="Threads to use; the result does not depend on it."
)
@click.option("--json", "as_json", is_flag=True, help="Print the rows and the summary as JSON.")
def command(
    directory: str, seed: int, draws: str, patients: int, trials: tuple[str, ...], fitted: bool, threads: int | None, as_json: bool
) -> None:
    """Simulate every arm from diagnosis, hold the published results against the predictions, and answer the review's question.

    Prints published beside predicted (median and 90 % interval for a trial of the same size) and, at the end, a ranking of
    placements of blinatumomab for each population, what it rests on and what would overturn it. A released posterior holds
    draws that were fitted without each trial: every trial is predicted from these, unless --fitted asks for those that have
    seen it. Writes review.html, review.json and model-card.html. With --trial only those trials, without the answer. The same
    seed gives the same numbers on any number of threads.
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

    from remission.doors import NOTICE
    from remission.doors._progress import bar
    from remission.engine.posterior import PRIOR
    from remission.inference import review
    from remission.inference.validation import unseen

    chosen = trials or _all()
    with bar("review") as tell:
        result = review(
            chosen, p, patients, seed, _part(tell, 0.0, 0.55), threads, ongoing=() if trials else _ongoing(),
            unseen={} if fitted or p.name == PRIOR else unseen(parse_draws(draws, 200)[0] or p.name, chosen, len(p)),
        )  # fmt: skip
        if not trials:
            _answer(result, p, patients, seed, threads, _part(tell, 0.55, 0.97))
        tell("writing the report", 1.0)
        _write(directory, result, p, parse_draws(draws, 200)[0] or p.name)
    if as_json:
        keys = ("rows", "summary", "answer", "answer_paragraph", "claims", "tensions")
        click.echo(json.dumps({key: result[key] for key in keys if key in result}, ensure_ascii=False))
        return
    _print(result)
    click.echo(f"{directory}/review.html, {directory}/model-card.html and {directory}/review.json written. {NOTICE}")


def _all() -> tuple[str, ...]:
    from remission.inference import simulated_trials

    return simulated_trials()


def _ongoing() -> tuple[str, ...]:
    from remission.inference import ongoing_trials

    return ongoing_trials()


def _part(tell: Callable[[str, float], None], first: float, last: float) -> Callable[[str, float], None]:
    """Progress of a part of the work, as progress of the whole."""
    return lambda what, share: tell(what, first + (last - first) * share)


def _answer(
    result: dict[str, Any], p: Draws, patients: int, seed: int, threads: int | None, tell: Callable[[str, float], None]
) -> None:
    """Add what the review ends with: the ranking for each population, the statements tested, the known tensions."""
    from remission.decide import load_claims, rank, run_claims
    from remission.doors.compare import sources_of
    from remission.inference import measure_tensions
    from remission.report.answer import of_population, paragraph

    if len(p) >= 2:
        answer = rank(p, seed, min(patients, RANKED_PATIENTS), threads=threads, tell=_part(tell, 0.0, 0.6))
        result["answer"] = [{**item, "paragraph": of_population(item)} for item in answer]
        result["answer_paragraph"] = paragraph(answer)
    few = p.part(0, CLAIM_DRAWS)
    found = run_claims(load_claims(), few, min(patients, CLAIM_PATIENTS), seed, _part(tell, 0.6, 0.95))
    result["claims"] = {key: value for key, value in found.items() if key != "provenance"}
    result["tensions"] = measure_tensions(few, min(patients, TENSION_PATIENTS), seed, threads)
    result["sources"].update(sources_of(row["source"] for row in result["tensions"]))


def _write(directory: str, result: dict[str, Any], p: Draws, name: str) -> None:
    """review.html, review.json and the model card that the page leads to."""
    from remission.base import files
    from remission.inference.validation import card_contents, kept_validation
    from remission.report import render_review
    from remission.report.model_card import render_model_card, standing

    validation, summary = kept_validation(name)
    contents = card_contents(validation, p, diagnostics=summary, tensions=result.get("tensions", ()),
                             cited=result["sources"], provenance=result["provenance"])
    page = {**result, "card": {"file": "model-card.html", "sentence": standing(contents)}}
    text = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
    files.write_directory(
        directory,
        {"review.json": text, "review.html": render_review(page), "model-card.html": render_model_card(contents)},
    )


def _print(result: dict[str, Any]) -> None:
    from rich.console import Console

    from remission.report import print_answer, print_review

    console = Console()
    print_review(result["rows"], result["summary"], console)
    if "answer" in result:
        print_answer(result["answer"], result["claims"]["summary"], console)
