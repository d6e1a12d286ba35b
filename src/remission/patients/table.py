"""A user's cohort: one row for each patient of a CSV file, with units in the names of the columns."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from remission.base.errors import InvalidFile, NotFound, Problem, UsageError
from remission.base.files import shown_path
from remission.base.random import Floats
from remission.patients.columns import COLUMNS, MISSING, NAMES, meant, read_id, shown
from remission.patients.population import Population, load_population
from remission.patients.requirement import LESIONS

REFERENCE = "adults"
"""The population from whose distributions covariates are drawn that a user's cohort leaves open."""
MAX_BYTES = 32 * 1024 * 1024
MAX_ROWS = 200_000
MAX_LINE = 4096
MAX_PATIENTS = 10_000_000
SHOWN = 20
"""Problems of a file that are told in one error."""
_LINES = re.compile("\r\n|\n|\r")
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_DRAWN = ("ph_like", "kmt2a", "hypodiploid", "ikzf1", "wbc", "blasts", "cd22", "cd20")


class InvalidCohort(InvalidFile):
    """A cohort that cannot be read; `problems` are the first problems of the file, each with its five parts, of `count` in all."""

    def __init__(self, problems: list[InvalidFile], count: int) -> None:
        first = problems[0]
        super().__init__(first.what, where=first.where, why=first.why, near=first.near, fix=first.fix)
        self.problems, self.count = tuple(problems), count

    def __str__(self) -> str:
        told = [InvalidFile.__str__(problem) for problem in self.problems]
        if self.count > 1:
            more = self.count - len(self.problems)
            told.append(f"{self.count} problems" + (f", of which {more} are not shown" if more else ""))
        return "\n".join(told)


@dataclass(frozen=True)
class CohortTable:
    """Patients of a file, in its order. `columns` holds covariates as in `Cohort.values`, shape (rows,), nan where a cell is empty;
    what is in no column or cell is drawn from the population `adults`. Every row is used `times` times."""

    id: str
    path: str
    digest: str
    ids: tuple[str, ...]
    columns: Mapping[str, Floats]
    relapsed: bool = False
    times: int = 1

    @property
    def patients(self) -> int:
        """How many patients can be simulated: rows times replicates."""
        return len(self.ids) * self.times

    def rows(self, patient: npt.NDArray[np.int64]) -> dict[str, Floats]:
        """What is known of patients by number; patient k is row k modulo the number of rows."""
        row = patient % len(self.ids)
        return {name: column.take(row) for name, column in self.columns.items()}

    def replicated(self, times: int) -> CohortTable:
        """The same cohort with every row used `times` times, each time with other luck. Raises UsageError."""
        if times < 1 or len(self.ids) * times > MAX_PATIENTS:
            raise UsageError(f"{times} replicates of {len(self.ids)} patients were asked for", where="times",
                             why=f"a cohort is used at least once and has at most {MAX_PATIENTS} patients", near="1",
                             fix="ask for fewer replicates, at least one")
        return replace(self, times=times)

    def drawn(self) -> dict[str, int]:
        """In how many rows each covariate is not given and so is drawn. Fitness is always drawn."""
        rows = len(self.ids)
        counts = {name: int(np.isnan(self.columns[name]).sum()) if name in self.columns else rows for name in _DRAWN}
        return {name: count for name, count in counts.items() if count} | {"fitness": rows}

    def said(self) -> list[str]:
        """What is drawn rather than given, in words, for the user."""
        rows, names = len(self.ids), {column.covariate: column.about for column in COLUMNS} | {"fitness": "fitness"}
        return [f"{names[name]}: drawn for {'all' if count == rows else f'{count} of'} {rows} patients from the population '{REFERENCE}'"
                for name, count in self.drawn().items()]


@cache
def reference() -> Population:
    """The population `adults`."""
    return load_population(REFERENCE)


def read_cohort(path: str | Path) -> CohortTable:
    """Read a cohort from a CSV file: columns `id`, `age_years`, `sex`, `ph`, and optionally those of `columns.COLUMNS`.

    A cell that is empty or NA leaves a value open; it is drawn, as is a column that is not there.
    Raises NotFound when the file cannot be opened, InvalidCohort with the problems by line and column.
    """
    name = shown_path(path)
    try:
        with open(path, "rb") as handle:
            raw = handle.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise NotFound(f"cannot read the cohort: {getattr(error, 'strerror', None) or error}", where=name,
                       fix="check the path and its permissions") from None
    reading = _Reading(name)
    lines = reading.lines(raw)
    header = reading.header(lines)
    cells = reading.cells(lines, header)
    columns = reading.columns(header, cells)
    reading.finish()
    ids = tuple(cells[header.index("id")])
    relapsed = bool(columns.pop("relapsed", np.zeros(1))[0])
    stem = re.sub(r"[^a-z0-9]+", "-", Path(path).stem.lower())[:48].strip("-") or "cohort"
    return CohortTable(stem, name, hashlib.sha256(raw).hexdigest()[:16], ids, columns, relapsed)


