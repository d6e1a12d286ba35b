"""Do results keep the laws: same seed same result, chunks and threads change nothing, equal strategies differ by zero?"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sample import draws, plan, population, regimen

from remission.decide import compare
from remission.engine.mechanisms import mechanisms
from remission.engine.simulate import simulate


def same(a, b):
    assert a.events.keys() == b.events.keys()
    for name in a.events:
        assert np.array_equal(a.events[name], b.events[name], equal_nan=True), name
    assert np.array_equal(a.values, b.values, equal_nan=True)
    assert np.array_equal(a.when, b.when, equal_nan=True)


@pytest.mark.parametrize("identifier", ["e1910-blinatumomab", "a041703"])
@pytest.mark.parametrize(("chunk", "threads"), [(1, 1), (70, 2), (10_000, 4)])
def test_chunk_size_and_threads_change_nothing(identifier, chunk, threads):
    whole = simulate(plan(identifier), population("e1910"), draws(7), 33, 3)
    same(whole, simulate(plan(identifier), population("e1910"), draws(7), 33, 3, chunk_patients=chunk, threads=threads))


def test_a_part_of_the_patients_is_the_same_as_in_the_whole():
    many = simulate(plan("s1318"), population("s1318"), draws(4), 50, 3)
    few = simulate(plan("s1318"), population("s1318"), draws(4), 20, 3)
    assert np.array_equal(many.events["death"][:, :20], few.events["death"])


def test_another_seed_gives_other_patients():
    a = simulate(plan("s1318"), population("s1318"), draws(2), 50, 3)
    assert not np.array_equal(
        a.events["death"], simulate(plan("s1318"), population("s1318"), draws(2), 50, 4).events["death"]
    )


def test_identical_strategies_differ_by_exactly_zero():
    twins = [plan("e1910-blinatumomab"), plan("e1910-blinatumomab").model_copy(update={"id": "another-name"})]
    found = compare(twins, population("e1910"), draws(10), 100, 1, "EFS", 36)["comparisons"][0]
    assert found["difference"] == {"median": 0.0, "lo90": 0.0, "hi90": 0.0}
    assert found["probability_better"] == 0.5
    assert found["monte_carlo_se"] == 0.0


def test_comparison_is_antisymmetric():
    a, b = plan("e1910-blinatumomab"), plan("e1910-chemotherapy")
    forth = compare([a, b], population("e1910"), draws(10), 100, 1)["comparisons"][0]["difference"]
    back = compare([b, a], population("e1910"), draws(10), 100, 1)["comparisons"][0]["difference"]
    assert forth["median"] == pytest.approx(-back["median"])
    assert forth["lo90"] == pytest.approx(-back["hi90"])


MEASURED = """
  - {id: a, length: 35 d, purpose: induction, chemotherapy: intensive induction,
     assess: [{name: end, what: remission}, {name: m1, what: mrd}]}
  - {id: b, length: 28 d, chemotherapy: intensive consolidation, assess: [{name: m2, what: mrd}]}
  - id: c
    length: 42 d
    give: [{drug: blinatumomab, dose: 28 ug/d, route: civ, days: 1-28}]
    assess: [{name: m3, what: mrd, day: 10}, {name: m4, what: mrd, day: 28}, {name: m5, what: mrd}]
  - {id: d, length: 84 d, chemotherapy: maintenance, assess: [{name: m6, what: mrd}]}
"""
KILLS = [
    "kill_intensive_induction",
    "kill_intensive_consolidation",
    "kill_blinatumomab",
    "kill_maintenance",
    "effector_capacity",
]


@settings(max_examples=25, deadline=None)
@given(name=st.sampled_from(KILLS), factor=st.floats(1.01, 1.5), seed=st.integers(0, 2**32 - 1))
def test_more_kill_never_raises_burden(name, factor, seed):
    """On a regimen without branches, measured burden falls or stays in every patient at every assessment, and nobody
    relapses earlier (but for a few days where exact quantiles of surviving lines give way to normal ones)."""
    less = draws(2, 8)
    value = float(getattr(less, name)[0, 0])
    a = simulate(regimen(MEASURED), population("e1910"), less.change(**{name: value}), 60, seed)
    b = simulate(regimen(MEASURED), population("e1910"), less.change(**{name: value * factor}), 60, seed)
    both = ~np.isnan(a.values) & ~np.isnan(b.values)
    mrd = np.array([slot.what == "mrd" for slot in a.slots])
    difference = np.where(both, b.values - a.values, 0.0)[..., mrd]
    assert (difference <= 1e-9).all()
    in_both = np.isfinite(a.events["remission"]) & (a.events["site"] <= 3)
    assert (b.events["relapse"][in_both] >= a.events["relapse"][in_both] - 5.0).all()


def test_older_patients_die_more_of_treatment():
    young, old = population("e1910"), population("s1318")
    toxic = [
        np.isin(simulate(plan("hyper-cvad"), who, draws(20), 400, 1).events["cause"], (1, 2)).mean()
        for who in (young, old)
    ]
    assert toxic[0] < toxic[1]


def test_blinatumomab_response_falls_with_burden():
    from remission.engine.kernel import effector_kill

    kills = [
        effector_kill(np.log(10.0) * burden, 0.05, 0.58, np.log(10.0) * 11.4, 28.0)
        for burden in np.linspace(6, 13.5, 30)
    ]
    assert (np.diff(kills) <= 1e-12).all()
    assert kills[0] == pytest.approx(0.58 * 28)  # far below capacity: log-linear
    assert kills[-1] < 0.05 * 28  # far above: outgrown


@pytest.mark.parametrize("mechanism", mechanisms(), ids=lambda m: m.name)
def test_mechanism_declares_what_it_reads_and_its_example_holds(mechanism):
    from types import SimpleNamespace

    from remission.engine import load_parameters

    known = {parameter.name for parameter in load_parameters()}
    assert set(mechanism.parameters) <= known
    named = {value for rows in mechanism.relative.values() for value in rows.values() if isinstance(value, str)}
    assert named <= set(mechanism.parameters)
    parameters, patient, expected = mechanism.example
    assert set(parameters) <= set(mechanism.parameters)
    found = mechanism.potency(SimpleNamespace(**parameters), SimpleNamespace(**patient))
    for name, value in expected.items():
        assert float(found[name]) == pytest.approx(value, rel=1e-9), name


def test_no_drug_no_kill():
    """A phase without drugs leaves growth alone."""
    from remission.engine.program import compile_regimen

    program = compile_regimen(regimen("  - {id: rest, length: 30 d, purpose: rest}\n"))
    assert not program.exposures.any()


def test_shares_of_one_purpose_are_nested():
    """Who gets a later cycle at discretion also got the earlier one."""
    cycle = (
        "{{id: {0}, length: 42 d, share: {1} %, give: [{{drug: blinatumomab, dose: 28 ug/d, route: civ, days: 1-28}}],"
    )
    cycle += " assess: [{{name: {0}, what: mrd}}]}}"
    text = MEASURED + f"  - {cycle.format('third', 70)}\n  - {cycle.format('fourth', 40)}\n"
    h = simulate(regimen(text), population("e1910"), draws(3), 400, 2)
    third, fourth = (np.isfinite(h.values[..., h.slot(name)]) for name in ("third", "fourth"))
    assert fourth.any()
    assert third.sum() > 1.3 * fourth.sum()
    assert not (fourth & ~third).any()
