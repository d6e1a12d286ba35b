"""CRPS, PIT and coverage against closed forms, an independent library, and forecasters whose quality is known."""

import math

import numpy as np
import pytest
from scipy.stats import beta, binom, norm

from remission.inference.validation.scores import Forecast, crps, pit, score


def normal_crps(mean: float, sd: float, value: float) -> float:
    """Closed form of the normal distribution (Gneiting and Raftery 2007, equation 21)."""
    z = (value - mean) / sd
    return sd * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / math.sqrt(math.pi))


@pytest.mark.parametrize(("mean", "sd", "value"), [(0.0, 1.0, 0.0), (0.5, 0.1, 0.8), (0.3, 0.2, 0.1), (2.0, 0.5, -1.0)])
def test_crps_of_a_normal_sample_is_the_closed_form(mean: float, sd: float, value: float) -> None:
    quantiles = norm.ppf((np.arange(20_000) + 0.5) / 20_000, mean, sd)
    assert crps(Forecast(quantiles), value) == pytest.approx(normal_crps(mean, sd, value), rel=2e-4)


def test_crps_of_a_bernoulli_forecast_is_the_brier_score() -> None:
    for p in (0.0, 0.2, 0.5, 0.9):
        forecast = Forecast(np.array([0.0, 1.0]), np.array([1 - p, p]))
        assert crps(forecast, 1.0) == pytest.approx((1 - p) ** 2)
        assert crps(forecast, 0.0) == pytest.approx(p**2)


def test_crps_without_spread_is_the_absolute_error() -> None:
    assert crps(Forecast(np.full(50, 0.4)), 0.65) == pytest.approx(0.25)


def test_crps_is_the_area_between_distribution_functions() -> None:
    count = np.arange(31)
    shares = binom.pmf(count, 30, 0.7)
    forecast, value = Forecast(count / 30, shares), 0.55
    grid = np.linspace(0, 1, 200_001)
    reached = np.searchsorted(count / 30, grid, side="right") - 1
    gap = np.cumsum(shares)[reached] - (grid >= value)
    assert crps(forecast, value) == pytest.approx(float(np.mean(gap**2)), rel=1e-3)


def test_crps_agrees_with_scoringrules() -> None:
    # values of scoringrules 0.10.0, crps_ensemble(value, x[, ens_w=w], estimator="nrg", backend="numpy")
    x = np.array([0.897, 0.398, 0.13, 0.698, 0.819, 0.22, 0.253, 0.844, 0.659, 0.115, 0.44])
    w = np.arange(1.0, 12.0)
    for value, plain, weighted in (
        (0.12, 0.21789256198347112, 0.1947419651056015),
        (0.5, 0.09952892561983467, 0.09301469237832877),
        (0.93, 0.2718925619834711, 0.31189348025711666),
    ):
        assert crps(Forecast(x), value) == pytest.approx(plain, rel=1e-12)
        assert crps(Forecast(x, w), value) == pytest.approx(weighted, rel=1e-12)


def test_weights_count_like_repetitions_and_need_not_sum_to_one() -> None:
    x = np.array([0.1, 0.4, 0.8])
    repeated, weighted = Forecast(np.repeat(x, [1, 2, 5])), Forecast(x, np.array([10.0, 20.0, 50.0]))
    assert crps(repeated, 0.3) == pytest.approx(crps(weighted, 0.3))
    assert pit(repeated, 0.4, 0.3) == pytest.approx(pit(weighted, 0.4, 0.3))
    assert weighted.quantiles((0.5,))[0] == 0.8


def test_a_true_forecast_beats_a_wrong_one_on_average() -> None:
    rng = np.random.default_rng(2)
    q = (np.arange(400) + 0.5) / 400
    right, sure, timid, shifted = (Forecast(norm.ppf(q, m, s)) for m, s in ((0, 1), (0, 0.4), (0, 2.5), (0.7, 1)))
    values = rng.normal(size=3000)
    means = [float(np.mean([crps(f, v) for v in values])) for f in (right, sure, timid, shifted)]
    assert means[0] == min(means)
    assert min(means[1:]) > 1.03 * means[0]


def test_pit_of_a_lattice_lies_within_the_jump_at_the_value() -> None:
    forecast = Forecast(np.array([0.0, 0.5, 1.0]), np.array([0.25, 0.5, 0.25]))
    assert pit(forecast, 0.5, 0.0) == pytest.approx(0.25)
    assert pit(forecast, 0.5, 1.0) == pytest.approx(0.75)
    assert pit(forecast, 0.7, 0.9) == pytest.approx(0.75)


def trials_of(seed: int, count: int, shift: float = 0.0, width: float = 1.0) -> tuple[np.ndarray, ...]:
    """Many invented trials: true rates from a beta prior, forecasts from its predictive distribution (moved, or too narrow)."""
    rng = np.random.default_rng(seed)
    q = (np.arange(80) + 0.5) / 80
    rates = beta.ppf(q, 12 * width, 5 * width)
    moved = np.clip(rates + shift, 0.001, 0.999)
    scores = []
    for _ in range(count):
        n = int(rng.integers(10, 120))
        yes = rng.binomial(n, rng.beta(12, 5))
        shares = binom.pmf(np.arange(n + 1)[:, None], n, moved[None, :]).mean(axis=1)
        scores.append((score(Forecast(np.arange(n + 1) / n, shares), yes / n, rng.random(), rounding=1e-9), yes / n))
    pits = np.array([s.pit for s, _ in scores])
    covered50, covered90 = (np.mean([getattr(s, name) for s, _ in scores]) for name in ("covered50", "covered90"))
    bias = np.mean([s.median - value for s, value in scores])
    return pits, covered50, covered90, bias


def test_a_calibrated_forecaster_has_nominal_coverage() -> None:
    count = 1500
    pits, covered50, covered90, bias = trials_of(3, count)
    for level in (0.5, 0.8, 0.9):
        inside = np.mean(np.abs(pits - 0.5) <= level / 2)
        assert abs(inside - level) < 3.5 * math.sqrt(level * (1 - level) / count)
    assert np.histogram(pits, bins=10, range=(0, 1))[0].min() > 0.75 * count / 10
    # on a lattice an interval holds what it says, and a little more
    assert 0.90 - 3.5 * math.sqrt(0.09 / count) < covered90 < 0.96
    assert 0.50 - 3.5 * math.sqrt(0.25 / count) < covered50 < 0.62
    assert abs(bias) < 0.025


@pytest.mark.parametrize(("shift", "width"), [(0.15, 1.0), (-0.15, 1.0), (0.0, 30.0)])
def test_a_biased_or_overconfident_forecaster_is_caught(shift: float, width: float) -> None:
    count = 600
    pits, _, covered90, bias = trials_of(4, count, shift, width)
    assert covered90 < 0.90 - 3.5 * math.sqrt(0.09 / count)
    assert np.mean(np.abs(pits - 0.5) <= 0.45) < 0.85
    assert bias == pytest.approx(shift, abs=0.03)


@pytest.mark.parametrize(
    "weights", [np.array([1.0, -1.0]), np.array([0.0, 0.0]), np.array([1.0]), np.array([np.nan, 1.0])]
)
def test_bad_weights_are_refused(weights: np.ndarray) -> None:
    with pytest.raises(ValueError, match="weights"):
        Forecast(np.array([0.1, 0.2]), weights)


def test_an_empty_or_endless_sample_is_refused() -> None:
    for values in (np.array([]), np.array([0.1, np.inf]), np.array([[0.1]])):
        with pytest.raises(ValueError, match="finite"):
            Forecast(values)
