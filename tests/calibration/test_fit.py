"""Does a whole fit run, keep its stages, end with the same bytes after an interruption, and write what others can read?"""

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("jax")
pytest.importorskip("numpyro")
pytest.importorskip("arviz")
pytest.importorskip("iterative_ensemble_smoother")

from remission.base.errors import RemissionError, UsageError
from remission.doors.calibrate import command
from remission.engine.posterior import DIAGNOSTICS, DRAWS, MANIFEST, load_draws, read_manifest
from remission.inference import calibration
from remission.inference.calibration import (
    Readings,
    Settings,
    fit,
    load_fit,
    load_targets,
    refit,
    release,
    renew,
    to_arviz,
)
from remission.inference.calibration.checks import calibrate_by_simulation
from remission.inference.calibration.diagnostics import complaints, verdict
from remission.inference.calibration.likelihood import data_of
from remission.inference.calibration.release import draws_text, stale_evidence

TINY = Settings(
    virtual=40, patients=40, prior_runs=150, ensemble=40, assimilations=2, near_runs=60, posterior_runs=60, hidden=8, epochs=5,
    networks=1, chains=2, warmup=50, samples=100, checked=40, checked_patients=60, released=30,
)  # fmt: skip


@pytest.fixture(scope="module")
def targets():
    return load_targets(["s1318"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fit") / "whole"


@pytest.fixture(scope="module")
def whole(targets, folder):
    told = []
    found = fit(targets, TINY, folder, lambda what, share: told.append((what, share)), threads=2)
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    return found


class Stopped(Exception):
    pass


@pytest.mark.parametrize("stage", ["ensemble smoother", "first posterior", "check by the simulator"])
def test_an_interrupted_fit_ends_with_the_same_bytes(targets, whole, tmp_path, stage):
    def stop(what, share):
        if what == stage and share > 0:
            raise Stopped

    with pytest.raises(Stopped):
        fit(targets, TINY, tmp_path / "part", stop, threads=1)
    pieces = sorted((tmp_path / "part").glob("*.npz"))
    pieces[-1].write_bytes(pieces[-1].read_bytes()[:100])  # a disk that lost the end of a file
    again = fit(targets, TINY, tmp_path / "part", resume=True, threads=2)
    assert draws_text(again) == draws_text(whole)
    assert again.summary == whole.summary
    assert again.parameters == whole.parameters


def test_a_folder_is_not_used_twice_by_accident(targets, whole, folder):
    with pytest.raises(UsageError, match="holds a fit already"):
        fit(targets, TINY, folder)
    with pytest.raises(UsageError, match="other inputs"):
        fit(targets, Settings(seed=2), folder, resume=True)


def test_a_finished_fit_is_read_without_running_anything(targets, whole, folder, monkeypatch):
    import sys

    def never(*_, **__):
        raise AssertionError("a finished stage ran again")

    module = sys.modules["remission.inference.calibration.fit"]
    for name in ("readings", "train", "sample"):
        monkeypatch.setattr(module, name, never)
    found = load_fit(folder, targets, TINY)
    assert np.array_equal(found.z, whole.z)


def test_the_draws_lie_in_their_space(whole):
    draws = whole.draws("x")
    assert draws.name == "x"
    assert draws.values.shape == (30, len(whole.space.parameters))
    assert np.isfinite(draws.values).all()
    assert set(np.unique(whole.kept)) <= set(range(whole.chains.z.shape[0] * whole.chains.z.shape[1]))


def test_every_parameter_and_every_target_is_reported(whole, targets):
    assert [row["parameter"] for row in whole.parameters] == list(whole.space.names)
    assert [row["row"] for row in whole.rows] == list(targets.keys)
    for row in whole.parameters:
        assert row["verdict"] == verdict(row["ratio"])
        assert (
            row["prior"]["lo90"] <= row["prior"]["median"] <= row["prior"]["hi90"]
            or row["prior"]["lo90"] > row["prior"]["hi90"]
        )
    assert set(whole.seconds) == {"rows in common", "prior runs", "ensemble smoother", "runs near it", "first emulator", "first posterior",
                                  "runs in it", "emulator", "posterior", "check by the simulator"}  # fmt: skip


def test_verdicts_and_complaints():
    assert [verdict(r) for r in (0.59, 0.6, 0.8, 0.81)] == [
        "learned",
        "partly learned",
        "partly learned",
        "not learned",
    ]
    good = {
        "rhat_max": 1.005,
        "ess_bulk_min": 900,
        "ess_tail_min": 800,
        "divergences": 0,
        "pareto_k": 0.4,
        "effective_draws": 500,
        "weighted_by": "simulator",
    }
    assert complaints(good) == []
    assert complaints({**good, "effective_draws": 20, "weighted_by": "emulator"}) == []
    for bad in (
        {"rhat_max": 1.02},
        {"ess_tail_min": 100},
        {"divergences": 3},
        {"pareto_k": 0.8},
        {"effective_draws": 20},
    ):
        assert len(complaints({**good, **bad})) == 1


def test_a_refit_without_some_rows_goes_back_towards_the_prior(whole):
    nothing, everything = refit(whole, [[], ["s1318"]], chains=1, samples=400)
    prior = whole.space.prior(4000, 1, 77)
    named = whole.space.draws(prior, range(4000))
    for name in whole.space.names:
        values = getattr(everything, name)[:, 0]
        low, high = np.quantile(getattr(named, name)[:, 0], [0.25, 0.75])
        assert 0.25 < np.mean((values > low) & (values < high)) < 0.75
    assert nothing.name == "refit"
    assert "s1318" in everything.name


def test_a_release_is_read_back_by_the_engine(whole, tmp_path):
    place = release(whole, tmp_path / "2026.9", "2026.9", {"agreement": {"difference_max": 0.1}})
    assert sorted(path.name for path in place.iterdir()) == sorted([MANIFEST, DRAWS, DIAGNOSTICS])
    found = load_draws(str(place), TINY.released)
    assert found.values == pytest.approx(whole.draws().values, rel=1e-8)
    assert (found.name, found.stale) == ("2026.9", ())
    manifest = read_manifest(place)
    assert manifest.evidence["results"] == len(whole.targets)
    assert manifest.settings == TINY.to_dict()
    assert stale_evidence(str(place)) != ()  # one trial is not all the evidence
    with pytest.raises(UsageError):
        release(whole, tmp_path / "x", "../x")


def test_hashes_are_renewed_only_where_the_simulator_says_the_same(whole, tmp_path, monkeypatch):
    import sys

    engine = sys.modules["remission.engine.posterior"]
    place = release(whole, tmp_path / "2026.9", "2026.9")
    monkeypatch.setattr(engine, "hashes", lambda: dict.fromkeys(engine._PARTS, "0"))
    monkeypatch.setattr(sys.modules["remission.inference.calibration.release"], "hashes", engine.hashes)
    before = load_draws(str(place), 5)
    assert len(before.stale) == len(engine._PARTS)
    assert renew(str(place))
    after = load_draws(str(place), 5)
    assert after.stale == ()
    assert after.digest == before.digest

    text = (place / DRAWS).read_text()
    head, first, rest = text.split("\n", 2)
    moved = ",".join(f"{float(value) * 1.2:.9g}" for value in first.split(","))
    (place / DRAWS).write_text("\n".join([head, moved, rest]))
    engine._read.cache_clear()
    assert not renew(str(place))


def test_arviz_reads_the_fit_and_the_release(whole, tmp_path):
    data = to_arviz(whole)
    assert set(whole.space.names) == set(data.posterior.data_vars)
    assert data.posterior.sizes["chain"] == TINY.chains
    assert data.log_likelihood["targets"].shape == (TINY.chains, TINY.samples, len(whole.targets))
    calibration.write_netcdf(whole, tmp_path / "chains.nc")
    assert (tmp_path / "chains.nc").stat().st_size > 1000
    place = release(whole, tmp_path / "p", "p")
    draws = to_arviz(str(place))
    assert draws.posterior[whole.space.names[0]].shape == (1, TINY.released)


def test_the_method_can_be_checked_on_the_fit(whole):
    found = calibrate_by_simulation(whole, sets=2, patients=60)
    assert {"p_min", "outside_share", "coverage90", "parameters"} <= set(found)
    assert len(found["parameters"]) == len(whole.space.names)


def test_the_second_method_samples_a_known_posterior(whole, monkeypatch):
    """emcee on a simulator that is a plain formula: two parameters, a row each, closed form."""
    pytest.importorskip("emcee")
    import sys

    checks = sys.modules["remission.inference.calibration.checks"]
    small = checks.reduced_space(whole.space, whole.space.names[:2])

    def formula(targets, draws, *_):
        z = np.log(draws.values[:, [draws.names.index(n) for n in small.names]] / centre) / spread
        share = np.full((len(draws), len(targets)), 0.5)
        share[:, :2] = 1 / (1 + np.exp(-z))
        return Readings(share, np.full(share.shape, 1e9), np.full(share.shape, 1e9))

    items = [item for item in small.parameters if item.name in small.names]
    assert all("lognormal" in item.prior for item in items)
    centre, spread = (np.array([item.prior["lognormal"][k] for item in items]) for k in (0, 1))
    monkeypatch.setattr(checks, "readings", formula)
    size = np.full(len(whole.targets), 400.0)
    used = np.arange(len(whole.targets)) < 2
    data = data_of(whole.targets, used)._replace(yes=0.6 * size, size=size, precision=np.diag(used.astype(float)))
    start = np.random.default_rng(1).normal(0.3, 0.1, size=(16, 2))
    found, _ = checks._emcee(small, whole.targets, data, start, 1, 1500, 1, lambda share: None, None)
    precision = 1 + 400 * 0.24
    assert found.mean(axis=0) == pytest.approx(np.full(2, (precision - 1) / precision * np.log(1.5)), abs=0.02)
    assert found.std(axis=0) == pytest.approx(np.full(2, precision**-0.5), rel=0.12)


def test_two_methods_are_compared_on_data_that_the_reduced_model_explains(whole):
    pytest.importorskip("emcee")
    found = calibration.agree(whole, ["kill_blinatumomab", "responders"], runs=120, patients=60, walkers=8, steps=12)
    assert {row["parameter"] for row in found["parameters"]} == {"kill_blinatumomab", "responders"}
    assert found["difference_max"] == max(abs(row["difference"]) for row in found["parameters"])
    for row in found["parameters"]:
        assert all(np.isfinite(row[method][value]) for method in ("nuts", "emcee") for value in ("mean", "sd"))


def test_the_command_fits_and_writes(tmp_path, monkeypatch):
    monkeypatch.setattr(calibration, "FAST", TINY)
    others = [option for trial in load_targets().trials if trial != "s1318" for option in ("--without", trial)]
    out = tmp_path / "out"
    result = CliRunner().invoke(
        command, ["--out", str(out), "--fast", "--draws", "20", "--json", *others], catch_exceptions=False
    )
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert set(told) == {"summary", "complaints", "parameters", "targets", "checks", "seconds", "places", "notice"}
    assert len(load_draws(str(out / "posterior"), 20)) == 20
    with pytest.raises(UsageError):
        CliRunner().invoke(command, ["--out", str(out), "--fast", *others], catch_exceptions=False)
    shutil.rmtree(out)


def test_a_small_fit_cannot_be_released(tmp_path):
    with pytest.raises(RemissionError, match="cannot be released"):
        CliRunner().invoke(command, ["--out", str(tmp_path), "--fast", "--release", "x"], catch_exceptions=False)


def test_settings_must_be_positive():
    with pytest.raises(UsageError):
        Settings(patients=0)
