"""The compiled kernel: a batch of virtual patients through one program. `reference.py` says the same for one patient in plain Python.

Every jump of a program leads forward: the batch walks the instructions once, and a patient takes part in those that its own course
reaches; the others stand still with a duration of zero. So one instruction is one loop over the batch (`course.py`). Extinction, relapse
and what follows are in `ending.py`; the rows of a batch's state are named in `state.py`.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from remission.base.random import Stream
from remission.engine import program as _program
from remission.engine.course import (
    assess_mrd,
    assess_other,
    assess_remission,
    begin,
    clear,
    combine,
    count_cycle,
    draw_share,
    effector,
    end_treatment,
    enter_phase,
    expose,
    grow,
    induction,
    jump,
    jump_unless,
    ln_marrow,
    marrow_cells,
    pack_saturated,
    set_course,
    start,
    step,
    stop,
    stop_beyond,
    switch,
    target,
    test,
    transplant,
)
from remission.engine.draw_columns import (
    D_COURSE_NOISE,
    D_FADE,
    D_FLOW_READING,
    D_INDUCTION_NONE,
    D_INTRATHECAL_KILL,
    D_KILL_MYELOABLATIVE,
    D_KILL_REDUCED,
    D_MRD_NOISE,
    D_OMIT,
)
from remission.engine.ending import ending
from remission.engine.jit import entry
from remission.engine.lanes import normal_rows, uniform_rows
from remission.engine.mechanisms import EFFECTOR
from remission.engine.relapse import burden_on, lowest_points
from remission.engine.staged import LANES, lanes, routine
from remission.engine.staging import whole
from remission.engine.state import (
    CONDITION,
    COVARIATE,
    E_REMISSION,
    F_LN_START,
    F_MARROW,
    LATENT,
    LUCK,
    LUCK_TRAITS,
    P_GROWTH,
    P_LANE,
    P_X,
    STACK,
    STRENGTH,
    UNIFORM,
    W_BURDEN,
    W_X,
)
from remission.engine.traits import LATENT as LATENT_NAMES
from remission.engine.traits import characterise

SEGMENT, COURSE, PHASE, CYCLE = _program.SEGMENT, _program.COURSE, _program.PHASE, _program.CYCLE
REMISSION, MRD, CYTOREDUCTION, MUTATION = _program.REMISSION, _program.MRD, _program.CYTOREDUCTION, _program.MUTATION
TEST, AND, OR, SHARE = _program.TEST, _program.AND, _program.OR, _program.SHARE
JUMP_UNLESS, JUMP, INDUCTION, TRANSPLANT = _program.JUMP_UNLESS, _program.JUMP, _program.INDUCTION, _program.TRANSPLANT
REFRACTORY, SWITCH, ASKED = _program.REFRACTORY, _program.SWITCH, _program.ASKED
STEP_DAYS = 1.75
_LATENT, _COURSE, _BLOCK, _ASSESSMENT, _CLONE = (
    int(stream) for stream in (Stream.LATENT, Stream.COURSE, Stream.BLOCK, Stream.ASSESSMENT, Stream.CLONE)
)
N_LATENT = len(LATENT_NAMES)
# Blocks of four uniform numbers that every patient has, from row LUCK on; the last two only in programs with shares.
LUCK_BLOCKS = (
    (_COURSE, 0),
    (_COURSE, 1),
    (_COURSE, 8),
    (_COURSE, 9),
    (_CLONE, 0),
    (_CLONE, 1),
    (_CLONE, 2),
    (_COURSE, 16),
    (_COURSE, 17),
)
SHARE_BLOCKS = 2


@routine
def segment(s: Any, k: Any, index: Any, c: Any, d: Any, point: Any) -> Any:
    """One segment for the whole batch, from a point of the path to the next; returns how many patients it has. `c` are the program's
    tables, `d` the draw's."""
    days = c.durations[index]
    count = begin(s, k, days, 1.0 * c.delayed[index])
    if count > 0:
        first, given = c.starts[index], c.starts[index + 1] - c.starts[index]
        dose, agent, mean = 0.0, -1, STRENGTH
        for i in range(given):
            m, amount = c.given[first + i], c.amounts[first + i]
            expose(s, k, m, c.kinds[m], amount, c.noise_rows + c.noise[index], d.numbers[D_COURSE_NOISE], STRENGTH + i)
            if c.kinds[m] == EFFECTOR:
                dose += amount * d.availability[m]
                agent, mean = m, STRENGTH + i
        if agent >= 0:
            target(s, k, point, d.kills, first, given)
            effector(s, k, agent, dose, days, mean)
            saturated(s, days, mean)
        doses = np.where(days > 0.0, c.intrathecal[index] / np.maximum(days, 1e-9), 0.0)
        cns_kill = doses * d.numbers[D_INTRATHECAL_KILL]
        grow(s, k, c.clones, d.kills, first, given, c.alike[index], point, point + c.stride, doses, cns_kill)
    return count


