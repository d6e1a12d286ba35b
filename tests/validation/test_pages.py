"""The validation page and the model card: whole, safe, honest, the same every time. All results here are invented."""

import re

import pytest
from tests.report.test_page import Reader, read
from tests.validation.invented import validation

from remission.engine import prior_draws
from remission.inference.validation.learned import learned
from remission.report.model_card import model_card_part, render_model_card
from remission.report.validation import as_text, render_validation

HOSTILE = "<script>alert('x')</script> & \"quoted\""


def card(**changes) -> dict:
    parameters = learned(prior_draws(200, 1))
    for number, item in enumerate(parameters):
        if item["verdict"] != "fixed" and number % 7 == 0:
            item.update(verdict="learned", sd_ratio=0.3, z=[0.5, 1.1, 1.6], moved=True)
    return {
        "validation": validation(error=0.03, score=0.03, rival=0.05, count=70),
        "evidence": {
            "trials": 14,
            "trial_names": ["one"],
            "comparators": 40,
            "results": 600,
            "roles": {"calibrate": 80, "validate": 11},
            "families": {},
            "sources": 150,
            "read_as": {"abstract": 100},
            "cut_off": "2023-08-17",
            "conflicts": 70,
        },
        "parameters": parameters,
        "fitted": True,
        "drivers": [],
        "driver_table": {
            "families": ["remission"],
            "rows": [{"name": "growth", "shares": {"remission": 0.4}}],
            "together": 0.8,
            "outputs": 70,
        },
        "overturned": {
            "conclusions": [
                {
                    "id": "a > b",
                    "says": "a beats b",
                    "population": "p",
                    "endpoint": "OS",
                    "months": 36.0,
                    "median": 0.1,
                    "lo90": 0.0,
                    "hi90": 0.2,
                    "ahead": 0.95,
                    "error": 0.01,
                }
            ],
            "assumptions": [
                {
                    "parameter": "growth",
                    "about": "",
                    "basis": "assumption",
                    "side": "low",
                    "value": 0.02,
                    "how": "5 %",
                    "effects": [
                        {
                            "id": "a > b",
                            "median": -0.1,
                            "lo90": -0.2,
                            "hi90": 0.0,
                            "ahead": 0.1,
                            "error": 0.01,
                            "verdict": "overturned",
                        }
                    ],
                }
            ],
            "draws": 10,
            "patients": 100,
            "seed": 1,
            "posterior": "prior",
        },
        "variants": [
            {
                "name": "as shipped",
                "about": "the model itself",
                "refitted": True,
                "n": 70,
                "crps": 0.03,
                "coverage50": 0.5,
                "coverage90": 0.9,
                "mean_absolute_error": 0.05,
                "bias_by_endpoint": {},
                "difference": 0.0,
                "difference_se": 0.0,
                "verdict": "no clear difference",
            },
            {
                "name": "fading",
                "about": "less each cycle",
                "refitted": False,
                "n": 70,
                "crps": 0.04,
                "coverage50": 0.5,
                "coverage90": 0.9,
                "mean_absolute_error": 0.05,
                "bias_by_endpoint": {},
                "difference": 0.01,
                "difference_se": 0.001,
                "verdict": "worse",
            },
        ],
        "diagnostics": {"rhat": 1.003, "nested": {"not": "shown"}},
        **changes,
    }


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    result = validation(error=0.03, score=0.03, rival=0.05, count=70)
    return {"validation": render_validation(result), "card": render_model_card(card())}


@pytest.mark.parametrize("name", ["validation", "card"])
def test_one_file_that_asks_the_network_for_nothing(pages: dict[str, str], name: str) -> None:
    page, reader = pages[name], read(pages[name])
    assert "http" not in page
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)
    for tag, attributes in reader.elements:
        assert tag not in {"script", "link", "iframe", "img", "object", "embed", "base", "form"}
        assert not any(key.startswith("on") for key in attributes)
        assert (attributes.get("href") or "#").startswith("#")


@pytest.mark.parametrize("name", ["validation", "card"])
def test_ids_are_unique_and_links_lead_somewhere(pages: dict[str, str], name: str) -> None:
    reader = read(pages[name])
    ids = [a["id"] for _, a in reader.elements if "id" in a]
    assert len(ids) == len(set(ids))
    links = {(a["href"] or "")[1:] for tag, a in reader.elements if tag == "a"}
    assert links <= set(ids)
    assert len(links) >= 7


