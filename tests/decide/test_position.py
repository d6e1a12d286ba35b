"""Does the search find what a full look finds, keep its limits, and give the same answer again?"""

import json
from dataclasses import replace

import numpy as np
import pytest
from tests.sample import draws, population

from remission.base.errors import EmptySelection, UsageError
from remission.decide import Bounds, Limits, Stage, disease_of, position
from remission.decide.placements import placements
from remission.decide.search import Aims, look, search
from remission.decide.value import layers, parameter_groups

SMALL = Limits(max_cycles=1, max_chemotherapy="none")
STAGES = (Stage(30, 4), Stage(40, 8))


@pytest.fixture(scope="module")
def result():
    return position(population("a041703"), draws(20), 60, 1, limits=SMALL, stages=STAGES)


def test_the_promised_parts_are_there(result):
    assert set(result) >= {
        "placements",
        "front",
        "best",
        "dimensions",
        "value_of_information",
        "overturn",
        "search",
        "limits",
        "provenance",
    }
    json.dumps(result, allow_nan=False)
    row = result["placements"][0]
    assert set(row) >= {
        "id",
        "title",
        "rank",
        "published",
        "on_front",
        "placement",
        "measures",
        "probability_best",
        "nearest",
    }
    assert any(row["published"] for row in result["placements"])
    assert all(row["nearest"]["changes"] is not None for row in result["placements"] if not row["published"])


def test_probabilities_sum_to_one(result):
    for name in result["best"]:
        assert sum(row["probability_best"][name] for row in result["placements"]) == pytest.approx(1.0)
    for item in result["dimensions"]:
        assert sum(level["probability"] for level in item["levels"]) == pytest.approx(1.0)


def test_ranks_follow_the_expected_endpoint(result):
    expected = [row["expected"][result["endpoint"]] for row in result["placements"]]
    assert expected == sorted(expected, reverse=True)
    assert result["best"][result["endpoint"]]["id"] == result["placements"][0]["id"]
    assert [row["rank"] for row in result["placements"]] == list(range(1, len(expected) + 1))


def test_nothing_on_the_front_is_beaten(result):
    """At the declared resolution and within the loss that is allowed."""
    step = result["resolution"]
    names = {"EFS@36mo": (1, step["EFS"]), "OS@36mo": (1, step["OS"]), "severe toxicity@36mo": (-1, step["severe toxicity"]),
             "care days": (-1, step["care days"])}  # fmt: skip
    assert [aim["name"] for aim in result["aims"]] == list(names)
    front = [row for row in result["placements"] if row["on_front"]]
    assert front
    for row in front:
        for other in front:
            clearly = [
                sign * (other["measures"][name]["median"] - row["measures"][name]["median"]) > 2.5 * size
                for name, (sign, size) in names.items()
            ]
            assert not all(clearly), (row["id"], other["id"])


def test_groups_are_the_headings_of_the_parameters(result):
    told = {item["group"] for item in result["value_of_information"]["EFS@36mo"]["groups"]}
    assert told <= set(parameter_groups())
    assert {"blinatumomab", "growth"} <= told
    assert all(item["study"] for item in result["value_of_information"]["EFS@36mo"]["groups"])
    for found in result["value_of_information"].values():
        assert 0 <= found["evpi"] <= found["evpi_with_simulation_error"] + 1e-9


def test_the_same_seed_gives_the_same_answer(result):
    again = position(population("a041703"), draws(20), 60, 1, limits=SMALL, stages=STAGES)
    assert {**again, "provenance": None} == {**result, "provenance": None}


def test_the_first_look_misses_nothing_that_a_full_look_finds():
    """Stages with the same patients and draws: the front of everything lies among what the search keeps."""
    aims, stage = Aims(36.0), Stage(40, 4)
    every = placements("negative", SMALL)
    whole = look(every, population("a041703"), draws(4), 1, Bounds(), aims, stage)
    found = search(population("a041703"), draws(4), 1, SMALL, Bounds(), aims, (stage, stage))
    kept = set(found.seen.placements)
    best = {item for item, layer in zip(whole.placements, whole.layer, strict=True) if layer == 0}
    assert len(best & kept) >= 0.9 * len(best)
    top = whole.placements[int(whole.points[:, 0].argmax())]
    assert replace(top, intrathecal=8) in {replace(item, intrathecal=8) for item in found.finalists}


def test_limits_that_only_a_simulation_can_tell_are_kept():
    bounds = Bounds(max_care_days=60.0)
    found = position(population("a041703"), draws(12), 60, 1, limits=SMALL, bounds=bounds, stages=STAGES)
    front = [row for row in found["placements"] if row["on_front"]]
    assert all(row["measures"]["care days"]["median"] < 66 for row in front)
    assert found["limits"]["max_care_days"] == 60.0


def test_limits_that_nothing_keeps_are_said():
    with pytest.raises(EmptySelection):
        position(population("a041703"), draws(4), 20, 1, limits=SMALL, bounds=Bounds(max_care_days=0.0), stages=STAGES)


def test_populations_without_a_question_are_refused():
    who = population("a041703")
    with pytest.raises(UsageError):
        disease_of(who.model_copy(update={"relapsed": True}))
    with pytest.raises(UsageError):
        disease_of(who.model_copy(update={"ph": "any"}))


def test_layers_agree_with_a_slow_count():
    points = np.random.default_rng(2).integers(0, 5, size=(60, 3)).astype(float)
    front = layers(points, np.ones(3)) == 0
    slow = [not any((other >= point).all() and (other > point).any() for other in points) for point in points]
    assert front.tolist() == slow


def test_ph_positive_placements_are_searched_with_inhibitors():
    found = position(
        population("d-alba"),
        draws(10),
        30,
        1,
        limits=Limits(max_cycles=1, max_chemotherapy="none"),
        stages=(Stage(20, 3), Stage(30, 6)),
    )
    named = {row["placement"]["inhibitor"] for row in found["placements"] if row["placement"]}
    assert {"imatinib", "dasatinib", "ponatinib"} <= named
    assert "inhibitor" in {item["dimension"] for item in found["dimensions"]}
