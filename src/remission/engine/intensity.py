"""Dose intensity: how much of a full course a phase's doses make, in kill and in harm, whatever the phase is called.

Each drug's file says what share of a full course's effect the drug brings at the cumulative doses of conventional
full-dose courses (`full_course`). Between those doses the share is read off a straight line, from nothing at no dose;
above the largest the line goes on to `MAX_RATIO` times that dose and is flat from there. A course is the sum over its
systemic cytotoxic drugs, antimetabolites and steroids, so 1 is a conventional full-dose course.

    kill   parts of a full course, over the whole phase
    harm   parts of a full course in every 28 days of the phase (`harm_total` over the whole phase)
    hold   parts of standard maintenance: mercaptopurine, methotrexate and pulses by their doses in 28 days

Doses are added up over a phase, so how they are split over days does not matter. Flat doses, doses by body surface and
by weight meet in the adult of `BSA_M2` and `WEIGHT_KG`. Intrathecal doses are not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from remission.base.errors import UnitError, UsageError
from remission.base.units import UNITS, Quantity
from remission.protocol import Block, Condition, Drug, Phase, load_drug
from remission.protocol.conditions import Join, Term, negate
from remission.protocol.logic import Case, Reasoner, may_hold
from remission.protocol.model import Alongside, Give
from remission.protocol.warn import BSA_M2, WEIGHT_KG

MAX_RATIO = 1.25  # assumption: a drug counts no further than this times its largest full-course dose
MONTH_DAYS = 28  # the time in which harm and maintenance are measured
MAX_VARIANTS = 64  # groups of patients whom one phase may give different doses
COUNTED = ("cytotoxic", "antimetabolite-maintenance", "steroid")
_SIZE = {"area": BSA_M2, "weight": WEIGHT_KG}
Course = Phase | Block


@dataclass(frozen=True)
class Intensity:
    """`kill` in full courses, `harm` in full courses per 28 days, `hold` in standard maintenance, `days` of the phase."""

    kill: float
    harm: float
    hold: float
    days: int

    @property
    def harm_total(self) -> float:
        """Harm over the whole phase, in full courses."""
        return self.harm * self.days / MONTH_DAYS


@dataclass(frozen=True)
class Variant:
    """The intensity for those patients for whom `only` holds when the phase begins (None: everybody)."""

    only: Condition | None
    intensity: Intensity


@dataclass(frozen=True)
class Row:
    """What one drug brings to a course: `given` and `full` in one unit, ratio = given / full.

    `full` is the smallest full-course dose of the drug that is not below `given` (else its largest), with its shares of a
    full course, `full_kill` and `full_harm`; `kill` and `harm` are what the drug brings here over the whole phase. `steps`
    are all full-course doses between which the contribution was read. `hold` is the drug's part of standard maintenance.
    """

    drug: str
    given: Quantity
    full: Quantity
    ratio: float
    full_kill: float
    full_harm: float
    kill: float
    harm: float
    hold: float
    steps: tuple[Quantity, ...]
    capped: bool
    assumed: str | None

    def to_dict(self) -> dict[str, Any]:
        """Plain data with stable keys; quantities as text."""
        return {
            **asdict(self),
            "given": str(self.given),
            "full": str(self.full),
            "steps": [str(step) for step in self.steps],
        }


@dataclass(frozen=True)
class _Dosed:
    """A drug's amount in a phase (mg or IU in the reference adult), for those for whom `only` holds."""

    drug: Drug
    amount: float
    only: Condition | None


def course_intensity(course: Course, case: Case | None = None, alongside: Iterable[Alongside] = ()) -> Intensity:
    """Intensity of a resolved phase (or block) for one patient.

    `case` says what the phase's conditions ask for, e.g. {("age", None): 60.0}. Drugs `alongside` are taken on every day of
    the phase. Raises UsageError when doses depend on something that the case does not say.
    """
    return _intensity([item for item in _doses(course, alongside) if _given(item, case or {}, course)], _days(course))


