"""When relapse is seen: therapy's path and what regrows after it, in the compiled kernel."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, log, nan
from typing import Any

import numpy as np

from remission.engine.elementary import exp_below
from remission.engine.special import EXTINCT
from remission.engine.staged import lanes
from remission.engine.staging import Table, counted, pack, places, whole
from remission.engine.state import (
    CLONE,
    CLONE_FIELDS,
    EXTRAMEDULLARY,
    F_CR,
    F_T,
    LIFT,
    LN10,
    LN_CR,
    LN_EXTRAMEDULLARY,
    LN_M,
    LOWEST,
    MARROW,
    NO_CELLS,
    P_DAY,
    P_LANE,
    P_POINT,
    P_SITE,
    RATE,
    SHIFT,
    START,
    W_BURDEN,
    W_OVER,
    W_RELAPSE,
    W_SITE,
)

LN_CNS = log(1e7)  # and one in the central nervous system at 1e7
HORIZON_DAYS = 5479.0  # 15 years from diagnosis
SEEN = Table([LN_CR - log(MARROW)] * MARROW + [LN_EXTRAMEDULLARY, LN_CNS])
"""ln cells of a row from which it may be a relapse: outside the marrow it is one; in the marrow all rows together must reach 5 %."""


def at_end(s: Any, point: Any, clone: Any) -> tuple[Any, Any]:
    """ln cells of a row at the end of therapy, the path's last point, and net growth."""
    row = CLONE + clone * CLONE_FIELDS
    return s[row + START] + s[point + 1 + clone] + s[row + SHIFT], s[row + RATE]


def ln_sum(levels: Sequence[Any]) -> Any:
    """ln of a sum of exponentials."""
    high = np.maximum(np.maximum(levels[0], levels[1]), np.maximum(levels[2], levels[3]))
    a, b, c, d = (exp_below(level - high) for level in levels)
    return high + np.log(a + b + c + d)


def largest(levels: Sequence[Any]) -> Any:
    """The marrow row with most cells."""
    best: Any = levels[0]
    row: Any = 0.0
    for k in range(1, MARROW):
        row = np.where(levels[k] > best, 1.0 * k, row)
        best = np.maximum(best, levels[k])
    return row


@lanes
def marrow_crossing(s: Any, point: Any) -> Any:
    """Days after the end of therapy at which marrow reaches 5 %, by Newton steps from the first single row that does so (ln of a
    sum of exponentials is convex, so the steps approach from above)."""
    ends = [at_end(s, point, clone) for clone in range(MARROW)]
    t: Any = inf
    for (level, rate), clone in zip(ends, range(MARROW), strict=True):
        alive = s[CLONE + clone * CLONE_FIELDS + SHIFT] > EXTINCT / 2
        t = np.where(alive, np.minimum(t, np.maximum(0.0, (LN_CR - level) / rate)), t)
    going = t < inf
    turns = 0
    while np.any(going):
        levels = [level + rate * t for level, rate in ends]
        high = np.maximum(np.maximum(levels[0], levels[1]), np.maximum(levels[2], levels[3]))
        a, b, c, d = (exp_below(level - high) for level in levels)
        total = a + b + c + d
        slope = (a * ends[0][1] + b * ends[1][1] + c * ends[2][1] + d * ends[3][1]) / total
        step = (high + np.log(total) - LN_CR) / slope
        after = np.maximum(t - step, 0.0)
        t = np.where(going, after, t)
        turns += 1
        going = going & (step >= 1e-9 * (1.0 + t)) & (after > 0.0) & (turns < 60)
    return t


