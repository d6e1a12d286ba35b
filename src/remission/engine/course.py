"""The instructions of a program, each for all patients of a batch: those whose course has reached it (`F_AT`) take part.

`s` is the state of the batch (`state.py`), `k` the instruction's number. Between events every clone row grows or falls exponentially, so
a segment is one rate per row; only blinatumomab, whose kill saturates, is stepped.
"""

from __future__ import annotations

from math import exp, inf, log, nan
from typing import Any

import numpy as np

from remission.engine.elementary import exp_below
from remission.engine.mechanisms import CHEMOTHERAPY, EFFECTOR, SCALED, agents
from remission.engine.program import TRANSCRIPT
from remission.engine.staged import lanes, paired
from remission.engine.staging import Scratch, counted, fma, pack, places
from remission.engine.state import (
    AGENTS,
    BIRTHS,
    CAUSE_INDUCTION,
    CAUSE_REMISSION,
    CAUSE_TRANSPLANT,
    CLONE,
    CLONE_FIELDS,
    CLONES,
    CNS,
    EXTRAMEDULLARY,
    F_AT,
    F_BLINA_DAY,
    F_CAUSE,
    F_CR,
    F_CYTO,
    F_DAYS,
    F_DEATH,
    F_END,
    F_FADE,
    F_FAIL,
    F_FIRST_BLINA,
    F_HARM,
    F_HAZARD,
    F_INO,
    F_INTRATHECAL,
    F_LIMIT,
    F_LN_START,
    F_MARROW,
    F_MUTATED,
    F_OMIT,
    F_REMISSION,
    F_SCALE,
    F_SPENT,
    F_T,
    F_TRANSPLANT,
    F_TRANSPLANTED,
    F_UNTIL,
    INVERSE,
    LN2,
    LN10,
    LN_CR,
    LN_EXTRAMEDULLARY,
    LN_M,
    LUCK,
    P_GROWTH,
    P_KILL,
    P_LANE,
    P_X,
    POTENCY,
    RECEIVED,
    RESISTANT,
    STACK,
    START,
    STRENGTH,
    SWITCH,
    V_AGE,
    W_GROWTH,
    W_KILL,
    W_KILLED,
    W_TOTAL,
    W_X,
    X_BIRTH,
    X_DELAY,
    X_DOSE_FACTOR,
    X_GROWTH,
    X_HALF_DOSE,
    X_INDUCTION,
    X_LN_CAPACITY,
    X_REMISSION_DEATH,
    X_TRANSCRIPT,
    X_TRANSPLANT_DEATH,
    X_TRANSPLANT_FACTOR,
    X_TRANSPLANT_MYELOABLATIVE,
)

INOTUZUMAB = agents().index("inotuzumab")
YOUNG = 55.0  # "by age": myeloablative conditioning below
SMALL = 1e-2  # of the effector capacity: below, and falling, the saturation of the kill is exact to first order
STRONGEST_KILL = 1e4  # per day
TINY_RATE = 1e-13  # per day
LARGEST_INVERSE = exp(600.0)


@lanes
def start(s: Any, clones: Any, path: Any) -> None:
    """A batch at diagnosis: traits, potencies and rows' sizes are there already."""
    for row in (
        F_AT,
        F_T,
        F_DAYS,
        F_UNTIL,
        F_SCALE,
        F_HAZARD,
        F_HARM,
        F_CAUSE,
        F_TRANSPLANTED,
        F_INTRATHECAL,
        F_INO,
        F_SPENT,
    ):
        s[row] = 0.0
    for row in (F_REMISSION, F_CYTO, F_MUTATED):
        s[row] = 0.0
    for row in (F_CR, F_FAIL, F_DEATH, F_TRANSPLANT, F_BLINA_DAY):
        s[row] = inf
    s[F_FIRST_BLINA], s[F_FADE], s[F_OMIT] = nan, -1.0, -inf
    s[F_LIMIT] = -np.log(s[LUCK + 2])
    for agent in range(AGENTS):
        s[RECEIVED + agent] = 0.0
        s[SWITCH + agent] = 1.0
    s[path] = 0.0
    for k in range(clones):
        row = CLONE + k * CLONE_FIELDS
        s[row + INVERSE] = 1.0
        s[row + BIRTHS] = 0.0
        s[path + 1 + k] = 0.0


