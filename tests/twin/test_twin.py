"""Does the compiled kernel do what the readable twin says, patient by patient, to one part in 1e9?"""

import inspect

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.protocol.generated import machine
from tests.sample import draws, plan, population, regimen
from tests.twin.generated import parameters, protocols, resolved
from tests.twin.twins import assert_twins

from remission.base import catalog
from remission.base.histories import CAUSES, SITES
from remission.engine import course, kernel, reference, reference_ending, reference_plan, state
from remission.protocol import load_design

VARIANTS = ({"cns_row": 1.0}, {"blinatumomab_fade": 0.8}, {"cns_row": 1.0, "blinatumomab_fade": 0.8})
POPULATIONS = ("e1910", "d-alba", "s1318", "ph-like", "lal2820", "relapsed-ph-negative")


def fitting(identifier):
    """The population of a trial's arm that is treated so; else one of the regimen's own disease."""
    for trial in catalog.ids("trials"):
        design = load_design(trial).design
        for arm in design.arms.values() if design else ():
            if identifier in arm.regimens:
                return population(arm.population)
    return population("d-alba" if plan(identifier).ph == "positive" else "e1910")


@pytest.mark.parametrize("identifier", catalog.ids("regimens"))
def test_every_regimen_of_the_catalog(identifier):
    assert_twins(plan(identifier), fitting(identifier), draws(2, 7), 5, 6)
    variant = VARIANTS[catalog.ids("regimens").index(identifier) % len(VARIANTS)]
    assert_twins(plan(identifier), fitting(identifier), draws(3, 8).part(2, 3).change(**variant), 6, 4)


@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(
    data=protocols(),
    seed=st.integers(0, 2**64 - 1),
    who=st.sampled_from(POPULATIONS),
    p=parameters(),
    first=st.integers(0, 10**6),
)
def test_generated_protocols_patients_and_parameters(data, seed, who, p, first):
    made = resolved(data)
    assume(made is not None)
    assert_twins(made, population(who), p.draws, seed, 3, first)


def unknown_to_the_model(give):
    return give.dose.unit == "ug/m2/d" or (
        give.drug in ("blinatumomab", "inotuzumab-ozogamicin") and give.only is not None
    )


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(made=machine(), seed=st.integers(0, 2**32), p=parameters())
def test_generated_regimens_of_catalog_blocks(made, seed, p):
    assume(not any(unknown_to_the_model(give) for phase in made.phases for give in phase.give))
    assert_twins(made, population("e1910"), p.draws, seed, 3)


def test_patients_of_several_batches():
    """Patients in first, last and lonely lanes, in a chunk that does not begin with patient 0."""
    columns = (0, 1, 62, 63, 64, 127, 128, 129)
    assert_twins(plan("graall-2014"), population("graall-2014"), draws(1, 3), 11, 130, first=1000, columns=columns)


HARD = {
    "induction_death": 0.3, "remission_death": 0.6, "transplant_death": 0.6, "vod_death": 0.9, "vod_transplant": 0.8, "crs": 0.4,
    "neurotoxicity": 0.4, "vod": 0.3, "extramedullary_fraction": -1.0, "cd19_negative_fraction": -1.0, "persister_fraction": -1.0,
    "resistant_fraction": -1.5, "kill_induction": 3.0, "cns_relapse": 0.2,
}  # fmt: skip


THEN_TRANSPLANT = """
  - id: a
    length: 28 d
    purpose: induction
    give: [{drug: inotuzumab-ozogamicin, dose: 0.8 mg/m2, route: iv, days: "1, 8, 15"}]
    assess: [{name: end, what: remission}]
  - {id: t, length: 1 d, purpose: transplant, only: age < 60}
  - {id: b, length: 600 d, purpose: rest}
"""


def test_the_comparison_sees_every_kind_of_event():
    """Agreement about what never happens would prove nothing."""
    p = draws(2, 5).change(**HARD)
    found = assert_twins(regimen(THEN_TRANSPLANT), population("e1910"), p, 9, 60)
    for identifier in ("mdacc-mini-hcvd-ino-blina", "golden-gate", "lal2820", "hcvad-imatinib", "graall-2014"):
        found += assert_twins(plan(identifier), fitting(identifier), p, 9, 30)
    events = {name: np.array([history.events[name] for history in found]) for name in found[0].events}
    assert {CAUSES[int(cause)] for cause in events["cause"]} == set(CAUSES[1:])
    relapsed = events["site"][np.isfinite(events["relapse"])]
    assert {SITES[int(site)] for site in relapsed} == set(SITES)
    for name in ("remission", "failure", "relapse", "transplant"):
        assert 0.02 < np.isfinite(events[name]).mean() < 0.98, name
    for name in ("crs3", "nt3", "vod", "blinatumomab"):
        assert 0.02 < events[name].mean() < 0.98, name
    fatal = (events["vod"] > 0) & (events["cause"] == CAUSES.index("transplant"))
    assert (events["death"] - events["transplant"])[fatal].min() < 30  # nobody else dies of a transplant so soon


def test_the_twins_step_alike():
    """The twin has its own numbers for the stepped part; when the kernel's change, so must they."""
    assert (reference.STEP_DAYS, reference.SMALL) == (kernel.STEP_DAYS, course.SMALL)


def test_the_twin_is_not_the_kernel():
    """The twin must not call compiled code, or agreement would prove nothing."""
    for module in (reference, reference_plan, reference_ending):
        source = inspect.getsource(module)
        for compiled in ("kernel", "course", "ending", "relapse", "lanes", "special", "elementary", "staged", "jit", "program", "simulate"):
            assert f"remission.engine.{compiled} " not in source
            assert f"engine import {compiled}" not in source
    assert len(reference_ending.ROWS) == state.CLONES
