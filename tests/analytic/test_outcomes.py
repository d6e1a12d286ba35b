"""Do survival estimates agree with SciPy's Kaplan-Meier, and the worth of a patient with repeated trials?"""

import numpy as np
import pytest
from scipy import stats

from remission.outcomes import survival_curve


def test_survival_equals_kaplan_meier():
    rng = np.random.default_rng(1)
    event, censor = rng.exponential(100.0, 400), rng.exponential(150.0, 400)
    days = np.array([10.0, 50.0, 120.0, 300.0])
    ours, _ = survival_curve(event, censor, days, 1e6, 1e6)
    observed = np.minimum(event, censor)
    km = stats.ecdf(stats.CensoredData.right_censored(observed, censor < event)).sf.evaluate(days)
    assert np.allclose(ours, km, rtol=1e-12)


def test_a_patient_is_worth_one_without_censoring():
    rng = np.random.default_rng(2)
    event = rng.exponential(100.0, 5000)
    _, worth = survival_curve(event, np.full(5000, np.inf), np.array([50.0, 150.0]), 1e6, 1e6)
    assert worth == pytest.approx([1.0, 1.0], abs=0.01)


def test_worth_predicts_the_spread_of_repeated_trials():
    """The variance of Kaplan-Meier estimates over 2000 simulated trials against binomial variance over the worth."""
    rng = np.random.default_rng(3)
    t, n, low, high = 80.0, 60, 40.0, 140.0
    estimates = []
    for _ in range(2000):
        event, follow = rng.exponential(100.0, n), rng.uniform(low, high, n)
        sf = stats.ecdf(stats.CensoredData.right_censored(np.minimum(event, follow), follow < event)).sf
        estimates.append(float(sf.evaluate(t)))
    big = rng.exponential(100.0, 20_000)
    s, worth = survival_curve(big, np.full(20_000, np.inf), np.array([t]), low, high)
    assert float(worth[0]) < 0.9
    assert np.var(estimates) == pytest.approx(s[0] * (1 - s[0]) / (n * worth[0]), rel=0.12)


def test_a_share_of_nobody_is_moved_by_half_a_simulated_patient():
    """No event in 500 simulated patients is not an impossible event."""
    from remission.inference.predict import settled
    from remission.outcomes import Reading

    expected = np.array([0.0, 1.0, 0.5])
    found = settled(Reading(expected, np.ones(3), np.ones(3), np.full(3, 499.0)))
    assert found == pytest.approx([0.001, 0.999, 0.5])
    unknown = settled(Reading(expected, np.ones(3), np.ones(3)))
    assert np.all((unknown > 0) & (unknown < 1))


def test_predictive_is_binomial_when_nothing_else_is_uncertain():
    from remission.inference import predict
    from remission.outcomes import Reading

    reading = Reading(np.full(400, 0.3), np.ones(400), np.ones(400))
    found = predict(reading, 50, np.zeros(400), tuple(range(400)), 1, "x")
    assert (found.lo90, found.hi90) == pytest.approx(tuple(stats.binom.ppf([0.05, 0.95], 50, 0.3) / 50), abs=0.021)
    assert found.expected == 0.3
    wide = predict(reading, 50, np.full(400, 0.5), tuple(range(400)), 1, "x")
    assert wide.hi90 - wide.lo90 > found.hi90 - found.lo90