@lanes
def clear(s: Any, row: Any, last: Any) -> None:
    """Nothing seen: rows `row` to `last` - 1."""
    for k in range(row, last):
        s[k] = nan


@lanes
def stop_beyond(s: Any, count: Any) -> None:
    """Only the first `count` patients are real."""
    s[F_AT] = np.where(places() < count, s[F_AT], -1.0)


def ln_cells(s: Any, point: Any, clone: Any) -> Any:
    """ln cells of a clone row at a point of the path."""
    return s[CLONE + clone * CLONE_FIELDS + START] + s[point + 1 + clone]


@lanes
def marrow_cells(s: Any, point: Any) -> None:
    """All marrow cells: every row but the extramedullary and the central nervous one."""
    s[F_MARROW] = (
        np.exp(ln_cells(s, point, 0))
        + np.exp(ln_cells(s, point, 1))
        + np.exp(ln_cells(s, point, 2))
        + np.exp(ln_cells(s, point, 3))
    )


@lanes
def ln_marrow(s: Any) -> None:
    """Their logarithm. (By itself: two short loops overlap where one long one waits.)"""
    s[F_MARROW] = np.log(s[F_MARROW])


@lanes
def begin(s: Any, k: Any, days: Any, delayed: Any) -> Any:
    """Deaths in remission, and how long a segment lasts: treatment ends with death. Returns how many patients it has."""
    here = s[F_AT] == k
    t = s[F_T]
    length = np.where(here, days + delayed * s[X_DELAY], 0.0)
    h = np.where(s[F_CR] < inf, s[X_REMISSION_DEATH] * s[F_HAZARD], 0.0)
    spent = s[F_SPENT] + h * length
    when = t + (s[F_LIMIT] - s[F_SPENT]) / np.maximum(h, 1e-300)
    first = (spent >= s[F_LIMIT]) & (when < s[F_DEATH]) & (h * length > 0.0)
    death = np.where(first, when, s[F_DEATH])
    s[F_DEATH] = death
    s[F_CAUSE] = np.where(first, 1.0 * CAUSE_REMISSION, s[F_CAUSE])
    s[F_SPENT] = spent
    s[F_UNTIL] = t + length
    s[F_DAYS] = np.where(here, np.minimum(length, death - t), 0.0)
    return np.count_nonzero(here)


@lanes
def expose(s: Any, k: Any, agent: Any, kind: Any, amount: Any, z: Any, noise: Any, strength: Any) -> None:
    """One agent of a segment: ln kill of bulk per day (row `strength`). The kill of a course varies from course to course, and one who
    does not tolerate full doses misses the worst of them; that of blinatumomab is found by `effector`."""
    potency = s[POTENCY + agent]
    if kind == CHEMOTHERAPY:
        course = LN10 * np.maximum(0.05, potency + noise * s[z]) * s[F_SCALE] * amount
        s[strength] = np.where(s[z] >= s[F_OMIT], course, 0.0)
    elif kind == SCALED:
        s[strength] = potency * s[F_SCALE] * amount
    elif kind == EFFECTOR:
        s[strength] = 0.0
    else:
        s[strength] = potency * s[SWITCH + agent] * amount
    s[RECEIVED + agent] = np.where(s[F_AT] == k, np.maximum(s[SWITCH + agent], s[RECEIVED + agent]), s[RECEIVED + agent])
    if agent == INOTUZUMAB:
        s[F_INO] = s[F_INO] + amount * s[F_DAYS]


