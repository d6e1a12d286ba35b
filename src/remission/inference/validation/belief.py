"""What is believed of the parameters when a trial is left out: by a fit without it, or by re-weighting the fit with it.

Re-weighting gives each draw of the full posterior the weight 1 / p(results left out | draw), smoothed by a Pareto tail (PSIS;
Vehtari et al. 2024, J Mach Learn Res 25:72). Its diagnostic k says whether that can be trusted: up to 0.7 it can; above, the
trial has moved the posterior too far, and only a fit without it will do.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np

from remission.base.errors import RemissionError, UsageError
from remission.base.random import Floats
from remission.engine import Draws

How = Literal["prior", "refit", "re-weighted"]
Mode = Literal["auto", "refit", "re-weight"]
Rows = frozenset[str]
Tell = Callable[[str, float], None]
LIMIT_OF_K = 0.7
FEWEST_EFFECTIVE = 50.0


@dataclass(frozen=True)
class Held:
    """Draws and their weights (None: equal) with a trial left out, and how they were come by.

    `pareto_k` is the diagnostic of re-weighting where it was tried, `effective` the number of equally weighted draws that the
    weights are worth.
    """

    draws: Draws
    weights: Floats | None
    how: How
    pareto_k: float | None
    effective: float


class Belief(Protocol):
    """Something that can be asked for beliefs about the parameters without some results."""

    @property
    def full(self) -> Draws:
        """Draws with nothing left out."""

    def leave_out(self, sets: Mapping[str, Rows], tell: Tell) -> Mapping[str, Held]:
        """For each trial to be predicted, draws that none of its set of rows (trial/arm/id) has informed."""


@dataclass(frozen=True)
class Prior:
    """The priors: no result of any trial of the review has informed them, so nothing need be left out."""

    full: Draws

    def leave_out(self, sets: Mapping[str, Rows], tell: Tell) -> Mapping[str, Held]:
        """The same draws for every trial."""
        return {trial: Held(self.full, None, "prior", None, float(len(self.full))) for trial in sets}


@dataclass(frozen=True)
class Posterior:
    """A fit to all results.

    `refit(sets, tell)` fits again without each set of rows; `log_likelihood(rows)` is that of these rows in each draw of `full`,
    discrepancies integrated out. One of them may be missing. `mode` says which is used where both are there: `auto` re-weights
    where the diagnostic allows and fits again elsewhere. `diagnostics` are those of the fit.
    """

    full: Draws
    refit: Callable[[Sequence[Rows], Callable[[float], None]], Sequence[Draws]] | None = None
    log_likelihood: Callable[[Rows], Floats] | None = None
    mode: Mode = "auto"
    diagnostics: Mapping[str, Any] = field(default_factory=dict)

    def leave_out(self, sets: Mapping[str, Rows], tell: Tell) -> Mapping[str, Held]:
        """Re-weighted draws, or those of fits without the rows. Raises RemissionError where neither can be had."""
        found: dict[str, Held] = {}
        k: dict[str, float] = {}
        if self.log_likelihood is not None and (self.mode != "refit" or self.refit is None):
            for index, (trial, rows) in enumerate(sets.items()):
                tell(f"re-weight without {trial}", 0.1 * index / len(sets))
                weights, k[trial] = smooth(self.log_likelihood(rows))
                effective = float(1.0 / np.sum(weights**2))
                if self.mode == "re-weight" or sound(k[trial], effective, len(self.full)):
                    found[trial] = Held(self.full, weights, "re-weighted", k[trial], effective)
        missing = [trial for trial in sets if trial not in found]
        if missing and self.refit is None:
            raise RemissionError(
                f"{', '.join(missing)} cannot be left out of this posterior",
                where=f"posterior {self.full.name}",
                why="without its fit, draws can only be re-weighted"
                + (", which fails here (k = " + ", ".join(f"{k[trial]:.2f}" for trial in missing) + ")" if k else ""),
                near="--draws prior",
                fix="give the folder of the calibration with --fit, which can fit again",
            )
        if missing and self.refit is not None:
            draws = self.refit([sets[trial] for trial in missing], lambda share: tell("fit again", 0.1 + 0.9 * share))
            for trial, without in zip(missing, draws, strict=True):
                found[trial] = Held(without, None, "refit", k.get(trial), float(len(without)))
        return found


class Remembered:
    """A belief that is asked once for each set of rows, however often the answer is used (fitting again takes minutes)."""

    def __init__(self, base: Belief) -> None:
        self._base = base
        self._known: dict[tuple[str, Rows], Held] = {}

    @property
    def known(self) -> dict[str, Held]:
        """What was answered, by trial."""
        return {trial: held for (trial, _), held in self._known.items()}

    @property
    def sets(self) -> dict[str, Rows]:
        """The rows that were left out, by trial."""
        return dict(list(self._known))

    @property
    def full(self) -> Draws:
        """Draws with nothing left out."""
        return self._base.full

    def leave_out(self, sets: Mapping[str, Rows], tell: Tell) -> Mapping[str, Held]:
        """The answers of the belief itself."""
        missing = {trial: rows for trial, rows in sets.items() if (trial, rows) not in self._known}
        if missing:
            for trial, held in self._base.leave_out(missing, tell).items():
                self._known[trial, missing[trial]] = held
        return {trial: self._known[trial, rows] for trial, rows in sets.items()}


def sound(k: float, effective: float, draws: int) -> bool:
    """Whether re-weighting can be trusted: k at most 0.7, and enough draws left that count."""
    return k <= LIMIT_OF_K and effective >= min(FEWEST_EFFECTIVE, 0.5 * draws)


def smooth(log_likelihood: Floats) -> tuple[Floats, float]:
    """Pareto-smoothed weights (sum 1) that take results out of a posterior, and the diagnostic k.

    `log_likelihood` (draws,) is that of the results taken out. Raises UsageError unless it is finite.
    """
    if log_likelihood.ndim != 1 or not np.isfinite(log_likelihood).all():
        raise UsageError("a log-likelihood is not finite", where="re-weighting", fix="fit again without the trial instead")
    if float(np.ptp(log_likelihood)) < 1e-9:  # nothing is taken out
        return np.full(len(log_likelihood), 1.0 / len(log_likelihood)), 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import arviz
        except ImportError:
            raise RemissionError(
                "the library for re-weighting is not installed",
                where="ArviZ",
                why="Pareto-smoothed importance sampling is ArviZ's, which the base installation leaves out",
                fix="pip install 'remission[calibrate]'",
            ) from None
        smoothed: Any = arviz.psislw
        logs, k = smoothed(-log_likelihood)
    weights = np.exp(np.asarray(logs, np.float64))
    return weights / weights.sum(), float(k)
