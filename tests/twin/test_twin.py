"""Does the compiled kernel do what the readable twin says, patient by patient?"""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.sample import draws, plan, population, regimen

from remission.base import catalog
from remission.engine import kernel, reference
from remission.engine.program import compile_regimen
from remission.engine.simulate import _COURSE, potencies, run_kernel
from remission.engine.traits import traits
from remission.patients import sample


def assert_twins(r, who, seed, patients=6, parameter_draws=2):
    p = draws(parameter_draws, 7)
    cohort = sample(who, seed, p.numbers, patients)
    t = traits(cohort, p)
    strength = potencies(t, p)
    program = compile_regimen(r)
    out, values, _, _ = run_kernel(program, t, strength, p, cohort, np.zeros(0))
    for draw in range(parameter_draws):
        for number in range(patients):
            patient = reference.patient_of(seed, number, draw, t, strength, p, draw)
            expected = reference.follow(r, patient)
            row = draw * patients + number
            for name, column in _COURSE.items():
                if name == "intrathecal" and expected["death"] < math.inf:
                    continue  # after death the kernel may count doses to the end of a merged segment
                assert_equal(out[row, column], expected[name], f"{name} of patient {number}, draw {draw}")
            for slot in range(len(program.slots)):
                measured = patient.measured.get(slot, (math.nan, 0.0))[0]
                assert_equal(
                    values[row, slot], measured, f"{program.slots[slot].name} of patient {number}, draw {draw}"
                )


def assert_equal(compiled, readable, what):
    same = compiled == readable or (math.isnan(compiled) and math.isnan(readable))
    assert same or math.isclose(compiled, readable, rel_tol=1e-9, abs_tol=1e-9), (
        f"{what}: {compiled} compiled, {readable} readable"
    )


@pytest.mark.parametrize("identifier", catalog.ids("regimens"))
def test_every_regimen_of_the_catalog(identifier):
    r = plan(identifier)
    assert_twins(r, population("d-alba" if r.ph == "positive" else "e1910"), 5)


CHEMOTHERAPY = [
    "none",
    "prephase",
    "intensive induction",
    "intensive consolidation",
    "reduced induction",
    "reduced consolidation",
    "maintenance",
]
GIVEN = [
    "{drug: blinatumomab, dose: 28 ug/d, route: civ, days: 1-14}",
    "{drug: blinatumomab, dose: 9 ug/d, route: civ, days: 3-9}",
    "{drug: inotuzumab-ozogamicin, dose: 0.8 mg/m2, route: iv, days: '1, 8'}",
    "{drug: dasatinib, dose: 140 mg, route: po, days: 1-20}",
    "{drug: ponatinib, dose: 30 mg, route: po, days: 5-12}",
    "{drug: methotrexate, dose: 12 mg, route: it, days: 2}",
]
CONDITIONS = [
    "age < 50",
    "not cr",
    "cr and wbc > 10",
    "mrd(m{n}) < 1e-4 or transplanted",
    "mrd(m{n}) = positive",
    "sex = male",
    "received(blinatumomab)",
    "ikzf1 != none and not ph_like",
    "cytoreduction",
    "cr(r{n})",
]


# Gives every condition something to have been seen: an assessed induction, a share with blinatumomab, a share transplanted.
OPENING = """
  - id: p0
    length: 20 d
    purpose: induction
    chemotherapy: reduced induction
    assess:
      - {name: r0, what: remission}
      - {name: m0, what: mrd, day: 12, limit: 1.0e-3}
      - {name: c0, what: cytoreduction}
  - id: b0
    length: 30 d
    share: 50 %
    give: [{drug: blinatumomab, dose: 9 ug/d, route: civ, days: 1-7}, {drug: blinatumomab, dose: 28 ug/d, route: civ, days: 8-28}]
  - {id: t0, purpose: transplant, share: 20 %}
"""


@st.composite
def phases(draw):
    lines = [OPENING]
    count = draw(st.integers(1, 4))
    for n in range(1, count + 1):
        kind = draw(st.sampled_from(["course", "course", "course", "transplant"]))
        text = f"  - id: p{n}\n"
        if kind == "transplant":
            text += "    purpose: transplant\n    length: 1 d\n"
        else:
            text += (
                f"    length: {draw(st.integers(21, 60))} d\n    chemotherapy: {draw(st.sampled_from(CHEMOTHERAPY))}\n"
            )
            given = draw(st.lists(st.sampled_from(GIVEN), max_size=2, unique_by=lambda item: item.split(",")[0]))
            if given:
                text += "    give:\n" + "".join(f"      - {item}\n" for item in given)
            assay = draw(st.sampled_from(["flow", "pcr-bcr-abl1"]))
            day = draw(st.integers(1, 21))
            text += f"    assess: [{{name: r{n}, what: remission}}, {{name: m{n}, what: mrd, assay: {assay}, day: {day}}}]\n"
        if draw(st.booleans()):
            text += f"    only: {draw(st.sampled_from(CONDITIONS)).format(n=0)}\n"
        if draw(st.booleans()):
            text += f"    share: {draw(st.integers(10, 90))} %\n"
        if n < count and draw(st.booleans()) and kind == "course":
            condition = draw(st.sampled_from(CONDITIONS)).format(n=n)
            target = draw(st.sampled_from(["stop: refractory", "stop: completed", f"go: p{n + 1}", "go: end"]))
            text += f"    then: [{{if: {condition}, {target}}}]\n"
        lines.append(text)
    return "".join(lines)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=phases(), seed=st.integers(0, 2**40), ph=st.booleans())
def test_generated_protocols_and_patients(text, seed, ph):
    assert_twins(regimen(text), population("d-alba" if ph else "e1910"), seed, patients=4, parameter_draws=1)


def test_the_twin_is_not_the_kernel():
    """The twin must not call compiled code, or agreement would prove nothing."""
    import inspect

    source = inspect.getsource(reference)
    for module in ("kernel", "special", "jit", "aftermath", "program"):
        assert f"remission.engine.{module}" not in source
        assert f"engine import {module}" not in source
    assert len(reference.ROWS) == kernel.NROWS
