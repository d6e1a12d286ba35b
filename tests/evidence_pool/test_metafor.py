"""Does pooling agree with R's metafor to four digits?

Recorded values come from reference/metafor.R; where R and metafor are installed the script is run again.
"""

import json
import math
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from remission.evidence import pool, pool_glmm, pool_variance

HERE = Path(__file__).parent / "reference"
REFERENCE = json.loads((HERE / "metafor.json").read_text())
COUNTS = REFERENCE["counts"]
FITTED = [name for name, data in COUNTS.items() if data["glmm"]]  # lme4 does not fit identical studies


def same(found, expected, digits=4):
    assert found == pytest.approx(expected, rel=0.5 * 10**-digits, abs=0.5 * 10**-digits)


@pytest.mark.parametrize("name", FITTED)
def test_binomial_normal_model(name):
    data, expected = COUNTS[name], COUNTS[name]["glmm"]
    for interval, key in (("wald", "wald"), ("hartung-knapp", "t")):
        found = pool.pool_proportions(data["events"], data["n"], interval=interval)
        same(found.estimate, expected["estimate"])
        same(found.se, expected["se"])
        same(found.tau2, expected["tau2"])
        same(found.i2, expected["i2"])
        same(found.q, expected["q"])
        assert found.q_p == pytest.approx(expected["q_p"], rel=1e-4)
        same(
            [found.lo, found.hi, found.prediction_lo, found.prediction_hi],
            [expected[key][end] for end in ("lo", "hi", "prediction_lo", "prediction_hi")],
        )


@pytest.mark.parametrize("name", FITTED)
def test_profile_intervals(name):
    data, expected = COUNTS[name], COUNTS[name]["glmm"]["profile"]
    found = pool.pool_proportions(data["events"], data["n"], interval="profile")
    same([found.lo, found.hi], [expected["lo"], expected["hi"]])
    same([math.sqrt(found.tau2_lo), math.sqrt(found.tau2_hi)], [expected["tau_lo"], expected["tau_hi"]])


@pytest.mark.parametrize("name", FITTED)
def test_metafors_default_quadrature_is_close(name):
    """Seven points, rma.glmm's default, agree to three digits."""
    data, expected = COUNTS[name], COUNTS[name]["glmm"]["default_nAGQ"]
    found = pool_glmm.fit(data["events"], data["n"])
    assert found.mu == pytest.approx(expected["estimate"], rel=1e-3)
    assert found.tau**2 == pytest.approx(expected["tau2"], rel=3e-3, abs=1e-6)


def check_reml(found_by, expected):
    for interval, key in (("wald", "wald"), ("hartung-knapp", "hartung_knapp")):
        found = found_by(interval)
        same(found.estimate, expected["estimate"])
        same(found.tau2, expected["tau2"])
        same(found.i2, expected["i2"])
        same(found.q, expected["q"])
        assert found.q_p == pytest.approx(expected["q_p"], rel=1e-4, abs=1e-12)
        same(found.tau2_lo, expected["tau2_lo"])
        if expected["tau2_hi"] < 100:  # metafor stops looking there
            same(found.tau2_hi, expected["tau2_hi"])
        same(found.se, expected[key].get("se", expected["se"]))
        same(
            [found.lo, found.hi, found.prediction_lo, found.prediction_hi],
            [expected[key][end] for end in ("lo", "hi", "prediction_lo", "prediction_hi")],
        )


@pytest.mark.parametrize("name", [name for name in COUNTS if name != "identical"])
def test_inverse_variance_of_proportions(name):
    data = COUNTS[name]
    check_reml(
        lambda interval: pool.pool_proportions(data["events"], data["n"], method="reml", interval=interval), data["reml"]
    )


@pytest.mark.parametrize("name", list(REFERENCE["scaled"]))
def test_inverse_variance_of_values(name):
    data = REFERENCE["scaled"][name]
    check_reml(lambda interval: pool.pool_values(data["y"], data["v"], scale="cloglog", interval=interval), data["reml"])


def test_identical_studies_have_no_heterogeneity():
    data, expected = COUNTS["identical"], COUNTS["identical"]["reml"]
    for method in ("glmm", "reml"):
        found = pool.pool_proportions(data["events"], data["n"], method=method, interval="wald")
        assert found.tau2 == 0
        assert found.q == pytest.approx(0, abs=1e-12)
        same([found.estimate, found.se, found.lo, found.hi], [expected["estimate"], expected["se"], *list(expected["wald"].values())[:2]])
    assert expected["hartung_knapp"]["se"] == 0  # no width in metafor either: Wald's interval is given, and said
    found = pool.pool_proportions(data["events"], data["n"], method="reml")
    same([found.lo, found.hi], [expected["wald"]["lo"], expected["wald"]["hi"]])
    assert any("no width" in note for note in found.notes)


def test_survival_on_its_scale():
    """The working values of survival without interval are those that the R script made."""
    data = REFERENCE["scaled"]["survival_36_months"]
    marks = [pool_variance.landmark(s, n, None, None, "cloglog") for s, n in zip(data["value"], data["n"], strict=True)]
    assert np.allclose([m.y for m in marks], data["y"])
    assert np.allclose([m.v for m in marks], data["v"])


def has_metafor():
    if shutil.which("Rscript") is None:
        return False
    asked = ["Rscript", "-e", "stopifnot(requireNamespace('metafor'), requireNamespace('lme4'))"]
    return subprocess.run(asked, capture_output=True, check=False, timeout=60).returncode == 0


def flat(value, place=()):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flat(inner, (*place, key))
    else:
        yield place, value


@pytest.mark.slow
def test_the_recorded_values_come_from_the_script():
    if not has_metafor():
        pytest.skip("R with metafor and lme4 is not installed; the recorded values were used")
    done = subprocess.run(
        ["Rscript", str(HERE / "metafor.R")], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    again = dict(flat(json.loads(done.stdout)))
    recorded = dict(flat(REFERENCE))
    assert set(again) == set(recorded)
    for place, value in recorded.items():
        if isinstance(value, int | float | list) and value is not None:
            assert again[place] == pytest.approx(value, rel=1e-4, abs=1e-5, nan_ok=True), place
