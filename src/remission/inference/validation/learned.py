"""What a fit has learned of each parameter: posterior beside prior, in standard deviations of the prior."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from remission.base.random import Floats
from remission.engine import Draws, Parameter, load_parameters

LEARNED, PARTLY = 0.6, 0.8
MOVED = 1.0
_Z = np.linspace(-8.0, 8.0, 1601)


def coordinates(parameter: Parameter, values: Floats) -> Floats:
    """Standard-normal coordinates of values under the parameter's prior, by inverting `Parameter.value` (to 1e-3)."""
    table = np.asarray(parameter.value(_Z), np.float64)
    z = _Z
    if table[0] > table[-1]:
        table, z = table[::-1], z[::-1]
    return np.asarray(np.interp(values, table, z), np.float64)


def verdict(ratio: float) -> str:
    """`learned` where the posterior's SD is at most 0.6 of the prior's, `partly learned` up to 0.8, else `not learned`."""
    return "learned" if ratio <= LEARNED else "partly learned" if ratio <= PARTLY else "not learned"


def learned(posterior: Draws, parameters: Sequence[Parameter] | None = None) -> list[dict[str, Any]]:
    """For each parameter: quantiles of prior and posterior, shift and SD of the posterior in prior SD, and the verdict.

    A fixed parameter has no quantiles and the verdict `fixed`; one that the draws do not have is left out.
    """
    found = []
    for item in load_parameters() if parameters is None else parameters:
        if item.name not in posterior.names:
            continue
        told: dict[str, Any] = {"name": item.name, "unit": item.unit, "basis": item.basis, "about": item.about,
                                "evidence": item.evidence, "prior_shape": next(iter(item.prior))}
        values = posterior.values[:, posterior.names.index(item.name)]
        if "fixed" in item.prior:
            found.append({**told, "verdict": "fixed", "value": float(values[0])})
            continue
        z = coordinates(item, values)
        ratio = float(np.std(z))
        prior = [float(item.value(level)) for level in (-1.6448536269514722, 0.0, 1.6448536269514722)]
        found.append(
            {
                **told,
                "verdict": verdict(ratio),
                "prior": [round(v, 6) for v in sorted(prior)],
                "posterior": [round(float(v), 6) for v in np.quantile(values, [0.05, 0.5, 0.95])],
                "z": [round(float(v), 4) for v in np.quantile(z, [0.05, 0.5, 0.95])],
                "shift": round(float(np.mean(z)), 4),
                "sd_ratio": round(ratio, 4),
                "moved": abs(float(np.mean(z))) >= MOVED,
            }
        )
    return found
