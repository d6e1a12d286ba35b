"""What each virtual patient and leukaemia is like: latent traits from parameters, covariates and addressed luck."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from remission.base.random import Floats, Stream, normals, uniforms
from remission.engine.mechanisms import ROWS
from remission.engine.parameters import Draws
from remission.patients import Cohort

MARROW_CELLS = 1e12  # normalisation of every burden; MRD is cells / MARROW_CELLS
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
)
LUCK = ("responder", "multilineage", "donor")
# Shares in a reference cohort of 45-year-olds, about which the effects of genetics on chemosensitivity are centred.
REFERENCE = {"ph_like": 0.21, "kmt2a": 0.095, "hypodiploid": 0.07, "ikzf1": 0.39, "ikzf1_ph": 0.70, "wbc": 0.23}


def traits(cohort: Cohort, p: Draws) -> Any:
    """A namespace of arrays of shape (draws, patients): covariates, latent numbers `z_*`, luck `u_*`, and traits.

    growth, birth (1/d), chemosensitivity (mean 1), ln_rows (draws, patients, rows): ln cells of each clone row at diagnosis,
    transplant_factor (multiplies the kill of a transplant), transcript (log10 level of BCR::ABL1 from other lineages, -99: none).
    """
    shape = cohort.shape
    patient = np.tile(np.arange(shape[1]), shape[0])
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
    t.growth = p.growth * np.exp(p.growth_spread * t.z_growth)
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
    }
    rows = [ln_bulk + LN10 * np.minimum(shares[row], 0.0) for row in ROWS]
    rows[ROWS.index("resistant")] = np.where(t.ph > 0, rows[ROWS.index("resistant")], ABSENT)
    t.ln_rows = np.stack(np.broadcast_arrays(*rows), axis=-1)
    t.transplant_factor = np.maximum(0.1, 1 + p.transplant_spread * t.z_transplant)
    multilineage = (t.ph > 0) & (t.u_multilineage < p.multilineage)
    t.transcript = np.where(multilineage, p.multilineage_level + p.multilineage_spread * t.z_multilineage, -99.0)
    t.has_donor = (t.u_donor < p.donor) * 1.0
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


def toxicity(t: Any, p: Any) -> dict[str, Floats]:
    """Toxic risks: `induction` (logit, intensive and reduced), `remission_death` (1/d, intensive), `transplant_death` (probability)."""
    decades = (t.age - 45.0) / 10.0
    frailty = p.fitness_effect * t.fitness
    base = np.log(p.induction_death / (1 - p.induction_death)) + p.induction_death_age * decades + frailty
    transplant = np.log(p.transplant_death / (1 - p.transplant_death)) + p.transplant_death_age * decades
    return {
        "induction_intensive": base,
        "induction_reduced": base + p.induction_death_reduced,
        "remission_death": p.remission_death * np.exp(p.remission_death_age * decades + frailty) / 365.25,
        "transplant_death": transplant,
        "transplant_death_myeloablative": np.where(t.age > 45, p.transplant_death_myeloablative, 0.0),
    }


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
