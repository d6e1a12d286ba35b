"""Where the model has a closed form, do compiled histories follow it: growth without treatment, the day of relapse, other deaths?"""

import math

import numpy as np
import pytest
from scipy import stats
from tests.laws.people import course, people
from tests.sample import NO_TREATMENT, draws, population, regimen

from remission.base.histories import CAUSES
from remission.engine import prior_centre
from remission.engine.intensity import course_intensity
from remission.engine.lifetable import life_table
from remission.engine.simulate import simulate
from remission.engine.traits import traits
from remission.patients import sample

LN10 = math.log(10)
BACKGROUND = CAUSES.index("background")


def test_burden_grows_exponentially_at_each_patients_own_rate():
    p, who = draws(3), population("e1910")
    grid = np.array([0.0, 1.0, 10.0, 100.0])
    h = simulate(regimen(NO_TREATMENT), who, p, 200, 5, grid=grid)
    t = traits(sample(who, 5, p.numbers, 200), p)
    marrow = np.log10(sum(np.exp(rows) for rows in t.ln_rows[:4]) / 1e12)
    expected = marrow[..., None] + t.growth[..., None] * grid / LN10
    seen = ~np.isnan(h.burden)
    assert seen[..., 0].all()
    # rows of few clonogenic cells carry their own luck: they shift the total by some thousandths of a log10
    assert np.allclose(h.burden[seen], expected[seen], rtol=0, atol=5e-3)
    assert not np.isfinite(h.events["remission"]).any()
    assert not np.isfinite(h.events["relapse"]).any()


PATIENTS = 20_000
ALIKE = {
    "growth_spread": 0.0, "chemosensitivity_spread": 0.0, "course_noise": 0.0, "persister_fraction": -300.0,
    "cd19_negative_fraction": -300.0, "extramedullary_fraction": -300.0, "dose_reduction": 1e-12, "cns_relapse": 1e-12,
    "induction_death": 1e-12, "remission_death": 1e-15, "fitness_effect": 0.0, "dose_exponent": 1.0,
}  # fmt: skip


YOUNG = {"age": 20, "male": 0}  # who hardly die of anything else


def lines_after(text, p):
    """By hand, for patients who are all alike: ln burden at the end of therapy, its day, and the mean number of surviving lines."""
    t = traits(sample(people(1, **YOUNG), 1, p.numbers, 1), p)
    growth, birth, bulk = (float(value.flat[0]) for value in (t.growth, t.birth, t.ln_rows[0]))
    sensitivity = float(t.chemosensitivity.flat[0])
    stretches = []
    for phase in regimen(text).phases:
        kill = LN10 * course_intensity(phase).kill * float(p.kill_induction[0, 0]) * sensitivity
        acting = min(phase.length.value, max(max(give.days) for give in phase.give) + 7)
        stretches += [(acting, growth - kill / acting), (phase.length.value - acting, growth)]
    level = births = day = 0.0
    for days, rate in stretches:
        births += birth * math.exp(-level) * -math.expm1(-rate * days) / rate
        level, day = level + rate * days, day + days
    survives = 1 / (births + birth / growth * math.exp(-level))
    return bulk + level, day, math.exp(bulk + LN10 * float(p.clonogenic_fraction[0, 0])) * survives, growth


def relapse_by(days, end, day, mean, growth):
    """Chance of a relapse by some days: the size of the surviving lines is a Poisson number of unit exponentials."""
    needed = mean * np.exp(math.log(0.05e12) - end - growth * (days - day))  # their size that is seen by then
    count = np.arange(0, int(mean + 12 * math.sqrt(mean) + 20))
    weight = stats.poisson.pmf(count, mean)
    return 1 - np.array([weight[0] + (weight[1:] * stats.gamma.cdf(w, count[1:])).sum() for w in needed])


@pytest.mark.parametrize(("wanted", "slack"), [(0.7, 0.012), (4.0, 0.012), (40.0, 0.012), (300.0, 0.02)])
def test_cure_and_the_day_of_relapse_are_kendalls(wanted, slack):
    """The share cured and the whole distribution of the day of relapse, in 20 000 patients who differ only in luck. (Above 50 lines
    the compiled numbers are normal approximations.)"""
    text = course(28, "1, 8, 15") + course(28, "1, 8, 15", 1.0, "second")
    p = prior_centre().change(**ALIKE, kill_induction=2.5)
    _, _, mean, _ = lines_after(text, p)
    p = p.change(clonogenic_fraction=float(p.clonogenic_fraction[0, 0]) + math.log10(wanted / mean))
    end, day, mean, growth = lines_after(text, p)
    assert mean == pytest.approx(wanted)
    h = simulate(regimen(text), people(PATIENTS, **YOUNG), p, PATIENTS, 3)
    relapse = np.where(h.events["death"] < h.events["relapse"], np.inf, h.events["relapse"])[0]
    free = (h.events["cause"][0] != BACKGROUND) | (h.events["death"][0] > 5479)
    assert free.mean() > 0.98
    days = day + np.linspace(30, 2000, 60)
    expected = relapse_by(days, end, day, mean, growth)
    observed = np.array([(relapse <= limit).mean() for limit in days])
    assert np.abs(observed - expected).max() < slack
    assert np.isinf(relapse[free]).mean() == pytest.approx(math.exp(-mean), abs=0.012)


def test_background_deaths_follow_the_life_table():
    """Deaths by 1, 5, 20 and 40 years of patients without a leukaemia to speak of, against the table's own survivors."""
    p = prior_centre().change(**ALIKE, clonogenic_fraction=-60.0, kill_induction=30.0)
    for male in (0, 1):
        for age in (30, 60, 85):
            h = simulate(regimen(course(28, "1, 8, 15")), people(PATIENTS, age=age, male=male), p, PATIENTS, 3)
            assert (h.events["cause"] == BACKGROUND).mean() > 0.999
            table = life_table()[male]
            for years in (1, 5, 20, 40):
                if age + years < len(table) - 1:
                    expected = 1 - math.exp(table[age] - table[age + years])
                    observed = (h.events["death"] <= years * 365.25).mean()
                    assert observed == pytest.approx(
                        expected, abs=4 * math.sqrt(expected * (1 - expected) / PATIENTS) + 1e-3
                    )


def test_life_expectancy_is_the_tables():
    """The area under the table's survivors (hazard constant within a year of age) is the mean length of simulated lives."""
    p = prior_centre().change(**ALIKE, clonogenic_fraction=-60.0, kill_induction=30.0)
    for male in (0, 1):
        h = simulate(regimen(course(28, "1, 8, 15")), people(PATIENTS, age=60, male=male), p, PATIENTS, 3)
        table = life_table()[male]
        survival, hazards = np.exp(-(table[60:] - table[60])), np.diff(table[60:])
        area = np.sum(survival[:-1] * -np.expm1(-hazards) / hazards) + survival[-1] / hazards[-1]
        assert h.events["death"].mean() / 365.25 == pytest.approx(area, abs=0.3)
