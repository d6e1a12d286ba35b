"""The protocol language as values: drugs, blocks, regimens and their phases.

The human model allows shorthand (shared blocks, repeats, day ranges, inherited sources); `resolve` turns it into the
machine model, which is the same type with every value written out, so a machine plan is valid human input.
"""

from __future__ import annotations

import itertools
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from remission.base.errors import Problem
from remission.base.files import Model
from remission.base.units import Quantity, quantity_of
from remission.protocol.conditions import Condition

Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Duration = Annotated[Quantity, quantity_of("time")]
Route = Literal["iv", "po", "sc", "im", "it", "civ"]
Chemotherapy = Literal["none", "prephase", "intensive induction", "intensive consolidation", "reduced induction",
                       "reduced consolidation", "maintenance"]
Purpose = Literal["prephase", "induction", "intensification", "consolidation", "maintenance", "transplant", "rest"]
DOSE_DIMENSIONS = ("mass", "mass per area", "mass per weight", "activity", "activity per area", "activity per weight",
                   "mass per time", "mass per area and time")
MAX_DAY = 3700
MAX_REPEAT = 60
MAX_PHASE_DOSES, MAX_DOSES, MAX_PLAN_DAYS = 7400, 20_000, 11_000  # dose days of a phase and of a plan; length of a plan
# Entries of one list: far above any regimen, and few enough to check at once.
MAX_PHASES, MAX_GIVEN, MAX_LISTED, MAX_BRANCHES, MAX_NOTES = 200, 30, 40, 12, 100


def _part(value: Quantity) -> Quantity:
    if not 0 < value.to("1") <= 1:
        raise Problem(f"'{value}' is no share of the patients", why="a share lies above 0 and up to 100 %", fix="write e.g. '20 %'")
    return value


def _length(value: Quantity) -> Quantity:
    if not 1 <= round(value.to("d")) <= MAX_DAY:
        raise Problem(f"a phase cannot last '{value}'", why=f"phases last 1 to {MAX_DAY} whole days", fix="write e.g. '28 d'")
    return value


def _infusion(value: Quantity) -> Quantity:
    if not 0 < value.to("d") <= 14:
        raise Problem(f"an infusion cannot last '{value}'", why="it lasts more than nothing and at most 14 days", fix="write e.g. '24 h'")
    return value


def _positive(value: Quantity) -> Quantity:
    if not value.value > 0:
        raise Problem(f"the dose '{value}' is not above zero", why="what is given is more than nothing",
                      fix="correct the dose, or remove the entry")
    return value


Share = Annotated[Quantity, quantity_of("fraction"), AfterValidator(_part)]
Length = Annotated[Duration, AfterValidator(_length)]
Infusion = Annotated[Duration, AfterValidator(_infusion)]


def _days(value: Any) -> tuple[int, ...]:
    """Days of a phase from `3`, `[1, 8]` or `"1-3, 8"`, sorted; a day named twice is a slip of the pen."""
    parts = value if isinstance(value, (list, tuple)) else [value]
    if not all(isinstance(item, (int, str)) and not isinstance(item, bool) for item in parts):
        raise Problem("days are numbers or text", why="days count from 1 within their phase", fix="write e.g. '1-3, 8'")
    ranges = sorted(_range(piece) for item in parts for piece in str(item).split(","))
    if not ranges:
        raise Problem("no day is given", why="a drug is given on days of its phase", fix="write e.g. '1-3, 8'")
    for before, after in itertools.pairwise(ranges):
        if after[0] <= before[1]:
            raise Problem(f"the day {after[0]} is given twice", why="each day of a phase is named once", fix="remove one of them")
    return tuple(day for first, last in ranges for day in range(first, last + 1))


def _range(piece: str) -> tuple[int, int]:
    match = re.fullmatch(r"\s*([0-9]{1,4})\s*(?:-\s*([0-9]{1,4}))?\s*", piece)
    if match is None:
        raise Problem(f"'{piece.strip()[:30]}' is not a day or a range of days", why="days count from 1 within their phase",
                      fix="write e.g. '1-3, 8'")
    first, last = int(match[1]), int(match[2] or match[1])
    if not 1 <= first <= last <= MAX_DAY:
        raise Problem(f"the days {piece.strip()[:30]} are out of order or range", why=f"days run from 1 to {MAX_DAY}",
                      fix="write the smaller day first")
    return first, last


