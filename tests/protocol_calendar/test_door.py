"""Does the verb answer on stdout, talk on stderr, and refuse what cannot be meant in five parts?"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import click
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.protocol_calendar.sample import IDS

from remission.base.errors import RemissionError
from remission.cli import main
from remission.doors import NOTICE
from remission.doors.calendar import command

PATIENT = ["--start", "2027-01-04", "--bsa", "1.85", "--weight", "78", "--age", "44"]
FORMATS = ("ics", "csv", "fhir", "fhir-plan", "nmtran", "json")


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("identifier", IDS)
def test_every_regimen_is_written_in_every_format(identifier: str, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calendar", identifier, *PATIENT, "--format", form]) == 0
    out = capsys.readouterr().out
    folded = out.replace("\r\n ", "")
    assert NOTICE in folded
    assert identifier in folded


def test_the_standard_output_is_the_answer_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calendar", "e1910-blinatumomab", *PATIENT, "--json"]) == 0
    caught = capsys.readouterr()
    assert json.loads(caught.out)["regimen"] == "e1910-blinatumomab"
    assert "undecided: rituximab 375 mg/m2 iv in induction-1: cd20 >= 20; cd20 is not known" in caught.err


def test_a_fact_decides(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calendar", "e1910-blinatumomab", *PATIENT, "--json", "--cd20", "60"]) == 0
    caught = capsys.readouterr()
    assert "undecided" not in caught.err
    assert "rituximab" in {item["drug"] for item in json.loads(caught.out)["totals"]}


def test_the_calendar_is_written_to_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "new" / "plan.ics"
    assert main(["calendar", "s1318", *PATIENT, "--out", str(target)]) == 0
    caught = capsys.readouterr()
    assert caught.out == ""
    assert NOTICE in caught.err
    assert main(["calendar", "s1318", *PATIENT]) == 0
    assert target.read_bytes() == capsys.readouterr().out.encode()


def test_a_plan_definition_needs_no_patient(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calendar", "s1318", "--format", "fhir-plan"]) == 0
    assert json.loads(capsys.readouterr().out)["resourceType"] == "PlanDefinition"


@pytest.mark.parametrize(("options", "code", "where"), [
    (["--start", "2027-13-01"], 2, "--start"), (["--start", "2027-02-29"], 2, "--start"), (["--start", "04.01.2027"], 2, "--start"),
    (["--start", "20270104"], 2, "--start"), (["--start", "2027-W01-1"], 2, "--start"), (["--start", "1066-10-14"], 2, "--start"),
    (["--bsa", "0.29"], 2, "--bsa"), (["--bsa", "3.51"], 2, "--bsa"), (["--bsa", "185"], 2, "--bsa"), (["--bsa", "nan"], 2, "--bsa"),
    (["--bsa", "1,85"], 2, "--bsa"), (["--bsa", ""], 2, "--bsa"), (["--weight", "0"], 2, "--weight"), (["--weight", "1e9"], 2, "--weight"),
    (["--age", "-3"], 2, "--age"), (["--age", "old"], 2, "--age"), (["--sex", "x"], 2, "--sex"), (["--cd20", "101"], 2, "--cd20"),
    (["--cd20", "5", "--fact", "cd20 = 6"], 2, "--fact"), (["--fact", "bogus"], 2, "--fact"), (["--path", "nowhere"], 2, "--path"),
    (["--bag-days", "5"], 2, "--bag-days"), (["--bag-days", "four"], 2, "--bag-days"), (["--format", "pdf"], 2, "--format"),
    (["--label", "a\nb"], 2, "--label"), (["--out", "/dev/null/x.ics"], 7, "/dev/null"), (["--nonsense"], 2, "remission calendar")])
def test_an_option_that_cannot_be_meant_is_refused_in_five_parts(options: list[str], code: int, where: str,
                                                                 capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calendar", "s1318", *PATIENT, *options]) == code
    caught = capsys.readouterr()
    assert caught.out == ""
    error = caught.err[caught.err.index(where):]
    assert error.startswith(f"{where}")
    assert "fix:" in error
    assert "Traceback" not in error


@pytest.mark.parametrize("missing", ["--start", "--bsa", "--age"])
def test_a_missing_option_is_named(missing: str, capsys: pytest.CaptureFixture[str]) -> None:
    place = PATIENT.index(missing)
    assert main(["calendar", "s1318", *PATIENT[:place], *PATIENT[place + 2:]]) == 2
    assert capsys.readouterr().err.startswith(f"{missing}: ")


def test_a_missing_weight_is_named_where_a_drug_needs_it(capsys: pytest.CaptureFixture[str]) -> None:
    place = PATIENT.index("--weight")
    assert main(["calendar", "graall-2014", *PATIENT[:place], *PATIENT[place + 2:]]) == 2
    assert "filgrastim in the phase induction is dosed as 5 ug/kg" in capsys.readouterr().err


def test_an_unknown_regimen_has_a_nearest_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calendar", "e1910-blinatumumab", *PATIENT]) == 3
    assert "near: e1910-blinatumomab" in capsys.readouterr().err


hostile = st.one_of(st.text(max_size=60), st.from_regex(r"[0-9.,:/-]{0,30}", fullmatch=True), st.sampled_from(
    ["../../etc/passwd", "%s%n", "\x00", "9" * 400, "-0", "1e309", "１.８５", "'; --", "(" * 200, "mrd(" * 50]))
OPTIONS = ("--start", "--bsa", "--weight", "--age", "--sex", "--cd20", "--fact", "--path", "--bag-days", "--label", "--format")


@given(option=st.sampled_from(OPTIONS), value=hostile, regimen=st.sampled_from(["s1318", "graall-2014"]))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_no_input_breaks_the_verb(option: str, value: str, regimen: str) -> None:
    with suppress(RemissionError, click.UsageError):
        command.main([regimen, *PATIENT, f"{option}={value}"], standalone_mode=False)


def test_help_and_the_room_load_no_calendar_library() -> None:
    script = ("import sys, remission.cli, remission.protocol\nremission.cli.main(['calendar', '--help'])\n"
              "print(sorted({'icalendar', 'yaml', 'numba'} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "Put REGIMEN on dates" in done.stdout
