"""Do the rebuilt tables hold every cell of the review's, each with its source, its conflicts and what the review prints?

`review_cells.csv` holds the cells of Tables 1A, 1B and 2 of the review as they are printed.
"""

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.evidence_door.running import run

from remission.evidence import review_table, trials
from remission.evidence.review_tables import COLUMNS, place_of
from remission.report import tables

PRINTED = list(csv.DictReader((Path(__file__).parent / "review_cells.csv").open(encoding="utf-8")))
NAMES = {"1A": "table1", "1B": "table1", "2": "table2"}
NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")


@pytest.fixture(scope="module")
def built():
    return {name: review_table(name).to_dict() for name in ("table1", "table2")}


@pytest.fixture(scope="module")
def prepared(built):
    return {name: tables.prepare(table) for name, table in built.items()}


def cells_of(prepared):
    return {
        (study["trial"], cell["key"]): cell
        for table in prepared.values()
        for part in table["parts"]
        for study in part["studies"]
        for cell in study["cells"]
    }


def notes_of(prepared, trial, cell):
    table = next(t for t in prepared.values() for p in t["parts"] for s in p["studies"] if s["trial"] == trial)
    return [note for note in table["notes"] if note["letter"] in cell["letters"]]


def text_of(value):
    """All texts in a piece of data, without signs that only serve typesetting."""
    found = " | ".join(tables._texts(value))
    return found.replace(tables.JOIN, "").replace("\u202f", " ").replace("\u00a0", " ")


def values_in(printed):
    """The numbers a printed cell reports: percentages, else all numbers but the times in brackets."""
    shares = re.findall(r"([0-9]+(?:\.[0-9]+)?)%", printed)
    return shares or NUMBER.findall(re.sub(r"\([0-9]+ (?:months|years)\)", "", printed))


def test_the_data_of_this_test_are_whole():
    assert len(PRINTED) == 14 * len(COLUMNS)
    assert {row["column"] for row in PRINTED} == {column.key for column in COLUMNS}


def test_studies_and_parts_are_those_of_the_review(built):
    for table, name in NAMES.items():
        expected = list(dict.fromkeys(row["trial"] for row in PRINTED if row["table"] == table))
        part = {"1A": 0, "1B": 1, "2": 0}[table]
        assert [study["trial"] for study in built[name]["parts"][part][1]] == expected


@pytest.mark.parametrize("row", PRINTED, ids=lambda row: f"{row['trial']}, {row['column']}")
def test_every_cell_of_the_review_is_there(row, prepared):
    cell = cells_of(prepared)[row["trial"], row["column"]]
    assert cell["entries"], "no row of the catalog cites this cell"
    shown = text_of(cell["entries"])
    noted = text_of([note["more"] for note in notes_of(prepared, row["trial"], cell)])
    values = values_in(row["printed"])
    if not values:  # NA or empty: no value may stand here without a word about it
        missing = all(entry["missing"] for entry in cell["entries"])
        assert missing or "prints “NA”" in noted or "prints nothing" in noted
        return
    visible = set(NUMBER.findall(shown))
    told = set(NUMBER.findall(noted))
    for value in values:
        assert value in visible | told, f"{value} is neither in the cell nor in a note: {shown} / {noted}"
    if not set(values) <= visible:
        assert "review’s table prints" in noted


@pytest.mark.parametrize("row", [row for row in PRINTED if re.search(r"[0-9]+ (months|year)|[0-9]-year", row["printed"])
                                 and row["column"] in ("OS", "EFS/RFS/DFS")], ids=lambda row: f"{row['trial']}, {row['column']}")
def test_survival_has_its_time_and_its_name(row, prepared):
    shown = text_of(cells_of(prepared)[row["trial"], row["column"]]["entries"])
    times = [int(t) for t in re.findall(r"([0-9]+) months", row["printed"])]
    times += [12 * int(t) for t in re.findall(r"([0-9]+)[ -]years?", row["printed"]) if int(t) < 10]
    for months in times:
        assert f"{months} months" in shown
    name = row["printed"].split()[0]
    if name in ("DFS", "EFS", "RFS"):
        assert name in shown


