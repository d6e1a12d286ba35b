"""Synthesis of published results: random-effects pooling of proportions, and of survival at a landmark.

Proportions are pooled with their exact likelihood (`glmm`: binomial–normal model, maximum likelihood) or by inverse
variance on the logit scale (`reml`). Survival has no binomial likelihood, because of censoring; it is pooled by inverse
variance on the complementary log-log or the logit scale.

Intervals: `hartung-knapp` uses t with k - 1 degrees of freedom (with REML also that method's variance; a likelihood has none
of its own), `profile` the profile likelihood (glmm only: the restricted likelihood is no function of the pooled value), `wald`
the normal distribution. The prediction interval is for the true value in a new set of patients: estimate ± quantile ×
sqrt(se² + tau²), with the normal quantile for `wald` and t with k - 1 degrees of freedom otherwise, as in metafor.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from remission.base.errors import UsageError, nearest
from remission.evidence import intervals, pool_glmm, pool_variance
from remission.evidence.library import trials
from remission.evidence.pool_rows import Chosen, Overlap, Question, Selection, overlaps, select, share_patients
from remission.evidence.pool_words import cited, left_out_as_data, notes_on, study_as_data

METHODS = ("glmm", "reml")
INTERVALS = ("hartung-knapp", "profile", "wald")
INCIDENCE = ("relapse incidence", "NRM")
FEW = 5


@dataclass(frozen=True)
class Estimate:
    """A pooled value on the working scale (`scale`), with heterogeneity; None where the data cannot tell.

    `lo`, `hi` and the prediction interval may be infinite. `weights` are shares, one for each study. `q` is the likelihood
    ratio against one common probability (glmm) or Cochran's Q (reml), with k - 1 degrees of freedom. `i2` is tau2 as a
    share of tau2 and the typical sampling variance (Higgins and Thompson).
    """

    scale: str
    k: int
    estimate: float
    lo: float
    hi: float
    weights: tuple[float, ...]
    se: float | None = None
    prediction_lo: float | None = None
    prediction_hi: float | None = None
    tau2: float | None = None
    tau2_lo: float | None = None
    tau2_hi: float | None = None
    i2: float | None = None
    q: float | None = None
    q_p: float | None = None
    notes: tuple[str, ...] = ()


def pool_proportions(
    events: Sequence[int], n: Sequence[int], *, method: str = "glmm", interval: str = "hartung-knapp", level: float = 0.95
) -> Estimate:
    """Pool `events` of `n`, one pair for each independent set of patients, on the logit scale.

    Raises UsageError for impossible counts, an unknown method or interval, or a level outside 0 to 1.

    >>> found = pool_proportions([19, 28, 25], [29, 33, 33], interval="profile")
    >>> round(1 / (1 + math.exp(-found.estimate)), 3), round(found.tau2, 3)
    (0.758, 0.0)
    """
    _check(method, interval, level)
    _check_counts(events, n)
    x, m = np.asarray(events, dtype=np.float64), np.asarray(n, dtype=np.float64)
    if len(x) == 1:
        return _alone(events[0], n[0], level, "one set of patients: its own exact binomial interval, no heterogeneity")
    if x.sum() in (0.0, m.sum()):
        what = "no events" if x.sum() == 0 else "events only"
        said = f"every set of patients has {what}: heterogeneity cannot be estimated, and the counts are added up (exact binomial)"
        return replace(_alone(int(x.sum()), int(m.sum()), level, said), k=len(x), weights=tuple((m / m.sum()).tolist()))
    y, v, moved = pool_variance.logits(x, m)
    if method == "reml":
        found = pool_values(y.tolist(), v.tolist(), scale="logit", interval=interval, level=level)
        added = "half an event was added to both sides where a set of patients has no events, or events only"
        return replace(found, notes=(added, *found.notes)) if moved else found
    return _glmm(x, m, v, interval, level)


def _glmm(x: pool_glmm.Array, n: pool_glmm.Array, v: pool_glmm.Array, interval: str, level: float) -> Estimate:
    found = pool_glmm.fit(x, n)
    k, tau2 = len(x), found.tau**2
    df = math.inf if interval == "wald" else k - 1.0
    if interval == "profile":
        lo, hi = pool_glmm.profile_mu(found, level)
    else:
        lo, hi = _around(found.mu, found.se, df, level)
    low, high = pool_glmm.profile_tau(found, level)
    p = 1 / (1 + math.exp(-found.mu))
    precision = 1 / (1 / (n * p * (1 - p)) + tau2)
    ahead = _around(found.mu, math.sqrt(found.se**2 + tau2), df, level)
    q = pool_glmm.likelihood_ratio_q(x, n)
    notes = () if found.finite else ("the likelihood rises without end with heterogeneity: tau2 has no finite estimate",)
    return Estimate("logit", k, found.mu, lo, hi, tuple((precision / precision.sum()).tolist()), found.se, *ahead, tau2, low**2,
                    high**2, 100 * tau2 / (tau2 + pool_variance.typical_variance(v)), q, _chi_square_p(q, k - 1), notes)


def pool_values(
    y: Sequence[float], v: Sequence[float], *, scale: str, interval: str = "hartung-knapp", level: float = 0.95
) -> Estimate:
    """Pool values `y` with variances `v` on a scale (at least one), by inverse variance with REML.

    Raises UsageError for an interval that does not apply, and RemissionError where PyMARE is not installed.
    """
    _check("reml", interval, level)
    if len(y) == 1:
        ends = _around(y[0], math.sqrt(v[0]), math.inf, level)
        said = "one set of patients: its own interval, no heterogeneity"
        return Estimate(scale, 1, y[0], *ends, weights=(1.0,), se=math.sqrt(v[0]), notes=(said,))
    values, variances = np.asarray(y, dtype=np.float64), np.asarray(v, dtype=np.float64)
    found, notes = pool_variance.fit(values, variances, interval, level), []
    factor = found.hartung_knapp_factor
    if factor is not None and factor < 1e-12:
        found = pool_variance.fit(values, variances, "wald", level)
        notes.append("all values are equal, so the Hartung–Knapp interval has no width: Wald's is given")
    elif factor is not None and found.narrow(level):
        notes.append(f"the Hartung–Knapp interval is narrower than Wald's, because the values differ less than expected (factor "
                     f"{factor:.2f}): --interval wald is the cautious choice")
    precision = 1 / (variances + found.tau2)
    ends = _around(found.estimate, found.se, found.df, level)
    ahead = _around(found.estimate, math.sqrt(found.se**2 + found.tau2), found.df, level)
    i2 = 100 * found.tau2 / (found.tau2 + pool_variance.typical_variance(variances))
    return Estimate(scale, len(y), found.estimate, *ends, tuple((precision / precision.sum()).tolist()), found.se, *ahead,
                    found.tau2, found.tau2_lo, found.tau2_hi, i2, found.q, found.q_p, tuple(notes))


def _alone(events: int, n: int, level: float, said: str) -> Estimate:
    """One binomial sample with its Clopper–Pearson interval; the logits of 0 and 1 are infinite."""
    ends = [_logit(end) for end in exact(events, n, level)]
    return Estimate("logit", 1, _logit(events / n), ends[0], ends[1], weights=(1.0,), notes=(said,))


def exact(events: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Clopper–Pearson interval of a proportion at a level."""
    from scipy.stats import beta

    tail = (1 - level) / 2
    low = 0.0 if events == 0 else float(beta.ppf(tail, events, n - events + 1))
    high = 1.0 if events == n else float(beta.ppf(1 - tail, events + 1, n - events))
    return low, high