@dataclass
class _Reading:
    """Reads one file and gathers what is wrong with it."""

    path: str
    problems: list[InvalidFile] = field(default_factory=list)
    count: int = 0
    numbers: list[int] = field(default_factory=list)

    def add(self, line: int, problem: Problem) -> None:
        """Note a problem; only the first are kept."""
        self.count += 1
        if len(self.problems) < SHOWN:
            self.problems.append(InvalidFile(problem.what, where=f"{self.path}:{line}", why=problem.why, near=problem.near,
                                             fix=problem.fix))

    def finish(self) -> None:
        """Raise what was gathered, by line."""
        if self.problems:
            raise InvalidCohort(sorted(self.problems, key=lambda found: int(found.where.rpartition(":")[2])), self.count)

    def refuse(self, line: int, what: str, why: str, fix: str, near: str = "") -> InvalidCohort:
        """An error after which nothing more can be read."""
        self.add(line, Problem(what, why=why, fix=fix, near=near))
        return InvalidCohort(self.problems, self.count)

    def lines(self, raw: bytes) -> list[str]:
        """The lines of the file as text."""
        if len(raw) > MAX_BYTES:
            raise self.refuse(1, "the file is too large", f"a cohort has at most {MAX_BYTES // 1024 // 1024} MiB", "split the cohort")
        if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise self.refuse(1, "the file is UTF-16 text", "cohorts are UTF-8 text", "save it as CSV UTF-8")
        try:
            text = raw.decode("utf-8").removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            line = raw[: error.start].count(b"\n") + 1
            raise self.refuse(line, "the file is not UTF-8 text", f"byte {error.start} is invalid", "save it as CSV UTF-8") from None
        unseen = _UNSEEN.search(text)
        if unseen:
            line = len(_LINES.findall(text, 0, unseen.start())) + 1
            raise self.refuse(line, "a control character stands here", f"the character {unseen[0]!r} cannot be seen", "remove it")
        lines = _LINES.split(text)
        while lines and not lines[-1].strip(" ,\t"):
            lines.pop()
        if len(lines) - 1 > MAX_ROWS:
            raise self.refuse(MAX_ROWS + 2, f"the cohort has {len(lines) - 1} rows", f"at most {MAX_ROWS} patients are read",
                              "split the cohort")
        long = next((number for number, line in enumerate(lines, 1) if len(line) > MAX_LINE), 0)
        if long:
            raise self.refuse(long, "a line is too long", f"a line has at most {MAX_LINE} characters",
                              "look for a quote that does not close")
        if not lines:
            raise self.refuse(1, "the file is empty", "a cohort has a line of column names and a line for each patient",
                              f"begin with: {','.join(NAMES)}")
        return lines

    def header(self, lines: list[str]) -> list[str]:
        """Names of the columns, in their order. Raises when they cannot be used."""
        names = [name.strip() for name in next(self.records(lines[:1]))[1]]
        if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
            mark = next(mark for mark in ";\t|" if mark in names[0])
            raise self.refuse(1, f"the columns are separated by {mark!r}", "columns are separated by commas, decimals by a point",
                              "save the table as comma-separated values")
        for place, name in enumerate(names):
            near = meant(name)
            if name not in NAMES:
                told = f"the column number {place + 1} has no name" if not name else f"unknown column {shown(name)}"
                self.add(1, Problem(told, why="known columns: " + ", ".join(NAMES), near=near,
                                    fix="rename the column and give its unit" if near else "remove the column"))
            elif names.index(name) < place:
                self.add(1, Problem(f"the column '{name}' stands twice", why="each column is given once", fix="remove one"))
        for needed in ("id", *(column.name for column in COLUMNS if column.required)):
            if needed not in names:
                self.add(1, Problem(f"the column '{needed}' is missing", why="every patient needs it", near=next(
                    (name for name in names if name not in NAMES and meant(name) == needed), ""), fix=f"add or rename a column '{needed}'"))
        self.finish()
        return names

    def records(self, lines: list[str], first: int = 1) -> Iterator[tuple[int, list[str]]]:
        """Line number and cells of each record."""
        reader = csv.reader(lines, strict=True)
        line = first - 1
        while True:
            try:
                record = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                number = min(line + 1, first + len(lines) - 1)
                raise self.refuse(number, "the line is not comma-separated values", str(error)[:100],
                                  "mend the quotes on this line") from None
            begun, line = line + 1, first - 1 + reader.line_num
            if line > begun:
                raise self.refuse(begun, "a cell goes on in the next line", "a patient is one line", "mend the quotes on this line")
            yield begun, record

    def cells(self, lines: list[str], header: list[str]) -> list[list[str]]:
        """Cells of each column, and the lines they stand on."""
        columns: list[list[str]] = [[] for _ in header]
        for number, record in self.records(lines[1:], 2):
            if not record:
                continue
            if len(record) != len(header):
                self.add(number, Problem(f"the line has {len(record)} cells, not {len(header)}", why="a line has a cell for each column",
                                         fix="add the missing commas, or put text with commas in quotes"))
                continue
            self.numbers.append(number)
            for column, cell in zip(columns, record, strict=True):
                column.append(cell.strip())
        if not self.numbers and not self.count:
            raise self.refuse(1, "the cohort has no patient", "a cohort has a line for each patient", "add patients")
        return columns

    def columns(self, header: list[str], cells: list[list[str]]) -> dict[str, Floats]:
        """Values of each covariate, nan where a cell is empty."""
        self._ids(cells[header.index("id")])
        values: dict[str, Floats] = {}
        for column in COLUMNS:
            if column.name not in header:
                continue
            found, known = np.full(len(self.numbers), np.nan), dict.fromkeys(MISSING, np.nan)
            for place, cell in enumerate(cells[header.index(column.name)]):
                try:
                    value = known.get(cell)
                    if value is None:
                        value = known[cell] = column.read(cell)
                    if column.required and cell in MISSING:
                        raise Problem(f"column '{column.name}': the cell is empty", why="every patient needs it",
                                      fix="fill it, or leave the patient out")
                    found[place] = value
                except Problem as problem:
                    self.add(self.numbers[place], problem)
            values[column.covariate] = found
            self._fractions(column.name, column.unit, found / column.scale)
        self._contradictions(values)
        return values

    def _ids(self, ids: list[str]) -> None:
        seen: dict[str, int] = {}
        for number, cell in zip(self.numbers, ids, strict=True):
            try:
                read_id(cell)
                if cell in seen:
                    raise Problem(f"column 'id': {shown(cell)} stands on line {seen[cell]} too", why="each patient is one line",
                                  fix="rename or remove one")
                seen[cell] = number
            except Problem as problem:
                self.add(number, problem)

    def _fractions(self, name: str, unit: str, found: Floats) -> None:
        """A column of percent that holds fractions, or marks of yes and no."""
        if unit == "%" and np.isfinite(found).any() and np.nanmax(found) <= 1.0 and np.nanmax(found) > 0.0:
            place = int(np.nanargmax(found))
            self.add(self.numbers[place], Problem(f"column '{name}': no value is above 1", why="the column holds percent, from 0 to 100",
                                                  near=f"{100 * found[place]:g}", fix="multiply fractions by 100"))

    def _contradictions(self, values: dict[str, Floats]) -> None:
        """What excludes each other; and what follows: with one lesion known, the others that are not known are absent."""
        if any(name in values for name in LESIONS):
            values.update({name: np.full(len(self.numbers), np.nan) for name in LESIONS if name not in values})
        lesions = [values[name] for name in ("ph", *LESIONS) if name in values]
        if "ph" in values and "ph_like" in values:
            for place in np.flatnonzero((values["ph"] == 1) & (values["ph_like"] == 1)):
                self.add(self.numbers[place], Problem("column 'ph_like': yes, although ph is positive",
                                                      why="Ph-like leukaemia is without BCR::ABL1", fix="correct one of them"))
        has = np.zeros(len(self.numbers), bool)
        for lesion in lesions:
            has |= lesion == 1
        for lesion in (values[name] for name in LESIONS if name in values):
            lesion[has & np.isnan(lesion)] = 0.0
        relapsed = values.get("relapsed")
        if relapsed is not None and len(relapsed):
            relapsed[np.isnan(relapsed)] = 0.0
            other = np.flatnonzero(relapsed != relapsed[0])
            if len(other):
                self.add(self.numbers[int(other[0])], Problem(
                    "column 'relapsed': newly diagnosed and relapsed patients stand in one cohort",
                    why="a cohort is of one kind", fix="make two files, and simulate each"))
