"""Which phase can follow which: the ways through a regimen, for all that its responses may be."""

from __future__ import annotations

from dataclasses import dataclass

from remission.protocol.conditions import Condition
from remission.protocol.logic import Case, Reasoner, may_hold
from remission.protocol.model import Phase, Regimen

ALWAYS: Case = {}


@dataclass(frozen=True)
class Step:
    """One phase of a plan: whether anybody can be given it or pass it by, and the positions that can follow once it is given.

    The position after the last phase stands for the end of the regimen.
    """

    given: bool
    passed_by: bool
    then: tuple[int, ...]


def reasoner(plan: Regimen) -> Reasoner:
    """A reasoner that knows the MRD limits of the plan's assessments."""
    return Reasoner({item.name: item.limit for phase in plan.phases for item in phase.assess if item.limit is not None})


def steps(plan: Regimen, reason: Reasoner, case: Case = ALWAYS) -> tuple[Step, ...]:
    """The ways through a resolved plan whose branches name phases that exist; `case` limits them to one patient."""
    positions = {phase.id: position for position, phase in enumerate(plan.phases)}
    positions["end"] = len(plan.phases)
    return tuple(_step(phase, position, plan, positions, reason, case) for position, phase in enumerate(plan.phases))


def _step(phase: Phase, position: int, plan: Regimen, positions: dict[str, int], reason: Reasoner, case: Case) -> Step:
    given = may_hold(phase.only, case) and reason.possible([*plan.eligibility, phase.only])
    then: list[int] = []
    before: list[Condition] = []
    for branch in phase.then:
        if may_hold(branch.if_, case) and reason.possible([*plan.eligibility, branch.if_], before):
            then.append(positions[branch.go] if branch.go is not None else len(plan.phases))
        before.append(branch.if_)
        if case and _certain(branch.if_, case):
            break
    else:
        if reason.possible(plan.eligibility, before):
            then.append(position + 1)
    passed_by = phase.share is not None or (phase.only is not None and not (case and _certain(phase.only, case)))
    return Step(given, passed_by or not given, tuple(dict.fromkeys(then)))


def _certain(condition: Condition, case: Case) -> bool:
    """Whether a condition is sure to hold for one patient."""
    return all((compare.name, compare.argument) in case for compare in condition.compares()) and may_hold(condition, case)


def reached(ways: tuple[Step, ...]) -> tuple[bool, ...]:
    """For each phase, whether anybody can come to it and be given it."""
    come = [False] * (len(ways) + 1)
    come[0] = True
    for position, _step in enumerate(ways):
        if come[position]:
            for following in following_of(ways, position):
                come[following] = True
    return tuple(come[position] and step.given for position, step in enumerate(ways))


def following_of(ways: tuple[Step, ...], position: int) -> tuple[int, ...]:
    """Positions that can come after a phase, whether it is given or passed by."""
    step = ways[position]
    then = step.then if step.given else ()
    return tuple(dict.fromkeys((*then, position + 1))) if step.passed_by else then


class Seen:
    """What may have been assessed and given when a phase of a plan begins, and when it ends."""

    def __init__(self, plan: Regimen, ways: tuple[Step, ...]) -> None:
        self.whats: dict[str, str] = {item.name: item.what for phase in plan.phases for item in phase.assess}
        self.first_given: dict[str, int] = {}
        for position, phase in enumerate(plan.phases):
            for name in (*(give.drug for give in phase.give), *(("transplant",) if phase.purpose == "transplant" else ())):
                self.first_given.setdefault(name, position)
        for item in plan.alongside:
            self.first_given[item.drug] = -1
        self._bit = {name: 1 << number for number, name in enumerate(self.whats)}
        self._kind: dict[str, int] = {}
        for name, what in self.whats.items():
            self._kind[what] = self._kind.get(what, 0) | self._bit[name]
        own = [sum(self._bit[name] for name in {item.name for item in phase.assess}) for phase in plan.phases]
        self._begin = _spread(ways, own)
        self._end = [mask | made for mask, made in zip(self._begin, own, strict=False)]

    def assessed(self, name: str | None, what: str, position: int, ended: bool) -> bool:
        """Whether an assessment (None: any of the kind `what`) may have been made when a phase begins, or has ended."""
        mask = self._end[position] if ended else self._begin[position]
        return bool(mask & (self._kind.get(what, 0) if name is None else self._bit.get(name, 0)))

    def given(self, name: str, position: int, ended: bool) -> bool:
        """Whether a drug (or "transplant") may have been given when a phase begins, or has ended."""
        return self.first_given.get(name, len(self._begin)) < position + ended

    def names(self, what: str, position: int, ended: bool) -> tuple[str, ...]:
        """Names of the assessments of one kind that may have been made."""
        return tuple(name for name, kind in self.whats.items() if kind == what and self.assessed(name, what, position, ended))


def _spread(ways: tuple[Step, ...], own: list[int]) -> list[int]:
    """For each position, the union of what the ways to it bring along; the last is the end, which all ways come to."""
    begin = [0] * (len(ways) + 1)
    come = [True, *[False] * len(ways)]
    for position, step in enumerate(ways):
        if not come[position]:
            continue
        begin[-1] |= begin[position] | own[position]
        if step.passed_by:
            begin[position + 1] |= begin[position]
            come[position + 1] = True
        for following in step.then if step.given else ():
            begin[following] |= begin[position] | own[position]
            come[following] = True
    return begin
