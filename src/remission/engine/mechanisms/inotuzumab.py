"""Inotuzumab ozogamicin: calicheamicin delivered by CD22.

Biology: CD22 is internalised with the drug; kill depends little on burden and slightly on CD22 expression.
Equation: one cycle of 1.8 mg/m2 kills k (1 + cv z) (1 + e (CD22 - 90 %)/30 %) log10 of bulk; exposure is in such cycles per
day, where a smaller cycle counts (dose / 1.8 mg/m2) to the power `inotuzumab_dose_exponent`.
References: INO-VATE (Cancer, doi 10.1002/cncr.32116); burden effect flat: doi 10.1038/s41408-020-00345-8.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from remission.engine.mechanisms._kinds import RATE, Mechanism

LN10 = float(np.log(10.0))


def potency(p: Any, patient: Any) -> Mapping[str, Any]:
    """ln kill of bulk by one full cycle."""
    between = np.maximum(0.05, 1 + p.inotuzumab_spread * patient.z_inotuzumab)
    expression = np.maximum(0.0, 1 + p.cd22_effect * (patient.cd22 - 90.0) / 30.0)
    return {"inotuzumab": LN10 * p.kill_inotuzumab * between * expression}


MECHANISM = Mechanism(
    name="inotuzumab",
    agents=("inotuzumab",),
    kind=RATE,
    unit="cycles of 1.8 mg/m2 per d",
    parameters=(
        "kill_inotuzumab",
        "inotuzumab_spread",
        "cd22_effect",
        "persister_inotuzumab",
        "inotuzumab_dose_exponent",
    ),
    potency=potency,
    relative={
        "inotuzumab": {
            "persister": "persister_inotuzumab",
            "cd19-negative": 1.0,
            "resistant": 1.0,
            "extramedullary": 1.0,
            "central nervous system": 0.0,
        }
    },
    example=(
        {"kill_inotuzumab": 2.0, "inotuzumab_spread": 0.4, "cd22_effect": 0.1},
        {"z_inotuzumab": 0.5, "cd22": 60.0},
        {"inotuzumab": 4.973583801},
    ),
)  # 2 x 1.2 x 0.9 x ln 10
