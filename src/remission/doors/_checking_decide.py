"""The rules of the files behind decisions: claims, placements, the short lists of the answer, days that treatment takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from remission.base import catalog, files
from remission.base.errors import RemissionError, nearest
from remission.base.files import Document

Place = tuple[str | int, ...]
Finding = tuple[int, str, str, str]
"""Line, cause, cure, the nearest valid choice."""


def check_decide(kind: str, document: Document) -> Iterator[Finding]:
    """Findings of a file of one of these kinds. Raises RemissionError for the first that stops reading."""
    yield from {"claims": _claims, "placements": _placements, "ranking": _ranking, "burden": _burden}[kind](document)


def _claims(document: Document) -> Iterator[Finding]:
    from remission.decide import Claim
    from remission.engine import load_parameters

    known, seen = {item.name for item in load_parameters()}, set()
    entries = document.data["claims"] if isinstance(document.data["claims"], list) else []
    if not entries:
        yield document.line(("claims",)), "no claim is listed", "list claims as in catalog/claims.yaml", ""
    for index in range(len(entries)):
        place: Place = ("claims", index)
        try:
            claim = files.parse(document, Claim, place)
        except RemissionError as error:
            yield _found(error, document, place)
            continue
        if claim.id in seen:
            yield document.line(place), f"the claim '{claim.id}' stands twice", "remove one", ""
        seen.add(claim.id)
        for at, told in enumerate(claim.assumed):
            if told.parameter not in known:
                yield (document.line((*place, "assumed", at, "parameter")), f"unknown parameter '{told.parameter[:60]}'",
                       "correct the name; see: remission list parameters", nearest(told.parameter, known))
        yield from _named(document, place, document.data["claims"][index])


def _placements(document: Document) -> Iterator[Finding]:
    from remission.decide import Space

    found = files.parse(document, Space)
    for name in ("courses", "orders"):
        values = getattr(found, name)
        if len(set(values)) < len(values):
            yield document.line((name,)), f"'{name}' names a choice twice", "remove one", ""
    if found.cycles.to < found.cycles.from_:
        yield document.line(("cycles",)), "'cycles' ends before it begins", "let 'to' be at least 'from'", ""
    for name in ("first", "maintenance", "transplant", "inhibitors"):
        ids = [item.id for item in getattr(found, name)]
        for at, identifier in enumerate(ids):
            if identifier in ids[:at]:
                yield document.line((name, at, "id")), f"the choice '{identifier}' stands twice", "name one otherwise", ""
    groups = list(files.read(catalog.root() / "parameters.yaml").data)
    for name in found.studies:
        if name not in groups:
            yield (document.line(("studies", name)), f"no group of parameters is called '{name[:60]}'",
                   "use a heading of parameters.yaml", nearest(name, groups))
    yield from _named(document, (), document.data)


def _ranking(document: Document) -> Iterator[Finding]:
    from remission.decide import Questions, render

    found = files.parse(document, Questions)
    seen: set[str] = set()
    for number, question in enumerate(found.questions):
        for name in question.populations:
            place: Place = ("questions", number, "populations", name)
            if name not in catalog.ids("populations"):
                yield document.line(place), f"unknown population '{name[:60]}'", "correct the id", nearest(name, catalog.ids("populations"))
            elif name in seen:
                yield document.line(place), f"the population '{name}' is asked about twice", "remove one", ""
            else:
                yield from _fits(document, place, name, question.ph)
            seen.add(name)
        for at, item in enumerate(question.ranked):
            try:
                render(item.value())
            except RemissionError as error:
                yield _found(error, document, ("questions", number, "options", at))


def _fits(document: Document, place: Place, name: str, ph: str) -> Iterator[Finding]:
    from remission.decide import disease_of
    from remission.patients import load_population

    try:
        own = disease_of(load_population(name))
    except RemissionError as error:
        yield _found(error, document, place)
        return
    if own != ph:
        yield document.line(place), f"the patients of '{name}' have BCR::ABL1-{own} disease", f"ask about them under 'ph: {own}'", ""


def _burden(document: Document) -> Iterator[Finding]:
    from remission.decide import DayTable

    found = files.parse(document, DayTable)
    seen: set[str] = set()
    for at, item in enumerate(found.hospital):
        if item.chemotherapy in seen:
            yield document.line(("hospital", at)), f"'{item.chemotherapy}' stands twice", "remove one", ""
        seen.add(item.chemotherapy)
        if item.later > item.first:
            yield document.line(("hospital", at, "later")), f"a later '{item.chemotherapy}' keeps longer in hospital than the first", \
                "exchange the numbers, or say in 'assumed' why and make them equal", ""
    for name, unit, low, high in (("surface", "m2", 1.0, 3.0), ("weight", "kg", 30.0, 200.0)):
        value = getattr(found.adult, name).to(unit)
        if not low <= value <= high:
            yield (document.line(("adult", name)), f"an adult's {name} of {value:g} {unit}",
                   f"give one between {low:g} and {high:g} {unit}", "")
    yield from _named(document, (), document.data)


KINDS = {"population": "populations", "regimen": "regimens", "block": "blocks", "drug": "drugs"}


def _named(document: Document, place: Place, value: Any) -> Iterator[Finding]:
    """Every population, regimen, block, drug and phase that is named exists."""
    from remission.protocol import load_regimen

    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _named(document, (*place, index), item)
        return
    if not isinstance(value, dict):
        return
    for key, item in value.items():
        here = (*place, key)
        kind = KINDS.get(str(key))
        if kind is not None and isinstance(item, str):
            if item not in catalog.ids(kind):
                yield document.line(here), f"unknown {key} '{item[:60]}'", "correct the id", nearest(item, catalog.ids(kind))
            elif kind == "regimens" and isinstance(value.get("phase"), str):
                phases = [phase.id for phase in load_regimen(item).phases]
                if value["phase"] not in phases:
                    yield (document.line((*place, "phase")), f"the regimen '{item}' has no phase '{value['phase'][:60]}'",
                           "correct the phase", nearest(value["phase"], phases))
        elif (key in ("a", "b", "strategy") and value.get("experiment") != "subgroups") or key == "strategy":
            yield from _strategy(document, here, value, item)
        else:
            yield from _named(document, here, item)


def _strategy(document: Document, place: Place, around: dict[str, Any], item: Any) -> Iterator[Finding]:
    """A strategy is a regimen, an edit of one, or a placement; elsewhere 'a' and 'b' may be measures."""
    from remission.decide import Searched, regimen_of
    from remission.protocol import open_regimen

    if around.get("experiment") == "within" and place[-1] != "strategy":
        return
    try:
        if isinstance(item, str):
            open_regimen(item)
        elif isinstance(item, dict):
            regimen_of(Searched.model_validate(item))
    except RemissionError as error:
        yield _found(error, document, place)


def _found(error: RemissionError, document: Document, place: Place) -> Finding:
    """An error as a finding of this file: at its own line where it names one, else at the entry."""
    file, _, line = error.where.rpartition(":")
    number = int(line) if line.isdigit() and file == document.path else document.line(place)
    return number, error.what + (f" ({error.why})" if error.why else ""), error.fix or "correct the entry", error.near
