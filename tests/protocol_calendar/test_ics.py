"""Does the calendar file say what the plan says, and does it open in ordinary calendars?"""

from __future__ import annotations

from datetime import date, timedelta

import icalendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.protocol_calendar.sample import IDS, PERSON, START, plan_of

from remission.doors import NOTICE
from remission.protocol import Person, export_plan
from remission.protocol.dated.export.ical import events, uid

NOBODY_KNOWN = Person(bsa_m2=1.85, age_y=44.0, weight_kg=78.0)


def parsed(text: str) -> list[icalendar.Event]:
    return list(icalendar.Calendar.from_ical(text).walk("VEVENT"))


@pytest.mark.parametrize("identifier", IDS)
def test_the_file_parses_back_to_the_same_events(identifier: str) -> None:
    plan = plan_of(identifier, NOBODY_KNOWN)
    found = [(str(item["UID"]), item.decoded("DTSTART"), item.decoded("DTEND") - timedelta(days=1), str(item["SUMMARY"]),
              str(item["DESCRIPTION"]), str(item["STATUS"])) for item in parsed(export_plan(plan, "ics"))]
    assert found == [(uid(plan, event), event.start, event.end, event.summary, f"{event.description}\n{NOTICE}",
                      "TENTATIVE" if event.tentative else "CONFIRMED") for event in events(plan)]


@pytest.mark.parametrize("identifier", IDS)
def test_the_file_keeps_the_rules_of_rfc_5545(identifier: str) -> None:
    raw = export_plan(plan_of(identifier), "ics").encode()
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert all(len(line) <= 75 for line in raw.split(b"\r\n"))
    calendar = icalendar.Calendar.from_ical(raw)
    assert str(calendar["VERSION"]) == "2.0"
    assert calendar["PRODID"]
    for item in calendar.walk("VEVENT"):
        assert not item.errors
        assert {"UID", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY"} <= set(item)
        assert type(item.decoded("DTSTART")) is date  # all-day
        assert item["DTSTART"].params["VALUE"] == "DATE"
        assert item.decoded("DTEND") > item.decoded("DTSTART")
        assert item["TRANSP"] == "TRANSPARENT"


@pytest.mark.parametrize("identifier", IDS)
def test_every_identifier_is_used_once(identifier: str) -> None:
    plan = plan_of(identifier, NOBODY_KNOWN)
    found = [uid(plan, event) for event in events(plan)]
    assert len(set(found)) == len(found)


@given(start=st.dates(date(2000, 1, 1), date(2100, 1, 1)), bsa=st.floats(0.6, 3.0), identifier=st.sampled_from(IDS))
@settings(max_examples=25)
def test_identifiers_stay_when_date_and_size_change(start: date, bsa: float, identifier: str) -> None:
    here = plan_of(identifier)
    there = plan_of(identifier, Person(bsa_m2=bsa, age_y=44.0, weight_kg=78.0, sex="female", known=PERSON.known), start)
    assert {uid(here, event) for event in events(here)} == {uid(there, event) for event in events(there)}


def test_a_label_keeps_two_calendars_apart() -> None:
    one, other = plan_of("s1318", label="one"), plan_of("s1318", label="other")
    assert not {uid(one, event) for event in events(one)} & {uid(other, event) for event in events(other)}


def test_the_notice_stands_in_the_calendar_and_in_every_event() -> None:
    calendar = icalendar.Calendar.from_ical(export_plan(plan_of("s1318"), "ics"))
    assert str(calendar["X-WR-CALDESC"]).startswith(NOTICE)
    assert all(str(item["DESCRIPTION"]).endswith(NOTICE) for item in calendar.walk("VEVENT"))


def test_an_infusion_is_one_span() -> None:
    spans = [event for event in events(plan_of("e1910-blinatumomab")) if event.category == "Infusion"]
    assert [(event.summary, (event.end - event.start).days + 1) for event in spans] == \
        [("blinatumomab 28 ug/d continuous infusion", 28)] * 4


def test_bags_hospital_days_assessments_and_intrathecal_days_are_events() -> None:
    summaries = [event.summary for event in events(plan_of("d-alba"))]
    assert "Begin: blinatumomab bag 1 of 7: 112 ug over 96 h" in summaries
    assert "Change: blinatumomab bag 7 of 7: 112 ug over 96 h" in summaries
    assert "Hospital: blinatumomab cycle 1, remission" in summaries
    assert "Assess: mrd (day-85), pcr-bcr-abl1, limit 0.0001" in summaries
    assert summaries.count("Intrathecal: cytarabine 50 mg, dexamethasone 4 mg, methotrexate 12.5 mg") == 12


def test_every_dose_is_covered_by_an_event_on_its_day() -> None:
    plan = plan_of("graall-2014")
    days = {(event.start + timedelta(days=shift)) for event in events(plan) if event.category in ("Drug", "Intrathecal")
            for shift in range((event.end - event.start).days + 1)}
    assert {dose.date for dose in plan.doses} == days


def test_what_is_undecided_is_marked() -> None:
    marked = [event for event in events(plan_of("e1910-blinatumomab", NOBODY_KNOWN)) if event.tentative]
    assert marked
    assert {event.summary for event in marked} == {"Undecided: rituximab 693.8 mg iv"}


def test_a_label_with_commas_and_semicolons_is_escaped() -> None:
    text = export_plan(plan_of("s1318", label="a,b;c:d\\e 中"), "ics")
    assert "X-WR-CALNAME:a\\,b\\;c:d\\\\e 中: s1318\r\n" in text


def test_no_clock_is_read() -> None:
    assert export_plan(plan_of("s1318"), "ics") == export_plan(plan_of("s1318"), "ics")
    stamps = {item.decoded("DTSTAMP").date() for item in parsed(export_plan(plan_of("s1318"), "ics"))}
    assert stamps == {START}
