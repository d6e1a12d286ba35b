"""A regimen made ready for the readable twin: what is given on each day of each phase, what is measured, and which luck is used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from remission.engine.exposure import (
    Exposure,
    Intensities,
    conditional_agents,
    course_kind,
    daily_exposure,
    intensities,
    reaches_cns,
)
from remission.engine.mechanisms import CHEMOTHERAPY, agents, mechanisms
from remission.protocol import Condition, Phase, Regimen
from remission.protocol.flow import reasoner
from remission.protocol.model import Assess
from remission.protocol.plan import phase_days
from remission.protocol.standard import ADDRESSES_PER_NAME, StandardAssess, with_standard_assessments

KIND = {agent: mechanism.kind for mechanism in mechanisms() for agent in mechanism.agents}
NOT_BY_PLAN = 4096  # address of the first measurement that is not the protocol's own


@dataclass(frozen=True)
class Measure:
    """An assessment, its number in the results, and the address of its measurement error (-1: it has none)."""

    item: Any
    number: int
    address: int


@dataclass(frozen=True)
class Step:
    """One phase: exposures on each of its days, assessments by day, the dose intensities it may have, and the address of the
    noise of its course. `later`: a course that is lowered and delayed for patients who do not tolerate full doses. `conditions`: on
    the agents that not everybody is given."""

    phase: Phase
    position: int
    table: list[Exposure]
    due: dict[int, list[Measure]]
    variants: Intensities
    noise: int
    maintenance: bool
    later: bool
    first_induction: bool
    conditions: dict[str, Condition | None]


@dataclass(frozen=True)
class Plan:
    """A regimen made ready: its phases, all measurements in the order of their numbers, and what is given for ever after them."""

    regimen: Regimen
    steps: tuple[Step, ...]
    measures: tuple[Measure, ...]
    lifelong: dict[str, Condition | None]
    high_dose: bool
    stepped: bool


def prepare(regimen: Regimen) -> Plan:
    """A resolved regimen, with the assessments that every protocol offers, ready to be followed."""
    regimen = with_standard_assessments(regimen)
    measures: list[Measure] = []
    steps = []
    courses: dict[str, int] = {}
    reason = reasoner(regimen)
    inductions = 0
    for position, phase in enumerate(regimen.phases):
        kind = course_kind(phase)
        inductions += phase.purpose == "induction"
        noise = -1
        if KIND.get(kind) == CHEMOTHERAPY:
            courses[kind] = courses.get(kind, -1) + 1
            noise = 64 * agents().index(kind) + min(courses[kind], 63)
        due = _due(phase, measures)
        steps.append(
            Step(
                phase,
                position,
                daily_exposure(phase, regimen, position),
                due,
                intensities(phase, reason),
                noise,
                kind == "maintenance",
                kind == "consolidation" or (kind == "induction" and inductions > 1),
                phase.purpose == "induction" and inductions == 1,
                conditional_agents(regimen, position, reason),
            )
        )
    doses = [
        give.dose.value
        for phase in regimen.phases
        for give in phase.give
        if (give.drug, give.route) == ("blinatumomab", "civ")
    ]
    lifelong = conditional_agents(regimen, len(regimen.phases), reason)
    return Plan(regimen, tuple(steps), tuple(measures), lifelong, reaches_cns(regimen), bool(doses) and doses[0] < 28)


def _due(phase: Phase, measures: list[Measure]) -> dict[int, list[Measure]]:
    """A phase's assessments by day; they are added to `measures` in the order in which they are made."""
    due: dict[int, list[Measure]] = {}
    for item in sorted(phase.assess, key=lambda item: item.day or phase_days(phase)):
        measures.append(Measure(item, len(measures), _address(item, measures)))
        due.setdefault(item.day or phase_days(phase), []).append(measures[-1])
    return due


def _address(item: Assess, before: list[Measure]) -> int:
    """A measurement of MRD has an error of its own; one that every protocol offers shares that of the protocol's own measurement in
    the same marrow, if there is one."""
    if item.what != "mrd":
        return -1
    if not isinstance(item, StandardAssess):
        return sum(other.item.what == "mrd" and not isinstance(other.item, StandardAssess) for other in before)
    twins = [other.address for other in before if (other.item.name, other.item.what) == (item.twin, item.what)]
    name, place = divmod(item.address, ADDRESSES_PER_NAME)
    return twins[-1] if twins else NOT_BY_PLAN + 8 * place + name
