"""Rules a regimen must keep beyond its grammar: known drugs, fitting units and doses, reachable phases, real assessments.

Each broken rule stops with its file and line. What is worth knowing but may be meant is in `warn`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property

from remission.base import catalog
from remission.base.errors import InvalidFile, UnitError, nearest
from remission.base.files import Document, Place
from remission.base.units import UNITS
from remission.protocol import flow
from remission.protocol.conditions import Compare, Condition
from remission.protocol.logic import Reasoner, baseline_only
from remission.protocol.model import MAX_DOSES, MAX_PLAN_DAYS, Alongside, Cited, Drug, Give, Phase, Regimen
from remission.protocol.resolve import block_file, drug_file

RESERVED_PHASES = ("end", "lifelong")  # said in `go: end` and `to: lifelong`
_ASKED = {"mrd": "mrd", "cr": "remission", "cytoreduction": "cytoreduction", "mutation": "mutation"}


def check_regimen(plan: Regimen, human: Regimen, document: Document) -> None:
    """Raise the first broken rule with file and line. `plan` is the resolved form of `human`."""
    rules = _Rules(plan, human, document)
    rules.names()
    rules.sources()
    rules.size()
    rules.drugs()
    rules.days()
    rules.alongside()
    rules.shape()
    rules.branches()
    rules.conditions()
    rules.reachable()
    rules.infusions()


@dataclass(frozen=True)
class _Rules:
    plan: Regimen
    human: Regimen
    document: Document

    @cached_property
    def origin(self) -> tuple[int, ...]:
        """For each phase of the plan, the number of the phase it was written as."""
        return tuple(index for index, phase in enumerate(self.human.phases) for _ in range(phase.repeat or 1))

    @cached_property
    def reason(self) -> Reasoner:
        return flow.reasoner(self.plan)

    @cached_property
    def ways(self) -> tuple[flow.Step, ...]:
        return flow.steps(self.plan, self.reason)

    def phases(self) -> Iterator[tuple[int, Phase]]:
        """The phases of the plan, each with the number of the phase it was written as."""
        return zip(self.origin, self.plan.phases, strict=True)

    def where(self, *place: str | int) -> str:
        return self.document.where(place)

    def given_at(self, index: int, number: int) -> tuple[str, str]:
        """Where a phase's give stands in this file, and the block's file and line when it comes from a block."""
        block = self.human.phases[index].block
        if block is None:
            return self.where("phases", index, "give", number), ""
        shared, source = block_file(block)
        if number < len(shared.give):
            return self.where("phases", index, "block"), source.where(("give", number))
        return self.where("phases", index, "give", number - len(shared.give)), ""

    def names(self) -> None:
        """Names that are unique, when repeats are written out too, and not reserved."""
        for index, phase in enumerate(self.human.phases):
            if phase.id in RESERVED_PHASES:
                raise InvalidFile(f"a phase cannot be called '{phase.id}'", where=self.where("phases", index, "id"),
                                  why="the word has a meaning of its own", fix="rename the phase")
        seen: set[str] = set()
        made: set[str] = set()
        for index, phase in self.phases():
            if phase.id in seen or len(phase.id) > 64:
                raise InvalidFile(f"the phase id '{phase.id}' is {'used twice' if phase.id in seen else 'too long'}",
                                  where=self.where("phases", index, "id"), fix="rename the phase",
                                  why="phases are named to be branched to; a repeated phase is numbered -1, -2 …")
            seen.add(phase.id)
            for number, item in enumerate(phase.assess):
                if item.name in made or item.name == "any" or len(item.name) > 64:
                    why = "used twice" if item.name in made else "too long" if item.name != "any" else "reserved"
                    raise InvalidFile(f"the assessment name '{item.name}' is {why}", fix="rename the assessment",
                                      where=self.where("phases", index, "assess", number, "name"),
                                      why="conditions and results ask for assessments by name; 'any' stands for the best of all")
                made.add(item.name)

    def sources(self) -> None:
        for place, item in _cited(self.human):
            _check_source(item, self.document, place)

    def size(self) -> None:
        """A plan that can be written out and simulated."""
        days = sum(phase.length.to("d") for phase in self.plan.phases if phase.length is not None)
        doses = sum(len(give.days) for phase in self.plan.phases for give in phase.give)
        if days > MAX_PLAN_DAYS or doses > MAX_DOSES:
            raise InvalidFile("the regimen is too long", where=self.where("phases"), fix="correct lengths and repeats",
                              why=f"its phases last {days:g} days with {doses} dose days; at most {MAX_PLAN_DAYS} and {MAX_DOSES} are read")

    def drugs(self) -> None:
        for index, phase in enumerate(self.human.phases):
            if phase.block is not None:
                check_block(phase.block)
            for number, give in enumerate(phase.give):
                check_give(give, self.document, ("phases", index, "give", number))
        for number, item in enumerate(self.human.alongside):
            check_give(item, self.document, ("alongside", number))

    def days(self) -> None:
        """Doses and assessments within their phase."""
        for index, phase in self.phases():
            days = phase.length.to("d") if phase.length is not None else 0.0
            for number, give in enumerate(phase.give):
                if give.days[-1] > days:
                    where, block = self.given_at(index, number)
                    raise InvalidFile(f"{give.drug} is given on day {give.days[-1]} of the phase '{phase.id}'",
                                      where=self.where("phases", index, "length") if block else where,
                                      why=f"the phase lasts {days:g} days" + (f"; the day stands in {block}" if block else ""),
                                      fix="lengthen the phase or correct the day")
            for number, item in enumerate(phase.assess):
                if (item.day or 0) > days:
                    raise InvalidFile(f"the assessment '{item.name}' falls on day {item.day}",
                                      where=self.where("phases", index, "assess", number, "day"),
                                      why=f"the phase '{phase.id}' lasts {days:g} days", fix="correct the day")

    def alongside(self) -> None:
        """Drugs alongside run from a phase to the same or a later one."""
        names = [phase.id for phase in self.human.phases]
        for number, item in enumerate(self.human.alongside):
            for key, value in (("from", item.from_), ("to", item.to)):
                if value not in names and not (key == "to" and value == "lifelong"):
                    raise InvalidFile(f"'{key}: {value[:64]}' names no phase", where=self.where("alongside", number, key),
                                      why="phases here: " + ", ".join(names), near=nearest(value, names),
                                      fix="name a phase of this regimen" + (", or 'lifelong'" if key == "to" else ""))
            if item.to in names and names.index(item.to) < names.index(item.from_):
                raise InvalidFile(f"{item.drug} runs from '{item.from_}' back to '{item.to}'", where=self.where("alongside", number, "to"),
                                  why="treatment moves forward", near=item.from_, fix="name a phase that is not earlier")

    def shape(self) -> None:
        """Keys that only some phases can have."""
        for index, phase in enumerate(self.human.phases):
            if phase.conditioning is not None and phase.purpose != "transplant":
                raise InvalidFile("only a transplant has 'conditioning'", where=self.where("phases", index, "conditioning"),
                                  why=f"the purpose of '{phase.id}' is {phase.purpose or 'not transplant'}", near="purpose: transplant",
                                  fix="remove the key, or give the phase that purpose")
            if phase.randomise is None:
                continue
            if (phase.repeat or 1) > 1:
                raise InvalidFile("a repeated phase cannot randomise", where=self.where("phases", index, "randomise"),
                                  why="patients are randomised once at this point", fix="move it to a phase that is given once")
            known = {*catalog.ids("regimens"), self.human.id}
            for number, arm in enumerate(phase.randomise.arms):
                if arm not in known:
                    raise InvalidFile(f"unknown regimen '{arm}' as an arm", where=self.where("phases", index, "randomise", "arms", number),
                                      why="an arm is a file in catalog/regimens/", near=nearest(arm, known), fix="correct the id")

    def branches(self) -> None:
        """Branches lead forward, to phases that exist."""
        positions = {phase.id: position for position, phase in enumerate(self.plan.phases)}
        for position, (index, phase) in enumerate(self.phases()):
            for number, branch in enumerate(phase.then):
                if branch.go is None or branch.go == "end":
                    continue
                place = self.where("phases", index, "then", number, "go")
                if branch.go not in positions:
                    names = [p.id for p in self.human.phases]
                    raise InvalidFile(f"the branch leads to an unknown phase '{branch.go}'", where=place,
                                      why="phases here: " + ", ".join(names), near=nearest(branch.go, names),
                                      fix="name a phase of this regimen, or 'end'")
                if positions[branch.go] <= position:
                    raise InvalidFile(f"the branch of '{phase.id}' leads back to '{branch.go}'", where=place,
                                      why="treatment moves forward; a phase given again is written again",
                                      fix="repeat the phase under a new id")

    def conditions(self) -> None:
        """Conditions ask for what is known when they are judged."""
        seen = flow.Seen(self.plan, self.ways)
        for number, condition in enumerate(self.human.eligibility):
            if not baseline_only(condition):
                raise InvalidFile(f"the eligibility '{condition}' asks for something that treatment brings",
                                  where=self.where("eligibility", number), why="eligibility is judged before treatment",
                                  fix="ask for age, counts, markers or genetics")
        for position, (index, phase) in enumerate(self.phases()):
            if phase.only is not None:
                self.asked(phase.only, seen, position, False, self.where("phases", index, "only"))
            for number, give in enumerate(phase.give):
                if give.only is not None:
                    where, block = self.given_at(index, number)
                    self.asked(give.only, seen, position, False, where, block)
            for number, branch in enumerate(phase.then):
                self.asked(branch.if_, seen, position, True, self.where("phases", index, "then", number, "if"))
            if phase.randomise is not None and phase.randomise.if_ is not None:
                self.asked(phase.randomise.if_, seen, position, True, self.where("phases", index, "randomise", "if"))
        for number, item in enumerate(self.human.alongside):
            if item.only is not None:
                self.asked(item.only, seen, len(self.plan.phases), False, self.where("alongside", number, "only"))

    def asked(self, condition: Condition, seen: flow.Seen, position: int, ended: bool, where: str, block: str = "") -> None:
        """Raise when `condition`, judged at a phase's beginning or end, asks for what cannot have been seen by then."""
        for compare in condition.compares():
            if compare.name == "received" and compare.argument not in catalog.ids("drugs"):
                raise InvalidFile(f"unknown drug '{compare.argument}' in the condition '{condition}'", where=where,
                                  why="a drug is a file in catalog/drugs/", near=_near_drug(compare.argument or ""),
                                  fix="correct the drug's name")
            problem, near = self._unseen(compare, seen, position, ended)
            if problem:
                why = "what was not looked for cannot be branched on" + (f"; the condition stands in {block}" if block else "")
                raise InvalidFile(f"the condition '{str(condition)[:120]}' asks for {problem}", where=where, near=near, why=why,
                                  fix="assess it in " + ("this phase or an earlier one" if ended else "an earlier phase"))

    def _unseen(self, compare: Compare, seen: flow.Seen, position: int, ended: bool) -> tuple[str, str]:
        """What a comparison asks for in vain, and the nearest that it could ask for."""
        if compare.name in ("transplanted", "received", "received_blinatumomab"):
            wanted = "transplant" if compare.name == "transplanted" else compare.argument or "blinatumomab"
            shown = "a transplant" if wanted == "transplant" else wanted
            return ("" if seen.given(wanted, position, ended) else f"{shown}, which no earlier phase gives"), ""
        what = _ASKED.get(compare.name)
        if what is None:
            return "", ""
        kind = seen.whats.get(compare.argument or "", what)
        if kind == what and seen.assessed(compare.argument, what, position, ended):
            return "", ""
        if compare.argument is None:
            return f"{what}, which is not assessed before it", ""
        near = nearest(compare.argument, seen.names(what, position, ended))
        if kind != what:
            return f"the {what} at '{compare.argument}', which assesses {kind}", near
        return f"'{compare.argument}', which is not assessed before it", near

    def reachable(self) -> None:
        come = flow.reached(self.ways)
        for position, (index, phase) in enumerate(self.phases()):
            if not come[position]:
                asked = not self.ways[position].given
                raise InvalidFile(f"the phase '{phase.id}' can never be reached",
                                  where=self.where("phases", index, "only") if asked else self.where("phases", index),
                                  why="no eligible patient can meet its 'only'" if asked else "every branch before it leads elsewhere",
                                  fix="correct the condition" if asked else "remove it, or lead a branch to it")

    def infusions(self) -> None:
        """No two infusions of one drug at the same time in the same patient."""
        for position, (index, phase) in enumerate(self.phases()):
            pair = _overlap(phase.give, self.reason, [*self.plan.eligibility, phase.only])
            if pair is not None:
                first, second, day = pair
                where, block = self.given_at(index, second)
                other, _ = self.given_at(index, first)
                raise _overlapping(phase.give[second].drug, day, where, block or other)
            for number, item in enumerate(self.plan.alongside):
                if item.route == "civ" and self._runs(item, position):
                    for count, give in enumerate(phase.give):
                        if give.drug == item.drug and give.route == "civ" and self.reason.possible(
                                [*self.plan.eligibility, phase.only, give.only, item.only]):
                            raise _overlapping(give.drug, give.days[0], self.given_at(index, count)[0], self.where("alongside", number))

    def _runs(self, item: Alongside, position: int) -> bool:
        names = [phase.id for phase in self.plan.phases]
        last = len(names) if item.to == "lifelong" else names.index(item.to)
        return names.index(item.from_) <= position <= last


