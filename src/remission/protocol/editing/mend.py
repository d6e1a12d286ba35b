"""Keeping a regimen's branches and companions whole when its phases are moved, added or removed, and saying what that took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from remission.protocol.editing.targets import names_of
from remission.protocol.model import Alongside, Branch, Phase, Regimen


@dataclass(frozen=True)
class Rearranged:
    """An order of phases after an edit. `placed` are the new or moved ones, together; `into` is the phase that they lead into."""

    phases: tuple[Phase, ...]
    placed: tuple[str, ...] = ()
    into: str | None = None


def mend(old: Regimen, new: Rearranged) -> tuple[Regimen, list[str]]:
    """`old` with the new phases, its branches and companions led where they can still go, and the changes in words."""
    mender = _Mender(old, new)
    phases = tuple(mender.phase(phase) for phase in new.phases)
    alongside = tuple(item for item in map(mender.companion, old.alongside) if item is not None)
    return old.model_copy(update={"phases": phases, "alongside": alongside}), mender.said


class _Mender:
    def __init__(self, old: Regimen, new: Rearranged) -> None:
        self.old, self.new = old, new
        self.before = [phase.id for phase in old.phases]
        self.after = [phase.id for phase in new.phases]
        self.said: list[str] = []

    def phase(self, phase: Phase) -> Phase:
        if phase.id not in self.before:
            return phase
        return phase.model_copy(update={"then": tuple(self.branch(phase.id, branch) for branch in phase.then)})

    def branch(self, owner: str, branch: Branch) -> Branch:
        target = branch.go
        if target is None or target == "end" or target not in self.before:
            return branch
        mended = self.target(owner, target)
        if mended != target:
            gone = target not in self.after
            self.said.append(f"the branch of '{owner}' (if {branch.if_}) led to '{target}'{', which is gone,' if gone else ''} and now "
                             + (f"leads to '{mended}'" if mended != "end" else "ends treatment"))
        self.consequences(owner, target, mended, branch)
        return branch.model_copy(update={"go": mended})

    def target(self, owner: str, target: str) -> str:
        """Where a branch from `owner` to `target` leads in the new order."""
        placed, position = self.new.placed, self.after.index(owner)
        passed = self.passed(owner, target)
        if target not in self.after or self.after.index(target) <= position:
            if owner in placed and target in self.after:
                return self.after[position + 1] if position + 1 < len(self.after) else "end"
            return self.successor(target, position)
        if target == self.new.into and owner not in placed and not set(placed) & passed and self.after.index(placed[0]) > position:
            return placed[0]
        if target in placed and owner not in placed:
            earlier = set(self.before[: self.before.index(owner)])
            between = self.after[position + 1: self.after.index(target)]
            newly = [name for name in between if name not in passed and name not in placed and name not in earlier]
            return newly[0] if newly else target
        return target

    def passed(self, owner: str, target: str) -> set[str]:
        """Phases that the branch passed over in the old order."""
        return set(self.before[self.before.index(owner) + 1: self.before.index(target)])

    def successor(self, target: str, position: int) -> str:
        """The first phase that followed `target` and still lies ahead, or the end."""
        for name in self.before[self.before.index(target) + 1:]:
            if name in self.after and self.after.index(name) > position:
                return name
        return "end"

    def consequences(self, owner: str, target: str, mended: str, branch: Branch) -> None:
        """Say whom a moved or new phase now reaches, or no longer reaches."""
        end = len(self.after) if mended == "end" else self.after.index(mended)
        now = set(self.after[self.after.index(owner) + 1: end])
        passed = self.passed(owner, target)
        missed = [name for name in self.new.placed if name in now and name not in passed]
        reached = [name for name in self.new.placed if name in passed and name not in now and name in self.after]
        if missed:
            self.said.append(f"the branch of '{owner}' (if {branch.if_}) passes over {names_of(self.old, missed)}")
        if reached:
            self.said.append(f"patients whom the branch of '{owner}' (if {branch.if_}) led past {names_of(self.old, reached)} "
                             "now come to it")

    def companion(self, item: Alongside) -> Alongside | None:
        """A drug alongside, between the same phases; where one of them is gone, between those of its phases that are left."""
        covered = span(self.before, item.from_, item.to)
        left = [name for name in self.after if name in covered]
        if not left:
            self.said.append(f"{item.drug} alongside {names_of(self.old, covered)} goes with it")
            return None
        first = item.from_ if item.from_ in left else left[0]
        to = item.to if item.to == "lifelong" or item.to in left else left[-1]
        if to != "lifelong" and self.after.index(to) < self.after.index(first):
            first, to = to, first
        now = span(self.after, first, to)
        if (first, to) != (item.from_, item.to):
            self.said.append(f"{item.drug} alongside now runs from '{first}' to '{to}' (before: from '{item.from_}' to '{item.to}')")
        more = [name for name in now if name not in covered and name in self.before]
        less = [name for name in left if name not in now]
        if more:
            self.said.append(f"{item.drug} alongside now accompanies {names_of(self.old, more)} too")
        if less:
            self.said.append(f"{item.drug} alongside no longer accompanies {names_of(self.old, less)}")
        return item.model_copy(update={"from_": first, "to": to})


def span(order: Sequence[str], first: str, last: str) -> list[str]:
    """The phases from one to another, or to the end for 'lifelong'."""
    return list(order[order.index(first): len(order) if last == "lifelong" else order.index(last) + 1])


def rearrange(order: Sequence[Phase], placed: Sequence[Phase], anchor: str, after: bool) -> Rearranged:
    """`placed` together before or after the phase `anchor` of `order`; phases of the same id leave their old places."""
    names = {phase.id for phase in placed}
    position = next(index for index, phase in enumerate(order) if phase.id == anchor) + (1 if after else 0)
    head = [phase for phase in order[:position] if phase.id not in names]
    tail = [phase for phase in order[position:] if phase.id not in names]
    return Rearranged((*head, *placed, *tail), tuple(phase.id for phase in placed), tail[0].id if tail else None)
