"""Is every placement in the space a regimen that keeps every rule, and is it the one that was meant?"""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remission.base.errors import UsageError
from remission.decide import Limits, Placement, placements, render
from remission.decide.features import distance, features, nearest_published, published, steps
from remission.decide.placements import room_for_intrathecal, sequence
from remission.decide.space import chosen_inhibitor, space
from remission.engine.program import compile_regimen
from remission.protocol import load_regimen, resolve

WIDE = Limits(max_cycles=8)
ALL = {"negative": placements("negative", WIDE), "positive": placements("positive", WIDE)}


@settings(max_examples=150)
@given(
    ph=st.sampled_from(["negative", "positive"]),
    at=st.integers(0, 10**6),
    gap=st.sampled_from([7, 14]),
    route=st.sampled_from(["civ", "sc"]),
)
def test_every_placement_renders_to_a_valid_regimen_that_can_be_simulated(ph, at, gap, route):
    base = ALL[ph][at % len(ALL[ph])]
    placement = Placement(**{**base.__dict__, "gap_days": gap, "route": route})
    plan = render(placement)  # checked by every rule of the catalog; raises otherwise
    assert resolve(plan) == plan
    compile_regimen(plan)
    early = next(phase for phase in plan.phases if phase.purpose != "prephase")
    assert early.purpose == "induction"  # so that every placement carries the risk of death in induction
    cycles = [phase for phase in plan.phases if any(give.drug == "blinatumomab" for give in phase.give)]
    assert len(cycles) == placement.all_cycles
    assert (
        sum(len(give.days) for phase in plan.phases for give in phase.give if give.route == "it")
        == placement.intrathecal
    )
    assert sum(phase.id.startswith("course-") for phase in plan.phases) == placement.courses
    assert ("transplant" in [phase.id for phase in plan.phases]) == (placement.transplant != "none")
    assert [item.drug for item in plan.alongside] == ([placement.inhibitor] if placement.inhibitor else [])
    order = "".join(
        "B" if phase.id.startswith("blinatumomab") else "C"
        for phase in plan.phases
        if phase.id.startswith(("blinatumomab", "course-"))
    )
    assert order == placement.sequence


@pytest.mark.parametrize("ph", ["negative", "positive"])
def test_the_space_has_no_placement_twice(ph):
    names = [placement.id for placement in ALL[ph]]
    assert len(set(names)) == len(names) > 1000
    assert max(len(name) for name in names) <= 64
    meaning = {(p.first, p.sequence, p.maintenance, p.intrathecal, p.transplant, p.inhibitor) for p in ALL[ph]}
    assert len(meaning) == len(names)


@pytest.mark.parametrize(("cycles", "courses", "order", "expected"), [
    (4, 2, "before", "BBBBCC"), (4, 2, "after", "CCBBBB"), (4, 2, "alternating", "BBCBBC"), (4, 4, "alternating", "BCBCBCBC"),
    (1, 4, "alternating", "BCCCC"), (5, 4, "alternating", "BBCBCBCBC"), (0, 2, "none", "CC"), (3, 0, "none", "BBB"),
])  # fmt: skip
def test_orders_by_hand(cycles, courses, order, expected):
    assert sequence(cycles, courses, order) == expected


@pytest.mark.parametrize(("limits", "keeps"), [
    (Limits(max_cycles=2), lambda p: p.all_cycles <= 2),
    (Limits(max_cycles=8, max_infusion_days=84), lambda p: p.all_cycles <= 3),
    (Limits(max_chemotherapy="none"), lambda p: p.intensity == "none" and p.courses == 0 and p.first in ("steroid", "inotuzumab")),
    (Limits(max_chemotherapy="reduced"), lambda p: p.intensity != "intensive"),
])  # fmt: skip
def test_limits_are_kept_and_nothing_else_is_lost(limits, keeps):
    found = set(placements("negative", limits))
    assert found
    assert all(keeps(placement) for placement in found)
    assert found == {p for p in ALL["negative"] if keeps(p) and p.all_cycles <= limits.max_cycles}


def test_placements_without_room_for_their_intrathecal_doses_are_left_out():
    bare = Placement("negative", "steroid", 1, 0, "none", "none", 12, "none")
    assert room_for_intrathecal(bare) == 2
    assert bare not in ALL["negative"]


