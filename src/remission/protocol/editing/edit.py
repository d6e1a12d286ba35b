"""Editing a regimen: each function takes a regimen and gives a new, checked one, with what changed in words.

    late = load_regimen("a041703")
    move(late, "blinatumomab", before="consolidation")      insert(late, "mini-hyper-cvd-a", at="induction")

A regimen is never changed in place. Targets are ids of phases, purposes ("consolidation"), drugs or blocks; a name that means
two things is an error that lists them, and "phase x", "purpose x", "drug x", "block x" or "series x" says which is meant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from remission.base import catalog, files
from remission.base.errors import NotFound, RemissionError, UsageError, nearest
from remission.base.files import Document, Place
from remission.protocol.editing.mend import Rearranged, mend, rearrange
from remission.protocol.editing.targets import (
    Target,
    block_named,
    drug_named,
    find,
    gives,
    is_active,
    names_of,
    readings,
    sole_drug,
)
from remission.protocol.model import MAX_REPEAT, Branch, Chemotherapy, Note, Phase, Purpose, Regimen
from remission.protocol.resolve import resolve

NOTHING = "nothing changed: "
_PLACES = ("before", "after", "at")


@dataclass(frozen=True)
class Edited:
    """A regimen after edits, resolved and checked, and what changed in words. Its methods are this module's functions, so that
    edits can be chained: `Edited(late).move("blinatumomab", before="consolidation").insert("pomp", after="course-iv")`."""

    regimen: Regimen
    changes: tuple[str, ...] = ()

    def insert(self, what: str | Phase | Mapping[str, Any], **place: Any) -> Edited:
        """See `insert`."""
        return self._and(insert(self.regimen, what, **place))

    def move(self, what: str, **place: Any) -> Edited:
        """See `move`."""
        return self._and(move(self.regimen, what, **place))

    def remove(self, what: str) -> Edited:
        """See `remove`."""
        return self._and(remove(self.regimen, what))

    def repeat(self, what: str, times: int) -> Edited:
        """See `repeat`."""
        return self._and(repeat(self.regimen, what, times))

    def swap(self, old: str, new: str, **given: Any) -> Edited:
        """See `swap`."""
        return self._and(swap(self.regimen, old, new, **given))

    def then(self, what: str | Phase | Mapping[str, Any], times: int = 1) -> Edited:
        """See `then`."""
        return self._and(then(self.regimen, what, times=times))

    def _and(self, later: Edited) -> Edited:
        return Edited(later.regimen, (*self.changes, *later.changes))


def insert(regimen: Regimen, what: str | Phase | Mapping[str, Any], *, before: str | None = None, after: str | None = None,
           at: str | None = None, times: int = 1, check: bool = True) -> Edited:
    """Add a block, a phase, or a copy of one of the regimen's phases.

    `before` and `after` keep the block's own purpose; `at` puts it where the target begins and makes it part of it. Branches
    to the phase that follows lead to the new one first.
    """
    return checked(regimen, lambda plan: _insert(plan, what, _place(before, after, at), times), check)


def move(regimen: Regimen, what: str, *, before: str | None = None, after: str | None = None, at: str | None = None,
         check: bool = True) -> Edited:
    """Give phases at another time, together and in their order. A drug means its own courses."""
    return checked(regimen, lambda plan: _move(plan, what, _place(before, after, at)), check)


def remove(regimen: Regimen, what: str, *, check: bool = True) -> Edited:
    """Leave out phases, or a drug: its own courses go whole, and its doses elsewhere. A branch to a removed phase leads on."""
    return checked(regimen, lambda plan: _remove(plan, what), check)


def repeat(regimen: Regimen, what: str, times: int, *, check: bool = True) -> Edited:
    """Give a phase, or a run of consecutive phases, so many times in all."""
    return checked(regimen, lambda plan: _repeat(plan, what, times), check)


def swap(regimen: Regimen, old: str, new: str, *, dose: str | None = None, route: str | None = None,
         check: bool = True) -> Edited:
    """Give one drug for another, at its own dose and route where they are named; or one block for another."""
    from remission.protocol.editing.swap import swapped

    return checked(regimen, lambda plan: swapped(plan, old, new, dose, route), check)


def then(regimen: Regimen, what: str | Phase | Mapping[str, Any], *, times: int = 1, check: bool = True) -> Edited:
    """Add a block or a phase at the end, `times` times."""
    return checked(regimen, lambda plan: _then(plan, what, times), check)


def branch(regimen: Regimen, after: str, if_: str, *, go: str | None = None, stop: str | None = None,
           check: bool = True) -> Edited:
    """Add a decision at the end of a phase: go to another phase, or stop. It is asked before the phase's other branches."""
    return checked(regimen, lambda plan: _branch(plan, after, if_, go, stop), check)


