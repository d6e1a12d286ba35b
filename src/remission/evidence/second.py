"""The second transcription of the review's tables, compared by machine with the record.

The review's Tables 1A, 1B and 2 were transcribed twice, the second time from the review's own text and without sight of the
first. `catalog/second/review-tables.yaml` holds the second transcription; the record holds the first, as rows of the trials
that cite a cell (`Table 1B, CR rate`) as their source. For every cell:

- `agree`: both transcriptions say the same number, time, subgroup and printed words (a subgroup that only the review's text
  names may stand in the record, and ages count between the youngest and the oldest patient that the table prints);
- `explained`: the record keeps the number but reads it otherwise (another arm, endpoint or subgroup), and a recorded conflict
  that quotes the cell says why;
- `differ` or `missing`: an error of one of the two, to be mended.

    agreement().different      # () when nothing is left to mend
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import Field, model_validator

from remission.base import catalog, files
from remission.base.errors import Problem
from remission.base.files import Model
from remission.evidence.check import Finding
from remission.evidence.dates import Published
from remission.evidence.library import load_trial
from remission.evidence.model import Baseline, Cite, Conflict, Id, Result, TrialEvidence
from remission.protocol import Condition
from remission.protocol.conditions import Compare, Term

Table = Literal["1A", "1B", "2"]
Outcome = Literal["agree", "explained", "differ", "missing"]
What = Literal[
    "patients", "age median", "age low", "age high", "CRS3+", "NT3+", "CR", "MRD-", "induction death",
    "OS", "OS median", "DFS", "EFS", "RFS", "CRD",
]  # fmt: skip
OUTCOMES: tuple[Outcome, ...] = ("agree", "explained", "differ", "missing")
"""From best to worst: a cell is as good as its worst value."""

PLACES = {
    "Number of patients": "number of patients",
    "Median age (range)": "median age",
    "Grade ≥3 CRS": "grade >=3 CRS",
    "Grade ≥3 neurotoxicity": "grade >=3 neurotoxicity",
    "CR rate": "CR rate",
    "MRD negative rate of evaluable patients": "MRD negative rate",
    "Induction death": "induction death",
    "OS": "OS",
    "EFS/RFS/DFS": "EFS/RFS/DFS",
}
"""Columns of the tables as printed, and as the record cites them."""

STUDIES: dict[tuple[str, str], tuple[str, tuple[str, ...]]] = {
    ("1A", "GIMEMA LAL2317"): ("lal2317", ("main",)),
    ("1A", "GRAALL-2014"): ("graall-2014", ("main",)),
    ("1A", "ALLG ALL08 Study"): ("all08", ("main",)),
    ("1A", "MDACC, Jabbour et al. (Blina cohort)"): ("mdacc-hcvad-blina", ("main",)),
    ("1A", "MDACC, Short et al. (Blina + Ino cohort)"): ("mdacc-hcvad-blina-ino", ("main",)),
    ("1A", "ECOG-1910"): ("e1910", ("enrolled", "blinatumomab", "chemotherapy")),
    ("1B", "SWOG 1318"): ("s1318", ("main",)),
    ("1B", "MDACC, Kantarjian et al."): ("mdacc-mini-hcvd-ino-blina", ("main",)),
    ("1B", "GMALL Bold Trial"): ("gmall-bold", ("main",)),
    ("1B", "ALLIANCE A041703 Study"): ("a041703", ("main",)),
    ("1B", "Golden Gate Study"): ("golden-gate", ("blinatumomab",)),
    ("2", "LAL2116 (D-ALBA) trial"): ("d-alba", ("main",)),
    ("2", "Advani et al."): ("s1318-ph", ("main",)),
    ("2", "MDACC, Jabbour et al."): ("mdacc-pona-blina", ("main",)),
}
"""Rows of the tables: the trial, and the arms that the row describes."""

_FAMILIES = ({"EFS", "RFS", "DFS", "CRD"}, {"MRD-", "MR", "CMR"})
_NUMBER = re.compile(r"(?<![\d.])\d+(?:\.\d+)?")
_OLDEST = 120


class Value(Model):
    """One number of a cell: a fraction, a count of patients, years of age or months; null where the cell prints NA or nothing."""

    what: What
    value: float | None
    months: float | None = None
    at: str | None = None
    where: Condition | None = None
    note: str | None = None

    @property
    def printed(self) -> str:
        """The number as the table prints it, without its unit: '90.4', '37'."""
        if self.value is None:
            return "NA"
        plain = self.what in ("patients", "age median", "age low", "age high", "OS median")
        return f"{self.value if plain else 100 * self.value:.10g}"


class Cell(Model):
    """One cell of a table: its text, and the numbers read from it."""

    table: Table
    row: str
    column: str
    printed: str
    values: Annotated[tuple[Value, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _known(self) -> Cell:
        if (self.table, self.row) not in STUDIES:
            raise Problem(f"Table {self.table} has no row '{self.row[:60]}'", fix="write the study's name as printed")
        if self.column not in PLACES:
            raise Problem(f"the tables have no column '{self.column[:60]}'", fix="write the column's header as printed")
        numbers = _NUMBER.findall(self.printed)
        for value in self.values:
            if value.value is not None and value.printed not in numbers:
                raise Problem(f"the cell does not print {value.printed}", why=f"it prints '{self.printed[:80]}'", fix="correct the value")
        return self

    @property
    def place(self) -> str:
        """The cell's place as the record cites it: 'Table 1B, CR rate'."""
        return f"Table {self.table}, {PLACES[self.column]}"


