"""The end of a course in the compiled kernel: extinction or regrowth of every clone row, relapse, second line, and toxicity.

With L(t) = ln N(t) - ln N(0) and birth rate b, one cell's line survives for ever with probability
    p = 1 / ( I(T) + (b/r) exp(-L(T)) ),   I(T) = integral_0^T b exp(-L) dt,   r = net growth after the end of therapy T
(Kendall 1948, Ann Math Stat 19:1). The number of surviving lines is Poisson, their size Erlang (`special.survivors`).
"""

from __future__ import annotations

from math import inf, log, nan
from typing import Any

import numpy as np

from remission.base.units import DAYS_PER_YEAR
from remission.engine.draw_columns import (
    D_CNS_DOSE,
    D_CNS_HAZARD,
    D_CNS_LN_FREE,
    D_CNS_MALE,
    D_CNS_MEAN_DAYS,
    D_CNS_PH,
    D_CNS_REGIMEN,
    D_CNS_WBC,
    D_CRS,
    D_CRS_BURDEN,
    D_CRS_REFERENCE,
    D_LN_CLONOGENIC,
    D_NEURO,
    D_NEURO_EXPOSURE,
    D_SALVAGE_AGE,
    D_SALVAGE_EXPOSED,
    D_SALVAGE_LATE,
    D_SALVAGE_MEAN_DAYS,
    D_SALVAGE_ODDS,
    D_SALVAGE_PH,
    D_VOD,
    D_VOD_DEATH,
    D_VOD_DOSE,
    D_VOD_TRANSPLANT,
)
from remission.engine.relapse import early_relapse, later_relapse, suspect
from remission.engine.special import EXTINCT, FEW, LN_MILLION, survivors
from remission.engine.staged import LANES, lanes, routine
from remission.engine.staging import counted, pack, places, whole
from remission.engine.state import (
    AGENTS,
    BIRTHS,
    CAUSE_BACKGROUND,
    CAUSE_LEUKAEMIA,
    CAUSE_TRANSPLANT,
    CLONE,
    CLONE_FIELDS,
    E_BLINA,
    E_CAUSE,
    E_CRS,
    E_DEATH,
    E_END,
    E_FAILURE,
    E_INTRATHECAL,
    E_NEURO,
    E_RELAPSE,
    E_REMISSION,
    E_SITE,
    E_TRANSPLANT,
    E_VOD,
    F_BLINA_DAY,
    F_CAUSE,
    F_CR,
    F_DEATH,
    F_END,
    F_FAIL,
    F_FIRST_BLINA,
    F_INO,
    F_INTRATHECAL,
    F_TRANSPLANT,
    INVERSE,
    LN2,
    LN10,
    LUCK,
    P_DAY,
    P_LANE,
    P_SITE,
    POTENCY,
    Q_PLACE,
    QUEUE,
    RATE,
    SHIFT,
    SITE_CNS,
    START,
    SWITCH,
    V_AGE,
    V_PH,
    V_SEX,
    V_WBC,
    W_BACKGROUND,
    W_OVER,
    W_RELAPSE,
    W_SITE,
    X_BIRTH,
    X_CONCENTRATION,
    X_GROWTH,
    X_LN_CAPACITY,
)

FULL_INTRATHECAL = 12.0
LATE_RELAPSE_DAYS = 2.5 * DAYS_PER_YEAR
REFERENCE_CELLS = 8e11
INOTUZUMAB_CYCLES = 2.0  # at which the risk of veno-occlusive disease is stated
LEAST_LINES, LN_FEW = -40.0, log(FEW)  # ln of expected surviving lines: below, none survives
# First rows of blocks of luck (kernel.LUCK_BLOCKS): courses 4-7, 32-35, 36-39, clones 0-11.
EARLY, LATE, LATER, CLONE_LUCK = LUCK + 4, LUCK + 8, LUCK + 12, LUCK + 16


@lanes
def free_growth(s: Any, clones: Any) -> None:
    """Net growth of every row after therapy (into RATE), if nothing holds it."""
    for clone in range(clones):
        s[CLONE + clone * CLONE_FIELDS + RATE] = s[X_GROWTH]


@lanes
def hold(s: Any, agent: Any, amount: Any, relative: Any, clones: Any) -> None:
    """What is given for ever after slows growth."""
    for clone in range(clones):
        row = CLONE + clone * CLONE_FIELDS + RATE
        s[row] = s[row] - amount * s[SWITCH + agent] * s[POTENCY + agent] * relative[agent, clone]


