"""The courses that a patient takes under every combination of answers that a protocol asks for.

Two protocols branch alike when these paths are the same, however the branches are written (`go`, `only`, named or bare remission).
Remission once reached is kept on a path: losing it is a relapse, and no branch of a protocol.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from remission.protocol.conditions import CHOICES, FLAGS, NUMBERS, Compare, Condition, Term
from remission.protocol.model import Phase, Regimen

Value = float | str | bool
Key = tuple[str, str]                   # (kind, name): ("trait", "age"), ("remission", course), ("mrd", course), ("discretion", "")
_OPERATORS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "!=": operator.ne}
_BASE: dict[str, Value] = {"cytoreduction": True, "ph": "negative", "ikzf1": "none", "sex": "male"}
_NOT_ASKED = ("cr", "transplanted", "received_blinatumomab")    # these follow from the path


@dataclass(frozen=True)
class Step:
    """One course of a path, or its early end; `assumed` when the phase, or the branch that ends the path, is an assumption."""

    name: str
    assumed: bool = field(compare=False)
    end: bool = False


def compare(found: Value, item: Compare, limit: float = 1e-4) -> bool:
    """Whether a value fulfils one comparison; `negative` and `positive` refer to the assay's limit."""
    wanted = item.value
    if wanted in ("negative", "positive") and isinstance(found, float):
        found = "negative" if found < limit else "positive"
    return bool(_OPERATORS[item.op](found, wanted))


def holds(term: Term, value_of: Mapping[Compare, bool]) -> bool:
    """The truth of a condition from the truth of its comparisons."""
    if isinstance(term, Compare):
        return value_of[term]
    return (all if term.word == "and" else any)(holds(item, value_of) for item in term.items)


def options(items: Iterable[Compare]) -> list[Value]:
    """Values that tell apart every comparison made with one name; the usual answer first."""
    asked = list(items)
    name = asked[0].name
    if name in CHOICES:
        base = _BASE[name]
        return [base, *(choice for choice in CHOICES[name] if choice != base)]
    if name == "mrd":
        levels = {1e-4 if isinstance(item.value, str) else float(item.value) for item in asked}
        return [0.0, *sorted(levels)]
    if name in NUMBERS:
        edges = {float(item.value) for item in asked}
        return sorted({edge + step for edge in edges for step in (-0.5, 0.0, 0.5)})
    return [_BASE.get(name, False), not _BASE.get(name, False)]


class Questions:
    """Everything that two regimens ask of a patient, with the answers to try. `names` maps phase ids to shared course names."""

    def __init__(self, sides: Iterable[tuple[Regimen, Mapping[str, str]]]) -> None:
        asked: dict[Key, list[Compare]] = {}
        remission: set[str] = set()
        for regimen, names in sides:
            places = {item.name: names[phase.id] for phase in regimen.phases for item in phase.assess}
            remission |= {names[phase.id] for phase in regimen.phases for item in phase.assess
                          if item.what == "remission" and (item.day or 2) > 1}
            conditions = [*(c for phase in regimen.phases for c in _conditions(phase)), *regimen.eligibility]
            for item in (compare for condition in conditions for compare in condition.compares()):
                if item.name == "mrd":
                    asked.setdefault(("mrd", places[item.argument or ""]), []).append(item)
                elif item.name in (*FLAGS, *NUMBERS, *CHOICES) and item.name not in _NOT_ASKED:
                    asked.setdefault(("trait", item.name), []).append(item)
        self.answers: dict[Key, list[Value]] = {key: options(items) for key, items in sorted(asked.items())}
        self.answers.update({("remission", name): [True, False] for name in sorted(remission)})
        self.answers[("discretion", "")] = [False, True]

    def scenarios(self) -> Iterator[dict[Key, Value]]:
        """Every combination of answers, the usual one first."""
        for combination in itertools.product(*self.answers.values()):
            yield dict(zip(self.answers, combination, strict=True))


def _conditions(phase: Phase) -> list[Condition]:
    return [condition for condition in (phase.only, *(branch.if_ for branch in phase.then)) if condition is not None]


def eligible(regimen: Regimen, scenario: Mapping[Key, Value]) -> bool:
    """Whether a scenario's patient may be treated at all."""
    state = _State(scenario)
    return all(state.true(condition) for condition in regimen.eligibility)


class _State:
    """What is known on the way through a path."""

    def __init__(self, scenario: Mapping[Key, Value]) -> None:
        self.scenario = scenario
        self.remission = False
        self.transplanted = False
        self.received: set[str] = set()
        self.seen: dict[str, Value] = {}        # assessment -> remission, or MRD as a fraction
        self.limits: dict[str, float] = {}
        self.last = ""

    def enter(self, phase: Phase, name: str) -> None:
        """Take a phase: its drugs, its assessments, and remission at its end."""
        for item in phase.assess:
            if (item.day or 2) == 1:
                self.read(item.name, item.what, item.limit, self.last)
        if self.scenario.get(("remission", name)) is True:
            self.remission = True
        self.transplanted = self.transplanted or phase.purpose == "transplant"
        self.received |= {give.drug for give in phase.give}
        for item in phase.assess:
            if (item.day or 2) != 1:
                self.read(item.name, item.what, item.limit, name)
        self.last = name

    def read(self, assessment: str, what: str, limit: float | None, name: str) -> None:
        """Record one assessment made at the end of course `name`."""
        self.seen[assessment] = self.remission if what == "remission" else self.scenario.get(("mrd", name), 0.0)
        self.limits[assessment] = limit or 1e-4

    def true(self, condition: Condition) -> bool:
        """Whether a condition holds now; what was never assessed counts as not reached."""
        return holds(condition.term, {item: self._one(item) for item in condition.compares()})

    def _one(self, item: Compare) -> bool:
        if item.name == "cr":
            return compare(bool(self.seen.get(item.argument, False)) if item.argument else self.remission, item)
        if item.name == "mrd":
            argument = item.argument or ""
            return argument in self.seen and compare(self.seen[argument], item, self.limits[argument])
        if item.name in ("received", "received_blinatumomab"):
            return compare((item.argument or "blinatumomab") in self.received, item)
        if item.name == "transplanted":
            return compare(self.transplanted, item)
        return compare(self.scenario[("trait", item.name)], item)


def path(regimen: Regimen, names: Mapping[str, str], scenario: Mapping[Key, Value]) -> tuple[Step, ...]:
    """The courses a patient takes, under shared names; repeated ones once. The last step says how treatment ended."""
    state = _State(scenario)
    positions = {phase.id: position for position, phase in enumerate(regimen.phases)}
    steps: list[Step] = []
    position = 0
    while position < len(regimen.phases):
        phase = regimen.phases[position]
        position += 1
        rare = phase.share is not None and phase.share.to("1") < 0.5
        if (rare and scenario[("discretion", "")] is False) or (phase.only is not None and not state.true(phase.only)):
            continue
        name = names[phase.id]
        state.enter(phase, name)
        if not steps or steps[-1].name != name:
            steps.append(Step(name, phase.assumed is not None))
        branch = next((item for item in phase.then if state.true(item.if_)), None)
        if branch is not None and branch.go is None:
            own = branch.assumed is not None and branch.assumed != phase.assumed   # not merely taken over from the phase
            return (*steps, Step(str(branch.stop), own, branch.stop != "completed"))
        if branch is not None:
            position = positions.get(branch.go or "", len(regimen.phases))
    return (*steps, Step("completed", False))
