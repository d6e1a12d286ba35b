"""Without treatment, is the course the closed form: exponential growth, no remission, no cure?"""

import numpy as np
from tests.sample import NO_TREATMENT, STRAIGHT, draws, population, regimen

from remission.engine.simulate import simulate
from remission.engine.traits import traits
from remission.patients import sample


def test_burden_grows_exponentially_at_each_patients_own_rate():
    p, who = draws(3), population("e1910")
    grid = np.array([0.0, 1.0, 10.0, 100.0])
    h = simulate(regimen(NO_TREATMENT), who, p, 200, 5, grid=grid)
    t = traits(sample(who, 5, p.numbers, 200), p)
    marrow = np.log10(np.exp(t.ln_rows[..., :4]).sum(axis=-1) / 1e12)
    expected = marrow[..., None] + t.growth[..., None] * grid / np.log(10)
    seen = ~np.isnan(h.burden)
    assert seen[..., 0].all()
    # rows of few clonogenic cells carry their own luck: they shift the total by some thousandths of a log10
    assert np.allclose(h.burden[seen], expected[seen], rtol=0, atol=5e-3)
    assert not np.isfinite(h.events["remission"]).any()
    assert not np.isfinite(h.events["relapse"]).any()


def test_infinite_kill_cures_everybody_and_zero_growth_stays_finite():
    p = draws(2).change(kill_intensive_induction=500.0, net_to_birth=0.3)
    h = simulate(regimen(STRAIGHT), population("e1910"), p, 300, 1)
    marrow = h.events["site"] <= 4  # a relapse in the central nervous system is not killed by the course
    assert not marrow.any()
    still = simulate(regimen(STRAIGHT), population("e1910"), draws(2).change(growth=1e-12), 300, 1)
    assert not np.isnan(still.events["death"]).any()
    assert np.isfinite(still.values[np.isfinite(still.when)]).all()


def test_background_deaths_follow_the_life_table():
    """Life expectancy at 60 from the sampler against the table's own sum of survivors."""
    from remission.engine.aftermath import background_death_days, life_table

    for sex in (0, 1):
        u = (np.arange(40_000) + 0.5) / 40_000
        days = background_death_days(np.full(u.shape, 60.0), np.full(u.shape, float(sex)), u)
        table = life_table()[sex]
        survival = np.exp(-(table[60:] - table[60]))
        # trapezoid over whole years; the sampler's hazard is constant within a year of age
        hazards = np.diff(table[60:])
        area = np.sum(survival[:-1] * -np.expm1(-hazards) / hazards) + survival[-1] / hazards[-1]
        assert abs(days.mean() / 365.25 - area) < 0.02