def _overlapping(drug: str, day: int, where: str, other: str) -> InvalidFile:
    return InvalidFile(f"two infusions of {drug} overlap on day {day}", where=where, why=f"the other one stands in {other}",
                       fix="correct the days, or give them 'only' conditions that exclude each other")


def _overlap(gives: tuple[Give, ...], reason: Reasoner, among: list[Condition | None]) -> tuple[int, int, int] | None:
    """Two continuous infusions of one drug on one day that one patient can receive: their numbers and the day."""
    running = [(number, give, set(give.days)) for number, give in enumerate(gives) if give.route == "civ"]
    for count, (second, give, days) in enumerate(running):
        for first, other, earlier in running[:count]:
            if other.drug == give.drug and days & earlier and reason.possible([*among, other.only, give.only]):
                return first, second, min(days & earlier)
    return None


def check_give(give: Give | Alongside, document: Document, place: Place) -> None:
    """A drug that exists, by a route and in a unit it has, within its dose range, and not into itself."""
    if give.drug not in catalog.ids("drugs"):
        raise InvalidFile(f"unknown drug '{give.drug}'", where=document.where((*place, "drug")),
                          why="a drug is a file in catalog/drugs/", near=_near_drug(give.drug),
                          fix="correct the name, or add the drug's file")
    drug = check_drug(give.drug)
    if give.route not in drug.routes:
        raise InvalidFile(f"{give.drug} is not given by the route '{give.route}'", where=document.where((*place, "route")),
                          why="its routes are " + ", ".join(drug.routes), near=drug.routes[0], fix="correct the route")
    units = [unit for unit in drug.units if _range(drug, unit, give.route) is not None]
    if give.dose.unit not in units:
        raise UnitError(f"the unit of '{give.dose}' does not fit {give.drug}", where=document.where((*place, "dose")),
                        why=f"by the route {give.route} it is dosed in " + (", ".join(units) or "no unit so far"),
                        near=units[0] if units else "", fix="correct the unit, or add a range to the drug's file")
    _in_range(give, drug, document, place)
    if isinstance(give, Give) and give.over is not None and _into_itself(give, give.over.to("d")):
        raise InvalidFile(f"the infusions of {give.drug} run into each other", where=document.where((*place, "over")),
                          why=f"each lasts {give.over}, {give.per_day} a day", fix="shorten them, or correct the days")


