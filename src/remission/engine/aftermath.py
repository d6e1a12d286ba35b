"""What follows a course: relapse in the central nervous system, life after relapse, background mortality, acute toxicity.

Pure functions of arrays of shape (draws, patients); `reference.py` calls none of them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from remission.base import catalog, files
from remission.base.histories import CAUSES, SITES
from remission.base.random import Floats, Stream, uniforms
from remission.base.units import DAYS_PER_MONTH, DAYS_PER_YEAR

FULL_INTRATHECAL = 12
LATE_RELAPSE_DAYS = 2.5 * DAYS_PER_YEAR
REFERENCE_CELLS = 8e11
U_BACKGROUND, U_SALVAGE, U_CURE, U_CNS, U_CNS_TIME, U_CRS, U_NEURO, U_VOD = range(8)
FIRST_INDEX = 32


@lru_cache(maxsize=1)
def life_table() -> Floats:
    """Cumulative hazard of background death at each whole age, shape (2, ages): row 0 women, row 1 men."""
    table = sorted((catalog.root() / "lifetable").glob("*.yaml"))[0]
    data = files.read(table).data
    risks = np.clip(np.array([data["female"], data["male"]], np.float64), 1e-9, 0.999999)
    hazards = -np.log1p(-risks)
    return np.concatenate([np.zeros((2, 1)), np.cumsum(hazards, axis=1)], axis=1)


def background_death_days(age: Floats, male: Floats, u: Floats) -> Floats:
    """Day of background death by inverting the life table from each patient's age (hazard constant within a year of age)."""
    table = life_table()
    ages = np.arange(table.shape[1], dtype=np.float64)
    target_day = np.empty_like(age)
    for row in (0, 1):
        who = male == row
        reached = np.interp(age[who], ages, table[row]) - np.log(u[who])
        last = table[row, -1] - table[row, -2]
        beyond = ages[-1] + (reached - table[row, -1]) / last
        target_day[who] = np.where(reached <= table[row, -1], np.interp(reached, table[row], ages), beyond) - age[who]
    return target_day * DAYS_PER_YEAR


def central_nervous_relapse(t: Any, p: Any, intrathecal: Floats, high_dose: bool, u: Floats, u_time: Floats) -> Floats:
    """Days from remission to a relapse in the central nervous system (inf: none).

    Cumulative incidence 1 - (1 - base)^HR; times exponential with `cns_first_year` of them in the first 12 months.
    """
    ratio = np.where(t.male > 0, p.cns_male, 1.0) / (1 + 0.55 * (p.cns_male - 1))
    ratio = ratio * np.where(t.wbc > 100, p.cns_wbc, 1.0) * np.where(t.ph > 0, p.cns_ph, 1.0)
    ratio = (
        ratio
        * (1.0 if high_dose else p.cns_no_high_dose)
        * p.cns_per_dose ** np.maximum(0.0, FULL_INTRATHECAL - intrathecal)
    )
    risk = 1 - (1 - p.cns_relapse) ** ratio
    mean_days = -365.25 / np.log(1 - p.cns_first_year)
    return np.asarray(np.where(u < risk, -mean_days * np.log(u_time), np.inf), np.float64)


def survival_after_relapse(
    t: Any, p: Any, since_remission: Floats, exposed: Floats, u_cure: Floats, u_time: Floats
) -> Floats:
    """Days from relapse (or failure) to death from leukaemia; inf for the long-term survivors of a mixture."""
    odds = p.salvage_cure / (1 - p.salvage_cure)
    odds = odds * np.where(since_remission > LATE_RELAPSE_DAYS, p.salvage_late, 1.0)
    odds = odds * np.where(exposed > 0, p.salvage_exposed, 1.0) * np.where(t.ph > 0, p.salvage_ph, 1.0)
    cured = odds / (1 + odds) * np.exp(p.salvage_age * np.maximum(0.0, (t.age - 45) / 10))
    days = -np.log(u_time) / np.log(2.0) * p.salvage_median * DAYS_PER_MONTH
    return np.asarray(np.where(u_cure < cured, np.inf, days), np.float64)