Change = tuple[Regimen, list[str]]


def checked(regimen: Regimen, change: Callable[[Regimen], Change], check: bool = True) -> Edited:
    """Apply a change to the resolved regimen, give the result a name and notes of its own, and check it unless `check` is false."""
    plan = resolve(regimen)
    changed, said = change(plan)
    if changed is plan:
        return Edited(plan, tuple(said))
    new = renamed(plan, resolve(changed), said)
    return Edited(validated(new), (*said, *new_warnings(plan, new))) if check else Edited(new, tuple(said))


class _Place(Document):
    """Says where in an edited regimen a rule is broken: it stands in no file."""

    def where(self, place: Place = ()) -> str:
        names = [phase["id"] for phase in self.data]
        inside = [str(step) for step in place if isinstance(step, str)]
        if len(place) > 1 and place[0] == "phases" and isinstance(place[1], int) and place[1] < len(names):
            inside = [f"phase {names[place[1]]}", *inside[1:]]
        return ", ".join([self.path, *inside])


def validated(plan: Regimen) -> Regimen:
    """The plan, if it keeps every rule of the catalog. Raises the rule's error, saying that an edit broke it."""
    from remission.protocol.check import check_regimen

    document = _Place(f"edit, {plan.id}", [{"id": phase.id} for phase in plan.phases], {})
    try:
        check_regimen(plan, plan, document)
    except RemissionError as error:
        raise type(error)(f"the edit breaks a rule: {error.what}", where=error.where, why=error.why, near=error.near,
                          fix=f"{error.fix}, or edit the phase named here as well") from None
    return plan


def new_warnings(old: Regimen, new: Regimen) -> list[str]:
    """Remarks that hold of the new regimen and did not of the old one."""
    from remission.protocol.warn import warnings

    known = {warning.what for warning in warnings(old)}
    return [f"warning: {warning.what} ({warning.why})" for warning in warnings(new) if warning.what not in known]


def renamed(old: Regimen, new: Regimen, said: Sequence[str]) -> Regimen:
    """The new regimen under an id of its own; it belongs to no trial, and its notes say what was changed."""
    first = not any(note.about == "edit" for note in old.notes)
    notes = (*old.notes, *(Note(about="edit", text=text) for text in said))
    update: dict[str, Any] = {"notes": notes, "trial": None}
    if first:
        update |= {"id": old.id[:57] + "-edited", "title": f"{old.title}, edited",
                   "summary": f"{old.id}, changed as its notes say. It began as: {old.summary}"}
    return new.model_copy(update=update)


def _place(before: str | None, after: str | None, at: str | None) -> tuple[str, str]:
    """Which of the three places is meant. Raises UsageError unless it is exactly one."""
    named = [(name, text) for name, text in zip(_PLACES, (before, after, at), strict=True) if text is not None]
    if len(named) != 1:
        raise UsageError("a place is needed" if not named else "two places are given", where="edit",
                         why="an edit puts phases in one place", fix="say one of before=…, after=… and at=…")
    return named[0]


