"""Is a drug with a condition given to those who meet it, and to nobody else?"""

import numpy as np
import pytest
from tests.sample import draws, population

from remission.base import files
from remission.base.errors import UsageError
from remission.engine.program import compile_regimen
from remission.engine.simulate import simulate
from remission.protocol import load_regimen, read_regimen

TEXT = """
id: test
title: A test
summary: Written for a test.
ph: any
source: {{ref: pourhassan-2023, at: nowhere}}
alongside:
{alongside}
phases:
  - {{id: a, length: 28 d, purpose: induction, assess: [{{name: end, what: remission}}, {{name: end-mrd, what: mrd}}]}}
  - {{id: b, length: 56 d, purpose: consolidation}}
"""


def courses(*alongside):
    made = read_regimen(
        files.read_text(TEXT.format(alongside="\n".join(f"  - {item}" for item in alongside)), "test.yaml")
    )
    return simulate(made, population("d-alba"), draws(3), 400, 5, grid=np.array([20.0, 70.0, 400.0]))


EVERYBODY = "{drug: dasatinib, dose: 140 mg, route: po, from: a, to: lifelong}"
YOUNGER = "{drug: dasatinib, dose: 140 mg, route: po, from: a, to: lifelong, only: age < 55}"
OLDER = "{drug: dasatinib, dose: 140 mg, route: po, from: a, to: lifelong, only: age >= 55}"


def same(a, b, who):
    for name in a.events:
        assert np.array_equal(a.events[name][who], b.events[name][who], equal_nan=True), name
    assert np.array_equal(a.burden[who], b.burden[who], equal_nan=True)


def test_those_who_meet_it_fare_as_if_it_were_for_everybody_and_others_as_if_for_nobody():
    everybody, younger = courses(EVERYBODY), courses(YOUNGER)
    young = everybody.covariates["age"] < 55
    assert 0.2 < young.mean() < 0.8
    same(younger, everybody, young)
    untreated = simulate(
        read_regimen(files.read_text(TEXT.replace("alongside:\n{alongside}\n", "").format(), "test.yaml")),
        population("d-alba"), draws(3), 400, 5, grid=np.array([20.0, 70.0, 400.0]),
    )  # fmt: skip
    same(younger, untreated, ~young)
    assert not np.array_equal(everybody.burden, untreated.burden, equal_nan=True)


def test_two_conditions_that_leave_nobody_out_are_none():
    same(courses(YOUNGER, OLDER), courses(EVERYBODY), slice(None))


def test_in_d_alba_ponatinib_is_for_those_with_a_mutation():
    whole = load_regimen("d-alba")
    alone = whole.model_copy(update={"alongside": tuple(i for i in whole.alongside if i.drug == "dasatinib")})
    two, one = (simulate(made, population("d-alba"), draws(4), 2000, 1) for made in (whole, alone))
    names = [slot.name for slot in two.slots]
    mutated = two.values[..., names.index("mutation-85")] > 0
    assert mutated.any()
    for name in two.events:
        assert np.array_equal(two.events[name][~mutated], one.events[name][~mutated], equal_nan=True), name


def test_blinatumomab_for_some_patients_of_a_phase_is_refused():
    text = TEXT.replace("alongside:\n{alongside}\n", "").format() + (
        '  - {id: c, length: 42 d, give: [{drug: blinatumomab, dose: 28 ug/d, route: civ, days: "1-9", only: "mrd(end-mrd) = positive"}]}\n'
    )
    with pytest.raises(UsageError, match="cannot be simulated"):
        compile_regimen(read_regimen(files.read_text(text, "test.yaml")))
