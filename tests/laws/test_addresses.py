"""Same patient, same luck: do chunks, threads, batches, other arms and later parts of a protocol leave a patient alone?

All comparisons are bit for bit but where a sentence says otherwise.
"""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.laws.people import straight
from tests.sample import draws, plan, population, regimen
from tests.twin.generated import parameters, protocols, resolved

from remission.base import catalog
from remission.base.histories import CAUSES
from remission.decide import compare
from remission.engine import program
from remission.engine.simulate import simulate

GRID = np.array([0.0, 10.0, 100.0, 1000.0])
TABLES = ("values", "when", "burden", "started")


def assert_same(a, b, but=()):
    for name in a.events:
        if name not in but:
            assert np.array_equal(a.events[name], b.events[name], equal_nan=True), name
    for name in a.covariates:
        assert np.array_equal(a.covariates[name], b.covariates[name]), name
    for name in TABLES:
        assert np.array_equal(getattr(a, name), getattr(b, name), equal_nan=True), name


def part(histories, first, last):
    """Patients `first` to `last` - 1 of histories."""
    changed = {name: getattr(histories, name)[:, first:last] for name in TABLES}
    for name in ("events", "covariates"):
        changed[name] = {key: value[:, first:last] for key, value in getattr(histories, name).items()}
    kept = {field.name: getattr(histories, field.name) for field in fields(histories)}
    return type(histories)(**(kept | changed))


@pytest.mark.parametrize("identifier", ["e1910-blinatumomab", "a041703", "golden-gate"])
@pytest.mark.parametrize(("chunk", "threads"), [(1, 1), (64, 2), (70, 3), (100_000, 2)])
def test_chunk_size_and_threads_change_nothing(identifier, chunk, threads):
    whole = simulate(plan(identifier), population("e1910"), draws(3), 150, 3, grid=GRID, threads=1)
    again = simulate(
        plan(identifier), population("e1910"), draws(3), 150, 3, grid=GRID, chunk_patients=chunk, threads=threads
    )
    assert_same(whole, again)


@pytest.mark.parametrize("first", [1, 37, 64, 140])
def test_a_part_of_the_patients_is_the_same_as_in_the_whole(first):
    """Wherever in a batch a patient stands, and whoever stands beside it."""
    for identifier in ("mdacc-hcvad-blina-ino", "graall-2014"):
        whole = simulate(plan(identifier), population("e1910"), draws(2), 200, 3, grid=GRID)
        some = simulate(plan(identifier), population("e1910"), draws(2), 60, 3, grid=GRID, first=first)
        assert_same(part(whole, first, first + 60), some)


def test_patients_of_two_chunks_are_not_each_other():
    """A patient's number is its own in every chunk: nobody's luck comes twice."""
    h = simulate(plan("s1318"), population("s1318"), draws(1), 400, 3, chunk_patients=64)
    assert len(np.unique(h.events["death"])) == 400
    marrow = h.values[0, :, h.slot("end-induction", "mrd")]
    assert len(np.unique(marrow[np.isfinite(marrow)])) == np.isfinite(marrow).sum()


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(
    data=protocols(),
    seed=st.integers(0, 2**64 - 1),
    p=parameters(2),
    first=st.integers(1, 90),
    chunk=st.integers(1, 100),
)
def test_generated_protocols_do_not_know_of_chunks_and_batches(data, seed, p, first, chunk):
    made = resolved(data)
    assume(made is not None)
    whole = simulate(made, population("d-alba"), p.draws, 100, seed, grid=GRID, threads=1)
    some = simulate(
        made, population("d-alba"), p.draws, 10, seed, grid=GRID, first=first, chunk_patients=chunk, threads=2
    )
    assert_same(part(whole, first, min(first + 10, 100)), part(some, 0, min(10, 100 - first)))


