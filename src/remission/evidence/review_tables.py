"""The review's Table 1 (A and B) and Table 2, rebuilt from the catalog's rows.

A row fills the cell that its citation of the review names, e.g. `Table 1B, CR rate`. A value that only the review's table
gives, and that a conflict sets aside, yields to the rows that the conflict names for the same column. Every cell keeps what
the review's table prints, and the conflicts that touch it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from remission.base.errors import UsageError, nearest
from remission.evidence.library import sources, trials
from remission.evidence.model import Baseline, Cite, Conflict, Result, TrialEvidence
from remission.protocol import Design

REVIEW = "pourhassan-2023"


@dataclass(frozen=True)
class Column:
    """A column of the review's tables: its name in place strings, its heading, and what can stand in it."""

    key: str
    heading: str
    endpoints: tuple[str, ...] = ()
    item: str | None = None


COLUMNS = (
    Column("number of patients", "Patients", item="patients"),
    Column("median age", "Median age, years (range)", item="age"),
    Column("grade >=3 CRS", "CRS grade ≥3", ("CRS3+",)),
    Column("grade >=3 neurotoxicity", "Neurotoxicity grade ≥3", ("NT3+",)),
    Column("CR rate", "Complete remission", ("CR",)),
    Column("MRD negative rate", "MRD-negative, of evaluable patients", ("MRD-", "MR", "CMR")),
    Column("induction death", "Induction death", ("induction death",)),
    Column("OS", "Overall survival", ("OS",)),
    Column("EFS/RFS/DFS", "Event-, relapse- or disease-free survival", ("EFS", "DFS", "RFS", "CRD")),
)
KEYS = tuple(column.key for column in COLUMNS)

TABLES = {
    "table1": (
        "Blinatumomab studies in the frontline treatment of Ph-negative acute lymphoblastic leukaemia",
        {"1A": "A. Younger adults", "1B": "B. Older adults"},
    ),
    "table2": ("Blinatumomab studies in the frontline treatment of Ph-positive acute lymphoblastic leukaemia", {"2": ""}),
}
ORDER = {
    "1A": ("lal2317", "graall-2014", "all08", "mdacc-hcvad-blina", "mdacc-hcvad-blina-ino", "e1910"),
    "1B": ("s1318", "mdacc-mini-hcvd-ino-blina", "gmall-bold", "a041703", "golden-gate"),
    "2": ("d-alba", "s1318-ph", "mdacc-pona-blina"),
}
"""The order of the studies in print; a study that the catalog adds comes after them."""

_PLACE = re.compile(r"Table (?P<table>1A|1B|2)(?:, (?P<column>[^,]+))?(?:, row (?P<row>.+))?")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")


@dataclass(frozen=True)
class Place:
    """A cell of the review's tables; without a column the whole row, with `row` a cell in another study's row."""

    table: str
    column: str | None
    row: str | None


@dataclass(frozen=True)
class Entry:
    """One published number in a cell: a fraction (0 to 1), a count, a median in years or months, or nothing."""

    kind: str
    id: str
    arm: str
    endpoint: str
    measure: str
    value: float | None
    numerator: int | None
    n: int | None
    low: float | None
    high: float | None
    spread: str
    months: float | None
    assessment: str | None
    where: str | None
    subgroup: str | None
    status: str
    note: str | None
    source: str
    place: str
    also: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Cell:
    """What stands in a cell; `printed` is what the review's table has there ("": nothing), `differs` whether that is other."""

    column: str
    entries: tuple[Entry, ...]
    printed: tuple[str, ...]
    differs: bool
    conflicts: tuple[str, ...]


