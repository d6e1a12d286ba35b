"""The dated plan as a FHIR R4 Bundle: one CarePlan, one MedicationRequest for each drug of each phase. Plain dicts.

The patient is hypothetical: the subject is words, not a Patient. Undecided drugs are activities of the CarePlan with the
status `unknown` and their condition; they are no MedicationRequests, so that nothing undecided can be summed or ordered.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from itertools import groupby

from remission.protocol.dated.calendar import RESEARCH_USE, DatedPlan, Dose, Infusion, runs
from remission.protocol.dated.export.fhir_parts import (
    REGIMENS,
    Json,
    daily,
    dosage,
    drug,
    identifier,
    meta,
    narrative,
    quantity,
)
from remission.protocol.dated.export.fhir_plan import plan_definition
from remission.protocol.dated.export.words import (
    bag_words,
    basis,
    dose_words,
    infusion_words,
    measured_words,
    plan_words,
)

__all__ = ["care_plan_bundle", "plan_definition", "to_fhir"]


def to_fhir(plan: DatedPlan) -> str:
    """The Bundle as JSON text."""
    return json.dumps(care_plan_bundle(plan), indent=1, ensure_ascii=False) + "\n"


def care_plan_bundle(plan: DatedPlan) -> Json:
    """A Bundle of type collection: the CarePlan first, then its MedicationRequests."""
    care_id = identifier("careplan", plan.label, plan.regimen, plan.path)
    requests = [*_requests(plan, care_id)]
    care = _care_plan(plan, care_id, [request["id"] for request in requests])
    return {"resourceType": "Bundle", "id": identifier("bundle", plan.label, plan.regimen, plan.path), "meta": meta(),
            "type": "collection",
            "entry": [{"fullUrl": f"urn:uuid:{item['id']}", "resource": item} for item in (care, *requests)]}


def _subject(plan: DatedPlan) -> Json:
    return {"display": f"Hypothetical patient{f' {plan.label}' if plan.label else ''}: {plan.person.words()}"}


def _care_plan(plan: DatedPlan, care_id: str, request_ids: list[str]) -> Json:
    lines = plan_words(plan)
    activities: list[Json] = [{"reference": {"reference": f"urn:uuid:{each}"}} for each in request_ids]
    activities += [{"detail": detail} for detail in _details(plan)]
    return {
        "resourceType": "CarePlan", "id": care_id, "meta": meta(), "text": narrative(lines),
        "instantiatesUri": [f"{REGIMENS}:{plan.regimen}"], "status": "draft", "intent": "plan",
        "category": [{"text": "Chemotherapy and immunotherapy protocol on dates"}], "title": plan.title,
        "description": RESEARCH_USE, "subject": _subject(plan), "period": _period(plan.start, plan.end), "activity": activities,
        "note": [{"text": line} for line in (RESEARCH_USE, *lines)]}


def _period(start: date, end: date) -> Json:
    return {"start": start.isoformat(), "end": end.isoformat()}


def _detail(kind: str, status: str, description: str, start: date, end: date, code: str) -> Json:
    return {"kind": kind, "code": {"text": code}, "status": status, "scheduledPeriod": _period(start, end), "description": description}


def _details(plan: DatedPlan) -> Iterator[Json]:
    """Phases, hospital days, bags, intrathecal days, assessments, and whatever is undecided."""
    for stage in plan.stages:
        yield _detail("Task", "not-started", f"Phase {stage.title}" + "".join(f"; {each}" for each in stage.branches), stage.start,
                      stage.end, "phase")
    for stay in plan.stays:
        yield _detail("ServiceRequest", _state(stay.status), f"{stay.why}. Source: {stay.source}", stay.start, stay.end, stay.kind)
    for bag in plan.bags:
        yield _detail("Task", _state(bag.status), f"{bag_words(bag)}. Source: {bag.source}", bag.date, bag.date, "pump bag")
    for day, doses in plan.intrathecal().items():
        state = "unknown" if all(dose.status == "undecided" for dose in doses) else "not-started"
        yield _detail("ServiceRequest", state, "; ".join(dose_words(dose) for dose in doses), day, day, "intrathecal day")
    for item in plan.measurements:
        yield _detail("ServiceRequest", "not-started", measured_words(item), item.date, item.date, "assessment")
    yield from _undecided(plan)


def _state(status: str) -> str:
    return "unknown" if status == "undecided" else "not-started"


def _undecided(plan: DatedPlan) -> Iterator[Json]:
    for item in plan.undecided:
        detail: Json = {"kind": "MedicationRequest" if item.kind == "drug" else "Task", "code": {"text": f"undecided {item.kind}"},
                        "status": "unknown", "statusReason": {"text": item.reason},
                        "description": f"{item.what} in {item.phase}, only if {item.condition}"}
        if item.start is not None and item.end is not None:
            detail["scheduledPeriod"] = _period(item.start, item.end)
        yield detail


def _requests(plan: DatedPlan, care_id: str) -> Iterator[Json]:
    planned = sorted((dose for dose in plan.doses if dose.status == "planned"), key=lambda dose: (dose.order, dose.day))
    found: list[tuple[date, str, Json]] = []
    for order, group in groupby(planned, key=lambda dose: dose.order):
        doses = list(group)
        found.append((doses[0].date, order, _request(plan, care_id, doses[0], [_run(run) for run in runs(doses)])))
    infused = sorted((item for item in plan.infusions if item.status == "planned"), key=lambda item: (item.order, item.first_day))
    for order, spans in groupby(infused, key=lambda item: item.order):
        items = list(spans)
        found.append((items[0].start, order, _request(plan, care_id, items[0], [_span(item) for item in items])))
    yield from (request for _, _, request in sorted(found, key=lambda item: item[:2]))


def _request(plan: DatedPlan, care_id: str, item: Dose | Infusion, dosages: list[Json]) -> Json:
    words = dose_words(item) if isinstance(item, Dose) else infusion_words(item)
    return {
        "resourceType": "MedicationRequest", "id": identifier("request", plan.label, plan.regimen, item.order), "meta": meta(),
        "text": narrative((words, f"phase {item.phase}", basis(item))), "status": "draft", "intent": "plan",
        "medicationCodeableConcept": drug(item.drug), "subject": _subject(plan),
        "basedOn": [{"reference": f"urn:uuid:{care_id}"}], "groupIdentifier": {"value": f"{plan.regimen} {item.phase}"},
        "note": [{"text": RESEARCH_USE}, {"text": basis(item)}],
        "dosageInstruction": [{"sequence": index, **each} for index, each in enumerate(dosages, start=1)]}


def _run(run: tuple[Dose, ...]) -> Json:
    first, last = run[0], run[-1]
    timing = daily(first.per_day, {"boundsPeriod": _period(first.date, last.date)}, first.over_h)
    cap = quantity(*_cap(first.cap)) if first.cap is not None else None
    return dosage(dose_words(first), first.route, quantity(first.amount, first.unit), None, timing, cap)


def _span(item: Infusion) -> Json:
    timing: Json = {"repeat": {"boundsPeriod": _period(item.start, item.end), "duration": 24 * item.days, "durationUnit": "h"}}
    return dosage(infusion_words(item), "civ", None, quantity(item.rate, f"{item.unit}/d"), timing)


def _cap(text: str) -> tuple[float, str]:
    value, unit = text.split(" ", 1)
    return float(value), unit
