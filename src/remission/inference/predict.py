"""From readings in every parameter draw to what a trial of a given size would report."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from remission.base.errors import EmptySelection, UsageError
from remission.base.random import Floats, Stream, uniforms
from remission.outcomes import Reading

REPLICATES = 20
CERTAIN = 1e-4  # a share of 0 or 1 is moved by so much where it is not known how many patients were simulated


@dataclass(frozen=True)
class Predictive:
    """What a trial would report: median and 90 % interval; `expected` is the median for an infinitely large trial."""

    median: float
    lo90: float
    hi90: float
    expected: float


def settled(reading: Reading) -> Floats:
    """The probability of each draw, kept away from 0 and 1 by half a simulated patient."""
    p = reading.expected
    if reading.simulated is None:
        return np.clip(p, CERTAIN, 1 - CERTAIN)
    return (p * reading.simulated + 0.5) / (reading.simulated + 1.0)


def reported(reading: Reading, size: int, discrepancy: Floats, draws: tuple[int, ...], seed: int, name: str) -> Floats:
    """Simulated reports of a trial with `size` analysed patients, shape (draws, replicates); draws without a patient are left out.

    Each draw's probability is moved on the logit scale by an arm discrepancy of SD `discrepancy` (what a real arm differs from
    its model beyond chance, the same prior for every trial), then observed binomially in the effective number of patients.
    """
    from scipy.special import ndtri
    from scipy.stats import binom

    if size < 1:
        raise UsageError(
            f"a trial of {size} patients was asked for",
            why="a trial needs at least one patient",
            near="1",
            fix="ask for one or more",
        )
    usable = np.isfinite(reading.expected)
    if not usable.any():
        raise EmptySelection(
            "nobody can be analysed", why="no draw has a patient for this endpoint", fix="widen the condition"
        )
    number = np.asarray(draws)[usable]
    address = (zlib.crc32(name.encode()) % 2**26) * REPLICATES
    u = uniforms(
        seed,
        address + np.tile(np.arange(REPLICATES), len(number)),
        np.repeat(number, REPLICATES),
        Stream.PREDICTION,
        2,
        first=4,
    )
    p = settled(reading)[usable][:, None]
    shift = discrepancy[usable, None] * ndtri(u[:, 0].reshape(-1, REPLICATES))
    p = 1 / (1 + np.exp(-(np.log(p / (1 - p)) + shift)))
    patients = np.maximum(1, np.rint(size * reading.information[usable]))[:, None]
    return np.asarray(binom.ppf(u[:, 1].reshape(-1, REPLICATES), patients, p) / patients, np.float64)


def predict(
    reading: Reading, size: int, discrepancy: Floats, draws: tuple[int, ...], seed: int, name: str
) -> Predictive:
    """The predictive distribution of what a trial of `size` analysed patients would report."""
    values = reported(reading, size, discrepancy, draws, seed, name)
    low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
    return Predictive(float(middle), float(low), float(high), float(np.nanmedian(reading.expected)))