def anchor(regimen: Regimen, place: tuple[str, str]) -> tuple[str, Target]:
    """The phase at which a place lies, and the target that named it: the last phase for "after", otherwise the first."""
    where, text = place
    last = -1 if where == "after" else 0
    target = find(regimen, text, lambda found: found.phases[last])
    return target.phases[last], target


def _insert(plan: Regimen, what: str | Phase | Mapping[str, Any], place: tuple[str, str], times: int = 1) -> Change:
    point, target = anchor(plan, place)
    new = _material(plan, what, times)
    said = [f"inserted {_described(plan, new)} " + (f"after '{point}'" if place[0] == "after" else f"before '{point}'")]
    if place[0] == "at":
        new, more = _part_of(plan, new, point)
        said += more
    return _rearranged(plan, new, place, point, target, said)


def _move(plan: Regimen, what: str, place: tuple[str, str]) -> Change:
    source = find(plan, what)
    if source.kind == "drug":
        _own_courses(plan, source)
    point, target = anchor(plan, place)
    phases = [phase for phase in plan.phases if phase.id in source.phases]
    names = names_of(plan, source.phases)
    said = [f"moved {names} " + (f"after '{point}'" if place[0] == "after" else f"before '{point}'")]
    moved: Sequence[Phase] = phases
    if place[0] == "at" and point not in source.phases:
        moved, more = _part_of(plan, phases, point)
        said += more
    arranged = rearrange(plan.phases, moved, point, place[0] == "after")
    if [phase.id for phase in arranged.phases] == [phase.id for phase in plan.phases] and list(moved) == phases:
        return plan, [f"{NOTHING}{names} already stand{'s' if len(phases) == 1 else ''} {place[0]} {place[1]}"]
    if point in source.phases:
        said = [f"moved {names} together, to the place of '{point}'"]
    return _rearranged(plan, moved, place, point, target, said)


def _rearranged(plan: Regimen, placed: Sequence[Phase], place: tuple[str, str], point: str, target: Target, said: list[str]) -> Change:
    after = place[0] == "after"
    arranged = rearrange(plan.phases, placed, point, after)
    if after and point not in arranged.placed:
        ways = [item.go for item in next(phase for phase in plan.phases if phase.id == point).then if item.go not in (None, "end")]
        if ways:
            raise UsageError(f"'{place[0]} {place[1]}' is ambiguous: '{point}' ends in a decision", where=f"regimen {plan.id}",
                             why="it leads to " + ", ".join(f"'{way}'" for way in dict.fromkeys([*ways, arranged.into]) if way),
                             near=f"before {ways[0]}", fix="name the phase before which it is to stand")
        if len(target.phases) == 1:  # attached to that phase: who passes over it passes over these too
            arranged = Rearranged(arranged.phases, arranged.placed, None)
    mended, more = mend(plan, arranged)
    return mended, said + more


def _own_courses(plan: Regimen, source: Target) -> None:
    """A drug can be moved when its phases are courses of that drug; otherwise the phases must be named."""
    mixed = [phase.id for phase in plan.phases if phase.id in source.phases and not sole_drug(phase, source.name)]
    if mixed:
        own = [name for name in source.phases if name not in mixed]
        raise UsageError(f"{source.name} is given together with other drugs", where=f"regimen {plan.id}",
                         why=f"with others: {names_of(plan, mixed)}" + (f"; by itself: {names_of(plan, own)}" if own else ""),
                         near=f"phase {(own or mixed)[0]}", fix="name the phases that are meant, one by one")


