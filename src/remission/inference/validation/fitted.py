"""Beliefs that come from a calibration: its folder can fit again without a trial; its draws alone can be re-weighted."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from remission.base.errors import NotFound
from remission.base.files import shown_path
from remission.base.random import Floats, Stream, normals
from remission.engine import Draws
from remission.inference.validation.belief import Mode, Posterior, Rows

ERRORS = 1000
"""Draws of the discrepancies over which a likelihood is averaged."""
ERROR_INDEX = 512


def of_folder(folder: str | Path, mode: Mode = "refit", draws: int = 500) -> Posterior:
    """The belief of a finished fit, read from the folder of `remission calibrate`. Raises NotFound, or UsageError for another fit's."""
    from remission.inference.calibration import Settings, load_fit, load_targets, refit

    note = Path(folder) / "fit.json"
    try:
        told = json.loads(note.read_text(encoding="utf-8"))
        settings = Settings(**told["settings"])
    except (OSError, ValueError, KeyError, TypeError):
        raise NotFound(
            "no fit is kept in this folder",
            where=shown_path(note),
            why="the file that says what was fitted is missing or cannot be read",
            fix="run remission calibrate with this folder, or leave --fit out",
        ) from None
    fitted = load_fit(folder, load_targets(), settings)

    def again(sets: Sequence[Rows], tell: Callable[[float], None]) -> Sequence[Draws]:
        return refit(fitted, sets, tell, draws=draws)

    known = of_draws(fitted.draws(), fitted.targets, settings.seed)
    return replace(known, refit=again, mode=mode, diagnostics=fitted.summary)


def of_draws(p: Draws, weighed: Any, seed: int, patients: int = 1000, threads: int | None = None) -> Posterior:
    """The belief of posterior draws alone, which can only be re-weighted; `weighed` are the targets of the fit (`calibration.weigh`).

    The likelihood of the rows left out is the calibration's own, at what the simulator expects in every draw, averaged over the
    discrepancies of arms and rows.
    """
    kept: dict[str, Floats] = {}

    def likelihood(rows: Rows) -> Floats:
        from remission.inference.calibration import readings

        if "logit" not in kept:
            kept["logit"] = readings(weighed, p, patients, seed, None, threads).logit
        return marginal(kept["logit"], p.arm_discrepancy[:, 0], weighed, rows, seed)

    return Posterior(p, None, likelihood)


def marginal(logit: Floats, tau: Floats, weighed: Any, rows: Rows, seed: int) -> Floats:
    """Log-likelihood of some rows in each draw, averaged over discrepancies: shape (draws,).

    `logit` (draws, targets) is what the model expects, `tau` (draws,) the SD of the discrepancies. Rows of other trials than those
    of `rows` must share no patient with them (`matching.left_out` sees to that).
    """
    from remission.inference.calibration.likelihood import data_of, log_likelihood, shift

    index = [k for k, row in enumerate(weighed.rows) if row.key in rows]
    if not index:
        return np.zeros(len(logit))
    part = replace(
        weighed,
        rows=tuple(weighed.rows[k] for k in index),
        correlation=weighed.correlation[np.ix_(index, index)],
        spread=weighed.spread[index],
    )
    data = data_of(part)
    groups = len(part.groups)
    z = normals(seed, np.arange(ERRORS), 0, Stream.PREDICTION, groups + len(index), first=ERROR_INDEX)
    usable = np.nan_to_num(logit[:, index], nan=0.0)
    logs = np.empty((ERRORS, len(usable)))
    for k in range(ERRORS):
        arm = np.broadcast_to(z[k, :groups], (len(usable), groups))
        logs[k] = log_likelihood(usable + shift(tau, arm, z[k, groups:], data), data)
    top = logs.max(axis=0)
    return np.asarray(top + np.log(np.mean(np.exp(logs - top), axis=0)), np.float64)
