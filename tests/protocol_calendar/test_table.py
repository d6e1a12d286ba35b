"""Does the table hold the whole plan, and is it safe to open in a spreadsheet?"""

from __future__ import annotations

import csv
import json

import pytest
from tests.protocol_calendar.sample import IDS, PERSON, plan_of

from remission.doors import NOTICE
from remission.protocol import Person, export_plan
from remission.protocol.dated.calendar import RESEARCH_USE
from remission.protocol.dated.export.table import COLUMNS, _cell


def read(text: str) -> tuple[list[str], list[dict[str, str]]]:
    lines = text.splitlines()
    head = [line for line in lines if line.startswith("#")]
    return head, list(csv.DictReader(lines[len(head):]))


def test_the_notice_is_one_and_the_same() -> None:
    assert RESEARCH_USE == NOTICE


@pytest.mark.parametrize("identifier", IDS)
def test_the_table_adds_up_to_the_totals_of_the_plan(identifier: str) -> None:
    plan = plan_of(identifier)
    head, rows = read(export_plan(plan, "csv"))
    assert head[0] == f"# {NOTICE}"
    assert set(rows[0]) == set(COLUMNS)
    sums: dict[tuple[str, str], float] = {}
    for row in rows:
        if row["kind"] in ("dose", "infusion") and row["status"] == "planned":
            sums[row["what"], row["unit"]] = sums.get((row["what"], row["unit"]), 0.0) + float(row["total"])
    assert sums == pytest.approx(plan.totals(), rel=1e-8)


@pytest.mark.parametrize("identifier", IDS)
def test_rows_stand_in_the_order_of_their_dates(identifier: str) -> None:
    _, rows = read(export_plan(plan_of(identifier), "csv"))
    dates = [row["date"] for row in rows if row["date"]]
    assert dates == sorted(dates)
    assert all(row["end"] >= row["date"] for row in rows)


def test_undecided_doses_and_branches_are_in_the_table() -> None:
    plan = plan_of("e1910-blinatumomab", Person(bsa_m2=1.85, age_y=44.0, weight_kg=78.0))
    head, rows = read(export_plan(plan, "csv"))
    undecided = [row for row in rows if row["status"] == "undecided"]
    assert {row["what"] for row in undecided} == {"rituximab"}
    assert all("cd20 is not known" in row["note"] for row in undecided)
    assert any(line.startswith("# undecided: rituximab 375 mg/m2 iv in induction-1: cd20 >= 20") for line in head)
    _, graall = read(export_plan(plan_of("graall-2014"), "csv"))
    assert [row["what"] for row in graall if row["kind"] == "undecided"] == ["what follows consolidation-1"]


def test_the_cap_is_said() -> None:
    _, rows = read(export_plan(plan_of("e1910-blinatumomab"), "csv"))
    vincristine = next(row for row in rows if row["what"] == "vincristine")
    assert (vincristine["amount"], vincristine["published"], vincristine["cap"], vincristine["capped"]) == ("2", "1.4 mg/m2", "2 mg", "yes")
    assert "cap 2 mg applied" in vincristine["note"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_a_cell_is_never_a_formula(text: str) -> None:
    assert _cell(text) == f"'{text}"


@pytest.mark.parametrize("identifier", IDS)
def test_json_holds_the_same_rows_and_everything_left_open(identifier: str) -> None:
    plan = plan_of(identifier)
    whole = json.loads(export_plan(plan, "json"))
    _, rows = read(export_plan(plan, "csv"))
    assert whole["notice"] == NOTICE
    assert len(whole["events"]) == len(rows)
    assert [event["date"] or "" for event in whole["events"]] == [row["date"] for row in rows]
    assert {(item["drug"], item["unit"]): item["total"] for item in whole["totals"]} == pytest.approx(plan.totals())
    assert len(whole["undecided"]) == len(plan.undecided)
    assert whole["patient"]["bsa_m2"] == PERSON.bsa_m2
