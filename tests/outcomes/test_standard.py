"""Standard assessments: are they where they should be, once for each path, and do they leave every course as it was?"""

import numpy as np
import pytest
from tests.sample import draws, population, regimen

from remission.base import catalog
from remission.outcomes.select import standard
from remission.protocol import StandardAssess, load_regimen, with_standard_assessments
from remission.protocol.standard import ADDRESSES_PER_NAME, STANDARD

REGIMENS = catalog.ids("regimens")


def added(plan, what="mrd"):
    """(name, phase, day) of what was added of one kind."""
    made = with_standard_assessments(plan)
    return {(item.name, phase.id, item.day) for phase in made.phases for item in phase.assess
            if isinstance(item, StandardAssess) and item.what == what}  # fmt: skip


BLINATUMOMAB = "give: [{drug: blinatumomab, dose: 28 ug/d, route: civ, days: 1-28}]"
VINCRISTINE = "give: [{drug: vincristine, dose: 2 mg, route: iv, days: 1}]"
PLAIN = f"""
  - {{id: pre, length: 7 d, purpose: prephase, chemotherapy: prephase, give: [{{drug: prednisone, dose: 60 mg/m2, route: po, days: 1-7}}]}}
  - {{id: one, length: 28 d, purpose: induction, chemotherapy: intensive induction, {VINCRISTINE}}}
  - {{id: two, length: 21 d, purpose: induction, chemotherapy: intensive induction, {VINCRISTINE}}}
  - {{id: b1, length: 42 d, {BLINATUMOMAB}}}
  - {{id: c, length: 21 d, chemotherapy: intensive consolidation, {VINCRISTINE}}}
  - {{id: b2, length: 42 d, {BLINATUMOMAB}}}
  - {{id: b3, length: 42 d, {BLINATUMOMAB}}}
"""


def test_a_straight_plan():
    expected = {("end-induction", "two", 21), ("cycle-1", "one", 28), ("pre-blina-1", "two", 21), ("post-blina-1", "b1", 42),
                ("post-blina-2", "b2", 42)}  # fmt: skip
    assert added(regimen(PLAIN)) == expected
    assert added(regimen(PLAIN), "remission") == expected


def test_one_assessment_on_each_path():
    """Re-induction only without remission: induction may end after either phase; the second blinatumomab may be either."""
    plan = regimen(f"""
  - id: one
    length: 28 d
    purpose: induction
    chemotherapy: intensive induction
    assess: [{{name: r1, what: remission}}]
    give: [{{drug: vincristine, dose: 2 mg, route: iv, days: 1}}]
    then: [{{if: cr(r1), go: b1}}]
  - {{id: again, length: 42 d, purpose: induction, {BLINATUMOMAB}, only: not cr(r1)}}
  - {{id: b1, length: 42 d, {BLINATUMOMAB}}}
  - {{id: b2, length: 42 d, {BLINATUMOMAB}}}
""")
    found = added(plan)
    assert {(phase, day) for name, phase, day in found if name == "end-induction"} == {("one", 28), ("again", 42)}
    assert {phase for name, phase, _ in found if name == "pre-blina-1"} == {"one"}
    assert {phase for name, phase, _ in found if name == "post-blina-1"} == {"again", "b1"}
    assert {phase for name, phase, _ in found if name == "post-blina-2"} == {"b1", "b2"}


def test_branches_by_age_have_each_their_first_course():
    found = added(load_regimen("lal2820-chemotherapy"))
    assert {phase for name, phase, _ in found if name == "cycle-1"} == {"course-1", "course-1-older"}


def test_the_protocols_own_names_are_kept_and_completed_in_the_same_marrow():
    plan = load_regimen("e1910-blinatumomab")
    assert added(plan) == {("cycle-1", "induction-1", 28), ("end-induction", "induction-2", 42)}
    assert ("cycle-1", "induction-1", 28) not in added(plan, "remission")
    assert {("pre-blina-1", "blinatumomab-1", 1), ("post-blina-1", "blinatumomab-1", 28)} <= added(plan, "remission")


def test_blinatumomab_first_has_nothing_before_it():
    assert not any(
        name == "pre-blina-1" for name, _, _ in added(load_regimen("s1318")) | added(load_regimen("s1318"), "remission")
    )
    assert not any(name.endswith(("blina-1", "blina-2")) for name, _, _ in added(load_regimen("e1910-chemotherapy")))


def items(plan, name, what="mrd"):
    return [
        item
        for phase in with_standard_assessments(plan).phases
        for item in phase.assess
        if (item.name, item.what) == (name, what)
    ]


def test_assay_and_limit_are_those_of_the_nearest_measurement():
    text = PLAIN.replace("{id: c,", "{id: c, assess: [{name: late, what: mrd, assay: ngs, limit: 1.0e-6}],").replace(
        "{id: two,", "{id: two, assess: [{name: early, what: mrd, assay: pcr-igtr, limit: 1.0e-3, day: 7}],")  # fmt: skip
    plan = regimen(text)
    assert [(item.assay, item.limit) for item in items(plan, "cycle-1")] == [("pcr-igtr", 1e-3)]
    assert [(item.assay, item.limit) for item in items(plan, "post-blina-2")] == [("ngs", 1e-6)]
    assert [(item.assay, item.limit) for item in items(regimen(PLAIN), "cycle-1")] == [("flow", 1e-4)]
    assert [item.assay for item in items(load_regimen("mdacc-pona-blina"), "end-induction")] == ["pcr-bcr-abl1"]
    assert [item.assay for item in items(load_regimen("s1318-ph"), "cycle-1")] == ["pcr-bcr-abl1"]  # flow is nearer
    assert [(item.name, item.twin) for item in items(plan, "end-induction")] == [
        ("end-induction", "early")
    ]  # the marrow of day 7


