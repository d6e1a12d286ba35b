"""The competitor that the model has to beat: what pooling the other trials predicts for a result.

The rows that `matching` leaves are pooled by random effects with the methods of `remission evidence pool`: proportions by the
binomial-normal model, survival by REML on the complementary log-log scale. Survival published at other times is first moved to
the time asked for along a straight line in the logarithm of time, whose slope comes from a meta-regression of all other trials'
survival. A second kind of competitor does not match but regresses: all rows of the endpoint's family, with BCR::ABL1 status, age
group, time and endpoint as covariates.

The prediction holds the uncertainty of the pooled value, the spread between trials (tau) and the chance of a trial of the size
of the one to be predicted. Six competitors are tried: results of the review's trials alone, or with frontline comparators;
matched with normal quantiles, matched with those of Student's t with k - 1 degrees of freedom, or by meta-regression. The one
with the lowest mean CRPS over all results is the baseline. That choice is made with the answers in view, in the competitor's
favour.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from remission.base.random import Floats
from remission.evidence import pool_variance
from remission.evidence.model import SURVIVAL
from remission.evidence.pool import Estimate, pool_proportions, pool_values
from remission.evidence.pool_rows import Overlap
from remission.evidence.pool_variance import from_scale, landmark, logits
from remission.inference.validation.matching import Known, apart, family_of, independent, left_out, matched, usable
from remission.inference.validation.scores import Forecast

NODES = 400
WIDEST = 6.0  # standard deviations on the working scale beyond which a prediction is flat
FEWEST_FOR_REGRESSION = 6
SLOPE_LIMITS = (0.3, 1.2)
SLOPE_WITHOUT_DATA = 1.0  # a constant hazard


@dataclass(frozen=True)
class Competitor:
    """One way to pool: over the review's trials alone or with `comparators`; matched, matched with t quantiles, or by regression."""

    name: str
    comparators: bool
    how: Literal["matched", "t", "regression"]


HOW: Mapping[Literal["matched", "t", "regression"], str] = {
    "matched": "matched",
    "t": "matched with t",
    "regression": "meta-regression",
}
COMPETITORS = tuple(
    Competitor(f"{told}, {who}", comparators, how)
    for comparators, who in ((False, "review trials"), (True, "review trials and comparators"))
    for how, told in HOW.items()
)


@dataclass(frozen=True)
class Pooled:
    """A competitor's belief about the true value in a new trial: `nodes` are equally likely probabilities.

    `step` is how far the match was widened; `rows` are the rows pooled (trial/arm/id).
    """

    step: str
    rows: tuple[str, ...]
    nodes: Floats
    tau: float | None = None

    def forecast(self, patients: int) -> Forecast:
        """What a trial of `patients` would report: the binomial mixture over the nodes, exact on its lattice."""
        from scipy.stats import binom

        count = np.arange(patients + 1)
        shares = binom.pmf(count[:, None], patients, self.nodes[None, :]).mean(axis=1)
        return Forecast(count / patients, np.asarray(shares, np.float64))


def pool(
    target: Known, candidates: Sequence[Known], competitor: Competitor, shared: Sequence[Overlap], review: frozenset[str]
) -> Pooled:
    """Pool what other trials published for a result. The target's own trial and patients never enter, nor does its value.

    `review` names the review's trials; of them the first two competitors use rows of role `calibrate` alone.
    """
    out = left_out(target.row.trial, [target.row, *(item.row for item in candidates)], shared)
    others = [item for item in candidates if item.key not in out]
    inside = [item for item in others if competitor.comparators or (item.row.trial in review and item.row.role == "calibrate")]
    if competitor.how == "regression":
        found = _regression(target, inside, shared)
        if found is not None:
            return found
    step, rows = matched(target, inside, shared)
    if not rows:
        return Pooled(step, (), _flat())
    heavy = competitor.how == "t"
    if target.row.endpoint in SURVIVAL:
        nodes, tau = _survival(target, rows, slope(others), heavy)
    else:
        nodes, tau = _proportions(rows, heavy)
    return Pooled(step, tuple(item.key for item in rows), nodes, tau)


