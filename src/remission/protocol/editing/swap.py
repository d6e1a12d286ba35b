"""Giving one drug for another, or one block for another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from remission.base.errors import NotFound, Problem, UsageError, nearest
from remission.base.units import Quantity
from remission.protocol.comparing.meaning import Line
from remission.protocol.conditions import Compare, Condition, Join, Term
from remission.protocol.editing.targets import block_named, contains, drug_named, known, names_of
from remission.protocol.model import Alongside, Block, Give, Phase, Regimen
from remission.protocol.resolve import resolve

Change = tuple[Regimen, list[str]]
ItemT = TypeVar("ItemT", Give, Alongside)


def swapped(plan: Regimen, old: str, new: str, dose: str | None, route: str | None) -> Change:
    """The plan with `new` for `old`, and what changed. Raises NotFound or UsageError when that cannot be meant."""
    first, second = drug_named(old), drug_named(new)
    if first and second:
        return _drugs(plan, first, second, dose, route)
    blocks = block_named(old), block_named(new)
    if blocks[0] and blocks[1]:
        if dose or route:
            raise UsageError("a dose does not belong to a block", where="edit", fix="swap drugs, or leave out the dose and route")
        return _blocks(plan, blocks[0], blocks[1])
    missing, other = (old, new) if not (first or blocks[0]) else (new, old)
    if (first or blocks[0]) and (second or blocks[1]):
        raise UsageError(f"'{old}' and '{new}' cannot be swapped", where="edit", why="one is a drug and the other a block",
                         fix="name two drugs or two blocks")
    raise NotFound(f"'{missing[:60]}' is neither a drug nor a block", where="edit", why=f"to swap with '{other[:60]}'",
                   near=nearest(missing, known(plan)), fix="correct the name; see: remission list drugs")


def _drugs(plan: Regimen, old: str, new: str, dose: str | None, route: str | None) -> Change:
    places = [phase.id for phase in plan.phases if any(give.drug == old for give in phase.give)]
    beside = any(item.drug == old for item in plan.alongside)
    if not places and not beside:
        given = sorted({give.drug for phase in plan.phases for give in phase.give} | {item.drug for item in plan.alongside})
        raise NotFound(f"{old} is not given in {plan.id}", where=f"regimen {plan.id}", why="its drugs: " + ", ".join(given),
                       near=nearest(old, given), fix="name a drug of this regimen")
    if old == new and dose is None and route is None:
        return plan, [f"nothing changed: {old} for {new}"]
    update: dict[str, Any] = {"drug": new, "source": None, "assumed": f"given for {old} in an edit of {plan.id}"}
    if dose is not None:
        update["dose"] = _quantity(dose)
    if route is not None:
        update["route"] = route
    phases = tuple(_renamed(phase.model_copy(update={"give": tuple(_given(give, old, update) for give in phase.give)}), old, new)
                   for phase in plan.phases)
    alongside = tuple(_given(item, old, update) for item in plan.alongside)
    amount = (f" at {dose}" if dose else " at the same doses") + (f", {route}" if route else "")
    said = [f"{new} for {old}{amount}" + (f" in {names_of(plan, places)}" if places else "")
            + (", and" if places and beside else "") + (" alongside" if beside else "")]
    if any(before.only != after.only or before.then != after.then for before, after in zip(plan.phases, phases, strict=True)):
        said.append(f"conditions that asked for {old} now ask for {new}")
    return plan.model_copy(update={"phases": phases, "alongside": alongside}), said


def _quantity(text: str) -> Quantity:
    try:
        return Quantity.parse(text)
    except Problem as problem:
        raise UsageError(problem.what, where="edit", why=problem.why, near=problem.near, fix=problem.fix) from None


def _given(item: ItemT, old: str, update: dict[str, Any]) -> ItemT:
    if item.drug != old:
        return item
    more = {"cap": None} if "dose" in update and isinstance(item, Give) else {}  # the old drug's cap is not the new one's
    new = {**item.model_dump(by_alias=True), **update, **more}
    return type(item).model_validate({key: value for key, value in new.items() if value is not None})


def _renamed(phase: Phase, old: str, new: str) -> Phase:
    """The phase with `received(old)` asking for the new drug."""

    def ask(condition: Condition | None) -> Condition | None:
        return condition and Condition(_term(condition.term, old, new))

    return phase.model_copy(update={
        "only": ask(phase.only), "give": tuple(give.model_copy(update={"only": ask(give.only)}) for give in phase.give),
        "then": tuple(branch.model_copy(update={"if_": ask(branch.if_)}) for branch in phase.then)})


def _term(term: Term, old: str, new: str) -> Term:
    if isinstance(term, Compare):
        return Compare(term.name, new, term.op, term.value) if (term.name, term.argument) == ("received", old) else term
    return Join(term.word, tuple(_term(item, old, new) for item in term.items))


def _blocks(plan: Regimen, old: Block, new: Block) -> Change:
    from remission.protocol.editing.edit import chemotherapy_as

    places = [phase.id for phase in plan.phases if contains(phase, old)]
    if not places:
        raise NotFound(f"the block {old.id} is not given in {plan.id}", where=f"regimen {plan.id}",
                       why="phases: " + names_of(plan, [phase.id for phase in plan.phases]), fix="name a block of this regimen")
    phases: list[Phase] = []
    said = [f"{new.id} for {old.id} in {names_of(plan, places)}"]
    for phase in plan.phases:
        if phase.id not in places:
            phases.append(phase)
            continue
        human = Phase(id=phase.id, block=new.id, assumed=f"given for {old.id} in an edit of {plan.id}")
        course = resolve(plan.model_copy(update={"phases": (human,), "alongside": ()})).phases[0]
        update: dict[str, Any] = {"give": (*course.give, *_others(phase, old)), "source": None, "assumed": course.assumed,
                                  "chemotherapy": chemotherapy_as(new.chemotherapy, phase.purpose)}
        if phase.length == old.length or phase.title == old.title:
            update |= {"length": course.length, "title": new.title if phase.title == old.title else phase.title}
        if phase.length and course.length and update.get("length", phase.length) != phase.length:
            said.append(f"'{phase.id}' lasts {course.length} (before: {phase.length})")
        phases.append(phase.model_copy(update=update))
    return plan.model_copy(update={"phases": tuple(phases)}), said


def _others(phase: Phase, block: Block) -> Sequence[Give]:
    """What the phase gives beside the block: each entry of the block is taken away once."""
    due = [(Line.of(give, {}), give.days) for give in block.give]
    left: list[Give] = []
    for give in phase.give:
        entry = (Line.of(give, {}), give.days)
        if entry in due:
            due.remove(entry)
        else:
            left.append(give)
    written_otherwise = {line for line, _ in due}
    return [give for give in left if Line.of(give, {}) not in written_otherwise]
