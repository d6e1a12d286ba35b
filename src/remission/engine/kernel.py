"""The compiled kernel: one virtual patient through one program. `reference.py` says the same in plain Python.

Between events every clone row grows or falls exponentially, so a segment is one rate per row; only blinatumomab, whose kill
saturates, is stepped. Extinction and regrowth come from the birth-death process in closed form:
with L(t) = ln N(t) - ln N(0) and birth rate b, one cell's line survives for ever with probability
    p = 1 / ( I(T) + (b/r) exp(-L(T)) ),   I(T) = integral_0^T b exp(-L) dt,   r = net growth after the end of therapy T
(Kendall 1948, Ann Math Stat 19:1). The functions are long because they are the inner loop; they are not annotated for the
type checker because numba infers their types.
"""
# mypy: disallow-untyped-defs=False, check-untyped-defs=False, disallow-untyped-calls=False

from __future__ import annotations

from math import exp, inf, log, nan

import numpy as np

from remission.base.random import Stream
from remission.engine import program as _program
from remission.engine.jit import jit
from remission.engine.mechanisms import CHEMOTHERAPY, EFFECTOR, ROWS
from remission.engine.special import EXTINCT, normal_quantile, survivors, uniform
from remission.engine.traits import MARROW_CELLS

SEGMENT, REMISSION, MRD, CYTOREDUCTION, MUTATION = (
    _program.SEGMENT,
    _program.REMISSION,
    _program.MRD,
    _program.CYTOREDUCTION,
    _program.MUTATION,
)
TEST, AND, OR, SHARE, JUMP_UNLESS, JUMP = (
    _program.TEST,
    _program.AND,
    _program.OR,
    _program.SHARE,
    _program.JUMP_UNLESS,
    _program.JUMP,
)
INDUCTION, TRANSPLANT, STOP = _program.INDUCTION, _program.TRANSPLANT, _program.STOP
CR_NOW, CR_AT, MRD_AT, TRANSPLANTED, CYTOREDUCED, MUTATED = (
    _program.CR_NOW,
    _program.CR_AT,
    _program.MRD_AT,
    _program.TRANSPLANTED,
    _program.CYTOREDUCED,
    _program.MUTATED,
)
RECEIVED = _program.RECEIVED
REFRACTORY, INTENSIVE = _program.REFRACTORY, _program.INTENSIVE

NROWS = len(ROWS)
EXTRAMEDULLARY = ROWS.index("extramedullary")
LN10 = log(10.0)
LN_M = log(MARROW_CELLS)
LN_CR = log(0.05 * MARROW_CELLS)  # haematological remission and relapse: 5 % of the marrow
LN_EXTRAMEDULLARY = log(1e10)  # an extramedullary relapse is seen at 1e10 cells
HORIZON_DAYS = 5479.0  # 15 years from diagnosis
MAX_POINTS = 1024
YOUNG = 55.0  # "by age": myeloablative conditioning below

# Columns of the patient table, the draw table and the results.
(
    X_GROWTH,
    X_BIRTH,
    X_HALF_DOSE,
    X_LN_CAPACITY,
    X_INDUCTION,
    X_INDUCTION_REDUCED,
    X_REMISSION_DEATH,
    X_TRANSPLANT_DEATH,
    X_TRANSPLANT_MYELOABLATIVE,
    X_TRANSPLANT_FACTOR,
    X_TRANSCRIPT,
    X_COUNT,
) = range(12)
(D_LN_CLONOGENIC, D_COURSE_NOISE, D_MRD_NOISE, D_KILL_MYELOABLATIVE, D_KILL_REDUCED, D_HAZARD, D_COUNT) = (
    0,
    1,
    2,
    3,
    4,
    5,
    9,
)
(
    R_CR,
    R_FAIL,
    R_RELAPSE,
    R_ROW,
    R_DEATH,
    R_CAUSE,
    R_TRANSPLANT,
    R_END,
    R_FIRST_BLINA,
    R_INTRATHECAL,
    R_RECEIVED,
    R_COUNT,
) = range(12)
CAUSE_INDUCTION, CAUSE_REMISSION, CAUSE_TRANSPLANT = 1, 2, 3

