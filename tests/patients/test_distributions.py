"""Do cohorts have the distributions that their population files state?"""

import numpy as np
import pytest
from tests.patients.made import made

from remission.base import catalog
from remission.patients import load_population, sample
from remission.patients.reference import load_genetics
from remission.patients.requirement import parse_requirement

DRAWS, PATIENTS = range(4), 20_000
COUNT = len(DRAWS) * PATIENTS


def within(found, expected, sigmas=5.0):
    """Whether a share of COUNT patients is what is expected but for chance."""
    return abs(found - expected) <= sigmas * np.sqrt(max(expected * (1 - expected), 1e-9) / COUNT) + 1e-12


@pytest.fixture(scope="module", params=catalog.ids("populations"))
def drawn(request):
    who = load_population(request.param)
    return who, sample(who, 11, DRAWS, PATIENTS).values


def test_ages_have_the_median_and_stay_in_the_range(drawn):
    who, values = drawn
    low, high = (edge.to("y") for edge in who.age.range)
    assert low <= values["age"].min() < low + 0.02 * (high - low)
    assert high - 0.02 * (high - low) < values["age"].max() <= high
    tolerance = 0.5 if who.age.bands else 0.0  # bands must agree with their median within a year, and do within half of one
    reached = ((values["age"] < who.age.median.to("y") - tolerance).mean(), (values["age"] < who.age.median.to("y") + tolerance).mean())
    error = 5 * 0.5 / np.sqrt(COUNT)
    assert reached[0] - error < 0.5 < reached[1] + error
    for edge, share in zip(who.age.quartiles or (), (0.25, 0.75), strict=False):
        assert within((values["age"] < edge.to("y")).mean(), share)


def test_bands_have_their_shares(drawn):
    who, values = drawn
    if who.age.bands is None:
        return
    starts = [start.to("y") for start, _ in who.age.bands] + [who.age.range[1].to("y")]
    for number, (_, share) in enumerate(who.age.bands):
        assert within(((values["age"] >= starts[number]) & (values["age"] < starts[number + 1])).mean(), share.to("1"))


def test_shares_of_patients_are_those_stated(drawn):
    who, values = drawn
    assert within(values["male"].mean(), who.male.value.to("1"))
    assert within((values["cd20"] >= 20).mean(), who.cd20.value.to("1"))
    assert set(np.unique(values["cd20"])) <= {0.0, 100.0}
    if who.ph != "any":
        assert (values["ph"] == (who.ph == "positive")).all()


def test_cd22_has_its_median_and_range(drawn):
    who, values = drawn
    low, high = (edge.to("%") for edge in who.cd22.range)
    assert low <= values["cd22"].min() < low + 0.02 * (high - low)
    assert values["cd22"].max() <= high
    assert within((values["cd22"] < who.cd22.median.to("%")).mean(), 0.5)


def test_white_cells_and_blasts_have_their_medians(drawn):
    who, values = drawn
    alike = (values["kmt2a"] == 0) & (values["ph"] == 0)
    required = who.require is not None and parse_requirement(who.require).wbc is not None
    if who.wbc.of == "all":
        assert within((values["wbc"] < who.wbc.median.to("1e9/L")).mean(), 0.5)
    elif alike.any() and not required:
        share = (values["wbc"][alike] < who.wbc.median.to("1e9/L")).mean()
        assert abs(share - 0.5) < 5 * 0.5 / np.sqrt(alike.sum())
    if not required:  # blasts follow white cells that are required to be many
        assert within((values["blasts"] < who.blasts.median.to("1")).mean(), 0.5)
    assert (values["wbc"] > 0).all()
    assert (values["blasts"] > 0).all()
    assert (values["blasts"] < 1).all()


def test_genetic_shares_that_a_file_states_are_recovered(drawn):
    who, values = drawn
    if who.require is not None:
        return
    negative = values["ph"] == 0
    for name, share in who.genetics.stated().items():
        if name in ("ikzf1", "ikzf1_plus"):
            assert within((values["ikzf1"] >= (1 if name == "ikzf1" else 2)).mean(), share.value.to("1")), name
        else:
            error = 5 * np.sqrt(share.value.to("1") / negative.sum())
            assert abs(values[name][negative].mean() - share.value.to("1")) < error, name


def test_lesions_exclude_each_other_and_bcr_abl1(drawn):
    _, values = drawn
    assert (values["ph"] + values["ph_like"] + values["kmt2a"] + values["hypodiploid"] <= 1).all()
    assert set(np.unique(values["ikzf1"])) <= {0.0, 1.0, 2.0}


