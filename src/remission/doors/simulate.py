"""`remission simulate`: event histories of virtual patients, in the shape that survival analysts expect."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from remission.doors._draws import draws_option

TABLES = ("adsl", "adtte", "events", "adrs", "adex")


@click.command(name="simulate")
@click.argument("regimens", nargs=-1, required=True, metavar="REGIMEN...")
@click.option("--population", required=True, help="Population id, or a cohort of your own: a file that ends in .csv.")
@click.option("--patients", type=int, default=None, help="Patients in each arm and draw.  [default: 1000; a cohort's own number]")
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), default=1, show_default=True, help="Seed of all random numbers.")
@draws_option(1)
@click.option("--years", type=float, default=5.0, show_default=True, help="Years from the first patient to the data cut-off.")
@click.option("--accrual", type=float, default=0.0, show_default=True, help="Months over which patients enter.")
@click.option("--out", "directory", required=True, help="Directory for the tables, their dictionary and the provenance.")
@click.option("--on", default="serial", show_default=True, help="serial, processes[:N], dask[:N] or dask:tcp://HOST:8786.")
@click.option("--resume", is_flag=True, help="Go on with the unfinished run of the same command in --out.")
@click.option("--format", "form", type=click.Choice(["parquet", "csv"]), default="parquet", show_default=True)
@click.option("--tables", default=",".join(TABLES), show_default=True, help="Which tables to write.")
@click.option("--study", default=None, help="STUDYID.  [default: SIM-<POPULATION>]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object about what was written.")
def command(
    regimens: tuple[str, ...],
    population: str,
    patients: int | None,
    seed: int,
    draws: str,
    years: float,
    accrual: float,
    directory: str,
    on: str,
    resume: bool,
    form: str,
    tables: str,
    study: str | None,
    as_json: bool,
) -> None:
    """Simulate REGIMENs (ids, .yaml files, or "like ID, but ...") in the same patients and write ADSL, ADTTE, events, ADRS and ADEX.

    Rows do not depend on --on. A run that is interrupted or killed keeps its finished chunks in a hidden folder of --out; the same
    command goes on from them. Nothing appears in --out before everything is finished.
    """
    from remission.base.compute import Place
    from remission.base.errors import Interrupted, UsageError
    from remission.doors import NOTICE
    from remission.doors._draws import load
    from remission.doors._progress import bar
    from remission.protocol import open_regimen
    from remission.runs import Request, finished_chunks, keep_tables

    Place.parse(on)
    chosen = _chosen(tables)
    if patients is not None and patients < 1:
        raise UsageError(f"{patients} patients were asked for", where="--patients", why="a simulation needs at least one", near="1",
                         fix="give --patients 1 or more")  # fmt: skip
    plans = tuple(open_regimen(text) for text in regimens)
    source, size = _source(population, patients)
    request = Request(plans, source, load(draws, 1, seed), size, seed, years, _study(study, source), accrual, chosen)
    request.check()
    try:
        with bar("simulate") as tell:
            kept = keep_tables(request, directory, on=on, form=form, resume=resume, command=sys.argv, tell=tell)
    except KeyboardInterrupt:
        count = finished_chunks(directory)
        raise Interrupted(
            "the run was interrupted",
            where=directory,
            why=f"{count} finished chunks are kept" if count else "nothing was finished yet, and nothing is left behind",
            fix="go on with the same command and --resume" if count else "run it again",
        ) from None
    facts = _facts(kept)
    if as_json:
        click.echo(json.dumps({**facts, "notice": NOTICE}, ensure_ascii=False))
        return
    if kept.found:
        click.echo(f"{kept.found} of {kept.chunks} chunks were finished before", err=True)
    for made in facts["tables"].values():
        click.echo(f"  {directory}/{made['file']:<16} {made['rows']:>12,} rows  {made['bytes'] / 1e6:>10,.1f} MB")
    click.echo(f"  {directory}/data_dictionary.md says what every column means; provenance.json how they were made")
    click.echo(NOTICE)


def _facts(kept: Any) -> dict[str, Any]:
    made = kept.provenance
    return {"out": str(kept.directory), **made["request"], "format": made["format"], "tables": made["tables"], "made_by": made["made_by"],
            "chunks": kept.chunks, "chunks_found": kept.found, "on": made["on"], "seconds": made["seconds"]}  # fmt: skip


def _chosen(text: str) -> tuple[str, ...]:
    from remission.base.errors import UsageError, nearest

    asked = [name.strip() for name in text.split(",")]
    for name in asked:
        if name not in TABLES:
            raise UsageError(f"unknown table '{name[:40]}'", where="--tables", why="tables: " + ", ".join(TABLES),
                             near=nearest(name, TABLES), fix="separate their names by commas")  # fmt: skip
    return tuple(name for name in TABLES if name in asked)


def _study(text: str | None, source: Any) -> str:
    import re

    from remission.base.errors import UsageError

    name = text if text is not None else f"SIM-{str(source.id).upper()}"[:40]
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", name):
        raise UsageError(f"'{name[:60]}' is no study identifier", where="--study", why="it has up to 40 letters, digits, - and _",
                         near="SIM-1", fix="choose another")  # fmt: skip
    return name


def _source(text: str, patients: int | None) -> tuple[Any, int]:
    """A population of the catalog, or a cohort from a file, and how many patients to simulate.

    A cohort is simulated as it is; asked for more patients, its rows are used again, with other luck.
    """
    from remission.patients import load_population, read_cohort

    if not text.lower().endswith(".csv"):
        return load_population(text), 1000 if patients is None else patients
    cohort = read_cohort(text)
    for line in cohort.said():
        click.echo(f"{text}: {line}", err=True)
    size = cohort.patients if patients is None else patients
    return cohort.replicated(-(-size // cohort.patients)), size

