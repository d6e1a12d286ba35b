"""Summaries: clustered errors by hand, resampled trials, and the finding in words whichever way it went."""

import math

import numpy as np
import pytest
from tests.validation.invented import rows_of, validation

from remission.inference.validation.summary import by_group, clustered_se, difference, ratio_interval, summarise
from remission.report.validation import aims, sentence


def test_clustered_error_by_hand() -> None:
    values = np.array([1.0, 3.0, 5.0, 7.0])
    # mean 4; cluster sums of residuals -4 and +4; sqrt(2 / 1 * 32) / 4
    assert clustered_se(values, ["a", "a", "b", "b"]) == pytest.approx(math.sqrt(2 * 32) / 4)
    assert clustered_se(values, ["a"] * 4) is None


def test_clusters_of_one_give_the_usual_error() -> None:
    values = np.array([1.0, 2.0, 4.0, 9.0])
    assert clustered_se(values, list("abcd")) == pytest.approx(float(np.std(values, ddof=1)) / 2)


def test_results_that_repeat_within_trials_add_no_certainty() -> None:
    rng = np.random.default_rng(1)
    base = rng.normal(size=12)
    once = clustered_se(base, [str(k) for k in range(12)])
    often = clustered_se(np.repeat(base, 5), [str(k // 5) for k in range(60)])
    assert often == pytest.approx(once)


def test_the_interval_of_a_ratio_covers_as_it_says() -> None:
    rng = np.random.default_rng(2)
    inside = 0
    for seed in range(200):
        trials = np.repeat(np.arange(25), 4)
        ours = rng.gamma(4, 0.5, 25)[trials] * rng.gamma(20, 0.05, 100)
        theirs = rng.gamma(4, 1.0, 25)[trials] * rng.gamma(20, 0.05, 100)
        low, high = ratio_interval(ours, theirs, [str(t) for t in trials], seed)
        inside += low <= 0.5 <= high
    assert 0.80 <= inside / 200 <= 0.97


def test_two_trials_are_too_few_for_an_interval() -> None:
    assert ratio_interval(np.ones(4), np.ones(4), ["a", "a", "b", "b"], 1) == (None, None)


def test_summary_of_invented_rows_by_hand() -> None:
    rows = rows_of(
        [
            ("a", "overall survival", 0.5, 0.6, 0.05, 0.10),
            ("b", "overall survival", 0.5, 0.4, 0.07, 0.10),
            ("b", "remission", 0.9, 0.9, 0.03, 0.10),
        ]
    )
    found = summarise(rows, 1)
    assert found["n"] == 3
    assert found["trials"] == 2
    assert found["crps"] == pytest.approx(0.05)
    assert found["crps_ratio"] == pytest.approx(0.5)
    assert found["mean_absolute_error"] == pytest.approx(0.0667, abs=1e-4)
    assert found["bias"] == pytest.approx(0.0)
    groups = by_group(rows, "family", 1)
    assert groups["overall survival"]["bias"] == pytest.approx(0.0)
    assert groups["remission"]["n"] == 1
    assert groups["remission"]["bias_se"] is None


def test_nothing_has_a_summary_too() -> None:
    found = summarise([], 1)
    assert found["n"] == 0
    assert set(found) == set(summarise(rows_of([("a", "remission", 0.5, 0.5, 0.1, 0.1)]), 1))
    assert found["crps"] is None
    assert sentence(found) == "No result was predicted."


def test_a_biased_family_fails_its_aim_and_a_good_model_meets_all() -> None:
    good = validation(error=0.01, score=0.02, rival=0.05, count=70)["summary"]
    assert [aim["met"] for aim in aims(good)] == [True] * 5
    bad = validation(error=0.12, score=0.08, rival=0.05, count=30)["summary"]
    assert [aim["met"] for aim in aims(bad)] == [False, True, False, False, False]
    narrow = {**bad, "coverage90": 0.84}
    assert not any(aim["met"] for aim in aims(narrow))
    assert "larger" in sentence(bad)
    assert "smaller" in sentence(good)


def test_paired_differences() -> None:
    mean, se = difference(np.array([0.1, 0.2]), np.array([0.2, 0.4]), ["a", "b"])
    assert mean == pytest.approx(-0.15)
    assert se == pytest.approx(0.05)
