"""Are the pages single files that anybody can read, with every picture described and no word of a user's taken for markup?"""

import re
from html.parser import HTMLParser

import pytest
from tests.sample import draws, plan, population

from remission.decide import Limits, Stage, compare, load_claims, position, run_claims
from remission.report import compare_plots as plots
from remission.report.claims_page import render_claims
from remission.report.compare_page import render_compare
from remission.report.position_page import paragraph, picture, render_position, section

HOSTILE = '<script>alert(1)</script>"&'


@pytest.fixture(scope="module")
def results():
    compared = compare(
        [plan("s1318"), plan("a041703").model_copy(update={"title": HOSTILE})], population("a041703"), draws(8), 50, 1
    )
    placed = position(
        population("a041703"),
        draws(20),
        50,
        1,
        limits=Limits(max_cycles=1, max_chemotherapy="none"),
        stages=(Stage(30, 4), Stage(40, 8)),
    )
    tested = run_claims(
        [item for item in load_claims() if item.id in ("seven-or-fourteen-days", "debulking-older")], draws(6), 30, 1
    )
    return {
        "compare": ({**compared, "title": HOSTILE}, render_compare),
        "position": (placed, render_position),
        "claims": (tested, render_claims),
    }


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.tags, self.ids, self.links = [], [], [], []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.tags.append((tag, given))
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"][1:]] if given.get("href", "").startswith("#") else []
        if tag not in ("meta", "br", "link", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("name", ["compare", "position", "claims"])
def test_a_page_is_whole_and_alone(results, name):
    result, render = results[name]
    page = render(result)
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    tags = [tag for tag, _ in reader.tags]
    assert not {"script", "link", "iframe", "img", "object"} & set(tags)
    assert not re.search(r"https?://(?!www\.w3\.org)|url\(|@import", page)
    assert len(set(reader.ids)) == len(reader.ids)
    assert set(reader.links) <= set(reader.ids)
    assert tags.count("h1") == 1
    assert dict(reader.tags)["html"]["lang"] == "en-GB"
    assert "viewport" in page
    assert page.count("not for decisions about a patient") >= 2
    assert "{{" not in page
    assert "None" not in re.sub(r"<[^>]+>", " ", page)


@pytest.mark.parametrize("name", ["compare", "position", "claims"])
def test_every_picture_is_described(results, name):
    result, render = results[name]
    page = render(result)
    pictures = re.findall(r"<svg .*?</svg>", page, re.DOTALL)
    assert pictures
    for drawing in pictures:
        title, desc = (
            re.search(r"<title id=[^>]*>(.*?)</title>", drawing),
            re.search(r"<desc id=[^>]*>(.*?)</desc>", drawing),
        )
        assert title
        assert title[1]
        assert desc
        assert desc[1]
        assert 'role="img"' in drawing


@pytest.mark.parametrize("name", ["compare", "position", "claims"])
def test_the_same_result_gives_the_same_page(results, name):
    result, render = results[name]
    assert render(result) == render(result)


def test_words_of_a_user_are_not_markup(results):
    result, render = results["compare"]
    page = render(result)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_numbers_on_the_page_are_those_of_the_result(results):
    result, render = results["compare"]
    page = render(result)
    pair = result["comparisons"][0]
    assert f"{100 * pair['difference']['median']:+.1f}".replace("-", "−") in page
    assert f"{100 * pair['monte_carlo_se']:.1f} with the finite number of patients" in page
    assert result["provenance"]["catalog_hash"] in page


def test_one_picture_and_one_paragraph_say_the_answer(results):
    result, _ = results["position"]
    found = section(result)
    assert found == {"title": result["title"], "picture": picture(result), "paragraph": paragraph(result)}
    best = result["best"][result["endpoint"]]
    assert best["title"][1:] in found["paragraph"]
    assert f"{100 * result['value_of_information'][result['endpoint']]['evpi']:.1f} points" in found["paragraph"]
    assert "overturn" in found["paragraph"] or "No single parameter" in found["paragraph"]
    assert found["picture"].count("<circle") >= 3
    assert best["title"][1:] in found["picture"]  # in its description


def test_assumed_verdicts_are_marked_by_words_and_not_by_colour_alone(results):
    result, render = results["claims"]
    page = render(result)
    for row in result["claims"]:
        assert row["title"] in page.replace("&#39;", "'")
        assert row["verdict"] in page
    assert "Asked again without" in page


def test_ticks_are_round_and_inside():
    assert plots.ticks(0.0, 1.0, 5) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert plots.ticks(-0.31, 0.22, 5) == [-0.2, 0.0, 0.2]
    assert [plots.number(value) for value in (0, 0.5, 12.34, 123.4, -0.25)] == ["0", "0.5", "12.3", "123", "−0.25"]


def test_points_of_the_map_differ_by_form():
    drawn = {plots.mark(kind, 10, 10, 5, "#000", "#000") for kind in range(plots.KINDS)}
    assert len(drawn) == plots.KINDS == len(set(plots.COLOURS)) == len(set(plots.DASHES))
