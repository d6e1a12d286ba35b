"""What the review's page ends with: complete, safe, described for people who cannot see it. All numbers here are invented."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
from rich.console import Console
from tests.report.sample import review
from tests.report.test_page import LOADING, Reader, read

from remission.report import print_answer, render_review

HOSTILE = "</desc><script>alert(1)</script> & \"quotes\" {{ 7 * 7 }}"


GROWTH = {"group": "growth", "evppi": 0.01, "floor": 0.0, "told": True, "study": "serial MRD"}


def spread(value: float) -> dict[str, float]:
    return {"median": value, "lo90": value - 0.05, "hi90": value + 0.05}


def ranked(at: int, chance: float, blinatumomab: bool = True) -> dict[str, Any]:
    value = 0.6 - 0.05 * at
    return {"rank": at, "id": f"placement-{at}", "label": f"placement number {at}", "title": f"Placement number {at}",
            "blinatumomab": blinatumomab, "expected": value, "probability_best": chance,
            "measures": {**{name: spread(value) for name in ("EFS", "OS", "severe toxicity", "relapse")}, "care days": spread(100.0)},
            "nearest": {"regimen": "invented", "title": "An invented regimen", "distance": 1.0, "changes": ["1 more blinatumomab cycle"]}}


def item(name: str, **changes: Any) -> dict[str, Any]:
    return {"population": name, "title": f"People of {name}", "name": f"people of {name}", "ph": "negative", "endpoint": "EFS@36mo",
            "months": 36.0, "draws": 50, "patients": 20, "seed": 1, "posterior": "prior", "prior": True,
            "ranking": [ranked(1, 0.5), ranked(2, 0.3), ranked(3, 0.15), ranked(4, 0.05), ranked(5, 0.0), ranked(6, 0.0, False)],
            "lead": {"over": "placement-2", "label": "placement number 2", **spread(0.05), "probability": 0.7},
            "without": {"over": "placement-6", "label": "placement number 6", **spread(0.25), "probability": 0.8},
            "information": {"evpi": 0.02, "groups": [GROWTH]},
            "overturn": [], "command": f"remission position --population {name}", **changes}


def statements() -> dict[str, Any]:
    parts = [{"title": "a part", "verdict": "cannot tell", "probability": None}]
    rows = [{"title": f"Statement {verdict}", "statement": "It is so.", "verdict": verdict, "assumed": verdict == "supported", "reason": "",
             "parts": parts} for verdict in ("supported", "contradicted", "cannot tell")]
    return {"claims": rows, "summary": {"n": 3, "supported": 1, "contradicted": 1, "cannot tell": 1, "assumed": 1}, "draws": 50,
            "patients": 20}


def tension(published: float, source: str = "") -> dict[str, Any]:
    return {"id": "x", "about": "an invented share", "regimen": "invented", "population": "people", "published": published, "n": 10,
            "source": source, "note": "", **spread(0.5)}


def whole(**changes: Any) -> dict[str, Any]:
    told = review()
    told["answer"] = [item("north"), item("south", **changes)]
    told["claims"] = statements()
    told["tensions"] = [tension(0.52, next(iter(told["sources"]))), tension(0.9)]
    told["card"] = {"file": "model-card.html", "sentence": "Nothing is known."}
    return told


@pytest.fixture(scope="module")
def page() -> str:
    return render_review(whole())


@pytest.fixture(scope="module")
def reader(page: str) -> Reader:
    return read(page)


def test_ids_are_unique_links_lead_somewhere_and_nothing_is_loaded(reader: Reader) -> None:
    ids = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag, attributes in reader.elements:
        assert tag not in {"script", "link", "iframe", "img", "object", "embed"}
        assert not LOADING & set(attributes)
        target = attributes.get("href")
        assert target in (None, "model-card.html") or target[1:] in ids
        for name in (attributes.get("aria-labelledby") or "").split():
            assert name in ids


def test_every_ranking_has_alternative_text_with_its_numbers(page: str, reader: Reader) -> None:
    drawings = [a for tag, a in reader.elements if tag == "svg" and "answer-picture" in (a.get("aria-labelledby") or "")]
    assert len(drawings) == 2
    assert page.count("1: placement number 1, expected 55") == 2
    assert page.count("6: placement number 6, expected 30") == 2  # the best without blinatumomab is always shown


def test_every_placement_stands_in_a_table(reader: Reader) -> None:
    text = " ".join(" ".join(reader.text).split())
    for at in range(1, 7):
        assert text.count(f"Placement number {at}") >= 2


def test_headings_go_down_one_step_at_a_time(reader: Reader) -> None:
    levels = [int(tag[1]) for tag, _ in reader.elements if re.fullmatch(r"h[1-6]", tag)]
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_priors_are_said_to_be_priors_and_a_posterior_is_named(page: str) -> None:
    assert "Nothing has been fitted" in page
    fitted = whole()
    fitted["answer"] = [item("north", prior=False, posterior="2099.1")]
    shown = render_review(fitted)
    assert "Nothing has been fitted" not in shown
    assert "posterior 2099.1" in shown


def test_tensions_say_whether_the_published_number_is_inside(reader: Reader) -> None:
    text = " ".join(" ".join(reader.text).split())
    end = text[text.index("Known tensions") :]
    assert "52 % n = 10 50 % 45 to 55 % −2 yes" in end.replace("\u202f", " ")
    assert "90 % n = 10 50 % 45 to 55 % −40 no" in end.replace("\u202f", " ")


def test_hostile_words_stay_words() -> None:
    row = {**ranked(1, 0.5), "label": HOSTILE}
    told = whole(title=HOSTILE, ranking=[row, *(ranked(at, 0.1) for at in range(2, 7))])
    told["claims"]["claims"][0]["title"] = HOSTILE
    told["tensions"][0]["about"] = HOSTILE
    shown = render_review(told)
    assert "<script" not in shown
    read(shown)


def test_the_terminal_says_the_same_in_plain_letters() -> None:
    console = Console(width=140, record=True, file=open("/dev/null", "w", encoding="utf-8"))  # noqa: SIM115
    print_answer([item("north"), item("[bold]south")], statements()["summary"], console)
    text = console.export_text()
    assert "[bold]south" in text
    assert "placement number 1 (0.50; 55%)" in " ".join(text.split())
    assert "remission position --population north" in " ".join(text.split())
    assert "1 of 3 supported" in " ".join(text.split())
    assert text.isascii()
