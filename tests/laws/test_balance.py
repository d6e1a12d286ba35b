"""Is nothing lost between birth and kill? What a drug takes off ln N is its rate times its days, and births add up."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.laws.people import course, people
from tests.sample import draws, population, regimen
from tests.twin.generated import parameters, protocols, resolved

from remission.engine import reference
from remission.engine.intensity import course_intensity
from remission.engine.simulate import potencies, simulate
from remission.engine.traits import traits
from remission.patients import sample

LN10 = math.log(10)
ALONE = {
    "persister_fraction": -300.0, "cd19_negative_fraction": -300.0, "resistant_fraction": -300.0, "extramedullary_fraction": -300.0,
    "course_noise": 0.0, "clonogenic_fraction": 0.0, "net_to_birth": 0.9, "induction_death": 1e-9, "remission_death": 1e-12,
}  # fmt: skip
PATIENTS = 60


def one_row(text, days, who, **changed):
    """ln cells of patients whose disease is all bulk, less what they had at diagnosis: (draws, patients, days); and their traits.
    So many of its cells can regrow that luck does not matter."""
    p = draws(3, 2).change(**(ALONE | changed))
    h = simulate(regimen(text), who, p, PATIENTS, 4, grid=np.array([0.0, *days]))
    cohort = sample(who, 4, p.numbers, PATIENTS)
    t = traits(cohort, p)
    assert np.allclose(h.burden[..., 0], np.log10(t.blasts), atol=1e-12)
    change = (h.burden[..., 1:] - h.burden[..., :1]) * LN10
    seen = np.isfinite(change)
    assert seen.mean() > 0.5
    return change, seen, t, potencies(t, p), p


def assert_balance(change, seen, expected):
    """To the nine decimals to which dose intensity is compiled; deeper than e^-10 what is left is a matter of luck."""
    seen = seen & (expected > -10.0)
    assert seen.mean() > 0.3
    assert np.allclose(change[seen], expected[seen], rtol=0, atol=1e-7)


def test_a_course_kills_what_its_potency_and_its_doses_say_whatever_its_length():
    days = np.array([5.0, 14.0, 29.0, 33.0, 35.0])
    for factor in (0.5, 1.0):
        text = course(35, "1, 8, 15, 22", factor)
        change, seen, t, strength, _p = one_row(text, days, people(PATIENTS), dose_exponent=0.6)
        kill = course_intensity(regimen(text).phases[0]).kill
        whole = LN10 * np.maximum(0.05, strength["induction"]) * kill**0.6
        expected = (
            t.growth[..., None] * days - whole[..., None] * np.minimum(days, 29) / 29
        )  # from the first day to a week after the last
        assert_balance(change, seen, expected)


def test_maintenance_holds_at_its_rate():
    text = "  - {id: a, purpose: maintenance, block: pomp, repeat: 3}\n"
    days = np.array([10.0, 40.0, 80.0])
    change, seen, t, strength, _ = one_row(text, days, people(PATIENTS))
    hold = course_intensity(regimen(text).phases[0]).hold
    assert_balance(change, seen, (t.growth - strength["maintenance"] * hold)[..., None] * days)


@pytest.mark.parametrize("drug", ["dasatinib", "imatinib", "ponatinib"])
def test_a_kinase_inhibitor_kills_on_the_days_it_is_taken(drug):
    dose = {"dasatinib": "140 mg", "imatinib": "600 mg", "ponatinib": "45 mg"}[drug]
    text = (
        f"  - {{id: a, length: 40 d, purpose: rest, give: [{{drug: {drug}, dose: {dose}, route: po, days: 11-30}}]}}\n"
    )
    days = np.array([10.0, 20.0, 30.0, 40.0])
    change, seen, t, strength, _ = one_row(text, days, people(PATIENTS, ph=1))
    taken = np.clip(days - 10, 0, 20)
    assert_balance(change, seen, t.growth[..., None] * days - strength[drug][..., None] * taken)


def test_a_cycle_of_inotuzumab_kills_by_its_dose():
    text = "  - {id: a, length: 28 d, purpose: rest, give: [{drug: inotuzumab-ozogamicin, dose: 0.5 mg/m2, route: iv, days: '1, 8'}]}\n"
    days = np.array([7.0, 15.0, 28.0])
    change, seen, t, strength, p = one_row(text, days, people(PATIENTS))
    cycles = (1.0 / 1.8) ** p.inotuzumab_dose_exponent[0, 0]
    assert_balance(
        change,
        seen,
        t.growth[..., None] * days - strength["inotuzumab"][..., None] * cycles * np.minimum(days, 15) / 15,
    )


def test_far_below_capacity_blinatumomab_is_log_linear():
    text = "  - {id: a, length: 35 d, purpose: rest, give: [{drug: blinatumomab, dose: 28 ug/d, route: civ, days: 1-28}]}\n"
    days = np.array([4.0, 28.0, 35.0])
    change, seen, t, strength, _ = one_row(text, days, people(PATIENTS), effector_capacity=30.0)
    kill = strength["blinatumomab"] * 28 / (28 + strength["half_dose"])
    expected = t.growth[..., None] * days - kill[..., None] * np.minimum(days, 28)
    assert_balance(change, seen, expected)


def test_drugs_given_together_add_up():
    text = course(28, "1, 8, 15").replace(
        "    assess", "      - {drug: dasatinib, dose: 140 mg, route: po, days: 1-28}\n    assess"
    )
    days = np.array([7.0, 22.0, 28.0])
    change, seen, t, strength, p = one_row(text, days, people(PATIENTS, ph=1), kill_induction=1.5, kill_dasatinib=0.1)
    kill = course_intensity(regimen(text).phases[0]).kill ** p.dose_exponent[..., None]
    course_kill = LN10 * np.maximum(0.05, strength["induction"])[..., None] * kill * np.minimum(days, 22) / 22
    assert_balance(change, seen, t.growth[..., None] * days - strength["dasatinib"][..., None] * days - course_kill)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(data=protocols(), seed=st.integers(0, 2**32), p=parameters())
def test_births_add_up_along_the_path(data, seed, p):
    """ln of the integral of b exp(-L) over all therapy, from the trajectory's points alone: over a stretch from L0 to L1 the mean of
    exp(-L) is (exp(-L0) - exp(-L1))/(L1 - L0)."""
    made = resolved(data)
    assume(made is not None)
    who, p = population("d-alba"), p.draws
    t = traits(sample(who, seed, p.numbers, 2), p)
    patient = reference.patient_of(seed, 1, p.numbers[0], t, potencies(t, p), p, 0, 1)
    reference.follow(reference.prepare(made), patient)
    for row, start in patient.start.items():
        total = -math.inf
        for (t0, before), (t1, after) in zip(patient.path, patient.path[1:], strict=False):
            assert t1 >= t0
            down, up = sorted((before[row] - start, after[row] - start))
            if t1 > t0:
                spread = up - down
                mean = -down + (math.log(-math.expm1(-spread) / spread) if spread > 1e-9 else 0.0)
                total = np.logaddexp(total, math.log(patient.traits.birth * (t1 - t0)) + mean)
        assert math.isfinite(patient.births[row])
        assert patient.births[row] == pytest.approx(total, rel=1e-9, abs=1e-6), row