def _part_of(plan: Regimen, phases: Sequence[Phase], point: str) -> tuple[list[Phase], list[str]]:
    """The phases with the purpose of the phase `point`; chemotherapy counts by the new purpose."""
    purpose = next(phase.purpose for phase in plan.phases if phase.id == point)
    new: list[Phase] = []
    changed: dict[str, list[str]] = {}
    for phase in phases:
        kind = chemotherapy_as(phase.chemotherapy, purpose)
        if purpose != phase.purpose:
            changed.setdefault(f"counted as {purpose} (before: {phase.purpose})", []).append(phase.id)
        if kind != phase.chemotherapy:
            changed.setdefault(f"its chemotherapy counted as {kind} (before: {phase.chemotherapy})", []).append(phase.id)
        new.append(phase.model_copy(update={"purpose": purpose, "chemotherapy": kind}))
    return new, [f"{names_of(plan, names)}: {text}" for text, names in changed.items()]


def chemotherapy_as(kind: Chemotherapy | None, purpose: Purpose | None) -> Chemotherapy | None:
    """An intensive or reduced course counts as induction in an induction, and as consolidation in a consolidation."""
    if kind in ("intensive consolidation", "reduced consolidation") and purpose == "induction":
        return "intensive induction" if kind == "intensive consolidation" else "reduced induction"
    if kind in ("intensive induction", "reduced induction") and purpose in ("consolidation", "intensification"):
        return "intensive consolidation" if kind == "intensive induction" else "reduced consolidation"
    return kind


def _material(plan: Regimen, what: str | Phase | Mapping[str, Any], times: int) -> list[Phase]:
    """The phases that an insertion adds, resolved, under ids that the regimen does not have yet."""
    if not 1 <= times <= MAX_REPEAT:
        raise UsageError(f"{times} times cannot be meant", where="edit", why=f"a phase is given 1 to {MAX_REPEAT} times", near="1",
                         fix=f"say a number from 1 to {MAX_REPEAT}")
    phase = _new_phase(plan, what)
    if times > 1:
        phase = phase.model_copy(update={"repeat": times})
    taken = {item.id for item in plan.phases}
    stem, number = phase.id, 1
    while phase.id in taken or any(f"{phase.id}-{count}" in taken for count in range(1, times + 1) if times > 1):
        number += 1
        phase = phase.model_copy(update={"id": f"{stem[:58]}-{number}"})
    alone = plan.model_copy(update={"phases": (phase.model_copy(update={"then": ()}),), "alongside": ()})
    made = resolve(alone).phases
    return [*made[:-1], made[-1].model_copy(update={"then": phase.then})]


def _new_phase(plan: Regimen, what: str | Phase | Mapping[str, Any]) -> Phase:
    place = f"place in an edit of {plan.id}"
    if isinstance(what, Phase):
        return what
    if isinstance(what, Mapping):
        return files.parse(Document("<edit>", dict(what), {}), Phase)
    own = next((phase for phase in plan.phases if phase.id == what), None)
    if own is not None:
        return own.model_copy(update={"assess": (), "then": (), "randomise": None, "source": None, "assumed": place})
    block = block_named(what)
    if block is not None:
        return Phase(id=block.id, block=block.id, assumed=place)
    drug = drug_named(what)
    giving = [name for name in catalog.ids("blocks") if drug and any(give.drug == drug for give in _block(name).give)]
    raise NotFound(f"'{what[:60]}' is neither a block nor a phase of {plan.id}", where=f"edit of {plan.id}",
                   why=f"blocks that give {drug}: " + ", ".join(giving[:8]) if giving else "a block is a file in catalog/blocks/",
                   near=giving[0] if giving else nearest(what, [*catalog.ids("blocks"), *(phase.id for phase in plan.phases)]),
                   fix="name a block, or write the phase out")


def _block(name: str) -> Any:
    return block_named(name)


def _described(plan: Regimen, phases: Sequence[Phase]) -> str:
    """Ids, title and length of new phases."""
    days = round(sum(phase.length.to("d") for phase in phases if phase.length))
    title = (phases[0].title or phases[0].id).removesuffix(" 1" if len(phases) > 1 else "")
    return f"{names_of(plan, [phase.id for phase in phases])} ({title}, {days} day{'s' if days != 1 else ''} in all)"


