"""Is the review's answer a fair ranking of what the catalog lists, the same again, and honest about what it rests on?"""

import numpy as np
import pytest

from remission.base.errors import UsageError
from remission.decide import questions, rank, render
from remission.decide.value import evppi_groups, parameter_groups
from remission.engine import load_draws
from remission.report.answer import of_population, paragraph
from remission.report.answer_page import chosen, picture, view

EIGHT = {"younger-ph-negative", "younger-high-risk", "ph-like", "older-ph-negative", "very-old-ph-negative", "ph-positive-younger",
         "ph-positive-older", "ikzf1plus-ph-positive"}


@pytest.fixture(scope="module")
def draws():
    return load_draws("prior", 30, 3)


@pytest.fixture(scope="module")
def answer(draws):
    return rank(draws, 3, 40, ("older-ph-negative", "ph-positive-older"))


def test_every_population_of_the_review_has_a_list():
    assert {name for question in questions().questions for name in question.populations} == EIGHT


@pytest.mark.parametrize("item", [item for question in questions().questions for item in question.ranked], ids=lambda item: item.label)
def test_every_placement_is_a_regimen_that_keeps_every_rule(item):
    plan = render(item.value())
    given = {give.drug for phase in plan.phases for give in phase.give}
    assert ("blinatumomab" in given) == (item.value().all_cycles > 0)


def test_ranks_and_probabilities_hang_together(answer):
    for item in answer:
        rows = item["ranking"]
        assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
        assert [row["expected"] for row in rows] == sorted((row["expected"] for row in rows), reverse=True)
        assert sum(row["probability_best"] for row in rows) == pytest.approx(1.0, abs=0.002)
        assert item["lead"]["over"] == rows[1]["id"]
        assert item["lead"]["lo90"] <= item["lead"]["median"] <= item["lead"]["hi90"]
        without = next(row for row in rows if not row["blinatumomab"])
        assert item["without"]["over"] == without["id"] if rows[0]["blinatumomab"] else item["without"] is None
        assert item["information"]["evpi"] >= max(group["evppi"] for group in item["information"]["groups"]) - 0.02
        assert item["command"] == f"remission position --population {item['population']}"
        for row in rows:
            assert row["nearest"]["regimen"]
            assert 0 <= row["measures"]["severe toxicity"]["lo90"] <= row["measures"]["severe toxicity"]["hi90"] <= 1


def test_the_same_again_whatever_the_threads(draws, answer):
    again = rank(draws, 3, 40, ("older-ph-negative",), threads=1)
    assert again == [answer[0]]
    assert rank(draws, 4, 40, ("older-ph-negative",), threads=2) != again


def test_what_is_kept_between_populations_changes_nothing(draws):
    rng = np.random.default_rng(1)
    first, second = (rng.normal(size=(len(draws), 3)) for _ in range(2))
    kept = {}
    evppi_groups(first, draws, parameter_groups(), 1, kept)
    assert kept
    assert evppi_groups(second, draws, parameter_groups(), 1, kept) == evppi_groups(second, draws, parameter_groups(), 1)


def test_one_draw_is_refused():
    with pytest.raises(UsageError, match="how sure"):
        rank(load_draws("prior", 1, 1), 1, 10)


def test_words_say_what_it_rests_on_and_that_it_is_a_model(answer):
    text = paragraph(answer)
    assert all(item["name"] in text for item in answer)
    assert "what a model says of virtual patients" in text
    assert "priors" in text
    fitted = paragraph([{**item, "prior": False, "posterior": "2099.1"} for item in answer])
    assert "posterior 2099.1" in fitted
    assert "priors" not in fitted
    for item in answer:
        said = of_population(item)
        assert item["ranking"][0]["label"] in said
        assert item["ranking"][0]["nearest"]["regimen"] in said


def test_words_follow_the_numbers(answer):
    item = answer[0]
    group = {"group": "growth", "evppi": 0.02, "floor": 0.0, "told": True, "study": "how fast it grows"}
    row = {"parameter": "growth", "about": "net growth", "group": "growth", "third": "upper", "instead": "x", "label": "another",
           "gain": 0.03}
    told = {**item, "information": {"evpi": 0.03, "groups": [group]}, "overturn": [row], "without": None}
    text = paragraph([told])
    assert "growth (1 of 1 populations)" in text
    assert "how fast it grows" in text
    assert "in favour of 'another', if 'net growth' (growth, growth) is high, by 3.0 points" in text
    assert "the first has no blinatumomab" in text
    quiet = paragraph([{**told, "information": {"evpi": 0.0, "groups": []}, "overturn": []}])
    assert "No group of parameters stands out" in quiet
    assert "No single parameter" in quiet


def test_the_picture_shows_the_first_and_the_best_without_blinatumomab(answer):
    for item in answer:
        rows = chosen(item)
        assert rows[0]["rank"] == 1
        assert any(not row["blinatumomab"] for row in rows)
        drawn = picture(item)
        assert "<title" in drawn
        assert "<desc" in drawn
    assert view([]) is None
    hostile = {**answer[0], "title": "<script>alert(1)</script>"}
    assert "<script>" not in picture(hostile)