Days = Annotated[tuple[int, ...], BeforeValidator(_days)]
Dose = Annotated[Quantity, quantity_of(*DOSE_DIMENSIONS), AfterValidator(_positive)]
TotalDose = Annotated[Quantity, quantity_of(*(name for name in DOSE_DIMENSIONS if "time" not in name)), AfterValidator(_positive)]
EffectShare = Annotated[float, Field(strict=True, gt=0, le=1)]


class Source(Model):
    """Where a value was published: a source id, and the place in it."""

    ref: Id
    at: str = ""


class Cited(Model):
    """Anything that has a source of its own, or is visibly an assumption; otherwise the nearest enclosing source holds."""

    source: Source | None = None
    assumed: str | None = None
    note: str | None = None


def _capped(dose: Quantity) -> str:
    """Dimension of a dose in absolute terms ("mass" for mg/m2), or "" when it is absolute already."""
    absolute = dose.dimension.replace(" per area", "").replace(" per weight", "").replace(" and time", " per time")
    return absolute if absolute != dose.dimension else ""


class Give(Cited):
    """One drug on some days of a phase."""

    drug: Id
    dose: Dose
    cap: Dose | None = None
    route: Route
    days: Days
    per_day: Annotated[int, Field(strict=True, ge=1, le=12)] = 1
    over: Infusion | None = None
    only: Condition | None = None

    @model_validator(mode="after")
    def _fits(self) -> Give:
        continuous = "time" in self.dose.dimension
        if continuous != (self.route == "civ"):
            raise Problem(f"the dose '{self.dose}' does not fit the route '{self.route}'",
                          why="a continuous infusion (civ) is dosed per day, every other route per administration",
                          fix="write e.g. '28 ug/d' with civ, or '2 mg' with iv", unit=True)
        if continuous and self.per_day > 1:
            raise Problem(f"a continuous infusion is given {self.per_day} times a day", why="it runs all day",
                          fix="remove 'per_day'")
        if self.cap is not None and self.cap.dimension != _capped(self.dose):
            raise Problem(f"the cap '{self.cap}' does not fit the dose '{self.dose}'",
                          why="a cap is the largest absolute dose of one that goes by body surface or weight",
                          fix="write e.g. '2 mg', or remove the cap of a flat dose", unit=True)
        return self


class Assess(Cited):
    """A measurement at the end of a phase, or on one of its days."""

    name: Id
    what: Literal["remission", "mrd", "cytoreduction", "mutation", "marrow-blasts"]
    assay: Literal["flow", "pcr-igtr", "pcr-bcr-abl1", "ngs", "morphology"] | None = None
    limit: Annotated[float, Field(strict=True, gt=0, lt=1)] | None = None
    day: Annotated[int, Field(strict=True, ge=1, le=MAX_DAY)] | None = None


class Branch(Cited):
    """What follows when a condition holds at a phase's end."""

    if_: Condition = Field(alias="if")
    go: Id | None = None
    stop: Literal["refractory", "off protocol", "completed"] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Branch:
        if (self.go is None) == (self.stop is None):
            raise Problem("a branch needs exactly one of 'go' and 'stop'", why="it leads to a phase, or ends the regimen",
                          fix="name the phase to go to, or the reason to stop")
        return self


class Randomise(Cited):
    """A randomisation point at a phase's end."""

    name: Id
    if_: Condition | None = Field(default=None, alias="if")
    arms: tuple[Id, ...] = Field(min_length=1, max_length=MAX_LISTED)