U_INDUCTION, U_INDUCTION_TIME, U_REMISSION, U_TRANSPLANT, U_TRANSPLANT_TIME, U_SHARE = 0, 1, 2, 3, 4, 64
_COURSE, _BLOCK, _ASSESSMENT, _CLONE = int(Stream.COURSE), int(Stream.BLOCK), int(Stream.ASSESSMENT), int(Stream.CLONE)


@jit
def log_add(a, b):
    """ln(exp(a) + exp(b)); beyond 40 the smaller term is below rounding."""
    difference = a - b
    if difference > 40.0:
        return a
    if difference < -40.0:
        return b
    return b + log(1.0 + exp(difference)) if difference <= 0.0 else a + log(1.0 + exp(-difference))


@jit
def marrow(rows):
    """ln of all marrow cells: every row but the extramedullary one."""
    high = max(max(rows[0], rows[1]), max(rows[2], rows[3]))
    return high + log(exp(rows[0] - high) + exp(rows[1] - high) + exp(rows[2] - high) + exp(rows[3] - high))


@jit
def ln_births(birth, level, rate, days):
    """ln of the integral of birth exp(-L) over a segment that starts at L = level and has net rate `rate`."""
    x = -rate * days
    if abs(x) < 1e-9:
        return log(birth * days) - level
    if x > 40.0:
        return log(birth / -rate) - level + x
    return log(birth * (exp(x) - 1.0) / -rate) - level


@jit
def effector_kill(ln_cells, growth, kill, ln_capacity, days):
    """Integral over `days` of K/(1 + N/theta), where N follows its own net growth; daily Heun steps on ln N.

    Once N is far below theta and falling, K is constant and the rest is exact.
    """
    total = 0.0
    left = days
    x = ln_cells
    while left > 1e-9:
        u = exp(x - ln_capacity)
        if u < 1e-5 and kill > growth:
            return total + kill * left
        h = min(1.0, left)
        k1 = kill / (1.0 + u)
        k2 = kill / (1.0 + exp(x + h * (growth - k1) - ln_capacity))
        k = 0.5 * (k1 + k2)
        total += h * k
        x += h * (growth - k)
        left -= h
    return total


@jit
def holds(value, comparison, threshold):
    """A comparison of a condition; an assessment that was not made (nan) satisfies none."""
    if value != value:
        return False
    if comparison == 0:
        return value < threshold
    if comparison == 1:
        return value <= threshold
    if comparison == 2:
        return value > threshold
    if comparison == 3:
        return value >= threshold
    if comparison == 4:
        return value == threshold
    return value != threshold


@jit
def segment_rates(s, exposures, noise, kinds, relative, potency, rows, x, d, key0, key1, patient, draw, days, rates):
    """Kill rate (1/d) of every row during segment `s`; returns ln of CD19-positive marrow cells if blinatumomab runs, else nan."""
    for r in range(NROWS):
        rates[r] = 0.0
    effector = -1
    for m in range(exposures.shape[1]):
        amount = exposures[s, m]
        if amount == 0.0:
            continue
        if kinds[m] == EFFECTOR:
            effector = m
            continue
        strength = potency[m] * amount
        if kinds[m] == CHEMOTHERAPY:
            z = normal_quantile(uniform(key0, key1, patient, draw, _BLOCK, noise[s]))
            strength = LN10 * max(0.05, potency[m] + d[D_COURSE_NOISE] * z) * amount
        for r in range(NROWS):
            rates[r] += strength * relative[m, r]
    if effector < 0:
        return nan
    high = max(rows[0], max(rows[1], rows[3]))
    w0, w1, w3 = exp(rows[0] - high), exp(rows[1] - high), exp(rows[3] - high)
    total = w0 + w1 + w3
    other = (w0 * rates[0] + w1 * rates[1] + w3 * rates[3]) / total
    amount = exposures[s, effector]
    kill = potency[effector] * amount / (amount + x[X_HALF_DOSE])
    mean = effector_kill(high + log(total), x[X_GROWTH] - other, kill, x[X_LN_CAPACITY], days) / days
    for r in range(NROWS):
        rates[r] += mean * relative[effector, r]
    return high + log(total)