@lanes
def later_relapse(s: Any, clones: Any, point: Any) -> None:
    """Day and row of the first relapse after therapy, in free growth (inf: none before the horizon)."""
    t = s[F_T]
    days = np.where(s[F_CR] < inf, marrow_crossing(s, point), inf)
    ends = [at_end(s, point, clone) for clone in range(MARROW)]
    row = largest([level + rate * np.where(days < inf, days, 0.0) for level, rate in ends])
    for clone in range(EXTRAMEDULLARY, clones):
        level, rate = at_end(s, point, clone)
        single = np.maximum(0.0, (SEEN[clone] - level) / rate)
        first = (s[CLONE + clone * CLONE_FIELDS + SHIFT] > EXTINCT / 2) & (single < days) & (s[F_CR] < inf)
        days = np.where(first, single, days)
        row = np.where(first, 1.0 * clone, row)
    late = t + days > HORIZON_DAYS
    s[W_RELAPSE] = np.where(late, inf, t + days)
    s[W_SITE] = np.where(late, 0.0, row)


@lanes
def suspect(s: Any, clones: Any, path: Any, stride: Any, point: Any) -> Any:
    """Who may have relapsed during therapy: those in whom some row, with its luck, reaches at the end of a stretch what may be seen.
    They are packed: place, first such point. Returns how many they are."""
    for clone in range(clones):
        row = CLONE + clone * CLONE_FIELDS
        s[row + LIFT] = s[row + START] + np.maximum(s[row + SHIFT], 0.0) - SEEN[clone]
    cr = s[F_CR]
    found: Any = inf
    t0 = s[path]
    for at in range(path + stride, point + 1, stride):
        highest: Any = NO_CELLS
        for clone in range(clones):
            highest = np.maximum(highest, s[at + 1 + clone] + s[CLONE + clone * CLONE_FIELDS + LIFT])
        t1 = s[at]
        found = np.where((highest >= 0.0) & (t0 >= cr) & (t1 > t0), np.minimum(found, 1.0 * at), found)
        t0 = t1
    if np.any(found < inf):
        lowest_points(s, clones, path, stride, point)
    return pack(s, P_LANE, counted(), found < inf, (1.0 * places(), found), 1)


@lanes
def lowest_points(s: Any, clones: Any, path: Any, stride: Any, point: Any) -> None:
    """The point of the path at which a row has fewest cells."""
    for clone in range(clones):
        least: Any = s[path + 1 + clone]
        lowest: Any = 1.0 * path
        for at in range(path + stride, point + 1, stride):
            level = s[at + 1 + clone]
            lowest = np.where(level < least, 1.0 * at, lowest)
            least = np.minimum(level, least)
        s[CLONE + clone * CLONE_FIELDS + LOWEST] = lowest


@lanes
def early_relapse(s: Any, clones: Any, stride: Any, point: Any, size: Any) -> None:
    """Day (row P_DAY, inf: none) and row (P_SITE) of the first relapse during therapy of the first `size` packed patients."""
    lane = whole(s[P_LANE])
    open_ = places() < size
    at = np.where(open_, s[P_POINT], 1.0 * point)
    day: Any = inf
    site: Any = 0.0
    while np.any(open_):
        row = whole(at)
        share, first = first_seen(s, clones, stride, row, lane)
        t0, t1 = s[row - stride, lane], s[row, lane]
        found = open_ & (share <= 1.0) & (t1 > t0)
        day = np.where(found, t0 + share * (t1 - t0), day)
        site = np.where(found, first, site)
        at = at + 1.0 * stride
        open_ = open_ & ~found & (at <= 1.0 * point)
        at = np.where(
            open_, next_candidate(s, clones, stride, np.minimum(at, 1.0 * point), 1.0 * point, lane, open_), 1.0 * point
        )
        open_ = open_ & (at <= 1.0 * point)
        at = np.minimum(at, 1.0 * point)
    s[P_DAY], s[P_SITE] = day, site


@lanes
def next_candidate(s: Any, clones: Any, stride: Any, at: Any, last: Any, lane: Any, looking: Any) -> Any:
    """The next point of the path at which some row, with its luck, reaches what may be seen (beyond `last`: none)."""
    place = 1.0 * at
    searching = looking | looking
    while np.any(searching):
        row = whole(np.minimum(place, last))
        highest: Any = NO_CELLS
        for clone in range(clones):
            highest = np.maximum(highest, s[row + (1 + clone), lane] + s[CLONE + clone * CLONE_FIELDS + LIFT, lane])
        searching = searching & (highest < 0.0)
        place = np.where(searching, place + 1.0 * stride, place)
        searching = searching & (place <= last)
    return place


