"""`remission validate`: would the model have predicted it?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from remission.doors._draws import draws_option, load, parse_draws

DRAWS, TENSION_DRAWS = 500, 100


@click.command(name="validate")
@click.option("--trial", "trials", multiple=True, help="Leave out only this trial (may be repeated).  [default: all with results]")
@click.option("--out", "directory", default=None, help="Directory for validation.html, model-card.html and validation.json.")
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), default=1, show_default=True, help="Seed of all random numbers.")
@draws_option(DRAWS)
@click.option("--fit", "folder", default=None, help="Folder of `remission calibrate`: then each trial is left out by fitting again.")
@click.option("--leave-out", "mode", type=click.Choice(("auto", "refit", "re-weight")), default="auto", show_default=True,
              help="With --fit: fit again, re-weight the fit, or re-weight where its diagnostic allows.")
@click.option("--keep", "kept", default=None, metavar="FILE",
              help="Keep the draws of every trial left out, for a release, and validation.json beside them, for the model card.")
@click.option("--patients", type=int, default=1000, show_default=True, help="Virtual patients in each draw of each arm.")
@click.option("--sensitivity", is_flag=True, help="Also: which parameters drive predictions, which assumption would overturn what.")
@click.option("--variants", is_flag=True, help="Also: structural alternatives of the model, scored the same way.")
@click.option("--threads", type=click.IntRange(1, 1024), default=None, help="Threads to use; the result does not depend on it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: summary, rows, how each trial was left out.")
def command(
    trials: tuple[str, ...],
    directory: str | None,
    seed: int,
    draws: str,
    folder: str | None,
    mode: str,
    kept: str | None,
    patients: int,
    sensitivity: bool,
    variants: bool,
    threads: int | None,
    as_json: bool,
) -> None:
    """Predict every published result without its own trial, beside the best simple competitor.

    Each trial in turn is taken from the fit, with reports that share its patients; its arms are simulated and what a trial of its size
    would report is scored against what was published (CRPS, coverage, bias). The competitor pools what the other trials published.
    """
    from remission.base import catalog, files

    _positive(patients)
    for identifier in trials:
        catalog.path("trials", identifier)
    if directory is not None:
        files.check_writable(directory)

    from remission.doors._progress import bar
    from remission.inference.validation import (
        Remembered,
        Settings,
        card_contents,
        compare,
        keep_validation,
        registered,
        validate,
    )
    from remission.inference.validation.card import all_drivers
    from remission.inference.validation.kept import keep
    from remission.inference.validation.sensitivity import overturn

    settings = Settings(patients, seed, threads)
    with bar("validate") as tell:
        base, diagnostics = _belief(draws, folder, mode, settings, tell)
        belief = Remembered(base)
        result = validate(belief, settings, trials, tell)
        if kept is not None:
            keep(belief.known, belief.sets, Path(kept))
        if variants:
            result["variants"] = compare(registered(belief.full), belief, settings, trials, result, tell)
        extra: dict[str, Any] = {}
        if sensitivity:
            tell("sensitivity", 0.0)
            extra["driven"] = all_drivers(belief.full, settings)
            extra["overturned"] = overturn(belief.full.part(0, 40), min(patients, 300), seed, progress=tell, threads=threads)
            result.update(drivers=extra["driven"], overturned=extra["overturned"])
        if kept is not None:
            keep_validation(result, Path(kept).parent)
        if directory is not None:
            tell("writing the pages", 1.0)
            from remission.doors.compare import sources_of
            from remission.inference import measure_tensions

            tensions = measure_tensions(belief.full.part(0, TENSION_DRAWS), min(patients, 400), seed, threads)
            cited = sources_of(row["source"] for row in tensions)
            contents = card_contents(result, belief.full, diagnostics=diagnostics, tensions=tensions, cited=cited, **extra)
            _write(directory, result, contents)
    _show(result, directory, as_json)


def _positive(patients: int) -> None:
    from remission.base.errors import UsageError

    if patients < 1:
        raise UsageError(f"{patients} patients were asked for", where="--patients", why="a simulation needs at least one", near="1000",
                         fix="give --patients 1 or more")


def _belief(draws: str, folder: str | None, mode: str, settings: Any, tell: Any) -> tuple[Any, Mapping[str, Any]]:
    """What is believed, and the diagnostics of its fit: the priors; the fit in a folder; a released posterior with the draws that
    were released with it for every trial left out, or re-weighted."""
    from remission.engine.posterior import posterior_folder, read_manifest
    from remission.inference.validation import Prior
    from remission.inference.validation.fitted import of_draws, of_folder
    from remission.inference.validation.kept import FILE, Kept

    if folder is not None:
        found = of_folder(folder, mode, load_count(draws))  # type: ignore[arg-type]
        return found, found.diagnostics
    p = load(draws, DRAWS, settings.seed)
    if p.name == "prior":
        return Prior(p), {}

    def weighted() -> Any:
        from remission.inference.calibration import load_targets, weigh

        weighed = weigh(load_targets(), settings.seed, progress=lambda share: tell("rows in common", 0.05 * share),
                        threads=settings.threads)
        return of_draws(p, weighed, settings.seed, settings.patients, settings.threads)

    place = posterior_folder(parse_draws(draws, DRAWS)[0] or p.name)
    summary = read_manifest(place).summary
    if (place / FILE).is_file():
        return Kept(p, place / FILE, weighted), summary
    return weighted(), summary


def load_count(draws: str) -> int:
    """The number of draws asked for."""
    return parse_draws(draws, DRAWS)[1]


def _write(directory: str, result: dict[str, Any], contents: dict[str, Any]) -> None:
    from remission.base import files
    from remission.report.model_card import render_model_card
    from remission.report.validation import render_validation

    files.write_directory(
        directory,
        {
            "validation.json": json.dumps(result, indent=1, ensure_ascii=False) + "\n",
            "validation.html": render_validation(result),
            "model-card.html": render_model_card(contents),
        },
    )


def _show(result: dict[str, Any], directory: str | None, as_json: bool) -> None:
    from remission.doors import NOTICE
    from remission.report.validation import as_text

    if as_json:
        click.echo(json.dumps({**result, "notice": NOTICE}, ensure_ascii=False))
        return
    click.echo(as_text(result))
    if directory is not None:
        click.echo(f"{directory}/validation.html, {directory}/model-card.html and {directory}/validation.json written.")
    click.echo(NOTICE)
