"""Who is in an arm: enrolment at an assessment, entry in remission, and parts of an arm that take another regimen."""

from dataclasses import replace

import numpy as np
import pytest
from tests.outcomes.made import INF, MONTH, histories
from tests.outcomes.test_endpoints import design

from remission.base.errors import Problem, UsageError
from remission.outcomes import Emulation, combine, members
from remission.outcomes.arms import luck
from remission.protocol import Arm

SLOTS = [("end", "remission", 1e-4), ("mrd", "mrd", 1e-4)]


def arm(**more):
    return Arm.model_validate({"regimen": "made", "population": "made", "enrolled": 100, **more})


def test_enrolment_at_an_assessment():
    """In: alive at it, in remission, MRD-negative. Time zero is its day."""
    rows = [[(1, 30), (-5, 40)], [(1, 30), (-3, 40)], [(0, 30), (-5, 40)], [(1, 30), None], [(1, 30), (-5, 50)]]
    h = histories(
        SLOTS, rows, remission=[30, 30, INF, 30, 30], relapse=[INF, INF, INF, 35, 45], death=[100, 200, 300, 90, 400]
    )
    found = members(h, arm(enrolment={"at": "mrd", "if": "cr and mrd(mrd) < 1e-4"}))
    assert found.inside[0].tolist() == [True, False, False, False, False]  # the last relapsed before the assessment
    assert found.day[0].tolist() == [40, 0, 0, 0, 0]
    assert members(h, arm(enrolment={"at": "mrd"})).inside[0].tolist() == [True, True, True, False, True]
    of = design(arm={"enrolment": {"at": "mrd", "if": "cr and mrd(mrd) < 1e-4"}})
    assert [float(Emulation(h, of, "main").read("OS", days / MONTH).expected[0]) for days in (59, 61)] == [1.0, 0.0]


def test_remission_before_enrolment_is_followed_from_enrolment_on():
    """Time that a patient had to live to be enrolled counts for no endpoint."""
    h = histories(SLOTS, [[(1, 30), (-5, 80)], [(1, 30), (-5, 80)]], remission=[30, 90], relapse=[100, 150])
    of = design(arm={"enrolment": {"at": "mrd"}})
    free = [float(Emulation(h, of, "main").read("DFS", days / MONTH).expected[0]) for days in (19, 21, 59, 61)]
    assert free == [1.0, 0.5, 0.5, 0.0]  # from day 80 to 100, and from day 90 to 150
    seen = [float(Emulation(h, of, "main").read("relapse", days / MONTH).expected[0]) for days in (19, 21, 69, 71)]
    assert seen == [0.0, 0.5, 0.5, 1.0]  # counted from enrolment on day 80


def many(rate, count=40_000, seed=1):
    rng = np.random.default_rng(seed)
    remission = rng.random((2, count)) < rate
    h = histories(SLOTS[:1], None, remission=np.where(remission, 25.0, INF), death=np.full((2, count), 1000.0))
    h.values[..., 0], h.when[..., 0] = remission, 25.0
    return h, remission


@pytest.mark.parametrize("rate", [0.9, 0.4])
def test_the_share_that_enters_in_remission(rate):
    """Whatever the remission rate, the published share of the arm enters in remission, and on the day of the assessment."""
    h, remission = many(rate)
    found = members(h, arm(entering={"at": "end", "share": "22 %"}))
    came = found.inside & ~found.active
    assert (came.sum(axis=1) / found.inside.sum(axis=1)) == pytest.approx([0.22, 0.22], abs=0.01)
    assert np.all(remission[came])
    assert np.all(found.day[came] == 25.0)
    assert np.all(found.day[found.active] == 0.0)
    assert remission[found.inside & found.active].mean() == pytest.approx(
        rate, abs=0.01
    )  # the others are an unselected sample


def test_remission_is_counted_among_active_disease_and_survival_from_entry():
    h, _ = many(0.5)
    of = design(
        {"CR": {"kind": "response", "what": "remission", "among": "active"}},
        {"entering": {"at": "end", "share": "40 %"}},
    )
    emulation = Emulation(h, of, "main")
    assert emulation.read("CR", "end").expected == pytest.approx([0.5, 0.5], abs=0.01)
    assert emulation.read("CR", "end").size == pytest.approx([0.6, 0.6], abs=0.01)
    alive = emulation.read(
        "OS", 990.0 / MONTH
    ).expected  # all die on day 1000: who entered on day 25 does so after 975 days
    assert alive == pytest.approx([0.6, 0.6], abs=0.01)


