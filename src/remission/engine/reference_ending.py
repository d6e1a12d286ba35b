"""The readable twin of `ending.py`: extinction or regrowth of every clone row, relapse, second line and toxicity of one patient."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from scipy.optimize import brentq
from scipy.special import ndtri
from scipy.stats import gamma, poisson

from remission.base.histories import CAUSES, SITES
from remission.base.random import Stream, normals
from remission.engine.lifetable import life_table
from remission.engine.mechanisms import ROWS

if TYPE_CHECKING:
    from remission.engine.reference import Patient, Plan

LN10 = math.log(10.0)
MARROW = 1e12  # cells
REMISSION_LEVEL = math.log(0.05 * MARROW)
SEEN_AT = {
    "extramedullary": math.log(1e10),
    "central nervous system": math.log(1e7),
}  # ln cells at which a relapse is seen
MARROW_ROWS = ("bulk", "persister", "cd19-negative", "resistant")
HORIZON = 5479.0  # days: 15 years
LATE = 2.5 * 365.25  # days: a late relapse
DAYS_PER_MONTH = 30.4375
EXTINCT = -1e6
Rows = Mapping[str, float]


@dataclass(frozen=True)
class History:
    """What the kernel writes for one patient: events by name, values and days of the measurements (nan: not made), days on which
    phases began (nan: never), and log10 marrow fraction on the days of a grid (nan: after relapse or death)."""

    events: dict[str, float]
    values: list[float]
    when: list[float]
    started: list[float]
    burden: list[float]


def log_sum(values: Sequence[float]) -> float:
    """ln of the sum of exponentials; nothing counts less than exp(-700)."""
    values = [max(value, -700.0) for value in values]
    high = max(values)
    return high + math.log(sum(math.exp(value - high) for value in values))


def log_add(a: float, b: float) -> float:
    """ln(exp(a) + exp(b)), however small."""
    high = max(a, b)
    return high + math.log1p(math.exp(min(a, b) - high)) if high > -math.inf else high


def marrow(rows: Rows) -> float:
    """ln of all marrow cells."""
    return log_sum([rows[row] for row in MARROW_ROWS])


@dataclass(frozen=True)
class Regrowth:
    """After therapy: net growth of every row per day, and what luck does to it. `scale` is the ln size of the surviving lines
    relative to its mean (EXTINCT: none); it holds from the row's lowest point on, which is point `lowest` of the path."""

    path: list[tuple[float, dict[str, float]]]
    free: Rows
    scale: Rows
    lowest: Mapping[str, int]

    def between(self, j: int) -> tuple[Rows, Rows]:
        """Rows at the ends of the stretch from point j to j + 1."""
        own = {row: self.scale[row] if j >= self.lowest[row] else 0.0 for row in self.free}
        (_, start), (_, end) = self.path[j], self.path[j + 1]
        return {row: start[row] + own[row] for row in own}, {row: end[row] + own[row] for row in own}

    def after(self, days: float) -> Rows:
        """Rows some days after the end of therapy."""
        _, end = self.path[-1]
        return {row: end[row] + self.scale[row] + max(self.free[row], 0.0) * days for row in end}


def conclude(plan: Plan, patient: Patient, grid: Sequence[float]) -> History:
    """Resolve competing events once therapy is over, in the order in which they rule each other out."""
    p, end = patient.p, patient.day
    regrowth = _regrowth(plan, patient)
    relapse, site = _relapse(regrowth, patient.remission)
    if p.cns_row < 1 and patient.remission < math.inf:
        cns = patient.remission + _central_nervous(plan, patient)
        if cns < relapse:
            relapse, site = cns, "central nervous system"
    background = _background_death(patient)
    own, cause = patient.death, patient.cause
    transplant = patient.transplant if patient.transplant < min(relapse, background, own) else math.inf
    vod = patient.inotuzumab > 0 and _veno_occlusive(patient, transplant)
    if vod and transplant < math.inf and patient.luck(Stream.COURSE, 5) < p.vod_death:
        fatal = transplant + 14 + 60 * patient.luck(Stream.COURSE, 6)
        if fatal < own:
            own, cause = fatal, "transplant"
    before = min(own, background)
    relapse = relapse if relapse < before else math.inf
    failure = patient.failure if patient.failure < min(before, relapse) else math.inf
    off = min(relapse, failure)
    blinatumomab = patient.blinatumomab_day < min(off, before)
    if off < math.inf:
        since = relapse - patient.remission if relapse < math.inf else 0.0
        own, cause = off + _second_line(patient, since, blinatumomab and patient.inotuzumab > 0), "leukaemia"
    death = min(own, background)
    over = min(relapse, death)
    events = {
        "remission": patient.remission if patient.remission < death else math.inf,
        "failure": failure,
        "relapse": relapse,
        "site": float(SITES.index(site)) if relapse < math.inf else math.nan,
        "death": death,
        "cause": float(CAUSES.index("background" if background <= own else cause)),
        "transplant": transplant,
        "crs3": float(blinatumomab and _severe_crs(plan, patient)),
        "nt3": float(blinatumomab and _severe_neurotoxicity(plan, patient)),
        "vod": float(vod),
        "blinatumomab": float(blinatumomab),
        "treatment_end": min(end, patient.death, over),
        "intrathecal": patient.intrathecal,
    }
    seen = [patient.measured.get(measure.number, (math.nan, math.inf)) for measure in plan.measures]
    started = [patient.started.get(step.position, math.inf) for step in plan.steps]
    return History(
        events,
        [value if day <= over else math.nan for value, day in seen],
        [day if day <= over else math.nan for _, day in seen],
        [day if day <= over else math.nan for day in started],
        [_burden(regrowth, day) if day <= over else math.nan for day in grid],
    )


