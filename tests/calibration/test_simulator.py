"""Does the fit read from the simulator what a review would, in any chunks and on any threads?"""

import numpy as np
import pytest

from remission.engine import prior_draws
from remission.engine.simulate import simulate
from remission.inference.calibration import expected, load_space, load_targets, readings
from remission.inference.calibration.space import DISCREPANCY, numbers_of
from remission.outcomes import read
from remission.patients import load_population
from remission.protocol import load_design, load_regimen


@pytest.fixture(scope="module")
def targets():
    return load_targets(["s1318", "a041703"])


@pytest.fixture(scope="module")
def draws():
    return prior_draws(6, 3)


def test_targets_are_read_as_a_review_reads_them(targets, draws):
    found = readings(targets, draws, 150, 1)
    for k, row in enumerate(targets.rows):
        arm = load_design(row.trial).design.arms[row.arm]
        h = simulate(load_regimen(arm.regimen), load_population(arm.population), draws, 150, 1)
        reading = read(h, load_design(row.trial).design, row.arm, row.endpoint, row.at)
        assert found.share[:, k] == pytest.approx(reading.expected, nan_ok=True), row.key
        assert found.enrolled[:, k] == pytest.approx(150)


def test_threads_and_parts_change_nothing(targets, draws, monkeypatch):
    monkeypatch.setattr("remission.inference.calibration.simulator.COURSES_OF_A_TASK", 200)
    whole = expected(targets, draws, 100, 1, threads=1)
    assert np.array_equal(whole, expected(targets, draws, 100, 1, threads=3), equal_nan=True)
    assert len({tuple(row) for row in np.nan_to_num(whole)}) == len(draws)  # no two draws alike
    parts = [expected(targets, draws.part(k, k + 2), 100, 1) for k in (0, 2, 4)]
    assert np.array_equal(whole, np.concatenate(parts), equal_nan=True)


def test_progress_comes_to_the_end(targets, draws):
    told = []
    readings(targets, draws, 50, 1, told.append)
    assert told[-1] == 1.0
    assert told == sorted(told)


def test_the_logit_counts_half_a_patient():
    from remission.inference.calibration import Readings

    seen = Readings(np.array([[0.0, 0.25]]), np.array([[100.0, 8.0]]), np.array([[100.0, 10.0]]))
    assert seen.logit[0] == pytest.approx([np.log(0.5 / 100.5), np.log(2.5 / 6.5)])


def test_coordinates_are_the_priors_own():
    space = load_space()
    z = np.zeros((2, len(space.names)))
    z[1] = 1.0
    draws = space.draws(z, numbers_of(7, 2))
    for k, item in enumerate(space.parameters):
        middle, one = float(item.value(0.0)), float(item.value(1.0))
        assert draws.values[:, k] == pytest.approx([middle, one])
        assert ("fixed" in item.prior) == (item.name not in space.names)
    assert set(draws.numbers).isdisjoint(numbers_of(8, 1000))


def test_the_discrepancy_is_its_priors_quantile_in_every_library():
    space = load_space()
    item = next(p for p in space.parameters if p.name == DISCREPANCY)
    z = np.linspace(-2, 2, 9)[:, None] * np.ones((1, len(space.names)))
    wanted = [float(item.value(float(v))) for v in z[:, 0]]
    assert space.discrepancy(z) == pytest.approx(wanted, rel=1e-3)
    assert DISCREPANCY not in [space.names[k] for k in space.inputs]


def test_prior_coordinates_are_standard_normal_and_differ_between_stages():
    space = load_space()
    one, two = space.prior(2000, 1, 10), space.prior(2000, 1, 11)
    assert one.mean() == pytest.approx(0.0, abs=0.01)
    assert one.std() == pytest.approx(1.0, abs=0.01)
    assert abs(np.corrcoef(one[:, 0], two[:, 0])[0, 1]) < 0.1