def variants(
    course: Course,
    among: Iterable[Condition | None] = (),
    alongside: Iterable[Alongside] = (),
    reason: Reasoner | None = None,
) -> tuple[Variant, ...]:
    """Intensity for every group of patients whom the phase gives different doses.

    The conditions exclude each other, and one of them holds for every patient who is given the phase and meets all of `among`
    (the eligibility, for example). Where doses depend on nothing there is one variant with no condition. `reason` knows the
    MRD limits of the regimen (`protocol.flow.reasoner`). Raises UsageError beyond `MAX_VARIANTS` groups.
    """
    doses, days = _doses(course, alongside), _days(course)
    reason, base = reason or Reasoner(), [*among, course.only if isinstance(course, Phase) else None]
    if not reason.possible(base):
        base = []
    groups: list[tuple[list[Condition], list[Condition]]] = [([], [])]
    for condition in dict.fromkeys(item.only for item in doses if item.only is not None):
        parted = [pair for met, unmet in groups for pair in (([*met, condition], unmet), (met, [*unmet, condition]))]
        groups = [(met, unmet) for met, unmet in parted if reason.possible([*base, *met], without=unmet)]
        if len(groups) > MAX_VARIANTS:
            raise UsageError(
                "the doses of a phase depend on too many conditions",
                where=course.id,
                why=f"at most {MAX_VARIANTS} groups of patients are told apart",
                near=str(condition)[:80],
                fix="split the phase, or join conditions",
            )
    found = [
        Variant(
            _all_of(met, unmet), _intensity([item for item in doses if item.only is None or item.only in met], days)
        )
        for met, unmet in groups
    ]
    if len({variant.intensity for variant in found}) == 1:
        return (Variant(None, found[0].intensity),)
    return tuple(found)


def explain(course: Course, case: Case | None = None, alongside: Iterable[Alongside] = ()) -> tuple[Row, ...]:
    """What each drug brings to the intensity of a course, in the order in which the drugs are first given.

    The rows' `kill` and `hold` add up to those of `course_intensity`, their `harm` to its `harm_total`.
    """
    given = [item for item in _doses(course, alongside) if _given(item, case or {}, course)]
    return tuple(_row(drug, amount, _days(course)) for drug, amount in _totals(given))


def _intensity(given: Sequence[_Dosed], days: int) -> Intensity:
    kill = harm = hold = 0.0
    for drug, amount in _totals(given):
        drug_kill, drug_harm = _effect(drug, amount)
        kill, harm, hold = kill + drug_kill, harm + drug_harm, hold + _hold(drug, amount, days)
    return Intensity(kill, harm * MONTH_DAYS / days, hold, days)


def _totals(given: Sequence[_Dosed]) -> list[tuple[Drug, float]]:
    """Amount of each drug (mg or IU)."""
    drugs = {item.drug.id: item.drug for item in given}
    return [(drug, sum(item.amount for item in given if item.drug.id == name)) for name, drug in drugs.items()]


def _effect(drug: Drug, amount: float) -> tuple[float, float]:
    """Kill and harm of an amount, in full courses: linear between the drug's full courses, flat beyond `MAX_RATIO`."""
    steps = [(0.0, 0.0, 0.0), *((_absolute(step.dose), step.kill, step.harm) for step in drug.full_course)]
    amount = min(amount, MAX_RATIO * steps[-1][0])
    above = next((place for place, step in enumerate(steps) if amount <= step[0]), len(steps) - 1)
    (low, low_kill, low_harm), (high, kill, harm) = steps[max(above, 1) - 1], steps[max(above, 1)]
    part = (amount - low) / (high - low)
    return low_kill + part * (kill - low_kill), low_harm + part * (harm - low_harm)


def _hold(drug: Drug, amount: float, days: int) -> float:
    if drug.full_maintenance is None:
        return 0.0
    ratio = amount * MONTH_DAYS / days / _absolute(drug.full_maintenance.dose)
    return drug.full_maintenance.hold * min(ratio, MAX_RATIO)


