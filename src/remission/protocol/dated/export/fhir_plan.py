"""A regimen as a FHIR R4 PlanDefinition: phases as actions, drugs as contained ActivityDefinitions. Plain dicts.

Days are offsets from their phase's start; each phase follows the end of the one before it. Conditions keep the words of
the protocol language, with a media type of their own, because no FHIR expression language can ask for them.
"""

from __future__ import annotations

import re
from itertools import groupby

from remission.base import catalog, files
from remission.protocol.conditions import Condition
from remission.protocol.dated.calendar import RESEARCH_USE, number, per_day_words
from remission.protocol.dated.export.fhir_parts import (
    CONDITIONS,
    REGIMENS,
    Json,
    daily,
    dosage,
    drug,
    narrative,
    quantity,
)
from remission.protocol.dated.handling import cited
from remission.protocol.model import Alongside, Assess, Branch, Cited, Give, Phase, Regimen
from remission.protocol.plan import phase_days


def plan_definition(regimen: Regimen) -> Json:
    """The PlanDefinition of a resolved regimen (`load_regimen` gives one)."""
    activities = _Activities()
    actions = [_phase(phase, regimen.phases[index - 1] if index else None, activities) for index, phase in enumerate(regimen.phases)]
    actions += [_alongside(item, index, activities) for index, item in enumerate(regimen.alongside)]
    notes = tuple(f"{note.about}: {note.text}" for note in regimen.notes)
    found: Json = {
        "resourceType": "PlanDefinition", "id": regimen.id, "text": narrative((regimen.title, regimen.summary, *notes)),
        "contained": activities.found, "url": f"{REGIMENS}:{regimen.id}", "name": _name(regimen.id), "title": regimen.title,
        "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/plan-definition-type", "code": "protocol"}]},
        "status": "draft", "experimental": True, "description": regimen.summary, "usage": RESEARCH_USE,
        "copyright": "Catalog data under CC BY 4.0", "topic": [{"text": "B-cell acute lymphoblastic leukaemia"}],
        "relatedArtifact": _artifacts(regimen), "action": actions}
    if not found["relatedArtifact"]:
        del found["relatedArtifact"]
    if not found["contained"]:
        del found["contained"]
    return found


def _name(text: str) -> str:
    return "Regimen" + "".join(part.capitalize() for part in re.split(r"[^A-Za-z0-9]+", text))


def _days(value: int) -> Json:
    return {"value": value, "unit": "d", "system": "http://unitsofmeasure.org", "code": "d"}


def _asks(*conditions: Condition | None) -> list[Json]:
    return [{"kind": "applicability", "expression": {"description": f"only if {each}", "language": CONDITIONS, "expression": str(each)}}
            for each in conditions if each is not None]


def _with(found: Json, /, **parts: object) -> Json:
    """The action with those of its parts that are not empty."""
    found.update({name: part for name, part in parts.items() if part})
    return found


def _documented(item: Cited) -> list[Json]:
    text = cited(item)
    return [{"type": "documentation", "display": text}] if text else []


def _phase(phase: Phase, before: Phase | None, activities: _Activities) -> Json:
    inner = [_give(give, f"{phase.id}.give.{index}", phase.id, activities) for index, give in enumerate(phase.give)]
    inner += [_assess(item, index, phase) for index, item in enumerate(phase.assess)]
    inner += [_branch(item, index, phase) for index, item in enumerate(phase.then)]
    if phase.randomise is not None:
        inner.append(_with({"id": f"{phase.id}.randomise", "title": f"Randomisation {phase.randomise.name}",
                            "description": "between " + " and ".join(phase.randomise.arms)},
                           condition=_asks(phase.randomise.if_), documentation=_documented(phase.randomise)))
    share = f"; given to {phase.share} of patients" if phase.share is not None else ""
    follows = [{"actionId": before.id, "relationship": "after-end"}] if before is not None else []
    return _with({"id": phase.id, "title": phase.title or phase.id,
                  "description": f"{phase.purpose}, {phase_days(phase)} days, chemotherapy: {phase.chemotherapy}{share}"},
                 documentation=_documented(phase), condition=_asks(phase.only), relatedAction=follows,
                 timingDuration=_days(phase_days(phase)), groupingBehavior="logical-group", action=inner)


def _give(give: Give, name: str, phase: str, activities: _Activities) -> Json:
    """A drug of a phase: one action for each run of days, an offset from the phase's start."""
    canonical = activities.canonical(give, give.per_day, give.over.to("h") if give.over is not None else None, give.cap)
    inner = []
    for number_of_run, (first, last) in enumerate(_runs(give.days), start=1):
        bounds = {"boundsDuration": _days(last - first + 1)}
        timing = {"repeat": {**bounds, "duration": 24 * (last - first + 1), "durationUnit": "h"}} if give.route == "civ" else \
            daily(give.per_day, bounds, give.over.to("h") if give.over is not None else None)
        inner.append({"id": f"{name}.{number_of_run}", "title": _days_words(first, last),
                      "relatedAction": [{"actionId": phase, "relationship": "after-start", "offsetDuration": _days(first - 1)}],
                      "timingTiming": timing, "definitionCanonical": canonical})
    return _with({"id": name, "title": f"{give.drug} {give.dose} {give.route}"}, documentation=_documented(give),
                 condition=_asks(give.only), action=inner)


