"""Estimators over parameter draws: arrays have shape (draws, patients), and every draw is estimated by itself.

Simulated patients are followed to the end, so survival and incidence are proportions. Only where something takes patients out of
follow-up (`censor`: a death, a transplant) are they sorted, for Kaplan-Meier (1958, J Am Stat Assoc 53:457) and Aalen-Johansen
(1978, Scand J Stat 5:141). The follow-up of a real trial changes its precision, not its expectation: `worth` says by how much.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from remission.base.random import Floats

Mask = npt.NDArray[np.bool_]
OBSERVABLE = 0.02  # an estimate needs at least this share of patients followed to its time
BINS = 200
WORTH_PATIENTS = 1000  # of a draw


def share(yes: Floats | Mask, among: Mask) -> Floats:
    """Mean of `yes` (0/1, or a probability) among some patients, nan where there are none: shape (draws,)."""
    count = among.sum(axis=1).astype(np.float64)
    total = np.where(among, yes, 0.0).sum(axis=1)
    return _ratio(total, count)


def _ratio(part: Floats, whole: Floats) -> Floats:
    """A quotient, nan where the denominator is zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(whole > 0, part / whole, np.nan), np.float64)


def survival(event: Floats, censor: Floats, among: Mask, days: Floats) -> Floats:
    """Share still free of the event on each of `days`, shape (draws, days): a proportion, or Kaplan-Meier where anything censors."""
    return 1.0 - incidence(event, np.ones(event.shape, np.bool_), censor, among, days)


def incidence(first: Floats, own: Mask, censor: Floats, among: Mask, days: Floats) -> Floats:
    """Share with the event of interest by each of `days`, shape (draws, days): a proportion, or Aalen-Johansen where anything censors.

    `first` is the day of whichever event comes first, and `own` says that it is the one of interest; the others compete.
    """
    days = np.asarray(days, np.float64)
    if not np.any(among & (censor < first) & (censor <= days.max(initial=-np.inf))):
        return _proportions(first, own & among, among, days)
    return _aalen_johansen(first, own, censor, among, days)


def _proportions(first: Floats, counted: Mask, among: Mask, days: Floats) -> Floats:
    count = among.sum(axis=1).astype(np.float64)
    if days.size <= 4:
        yes = np.stack([(counted & (first <= day)).sum(axis=1) for day in days], axis=1).astype(np.float64)
    else:
        yes = np.cumsum(_binned(first, counted, np.sort(days)), axis=1)[:, np.argsort(np.argsort(days))]
    return _ratio(yes, count[:, None])


def _binned(times: Floats, counted: Mask, edges: Floats) -> Floats:
    """How many of the counted times fall at or below each edge and above the one before; those beyond the last are not counted."""
    chosen = counted & (times <= edges[-1])
    row = np.nonzero(chosen)[0]
    column = np.searchsorted(edges, times[chosen], side="left")
    found = np.bincount(row * len(edges) + column, minlength=len(times) * len(edges))
    return found.reshape(len(times), len(edges)).astype(np.float64)


def _aalen_johansen(first: Floats, own: Mask, censor: Floats, among: Mask, days: Floats) -> Floats:
    """Patients in order of time, events before censorings on the same day; those not analysed come last and are never counted."""
    observed = np.where(among, np.minimum(first, censor), np.inf)
    happened = among & (first <= censor) & np.isfinite(first)
    order = np.lexsort((~happened, observed, ~among), axis=-1)
    times = np.take_along_axis(observed, order, axis=1)
    events = np.take_along_axis(happened, order, axis=1)
    counted = events & np.take_along_axis(own, order, axis=1)
    at_risk = np.maximum(among.sum(axis=1)[:, None] - np.arange(first.shape[1]), 1.0)
    after = np.cumprod(np.where(events, 1.0 - 1.0 / at_risk, 1.0), axis=1)
    before = np.concatenate([np.ones((len(first), 1)), after[:, :-1]], axis=1)
    risk = np.concatenate(
        [np.zeros((len(first), 1)), np.cumsum(np.where(counted, before / at_risk, 0.0), axis=1)], axis=1
    )
    found = np.stack(
        [np.take_along_axis(risk, np.sum(times <= day, axis=1, keepdims=True), axis=1)[:, 0] for day in days], axis=1
    )
    return np.asarray(np.where(np.any(among, axis=1, keepdims=True), found, np.nan), np.float64)


