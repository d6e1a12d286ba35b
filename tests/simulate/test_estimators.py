"""Do Kaplan-Meier, Aalen-Johansen and restricted means equal those of R's survival and cmprsk?

Recorded values come from reference/survival.R on reference/adtte.csv; where R and the packages are installed the script is run again.
"""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from remission.base.errors import EmptySelection, InvalidFile, NotFound, UsageError
from remission.outcomes.estimators import aalen_johansen, kaplan_meier, read_adtte, rmst, rmst_difference

HERE = Path(__file__).parent / "reference"
TABLE = HERE / "adtte.csv"
REFERENCE = json.loads((HERE / "survival.json").read_text())
DAYS, HORIZON = np.array(REFERENCE["days"]), REFERENCE["horizon"]
ARMS = ("e1910-blinatumomab", "e1910-chemotherapy")
EXACT = 1e-12  # relative; the same sums in another order


def at(steps, name):
    """A column of a step function at the days of the reference."""
    return getattr(steps, name)[np.searchsorted(steps.time, DAYS, side="right") - 1]


def numbers(values):
    return np.array([np.nan if value is None else value for value in values], float)


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("endpoint", ["OS", "EFS", "RFS"])
def test_kaplan_meier_equals_survfit(arm, endpoint):
    sample, expected = read_adtte(TABLE, endpoint, arm=arm), REFERENCE[arm][endpoint]
    assert (len(sample.time), int((sample.cnsr == 0).sum())) == (expected["n"], expected["events"])
    for scale, key in (("log", "log"), ("log-log", "loglog"), ("plain", "plain")):
        found = kaplan_meier(sample.time, sample.cnsr, scale=scale)
        for name in ("estimate", "se", "lo", "hi"):
            np.testing.assert_allclose(
                at(found, name), numbers(expected[key][name]), rtol=EXACT, err_msg=f"{scale} {name}"
            )
        np.testing.assert_allclose(found.at(DAYS), numbers(expected[key]["estimate"]), rtol=EXACT)


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("endpoint", ["OS", "EFS", "RFS"])
def test_restricted_mean_equals_survfit(arm, endpoint):
    sample, expected = read_adtte(TABLE, endpoint, arm=arm), REFERENCE[arm][endpoint]
    found = rmst(sample.time, sample.cnsr, HORIZON)
    assert found.value == pytest.approx(expected["rmst"], rel=EXACT)
    assert found.se == pytest.approx(expected["rmst_se"], rel=1e-10)
    assert (found.hi - found.lo) / found.se == pytest.approx(2 * 1.959963984540054)


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("endpoint", ["CIR", "NRM"])
def test_aalen_johansen_equals_cuminc_and_survfit(arm, endpoint):
    """The incidences are those of both, the standard errors those of survfit. cuminc estimates another variance, larger by about one
    part in the number of patients at risk."""
    sample, expected = read_adtte(TABLE, endpoint, arm=arm), REFERENCE[arm][endpoint]
    found = aalen_johansen(sample.time, sample.cnsr)
    for state, steps in found.items():
        reference = expected[state]
        np.testing.assert_allclose(at(steps, "estimate"), numbers(reference["cuminc"]), rtol=1e-10, atol=1e-15)
        np.testing.assert_allclose(at(steps, "estimate"), numbers(reference["survfit"]), rtol=EXACT, atol=1e-15)
        np.testing.assert_allclose(at(steps, "se"), numbers(reference["survfit_se"]), rtol=1e-10, atol=1e-15)
        ratio = at(steps, "se") ** 2 / numbers(reference["cuminc_variance"])
        assert (ratio < 1).all()
        assert (ratio > 1 - 2 / 100).all()


def test_the_difference_of_restricted_means():
    a, b = (read_adtte(TABLE, "OS", arm=arm) for arm in ARMS)
    first, second = (REFERENCE[arm]["OS"] for arm in ARMS)
    found = rmst_difference(a, b, HORIZON)
    assert found.value == pytest.approx(first["rmst"] - second["rmst"], rel=1e-9)
    assert found.se == pytest.approx(np.hypot(first["rmst_se"], second["rmst_se"]), rel=1e-9)