class SecondTables(Model):
    """The second transcription of all result cells."""

    id: Id
    source: Id
    read: Published
    cells: tuple[Cell, ...]

    def cell(self, table: str, row: str, column: str) -> Cell:
        """One cell. Raises KeyError when it was not transcribed."""
        return next(cell for cell in self.cells if (cell.table, cell.row, cell.column) == (table, row, column))


@dataclass(frozen=True)
class Claim:
    """What the record says that a cell prints; `id` is the row's, empty for a baseline item (those have none)."""

    what: str
    value: float | None
    arm: str
    id: str = ""
    months: float | None = None
    where: Condition | None = None
    subgroup: str | None = None
    printed: str | None = None
    in_text: bool = False


@dataclass(frozen=True)
class CellAgreement:
    """How the two transcriptions of one cell compare, with reasons, and the conflicts that explain differences."""

    table: str
    row: str
    column: str
    trial: str
    outcome: Outcome
    values: tuple[Outcome, ...]
    reasons: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"Table {self.table}, {self.row}, {self.column}: {self.outcome}" + "".join(f"; {reason}" for reason in self.reasons)


@dataclass(frozen=True)
class TablesAgreement:
    """How the two transcriptions of the tables compare, cell by cell."""

    cells: tuple[CellAgreement, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Number of cells by outcome."""
        found = Counter(cell.outcome for cell in self.cells)
        return {outcome: found[outcome] for outcome in OUTCOMES}

    @property
    def value_counts(self) -> dict[str, int]:
        """Number of values by outcome; a cell holds one or more."""
        found = Counter(outcome for cell in self.cells for outcome in cell.values)
        return {outcome: found[outcome] for outcome in OUTCOMES}

    @property
    def share(self) -> float:
        """Share of cells on which the transcriptions agree without an explanation, from 0 to 1."""
        return self.counts["agree"] / len(self.cells)

    @property
    def different(self) -> tuple[CellAgreement, ...]:
        """The cells that are left to mend."""
        return tuple(cell for cell in self.cells if cell.outcome in ("differ", "missing"))

    def __str__(self) -> str:
        counts, values = self.counts, sum(self.value_counts.values())
        return (f"{len(self.cells)} cells with {values} values: {counts['agree']} cells agree ({self.share:.1%}), "
                f"{counts['explained']} differ and are explained by a recorded conflict, {counts['differ']} differ, "
                f"{counts['missing']} are missing from the record")  # fmt: skip


@lru_cache(maxsize=1)
def second_tables() -> SecondTables:
    """The second transcription of the review's tables. Raises InvalidFile with file and line."""
    return files.parse(files.read(_path()), SecondTables)


def _path() -> str:
    return str(catalog.root() / "second" / "review-tables.yaml")


def agreement(tables: SecondTables | None = None) -> TablesAgreement:
    """Compare the second transcription with the record, cell by cell."""
    tables = tables or second_tables()
    return TablesAgreement(tuple(compare_cell(cell, tables, load_trial(STUDIES[cell.table, cell.row][0])) for cell in tables.cells))


def check_second() -> tuple[Finding, ...]:
    """Cells of the second transcription that the record neither repeats nor explains."""
    document = files.read(_path())
    tables = files.parse(document, SecondTables)
    return tuple(
        Finding(document.path, document.line(("cells", index)), "second transcription", str(result),
                f"read the cell again; correct trials/{result.trial}.yaml or this file, or record a conflict that quotes the cell")
        for index, result in enumerate(agreement(tables).cells) if result.outcome in ("differ", "missing")
    )  # fmt: skip


def claims(trial: TrialEvidence, source: str, place: str) -> tuple[Claim, ...]:
    """What the record says of one place of the review."""
    found: list[Claim] = []
    for result in trial.results:
        cites = (result.source, *result.also)
        in_text = any(cite.ref == source and cite.at.startswith("text") for cite in cites)
        found += [_of_result(result, cite, in_text) for cite in cites if (cite.ref, cite.at) == (source, place)]
    for item in trial.baseline:
        for cite in (item.source, *item.also):
            if (cite.ref, cite.at) == (source, place):
                found += _of_baseline(item, cite)
    return tuple(found)


def _of_result(result: Result, cite: Cite, in_text: bool) -> Claim:
    return Claim(
        what=f"{result.endpoint} median" if result.measure == "median months" else result.endpoint,
        value=None if cite.printed == "NA" else result.value,
        arm=result.arm,
        id=result.id,
        months=None if cite.printed == "NA" else result.months,
        where=None if cite.printed == "NA" else result.where,
        subgroup=None if cite.printed == "NA" else result.subgroup,
        printed=cite.printed,
        in_text=in_text,
    )


def _of_baseline(item: Baseline, cite: Cite) -> list[Claim]:
    if item.item != "age":
        return [Claim(item.item, item.value, item.arm, printed=cite.printed)]
    limits = None if cite.printed is not None and "(NA)" in cite.printed else item.range or item.iqr
    named = "age" if limits is None or item.range is not None else "age quartile"
    low, high = limits or (None, None)
    return [Claim("age median", item.median, item.arm, printed=cite.printed),
            Claim(f"{named} low", low, item.arm, printed=cite.printed),
            Claim(f"{named} high", high, item.arm, printed=cite.printed)]  # fmt: skip


def compare_cell(cell: Cell, tables: SecondTables, trial: TrialEvidence) -> CellAgreement:
    """Compare one cell with what the record says of it."""
    left = list(claims(trial, tables.source, cell.place))
    comparison = _Comparison(cell, tables, trial)
    for value in cell.values:
        claim = _partner(value, left)
        if claim is not None:
            left.remove(claim)
        comparison.add(value, claim)
    for claim in left:
        if claim.value is not None or all(value.value is not None for value in cell.values):
            comparison.leftover(claim)
    worst = max(comparison.outcomes, key=OUTCOMES.index)
    return CellAgreement(cell.table, cell.row, cell.column, trial.id, worst, tuple(comparison.outcomes), tuple(comparison.reasons),
                         tuple(dict.fromkeys(comparison.conflicts)))  # fmt: skip


def _partner(value: Value, left: list[Claim]) -> Claim | None:
    """The claim most like a value: the same number first, then the same time, endpoint and subgroup."""
    def likeness(claim: Claim) -> tuple[bool, ...]:
        return (claim.value == value.value, claim.what == value.what, claim.months == value.months, str(claim.where) == str(value.where))

    return max(left, key=likeness, default=None)


@dataclass
class _Comparison:
    """Outcomes of the values of one cell so far."""

    cell: Cell
    tables: SecondTables
    trial: TrialEvidence
    outcomes: list[Outcome] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)

    def add(self, value: Value, claim: Claim | None) -> None:
        if claim is None:
            self.settle([], [f"the record has nothing for {value.what} {value.printed}"], value, claim)
        else:
            self.settle(self.slips(value, claim), self.readings(value, claim), value, claim)

    def settle(self, slips: list[str], readings: list[str], value: Value, claim: Claim | None) -> None:
        """Slips are never excused; another reading of the same number is, by a conflict that quotes the cell."""
        if not slips and not readings:
            self.outcomes.append("agree")
            return
        explaining = [conflict.id for conflict in self.trial.conflicts if self.explains(conflict, value, claim)] if readings else []
        self.outcomes.append("missing" if claim is None and not explaining else "differ" if slips or not explaining else "explained")
        because = f" (conflict {', '.join(explaining)})" if explaining else ""
        self.reasons += [*slips, *(reading + because for reading in readings)]
        self.conflicts += explaining

    def leftover(self, claim: Claim) -> None:
        self.outcomes.append("differ")
        self.reasons.append(f"the record's row '{claim.id or claim.what}' cites the cell, but the cell does not say so")

    def slips(self, value: Value, claim: Claim) -> list[str]:
        """Differences in the number, its time and the printed words."""
        found = []
        if claim.value != value.value:
            found.append(f"{value.what}: the record has {_shown(claim.value)}, the cell prints {value.printed}")
        if value.value is not None and claim.months != value.months:
            found.append(f"the record has it at {_shown(claim.months)} months, the cell at {_shown(value.months)}")
        if value.at is not None and _plain(value.at) not in _plain(claim.printed or ""):
            found.append(f"the cell says '{value.at}', which the record does not quote")
        if _plain(claim.printed or "") not in _plain(self.cell.printed):
            found.append(f"the record quotes '{claim.printed}', the cell prints '{self.cell.printed}'")
        return found

    def readings(self, value: Value, claim: Claim) -> list[str]:
        """Differences in what the number counts, and of whom."""
        found = []
        if claim.what != value.what and not (value.value is None and any({claim.what, value.what} <= family for family in _FAMILIES)):
            found.append(f"the record counts it as {claim.what}, the cell as {value.what}")
        if claim.arm not in STUDIES[self.cell.table, self.cell.row][1]:
            found.append(f"the record gives it to the arm {claim.arm}")
        if value.value is not None:
            in_text = claim.in_text and value.where is None and not _ages_of(claim.where)  # the text says of whom the number is
            if not in_text and not _same_ages(value.where, claim.where, self.ages()):
                found.append(f"the record has it for {claim.where or 'all'}, the cell for {value.where or 'all'}")
            if claim.subgroup is not None:
                found.append(f"the record has it for a subgroup: {claim.subgroup}")
        return found

    def ages(self) -> range:
        """Whole years between the youngest and the oldest patient of the row, as printed."""
        ages = self.tables.cell(self.cell.table, self.cell.row, "Median age (range)").values
        known = {value.what: value.value for value in ages if value.value is not None}
        return range(int(known.get("age low", 0)), int(known.get("age high", _OLDEST)) + 1)

    def explains(self, conflict: Conflict, value: Value, claim: Claim | None) -> bool:
        """Whether a conflict is about this row and quotes this cell with its number."""
        named = claim is not None and claim.id in conflict.values
        for reading in conflict.readings:
            if reading.source.ref != self.tables.source:
                continue
            here = reading.source.at == self.cell.place
            in_row = named and reading.source.at == f"Table {self.cell.table}"
            baseline = claim is not None and not claim.id
            quoted = value.printed in _NUMBER.findall(reading.says) or (value.value is None and "NA" in reading.says)
            if quoted and (in_row or (here and (named or baseline or claim is None))):
                return True
        return False


def _shown(number: float | None) -> str:
    return "nothing" if number is None else f"{number:.10g}"


def _plain(text: str) -> str:
    """Printed text without the accidents of typing: signs, dashes and spaces."""
    return " ".join(text.replace("≥", ">=").replace("–", "-").split())


def _ages_of(condition: Condition | None) -> bool:
    """Whether a condition is about age alone."""
    return condition is not None and all(item.name == "age" for item in condition.compares())


def _same_ages(first: Condition | None, second: Condition | None, ages: range) -> bool:
    """Whether two subgroups hold the same ages among those of the trial; other conditions must be equal as text."""
    if any(condition is not None and not _ages_of(condition) for condition in (first, second)):
        return str(first) == str(second)
    return all((first is None or _holds(first.term, age)) == (second is None or _holds(second.term, age)) for age in ages)


def _holds(term: Term, age: int) -> bool:
    if not isinstance(term, Compare):
        return (all if term.word == "and" else any)(_holds(item, age) for item in term.items)
    value = float(term.value)
    return {"<": age < value, "<=": age <= value, ">": age > value, ">=": age >= value, "=": age == value, "!=": age != value}[term.op]
