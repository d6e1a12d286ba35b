"""Are the absolute amounts right? An independent sum from the published doses must come to the same."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.protocol_calendar.sample import EVERYTHING, IDS, PERSON, START, plan_of, regimen, small

from remission.base.errors import UsageError
from remission.protocol import Person, timeline

people = st.builds(Person, bsa_m2=st.floats(0.5, 3.0), age_y=st.floats(18.0, 64.0), weight_kg=st.floats(20.0, 200.0),
                   sex=st.sampled_from([None, "male", "female"]), known=st.just(EVERYTHING))
RESPONDS = {"not transplanted": True, "cr(induction-1)": True}


def holds(only: str | None, person: Person) -> bool:
    """A condition of one drug, read anew from its text."""
    if only is None or only in RESPONDS:
        return True
    match = re.fullmatch(r"(age|cd20|wbc) (<=|>=|<|>) ([0-9.]+)", only)
    assert match is not None, only
    value = person.age_y if match[1] == "age" else EVERYTHING[match[1], None]
    limit = float(match[3])
    return {"<": value < limit, "<=": value <= limit, ">": value > limit, ">=": value >= limit}[match[2]]


def caps(identifier: str) -> dict[tuple[str, str, float, str, str], tuple[float, str]]:
    """Caps of a regimen's drugs by phase, drug, dose and route."""
    return {(phase.id, give.drug, give.dose.value, give.dose.unit, give.route): (give.cap.value, give.cap.unit)
            for phase in regimen(identifier).phases for give in phase.give if give.cap is not None}


def amount(row: dict[str, Any], person: Person, cap: tuple[float, str] | None) -> float:
    """A row's daily amount in mg or IU, from first principles."""
    scale = {"g": 1000.0, "mg": 1.0, "ug": 0.001, "IU": 1.0}
    parts = row["unit"].split("/")
    each = row["dose"] * scale[parts[0]]
    if "m2" in parts:
        each *= person.bsa_m2
    if "kg" in parts:
        assert person.weight_kg is not None
        each *= person.weight_kg
    if cap is not None:
        each = min(each, cap[0] * scale[cap[1].split("/")[0]])
    return float(each * row["per_day"])


def in_mg(unit: str) -> float:
    return {"g": 1000.0, "mg": 1.0, "ug": 0.001, "IU": 1.0}[unit]


def phase_rows(plan: Any) -> list[dict[str, Any]]:
    """Administrations of the phases, without the drugs alongside."""
    return [{**row, "phase": phase["id"]} for phase in timeline(plan)["phases"] for row in phase["administrations"]]


@pytest.mark.parametrize("identifier", IDS)
@given(person=people)
@settings(max_examples=20)
def test_totals_equal_an_independent_sum_over_the_administrations(identifier: str, person: Person) -> None:
    expected: dict[str, float] = {}
    limits = caps(identifier)
    for row in phase_rows(regimen(identifier)):
        if not holds(row["only"], person):
            continue
        cap = limits.get((row["phase"], row["drug"], row["dose"], row["unit"], row["route"]))
        expected[row["drug"]] = expected.get(row["drug"], 0.0) + amount(row, person, cap)
    plan = plan_of(identifier, person)
    found: dict[str, float] = {}
    for item in (*plan.doses, *plan.infusions):
        if item.status == "planned" and item.phase != "alongside":
            found[item.drug] = found.get(item.drug, 0.0) + item.total * in_mg(item.unit)
    assert found == pytest.approx(expected, rel=1e-9)


@given(person=people)
@settings(max_examples=25)
def test_no_dose_exceeds_its_cap_and_none_is_cut_without_need(person: Person) -> None:
    for identifier in ("e1910-blinatumomab", "graall-2014", "lal2317", "hyper-cvad"):
        for dose in plan_of(identifier, person).doses:
            if dose.cap is None:
                continue
            limit = float(dose.cap.split()[0])
            assert dose.cap.split()[1] == dose.unit
            assert dose.amount <= limit
            assert dose.capped == (dose.amount == limit and float(dose.published.split()[0]) * person.bsa_m2 > limit)