def _row(drug: Drug, amount: float, days: int) -> Row:
    amounts = [_absolute(step.dose) for step in drug.full_course]
    place = next((index for index, full in enumerate(amounts) if amount <= full), len(amounts) - 1)
    full = drug.full_course[place]
    ratio = amount / amounts[place]
    kill, harm = _effect(drug, amount)
    given = Quantity(ratio * full.dose.value, full.dose.unit)
    return Row(
        drug.id,
        given,
        full.dose,
        ratio,
        full.kill,
        full.harm,
        kill,
        harm,
        _hold(drug, amount, days),
        tuple(step.dose for step in drug.full_course),
        amount > MAX_RATIO * amounts[-1],
        full.assumed,
    )


def _doses(course: Course, alongside: Iterable[Alongside]) -> list[_Dosed]:
    """Systemic doses of the drugs that count, added up over the days on which they are given."""
    days = _days(course)
    found = []
    given: list[tuple[Give | Alongside, int]] = [(give, len(give.days) * give.per_day) for give in course.give]
    for item, times in [*given, *((item, days) for item in alongside)]:
        drug = load_drug(item.drug)
        if drug.mechanism not in COUNTED or item.route == "it":
            continue
        if not drug.full_course:
            raise UsageError(
                f"the intensity of {item.drug} is not known",
                where=course.id,
                why="a drug's file says what it does at the doses of full courses",
                near=f"catalog/drugs/{item.drug}.yaml",
                fix="add 'full_course' to the drug's file",
            )
        full = drug.full_course[0].dose
        if item.dose.dimension.split()[0] != full.dimension.split()[0]:
            raise UnitError(
                f"'{item.dose}' of {item.drug} cannot be compared with its full course",
                where=course.id,
                why=f"that is '{full}'",
                near=full.unit,
                fix="correct the unit",
            )
        amount = _absolute(item.dose)
        if isinstance(item, Give) and item.cap is not None:
            amount = min(amount, _absolute(item.cap))
        found.append(_Dosed(drug, times * amount, item.only))
    return found


def _absolute(dose: Quantity) -> float:
    """A dose in mg or IU (a rate: per day) in the reference adult."""
    words = dose.dimension.split()
    return dose.value * UNITS[dose.unit][1] * next((_SIZE[word] for word in words if word in _SIZE), 1.0)


def _given(item: _Dosed, case: Case, course: Course) -> bool:
    """Whether the patient of a case is given a dose. Raises UsageError when the case leaves it open."""
    if item.only is None:
        return True
    met = may_hold(item.only, case)
    if met and may_hold(Condition(negate(item.only.term)), case):
        raise UsageError(
            f"the intensity of '{course.id}' depends on '{item.only}'",
            where=course.id,
            why=f"{item.drug.id} is not given to everybody",
            near="variants",
            fix="say it in the case, or ask for all variants",
        )
    return met


def _all_of(met: Sequence[Condition], unmet: Sequence[Condition]) -> Condition | None:
    """The condition that all of `met` and none of `unmet` hold."""
    terms: dict[Term, None] = {}
    for term in (*(condition.term for condition in met), *(negate(condition.term) for condition in unmet)):
        terms.update(dict.fromkeys(term.items if isinstance(term, Join) and term.word == "and" else (term,)))
    if not terms:
        return None
    return Condition(next(iter(terms)) if len(terms) == 1 else Join("and", tuple(terms)))


def _days(course: Course) -> int:
    """Length of a resolved phase or a block in days."""
    if course.length is None or (isinstance(course, Phase) and course.block is not None):
        raise UsageError(
            f"the phase '{course.id}' is not resolved",
            where=course.id,
            why="its block's drugs and length are not in it",
            near="resolve",
            fix="resolve the regimen first",
        )
    return round(course.length.to("d"))