def test_every_cell_is_cited_in_data_and_on_paper(built, prepared):
    for name, table in built.items():
        known = set(table["sources"])
        listed = {source["number"] for source in prepared[name]["sources"]}
        for (trial, key), cell in cells_of({name: prepared[name]}).items():
            assert cell["entries"], (trial, key)
            for entry in cell["entries"]:
                assert entry["source"] in listed
                assert all(number in listed and place for number, place in entry["places"])
        for _, studies in table["parts"]:
            for study in studies:
                assert study["source"] in known
                assert study["place"]
        assert "pourhassan-2023" in known


def test_every_conflict_of_a_cell_is_a_note(built, prepared):
    for name, table in built.items():
        noted = {(note["letter"], note["about"]) for note in prepared[name]["notes"]}
        assert len({letter for letter, _ in noted}) == len(noted)
        cells = cells_of({name: prepared[name]})
        for _, studies in table["parts"]:
            for study in studies:
                for cell in study["cells"]:
                    abouts = {about for letter, about in noted if letter in cells[study["trial"], cell["column"]]["letters"]}
                    for key in cell["conflicts"]:
                        assert table["conflicts"][key]["about"] in abouts
                        assert len(table["conflicts"][key]["readings"]) >= 2


def test_every_disputed_value_carries_a_note(built, prepared):
    for name, table in built.items():
        cells = cells_of({name: prepared[name]})
        for _, studies in table["parts"]:
            for study in studies:
                for cell in study["cells"]:
                    disputed = any(entry["status"] == "disputed" for entry in cell["entries"])
                    if disputed or cell["differs"]:
                        assert cells[study["trial"], cell["column"]]["letters"], (study["trial"], cell["column"])


@pytest.mark.parametrize(
    ("trial", "column", "shown", "printed"),
    [
        ("graall-2014", "EFS/RFS/DFS", "79", "68.8"),
        ("mdacc-hcvad-blina", "EFS/RFS/DFS", "73", "84"),
        ("a041703", "OS", "84", "66"),
        ("s1318", "MRD negative rate", "92", "NA"),
        ("mdacc-pona-blina", "number of patients", "40", "72"),
        ("mdacc-pona-blina", "MRD negative rate", "87", "NA"),
        ("mdacc-pona-blina", "CR rate", "not reported", "87"),
        ("d-alba", "MRD negative rate", "60", "NA"),
        ("s1318-ph", "median age", "65", "62"),
    ],
)
def test_the_resolved_value_stands_and_the_note_has_the_other(trial, column, shown, printed, prepared):
    cell = cells_of(prepared)[trial, column]
    visible = text_of([entry["value"] for entry in cell["entries"]])
    assert shown in visible
    assert printed not in visible
    assert printed in text_of([note["more"] for note in notes_of(prepared, trial, cell)])


def test_a_value_printed_in_the_wrong_row_goes_home(prepared):
    cells = cells_of(prepared)
    assert "66 %" in text_of(cells["gmall-bold", "OS"]["entries"])
    assert "66" not in text_of([entry["value"] for entry in cells["a041703", "OS"]["entries"]])
    told = text_of([note["about"] for note in notes_of(prepared, "a041703", cells["a041703", "OS"])])
    assert "where one-year survival of 66% belongs" in told


def test_places_of_the_catalog_name_columns_that_exist():
    for trial in trials().values():
        for item in (*trial.baseline, *trial.results):
            for cite in (item.source, *item.also):
                if cite.ref == "pourhassan-2023" and cite.at.startswith("Table"):
                    assert place_of(cite.at) is not None, f"{trial.id}: {cite.at}"