@routine
def saturated(s: Any, days: Any, mean: Any) -> None:
    """Step the patients whose kill saturates, packed together."""
    count = pack_saturated(s, mean)
    if count > 0:
        steps = np.ceil(days / STEP_DAYS)
        step(s, whole(steps), days / steps, count)
        for k in range(count):
            lane = whole(s[P_LANE, k])
            s[mean, lane] = s[P_GROWTH, k] - (s[P_X, k] - s[W_X, lane]) / days


@routine
def treat(s: Any, size: Any, c: Any, d: Any) -> Any:
    """Walk the program once for a batch; returns the last point of the path."""
    start(s, c.clones, c.path)
    marrow_cells(s, c.path)
    ln_marrow(s)
    copy_row(s, F_LN_START, F_MARROW)
    clear(s, c.values, c.path)
    if size < LANES:
        stop_beyond(s, size)
    point, top, fresh = c.path, 0, True
    for k in range(c.ops.lengths[0]):
        op, a, b, comparison = c.ops[k, 0], c.ops[k, 1], c.ops[k, 2], c.ops[k, 3]
        if op == SEGMENT:
            count = segment(s, k, a, c, d, point)
            if count > 0:
                point += c.stride
                fresh = False
        elif op <= MUTATION and op >= REMISSION:
            if not fresh:
                marrow_cells(s, point)
                ln_marrow(s)
                fresh = True
            value, when = c.values + a, c.when + a
            if op == MRD:
                flow = np.where(b == _program.FLOW, d.numbers[D_FLOW_READING], 0.0)
                assess_mrd(s, k, value, when, b, flow, d.numbers[D_MRD_NOISE], c.slot_rows + a)
            elif op == REMISSION:
                assess_remission(s, k, point, value, when, comparison)
            else:
                assess_other(s, k, point, value, when, np.where(op == MUTATION, 1, 0))
        elif op == TEST:
            test(s, k, a, b, comparison, c.numbers[k], top)
            top += 1
        elif op == JUMP_UNLESS:
            top -= 1
            jump_unless(s, k, a, top)
        elif op == COURSE:
            set_course(s, k, d.courses[a, 0], d.courses[a, 1], d.courses[a, 2], d.courses[a, 3], d.numbers[D_OMIT])
        elif op == PHASE:
            enter_phase(s, k, c.started + a, c.numbers[k])
        elif op == AND or op == OR:
            top -= a
            combine(s, k, a, np.where(op == AND, 1, 0), top)
            top += 1
        elif op == SHARE:
            draw_share(s, k, LUCK + 4 * (len(LUCK_BLOCKS) - SHARE_BLOCKS) + a, c.numbers[k], top)
            top += 1
        elif op == JUMP:
            jump(s, k, a)
        elif op == CYCLE:
            count_cycle(s, k, d.numbers[D_FADE])
        elif op == INDUCTION:
            induction(s, k, 1.0 * a, d.numbers[D_INDUCTION_NONE])
        elif op == TRANSPLANT:
            transplant(
                s, k, a, c.clones, d.numbers[D_KILL_MYELOABLATIVE], d.numbers[D_KILL_REDUCED], point, point + c.stride
            )
            point += c.stride
            fresh = False
        elif op == SWITCH:
            if b == ASKED:
                top -= 1
            switch(s, k, a, b, top)
        else:  # STOP
            stop(s, k, np.where(a == REFRACTORY, 1, 0))
    end_treatment(s)
    return point