def test_incidence_and_survival_sum_to_one():
    """Relapse, death in remission and neither: everybody is one of them (RFS is free of both)."""
    cir, rfs = (read_adtte(TABLE, endpoint, arm=ARMS[0]) for endpoint in ("CIR", "RFS"))
    incidence = aalen_johansen(cir.time, cir.cnsr)
    free = kaplan_meier(rfs.time, rfs.cnsr)
    total = incidence["event"].at(DAYS) + incidence["competing"].at(DAYS) + free.at(DAYS)
    np.testing.assert_allclose(total, 1.0, rtol=1e-12)


def test_a_competing_event_censors_in_kaplan_meier():
    time = np.array([1.0, 2.0, 3.0, 4.0])
    for other in (1, 2):
        assert kaplan_meier(time, np.array([0, other, 0, other])).at([1.0, 2.5, 3.0]).tolist() == pytest.approx(
            [0.75, 0.75, 0.375]
        )
        assert rmst(time, np.array([0, other, 0, other]), 4.0).value == pytest.approx(1 + 2 * 0.75 + 0.375)


def test_without_censoring_they_are_proportions():
    time = np.array([5.0, 1.0, 3.0, 4.0, 2.0])
    assert kaplan_meier(time, np.zeros(5, int)).at([0.5, 1.0, 3.5, 5.0]).tolist() == pytest.approx([1.0, 0.8, 0.4, 0.0])
    found = aalen_johansen(time, np.array([0, 2, 0, 0, 2]))
    assert found["event"].at([2.5, 3.0, 9.0]).tolist() == pytest.approx([0.0, 0.2, 0.6])
    assert found["competing"].at([0.0, 1.0, 9.0]).tolist() == pytest.approx([0.0, 0.2, 0.4])
    assert rmst(time, np.zeros(5, int), 3.0).value == pytest.approx(np.minimum(time, 3.0).mean())


@pytest.mark.parametrize(
    ("time", "cnsr", "error"),
    [([], [], EmptySelection), ([1.0, -2.0], [0, 1], UsageError), ([1.0, np.nan], [0, 1], UsageError), ([1.0], [3], UsageError),
     ([1.0, 2.0], [0], UsageError)],
)  # fmt: skip
def test_samples_that_cannot_be_used(time, cnsr, error):
    for estimator in (kaplan_meier, aalen_johansen):
        with pytest.raises(error):
            estimator(np.array(time), np.array(cnsr))


def test_no_mean_beyond_the_follow_up():
    with pytest.raises(UsageError, match="restricted to 10 days"):
        rmst(np.array([1.0, 5.0]), np.array([0, 1]), 10.0)


@pytest.mark.parametrize(
    ("endpoint", "options", "error", "near"),
    [
        ("OSS", {}, NotFound, "OS"),
        ("OS", {"arm": "e1910-chemo"}, NotFound, "e1910-chemotherapy"),
        ("OS", {"draw": 2}, EmptySelection, ""),
    ],
)
def test_what_a_table_does_not_have(endpoint, options, error, near):
    with pytest.raises(error) as caught:
        read_adtte(TABLE, endpoint, **options)
    assert near in caught.value.near


def test_files_that_are_no_tables(tmp_path):
    with pytest.raises(NotFound):
        read_adtte(tmp_path / "missing.csv", "OS")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    (tmp_path / "other.parquet").write_text("no")
    for name in ("other.csv", "other.parquet"):
        with pytest.raises(InvalidFile):
            read_adtte(tmp_path / name, "OS")


def r_has(*packages: str) -> bool:
    if shutil.which("Rscript") is None:
        return False
    names = ", ".join(f"'{name}'" for name in packages)
    code = f"quit(status = !all(sapply(c({names}), requireNamespace, quietly = TRUE)))"
    return subprocess.run(["Rscript", "-e", code], capture_output=True, check=False).returncode == 0


def close(found, expected, where=""):
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key in expected:
            close(found[key], expected[key], f"{where}/{key}")
    elif isinstance(expected, list):
        np.testing.assert_allclose(numbers(found), numbers(expected), rtol=1e-9, atol=1e-12, err_msg=where)
    elif not isinstance(expected, str):
        assert found == pytest.approx(expected, rel=1e-9), where


@pytest.mark.skipif(not r_has("survival", "cmprsk"), reason="needs R with survival and cmprsk")
def test_r_still_says_the_same():
    answer = subprocess.run(["Rscript", "survival.R"], cwd=HERE, check=True, capture_output=True, text=True).stdout
    close(json.loads(answer), REFERENCE)