def _regrowth(plan: Plan, patient: Patient) -> Regrowth:
    """Surviving clones regrow from their lowest point, scaled by how many clonogenic lines survived.

    One cell's line survives for ever with probability 1 / (integral of b exp(-L) + b/r exp(-L(T))); without net growth none does.
    """
    t, p = patient.traits, patient.p
    free, scale = {}, {}
    for row in patient.rows:
        held = sum(patient.potency[agent] * patient.relative(agent, row) for agent in plan.lifelong if agent not in patient.withheld)
        free[row], scale[row] = t.growth - held, EXTINCT
        if free[row] > 1e-9:
            level = patient.rows[row] - patient.start[row]
            inverse = log_add(patient.births[row], math.log(t.birth / free[row]) - level)
            ln_mean = LN10 * p.clonogenic_fraction + patient.start[row] - inverse
            number = 2 * ROWS.index(row)
            luck = (patient.luck(Stream.CLONE, number), patient.luck(Stream.CLONE, number + 1))
            scale[row] = surviving_size(ln_mean, *luck)
    points = range(len(patient.path))
    lowest = {row: min(points, key=lambda j, row=row: (patient.path[j][1][row], j)) for row in free}  # type: ignore[misc]
    return Regrowth(patient.path, free, scale, lowest)


def surviving_size(ln_mean: float, u_count: float, u_size: float) -> float:
    """ln of the size of a row relative to its mean, when the number of lines is Poisson and each line's size exponential."""
    if ln_mean < -40:
        return EXTINCT
    if ln_mean > math.log(1e6):
        return 0.0
    mean = math.exp(ln_mean)
    if mean > 50:
        count = max(mean + math.sqrt(mean) * float(ndtri(u_count)), 1.0)
        size = count * (1 - 1 / (9 * count) + float(ndtri(u_size)) / (3 * math.sqrt(count))) ** 3
        return math.log(max(size, 1e-3 * mean)) - ln_mean
    lines = int(poisson.ppf(u_count, mean))
    return EXTINCT if lines == 0 else math.log(float(gamma.ppf(u_size, lines))) - ln_mean


def _relapse(regrowth: Regrowth, remission: float) -> tuple[float, str]:
    """Day and row of the first relapse after remission: in a stretch of therapy, or after it."""
    if remission == math.inf:
        return math.inf, ""
    for j in range(len(regrowth.path) - 1):
        t0, t1 = regrowth.path[j][0], regrowth.path[j + 1][0]
        if remission <= t0 < t1:
            start, end = regrowth.between(j)
            found = _first_crossing(lambda share, a=start, b=end: _part(a, b, share), 1.0)  # type: ignore[misc]
            if found:  # never on the very first moment of a stretch: what begins then came before
                return t0 + max(found[0], 2.0**-50) * (t1 - t0), found[1]
    last = regrowth.path[-1][0]
    found = _first_crossing(regrowth.after, max(HORIZON - last, 0.0))
    return (last + found[0], found[1]) if found and last + found[0] <= HORIZON else (math.inf, "")


def _part(start: Rows, end: Rows, share: float) -> Rows:
    """Rows a part of the way along a stretch."""
    return {row: start[row] + share * (end[row] - start[row]) for row in start}


def _first_crossing(rows: Callable[[float], Rows], until: float) -> tuple[float, str] | None:
    """When, from 0 to `until`, marrow or a site outside it is first seen, and which row it is; None if not at the end."""
    found = []
    if marrow(rows(until)) >= REMISSION_LEVEL:
        time = _crossing(lambda time: marrow(rows(time)) - REMISSION_LEVEL, until)
        found.append((time, max(MARROW_ROWS, key=lambda row: rows(time)[row])))
    for site, threshold in SEEN_AT.items():
        if rows(until).get(site, -math.inf) >= threshold:
            found.append((_crossing(lambda time: rows(time)[site] - threshold, until), site))  # noqa: B023
    return min(found, key=lambda item: item[0], default=None)


def _crossing(above: Callable[[float], float], until: float) -> float:
    return 0.0 if above(0.0) >= 0 else float(brentq(above, 0.0, until, xtol=1e-13, rtol=1e-14))