def pair(count=20_000):
    """Two regimens in the same patients: the second has another slot and another death."""
    rng = np.random.default_rng(3)
    mrd = rng.normal(-4.0, 1.0, count)
    first = histories(SLOTS, None, "one", death=np.full(count, 100.0), remission=np.full(count, 30.0))
    second = histories(
        [*SLOTS, ("later", "mrd", 1e-4)], None, "two", death=np.full(count, 200.0), remission=np.full(count, 30.0)
    )
    for h in (first, second):
        h.values[0, :, 0], h.when[0, :, 0] = 1.0, 30.0
        h.values[0, :, 1], h.when[0, :, 1] = mrd, 40.0
    second.values[0, :, 2], second.when[0, :, 2] = mrd - 1.0, 80.0
    return {"one": first, "two": second}, mrd


def test_parts_of_an_arm_take_another_regimen_after_an_assessment():
    both, mrd = pair()
    parts = [{"regimen": "two", "at": "mrd", "if": "mrd(mrd) = negative", "share": "50 %"},
             {"regimen": "two", "at": "mrd", "if": "mrd(mrd) = positive", "share": "80 %"}]  # fmt: skip
    h = combine(arm(regimen="one", assigned=parts), both)
    moved = h.events["death"][0] == 200.0
    assert moved[mrd < -4].mean() == pytest.approx(0.5, abs=0.015)
    assert moved[mrd >= -4].mean() == pytest.approx(0.8, abs=0.015)
    names = [slot.name for slot in h.slots]
    assert names == ["end", "mrd", "later"]
    assert np.isnan(h.values[0, ~moved, 2]).all()
    assert np.array_equal(h.values[0, moved, 2], mrd[moved] - 1.0)
    assert np.array_equal(h.values[0, :, 1], mrd)


def test_a_share_from_the_start_and_nobody_else():
    both, _ = pair()
    h = combine(arm(regimen="one", assigned=[{"regimen": "two", "share": "34 %"}]), both)
    assert (h.events["death"] == 200.0).mean() == pytest.approx(0.34, abs=0.01)
    assert combine(arm(regimen="one"), both) is both["one"]
    everybody = combine(arm(regimen="one", assigned=[{"regimen": "two"}]), both)
    assert np.array_equal(everybody.events["death"], both["two"].events["death"])


def test_a_later_part_is_a_share_of_those_who_are_left():
    both, _ = pair()
    third = replace(
        both["two"], regimen="three", events={**both["two"].events, "death": both["two"].events["death"] + 100.0}
    )
    parts = [{"regimen": "two", "share": "50 %"}, {"regimen": "three", "share": "50 %"}]
    death = combine(arm(regimen="one", assigned=parts), {**both, "three": third}).events["death"]
    assert [(death == day).mean() for day in (100.0, 200.0, 300.0)] == pytest.approx([0.25, 0.5, 0.25], abs=0.015)


def test_the_same_patient_has_the_same_luck_in_every_chunk():
    h, _ = many(0.5, 100)
    whole = luck(h, 0)
    later, _ = many(0.5, 70)
    object.__setattr__(later, "first", 30)  # patients 30 to 99
    assert np.array_equal(whole[:, 30:], luck(later, 0))
    assert np.array_equal(whole[:, :30], luck(many(0.5, 30)[0], 0))
    assert not np.array_equal(whole, luck(h, 8))
    assert not np.array_equal(whole[0], whole[1])


def test_histories_that_are_missing_or_of_others_are_refused():
    both, _ = pair()
    taking = arm(regimen="one", assigned=[{"regimen": "two"}])
    with pytest.raises(UsageError, match="two"):
        combine(taking, {"one": both["one"]})
    with pytest.raises(UsageError, match="same patients"):
        combine(taking, {"one": both["one"], "two": pair(10)[0]["two"]})


def test_an_arm_is_entered_in_one_way():
    with pytest.raises((Problem, ValueError), match="enrolment"):
        arm(enrolment={"at": "end"}, entering={"at": "end", "share": "10 %"})
