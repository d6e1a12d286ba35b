"""Antimetabolite maintenance (mercaptopurine, methotrexate, with vincristine and prednisone pulses).

Biology: continuous low-dose antimetabolites kill cycling cells about as fast as they grow: they hold the disease.
Equation: kill rate m s h per day while maintenance lasts, with the patient's chemosensitivity s and the doses' intensity h
(1: standard doses of mercaptopurine and methotrexate).
References: Bhatia 2015 (JAMA Oncol 1:287) for the effect of adherence, in children; no adult estimate was found.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from remission.engine.mechanisms._kinds import SCALED, Mechanism


def potency(p: Any, patient: Any) -> Mapping[str, Any]:
    """ln kill of bulk per day."""
    return {"maintenance": p.kill_maintenance * patient.chemosensitivity}


MECHANISM = Mechanism(
    name="maintenance",
    agents=("maintenance",),
    kind=SCALED,
    unit="1",
    parameters=("kill_maintenance", "persister_chemotherapy"),
    potency=potency,
    relative={
        "maintenance": {
            "persister": "persister_chemotherapy",
            "cd19-negative": 1.0,
            "resistant": 1.0,
            "extramedullary": 1.0,
            "central nervous system": 0.1,
        }
    },
    example=({"kill_maintenance": 0.045}, {"chemosensitivity": 1.2}, {"maintenance": 0.054}),
)
