"""Are the estimators right: against exponential histories with known hazards, and against greenwood (which is held to R's `survival`)?"""

import numpy as np
import pytest

from remission.outcomes import estimate

DAYS = np.array([5.0, 20.0, 60.0, 120.0, 300.0])
RELAPSE, DEATH, LOSS = 1 / 100, 1 / 250, 1 / 150


def competing(seed, draws, patients):
    """Days of relapse and of death, each with a constant hazard."""
    rng = np.random.default_rng(seed)
    return rng.exponential(1 / RELAPSE, (draws, patients)), rng.exponential(1 / DEATH, (draws, patients))


def everybody(table):
    return np.ones(table.shape, np.bool_)


def never(table):
    return np.full(table.shape, np.inf)


def true_incidence(days):
    return RELAPSE / (RELAPSE + DEATH) * (1 - np.exp(-(RELAPSE + DEATH) * days))


@pytest.mark.parametrize("censored", [False, True])
def test_incidence_of_constant_hazards(censored):
    relapse, death = competing(1, 3, 60_000)
    first, own = np.minimum(relapse, death), relapse < death
    censor = np.random.default_rng(2).exponential(1 / LOSS, first.shape) if censored else never(first)
    found = estimate.incidence(first, own, censor, everybody(first), DAYS)
    assert found.shape == (3, 5)
    assert found == pytest.approx(np.broadcast_to(true_incidence(DAYS), found.shape), abs=0.012)
    naive = estimate.incidence(relapse, everybody(relapse), np.minimum(censor, death), everybody(first), DAYS)
    assert np.all(
        naive[:, 3:] > found[:, 3:] + 0.05
    )  # 1 - KM of relapse alone overstates it: the estimator heeds competition


@pytest.mark.parametrize("censored", [False, True])
def test_survival_of_a_constant_hazard(censored):
    event, _ = competing(3, 2, 60_000)
    censor = np.random.default_rng(4).exponential(1 / LOSS, event.shape) if censored else never(event)
    found = estimate.survival(event, censor, everybody(event), DAYS)
    assert found == pytest.approx(np.broadcast_to(np.exp(-RELAPSE * DAYS), found.shape), abs=0.012)