def test_one_draw_is_the_same_alone():
    whole = simulate(plan("a041703"), population("a041703"), draws(5), 40, 3, grid=GRID)
    alone = simulate(plan("a041703"), population("a041703"), draws(5).part(3, 4), 40, 3, grid=GRID)
    for name in alone.events:
        assert np.array_equal(whole.events[name][3:4], alone.events[name], equal_nan=True), name


def test_another_seed_gives_other_patients():
    a = simulate(plan("s1318"), population("s1318"), draws(2), 50, 3)
    b = simulate(plan("s1318"), population("s1318"), draws(2), 50, 4)
    assert (a.events["death"] != b.events["death"]).all()


def test_a_name_changes_nothing_but_the_arms_own_rate_of_neurotoxicity():
    a = plan("e1910-blinatumomab")
    b = a.model_copy(update={"id": "another-name"})
    found = [simulate(each, population("e1910"), draws(10), 200, 1, grid=GRID) for each in (a, b)]
    assert_same(*found, but=("nt3",))
    assert not np.array_equal(found[0].events["nt3"], found[1].events["nt3"])
    none = draws(10).change(neurotoxicity_study=0.0)
    assert_same(*(simulate(each, population("e1910"), none, 200, 1, grid=GRID) for each in (a, b)))


def test_identical_strategies_differ_by_exactly_zero():
    twins = [plan("e1910-blinatumomab"), plan("e1910-blinatumomab").model_copy(update={"id": "another-name"})]
    found = compare(twins, population("e1910"), draws(10), 100, 1, "EFS", 36)["comparisons"][0]
    assert found["difference"] == {"median": 0.0, "lo90": 0.0, "hi90": 0.0}
    assert found["monte_carlo_se"] == 0.0


def test_comparison_is_antisymmetric():
    a, b = plan("e1910-blinatumomab"), plan("e1910-chemotherapy")
    forth = compare([a, b], population("e1910"), draws(10), 100, 1)["comparisons"][0]["difference"]
    back = compare([b, a], population("e1910"), draws(10), 100, 1)["comparisons"][0]["difference"]
    assert forth["median"] == pytest.approx(-back["median"])
    assert forth["lo90"] == pytest.approx(-back["hi90"])


BEGINNING = """
  - {id: a, purpose: induction, block: e1910-induction-1, assess: [{name: end, what: remission}, {name: m1, what: mrd}]}
  - {id: t, length: 1 d, purpose: transplant, share: 30 %}
  - {id: b, purpose: consolidation, block: e1910-cytarabine-etoposide, assess: [{name: m2, what: mrd}]}
"""
LATER = (
    "  - {id: c, purpose: consolidation, block: hyper-cvad-b}\n",
    "  - {id: c, purpose: consolidation, length: 42 d, give: [{drug: blinatumomab, dose: 28 ug/d, route: civ, days: 1-28}]}\n",
    "  - {id: c, purpose: maintenance, block: pomp, repeat: 30}\n",
    "  - {id: c, purpose: rest, length: 900 d}\n",
)


@pytest.mark.parametrize("later", range(1, len(LATER)))
def test_what_comes_later_does_not_change_what_came_before(later):
    """Measurements, remission, phases, transplants and toxic deaths of the first part stay as they are to the last bit. (The day of
    a relapse may move: how many lines will survive all therapy is part of the size of a row from its lowest point on.)"""
    parts = (regimen(BEGINNING + LATER[0]), regimen(BEGINNING + LATER[later]))
    a, b = (simulate(each, population("e1910"), draws(4), 500, 8) for each in parts)
    for name in ("end", "m1", "m2"):
        ours, theirs = (h.values[..., h.slot(name)] for h in (a, b))
        both = np.isfinite(ours) & np.isfinite(theirs)
        assert both.mean() > 0.5
        assert np.array_equal(ours[both], theirs[both])
    assert np.array_equal(a.started[..., 0], b.started[..., 0])
    change = np.nanmin(a.started[..., 3])
    toxic = [
        np.isin(h.events["cause"], [CAUSES.index(c) for c in ("induction", "in remission", "transplant")])
        for h in (a, b)
    ]
    early = (a.events["death"] < change) & toxic[0] & np.isinf(b.events["relapse"])
    assert early.sum() > 20
    assert np.array_equal(a.events["death"][early], b.events["death"][early])
    assert np.array_equal(a.events["cause"][early], b.events["cause"][early])
    in_time = (a.events["remission"] < change) & (a.events["death"] > change) & (b.events["death"] > change)
    assert np.array_equal(a.events["remission"][in_time], b.events["remission"][in_time])
    assert np.array_equal(a.events["transplant"][in_time & early], b.events["transplant"][in_time & early])


