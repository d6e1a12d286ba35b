"""Random-effects pooling by inverse variance: values with known variances on a scale where they are nearly normal.

The statistics are PyMARE's (restricted likelihood, Hartung–Knapp, Q-profile interval of tau2, Cochran's Q); this module
puts proportions and survival on their scale and back. PyMARE comes with the extra `remission[evidence]`.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from remission.base.errors import RemissionError

Array = NDArray[np.float64]
EFFECTIVE_SHARE = 0.75
"""A survival probability without interval is taken to be as precise as a proportion of this share of the patients."""
SCALES = ("logit", "cloglog")


@dataclass(frozen=True)
class NormalFit:
    """A pooled value on the working scale. `se` belongs to the interval asked for; `df` is infinite for Wald's.

    `hartung_knapp_factor` is the variance factor of that method: below 1 its interval is narrower than Wald's.
    """

    estimate: float
    se: float
    df: float
    tau2: float
    tau2_lo: float
    tau2_hi: float
    q: float
    q_p: float
    hartung_knapp_factor: float | None

    def narrow(self, level: float) -> bool:
        """Whether the Hartung–Knapp interval is narrower than Wald's, its longer quantile included."""
        from scipy.stats import norm, t

        factor = self.hartung_knapp_factor
        tail = (1 + level) / 2
        return factor is not None and math.sqrt(factor) * float(t.ppf(tail, self.df)) < float(norm.ppf(tail))


def fit(y: Array, v: Array, interval: str, level: float) -> NormalFit:
    """REML estimate of values `y` with variances `v` (at least two); interval `hartung-knapp` or `wald`.

    Where Hartung–Knapp has no width because the values are equal, its standard error is 0 and the factor says so.
    """
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        warnings.simplefilter("ignore")
        dataset_class, estimator_class = _pymare()
        dataset = dataset_class(y=y, v=v)
        wald = estimator_class(method="REML", small_sample_correction="wald").fit_dataset(dataset).summary()
        se, df, factor = float(wald.fe_se[0, 0]), math.inf, None
        if interval == "hartung-knapp":
            name = "knapp-hartung"
            knapp = estimator_class(method="REML", small_sample_correction=name).fit_dataset(dataset).summary()
            factor = (float(knapp.fe_se[0, 0]) / se) ** 2
            se, df = float(knapp.fe_se[0, 0]), float(len(y) - 1)
        tau2, spread = wald.get_re_stats(alpha=1 - level), wald.get_heterogeneity_stats()
    ends = float(tau2["ci_l"][0]), float(tau2["ci_u"][0])
    return NormalFit(
        estimate=float(wald.fe_params[0, 0]),
        se=se,
        df=df,
        tau2=float(np.ravel(tau2["tau^2"])[0]),
        tau2_lo=ends[0] if math.isfinite(ends[0]) else 0.0,
        tau2_hi=ends[1] if math.isfinite(ends[1]) else math.inf,
        q=max(0.0, float(spread["Q"][0])),
        q_p=float(spread["p(Q)"][0]),
        hartung_knapp_factor=factor,
    )


def _pymare() -> tuple[Any, Any]:
    try:
        from pymare import Dataset
        from pymare.estimators import VarianceBasedLikelihoodEstimator
    except ImportError:
        raise RemissionError(
            "the library for inverse-variance pooling is not installed",
            where="PyMARE",
            why="survival, and proportions with --method reml, are pooled by PyMARE, which the base installation leaves out",
            near="--method glmm needs no more than the base installation (proportions only)",
            fix="pip install 'remission[evidence]'",
        ) from None
    return Dataset, VarianceBasedLikelihoodEstimator


def version() -> str:
    """PyMARE's version. Raises RemissionError when it is not installed."""
    from importlib.metadata import version as installed

    _pymare()
    return installed("PyMARE")


def typical_variance(v: Array) -> float:
    """Higgins and Thompson's typical sampling variance of at least two studies, the scale of I²."""
    w = 1 / v
    return float((len(v) - 1) * w.sum() / (w.sum() ** 2 - (w**2).sum()))


def logits(events: Array, n: Array) -> tuple[Array, Array, bool]:
    """Logit and variance of each proportion; half an event is added to both sides where one of them is zero.

    The third value says whether that was done.
    """
    add = np.where((events == 0) | (events == n), 0.5, 0.0)
    a, b = events + add, n - events + add
    return np.log(a / b), 1 / a + 1 / b, bool(add.any())


def to_scale(value: float, scale: str, incidence: bool = False) -> float:
    """A survival probability (or, with `incidence`, a cumulative incidence) on the logit or complementary log-log scale.

    >>> round(to_scale(0.5, "cloglog"), 4), to_scale(0.5, "logit")
    (-0.3665, 0.0)
    """
    if scale == "logit":
        return math.log(value / (1 - value))
    return math.log(-math.log1p(-value) if incidence else -math.log(value))


def from_scale(y: float, scale: str, incidence: bool = False) -> float:
    """The probability at a place on the scale; infinite places give 0 or 1."""
    if scale == "logit":
        return 1 / (1 + math.exp(-y)) if y > -700 else 0.0
    hazard = math.exp(min(y, 700.0))
    return -math.expm1(-hazard) if incidence else math.exp(-hazard)


def _variance_of_proportion(value: float, n: float, scale: str, incidence: bool) -> float:
    """Delta-method variance on the scale of a proportion of `n` patients."""
    if scale == "logit":
        return 1 / (n * value * (1 - value))
    s = 1 - value if incidence else value
    return (1 - s) / (n * s * math.log(s) ** 2)


@dataclass(frozen=True)
class Landmark:
    """A survival probability at a landmark, on its scale; `how` says where the variance comes from."""

    y: float
    v: float
    how: str


def has_interval(value: float, lo95: float | None, hi95: float | None) -> bool:
    """Whether a published interval says how precise a survival probability is."""
    if lo95 is None or hi95 is None or not 0 < value < 1 or lo95 >= hi95:
        return False
    return 0 < lo95 < value or value < hi95 < 1


def landmark(
    value: float, n: int | None, lo95: float | None, hi95: float | None, scale: str, incidence: bool = False
) -> Landmark:
    """Put one survival result on the scale. It needs a usable 95 % interval (`has_interval`) or a number of patients.

    A published interval gives the variance by its width on the scale, or by its inner half when its other end is 0 or 1.
    Without one, the result counts as a proportion of 0.75 n patients (an assumption, for censoring); 0 and 1 are then
    moved inwards by half a patient.
    """
    z95 = 1.959963984540054
    if 0 < value < 1:
        y = to_scale(value, scale, incidence)
        if has_interval(value, lo95, hi95):
            inner = [abs(to_scale(end, scale, incidence) - y) for end in (lo95, hi95) if end is not None and 0 < end < 1]
            how = "published interval" if len(inner) == 2 else "half of the published interval"
            return Landmark(y, (sum(inner) / len(inner) / z95) ** 2, how)
    if n is None:
        raise ValueError("neither a usable interval nor a number of patients")
    effective = EFFECTIVE_SHARE * n
    how = f"assumed: {EFFECTIVE_SHARE:g} n"
    if not 0 < value < 1:
        value = (effective * value + 0.5) / (effective + 1)
        how += ", moved inwards by half a patient"
    return Landmark(
        to_scale(value, scale, incidence), _variance_of_proportion(value, effective, scale, incidence), how
    )