def _remove(plan: Regimen, what: str) -> Change:
    beside = drug_named(what.removeprefix("drug "))
    if beside and any(item.drug == beside for item in plan.alongside) and not readings(plan, what):
        return _remove_drug(plan, beside)
    target = find(plan, what, lambda found: (found.phases, found.kind == "drug" and not all(
        sole_drug(phase, found.name) for phase in plan.phases if phase.id in found.phases)))
    if target.kind == "drug":
        return _remove_drug(plan, target.name)
    return _without(plan, [phase for phase in plan.phases if phase.id not in target.phases], [f"removed {names_of(plan, target.phases)}"])


def _remove_drug(plan: Regimen, drug: str) -> Change:
    """The drug's own courses go whole, and its doses in other phases; a phase that is left with nothing goes too."""
    kept: list[Phase] = []
    courses: list[str] = []
    lightened: list[str] = []
    spans = {name for item in plan.alongside if item.drug != drug for name in (item.from_, item.to)}
    for phase in plan.phases:
        rest = tuple(give for give in phase.give if give.drug != drug)
        empty = not rest and not phase.assess and not phase.then and phase.id not in spans
        if gives(phase, drug) and ((is_active(drug) and sole_drug(phase, drug)) or empty):
            courses.append(phase.id)
        else:
            lightened += [phase.id] if len(rest) < len(phase.give) else []
            kept.append(phase.model_copy(update={"give": rest}))
    said = [f"removed {names_of(plan, courses)}"] if courses else []
    said += [f"removed {drug} from {names_of(plan, lightened)}"] if lightened else []
    beside = [item for item in plan.alongside if item.drug == drug]
    said += [f"removed {drug} alongside"] if beside else []
    return _without(plan.model_copy(update={"alongside": tuple(item for item in plan.alongside if item.drug != drug)}), kept, said)


def _without(plan: Regimen, kept: Sequence[Phase], said: list[str]) -> Change:
    if not kept:
        raise UsageError("nothing would be left of the regimen", where=f"regimen {plan.id}", why="a regimen has at least one phase",
                         near=plan.phases[0].id, fix="keep at least one phase")
    mended, more = mend(plan, Rearranged(tuple(kept)))
    lost = {item.name for phase in plan.phases for item in phase.assess} - {item.name for phase in kept for item in phase.assess}
    if lost:
        more.append("no longer assessed: " + ", ".join(sorted(lost)))
    return mended, said + more


def _repeat(plan: Regimen, what: str, times: int) -> Change:
    from remission.protocol.editing.repeat import repeated

    if not 1 <= times <= MAX_REPEAT:
        raise UsageError(f"{times} times cannot be meant", where="edit", why=f"a phase is given 1 to {MAX_REPEAT} times", near="1",
                         fix="use remove to leave it out" if times < 1 else f"say at most {MAX_REPEAT}")
    return repeated(plan, find(plan, what), times)


def _then(plan: Regimen, what: str | Phase | Mapping[str, Any], times: int) -> Change:
    new = _material(plan, what, times)
    mended, more = mend(plan, Rearranged((*plan.phases, *new), tuple(phase.id for phase in new)))
    return mended, [f"added {_described(plan, new)} at the end", *more]


def _branch(plan: Regimen, after: str, if_: str, go: str | None, stop: str | None) -> Change:
    owner, _ = anchor(plan, ("after", after))
    data: dict[str, Any] = {"if": if_, "assumed": f"decision in an edit of {plan.id}"}
    if go is not None:
        data["go"] = go if go == "end" else anchor(plan, ("before", go))[0]
    if stop is not None:
        data["stop"] = stop
    new = files.parse(Document("<edit>", data, {}), Branch)
    phases = tuple(phase.model_copy(update={"then": (new, *phase.then)}) if phase.id == owner else phase for phase in plan.phases)
    goal = f"'{new.go}'" if new.go else f"the end ({new.stop})"
    return plan.model_copy(update={"phases": phases}), [f"after '{owner}', if {new.if_}: on to {goal}"]
