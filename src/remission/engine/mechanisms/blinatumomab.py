"""Blinatumomab: T cells redirected against CD19.

Biology: a limited number of T cells must meet every target: at high burden each cell is killed more slowly (effector
limitation), so above a threshold the leukaemia outgrows the drug. CD19-negative cells escape; extramedullary sites are
reached poorly; some patients' T cells hardly respond.
Equation: dN+/dt = N+ (g - K/(1 + N+/theta)) for the CD19-positive marrow cells N+, with
    K = K_B exp(sd z) (1 or `nonresponder_kill`) E(C)/E(C28),  E(C) = C/(C + EC50),  C = (dose/28 ug/d) C28 / clearance.
A subcutaneous dose counts by its availability, spread over the days to the next one. Over later cycles K may fade by a factor each.
As a function of the dose D in ug/d this is K = kmax D/(D + D50) with D50 = 28 EC50 clearance / C28.
References: Zhu 2018 (10.1002/jcph.1006); Clements 2020 (10.1007/s40262-019-00823-8); Hosseini 2020 (10.1038/s41540-020-00145-7).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from remission.engine.mechanisms._kinds import EFFECTOR, Mechanism


def potency(p: Any, patient: Any) -> Mapping[str, Any]:
    """Largest kill per day `blinatumomab`, the dose of half its effect `half_dose` (ug/d), and ln of the capacity theta."""
    z = p.crosslink * patient.z_chemosensitivity + np.sqrt(1 - p.crosslink**2) * patient.z_blinatumomab
    responds = np.where(patient.u_responder < p.responders, 1.0, p.nonresponder_kill)
    effect_28 = p.concentration_28 / (p.concentration_28 + p.ec50)
    relapsed = np.where(patient.relapsed > 0, p.effector_relapsed, 1.0)
    kill = p.kill_blinatumomab * np.exp(p.blinatumomab_spread * z) * responds / effect_28
    return {
        "blinatumomab": kill,
        "blinatumomab-sc": kill,
        "half_dose": 28.0 * p.ec50 * np.exp(p.clearance_spread * patient.z_clearance) / p.concentration_28,
        "ln_capacity": np.log(10.0) * p.effector_capacity + p.effector_spread * patient.z_effector + np.log(relapsed),
    }


_RELATIVE: Mapping[str, float | str] = {
    "persister": "persister_blinatumomab",
    "cd19-negative": 0.0,
    "resistant": 1.0,
    "extramedullary": "extramedullary_blinatumomab",
    "central nervous system": 0.0,
}
MECHANISM = Mechanism(
    name="blinatumomab",
    agents=("blinatumomab", "blinatumomab-sc"),
    kind=EFFECTOR,
    unit="ug/d",
    parameters=(
        "responders",
        "nonresponder_kill",
        "kill_blinatumomab",
        "blinatumomab_spread",
        "effector_capacity",
        "effector_spread",
        "effector_relapsed",
        "crosslink",
        "ec50",
        "concentration_28",
        "clearance_spread",
        "subcutaneous_availability",
        "blinatumomab_fade",
        "persister_blinatumomab",
        "extramedullary_blinatumomab",
    ),
    potency=potency,
    relative={"blinatumomab": _RELATIVE, "blinatumomab-sc": _RELATIVE},
    availability={"blinatumomab-sc": "subcutaneous_availability"},
    example=(
        {
            "responders": 0.85,
            "nonresponder_kill": 0.12,
            "kill_blinatumomab": 0.6,
            "blinatumomab_spread": 0.5,
            "crosslink": 0.0,
            "effector_capacity": 11.0,
            "effector_spread": 1.0,
            "effector_relapsed": 0.5,
            "ec50": 0.15,
            "concentration_28": 0.6,
            "clearance_spread": 0.5,
        },
        {
            "z_chemosensitivity": 3.0,
            "z_blinatumomab": 0.0,
            "u_responder": 0.5,
            "z_clearance": 0.0,
            "z_effector": 0.0,
            "relapsed": 0.0,
        },
        {"blinatumomab": 0.75, "half_dose": 7.0, "ln_capacity": 25.328436023},
    ),
)