def test_blinatumomab_in_active_disease_begins_with_the_longer_step():
    def first_dose(first):
        plan = render(Placement("negative", first, 2, 0, "none", "none", 4, "none"))
        cycle = next(phase for phase in plan.phases if phase.id == "blinatumomab-1")
        return [len(give.days) for give in cycle.give if give.drug == "blinatumomab"], cycle.purpose

    assert first_dose("steroid") == ([7, 21], "induction")
    assert first_dose("reduced") == ([4, 24], "consolidation")


def test_no_remission_ends_the_treatment_once():
    for placement in ALL["negative"][::97]:
        stops = [branch for phase in render(placement).phases for branch in phase.then if branch.stop == "refractory"]
        assert len(stops) == 1


def test_the_pieces_keep_their_sources():
    plan = render(Placement("negative", "inotuzumab", 2, 2, "after", "chemotherapy", 8, "mrd"))
    own = {give.source.ref for phase in plan.phases for give in phase.give if give.source}
    assert {"wieduwilt-2023", "kantarjian-2023-mini", "amgen-2014-blincyto"} <= own


def test_after_no_more_than_a_steroid_comes_blinatumomab():
    assert not any(p.first == "steroid" and not p.sequence.startswith("B") for ph in ALL for p in ALL[ph])
    with pytest.raises(UsageError):
        render(Placement("negative", "steroid", 2, 2, "after", "none", 4, "none"))


def test_unknown_choices_are_refused_with_the_nearest():
    with pytest.raises(UsageError) as caught:
        render(Placement("negative", "inotuzumb", 2, 0, "none", "none", 4, "none"))
    assert caught.value.near == "inotuzumab"
    with pytest.raises(UsageError):
        chosen_inhibitor("nilotinib")


def test_features_of_published_regimens_by_hand():
    a041703 = features(load_regimen("a041703"))
    assert (a041703.first, a041703.cycles, a041703.courses_before, a041703.courses_after) == (
        frozenset({"inotuzumab"}),
        4,
        0,
        0,
    )
    assert (a041703.intrathecal, a041703.transplant, a041703.maintenance) == (8, "none", 0)
    e1910 = features(load_regimen("e1910-blinatumomab"))
    assert (e1910.first, e1910.cycles, e1910.courses_before, e1910.courses_after) == (frozenset({"intensive"}), 4, 3, 4)
    pona = features(load_regimen("mdacc-pona-blina"))
    assert (pona.first, pona.cycles, pona.inhibitor, pona.intrathecal) == (frozenset(), 5, "ponatinib", 12)


@settings(max_examples=40)
@given(ph=st.sampled_from(["negative", "positive"]), a=st.integers(0, 10**6), b=st.integers(0, 10**6))
def test_distance_is_symmetric_and_nothing_only_between_equals(ph, a, b):
    first, second = (features(render(ALL[ph][at % len(ALL[ph])], check=False)) for at in (a, b))
    assert distance(first, second) == pytest.approx(distance(second, first))
    assert distance(first, first) == 0.0
    assert (distance(first, second) == 0.0) == (not steps(first, second))
    assert sum(step.cost for step in steps(first, second)) == pytest.approx(distance(first, second))


@pytest.mark.parametrize("ph", ["negative", "positive"])
def test_a_published_regimen_is_nearest_to_itself(ph):
    for regimen in published(ph):
        near = nearest_published(regimen, ph)
        assert near.distance == 0.0
        assert near.changes == ()


def test_the_nearest_regimen_is_explained():
    near = nearest_published(render(Placement("negative", "inotuzumab", 5, 0, "none", "none", 8, "none")), "negative")
    assert near.regimen in ("a041703", "mdacc-ino-blina-70")
    assert near.distance == pytest.approx(1.0)
    assert near.changes == ("1 more blinatumomab cycle",)


def test_the_declared_space_names_each_option_once():
    for options in (space().first, space().maintenance, space().transplant):
        names = [option.id for option in options]
        shorts = [option.short for option in options]
        assert len(set(names)) == len(names)
        assert len(set(shorts)) == len(shorts)
    assert all(a < b for a, b in pairwise(space().intrathecal.doses))
