"""Scores of many results in one place: accuracy, calibration, bias and their uncertainty.

Results of one trial are not independent (the same patients, the same approximated regimen), so every uncertainty here is taken
over trials: resampled trials for the ratio of scores, clustered standard errors for means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from remission.base.random import Floats, Stream, uniforms

RESAMPLES = 4000
Row = Mapping[str, Any]
GROUPS = {"endpoint": "family", "age": "age_group", "ph": "ph", "intensity": "intensity", "trial": "trial"}


def summarise(rows: Sequence[Row], seed: int) -> dict[str, Any]:
    """Scores over rows: coverage, CRPS beside the baseline's, absolute error, bias. `n` 0 gives None for everything else.

    Coverage is the share of published values inside the interval, half a point allowed for rounding; intervals on the lattice
    of a small trial hold a little more than they say, so `pit50` and `pit90`, the shares of the randomised PIT in the middle
    50 and 90 %, stand beside it. Bias is predicted median minus published; its standard error is clustered by trial.
    """
    if not rows:
        return {"n": 0, **dict.fromkeys(_KEYS)}
    errors = column(rows, "median") - column(rows, "published")
    names = [str(row["trial"]) for row in rows]
    scores, baseline = column(rows, "crps"), column(rows, "crps_baseline")
    pit = column(rows, "pit")
    ratio = float(scores.sum() / baseline.sum()) if baseline.sum() > 0 else None
    low, high = ratio_interval(scores, baseline, names, seed)
    return {
        "n": len(rows),
        "trials": len(set(names)),
        "coverage50": _mean(rows, "covered50"),
        "coverage90": _mean(rows, "covered90"),
        "coverage90_se": _round(clustered_se(column(rows, "covered90"), names)),
        "pit50": round(float(np.mean(np.abs(pit - 0.5) <= 0.25)), 4),
        "pit90": round(float(np.mean(np.abs(pit - 0.5) <= 0.45)), 4),
        "crps": _mean(rows, "crps"),
        "crps_baseline": _mean(rows, "crps_baseline"),
        "crps_ratio": None if ratio is None else round(ratio, 4),
        "crps_ratio_lo90": low,
        "crps_ratio_hi90": high,
        "mean_absolute_error": round(float(np.mean(np.abs(errors))), 4),
        "mean_absolute_error_baseline": round(
            float(np.mean(np.abs(column(rows, "median_baseline") - column(rows, "published")))), 4
        ),
        "bias": round(float(np.mean(errors)), 4),
        "bias_se": _round(clustered_se(errors, names)),
        "width90": round(float(np.mean(column(rows, "hi90") - column(rows, "lo90"))), 4),
        "width90_baseline": round(float(np.mean(column(rows, "hi90_baseline") - column(rows, "lo90_baseline"))), 4),
    }


_KEYS = (
    "trials",
    "coverage50",
    "coverage90",
    "coverage90_se",
    "pit50",
    "pit90",
    "crps",
    "crps_baseline",
    "crps_ratio",
    "crps_ratio_lo90",
    "crps_ratio_hi90",
    "mean_absolute_error",
    "mean_absolute_error_baseline",
    "bias",
    "bias_se",
    "width90",
    "width90_baseline",
)


def by_group(rows: Sequence[Row], key: str, seed: int) -> dict[str, dict[str, Any]]:
    """The summary of each group of rows, by the value of one of their keys, in order of first appearance."""
    names = list(dict.fromkeys(str(row[key]) for row in rows))
    return {name: summarise([row for row in rows if str(row[key]) == name], seed) for name in names}


def column(rows: Sequence[Row], name: str) -> Floats:
    """One key of every row, as numbers."""
    return np.array([float(row[name]) for row in rows], np.float64)


def clustered_se(values: Floats, clusters: Sequence[str]) -> float | None:
    """Standard error of a mean when values of one cluster go together; None for fewer than two clusters.

    The sums of residuals of the clusters take the place of the values: sqrt(G / (G - 1) * sum of squares) / n.
    """
    names = sorted(set(clusters))
    if len(names) < 2:
        return None
    member = np.array([names.index(name) for name in clusters])
    sums = np.bincount(member, values - values.mean(), minlength=len(names))
    return float(np.sqrt(len(names) / (len(names) - 1) * np.sum(sums**2)) / len(values))


def ratio_interval(
    scores: Floats, baseline: Floats, clusters: Sequence[str], seed: int
) -> tuple[float | None, float | None]:
    """90 % interval of the ratio of total scores, by resampling trials with replacement; None for fewer than three."""
    names = sorted(set(clusters))
    if len(names) < 3:
        return None, None
    member = np.array([names.index(name) for name in clusters])
    ours = np.bincount(member, scores, minlength=len(names))
    theirs = np.bincount(member, baseline, minlength=len(names))
    u = uniforms(seed, np.arange(RESAMPLES), 0, Stream.PREDICTION, len(names), first=1024)
    drawn = np.minimum((u * len(names)).astype(np.int64), len(names) - 1)
    below = theirs[drawn].sum(axis=1)
    if not (below > 0).all():
        return None, None
    low, high = np.quantile(ours[drawn].sum(axis=1) / below, [0.05, 0.95])
    return round(float(low), 4), round(float(high), 4)


def difference(ours: Floats, others: Floats, clusters: Sequence[str]) -> tuple[float, float | None]:
    """Mean paired difference of scores (negative: ours is better) and its standard error clustered by trial."""
    paired = ours - others
    return float(paired.mean()), clustered_se(paired, clusters)


def _mean(rows: Sequence[Row], name: str) -> float:
    return round(float(np.mean(column(rows, name))), 4)


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
