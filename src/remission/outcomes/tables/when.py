"""Conditions of a protocol at the moment at which it asks them, and when its phases begin and end."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from remission.base.histories import Histories
from remission.base.random import Floats
from remission.outcomes.select import holds, slots_named
from remission.protocol import Condition, Regimen
from remission.protocol.conditions import Compare, Term

Mask = npt.NDArray[np.bool_]
SAME_DAY = 0.01
"""Days within which two times are the same: `started` is kept in single precision."""
_KINDS = {"cr": ("remission", "marrow-blasts"), "mrd": ("mrd",)}


def started(h: Histories, phase: str) -> Floats:
    """Day on which each patient began a phase, nan if never."""
    return np.asarray(h.started[..., h.phases.index(phase)], np.float64)


def phase_ends(h: Histories) -> Floats:
    """Day on which each phase ended, shape of `started`: when the next one began, or by relapse, death or the end of treatment.

    A phase may last longer than planned (a delay); it never ends later than the treatment. nan if it never began.
    """
    events = h.events
    following = np.minimum.reduce([events["relapse"], events["death"], events["treatment_end"]]).astype(np.float64)
    over = following.copy()
    ends = np.full(h.started.shape, np.nan)
    for k in range(len(h.phases) - 1, -1, -1):
        begun = ~np.isnan(h.started[..., k])
        ends[..., k] = np.where(begun, np.minimum(following, over), np.nan)
        following = np.where(begun, h.started[..., k], following)
    return ends


def first_given(h: Histories, regimen: Regimen, drug: str) -> Floats:
    """Day on which the first phase with a drug began, inf if never."""
    days = [started(h, phase.id) for phase in regimen.phases if any(give.drug == drug for give in phase.give)]
    never = np.full(h.started.shape[:2], np.inf)
    return np.minimum.reduce([np.where(np.isnan(day), np.inf, day) for day in days], initial=np.inf) if days else never


def holds_at(h: Histories, regimen: Regimen, condition: Condition, day: Floats) -> Mask:
    """Whether a condition holds for each patient on a day of their own (nan: never), by what was known and done by then."""
    return _term(h, regimen, condition.term, day) & ~np.isnan(day)


def _term(h: Histories, regimen: Regimen, term: Term, day: Floats) -> Mask:
    if isinstance(term, Compare):
        return _compare(h, regimen, term, day)
    masks = [_term(h, regimen, item, day) for item in term.items]
    return np.asarray(np.logical_and.reduce(masks) if term.word == "and" else np.logical_or.reduce(masks), np.bool_)


def _compare(h: Histories, regimen: Regimen, compare: Compare, day: Floats) -> Mask:
    name, argument = compare.name, compare.argument
    with np.errstate(invalid="ignore"):
        if name == "transplanted":
            return _is(h.events["transplant"] < day, compare)
        if name in ("received", "received_blinatumomab"):
            return _is(first_given(h, regimen, argument or "blinatumomab") < day, compare)
        if name in ("cytoreduction", "mutation"):
            return _is(_last(h, (name,), day) == 1.0, compare)
        if name == "cr" and argument is None:
            return _is(_last(h, _KINDS["cr"], day) == 1.0, compare)
        if name in ("cr", "mrd"):
            made = h.when[..., slots_named(h, argument or "", _KINDS[name])[-1]]
            return holds(h, Condition(compare), day) & (made <= day + SAME_DAY)
    return holds(h, Condition(compare), day)


def _is(yes: npt.NDArray[np.generic], compare: Compare) -> Mask:
    return np.asarray(yes.astype(np.bool_) == ((compare.op == "=") == bool(compare.value)), np.bool_)


def _last(h: Histories, kinds: tuple[str, ...], day: Floats) -> Floats:
    """Result of the last assessment of some kinds by a day; nan when there was none."""
    value, latest = np.full(day.shape, np.nan), np.full(day.shape, -np.inf)
    for k, slot in enumerate(h.slots):
        if slot.what in kinds:
            newer = (h.when[..., k] <= day + SAME_DAY) & (h.when[..., k] >= latest)
            value = np.where(newer, h.values[..., k], value)
            latest = np.where(newer, h.when[..., k], latest)
    return value
