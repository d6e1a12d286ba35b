"""Scores of a predictive distribution against what was published.

A forecast is a weighted sample, so Monte Carlo samples and exact distributions on a lattice are scored alike. The continuous
ranked probability score (CRPS) is a distance on the scale of the result: 0.05 means that the whole distribution lies about 5
percentage points from the published value; for a forecast without spread it is the absolute error. It is proper: nobody
gains by stating more or less certainty than he has (Gneiting and Raftery 2007, J Am Stat Assoc 102:359).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from remission.base.random import Floats

ROUNDING = 0.005
"""A published percentage is known to half a point."""
LEVELS = (0.5, 0.9)


@dataclass(frozen=True)
class Forecast:
    """A predictive distribution: `values` with `weights` that need not sum to one (None: equal weights).

    Raises ValueError for an empty sample, a value or weight that is not finite, or weights without a positive sum.
    """

    values: Floats
    weights: Floats | None = None

    def __post_init__(self) -> None:
        weights = self.weights
        if self.values.ndim != 1 or len(self.values) == 0 or not np.isfinite(self.values).all():
            raise ValueError("a forecast is a row of finite values")
        if weights is None:
            return
        if weights.shape != self.values.shape or not np.isfinite(weights).all() or (weights < 0).any() or weights.sum() <= 0:
            raise ValueError("the weights of a forecast are not negative, one for each value, and not all zero")

    def shares(self) -> Floats:
        """Weights that sum to one."""
        if self.weights is None:
            return np.full(len(self.values), 1.0 / len(self.values))
        return np.asarray(self.weights / self.weights.sum(), np.float64)

    def quantiles(self, levels: tuple[float, ...]) -> Floats:
        """Quantiles: interpolated between equally weighted values, else the smallest value that reaches the level."""
        if self.weights is None:
            return np.asarray(np.quantile(self.values, levels), np.float64)
        return np.asarray(np.quantile(self.values, levels, weights=self.weights, method="inverted_cdf"), np.float64)

    def below(self, value: float, inclusive: bool) -> float:
        """Probability of a value smaller than `value` (or not larger, if `inclusive`)."""
        inside = self.values <= value if inclusive else self.values < value
        return float(self.shares()[inside].sum())


@dataclass(frozen=True)
class Score:
    """How one forecast fared: its median and intervals, CRPS, PIT and whether the intervals hold the published value."""

    median: float
    lo50: float
    hi50: float
    lo90: float
    hi90: float
    crps: float
    pit: float
    covered50: bool
    covered90: bool


def crps(forecast: Forecast, value: float) -> float:
    """Continuous ranked probability score: E|X - value| - E|X - X'|/2, with X and X' independent from the forecast.

    The second term is taken over sorted values, sum of w_i x_i (W_i + W_(i-1) - 1) with W the cumulative weights, so the cost
    is that of a sort.

    >>> round(crps(Forecast(np.array([0.2])), 0.5), 3), round(crps(Forecast(np.array([0.0, 1.0])), 0.0), 3)
    (0.3, 0.25)
    """
    order = np.argsort(forecast.values, kind="stable")
    x, w = forecast.values[order], forecast.shares()[order]
    reached = np.cumsum(w)
    spread = float(np.sum(w * x * (2.0 * reached - w - 1.0)))
    return max(0.0, float(np.sum(w * np.abs(x - value))) - spread)


def pit(forecast: Forecast, value: float, v: float, rounding: float = ROUNDING) -> float:
    """Probability integral transform, uniform on (0, 1) when forecasts are right.

    The published value stands for all that round to it, and binomial predictions lie on a lattice, so the transform is drawn
    within the probability of that interval by a uniform number `v` (randomised PIT; Czado et al. 2009, Biometrics 65:1254).
    """
    low = forecast.below(value - rounding, inclusive=False)
    high = forecast.below(value + rounding, inclusive=True)
    return low + v * (high - low)


def score(forecast: Forecast, value: float, v: float, rounding: float = ROUNDING) -> Score:
    """All scores of one forecast; `v` is a uniform number for the randomised PIT."""
    lo90, lo50, median, hi50, hi90 = (float(q) for q in forecast.quantiles((0.05, 0.25, 0.5, 0.75, 0.95)))
    return Score(
        median,
        lo50,
        hi50,
        lo90,
        hi90,
        crps(forecast, value),
        pit(forecast, value, v, rounding),
        lo50 - rounding <= value <= hi50 + rounding,
        lo90 - rounding <= value <= hi90 + rounding,
    )