@pytest.mark.parametrize("name", ["validation", "card"])
def test_every_picture_is_named_and_described(pages: dict[str, str], name: str) -> None:
    reader = read(pages[name])
    pictures = [a for tag, a in reader.elements if tag == "svg"]
    assert len(pictures) >= 8
    ids = {a["id"]: tag for tag, a in reader.elements if "id" in a}
    for picture in pictures:
        assert picture["role"] == "img"
        title, desc = (picture["aria-labelledby"] or "").split()
        assert ids[title] == "title"
        assert ids[desc] == "desc"


def test_the_same_result_gives_the_same_bytes(pages: dict[str, str]) -> None:
    assert render_validation(validation(error=0.03, score=0.03, rival=0.05, count=70)) == pages["validation"]
    assert render_model_card(card()) == pages["card"]


def text_of(page: str) -> str:
    reader: Reader = read(page)
    return " ".join(" ".join(reader.text).split())


def test_the_finding_is_told_whichever_way_it_went() -> None:
    good = text_of(render_validation(validation(error=0.01, score=0.02, rival=0.05, count=70)))
    bad = text_of(render_validation(validation(error=0.12, score=0.08, rival=0.05, count=70)))
    assert "60 % smaller than that of the best" in good
    assert "60 % larger than that of the best" in bad
    assert "better than the model" in bad
    assert "better than the model" not in good


def test_limits_name_the_families_that_are_biased(pages: dict[str, str]) -> None:
    worse = card(validation=validation(error=0.12, score=0.08, rival=0.05, count=70))
    assert "is predicted too high" in text_of(render_model_card(worse))
    assert "is predicted too" not in text_of(pages["card"])


def test_the_card_of_a_prior_says_that_nothing_was_learned() -> None:
    page = text_of(render_model_card(card(fitted=False)))
    assert "no result of these trials has informed them" in page
    assert "Posterior within prior" not in page


def test_a_card_without_sensitivity_says_so() -> None:
    bare = card(
        overturned=None,
        driver_table={"families": [], "rows": [], "together": None, "outputs": 0},
        variants=[],
        diagnostics={},
    )
    page = text_of(render_model_card(bare))
    assert page.count("Not computed for this card.") == 2


def test_the_part_for_another_page_has_only_ids_of_its_own() -> None:
    part = model_card_part(card())
    assert "<html" not in part
    assert all(name.startswith("card-") for name in re.findall(r'<section id="([^"]+)"', part))
    ids = re.findall(r'\bid="([^"]+)"', part)
    assert all(name.startswith("card-") for name in ids)


def test_hostile_words_are_shown_and_never_run() -> None:
    result = validation(error=0.03, score=0.03, rival=0.05)
    for row in result["rows"]:
        row["trial"] = row["arm"] = HOSTILE
        row["where"] = HOSTILE
    for group in (result["summary"]["groups"]["trial"],):
        group[HOSTILE] = group.pop("trial-0")
    page = render_validation(result)
    assert "<script" not in page
    assert "alert(&#39;x&#39;)" in page or "alert('x')&lt;" in page
    read(page)


def test_the_terminal_says_the_same() -> None:
    text = " ".join(as_text(validation(error=0.03, score=0.03, rival=0.05, count=70)).split())
    assert "40 % smaller" in text
    assert "trial-3" in text
    assert "NO " not in text


def test_an_empty_validation_still_makes_a_page() -> None:
    result = validation(error=0.03, score=0.03, rival=0.05, count=10)
    for row in result["rows"]:
        row["role"] = "validate"
    from remission.inference.validation.run import summary

    result["summary"] = summary(result["rows"], 1, result["baselines"])
    assert "No result was predicted." in text_of(render_validation(result))


@pytest.mark.parametrize(("ahead", "words"), [(0.95, "the model agrees"), (0.8, "the model rather agrees"), (0.6, "undecided"),
                                              (0.05, "the model says the opposite")])
def test_a_statement_is_shown_with_what_the_model_says_of_it(ahead: float, words: str) -> None:
    overturned = card()["overturned"]
    overturned["conclusions"][0]["ahead"] = ahead
    assert f"A beats b: {words}" in text_of(render_model_card(card(overturned=overturned)))
