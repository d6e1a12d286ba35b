"""Do covariates go together as catalog/genetics.yaml says, in sign and size?"""

import numpy as np
import pytest
from tests.patients.made import made

from remission.base import catalog, files
from remission.base.errors import InvalidFile
from remission.patients import load_population, sample
from remission.patients.plan import split
from remission.patients.reference import Covariates, load_covariates

TOGETHER = load_covariates().together
DRAWS, PATIENTS = range(5), 40_000


@pytest.fixture(scope="module")
def adults():
    values = sample(load_population("adults"), 21, DRAWS, PATIENTS).values
    return {name: column.ravel() for name, column in values.items()}


def ratio(values, inside, outside):
    """Geometric mean of white cells in one group over another, and its standard error on the ln scale."""
    one, other = np.log(values["wbc"][inside]), np.log(values["wbc"][outside])
    return one.mean() - other.mean(), np.sqrt(one.var() / len(one) + other.var() / len(other))


def test_white_cells_are_more_with_kmt2a_and_with_bcr_abl1(adults):
    neither = (adults["ph"] == 0) & (adults["kmt2a"] == 0)
    for name, factor in (("kmt2a", TOGETHER.wbc_kmt2a.factor), ("ph", TOGETHER.wbc_ph.factor)):
        found, error = ratio(adults, adults[name] == 1, neither)
        assert factor > 1.5, name
        assert abs(found - np.log(factor)) < 5 * error, name


def test_other_genetics_do_not_change_white_cells(adults):
    plain = (adults["ph"] == 0) & (adults["kmt2a"] == 0)
    found, error = ratio(adults, plain & (adults["ph_like"] == 1), plain & (adults["ph_like"] == 0))
    assert abs(found) < 5 * error


def test_blasts_rise_with_white_cells(adults):
    plain = (adults["ph"] == 0) & (adults["kmt2a"] == 0)
    logit = np.log(adults["blasts"] / (1 - adults["blasts"]))
    found = np.corrcoef(logit[plain], np.log(adults["wbc"][plain]))[0, 1]
    expected = TOGETHER.blasts_wbc.correlation
    assert expected > 0.1
    assert abs(found - expected) < 5 * (1 - expected**2) / np.sqrt(plain.sum())


def test_blasts_keep_their_spread(adults):
    logit = np.log(adults["blasts"] / (1 - adults["blasts"]))
    assert abs(logit.std() - 0.9) < 5 * 0.9 / np.sqrt(2 * len(logit))


def odds_ratio(adults, event, inside):
    shares = event[inside].mean(), event[~inside].mean()
    error = np.sqrt(sum(1 / (share * (1 - share) * count) for share, count in zip(shares, (inside.sum(), (~inside).sum()), strict=True)))
    return np.log(shares[0] / (1 - shares[0]) * (1 - shares[1]) / shares[1]), error


@pytest.mark.parametrize(("name", "sign"), [("cd22", 1), ("cd20", -1)])
def test_cd22_and_cd20_are_lower_with_kmt2a(adults, name, sign):
    event = adults["cd22"] < 90 if name == "cd22" else adults["cd20"] > 0
    expected = np.log((TOGETHER.cd22_kmt2a if name == "cd22" else TOGETHER.cd20_kmt2a).odds_ratio)
    found, error = odds_ratio(adults, event, adults["kmt2a"] == 1)
    assert expected * sign > 1
    assert abs(found - expected) < 5 * error


def test_fitness_falls_with_age(adults):
    assert abs(adults["fitness"][adults["age"] < 60].mean()) < 5 / np.sqrt((adults["age"] < 60).sum())
    old = adults["age"] > 75
    expected = -0.3 * (adults["age"][old].mean() - 60) / 10
    assert TOGETHER.fitness_age.per_decade == -0.3
    assert abs(adults["fitness"][old].mean() - expected) < 5 / np.sqrt(old.sum())


def test_sex_and_age_and_white_cells_are_independent(adults):
    plain = (adults["ph"] == 0) & (adults["kmt2a"] == 0)
    for one, other in (("male", "age"), ("age", "cd22"), ("age", "wbc"), ("male", "wbc"), ("cd22", "blasts"), ("fitness", "wbc")):
        first, second = (np.log(adults[name][plain]) if name == "wbc" else adults[name][plain] for name in (one, other))
        chosen = adults["age"][plain] < 60 if "fitness" in (one, other) else slice(None)
        found = np.corrcoef(first[chosen], second[chosen])[0, 1]
        assert abs(found) < 5 / np.sqrt(plain.sum() / 2), (one, other)


@pytest.mark.parametrize(("share", "group", "odds"), [(0.5, 0.1, 10), (0.3, 0.9, 0.02), (0.5, 1.0, 10), (0.7, 0.0, 5), (0.999, 0.5, 100)])
def test_a_share_is_split_by_an_odds_ratio(share, group, odds):
    outside, inside = split(share, group, odds)
    assert (1 - group) * outside + group * inside == pytest.approx(share, rel=1e-9)
    assert inside / (1 - inside) == pytest.approx(odds * outside / (1 - outside), rel=1e-6)


def test_a_share_of_none_or_all_is_not_split():
    assert split(0.0, 0.3, 10) == (0.0, 0.0)
    assert split(1.0, 0.3, 10) == (1.0, 1.0)
    values = sample(made(cd20={"value": "100 %"}), 1, [0], 500).values
    assert (values["cd20"] == 100).all()


def test_every_shared_value_rests_on_something():
    shared = load_covariates()
    for part in (shared.lesions, shared.together):
        for name, value in part:
            assert value.evidence or value.assumed, name
            assert value.source is None or value.source.ref in catalog.ids("sources"), name


@pytest.mark.parametrize(("part", "name", "change", "word"), [
    ("together", "blasts_wbc", {"assumed": None}, "neither evidence nor assumption"),
    ("together", "blasts_wbc", {"correlation": 1.5}, "correlation"),
    ("together", "wbc_ph", {"factor": -2}, "factor"),
    ("lesions", "kmt2a", {"bands": [[60, 0.1], [18, 0.2]]}, "order of age"),
    ("lesions", "kmt2a", {"bands": [[18, 1.2]]}, "kmt2a"),
])
def test_a_slip_in_the_shared_file_is_refused(part, name, change, word):
    document = files.read(catalog.root() / "genetics.yaml")
    document.data[part][name].update(change)
    with pytest.raises(InvalidFile) as caught:
        files.parse(document, Covariates)
    assert word in str(caught.value)
