"""From the human model to the machine model: blocks written out, repeats unrolled, defaults and sources made explicit."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

from remission.base import catalog, files
from remission.base.errors import InvalidFile, nearest
from remission.base.files import Document
from remission.base.units import Quantity
from remission.protocol.conditions import Compare, Condition, Join, Term
from remission.protocol.model import MAX_PHASES, Block, Cited, Drug, Phase, Purpose, Regimen

CitedT = TypeVar("CitedT", bound=Cited)
NamedT = TypeVar("NamedT", Drug, Block, Regimen)
_PURPOSE: dict[str, Purpose] = {"prephase": "prephase", "intensive induction": "induction", "reduced induction": "induction",
                                "maintenance": "maintenance"}


@cache
def drug_file(identifier: str) -> tuple[Drug, Document]:
    """One drug of the catalog and the document it stands in. Raises NotFound with the nearest id."""
    document = files.read(catalog.path("drugs", identifier))
    return _named(files.parse(document, Drug), identifier, document), document


@cache
def block_file(identifier: str) -> tuple[Block, Document]:
    """One block of the catalog as written, and the document it stands in."""
    document = files.read(catalog.path("blocks", identifier))
    return _named(files.parse(document, Block), identifier, document), document


def load_drug(identifier: str) -> Drug:
    """One drug of the catalog. Raises NotFound with the nearest id."""
    return drug_file(identifier)[0]


def load_block(identifier: str) -> Block:
    """One block of the catalog as written."""
    return block_file(identifier)[0]


def load_regimen(identifier: str) -> Regimen:
    """One regimen of the catalog, resolved into its machine plan."""
    document = files.read(catalog.path("regimens", identifier))
    return _named(read_regimen(document), identifier, document)


def _named(value: NamedT, identifier: str, document: Document) -> NamedT:
    if value.id != identifier:
        raise InvalidFile(f"the file calls itself '{value.id}'", where=document.where(("id",)),
                          why="a file of the catalog is named after its id", near=identifier, fix="rename the file, or correct the id")
    return value


def read_regimen(document: Document) -> Regimen:
    """A regimen from a document, written out or "like X, but…", resolved and checked; errors name file and line."""
    from remission.protocol.check import check_regimen
    from remission.protocol.editing.like import is_like, read_like

    if is_like(document.data):
        return read_like(document).regimen
    human = files.parse(document, Regimen)
    plan = resolve(human, document)
    check_regimen(plan, human, document)
    return plan


def resolve(regimen: Regimen, document: Document | None = None) -> Regimen:
    """The machine plan: resolving it again changes nothing.

    Phases carry absolute lengths in days and explicit purpose, chemotherapy class, days and sources; a phase with
    `repeat: n` becomes n phases `id-1` ... `id-n`, and a `go: id` to it leads to the first of them.
    """
    origin = document or Document("<regimen>", {}, {})
    if sum(phase.repeat or 1 for phase in regimen.phases) > MAX_PHASES:
        raise InvalidFile("the phases are too many when repeats are written out", where=origin.where(("phases",)),
                          why=f"a plan has at most {MAX_PHASES} phases", fix="repeat fewer times, or join phases")
    phases: list[Phase] = []
    first: dict[str, str] = {}
    last: dict[str, str] = {}
    for index, phase in enumerate(regimen.phases):
        whole = _with_block(phase, regimen, origin, index)
        unrolled = _unroll(whole, phase.repeat or 1)
        first[phase.id], last[phase.id] = unrolled[0].id, unrolled[-1].id
        phases += unrolled
    phases = [phase.model_copy(update={"then": tuple(
        branch.model_copy(update={"go": first.get(branch.go, branch.go)}) if branch.go else branch for branch in phase.then)})
        for phase in phases]
    alongside = tuple(_cite(item.model_copy(update={"from_": first.get(item.from_, item.from_), "to": last.get(item.to, item.to)}),
                            regimen) for item in regimen.alongside)
    return regimen.model_copy(update={"phases": tuple(phases), "alongside": alongside})


def _with_block(phase: Phase, regimen: Regimen, origin: Document, index: int) -> Phase:
    """The phase with its block's drugs, length and class written into it."""
    block: Block | None = None
    if phase.block is not None:
        if phase.block not in catalog.ids("blocks"):
            raise InvalidFile(f"unknown block '{phase.block}'", where=origin.where(("phases", index, "block")),
                              why="a block is a file in catalog/blocks/", near=nearest(phase.block, catalog.ids("blocks")),
                              fix="correct the name, or give the drugs under 'give'")
        block = load_block(phase.block)
    length = phase.length or (block.length if block else None)
    if length is None and phase.purpose == "transplant":
        length = Quantity(1.0, "d")
    if length is None:
        raise InvalidFile(f"the phase '{phase.id}' has no length", where=origin.where(("phases", index)),
                          why="a phase without a block says how long it lasts", fix="add 'length: 28 d'")
    days = round(length.to("d"))
    chemotherapy = phase.chemotherapy or (block.chemotherapy if block else "none")
    owner = _cite(phase, regimen)
    given = tuple(_cite(give, _cite(block, owner)) for give in block.give) if block else ()
    given += tuple(_cite(give, owner) for give in phase.give)
    update: dict[str, Any] = {
        "block": None, "length": Quantity(float(days), "d"), "chemotherapy": chemotherapy,
        "purpose": phase.purpose or _PURPOSE.get(chemotherapy, "consolidation"), "give": given,
        "title": phase.title or (block.title if block else phase.id), "source": owner.source, "assumed": owner.assumed,
        "assess": tuple(_cite(item.model_copy(update={"day": item.day or days}), owner) for item in phase.assess),
        "then": tuple(_cite(item, owner) for item in phase.then),
        "conditioning": phase.conditioning or ("by age" if phase.purpose == "transplant" else None)}
    return phase.model_copy(update=update)


def _cite(item: CitedT, owner: Cited) -> CitedT:
    """The item with its owner's source or assumption where it has none of its own."""
    if item.source is not None or item.assumed is not None:
        return item
    return item.model_copy(update={"source": owner.source, "assumed": owner.assumed})


def _unroll(phase: Phase, times: int) -> list[Phase]:
    """The repetitions of a phase; in each, its own assessments and the branches that ask for them carry its number."""
    if times == 1:
        return [phase.model_copy(update={"repeat": None})]
    return [_repetition(phase, number) for number in range(1, times + 1)]


def _repetition(phase: Phase, number: int) -> Phase:
    own = {item.name for item in phase.assess}
    randomise = phase.randomise
    if randomise is not None and randomise.if_ is not None:
        randomise = randomise.model_copy(update={"if_": _renamed(randomise.if_, own, number)})
    return phase.model_copy(update={
        "id": f"{phase.id}-{number}", "title": f"{phase.title} {number}", "repeat": None, "randomise": randomise,
        "assess": tuple(item.model_copy(update={"name": f"{item.name}-{number}"}) for item in phase.assess),
        "then": tuple(item.model_copy(update={"if_": _renamed(item.if_, own, number)}) for item in phase.then)})


def _renamed(condition: Condition, own: set[str], number: int) -> Condition:
    def rename(term: Term) -> Term:
        if isinstance(term, Join):
            return Join(term.word, tuple(rename(item) for item in term.items))
        if term.name in ("mrd", "cr") and term.argument in own:
            return Compare(term.name, f"{term.argument}-{number}", term.op, term.value)
        return term

    return Condition(rename(condition.term)) if own else condition
