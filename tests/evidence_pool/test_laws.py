"""Laws that pooling must obey, whatever the numbers."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import binom, norm

from remission.base.errors import RemissionError, UsageError
from remission.evidence import pool, pool_glmm, pool_variance

QUICK = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def counts(draw, least=2, most=5):
    studies = draw(st.integers(least, most))
    n = draw(st.lists(st.integers(1, 120), min_size=studies, max_size=studies))
    events = [draw(st.integers(0, size)) for size in n]
    if sum(events) in (0, sum(n)):
        n.append(7)
        events.append(3)
    return events, n


def close(a, b):
    return math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-6) or (math.isinf(a) and a == b)


@QUICK
@given(counts(), st.randoms(use_true_random=False))
def test_order_does_not_matter(data, random):
    events, n = data
    order = list(range(len(n)))
    random.shuffle(order)
    for method in ("glmm", "reml"):
        a = pool.pool_proportions(events, n, method=method, interval="wald")
        b = pool.pool_proportions([events[i] for i in order], [n[i] for i in order], method=method, interval="wald")
        assert all(close(getattr(a, name), getattr(b, name)) for name in ("estimate", "lo", "hi", "tau2", "q", "i2"))
        assert [a.weights[i] for i in order] == pytest.approx(list(b.weights), abs=1e-6)


@QUICK
@given(counts())
def test_counting_the_opposite_event_mirrors_the_answer(data):
    events, n = data
    a = pool.pool_proportions(events, n, interval="wald")
    b = pool.pool_proportions([m - x for x, m in zip(events, n, strict=True)], n, interval="wald")
    assert close(a.estimate, -b.estimate)
    assert close(a.lo, -b.hi)
    assert close(a.tau2, b.tau2)


@QUICK
@given(counts())
def test_without_heterogeneity_the_pooled_value_lies_between_the_studies(data):
    events, n = data
    found = pool.pool_proportions(events, n, interval="wald")
    if found.tau2 == 0:
        shares = [x / m for x, m in zip(events, n, strict=True)]
        pooled = expit(found.estimate)
        assert min(shares) - 1e-9 <= pooled <= max(shares) + 1e-9
        assert pooled == pytest.approx(sum(events) / sum(n), abs=1e-9)


@QUICK
@given(st.lists(st.tuples(st.floats(-4, 4), st.floats(0.01, 2)), min_size=2, max_size=8))
def test_inverse_variance_lies_between_the_studies(studies):
    y, v = [a for a, _ in studies], [b for _, b in studies]
    found = pool.pool_values(y, v, scale="logit", interval="wald")
    assert min(y) - 1e-9 <= found.estimate <= max(y) + 1e-9
    assert sum(found.weights) == pytest.approx(1)


@settings(QUICK, max_examples=6)
@given(counts(), st.sampled_from(["wald", "hartung-knapp", "profile"]))
def test_intervals_widen_with_the_level(data, interval):
    events, n = data
    narrow, wide = (pool.pool_proportions(events, n, interval=interval, level=level) for level in (0.8, 0.95))
    assert wide.lo <= narrow.lo <= narrow.estimate <= narrow.hi <= wide.hi
    assert wide.tau2_lo <= narrow.tau2_lo <= narrow.tau2 + 1e-9
    assert narrow.tau2 - 1e-9 <= narrow.tau2_hi <= wide.tau2_hi
    assert wide.prediction_lo <= narrow.prediction_lo
    if interval != "profile":
        assert wide.prediction_lo <= wide.lo
        assert wide.hi <= wide.prediction_hi


@QUICK
@given(st.integers(1, 9), st.integers(10, 60), st.integers(2, 5))
def test_identical_studies_have_no_heterogeneity(events, n, k):
    for method in ("glmm", "reml"):
        found = pool.pool_proportions([events] * k, [n] * k, method=method)
        assert found.tau2 == 0
        assert expit(found.estimate) == pytest.approx(events / n)
        assert found.lo < found.estimate < found.hi


@QUICK
@given(st.integers(0, 40), st.integers(0, 40), st.floats(-5, 5), st.floats(0.05, 8))
def test_the_likelihood_is_the_integral(events, others, mu, tau):
    n = events + others + 1
    found = math.exp(pool_glmm.Likelihood(np.array([float(events)]), np.array([float(n)])).value(mu, tau))
    edges = np.linspace(-9, 9, 37)

    def term(u):
        return binom.pmf(events, n, expit(mu + tau * u)) * norm.pdf(u)

    whole = sum(quad(term, a, b, epsabs=1e-13)[0] for a, b in itertools.pairwise(edges))
    assert found == pytest.approx(whole, rel=1e-6, abs=1e-12)


@QUICK
@given(counts(), st.floats(-3, 3), st.floats(0.05, 4))
def test_the_score_is_the_slope(data, mu, tau):
    events, n = (np.array(part, dtype=float) for part in data)
    likelihood, h = pool_glmm.Likelihood(events, n), 1e-4
    slope = [(likelihood.value(mu + h, tau) - likelihood.value(mu - h, tau)) / (2 * h),
             (likelihood.value(mu, tau + h) - likelihood.value(mu, tau - h)) / (2 * h)]
    assert list(likelihood.score(mu, tau)) == pytest.approx(slope, rel=1e-3, abs=1e-3)


@given(st.floats(0.001, 0.999), st.sampled_from(["logit", "cloglog"]), st.booleans())
def test_scales_go_back(value, scale, incidence):
    assert pool_variance.from_scale(pool_variance.to_scale(value, scale, incidence), scale, incidence) == pytest.approx(value)


def test_one_study_keeps_its_exact_interval():
    found = pool.pool_proportions([19], [29])
    assert [expit(found.lo), expit(found.hi)] == pytest.approx(pool.exact(19, 29))
    assert (found.k, found.tau2, found.prediction_lo, found.weights) == (1, None, None, (1.0,))
    assert "one set" in found.notes[0]


@pytest.mark.parametrize("method", ["glmm", "reml"])
@pytest.mark.parametrize(("events", "value"), [([0, 0, 0], 0.0), ([10, 30, 12], 1.0)])
def test_no_events_or_only_events_anywhere(method, events, value):
    found = pool.pool_proportions(events, [10, 30, 12], method=method)
    assert expit(found.estimate) == value
    assert [expit(found.lo), expit(found.hi)] == pytest.approx(pool.exact(sum(events), 52))
    assert found.tau2 is None
    assert "heterogeneity cannot be estimated" in found.notes[0]


def test_opposite_extremes_have_no_finite_heterogeneity():
    found = pool.pool_proportions([0, 50], [50, 50], interval="profile")
    assert any("no finite estimate" in note for note in found.notes)
    assert (found.lo, found.hi, found.tau2_hi) == (-math.inf, math.inf, math.inf)


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        ({"events": [5], "n": [3]}, "[5] of [3]"),
        ({"events": [], "n": []}, "[] of []"),
        ({"events": [1, 2], "n": [3]}, "[1, 2] of [3]"),
        ({"events": [0], "n": [0]}, "[0] of [0]"),
        ({"events": [1, 2], "n": [3, 4], "method": "gllm"}, "--method"),
        ({"events": [1, 2], "n": [3, 4], "interval": "profil"}, "--interval"),
        ({"events": [1, 2], "n": [3, 4], "method": "reml", "interval": "profile"}, "--interval"),
        ({"events": [1, 2], "n": [3, 4], "level": 95.0}, "--level"),
    ],
)
def test_impossible_questions_are_refused(arguments, where):
    with pytest.raises(UsageError) as caught:
        pool.pool_proportions(**arguments)
    assert caught.value.where == where
    assert caught.value.why
    assert caught.value.fix


def test_without_pymare_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pymare", None)
    with pytest.raises(RemissionError) as caught:
        pool.pool_values([0.1, 0.2], [0.1, 0.1], scale="logit")
    assert "remission[evidence]" in caught.value.fix
    assert pool.pool_proportions([3, 4], [10, 10]).k == 2