def test_a_phase_for_nobody_changes_nothing():
    """At the end or in the middle; its own measurements are never made, and it never begins."""
    nobody = "  - {id: x, length: 28 d, purpose: rest, only: age < 1, assess: [{name: never, what: mrd}]}\n"
    whole = simulate(regimen(BEGINNING + LATER[0]), population("e1910"), draws(3), 200, 8, grid=GRID)
    for text in (BEGINNING + nobody + LATER[0], BEGINNING + LATER[0] + nobody):
        other = simulate(regimen(text), population("e1910"), draws(3), 200, 8, grid=GRID)
        for name in whole.events:
            assert np.array_equal(whole.events[name], other.events[name], equal_nan=True), name
        assert np.isnan(other.values[..., other.slot("never")]).all()
        assert np.isnan(other.started[..., other.phases.index("x")]).all()


def test_shares_of_one_purpose_are_nested():
    """Who gets a later cycle at discretion also got the earlier one."""
    cycle = "  - {{id: {0}, length: 42 d, share: {1} %, give: [{{drug: blinatumomab, dose: 28 ug/d, route: civ, days: 1-28}}]}}\n"
    h = simulate(
        regimen(BEGINNING + cycle.format("third", 70) + cycle.format("fourth", 40)),
        population("e1910"),
        draws(3),
        400,
        2,
    )
    third, fourth = (np.isfinite(h.started[..., h.phases.index(name)]) for name in ("third", "fourth"))
    assert fourth.any()
    assert third.sum() > 1.3 * fourth.sum()
    assert not (fourth & ~third).any()


@pytest.mark.parametrize("identifier", catalog.ids("regimens"))
def test_standard_assessments_leave_every_event_alone(identifier, monkeypatch):
    """They are read without consequence: without them every event, phase and own measurement is the same to the last bit."""
    who = population("d-alba" if plan(identifier).ph == "positive" else "e1910")
    with_them = simulate(plan(identifier), who, draws(3), 150, 4, grid=GRID)
    monkeypatch.setattr(program, "with_standard_assessments", lambda regimen: regimen)
    without = simulate(plan(identifier), who, draws(3), 150, 4, grid=GRID)
    assert len(with_them.slots) >= len(without.slots)
    for name in without.events:
        assert np.array_equal(with_them.events[name], without.events[name], equal_nan=True), name
    assert np.array_equal(with_them.burden, without.burden, equal_nan=True)
    assert np.array_equal(with_them.started, without.started, equal_nan=True)
    for k, slot in enumerate(without.slots):
        again = next(j for j, other in enumerate(with_them.slots) if other == slot)
        assert np.array_equal(with_them.values[..., again], without.values[..., k], equal_nan=True), slot


def test_arms_share_patients_and_their_luck():
    """The same people come to both arms, and die of other causes on the same day."""
    a, b = (simulate(each, population("e1910"), draws(3), 200, 8) for each in (straight(), plan("e1910-chemotherapy")))
    for name in a.covariates:
        assert np.array_equal(a.covariates[name], b.covariates[name]), name
    other = (a.events["cause"] == 4) & (b.events["cause"] == 4)
    assert other.any()
    assert np.array_equal(a.events["death"][other], b.events["death"][other])
