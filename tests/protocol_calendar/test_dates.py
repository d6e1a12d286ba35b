"""Does everything stand on its day? Dates follow the start, and nothing else moves them."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.protocol_calendar.sample import IDS, PERSON, START, plan_of, regimen, small

from remission.base.errors import UsageError
from remission.protocol import administrations, dated_plan


def dated(plan: Any) -> list[tuple[str, str, int, date, date]]:
    """Everything with a date: what it is, its first day, its first and last date."""
    found = [("dose", f"{item.order} {item.day}", item.day, item.date, item.date) for item in plan.doses]
    found += [("bag", f"{item.order} {item.day}", item.day, item.date, item.date) for item in plan.bags]
    found += [("assess", item.name, item.day, item.date, item.date) for item in plan.measurements]
    for name in ("infusions", "stays", "stages"):
        found += [(name, f"{item.phase} {item.first_day}", item.first_day, item.start, item.end) for item in getattr(plan, name)]
    return found


@pytest.mark.parametrize("identifier", IDS)
def test_a_day_of_the_plan_is_that_many_days_after_the_start(identifier: str) -> None:
    plan = plan_of(identifier)
    for _, _, day, first, last in dated(plan):
        assert first == START + timedelta(days=day - 1)
        assert first <= last
    assert plan.end == START + timedelta(days=plan.days - 1)


@given(shift=st.integers(-36_000, 60_000), identifier=st.sampled_from(IDS))
@settings(max_examples=25)
def test_another_start_moves_every_date_by_the_same_days(shift: int, identifier: str) -> None:
    step = timedelta(days=shift)
    here, there = plan_of(identifier), plan_of(identifier, start=START + step)
    assert [(kind, name, day, first + step, last + step) for kind, name, day, first, last in dated(here)] == dated(there)
    assert here.totals() == there.totals()
    assert here.assumptions == there.assumptions


@pytest.mark.parametrize("identifier", IDS)
def test_every_administration_of_the_default_path_has_its_date(identifier: str) -> None:
    plan = plan_of(identifier)
    infused = {(item.drug, day) for item in plan.infusions for day in range(item.first_day, item.last_day + 1)}
    given_days = infused | {(dose.drug, dose.day) for dose in plan.doses}
    wanted = {(row["drug"], row["day"]) for row in administrations(regimen(identifier)) if row["only"] is None}
    assert wanted <= given_days


def test_phases_follow_one_another_without_a_gap() -> None:
    for identifier in IDS:
        stages = plan_of(identifier).stages
        assert stages[0].first_day == 1
        assert all(after.first_day == before.last_day + 1 for before, after in itertools.pairwise(stages))


def test_a_leap_day_is_a_day() -> None:
    plan = dated_plan(small(), date(2028, 2, 20), PERSON)
    doses = [dose.date for dose in plan.doses if dose.drug == "filgrastim"]
    assert doses[-1] == date(2028, 2, 28)
    assert next(item.date for item in plan.measurements if item.name == "end") == date(2028, 3, 18)


@pytest.mark.parametrize("year", [1, 1899, 2201, 9999])
def test_a_start_outside_any_trial_is_refused(year: int) -> None:
    with pytest.raises(UsageError, match="cannot be the start"):
        dated_plan(small(), date(year, 6, 1), PERSON)


def test_the_same_question_has_the_same_answer() -> None:
    assert plan_of("e1910-blinatumomab") == plan_of("e1910-blinatumomab")