def _flat() -> Floats:
    return (np.arange(NODES) + 0.5) / NODES


def events_of(item: Known) -> int:
    """Events behind a row, counted back from its percentage where they are not published."""
    if item.row.numerator is not None and item.row.n == item.n:
        return item.row.numerator
    return round((item.row.value or 0.0) * (item.n or 1))


def _proportions(rows: Sequence[Known], heavy: bool) -> tuple[Floats, float | None]:
    events, n = [events_of(item) for item in rows], [item.n or 1 for item in rows]
    if len(rows) == 1 or sum(events) in (0, sum(n)):
        return _jeffreys(sum(events), sum(n)), None
    found = _glmm(tuple(events), tuple(n))
    spread = math.sqrt((found.se or 0.0) ** 2 + (found.tau2 or 0.0))
    nodes = 1 / (1 + np.exp(-_quantiles(found.estimate, spread, len(rows), heavy)))
    return np.clip(nodes, 1e-9, 1 - 1e-9), math.sqrt(found.tau2 or 0.0)


@lru_cache(maxsize=4096)
def _glmm(events: tuple[int, ...], n: tuple[int, ...]) -> Estimate:
    return pool_proportions(events, n, method="glmm", interval="wald")


def _jeffreys(events: int, n: int) -> Floats:
    """One set of patients, or no event in any: the posterior under Jeffreys' prior, at equally likely quantiles."""
    from scipy.stats import beta

    return np.asarray(beta.ppf(_flat(), events + 0.5, n - events + 0.5), np.float64)


def _quantiles(centre: float, spread: float, k: int, heavy: bool) -> Floats:
    from scipy.special import ndtri, stdtrit

    spread = min(spread, WIDEST)
    z = stdtrit(k - 1, _flat()) if heavy and k > 1 else ndtri(_flat())
    return np.clip(centre + spread * np.asarray(z, np.float64), -30.0, 30.0)


def _survival(target: Known, rows: Sequence[Known], b: float, heavy: bool) -> tuple[Floats, float | None]:
    y, v = [], []
    for item in rows:
        row = item.row
        mark = landmark(float(row.value or 0.0), item.n, row.lo95, row.hi95, "cloglog")
        y.append(mark.y + b * math.log(float(target.row.months or 1.0) / float(row.months or 1.0)))
        v.append(mark.v)
    found = _reml(tuple(y), tuple(v))
    spread = math.sqrt((found.se or 0.0) ** 2 + (found.tau2 or 0.0))
    places = _quantiles(found.estimate, spread, len(rows), heavy)
    nodes = np.array([from_scale(float(place), "cloglog") for place in places])
    return np.clip(nodes, 1e-9, 1 - 1e-9), None if found.tau2 is None else math.sqrt(found.tau2)


@lru_cache(maxsize=4096)
def _reml(y: tuple[float, ...], v: tuple[float, ...]) -> Estimate:
    return pool_values(y, v, scale="cloglog", interval="wald")


def slope(items: Sequence[Known]) -> float:
    """Rise of the complementary log-log survival for each unit of log time, by meta-regression of all survival rows.

    Adjusted for endpoint, BCR::ABL1 status and age group; kept between 0.3 and 1.2; 1 (a constant hazard) where there are too
    few rows for a regression.
    """
    rows = [item for item in items if item.row.endpoint in SURVIVAL]
    times = np.array([math.log(float(item.row.months or 1.0)) for item in rows])
    if len(rows) < FEWEST_FOR_REGRESSION or float(np.ptp(times)) < math.log(2.0):
        return SLOPE_WITHOUT_DATA
    y, v = _on_scale(rows)
    columns = [times, *_traits(rows), np.array([float(item.row.endpoint == "OS") for item in rows])]
    mean, _, _ = _regress(y, v, np.column_stack([np.ones(len(rows)), *(column for column in columns if np.ptp(column) > 0)]))
    return float(np.clip(mean[1], *SLOPE_LIMITS))


