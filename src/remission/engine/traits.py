"""What each virtual patient and leukaemia is like: latent traits from parameters, covariates and addressed luck."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from remission.base.random import Stream
from remission.base.units import DAYS_PER_YEAR
from remission.engine import state
from remission.engine.lanes import normals, uniforms
from remission.engine.mechanisms import ROWS, agents, mechanisms
from remission.engine.parameters import Draws, load_parameters
from remission.engine.staged import lanes
from remission.engine.state import MARROW_CELLS
from remission.patients import Cohort
from remission.patients.sampling import NAMES

LN10 = float(np.log(10.0))
ABSENT = -300.0  # ln of a clone row that does not exist
LATENT = (
    "growth",
    "chemosensitivity",
    "blinatumomab",
    "effector",
    "inotuzumab",
    "kinase_inhibitor",
    "persister",
    "cd19",
    "resistant",
    "extramedullary",
    "transplant",
    "clearance",
    "multilineage",
    "central",
)
LUCK = ("responder", "multilineage", "donor", "tolerance")
# Shares in a reference cohort of 45-year-olds, about which the effects of genetics on chemosensitivity are centred.
REFERENCE = {"ph_like": 0.21, "kmt2a": 0.095, "hypodiploid": 0.07, "ikzf1": 0.39, "ikzf1_ph": 0.70, "wbc": 0.23}


def traits(cohort: Cohort, p: Draws) -> Any:
    """A namespace of arrays of shape (draws, patients): covariates, latent numbers `z_*`, luck `u_*`, and traits.

    growth, birth (1/d), chemosensitivity (mean 1), ln_rows: ln cells of each clone row at diagnosis,
    transplant_factor (multiplies the kill of a transplant), transcript (log10 level of BCR::ABL1 from other lineages, -99: none).
    """
    shape = cohort.shape
    patient = np.tile(np.arange(cohort.first, cohort.first + shape[1]), shape[0])
    draw = np.repeat(cohort.draws, shape[1])
    z = normals(cohort.seed, patient, draw, Stream.LATENT, len(LATENT)).reshape(*shape, -1)
    u = uniforms(cohort.seed, patient, draw, Stream.LATENT, len(LUCK), first=16).reshape(*shape, -1)
    t = SimpleNamespace(**cohort.values)
    for column, name in enumerate(LATENT):
        setattr(t, f"z_{name}", z[..., column])
    for column, name in enumerate(LUCK):
        setattr(t, f"u_{name}", u[..., column])
    t.relapsed = np.full(shape, float(cohort.relapsed))
    return add_traits(t, p)


def add_traits(t: Any, p: Any) -> Any:
    """Add the traits that follow from covariates and latent numbers; works on arrays and on single numbers alike."""
    link = p.growth_chemosensitivity
    z_growth = link * t.z_chemosensitivity + np.sqrt(1 - link**2) * t.z_growth
    t.growth = p.growth * np.exp(p.growth_spread * z_growth)
    t.birth = t.growth / p.net_to_birth
    t.chemosensitivity = np.maximum(0.05, 1.0 + _genetic_shift(t, p) + p.chemosensitivity_spread * t.z_chemosensitivity)
    ln_bulk = np.log(t.blasts * MARROW_CELLS)
    shares = {
        "bulk": 0.0 * ln_bulk,
        "persister": p.persister_fraction + p.persister_spread * t.z_persister,
        "cd19-negative": p.cd19_negative_fraction
        + p.cd19_negative_spread * t.z_cd19
        + p.cd19_negative_hypodiploid * t.hypodiploid,
        "resistant": p.resistant_fraction + p.resistant_spread * t.z_resistant,
        "extramedullary": p.extramedullary_fraction + p.extramedullary_spread * t.z_extramedullary,
        "central nervous system": p.cns_fraction + p.cns_spread * t.z_central,
    }
    t.ln_rows = [ln_bulk + LN10 * np.minimum(shares[row], 0.0) for row in ROWS]
    t.ln_rows[ROWS.index("resistant")] = np.where(t.ph > 0, t.ln_rows[ROWS.index("resistant")], ABSENT)
    t.transplant_factor = np.maximum(0.1, 1 + p.transplant_spread * t.z_transplant)
    multilineage = (t.ph > 0) & (t.u_multilineage < p.multilineage)
    t.transcript = np.where(multilineage, p.multilineage_level + p.multilineage_spread * t.z_multilineage, -99.0)
    t.has_donor = (t.u_donor < p.donor) * 1.0
    risk = np.log(p.dose_reduction / (1 - p.dose_reduction)) + p.dose_reduction_age * (t.age - 45.0) / 10.0
    t.lowered = t.u_tolerance < 1 / (1 + np.exp(-risk - p.fitness_effect * t.fitness))
    return t


def _genetic_shift(t: Any, p: Any) -> Any:
    negative = 1.0 - t.ph
    ikzf1_centre = np.where(t.ph > 0, REFERENCE["ikzf1_ph"], REFERENCE["ikzf1"])
    return (
        p.effect_ph_like * (t.ph_like - REFERENCE["ph_like"] * negative)
        + p.effect_kmt2a * (t.kmt2a - REFERENCE["kmt2a"] * negative)
        + p.effect_hypodiploid * (t.hypodiploid - REFERENCE["hypodiploid"] * negative)
        + p.effect_ikzf1 * ((t.ikzf1 > 0) - ikzf1_centre)
        + p.effect_wbc * ((t.wbc > 30.0) - REFERENCE["wbc"])
        + p.effect_age * (t.age - 45.0) / 10.0
    )


def kernel_columns(t: Any, p: Any, strength: dict[str, Any]) -> tuple[Any, ...]:
    """The traits that the kernel reads, in the order of `ending.X_*`: growth, birth, dose of half effect, ln effector capacity,
    induction death (logit, full doses), hazard of death in remission (1/d, full doses), transplant death (logit; added with
    myeloablation), transplant factor, transcript, kill at lowered doses, delay (d), ln2 concentration of blinatumomab."""
    decades = (t.age - 45.0) / 10.0
    frailty = p.fitness_effect * t.fitness
    return (
        t.growth,
        t.birth,
        strength["half_dose"],
        strength["ln_capacity"],
        np.log(p.induction_death / (1 - p.induction_death)) + p.induction_death_age * decades + frailty,
        p.remission_death * np.exp(p.remission_death_age * decades + frailty) / DAYS_PER_YEAR,
        np.log(p.transplant_death / (1 - p.transplant_death)) + p.transplant_death_age * decades,
        np.where(t.age > 45, p.transplant_death_myeloablative, 0.0),
        t.transplant_factor,
        t.transcript,
        np.where(t.lowered, p.reduced_dose**p.dose_exponent, 1.0),
        np.where(t.lowered, p.course_delay, 0.0),
        -p.clearance_spread * t.z_clearance / np.log(2.0),
    )


def condition_values(t: Any) -> tuple[Any, ...]:
    """Covariates in the order of `program.COVARIATES`, for conditions in protocols."""
    adverse = np.maximum(t.kmt2a, t.hypodiploid)
    return (
        t.age,
        t.wbc,
        t.cd20,
        t.cd22,
        100.0 * t.blasts,
        t.male,
        t.ph,
        t.ph_like,
        t.kmt2a,
        adverse,
        0.0 * t.age,
        t.has_donor,
        t.ikzf1,
    )


def potencies(t: Any, p: Any) -> dict[str, Any]:
    """Every agent's potency and the extra traits that mechanisms return, by name."""
    return {name: value for mechanism in mechanisms() for name, value in mechanism.potency(p, t).items()}