@routine
def draw_luck(s: Any, patient: Any, draw: Any, key0: Any, key1: Any, c: Any) -> None:
    """All random numbers of a batch's course: uniform ones, and normal ones for the noise of courses and assessments."""
    for place, (stream, block) in enumerate(LUCK_BLOCKS[:-SHARE_BLOCKS]):
        uniform_rows(s, LUCK + 4 * place, patient, draw, stream, block, key0, key1)
    if c.shares > 0:
        for place, (stream, block) in enumerate(LUCK_BLOCKS[-SHARE_BLOCKS:]):
            uniform_rows(
                s, LUCK + 4 * (len(LUCK_BLOCKS) - SHARE_BLOCKS + place), patient, draw, stream, block, key0, key1
            )
    for stream, addresses, row in ((_BLOCK, c.noise_address, c.noise_rows), (_ASSESSMENT, c.slot_address, c.slot_rows)):
        drawn = -1
        for k in range(addresses.lengths[0]):
            address = addresses[k]
            if address >= 0 and address // 4 != drawn:
                drawn = address // 4
                uniform_rows(s, UNIFORM, patient, draw, stream, drawn, key0, key1)
            copy_row(s, row + k, UNIFORM + np.maximum(address, 0) % 4)
    normal_rows(s, c.noise_rows, c.values - c.noise_rows, STACK)


@lanes
def copy_row(s: Any, row: Any, of: Any) -> None:
    """Copy a row of the state."""
    s[row] = s[of]


@routine
def traits_luck(s: Any, patient: Any, draw: Any, key0: Any, key1: Any) -> None:
    """Random numbers behind the traits."""
    for block in range(4):
        uniform_rows(s, LATENT + 4 * block, patient, draw, _LATENT, block, key0, key1)
    normal_rows(s, LATENT, N_LATENT, STACK)
    uniform_rows(s, LUCK_TRAITS, patient, draw, _LATENT, 4, key0, key1)


