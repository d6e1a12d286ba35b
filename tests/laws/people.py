"""Patients and treatments written for laws: everything that a law does not vary is the same for all."""

from typing import Any

import numpy as np
from tests.sample import regimen

from remission.patients import CohortTable

ALIKE = {
    "age": 45.0, "male": 1.0, "ph": 0.0, "ph_like": 0.0, "kmt2a": 0.0, "hypodiploid": 0.0, "ikzf1": 0.0,
    "wbc": 10.0, "blasts": 0.8, "cd22": 90.0, "cd20": 0.0,
}  # fmt: skip


def people(count: int, relapsed: bool = False, **changed: Any) -> CohortTable:
    """A cohort of patients who are alike but for what is changed (a number, or one for each)."""
    columns = {
        name: np.broadcast_to(np.asarray(value, float), (count,)).copy() for name, value in (ALIKE | changed).items()
    }
    return CohortTable("alike", "alike.csv", "0" * 64, tuple(f"p{k}" for k in range(count)), columns, relapsed)


# Nothing is decided by what is measured.
STRAIGHT = """
  - {id: a, purpose: induction, block: e1910-induction-1, assess: [{name: end, what: remission}, {name: m1, what: mrd}]}
  - {id: b, purpose: consolidation, block: e1910-cytarabine-etoposide, assess: [{name: m2, what: mrd}]}
  - id: c
    purpose: consolidation
    length: 42 d
    give: [{drug: blinatumomab, dose: 28 ug/d, route: civ, days: 1-28}]
    assess: [{name: m3, what: mrd, day: 10}, {name: m4, what: mrd, day: 28}, {name: m5, what: mrd}]
  - id: d
    purpose: consolidation
    length: 42 d
    give: [{drug: blinatumomab, dose: 28 ug/d, route: civ, days: 1-28}]
    assess: [{name: m6, what: mrd}]
  - {id: e, purpose: consolidation, block: hyper-cvad-b, assess: [{name: m7, what: mrd}]}
  - {id: f, purpose: maintenance, block: pomp, repeat: 6}
"""


def straight():
    return regimen(STRAIGHT)


def course(length: int, days: str, factor: float = 1.0, name: str = "induction", purpose: str = "induction") -> str:
    """A course of three drugs with doses times a factor, and its assessments on the last day."""
    label = "intensive induction" if purpose == "induction" else "intensive consolidation"
    doses = [
        ("vincristine", 1.4, "mg/m2", "iv"),
        ("doxorubicin", 50.0, "mg/m2", "iv"),
        ("dexamethasone", 20.0, "mg", "po"),
    ]
    given = "\n".join(
        f"      - {{drug: {drug}, dose: {dose * factor:.12g} {unit}, route: {route}, days: '{days}'}}"
        for drug, dose, unit, route in doses
    )
    return (
        f"  - id: {name}\n    length: {length} d\n    purpose: {purpose}\n    chemotherapy: {label}\n    give:\n{given}\n"
        f"    assess: [{{name: cr-{name}, what: remission}}, {{name: mrd-{name}, what: mrd}}]\n"
    )
