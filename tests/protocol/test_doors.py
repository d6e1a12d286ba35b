"""Do show, list, draw, diff and check answer on stdout, fail with five parts, and give stable JSON?"""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from remission.base import catalog
from remission.cli import main
from remission.doors import NOTICE

Caught = pytest.CaptureFixture[str]


def run(capsys: Caught, *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    said = capsys.readouterr()
    return code, said.out, said.err


def data(capsys: Caught, *arguments: str) -> Any:
    code, out, _ = run(capsys, *arguments, "--json")
    assert code == 0
    return json.loads(out)


@pytest.mark.parametrize("kind", ["trials", "regimens", "drugs", "blocks", "populations", "sources"])
def test_list_names_every_entry(kind: str, capsys: Caught) -> None:
    assert [row["id"] for row in data(capsys, "list", kind)] == list(catalog.ids(kind))
    code, out, _ = run(capsys, "list", kind)
    assert code == 0
    assert len(out.splitlines()) == len(catalog.ids(kind))


def test_list_parameters(capsys: Caught) -> None:
    assert {"id", "title", "unit", "basis", "group"} <= set(data(capsys, "list", "parameters")[0])


def test_list_of_an_unknown_kind(capsys: Caught) -> None:
    code, out, err = run(capsys, "list", "drogs")
    assert (code, out) == (2, "")
    assert "drugs" in err


def test_show_prefers_the_regimen_and_names_the_other_kinds(capsys: Caught) -> None:
    code, out, err = run(capsys, "show", "a041703")
    assert code == 0
    assert "Course IA" in out
    assert NOTICE in out
    assert "--kind trial" in err
    assert "Wieduwilt" in out


def test_show_gives_the_machine_plan(capsys: Caught) -> None:
    plan = data(capsys, "show", "a041703")
    assert {"id", "title", "phases", "administrations", "assessments", "branches", "notice"} <= set(plan)
    assert {"day", "drug", "dose", "unit", "route", "phase", "cycle"} <= set(plan["administrations"][0])


@pytest.mark.parametrize(("identifier", "kind", "said"), [
    ("a041703", "trial", "Where sources disagree"), ("e1910", "trial", "Published results"), ("methotrexate", "drug", "antifolate"),
    ("blinatumomab-step-7", "block", "9 µg/d"), ("s1318", "population", "median 75 y"),
    ("wieduwilt-2023", "source", "Cited by: trial a041703"),
    ("kill_blinatumomab", "parameter", "Basis:")])
def test_cards(identifier: str, kind: str, said: str, capsys: Caught) -> None:
    code, out, _ = run(capsys, "show", identifier, "--kind", kind)
    assert code == 0
    assert said in out
    assert data(capsys, "show", identifier, "--kind", kind)["kind"] == kind


@pytest.mark.parametrize("kind", ["trials", "drugs", "blocks", "populations", "sources"])
def test_entries_have_cards(kind: str, capsys: Caught) -> None:
    for identifier in catalog.ids(kind)[:: 12 if kind == "sources" else 2]:
        code, out, _ = run(capsys, "show", identifier, "--kind", kind.removesuffix("s"))
        assert code == 0
        assert identifier in out


def test_show_of_an_unknown_id(capsys: Caught) -> None:
    code, out, err = run(capsys, "show", "a04173")
    assert (code, out) == (3, "")
    assert "near: a041703" in err
    assert run(capsys, "show", "methotrexate", "--kind", "trial")[0] == 3


def test_show_as_a_file_that_reads_back(capsys: Caught, tmp_path: Path) -> None:
    code, out, _ = run(capsys, "show", "like a041703, but remove course-v", "--yaml")
    assert code == 0
    path = tmp_path / "a041703-edited.yaml"
    path.write_text(out, encoding="utf-8")
    assert data(capsys, "diff", str(path), "like a041703, but remove course-v")["equal"]
    assert not data(capsys, "diff", str(path), "a041703")["equal"]


def test_diff_in_words(capsys: Caught) -> None:
    code, out, _ = run(capsys, "diff", "e1910-blinatumomab", "e1910-chemotherapy")
    assert code == 0
    assert "blinatumomab-1" in out
    assert NOTICE in out
    assert "Equal by meaning" in run(capsys, "diff", "d-alba", "d-alba")[1]
    assert run(capsys, "diff", "d-alba", "dalba")[0] == 3


def test_draw_is_an_image_in_words_too(capsys: Caught, tmp_path: Path) -> None:
    path = tmp_path / "plan.svg"
    code, out, _ = run(capsys, "draw", "a041703", "--out", str(path))
    assert code == 0
    assert str(path) in out
    assert "Course V" in "".join(ElementTree.parse(path).getroot().itertext())
    assert run(capsys, "draw", "a041703")[1].lstrip().startswith("<")
    assert run(capsys, "draw", "a041703", "--out", str(tmp_path / "plan.png"))[0] == 2
    assert data(capsys, "draw", "a041703", "--wide")["phases"][2]["start"] is None


def test_the_catalog_passes(capsys: Caught) -> None:
    code, out, _ = run(capsys, "check")
    assert code == 0, out
    assert "no errors" in out


BROKEN = {
    "regimen.yaml": ("id: x\ntitle: X\nsummary: S\nph: any\nassumed: test\nphases:\n  - {id: a, block: pompp}\n", 7, "unknown block"),
    "like.yaml": ("like: a041703\nid: x\ntitle: X\nbut:\n  - {remove: course-vi}\n", 5, "names nothing"),
    "block.yaml": ("id: b\ntitle: B\nlength: 21 d\nchemotherapy: none\nassumed: test\ngive:\n"
                   "  - {drug: vincristin, dose: 2 mg, route: iv, days: 1}\n", 7, "unknown drug"),
    "drug.yaml": ("id: d\ntitle: D\nclass: c\nmechanism: magic\nroutes: [iv]\nunits: [mg]\ndose_range: {mg: [1, 2]}\n"
                  "assumed: test\n", 4, "mechanism"),
    "population.yaml": ("id: p\ntitle: P\nage: {median: 90 y, range: [20 y, 80 y]}\nwbc: {median: 1 1e9/L, log_spread: 1}\n", 1, ""),
    "parameters.yaml": ("growth:\n  - {name: a, unit: x, prior: {lognormal: [0, 1]}, basis: sourced, about: a, evidence: e}\n",
                        2, "median"),
    "source.yaml": ("id: s\ntitle: S\nread_as: full text\n", 1, "missing"),
    "other.yaml": ("foo: 1\n", 1, "no file of the catalog"),
    "list.yaml": ("- 1\n", 1, "no file of the catalog"),
    "anchor.yaml": ("a: &x 1\nb: *x\n", 1, "anchor"),
    "cited.yaml": ("id: x\ntitle: X\nlength: 21 d\nchemotherapy: none\nsource: {ref: nobody-1999}\ngive:\n"
                   "  - {drug: vincristine, dose: 2 mg, route: iv, days: 1}\n", 5, "unknown source"),
}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_a_broken_file_is_told_with_line_cause_and_cure(name: str, capsys: Caught, tmp_path: Path) -> None:
    text, line, cause = BROKEN[name]
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    code = main(["check", str(path), "--json"])
    said = capsys.readouterr()
    findings = json.loads(said.out)["findings"]
    assert code == 4
    assert findings[0]["line"] >= line
    assert cause in findings[0]["cause"]
    assert all({"severity", "file", "line", "cause", "cure", "near"} == set(item) and item["cure"] for item in findings)
    assert "Traceback" not in said.err
    code, out, _ = run(capsys, "check", str(path))
    assert code == 4
    assert f"{path}:{line}" in out or findings[0]["line"] > line


def test_a_folder_and_a_missing_file(capsys: Caught, tmp_path: Path) -> None:
    assert run(capsys, "check", str(tmp_path))[0] == 3
    (tmp_path / "a041703.yaml").write_text(catalog.path("regimens", "a041703").read_text(encoding="utf-8"), encoding="utf-8")
    code, out, _ = run(capsys, "check", str(tmp_path))
    assert code == 0
    assert out.startswith("1 file: no errors")
    assert run(capsys, "check", str(tmp_path / "nothing.yaml"))[0] == 4