def severe_crs(t: Any, p: Any, potency: Any, first_log10: Floats, steps: bool, u: Floats) -> Floats:
    """Cytokine release syndrome of grade 3 or more (0/1): odds grow with the first day's kill relative to that of 8e11 cells."""
    cells = 10 ** np.nan_to_num(first_log10, nan=0.0)
    capacity, reference = np.exp(potency["ln_capacity"]), 10**p.effector_capacity
    flux = cells / (1 + cells / capacity)
    flux_reference = REFERENCE_CELLS / (1 + REFERENCE_CELLS / reference)
    logit = np.log(p.crs / (1 - p.crs)) + p.crs_burden * np.log10(np.maximum(flux / flux_reference, 1e-12))
    logit = logit + (0.0 if steps else np.log(p.crs_no_step))
    return np.where(np.isfinite(first_log10) & (u < 1 / (1 + np.exp(-logit))), 1.0, 0.0)


def severe_neurotoxicity(t: Any, p: Any, given: Floats, u: Floats, study: Floats) -> Floats:
    """Neurotoxicity of grade 3 or more (0/1): rises with concentration, not with burden; `study` is the logit shift of the arm."""
    doublings = -p.clearance_spread * t.z_clearance / np.log(2.0)
    logit = np.log(p.neurotoxicity / (1 - p.neurotoxicity)) + p.neurotoxicity_exposure * doublings + study
    return np.where((given > 0) & (u < 1 / (1 + np.exp(-logit))), 1.0, 0.0)


def finish(
    t: Any,
    p: Any,
    course: dict[str, Floats],
    potency: Any,
    high_dose: bool,
    steps: bool,
    study: Floats,
    cohort_seed: int,
    draws: Any,
) -> dict[str, Floats]:
    """Resolve competing events. `course` holds the kernel's results; returns final event days (inf: never) and flags."""
    shape = course["remission"].shape
    patient, draw = np.tile(np.arange(shape[1]), shape[0]), np.repeat(draws, shape[1])
    u = uniforms(cohort_seed, patient, draw, Stream.COURSE, 8, first=FIRST_INDEX).reshape(*shape, 8)
    cns = course["remission"] + central_nervous_relapse(
        t, p, course["intrathecal"], high_dose, u[..., U_CNS], u[..., U_CNS_TIME]
    )
    relapse = np.minimum(course["relapse"], cns)
    site = np.where(cns < course["relapse"], float(SITES.index("central nervous system")), course["row"])
    background = background_death_days(t.age, t.male, u[..., U_BACKGROUND])
    before = np.minimum(course["death"], background)
    relapse = np.where(relapse < before, relapse, np.inf)
    transplant = np.where(course["transplant"] < np.minimum(relapse, background), course["transplant"], np.inf)
    failed = np.where(course["fail"] < before, course["fail"], np.inf)
    off_treatment = np.minimum(relapse, failed)
    since_remission = np.where(np.isfinite(relapse), relapse, 0.0) - np.where(
        np.isfinite(relapse), course["remission"], 0.0
    )
    blinatumomab = np.isfinite(course["first_blinatumomab"])
    exposed = blinatumomab * (course["inotuzumab"] > 0)
    after = off_treatment + survival_after_relapse(t, p, since_remission, exposed, u[..., U_CURE], u[..., U_SALVAGE])
    own = np.where(np.isfinite(off_treatment), after, course["death"])
    death = np.minimum(own, background)
    cause = np.where(
        background <= own,
        float(CAUSES.index("background")),
        np.where(np.isfinite(off_treatment), float(CAUSES.index("leukaemia")), course["cause"]),
    )
    crs = severe_crs(t, p, potency, course["first_blinatumomab"], steps, u[..., U_CRS])
    neuro = severe_neurotoxicity(t, p, blinatumomab, u[..., U_NEURO], study)
    vod_risk = np.where(np.isfinite(transplant), p.vod_transplant, p.vod)
    vod = np.where((course["inotuzumab"] > 0) & (u[..., U_VOD] < vod_risk), 1.0, 0.0)
    site = np.where(np.isfinite(relapse), site, np.nan)
    return {
        "remission": np.where(course["remission"] < death, course["remission"], np.inf),
        "failure": failed,
        "relapse": relapse,
        "site": site,
        "death": death,
        "cause": cause,
        "transplant": transplant,
        "crs3": crs,
        "nt3": neuro,
        "vod": vod,
        "blinatumomab": blinatumomab * 1.0,
        "treatment_end": np.minimum(course["end"], np.minimum(relapse, death)),
    }
