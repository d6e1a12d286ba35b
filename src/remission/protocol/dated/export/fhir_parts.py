"""Small pieces shared by the FHIR R4 exports: codes, quantities, timings, identifiers. Plain dicts throughout."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from remission.protocol.dated.calendar import RESEARCH_USE, number, per_day_words

UCUM = "http://unitsofmeasure.org"
SNOMED = "http://snomed.info/sct"
DRUGS = "urn:x-remission:drugs"
REGIMENS = "urn:x-remission:regimens"
CONDITIONS = "text/x-remission-condition"
_NAMESPACE = UUID("8a5f0b7e-93a4-5c0d-8c43-0d5e7d0c9b16")
_UCUM_CODE = {"IU": "[IU]", "IU/m2": "[IU]/m2", "IU/kg": "[IU]/kg"}
_ROUTE = {"iv": ("47625008", "Intravenous route"), "civ": ("47625008", "Intravenous route"), "po": ("26643006", "Oral route"),
          "sc": ("34206005", "Subcutaneous route"), "im": ("78421000", "Intramuscular route"),
          "it": ("72607000", "Intrathecal route")}

Json = dict[str, Any]


def identifier(*parts: str) -> str:
    """A logical id that is the same for the same parts."""
    return str(uuid5(_NAMESPACE, "|".join(parts)))


def quantity(value: float, unit: str) -> Json:
    """A Quantity in UCUM; `unit` is one of the units of the protocol language."""
    return {"value": float(f"{value:.10g}"), "unit": unit, "system": UCUM, "code": _UCUM_CODE.get(unit, unit)}


def route(name: str) -> Json:
    """A route of administration as a CodeableConcept."""
    code, display = _ROUTE[name]
    return {"coding": [{"system": SNOMED, "code": code, "display": display}],
            "text": "continuous intravenous infusion" if name == "civ" else display}


def drug(name: str) -> Json:
    """A drug of the catalog as a CodeableConcept."""
    return {"coding": [{"system": DRUGS, "code": name}], "text": name}


def daily(per_day: int, bounds: Json, over_h: float | None = None) -> Json:
    """A Timing: `per_day` times a day within `bounds` (boundsPeriod or boundsDuration), each over `over_h` hours."""
    repeat: Json = {**bounds, "frequency": per_day, "period": 1, "periodUnit": "d"}
    if over_h is not None:
        repeat.update(duration=float(f"{over_h:.10g}"), durationUnit="h")
    return {"repeat": repeat}


def dosage(text: str, how: str, dose: Json | None, rate: Json | None, timing: Json | None = None, cap: Json | None = None) -> Json:
    """A Dosage with its amount, or with its rate for a continuous infusion."""
    found: Json = {"text": text}
    if timing is not None:
        found["timing"] = timing
    found["route"] = route(how)
    found["doseAndRate"] = [{"doseQuantity": dose} if dose is not None else {"rateQuantity": rate}]
    if cap is not None:
        found["maxDosePerAdministration"] = cap
    return found


def narrative(lines: tuple[str, ...]) -> Json:
    """A generated Narrative that begins with the research-use notice."""
    from html import escape

    body = "".join(f"<p>{escape(line, quote=False)}</p>" for line in (RESEARCH_USE, *lines))
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{body}</div>'}


def meta() -> Json:
    """Marks a resource as test health data: it describes no real patient's care."""
    return {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST",
                          "display": "test health data"}]}


def dose_text(name: str, value: float, unit: str, how: str, per_day: int) -> str:
    """A dose in one line."""
    return f"{name} {number(value)} {unit} {how}, {per_day_words(per_day)}"
