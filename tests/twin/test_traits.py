"""Do the traits of a patient, worked out one at a time in plain arithmetic, equal those of the arrays?"""

import math

import numpy as np
import pytest
from scipy.special import ndtri
from tests.sample import draws, population

from remission.base.random import Stream, uniforms
from remission.engine import reference
from remission.engine.simulate import potencies
from remission.engine.traits import LATENT, LUCK, traits
from remission.patients import sample

LN10 = math.log(10)


def readable(seed, number, draw, c, p):
    """Traits by name, from covariates `c`, parameters `p` and luck."""
    u = uniforms(seed, [number], draw, Stream.LATENT, 16 + len(LUCK))[0]
    z = {name: float(ndtri(u[k])) for k, name in enumerate(LATENT)}
    luck = {name: float(u[16 + k]) for k, name in enumerate(LUCK)}
    decades = (c.age - 45) / 10
    negative = c.ph == 0
    z_growth = (
        p.growth_chemosensitivity * z["chemosensitivity"] + math.sqrt(1 - p.growth_chemosensitivity**2) * z["growth"]
    )
    growth = p.growth * math.exp(p.growth_spread * z_growth)
    genetic = p.effect_ph_like * (c.ph_like - 0.21 * negative) + p.effect_kmt2a * (c.kmt2a - 0.095 * negative)
    genetic += p.effect_hypodiploid * (c.hypodiploid - 0.07 * negative)
    genetic += p.effect_ikzf1 * ((c.ikzf1 > 0) - (0.39 if negative else 0.70)) + p.effect_wbc * ((c.wbc > 30) - 0.23)
    sensitivity = 1 + genetic + p.effect_age * decades + p.chemosensitivity_spread * z["chemosensitivity"]
    bulk = math.log(c.blasts * 1e12)
    aneuploid = p.cd19_negative_hypodiploid * c.hypodiploid
    share = {
        "bulk": 0.0,
        "persister": p.persister_fraction + p.persister_spread * z["persister"],
        "cd19-negative": p.cd19_negative_fraction + p.cd19_negative_spread * z["cd19"] + aneuploid,
        "resistant": p.resistant_fraction + p.resistant_spread * z["resistant"],
        "extramedullary": p.extramedullary_fraction + p.extramedullary_spread * z["extramedullary"],
        "central nervous system": p.cns_fraction + p.cns_spread * z["central"],
    }
    rows = {row: bulk + LN10 * min(log10, 0.0) for row, log10 in share.items()}
    if negative:
        rows["resistant"] = -300.0
    other_lines = not negative and luck["multilineage"] < p.multilineage
    risk = (
        math.log(p.dose_reduction / (1 - p.dose_reduction))
        + p.dose_reduction_age * decades
        - -p.fitness_effect * c.fitness
    )
    return rows, {
        "growth": growth,
        "birth": growth / p.net_to_birth,
        "chemosensitivity": max(0.05, sensitivity),
        "transplant_factor": max(0.1, 1 + p.transplant_spread * z["transplant"]),
        "transcript": p.multilineage_level + p.multilineage_spread * z["multilineage"] if other_lines else -99.0,
        "has_donor": float(luck["donor"] < p.donor),
        "lowered": float(luck["tolerance"] < 1 / (1 + math.exp(-risk))),
        "z_clearance": z["clearance"],
        "u_responder": luck["responder"],
    }


@pytest.mark.parametrize("who", ["e1910", "d-alba", "ph-like", "s1318"])
def test_traits(who):
    p = draws(3, 4)
    cohort = sample(population(who), 21, p.numbers, 25, first=40)
    t = traits(cohort, p)
    strength = potencies(t, p)
    for row in range(3):
        for column in range(25):
            patient = reference.patient_of(21, 40 + column, row, t, strength, p.change(cns_row=1.0), row, column)
            rows, expected = readable(21, 40 + column, row, patient.traits, patient.p)
            assert patient.rows == pytest.approx(rows, rel=1e-12)
            for name, value in expected.items():
                assert getattr(patient.traits, name) == pytest.approx(value, rel=1e-12, abs=1e-12), name
    assert 0 < t.lowered.mean() < 1
    assert 0 < t.has_donor.mean() < 1
    assert np.std(t.growth) > 0
