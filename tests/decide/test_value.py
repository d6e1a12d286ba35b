"""Do fronts, probabilities and the value of information agree with what can be worked out by hand?"""

import numpy as np
import pytest
from scipy.stats import norm

from remission.decide.spread import spread
from remission.decide.value import denoised, evpi, evppi, evppi_groups, layers, overturns, pareto, probability_best
from remission.engine import Draws


def test_the_front_of_six_points_by_hand():
    points = np.array([[1, 5], [2, 4], [3, 3], [2, 3], [3, 1], [3, 3]], float)
    #                   front   front   front   under 2,4  under 3,3  equal to the third: kept
    assert pareto(points).tolist() == [True, True, True, False, False, True]


def test_fronts_are_peeled_one_after_another():
    points = np.array([[3, 3], [2, 2], [1, 1], [0, 4]], float)
    assert layers(points, np.array([1.0, 1.0])).tolist() == [0, 1, 2, 0]


def test_differences_below_the_resolution_do_not_count():
    points = np.array([[0.504, 0.30], [0.501, 0.30], [0.501, 0.20]])
    assert layers(points, np.array([0.01, 0.01])).tolist() == [0, 0, 1]  # 0.504 and 0.501 lie in one box
    assert layers(points, np.array([0.001, 0.01])).tolist() == [0, 1, 2]


def test_probabilities_of_being_best_sum_to_one_and_ties_are_shared():
    values = np.array([[1.0, 2.0, 2.0], [3.0, 1.0, 2.0], [0.0, 0.0, 0.0], [0.0, 5.0, 1.0]])
    chances = probability_best(values)
    assert chances == pytest.approx([(1 + 1 / 3) / 4, (0.5 + 1 / 3 + 1) / 4, (0.5 + 1 / 3) / 4])
    assert chances.sum() == pytest.approx(1.0)


def closed_form(mean: float, sd: float) -> float:
    """Expected value of perfect information about a normal net benefit against nothing (Raiffa and Schlaifer's unit loss)."""
    return sd * norm.pdf(mean / sd) - abs(mean) * norm.cdf(-abs(mean) / sd)


def normal_problem(draws: int, seed: int):
    """One decision against nothing: benefit 0.1 + 0.5 x0 + 0.3 x1 + 0.6 y0, and inputs that do not matter."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(draws, 6)), rng.normal(size=(draws, 10))
    values = np.stack([np.zeros(draws), 0.1 + 0.5 * x[:, 0] + 0.3 * x[:, 1] + 0.6 * y[:, 0]], axis=1)
    return values, x, y


def test_perfect_information_agrees_with_the_closed_form():
    values, _, _ = normal_problem(20_000, 1)
    assert evpi(values) == pytest.approx(closed_form(0.1, np.sqrt(0.25 + 0.09 + 0.36)), rel=0.03)


def test_partial_information_agrees_with_the_closed_form():
    found = np.array(
        [
            [evppi(values, x)[0], evppi(values, y)[0]]
            for values, x, y in (normal_problem(300, seed) for seed in range(4))
        ]
    )
    assert found[:, 0].mean() == pytest.approx(closed_form(0.1, np.sqrt(0.34)), rel=0.15)
    assert found[:, 1].mean() == pytest.approx(closed_form(0.1, 0.6), rel=0.15)


def test_partial_information_follows_a_curved_effect():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(400, 3))
    values = np.stack([np.zeros(400), x[:, 0] ** 2 - 1 + 0.5 * rng.normal(size=400)], axis=1)
    truth = 2 * norm.pdf(1)  # E[max(0, x^2 - 1)] = 2 phi(1), by parts
    assert evppi(values, x)[0] == pytest.approx(truth, rel=0.15)


def test_inputs_that_do_not_matter_are_worth_nothing():
    values, _, _ = normal_problem(200, 5)
    value, floor = evppi(values, np.random.default_rng(9).normal(size=(200, 12)))
    assert value < 0.15 * evpi(values)
    assert floor < 0.15 * evpi(values)


def made_draws(columns: dict[str, np.ndarray]) -> Draws:
    names = tuple(columns)
    table = np.stack([columns[name] for name in names], axis=1)
    return Draws("made", tuple(range(len(table))), names, table)


def test_groups_are_ranked_and_those_that_do_not_vary_are_left_out():
    values, x, y = normal_problem(200, 2)
    p = made_draws({"a": x[:, 0], "b": x[:, 1], "c": x[:, 5], "fixed": np.ones(200), "d": y[:, 0]})
    found = evppi_groups(values, p, {"strong": ["a", "b"], "nothing": ["c"], "constant": ["fixed"], "other": ["d"]})
    assert [item.group for item in found][-1] == "nothing"
    assert {item.group for item in found} == {"strong", "other", "nothing"}
    told = {item.group: item.told(evpi(values)) for item in found}
    assert told == {"strong": True, "other": True, "nothing": False}


def test_what_would_overturn_a_choice_is_found_and_nothing_else():
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=300), rng.normal(size=300)
    values = np.stack([0.3 + 0 * a, 0.5 * a], axis=1)  # the second is ahead only where a is large
    found = overturns(values, made_draws({"a": a, "b": b}))
    assert [(item.parameter, item.third, item.option) for item in found] == [("a", "upper", 1)]
    assert found[0].gain == pytest.approx(0.5 * a[a >= np.quantile(a, 2 / 3)].mean() - 0.3)


def test_simulation_error_does_not_pass_for_information():
    """Two options that are equal but for noise: as simulated they seem worth telling apart, without the noise hardly."""
    rng = np.random.default_rng(8)
    patients = rng.normal(size=(2, 300, 40))
    values = patients.mean(axis=2).T
    common = patients.mean(axis=0)
    errors = np.stack([(table - common).var(axis=1, ddof=1) / 40 for table in patients], axis=1)
    cleaned = denoised(values, errors)
    assert evpi(values) > 0.05
    assert evpi(cleaned) < 0.6 * evpi(values)
    assert spread(patients[0]).monte_carlo_se == pytest.approx(1 / np.sqrt(40), rel=0.05)
