"""Each mechanism: its own worked example, what it declares, and the law of its biology."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from tests.laws.people import people
from tests.sample import draws, population

from remission.engine import load_parameters
from remission.engine.mechanisms import ROWS, agents, mechanisms
from remission.engine.simulate import potencies, relative_kill
from remission.engine.traits import traits
from remission.patients import sample


def strengths(p, count=200, **changed):
    cohort = sample(people(count, **changed), 3, p.numbers, count)
    t = traits(cohort, p)
    return t, potencies(t, p)


@pytest.mark.parametrize("mechanism", mechanisms(), ids=lambda m: m.name)
def test_mechanism_declares_what_it_reads_and_its_example_holds(mechanism):
    known = {parameter.name for parameter in load_parameters()}
    assert set(mechanism.parameters) <= known
    named = {value for rows in mechanism.relative.values() for value in rows.values() if isinstance(value, str)}
    named |= {value for value in mechanism.availability.values() if isinstance(value, str)}
    assert named <= set(mechanism.parameters)
    parameters, patient, expected = mechanism.example
    assert set(parameters) <= set(mechanism.parameters)
    found = mechanism.potency(SimpleNamespace(**parameters), SimpleNamespace(**patient))
    for name, value in expected.items():
        assert float(found[name]) == pytest.approx(value, rel=1e-9), name


@pytest.mark.parametrize("mechanism", mechanisms(), ids=lambda m: m.name)
def test_potency_is_pure_and_never_negative(mechanism):
    p = draws(20, 3)
    cohort = sample(population("d-alba"), 3, p.numbers, 50)
    t = traits(cohort, p)
    found, again = mechanism.potency(p, t), mechanism.potency(p, t)
    for agent in mechanism.agents:
        assert (found[agent] >= 0).all(), agent
        assert np.array_equal(found[agent], again[agent]), agent
        assert np.isfinite(found[agent]).all()


def test_rows_are_killed_no_more_than_bulk():
    kill = relative_kill(draws(50, 3))
    assert kill.shape == (50, len(agents()), len(ROWS))
    assert (kill[..., 0] == 1).all()
    assert ((kill >= 0) & (kill <= 1)).all()
    row = {name: ROWS.index(name) for name in ROWS}
    agent = {name: agents().index(name) for name in agents()}
    assert (kill[:, agent["blinatumomab"], row["cd19-negative"]] == 0).all()
    assert (kill[:, agent["blinatumomab-sc"]] == kill[:, agent["blinatumomab"]]).all()
    assert (kill[:, agent["dasatinib"], row["resistant"]] == 0).all()
    assert (kill[:, agent["imatinib"], row["resistant"]] == 0).all()
    assert (kill[:, agent["ponatinib"], row["resistant"]] > 0.5).all()
    assert (kill[:, :, row["persister"]] < 1).all()


def test_chemotherapy_is_shared_sensitivity():
    """One sensitivity scales all courses of a patient alike, and its mean over patients without lesions is about 1."""
    t, strength = strengths(draws(5, 3), 2000)
    for course in ("induction", "consolidation", "prephase"):
        ratio = strength[course] / t.chemosensitivity
        assert np.allclose(ratio, ratio[:, :1], rtol=1e-12)
    assert np.allclose(strength["maintenance"] / t.chemosensitivity, draws(5, 3).kill_maintenance, rtol=1e-12)
    assert (np.abs(t.chemosensitivity.mean(axis=1) - 1) < 0.25).all()
    assert (t.chemosensitivity >= 0.05).all()


def test_lesions_make_resistant_where_their_effect_is_negative():
    p = draws(5, 3).change(
        effect_kmt2a=-0.2, effect_hypodiploid=-0.2, effect_ph_like=-0.2, effect_wbc=-0.1, effect_ikzf1=-0.1
    )
    plain, _ = strengths(p)
    for changed in ({"kmt2a": 1}, {"hypodiploid": 1}, {"ph_like": 1}, {"wbc": 31}, {"ikzf1": 1}):
        other, _ = strengths(p, **changed)
        assert (other.chemosensitivity <= plain.chemosensitivity).all(), changed
        assert (other.chemosensitivity < plain.chemosensitivity).mean() > 0.9, changed


def test_inotuzumab_needs_cd22():
    p = draws(5, 3).change(cd22_effect=0.3)
    kills = [strengths(p, cd22=cd22)[1]["inotuzumab"] for cd22 in (0, 30, 60, 90, 100)]
    for less, more in itertools.pairwise(kills):
        assert (more >= less).all()
    assert (kills[-1] > kills[0]).all()
    none = strengths(p.change(cd22_effect=2.0), cd22=0)[1]["inotuzumab"]
    assert (none == 0).all()  # never below nothing


def test_kinase_inhibitors_need_their_target():
    p = draws(5, 3)
    without, within = (strengths(p, ph=ph)[1] for ph in (0, 1))
    for drug, ratio in (("dasatinib", 1.0), ("imatinib", p.imatinib_potency), ("ponatinib", p.ponatinib_potency)):
        assert (without[drug] == 0).all()
        assert np.allclose(within[drug], within["dasatinib"] * ratio, rtol=1e-12)


def test_blinatumomab_at_28_ug_per_day_kills_what_its_parameter_says():
    """In a responder of median clearance; half as much at the dose of half effect of the largest; little in a non-responder."""
    p = draws(5, 3).change(clearance_spread=0.0, blinatumomab_spread=0.0)
    t, strength = strengths(p, 500)
    at_28 = strength["blinatumomab"] * 28 / (28 + strength["half_dose"])
    responds = t.u_responder < p.responders
    expected = np.where(responds, p.kill_blinatumomab, p.kill_blinatumomab * p.nonresponder_kill)
    assert np.allclose(at_28, expected, rtol=1e-12)
    assert np.abs(responds.mean(axis=1) - p.responders[:, 0]).max() < 0.08
    slow, fast = (strengths(draws(5, 3).change(clearance_spread=spread), 500) for spread in (0.0, 0.5))
    same_way = np.sign(fast[1]["half_dose"] - slow[1]["half_dose"]) == np.sign(fast[0].z_clearance)
    assert same_way.all()  # who clears more needs more


def test_effectors_are_fewer_in_relapsed_disease():
    p = draws(5, 3)
    cohorts = [sample(people(100, relapsed=relapsed), 3, p.numbers, 100) for relapsed in (False, True)]
    capacity = [potencies(t, p)["ln_capacity"] for t in (traits(cohort, p) for cohort in cohorts)]
    assert np.allclose(capacity[1] - capacity[0], np.log(p.effector_relapsed))