class Page(HTMLParser):
    """Elements, anchors and links of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.links, self.values = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        known = dict(attrs)
        self.tags.append(tag)
        self.ids += [known["id"]] if "id" in known else []
        self.links += [known["href"]] if "href" in known else []
        self.values += list(known.items())


@pytest.mark.parametrize("name", ["table1", "table2"])
def test_the_page_is_one_file_whose_links_all_lead_somewhere(name, built):
    text = tables.render_table(built[name], {"Catalog hash": "0"})
    page = Page(text)
    assert len(page.ids) == len(set(page.ids))
    assert page.links
    assert all(link.startswith("#") and link[1:] in page.ids for link in page.links)
    assert not {"script", "img", "link", "iframe", "object"} & set(page.tags)
    assert not [value for key, value in page.values if key in ("src", "onclick", "onload")]
    assert "url(" not in text
    assert "@import" not in text
    for expected in ("caption", "thead", "tbody"):
        assert expected in page.tags
    assert ("name", "viewport") in page.values
    assert "@media print" in text
    assert "not for decisions about a patient" in text


@pytest.mark.parametrize("name", ["table1", "table2"])
def test_every_cell_on_the_page_has_label_and_citation(name, built):
    text = tables.render_table(built[name], {})
    cells = re.findall(r'<td role="cell" data-label="([^"]+)">(.*?)</td>', text, re.S)
    studies = sum(len(members) for _, members in built[name]["parts"])
    assert len(cells) == studies * (len(COLUMNS) + 1)
    for label, inner in cells:
        entries = inner.split('<div class="entry')[1:]
        assert label
        assert entries
        assert all('href="#source-' in entry for entry in entries)


def test_the_page_is_the_same_every_time(built):
    assert tables.render_table(built["table1"], {"a": "b"}) == tables.render_table(review_table("table1").to_dict(), {"a": "b"})


def poisoned(value):
    if isinstance(value, str):
        return value + "<script>alert('x')</script>[red]\x1b[31m"
    if isinstance(value, dict):
        return {key: poisoned(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [poisoned(item) for item in value]
    return value


def test_texts_of_the_catalog_are_never_markup(built):
    table = json.loads(json.dumps(built["table2"]))
    for conflict in table["conflicts"].values():
        conflict.update(about=poisoned(conflict["about"]), reason=poisoned(conflict["reason"]))
    for source in table["sources"].values():
        source["title"] = poisoned(source["title"])
    for _, studies in table["parts"]:
        for study in studies:
            study["title"] = poisoned(study["title"])
            for cell in study["cells"]:
                cell["printed"] = poisoned(cell["printed"])
                for entry in cell["entries"]:
                    entry["place"] = poisoned(entry["place"])
    text = tables.render_table(table, {"Catalog": poisoned("x")})
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    from rich.console import Console

    page = Console(width=100, force_terminal=False)
    with page.capture() as caught:
        tables.print_table(table, page)
    assert "[red]" in caught.get()
    assert "\x1b" not in caught.get()


def test_the_terminal_shows_the_same_numbers(prepared):
    done = run("table1")
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 100
    flat = " ".join(done.stdout.split())
    for table in (prepared["table1"],):
        for note in table["notes"]:
            assert f"{note['letter']} {note['title'].split()[0]}" in flat
        for source in table["sources"]:
            assert f"[{source['number']}]" in flat
    for value in ("68.65 %", "90.4 %", "median 71.4", "19 of 29", "75 (66-84)", "not reported"):
        assert value in flat
    assert "not for decisions about a patient" in flat


@pytest.mark.parametrize("columns", ["80", "100", "160"])
def test_the_terminal_table_follows_the_width(columns):
    done = run("table2", environment={"COLUMNS": columns})
    assert done.returncode == 0
    assert max(map(len, done.stdout.splitlines())) <= int(columns)


def test_out_writes_one_file(tmp_path):
    done = run("table2", "--format", "html", "--out", "table2.html", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == ["table2.html"]
    assert (tmp_path / "table2.html").read_text(encoding="utf-8") == run("table2", "--format", "html").stdout


def test_json_has_the_whole_table(built):
    assert json.loads(run("table2", "--json").stdout) == json.loads(json.dumps(built["table2"]))