def _logit(p: float) -> float:
    return math.log(p / (1 - p)) if 0 < p < 1 else math.copysign(math.inf, p - 0.5)


def _around(centre: float, se: float, df: float, level: float) -> tuple[float, float]:
    from scipy.stats import norm, t

    quantile = float(norm.ppf((1 + level) / 2) if math.isinf(df) else t.ppf((1 + level) / 2, df))
    return centre - quantile * se, centre + quantile * se


def _chi_square_p(q: float, df: int) -> float:
    from scipy.stats import chi2

    return float(chi2.sf(q, df))


def _check(method: str, interval: str, level: float) -> None:
    for option, value, known in (("--method", method, METHODS), ("--interval", interval, INTERVALS)):
        if value not in known:
            raise UsageError(f"unknown {option[2:]} '{value[:40]}'", where=option, why="known here: " + ", ".join(known),
                             near=nearest(value, known), fix=f"choose a known {option[2:]}")
    if method == "reml" and interval == "profile":
        raise UsageError("there is no profile interval with REML", where="--interval",
                         why="the restricted likelihood is no function of the pooled value", near="hartung-knapp",
                         fix="give --interval hartung-knapp or wald, or (for proportions) --method glmm")
    if not 0 < level < 1:
        raise UsageError(f"{level:g} is no level of confidence", where="--level", why="it lies between 0 and 1", near="0.95",
                         fix="give --level 0.95")


def _check_counts(events: Sequence[int], n: Sequence[int]) -> None:
    if len(events) != len(n) or not events or any(not (0 <= x <= m and m >= 1) for x, m in zip(events, n, strict=False)):
        raise UsageError("these counts cannot be pooled", where=f"{list(events)[:5]} of {list(n)[:5]}",
                         why="each set of patients has at least one patient, and no more events than patients",
                         fix="correct the counts")


def check_independent(used: Iterable[Chosen], shared: Sequence[Overlap]) -> None:
    """Raises UsageError when two rows count the same patients: a set of patients cannot be split over rows."""
    seen: list[Chosen] = []
    for item in used:
        other = next((s for s in seen if share_patients(s.patients, item.patients, shared)), None)
        if other is not None:
            raise UsageError(
                f"{item.patients} (row {item.row.id}) and {other.patients} (row {other.row.id}) share patients",
                where="pool", why="nobody may be counted twice; rows of the same patients are no independent studies",
                near=other.row.id, fix="keep one of the two rows",
            )
        seen.append(item)


