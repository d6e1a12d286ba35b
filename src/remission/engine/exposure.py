"""From a phase's drugs to exposures of the model's agents, day by day."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from remission.base.errors import UsageError
from remission.engine.intensity import variants
from remission.engine.parameters import load_parameters
from remission.protocol import Condition, Phase, Regimen, load_drug
from remission.protocol.conditions import Join
from remission.protocol.logic import Reasoner
from remission.protocol.model import Alongside
from remission.protocol.plan import phase_days

INOTUZUMAB_CYCLE_MG_M2 = 1.8
FULL_PREPHASE = 0.0625  # kill intensity of a week of prednisone at 60 mg/m2, a conventional prephase
LINGER_DAYS = 7  # assumption: a course goes on killing for a week after its last dose
_COURSE_DRUGS = ("cytotoxic", "antimetabolite-maintenance", "steroid")
_INHIBITORS = ("kinase-inhibitor", "ponatinib")
_WHOLE = ("blinatumomab", "inotuzumab")
EFFECTORS = ("blinatumomab", "blinatumomab-sc")
Exposure = tuple[tuple[str, float], ...]
Intensities = list[tuple[Condition | None, tuple[float, float, float]]]

_drug = lru_cache(maxsize=None)(load_drug)


@lru_cache(maxsize=1)
def _inotuzumab_exponent() -> float:
    return next(float(p.value(0.0)) for p in load_parameters() if p.name == "inotuzumab_dose_exponent")


def daily_exposure(phase: Phase, regimen: Regimen, position: int) -> list[Exposure]:
    """Exposure of every agent on each day of a resolved phase; units are those of the mechanisms.

    The kill of a chemotherapy course is spread evenly from its first dose to a week after its last; how much it is follows from
    its doses (`intensities`). Kinase inhibitors act on the days they are given, whatever their dose, in those who
    meet the condition on them (`conditional_agents`).
    """
    days = phase_days(phase)
    table: list[dict[str, float]] = [{} for _ in range(days)]
    kind = course_kind(phase)
    if kind == "maintenance":
        for row in table:
            row["maintenance"] = 1.0
    elif kind:
        first, last = _window(
            [
                day
                for give in phase.give
                if give.route != "it" and _drug(give.drug).mechanism in _COURSE_DRUGS
                for day in give.days
            ]
            or [1, days],
            days,
        )
        for row in table[first - 1 : last]:
            row[kind] = 1.0 / (last - first + 1)
    _inotuzumab(phase, table)
    for give in phase.give:
        drug = _drug(give.drug)
        if drug.mechanism == "blinatumomab":
            for day in give.days:
                agent = "blinatumomab-sc" if give.route == "sc" else "blinatumomab"
                table[day - 1][agent] = _blinatumomab_ug_per_day(
                    phase, give.dose.value, give.dose.unit, give.route, give.days, day
                )
        elif drug.mechanism in _INHIBITORS:
            for day in give.days:
                table[day - 1][drug.id] = 1.0
    for agent in alongside_agents(regimen, position):
        for row in table:
            row[agent] = 1.0
    return [tuple(sorted(row.items())) for row in table]


def conditional_agents(regimen: Regimen, position: int, reason: Reasoner) -> dict[str, Condition | None]:
    """Kinase inhibitors given in the phase at `position` (len(phases) = after the last phase), each with the condition on it (None:
    everybody is given it). Raises UsageError where blinatumomab or inotuzumab has a condition that leaves somebody out: those follow
    the phase. So do intrathecal doses, whose conditions are not asked: all in the phase are given them (an approximation: one dose
    changes the hazard of a relapse in the central nervous system by `cns_per_dose`)."""
    phase = regimen.phases[position] if position < len(regimen.phases) else None
    among = [*regimen.eligibility, phase.only if phase else None]
    asked: dict[str, list[Condition | None]] = {}
    for give in phase.give if phase else ():
        mechanism = _drug(give.drug).mechanism
        if mechanism in _INHIBITORS:
            asked.setdefault(give.drug, []).append(give.only)
        elif give.only and mechanism in _WHOLE and reason.possible(among, without=[give.only]):
            raise UsageError(
                f"{give.drug} by '{give.route}' only if '{give.only}' cannot be simulated",
                where=phase.id if phase else "",
                why="the model gives it to everybody in a phase or to nobody",
                near="only on the phase itself",
                fix="make two phases, each with its own `only`",
            )
    for item in alongside(regimen, position):
        asked.setdefault(item.drug, []).append(item.only)
    return {drug: _any_of(conditions, among, reason) for drug, conditions in asked.items()}


def _any_of(conditions: Sequence[Condition | None], among: Sequence[Condition | None], reason: Reasoner) -> Condition | None:
    """The condition that one of these holds; None where one of them holds for everybody."""
    terms = list(dict.fromkeys(condition.term for condition in conditions if condition is not None))
    if len([c for c in conditions if c is not None]) < len(conditions):
        return None
    if not reason.possible(among, without=[condition for condition in conditions if condition is not None]):
        return None
    return Condition(terms[0] if len(terms) == 1 else Join("or", tuple(terms)))


def course_kind(phase: Phase) -> str:
    """Which course a phase is: prephase, induction, consolidation, maintenance, or "" for none."""
    return "" if phase.chemotherapy in (None, "none") else str(phase.chemotherapy).split()[-1]


def intensities(phase: Phase, reason: Reasoner) -> Intensities:
    """Kill, harm in 28 days and harm in all of a phase's course relative to a conventional full one, for each condition on its doses
    that matters.

    Of maintenance kill and harm are its part of standard maintenance; a prephase kills relative to a conventional prephase. A phase
    that is no course of chemotherapy (steroids with a kinase inhibitor, say) has harm alone: its agents are counted by themselves.
    """
    kind = course_kind(phase)
    found: Intensities = []
    for variant in variants(phase, reason=reason):
        kill, harm, hold = variant.intensity.kill, variant.intensity.harm, variant.intensity.hold
        if kind == "maintenance":
            kill = harm = hold
        elif kind == "prephase":
            kill = kill / FULL_PREPHASE
        numbers = (kill if kind else 0.0, harm, variant.intensity.harm_total)
        found.append((variant.only, (round(numbers[0], 9), round(numbers[1], 9), round(numbers[2], 9))))
    return found


def _blinatumomab_ug_per_day(
    phase: Phase, value: float, unit: str, route: str, days: tuple[int, ...], day: int
) -> float:
    if route == "civ" and unit in ("ug/d", "mg/d"):
        return value * (1000.0 if unit == "mg/d" else 1.0)
    if route == "sc" and unit == "ug":
        later = [other for other in days if other > day]
        return value / ((later[0] - day) if later else 1)
    raise UsageError(
        f"blinatumomab in {unit} by '{route}' cannot be simulated",
        where=phase.id,
        why="the model knows continuous infusion in ug/d and subcutaneous doses in ug",
        near="28 ug/d with civ",
        fix="give the dose in ug/d",
    )


def _inotuzumab(phase: Phase, table: list[dict[str, float]]) -> None:
    doses = [
        (day, give.dose.to("mg/m2") * give.per_day)
        for give in phase.give
        if _drug(give.drug).mechanism == "inotuzumab"
        for day in give.days
    ]
    if not doses:
        return
    first, last = _window([day for day, _ in doses], len(table))
    cycles = (sum(dose for _, dose in doses) / INOTUZUMAB_CYCLE_MG_M2) ** _inotuzumab_exponent()
    for row in table[first - 1 : last]:
        row["inotuzumab"] = cycles / (last - first + 1)


def _window(days: list[int], length: int) -> tuple[int, int]:
    """First and last day on which doses on `days` act."""
    return min(days), min(length, max(days) + LINGER_DAYS)


def alongside(regimen: Regimen, position: int) -> list[Alongside]:
    """Kinase inhibitors that run alongside the phase at `position` (len(phases) = after the last phase)."""
    names = [phase.id for phase in regimen.phases]
    found = []
    for item in regimen.alongside:
        last = len(names) if item.to == "lifelong" else names.index(item.to)
        if _drug(item.drug).mechanism in _INHIBITORS and names.index(item.from_) <= position <= last:
            found.append(item)
    return found


def alongside_agents(regimen: Regimen, position: int) -> tuple[str, ...]:
    """Agents that run alongside the phase at `position`."""
    return tuple(dict.fromkeys(item.drug for item in alongside(regimen, position)))


def intrathecal_doses(phase: Phase, first: int, last: int) -> int:
    """Intrathecal treatments (days, however many drugs) on days `first` to `last` of a phase."""
    return len({day for give in phase.give if give.route == "it" for day in give.days if first <= day <= last})


def reaches_cns(regimen: Regimen) -> bool:
    """Whether the regimen has systemic treatment that reaches the central nervous system (high-dose methotrexate or cytarabine)."""
    for phase in regimen.phases:
        for give in phase.give:
            active = _drug(give.drug).cns_active
            if give.route in ("it", "po") or active is False:
                continue
            if active is True or give.dose.value >= active.get(give.dose.unit, float("inf")):
                return True
    return False