@lanes
def expect(s: Any, clones: Any, point: Any, ln_clonogenic: Any) -> Any:
    """Surviving lines of every row: none (SHIFT: EXTINCT), or as many as the mean (SHIFT: 0). Those rows where chance matters are packed
    from row Q_PLACE on: place, luck, ln of the lines expected. Returns how many they are."""
    count: Any = 0
    for clone in range(clones):
        row = CLONE + clone * CLONE_FIELDS
        rate, level, luck = s[row + RATE], s[point + 1 + clone], CLONE_LUCK + 2 * clone
        lines = np.log(s[row + BIRTHS] + s[X_BIRTH] / np.maximum(rate, 1e-9) * s[row + INVERSE])
        lines = ln_clonogenic + s[row + START] - lines - np.where(level < -600.0, -600.0 - level, 0.0)
        alive = (rate > 1e-9) & (lines >= LEAST_LINES) & (s[luck] > np.exp(-np.exp(np.minimum(lines, LN_FEW))))
        s[row + SHIFT] = np.where(alive, 0.0, EXTINCT)
        place = 1.0 * LANES * (row + SHIFT) + 1.0 * places()
        count += pack(
            s, Q_PLACE, counted() + count, alive & (lines <= LN_MILLION), (place, s[luck], s[luck + 1], lines), QUEUE
        )
    return count


@lanes
def survive(s: Any, size: Any) -> None:
    """Of the first `size` packed rows: how their surviving lines compare with their mean."""
    s[Q_PLACE + QUEUE] = survivors(s[Q_PLACE + QUEUE], s[Q_PLACE + 2 * QUEUE], s[Q_PLACE + 3 * QUEUE])


@lanes
def background_day(s: Any, life: Any, last: Any) -> None:
    """Day of background death by inverting the life table (cumulative hazard at whole ages, women then men) from a patient's age; the
    hazard is constant within a year of age, and past the table's end that of its last year."""
    age = s[V_AGE]
    table = np.where(s[V_SEX] > 0.0, 1.0 * (last + 1), 0.0)
    year = np.minimum(np.floor(age), 1.0 * (last - 1))
    before, after = life[whole(table + year)], life[whole(table + year) + 1]
    reached = before + (age - year) * (after - before) - np.log(s[LATE])
    low, high = year, 1.0 * last
    while np.any(high - low > 1.0):
        middle = np.floor(0.5 * (low + high))
        passed = life[whole(table + middle)] <= reached
        low = np.where(passed, middle, low)
        high = np.where(passed, high, middle)
    before, after = life[whole(table + low)], life[whole(table + low) + 1]
    s[W_BACKGROUND] = (low + (reached - before) / (after - before) - age) * DAYS_PER_YEAR


@lanes
def cns_relapse(s: Any, d: Any) -> None:
    """A relapse in the central nervous system, where it is a hazard and not a row.

    Cumulative incidence 1 - (1 - base)^HR; times exponential with `cns_first_year` of them in the first 12 months of remission.
    """
    ln_ratio = (
        d[D_CNS_REGIMEN]
        + d[D_CNS_MALE] * s[V_SEX]
        + np.where(s[V_WBC] > 100.0, d[D_CNS_WBC], 0.0)
        + d[D_CNS_PH] * s[V_PH]
    )
    ln_ratio = ln_ratio + d[D_CNS_DOSE] * np.maximum(0.0, FULL_INTRATHECAL - s[F_INTRATHECAL])
    happens = (s[LATE + 3] < 1.0 - np.exp(d[D_CNS_LN_FREE] * np.exp(ln_ratio))) & (s[F_CR] < inf)
    day = s[F_CR] - d[D_CNS_MEAN_DAYS] * np.log(s[LATER])
    first = happens & (day < s[W_RELAPSE])
    s[W_RELAPSE] = np.where(first, day, s[W_RELAPSE])
    s[W_SITE] = np.where(first, 1.0 * SITE_CNS, s[W_SITE])


def happens(luck: Any, logit: Any) -> Any:
    """Whether an event of this log odds happens."""
    return luck < 1.0 / (1.0 + np.exp(-logit))


