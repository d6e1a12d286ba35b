"""Who is in a trial's arm: enrolment, entry in remission, and the parts of an arm that take another regimen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from remission.base.errors import UsageError
from remission.base.histories import Histories, Slot
from remission.base.random import Floats, Stream, uniforms
from remission.outcomes.estimate import Mask, share
from remission.outcomes.select import EVERY, REMISSION, holds, made
from remission.protocol import Arm

ENTERING, ASSIGNED = 0, 8  # indices in the stream of emulation


@dataclass(frozen=True)
class Members:
    """Who is in the arm; the day on which each came into it (0: start of treatment); who had active disease on that day."""

    inside: Mask
    day: Floats
    active: Mask


def luck(h: Histories, index: int) -> Floats:
    """A uniform number for each patient of each draw, at an address of the stream of emulation: the same in every regimen."""
    draws, patients = h.events["death"].shape
    first = int(getattr(h, "first", 0))
    who, draw = np.tile(np.arange(first, first + patients), draws), np.repeat(np.asarray(h.draws), patients)
    return uniforms(0, who, draw, Stream.EMULATION, 1, first=index).reshape(draws, patients)


def members(h: Histories, arm: Arm) -> Members:
    """Apply the arm's enrolment, or its entry in remission."""
    shape = h.events["death"].shape
    everybody, zero = np.ones(shape, np.bool_), np.zeros(shape)
    if arm.entering is not None:
        return _entering(h, arm)
    if arm.enrolment is None:
        return Members(everybody, zero, everybody)
    found = made(h, arm.enrolment.at, EVERY)
    inside = found.done
    if arm.enrolment.if_ is not None:
        inside = inside & holds(h, arm.enrolment.if_, np.nan_to_num(found.day, nan=-1.0))
    return Members(inside, np.where(inside, found.day, 0.0), everybody)


def _entering(h: Histories, arm: Arm) -> Members:
    """A share came after a first course elsewhere. So many are drawn for that way that those of them in remission make up the share."""
    assert arm.entering is not None
    found = made(h, arm.entering.at, REMISSION)
    remission = found.value == 1.0
    part = arm.entering.share.to("1")
    rate = np.nan_to_num(share(remission, np.ones(remission.shape, np.bool_)), nan=0.0)
    elsewhere = luck(h, ENTERING) < (part / (part + np.maximum(rate, 1e-9) * (1.0 - part)))[:, None]
    came = elsewhere & remission
    return Members(~elsewhere | came, np.where(came, found.day, 0.0), ~elsewhere)


def combine(arm: Arm, histories: Mapping[str, Histories]) -> Histories:
    """The histories of an arm whose patients do not all take the same regimen.

    `histories`: for each of `arm.regimens` the same patients and draws. Raises UsageError when one is missing or has other patients.
    """
    base = histories[arm.regimen]
    taken = np.zeros(base.events["death"].shape, np.bool_)
    found = base
    for number, item in enumerate(arm.assigned):
        other = histories.get(item.regimen)
        if other is None or other.draws != base.draws or other.events["death"].shape != taken.shape:
            raise UsageError(
                f"the histories of '{item.regimen}' are needed for this arm, in the same patients",
                why="part of the arm takes that regimen",
                fix="simulate every regimen of the arm with the same seed, draws and patients",
            )
        take = ~taken
        if item.at is not None:
            reading = made(base, item.at, EVERY)
            take &= reading.done
            if item.if_ is not None:
                take &= holds(base, item.if_, np.nan_to_num(reading.day, nan=-1.0))
        elif item.if_ is not None:
            take &= holds(base, item.if_)
        if item.share is not None:
            take &= luck(base, ASSIGNED + number) < item.share.to("1")
        found = _merged(found, other, take)
        taken |= take
    return found


def _merged(base: Histories, other: Histories, take: Mask) -> Histories:
    """Histories of `other` where `take`, of `base` elsewhere."""
    slots, mine, theirs = _union(base.slots, other.slots, lambda slot: (slot.name, slot.what))
    deep = take[..., None]
    more: dict[str, Any] = {}
    starts: tuple[Any, Any] = (getattr(base, "started", None), getattr(other, "started", None))
    if starts[0] is not None and starts[1] is not None:
        phases, own, foreign = _union(getattr(base, "phases", ()), getattr(other, "phases", ()), str)
        more = {
            "phases": phases,
            "started": np.where(deep, _spread(starts[1], foreign), _spread(starts[0], own)),
        }
    if base.burden.shape == other.burden.shape and base.burden.size:
        more["burden"] = np.where(deep, other.burden, base.burden)
    return replace(
        base,
        slots=slots,
        events={name: np.where(take, other.events[name], base.events[name]) for name in base.events},
        values=np.where(deep, _spread(other.values, theirs), _spread(base.values, mine)),
        when=np.where(deep, _spread(other.when, theirs), _spread(base.when, mine)),
        **more,
    )


def _union(first: tuple[Any, ...], second: tuple[Any, ...], key: Any) -> tuple[tuple[Any, ...], list[int], list[int]]:
    """Every item of both (the second of a name with the second), and the column of each in `first` and in `second` (-1: not there)."""
    keys = [_numbered(items, key) for items in (first, second)]
    extra = [k for k in range(len(second)) if keys[1][k] not in keys[0]]
    items: tuple[Slot, ...] = (*first, *(second[k] for k in extra))
    mine = [*range(len(first)), *(-1 for _ in extra)]
    theirs = [keys[1].index(name) if name in keys[1] else -1 for name in (*keys[0], *(keys[1][k] for k in extra))]
    return items, mine, theirs


def _numbered(items: tuple[Any, ...], key: Any) -> list[tuple[Any, int]]:
    names = [key(item) for item in items]
    return [(name, names[:k].count(name)) for k, name in enumerate(names)]


def _spread(table: Floats, columns: list[int]) -> Floats:
    found = np.full((*table.shape[:-1], len(columns)), np.nan, table.dtype)
    for target, source in enumerate(columns):
        if source >= 0:
            found[..., target] = table[..., source]
    return found
