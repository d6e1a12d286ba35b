"""Required codes of FHIR R4 that the model library takes unchecked: which codes stand where, and which are allowed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

REQUEST_STATUS = {"active", "on-hold", "cancelled", "completed", "entered-in-error", "stopped", "draft", "unknown"}
UNITS_OF_TIME = {"s", "min", "h", "d", "wk", "mo", "a"}
RELATIONSHIPS = {"before-start", "before", "before-end", "concurrent-with-start", "concurrent", "concurrent-with-end", "after-start",
                 "after", "after-end"}
PUBLICATION = {"draft", "active", "retired", "unknown"}
UCUM = {"mg", "ug", "g", "mg/d", "ug/d", "g/d", "mg/m2", "ug/m2", "g/m2", "mg/m2/d", "ug/m2/d", "mg/kg", "ug/kg", "[IU]", "[IU]/m2",
        "[IU]/kg", "d", "h"}
# the last words of a path -> allowed codes
RULES: dict[tuple[str, ...], set[str]] = {
    ("Bundle", "type"): {"document", "message", "transaction", "transaction-response", "batch", "batch-response", "history",
                         "searchset", "collection"},
    ("CarePlan", "status"): {"draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown"},
    ("CarePlan", "intent"): {"proposal", "plan", "order", "option"},
    ("activity", "detail", "kind"): {"Appointment", "CommunicationRequest", "DeviceRequest", "MedicationRequest", "NutritionOrder",
                                     "Task", "ServiceRequest", "VisionPrescription"},
    ("activity", "detail", "status"): {"not-started", "scheduled", "in-progress", "on-hold", "completed", "cancelled", "stopped",
                                       "unknown", "entered-in-error"},
    ("MedicationRequest", "status"): REQUEST_STATUS,
    ("MedicationRequest", "intent"): {"proposal", "plan", "order", "original-order", "reflex-order", "filler-order",
                                      "instance-order", "option"},
    ("PlanDefinition", "status"): PUBLICATION,
    ("ActivityDefinition", "status"): PUBLICATION,
    ("ActivityDefinition", "intent"): {"proposal", "plan", "directive", "order", "original-order", "reflex-order", "filler-order",
                                       "instance-order", "option"},
    ("ActivityDefinition", "kind"): {"Appointment", "AppointmentResponse", "CarePlan", "Claim", "CommunicationRequest", "Contract",
                                     "DeviceRequest", "EnrollmentRequest", "ImmunizationRecommendation", "MedicationRequest",
                                     "NutritionOrder", "ServiceRequest", "SupplyRequest", "Task", "VisionPrescription"},
    ("text", "status"): {"generated", "extensions", "additional", "empty"},
    ("repeat", "periodUnit"): UNITS_OF_TIME,
    ("repeat", "durationUnit"): UNITS_OF_TIME,
    ("relatedAction", "relationship"): RELATIONSHIPS,
    ("condition", "kind"): {"applicability", "start", "stop"},
    ("action", "groupingBehavior"): {"visual-group", "logical-group", "sentence-group"},
    ("relatedArtifact", "type"): {"documentation", "justification", "citation", "predecessor", "successor", "derived-from",
                                  "depends-on", "composed-of"},
    ("documentation", "type"): {"documentation", "justification", "citation", "predecessor", "successor", "derived-from",
                                "depends-on", "composed-of"}}


def problems(value: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Every code that its value set does not have, with its path; and every quantity whose unit is not UCUM."""
    if isinstance(value, list):
        for item in value:
            yield from problems(item, path)
    elif isinstance(value, dict):
        here = (*path, value["resourceType"]) if "resourceType" in value else path
        if value.get("system") == "http://unitsofmeasure.org" and value.get("code") not in UCUM:
            yield f"{'.'.join(here)}: unit {value.get('code')}"
        for key, item in value.items():
            yield from problems(item, (*here, key))
    else:
        for rule, allowed in RULES.items():
            if path[-len(rule):] == rule and value not in allowed:
                yield f"{'.'.join(path)}: {value}"