@lanes
def kill(s: Any, clone: Any, kills: Any, first: Any, count: Any) -> Any:
    """ln kill of a row per day by the agents of a segment; `kills` relative to bulk."""
    total: Any = 0.0
    for i in range(count):
        total = fma(s[STRENGTH + i], kills[first + i, clone], total)
    return total


@lanes
def target(s: Any, k: Any, point: Any, kills: Any, first: Any, count: Any) -> None:
    """The CD19-positive marrow cells, and how fast everything but blinatumomab kills them."""
    if np.any(s[F_AT] == k):
        cells = [np.exp(ln_cells(s, point, clone)) for clone in (0, 1, RESISTANT)]
        killed = cells[0] * kill(s, 0, kills, first, count)
        for clone, part in ((1, cells[1]), (RESISTANT, cells[2])):
            killed = killed + part * kill(s, clone, kills, first, count)
        s[W_TOTAL] = cells[0] + cells[1] + cells[2]
        s[W_KILLED] = killed


@lanes
def effector(s: Any, k: Any, agent: Any, dose: Any, days: Any, mean: Any) -> None:
    """Blinatumomab's largest kill at this dose, and its mean over the segment (row `mean`) where it does not saturate (-1: to be
    stepped)."""
    here = s[F_AT] == k
    if np.any(here):
        ln_total = np.log(s[W_TOTAL])
        growth = s[X_GROWTH] - s[W_KILLED] / s[W_TOTAL]
        most = s[POTENCY + agent] * dose / (dose + s[X_HALF_DOSE]) * np.maximum(s[F_FADE], 0.0)
        x = ln_total - s[X_LN_CAPACITY]
        fall = most - growth
        u = np.exp(x)
        held = np.maximum(fall, 1e-3) * days
        small = (u < SMALL) & (fall > 1e-3)
        s[W_GROWTH], s[W_KILL], s[W_X] = growth, most, x
        s[mean] = np.where(small | (s[F_DAYS] <= 0.0), most - most * u * (1.0 - exp_below(-held)) / held, -1.0)
        new = here & (s[F_BLINA_DAY] == inf)
        s[F_BLINA_DAY] = np.where(new, s[F_T], s[F_BLINA_DAY])
        s[F_FIRST_BLINA] = np.where(new, ln_total / LN10, s[F_FIRST_BLINA])


@paired
def step(s: Any, steps: Any, h: Any, size: Any) -> None:
    """ln u of the first `size` patients under saturation, by Runge and Kutta's method."""
    growth, most = s[P_GROWTH], s[P_KILL]
    x = s[P_X]
    for _ in range(steps):
        k1 = growth - most / (1.0 + np.exp(x))
        k2 = growth - most / (1.0 + np.exp(x + 0.5 * h * k1))
        k3 = growth - most / (1.0 + np.exp(x + 0.5 * h * k2))
        k4 = growth - most / (1.0 + np.exp(x + h * k3))
        x = x + h * (k1 + 2.0 * (k2 + k3) + k4) * (1.0 / 6.0)
    s[P_X] = x


@lanes
def pack_saturated(s: Any, mean: Any) -> Any:
    """Those whose kill saturates, one after the other; returns how many they are."""
    return pack(s, P_LANE, counted(), s[mean] < 0.0, (1.0 * places(), s[W_X], s[W_GROWTH], s[W_KILL]), 1)


