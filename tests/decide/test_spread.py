"""Is simulation error told apart from what the parameters leave open?"""

import numpy as np
import pytest

from remission.decide.spread import Spread, interval, paired, spread, unpaired

RNG = np.random.default_rng(7)


def nested(draws: int, patients: int, parameter_sd: float, patient_sd: float, mean: float = 0.1):
    truth = mean + parameter_sd * RNG.normal(size=draws)
    return truth, truth[:, None] + patient_sd * RNG.normal(size=(draws, patients))


def test_both_parts_of_the_variance_are_found():
    _, values = nested(2000, 50, 0.05, 1.0)
    found = spread(values)
    assert found.monte_carlo_se == pytest.approx(1.0 / np.sqrt(50), rel=0.02)  # analytic: patient SD over root n
    assert found.parameter_sd == pytest.approx(0.05, rel=0.25)
    assert np.std(found.by_draw, ddof=1) == pytest.approx(np.hypot(0.05, 1 / np.sqrt(50)), rel=0.05)


def test_denoised_draws_spread_like_the_truth_and_keep_the_mean():
    truth, values = nested(2000, 200, 0.1, 1.0)
    found = spread(values)
    assert np.std(found.denoised, ddof=1) == pytest.approx(np.std(truth, ddof=1), rel=0.08)
    assert found.denoised.mean() == pytest.approx(found.by_draw.mean())
    assert np.std(found.by_draw, ddof=1) > 1.15 * np.std(found.denoised, ddof=1)


def test_probability_is_that_of_the_truth():
    truth, values = nested(2000, 100, 0.1, 1.0, mean=0.05)
    assert spread(values).probability() == pytest.approx(np.mean(truth > 0), abs=0.03)  # analytic: Phi(0.5) = 0.69
    assert spread(values).probability(-0.05, 0.05) == pytest.approx(np.mean(np.abs(truth) < 0.05), abs=0.03)


def test_no_spread_beyond_error_is_not_taken_for_certainty():
    """Without any spread of the parameters the estimate still leaves as much standing as it cannot rule out."""
    _, values = nested(50, 20, 0.0, 1.0, mean=0.15)
    found = spread(values)
    assert np.std(found.denoised, ddof=1) >= 0.44 * np.std(found.by_draw, ddof=1)  # (2 / 49)^(1/4) = 0.449
    assert found.probability() < 0.999


def test_equal_values_differ_by_exactly_nothing():
    _, values = nested(5, 30, 0.1, 1.0)
    found = paired(values, values)
    assert interval(found.by_draw).median == 0.0
    assert found.monte_carlo_se == 0.0
    assert found.parameter_sd == 0.0
    assert found.probability() == 0.5


def test_patients_outside_the_denominator_are_left_out():
    values = np.array([[1.0, 0.0, np.nan, 1.0], [np.nan, np.nan, np.nan, 0.0], [np.nan] * 4])
    found = spread(values)
    assert found.by_draw == pytest.approx([2 / 3, 0.0])  # the third draw has nobody
    assert found.error_variance[0] == pytest.approx(np.var([1, 0, 1], ddof=1) / 3)


def test_groups_are_compared_by_their_means():
    a = np.array([[1.0, 1.0, np.nan], [0.0, np.nan, np.nan], [np.nan, np.nan, np.nan]])
    b = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 1.0, 1.0]])
    assert unpaired(a, b).by_draw == pytest.approx([1 - 1 / 3, 0 - 1 / 3])


def test_one_draw_and_no_draw_are_said_plainly():
    assert Spread(np.array([0.2]), np.array([0.01])).parameter_sd == 0.0
    assert np.isnan(spread(np.full((2, 3), np.nan)).probability())
