"""What was learned: coordinates of the prior, and verdicts on posteriors whose learning is known."""

from dataclasses import replace

import numpy as np
import pytest

from remission.engine import load_parameters, prior_draws
from remission.inference.validation.learned import coordinates, learned, verdict


@pytest.mark.parametrize("item", [p for p in load_parameters() if "fixed" not in p.prior], ids=lambda p: p.name)
def test_coordinates_invert_every_prior_of_the_catalog(item) -> None:
    z = np.linspace(-3, 3, 61)
    assert coordinates(item, np.asarray(item.value(z))) == pytest.approx(z, abs=2e-3)


def test_prior_draws_have_learned_nothing() -> None:
    found = learned(prior_draws(2000, 1))
    free = [item for item in found if item["verdict"] != "fixed"]
    assert len(free) > 40
    assert {item["verdict"] for item in free} == {"not learned"}
    assert not any(item["moved"] for item in free)
    assert all(0.9 < item["sd_ratio"] < 1.1 for item in free)


def test_a_narrow_and_a_moved_parameter_are_found() -> None:
    p = prior_draws(500, 1)
    parameters = {item.name: item for item in load_parameters()}
    values = p.values.copy()
    rng = np.random.default_rng(1)
    for name, centre, spread in (("growth", 0.0, 0.3), ("responders", 0.0, 0.7), ("kill_blinatumomab", 1.5, 1.0)):
        values[:, p.names.index(name)] = parameters[name].value(centre + spread * rng.standard_normal(500))
    found = {item["name"]: item for item in learned(replace(p, values=values))}
    assert found["growth"]["verdict"] == "learned"
    assert found["responders"]["verdict"] == "partly learned"
    assert found["kill_blinatumomab"]["verdict"] == "not learned"
    assert found["kill_blinatumomab"]["moved"]
    assert not found["growth"]["moved"]
    low, middle, high = found["growth"]["posterior"]
    assert low < middle < high
    assert found["growth"]["prior"][0] < low < high < found["growth"]["prior"][2]


def test_verdicts() -> None:
    assert [verdict(r) for r in (0.3, 0.6, 0.61, 0.8, 0.81, 1.2)] == ["learned"] * 2 + ["partly learned"] * 2 + [
        "not learned"
    ] * 2
