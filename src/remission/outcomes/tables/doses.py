"""From histories and the plan to the arrays behind ADEX: a drug in a phase, on the days that the patient was there to be given it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from remission.base.random import Floats
from remission.outcomes.tables.rows import Part, Rows, _many
from remission.outcomes.tables.when import holds_at, phase_ends, started
from remission.protocol import Condition, Phase, Regimen
from remission.protocol.model import Alongside, Give
from remission.protocol.plan import phase_days

AFTER = "AFTER"
"""The phase of a drug that goes on after the last one."""


@dataclass(frozen=True)
class Entry:
    """One drug of one phase of the plan (`phase` is None after the last one), with its days counted from 1.

    A `daily` drug runs alongside for as long as the phase lasts, through delays too.
    """

    phase: Phase | None
    drug: str
    dose: float
    unit: str
    cap: str | None
    route: str
    per_day: int
    days: tuple[int, ...]
    only: Condition | None
    daily: bool = False
    since: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Id of the phase."""
        return AFTER if self.phase is None else self.phase.id


def entries(regimen: Regimen) -> tuple[Entry, ...]:
    """Every drug of every phase in the order of the plan, drugs alongside after the phase's own, then those that go on after it."""
    ids = [phase.id for phase in regimen.phases]
    found: list[Entry] = []
    for k, phase in enumerate(regimen.phases):
        found += [_given(phase, give) for give in phase.give]
        for item in regimen.alongside:
            last = len(ids) - 1 if item.to == "lifelong" else ids.index(item.to)
            if ids.index(item.from_) <= k <= last:
                own = {day for give in phase.give if (give.drug, give.route) == (item.drug, item.route) for day in give.days}
                found.append(_beside(item, phase, tuple(day for day in range(1, phase_days(phase) + 1) if day not in own)))
    found += [
        _beside(item, None, (), tuple(ids[ids.index(item.from_) :])) for item in regimen.alongside if item.to == "lifelong"
    ]
    return tuple(entry for entry in found if entry.days or entry.phase is None)


def _given(phase: Phase, give: Give) -> Entry:
    cap = str(give.cap) if give.cap is not None else None
    return Entry(phase, give.drug, give.dose.value, give.dose.unit, cap, give.route, give.per_day, tuple(sorted(give.days)), give.only)


def _beside(item: Alongside, phase: Phase | None, days: tuple[int, ...], since: tuple[str, ...] = ()) -> Entry:
    whole = phase is None or len(days) == phase_days(phase)
    return Entry(phase, item.drug, item.dose.value, item.dose.unit, None, item.route, 1, days, item.only, whole, since)


def exposures(part: Part, plan: tuple[Entry, ...]) -> Rows:
    """One row per patient and entry of the plan of which at least one day was given by the data cut-off."""
    shape = (*part.shape, len(plan))
    begin, finish, given = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape, np.int32)
    ends = phase_ends(part.histories)
    for k, entry in enumerate(plan):
        start, span = _window(part, entry, ends)
        if entry.only is not None:
            span = np.where(holds_at(part.histories, part.regimen, entry.only, start), span, 0.0)
        days = None if entry.daily else np.asarray(entry.days, np.float64)
        count, first, last = _covered(span, days)
        begin[..., k], finish[..., k], given[..., k] = start + first, start + last, count
    there = given > 0
    rows: Rows = {
        "entry": np.broadcast_to(np.arange(len(plan), dtype=np.int32), shape),
        "per_day": np.broadcast_to(np.array([entry.per_day for entry in plan], np.int32), shape),
        "planned": np.broadcast_to(np.array([len(entry.days) or np.nan for entry in plan], np.float64), shape),
        "begin": begin,
        "finish": finish,
        "given": given,
        "seq": np.cumsum(there, axis=-1, dtype=np.int32),
    }
    return _many(part, rows, there)


def _window(part: Part, entry: Entry, ends: Floats) -> tuple[Floats, Floats]:
    """Day on which the entry's days begin to count, and for how many days the patient was there (0: never)."""
    h, cut = part.histories, part.days
    if entry.phase is not None:
        start, end = started(h, entry.phase.id), ends[..., h.phases.index(entry.phase.id)]
    else:
        events = h.events
        start = events["treatment_end"]
        reached = np.logical_or.reduce([~np.isnan(started(h, name)) for name in entry.since])
        start = np.where(reached & (events["failure"] > start), start, np.nan)
        end = np.minimum(events["relapse"], events["death"])
    span = np.minimum(end, cut) - start
    return start, np.where(span > 0, span, 0.0)


def _covered(span: Floats, days: Floats | None) -> tuple[Floats, Floats, Floats]:
    """How many of the days lie within a span from its start, and how long after the start the first and the last of them begin."""
    if days is None:  # every day
        count = np.ceil(span)
        return count, np.zeros(span.shape), np.maximum(count - 1.0, 0.0)
    offsets = days - 1.0
    index = np.searchsorted(offsets, span, side="left")
    return index.astype(np.float64), np.full(span.shape, offsets[0]), offsets[np.maximum(index - 1, 0)]
