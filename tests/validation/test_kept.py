"""Draws of trials left out, kept in a file: read back as written, used only where they fit, hostile files refused."""

from dataclasses import replace

import numpy as np
import pytest

from remission.base.errors import CannotWrite, InvalidFile, RemissionError
from remission.engine import prior_draws
from remission.inference.validation import Held, Prior
from remission.inference.validation.kept import Kept, keep, read

SETS = {"a": frozenset({"a/main/1"}), "b": frozenset({"b/main/1", "a/main/1"})}
P = replace(prior_draws(30, 1), name="2026.1")


def silent(what: str, share: float) -> None:
    pass


def held(first: int) -> Held:
    return Held(replace(P.part(first, first + 10), name="without"), None, "refit", None, 10.0)


@pytest.fixture
def place(tmp_path):
    weighted = Held(P, np.linspace(1, 2, 30) / 45, "re-weighted", 0.41, 28.2)
    keep({"a": held(0), "b": weighted}, SETS, tmp_path / "without.npz")
    return tmp_path / "without.npz"


def test_what_is_read_is_what_was_kept(place) -> None:
    found = read(place)
    assert {trial: rows for trial, (rows, _) in found.items()} == SETS
    assert np.allclose(found["a"][1].draws.values, P.values[:10], rtol=1e-6, atol=0)
    assert found["a"][1].draws.numbers == P.numbers[:10]
    assert found["a"][1].how == "refit"
    assert found["b"][1].weights == pytest.approx(np.linspace(1, 2, 30) / 45)
    assert found["b"][1].pareto_k == 0.41


def test_the_same_draws_give_the_same_bytes(place, tmp_path) -> None:
    keep({trial: item for trial, (_, item) in read(place).items()}, SETS, tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == place.read_bytes()


def test_a_trial_is_taken_only_if_the_same_rows_are_left_out(place) -> None:
    other = Prior(replace(P, name="asked instead"))
    belief = Kept(P, place, lambda: other)
    assert belief.leave_out({"a": SETS["a"]}, silent)["a"].how == "refit"
    more = {"a": SETS["a"] | {"c/main/9"}, "c": frozenset({"c/main/9"}), "b": SETS["b"]}
    found = belief.leave_out(more, silent)
    assert found["a"].draws.name == found["c"].draws.name == "asked instead"
    assert found["b"].how == "re-weighted"


def test_other_parameters_than_todays_are_not_used(place) -> None:
    fewer = replace(P, names=P.names[:-1], values=P.values[:, :-1])
    with pytest.raises(RemissionError) as caught:
        Kept(fewer, place).leave_out({"a": SETS["a"]}, silent)
    assert "a" in caught.value.what
    assert caught.value.fix


@pytest.mark.parametrize("damage", ["cut", "text", "missing", "shape"])
def test_damaged_files_are_refused(place, damage: str) -> None:
    whole = place.read_bytes()
    if damage == "cut":
        place.write_bytes(whole[: len(whole) // 2])
    elif damage == "text":
        place.write_text("not a file of draws")
    elif damage == "missing":
        place.unlink()
    else:
        with np.load(place) as found:
            arrays = {name: found[name] for name in found.files}
        np.savez(place, **{**arrays, "a.values": arrays["a.values"][:, :-1]})
    with pytest.raises(InvalidFile):
        read(place)


def test_a_place_that_cannot_be_written_is_told(tmp_path) -> None:
    with pytest.raises(CannotWrite):
        keep({"a": held(0)}, SETS, tmp_path / "no" / "such" / "without.npz")