def test_each_kind_of_dose_comes_to_an_absolute_amount() -> None:
    plan = plan_of_small()
    by_drug = {dose.drug: dose for dose in reversed(plan.doses)}
    assert (by_drug["vincristine"].amount, by_drug["vincristine"].unit, by_drug["vincristine"].capped) == (2.0, "mg", True)
    assert by_drug["filgrastim"].amount == 5 * 78
    assert by_drug["filgrastim"].unit == "ug"
    assert by_drug["cytarabine"].amount == pytest.approx(185.0)
    assert (by_drug["cytarabine"].per_day, by_drug["cytarabine"].over_h) == (2, 2.0)
    assert by_drug["cytarabine"].total == pytest.approx(370.0)
    assert by_drug["methotrexate"].amount == 15.0
    assert [(item.rate, item.unit, item.days, item.total) for item in plan.infusions] == [(28.0, "ug", 28, 784.0)]


def plan_of_small(person: Person = PERSON) -> Any:
    from remission.protocol import dated_plan

    return dated_plan(small(), START, person)


def test_a_small_patient_stays_below_the_cap_and_the_plan_says_so() -> None:
    plan = plan_of_small(Person(bsa_m2=1.2, age_y=44.0, weight_kg=40.0, known=EVERYTHING))
    dose = next(dose for dose in plan.doses if dose.drug == "vincristine")
    assert (dose.amount, dose.capped, dose.cap) == (pytest.approx(1.68), False, "2 mg")


def test_units_of_enzymes_are_kept() -> None:
    plan = plan_of("e1910-blinatumomab")
    doses = [dose for dose in plan.doses if dose.drug == "pegaspargase"]
    assert {dose.unit for dose in doses} == {"IU"}
    assert {dose.amount for dose in doses} == {3700.0}
    big = plan_of("e1910-blinatumomab", Person(bsa_m2=2.2, age_y=44.0, weight_kg=110.0))
    assert {(dose.amount, dose.capped) for dose in big.doses if dose.drug == "pegaspargase"} == {(3750.0, True)}


def test_a_missing_weight_is_asked_for_where_a_dose_needs_it() -> None:
    with pytest.raises(UsageError) as caught:
        plan_of_small(Person(bsa_m2=1.85, age_y=44.0))
    assert caught.value.parts() == {
        "what": "the patient's weight is missing", "where": "--weight",
        "why": "filgrastim in the phase first is dosed as 5 ug/kg", "fix": "give the weight in kg, e.g. --weight 78"}


def test_a_weight_is_not_asked_for_where_no_dose_needs_it() -> None:
    plan = plan_of("s1318", Person(bsa_m2=1.85, age_y=70.0))
    assert "the weight is not known; the flat dose of blinatumomab is meant for 45 kg and more" in plan.remarks


@pytest.mark.parametrize("identifier", [i for i in IDS if regimen(i).alongside])
def test_drugs_alongside_are_given_every_day_of_their_phases_and_no_other(identifier: str) -> None:
    plan = plan_of(identifier)
    order = [phase.id for phase in regimen(identifier).phases]
    for index, item in enumerate(regimen(identifier).alongside):
        last = len(order) if item.to == "lifelong" else order.index(item.to) + 1
        among = order[order.index(item.from_):last]
        days = {day for stage in plan.stages if stage.phase in among for day in range(stage.first_day, stage.last_day + 1)}
        given = [dose for dose in plan.doses if dose.order == f"alongside.{index}"]
        if given:
            assert {dose.day for dose in given} == days
            assert len(given) == len(days)
        else:
            assert any(item.drug in remark and "not given" in remark for remark in plan.remarks)
        if given and item.to == "lifelong":
            assert any("for life" in remark and item.drug in remark for remark in plan.remarks)
