"""The competitor by hand on invented trials, and the rule by which it matches."""

import math

import numpy as np
import pytest
from scipy.special import ndtr
from tests.validation.sample import OLD, OLD_POSITIVE, YOUNG, counts, item, row, survival

from remission.evidence.pool_rows import Overlap
from remission.inference.validation import baseline, matching
from remission.inference.validation.baseline import COMPETITORS, Competitor, pool
from remission.inference.validation.matching import STEPS, Facts, matched, stage_of

MATCHED = Competitor("matched", comparators=True, how="matched")
REGRESSION = Competitor("regression", comparators=True, how="regression")
REVIEW = frozenset({"two", "three", "four"})


def expit(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def at(nodes: np.ndarray, level: float) -> float:
    return float(np.quantile(nodes, level))


def test_three_equal_proportions_by_hand() -> None:
    target = counts("one", 1, 50)
    others = [counts("two", 8, 10), counts("three", 16, 20), counts("four", 24, 30)]
    found = pool(target, others, MATCHED, (), REVIEW)
    # all are 0.8: no heterogeneity, one logit of ln 4 with the variance of 60 patients, 1 / (60 * 0.8 * 0.2)
    centre, se = math.log(4.0), math.sqrt(1 / (60 * 0.8 * 0.2))
    assert found.tau == pytest.approx(0.0, abs=1e-6)
    assert found.step == STEPS[0]
    for z in (-1.645, 0.0, 1.645):
        assert at(found.nodes, ndtr(z)) == pytest.approx(expit(centre + z * se), abs=2e-3)


def equal(trial: str, y: float, half: float = 0.3) -> matching.Known:
    """Survival whose published interval has the same width for every trial on the complementary log-log scale."""
    lo, value, hi = (math.exp(-math.exp(y + side * 1.959963984540054 * half)) for side in (1, 0, -1))
    return survival(trial, value, 24.0, lo95=lo, hi95=hi)


def test_three_survivals_with_heterogeneity_by_hand() -> None:
    target = survival("one", 0.9, 24.0)
    y = [-1.2, -0.4, 0.4]
    found = pool(target, [equal(t, v) for t, v in zip(("two", "three", "four"), y, strict=True)], MATCHED, (), REVIEW)
    # equal variances: the restricted likelihood gives tau2 = sample variance - 0.3^2, and the mean has variance 0.64 / 3
    assert found.tau == pytest.approx(math.sqrt(0.64 - 0.09), rel=1e-3)
    spread = math.sqrt(0.64 / 3 + 0.55)
    assert at(found.nodes, 0.5) == pytest.approx(math.exp(-math.exp(-0.4)), abs=2e-3)
    assert at(found.nodes, 0.05) == pytest.approx(math.exp(-math.exp(-0.4 + 1.645 * spread)), abs=5e-3)


def test_survival_at_another_time_is_moved_along_a_constant_hazard_where_nothing_says_otherwise() -> None:
    target = survival("one", 0.9, 18.0)
    others = [survival(trial, 0.8, 12.0, n=5000) for trial in ("two", "three", "four")]
    found = pool(target, others, MATCHED, (), REVIEW)
    assert at(found.nodes, 0.5) == pytest.approx(0.8 ** (18 / 12), abs=2e-3)


def test_the_slope_over_time_is_recovered() -> None:
    rows = [
        survival(f"t{k}", math.exp(-0.3 * (months / 12) ** 0.7), months, n=400)
        for k, months in enumerate((6, 12, 24, 36, 48, 60, 90))
    ]
    assert baseline.slope(rows) == pytest.approx(0.7, abs=0.02)
    assert baseline.slope(rows[:3]) == baseline.SLOPE_WITHOUT_DATA


def test_meta_regression_finds_what_depends_on_age_and_time() -> None:
    def value(months: float, old: bool) -> float:
        return math.exp(-math.exp(-1.5 + 0.9 * math.log(months / 24) + 1.0 * old))

    others = [survival(f"y{m}", value(m, False), m, n=2000) for m in (12, 24, 36, 60)]
    others += [survival(f"o{m}", value(m, True), m, OLD, n=2000) for m in (12, 24, 36, 60)]
    found = pool(survival("one", 0.1, 48.0, OLD), others, REGRESSION, (), frozenset())
    assert at(found.nodes, 0.5) == pytest.approx(value(48, True), abs=0.01)


def test_the_forecast_is_the_binomial_mixture() -> None:
    pooled = baseline.Pooled("x", ("a",), np.array([0.2, 0.6]))
    forecast = pooled.forecast(10)
    assert forecast.shares().sum() == pytest.approx(1.0)
    assert float(np.sum(forecast.values * forecast.shares())) == pytest.approx(0.4)
    variance = float(np.sum(forecast.values**2 * forecast.shares())) - 0.16
    assert variance == pytest.approx(0.04 + (0.2 * 0.8 + 0.6 * 0.4) / 2 / 10)


def test_no_events_anywhere_give_jeffreys_and_nothing_a_flat_belief() -> None:
    target = counts("one", 3, 30, endpoint="induction death")
    empty = [counts(trial, 0, 20, endpoint="induction death") for trial in ("two", "three", "four")]
    found = pool(target, empty, MATCHED, (), REVIEW)
    assert 0.001 < at(found.nodes, 0.5) < 0.01
    nothing = pool(target, [], MATCHED, (), REVIEW)
    assert nothing.step == "nothing"
    assert at(nothing.nodes, 0.9) == pytest.approx(0.9, abs=0.01)


def steps_of(pool_rows: list[matching.Known], target: matching.Known) -> tuple[str, set[str]]:
    step, rows = matched(target, pool_rows, ())
    return step, {r.row.trial for r in rows}


def test_the_match_widens_one_step_at_a_time() -> None:
    target = counts("one", 5, 10, OLD)
    old = [counts(f"old{k}", 5, 10, OLD) for k in range(3)]
    young = [counts(f"young{k}", 5, 10, YOUNG) for k in range(3)]
    positive = [counts(f"positive{k}", 5, 10, OLD_POSITIVE) for k in range(3)]
    first = [counts(f"first{k}", 5, 10, YOUNG, assessment="induction") for k in range(3)]
    everything = old + young + positive + first
    assert steps_of(everything, target) == (STEPS[0], {"old0", "old1", "old2"})
    assert steps_of(everything[1:], target)[0] == STEPS[1]
    assert steps_of(everything[1:], target)[1] == {"old1", "old2", "young0", "young1", "young2"}
    assert steps_of(positive + old[:1] + young[:1], target)[0] == STEPS[2]
    assert steps_of(first + old[:1], target) == (STEPS[3], {"first0", "first1", "first2", "old0"})
    residual = [counts(f"r{k}", 5, 10, endpoint="MRD-") for k in range(4)]
    assert steps_of(residual, target) == ("nothing", set())
    molecular = counts("one", 5, 10, endpoint="MR")
    assert steps_of(residual, molecular)[0] == STEPS[4]


def test_survival_matches_within_a_factor_of_one_and_a_half() -> None:
    target = survival("one", 0.5, 24.0)
    near = [survival(f"near{k}", 0.5, months) for k, months in enumerate((16.0, 24.0, 36.0))]
    assert steps_of(near, target)[0] == STEPS[0]
    assert steps_of([*near[:2], survival("far", 0.5, 36.1)], target)[0] == STEPS[3]


def test_one_row_for_each_set_of_patients_the_nearest_in_time() -> None:
    target = survival("one", 0.5, 24.0)
    rows = [
        survival("two", 0.9, 18.0, id="a"),
        survival("two", 0.8, 24.0, id="b"),
        survival("three", 0.7, 24.0),
        survival("four", 0.6, 24.0),
    ]
    _, found = matched(target, rows, ())
    assert {r.row.id for r in found if r.row.trial == "two"} == {"b"}


def test_sets_that_share_patients_count_once() -> None:
    shared = (Overlap(set="two/main", shares=("three/main",), assumed="invented"),)
    rows = [counts("two", 9, 10), counts("three", 50, 100), counts("four", 5, 10), counts("five", 5, 10)]
    _, found = matched(counts("one", 1, 10), rows, shared)
    assert {r.row.trial for r in found} == {"three", "four", "five"}


def test_subgroups_are_used_only_by_age_and_only_where_no_whole_arm_is_there() -> None:
    target = counts("one", 5, 10, OLD)
    others = [counts("three", 5, 10, OLD), counts("four", 5, 10, OLD)]
    ages = [
        counts("two", 5, 10, OLD, where="age <= 70", id="a"),
        counts("two", 5, 10, OLD, where="age > 70", id="b"),
        counts("two", 5, 10, OLD, where="age > 65", id="c"),
        counts("two", 5, 10, OLD, where="ph_like", id="d"),
    ]
    _, found = matched(target, [*others, *ages], ())
    assert {r.row.id for r in found if r.row.trial == "two"} == {"a", "b"}
    whole = counts("two", 5, 10, OLD, id="whole")
    _, found = matched(target, [*others, *ages, whole], ())
    assert {r.row.id for r in found if r.row.trial == "two"} == {"whole"}


@pytest.mark.parametrize(
    ("where", "facts", "group"),
    [
        (None, OLD, "older"),
        (None, YOUNG, "younger"),
        ("age >= 55", Facts(None, 40.0, (18.0, 75.0), 9), "older"),
        ("age < 55", Facts(None, 62.0, (18.0, 75.0), 9), "younger"),
        ("age < 70", OLD, "older"),
        (None, Facts(None, None, (18.0, 90.0), 9), None),
    ],
)
def test_age_groups(where: str | None, facts: Facts, group: str | None) -> None:
    assert item(facts, where=where).age == group


def test_stages_of_response() -> None:
    assert stage_of(row(endpoint="CR", assessment="induction-1")) == "first"
    assert stage_of(row(endpoint="CR", assessment="end-induction")) == "later"
    assert stage_of(row(endpoint="MRD-", assessment="end-induction")) == "first"
    assert stage_of(row(endpoint="MRD-", assessment="any")) == "later"
    assert stage_of(row(endpoint="NT3+")) is None


@pytest.mark.parametrize(
    "change",
    [
        {"role": "validate"},
        {"value": None, "status": "not reported"},
        {"subgroup": "some"},
        {"published_on": "2023-08-18"},
        {"published_on": "2024"},
        {"measure": "median months"},
    ],
)
def test_what_may_not_inform_a_competitor(change: dict) -> None:
    assert matching.usable(item())
    assert not matching.usable(item(**change))


def test_the_catalog_has_competitors_for_every_result() -> None:
    rows = matching.candidates()
    assert len(rows) > 150
    assert all(r.row.published_on[:10] <= "2023-08-17" for r in rows)
    assert {r.row.role for r in rows} == {"calibrate", "context"}
    assert not {r.row.trial for r in rows} & {
        "tower",
        "inovate",
        "blast",
        "aall1331",
        "mt103-211",
        "topp-2014",
        "alcantara",
    }
    assert len({c.name for c in COMPETITORS}) == 6


def test_the_match_itself_never_takes_the_targets_own_trial_or_its_twin() -> None:
    shared = (Overlap(set="one/main", shares=("twin/main",), assumed="invented"),)
    rows = [counts("one", 5, 10, arm="other"), counts("twin", 5, 10), *(counts(f"t{k}", 5, 10) for k in range(3))]
    _, found = matched(counts("one", 5, 10), rows, shared)
    assert {r.row.trial for r in found} == {"t0", "t1", "t2"}
