"""The dated plan as an iCalendar file (RFC 5545) of all-day events.

A drug by mouth on consecutive days and a continuous infusion are one spanning event, the intrathecal drugs of a day
are one event, and every other dose is an event of its own day. A UID names the regimen, the phase, the item and its
day within the phase, and neither the date nor the amount: a calendar begun on another day replaces the events of the
first instead of doubling them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid5

from remission.protocol.dated.calendar import RESEARCH_USE, DatedPlan, Dose, number, runs
from remission.protocol.dated.export.words import (
    ROUTES,
    bag_words,
    basis,
    dose_words,
    infusion_words,
    measured_words,
    plan_words,
)

_NAMESPACE = UUID("5b1f8d1e-6c0a-5a0b-9d0e-3f1f6e7a2c41")


@dataclass(frozen=True)
class Event:
    """One all-day event from `start` to `end` inclusive; `key` is what its UID is made of."""

    key: str
    start: date
    end: date
    summary: str
    description: str
    category: str
    tentative: bool = False


def events(plan: DatedPlan) -> list[Event]:
    """All events in the order of their dates."""
    found = [*_stages(plan), *_stays(plan), *_infusions(plan), *_doses(plan), *_intrathecal(plan), *_measured(plan)]
    return sorted(found, key=lambda event: (event.start, event.category, event.summary, event.key))


def _stages(plan: DatedPlan) -> Iterator[Event]:
    for stage in plan.stages:
        text = (f"Phase {stage.phase}, {stage.purpose}: days {stage.first_day} to {stage.last_day}, until {stage.end.isoformat()}.",
                *(f"At its end: {branch}." for branch in stage.branches))
        yield Event(f"phase|{stage.phase}", stage.start, stage.start, f"Begins: {stage.title}", "\n".join(text), "Phase")


def _stays(plan: DatedPlan) -> Iterator[Event]:
    for stay in plan.stays:
        title = "Hospital" if stay.kind == "hospital" else "Supervised start"
        yield Event(f"{stay.kind}|{stay.phase}|{stay.drug}|{stay.day_in_phase}", stay.start, stay.end,
                    _mark(stay.status, f"{title}: {stay.why}"), f"Recommended by the label. Source: {stay.source}", "Hospital",
                    stay.status == "undecided")


def _infusions(plan: DatedPlan) -> Iterator[Event]:
    for item in plan.infusions:
        text = f"{infusion_words(item)}, {item.days} days, {item.total:g} {item.unit} in all.\n{basis(item)}"
        yield Event(f"infusion|{item.order}|{item.day_in_phase}", item.start, item.end,
                    _mark(item.status, infusion_words(item)), text, "Infusion", item.status == "undecided")
    for bag in plan.bags:
        verb = "Begin" if bag.number == 1 else "Change"
        yield Event(f"bag|{bag.order}|{bag.day_in_phase}", bag.date, bag.date, _mark(bag.status, f"{verb}: {bag_words(bag)}"),
                    f"Bag lengths: {bag.source}", "Bag", bag.status == "undecided")


def _doses(plan: DatedPlan) -> Iterator[Event]:
    for run in runs(dose for dose in plan.doses if dose.route != "it"):
        parts = [run] if run[0].route == "po" else [(dose,) for dose in run]
        for part in parts:
            yield _dose(part)


def _dose(run: tuple[Dose, ...]) -> Event:
    first, last = run[0], run[-1]
    daily = f", {len(run)} days" if len(run) > 1 else ""
    text = f"{dose_words(first)} ({ROUTES[first.route]}){daily}; {first.total:g} {first.unit} a day.\n{basis(first)}"
    return Event(f"dose|{first.order}|{first.day_in_phase}", first.date, last.date, _mark(first.status, dose_words(first)), text,
                 "Drug", first.status == "undecided")


def _intrathecal(plan: DatedPlan) -> Iterator[Event]:
    for day, doses in plan.intrathecal().items():
        together = ", ".join(_mark(dose.status, f"{dose.drug} {number(dose.amount)} {dose.unit}") for dose in doses)
        text = "\n".join(f"{dose_words(dose)}: {basis(dose)}" for dose in doses)
        yield Event(f"intrathecal|{doses[0].phase}|{doses[0].day_in_phase}", day, day, f"Intrathecal: {together}", text,
                    "Intrathecal", all(dose.status == "undecided" for dose in doses))


def _measured(plan: DatedPlan) -> Iterator[Event]:
    for item in plan.measurements:
        yield Event(f"assessment|{item.phase}|{item.name}", item.date, item.date, f"Assess: {measured_words(item)}",
                    f"Source: {item.source or 'none'}", "Assessment")


def _mark(status: str, text: str) -> str:
    return f"Undecided: {text}" if status == "undecided" else text


def uid(plan: DatedPlan, event: Event) -> str:
    """The event's identifier, the same whenever the same item of the same regimen is put into a calendar."""
    return f"{uuid5(_NAMESPACE, '|'.join((plan.label, plan.regimen, event.key)))}@remission"


def to_ics(plan: DatedPlan) -> str:
    """The calendar as text with the line ends and folds of RFC 5545."""
    import icalendar

    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//Remission//dated protocol//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", icalendar.vText(f"{plan.label + ': ' if plan.label else ''}{plan.regimen}"))
    calendar.add("x-wr-caldesc", icalendar.vText("\n".join((RESEARCH_USE, *plan_words(plan)))))
    stamp = datetime(plan.start.year, plan.start.month, plan.start.day, tzinfo=UTC)
    for event in events(plan):
        entry = icalendar.Event()
        entry.add("uid", uid(plan, event))
        entry.add("dtstamp", stamp)  # no clock is read: the same plan gives the same bytes
        entry.add("dtstart", event.start)
        entry.add("dtend", event.end + timedelta(days=1))
        entry.add("summary", event.summary)
        entry.add("description", f"{event.description}\n{RESEARCH_USE}")
        entry.add("categories", [event.category])
        entry.add("status", "TENTATIVE" if event.tentative else "CONFIRMED")
        entry.add("transp", "TRANSPARENT")
        calendar.add_component(entry)
    text: str = calendar.to_ical().decode("utf-8")
    return text
