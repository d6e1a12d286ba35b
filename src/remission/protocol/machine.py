"""The machine plan of a regimen as plain data: what `remission show ID --json` prints.

`administrations` has one row for each dose day or infusion day on the default path, drugs alongside included; a row whose `only`
is set holds for the patients of that condition. `phases` holds every phase, those off the default path too (`start` is null).
"""

from __future__ import annotations

from typing import Any

from remission.protocol.model import Cited, Regimen
from remission.protocol.plan import administrations, alongside_spans, timeline
from remission.protocol.resolve import resolve


def machine_plan(regimen: Regimen) -> dict[str, Any]:
    """A regimen on absolute days, with stable keys."""
    plan = resolve(regimen)
    view = timeline(plan)
    rows = administrations(plan)
    phases = [*view["phases"], *view["other_phases"]]
    order = [phase.id for phase in plan.phases]
    phases.sort(key=lambda phase: order.index(phase["id"]))
    return {
        "id": plan.id, "title": plan.title, "summary": plan.summary, "trial": plan.trial, "ph": plan.ph,
        "eligibility": [str(item) for item in plan.eligibility], "days": view["days"], "phases": phases, "alongside": _alongside(plan),
        "administrations": rows,
        "assessments": [{"phase": phase["id"], **{key: item[key] for key in ("name", "what", "day", "assay", "limit")}}
                        for phase in phases if phase["start"] is not None for item in phase["assessments"]],
        "branches": [{"phase": phase["id"], "day": phase["start"] + phase["length"] - 1 if phase["start"] is not None else None, **item}
                     for phase in phases for item in phase["branches"]],
        "notes": [{"about": note.about, "text": note.text, "source": note.source.ref if note.source else None} for note in plan.notes],
        "sources": list(references(plan)),
    }


def _alongside(plan: Regimen) -> list[dict[str, Any]]:
    """Drugs alongside; `to_day` is null for a lifelong one, and both days are for one that the default path does not need."""
    spans = {item: (first, None if item.to == "lifelong" else last) for item, first, last in alongside_spans(plan)}
    return [{"drug": item.drug, "dose": str(item.dose), "route": item.route, "from": item.from_, "to": item.to,
             "from_day": spans.get(item, (None, None))[0], "to_day": spans.get(item, (None, None))[1],
             "only": str(item.only) if item.only else None} for item in plan.alongside]


def references(regimen: Regimen) -> tuple[str, ...]:
    """Ids of every source that a regimen rests on, in order of use."""
    cited: list[Cited] = [regimen, *regimen.alongside]
    for phase in regimen.phases:
        cited += [phase, *phase.give, *phase.assess, *phase.then, *([phase.randomise] if phase.randomise else [])]
    refs = [item.source.ref for item in cited if item.source] + [note.source.ref for note in regimen.notes if note.source]
    return tuple(dict.fromkeys(refs))
