"""What a result, a baseline and a date may say, and what is refused with line, near word and cure."""

from collections.abc import Callable
from datetime import date

import pytest

from remission.base.errors import InvalidFile, NotFound, Problem
from remission.base.files import Document
from remission.evidence import load_source, load_trial, read_trial
from remission.evidence.dates import earliest, latest

Make = Callable[..., Document]


REFUSED = {
    "percent instead of fraction": (("value: 0.66", "value: 66"), "outside 0 to 1"),
    "negative time": (("at: 36", "at: -36"), "at"),
    "time zero": (("at: 36", "at: 0"), "at"),
    "no time at all": (("    at: 36\n", ""), "no time"),
    "numerator above n": (("numerator: 19", "numerator: 30"), "numerator"),
    "numerator without n": (("numerator: 19\n    n: 29", "numerator: 19"), "numerator"),
    "interval beside the value": (("lo95: 0.46", "lo95: 0.67"), "does not contain"),
    "zero for a missing value": (("value: null", "value: 0"), "status disagree"),
    "null for a known value": (
        ("value: 0.66\n    numerator: 19\n    n: 29\n    lo95: 0.46\n    hi95: 0.82", "value: null"),
        "status disagree",
    ),
    "missing value that calibrates": (
        ("role: context, status: not reported", "role: calibrate, status: not reported"),
        "cannot have the role",
    ),
    "subgroup in words that calibrates": (
        ("    at: 36\n", "    at: 36\n    subgroup: responders\n"),
        "cannot have the role",
    ),
    "hazard ratio that calibrates": (
        ("    at: 36\n", "    at: 36\n    measure: hazard ratio\n"),
        "cannot have the role",
    ),
    "conflict with one reading": (
        ('      - {says: NA, source: {ref: pourhassan-2023, at: "Table 1B"}}\n', ""),
        "readings",
    ),
    "result id used twice": (("- id: cr-older", "- id: cr"), "used twice"),
    "conflict id used twice": (
        (
            "    values: [mrd]\n",
            "    values: [mrd]\n  - id: mrd-cell\n    about: x\n    readings:\n"
            "      - {says: a, source: {ref: advani-2022, at: x}}\n"
            "      - {says: b, source: {ref: advani-2022, at: x}}\n"
            "    resolution: a\n    reason: b\n",
        ),
        "used twice",
    ),
    "unknown condition": (("where: age >= 75", "where: aeg >= 75"), "aeg"),
    "range upside down": (
        ("value: 0.41, numerator: 12, n: 29", "median: 75, range: [84, 66], unit: y"),
        "upside down",
    ),
    "median outside its range": (
        ("value: 0.41, numerator: 12, n: 29", "median: 85, range: [66, 84], unit: y"),
        "outside its range",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_a_line(name: str, document: Make) -> None:
    edit, words = REFUSED[name]
    with pytest.raises(InvalidFile) as caught:
        read_trial(document(edit))
    assert words in str(caught.value)
    assert caught.value.where.startswith("sample.yaml:")
    assert caught.value.fix


@pytest.mark.parametrize(
    ("edit", "near"),
    [
        (("endpoint: OS", "endpoint: OSS"), "OS"),
        (("value: 0.41, numerator: 12, n: 29", "median: 75, unit: yy"), "y"),
        (("method: exact", "method: exakt"), "exact"),
        (("role: calibrate", "role: calibrat"), "calibrate"),
        (("assay: flow", "assay: flo"), "flow"),
    ],
)
def test_refused_with_the_nearest_word(edit: tuple[str, str], near: str, document: Make) -> None:
    with pytest.raises(InvalidFile) as caught:
        read_trial(document(edit))
    assert caught.value.near == near


def test_a_missing_value_stays_missing(document: Make) -> None:
    trial = read_trial(document())
    assert trial.result("none").value is None
    assert trial.result("none").status == "not reported"


def test_time_is_months_or_an_assessment_never_both(document: Make) -> None:
    trial = read_trial(document())
    assert (trial.result("os-36").months, trial.result("os-36").assessment) == (36.0, None)
    assert (trial.result("mrd").months, trial.result("mrd").assessment) == (None, "any")


def test_conflicts_are_found_from_the_result(document: Make) -> None:
    trial = read_trial(document())
    assert [conflict.id for conflict in trial.conflicts_of("mrd")] == ["mrd-cell"]
    assert trial.conflicts_of("cr") == ()


def test_an_unknown_result_names_the_nearest(document: Make) -> None:
    with pytest.raises(Problem) as caught:
        read_trial(document()).result("os-3")
    assert caught.value.near == "os-36"


def test_unknown_ids_name_the_nearest() -> None:
    with pytest.raises(NotFound) as caught:
        load_trial("s1813")
    assert caught.value.near == "s1318"
    with pytest.raises(NotFound):
        load_source("../trials/s1318")


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2022", date(2022, 1, 1), date(2022, 12, 31)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("2022-05-10", date(2022, 5, 10), date(2022, 5, 10)),
    ],
)
def test_dates_known_in_part(text: str, first: date, last: date) -> None:
    assert (earliest(text), latest(text)) == (first, last)


@pytest.mark.parametrize(
    "text", ["", "22", "2022-13", "2022-02-30", "2022-5-1", "May 2022", "2022-05-10T00:00", "0000"]
)
def test_dates_that_are_none(text: str) -> None:
    with pytest.raises(Problem):
        latest(text)
