"""Do draws come by name, from a file that is checked, with a word when they are stale?"""

import subprocess
import sys

import numpy as np
import pytest

from remission.base.errors import InvalidFile, NotFound, UsageError
from remission.engine import load_parameters, prior_draws
from remission.engine import posterior as module
from remission.engine.posterior import DRAWS, MANIFEST, chosen, hashes, load_draws, released
from remission.inference.calibration.release import yaml_text

FREE = [item.name for item in load_parameters() if "fixed" not in item.prior]


def write(folder, *, name="test.1", draws=40, drop=(), extra=(), change=None, body=None):
    """A posterior made from prior draws; `drop` and `extra` change its columns, `change` its manifest."""
    source = prior_draws(draws, 9)
    columns = [n for n in FREE if n not in drop]
    values = source.values[:, [source.names.index(n) for n in columns]]
    values = np.concatenate([values, np.ones((draws, len(extra)))], axis=1)
    lines = "\n".join(",".join(f"{v:.9g}" for v in row) for row in values)
    fixed = {item.name: float(item.value(0.0)) for item in load_parameters() if "fixed" in item.prior}
    manifest = {
        "name": name, "made": "2026-01-01", "version": "0", "draws": draws, "seed": 1, "fixed": fixed, "hashes": dict(hashes()),
        "evidence": {"digest": "0"}, "settings": {"patients": 1}, "seconds": {"posterior": 1.0}, "summary": {"targets": 1},
        **(change or {}),
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).write_text(yaml_text(manifest))
    (folder / DRAWS).write_text(",".join([*columns, *extra]) + "\n" + (body if body is not None else lines) + "\n")
    module._read.cache_clear()
    return folder


def test_prior_draws_come_by_name():
    assert load_draws("prior", 7, 3).digest == prior_draws(7, 3).digest


def test_the_default_is_the_newest_released_posterior_or_the_prior(tmp_path, monkeypatch):
    monkeypatch.setattr(module.catalog, "root", lambda: tmp_path)
    assert released() == ()
    for name in ("2026.9", "2026.10", "2025.2"):
        write(tmp_path / "posteriors" / name, name=name)
    assert released() == ("2025.2", "2026.9", "2026.10")
    monkeypatch.setattr(module, "hashes", lambda: dict.fromkeys(module._PARTS, ""))
    assert load_draws(None, 5).name == "2026.10"
    assert load_draws("2025.2", 5).name == "2025.2"


def test_without_a_release_the_default_is_the_prior(tmp_path, monkeypatch):
    (tmp_path / "posteriors").mkdir()
    monkeypatch.setattr(module, "released", lambda: ())
    assert load_draws(None, 5, 2).digest == prior_draws(5, 2).digest


def test_draws_are_those_of_the_file(tmp_path):
    folder = write(tmp_path / "p")
    found = load_draws(str(folder), 40, 1)
    assert found.names == tuple(item.name for item in load_parameters())
    assert found.values == pytest.approx(prior_draws(40, 9).values, rel=1e-8)
    assert (found.name, found.numbers, found.stale) == ("test.1", tuple(range(40)), ())


def test_fewer_draws_are_chosen_without_repetition_by_the_seed(tmp_path):
    folder = str(write(tmp_path / "p"))
    some, again, others = load_draws(folder, 12, 1), load_draws(folder, 12, 1), load_draws(folder, 12, 2)
    assert some.digest == again.digest != others.digest
    assert len(set(some.numbers)) == 12
    whole = load_draws(folder, 40)
    assert np.array_equal(some.values, whole.values[list(some.numbers)])


def test_more_draws_go_round_again_under_new_numbers(tmp_path):
    found = load_draws(str(write(tmp_path / "p")), 100, 1)
    assert len(set(found.numbers)) == 100
    assert np.array_equal(found.values[:40], found.values[40:80])
    assert [n % 40 for n in found.numbers[80:]] == sorted(n % 40 for n in found.numbers[80:])


def test_every_row_is_chosen_equally_often():
    counts = np.bincount(np.concatenate([chosen(20, 5, seed) for seed in range(400)]), minlength=20)
    assert counts.sum() == 2000
    assert counts.min() > 60
    assert counts.max() < 145


@pytest.mark.parametrize(("part", "word"), [("program", "program"), ("parameters", "priors"), ("regimens", "regimens"),
                                            ("populations", "populations")])  # fmt: skip
def test_a_change_since_then_is_said(tmp_path, part, word):
    folder = write(tmp_path / "p", change={"hashes": {**hashes(), part: "0" * 16}})
    (said,) = load_draws(str(folder), 5).stale
    assert word in said
    assert "test.1" in said


def test_a_new_parameter_is_drawn_from_its_prior_and_said(tmp_path):
    new = FREE[3]
    found = load_draws(str(write(tmp_path / "p", drop=(new,))), 40, 1)
    assert any(new in sentence and "prior" in sentence for sentence in found.stale)
    column = getattr(found, new)[:, 0]
    assert len(np.unique(column)) == 40
    assert np.isfinite(column).all()


def test_a_parameter_that_is_gone_is_left_out_and_said(tmp_path):
    found = load_draws(str(write(tmp_path / "p", extra=("no_such_parameter",))), 40, 1)
    assert "no_such_parameter" not in found.names
    assert any("no_such_parameter" in sentence for sentence in found.stale)


def test_the_hash_of_the_program_is_of_the_simulator_alone():
    named = hashes()
    assert set(named) == set(module._PARTS)
    assert all(len(value) == 16 for value in named.values())


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(NotFound) as caught:
        load_draws("priors")
    assert caught.value.near == "prior"
    with pytest.raises(UsageError):
        load_draws("prior", 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"body": "1,2,3"},
        {"body": "x" + "\n1" * 39},
        {"body": "\n".join([",".join(["nan"] * len(FREE))] * 40)},
        {"body": "\n".join([",".join(["1e999"] * len(FREE))] * 40)},
        {"change": {"draws": 39}},
        {"change": {"draws": -1}},
        {"change": {"name": "../../etc"}},
        {"change": {"unknown": 1}},
        {"extra": (FREE[0],)},
    ],
)
def test_a_broken_posterior_is_refused(tmp_path, wrong):
    with pytest.raises(InvalidFile):
        load_draws(str(write(tmp_path / "p", **wrong)), 5)


def test_missing_draws_and_binary_draws_are_refused(tmp_path):
    folder = write(tmp_path / "p")
    (folder / DRAWS).write_bytes(b"\xff\x00\x01")
    module._read.cache_clear()
    with pytest.raises(InvalidFile):
        load_draws(str(folder), 5)
    (folder / DRAWS).unlink()
    module._read.cache_clear()
    with pytest.raises(NotFound):
        load_draws(str(folder), 5)


def test_a_posterior_needs_none_of_the_libraries_that_made_it(tmp_path):
    folder = write(tmp_path / "p")
    code = (
        "import sys; from remission.engine.posterior import load_draws; "
        f"assert len(load_draws({str(folder)!r}, 3)) == 3; "
        "assert not {'jax', 'numpyro', 'arviz', 'xarray', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
