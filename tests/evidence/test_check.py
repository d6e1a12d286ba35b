"""Every rule of the evidence finds the one error planted for it, on its own line, and nothing else."""

from collections.abc import Callable

import pytest

from remission.base.files import Document
from remission.evidence import check_document
from remission.evidence.check import matches_count, possible_counts

Make = Callable[..., Document]
Line = Callable[..., int]


def test_the_sample_is_clean(document: Make) -> None:
    assert check_document(document(), "sample") == ()


BROKEN = {
    "value is not the count": (("value: 0.66", "value: 0.69"), "counts", "value: 0.69", "19 of 29"),
    "no whole number gives the value": (
        ("numerator: 9\n    n: 15", "n: 14"),
        "counts",
        "value: 0.60",
        "no whole number of 14",
    ),
    "baseline is not the count": (("numerator: 12", "numerator: 13"), "counts", "- {item: male", "13 of 29"),
    "interval of another method": (
        ("method: exact", "method: wald"),
        "interval",
        "lo95: 0.46",
        "wald interval",
    ),
    "interval without method": (("    method: exact\n", ""), "interval", "lo95: 0.46", "no method"),
    "half an interval": (("    hi95: 0.82\n", ""), "interval", "- id: cr\n", "one limit"),
    "survival interval too narrow": (
        ("lo95: 0.20\n    hi95: 0.55", "lo95: 0.30\n    hi95: 0.45"),
        "interval",
        "lo95: 0.30",
        "too narrow for 29",
    ),
    "assay missing": (("    assay: flow\n", ""), "assay", "- id: mrd\n", "assay of MRD-"),
    "threshold missing": (("    threshold: 1e-4\n", ""), "assay", "- id: mrd\n", "threshold of MRD-"),
    "unknown source": (
        ("- {says: NA, source: {ref: pourhassan-2023", "- {says: NA, source: {ref: pourhasan-2023"),
        "sources",
        "- {says: NA",
        "pourhasan-2023",
    ),
    "source of the design unknown": (
        ("  status: reported\n", "  status: reported\n  source: {ref: nobody-2020, at: x}\n"),
        "sources",
        "source: {ref: nobody",
        "nobody-2020",
    ),
    "data cut that is no source": (
        ("  - id: cr\n    arm: main\n", "  - id: cr\n    arm: main\n    cut: nobody-2020\n"),
        "sources",
        "cut: nobody-2020",
        "nobody-2020",
    ),
    "source not listed": (
        ("sources: [pourhassan-2023, advani-2022]", "sources: [advani-2022]"),
        "sources",
        "- {id: none",
        "without listing it",
    ),
    "unknown arm": (
        ("  - id: cr\n    arm: main", "  - id: cr\n    arm: man"),
        "design",
        "arm: man\n",
        "no arm 'man'",
    ),
    "arm of the baseline unknown": (
        ("{item: male, arm: main", "{item: male, arm: all"),
        "design",
        "- {item: male",
        "no arm 'all'",
    ),
    "endpoint not defined": (
        ("    OS: {kind: survival, from: start, events: [death]}\n", ""),
        "design",
        "endpoint: OS",
        "does not define 'OS'",
    ),
    "survival at an assessment": (
        ("at: 36", "at: induction-1"),
        "design",
        "at: induction-1\n    value: 0.37",
        "survival endpoint",
    ),
    "response at months": (("at: any", "at: 3"), "design", "at: 3\n", "response endpoint"),
    "assessment not in the regimen": (
        ("at: induction-1\n    value: 0.66", "at: induction-9\n    value: 0.66"),
        "design",
        "at: induction-9",
        "induction-9",
    ),
    "subgroups lose a patient": (
        ("value: 0.71\n    numerator: 10\n    n: 14", "value: 0.69\n    numerator: 9\n    n: 13"),
        "subgroups",
        "n: 13\n    source",
        "15 + 13 is not 29",
    ),
    "dispute without conflict": (
        ("    values: [mrd]\n", ""),
        "conflicts",
        "status: disputed",
        "no conflict names it",
    ),
    "conflict about nothing": (
        ("values: [mrd]", "values: [mrd, os]"),
        "conflicts",
        "values: [mrd, os]",
        "no result 'os'",
    ),
    "file and id differ": (("id: sample", "id: another"), "id", "id: another", "another"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_each_rule_finds_its_error(name: str, document: Make, line_of: Line) -> None:
    edit, rule, place, words = BROKEN[name]
    found = [item for item in check_document(document(edit), "sample") if item.rule == rule]
    assert found, "nothing was found"
    line = line_of(place, edit)
    assert any(item.line == line and words in item.cause for item in found), [str(item) for item in found]
    assert all(item.file == "sample.yaml" and item.cure for item in found)


def test_most_errors_give_one_finding_only(document: Make) -> None:
    """An edit is not reported by rules that have nothing to do with it."""
    for name in (
        "value is not the count",
        "interval of another method",
        "assay missing",
        "unknown arm",
        "dispute without conflict",
    ):
        assert len(check_document(document(BROKEN[name][0]), "sample")) == 1, name


@pytest.mark.parametrize(
    ("published", "source", "found"),
    [
        ("2023-08-17", "advani-2022", False),
        ("2023-08-18", "advani-2022", True),
        ("2023-08", "advani-2022", True),  # may be the last day of the month
        ("2023", "advani-2022", True),
        ("2021-01", "advani-2022", True),  # before its own source
        ("2023-08-17", "pourhassan-2023", False),
    ],
)
def test_nothing_published_after_the_cut_off_calibrates(
    published: str, source: str, found: bool, document: Make
) -> None:
    edit = (
        "    source: {ref: advani-2022, at: abstract}\n    role: calibrate",
        f'    source: {{ref: {source}, at: abstract}}\n    published_on: "{published}"\n    role: calibrate',
    )
    leaks = [item for item in check_document(document(edit), "sample") if item.rule == "leakage"]
    assert bool(leaks) is found, [str(item) for item in leaks]


def test_a_late_source_leaks_whatever_date_the_row_claims(document: Make) -> None:
    edits = (
        ("sources: [pourhassan-2023", "sources: [hematologist-2024-e1910, pourhassan-2023"),
        (
            "    source: {ref: advani-2022, at: abstract}\n    role: calibrate",
            '    source: {ref: hematologist-2024-e1910, at: text}\n    published_on: "2022-12"\n    role: calibrate',
        ),
    )
    leaks = [item for item in check_document(document(*edits), "sample") if item.rule == "leakage"]
    assert len(leaks) == 2


def test_an_unreadable_file_is_one_finding_with_its_line(document: Make, line_of: Line) -> None:
    found = check_document(document(("value: 0.66", "value: 66")), "sample")
    assert [item.rule for item in found] == ["unreadable"]
    assert found[0].line == line_of("- id: cr\n")
    assert "outside 0 to 1" in found[0].cause


@pytest.mark.parametrize(
    ("value", "events", "n", "expected"),
    [
        (0.81, 395, 488, True),
        (0.33, 26, 80, True),
        (0.32, 26, 80, True),
        (0.34, 26, 80, False),
        (0.904, 132, 146, True),
        (0.904, 131, 146, False),
        (1.0, 48, 48, True),
        (0.8, 53, 66, True),
    ],
)
def test_counts_round_to_the_published_percent(value: float, events: int, n: int, expected: bool) -> None:
    assert matches_count(value, events, n) is expected


def test_possible_counts_against_enumeration() -> None:
    for n in (13, 25, 33, 64, 488):
        for percent in range(101):
            expected = tuple(k for k in range(n + 1) if abs(round(100 * k / n, 9) - percent) <= 0.5 + 1e-7)
            assert possible_counts(percent / 100, n) == expected
    assert possible_counts(0.31, 25) == ()