@jit
def treat(
    ops,
    numbers,
    durations,
    exposures,
    hazards,
    intrathecal,
    noise,
    kinds,
    relative,
    x,
    d,
    potency,
    rows0,
    covariates,
    key0,
    key1,
    patient,
    draw,
    times,
    path,
    ln_births_total,
    values,
    when,
    out,
):
    """Run the program; fills the trajectory (times, path), the slots (values, when) and `out`; returns the number of points."""
    rows = np.empty(NROWS)
    for r in range(NROWS):
        rows[r] = rows0[r]
    rates = np.empty(NROWS)
    stack = np.zeros(32, np.bool_)
    received = np.zeros(exposures.shape[1], np.bool_)
    top = 0
    t = 0.0
    n = 1
    times[0] = 0.0
    for r in range(NROWS):
        path[0, r] = rows[r]
        ln_births_total[r] = -inf
    for column in range(R_COUNT):
        out[column] = inf
    out[R_ROW] = out[R_CAUSE] = out[R_INTRATHECAL] = out[R_RECEIVED] = 0.0
    out[R_FIRST_BLINA] = nan
    remission = False
    cytoreduced = False
    mutated = False
    hazard = 0.0
    limit = -log(uniform(key0, key1, patient, draw, _COURSE, U_REMISSION))
    ln_start = marrow(rows)
    ip = 0
    while True:
        op, a, b, c = ops[ip, 0], ops[ip, 1], ops[ip, 2], ops[ip, 3]
        ip += 1
        if op == SEGMENT:
            days = durations[a]
            target = segment_rates(
                a, exposures, noise, kinds, relative, potency, rows, x, d, key0, key1, patient, draw, days, rates
            )
            if target == target and out[R_FIRST_BLINA] != out[R_FIRST_BLINA]:
                out[R_FIRST_BLINA] = target / LN10
            if out[R_CR] < inf:
                h = x[X_REMISSION_DEATH] * d[D_HAZARD + hazards[a]]
                if hazard + h * days >= limit and t + (limit - hazard) / h < out[R_DEATH]:
                    out[R_DEATH] = t + (limit - hazard) / h
                    out[R_CAUSE] = CAUSE_REMISSION
                hazard += h * days
            for m in range(exposures.shape[1]):
                if exposures[a, m] > 0.0 and not received[m]:
                    received[m] = True
                    out[R_RECEIVED] += 2.0**m  # one bit for each agent
            for r in range(NROWS):
                rate = x[X_GROWTH] - rates[r]
                ln_births_total[r] = log_add(ln_births_total[r], ln_births(x[X_BIRTH], rows[r] - rows0[r], rate, days))
                rows[r] += rate * days
            t += days
            out[R_INTRATHECAL] += intrathecal[a]
            times[n] = t
            for r in range(NROWS):
                path[n, r] = rows[r]
            n += 1
            if out[R_DEATH] <= t:
                break
        elif op == REMISSION:
            remission = marrow(rows) < LN_CR
            values[a] = 1.0 if remission else 0.0
            when[a] = t
            if remission and out[R_CR] == inf:
                out[R_CR] = t
        elif op == MRD:
            level = (marrow(rows) - LN_M) / LN10
            if b == 1:
                level = max(level, x[X_TRANSCRIPT])
            values[a] = level + d[D_MRD_NOISE] * normal_quantile(uniform(key0, key1, patient, draw, _ASSESSMENT, a))
            when[a] = t
        elif op == CYTOREDUCTION:
            cytoreduced = marrow(rows) <= ln_start - log(2.0)
            values[a] = 1.0 if cytoreduced else 0.0
            when[a] = t
        elif op == MUTATION:
            mutated = rows[3] > marrow(rows) + log(0.2) and marrow(rows) > LN_M - 4.0 * LN10
            values[a] = 1.0 if mutated else 0.0
            when[a] = t
        elif op == TEST:
            if a < 100:
                value = covariates[a]
            elif a == CR_NOW:
                value = 1.0 if remission else 0.0
            elif a == CR_AT or a == MRD_AT:
                value = values[b]
            elif a == TRANSPLANTED:
                value = 1.0 if out[R_TRANSPLANT] < inf else 0.0
            elif a == CYTOREDUCED:
                value = 1.0 if cytoreduced else 0.0
            elif a == MUTATED:
                value = 1.0 if mutated else 0.0
            else:
                value = 1.0 if received[b] else 0.0
            stack[top] = holds(value, c, numbers[ip - 1])
            top += 1
        elif op == AND or op == OR:
            verdict = op == AND
            for _ in range(a):
                top -= 1
                verdict = (verdict and stack[top]) if op == AND else (verdict or stack[top])
            stack[top] = verdict
            top += 1
        elif op == SHARE:
            stack[top] = uniform(key0, key1, patient, draw, _COURSE, U_SHARE + a) < numbers[ip - 1]
            top += 1
        elif op == JUMP_UNLESS:
            top -= 1
            if not stack[top]:
                ip = a
        elif op == JUMP:
            ip = a
        elif op == INDUCTION:
            logit = x[X_INDUCTION] if a == INTENSIVE else x[X_INDUCTION_REDUCED]
            if uniform(key0, key1, patient, draw, _COURSE, U_INDUCTION) < 1.0 / (1.0 + exp(-logit)):
                out[R_DEATH] = t + numbers[ip - 1] * uniform(key0, key1, patient, draw, _COURSE, U_INDUCTION_TIME)
                out[R_CAUSE] = CAUSE_INDUCTION
        elif op == TRANSPLANT:
            if remission and out[R_TRANSPLANT] == inf:
                mild = a == 2 or (a == 0 and covariates[0] >= YOUNG)
                kill = (d[D_KILL_REDUCED] if mild else d[D_KILL_MYELOABLATIVE]) * x[X_TRANSPLANT_FACTOR] * LN10
                times[n] = t
                for r in range(NROWS):
                    rows[r] -= kill
                    path[n, r] = rows[r]
                n += 1
                out[R_TRANSPLANT] = t
                logit = x[X_TRANSPLANT_DEATH] + (0.0 if mild else x[X_TRANSPLANT_MYELOABLATIVE])
                if uniform(key0, key1, patient, draw, _COURSE, U_TRANSPLANT) < 1.0 / (1.0 + exp(-logit)):
                    death = t + 30.0 + 500.0 * uniform(key0, key1, patient, draw, _COURSE, U_TRANSPLANT_TIME)
                    if death < out[R_DEATH]:
                        out[R_DEATH] = death
                        out[R_CAUSE] = CAUSE_TRANSPLANT
        elif op == STOP:
            if a == REFRACTORY:
                out[R_FAIL] = t
            break
    out[R_END] = min(t, out[R_DEATH])
    if out[R_CR] == inf and out[R_DEATH] == inf:
        out[R_FAIL] = min(out[R_FAIL], t)
    return n