@lanes
def first_seen(s: Any, clones: Any, stride: Any, row: Any, lane: Any) -> tuple[Any, Any]:
    """The share of the stretch that ends with the point at `row` after which a relapse is first seen (2: none), and of what."""
    starts, ends = [], []
    for clone in tuple(range(MARROW)):
        own = own_luck(s, clone, row - stride, lane)
        starts.append(s[row - stride + (1 + clone), lane] + own)
        ends.append(s[row + (1 + clone), lane] + own)
    share, site = marrow_share(starts, ends)
    for clone in range(EXTRAMEDULLARY, clones):
        other = own_luck(s, clone, row - stride, lane)
        start, end = s[row - stride + (1 + clone), lane] + other, s[row + (1 + clone), lane] + other
        single = np.where(
            start >= SEEN[clone], 2.0**-50, (SEEN[clone] - start) / np.where(end > start, end - start, 1.0)
        )
        first = (end >= SEEN[clone]) & (single < share)
        share = np.where(first, single, share)
        site = np.where(first, 1.0 * clone, site)
    return share, site


def own_luck(s: Any, clone: Any, start: Any, lane: Any) -> Any:
    """ln cells of a row at diagnosis, with the luck that holds in the stretch from the point at `start`: its own luck holds from its
    lowest point on."""
    field = CLONE + clone * CLONE_FIELDS
    return s[field + START, lane] + np.where(s[field + LOWEST, lane] <= 1.0 * start, s[field + SHIFT, lane], 0.0)


@lanes
def marrow_share(starts: Any, ends: Any) -> tuple[Any, Any]:
    """The share of a stretch after which marrow reaches 5 % (2: not within it), and the row with most cells then (Newton's steps,
    as in `marrow_crossing`)."""
    spans = [end - start for start, end in zip(starts, ends, strict=True)]
    reached, begun = ln_sum(ends) >= LN_CR, ln_sum(starts) >= LN_CR
    share: Any = 1.0
    going = reached & ~begun
    turns = 0
    while np.any(going):
        levels = [start + share * span for start, span in zip(starts, spans, strict=True)]
        high = np.maximum(np.maximum(levels[0], levels[1]), np.maximum(levels[2], levels[3]))
        a, b, c, d = (exp_below(level - high) for level in levels)
        total = a + b + c + d
        slope = (a * spans[0] + b * spans[1] + c * spans[2] + d * spans[3]) / total
        step = (high + np.log(total) - LN_CR) / slope
        share = np.where(going, share - step, share)
        turns += 1
        going = going & (step > 1e-14) & (turns < 60)
    share = np.where(begun, 2.0**-50, share)
    row = largest([start + share * span for start, span in zip(starts, spans, strict=True)])
    return np.where(reached, share, 2.0), row


@lanes
def burden_on(s: Any, day: Any, path: Any, stride: Any, point: Any) -> None:
    """log10 marrow fraction on a day, until relapse or death."""
    last = s[point]
    beyond = np.maximum(day - last, 0.0)
    ends = [at_end(s, point, clone) for clone in range(MARROW)]
    burden = ln_sum([level + np.maximum(rate, 0.0) * beyond for level, rate in ends])
    open_ = day <= last
    at: Any = path + stride
    while np.any(open_) & (at <= point):
        t0, t1 = s[at - stride], s[at]
        here = open_ & (t1 >= day)
        if np.any(here):
            share = np.where(t1 > t0, (day - t0) / np.where(t1 > t0, t1 - t0, 1.0), 1.0)
            levels = []
            for clone in tuple(range(MARROW)):
                own = own_luck(s, clone, at - stride, places())
                levels.append(
                    own + s[at - stride + 1 + clone] + share * (s[at + 1 + clone] - s[at - stride + 1 + clone])
                )
            within = ln_sum(levels)
            burden = np.where(here, within, burden)
            open_ = open_ & ~here
        at += stride
    s[W_BURDEN] = np.where(day <= s[W_OVER], (burden - LN_M) / LN10, nan)
