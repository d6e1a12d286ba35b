"""The review page: complete, safe, self-contained, the same every time. All trials here are invented."""

from __future__ import annotations

import copy
import itertools
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from tests.report.sample import review, row

from remission.report import render_review

VOID = {"meta", "link", "br", "hr", "img", "input"}
LOADING = {"src", "srcset", "poster", "data", "action", "background", "ping", "manifest"}


class Reader(HTMLParser):
    """Collects elements, checks nesting, and gathers text."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1:] == [tag], f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(page: str) -> Reader:
    """A parsed page; fails when elements are not nested properly."""
    reader = Reader()
    reader.feed(page)
    assert not reader.open
    return reader


@pytest.fixture(scope="module")
def page() -> str:
    return render_review(review())


@pytest.fixture(scope="module")
def reader(page: str) -> Reader:
    return read(page)


def test_same_review_same_bytes(page: str) -> None:
    assert render_review(review()) == page


def test_page_is_one_file_that_asks_the_network_for_nothing(page: str, reader: Reader) -> None:
    assert "http" not in page
    assert "@import" not in page
    assert "//" not in re.sub(r"\s//\s", "", page)
    for tag, attributes in reader.elements:
        assert tag not in {"script", "link", "iframe", "img", "object", "embed", "base", "form"}
        assert not LOADING & set(attributes), (tag, attributes)
        assert not any(name.startswith("on") for name in attributes)
        for name in ("href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith("#")
    assert not re.search(r"url\((?!#)", page)


def test_local_links_lead_somewhere_and_ids_are_unique(reader: Reader) -> None:
    ids = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in reader.elements:
        target = attributes.get("href")
        assert target is None or target[1:] in ids
        for name in (attributes.get("aria-labelledby") or "").split():
            assert name in ids


def test_every_figure_has_alternative_text(reader: Reader) -> None:
    drawings = [attributes for tag, attributes in reader.elements if tag == "svg"]
    assert len(drawings) > 10
    assert all(a.get("role") == "img" and a.get("aria-labelledby") for a in drawings)
    titles = sum(tag == "title" for tag, _ in reader.elements) - 1  # the page has one too
    assert titles == len(drawings) == sum(tag == "desc" for tag, _ in reader.elements)


def test_every_row_appears_with_its_source_and_verdict(reader: Reader) -> None:
    told = review()
    cells = sum(tag == "th" and a.get("scope") == "row" for tag, a in reader.elements)
    assert cells == len(told["rows"])
    text = " ".join(" ".join(reader.text).split())
    for item in told["rows"]:
        assert item["endpoint"].replace("MRD-", "MRD−") in text
    assert text.count("outside.") >= sum(item["covered90"] is False for item in told["rows"])
    for source in told["sources"].values():
        assert source["title"] in text
    assert "doi: 10.0000/invented" in text


def test_headline_notice_provenance_conflict_and_assumption_are_there(reader: Reader) -> None:
    text = " ".join(" ".join(reader.text).replace("\u202f", " ").split())
    assert "Research software: not for decisions about a patient" in text
    assert "14 of 17" in text
    assert "82 %" in text
    assert "remission review --out out --seed 1" in text
    assert "Which arm the median belongs to" in text
    assert "control arm, because the primary source says so" in text
    assert "Dose of intrathecal cytarabine 70 mg." in text


def test_headings_go_down_one_step_at_a_time(reader: Reader) -> None:
    levels = [int(tag[1]) for tag, _ in reader.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_missing_values_are_said_to_be_missing(reader: Reader) -> None:
    text = " ".join(" ".join(reader.text).split())
    assert "induction death death during induction" in text
    assert "not reported" in text
    assert "not predicted" in text
    assert not re.search(r"\b(None|nan|null|inf)\b", text)


def test_page_is_small(page: str) -> None:
    assert len(page.encode()) < 4_000_000


def hostile(value: Any, evil: str) -> Any:
    """The same data with every text that is free to choose made hostile."""
    fixed = {"endpoint", "trial", "arm", "start", "day", "role"}
    if isinstance(value, dict):
        return {k: v if k in fixed and isinstance(v, str | int) else hostile(v, evil) for k, v in value.items()}
    if isinstance(value, list):
        return [hostile(item, evil) for item in value]
    return value + evil if isinstance(value, str) else value


def test_hostile_words_are_escaped_everywhere() -> None:
    evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}$\\frac{1}{2}$'
    told = hostile(review(), evil)
    for item in told["rows"] + [arm for trial in told["trials"] for arm in trial["arms"]]:
        item["arm"] = str(item["arm"]) + evil
    for name in ("rows", "trials"):
        for item in told[name]:
            for key in ("trial", "id"):
                if key in item:
                    item[key] = item[key].removesuffix(evil) + evil
    told["sources"] = {name + evil: value for name, value in told["sources"].items()}
    told["provenance"][evil] = evil
    page = render_review(told)
    read(page)
    assert "<script" not in page
    assert "<img" not in page
    assert "{{ 7*7 }}" in page


def test_trial_without_a_description_and_unknown_source_are_still_shown() -> None:
    told = copy.deepcopy(review())
    told["rows"].append(row("orphan", "main", "OS", 0.5, 0.4, months=12, source="nowhere-1999"))
    text = " ".join(read(render_review(told)).text)
    assert "orphan" in text
    assert "nowhere-1999" in text


def test_empty_review_is_a_page_too() -> None:
    empty: dict[str, Any] = {"rows": [], "summary": {}, "trials": [], "sources": {}, "provenance": {}}
    assert "No source was given." in " ".join(read(render_review(empty)).text)


def test_infinite_and_missing_burdens_are_drawn() -> None:
    told = copy.deepcopy(review())
    told["trials"] = told["trials"][:1]
    told["trials"][0]["arms"][0]["mrd"] = {
        "days": [0, 7, 14],
        "q10": [-1.0, None, float("-inf")],
        "q50": [-0.5, -3.0, None],
        "q90": [0.0, -1.0, -2.0],
        "limit": None,
    }
    assert "day 14: no leukaemia cell" in " ".join(read(render_review(told)).text)
