"""What the fit learned and how far it can be trusted: tables per parameter and per target, and a short summary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from remission.base.random import Floats
from remission.inference.calibration.emulator import Emulator
from remission.inference.calibration.libraries import library
from remission.inference.calibration.likelihood import SHARED, Data
from remission.inference.calibration.reweight import Weighted
from remission.inference.calibration.sampler import Chains
from remission.inference.calibration.simulator import Readings
from remission.inference.calibration.smoother import covariance, observed
from remission.inference.calibration.space import Space
from remission.inference.calibration.targets import Targets

LEARNED, PARTLY = 0.6, 0.8
MOST_RHAT, LEAST_ESS, MOST_K, LEAST_EFFECTIVE = 1.01, 400.0, 0.7, 200.0


def verdict(ratio: float) -> str:
    """What a posterior SD of `ratio` prior SDs means: learned (below 0.6), partly learned (to 0.8), not learned."""
    return "learned" if ratio < LEARNED else "partly learned" if ratio <= PARTLY else "not learned"


def convergence(chains: Chains) -> tuple[Floats, Floats, Floats]:
    """R-hat, bulk and tail effective sample size of every coordinate."""
    arviz = library("arviz")
    data = arviz.convert_to_dataset({"z": np.asarray(chains.z, np.float64)})
    return (
        np.asarray(arviz.rhat(data)["z"]),
        np.asarray(arviz.ess(data, method="bulk")["z"]),
        np.asarray(arviz.ess(data, method="tail")["z"]),
    )


def parameter_table(space: Space, chains: Chains, kept: Floats, ensemble: Floats) -> list[dict[str, Any]]:
    """One row per estimated parameter: prior and posterior (median, 90 % interval), ratio of SDs on the prior's own scale.

    `kept`: coordinates of the released draws. On that scale (standard-normal coordinates) the prior has mean 0 and SD 1, so
    `ratio` is the posterior's SD and `shift` its mean; `smoother` holds both for the ensemble smoother, a second method.
    """
    rhat, bulk, tail = convergence(chains)
    free = [item for item in space.parameters if item.name in space.names]
    table = []
    for k, item in enumerate(free):
        low, middle, high = (float(item.value(z)) for z in (-1.6448536, 0.0, 1.6448536))
        after = np.quantile(np.asarray(item.value(kept[:, k])), [0.05, 0.5, 0.95])
        ratio = float(kept[:, k].std(ddof=1))
        table.append(
            {
                "parameter": item.name,
                "unit": item.unit,
                "prior": {"median": _r(middle), "lo90": _r(low), "hi90": _r(high)},
                "posterior": {"median": _r(after[1]), "lo90": _r(after[0]), "hi90": _r(after[2])},
                "shift": _r(kept[:, k].mean(), 3),
                "ratio": _r(ratio, 3),
                "verdict": verdict(ratio),
                "smoother": {"shift": _r(ensemble[:, k].mean(), 3), "ratio": _r(ensemble[:, k].std(ddof=1), 3)},
                "rhat": _r(rhat[k], 5),
                "ess_bulk": round(float(bulk[k])),
                "ess_tail": round(float(tail[k])),
            }
        )
    return table


def target_table(
    targets: Targets, data: Data, emulator: Emulator, before: Readings, after: Readings, kept: Sequence[int], tau: float
) -> list[dict[str, Any]]:
    """One row per target: published, expected under prior and posterior, distance in SDs, the emulator's error.

    `before`: readings at prior draws; `after`: at posterior draws, of which `kept` (with repetitions) are released. `misfit` is
    published minus expected on the logit over the SD of sampling error and discrepancy; `implausibility` the least distance
    that any prior draw comes to (above 3: the structure cannot meet the row).
    """
    centre, _ = observed(data)
    assert targets.correlation is not None
    sd = np.sqrt(np.diag(covariance(data, targets.correlation, tau)))
    old, new = before.logit, after.logit[list(kept)]
    table = []
    for k, row in enumerate(targets.rows):
        table.append(
            {
                "row": row.key,
                "endpoint": row.endpoint,
                "at": row.at,
                "where": row.where,
                "published": _r(row.value),
                "patients": _r(row.n or 0),
                "worth": _r(data.size[k]),
                "basis": row.basis,
                "prior": _band(old[:, k]),
                "posterior": _band(new[:, k]),
                "misfit": _r((centre[k] - np.nanmedian(new[:, k])) / sd[k], 3),
                "implausibility": _r(np.nanmin(np.abs(old[:, k] - centre[k])) / sd[k], 3),
                "emulator_error": _r(emulator.error[k], 3),
                "simulator_noise": _r(emulator.noise[k], 3),
                "sampling_sd": _r(observed(data)[1][k], 3),
            }
        )
    return table


def discrepancy_summary(space: Space, z: Floats) -> dict[str, Any]:
    """Median and 90 % interval of the SD of arms around their model, on the logit."""
    tau = np.asarray(space.discrepancy(z))
    low, middle, high = np.quantile(tau, [0.05, 0.5, 0.95])
    return {"median": _r(middle), "lo90": _r(low), "hi90": _r(high), "shared": SHARED}


def summarise(
    parameters: list[dict[str, Any]], rows: list[dict[str, Any]], chains: Chains, weighted: Weighted
) -> dict[str, Any]:
    """The figures of a fit in a few lines."""
    errors = [row["emulator_error"] for row in rows]
    counts = {
        name: sum(p["verdict"] == name for p in parameters) for name in ("learned", "partly learned", "not learned")
    }
    return {
        "targets": len(rows),
        "parameters": len(parameters),
        **{name.replace(" ", "_"): count for name, count in counts.items()},
        "rhat_max": max(p["rhat"] for p in parameters),
        "ess_bulk_min": min(p["ess_bulk"] for p in parameters),
        "ess_tail_min": min(p["ess_tail"] for p in parameters),
        "divergences": int(chains.diverging.sum()),
        "weighted_by": "simulator" if weighted.telling else "emulator",
        "pareto_k": _r(weighted.pareto_k, 3),
        "effective_draws": round(weighted.effective),
        "log_weight_variance": _r(weighted.variance, 3),
        "log_weight_noise": _r(weighted.noise, 3),
        "emulator_error_median": _r(float(np.median(errors)), 3),
        "emulator_error_max": _r(max(errors), 3),
        "misfit_max": _r(max(abs(row["misfit"]) for row in rows), 3),
    }


def complaints(summary: dict[str, Any]) -> list[str]:
    """What in a summary says that the fit should not be relied on."""
    said = []
    if summary["rhat_max"] > MOST_RHAT:
        said.append(f"the chains disagree: R-hat reaches {summary['rhat_max']:.3f} (at most {MOST_RHAT} is accepted)")
    least = min(summary["ess_bulk_min"], summary["ess_tail_min"])
    if least < LEAST_ESS:
        said.append(f"too few independent samples: {least} (at least {LEAST_ESS:.0f} are wanted)")
    if summary["divergences"]:
        said.append(f"{summary['divergences']} divergent iterations")
    if summary["pareto_k"] > MOST_K:
        said.append(
            f"emulator and simulator differ too much to re-weight: Pareto k {summary['pareto_k']:.2f} (at most {MOST_K})"
        )
    if summary["weighted_by"] == "simulator" and summary["effective_draws"] < LEAST_EFFECTIVE:
        said.append(
            f"the weighted draws are worth {summary['effective_draws']} (at least {LEAST_EFFECTIVE:.0f} are wanted)"
        )
    return said


def _band(logits: Floats) -> dict[str, float]:
    low, middle, high = 1 / (1 + np.exp(-np.nanquantile(logits, [0.05, 0.5, 0.95])))
    return {"median": _r(middle), "lo90": _r(low), "hi90": _r(high)}


def _r(value: Any, digits: int = 4) -> float:
    return float(f"{float(value):.{digits}g}")
