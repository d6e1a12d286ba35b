"""Readable cards for trials, drugs, blocks, populations, sources, parameters and claims."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import Any

WIDTH = 100


def card(kind: str, identifier: str) -> str:
    """The card as text."""
    lines = _CARDS[kind](identifier)
    return "\n".join(folded for line in lines for folded in _fold(line))


def data(kind: str, identifier: str) -> dict[str, Any]:
    """The same as plain data with stable keys."""
    return _DATA[kind](identifier)


def _fold(line: str) -> list[str]:
    indent = len(line) - len(line.lstrip())
    return textwrap.wrap(line, WIDTH, subsequent_indent=" " * (indent + 2 if indent else 0), break_long_words=False,
                         break_on_hyphens=False) or [""]


def reference(identifier: str) -> str | None:
    """A publication as it is cited; None when the catalog does not have it."""
    from remission.base import catalog
    from remission.evidence import load_source

    if identifier not in catalog.ids("sources"):
        return None
    source = load_source(identifier)
    doi = f" doi:{source.doi}" if source.doi else f" {source.registry}" if source.registry else ""
    return f"{source.authors.rstrip('.')}. {source.title.rstrip('.')}. {source.where.rstrip('.')}.{doi} ({identifier}; {source.read_as})"


def _cited(item: Any) -> str:
    """' [wieduwilt-2023: abstract]' or ' [assumed: why]'."""
    if getattr(item, "source", None) is not None:
        at = f": {item.source.at}" if item.source.at else ""
        assumed = f"; assumed: {item.assumed}" if getattr(item, "assumed", None) else ""
        return f" [{item.source.ref}{at}{assumed}]"
    return f" [assumed: {item.assumed}]" if getattr(item, "assumed", None) else ""


def _plain(model: Any) -> dict[str, Any]:
    made: dict[str, Any] = model.model_dump(mode="json", by_alias=True, exclude_none=True)
    return made


# trials

def _trial(identifier: str) -> Iterator[str]:
    from remission.evidence import all_results, load_trial

    trial = load_trial(identifier)
    yield f"{trial.title} ({identifier})" + (f", {trial.registry}" if trial.registry else "")
    yield from ("", " ".join(trial.summary.split()), "")
    yield f"Design: {trial.design.status}"
    for name, arm in trial.design.arms.items():
        enrolled = f", {arm.enrolled} patients" if arm.enrolled else ""
        enrolled += f" ({arm.planned} planned)" if arm.planned else ""
        entry = f", in the arm at {arm.enrolment.at}" + (f" if {arm.enrolment.if_}" if arm.enrolment.if_ else "") if arm.enrolment else ""
        yield f"   Arm {name}: {arm.title or arm.regimen}; regimen {arm.regimen}, population {arm.population}{enrolled}{entry}{_cited(arm)}"
    if trial.design.follow_up:
        follow = trial.design.follow_up
        yield f"   Follow-up: median {follow.median}, accrual {follow.accrual}{_cited(follow)}"
    yield from ("", "Endpoints, as this trial defines them")
    for name, endpoint in trial.design.endpoints.items():
        yield f"   {name}: {_definition(endpoint)}{_cited(endpoint)}"
    yield from ("", "Patients")
    yield from (f"   {item.arm}: {_baseline(item)} [{item.source.ref}: {item.source.at}]" for item in trial.baseline)
    yield from ("", "Published results")
    for row in all_results(trial=identifier):
        yield f"   {_result(row)}"
    if trial.conflicts:
        yield from ("", "Where sources disagree")
    for conflict in trial.conflicts:
        yield f"   {conflict.about}: " + "; ".join(f"“{item.says}” [{item.source.ref}: {item.source.at}]" for item in conflict.readings)
        yield f"     Used: {conflict.resolution}. Why: {conflict.reason}."
    yield from ("", "Sources")
    yield from (f"   {reference(name) or name}" for name in trial.sources)


def _definition(endpoint: Any) -> str:
    parts = [endpoint.kind] + ([str(endpoint.what)] if endpoint.what else []) + ([f"at {endpoint.at}"] if endpoint.at else [])
    if endpoint.kind == "survival":
        parts.append(f"from {endpoint.from_} to " + " or ".join(endpoint.events))
        parts += [f"no remission counts at {endpoint.no_remission_at}"] if endpoint.no_remission_at else []
        parts += ["censored at " + " and ".join(endpoint.censor)] if endpoint.censor else []
    parts += [f"within {endpoint.within}"] if endpoint.within else []
    parts.append(f"among {endpoint.among}" + (f" ({endpoint.evaluable})" if endpoint.evaluable else ""))
    parts += ["cumulative"] if endpoint.cumulative else []
    return ", ".join(parts) + (f" ({endpoint.note})" if endpoint.note else "")


def _baseline(item: Any) -> str:
    unit = f" {item.unit}" if item.unit else ""
    value = next((f"{word}{number:g}{unit}" for word, number in (("median ", item.median), ("mean ", item.mean), ("", item.value))
                  if number is not None), "not reported")
    if item.value is not None and not unit and item.n and item.value <= 1:  # a share of n patients
        value = f"{item.value:.0%}"
    spread = item.range or item.iqr
    more = f" ({spread[0]:g} to {spread[1]:g})" if spread else ""
    count = f", {item.numerator} of {item.n}" if item.numerator is not None else f", n = {item.n}" if item.n else ""
    return f"{item.item}{f' where {item.where}' if item.where else ''}: {value}{more}{count}"


def _result(row: Any) -> str:
    when = f"at {row.months:g} months" if row.months is not None else f"at {row.assessment}" if row.assessment else ""
    who = f" where {row.where}" if row.where else f" ({row.subgroup})" if row.subgroup else ""
    if row.value is None:
        value = row.status
    else:
        value = f"{row.value:.0%}" if row.measure == "fraction" else f"{row.value:g} ({row.measure})"
        if row.lo95 is not None and row.hi95 is not None:
            limits = (f"{row.lo95:.0%}", f"{row.hi95:.0%}") if row.measure == "fraction" else (f"{row.lo95:g}", f"{row.hi95:g}")
            value += f" (95 % {limits[0]} to {limits[1]})"
    count = f", {row.numerator} of {row.n}" if row.numerator is not None else f", n = {row.n}" if row.n else ""
    status = [row.status] if row.status not in ("reported", value) else []
    marks = ", ".join([row.role, *status, *(f"see {name}" for name in row.conflicts)])
    return f"{row.arm}: {row.endpoint}{' ' + when if when else ''}{who}: {value}{count} [{row.source}: {row.place}; {marks}]"


def _trial_data(identifier: str) -> dict[str, Any]:
    from remission.evidence import all_results, load_trial

    trial = load_trial(identifier)
    return {"id": trial.id, "title": trial.title, "registry": trial.registry, "summary": trial.summary, "sources": list(trial.sources),
            "design": _plain(trial.design), "baseline": [_plain(item) for item in trial.baseline],
            "results": [row.to_dict() for row in all_results(trial=identifier)], "conflicts": [_plain(item) for item in trial.conflicts]}


# drugs and blocks

def _drug(identifier: str) -> Iterator[str]:
    from remission.protocol import load_drug

    drug = load_drug(identifier)
    also = f", also called {', '.join(drug.synonyms)}" if drug.synonyms else ""
    yield f"{drug.title} ({identifier}): {drug.class_}{also}{_cited(drug)}"
    yield ""
    yield f"   Acts as: {drug.mechanism}"
    yield f"   Routes: {', '.join(drug.routes)}; dosed in {', '.join(drug.units)}"
    yield "   Range per administration: " + "; ".join(f"{low:g} to {high:g} {unit}" for unit, (low, high) in drug.dose_range.items())
    if drug.cumulative_limit:
        limit = drug.cumulative_limit
        yield f"   Cumulative limit: {limit.value}{f' ({limit.note})' if limit.note else ''}{_cited(limit)}"
    if drug.anthracycline_equivalent is not None:
        yield f"   Counts as {drug.anthracycline_equivalent:g} times its dose of doxorubicin"
    if drug.cns_active:
        reaches = drug.cns_active if isinstance(drug.cns_active, dict) else {}
        yield "   Reaches the CNS" + (" from " + ", ".join(f"{value:g} {unit}" for unit, value in reaches.items()) if reaches else "")
    if drug.note:
        yield f"   Note: {' '.join(drug.note.split())}"
    yield f"   Given in: {', '.join(_using('drug', identifier)) or 'no regimen'}"


def _block(identifier: str) -> Iterator[str]:
    from remission.protocol import give_in_words, load_block

    block = load_block(identifier)
    yield f"{block.title} ({identifier}): {block.length}, chemotherapy: {block.chemotherapy}{_cited(block)}"
    yield ""
    for give in block.give:
        yield f"   · {give_in_words(give)}{_cited(give)}{f' ({give.note})' if give.note else ''}"
    if block.note:
        yield f"   Note: {' '.join(block.note.split())}"
    yield f"   Used in: {', '.join(_using('block', identifier)) or 'no regimen'}"


def _using(key: str, identifier: str) -> list[str]:
    """Ids of the regimens that give a drug or use a block."""
    from remission.base import catalog

    word = re.compile(rf"\b{key}: {re.escape(identifier)}(?![a-z0-9-])")
    blocks = {name: catalog.path("blocks", name).read_text(encoding="utf-8") for name in catalog.ids("blocks")}
    regimens = {name: catalog.path("regimens", name).read_text(encoding="utf-8") for name in catalog.ids("regimens")}
    inside = [name for name, text in blocks.items() if key == "drug" and word.search(text)]
    indirect = [re.compile(rf"\bblock: {re.escape(name)}(?![a-z0-9-])") for name in inside]
    return [name for name, text in regimens.items() if word.search(text) or any(block.search(text) for block in indirect)]


# populations, parameters, sources

def _population(identifier: str) -> Iterator[str]:
    from remission.patients import in_words, load_population

    who = load_population(identifier)
    yield f"{who.title} ({identifier}){_cited(who)}"
    yield ""
    for line, stated in in_words(who):
        yield f"   {line}" + ("" if stated is None else _cited(stated))


def _population_data(identifier: str) -> dict[str, Any]:
    from remission.patients import load_population

    return _plain(load_population(identifier))


def _parameter(identifier: str) -> Iterator[str]:
    found = _parameter_data(identifier)
    (shape, numbers), = found["prior"].items()
    names = {"lognormal": ("median", "ln SD"), "logit-normal": ("median", "logit SD"), "normal": ("mean", "SD"),
             "tanh-normal": ("mean", "SD")}.get(shape)
    said = f"fixed at {numbers:g}" if names is None else f"{shape}, {names[0]} {numbers[0]:g}, {names[1]} {numbers[1]:g}"
    yield f"{identifier}: {found['about']}"
    yield ""
    yield f"   Group: {found['group']}; unit: {found['unit']}"
    yield f"   Prior: {said}" + (f"; 90 % between {found['lo90']:.3g} and {found['hi90']:.3g}" if names else "")
    basis = {"sourced": "sourced: centre and spread from publications",
             "fitted": "fitted: the centre makes external results come out right",
             "assumption": "assumption: no usable source was found"}[found["basis"]]
    yield f"   Basis: {basis}"
    yield f"   Evidence: {found['evidence']}"


def _parameter_data(identifier: str) -> dict[str, Any]:
    from remission.doors._names import parameters
    from remission.engine import load_parameters

    found = next(item for item in load_parameters() if item.name == identifier)
    low, middle, high = (float(found.value(z)) for z in (-1.6448536, 0.0, 1.6448536))
    return {"id": identifier, "group": parameters()[identifier]["group"], **_plain(found), "median": middle, "lo90": low, "hi90": high}


def _source(identifier: str) -> Iterator[str]:
    from remission.evidence import load_source

    source = load_source(identifier)
    yield f"{source.title} ({identifier})"
    yield from ("", f"   {source.authors}", f"   {source.where}")
    yield from ([f"   doi: {source.doi}"] if source.doi else []) + ([f"   Registry: {source.registry}"] if source.registry else [])
    yield f"   Published {source.published}; read {source.read} as {source.read_as}"
    yield from [f"   Note: {' '.join(source.note.split())}"] if source.note else []
    yield f"   Cited by: {', '.join(_citing(identifier)) or 'nothing'}"


def _citing(identifier: str) -> list[str]:
    from remission.base import catalog

    word = re.compile(rf"\bref: {re.escape(identifier)}(?![a-z0-9-])|^sources:.*\b{re.escape(identifier)}(?![a-z0-9-])", re.MULTILINE)
    kinds = ("trials", "regimens", "blocks", "drugs", "populations")
    return [f"{kind.removesuffix('s')} {name}" for kind in kinds for name in catalog.ids(kind)
            if word.search(catalog.path(kind, name).read_text(encoding="utf-8"))]


def _source_data(identifier: str) -> dict[str, Any]:
    from remission.evidence import load_source

    return {**_plain(load_source(identifier)), "cited_by": _citing(identifier)}


def _drug_data(identifier: str) -> dict[str, Any]:
    from remission.protocol import load_drug

    return {**_plain(load_drug(identifier)), "regimens": _using("drug", identifier)}


def _block_data(identifier: str) -> dict[str, Any]:
    from remission.protocol import load_block

    return {**_plain(load_block(identifier)), "regimens": _using("block", identifier)}


def _claim(identifier: str) -> Iterator[str]:
    found = _claim_data(identifier)
    yield f"{found['title']} ({identifier})"
    yield ""
    yield f"   {found['statement']}"
    yield f"   Source: {reference(found['source']['ref']) or found['source']['ref']}; {found['source']['at']}"
    yield from [f"   Note: {found['note']}"] if found.get("note") else []
    yield from [f"   The model was told: {found['built_in']}"] if found.get("built_in") else []
    for told in found.get("assumed", ()):
        yield f"   Told by the parameter {told['parameter']} ({told['why']}); tested again at {told['neutral']:g}"
    yield ""
    yield "Experiments"
    for number, part in enumerate(found["parts"], 1):
        margin = f" by more than {part['margin']:g}" if part.get("margin") and part["expect"] in ("higher", "lower") else \
            f" within {part['margin']:g}" if part.get("margin") else ""
        inside = f" {part['low']:g} to {part['high']:g}" if part["expect"] == "inside" else ""
        yield f"   {number}. {part['title']}: expected {part['expect']}{margin}{inside}"
        yield f"      {_experiment(part)}"
    yield ""
    yield f"   Run them: remission claims {identifier}"


def _experiment(part: dict[str, Any]) -> str:
    """An experiment's arguments in one line."""
    left = {key: value for key, value in part.items() if key not in ("title", "expect", "margin", "low", "high", "experiment")}
    return f"{part['experiment']}: " + "; ".join(f"{key} {_said(value)}" for key, value in left.items())


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return "(" + ", ".join(f"{key} {_said(item)}" for key, item in value.items()) + ")"
    return ", ".join(map(_said, value)) if isinstance(value, list) else " ".join(str(value).split())


def _claim_data(identifier: str) -> dict[str, Any]:
    from remission.doors._names import claims

    def tidy(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: tidy(item) for key, item in value.items()}
        if isinstance(value, list):
            return [tidy(item) for item in value]
        return " ".join(value.split()) if isinstance(value, str) else value

    found: dict[str, Any] = tidy(claims()[identifier])
    return found


_CARDS = {"trial": _trial, "drug": _drug, "block": _block, "population": _population, "parameter": _parameter, "source": _source,
          "claim": _claim}
_DATA = {"trial": _trial_data, "drug": _drug_data, "block": _block_data, "population": _population_data, "parameter": _parameter_data,
         "source": _source_data, "claim": _claim_data}