def test_ages_by_median_and_range_are_a_truncated_normal():
    """Against the normal of SD range/4 whose centre makes the median right, by its own distribution function."""
    from scipy.optimize import brentq
    from scipy.stats import truncnorm

    low, high, median, sd = 18.0, 60.0, 30.0, 10.5
    centre = brentq(lambda c: truncnorm.median((low - c) / sd, (high - c) / sd, c, sd) - median, 0, 60)
    age = np.sort(sample(made(age={"median": "30 y", "range": ["18 y", "60 y"]}), 5, DRAWS, PATIENTS).values["age"].ravel())
    shares = truncnorm.cdf(age, (low - centre) / sd, (high - centre) / sd, centre, sd)
    assert np.abs(shares - (np.arange(COUNT) + 0.5) / COUNT).max() < 1.95 / np.sqrt(COUNT)  # Kolmogorov-Smirnov, p = 0.001


def test_ages_far_to_one_side_are_mirrored():
    old = sample(made(age={"median": "76 y", "range": ["20 y", "80 y"]}), 5, DRAWS, PATIENTS).values["age"]
    assert within((old < 76).mean(), 0.5)
    assert old.min() < 45
    assert old.max() <= 80


def test_quartiles_are_recovered():
    age = sample(made(age={"median": "50 y", "quartiles": ["46 y", "63 y"], "range": ["20 y", "85 y"]}), 5, DRAWS, PATIENTS).values["age"]
    for edge, share in ((46, 0.25), (50, 0.5), (63, 0.75)):
        assert within((age < edge).mean(), share)


def test_bcr_abl1_of_any_follows_its_shares_by_age():
    values = sample(load_population("adults"), 5, DRAWS, PATIENTS).values
    for low, high, share in ((18, 30, 0.15), (30, 40, 0.25), (40, 50, 0.33), (50, 70, 0.38), (70, 86, 0.33)):
        inside = (values["age"] >= low) & (values["age"] < high)
        assert abs(values["ph"][inside].mean() - share) < 5 * np.sqrt(share / inside.sum()), low
    stated = sample(made(ph="any", genetics={"ph": {"value": "70 %"}}), 5, DRAWS, PATIENTS).values
    assert within(stated["ph"].mean(), 0.7)


def test_a_stated_median_of_white_cells_is_that_of_all_patients_however_they_are_mixed():
    who = made(ph="any", genetics={"ph": {"value": "50 %"}, "kmt2a": {"value": "60 %"}})
    wbc = sample(who, 5, DRAWS, PATIENTS).values["wbc"]
    assert within((wbc < 10).mean(), 0.5)


def test_unlike_seeds_and_draws_give_other_people():
    who = made()
    one, other = (sample(who, seed, [0, 1], 50).values["age"] for seed in (1, 2))
    assert not (one == other).any()
    assert not (one[0] == one[1]).any()


@pytest.mark.parametrize("identifier", ["younger-ph-negative", "older-ph-negative", "adults"])
def test_lesions_follow_their_shares_by_age_among_those_they_are_stated_of(identifier):
    lesions = load_genetics()
    values = sample(load_population(identifier), 13, DRAWS, PATIENTS).values
    negative, like, kmt2a = values["ph"] == 0, values["ph_like"] == 1, values["kmt2a"] == 1
    among = {"ph_like": negative, "kmt2a": negative & ~like, "hypodiploid": negative & ~like & ~kmt2a}
    for name, group in among.items():
        for low, high in ((18, 30), (30, 40), (40, 60), (60, 91)):
            inside = group & (values["age"] >= low) & (values["age"] < high)
            if inside.sum() > 100:
                expected = getattr(lesions, name).share(np.array([low]))[0]
                assert abs(values[name][inside].mean() - expected) < 5 * np.sqrt(expected / inside.sum()), (name, low)
    for lesion, group in ((lesions.ikzf1_ph_like, like), (lesions.ikzf1_other, negative & ~like), (lesions.ikzf1_ph, ~negative)):
        if group.any():
            expected = lesion.share(np.array([40.0]))[0]
            assert abs((values["ikzf1"][group] > 0).mean() - expected) < 5 * np.sqrt(expected / group.sum()), lesion.of
    deleted = values["ikzf1"] > 0
    assert abs((values["ikzf1"][deleted] == 2).mean() - 0.46) < 5 * 0.5 / np.sqrt(deleted.sum())
