"""The review on a terminal: fits, survives a pipe, never obeys the text it shows. All trials are invented."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest
from rich.console import Console
from tests.report.sample import review, row

from remission.report import print_review
from remission.report.words import percent, percent_number, result_name


def shown(width: int, **more: object) -> str:
    """What is printed on a console that is no terminal."""
    told = review()
    console = Console(file=io.StringIO(), width=width)
    print_review([*told["rows"], row("x", "y", "OS", None, None, months=12, **more)], told["summary"], console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [80, 100, 160])
def test_fits_and_has_no_colour_codes_in_a_pipe(width: int) -> None:
    printed = shown(width)
    assert "\x1b" not in printed
    assert max(len(line) for line in printed.splitlines()) <= width
    assert printed.isascii()


def test_every_row_is_there_published_beside_predicted() -> None:
    printed = shown(100)
    assert "OS, 36 months                  112  83 % (77-88)       80 % (73-87)       yes" in printed
    assert "RFS, 36 months                 112  80 % (74-85)       70 % (63-77)       NO" in printed
    assert "not reported" in printed
    assert "not predicted" in printed
    assert printed.count("months") == sum(item["months"] is not None for item in review()["rows"]) + 1
    assert "14 of 17 published results lie inside the predicted 90 % interval (82 %)." in printed


def test_markup_and_control_characters_are_text() -> None:
    printed = shown(100, where="[red]x[/red]\x1b[31m\r\n")
    assert "[red]x" in "".join(printed.split())
    assert "\x1b" not in printed
    assert "\r" not in printed


def test_colour_on_a_terminal_only_adds_to_words() -> None:
    told = review()
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system="standard")
    print_review(told["rows"], told["summary"], console)
    assert isinstance(console.file, io.StringIO)
    assert "\x1b[1;31mNO" in console.file.getvalue()


def test_percentages() -> None:
    assert [percent_number(v) for v in (0, 0.029, 0.0995, 0.1, 0.84, 1)] == [
        "0",
        "2.9",
        "10",
        "10",
        "84",
        "100",
    ]
    assert percent(None) == "not reported"
    assert percent(float("nan")) == "not reported"


def test_result_names() -> None:
    assert result_name({"endpoint": "OS", "months": 36, "where": "age >= 70"}) == "OS, 36 months, age\u00a0≥\u00a070"
    assert result_name({"endpoint": "MRD-", "at": "cycle-1"}) == "MRD−, cycle-1"


def test_importing_the_report_loads_no_plotting() -> None:
    code = "import remission.report, sys; assert not {'matplotlib', 'jinja2', 'rich'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
