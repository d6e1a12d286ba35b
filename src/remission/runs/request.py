"""What a run was asked for, the hash of everything that decides its result, and the chunks that it is cut into."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

import remission
from remission.base import catalog
from remission.base.errors import RemissionError, UsageError
from remission.base.hashing import digest, digest_tree
from remission.base.random import Floats, Stream, uniforms
from remission.base.units import DAYS_PER_MONTH, DAYS_PER_YEAR
from remission.engine import Draws
from remission.outcomes.tables import TABLES
from remission.outcomes.tables.columns import MOST_DRAWS, MOST_PATIENTS
from remission.patients import CohortTable, Population
from remission.protocol import Regimen

HIDDEN = ".remission-run"
"""Folder in the output directory that holds the finished chunks of an unfinished run."""
ROOMS = ("base", "protocol", "patients", "engine", "outcomes", "runs")
CHUNK = 8192
"""Patient courses in a chunk."""
MOST_YEARS = 100.0
Chunk = tuple[int, int, int, int, int]
"""Arm, first draw, draw after the last, first patient, patients."""


@dataclass(frozen=True)
class Request:
    """What a run simulates: `source` is a population or a cohort.

    The data are cut off `years` after the first patient began treatment; patients begin at random over `accrual` months.
    """

    regimens: tuple[Regimen, ...]
    source: Population | CohortTable
    draws: Draws
    patients: int
    seed: int
    years: float
    study: str
    accrual: float = 0.0
    tables: tuple[str, ...] = tuple(TABLES)

    def __getstate__(self) -> dict[str, Any]:
        plain = (self.draws.name, self.draws.numbers, self.draws.names, self.draws.values)
        return {**self.__dict__, "draws": plain}  # `Draws` looks its attributes up in itself, which pickle cannot rebuild

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({**state, "draws": Draws(*state["draws"])})

    def check(self) -> None:
        """Raises UsageError for what cannot be meant."""
        for name, value, least, most in (
            ("--patients", self.patients, 1, MOST_PATIENTS),
            ("--draws", len(self.draws), 1, 10_000),
            ("--years", self.years, 0.01, MOST_YEARS),
        ):
            if not least <= value <= most:
                raise UsageError(f"{value:g} {name[2:]} were asked for", where=name, why=f"{least:g} to {most:g} can be simulated",
                                 near=f"{least if value < least else most:g}", fix=f"give {name} a number in this range")  # fmt: skip
        if max(self.draws.numbers) > MOST_DRAWS:
            raise UsageError(f"a draw has the number {max(self.draws.numbers)}", where="--draws",
                             why=f"numbers up to {MOST_DRAWS} fit into the identifiers", fix="ask for fewer draws")  # fmt: skip
        if not 0 <= self.accrual * DAYS_PER_MONTH < self.years * DAYS_PER_YEAR:
            raise UsageError(f"an accrual of {self.accrual:g} months was asked for", where="--accrual",
                             why=f"it ends before the data cut-off at {self.years:g} years", near="0",
                             fix="accrue for a shorter time, or give more --years")  # fmt: skip
        names = [regimen.id for regimen in self.regimens]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise UsageError(f"two regimens are called '{twice[0]}'", where="REGIMEN", why="rows of the tables are told apart by it",
                             fix="name each regimen once, or give an edited one an id of its own")  # fmt: skip

    def chunks(self, courses: int = CHUNK) -> list[Chunk]:
        """The chunks in the order of the rows: arms, draws, patients; whole draws together where they fit."""
        draws = len(self.draws)
        together = max(1, courses // self.patients)
        return [
            (arm, draw, min(draws, draw + together), patient, min(courses, self.patients - patient))
            for arm in range(len(self.regimens))
            for draw in range(0, draws, together)
            for patient in range(0, self.patients, courses)
        ]

    def follow_up(self, chunk: Chunk) -> Floats:
        """Days from each patient's start of treatment to the data cut-off, the same in every arm: shape (draws, patients)."""
        _, draw, end, patient, count = chunk
        rows = [uniforms(self.seed, np.arange(patient, patient + count), number, Stream.EMULATION, 1)[:, 0]
                for number in self.draws.numbers[draw:end]]  # fmt: skip
        return self.years * DAYS_PER_YEAR - self.accrual * DAYS_PER_MONTH * np.stack(rows)

    @property
    def facts(self) -> dict[str, Any]:
        """What was asked, in plain values."""
        return {
            "regimens": [regimen.id for regimen in self.regimens],
            "population": self.source.id,
            "patients": self.patients,
            "draws": len(self.draws),
            "posterior": self.draws.name,
            "seed": self.seed,
            "years": self.years,
            "accrual": self.accrual,
            "study": self.study,
            "tables": list(self.tables),
        }

    @property
    def hashes(self) -> dict[str, Any]:
        """Hashes of what goes in: code, catalog, plans, population, draws."""
        source = self.source
        whole = digest(source.model_dump(mode="json", by_alias=True)) if isinstance(source, Population) else source.digest
        return {
            "code": code_digest(),
            "catalog": catalog.digest(),
            "plans": {regimen.id: digest(regimen.model_dump(mode="json", by_alias=True)) for regimen in self.regimens},
            "population": whole,
            "draws": self.draws.digest,
        }

    @property
    def made_by(self) -> str:
        """One hash over everything that decides the rows."""
        return digest([self.facts, self.hashes, versions()])


def versions() -> dict[str, str]:
    """Versions of what computes and writes."""
    from importlib.metadata import version

    return {"remission": remission.__version__, **{name: version(name) for name in ("numpy", "scipy", "llvmlite", "duckdb")}}


@lru_cache(maxsize=1)
def code_digest() -> str:
    """Hash of every Python file that has a say in the rows."""
    place = Path(remission.__file__).resolve().parent
    return digest([digest_tree(place / room, "*.py") for room in ROOMS])


@dataclass(frozen=True)
class Work:
    """One chunk of a request: simulated, and written as one Parquet file per table."""

    request: Request
    code: str
    threads: int | None = 1

    def __call__(self, chunk: Chunk) -> dict[str, bytes]:
        from remission.engine.simulate import simulate
        from remission.outcomes.tables import Part, write_part

        if code_digest() != self.code:
            raise RemissionError("a worker has another version of this program", where="--on", why="its rows would not be the same",
                                 fix="install one version on every machine, and leave it alone while it runs")  # fmt: skip
        arm, draw, end, patient, count = chunk
        asked = self.request
        regimen = asked.regimens[arm]
        part = asked.draws.part(draw, end)
        histories = simulate(regimen, asked.source, part, count, asked.seed, first=patient, threads=self.threads)
        with tempfile.TemporaryDirectory(prefix="remission-chunk-") as place:
            names = () if isinstance(asked.source, Population) else asked.source.ids
            rows = Part(histories, regimen, patient, asked.follow_up(chunk), names)
            write_part(rows, Path(place), asked.tables, asked.study, arm + 1)
            return {name: (Path(place) / name).read_bytes() for name in (f"{table}.parquet" for table in asked.tables)}