@jit
def crossing(start, end, t0, t1, threshold, only_row):
    """Time within [t0, t1] at which marrow (or one row) reaches `threshold`, by bisection on log-linear rows."""
    low, high = 0.0, 1.0
    rows = np.empty(NROWS)
    for _ in range(50):
        middle = 0.5 * (low + high)
        for r in range(NROWS):
            rows[r] = start[r] + middle * (end[r] - start[r])
        level = rows[only_row] if only_row >= 0 else marrow(rows)
        if level >= threshold:
            high = middle
        else:
            low = middle
    return t0 + high * (t1 - t0)


@jit
def relapse(n, times, path, scale, lowest, out):
    """First time after remission at which marrow reaches 5 % or extramedullary disease shows; writes time and row."""
    start = np.empty(NROWS)
    end = np.empty(NROWS)
    for j in range(1, n):
        if times[j - 1] < out[R_CR] or times[j] <= times[j - 1]:
            continue
        for r in range(NROWS):
            shift = scale[r] if j - 1 >= lowest[r] else 0.0
            start[r] = path[j - 1, r] + shift
            end[r] = path[j, r] + shift
        best = inf
        if marrow(end) >= LN_CR:
            best = crossing(start, end, times[j - 1], times[j], LN_CR, -1)
            share = (best - times[j - 1]) / (times[j] - times[j - 1])
            row = 0
            for r in range(1, NROWS - 1):
                if start[r] + share * (end[r] - start[r]) > start[row] + share * (end[row] - start[row]):
                    row = r
            out[R_RELAPSE] = best
            out[R_ROW] = row
        if end[EXTRAMEDULLARY] >= LN_EXTRAMEDULLARY:
            seen = crossing(start, end, times[j - 1], times[j], LN_EXTRAMEDULLARY, EXTRAMEDULLARY)
            if seen < best:
                best = seen
                out[R_RELAPSE] = best
                out[R_ROW] = EXTRAMEDULLARY
        if best < inf:
            return


