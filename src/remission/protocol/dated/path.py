"""Which phases one patient goes through, and on which days: the default path, or phases chosen by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from remission.base.errors import UsageError, nearest
from remission.protocol.dated.facts import Decision, Facts, Name, Person, Value, implied
from remission.protocol.model import Give, Phase, Regimen
from remission.protocol.plan import phase_days


@dataclass(frozen=True)
class Leg:
    """One phase on the path, its first and last day (day 1 is the start), and what is known when it begins."""

    phase: Phase
    first: int
    last: int
    facts: Facts

    def day(self, day_in_phase: int) -> int:
        """A day of the phase as a day of the whole plan."""
        return self.first + day_in_phase - 1

    def decide(self, give: Give) -> Decision:
        """Whether one drug of the phase is given to this patient."""
        return self.facts.decide(give.only)


@dataclass(frozen=True)
class Path:
    """The legs in order, and what was left out or left open, each with its reason."""

    name: str
    legs: tuple[Leg, ...]
    left_out: tuple[tuple[str, str], ...]
    open_branches: tuple[tuple[str, str], ...]
    assumed: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def days(self) -> int:
        """Length of the path in days."""
        return self.legs[-1].last if self.legs else 0


def facts_of(regimen: Regimen, person: Person, responds: bool) -> Facts:
    """What is known at the start: the patient's facts and the disease that the regimen is for."""
    known: dict[Name, Value] = {}
    if regimen.ph in ("positive", "negative"):
        known["ph", None] = regimen.ph
    if person.sex is not None:
        known["sex", None] = person.sex
    known["age", None] = person.age_y
    known.update(person.known)
    limits = {item.name: item.limit for phase in regimen.phases for item in phase.assess if item.limit is not None}
    return Facts(known, limits, responds)


def find_path(regimen: Regimen, person: Person, path: str = "default") -> Path:
    """The path of one patient: "default", or phase ids joined by commas. Raises UsageError for phases that cannot be meant."""
    if path.strip() == "default":
        return _default(regimen, facts_of(regimen, person, responds=True))
    return _chosen(regimen, _phases_named(regimen, path), facts_of(regimen, person, responds=False))


def _default(regimen: Regimen, facts: Facts) -> Path:
    positions = {phase.id: position for position, phase in enumerate(regimen.phases)}
    legs: list[Leg] = []
    left_out: list[tuple[str, str]] = []
    unsettled: list[tuple[str, str]] = []
    assumed: set[str] = set()
    remarks: list[str] = []
    position = 0
    while position < len(regimen.phases):
        phase = regimen.phases[position]
        position += 1
        reason, decision = _why_not(phase, facts)
        if reason is not None:
            left_out.append((phase.id, reason))
            continue
        assumed |= decision.assumed
        leg = _leg(phase, legs, facts)
        legs.append(leg)
        facts = _afterwards(leg)
        if phase.share is not None:
            remarks.append(f"{phase.id} is given to {phase.share} of the patients who could have it; it is on the default path")
        for branch in phase.then:
            after = facts.decide(branch.if_)
            where = f"go to {branch.go}" if branch.go else f"stop, {branch.stop}"
            if after.holds is None:
                unsettled.append((phase.id, f"if {branch.if_}: {where} ({', '.join(sorted(after.unknown))} not known)"))
                continue
            assumed |= after.assumed
            if after.holds:
                target = positions.get(branch.go or "end", len(regimen.phases))
                left_out += [(skipped.id, f"{phase.id} leads past it: {branch.if_}")
                             for skipped in regimen.phases[position:target]]
                position = target
                break
    return Path("default", tuple(legs), tuple(left_out), tuple(unsettled), tuple(sorted(assumed)), tuple(remarks))


def _why_not(phase: Phase, facts: Facts) -> tuple[str | None, Decision]:
    """The reason why the default path leaves a phase out (None: it is on the path), and the decision on its condition."""
    decision = facts.decide(phase.only)
    if decision.holds is False:
        return f"asks for: {phase.only}", decision
    share = f"given to {phase.share} of patients" if phase.share is not None else "not given to every patient"
    if phase.purpose == "transplant":
        return f"transplant, {share}; choose it with a path of your own", decision
    if phase.share is not None and phase.share.to("1") < 0.5:
        return f"{share}; choose it with a path of your own", decision
    if decision.holds is None:
        return f"undecided: asks for {phase.only}, and {', '.join(sorted(decision.unknown))} is not known", decision
    return None, decision


def _leg(phase: Phase, legs: list[Leg], facts: Facts) -> Leg:
    first = legs[-1].last + 1 if legs else 1
    return Leg(phase, first, first + phase_days(phase) - 1, facts)


def _afterwards(leg: Leg) -> Facts:
    given = [give.drug for give in leg.phase.give if leg.decide(give).holds]
    return leg.facts.after(given, leg.phase.purpose == "transplant")


def _phases_named(regimen: Regimen, path: str) -> list[Phase]:
    """The phases of a written path; `maintenance` stands for all of `maintenance-1`, `maintenance-2` and so on."""
    ids = [phase.id for phase in regimen.phases]
    found: list[Phase] = []
    for name in (part.strip() for part in path[:4000].split(",")):
        fitting = [phase for phase in regimen.phases if phase.id == name] or [
            phase for phase in regimen.phases if phase.id.rpartition("-")[0] == name and phase.id.rpartition("-")[2].isdigit()]
        if not fitting:
            raise UsageError(f"'{regimen.id}' has no phase '{name[:60]}'", where="--path", why="its phases are " + ", ".join(ids),
                             near=nearest(name, ids), fix="give 'default', or phases of this regimen joined by commas")
        found += fitting
    order = [ids.index(phase.id) for phase in found]
    for earlier, later in pairwise(order):
        if later <= earlier:
            raise UsageError(f"the path goes from '{ids[earlier]}' to '{ids[later]}'", where="--path",
                             why="treatment moves forward, each phase once",
                             near=ids[later] if later == earlier else f"{ids[later]},{ids[earlier]}",
                             fix="write the phases in the regimen's order")
    return found


def _chosen(regimen: Regimen, phases: list[Phase], facts: Facts) -> Path:
    """A path that was asked for: choosing a phase says that its condition holds, where nothing else is known."""
    said: dict[Name, Value] = {}
    for phase in phases:
        if phase.only is not None:
            said.update(implied(phase.only.term))
    known: Mapping[Name, Value] = {**said, **facts.known}
    facts = replace(facts, known=known)
    legs: list[Leg] = []
    remarks: list[str] = []
    for phase in phases:
        if facts.decide(phase.only).holds is False:
            remarks.append(f"{phase.id} asks for: {phase.only}; this does not hold here, and it was chosen all the same")
        leg = _leg(phase, legs, facts)
        legs.append(leg)
        facts = _afterwards(leg)
    chosen = {phase.id for phase in phases}
    left_out = tuple((phase.id, "not in the path asked for") for phase in regimen.phases if phase.id not in chosen)
    return Path(",".join(phase.id for phase in phases), tuple(legs), left_out, (), (), tuple(remarks))