@lanes
def conclude(s: Any, d: Any) -> None:
    """What rules out what: relapse, failure, second line, deaths and severe toxicity."""
    cr, own, cause, ino = s[F_CR], s[F_DEATH], s[F_CAUSE], s[F_INO]
    relapse, background = s[W_RELAPSE], s[W_BACKGROUND]
    transplant = np.where(s[F_TRANSPLANT] < np.minimum(np.minimum(relapse, background), own), s[F_TRANSPLANT], inf)
    grafted = transplant < inf
    given = ino > 0.0
    logit = np.where(grafted, d[D_VOD_TRANSPLANT], d[D_VOD]) + d[D_VOD_DOSE] / LN2 * np.log(
        np.where(given, ino / INOTUZUMAB_CYCLES, 1.0)
    )
    vod = given & happens(s[LATER + 3], logit)
    fatal = transplant + 14.0 + 60.0 * s[EARLY + 2]
    killed = vod & grafted & (s[EARLY + 1] < d[D_VOD_DEATH]) & (fatal < own)
    own = np.where(killed, fatal, own)
    cause = np.where(killed, 1.0 * CAUSE_TRANSPLANT, cause)
    before = np.minimum(own, background)
    relapse = np.where(relapse < before, relapse, inf)
    failed = np.where(s[F_FAIL] < np.minimum(before, relapse), s[F_FAIL], inf)
    off = np.minimum(relapse, failed)
    blina = s[F_BLINA_DAY] < np.minimum(off, before)
    exposed = blina & given
    own = np.where(off < inf, off + second_line(s, d, np.where(relapse < inf, relapse - cr, 0.0), exposed), own)
    cause = np.where(off < inf, 1.0 * CAUSE_LEUKAEMIA, cause)
    death = np.minimum(own, background)
    over = np.minimum(relapse, death)
    s[W_OVER] = over
    s[E_REMISSION] = np.where(cr < death, cr, inf)
    s[E_FAILURE], s[E_RELAPSE] = failed, relapse
    s[E_SITE] = np.where(relapse < inf, s[W_SITE], nan)
    s[E_DEATH] = death
    s[E_CAUSE] = np.where(background <= own, 1.0 * CAUSE_BACKGROUND, cause)
    s[E_TRANSPLANT] = transplant
    s[E_CRS] = 1.0 * (blina & severe_crs(s, d))
    s[E_NEURO] = 1.0 * (blina & happens(s[LATER + 2], d[D_NEURO] + d[D_NEURO_EXPOSURE] * s[X_CONCENTRATION]))
    s[E_VOD], s[E_BLINA] = 1.0 * vod, 1.0 * blina
    s[E_END] = np.minimum(s[F_END], over)
    s[E_INTRATHECAL] = s[F_INTRATHECAL]


def second_line(s: Any, d: Any, since_remission: Any, exposed: Any) -> Any:
    """Days from relapse (or failure) to death from leukaemia; inf for the long-term survivors of a mixture."""
    odds = d[D_SALVAGE_ODDS] * np.where(since_remission > LATE_RELAPSE_DAYS, d[D_SALVAGE_LATE], 1.0)
    odds = odds * np.where(exposed, d[D_SALVAGE_EXPOSED], 1.0) * np.where(s[V_PH] > 0.0, d[D_SALVAGE_PH], 1.0)
    cured = odds / (1.0 + odds) * np.exp(d[D_SALVAGE_AGE] * np.maximum(0.0, (s[V_AGE] - 45.0) / 10.0))
    return np.where(s[LATE + 2] < cured, inf, -np.log(s[LATE + 1]) * d[D_SALVAGE_MEAN_DAYS])


def severe_crs(s: Any, d: Any) -> Any:
    """Cytokine release syndrome of grade 3 or more: odds grow with the first day's kill relative to that of 8e11 cells."""
    cells = np.exp(LN10 * np.where(s[F_BLINA_DAY] < inf, s[F_FIRST_BLINA], 0.0))
    flux = cells / (1.0 + cells / np.exp(s[X_LN_CAPACITY]))
    return happens(
        s[LATER + 1], d[D_CRS] + d[D_CRS_BURDEN] * (np.log(np.maximum(flux, 1e-12)) / LN10 - d[D_CRS_REFERENCE])
    )


@lanes
def hide(s: Any, values: Any, when: Any, started: Any, last: Any) -> None:
    """What is assessed or begins after relapse and death does not count."""
    over = s[W_OVER]
    for k in range(when - values):
        seen = s[when + k] <= over
        s[values + k] = np.where(seen, s[values + k], nan)
        s[when + k] = np.where(seen, s[when + k], nan)
    for row in range(started, last):
        s[row] = np.where(s[row] <= over, s[row], nan)


@routine
def ending(point: Any, s: Any, c: Any, d: Any) -> None:
    """Resolve the courses of a batch, whose path ends at `point`."""
    free_growth(s, c.clones)
    for agent in range(AGENTS):
        if c.lifelong[agent] > 0.0:
            hold(s, agent, c.lifelong[agent], d.relative, c.clones)
    count = expect(s, c.clones, point, d.numbers[D_LN_CLONOGENIC])
    survive(s, count)
    for k in range(count):
        s[0, whole(s[Q_PLACE, k])] = s[Q_PLACE + QUEUE, k]
    later_relapse(s, c.clones, point)
    suspects = suspect(s, c.clones, c.path, c.stride, point)
    early_relapse(s, c.clones, c.stride, point, suspects)
    for k in range(suspects):
        if s[P_DAY, k] < inf:
            lane = whole(s[P_LANE, k])
            s[W_RELAPSE, lane], s[W_SITE, lane] = s[P_DAY, k], s[P_SITE, k]
    if d.numbers[D_CNS_HAZARD] > 0.0:
        cns_relapse(s, d.numbers)
    background_day(s, c.life, c.last_age)
    conclude(s, d.numbers)
    hide(s, c.values, c.when, c.started, c.path)