def worth(first: Floats, own: Mask, censor: Floats, among: Mask, days: Floats, low: float, high: float) -> Floats:
    """Patients of a plain proportion that one patient is worth on each of `days`, shape (draws, days).

    Follow-up is uniform on (low, high) days. The binomial variance over that of the estimator (Kaplan-Meier where `own` is every event,
    else Aalen-Johansen), with each number at risk reduced to the share of patients still followed. 1 up to `low` where nothing else
    censors.
    """
    days = np.asarray(days, np.float64)
    keep = _columns(among)
    first, own, censor, among = first[:, :keep], own[:, :keep], censor[:, :keep], among[:, :keep]
    earliest = np.min(censor, where=among & (censor < first), initial=np.inf)
    needed = (days > low) | (days >= earliest)
    found = np.ones((len(first), len(days)))
    if needed.any():
        found[:, needed] = _worth(first, own, censor, among, days[needed], low, high)
    return found


def _columns(among: Mask) -> int:
    """So many patients that about `WORTH_PATIENTS` are analysed in a draw: a worth is known well enough from them."""
    wanted = WORTH_PATIENTS / max(float(np.mean(among)), 1e-9)
    return among.shape[1] if wanted >= among.shape[1] else int(np.ceil(wanted))


def _worth(first: Floats, own: Mask, censor: Floats, among: Mask, days: Floats, low: float, high: float) -> Floats:
    """The variance of Aalen-Johansen (Marubini and Valsecchi 1995, equation 10.12) on a fine grid of days, of which `days` are part."""
    edges = np.unique(np.concatenate([np.linspace(0.0, days.max(), BINS + 1)[1:], days]))
    middle = edges - 0.5 * np.diff(edges, prepend=0.0)
    followed = np.where(middle < low, 1.0, np.clip((high - middle) / max(high - low, 1e-9), OBSERVABLE, 1.0))
    happened = among & (first <= censor)
    every, counted = _binned(first, happened, edges), _binned(first, happened & own, edges)
    left = _binned(censor, among & ~happened, edges)
    n = np.maximum(among.sum(axis=1)[:, None], 1.0)
    at_risk = np.maximum(n - np.cumsum(every + left, axis=1) + every + 0.5 * left, 1.0)
    hazard, own_hazard = np.minimum(every / at_risk, 1.0), counted / at_risk
    after = np.cumprod(1.0 - hazard, axis=1)
    before = np.concatenate([np.ones((len(first), 1)), after[:, :-1]], axis=1)
    risk = np.cumsum(before * own_hazard, axis=1)
    seen = followed * at_risk / n
    rest, alone = hazard / np.maximum(1.0 - hazard, 1.0 / n) / seen, before * own_hazard / seen
    squared = np.cumsum(before * alone * (1.0 - own_hazard), axis=1)
    found = []
    for last in np.searchsorted(edges, days):
        to_come = risk[:, last : last + 1] - risk[:, : last + 1]
        variance = squared[:, last] + np.sum(
            to_come**2 * rest[:, : last + 1] - 2.0 * to_come * alone[:, : last + 1], axis=1
        )
        plain = risk[:, last] * (1.0 - risk[:, last])
        known = (variance > 1e-12) & (plain > 0)
        found.append(np.clip(np.where(known, plain / np.where(known, variance, 1.0), 1.0), OBSERVABLE, 1.0))
    return np.stack(found, axis=1)
