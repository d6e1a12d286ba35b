"""Are bags, hospital days and supervised starts where the prescribing information wants them?"""

from __future__ import annotations

import itertools

import pytest
from tests.protocol_calendar.sample import IDS, PERSON, plan_of

from remission.base import catalog
from remission.base.errors import UsageError
from remission.protocol import Person
from remission.protocol.dated.handling import handling


def stays(identifier: str) -> list[tuple[str, int, int, int]]:
    return [(stay.kind, stay.cycle, stay.first_day, stay.last_day) for stay in plan_of(identifier).stays]


def test_the_lengths_of_a_bag_are_the_labels_and_the_default_is_an_assumption() -> None:
    entry = handling()["blinatumomab"]
    assert entry.bags.days == (1, 2, 3, 4, 7)
    assert entry.bags.source is not None
    assert entry.default_bag.days in entry.bags.days
    assert entry.default_bag.source is None
    assert entry.default_bag.assumed is not None


def test_every_source_of_the_handling_facts_is_in_the_catalog() -> None:
    for entry in handling().values():
        for item in (entry.bags, *entry.starts, entry.later_starts, entry.flat_dose_from):
            assert item.source is not None
            assert item.source.ref in catalog.ids("sources")


@pytest.mark.parametrize("identifier", [i for i in IDS if plan_of(i).infusions])
@pytest.mark.parametrize("days", [None, 1, 2, 3, 4, 7])
def test_bags_follow_one_another_through_the_whole_infusion(identifier: str, days: int | None) -> None:
    plan = plan_of(identifier, bag_days=days)
    for infusion in plan.infusions:
        bags = [bag for bag in plan.bags if bag.order == infusion.order and infusion.first_day <= bag.day <= infusion.last_day]
        assert [bag.number for bag in bags] == list(range(1, len(bags) + 1))
        assert {bag.of for bag in bags} == {len(bags)}
        assert bags[0].day == infusion.first_day
        assert all(bag.day + bag.hours // 24 == after.day for bag, after in itertools.pairwise(bags))
        assert sum(bag.hours for bag in bags) == 24 * infusion.days
        assert sum(bag.amount for bag in bags) == pytest.approx(infusion.total)
        longest = (days or 4) if infusion.drug == "blinatumomab" else 1
        assert max(bag.hours for bag in bags) <= 24 * longest
    assumed = any("bags of blinatumomab run for 4 days" in text for text in plan.assumptions)
    assert assumed == (days is None and any(item.drug == "blinatumomab" for item in plan.infusions))


def test_a_week_with_a_dose_step_changes_the_bag_at_the_step() -> None:
    plan = plan_of("s1318", bag_days=4)
    first = [(bag.day, bag.hours, bag.amount) for bag in plan.bags if bag.phase == "induction-1"][:4]
    assert first == [(1, 96, 36.0), (5, 72, 27.0), (8, 96, 112.0), (12, 96, 112.0)]


@pytest.mark.parametrize("days", [0, 5, 6, 14, -1, 1000])
def test_a_bag_that_the_label_does_not_have_is_refused(days: int) -> None:
    with pytest.raises(UsageError) as caught:
        plan_of("s1318", bag_days=days)
    assert int(caught.value.near) in (1, 2, 3, 4, 7)


def test_hospital_days_in_remission() -> None:
    assert stays("e1910-blinatumomab") == [("hospital", 1, 106, 108), ("hospital", 2, 148, 149),
                                           ("supervised start", 3, 288, 288), ("supervised start", 4, 358, 358)]


def test_hospital_days_in_active_disease() -> None:
    assert stays("s1318")[:3] == [("hospital", 1, 1, 9), ("hospital", 2, 43, 44), ("supervised start", 3, 85, 85)]


def test_a_dose_step_is_no_new_start() -> None:
    assert len(stays("s1318")) == 4
    assert len(plan_of("s1318").infusions) == 5


def test_every_start_of_the_infusion_has_its_stay_and_source() -> None:
    for identifier in IDS:
        plan = plan_of(identifier)
        infused = {day for item in plan.infusions if item.drug == "blinatumomab" for day in range(item.first_day, item.last_day + 1)}
        assert {stay.first_day for stay in plan.stays} == {day for day in infused if day - 1 not in infused}
        assert all("amgen" in stay.source for stay in plan.stays)


def test_injections_under_the_skin_have_no_bags_and_the_plan_says_so() -> None:
    plan = plan_of("sc-blina")
    assert (plan.infusions, plan.bags, plan.stays) == ((), (), ())
    assert any("the label's hospital days are for the infusion" in remark for remark in plan.remarks)


def test_a_light_patient_is_told_about_the_flat_dose() -> None:
    light = Person(bsa_m2=1.2, age_y=70.0, weight_kg=40.0)
    assert any(remark.startswith("the patient weighs 40 kg: below 45 kg") for remark in plan_of("s1318", light).remarks)
    assert not any("weighs" in remark for remark in plan_of("s1318", PERSON).remarks)


def test_intrathecal_days_are_the_days_of_intrathecal_drugs() -> None:
    plan = plan_of("d-alba")
    assert len(plan.intrathecal()) == 12
    assert all({dose.drug for dose in doses} == {"methotrexate", "cytarabine", "dexamethasone"} for doses in plan.intrathecal().values())
