"""Does the text say every dose, source, assumption and decision of a regimen, and does the machine plan agree with it?"""

import json
import re

import pytest

from remission.base import catalog
from remission.protocol import in_words, load_regimen, machine_plan

KEYS = {"day", "drug", "dose", "unit", "route", "phase", "cycle"}


@pytest.mark.parametrize("identifier", catalog.ids("regimens"))
def test_every_drug_source_and_assumption_is_said(identifier: str) -> None:
    regimen = load_regimen(identifier)
    text = in_words(regimen, lambda ref: f"<{ref}>")
    whole = " ".join(text.split())
    for phase in regimen.phases:
        for give in phase.give:
            assert give.drug in whole
            assert give.assumed is None or " ".join(give.assumed.split()).rstrip(".") in whole
        for item in (phase, *phase.give, *phase.assess, *phase.then):
            assert item.source is None or f"<{item.source.ref}>" in whole
    assert all(" ".join(note.text.split()) in whole for note in regimen.notes)
    assert max(map(len, text.splitlines())) <= 100 or "<" in text


def test_numbers_of_sources_and_assumptions_are_all_explained() -> None:
    text = in_words(load_regimen("e1910-blinatumomab"))
    body, _, tail = text.partition("\nAssumptions\n")
    used = set(re.findall(r"assumed\s+(A[0-9]+)", body))
    assert used == set(re.findall(r"^ +(A[0-9]+):", tail, re.MULTILINE))
    assert set(re.findall(r"\[([0-9]+)[:;\]]", body)) <= set(re.findall(r"^ +([0-9]+):", tail, re.MULTILINE))


@pytest.mark.parametrize(("identifier", "said"), [
    ("a041703", "Then, if adequate cytoreduction and remission at course-ia: Course IB"),
    ("a041703", "4 blinatumomab cycles on days 50–77; days 92–119; days 134–161; days 176–203"),
    ("a041703", "8 intrathecal doses"),
    ("e1910-blinatumomab", "Randomised, if remission and MRD < 10⁻⁴ at post-intensification"),
    ("e1910-blinatumomab", "pegaspargase 2000 IU/m² (at most 3750 IU) iv on day 5 [only if age < 55 years]"),
    ("e1910-blinatumomab", "7 × 84 days"),
    ("d-alba", "dasatinib 140 mg by mouth, daily"),
    ("d-alba", "about 73 % of them")])
def test_a_protocol_in_words(identifier: str, said: str) -> None:
    assert said in " ".join(in_words(load_regimen(identifier)).split())


@pytest.mark.parametrize("identifier", catalog.ids("regimens"))
def test_the_machine_plan_has_a_row_for_each_dose_day(identifier: str) -> None:
    plan = machine_plan(load_regimen(identifier))
    assert json.loads(json.dumps(plan)) == plan
    rows = plan["administrations"]
    assert rows
    assert all(set(row) >= KEYS for row in rows)
    assert [row["day"] for row in rows] == sorted(row["day"] for row in rows)
    drawn = {phase["id"]: range(phase["start"], phase["start"] + phase["length"]) for phase in plan["phases"] if phase["start"]}
    assert all(row["day"] in drawn[row["phase"]] for row in rows)
    assert all(item["day"] in drawn[item["phase"]] for item in plan["assessments"])
    assert {branch["phase"] for branch in plan["branches"]} <= {phase["id"] for phase in plan["phases"]}
    assert [phase["id"] for phase in plan["phases"]] == [phase.id for phase in load_regimen(identifier).phases]


def test_a_drug_alongside_has_its_rows() -> None:
    """Dasatinib from day 8, the first of induction, to the end of the path; ponatinib only after a mutation, off the path."""
    rows = [row for row in machine_plan(load_regimen("d-alba"))["administrations"] if row["drug"] in ("dasatinib", "ponatinib")]
    assert {row["drug"] for row in rows} == {"dasatinib"}
    assert [row["day"] for row in rows] == list(range(8, 668))


def test_the_infusion_days_of_a_cycle() -> None:
    """28 days of 28 ug/d in each of four cycles; 9 ug/d for 7 days first where the disease is active."""
    rows = [row for row in machine_plan(load_regimen("a041703"))["administrations"] if row["drug"] == "blinatumomab"]
    assert len(rows) == 4 * 28
    assert [row["dose"] for row in rows[:8]] == [9.0] * 7 + [28.0]
