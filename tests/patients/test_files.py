"""Is every population file there, sourced and sound, and is a slip in one refused where it stands?"""

import pytest
from tests.patients.made import PLAIN, made

from remission.base import catalog, files
from remission.base.errors import InvalidFile, NotFound, RemissionError
from remission.patients import Population, in_words, load_population
from remission.protocol import load_design

REVIEW = {"younger-ph-negative": ("negative", 18, 60), "younger-high-risk": ("negative", 18, 60), "ph-like": ("negative", 18, 90),
          "older-ph-negative": ("negative", 60, 90), "very-old-ph-negative": ("negative", 70, 95),
          "ph-positive-younger": ("positive", 18, 60), "ph-positive-older": ("positive", 55, 90),
          "ikzf1plus-ph-positive": ("positive", 18, 90)}
ARMS = sorted({(trial, name) for trial in catalog.ids("trials") for name, arm in load_design(trial).design.arms.items() if arm.population})


@pytest.mark.parametrize("identifier", catalog.ids("populations"))
def test_every_value_has_a_source_of_the_catalog_or_an_assumption(identifier):
    who = load_population(identifier)
    assert who.id == identifier
    assert {"age", "male", "wbc", "blasts", "cd22", "cd20"} <= set(who.values())
    for name, value in who.values().items():
        resting = value.source or (None if value.assumed else who.source)
        assert value.assumed or resting is not None, name
        if resting is not None:
            assert resting.ref in catalog.ids("sources"), name
            assert resting.at, name
    assert who.selects is not None


@pytest.mark.parametrize(("trial", "name"), ARMS)
def test_every_arm_finds_its_population(trial, name):
    arm = load_design(trial).design.arms[name]
    who = load_population(arm.population)
    if arm.regimen in catalog.ids("regimens"):
        ph = files.read(catalog.path("regimens", arm.regimen)).data.get("ph", "any")
        assert ph in ("any", who.ph), (arm.regimen, arm.population)


@pytest.mark.parametrize("identifier", sorted(REVIEW))
def test_the_populations_of_the_review_are_there(identifier):
    who = load_population(identifier)
    ph, youngest, oldest = REVIEW[identifier]
    assert who.ph == ph
    low, high = (edge.to("y") for edge in who.age.range)
    assert youngest <= low < high <= oldest
    assert not who.relapsed


def test_only_the_relapsed_are_marked_relapsed():
    assert [name for name in catalog.ids("populations") if load_population(name).relapsed] == ["relapsed-ph-negative", "sc-blina"]


@pytest.mark.parametrize("identifier", catalog.ids("populations"))
def test_a_population_is_told_in_words(identifier):
    who = load_population(identifier)
    lines = list(in_words(who))
    text = "\n".join(line for line, _ in lines)
    assert str(who.age.median) in text
    assert str(who.wbc.median) in text
    assert (who.require or "Genetic") in text or "Other genetic" in text
    told = [value for _, value in lines if value is not None]
    assert all(value in told for value in who.values().values())


SLIPS = [
    (("age", "median"), "75 yy", "unknown unit"),
    (("age", "median"), "15 y", "inside the range"),
    (("age", "median"), "20.5 y", "edge of the range"),
    (("age", "quartiles"), ["50 y", "40 y"], "not in order"),
    (("age", "quartiles"), ["40 y", "80 y"], "not in order"),
    (("age", "bands"), [["20 y", "50 %"], ["40 y", "40 %"]], "add up to 90 %"),
    (("age", "bands"), [["20 y", "120 %"], ["40 y", "-20 %"]], "a band has no patients"),
    (("age", "bands"), [["18 y", "50 %"], ["45 y", "50 %"]], "where the range does"),
    (("age", "bands"), [["20 y", "20 %"], ["60 y", "80 %"]], "median of 63.8 y, not 45 y"),
    (("age", "bands"), [], "bands"),
    (("male", "value"), "160 %", "no share"),
    (("male", "value"), 0.6, "no unit"),
    (("ph",), "maybe", "ph"),
    (("wbc", "median"), "0 1e9/L", "not positive"),
    (("wbc", "of"), "some", "of"),
    (("wbc", "log_spread"), -1, "log_spread"),
    (("blasts", "median"), "100 %", "between 0 and 100"),
    (("cd22", "range"), ["95 %", "100 %"], "do not fit"),
    (("require",), "ph_lik", "cannot be required"),
    (("requires",), "ph_like", "unknown key 'requires'"),
    (("genetics",), {"kmt2": {"value": "5 %"}}, "unknown key 'kmt2'"),
    (("cd20",), {"value": "40 %"}, "neither source nor assumption"),
]


@pytest.mark.parametrize(("place", "value", "word"), SLIPS)
def test_a_slip_is_refused_in_five_parts(place, value, word):
    data = {name: {**part, "assumed": "for a test"} if isinstance(part, dict) else part for name, part in PLAIN.items()}
    inner = data
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    with pytest.raises(RemissionError) as caught:
        files.parse(files.Document("slip.yaml", data, {(): 1}), Population)
    assert word in str(caught.value)
    assert caught.value.where == "slip.yaml:1"
    assert caught.value.fix


def test_bands_and_quartiles_together_are_refused():
    with pytest.raises(InvalidFile, match="quartiles and bands"):
        made(age={**PLAIN["age"], "quartiles": ["40 y", "50 y"], "bands": [["20 y", "50 %"], ["45 y", "50 %"]]})


def test_an_unknown_population_names_the_nearest():
    with pytest.raises(NotFound) as caught:
        load_population("older-ph-negativ")
    assert caught.value.near == "older-ph-negative"