def _burden(regrowth: Regrowth, day: float) -> float:
    """log10 marrow fraction on a day."""
    last, _ = regrowth.path[-1]
    if day > last:
        return (_ln_marrow(regrowth.after(day - last)) - math.log(MARROW)) / LN10
    j = next(j for j in range(len(regrowth.path) - 1) if regrowth.path[j + 1][0] >= day)
    (t0, _), (t1, _) = regrowth.path[j], regrowth.path[j + 1]
    start, end = regrowth.between(j)
    share = (day - t0) / (t1 - t0) if t1 > t0 else 1.0
    return (_ln_marrow(_part(start, end, share)) - math.log(MARROW)) / LN10


def _ln_marrow(rows: Rows) -> float:
    """ln of all marrow cells, however few: extinct rows have exp(-1e6) of their size."""
    high = max(rows[row] for row in MARROW_ROWS)
    return high + math.log(sum(math.exp(rows[row] - high) for row in MARROW_ROWS))


def _central_nervous(plan: Plan, patient: Patient) -> float:
    """Days from remission to a relapse in the central nervous system.

    Risk 1 - (1 - base)^HR; each dose below twelve adds to it. Times are exponential, `cns_first_year` of them in the first year.
    """
    t, p = patient.traits, patient.p
    ratio = (p.cns_male if t.male > 0 else 1.0) / (1 + 0.55 * (p.cns_male - 1))
    ratio *= p.cns_wbc if t.wbc > 100 else 1.0
    ratio *= p.cns_ph if t.ph > 0 else 1.0
    ratio *= 1.0 if plan.high_dose else p.cns_no_high_dose
    ratio *= p.cns_per_dose ** max(0.0, 12 - patient.intrathecal)
    if patient.luck(Stream.COURSE, 35) >= 1 - (1 - p.cns_relapse) ** ratio:
        return math.inf
    return -365.25 / math.log(1 - p.cns_first_year) * -math.log(patient.luck(Stream.COURSE, 36))


def _background_death(patient: Patient) -> float:
    """Day of background death: the hazard is constant within a year of age, and past the table's end that of its last year."""
    t = patient.traits
    cumulative = [float(value) for value in life_table()[1 if t.male > 0 else 0]]
    hazards = [after - before for before, after in pairwise(cumulative)]
    at_diagnosis: float = t.age
    left, age = -math.log(patient.luck(Stream.COURSE, 32)), at_diagnosis
    while True:
        year = int(age)
        if year >= len(hazards):
            return (age + left / hazards[-1] - at_diagnosis) * 365.25
        if hazards[year] * (year + 1 - age) >= left:
            return (age + left / hazards[year] - at_diagnosis) * 365.25
        left, age = left - hazards[year] * (year + 1 - age), float(year + 1)


def _second_line(patient: Patient, since_remission: float, exposed: bool) -> float:
    """Days from relapse or failure to death from leukaemia; some are cured."""
    t, p = patient.traits, patient.p
    odds = p.salvage_cure / (1 - p.salvage_cure)
    odds *= p.salvage_late if since_remission > LATE else 1.0
    odds *= p.salvage_exposed if exposed else 1.0
    odds *= p.salvage_ph if t.ph > 0 else 1.0
    cured = odds / (1 + odds) * math.exp(p.salvage_age * max(0.0, (t.age - 45) / 10))
    if patient.luck(Stream.COURSE, 34) < cured:
        return math.inf
    return float(-math.log2(patient.luck(Stream.COURSE, 33)) * p.salvage_median * DAYS_PER_MONTH)


def _severe_crs(plan: Plan, patient: Patient) -> bool:
    """Odds grow with the first day's kill relative to that of 8e11 cells."""
    p = patient.p

    def kill(cells: float, capacity: float) -> float:
        return cells / (1 + cells / capacity)

    flux = kill(10**patient.blinatumomab_burden, math.exp(patient.potency["ln_capacity"]))
    ratio = math.log10(max(flux, 1e-12)) - math.log10(kill(8e11, 10**p.effector_capacity))
    logit = math.log(p.crs / (1 - p.crs)) + p.crs_burden * ratio + (0.0 if plan.stepped else math.log(p.crs_no_step))
    return patient.happens(Stream.COURSE, 37, logit)


def _severe_neurotoxicity(plan: Plan, patient: Patient) -> bool:
    """Rises with a patient's concentration, and differs between studies."""
    p = patient.p
    study = float(
        normals(patient.seed, [zlib.crc32(plan.regimen.id.encode())], patient.draw, Stream.PREDICTION, 1)[0, 0]
    )
    doublings = -p.clearance_spread * patient.traits.z_clearance / math.log(2)
    logit = math.log(p.neurotoxicity / (1 - p.neurotoxicity)) + p.neurotoxicity_study * study
    return patient.happens(Stream.COURSE, 38, logit + p.neurotoxicity_exposure * doublings)


def _veno_occlusive(patient: Patient, transplant: float) -> bool:
    """More of it with more inotuzumab, and with a transplant after it."""
    p = patient.p
    risk = p.vod_transplant if transplant < math.inf else p.vod
    logit = math.log(risk / (1 - risk)) + p.vod_dose * math.log2(patient.inotuzumab / 2)
    return patient.happens(Stream.COURSE, 39, logit)
