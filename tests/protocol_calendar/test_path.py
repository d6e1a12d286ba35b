"""Which phases does this patient go through, and is everything that is not decided said?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocol_calendar.sample import EVERYTHING, IDS, START, plan_of, regimen, small

from remission.base.errors import UsageError
from remission.protocol import Person, dated_plan, default_path, read_fact


def person(*facts: str, age: float = 44.0, identifier: str = "small") -> Person:
    asked = small() if identifier == "small" else regimen(identifier)
    return Person(bsa_m2=1.85, age_y=age, weight_kg=78.0, known=dict(read_fact(fact, asked) for fact in facts))


def phases(*facts: str, age: float = 44.0, path: str = "default") -> list[str]:
    return [stage.phase for stage in dated_plan(small(), START, person(*facts, age=age), path=path).stages]


@pytest.mark.parametrize("identifier", IDS)
def test_a_young_responder_takes_the_default_path(identifier: str) -> None:
    assert [stage.phase for stage in plan_of(identifier).stages] == [phase.id for phase in default_path(regimen(identifier))]


def test_age_chooses_between_phases() -> None:
    young = [stage.phase for stage in plan_of("lal2820-chemotherapy", person(age=50.0)).stages]
    old = plan_of("lal2820-chemotherapy", person(age=70.0))
    older = [stage.phase for stage in old.stages]
    assert "course-1" in young
    assert "course-1-older" not in young
    assert older[:3] == ["prephase", "course-1-older", "course-2-older"]
    assert next(dose.amount for dose in old.doses if dose.drug == "imatinib") == 600.0


def test_age_chooses_between_doses() -> None:
    for age, fluent in ((50.0, 2000.0), (54.9, 2000.0), (55.0, 1000.0), (66.0, 1000.0)):
        plan = plan_of("e1910-blinatumomab", Person(bsa_m2=1.5, age_y=age, weight_kg=60.0))
        doses = [dose for dose in plan.doses if dose.drug == "pegaspargase" and dose.phase == "chemotherapy-1"]
        assert [dose.amount for dose in doses] == [fluent * 1.5]


def test_a_missing_fact_leaves_the_drug_undecided_and_in_sight() -> None:
    plan = dated_plan(small(), START, person())
    doses = [dose for dose in plan.doses if dose.drug == "rituximab"]
    assert [(dose.status, dose.reason) for dose in doses] == [("undecided", "cd20 is not known")]
    assert ("rituximab", "mg") not in plan.totals()
    said = [(item.kind, item.what, item.condition, item.reason) for item in plan.undecided]
    assert ("drug", "rituximab 375 mg/m2 iv", "cd20 >= 20", "cd20 is not known") in said
    assert ("drug", "dasatinib 100 mg, alongside second to lifelong", "cd20 >= 20", "cd20 is not known") in said


@pytest.mark.parametrize(("cd20", "count"), [("cd20 = 20", 1), ("cd20 = 80", 1), ("cd20 = 19.9", 0), ("cd20 = 0", 0)])
def test_a_given_fact_decides(cd20: str, count: int) -> None:
    plan = dated_plan(small(), START, person(cd20))
    assert len([dose for dose in plan.doses if dose.drug == "rituximab"]) == count
    assert all(dose.status == "planned" for dose in plan.doses)
    assert plan.undecided == ()


def test_the_default_path_names_the_responses_it_takes_as_given() -> None:
    plan = dated_plan(small(), START, person("cd20 = 5"))
    assert "the default path takes as given: cr(end)" in plan.assumptions
    assert "the default path takes as given: mrd(mrd-end) negative" in plan.assumptions
    assert plan.left_out == (("other", "asks for: mrd(mrd-end) = positive"),)


def test_a_known_response_is_stronger_than_the_default_path() -> None:
    assert phases("mrd(mrd-end) = positive") == ["first", "other", "last"]
    assert phases("mrd(mrd-end) = 1e-3") == ["first", "other", "last"]
    assert phases("mrd(mrd-end) = 1e-5") == ["first", "second", "last"]
    assert phases("not cr(end)") == ["first"]


def test_phases_can_be_chosen() -> None:
    assert phases(path="first,other,last") == ["first", "other", "last"]
    plan = dated_plan(small(), START, person("mrd(mrd-end) = negative"), path="first, other")
    assert any("it was chosen all the same" in remark for remark in plan.remarks)
    assert dict(plan.left_out) == {"second": "not in the path asked for", "last": "not in the path asked for"}


def test_a_chosen_path_assumes_no_response_but_believes_the_choice() -> None:
    plan = plan_of("ea9181-blinatumomab", path="induction,blinatumomab-1,blinatumomab-2,a1,b1,a2,b2,transplant,maintenance")
    assert not any("takes as given" in text for text in plan.assumptions)
    drugs = {dose.drug for dose in plan.doses if dose.phase.startswith("maintenance")}
    assert "vincristine" not in drugs  # given only to patients who were not transplanted


def test_one_name_stands_for_all_repeats() -> None:
    plan = plan_of("e1910-blinatumomab", path="intensification,maintenance")
    assert [stage.phase for stage in plan.stages] == ["intensification", *(f"maintenance-{n}" for n in range(1, 8))]


@pytest.mark.parametrize(("path", "what", "near"), [
    ("frist", "'small' has no phase 'frist'", "first"),
    ("", "'small' has no phase ''", ""),
    ("first,,last", "'small' has no phase ''", ""),
    ("last,first", "the path goes from 'last' to 'first'", "first,last"),
    ("first,first", "the path goes from 'first' to 'first'", "first"),
])
def test_a_path_that_cannot_be_meant_is_refused(path: str, what: str, near: str) -> None:
    with pytest.raises(UsageError) as caught:
        phases(path=path)
    assert (caught.value.what, caught.value.near) == (what, near)
    assert caught.value.parts().keys() >= {"what", "where", "why", "fix"}


def test_an_undecided_branch_is_listed() -> None:
    plan = plan_of("graall-2014")
    branch = next(item for item in plan.undecided if item.kind == "branch")
    assert branch.phase == "consolidation-1"
    assert "cns, ikzf1, kmt2a not known" in branch.condition
    known = person("not cns", "not kmt2a", "ikzf1 = deleted", identifier="graall-2014")
    assert not any(item.kind == "branch" for item in plan_of("graall-2014", known).undecided)


def test_transplant_and_a_minority_are_left_out_with_their_reason() -> None:
    left = dict(plan_of("d-alba").left_out)
    assert left == {"transplant": "transplant, given to 41 % of patients; choose it with a path of your own"}
    assert "blinatumomab-3 is given to 73 % of the patients who could have it; it is on the default path" in plan_of("d-alba").remarks


def test_a_patient_outside_the_protocol_is_told_so() -> None:
    assert "the patient is not eligible: the protocol asks for age >= 60" in plan_of("a041703").remarks
    fit = Person(bsa_m2=1.85, age_y=70.0, weight_kg=78.0, known={**EVERYTHING, ("cns", None): False})
    assert not any("eligib" in remark for remark in plan_of("a041703", fit).remarks)


@given(age=st.floats(18, 90), cd20=st.one_of(st.none(), st.floats(0, 100)), identifier=st.sampled_from(IDS))
def test_every_phase_and_every_drug_of_the_path_is_accounted_for(age: float, cd20: float | None, identifier: str) -> None:
    known = {("cd20", None): cd20} if cd20 is not None else {}
    plan = plan_of(identifier, Person(bsa_m2=1.85, age_y=age, weight_kg=78.0, known=known))
    on, off = {stage.phase for stage in plan.stages}, {phase for phase, _ in plan.left_out}
    assert on | off == {phase.id for phase in regimen(identifier).phases}
    assert not on & off
    shown = {(dose.phase, dose.drug) for dose in plan.doses} | {(item.phase, item.drug) for item in plan.infusions}
    for phase in regimen(identifier).phases:
        for give in phase.give:
            if phase.id in on and give.only is None:
                assert (phase.id, give.drug) in shown