def pool_results(
    question: Question, *, method: str | None = None, interval: str = "hartung-knapp", level: float = 0.95, scale: str = "cloglog"
) -> dict[str, Any]:
    """The answer to a question as plain data with stable keys: the pooled value, its studies, what was left out and why.

    `method` is glmm for proportions and reml for survival where None; `scale` is survival's.
    """
    return summarise(question, select(question), method=method, interval=interval, level=level, scale=scale, shared=overlaps())


def summarise(
    question: Question, selection: Selection, *, method: str | None, interval: str, level: float, scale: str, shared: Sequence[Overlap]
) -> dict[str, Any]:
    """Pool the rows of a selection."""
    survival, used = selection.kind == "survival", selection.used
    method = method or ("reml" if survival else "glmm")
    _check(method, interval, level)
    check_independent(selection.used, shared)
    incidence = question.endpoint in INCIDENCE
    if survival:
        marks = _landmarks(selection, method, scale, incidence)
        found = pool_values([m.y for m in marks], [m.v for m in marks], scale=scale, interval=interval, level=level)
        study = [_survival_interval(item, mark, scale, incidence) for item, mark in zip(used, marks, strict=True)]
    else:
        scale = "logit"
        found = pool_proportions(
            [item.events or 0 for item in used], [item.row.n or 0 for item in used], method=method, interval=interval, level=level
        )
        study = [(*exact(item.events or 0, item.row.n or 1), "exact binomial") for item in used]
    numbers, citations = cited(item.row.source for item in used)
    return {
        "endpoint": question.endpoint,
        "kind": selection.kind,
        "at": selection.assessment,
        "months": selection.months,
        "window": selection.window,
        "where": question.where,
        "filters": {"trials": list(question.trials), "arms": list(question.arms), "population": question.population,
                    "role": question.role},
        "method": method,
        "interval": interval,
        "level": level,
        "scale": scale,
        "k": found.k,
        "n": sum(item.row.n or 0 for item in used),
        "events": None if survival else sum(item.events or 0 for item in used),
        **_natural(found, scale, incidence),
        "q_df": found.k - 1 if found.q is not None else None,
        "working_scale": {"estimate": _finite(found.estimate), "se": _finite(found.se), "lo": _finite(found.lo),
                          "hi": _finite(found.hi)},
        "studies": [
            study_as_data(item, ends, weight, selection, numbers[item.row.source])
            for item, ends, weight in zip(used, study, found.weights, strict=True)
        ],
        "left_out": left_out_as_data(selection.left_out),
        "notes": [*notes_on(question, selection, [ends[2] for ends in study], trials()), *found.notes,
                  *([f"{found.k} sets of patients tell little about heterogeneity"] if 1 < found.k < FEW else [])],
        "sources": citations,
    }


def _landmarks(
    selection: Selection, method: str, scale: str, incidence: bool
) -> list[pool_variance.Landmark]:
    if method == "glmm":
        raise UsageError("survival has no binomial likelihood", where="--method",
                         why="patients are censored, so a landmark is no count of events among patients", near="reml",
                         fix="leave --method out, or give --method reml")
    if scale not in pool_variance.SCALES:
        raise UsageError(f"unknown scale '{scale[:40]}'", where="--scale", why="known here: " + ", ".join(pool_variance.SCALES),
                         near=nearest(scale, pool_variance.SCALES), fix="choose a known scale")
    return [
        pool_variance.landmark(float(item.row.value or 0.0), item.row.n, item.row.lo95, item.row.hi95, scale, incidence)
        for item in selection.used
    ]


def _survival_interval(
    item: Chosen, mark: pool_variance.Landmark, scale: str, incidence: bool
) -> tuple[float, float, str]:
    """95 % interval of one landmark, published or made, and where it comes from."""
    row = item.row
    if row.lo95 is not None and row.hi95 is not None and "published" in mark.how:
        return row.lo95, row.hi95, mark.how
    half = intervals.Z95 * math.sqrt(mark.v)
    ends = sorted(pool_variance.from_scale(mark.y + side * half, scale, incidence) for side in (-1, 1))
    return ends[0], ends[1], mark.how


def _natural(found: Estimate, scale: str, incidence: bool) -> dict[str, float | None]:
    """The pooled value, its interval and the prediction interval as probabilities, with heterogeneity."""

    def pair(lo: float | None, hi: float | None) -> tuple[float | None, float | None]:
        if lo is None or hi is None or math.isnan(lo) or math.isnan(hi):
            return None, None
        ends = sorted(pool_variance.from_scale(end, scale, incidence) for end in (lo, hi))
        return ends[0], ends[1]

    lo, hi = pair(found.lo, found.hi)
    prediction = pair(found.prediction_lo, found.prediction_hi)
    return {
        "estimate": pool_variance.from_scale(found.estimate, scale, incidence), "lo": lo, "hi": hi,
        "prediction_lo": prediction[0], "prediction_hi": prediction[1],
        "tau2": found.tau2, "tau2_lo": found.tau2_lo, "tau2_hi": _finite(found.tau2_hi), "i2": found.i2, "q": found.q, "q_p": found.q_p,
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
