"""Do the dosing records say what the plan says, in a form that pharmacometric tools read?"""

from __future__ import annotations

import io
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocol_calendar.sample import IDS, PERSON, START, plan_of, small

from remission.doors import NOTICE
from remission.protocol import Person, dated_plan, export_plan
from remission.protocol.dated.export.nmtran import COLUMNS

IN_MG = {"g": 1000.0, "mg": 1.0, "ug": 0.001, "IU": 1.0}


def read(text: str) -> Any:
    """The records as a structured array, read as any tool reads a comma-separated file once its comments are skipped."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return np.atleast_1d(np.genfromtxt(io.StringIO("\n".join(lines)), delimiter=",", names=True, missing_values=".", filling_values=-99.0))


def drugs(text: str) -> dict[int, tuple[str, str]]:
    """Drug and unit by number, from the comments."""
    return {int(n): (drug, unit) for n, drug, unit in re.findall(r"^# DRUG (\d+) (\S+), AMT in (\S+)$", text, re.MULTILINE)}


@pytest.mark.parametrize("identifier", IDS)
def test_the_amounts_of_each_drug_add_up_to_the_plan(identifier: str) -> None:
    plan = plan_of(identifier)
    text = export_plan(plan, "nmtran")
    records, names = read(text), drugs(text)
    found = {names[int(n)][0]: records["AMT"][records["DRUG"] == n].sum() * IN_MG[names[int(n)][1]] for n in set(records["DRUG"])}
    expected: dict[str, float] = {}
    for (drug, unit), total in plan.totals().items():
        expected[drug] = expected.get(drug, 0.0) + total * IN_MG[unit]
    assert found == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("identifier", IDS)
def test_rate_times_duration_is_the_amount(identifier: str) -> None:
    records = read(export_plan(plan_of(identifier), "nmtran"))
    infused = records["DUR"] > 0
    np.testing.assert_allclose(records["RATE"][infused] * records["DUR"][infused], records["AMT"][infused], rtol=1e-8)
    assert (records["RATE"][~infused] == 0).all()


@pytest.mark.parametrize("identifier", IDS)
def test_records_are_in_order_and_every_one_is_a_dose(identifier: str) -> None:
    records = read(export_plan(plan_of(identifier), "nmtran"))
    assert records.dtype.names == COLUMNS
    assert (np.diff(records["TIME"]) >= 0).all()
    assert records["TIME"].min() >= 0
    assert (records["EVID"] == 1).all()
    assert (records["ID"] == 1).all()
    assert (records["AMT"] > 0).all()
    assert set(records["CMT"]) <= {1.0, 2.0, 3.0}


def test_an_infusion_of_28_days_is_one_record() -> None:
    text = export_plan(plan_of("e1910-blinatumomab"), "nmtran")
    number = next(n for n, (drug, _) in drugs(text).items() if drug == "blinatumomab")
    rows = read(text)
    rows = rows[rows["DRUG"] == number]
    assert drugs(text)[number] == ("blinatumomab", "ug")
    assert [tuple(row) for row in rows[["TIME", "AMT", "DUR", "CMT"]]] == \
        [(24.0 * (day - 1), 784.0, 672.0, 2.0) for day in (106, 148, 288, 358)]


def test_several_doses_a_day_are_spread_over_it() -> None:
    text = export_plan(dated_plan(small(), START, PERSON), "nmtran")
    number = next(n for n, (drug, _) in drugs(text).items() if drug == "cytarabine")
    rows = read(text)
    assert list(rows["TIME"][rows["DRUG"] == number]) == [0, 12, 24, 36, 48, 60]


def test_undecided_doses_are_named_and_not_in_the_records() -> None:
    text = export_plan(plan_of("e1910-blinatumomab", Person(bsa_m2=1.85, age_y=44.0, weight_kg=78.0)), "nmtran")
    assert "rituximab" not in {drug for drug, _ in drugs(text).values()}
    assert "# undecided: rituximab 375 mg/m2 iv in induction-1: cd20 >= 20; cd20 is not known" in text


def test_comments_and_header_are_skipped_by_ignore_at() -> None:
    """IGNORE=@ skips records whose first character that is not blank is a letter, @ or #."""
    lines = export_plan(plan_of("s1318"), "nmtran").splitlines()
    assert lines[0] == f"# {NOTICE}"
    kept = [line for line in lines if not re.match(r"[ \t]*[A-Za-z#@]", line)]
    assert len(kept) == len([line for line in lines if line[0].isdigit()])
    assert all(len(line) <= 160 for line in lines)
    assert all(len(field) <= 24 for line in kept for field in line.split(","))


@given(bsa=st.floats(0.3, 3.5), weight=st.one_of(st.none(), st.floats(2, 400)), age=st.floats(0, 120))
def test_any_patient_gives_readable_records(bsa: float, weight: float | None, age: float) -> None:
    records = read(export_plan(plan_of("s1318", Person(bsa_m2=bsa, age_y=age, weight_kg=weight)), "nmtran"))
    assert records["BSA"][0] == pytest.approx(bsa, rel=1e-9)
    assert records["WT"][0] == pytest.approx(-99.0 if weight is None else weight, rel=1e-9)
