"""Is the fit held to every result that may inform it, once, with the patients that it is worth?"""

from dataclasses import replace

import numpy as np
import pytest

from remission.base.errors import InvalidFile
from remission.evidence import rows_of, trials
from remission.inference.calibration import load_targets
from remission.inference.calibration.targets import (
    check_wall,
    patients_of_interval,
    worth_of_follow_up,
)

MONTH = 30.4375


def test_every_result_that_calibrates_is_a_target_or_says_why_not():
    targets = load_targets()
    wanted = [
        f"{row.trial}/{row.arm}/{row.id}"
        for trial in trials().values()
        for row in rows_of(trial)
        if row.role == "calibrate"
    ]
    found = [*targets.keys, *(key for key, _ in targets.left_out)]
    assert sorted(found) == sorted(wanted)
    assert len(set(found)) == len(found)
    assert all(reason for _, reason in targets.left_out)
    assert len(targets) >= 28


def test_only_results_that_may_inform_the_fit_pass_the_wall():
    row = next(row for row in rows_of(trials()["s1318"]) if row.role == "calibrate")
    check_wall(row)
    check_wall(replace(row, published_on="2023-08-17"))
    for change in ({"published_on": "2023-08-18"}, {"published_on": "2023"}, {"role": "validate"}, {"role": "context"}):
        with pytest.raises(InvalidFile):
            check_wall(replace(row, **change))


def test_counts_are_worth_their_denominators_and_published_numerators_are_exact():
    targets = load_targets(["s1318"])
    cr = next(row for row in targets.rows if row.id == "cr")
    assert (cr.value, cr.n, cr.worth, cr.basis, cr.sign) == (19 / 29, 29.0, 1.0, "count", 1)
    k = targets.rows.index(cr)
    assert targets.yes[k] == pytest.approx(19)
    assert {row.sign for row in targets.rows if row.endpoint in ("CRS3+", "NT3+", "HSCT")} == {0}


def test_harm_has_the_other_sign():
    signs = {row.endpoint: row.sign for row in load_targets().rows}
    assert signs["relapse"] == -1
    assert signs["OS"] == 1


@pytest.mark.parametrize(
    ("share", "patients", "scale"), [(0.5, 100, "plain"), (0.8, 60, "log"), (0.37, 25, "log-log"), (0.9, 80, "logit")]
)
def test_an_interval_gives_back_the_patients_it_was_made_from(share, patients, scale):
    forward = {
        "plain": lambda s: s,
        "log": np.log,
        "log-log": lambda s: np.log(-np.log(s)),
        "logit": lambda s: np.log(s / (1 - s)),
    }[scale]
    back = {
        "plain": lambda t: t,
        "log": np.exp,
        "log-log": lambda t: np.exp(-np.exp(t)),
        "logit": lambda t: 1 / (1 + np.exp(-t)),
    }[scale]
    h = 1e-6
    slope = abs(forward(share + h) - forward(share - h)) / (2 * h)
    half = 1.959963984540054 * slope * np.sqrt(share * (1 - share) / patients)
    low, high = sorted(back(forward(share) + sign * half) for sign in (-1, 1))
    assert patients_of_interval(share, low, high, scale) == pytest.approx(patients, rel=1e-4)
    assert patients_of_interval(share, low, high) == pytest.approx(
        patients, rel=0.1
    )  # the scale is guessed from the asymmetry


def test_an_interval_narrower_than_the_patients_allow_is_not_believed():
    row = next(row for row in load_targets(["s1318"]).rows if row.id == "dfs-36")
    assert patients_of_interval(0.37, 0.17, 0.57) > 19
    assert (row.basis, row.worth) == ("interval", 1.0)


def test_full_follow_up_is_worth_every_patient():
    assert worth_of_follow_up(0.6, 100, 12, 13 * MONTH, 40 * MONTH) == pytest.approx(1.0)


def test_uniform_follow_up_is_worth_what_greenwood_says():
    """Exponential survival through 0.6 at 24 months, follow-up uniform on 6 to 48 months: the integral of Greenwood's variance."""
    s, t, low, high = 0.6, 24 * MONTH, 6 * MONTH, 48 * MONTH
    hazard = -np.log(s) / t
    days = np.linspace(0, t, 20_001)
    followed = np.where(days < low, 1.0, (high - days) / (high - low))
    variance = np.trapezoid(hazard * np.exp(hazard * days) / followed, days)
    assert worth_of_follow_up(s, 1e6, 24, low, high) == pytest.approx((1 / s - 1) / variance, rel=0.02)


def test_longer_follow_up_is_worth_more():
    worth = [worth_of_follow_up(0.5, 60, 36, low * MONTH, (low + 24) * MONTH) for low in (6, 18, 30, 40)]
    assert worth == sorted(worth)
    assert worth[0] < 0.75 < worth[-1]


def test_the_hash_follows_what_was_published_and_nothing_else():
    targets = load_targets(["d-alba"])
    filled = replace(targets, rows=tuple(replace(row, n=row.n or 50.0) for row in targets.rows))
    changed = replace(targets, rows=(replace(targets.rows[0], value=0.5), *targets.rows[1:]))
    assert filled.digest == targets.digest
    assert changed.digest != targets.digest


def test_trials_can_be_left_out():
    targets = load_targets(["d-alba", "s1318"])
    kept = targets.keep(without=["s1318"])
    assert kept.trials == ("d-alba",)
    assert {row.trial for row in kept.rows} == {"d-alba"}
