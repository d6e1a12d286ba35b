"""Rules a regimen must keep beyond its grammar: known drugs, fitting units and doses, reachable phases, real assessments."""

from __future__ import annotations

from remission.base import catalog
from remission.base.errors import InvalidFile, UnitError, nearest
from remission.base.files import Document, Place
from remission.protocol.conditions import Condition
from remission.protocol.model import Alongside, Drug, Give, Regimen
from remission.protocol.resolve import load_drug


def check_regimen(plan: Regimen, human: Regimen, document: Document) -> None:
    """Raise the first broken rule with file and line. `plan` is the resolved form of `human`."""
    _phase_names(human, document)
    for index, phase in enumerate(human.phases):
        for number, give in enumerate(phase.give):
            check_give(give, document, ("phases", index, "give", number))
    for number, item in enumerate(human.alongside):
        check_give(item, document, ("alongside", number))
        _alongside_span(item, human, document, number)
    for phase in plan.phases:
        assert phase.length is not None
        days = phase.length.to("d")
        index = _human_index(human, phase.id)
        for give in phase.give:
            if give.days[-1] > days:
                raise InvalidFile(f"{give.drug} is given on day {give.days[-1]} of the phase '{phase.id}'",
                                  where=document.where(("phases", index)), why=f"the phase lasts {days:g} days",
                                  fix="lengthen the phase or correct the day")
        for item in phase.assess:
            if (item.day or 0) > days:
                raise InvalidFile(f"the assessment '{item.name}' falls on day {item.day}", where=document.where(("phases", index, "assess")),
                                  why=f"the phase '{phase.id}' lasts {days:g} days", fix="correct the day")
    _branches(plan, human, document)


def _human_index(human: Regimen, phase_id: str) -> int:
    stem = phase_id.rsplit("-", 1)[0]
    return next((i for i, phase in enumerate(human.phases) if phase.id in (phase_id, stem)), 0)


def _phase_names(human: Regimen, document: Document) -> None:
    seen: set[str] = set()
    for index, phase in enumerate(human.phases):
        if phase.id in seen or phase.id == "end":
            raise InvalidFile(f"the phase id '{phase.id}' is used twice" if phase.id in seen else "a phase cannot be called 'end'",
                              where=document.where(("phases", index, "id")), why="phases are named to be branched to",
                              fix="rename the phase")
        seen.add(phase.id)


def check_give(give: Give | Alongside, document: Document, place: Place) -> None:
    """A drug that exists, by a route and in a unit it has, within its dose range."""
    if give.drug not in catalog.ids("drugs"):
        raise InvalidFile(f"unknown drug '{give.drug}'", where=document.where((*place, "drug")),
                          why="a drug is a file in catalog/drugs/", near=nearest(give.drug, catalog.ids("drugs")),
                          fix="correct the name, or add the drug's file")
    drug = load_drug(give.drug)
    if give.route not in drug.routes:
        raise InvalidFile(f"{give.drug} is not given by the route '{give.route}'", where=document.where((*place, "route")),
                          why="its routes are " + ", ".join(drug.routes), near=drug.routes[0], fix="correct the route")
    if give.dose.unit not in drug.units:
        raise UnitError(f"the unit of '{give.dose}' does not fit {give.drug}", where=document.where((*place, "dose")),
                        why=f"{give.drug} is dosed in " + ", ".join(drug.units), near=drug.units[0], fix="correct the unit")
    _in_range(give, drug, document, place)


def _in_range(give: Give | Alongside, drug: Drug, document: Document, place: Place) -> None:
    limits = drug.dose_range.get(f"{give.dose.unit} {give.route}") or drug.dose_range.get(give.dose.unit)
    if limits is not None and not limits[0] <= give.dose.value <= limits[1]:
        raise InvalidFile(f"the dose '{give.dose}' of {give.drug} is outside its range", where=document.where((*place, "dose")),
                          why=f"its declared range by this route is {limits[0]:g} to {limits[1]:g} {give.dose.unit}",
                          fix="correct the dose, or the range in the drug's file with a source")


def _alongside_span(item: Alongside, human: Regimen, document: Document, number: int) -> None:
    names = [phase.id for phase in human.phases]
    for key, value in (("from", item.from_), ("to", item.to)):
        if value not in names and not (key == "to" and value == "lifelong"):
            raise InvalidFile(f"'{key}: {value}' names no phase", where=document.where(("alongside", number, key)),
                              why="phases here: " + ", ".join(names), near=nearest(value, names), fix="name a phase of this regimen")


def _branches(plan: Regimen, human: Regimen, document: Document) -> None:
    names = [phase.id for phase in plan.phases]
    made: dict[str, str] = {}
    reached = {names[0]}
    for position, phase in enumerate(plan.phases):
        index = _human_index(human, phase.id)
        made.update((item.name, item.what) for item in phase.assess)
        for condition in (phase.only, *(branch.if_ for branch in phase.then), *(give.only for give in phase.give)):
            if condition is not None:
                _assessed(condition, made, document, ("phases", index))
        always = False
        for number, branch in enumerate(phase.then):
            if branch.go is not None and branch.go not in (*names, "end"):
                raise InvalidFile(f"the branch leads to an unknown phase '{branch.go}'",
                                  where=document.where(("phases", index, "then", number, "go")),
                                  why="phases here: " + ", ".join(p.id for p in human.phases),
                                  near=nearest(branch.go, names), fix="name a phase of this regimen, or 'end'")
            if branch.go in names and names.index(branch.go) <= position:
                raise InvalidFile(f"the branch of '{phase.id}' leads back to '{branch.go}'",
                                  where=document.where(("phases", index, "then", number, "go")),
                                  why="treatment moves forward; a phase given again is written again",
                                  fix="repeat the phase under a new id")
            if branch.go in names:
                reached.add(branch.go)
            always = always or _always(phase.then, number)
        if not always and position + 1 < len(names):
            reached.add(names[position + 1])
    for name in names:
        if name not in reached:
            raise InvalidFile(f"the phase '{name}' can never be reached", where=document.where(("phases", _human_index(human, name))),
                              why="every branch before it leads elsewhere", fix="remove it, or lead a branch to it")


def _always(branches: tuple[object, ...], number: int) -> bool:
    """Whether branch `number` together with an earlier one covers every patient (a condition and its opposite)."""
    from remission.protocol.conditions import negate
    from remission.protocol.model import Branch

    terms = [branch.if_.term for branch in branches if isinstance(branch, Branch)]
    return negate(terms[number]) in terms[:number]


def _assessed(condition: Condition, made: dict[str, str], document: Document, place: Place) -> None:
    for compare in condition.compares():
        needs = {"mrd": "mrd", "cr": "remission"}.get(compare.name)
        if compare.argument and needs and compare.argument not in made:
            raise InvalidFile(f"the condition '{condition}' asks for '{compare.argument}', which is not assessed before it",
                              where=document.where(place), why="assessed so far: " + (", ".join(made) or "nothing"),
                              near=nearest(compare.argument, made), fix="assess it in this phase or an earlier one")
        if compare.name == "received" and compare.argument not in catalog.ids("drugs"):
            raise InvalidFile(f"unknown drug '{compare.argument}' in the condition '{condition}'", where=document.where(place),
                              near=nearest(compare.argument or "", catalog.ids("drugs")), fix="correct the drug's name")