def _near_drug(given: str) -> str:
    """The drug that goes by a name, or the id nearest to it."""
    by_name = {synonym.lower(): name for name in catalog.ids("drugs") for synonym in drug_file(name)[0].synonyms}
    return by_name.get(given.lower()) or nearest(given, catalog.ids("drugs"))


def _into_itself(give: Give, over_d: float) -> bool:
    apart = min((after - before for before, after in zip(give.days, give.days[1:], strict=False)), default=1000)
    return over_d * give.per_day > (1.0 if give.per_day > 1 else apart) + 1e-9


def _range(drug: Drug, unit: str, route: str) -> tuple[float, float] | None:
    return drug.dose_range.get(f"{unit} {route}") or drug.dose_range.get(unit)


def _in_range(give: Give | Alongside, drug: Drug, document: Document, place: Place) -> None:
    quantities = [("dose", give.dose)]
    if isinstance(give, Give) and give.cap is not None:
        quantities.append(("cap", give.cap))
    for key, quantity in quantities:
        limits = _range(drug, quantity.unit, give.route)
        if limits is not None and not limits[0] <= quantity.value <= limits[1]:
            raise InvalidFile(f"the {key} '{quantity}' of {give.drug} is outside its range", where=document.where((*place, key)),
                              why=f"its declared range by this route is {limits[0]:g} to {limits[1]:g} {quantity.unit}",
                              fix=f"correct the {key}, or the range in the drug's file with a source")


