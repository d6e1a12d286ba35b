"""Is every trial's design complete: can each result that it is held to be emulated, and each endpoint be asked of each arm?"""

from functools import cache

import numpy as np
import pytest
from tests.sample import draws, plan, population

from remission.base import catalog, files
from remission.base.errors import InvalidFile, NotFound
from remission.engine.simulate import simulate
from remission.evidence import load_trial, rows_of
from remission.outcomes import Emulation, combine
from remission.protocol import Condition, Design, load_design, with_standard_assessments
from remission.protocol.design import usual_endpoints

TRIALS = [name for name in catalog.ids("trials") if load_design(name).design.arms]
FIXED = {"e1910": ["enrolled", "blinatumomab", "chemotherapy"], "golden-gate": ["blinatumomab", "chemotherapy"],
         "ea9181": ["blinatumomab", "hyper-cvad"], "lal2820": ["ponatinib-blinatumomab", "imatinib-chemotherapy"],
         "graall-2014": ["main", "control"], "mdacc-hcvad-blina": ["main", "pooled"]}  # fmt: skip
ALL = [
    *(
        "OS",
        "EFS",
        "DFS",
        "RFS",
        "CRD",
        "CIR",
        "NRM",
        "CIR-CNS",
        "CIR-EM",
        "CIR-CD19-",
        "CR",
        "MRD-",
        "CRS3+",
        "NT3+",
        "VOD",
        "HSCT",
    ),
    *(
        "relapse",
        "CNS relapse",
        "extramedullary relapse",
        "CD19-negative relapse",
        "induction death",
        "death in remission",
    ),
]


@cache
def emulation(trial, name):
    design = load_design(trial).design
    arm = design.arms[name]
    made = {r: simulate(plan(r), population(arm.population), draws(2), 300, 1) for r in arm.regimens}
    return Emulation(combine(arm, made), design, name, tuple(plan(r) for r in arm.regimens))


@pytest.mark.parametrize("trial", TRIALS)
def test_arms_have_their_fixed_names(trial):
    assert list(load_design(trial).design.arms) == FIXED.get(trial, ["main"])


@pytest.mark.parametrize("trial", TRIALS)
def test_what_the_arms_name_exists(trial):
    design = load_design(trial).design
    for arm in design.arms.values():
        assert set(arm.regimens) <= set(catalog.ids("regimens"))
        assert arm.population in catalog.ids("populations")
        assert arm.enrolled
        for regimen in arm.regimens:
            known = {item.name for phase in with_standard_assessments(plan(regimen)).phases for item in phase.assess}
            asked = {
                item.at
                for item in (arm.enrolment, arm.entering, *arm.assigned)
                if item is not None and item.at is not None
            }
            assert asked <= known
    for cut in design.cuts.values():
        assert set(cut.enrolled) <= set(design.arms)


@pytest.mark.parametrize("trial", TRIALS)
def test_every_result_that_is_held_to_a_prediction_can_be_emulated(trial):
    held = [row for row in rows_of(load_trial(trial)) if row.role != "context"]
    for row in held:
        of = emulation(trial, row.arm)
        assert row.endpoint in of.design.endpoints, row.id  # the trial's own definition, not the usual one
        at = row.months if row.months is not None else row.assessment
        found = of.read(row.endpoint, at, Condition.parse(row.where) if row.where else None, row.cut)
        assert np.all((found.expected >= 0) & (found.expected <= 1)), row.id
        assert np.all((found.size > 0) & (found.size <= 1)), row.id
        assert np.all((found.information > 0) & (found.information <= 1)), row.id


@pytest.mark.parametrize("trial", TRIALS)
def test_every_endpoint_can_be_asked_of_every_arm(trial):
    for name in load_design(trial).design.arms:
        of = emulation(trial, name)
        asked = [*ALL, *(("MR", "CMR") if of.h.covariates["ph"].all() else ())]
        for endpoint in asked:
            rule = of.design.endpoint(endpoint)
            timed = rule.kind in ("survival", "incidence")
            for at in (0.5, 24.0, 180.0) if timed else (None, 24.0):
                found = of.read(endpoint, at)
                assert np.all((found.expected >= 0) & (found.expected <= 1) | np.isnan(found.expected)), (
                    name,
                    endpoint,
                    at,
                )


@pytest.mark.parametrize("trial", TRIALS)
def test_every_standard_assessment_can_be_asked_for(trial):
    for name, arm in load_design(trial).design.arms.items():
        made = [phase for regimen in arm.regimens for phase in with_standard_assessments(plan(regimen)).phases]
        for assessment in ("end-induction", "cycle-1", "pre-blina-1", "post-blina-1", "post-blina-2"):
            there = any((item.name, item.what) == (assessment, "mrd") for phase in made for item in phase.assess)
            of = emulation(trial, name)
            if there:
                assert np.isfinite(of.read("MRD-", assessment).expected).any(), (name, assessment)
                of.read("CR", assessment)
            else:
                with pytest.raises(NotFound):
                    of.read("MRD-", assessment)


def test_an_arm_entered_in_remission_reports_remission_of_the_others():
    of = emulation("mdacc-hcvad-blina", "main")
    assert of.read("CR", "any").size == pytest.approx([0.78, 0.78], abs=0.06)
    assert of.read("OS", 24.0).size == pytest.approx([1.0, 1.0])


def test_parts_of_the_older_md_anderson_trial_did_not_get_blinatumomab():
    of = emulation("mdacc-mini-hcvd-ino-blina", "main")
    assert of.h.events["blinatumomab"].mean() < 0.23
    assert of.read("OS", 36.0, Condition.parse("received_blinatumomab")).landmark.facts == ("received blinatumomab",)


def test_evaluable_shares_lower_the_numbers():
    whole = emulation("s1318", "main").read("CR", "any")
    part = emulation("s1318", "main").read("MRD-", "any")
    assert np.all(part.size <= 0.68 * whole.expected + 1e-9)


def test_usual_definitions_stand_behind_the_trials_own():
    design = load_design("graall-2014").design
    assert design.endpoint("DFS").from_ == "enrolment"  # its own: from week 12
    assert design.endpoint("CIR") is usual_endpoints()["CIR"]
    with pytest.raises(NotFound) as error:
        design.endpoint("OSS")
    assert error.value.near == "OS"


BAD = {
    "no event": "X: {kind: survival, from: start}",
    "competes with itself": "X: {kind: incidence, events: [relapse], competing: [relapse]}",
    "competition outside incidence": "X: {kind: survival, events: [relapse], competing: [death]}",
    "a site without relapse": "X: {kind: survival, events: [death], site: extramedullary}",
    "an unknown site": "X: {kind: relapse, site: liver}",
    "an unknown kind": "X: {kind: survivall, events: [death]}",
    "a threshold above all cells": "X: {kind: response, what: mrd, threshold: 2.0}",
    "an evaluable share above all": "X: {kind: response, what: mrd, evaluable: 120 %}",
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_definitions_that_cannot_be_meant_are_refused(text):
    document = files.read_text("status: reported\narms: {}\nendpoints:\n  " + text + "\n", "design.yaml")
    with pytest.raises(InvalidFile, match=r"design\.yaml"):
        files.parse(document, Design)
