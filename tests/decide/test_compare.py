"""Does a comparison say what it should, exactly where that is known?"""

import json

import numpy as np
import pytest
from tests.sample import draws, plan, population, regimen

from remission.base.errors import UsageError
from remission.decide import compare, parse_endpoint
from remission.decide.compare import run_regimen

PAIR = ("e1910-blinatumomab", "e1910-chemotherapy")


@pytest.fixture(scope="module")
def result():
    return compare([plan(name) for name in PAIR], population("e1910"), draws(8), 60, 1)


def test_identical_regimens_differ_by_exactly_nothing_in_every_measure():
    """Also in neurotoxicity, whose rate differs between studies: regimens that are compared count as one study."""
    twins = [plan("e1910-blinatumomab"), plan("e1910-blinatumomab").model_copy(update={"id": "twin"})]
    found = compare(twins, population("e1910"), draws(6), 50, 3)
    for pair in [*found["comparisons"], *found["secondary"]]:
        assert pair["difference"] == {"median": 0.0, "lo90": 0.0, "hi90": 0.0}, pair["endpoint"]
        assert pair["monte_carlo_se"] == pair["parameter_sd"] == 0.0
        assert pair["probability_better"] in (0.5, None)


def test_the_promised_keys_are_there(result):
    assert set(result) >= {"population", "draws", "posterior", "patients", "seed", "arms", "comparisons"}
    assert set(result["comparisons"][0]) >= {
        "a",
        "b",
        "endpoint",
        "difference",
        "probability_better",
        "monte_carlo_se",
        "parameter_sd",
    }
    assert result["comparisons"][0]["endpoint"] == "EFS"
    assert set(result["arms"][0]) >= {"regimen", "endpoint", "months", "median", "lo90", "hi90"}
    assert {"catalog_hash", "draws_hash", "plans_hash", "seed", "version", "machine"} <= set(result["provenance"])
    json.dumps(result, allow_nan=False)


def test_curves_fall_and_incidences_rise_and_add_up(result):
    for arm in result["arms"]:
        for curve in arm["curves"].values():
            assert (np.diff(curve["median"]) <= 0).all()
            assert curve["median"][0] == 1.0
        parts = [np.array(curve["median"]) for curve in arm["incidence"].values()]
        assert all((np.diff(part) >= 0).all() for part in parts)


def test_parts_of_event_free_survival_add_up_in_each_draw():
    from remission.decide.compare import first_events
    from remission.decide.measures import event_days

    h = run_regimen(plan("e1910-chemotherapy"), population("e1910"), draws(4), 80, 2).histories
    for day in (100.0, 400.0, 1000.0):
        ended = sum((days <= day).mean(axis=1) for days in first_events(h).values())
        assert ended + (event_days(h, "EFS") > day).mean(axis=1) == pytest.approx(np.ones(4))


def test_a_comparison_turned_round_changes_sign(result):
    back = compare([plan(name) for name in reversed(PAIR)], population("e1910"), draws(8), 60, 1)
    for forth, other in zip(
        [*result["comparisons"], *result["secondary"]], [*back["comparisons"], *back["secondary"]], strict=True
    ):
        assert forth["difference"]["median"] == pytest.approx(-other["difference"]["median"])
        assert forth["difference"]["lo90"] == pytest.approx(-other["difference"]["hi90"])
        if forth["probability_better"] is not None:
            assert forth["probability_better"] == pytest.approx(1 - other["probability_better"])


def test_more_patients_make_the_simulation_error_smaller_and_not_the_spread():
    few = compare([plan(name) for name in PAIR], population("e1910"), draws(30), 50, 1)["comparisons"][0]
    many = compare([plan(name) for name in PAIR], population("e1910"), draws(30), 450, 1)["comparisons"][0]
    assert many["monte_carlo_se"] == pytest.approx(few["monte_carlo_se"] / 3, rel=0.2)  # root of 450 / 50
    assert many["parameter_sd"] > 0.5 * many["monte_carlo_se"]


def test_what_is_worse_is_never_said_to_be_better():
    """Withholding treatment: worse survival, no days in hospital; the direction of each measure is kept."""
    none = regimen("  - {id: rest, length: 30 d, purpose: rest, assess: [{name: end, what: remission}]}\n", "nothing")
    found = compare([plan("e1910-blinatumomab"), none], population("e1910"), draws(6), 60, 1)
    better = {pair["endpoint"]: pair["probability_better"] for pair in [*found["comparisons"], *found["secondary"]]}
    assert better["EFS"] > 0.99
    assert better["CR"] > 0.99
    assert better["hospital days"] < 0.01
    assert better["NT3+"] < 0.1
    assert better["HSCT"] is None


def test_the_same_seed_gives_the_same_and_another_seed_another_answer(result):
    again = compare([plan(name) for name in PAIR], population("e1910"), draws(8), 60, 1)
    other = compare([plan(name) for name in PAIR], population("e1910"), draws(8), 60, 2)
    assert {**again, "provenance": None} == {**result, "provenance": None}
    assert other["comparisons"] != result["comparisons"]


def test_equal_ids_are_told_apart():
    found = compare([plan("s1318"), plan("s1318")], population("s1318"), draws(3), 20, 1)
    assert [arm["regimen"] for arm in found["arms"]] == ["s1318 (1)", "s1318 (2)"]


@pytest.mark.parametrize("text", ["EFS", "PFS@36mo", "EFS@0mo", "EFS@200mo", "efs@36", "EFS@36mo@2"])
def test_endpoints_that_cannot_be_meant_are_refused(text):
    with pytest.raises(UsageError):
        parse_endpoint(text)