class _Parameters:
    """Parameters of one draw by name, out of a row of numbers in the order of catalog/parameters.yaml."""

    def __init__(self, row: Any) -> None:
        self._row = row

    def __getattr__(self, name: str) -> Any:
        return self._row[parameter_names().index(name)]


def parameter_names() -> list[str]:
    """Names of all parameters, in the order in which the kernel reads them."""
    return [parameter.name for parameter in load_parameters()]


def _patient(s: Any, relapsed: Any) -> Any:
    """Covariates and luck of a batch's patients, by name."""
    t = SimpleNamespace(relapsed=relapsed)
    for k, name in enumerate(NAMES):
        setattr(t, name, s[state.COVARIATE + k])
    for k, name in enumerate(LATENT):
        setattr(t, f"z_{name}", s[state.LATENT + k])
    for k, name in enumerate(LUCK):
        setattr(t, f"u_{name}", s[state.LUCK_TRAITS + k])
    return t


@lanes
def characterise(s: Any, parameters: Any, relapsed: Any) -> None:
    """The traits of a batch's patients, from covariates and luck: all that the course reads of them."""
    p = _Parameters(parameters)
    t = add_traits(_patient(s, relapsed), p)
    strength = potencies(t, p)
    for k, column in enumerate(kernel_columns(t, p, strength)):
        s[state.X_GROWTH + k] = column
    for m, agent in enumerate(agents()):
        s[state.POTENCY + m] = strength[agent]
    for r, level in enumerate(t.ln_rows):
        s[state.CLONE + r * state.CLONE_FIELDS + state.START] = level
    for v, value in enumerate(condition_values(t)):
        s[state.CONDITION + v] = value