@cache
def check_drug(identifier: str) -> Drug:
    """A drug of the catalog whose units exist and whose ranges are of its own units and routes. Raises what is wrong."""
    drug, document = drug_file(identifier)
    _check_source(drug, document, ())
    for number, unit in enumerate(drug.units):
        if unit not in UNITS:
            raise UnitError(f"unknown unit '{unit[:20]}'", where=document.where(("units", number)), why="units come from a closed list",
                            near=nearest(unit, UNITS), fix="use a known unit")
    for key, (low, high) in drug.dose_range.items():
        unit, _, route = key.partition(" ")
        if unit not in drug.units or (route and route not in drug.routes) or not 0 < low <= high:
            raise InvalidFile(f"the dose range '{key[:40]}: [{low:g}, {high:g}]' cannot be meant",
                              where=document.where(("dose_range", key)), fix="correct it",
                              why="a range is a unit of the drug, perhaps a route, and two doses in order")
    return drug


@cache
def check_block(identifier: str) -> None:
    """A block of the catalog by itself: its drugs, doses, days and sources. Raises the first broken rule."""
    block, document = block_file(identifier)
    _check_source(block, document, ())
    for number, give in enumerate(block.give):
        _check_source(give, document, ("give", number))
        check_give(give, document, ("give", number))
        if give.days[-1] > block.length.to("d"):
            raise InvalidFile(f"{give.drug} is given on day {give.days[-1]} of the block", where=document.where(("give", number, "days")),
                              why=f"the block lasts {block.length}", fix="lengthen the block or correct the day")
    pair = _overlap(block.give, Reasoner(), [])
    if pair is not None:
        raise _overlapping(block.give[pair[1]].drug, pair[2], document.where(("give", pair[1])), document.where(("give", pair[0])))


def _cited(human: Regimen) -> Iterator[tuple[Place, Cited]]:
    """Everything in a regimen that can cite a source, with its place."""
    yield (), human
    for number, item in enumerate(human.alongside):
        yield ("alongside", number), item
    for number, note in enumerate(human.notes):
        yield ("notes", number), Cited(source=note.source)
    for index, phase in enumerate(human.phases):
        place: Place = ("phases", index)
        yield place, phase
        for key, items in (("give", phase.give), ("assess", phase.assess), ("then", phase.then)):
            for number, cited in enumerate(items):
                yield (*place, key, number), cited
        if phase.randomise is not None:
            yield (*place, "randomise"), phase.randomise


def _check_source(item: Cited, document: Document, place: Place) -> None:
    if item.source is not None and item.source.ref not in catalog.ids("sources"):
        raise InvalidFile(f"unknown source '{item.source.ref}'", where=document.where((*place, "source", "ref")),
                          why="a source is a file in catalog/sources/", near=nearest(item.source.ref, catalog.ids("sources")),
                          fix="correct the id, or add the source's file; without a source write 'assumed: why'")