@jit
def one_patient(
    ops,
    numbers,
    durations,
    exposures,
    hazards,
    intrathecal,
    noise,
    lifelong,
    kinds,
    relative,
    x,
    d,
    potency,
    rows0,
    covariates,
    key0,
    key1,
    patient,
    draw,
    grid,
    times,
    path,
    values,
    when,
    out,
    burden,
):
    """Whole course of one patient: treatment, extinction and regrowth of each clone row, relapse."""
    births = np.empty(NROWS)
    n = treat(
        ops,
        numbers,
        durations,
        exposures,
        hazards,
        intrathecal,
        noise,
        kinds,
        relative,
        x,
        d,
        potency,
        rows0,
        covariates,
        key0,
        key1,
        patient,
        draw,
        times,
        path,
        births,
        values,
        when,
        out,
    )
    scale = np.zeros(NROWS)
    free = np.empty(NROWS)
    for r in range(NROWS):
        kill = 0.0
        for m in range(lifelong.shape[0]):
            kill += lifelong[m] * potency[m] * relative[m, r]
        free[r] = x[X_GROWTH] - kill
        if free[r] <= 1e-9:
            scale[r] = EXTINCT
            continue
        level = path[n - 1, r] - rows0[r]
        ln_inverse = log_add(births[r], log(x[X_BIRTH] / free[r]) - level)
        scale[r] = survivors(
            uniform(key0, key1, patient, draw, _CLONE, 2 * r),
            uniform(key0, key1, patient, draw, _CLONE, 2 * r + 1),
            d[D_LN_CLONOGENIC] + rows0[r] - ln_inverse,
        )
    if times[n - 1] < HORIZON_DAYS:
        times[n] = HORIZON_DAYS
        for r in range(NROWS):
            path[n, r] = path[n - 1, r] + free[r] * (HORIZON_DAYS - times[n - 1])
        n += 1
    lowest = np.zeros(NROWS, np.int64)
    for r in range(NROWS):
        for j in range(1, n):
            if path[j, r] < path[lowest[r], r]:
                lowest[r] = j
    if out[R_CR] < inf:
        relapse(n, times, path, scale, lowest, out)
    if grid.shape[0] > 0:
        follow(n, times, path, scale, lowest, grid, out, burden)


@jit
def follow(n, times, path, scale, lowest, grid, out, burden):
    """log10 marrow fraction on the days of `grid`, until relapse or death."""
    rows = np.empty(NROWS)
    j = 1
    for k in range(grid.shape[0]):
        burden[k] = nan
        if grid[k] > min(out[R_RELAPSE], out[R_DEATH]):
            continue
        while j < n - 1 and times[j] < grid[k]:
            j += 1
        span = times[j] - times[j - 1]
        share = (grid[k] - times[j - 1]) / span if span > 0.0 else 1.0
        for r in range(NROWS):
            shift = scale[r] if j - 1 >= lowest[r] else 0.0
            rows[r] = path[j - 1, r] + share * (path[j, r] - path[j - 1, r]) + shift
        burden[k] = (marrow(rows) - LN_M) / LN10


@jit
def run(
    first,
    last,
    ops,
    numbers,
    durations,
    exposures,
    hazards,
    intrathecal,
    noise,
    lifelong,
    kinds,
    relative,
    draws_table,
    patients_table,
    potency,
    rows0,
    covariates,
    key0,
    key1,
    patient_numbers,
    draw_numbers,
    draw_rows,
    grid,
    values,
    when,
    out,
    burden,
):
    """Patients `first` to `last` - 1 of a chunk. Releases the interpreter lock, so that threads can share a chunk."""
    times = np.empty(MAX_POINTS)
    path = np.empty((MAX_POINTS, NROWS))
    for i in range(first, last):
        row = draw_rows[i]
        one_patient(
            ops,
            numbers,
            durations,
            exposures,
            hazards,
            intrathecal,
            noise,
            lifelong,
            kinds,
            relative[row],
            patients_table[i],
            draws_table[row],
            potency[i],
            rows0[i],
            covariates[i],
            key0,
            key1,
            patient_numbers[i],
            draw_numbers[i],
            grid,
            times,
            path,
            values[i],
            when[i],
            out[i],
            burden[i],
        )
