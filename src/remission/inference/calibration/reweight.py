"""The last word belongs to the simulator: posterior draws are simulated again and weighted by what it says.

The weight of a draw is its likelihood by the simulator over that by the emulator, at the same parameters and discrepancies;
Pareto-smoothed importance sampling (Vehtari et al. 2024, J Mach Learn Res 25:72; ArviZ) tames the largest weights, and its k says
whether the correction can be trusted (below 0.7).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from remission.base.random import Floats, Stream, uniforms
from remission.inference.calibration.emulator import Emulator
from remission.inference.calibration.libraries import library
from remission.inference.calibration.likelihood import Data, log_likelihood, shift
from remission.inference.calibration.sampler import LATENT, Chains
from remission.inference.calibration.simulator import Readings
from remission.inference.calibration.space import Space


@dataclass(frozen=True)
class Weighted:
    """Weights (draws,) that sum to 1, Pareto k, and how many independent draws they are worth.

    `variance` of the log weights, and the part of it (`noise`) that comes from simulating a finite number of patients.
    """

    weights: Floats
    pareto_k: float
    effective: float
    variance: float
    noise: float

    @property
    def telling(self) -> bool:
        """Whether the weights hold more of the emulator's error than of the simulator's own noise.

        If not, the emulator (which has averaged over thousands of runs) is nearer to the expectation than a single run is, and
        weighting would only add noise.
        """
        return self.variance > 2 * self.noise


def spaced(chains: Chains, count: int) -> npt.NDArray[np.int64]:
    """Indices of `count` samples spread evenly over all chains."""
    total = chains.z.shape[0] * chains.z.shape[1]
    return np.unique(np.linspace(0, total - 1, min(count, total)).round().astype(np.int64))


def log_ratio(
    space: Space, data: Data, emulator: Emulator, chains: Chains, index: npt.NDArray[np.int64], seen: Readings
) -> tuple[Floats, float]:
    """Log of simulated over emulated likelihood for the samples `index`, which were simulated as `seen`; and the part of its
    variance that is the simulator's noise.

    Rows whose simulation draws an effect of the study anew keep the emulator's expectation, which has averaged over it.
    """
    z, arm, own = (chains.flat(name)[index] for name in LATENT)
    kept = (data.spread > 0) | (seen.patients < 1)
    emulated = emulator.logits(z)
    simulated = np.where(kept, emulated, seen.logit)
    tau = space.discrepancy(z)
    wide = shift(tau, arm, own, data, emulator.error)
    error = np.where(kept, emulator.error, 0.0)
    at = simulated + shift(tau, arm, own, data, error)
    before = log_likelihood(emulated + wide, data)
    p = (np.nan_to_num(seen.share) * seen.patients + 0.5) / (seen.patients + 1)
    variance = np.where(kept, 0.0, 1 / ((seen.patients + 1) * p * (1 - p)))
    noise = float(np.mean(np.sum(slopes(emulated + wide, data) ** 2 * variance, axis=1)))
    return np.asarray(log_likelihood(at, data) - before, np.float64), noise


def slopes(eta: Floats, data: Data, step: float = 1e-3) -> Floats:
    """Derivative of the log-likelihood by every row's logit, shape of eta."""
    found = np.empty_like(eta)
    for k in range(eta.shape[1]):
        up, down = eta.copy(), eta.copy()
        up[:, k] += step
        down[:, k] -= step
        found[:, k] = (log_likelihood(up, data) - log_likelihood(down, data)) / (2 * step)
    return found


def weigh_draws(ratio: Floats, noise: float = 0.0) -> Weighted:
    """Pareto-smoothed weights from log ratios; `noise`: as from `log_ratio`."""
    smoothed, k = library("arviz").psislw(ratio)
    weights = np.exp(np.asarray(smoothed) - np.max(smoothed))
    weights = weights / weights.sum()
    return Weighted(weights, float(k), float(1 / np.sum(weights**2)), float(ratio.var()), noise)


def resample(weights: Floats, count: int, seed: int) -> npt.NDArray[np.int64]:
    """`count` indices by systematic resampling: each draw comes up its weight times `count`, rounded up or down."""
    first = float(uniforms(seed, 0, 0, Stream.PREDICTION, 1)[0, 0])
    edges = np.cumsum(weights) / np.sum(weights)
    return np.minimum(np.searchsorted(edges, (np.arange(count) + first) / count, side="right"), len(weights) - 1)
