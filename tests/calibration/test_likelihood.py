"""Is the likelihood what it says: binomial for each row, and one where rows share their patients?"""

import numpy as np
import pytest
from scipy.stats import binom

from remission.inference.calibration.likelihood import (
    SHARED,
    Data,
    by_row,
    log_likelihood,
    precision_of,
    shift,
    signed_root,
)


def data(yes, size, correlation=None, spread=0.0, sign=1.0, group=0, used=None):
    rows = len(yes)
    r = np.eye(rows) if correlation is None else np.asarray(correlation)
    used = np.ones(rows, bool) if used is None else np.asarray(used)
    return Data(
        np.asarray(yes, float),
        np.asarray(size, float),
        precision_of(r, used),
        np.broadcast_to(np.asarray(sign, float), rows),
        np.broadcast_to(np.asarray(group), rows),
        np.broadcast_to(np.asarray(spread, float), rows),
    )


def expit(x):
    return 1 / (1 + np.exp(-x))


def test_independent_rows_have_the_binomial_likelihood():
    yes, size = np.array([0, 19, 29, 12]), np.array([94, 29, 29, 488])
    eta = np.random.default_rng(1).normal(size=(50, 4))
    found = log_likelihood(eta, data(yes, size))
    exact = binom.logpmf(yes, size, expit(eta)).sum(axis=1)
    top = binom.logpmf(yes, size, np.clip(yes / size, 1e-6, 1 - 1e-6)).sum()
    assert found == pytest.approx(exact - top, abs=5e-3)
    assert by_row(eta, data(yes, size)).sum(axis=1) == pytest.approx(found)


def test_the_series_near_the_observed_share_meets_the_exact_root():
    yes, size = np.array([3.0, 50.0, 395.0]), np.array([30.0, 100.0, 488.0])
    centre = np.log(yes / (size - yes))
    for d in (0.0499, 0.0501, -0.0499, -0.0501):
        exact = np.sqrt(-2 * (binom.logpmf(yes, size, expit(centre + d)) - binom.logpmf(yes, size, yes / size)))
        assert signed_root(centre + d, yes, size) == pytest.approx(-np.sign(d) * exact, rel=1e-4)
    assert signed_root(centre, yes, size) == pytest.approx(0.0)


def test_the_root_is_standard_normal_over_repeated_trials():
    rng = np.random.default_rng(2)
    yes = rng.binomial(200, 0.7, size=200_000).astype(float)
    r = signed_root(np.log(0.7 / 0.3), yes, 200.0)
    assert r.mean() == pytest.approx(0.0, abs=0.05)
    assert r.std() == pytest.approx(1.0, abs=0.01)


def test_two_rows_of_the_same_patients_count_as_one():
    """With correlation c the pair is worth 2 / (1 + c) rows."""
    eta = np.full((1, 2), 0.4)
    one = log_likelihood(eta[:, :1], data([15], [30]))[0]
    for c in (0.0, 0.5, 0.95):
        pair = log_likelihood(eta, data([15, 15], [30, 30], [[1, c], [c, 1]]))[0]
        assert pair == pytest.approx(2 / (1 + c) * one, rel=1e-6)


def test_a_difference_between_rows_of_the_same_patients_weighs_more():
    apart = np.array([[-0.4, 0.4]])
    alone = log_likelihood(apart, data([15, 15], [30, 30]))[0]
    paired = log_likelihood(apart, data([15, 15], [30, 30], [[1, 0.8], [0.8, 1]]))[0]
    assert paired < 2 * alone


def test_rows_left_out_say_nothing():
    r = [[1, 0.5, 0], [0.5, 1, 0], [0, 0, 1]]
    some = data([10, 20, 5], [30, 30, 30], r, used=[True, False, True])
    fewer = data([10, 5], [30, 30])
    eta = np.array([[0.1, 9.0, -0.3]])
    assert log_likelihood(eta, some)[0] == pytest.approx(log_likelihood(eta[:, [0, 2]], fewer)[0])


def test_the_discrepancy_has_a_shared_and_an_own_part():
    both = data([1, 1, 1], [2, 2, 2], sign=[1, -1, 0], group=[0, 0, 1], spread=[0, 0, 0.5])
    tau = np.array([0.4])
    arm, own = np.array([[1.0, 2.0]]), np.zeros((1, 3))
    assert shift(tau, arm, own, both)[0] == pytest.approx([SHARED**0.5 * 0.4, -(SHARED**0.5) * 0.4, 0.0])
    own = np.ones((1, 3))
    alone = np.sqrt((1 - SHARED) * 0.16 + np.array([0, 0, 0.25]))
    assert shift(tau, 0 * arm, own, both)[0] == pytest.approx(alone)


def test_discrepancies_of_one_arm_have_the_stated_size():
    rng = np.random.default_rng(3)
    many = data([1, 1], [2, 2], sign=[1, 1], group=[0, 0])
    found = shift(np.full(200_000, 0.3), rng.normal(size=(200_000, 1)), rng.normal(size=(200_000, 2)), many)
    assert found.std(axis=0) == pytest.approx([0.3, 0.3], rel=0.01)
    assert np.corrcoef(found.T)[0, 1] == pytest.approx(SHARED, abs=0.01)
