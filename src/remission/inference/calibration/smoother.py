"""The ensemble smoother: a first, fast and Gaussian answer, which says where to simulate more.

ES-MDA (Emerick and Reynolds 2013, Computers & Geosciences 55:3) moves a sample of the prior towards the data in a few steps,
each with inflated errors, by regression between parameters and simulated results. It works on the logit of every target.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from remission.base.random import Floats
from remission.inference.calibration.libraries import library
from remission.inference.calibration.likelihood import SHARED, Data
from remission.inference.calibration.space import Space

Simulate = Callable[[Floats, int], Floats]
"""Coordinates (members, names) and the number of the step -> simulated logits (members, rows)."""


def observed(data: Data) -> tuple[Floats, Floats]:
    """Logit of every row with half a patient on each side, and the SD of its sampling error."""
    p = (data.yes + 0.5) / (data.size + 1)
    return np.log(p / (1 - p)), 1 / np.sqrt((data.size + 1) * p * (1 - p))


def covariance(data: Data, correlation: Floats, tau: float) -> Floats:
    """Covariance of the observed logits around the model's: sampling error and discrepancy."""
    _, sd = observed(data)
    same = data.group[:, None] == data.group[None, :]
    shared = SHARED * tau**2 * same * np.outer(data.sign, data.sign)
    own = (1 - SHARED) * tau**2 + data.spread**2
    return np.asarray(correlation * np.outer(sd, sd) + shared + np.diag(own), np.float64)


def smooth(
    space: Space, data: Data, correlation: Floats, start: Floats, steps: int, seed: int, simulate: Simulate
) -> Floats:
    """Members of the ensemble after `steps` assimilations, shape of `start` (members, names)."""
    tau = float(space.discrepancy(np.zeros((1, len(space.names))))[0])
    centre, _ = observed(data)
    smoother = library("iterative_ensemble_smoother").ESMDA(
        covariance(data, correlation, tau), centre, alpha=steps, seed=seed
    )
    moving = list(space.inputs)
    z = start.copy()
    for step in range(smoother.num_assimilations()):
        logits = simulate(z, step)
        known = np.where(np.isfinite(logits), logits, np.nan)
        known = np.where(np.isnan(known), np.nanmean(known, axis=0), known)
        smoother.prepare_assimilation(Y=known.T)
        z[:, moving] = smoother.assimilate_batch(X=z[:, moving].T).T
    return z


def inflate(members: Floats, rows: int, factor: float, floor: float, noise: Floats) -> Floats:
    """`rows` coordinates around an ensemble: members taken in turn, spread by `factor`, plus `floor` times normal noise."""
    centre = members.mean(axis=0)
    chosen = members[np.arange(rows) % len(members)]
    return np.asarray(centre + factor * (chosen - centre) + floor * noise[:rows], np.float64)


def implausibility(data: Data, correlation: Floats, logits: Floats, tau: float) -> Floats:
    """Distance of each row from the nearest the model comes to it, in SDs of sampling error and discrepancy together.

    Above 3 the structure cannot meet the row anywhere in the sample of parameters (history matching).
    """
    centre, _ = observed(data)
    sd = np.sqrt(np.diag(covariance(data, correlation, tau)))
    return np.asarray(np.nanmin(np.abs(logits - centre), axis=0) / sd, np.float64)
