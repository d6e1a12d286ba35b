"""Do extinction and the time of relapse agree with an exact simulation of the birth-death process?

The oracle is event-by-event: each cell divides at rate b and dies at rate d (raised by the drug's kill during treatment), one
event at a time, with exponential waiting times. Nothing of the engine is used in it. The closed form is that of the readable
twin, to which the compiled kernel is held; the luck of surviving lines is the compiled one.
"""

import numpy as np
import pytest

from remission.engine.reference import ln_integral
from remission.engine.reference_ending import log_add
from remission.engine.special import EXTINCT, survivors

GROWTH, BIRTH, KILL, DAYS, START, SEEN = 0.05, 0.16, 0.11, 60.0, 25, 1500
REPLICATES = 4000


def exact(rng):
    """Day on which each replicate reaches SEEN cells (inf: extinct), treated for DAYS and free afterwards."""
    seen = np.full(REPLICATES, np.inf)
    who = np.arange(REPLICATES)  # still going on
    cells, day = np.full(REPLICATES, START), np.zeros(REPLICATES)
    while len(who):
        treated = day < DAYS
        death = BIRTH - GROWTH + KILL * treated
        wait = rng.standard_exponential(len(who)) / (cells * (BIRTH + death))
        crosses = treated & (day + wait > DAYS)  # memoryless: start again at the end of treatment
        divides = rng.random(len(who)) * (BIRTH + death) < BIRTH
        day = np.where(crosses, DAYS, day + wait)
        cells = np.where(crosses, cells, cells + np.where(divides, 1, -1))
        reached = (cells >= SEEN) & (day > DAYS)
        seen[who[reached]] = day[reached]
        going = (cells > 0) & ~reached
        if not going.all():
            who, cells, day = who[going], cells[going], day[going]
    return seen


@pytest.fixture(scope="module")
def days():
    return exact(np.random.default_rng(20230817))


def closed_form():
    """ln of the mean number of surviving lines, and ln of the burden at the end of treatment relative to its start."""
    rate = GROWTH - KILL
    level = rate * DAYS
    ln_inverse = log_add(np.log(BIRTH) + ln_integral(rate, DAYS), np.log(BIRTH / GROWTH) - level)
    return np.log(START) - ln_inverse, level


def test_extinction_probability(days):
    ln_mean, _ = closed_form()
    # one line's survival is exact; START lines die out together with probability (1 - p)^START
    expected = (1 - np.exp(ln_mean) / START) ** START
    observed = np.mean(np.isinf(days))
    assert 0.1 < expected < 0.9
    assert abs(observed - expected) < 4 * np.sqrt(expected * (1 - expected) / REPLICATES)


def test_poisson_count_of_lines_is_close_to_exact(days):
    ln_mean, _ = closed_form()
    u = (np.arange(5_000) + 0.5) / 5_000
    extinct = np.mean([survivors(x, 0.5, ln_mean) == EXTINCT for x in u])
    assert abs(extinct - np.mean(np.isinf(days))) < 0.03  # Poisson for binomial(25, p): the stated approximation


def test_time_of_relapse(days):
    ln_mean, level = closed_form()
    rng = np.random.default_rng(7)
    scale = np.array([survivors(a, b, ln_mean) for a, b in rng.random((20_000, 2))])
    scale = scale[scale > EXTINCT]
    predicted = DAYS + (np.log(SEEN / START) - level - scale) / GROWTH
    observed = days[np.isfinite(days)]
    for q in (0.1, 0.25, 0.5, 0.75, 0.9):
        error = 1.6 * np.std(observed) / np.sqrt(len(observed))  # of a quantile, roughly
        assert abs(np.quantile(predicted, q) - np.quantile(observed, q)) < 4 * error + 1.5, q
