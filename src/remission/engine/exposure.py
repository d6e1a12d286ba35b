"""From a phase's drugs to exposures of the model's agents, day by day."""

from __future__ import annotations

from functools import lru_cache

from remission.base.errors import UsageError
from remission.engine.intensity import variants
from remission.engine.parameters import load_parameters
from remission.protocol import Condition, Drug, Phase, Regimen, load_drug
from remission.protocol.logic import Reasoner
from remission.protocol.plan import phase_days

INOTUZUMAB_CYCLE_MG_M2 = 1.8
FULL_PREPHASE = 0.0625  # kill intensity of a week of prednisone at 60 mg/m2, a conventional prephase
LINGER_DAYS = 7  # assumption: a course goes on killing for a week after its last dose
_COURSE_DRUGS = ("cytotoxic", "antimetabolite-maintenance", "steroid")
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
    its doses (`intensities`). Kinase inhibitors act on the days they are given, whatever their dose.
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
        elif drug.mechanism in ("kinase-inhibitor", "ponatinib"):
            for day in give.days:
                table[day - 1][_agent(drug)] = 1.0
    for agent in alongside_agents(regimen, position):
        for row in table:
            row[agent] = 1.0
    return [tuple(sorted(row.items())) for row in table]


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


def _agent(drug: Drug) -> str:
    return drug.id


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


def alongside_agents(regimen: Regimen, position: int) -> tuple[str, ...]:
    """Agents that run alongside the phase at `position` (len(phases) = after the last phase)."""
    names = [phase.id for phase in regimen.phases]
    found = []
    for item in regimen.alongside:
        drug = _drug(item.drug)
        last = len(names) if item.to == "lifelong" else names.index(item.to)
        if drug.mechanism in ("kinase-inhibitor", "ponatinib") and names.index(item.from_) <= position <= last:
            found.append(_agent(drug))
    return tuple(dict.fromkeys(found))


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