@pytest.mark.parametrize("identifier", REGIMENS)
def test_every_plan_of_the_catalog(identifier):
    plan = load_regimen(identifier)
    made = with_standard_assessments(plan)
    assert with_standard_assessments(made) == made
    assert plan == load_regimen(identifier)
    marrow = []
    for before, after in zip(plan.phases, made.phases, strict=True):
        assert after.assess[: len(before.assess)] == before.assess
        assert after.model_copy(update={"assess": before.assess}) == before
        own = {item.day for item in before.assess} | {round(before.length.to("d"))}
        new = [item for item in after.assess if isinstance(item, StandardAssess)]
        assert all(item.day in own for item in new)  # never a new step within a phase
        assert not {(item.name, item.what) for item in new} & {(i.name, i.what) for p in plan.phases for i in p.assess}
        marrow += [(item.what, item.address) for item in new]
    assert len(set(marrow)) == len(marrow)
    names = {item.name for phase in made.phases for item in phase.assess if item.what == "mrd"}
    gives = any(give.drug == "blinatumomab" for phase in plan.phases for give in phase.give)
    assert {"end-induction", "cycle-1"} <= names
    assert (not gives) or {"post-blina-1", "post-blina-2"} <= names


def test_only_the_names_that_are_asked_for():
    plan = load_regimen("d-alba")
    few = with_standard_assessments(plan, ["cycle-1"])
    new = [item for phase in few.phases for item in phase.assess if isinstance(item, StandardAssess)]
    assert {item.name for item in new} == {"cycle-1"}
    assert [item.address for item in new] == [
        item.address for item in items(plan, "cycle-1", "remission") + items(plan, "cycle-1")
    ]
    assert {item.address // ADDRESSES_PER_NAME for item in new} == {STANDARD.index("cycle-1")}
    assert with_standard_assessments(plan, []) is plan


def without(plan):
    return plan.model_copy(update={"phases": tuple(
        phase.model_copy(update={"assess": tuple(item for item in phase.assess if not isinstance(item, StandardAssess))})
        for phase in plan.phases)})  # fmt: skip


def with_and_without(plan, who, monkeypatch):
    from remission.engine import program
    from remission.engine.simulate import simulate

    whole = simulate(plan, who, draws(3), 300, 1)
    monkeypatch.setattr(program, "with_standard_assessments", without)
    return whole, simulate(plan, who, draws(3), 300, 1)


@pytest.mark.parametrize(
    "identifier",
    [
        "s1318",
        "a041703",
        "d-alba",
        "e1910-blinatumomab",
        "gmall-bold",
        "golden-gate",
        "lal2820-chemotherapy",
        "graall-2014",
    ],
)
def test_they_leave_every_history_as_it_was(identifier, monkeypatch):
    """Bit for bit: events, the protocol's own assessments and their errors."""
    who = population("d-alba" if load_regimen(identifier).ph == "positive" else "e1910")
    whole, bare = with_and_without(load_regimen(identifier), who, monkeypatch)
    own = [k for k in range(len(whole.slots)) if not standard(whole, k)]
    assert len(own) == len(bare.slots) < len(whole.slots)
    for name in bare.events:
        assert np.array_equal(whole.events[name], bare.events[name], equal_nan=True), name
    assert np.array_equal(whole.values[..., own], bare.values, equal_nan=True)
    assert np.array_equal(whole.when[..., own], bare.when, equal_nan=True)
    assert np.array_equal(whole.started, bare.started, equal_nan=True)
    assert np.isfinite(np.delete(whole.values, own, axis=-1)).any(axis=(0, 1)).all()  # and each is made in somebody


def test_between_phases_that_go_on_alike_they_move_no_day_by_more_than_rounding(monkeypatch):
    """The engine makes one step of two phases without a change between them; an assessment there divides it."""
    plan = regimen("""
  - id: one
    length: 40 d
    purpose: induction
    chemotherapy: intensive induction
    give: [{drug: vincristine, dose: 2 mg, route: iv, days: 1}]
    assess: [{name: x, what: remission, day: 28}]
  - {id: tki, length: 33 d, purpose: induction, give: [{drug: dasatinib, dose: 140 mg, route: po, days: 1-33}]}
  - {id: tki-on, length: 37 d, purpose: consolidation, give: [{drug: dasatinib, dose: 140 mg, route: po, days: 1-37}]}
""")
    whole, bare = with_and_without(plan, population("d-alba"), monkeypatch)
    assert len(whole.slots) > len(bare.slots)
    for name in bare.events:
        assert whole.events[name] == pytest.approx(bare.events[name], abs=0.1, nan_ok=True), name
