"""Indices against functions whose variance is known, and assumptions that do or do not overturn a conclusion."""

import math

import numpy as np
import pytest
from tests.validation.known import ASSUMED, draws_of, parameters

from remission.engine import load_parameters, prior_draws
from remission.inference.validation import sensitivity
from remission.inference.validation.sensitivity import (
    CONCLUSIONS,
    Difference,
    alone,
    alternatives,
    drivers,
    indices,
    judge,
    overturn,
)


def test_shares_of_a_sum_of_known_variances() -> None:
    p = draws_of(20_000, 8)
    z = p.values
    y = 2.0 * z[:, 0] + 1.0 * z[:, 1] + 0.8 * (z[:, 2] ** 2 - 1) + 1.0 * z[:, 3] * z[:, 4]
    variance = np.array([4.0, 1.0, 2 * 0.64, 0.0, 0.0]) / (4 + 1 + 1.28 + 1)
    (found,) = drivers(p, {"y": y}, 1, parameters(8))
    shares = {item["name"]: item["share"] for item in found["drivers"]}
    assert shares["p0"] == pytest.approx(variance[0], abs=0.02)
    assert shares["p1"] == pytest.approx(variance[1], abs=0.03)
    assert shares["p2"] == pytest.approx(variance[2], abs=0.03)
    assert {"p5", "p6", "p7"}.isdisjoint(shares)
    assert next(item["direction"] for item in found["drivers"]) == 1
    # what is missing to 1 is the product of two parameters, which neither explains alone
    assert found["together"] == pytest.approx(1 - 1 / 7.28, abs=0.03)


def test_noise_alone_has_few_drivers() -> None:
    p = draws_of(500, 60)
    outputs = {f"y{k}": np.random.default_rng(k).normal(size=500) for k in range(20)}
    found = drivers(p, outputs, 1, parameters(60))
    assert sum(len(item["drivers"]) for item in found) < 0.03 * 20 * 60


def test_alone_agrees_with_an_independent_estimator() -> None:
    library = pytest.importorskip("SALib.analyze.rbd_fast")
    p = draws_of(4000, 3)
    y = np.exp(0.5 * p.values[:, 0]) + 0.3 * p.values[:, 1]
    problem = {"num_vars": 3, "names": ["a", "b", "c"], "bounds": [[-4, 4]] * 3}
    other = library.analyze(problem, p.values, y, num_resamples=2, seed=1)["S1"]
    assert alone(p.values, y) == pytest.approx(np.asarray(other), abs=0.04)


def test_an_output_that_is_missing_or_constant_has_no_drivers() -> None:
    p = draws_of(100, 3)
    found = drivers(p, {"none": np.full(100, np.nan), "same": np.ones(100)}, 1, parameters(3))
    assert [item["drivers"] for item in found] == [[], []]
    assert [item["noise"] for item in found] == [None, None]


def test_sobol_indices_of_ishigami() -> None:
    pytest.importorskip("SALib")
    from scipy.special import ndtr

    def ishigami(z: np.ndarray) -> np.ndarray:
        x = 2 * math.pi * ndtr(z) - math.pi
        return (np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0]))[:, None]

    (found,) = indices(ishigami, ["a", "b", "c"], ["y"], 1, 2048)
    named = {item["name"]: item for item in found["indices"]}
    # closed form with a = 7, b = 0.1 (Saltelli 2000)
    for name, first, total in (("a", 0.3139, 0.5576), ("b", 0.4424, 0.4424), ("c", 0.0, 0.2437)):
        assert named[name]["first"] == pytest.approx(first, abs=0.03)
        assert named[name]["total"] == pytest.approx(total, abs=0.03)
    assert [item["name"] for item in found["indices"]] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (Difference(0.10, 0.0, 0.2, 0.99, 0.005), Difference(-0.05, -0.1, 0.0, 0.2, 0.005), "overturned"),
        (Difference(0.10, 0.0, 0.2, 0.99, 0.005), Difference(-0.005, -0.1, 0.1, 0.5, 0.005), "shaken"),
        (Difference(0.10, 0.0, 0.2, 0.99, 0.005), Difference(0.05, 0.0, 0.1, 0.9, 0.005), "holds"),
        (Difference(-0.10, -0.2, 0.0, 0.01, 0.005), Difference(-0.02, -0.1, 0.1, 0.4, 0.005), "shaken"),
        (Difference(0.01, -0.1, 0.1, 0.6, 0.005), Difference(0.02, -0.1, 0.1, 0.4, 0.005), "undecided"),
    ],
)
def test_verdicts(before: Difference, after: Difference, verdict: str) -> None:
    assert judge(before, after) == verdict


def test_alternatives_lie_on_both_sides_of_what_is_assumed() -> None:
    for item in load_parameters():
        low, high, how = alternatives(item)
        assert low <= float(item.value(0.0)) <= high
        assert low < high
        assert how
        if item.unit == "1" and "logit-normal" in item.prior:
            assert 0 < low < high < 1


def test_every_default_conclusion_names_regimens_of_the_catalog() -> None:
    assert all(item.there() for item in CONCLUSIONS)


def test_an_assumption_on_which_everything_hangs_overturns() -> None:
    p = prior_draws(4, 1)
    chosen = [item for item in CONCLUSIONS if item.better == "e1910-blinatumomab"]
    named = {item.name: item for item in load_parameters()}
    # with no effect of blinatumomab in anybody the arm that gives it cannot be ahead as it was
    found = overturn(
        p, 300, 1, chosen, ("assumption", "fitted", "sourced"), parameters=[named[name] for name in ASSUMED]
    )
    assert [row["parameter"] for row in found["assumptions"]] == [name for name in ASSUMED for _ in range(2)]
    assert found["conclusions"][0]["ahead"] > 0.5
    by = {(row["parameter"], row["side"]): row["effects"][0]["median"] for row in found["assumptions"]}
    assert by["kill_blinatumomab", "low"] < by["kill_blinatumomab", "high"]
    assert by["mrd_noise", "low"] == pytest.approx(found["conclusions"][0]["median"], abs=0.12)


def test_identical_regimens_differ_by_nothing() -> None:
    same = sensitivity.Conclusion("nothing", "s1318", "s1318", "s1318", "OS", 24.0)
    found = overturn(prior_draws(2, 1), 50, 1, [same], parameters=[])
    assert found["conclusions"][0]["median"] == 0.0
    assert found["conclusions"][0]["ahead"] == 0.5
