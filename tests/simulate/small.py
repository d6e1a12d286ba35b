"""A small request, its histories and its tables, for tests."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import duckdb
from tests.sample import draws, plan, population

from remission.base.histories import Histories
from remission.engine.simulate import simulate
from remission.runs import Request

ARMS = ("e1910-blinatumomab", "e1910-chemotherapy")
PATIENTS, DRAWS, SEED, YEARS = 150, 2, 11, 5.0


def request(
    arms=ARMS, patients=PATIENTS, number=DRAWS, seed=SEED, years=YEARS, accrual=24.0, who="e1910", **other
) -> Request:
    """What a test asks for."""
    source = population(who) if isinstance(who, str) else who
    return Request(
        tuple(plan(arm) for arm in arms), source, draws(number), patients, seed, years, "TEST", accrual, **other
    )


@cache
def histories(arm: str) -> Histories:
    """The histories behind the tables of `request()`."""
    return simulate(plan(arm), population("e1910"), draws(DRAWS), PATIENTS, SEED)


def ask(directory: Path, sql: str) -> list[tuple]:
    """Rows of a question; a table is named by its file, e.g. {adsl}."""
    names = {
        path.stem: f"'{path}'" for path in sorted(Path(directory).iterdir()) if path.suffix in (".parquet", ".csv")
    }
    return duckdb.connect(config={"threads": "1"}).execute(sql.format(**names)).fetchall()


def whole(directory: Path, table: str) -> list[tuple]:
    """Every row in the order of the file."""
    return ask(directory, f"select * from {{{table}}}")


def written(directory: Path) -> dict[str, bytes]:
    """The bytes of every file but those of the provenance that tell of the run and not of its result."""
    files = {
        path.name: path.read_bytes()
        for path in Path(directory).iterdir()
        if path.is_file() and path.name != "provenance.json"
    }
    made = json.loads((Path(directory) / "provenance.json").read_text())
    for name in ("created", "seconds", "command", "on", "chunks", "machine"):
        made.pop(name)
    return {**files, "provenance": json.dumps(made).encode()}
