"""Leaving out: by re-weighting where that can be trusted, by fitting again elsewhere."""

from dataclasses import replace

import numpy as np
import pytest

from remission.base.errors import RemissionError, UsageError
from remission.engine import prior_draws
from remission.inference.validation import Posterior, Prior, Remembered
from remission.inference.validation.belief import LIMIT_OF_K, smooth, sound

SETS = {"a": frozenset({"a/main/1"}), "b": frozenset({"b/main/1", "c/main/2"})}


def silent(what: str, share: float) -> None:
    pass


def test_re_weighting_takes_a_normal_observation_out_of_a_posterior() -> None:
    pytest.importorskip("arviz")
    # prior N(0, 1), one observation y = 1 with SD 2: posterior N(0.2, 0.8); taken out again the prior is left
    rng = np.random.default_rng(1)
    theta = rng.normal(0.2, np.sqrt(0.8), 20_000)
    weights, k = smooth(-0.5 * ((1.0 - theta) / 2.0) ** 2)
    assert k < LIMIT_OF_K
    assert weights.sum() == pytest.approx(1.0)
    assert float(np.sum(weights * theta)) == pytest.approx(0.0, abs=0.03)
    assert float(np.sum(weights * theta**2)) == pytest.approx(1.0, abs=0.05)


def test_the_diagnostic_refuses_an_observation_that_moved_everything() -> None:
    pytest.importorskip("arviz")
    rng = np.random.default_rng(2)
    theta = rng.normal(3.0, 0.1, 4000)  # far from the prior and ten times narrower: nothing to re-weight
    _, k = smooth(-0.5 * ((3.0 - theta) / 0.1) ** 2)
    assert k > LIMIT_OF_K


def test_nothing_taken_out_changes_nothing() -> None:
    weights, k = smooth(np.full(50, -3.0))
    assert np.allclose(weights, 0.02)
    assert k == 0.0


def test_a_likelihood_that_is_not_finite_is_refused() -> None:
    with pytest.raises(UsageError):
        smooth(np.array([0.0, -np.inf, 1.0]))


class Fit:
    """A stand-in for a calibration: counts what it is asked."""

    def __init__(self, sharp: set[str]) -> None:
        self.full = replace(prior_draws(400, 1), name="fit")
        self.sharp = sharp
        self.refits: list[frozenset[str]] = []

    def refit(self, sets, tell):
        self.refits += sets
        tell(1.0)
        return [replace(self.full.part(0, 50), name="refit") for _ in sets]

    def log_likelihood(self, rows):
        z = np.random.default_rng(len(rows)).normal(size=len(self.full))
        return -(40.0 if rows & self.sharp else 0.02) * z**2


def test_auto_fits_again_only_where_re_weighting_fails() -> None:
    pytest.importorskip("arviz")
    fit = Fit({"b/main/1"})
    found = Posterior(fit.full, fit.refit, fit.log_likelihood).leave_out(SETS, silent)
    assert found["a"].how == "re-weighted"
    assert found["a"].pareto_k <= LIMIT_OF_K
    assert 200 < found["a"].effective <= 400
    assert found["b"].how == "refit"
    assert found["b"].pareto_k > LIMIT_OF_K
    assert len(found["b"].draws) == 50
    assert fit.refits == [SETS["b"]]


def test_refit_mode_fits_all_again_at_once() -> None:
    fit = Fit(set())
    found = Posterior(fit.full, fit.refit, fit.log_likelihood, "refit").leave_out(SETS, silent)
    assert {held.how for held in found.values()} == {"refit"}
    assert fit.refits == [SETS["a"], SETS["b"]]


def test_draws_alone_that_cannot_be_re_weighted_say_what_to_do() -> None:
    pytest.importorskip("arviz")
    fit = Fit({"b/main/1"})
    with pytest.raises(RemissionError) as caught:
        Posterior(fit.full, None, fit.log_likelihood).leave_out(SETS, silent)
    assert set(caught.value.parts()) == {"what", "where", "why", "near", "fix"}
    assert caught.value.what.startswith("b ")
    forced = Posterior(fit.full, None, fit.log_likelihood, "re-weight").leave_out(SETS, silent)
    assert forced["b"].how == "re-weighted"
    assert forced["b"].pareto_k > LIMIT_OF_K


def test_the_prior_is_the_same_for_every_trial() -> None:
    p = prior_draws(5, 1)
    found = Prior(p).leave_out(SETS, silent)
    assert all(held.draws is p and held.how == "prior" and held.weights is None for held in found.values())


def test_what_sound_re_weighting_is() -> None:
    assert sound(0.7, 60.0, 1000)
    assert not sound(0.71, 900.0, 1000)
    assert not sound(0.1, 49.0, 1000)
    assert sound(0.1, 6.0, 10)


def test_a_remembered_belief_fits_again_once() -> None:
    fit = Fit(set())
    belief = Remembered(Posterior(fit.full, fit.refit, None))
    first = belief.leave_out({"a": SETS["a"]}, silent)
    both = belief.leave_out(SETS, silent)
    assert fit.refits == [SETS["a"], SETS["b"]]
    assert both["a"] is first["a"]
    assert belief.leave_out({"a": frozenset()}, silent)["a"] is not first["a"]
    assert belief.full is fit.full
