"""`remission new`: first drafts of catalog files."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path

import click


@click.group(name="new")
def command() -> None:
    """Write the first draft of a catalog file, with comments that say what belongs where."""


@command.command(name="trial")
@click.argument("identifier", metavar="ID")
@click.option("--out", "directory", default=".", show_default=True, help="Directory for the draft; it is made when missing.")
@click.option("--from-ctgov", "record", default=None, metavar="FILE.json",
              help="Study record of ClinicalTrials.gov (API version 2) to fill in the design from.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the paths written as one JSON object.")
def trial(identifier: str, directory: str, record: str | None, as_json: bool) -> None:
    """Draft the file of the trial ID: ID.yaml, with null for all that is not known yet.

    With --from-ctgov the record's design, arms, outcome definitions, eligibility and enrolment are filled in, and the record becomes
    a source file of its own. Results are never taken from a registry. Files that exist are never overwritten.
    """
    from remission.base import catalog, files
    from remission.base.errors import UsageError
    from remission.evidence import blank_trial, read_study, source_text, trial_text

    if identifier in catalog.ids("trials"):
        raise UsageError(f"the catalog has a trial '{identifier}' already", where="ID", why="each trial has one file and one id",
                         near=f"{identifier[:62]}-2", fix="edit its file, or choose another id")  # fmt: skip
    drafts: dict[str, str] = {}
    registry = None
    if record is None:
        drafts[f"{identifier}.yaml"] = blank_trial(identifier)
    else:
        study = read_study(_read(record), files.shown_path(record))
        registry = study.nct
        if identifier == study.source_id:
            raise UsageError(f"'{identifier}' is the id of the record as a source", where="ID",
                             why="the trial and its record are two files", near=f"trial-{identifier}",
                             fix="choose the name by which the trial is known")  # fmt: skip
        drafts[f"{identifier}.yaml"] = trial_text(identifier, study)
        source = f"{study.source_id}.yaml"
        if study.source_id in catalog.ids("sources") or (Path(directory) / source).exists():
            click.echo(f"{source} exists already and stays as it is", err=True)
        else:
            drafts[source] = source_text(study, date.today().isoformat())
    written = _write_new(Path(directory), drafts)
    if as_json:
        click.echo(json.dumps({"trial": identifier, "registry": registry, "written": written}, ensure_ascii=False))
        return
    for path in written:
        click.echo(path)
    click.echo("fill in every null of the design, then: remission check", err=True)


def _read(path: str) -> bytes:
    """The bytes of a regular file, at most one more than are allowed."""
    from remission.base import files
    from remission.base.errors import NotFound
    from remission.evidence.ctgov import MAX_BYTES

    shown = files.shown_path(path)
    try:
        if not os.path.isfile(path):
            raise NotFound("there is no such file", where=shown, why="--from-ctgov reads a file of this machine", near="study.json",
                           fix="save the record: https://clinicaltrials.gov/api/v2/studies/NCT…")  # fmt: skip
        with open(path, "rb") as handle:
            return handle.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise NotFound(f"cannot read the file: {getattr(error, 'strerror', None) or error}", where=shown, why="its record is needed",
                       near="study.json", fix="check the path and its permissions") from None  # fmt: skip


def _write_new(directory: Path, drafts: dict[str, str]) -> list[str]:
    """Write files that must not exist yet: all of them or none. Returns their paths."""
    from remission.base import files
    from remission.base.errors import CannotWrite

    made: list[Path] = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in drafts.items():
            with open(directory / name, "x", encoding="utf-8", newline="\n") as handle:
                made.append(directory / name)
                handle.write(text)
    except FileExistsError as error:
        _remove(made)
        raise CannotWrite("the file exists already", where=files.shown_path(str(error.filename or directory)),
                          why="a draft never overwrites what is there", near=f"{directory}/drafts",
                          fix="choose another id, or another directory with --out") from None  # fmt: skip
    except (OSError, ValueError) as error:
        _remove(made)
        raise CannotWrite(f"cannot write the draft: {getattr(error, 'strerror', None) or error}", where=files.shown_path(directory),
                          why="nothing was left half-written", near=".", fix="choose another directory with --out") from None  # fmt: skip
    except BaseException:
        _remove(made)
        raise
    return [str(path) for path in made]


def _remove(made: list[Path]) -> None:
    for path in made:
        path.unlink(missing_ok=True)
