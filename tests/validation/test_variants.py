"""Structural alternatives: a variant that predicts better is found better, and one that changes nothing is the model itself."""

from dataclasses import replace

import numpy as np
import pytest
from tests.validation.invented import validation

from remission.base.errors import UsageError
from remission.engine import prior_draws
from remission.inference.validation import (
    Prior,
    Settings,
    Variant,
    available,
    compare,
    registered,
    scaling,
    setting,
    variants,
)


def test_settings_and_scalings_change_what_they_name() -> None:
    p = prior_draws(4, 1)
    set_to = setting("x", "about", growth=0.07).change(p)
    assert np.all(set_to.growth == 0.07)
    doubled = scaling("x", "about", growth=2.0).change(p)
    assert doubled.growth == pytest.approx(2 * p.growth)
    assert np.array_equal(doubled.kill_blinatumomab, p.kill_blinatumomab)


def test_a_variant_of_an_unknown_parameter_is_passed_over_and_one_without_effect_too() -> None:
    p = prior_draws(4, 1)
    known, unknown = setting("known", "", growth=0.07), setting("unknown", "", no_such_parameter=1.0)
    nothing = Variant("nothing", "", lambda draws: draws)
    assert available(p, (known, unknown, nothing)) == (known,)
    with pytest.raises(UsageError):
        unknown.change(p)
    assert {variant.name for variant in registered(p)} <= {variant.name for variant in variants.REGISTRY}
    assert "no cross-resistance" in {variant.name for variant in registered(p)}


@pytest.fixture
def scored(monkeypatch):
    """Validations whose error is that which the draws' name asks for."""

    def fake(belief, settings, trials=(), progress=None):
        shift = 0.06 if "better" in belief.full.name else 0.14 if "worse" in belief.full.name else 0.10
        found = validation(error=shift, score=shift / 2, rival=0.06)
        held = belief.leave_out({"trial-0": frozenset()}, lambda what, share: None)["trial-0"]
        assert held.draws.name == belief.full.name
        for number, row in enumerate(found["rows"]):
            row["crps"] += 0.001 * ((number * 7) % 5)
        return found

    monkeypatch.setattr(variants, "validate", fake)


def test_scores_are_compared_in_pairs_over_trials(scored) -> None:
    belief = Prior(prior_draws(3, 1))
    tried = [setting("better", "predicts better", growth=0.05), setting("worse", "predicts worse", growth=0.06)]
    found = compare(tried, belief, Settings(10, 1))
    assert [item["name"] for item in found] == ["as shipped", "better", "worse"]
    assert [item["verdict"] for item in found] == ["no clear difference", "better", "worse"]
    assert found[1]["difference"] == pytest.approx(-0.02, abs=1e-3)
    assert found[0]["difference"] == 0.0
    assert [item["refitted"] for item in found] == [True, False, False]
    own = replace(tried[0], belief=Prior(replace(belief.full, name="better")))
    assert compare([own], belief, Settings(10, 1))[1]["refitted"]


def test_only_rows_that_calibrate_are_compared(scored) -> None:
    found = compare([], Prior(prior_draws(3, 1)), Settings(10, 1))
    assert found[0]["n"] == 30