@dataclass(frozen=True)
class Study:
    """One row: a study, how blinatumomab is given in its arms, and its cells in the order of COLUMNS."""

    trial: str
    title: str
    registry: str | None
    arms: tuple[tuple[str, str], ...]
    source: str
    place: str
    conflicts: tuple[str, ...]
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class ReviewTable:
    """A table of the review: parts (A, B) of studies, with every conflict and source that they name."""

    name: str
    title: str
    columns: tuple[tuple[str, str], ...]
    parts: tuple[tuple[str, tuple[Study, ...]], ...]
    conflicts: dict[str, dict[str, Any]]
    sources: dict[str, dict[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """The table as plain data, with stable keys."""
        return asdict(self)


def place_of(text: str) -> Place | None:
    """Where a place string points to in the review's tables; None elsewhere (in its text, or in a column it does not have).

    >>> place_of("Table 1B, CR rate")
    Place(table='1B', column='CR rate', row=None)
    """
    match = _PLACE.fullmatch(text)
    if match is None or match["column"] not in (None, *KEYS):
        return None
    return Place(match["table"], match["column"], match["row"])


def review_table(name: str) -> ReviewTable:
    """`table1` or `table2`, rebuilt. Raises UsageError for another name."""
    if name not in TABLES:
        raise UsageError(
            f"unknown table '{name[:40]}'",
            where="remission evidence",
            why="the review has table1 and table2",
            near=nearest(name, TABLES),
            fix="choose one of them",
        )
    title, parts = TABLES[name]
    everything = trials()
    built = tuple(
        (heading, tuple(_study(everything[identifier], table) for identifier in _studies(table, everything.values())))
        for table, heading in parts.items()
    )
    studies = [study for _, members in built for study in members]
    named = dict.fromkeys(key for study in studies for key in study.conflicts)
    named.update(dict.fromkeys(key for study in studies for cell in study.cells for key in cell.conflicts))
    conflicts = {key: _told(everything, key) for key in named}
    cited = [study.source for study in studies]
    cited += [e.source for study in studies for cell in study.cells for e in cell.entries]
    cited += [ref for study in studies for cell in study.cells for e in cell.entries for ref, _ in e.also]
    cited += [reading["source"] for conflict in conflicts.values() for reading in conflict["readings"]]
    return ReviewTable(
        name=name,
        title=title,
        columns=tuple((column.key, column.heading) for column in COLUMNS),
        parts=built,
        conflicts=conflicts,
        sources={ref: sources()[ref].model_dump(mode="json") for ref in dict.fromkeys([*cited, REVIEW])},
    )


def _studies(table: str, everything: Iterable[TrialEvidence]) -> list[str]:
    """Trials with a row in a table: those with a result or baseline printed in one of its cells."""
    found = [
        trial.id
        for trial in everything
        if any(here.table == table and here.column for item in _items(trial) for here, _ in _places(item))
    ]
    return sorted(found, key=lambda one: (ORDER[table].index(one) if one in ORDER[table] else len(ORDER[table]), one))


def _items(trial: TrialEvidence) -> tuple[Result | Baseline, ...]:
    return (*trial.baseline, *trial.results)


def _places(item: Result | Baseline) -> Iterator[tuple[Place, Cite]]:
    for cite in (item.source, *item.also):
        here = place_of(cite.at) if cite.ref == REVIEW else None
        if here is not None:
            yield here, cite


def _study(trial: TrialEvidence, table: str) -> Study:
    cells = tuple(_cell(trial, table, column) for column in COLUMNS)
    used = dict.fromkeys(entry.arm for cell in cells for entry in cell.entries)
    arms = [(name, arm.title or name) for name, arm in trial.design.arms.items() if name in used]
    source, place = _design_source(trial.design)
    whole = [
        f"{trial.id}/{conflict.id}"
        for conflict in trial.conflicts
        if any(here.column is None for here in _readings(conflict) if here.table == table)
    ]
    return Study(trial.id, trial.title, trial.registry, tuple(arms), source, place, tuple(whole), cells)


def _design_source(design: Design) -> tuple[str, str]:
    if design.source is not None:
        return design.source.ref, design.source.at
    return REVIEW, "text"


def _cell(trial: TrialEvidence, table: str, column: Column) -> Cell:
    """The cell of one study and column: which rows the review's place names, and which of them hold."""
    cited = [
        (item, cite, here.row is None)
        for item in _items(trial)
        for here, cite in _places(item)
        if (here.table, here.column) == (table, column.key)
    ]
    shown: list[Result | Baseline] = []
    for item, _, _ in cited:
        for one in _holding(trial, column, item):
            if one not in shown:
                shown.append(one)
    for conflict in trial.conflicts:  # a value of this study that the table prints in another study's row
        if any((here.table, here.column) == (table, column.key) and here.row for here in _readings(conflict)):
            shown += [trial.result(one) for one in conflict.values if trial.result(one) not in shown]
    entries = tuple(_entry(column, item) for item in shown)
    printed = tuple(dict.fromkeys(_printed(item, cite) for item, cite, own_row in cited if own_row))
    differs = any(item not in shown or _withdrawn(item) or not _agrees(item, cite.printed) for item, cite, _ in cited)
    return Cell(column.key, entries, printed, differs, _touching(trial, table, column, [*shown, *(i for i, _, _ in cited)]))


def _holding(trial: TrialEvidence, column: Column, item: Result | Baseline) -> Sequence[Result | Baseline]:
    """The row itself, or the rows that stand in its place when it was set aside."""
    if isinstance(item, Baseline):
        alike = [other for other in trial.baseline if other.item == column.item and other.arm == item.arm]
        if item.item == column.item:  # a disputed one yields to one that is not
            alike = [other for other in alike if item.status == "disputed" and other.status == "reported"]
        return alike or [item]
    if not _set_aside(item):
        return [item]
    others = [trial.result(name) for conflict in trial.conflicts_of(item.id) for name in conflict.values]
    others = [
        other
        for other in others
        if other.id != item.id
        and other.endpoint in column.endpoints
        and (other.value is not None or other.status == "not reached")
        and not _set_aside(other)
    ]
    others = [other for other in others if other.arm == item.arm] or others
    others = [other for other in others if other.role != "context"] or others
    return others or [item]


def _set_aside(result: Result) -> bool:
    """True for what the review's table alone says, and says wrongly or not at all."""
    alone = result.source.ref == REVIEW and place_of(result.source.at) is not None
    return alone and (result.status == "not reported" or (result.status == "disputed" and result.role == "context"))


def _withdrawn(item: Result | Baseline) -> bool:
    """True for a number that was set aside."""
    return isinstance(item, Result) and _set_aside(item) and item.value is not None


def _entry(column: Column, item: Result | Baseline) -> Entry:
    also = tuple((cite.ref, cite.at) for cite in item.also)
    where = None if item.where is None else str(item.where)
    if isinstance(item, Baseline):
        low, high = item.range or item.iqr or (None, None)
        spread = "range" if item.range else "interquartile range" if item.iqr else ""
        value = item.median if column.item == "age" else item.value
        return Entry(
            kind="baseline", id=item.item, arm=item.arm, endpoint=item.item, measure=item.unit or "count", value=value,
            numerator=item.numerator, n=item.n, low=low, high=high, spread=spread, months=None, assessment=None, where=where,
            subgroup=None, status=item.status, note=item.note, source=item.source.ref, place=item.source.at, also=also,
        )
    gone = _set_aside(item)
    return Entry(
        kind="result", id=item.id, arm=item.arm, endpoint=item.endpoint, measure=item.measure,
        value=None if gone else item.value, numerator=item.numerator, n=item.n, low=item.lo95, high=item.hi95,
        spread="95 % interval" if item.lo95 is not None else "", months=item.months, assessment=item.assessment, where=where,
        subgroup=item.subgroup, status="not reported" if gone else item.status, note=item.note, source=item.source.ref,
        place=item.source.at, also=also,
    )


def _printed(item: Result | Baseline, cite: Cite) -> str:
    """What the review's table prints for a row: as transcribed, or the row's own value."""
    if cite.printed is not None:
        return cite.printed
    if isinstance(item, Baseline):
        if item.median is not None and item.range is not None:
            return f"{item.median:g} ({item.range[0]:g}–{item.range[1]:g})"
        return "" if item.value is None else f"{item.value:g}"
    if item.value is None:
        return ""
    said = [str(item.where)] if item.where else []
    said += [f"{item.months:g} months"] if item.months else []
    number = f"{percent(item.value)}%" if item.measure == "fraction" else f"{item.value:g}"
    return f"{number} ({'; '.join(said)})" if said else number


def _agrees(item: Result | Baseline, printed: str | None) -> bool:
    """Whether the printed text holds the row's own number (and range), in whatever words."""
    if printed is None:
        return True
    numbers = {Decimal(found) for found in _NUMBER.findall(printed)}
    wanted: list[float | None]
    if isinstance(item, Baseline):
        wanted = [item.median if item.median is not None else item.value, *(item.range or item.iqr or ())]
        return all(_decimal(one) in numbers for one in wanted if one is not None)
    if item.status == "not reached":
        return "not reached" in printed.lower()
    if item.value is None:
        return not numbers
    value = Decimal(percent(item.value)) if item.measure == "fraction" else _decimal(item.value)
    return value in numbers


def percent(fraction: float) -> str:
    """A fraction in per cent with the decimals that were published.

    >>> percent(0.6865), percent(0.9), percent(1.0)
    ('68.65', '90', '100')
    """
    number = (100 * _decimal(fraction)).normalize()
    return f"{number:f}"


def _decimal(number: float) -> Decimal:
    try:
        return Decimal(repr(float(number)))
    except InvalidOperation:  # pragma: no cover - the model keeps such numbers out
        return Decimal("NaN")


def _readings(conflict: Conflict) -> list[Place]:
    found = [place_of(reading.source.at) for reading in conflict.readings if reading.source.ref == REVIEW]
    return [here for here in found if here is not None]


def _touching(trial: TrialEvidence, table: str, column: Column, items: Iterable[Result | Baseline]) -> tuple[str, ...]:
    """Conflicts that name a row of the cell or whose readings quote the cell, also from another study's file."""
    named = {item.id for item in items if isinstance(item, Result)}
    ranked: list[tuple[int, str]] = []  # those that quote the cell first, then those that quote its row
    for conflict in trial.conflicts:
        quoted = [here.column for here in _readings(conflict) if here.table == table]
        if column.key in quoted or named & set(conflict.values):
            ranked.append((0 if column.key in quoted else 1 if None in quoted else 2, f"{trial.id}/{conflict.id}"))
    found = [key for _, key in sorted(ranked, key=lambda one: one[0])]
    for other in trials().values():
        for conflict in other.conflicts:
            for here in _readings(conflict):
                elsewhere = here.row is not None and trial.id in here.row.lower()
                if elsewhere and (here.table, here.column) == (table, column.key):
                    found.append(f"{other.id}/{conflict.id}")
    return tuple(dict.fromkeys(found))


def _told(everything: dict[str, TrialEvidence], key: str) -> dict[str, Any]:
    trial, _, name = key.partition("/")
    conflict = next(conflict for conflict in everything[trial].conflicts if conflict.id == name)
    return told(trial, conflict)


def told(trial: str, conflict: Conflict) -> dict[str, Any]:
    """A conflict as plain data with stable keys; `between` says who disagrees with whom."""
    refs = [reading.source.ref for reading in conflict.readings]
    itself = refs.count(REVIEW) > 1
    between = "the review and itself" if itself else "the review and a source" if REVIEW in refs else "sources"
    return {
        "trial": trial,
        "id": conflict.id,
        "about": conflict.about,
        "between": between,
        "readings": [{"says": r.says, "source": r.source.ref, "place": r.source.at} for r in conflict.readings],
        "resolution": conflict.resolution,
        "reason": conflict.reason,
        "values": list(conflict.values),
    }
