"""What counts as an endpoint: its events, time zero and analysis population, found in histories."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from remission.base.errors import NotFound
from remission.base.histories import CAUSES, SITES, Histories
from remission.base.random import Floats
from remission.base.units import DAYS_PER_MONTH
from remission.outcomes.arms import Members
from remission.outcomes.estimate import Mask
from remission.outcomes.select import (
    REMISSION,
    RESIDUAL,
    Made,
    best,
    first_given,
    in_remission,
    made,
    own_slots,
    slots_named,
    standard,
)
from remission.protocol import Endpoint, Regimen


@dataclass(frozen=True)
class Course:
    """Days from time zero, shape (draws, patients), inf for never: `first` of all events, `own` where it is the one of interest,
    `censor`; `zero` in days from the start of treatment; `among` are analysed."""

    first: Floats
    own: Mask
    censor: Floats
    zero: Floats
    among: Mask

    def since(self, day: Floats) -> Course:
        """The same from a landmark day (from the start of treatment), among those free of event and censoring on it."""
        later = np.maximum(self.zero, day)
        shift = later - self.zero
        among = self.among & (self.first > shift) & (self.censor > shift)
        return replace(self, first=self.first - shift, censor=self.censor - shift, zero=later, among=among)


def course(h: Histories, rule: Endpoint, inside: Mask, day0: Floats) -> Course:
    """Times of a survival or incidence endpoint."""
    zero = time_zero(h, rule, day0)
    among = inside & np.isfinite(zero)
    if rule.among == "remission":
        among = among & np.isfinite(h.events["remission"])
    origin = np.where(among, zero, 0.0)
    days = [_event_day(h, rule, name) for name in rule.events]
    own = np.minimum.reduce(days)
    others = [_event_day(h, rule, name) for name in rule.competing]
    if rule.site is not None:
        others.append(h.events["relapse"])
    first = np.minimum.reduce([own, *others])
    censored = np.full(origin.shape, np.inf)
    for name in rule.censor:
        censored = np.minimum(censored, h.events[name])
    return Course(first - origin, own <= first, censored - origin, origin, among)


def time_zero(h: Histories, rule: Endpoint, day0: Floats) -> Floats:
    """Day of time zero: start of treatment, entry into the arm, or remission (entry, where that is later); inf: never."""
    if rule.from_ == "start":
        return np.zeros_like(day0)
    return np.maximum(h.events["remission"], day0) if rule.from_ == "remission" else day0


def _event_day(h: Histories, rule: Endpoint, name: str) -> Floats:
    if name == "death":
        return h.events["death"]
    if name == "relapse":
        return _relapse(h, rule.site)
    failure = h.events["failure"]
    if rule.no_remission_at is None:
        return failure
    found = made(h, rule.no_remission_at, REMISSION)
    return np.minimum(failure, np.where(found.value == 0.0, found.day, np.inf))


def _relapse(h: Histories, site: str | None) -> Floats:
    if site is None:
        return h.events["relapse"]
    return np.where(h.events["site"] == SITES.index(site), h.events["relapse"], np.inf)


def onset(h: Histories, rule: Endpoint, members: Members, regimens: tuple[Regimen, ...]) -> Floats:
    """Day (from the start of treatment) of what is counted as a share of patients; inf: never.

    A toxicity is dated to the first dose of its drug where that is known, else to the day of entry: it counts at any time.
    """
    events = h.events
    if rule.kind == "relapse":
        return _relapse(h, rule.site)
    if rule.kind == "transplant":
        return events["transplant"]
    if rule.kind == "death":
        return events["death"]
    if rule.kind == "death in remission":
        died = np.isfinite(events["remission"]) & np.isinf(events["relapse"]) & (events["death"] > events["remission"])
        return np.where(died, events["death"], np.inf)
    if rule.kind == "early death":
        early = events["cause"] == CAUSES.index("induction")
        if rule.within is not None:
            early = events["death"] - members.day <= rule.within.to("d")
        return np.where(early, events["death"], np.inf)
    what = rule.what or "crs3"
    drug = "inotuzumab-ozogamicin" if what == "vod" else "blinatumomab"
    begun = first_given(h, drug, regimens)
    return np.where(events[what] > 0, members.day if begun is None else np.maximum(begun, members.day), np.inf)


def response(h: Histories, rule: Endpoint, inside: Mask, members: Members, name: str | float) -> tuple[Mask, Mask]:
    """Who responded, and among whom it is counted."""
    kinds = REMISSION if rule.what == "remission" else RESIDUAL
    if rule.what == "molecular" and not any(slot.transcript for slot in h.slots if slot.what == "mrd"):
        raise NotFound(
            f"BCR::ABL1 is not measured in the regimen '{h.regimen}'",
            why="a molecular response is read in the transcript",
            near="MRD-",
            fix="ask for another endpoint",
        )
    found = _found(h, rule, kinds, name, members)
    yes = found.value == 1.0 if rule.what == "remission" else found.value < found.limit
    for other in rule.counts:
        more = made(h, other, kinds)
        yes = yes | (more.value == 1.0 if rule.what == "remission" else more.value < _limit(rule, more))
        found = replace(found, day=np.fmax(found.day, more.day))
    return np.asarray(yes, np.bool_), _analysed(h, rule, inside, members, found, kinds, name)


def _limit(rule: Endpoint, found: Made) -> Floats:
    return found.limit if rule.threshold is None else np.full(found.limit.shape, np.log10(rule.threshold))


def _found(h: Histories, rule: Endpoint, kinds: tuple[str, ...], name: str | float, members: Members) -> Made:
    """The reading that counts: at the assessment, the best up to it, the best by a number of months, or the best of all."""
    if isinstance(name, float):
        by = members.day + name * DAYS_PER_MONTH
        found = best(_until(h, by), _fitting(h, rule, own_slots(h, kinds)))
    elif name == "any":
        found = best(h, _fitting(h, rule, own_slots(h, kinds)))
    elif rule.cumulative:
        found = _cumulative(h, rule, kinds, name)
    else:
        _fitting(h, rule, slots_named(h, name, kinds))
        found = made(h, name, kinds)
    return replace(found, limit=_limit(rule, found))


def _cumulative(h: Histories, rule: Endpoint, kinds: tuple[str, ...], name: str) -> Made:
    named = slots_named(h, name, kinds)
    if not standard(h, named[0]):  # the protocol's own stand in the order of time
        return best(h, [k for k in own_slots(h, kinds) if k <= named[-1]])
    last = made(h, name, kinds)
    earlier = best(_until(h, np.nan_to_num(last.day, nan=-1.0)), own_slots(h, kinds))
    better = (
        np.isnan(last.value) | (earlier.value > last.value) if rule.what == "remission" else earlier.value < last.value
    )
    better = better & earlier.done
    return Made(np.where(better, earlier.value, last.value), last.day, np.where(better, earlier.limit, last.limit))


def _until(h: Histories, day: Floats) -> Histories:
    """Histories in which nothing was assessed after a day."""
    late = h.when > day[..., None]
    return replace(h, values=np.where(late, np.nan, h.values), when=np.where(late, np.nan, h.when))


def _fitting(h: Histories, rule: Endpoint, slots: list[int]) -> list[int]:
    """Of MRD assessments those that read the transcript, for a molecular response. Raises NotFound when none does."""
    if rule.what != "molecular":
        return slots
    found = [k for k in slots if h.slots[k].transcript]
    if not found:
        raise NotFound(
            f"'{h.slots[slots[0]].name}' does not measure BCR::ABL1",
            why="a molecular response is read in the transcript",
            near=next(slot.name for slot in h.slots if slot.what == "mrd" and slot.transcript),
            fix="choose an assessment by PCR for BCR::ABL1",
        )
    return found


def _analysed(
    h: Histories, rule: Endpoint, inside: Mask, members: Members, found: Made, kinds: tuple[str, ...], name: str | float
) -> Mask:
    among = inside
    for other in rule.measured_at:
        among = among & made(h, other, kinds).done
    if rule.among == "active":
        among = among & members.active
    elif rule.among == "evaluable":
        among = among & found.done
    elif rule.among == "remission":
        day = None if name == "any" or isinstance(name, float) else np.nan_to_num(found.day, nan=-1.0)
        among = among & in_remission(h, day) & found.done
    return np.asarray(among, np.bool_)