@lanes
def grow(
    s: Any,
    k: Any,
    clones: Any,
    kills: Any,
    first: Any,
    count: Any,
    alike: Any,
    before: Any,
    after: Any,
    doses: Any,
    cns_kill: Any,
) -> None:
    """Grow or shrink every row over the segment's days, from point `before` of the path to point `after`, and add up the integral of
    birth exp(-L); time, intrathecal doses per day, and who goes on. `alike`: for each row the first one that is killed as it is."""
    days, growth, birth = s[F_DAYS], s[X_GROWTH], s[X_BIRTH]
    slight = TINY_RATE * days
    grown, shrunk, per_inverse = Scratch(CLONES), Scratch(CLONES), Scratch(CLONES)
    for clone in range(clones):
        first_alike = alike[clone]
        if first_alike == clone:
            killed = kill(s, clone, kills, first, count) + np.where(clone == CNS, cns_kill, 0.0)
            rate = growth - np.minimum(killed, STRONGEST_KILL)
            grown[clone] = rate * days
            shrunk[clone] = exp_below(np.minimum(-rate * days, 600.0))
            per_inverse[clone] = birth / (rate + TINY_RATE)  # right for a rate of zero, too
        row = CLONE + clone * CLONE_FIELDS
        s[after + 1 + clone] = s[before + 1 + clone] + grown[first_alike]
        old = s[row + INVERSE]
        new = np.minimum(old * shrunk[first_alike], LARGEST_INVERSE)
        s[row + INVERSE] = new
        s[row + BIRTHS] = fma(fma(slight, old, old - new), per_inverse[first_alike], s[row + BIRTHS])
    until, death = s[F_UNTIL], s[F_DEATH]
    s[F_INTRATHECAL] = s[F_INTRATHECAL] + doses * days
    t = np.minimum(until, death)
    s[F_T], s[after] = t, t
    s[F_AT] = np.where(s[F_AT] == k, np.where(death > until, 1.0 * (k + 1), -1.0), s[F_AT])


@lanes
def transplant(
    s: Any, k: Any, mode: Any, clones: Any, myeloablative: Any, reduced: Any, before: Any, after: Any
) -> None:
    """Conditioning and graft for those in remission: one kill of every row, and a chance of death within two years."""
    here = s[F_AT] == k
    s[F_AT] = np.where(here, 1.0 * (k + 1), s[F_AT])
    moved = here & (s[F_REMISSION] > 0.0) & (s[F_TRANSPLANTED] == 0.0)
    mild = (mode == 2) | ((mode == 0) & (s[V_AGE] >= YOUNG))
    log_kill = np.where(moved, np.where(mild, reduced, myeloablative) * s[X_TRANSPLANT_FACTOR] * LN10, 0.0)
    t = s[F_T]
    s[after] = t
    for clone in range(clones):
        level = s[before + 1 + clone] - np.where(clone == CNS, 0.3, 1.0) * log_kill
        s[after + 1 + clone] = level
        s[CLONE + clone * CLONE_FIELDS + INVERSE] = exp_below(np.minimum(-level, 600.0))
    s[F_TRANSPLANT] = np.where(moved, t, s[F_TRANSPLANT])
    s[F_TRANSPLANTED] = np.where(moved, 1.0, s[F_TRANSPLANTED])
    logit = s[X_TRANSPLANT_DEATH] + np.where(mild, 0.0, s[X_TRANSPLANT_MYELOABLATIVE])
    death = t + 30.0 + 500.0 * s[LUCK + 4]
    dies = moved & (s[LUCK + 3] < 1.0 / (1.0 + np.exp(-logit))) & (death < s[F_DEATH])
    s[F_DEATH] = np.where(dies, death, s[F_DEATH])
    s[F_CAUSE] = np.where(dies, 1.0 * CAUSE_TRANSPLANT, s[F_CAUSE])


@lanes
def assess_mrd(s: Any, k: Any, value: Any, when: Any, assay: Any, flow: Any, noise: Any, z: Any) -> None:
    """Measure minimal residual disease. `flow`: what flow cytometry reads relative to PCR (log10)."""
    here = s[F_AT] == k
    s[F_AT] = np.where(here, 1.0 * (k + 1), s[F_AT])
    s[when] = np.where(here, s[F_T], s[when])
    level = (s[F_MARROW] - LN_M) / LN10
    level = np.where(assay == TRANSCRIPT, np.maximum(level, s[X_TRANSCRIPT]), level)
    s[value] = np.where(here, level + flow + noise * s[z], s[value])


