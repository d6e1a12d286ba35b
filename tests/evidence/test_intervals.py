"""Intervals of a proportion against the equations that define them."""

import math

import pytest

from remission.evidence.intervals import Z95, exact, wald, wilson

COUNTS = [(19, 29), (1, 29), (62, 63), (395, 488)]


def upper_tail(events: int, n: int, p: float) -> float:
    """P(X >= events) for X ~ Binomial(n, p), term by term."""
    return sum(math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(events, n + 1))


@pytest.mark.parametrize(("events", "n"), COUNTS)
def test_exact_leaves_a_fortieth_in_each_tail(events: int, n: int) -> None:
    low, high = exact(events, n)
    assert upper_tail(events, n, low) == pytest.approx(0.025, rel=1e-6)
    assert 1 - upper_tail(events + 1, n, high) == pytest.approx(0.025, rel=1e-6)


@pytest.mark.parametrize(("events", "n"), COUNTS)
def test_wilson_limits_lie_z_standard_errors_from_the_share(events: int, n: int) -> None:
    for limit in wilson(events, n):
        assert abs(events / n - limit) == pytest.approx(Z95 * math.sqrt(limit * (1 - limit) / n), rel=1e-9)


def test_wald_is_z_standard_errors_wide() -> None:
    low, high = wald(19, 29)
    assert (high + low) / 2 == pytest.approx(19 / 29)
    assert (high - low) / 2 == pytest.approx(1.959964 * math.sqrt(19 * 10 / 29**3), rel=1e-6)


def test_exact_agrees_with_the_published_interval_of_s1318() -> None:
    assert [round(limit, 2) for limit in exact(19, 29)] == [0.46, 0.82]


def test_certainty_has_one_open_side() -> None:
    assert exact(0, 10)[0] == 0.0
    assert exact(10, 10)[1] == 1.0
    assert exact(0, 10)[1] == pytest.approx(1 - 0.025 ** (1 / 10))


@pytest.mark.parametrize("method", [exact, wilson, wald])
def test_symmetric_in_success_and_failure(method: object) -> None:
    assert callable(method)
    low, high = method(7, 25)
    assert method(18, 25) == pytest.approx((1 - high, 1 - low), abs=1e-9)
