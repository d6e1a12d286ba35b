"""One number in every parameter draw, and how far it spreads: what the parameters leave open apart from simulation error.

A draw's value is a mean over finitely many virtual patients, so its spread between draws holds both. The patients' own variance
tells the error of each draw (`monte_carlo_se`); what is left of the variance between draws belongs to the parameters
(`parameter_sd`), and `denoised` draws are pulled towards their mean until they spread by that much, or by as much as the
estimate cannot rule out. This is the one-way analysis of variance of nested simulation (O'Hagan, Stevenson, Madan 2007, Health
Econ 16:1009).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from remission.base.random import Floats


@dataclass(frozen=True)
class Interval:
    """Median and 90 % credible interval over parameter draws."""

    median: float
    lo90: float
    hi90: float


@dataclass(frozen=True)
class Spread:
    """Values by draw, and the variance of each that comes from simulating finitely many patients. Arrays of shape (draws,)."""

    by_draw: Floats
    error_variance: Floats

    @property
    def monte_carlo_se(self) -> float:
        """Standard error of one draw's value from the finite number of patients."""
        return float(np.sqrt(np.mean(self.error_variance))) if len(self.by_draw) else float("nan")

    @property
    def parameter_sd(self) -> float:
        """Standard deviation between draws that simulation error does not explain."""
        if len(self.by_draw) < 2:
            return 0.0
        return float(np.sqrt(max(0.0, float(np.var(self.by_draw, ddof=1)) - float(np.mean(self.error_variance)))))

    @property
    def interval(self) -> Interval:
        """Median and 90 % interval of the values as simulated: both kinds of spread."""
        return interval(self.by_draw)

    @property
    def denoised(self) -> Floats:
        """The draws without simulation error, as far as the analysis of variance can tell."""
        if len(self.by_draw) < 2:
            return self.by_draw
        total = float(np.var(self.by_draw, ddof=1))
        least = np.sqrt(2.0 / (len(self.by_draw) - 1))  # the standard error of the variance: what it cannot rule out is left standing
        factor = np.sqrt(min(1.0, max(self.parameter_sd**2 / total, least))) if total > 0 else 0.0
        middle = float(np.mean(self.by_draw))
        return np.asarray(middle + (self.by_draw - middle) * factor, np.float64)

    @property
    def mean_se(self) -> float:
        """Standard error of the mean over draws."""
        return float(np.std(self.by_draw, ddof=1) / np.sqrt(len(self.by_draw))) if len(self.by_draw) > 1 else self.monte_carlo_se

    def probability(self, low: float = 0.0, high: float = np.inf) -> float:
        """Probability that the value lies between `low` and `high`, without simulation error; exactly on an edge counts half."""
        from scipy.special import ndtr

        values, error = self.denoised, self.mean_se
        if not len(values):
            return float("nan")
        if error > 0:
            return float(np.mean(ndtr((high - values) / error) - ndtr((low - values) / error)))
        above = (values > low) + 0.5 * (values == low)
        return float(np.mean(above - (values > high) - 0.5 * (values == high)))


def interval(values: Floats) -> Interval:
    """Median and 90 % interval. Not-a-number draws (nobody was counted) are left out; none left gives nan."""
    known = values[~np.isnan(values)]
    if not len(known):
        return Interval(float("nan"), float("nan"), float("nan"))
    low, middle, high = np.quantile(known, [0.05, 0.5, 0.95])
    return Interval(float(middle), float(low), float(high))


def spread(values: Floats) -> Spread:
    """Means of (draws, patients) values; nan is a patient outside the denominator, and a draw without any is left out."""
    counted = ~np.isnan(values)
    n = counted.sum(axis=1)
    filled = np.where(counted, values, 0.0)
    some = n > 0
    mean = filled.sum(axis=1)[some] / n[some]
    square = ((filled - np.where(counted, 1.0, 0.0) * _column(mean, some)) ** 2).sum(axis=1)[some]
    return Spread(mean, square / np.maximum(n[some] - 1, 1) / n[some])


def _column(mean: Floats, some: Floats) -> Floats:
    whole = np.zeros(len(some))
    whole[np.asarray(some, np.bool_)] = mean
    return whole[:, None]


def paired(a: Floats, b: Floats) -> Spread:
    """Differences a - b of the same patients; a patient outside either denominator is left out of the pairs."""
    return spread(a - b)


def unpaired(a: Floats, b: Floats) -> Spread:
    """Differences of means between two groups of patients; draws in which one of the groups is empty are left out."""
    both = ~(np.isnan(a).all(axis=1) | np.isnan(b).all(axis=1))
    first, second = spread(a[both]), spread(b[both])
    return Spread(first.by_draw - second.by_draw, first.error_variance + second.error_variance)
