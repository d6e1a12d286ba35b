"""Is every file of the catalog sound, sourced, and consistent with the others?"""

import re

import numpy as np
import pytest

from remission.base import catalog, files
from remission.engine import load_parameters, prior_draws
from remission.engine.mechanisms import mechanisms
from remission.patients import load_population, sample
from remission.patients.population import load_genetics
from remission.protocol import load_block, load_design, load_drug, load_regimen, resolve
from remission.protocol.plan import administrations, default_path


@pytest.mark.parametrize("identifier", catalog.ids("regimens"))
def test_regimen_resolves_once_and_for_all(identifier):
    plan = load_regimen(identifier)
    assert plan.id == identifier
    assert resolve(plan) == plan
    assert default_path(plan)
    assert administrations(plan)


@pytest.mark.parametrize("identifier", catalog.ids("regimens"))
def test_every_dose_has_a_source_or_shows_as_an_assumption(identifier):
    for phase in load_regimen(identifier).phases:
        for give in phase.give:
            assert give.source is not None or give.assumed, f"{phase.id}: {give.drug}"
            if give.source is not None:
                assert give.source.ref in catalog.ids("sources"), give.source.ref


@pytest.mark.parametrize("identifier", catalog.ids("drugs"))
def test_drug_is_sound(identifier):
    drug = load_drug(identifier)
    assert drug.id == identifier
    assert drug.source is not None or drug.assumed
    for key, (low, high) in drug.dose_range.items():
        unit, _, route = key.partition(" ")
        assert unit in drug.units
        assert not route or route in drug.routes
        assert 0 < low <= high


@pytest.mark.parametrize("identifier", catalog.ids("blocks"))
def test_block_is_sound(identifier):
    assert load_block(identifier).id == identifier


@pytest.mark.parametrize("identifier", catalog.ids("populations"))
def test_population_has_the_published_median_and_range(identifier):
    who = load_population(identifier)
    assert who.id == identifier
    age = sample(who, 1, range(4), 5000).values["age"]
    low, high = (edge.to("y") for edge in who.age.range)
    assert low <= age.min()
    assert age.max() <= high
    # a truncated normal's median moves towards the middle of its range by less than an eighth of it
    assert abs(np.median(age) - who.age.median.to("y")) < (high - low) / 8
    stated = [who.male, who.wbc, who.blasts, who.cd22, who.cd20]
    for value in stated:
        assert value.source is not None or value.assumed
    for source in [who.source, *(value.source for value in stated)]:
        assert source is None or source.ref in catalog.ids("sources"), source


@pytest.mark.parametrize("identifier", catalog.ids("trials"))
def test_trial_design_is_sound(identifier):
    trial = load_design(identifier)
    assert trial.id == identifier
    for name, arm in trial.design.arms.items():
        if arm.regimen not in catalog.ids("regimens"):
            continue  # an arm of the record that is not simulated
        made = {item.name for phase in load_regimen(arm.regimen).phases for item in phase.assess}
        assert arm.enrolment is None or arm.enrolment.at in made, name
    for name, endpoint in trial.design.endpoints.items():
        assert endpoint.kind != "survival" or endpoint.events, name


def test_genetics_follow_their_bands():
    who = load_population("e1910")
    cohort = sample(who, 3, range(10), 5000).values
    genetics = load_genetics()
    expected = genetics.ph_like.share(cohort["age"]).mean()
    error = np.sqrt(expected * (1 - expected) / cohort["age"].size)
    assert abs(cohort["ph_like"].mean() - expected) < 5 * error
    assert not (cohort["kmt2a"] * cohort["ph_like"]).any()


def test_every_parameter_has_a_prior_with_evidence():
    parameters = load_parameters()
    assert len({parameter.name for parameter in parameters}) == len(parameters)
    for parameter in parameters:
        assert parameter.evidence
        assert parameter.about
        if "no source" in parameter.evidence or "no size" in parameter.evidence:
            assert parameter.basis == "assumption" or (
                parameter.basis == "sourced" and "direction" in parameter.evidence
            ), parameter.name


def test_draws_have_their_priors_quantiles():
    p = prior_draws(4000, 3)
    for parameter in load_parameters():
        expected = parameter.value(np.array([-1.0, 0.0, 1.0]))
        found = np.quantile(getattr(p, parameter.name), [0.158655, 0.5, 0.841345])
        spread = max(abs(float(expected[2] - expected[0])), 1e-12)
        assert np.abs(found - np.sort(expected)).max() < 0.12 * spread + 1e-12, parameter.name


def test_every_parameter_is_used():
    """A parameter that nothing reads would be a number without a meaning."""
    sources = "".join(path.read_text() for path in (catalog.root().parent / "engine").rglob("*.py"))
    sources += "".join(path.read_text() for path in (catalog.root().parent / "inference").rglob("*.py"))
    for parameter in load_parameters():
        assert re.search(rf"\b{parameter.name}\b", sources), parameter.name


def test_every_mechanism_is_reached_by_a_drug_or_a_course():
    text = (catalog.root().parent / "engine" / "exposure.py").read_text()
    drugs = " ".join(catalog.ids("drugs"))
    for mechanism in mechanisms():
        for agent in mechanism.agents:
            assert agent in text or agent in drugs or agent.split()[0] in ("intensive", "reduced", "prephase"), agent


def test_life_table_gives_its_own_life_expectancy():
    """Life expectancy at birth in the United States in 2019: 76.3 (men) and 81.4 (women), NVSR 70(19), Tables 2 and 3."""
    data = files.read(catalog.root() / "lifetable" / "us-2019.yaml").data
    for sex, expected in (("male", 76.3), ("female", 81.4)):
        alive = np.cumprod(1 - np.array(data[sex], float))
        years = 0.5 + alive.sum()  # deaths fall in the middle of a year
        assert abs(years - expected) < 0.25, (sex, years)
