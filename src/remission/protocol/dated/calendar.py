"""A regimen on the dates of one patient: absolute doses, infusions with their bags, hospital days, assessments.

Pure values: `dated_plan` reads no clock and no file but the catalog, so the same question always has the same answer.
Nothing is dropped silently: what could not be decided, was left out, or was assumed is listed with its reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Literal

from remission.protocol.dated.facts import Person

RESEARCH_USE = "Research software: not for decisions about a patient."
Status = Literal["planned", "undecided"]


@dataclass(frozen=True)
class Dose:
    """One drug on one day: `amount` of `unit`, `per_day` times, each over `over_h` hours (None: at once, or unknown)."""

    order: str
    day: int
    date: date
    drug: str
    amount: float
    unit: str
    per_day: int
    route: str
    over_h: float | None
    phase: str
    day_in_phase: int
    cycle: int
    published: str
    cap: str | None
    capped: bool
    status: Status
    condition: str | None
    reason: str
    source: str

    @property
    def total(self) -> float:
        """The day's amount."""
        return self.amount * self.per_day


@dataclass(frozen=True)
class Infusion:
    """A continuous infusion at one rate, `rate` of `unit` a day, from `first_day` to `last_day` inclusive."""

    order: str
    first_day: int
    last_day: int
    start: date
    end: date
    drug: str
    rate: float
    unit: str
    phase: str
    day_in_phase: int
    cycle: int
    published: str
    cap: str | None
    capped: bool
    status: Status
    condition: str | None
    reason: str
    source: str

    @property
    def days(self) -> int:
        """Length in days."""
        return self.last_day - self.first_day + 1

    @property
    def total(self) -> float:
        """The whole infusion's amount."""
        return self.rate * self.days


@dataclass(frozen=True)
class Bag:
    """A pump bag that is hung on `date` and runs for `hours`: bag `number` of `of` of its infusion."""

    order: str
    day: int
    date: date
    drug: str
    number: int
    of: int
    hours: int
    amount: float
    unit: str
    phase: str
    day_in_phase: int
    status: Status
    source: str


@dataclass(frozen=True)
class Stay:
    """Days at the start of an infusion: in hospital, or under supervision."""

    kind: Literal["hospital", "supervised start"]
    first_day: int
    last_day: int
    start: date
    end: date
    drug: str
    cycle: int
    phase: str
    day_in_phase: int
    status: Status
    why: str
    source: str


@dataclass(frozen=True)
class Measurement:
    """An assessment on its date."""

    day: int
    date: date
    name: str
    what: str
    assay: str | None
    limit: float | None
    phase: str
    day_in_phase: int
    source: str


@dataclass(frozen=True)
class Stage:
    """A phase on its dates, with what follows it."""

    phase: str
    title: str
    purpose: str
    first_day: int
    last_day: int
    start: date
    end: date
    branches: tuple[str, ...]


@dataclass(frozen=True)
class Open:
    """Something that the facts given do not decide: what, when, under which condition, and what is missing."""

    kind: Literal["drug", "phase", "branch"]
    what: str
    phase: str
    condition: str
    reason: str
    start: date | None = None
    end: date | None = None


@dataclass(frozen=True)
class DatedPlan:
    """The whole calendar of one patient on one path."""

    regimen: str
    title: str
    start: date
    end: date
    person: Person
    path: str
    label: str
    bag_days: int
    bag_days_assumed: bool
    stages: tuple[Stage, ...]
    doses: tuple[Dose, ...]
    infusions: tuple[Infusion, ...]
    bags: tuple[Bag, ...]
    stays: tuple[Stay, ...]
    measurements: tuple[Measurement, ...]
    undecided: tuple[Open, ...]
    left_out: tuple[tuple[str, str], ...]
    assumptions: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def days(self) -> int:
        """Length in days."""
        return (self.end - self.start).days + 1

    def totals(self) -> dict[tuple[str, str], float]:
        """Planned amount of each drug over the whole calendar, by (drug, unit); undecided doses are not in it."""
        sums: dict[tuple[str, str], float] = {}
        items: list[Dose | Infusion] = [*self.doses, *self.infusions]
        for item in items:
            if item.status == "planned":
                sums[item.drug, item.unit] = sums.get((item.drug, item.unit), 0.0) + item.total
        return dict(sorted(sums.items()))

    def intrathecal(self) -> dict[date, tuple[Dose, ...]]:
        """Intrathecal doses by date."""
        doses = sorted((dose for dose in self.doses if dose.route == "it"), key=lambda dose: (dose.date, dose.drug))
        return {day: tuple(group) for day, group in groupby(doses, key=lambda dose: dose.date)}


def runs(doses: Iterable[Dose]) -> Iterator[tuple[Dose, ...]]:
    """The doses of one order on consecutive days, together."""
    ordered = sorted(doses, key=lambda dose: (dose.order, dose.day))
    current: list[Dose] = []
    for dose in ordered:
        if current and (dose.order, dose.day) != (current[-1].order, current[-1].day + 1):
            yield tuple(current)
            current = []
        current.append(dose)
    if current:
        yield tuple(current)


def number(value: float) -> str:
    """An amount as people write it: four figures, no exponent."""
    if value >= 100:
        return f"{value:.1f}".rstrip("0").rstrip(".")
    return f"{value:.4g}"


def per_day_words(per_day: int) -> str:
    """"once a day", "3 times a day"."""
    return {1: "once a day", 2: "twice a day"}.get(per_day, f"{per_day} times a day")


def date_of(start: date, day: int) -> date:
    """The date of a day of the plan; day 1 is the start."""
    return start + timedelta(days=day - 1)