@lanes
def assess_remission(s: Any, k: Any, point: Any, value: Any, when: Any, silent: Any) -> None:
    """Is there remission: few blasts in the marrow, and no disease to be seen outside it? `silent`: nobody acts on it."""
    here = s[F_AT] == k
    s[F_AT] = np.where(here, 1.0 * (k + 1), s[F_AT])
    s[when] = np.where(here, s[F_T], s[when])
    yes = (s[F_MARROW] < LN_CR) & (ln_cells(s, point, EXTRAMEDULLARY) < LN_EXTRAMEDULLARY)
    s[value] = np.where(here, 1.0 * yes, s[value])
    told = here & (silent == 0)
    s[F_REMISSION] = np.where(told, 1.0 * yes, s[F_REMISSION])
    s[F_CR] = np.where(told & yes & (s[F_CR] == inf), s[F_T], s[F_CR])


@lanes
def assess_other(s: Any, k: Any, point: Any, value: Any, when: Any, mutation: Any) -> None:
    """Has the burden halved? Or do resistant cells make up a fifth of a burden that can be sequenced?"""
    here = s[F_AT] == k
    s[F_AT] = np.where(here, 1.0 * (k + 1), s[F_AT])
    s[when] = np.where(here, s[F_T], s[when])
    halved = s[F_MARROW] <= s[F_LN_START] - LN2
    most = (ln_cells(s, point, RESISTANT) > s[F_MARROW] + log(0.2)) & (s[F_MARROW] > LN_M - 4.0 * LN10)
    seen = np.where(mutation == 1, most, halved)
    s[value] = np.where(here, 1.0 * seen, s[value])
    s[F_MUTATED] = np.where(here & (mutation == 1), 1.0 * seen, s[F_MUTATED])
    s[F_CYTO] = np.where(here & (mutation == 0), 1.0 * seen, s[F_CYTO])


@lanes
def test(s: Any, k: Any, a: Any, b: Any, comparison: Any, threshold: Any, top: Any) -> None:
    """One comparison of a condition: of the larger of rows `a` and `b`. What was not measured (nan) satisfies none."""
    here = s[F_AT] == k
    s[F_AT] = np.where(here, 1.0 * (k + 1), s[F_AT])
    value = np.maximum(s[a], s[b])
    below, same = value < threshold, value == threshold
    holds = np.where(comparison == 0, below, np.where(comparison == 1, below | same, value > threshold))
    holds = np.where(comparison == 3, (value > threshold) | same, holds)
    holds = np.where(comparison == 4, same, np.where(comparison == 5, (value < threshold) | (value > threshold), holds))
    s[STACK + top] = np.where(here, 1.0 * holds, s[STACK + top])


@lanes
def combine(s: Any, k: Any, terms: Any, every: Any, top: Any) -> None:
    """All, or any, of the last terms of a condition."""
    here = s[F_AT] == k
    s[F_AT] = np.where(here, 1.0 * (k + 1), s[F_AT])
    least: Any = 1.0
    most: Any = 0.0
    for j in range(terms):
        least = np.minimum(least, s[STACK + top + j])
        most = np.maximum(most, s[STACK + top + j])
    s[STACK + top] = np.where(here, np.where(every == 1, least, most), s[STACK + top])


@lanes
def draw_share(s: Any, k: Any, luck: Any, share: Any, top: Any) -> None:
    """Whether a patient is one of those who are given a phase."""
    here = s[F_AT] == k
    s[F_AT] = np.where(here, 1.0 * (k + 1), s[F_AT])
    s[STACK + top] = np.where(here, 1.0 * (s[luck] < share), s[STACK + top])


