"""Trial emulation: apply a trial's own enrolment, analysis population, time zero and endpoint definitions to histories.

Conditions on what happens after the start (MRD at an assessment, a transplant, blinatumomab) choose patients who lived to meet them.
So, where time runs from a time zero, it moves to a landmark: the day of the assessment that the condition names, and for a treatment
that not everybody gets the day by which 95 % of those who get it have had it; whoever had it by then counts as treated. Only patients
free of the event on the landmark are analysed (Anderson 1983, J Clin Oncol 1:710).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from remission.base.errors import EmptySelection, UsageError
from remission.base.histories import Histories
from remission.base.random import Floats
from remission.base.units import DAYS_PER_MONTH
from remission.outcomes import estimate
from remission.outcomes.arms import Members, members
from remission.outcomes.endpoints import Course, course, onset, response
from remission.outcomes.estimate import Mask
from remission.outcomes.select import DECIDED_BY, EVERY, REMISSION, Known, first_given, holds, made, subject
from remission.protocol import Arm, Condition, Design, Endpoint, Regimen

NEVER_CUT = 10_000.0
TIMED = ("survival", "incidence")
TREATMENTS = ("transplanted", "received blinatumomab")


@dataclass(frozen=True)
class Landmark:
    """To what day time zero was moved, and why: `facts` of the condition, `median_day` from the start of treatment.

    `share` (draws,): part of the arm's patients who were analysed, of those who would have been without the landmark. `unknown` names
    facts whose day is not known, for which time zero was not moved.
    """

    facts: tuple[str, ...]
    median_day: float
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reading:
    """An endpoint in each parameter draw, as an infinitely large trial would see it.

    `expected` (draws,): the probability; `size` (draws,): share of the enrolled patients who enter the estimate; `information` (draws,):
    patients of a plain proportion that one patient here is worth (below 1 under censoring); `simulated` (draws,): virtual patients
    behind the estimate.
    """

    expected: Floats
    size: Floats
    information: Floats
    simulated: Floats | None = None
    landmark: Landmark | None = None


@dataclass(frozen=True)
class Emulation:
    """One arm of a trial, seen in histories. What is asked of it shares the work of finding out who is in the arm."""

    h: Histories
    design: Design
    arm_name: str
    regimens: tuple[Regimen, ...] = ()

    @property
    def arm(self) -> Arm:
        return self.design.arms[self.arm_name]

    @cached_property
    def members(self) -> Members:
        return members(self.h, self.arm)

    def group(self, where: Condition | None) -> Mask:
        """Members of the arm who meet a condition. Raises EmptySelection when no simulated patient does."""
        whole = self.members.inside
        inside = whole if where is None else np.asarray(whole & holds(self.h, where), np.bool_)
        if not inside.any():
            raise EmptySelection(
                "nobody is in this arm or subgroup",
                where=f"{self.arm_name}" + (f", {where}" if where else ""),
                why=f"of {inside.size} simulated patients none fits",
                fix="widen the condition or simulate more patients",
            )
        return inside

    def read(
        self, endpoint: str, at: str | float | None = None, where: Condition | None = None, cut: str | None = None
    ) -> Reading:
        """One endpoint. `at`: months, or the name of an assessment, or None ("any").

        Survival needs months. A response in months is the best by then; other shares in months are counted up to then, and without a
        time up to the data cut. Raises EmptySelection, NotFound, UsageError.
        """
        rule = self.design.endpoint(endpoint)
        if isinstance(at, (int, float)):
            at = float(at)
        if rule.kind in TIMED:
            if not isinstance(at, float):
                raise _untimed(endpoint, rule)
            expected, information, reading = self.curve(endpoint, np.array([at]), where, cut)
            return Reading(expected[:, 0], reading.size, information[:, 0], reading.simulated, reading.landmark)
        inside = self.group(where)
        if rule.kind == "response":
            name = at if at is not None else rule.at_in.get(self.arm_name) or rule.at or "any"
            yes, among = response(self.h, rule, inside, self.members, name)
            return self._proportion(yes, among, rule)
        if isinstance(at, str) and at != "any":
            raise UsageError(
                f"'{endpoint}' is not read at an assessment",
                where=f"{endpoint}@{at[:40]}",
                why="it is counted by a time",
                near=f"{endpoint}@12mo",
                fix="give a number of months, or leave the time out",
            )
        day = onset(self.h, rule, self.members, self.regimens) - self.members.day
        among = inside & np.isfinite(self.h.events["remission"]) if rule.among == "remission" else inside
        if rule.among == "active":
            among = among & self.members.active
        low, _, high = follow_up_days(self.design, rule, cut)
        return self._proportion(
            day <= at * DAYS_PER_MONTH if isinstance(at, float) else _seen(day, low, high), among, rule
        )

    def _proportion(self, yes: Floats | Mask, among: Mask, rule: Endpoint, landmark: Landmark | None = None) -> Reading:
        expected = estimate.share(yes, among)
        return Reading(
            expected, self._size(among, rule), np.ones(len(expected)), among.sum(axis=1).astype(np.float64), landmark
        )

    def _size(self, among: Mask, rule: Endpoint) -> Floats:
        part = 1.0 if rule.evaluable is None else rule.evaluable.to("1")
        whole = np.maximum(self.members.inside.sum(axis=1), 1)
        return np.asarray(part * among.sum(axis=1) / whole, np.float64)

    def times(self, endpoint: str, where: Condition | None = None) -> tuple[Course, Landmark | None]:
        """Days from time zero to event and censoring, for a subgroup from its landmark."""
        rule = self.design.endpoint(endpoint)
        if rule.kind not in TIMED:
            raise UsageError(
                f"'{endpoint}' has no curve",
                why=f"it is a {rule.kind} endpoint",
                fix="ask for survival or an incidence",
            )
        marks, known, landmark = self._landmark(where)
        inside = self.members.inside
        if where is not None:
            inside = np.asarray(inside & holds(self.h, where, known=known), np.bool_) if known else self.group(where)
        found = course(self.h, rule, inside, self.members.day)
        if marks is not None:
            found = found.since(marks)
        if not found.among.any():
            self.group(where)
            raise EmptySelection(
                "nobody comes to the time zero of this endpoint",
                where=self.arm_name + (f", {where}" if where else ""),
                why="nobody is free of the event on the landmark" if landmark else "nobody reaches remission",
                fix="widen the condition or simulate more patients",
            )
        return found, landmark

    def curve(
        self, endpoint: str, months: Floats, where: Condition | None = None, cut: str | None = None
    ) -> tuple[Floats, Floats, Reading]:
        """Survival or incidence at each of `months` after time zero, and the worth of a patient, shapes (draws, months).

        Third is the reading at the last of them.
        """
        rule = self.design.endpoint(endpoint)
        found, landmark = self.times(endpoint, where)
        days = np.asarray(months, np.float64) * DAYS_PER_MONTH
        table = estimate.incidence(found.first, found.own, found.censor, found.among, days)
        expected = 1.0 - table if rule.kind == "survival" else table
        information = np.ones(table.shape)
        spans = [follow_up_days(self.design, rule, cut, float(month)) for month in months]
        for low, _, high in set(spans):
            chosen = np.array([span[0] == low and span[2] == high for span in spans])
            args = (found.first, found.own, found.censor, found.among, days[chosen], low, high)
            information[:, chosen] = estimate.worth(*args)
        last = Reading(
            expected[:, -1],
            self._size(found.among, rule),
            information[:, -1],
            found.among.sum(axis=1).astype(np.float64),
            landmark,
        )
        return expected, information, last

    def _landmark(self, where: Condition | None) -> tuple[Floats | None, dict[str, Known], Landmark | None]:
        """Day of the landmark of each patient (0: none), what counts as known by it, and how to say it."""
        if where is None:
            return None, {}, None
        h, inside = self.h, self.members.inside
        marks = np.zeros(inside.shape)
        known: dict[str, Known] = {}
        facts: list[str] = []
        unknown: list[str] = []
        for compare in where.compares():
            name = subject(compare)
            if name in ("mrd", "cr") and compare.argument:
                day = made(h, compare.argument, EVERY[:1] if name == "mrd" else REMISSION).day
                marks = np.fmax(marks, np.where(np.isnan(day), 0.0, day))
                facts.append(f"{name}({compare.argument})")
            elif name in TREATMENTS or name == "cr":
                given = self._treated(name)
                if given is None:
                    unknown.append(name)
                    continue
                decided = _decided(np.where(inside, given, np.inf))
                known[name] = Known(given, decided)
                marks = np.maximum(marks, decided)
                facts.append(name)
            elif name in ("cytoreduction", "mutation"):
                unknown.append(name)
        if not facts and not unknown:
            return None, {}, None
        chosen = marks[inside & (marks > 0)]
        landmark = Landmark(
            tuple(dict.fromkeys(facts)), float(np.median(chosen)) if chosen.size else 0.0, tuple(dict.fromkeys(unknown))
        )
        return marks, known, landmark

    def _treated(self, name: str) -> Floats | None:
        if name == "transplanted":
            return self.h.events["transplant"]
        return self.h.events["remission"] if name == "cr" else first_given(self.h, "blinatumomab", self.regimens)


def _decided(day: Floats) -> Floats:
    """In each draw the day by which 95 % of those who ever get it have had it, shape (draws, 1); 0 where nobody gets it."""
    ordered = np.sort(day, axis=1)
    count = np.isfinite(ordered).sum(axis=1)
    at = np.maximum(np.ceil(DECIDED_BY * count).astype(np.int64) - 1, 0)
    found = np.take_along_axis(ordered, at[:, None], axis=1)
    return np.where(count[:, None] > 0, found, 0.0)


def _untimed(endpoint: str, rule: Endpoint) -> UsageError:
    return UsageError(
        f"'{endpoint}' needs a time in months",
        why="it is a survival endpoint" if rule.kind == "survival" else "it is a cumulative incidence",
        near=f"{endpoint}@12mo",
        fix="add a time",
    )


def _seen(day: Floats, low: float, high: float) -> Floats:
    """Probability that an event on `day` falls within a follow-up that is uniform on (low, high)."""
    if high <= low:
        return np.asarray(day <= high, np.float64)
    return np.asarray(np.clip((high - day) / (high - low), 0.0, 1.0), np.float64)


def read(
    h: Histories,
    design: Design,
    arm_name: str,
    endpoint: str,
    at: str | float | None,
    where: Condition | None = None,
    cut: str | None = None,
    regimens: tuple[Regimen, ...] = (),
) -> Reading:
    """One endpoint of one arm: `Emulation.read` for a single question."""
    return Emulation(h, design, arm_name, regimens).read(endpoint, at, where, cut)


def enrolled(h: Histories, arm: Arm) -> tuple[Mask, Floats]:
    """Who is in the arm, and the day of enrolment (0 = start of treatment)."""
    found = members(h, arm)
    return found.inside, found.day


def follow_up_days(
    design: Design, rule: Endpoint | None = None, cut: str | None = None, months: float | None = None
) -> tuple[float, float, float]:
    """Shortest, median and longest administrative follow-up in days: uniform on median -+ half the accrual.

    That of the data cut where the design has one of the name, else of the endpoint, else of the trial; complete where none is given. A
    time beyond the trial's longest follow-up is taken to come from a later report, whose median follow-up is that time.
    """
    own = design.cuts.get(cut or "")
    chosen = own.follow_up if own is not None else (rule.follow_up if rule is not None else None) or design.follow_up
    if chosen is None:
        return NEVER_CUT, NEVER_CUT, NEVER_CUT
    median, half = chosen.median.to("d"), chosen.accrual.to("d") / 2
    if own is None and months is not None and months * DAYS_PER_MONTH > median + half:
        median = months * DAYS_PER_MONTH
    return max(median - half, 1.0), median, median + half


def definition(design: Design, name: str) -> Endpoint:
    """The trial's definition of an endpoint, or the usual one. Raises NotFound with the nearest name."""
    return design.endpoint(name)


def survival_times(h: Histories, rule: Endpoint, inside: Mask, day0: Floats) -> tuple[Floats, Floats, Mask]:
    """Days from time zero to the event and to censoring (inf: never), and who is analysed."""
    found = course(h, rule, inside, day0)
    return found.first, found.censor, found.among


def survival_curve(event: Floats, censor: Floats, days: Floats, low: float, high: float) -> tuple[Floats, Floats]:
    """Survival of one group on `days`, and what one patient is worth when follow-up is uniform on (low, high): shapes (days,)."""
    first, left = np.asarray(event, np.float64)[None], np.asarray(censor, np.float64)[None]
    everybody = np.ones(first.shape, np.bool_)
    s = estimate.survival(first, left, everybody, days)
    return s[0], estimate.worth(first, everybody, left, everybody, days, low, high)[0]


def survival_at(event: Floats, censor: Floats, t: float, low: float, high: float) -> tuple[float, float]:
    """`survival_curve` at one time; a plain mean where nothing censors."""
    s, information = survival_curve(event, censor, np.array([t]), low, high)
    return float(s[0]), float(information[0])