def _runs(days: tuple[int, ...]) -> list[tuple[int, int]]:
    groups = groupby(enumerate(days), key=lambda item: item[1] - item[0])
    found = [[day for _, day in group] for _, group in groups]
    return [(run[0], run[-1]) for run in found]


def _days_words(first: int, last: int) -> str:
    return f"day {first}" if first == last else f"days {first} to {last}"


def _assess(item: Assess, index: int, phase: Phase) -> Json:
    limit = f", limit {item.limit:g}" if item.limit is not None else ""
    assay = f" by {item.assay}" if item.assay is not None else ""
    day = item.day or phase_days(phase)
    return _with({"id": f"{phase.id}.assess.{index}", "title": f"Assess {item.what}: {item.name}",
                  "description": f"{item.what}{assay}{limit}, day {day}"}, documentation=_documented(item),
                 relatedAction=[{"actionId": phase.id, "relationship": "after-start", "offsetDuration": _days(day - 1)}])


def _branch(branch: Branch, index: int, phase: Phase) -> Json:
    leads = f"go to {branch.go}" if branch.go is not None else f"stop: {branch.stop}"
    related = [{"actionId": phase.id, "relationship": "after-end"}]
    if branch.go not in (None, "end"):
        related.append({"actionId": str(branch.go), "relationship": "before-start"})
    return _with({"id": f"{phase.id}.then.{index}", "title": leads}, documentation=_documented(branch), condition=_asks(branch.if_),
                 relatedAction=related)


def _alongside(item: Alongside, index: int, activities: _Activities) -> Json:
    until = "for life" if item.to == "lifelong" else f"to the end of {item.to}"
    related = [{"actionId": item.from_, "relationship": "concurrent-with-start"}]
    if item.to != "lifelong":
        related.append({"actionId": item.to, "relationship": "concurrent-with-end"})
    return _with({"id": f"alongside.{index}", "title": f"{item.drug} {item.dose} {item.route}, alongside",
                  "description": f"every day from {item.from_} {until}"}, documentation=_documented(item), condition=_asks(item.only),
                 relatedAction=related, timingTiming={"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
                 definitionCanonical=activities.canonical(item, 1, None, None))


class _Activities:
    """Contained ActivityDefinitions, one for each different way to give a drug."""

    def __init__(self) -> None:
        self.found: list[Json] = []
        self.names: dict[tuple[str, ...], str] = {}

    def canonical(self, item: Give | Alongside, per_day: int, over_h: float | None, cap: object) -> str:
        """The reference to the activity of this drug, dose, route, frequency and duration."""
        key = (item.drug, str(item.dose), item.route, str(per_day), str(over_h), str(cap))
        if key not in self.names:
            self.names[key] = f"activity-{len(self.names) + 1}"
            self.found.append(_activity(self.names[key], item, per_day, over_h))
        return f"#{self.names[key]}"


def _activity(name: str, item: Give | Alongside, per_day: int, over_h: float | None) -> Json:
    amount = quantity(item.dose.value, item.dose.unit)
    continuous = item.route == "civ"
    over = f", over {over_h:g} h" if over_h is not None else ""
    limit = getattr(item, "cap", None)
    cap = f", at most {limit}" if limit is not None else ""
    text = f"{item.drug} {number(item.dose.value)} {item.dose.unit} {item.route}, " + \
        ("continuously" if continuous else per_day_words(per_day)) + over + cap
    most = quantity(limit.value, limit.unit) if limit is not None and not continuous else None
    return {"resourceType": "ActivityDefinition", "id": name, "name": f"Activity{name.rpartition('-')[2]}", "title": text,
            "status": "draft", "experimental": True, "kind": "MedicationRequest", "intent": "plan",
            "productCodeableConcept": drug(item.drug),
            "dosage": [dosage(text, item.route, None if continuous else amount, amount if continuous else None, cap=most)]}


def _artifacts(regimen: Regimen) -> list[Json]:
    """Citations of every source that the regimen names."""
    refs = {item.source.ref for item in _cited(regimen) if item.source is not None}
    return [_citation(ref) for ref in sorted(refs)]


def _cited(regimen: Regimen) -> list[Cited]:
    found: list[Cited] = [regimen, *regimen.alongside]
    for phase in regimen.phases:
        found += [phase, *phase.give, *phase.assess, *phase.then]
        found += [phase.randomise] if phase.randomise is not None else []
    return found


def _citation(ref: str) -> Json:
    if ref not in catalog.ids("sources"):
        return {"type": "citation", "label": ref, "display": ref}
    data = files.read(catalog.path("sources", ref)).data
    found: Json = {"type": "citation", "label": ref,
                   "citation": " ".join(f"{data.get('authors', '')} {data.get('title', '')}. {data.get('where', '')}".split())}
    if data.get("doi"):
        found["url"] = f"https://doi.org/{data['doi']}"
    return found
