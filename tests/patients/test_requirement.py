"""Are patients who must fulfil something drawn as if those who do not had been sent away?"""

import numpy as np
import pytest
from tests.patients.made import made

from remission.base.errors import InvalidFile, Problem
from remission.patients import load_population, sample
from remission.patients.requirement import MAX_LENGTH, PATTERN, parse_requirement

BAND = {"median": "45 y", "quartiles": ["43 y", "47 y"], "range": ["40 y", "49.9 y"]}  # one band of ages: nobody is sent away by age
DRAWS, PATIENTS = range(5), 40_000


def fulfils(text, values):
    """The requirement, asked of patients one alternative at a time."""
    answer = np.zeros(values["age"].shape, bool)
    for alternative in text.split(" or "):
        answer |= {
            "ph_like": values["ph_like"] == 1,
            "kmt2a": values["kmt2a"] == 1,
            "hypodiploid": values["hypodiploid"] == 1,
            "adverse_genetics": (values["kmt2a"] == 1) | (values["hypodiploid"] == 1),
            "ikzf1 = deleted": values["ikzf1"] == 1,
            "ikzf1 = plus": values["ikzf1"] == 2,
            "ikzf1 != none": values["ikzf1"] > 0,
            "wbc > 30": values["wbc"] > 30,
            "wbc > 5": values["wbc"] > 5,
        }[alternative]
    return answer


TEXTS = ["ph_like", "kmt2a", "hypodiploid", "ikzf1 = plus", "ikzf1 = deleted", "wbc > 30", "adverse_genetics or wbc > 30",
         "ph_like or ikzf1 != none", "kmt2a or hypodiploid or ph_like or ikzf1 != none or wbc > 30", "wbc > 5 or ikzf1 = plus"]


@pytest.mark.parametrize("ph", ["negative", "any"])
@pytest.mark.parametrize("text", TEXTS)
def test_the_selected_are_those_who_would_have_been_chosen(text, ph):
    """Against rejection: a large cohort of everybody, of whom those who fulfil it are kept."""
    base = {"age": BAND, "ph": ph, "wbc": {"median": "10 1e9/L", "log_spread": 1.2, "of": "reference"}}
    everybody = sample(made(**base), 31, DRAWS, PATIENTS).values
    kept = fulfils(text, everybody)
    found = sample(made(**base, require=text), 32, DRAWS, PATIENTS).values
    assert fulfils(text, found).all()
    for name in ("ph", "ph_like", "kmt2a", "hypodiploid"):
        compare(everybody[name][kept], found[name], name)
    for name, edge in (("ikzf1", 0), ("ikzf1", 1), ("wbc", 5), ("wbc", 30), ("wbc", 100)):
        compare(everybody[name][kept] > edge, found[name] > edge, f"{name} > {edge}")
    many = np.log(everybody["wbc"][kept]).mean(), np.log(found["wbc"]).mean()
    assert abs(many[0] - many[1]) < 5 * 1.5 * np.sqrt(1 / kept.sum() + 1 / found["wbc"].size)


def compare(expected, found, name):
    shares = expected.mean(), found.mean()
    error = np.sqrt(max(shares[0] * (1 - shares[0]), 1e-9) / expected.size + max(shares[1] * (1 - shares[1]), 1e-9) / found.size)
    assert abs(shares[0] - shares[1]) <= 5 * error, (name, shares)


def test_white_cells_above_what_is_required_have_the_tail_of_the_lognormal():
    wbc = sample(made(require="wbc > 30", wbc={"median": "10 1e9/L", "log_spread": 1.2, "of": "reference"},
                      genetics={"kmt2a": {"value": "0 %"}}), 4, DRAWS, PATIENTS).values["wbc"]
    from scipy.stats import norm

    low = norm.cdf(np.log(3) / 1.2)
    for edge in (40, 60, 100, 300):
        expected = (1 - norm.cdf(np.log(edge / 10) / 1.2)) / (1 - low)
        assert abs((wbc > edge).mean() - expected) < 5 * np.sqrt(expected / wbc.size), edge
    assert wbc.min() > 30


@pytest.mark.parametrize(("identifier", "text"), [
    ("younger-high-risk", TEXTS[8]), ("ph-like", "ph_like"), ("ikzf1plus-ph-positive", "ikzf1 = plus"),
])
def test_populations_of_the_review_fulfil_what_they_require(identifier, text):
    who = load_population(identifier)
    assert who.require == text
    assert fulfils(text, sample(who, 1, DRAWS, 4000).values).all()


@pytest.mark.parametrize(("text", "lesions", "ikzf1", "wbc"), [
    ("ph_like", {"ph_like"}, set(), None),
    ("  kmt2a   or wbc>30 ", {"kmt2a"}, set(), 30.0),
    ("adverse_genetics", {"kmt2a", "hypodiploid"}, set(), None),
    ("ikzf1!=none or ikzf1=plus", set(), {1, 2}, None),
    ("wbc > 100 or wbc > 30.5", set(), set(), 30.5),
])
def test_a_requirement_is_read(text, lesions, ikzf1, wbc):
    found = parse_requirement(text)
    assert (set(found.lesions), set(found.ikzf1), found.wbc) == (lesions, ikzf1, wbc)


@pytest.mark.parametrize(("text", "near"), [
    ("ph_lik", "ph_like"), ("wbc > -5", "wbc > 30"), ("wbc < 30", "wbc > 30"), ("ikzf1 = plus and kmt2a", "ikzf1 = plus"),
    ("ikzf1 = lost", ""),
    ("", ""), ("ph_like or", ""), ("or", ""), ("wbc > 1e400", ""), ("__import__('os')", ""), ("age > 3", ""), ("wbc > ٣", ""),
])
def test_what_cannot_be_required_is_refused_with_the_nearest(text, near):
    with pytest.raises(Problem) as caught:
        parse_requirement(text)
    assert caught.value.why
    assert caught.value.fix
    assert near in caught.value.near


def test_a_long_requirement_is_refused():
    with pytest.raises(Problem, match="too long"):
        parse_requirement(" or ".join(["kmt2a"] * MAX_LENGTH))


@pytest.mark.parametrize("text", [*TEXTS, "ph_lik", "wbc < 30", "ph_like or", "ikzf1 = plus and kmt2a", "wbc > 1e400", "or kmt2a"])
def test_the_schema_pattern_agrees_with_the_reader(text):
    import re

    try:
        parse_requirement(text)
        read = True
    except Problem:
        read = False
    assert bool(re.fullmatch(PATTERN, text)) == read


@pytest.mark.parametrize(("changes", "word"), [
    ({"ph": "positive", "require": "ph_like"}, "nobody fulfils"),
    ({"require": "kmt2a", "genetics": {"kmt2a": {"value": "0 %"}}}, "nobody fulfils"),
    ({"require": "wbc > 30"}, "of: reference"),
    ({"genetics": {"ph": {"value": "30 %"}}}, "ph is negative"),
    ({"genetics": {"ph_like": {"value": "60 %"}, "kmt2a": {"value": "50 %"}}}, "more than everybody"),
    ({"genetics": {"ikzf1": {"value": "10 %"}, "ikzf1_plus": {"value": "20 %"}}}, "more patients have IKZF1plus"),
    ({"genetics": {"kmt2a": {"value": "120 %"}}}, "no share of patients"),
])
def test_a_population_that_cannot_be_is_refused(changes, word):
    with pytest.raises(InvalidFile) as caught:
        made(**changes)
    assert word in str(caught.value)
    assert caught.value.where.startswith("made.yaml:")
