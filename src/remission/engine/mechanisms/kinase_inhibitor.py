"""BCR::ABL1 kinase inhibitors: dasatinib, imatinib, ponatinib.

Biology: blocking BCR::ABL1 kills bulk cells fast and persisters slowly; T315I clones resist all but ponatinib.
Equation: kill rate k q exp(sd z) per day while the drug is taken; q is the potency relative to dasatinib (with a steroid).
References: LAL1205 (Blood 118:6521); T315I before therapy and at relapse (Blood 128:774; Blood 110:727).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from remission.engine.mechanisms._kinds import RATE, Mechanism


def potency(p: Any, patient: Any) -> Mapping[str, Any]:
    """ln kill of bulk per day; zero where the leukaemia has no BCR::ABL1."""
    dasatinib = p.kill_dasatinib * np.exp(p.kinase_inhibitor_spread * patient.z_kinase_inhibitor) * patient.ph
    return {
        "dasatinib": dasatinib,
        "imatinib": dasatinib * p.imatinib_potency,
        "ponatinib": dasatinib * p.ponatinib_potency,
    }


def _relative(resistant: float | str, central: float) -> dict[str, float | str]:
    return {
        "persister": "persister_kinase_inhibitor",
        "cd19-negative": 1.0,
        "resistant": resistant,
        "extramedullary": "extramedullary_kinase_inhibitor",
        "central nervous system": central,
    }


MECHANISM = Mechanism(
    name="kinase inhibitor",
    agents=("dasatinib", "imatinib", "ponatinib"),
    kind=RATE,
    unit="1",
    parameters=(
        "kill_dasatinib",
        "kinase_inhibitor_spread",
        "imatinib_potency",
        "ponatinib_potency",
        "persister_kinase_inhibitor",
        "extramedullary_kinase_inhibitor",
        "resistant_ponatinib",
    ),
    potency=potency,
    relative={"dasatinib": _relative(0.0, 0.1), "imatinib": _relative(0.0, 0.1), "ponatinib": _relative("resistant_ponatinib", 0.3)},
    example=(
        {"kill_dasatinib": 0.3, "kinase_inhibitor_spread": 0.25, "imatinib_potency": 0.8, "ponatinib_potency": 1.25},
        {"z_kinase_inhibitor": 0.0, "ph": 1.0},
        {"dasatinib": 0.3, "imatinib": 0.24, "ponatinib": 0.375},
    ),
)