@routine
def run(
    first_draw: Any,
    last_draw: Any,
    patients: Any,
    first_patient: Any,
    origin: Any,
    relapsed: Any,
    key0: Any,
    key1: Any,
    clones: Any,
    shares: Any,
    ops: Any,
    numbers: Any,
    durations: Any,
    delayed: Any,
    starts: Any,
    given: Any,
    amounts: Any,
    intrathecal: Any,
    noise: Any,
    noise_address: Any,
    slot_address: Any,
    lifelong: Any,
    layout: Any,
    kinds: Any,
    alike: Any,
    draw_numbers: Any,
    parameters: Any,
    courses: Any,
    availability: Any,
    relative: Any,
    kills: Any,
    draws: Any,
    life: Any,
    grid: Any,
    cohort: Any,
    s: Any,
    events_out: Any,
    conditions_out: Any,
    values_out: Any,
    when_out: Any,
    started_out: Any,
    burden_out: Any,
) -> None:
    """Patients of the draws `first_draw` to `last_draw` - 1. `cohort` holds the covariates of this chunk, draw after draw; results go to
    columns from `origin` on."""
    c = SimpleNamespace(
        clones=clones, shares=shares, ops=ops, numbers=numbers, durations=durations, delayed=delayed, starts=starts, given=given,
        amounts=amounts, intrathecal=intrathecal, noise=noise, noise_address=noise_address, slot_address=slot_address,
        lifelong=lifelong, kinds=kinds, alike=alike, life=life, last_age=life.lengths[0] // 2 - 1, grid=grid,
        noise_rows=layout[0], slot_rows=layout[1], values=layout[2], when=layout[3], started=layout[4], path=layout[5],
        stride=clones + 1,
    )  # fmt: skip
    for draw in range(first_draw, last_draw):
        d = SimpleNamespace(
            courses=courses[draw],
            availability=availability[draw],
            relative=relative[draw],
            kills=kills[draw],
            numbers=draws[draw],
        )
        for batch in range(0, patients, LANES):
            size = np.minimum(LANES, patients - batch)
            column = (draw - first_draw) * patients + batch
            load(s, COVARIATE, cohort, column, size)
            traits_luck(s, first_patient + batch, draw_numbers[draw], key0, key1)
            characterise(s, parameters[draw], relapsed)
            draw_luck(s, first_patient + batch, draw_numbers[draw], key0, key1, c)
            point = treat(s, size, c, d)
            ending(point, s, c, d)
            save(s, E_REMISSION, events_out, origin + column, size)
            save(s, CONDITION, conditions_out, origin + column, size)
            save(s, c.values, values_out, origin + column, size)
            save(s, c.when, when_out, origin + column, size)
            save(s, c.started, started_out, origin + column, size)
            if grid.lengths[0] > 0:
                lowest_points(s, clones, c.path, c.stride, point)
            for g in range(grid.lengths[0]):
                burden_on(s, grid[g], c.path, c.stride, point)
                for lane in range(size):
                    burden_out[g, origin + column + lane] = s[W_BURDEN, lane]


@routine
def load(s: Any, row: Any, table: Any, column: Any, size: Any) -> None:
    """Columns of a table to rows of the state; a batch that is not full is filled up with its last patient."""
    if size == LANES:
        copy_rows(s, row, table.beside(column), 0, table.lengths[0])
    else:
        for k in range(table.lengths[0]):
            for lane in range(LANES):
                s[row + k, lane] = table[k, column + np.minimum(lane, size - 1)]


@routine
def save(s: Any, row: Any, table: Any, column: Any, size: Any) -> None:
    """Rows of the state to columns of a table."""
    if size == LANES:
        copy_rows(table.beside(column), 0, s, row, table.lengths[0])
    else:
        for k in range(table.lengths[0]):
            for lane in range(size):
                table[k, column + lane] = s[row + k, lane]


@lanes
def copy_rows(to: Any, row: Any, of: Any, first: Any, count: Any) -> None:
    """Copy `count` rows."""
    for k in range(count):
        to[row + k] = of[first + k]


kernel = entry(
    run,
    first_draw="i",
    last_draw="i",
    patients="i",
    first_patient="i",
    origin="i",
    relapsed="f",
    key0="i",
    key1="i",
    clones="i",
    shares="i",
    ops="i8:2",
    numbers="f8:1",
    durations="f8:1",
    delayed="i8:1",
    starts="i8:1",
    given="i8:1",
    amounts="f8:1",
    intrathecal="f8:1",
    noise="i8:1",
    noise_address="i8:1",
    slot_address="i8:1",
    lifelong="f8:1",
    layout="i8:1",
    kinds="i8:1",
    alike="i8:2",
    draw_numbers="i8:1",
    parameters="f8:2",
    courses="f8:3",
    availability="f8:2",
    relative="f8:3",
    kills="f8:3",
    draws="f8:2",
    life="f8:1",
    grid="f8:1",
    cohort="f8:2",
    s="f8:2*",
    events_out="f8:2",
    conditions_out="f8:2",
    values_out="f8:2",
    when_out="f8:2",
    started_out="f4:2",
    burden_out="f8:2",
)