def _traits(rows: Sequence[Known]) -> list[Floats]:
    """BCR::ABL1 status and age group as numbers; one half where both or neither is said."""
    ph = [{"positive": 1.0, "negative": 0.0}.get(item.ph or "", 0.5) for item in rows]
    age = [{"older": 1.0, "younger": 0.0}.get(item.age or "", 0.5) for item in rows]
    return [np.array(ph), np.array(age)]


def _on_scale(rows: Sequence[Known]) -> tuple[Floats, Floats]:
    """Values and variances: survival on the complementary log-log, proportions on the logit scale."""
    if rows[0].row.endpoint in SURVIVAL:
        marks = [landmark(float(i.row.value or 0.0), i.n, i.row.lo95, i.row.hi95, "cloglog") for i in rows]
        return np.array([mark.y for mark in marks]), np.array([mark.v for mark in marks])
    y, v, _ = logits(np.array([float(events_of(item)) for item in rows]), np.array([float(item.n or 1) for item in rows]))
    return y, v


def _regression(target: Known, inside: Sequence[Known], shared: Sequence[Overlap]) -> Pooled | None:
    """Meta-regression over the endpoint's family, centred on the target, so that the intercept is the prediction.

    None where there are too few rows. Covariates that do not vary are left out; the last ones give way while rows are scarce.
    """
    family = [item for item in inside if family_of(item.row.endpoint) == family_of(target.row.endpoint) and usable(item)]
    rows = independent(target, family, shared)
    if len(rows) < FEWEST_FOR_REGRESSION:
        return None
    survival = target.row.endpoint in SURVIVAL
    mine = _traits([target])
    time = [math.log(float(i.row.months or 1.0) / float(target.row.months or 1.0)) if survival else apart(target, i) for i in rows]
    columns = [np.array(time), *(column - own for column, own in zip(_traits(rows), mine, strict=True))]
    names = sorted({item.row.endpoint for item in rows} - {target.row.endpoint})
    columns += [np.array([float(item.row.endpoint == name) for item in rows]) for name in names]
    kept: list[Floats] = [np.ones(len(rows))]
    for column in columns:
        wider = np.column_stack([*kept, column])
        if wider.shape[1] + 2 <= len(rows) and np.linalg.matrix_rank(wider) == wider.shape[1]:
            kept.append(column)
    mean, se, tau2 = _regress(*_on_scale(rows), np.column_stack(kept))
    places = _quantiles(float(mean[0]), math.sqrt(float(se[0]) ** 2 + tau2), len(rows), False)
    nodes = np.exp(-np.exp(places)) if survival else 1 / (1 + np.exp(-places))
    return Pooled("meta-regression", tuple(item.key for item in rows), np.clip(nodes, 1e-9, 1 - 1e-9), math.sqrt(tau2))


def _regress(y: Floats, v: Floats, x: Floats) -> tuple[Floats, Floats, float]:
    """Coefficients, standard errors and tau2 by restricted likelihood."""
    mean, se, tau2 = _regress_once(tuple(y.tolist()), tuple(v.tolist()), tuple(map(tuple, x.tolist())))
    return np.array(mean), np.array(se), tau2


@lru_cache(maxsize=4096)
def _regress_once(
    y: tuple[float, ...], v: tuple[float, ...], x: tuple[tuple[float, ...], ...]
) -> tuple[list[float], list[float], float]:
    pool_variance.version()  # says what to install when PyMARE is not there
    from pymare import Dataset
    from pymare.estimators import VarianceBasedLikelihoodEstimator

    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        warnings.simplefilter("ignore")
        data = Dataset(y=np.array(y), v=np.array(v), X=np.array(x), add_intercept=False)
        found = VarianceBasedLikelihoodEstimator(method="REML").fit_dataset(data).summary()
    return found.fe_params[:, 0].tolist(), found.fe_se[:, 0].tolist(), max(0.0, float(np.ravel(found.tau2)[0]))

