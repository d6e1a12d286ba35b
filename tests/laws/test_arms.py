"""Arms simulated together are those simulated one by one, to the last bit."""

import numpy as np
import pytest

from remission.engine import prior_draws
from remission.engine.simulate import simulate, simulate_arms
from remission.patients import load_population
from remission.protocol import load_regimen

ARMS = ("e1910-blinatumomab", "e1910-chemotherapy", "graall-2014")


@pytest.mark.parametrize("threads", [1, 3])
def test_arms_together_are_arms_alone(threads):
    plans, people, p = [load_regimen(name) for name in ARMS], load_population("e1910"), prior_draws(3, 1)
    grid = np.array([30.0, 400.0])
    together = simulate_arms(plans, people, p, 130, 7, grid=grid, first=11, chunk_patients=64, threads=threads)
    for plan, found in zip(plans, together, strict=True):
        alone = simulate(plan, people, p, 130, 7, grid=grid, first=11)
        assert found.regimen == alone.regimen == plan.id
        for kind in ("events", "covariates"):
            for name, column in getattr(alone, kind).items():
                np.testing.assert_array_equal(getattr(found, kind)[name], column, err_msg=name)
        for table in ("values", "when", "started", "burden"):
            np.testing.assert_array_equal(getattr(found, table), getattr(alone, table), err_msg=table)


def test_arms_share_their_people_and_differ_in_their_course():
    together = simulate_arms([load_regimen(name) for name in ARMS[:2]], load_population("e1910"), prior_draws(2, 1), 200, 7)
    np.testing.assert_array_equal(together[0].covariates["age"], together[1].covariates["age"])
    assert (together[0].events["death"] != together[1].events["death"]).any()