@lanes
def jump_unless(s: Any, k: Any, target: Any, top: Any) -> None:
    """Those for whom the condition does not hold go on at `target`."""
    s[F_AT] = np.where(s[F_AT] == k, np.where(s[STACK + top] > 0.0, 1.0 * (k + 1), 1.0 * target), s[F_AT])


@lanes
def switch(s: Any, k: Any, agent: Any, how: Any, top: Any) -> None:
    """Who is given an agent from here on: those for whom the condition holds (`how` 0), everybody (1) or nobody (2)."""
    here = s[F_AT] == k
    s[F_AT] = np.where(here, 1.0 * (k + 1), s[F_AT])
    given = np.where(how == 0, s[STACK + top], np.where(how == 1, 1.0, 0.0))
    s[SWITCH + agent] = np.where(here, given, s[SWITCH + agent])


@lanes
def jump(s: Any, k: Any, target: Any) -> None:
    """Go on at `target`."""
    s[F_AT] = np.where(s[F_AT] == k, 1.0 * target, s[F_AT])


@lanes
def enter_phase(s: Any, k: Any, row: Any, days: Any) -> None:
    """The day on which a phase begins."""
    here = s[F_AT] == k
    s[F_AT] = np.where(here, 1.0 * (k + 1), s[F_AT])
    s[row] = np.where(here, s[F_T] + days, s[row])


@lanes
def set_course(s: Any, k: Any, intensity: Any, hazard: Any, harm: Any, reducible: Any, omit: Any) -> None:
    """The dose intensity from here on."""
    here = s[F_AT] == k
    s[F_AT] = np.where(here, 1.0 * (k + 1), s[F_AT])
    lowered = (reducible > 0.0) & (s[X_DOSE_FACTOR] < 1.0)
    s[F_SCALE] = np.where(here, intensity * np.where(lowered, s[X_DOSE_FACTOR], 1.0), s[F_SCALE])
    s[F_OMIT] = np.where(here, np.where(lowered, omit, -inf), s[F_OMIT])
    s[F_HAZARD] = np.where(here, hazard, s[F_HAZARD])
    s[F_HARM] = np.where(here, harm, s[F_HARM])


@lanes
def count_cycle(s: Any, k: Any, fade: Any) -> None:
    """One more cycle of blinatumomab."""
    here = s[F_AT] == k
    s[F_AT] = np.where(here, 1.0 * (k + 1), s[F_AT])
    s[F_FADE] = np.where(here, np.where(s[F_FADE] < 0.0, 1.0, s[F_FADE] * fade), s[F_FADE])


@lanes
def induction(s: Any, k: Any, days: Any, none: Any) -> None:
    """Death in induction."""
    here = s[F_AT] == k
    s[F_AT] = np.where(here, 1.0 * (k + 1), s[F_AT])
    logit = s[X_INDUCTION] + none * (1.0 - np.minimum(s[F_HARM], 1.0))
    dies = here & (s[LUCK] < 1.0 / (1.0 + np.exp(-logit)))
    s[F_DEATH] = np.where(dies, s[F_T] + days * s[LUCK + 1], s[F_DEATH])
    s[F_CAUSE] = np.where(dies, 1.0 * CAUSE_INDUCTION, s[F_CAUSE])


@lanes
def stop(s: Any, k: Any, refractory: Any) -> None:
    """The end of treatment."""
    here = s[F_AT] == k
    s[F_AT] = np.where(here, -1.0, s[F_AT])
    s[F_FAIL] = np.where(here & (refractory == 1), s[F_T], s[F_FAIL])


@lanes
def end_treatment(s: Any) -> None:
    """Treatment is over; who has neither died nor come into remission has failed it."""
    t, death = s[F_T], s[F_DEATH]
    s[F_END] = np.minimum(t, death)
    s[F_FAIL] = np.where((s[F_CR] == inf) & (death == inf), np.minimum(s[F_FAIL], t), s[F_FAIL])