class Phase(Cited):
    """A stretch of treatment: a shared block or its own list of drugs, for a length, with assessments and branches.

    `share` is the part of the patients who get the phase at discretion. Shares of one purpose are nested: who gets a later
    cycle with a smaller share also got the earlier ones, so "up to five cycles" is written with falling shares.
    """

    id: Id
    title: str | None = None
    block: Id | None = None
    purpose: Purpose | None = None
    chemotherapy: Chemotherapy | None = None
    length: Length | None = None
    repeat: Annotated[int, Field(strict=True, ge=1, le=MAX_REPEAT)] | None = None
    only: Condition | None = None
    share: Share | None = None
    give: tuple[Give, ...] = Field(default=(), max_length=MAX_GIVEN)
    assess: tuple[Assess, ...] = Field(default=(), max_length=MAX_LISTED)
    then: tuple[Branch, ...] = Field(default=(), max_length=MAX_BRANCHES)
    randomise: Randomise | None = None
    conditioning: Literal["by age", "myeloablative", "reduced intensity"] | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Phase:
        if sum(len(give.days) for give in self.give) <= MAX_PHASE_DOSES:
            return self
        del self  # an error keeps its frame, and the frame would keep the doses of every phase that is refused
        raise Problem("the phase has too many doses", why=f"at most {MAX_PHASE_DOSES} dose days are read in a phase",
                      fix="split the phase, or correct the days")


class Block(Cited):
    """A course shared by several regimens."""

    id: Id
    title: str
    length: Length
    chemotherapy: Chemotherapy
    give: tuple[Give, ...] = Field(min_length=1, max_length=MAX_GIVEN)


class Alongside(Cited):
    """A drug that runs alongside several phases, e.g. a kinase inhibitor."""

    drug: Id
    dose: Dose
    route: Route
    from_: Id = Field(alias="from")
    to: Id
    only: Condition | None = None


class Note(Model):
    """A remark on the protocol: a disagreement, the review's reading, a gap."""

    about: str
    text: str
    source: Source | None = None


class Regimen(Cited):
    """The treatment of one arm, from diagnosis on."""

    id: Id
    title: str
    summary: str
    trial: Id | None = None
    ph: Literal["negative", "positive", "any"]
    eligibility: tuple[Condition, ...] = Field(default=(), max_length=MAX_LISTED)
    notes: tuple[Note, ...] = Field(default=(), max_length=MAX_NOTES)
    alongside: tuple[Alongside, ...] = Field(default=(), max_length=MAX_LISTED)
    phases: tuple[Phase, ...] = Field(min_length=1, max_length=MAX_PHASES)


class CumulativeLimit(Cited):
    """The largest lifetime or course total of a drug."""

    value: Dose


class CourseDose(Cited):
    """The cumulative dose of a drug in one conventional full-dose course, and its share of what such a course does.

    `kill` and `harm` are shares of the effect of a whole course (1): the drugs of a full-dose course add up to about 1.
    """

    dose: TotalDose
    kill: EffectShare
    harm: EffectShare


class MaintenanceDose(Cited):
    """The cumulative dose of a drug in 28 days of standard maintenance, and its share of holding the leukaemia (1 = all)."""

    dose: TotalDose
    hold: EffectShare


class Drug(Cited):
    """A drug: how it is given, within what range, and by which mechanism of the model it acts.

    `full_course` lists what the drug does at the doses of published full-dose courses, from the smallest dose to the largest.
    """

    id: Id
    title: str
    class_: str = Field(alias="class")
    mechanism: Literal["cytotoxic", "antimetabolite-maintenance", "inotuzumab", "blinatumomab", "kinase-inhibitor",
                       "ponatinib", "steroid", "antibody", "supportive"]
    routes: tuple[Route, ...] = Field(min_length=1)
    units: tuple[str, ...] = Field(min_length=1)
    dose_range: dict[str, tuple[float, float]]
    cumulative_limit: CumulativeLimit | None = None
    cns_active: bool | dict[str, float] = False
    anthracycline_equivalent: float | None = None
    full_course: tuple[CourseDose, ...] = Field(default=(), max_length=MAX_LISTED)
    full_maintenance: MaintenanceDose | None = None
    synonyms: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _ascending(self) -> Drug:
        for before, after in itertools.pairwise(self.full_course):
            if after.dose.dimension != before.dose.dimension:
                raise Problem(f"the full courses '{before.dose}' and '{after.dose}' are not in the same kind of unit",
                              why="what a drug does is read between its full courses", near=before.dose.unit, fix="write both in one unit",
                              unit=True)
            if not (after.dose.to(before.dose.unit) > before.dose.value and after.kill > before.kill and after.harm > before.harm):
                raise Problem(f"the full course of '{after.dose}' does not follow on that of '{before.dose}'",
                              why="full courses stand in order of dose, and more of a drug kills more and harms more",
                              fix="correct the order, the doses or the shares")
        return self
