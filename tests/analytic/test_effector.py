"""Is the kill of the effector cells the solution of its differential equation? SciPy's solver is the oracle."""

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from tests.laws.people import people
from tests.sample import draws, regimen

from remission.engine.reference import SMALL, mean_kill
from remission.engine.simulate import potencies, simulate
from remission.engine.traits import traits
from remission.patients import sample

LN10 = math.log(10)


def solved(x, growth, kill, days):
    """ln u after some days of du/dt = u (g - K/(1 + u))."""
    found = solve_ivp(
        lambda _, y: growth - kill / (1 + np.exp(y)), (0, days), [x], method="LSODA", rtol=1e-11, atol=1e-11
    )
    return float(found.y[0, -1])


def error(x, growth, kill, days):
    """Of the closed form or the steps, in log10 of the burden at the end."""
    exact = growth - (solved(x, growth, kill, days) - x) / days
    return abs(mean_kill(x, growth, kill, days) - exact) * days / LN10


def cases(low, high, strongest, count=150):
    """Random ln u, growth, largest kill per day, and days."""
    rng = np.random.default_rng(1)
    burdens, growths = rng.uniform(low, high, count), rng.uniform(0.0, 0.2, count)
    kills, days = rng.uniform(0.02, strongest, count), rng.choice([1.0, 4.0, 7.0, 21.0, 28.0], count)
    return zip(burdens, growths, kills, days, strict=True)


def test_far_below_capacity_the_closed_form_is_good_to_first_order():
    """Of the order of u squared: one part in 1e5 of a log10 where u is below a hundredth."""
    found = [error(*case) for case in cases(-12, math.log(SMALL), 3.0) if case[2] - case[1] > 1e-3]
    assert len(found) > 100
    assert max(found) < 2e-5


@pytest.mark.parametrize(("strongest", "worst", "usual"), [(0.8, 1e-3, 1e-4), (1.5, 0.01, 2e-3), (3.0, 0.05, 0.02)])
def test_steps_follow_the_equation(strongest, worst, usual):
    """Largest kill per day, largest error and that of nine in ten cases, in log10 of the burden after up to 28 days."""
    found = [error(*case) for case in cases(math.log(SMALL), 6, strongest)]
    assert max(found) < worst
    assert np.quantile(found, 0.9) < usual


def test_the_two_meet_where_one_gives_way_to_the_other():
    for kill in (0.3, 0.6, 1.2):
        below, above = (mean_kill(math.log(SMALL) + side, 0.05, kill, 28.0) for side in (-1e-9, 1e-9))
        assert below == pytest.approx(above, rel=2e-4)


def test_there_is_a_burden_above_which_leukaemia_outgrows_the_drug():
    """N* = theta (K/g - 1), and it is where the burden neither grows nor falls."""
    growth, kill = 0.05, 0.58
    threshold = math.log(kill / growth - 1)
    assert mean_kill(threshold, growth, kill, 28.0) == pytest.approx(growth, rel=1e-6)
    assert mean_kill(threshold - 0.1, growth, kill, 28.0) > growth > mean_kill(threshold + 0.1, growth, kill, 28.0)


def test_compiled_courses_follow_the_equation():
    """Disease that is all bulk, under 28 days of infusion: every patient's burden on days 7 and 28 against the solver."""
    p = draws(3, 2).change(persister_fraction=-300.0, cd19_negative_fraction=-300.0, extramedullary_fraction=-300.0,
                           clonogenic_fraction=0.0, net_to_birth=0.9)  # fmt: skip
    who = people(60, blasts=np.geomspace(0.002, 1.0, 60))
    infusion = "give: [{drug: blinatumomab, dose: 28 ug/d, route: civ, days: 1-28}]"
    text = f"  - {{id: a, length: 28 d, purpose: rest, {infusion}, assess: [{{name: early, what: mrd, day: 7}}]}}\n"
    h = simulate(regimen(text), who, p, 60, 1, grid=np.array([7.0, 28.0]))
    t = traits(sample(who, 1, p.numbers, 60), p)
    strength = potencies(t, p)
    kill = strength["blinatumomab"] * 28 / (28 + strength["half_dose"])
    errors = []
    for draw in range(3):
        for patient in range(60):
            x = t.ln_rows[0][draw, patient] - strength["ln_capacity"][draw, patient]
            for k, days in enumerate((7.0, 28.0)):
                y = solved(x, t.growth[draw, patient], kill[draw, patient], days)
                burden = (y + strength["ln_capacity"][draw, patient] - math.log(1e12)) / LN10
                if y - x > -10 and np.isfinite(h.burden[draw, patient, k]) and kill[draw, patient] < 1.5:
                    errors.append(abs(h.burden[draw, patient, k] - burden))
    assert len(errors) > 200
    assert max(errors) < 0.01
    assert np.median(errors) < 1e-5
