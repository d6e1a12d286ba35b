"""Are patients counted once: does the correlation of rows say what the same patients share?"""

from dataclasses import replace

import numpy as np
import pytest

from remission.inference.calibration import load_targets, weigh
from remission.inference.calibration.sharing import correlate, in_common, proper, spread_beyond_chance


@pytest.fixture(scope="module")
def weighed():
    return weigh(load_targets(["a041703", "e1910"]), seed=1, trials=400, patients=100)


def row(targets, identifier):
    return next(k for k, item in enumerate(targets.rows) if item.id == identifier)


def test_nested_responses_correlate_as_nested_counts_do(weighed):
    """Whoever is in remission after one course is so after two: corr = sqrt(p1 (1 - p2) / (p2 (1 - p1)))."""
    from remission.engine import prior_centre
    from remission.inference.calibration import readings

    one, two = row(weighed, "cr-induction"), row(weighed, "cr-course-ii")
    p1, p2 = readings(weighed, prior_centre(), 20_000, 1).share[0, [one, two]]
    assert weighed.correlation[one, two] == pytest.approx(0.95 * np.sqrt(p1 * (1 - p2) / (p2 * (1 - p1))), abs=0.1)


def test_survival_of_the_same_patients_goes_together(weighed):
    assert weighed.correlation[row(weighed, "efs-12"), row(weighed, "os-12")] > 0.3
    assert weighed.correlation[row(weighed, "efs-12"), row(weighed, "relapse")] < -0.2


def test_other_patients_share_nothing(weighed):
    a, b = row(weighed, "os-42-blinatumomab"), row(weighed, "os-42-chemotherapy")
    assert weighed.correlation[a, b] == 0
    assert np.all(weighed.correlation[row(weighed, "os-12"), [a, b]] == 0)


def test_the_correlation_is_a_correlation(weighed):
    r = weighed.correlation
    assert np.diag(r) == pytest.approx(1.0)
    assert np.allclose(r, r.T)
    assert np.linalg.eigvalsh(r).min() > 0


def test_a_pooled_report_shares_its_parts_patients():
    targets = load_targets(["mdacc-hcvad-blina"])
    main = next(item for item in targets.rows if item.arm == "main")
    pooled = next(item for item in targets.rows if item.arm == "pooled")
    factor = in_common((main, pooled))
    assert factor[0, 1] == pytest.approx(np.sqrt(main.enrolled / pooled.enrolled))
    assert in_common((main, replace(main, trial="s1318")))[0, 1] == 0


def test_missing_denominators_come_from_the_model():
    targets = load_targets(["d-alba"])
    unknown = next(k for k, item in enumerate(targets.rows) if item.n is None)
    weighed = weigh(targets, seed=1, trials=50, patients=50)
    assert 10 < weighed.rows[unknown].n <= targets.rows[unknown].enrolled
    assert not weighed.rows[unknown].counted
    assert weighed.digest == targets.digest


def test_correlation_is_read_from_virtual_trials_and_chance_is_not():
    rng = np.random.default_rng(1)
    a = rng.normal(size=2000)
    share = np.stack([a, 0.6 * a + 0.8 * rng.normal(size=2000), rng.normal(size=2000)], axis=1)
    share[::7, 1] = np.nan
    found = correlate(share)
    assert found[0, 1] == pytest.approx(0.6, abs=0.05)
    assert found[0, 2] == 0


def test_an_impossible_matrix_is_mended():
    mended = proper(np.array([[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]]))
    assert np.linalg.eigvalsh(mended).min() > 0
    assert np.diag(mended) == pytest.approx(1.0)


def test_chance_alone_is_no_spread_and_a_study_effect_is():
    rng = np.random.default_rng(1)
    p = 0.1
    plain = rng.binomial(100, p, size=(600, 20)) / 100
    moved = 1 / (1 + np.exp(-(np.log(p / (1 - p)) + 0.5 * rng.normal(size=(600, 1)))))
    studies = rng.binomial(100, moved) / 100
    patients = np.full((600, 1), 100.0)
    assert np.all(spread_beyond_chance(plain, patients) == 0)
    assert spread_beyond_chance(studies, patients)[0] == pytest.approx(0.5, abs=0.1)