@pytest.mark.parametrize("rounded", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_incidence_equals_greenwood(seed, rounded):
    """Small groups with censoring; rounded to whole days there are ties between events, and between events and censorings."""
    gw = pytest.importorskip("greenwood")
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(seed)
    relapse, death = competing(seed + 10, 1, 80)
    censor = rng.exponential(1 / LOSS, relapse.shape)
    if rounded:
        relapse, death, censor = (np.ceil(table / 10) * 10 for table in (relapse, death, censor))
    first, own = np.minimum(relapse, death), relapse <= death
    observed, happened = np.minimum(first, censor), first <= censor
    state = np.where(~happened, 0, np.where(own, 1, 2))[0]
    response = gw.Surv(observed[0], pd.Categorical.from_codes(state, ["censored", "relapse", "death"]))
    frame = gw.AalenJohansen().fit(response).to_frame(format="pandas")
    curve = frame[frame["cause"] == "relapse"]
    theirs = [curve["estimate"][curve["time"] <= day].max() if (curve["time"] <= day).any() else 0.0 for day in DAYS]
    ours = estimate.incidence(first, own, censor, everybody(first), DAYS)[0]
    assert ours == pytest.approx(np.nan_to_num(theirs), abs=1e-12)


@pytest.mark.parametrize("rounded", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_survival_equals_greenwood(seed, rounded):
    gw = pytest.importorskip("greenwood")
    event, _ = competing(seed + 20, 1, 80)
    censor = np.random.default_rng(seed).exponential(1 / LOSS, event.shape)
    if rounded:
        event, censor = np.ceil(event / 10) * 10, np.ceil(censor / 10) * 10
    fitted = gw.KaplanMeier().fit(gw.Surv(np.minimum(event, censor)[0], (event <= censor).astype(int)[0]))
    ours = estimate.survival(event, censor, everybody(event), DAYS[:4])[0]
    assert ours == pytest.approx(fitted.predict(DAYS[:4]), abs=1e-12)


def test_patients_who_are_not_analysed_change_nothing():
    relapse, death = competing(5, 2, 400)
    first, own = np.minimum(relapse, death), relapse < death
    censor = np.random.default_rng(6).exponential(1 / LOSS, first.shape)
    among = np.random.default_rng(7).random(first.shape) < 0.4
    for losses in (censor, never(first)):
        found = estimate.incidence(first, own, losses, among, DAYS)
        for draw in range(2):
            who = among[draw]
            part = [table[draw, who][None] for table in (first, own, losses)]
            alone = estimate.incidence(*part, np.ones((1, who.sum()), np.bool_), DAYS)
            assert found[draw] == pytest.approx(alone[0], abs=1e-12)


def test_many_days_at_once_equal_one_at_a_time_in_any_order():
    relapse, death = competing(8, 3, 500)
    first, own = np.minimum(relapse, death), relapse < death
    days = np.random.default_rng(9).permutation(np.linspace(0.0, 400.0, 23))
    for censor in (never(first), death + 7.0):
        together = estimate.incidence(first, own, censor, everybody(first), days)
        alone = [
            estimate.incidence(first, own, censor, everybody(first), days[k : k + 1])[:, 0] for k in range(len(days))
        ]
        assert together == pytest.approx(np.stack(alone, axis=1), abs=1e-12)


def test_a_group_without_patients_has_no_estimate():
    event, _ = competing(10, 2, 20)
    among = everybody(event)
    among[1] = False
    for censor in (never(event), event * 0.5):
        found = estimate.survival(event, censor, among, DAYS)
        assert np.isfinite(found[0]).all()
        assert np.isnan(found[1]).all()
    assert np.isnan(estimate.share(among, among)[1])


def test_a_patient_is_worth_one_until_follow_up_begins_to_end():
    relapse, death = competing(11, 2, 2000)
    first, own = np.minimum(relapse, death), relapse < death
    found = estimate.worth(first, own, never(first), everybody(first), np.array([50.0, 99.9]), 100.0, 400.0)
    assert np.array_equal(found, np.ones((2, 2)))
    later = estimate.worth(first, own, never(first), everybody(first), np.array([150.0, 300.0]), 100.0, 400.0)
    assert np.all(later < 1)
    assert np.all(later[:, 1] < later[:, 0])


@pytest.mark.parametrize("own_only", [True, False])
def test_worth_predicts_the_spread_of_repeated_trials(own_only):
    """The variance of estimates over 1500 simulated trials of 60 patients, against binomial variance over the worth."""
    t, n, low, high = np.array([80.0]), 60, 40.0, 140.0
    rng = np.random.default_rng(12)
    relapse, death = (rng.exponential(1 / rate, (1500, n)) for rate in (RELAPSE, DEATH))
    first = np.minimum(relapse, death)
    own = relapse < death if own_only else everybody(first)
    trials = estimate.incidence(first, own, rng.uniform(low, high, first.shape), everybody(first), t)[:, 0]
    relapse, death = competing(13, 1, 40_000)
    first = np.minimum(relapse, death)
    own = relapse < death if own_only else everybody(first)
    p = float(estimate.incidence(first, own, never(first), everybody(first), t)[0, 0])
    worth = float(estimate.worth(first, own, never(first), everybody(first), t, low, high)[0, 0])
    assert 0.5 < worth < 0.97
    assert np.var(trials) == pytest.approx(p * (1 - p) / (n * worth), rel=0.1)


def test_losses_other_than_the_end_of_follow_up_lower_the_worth():
    """Deaths that are censored, as in the duration of continuous remission: the worth agrees with Greenwood's formula."""
    event, death = competing(14, 1, 4000)
    found = float(estimate.worth(event, everybody(event), death, everybody(event), np.array([150.0]), 1e9, 1e9)[0, 0])
    gw = pytest.importorskip("greenwood")
    fitted = gw.KaplanMeier().fit(gw.Surv(np.minimum(event, death)[0], (event <= death).astype(int)[0]))
    at = np.searchsorted(fitted.time_, 150.0, side="right") - 1
    s, error = fitted.survival_[at], fitted.std_error_[at]
    assert found == pytest.approx(s * (1 - s) / (4000 * error**2), rel=0.02)
