"""Subgroups by what happens after the start: without a landmark, those who live to be treated seem to be saved by the treatment."""

import numpy as np
import pytest
from tests.outcomes.made import INF, MONTH, histories
from tests.outcomes.test_endpoints import design

from remission.base.errors import EmptySelection
from remission.outcomes import Emulation
from remission.protocol import Condition

HAZARD = 1 / 300


def useless(count=30_000, seed=1):
    """Constant hazard of death; half are due for a transplant that does nothing, on a day between 100 and 200, if they live."""
    rng = np.random.default_rng(seed)
    death = rng.exponential(1 / HAZARD, (2, count))
    due = np.where(rng.random((2, count)) < 0.5, rng.uniform(100, 200, (2, count)), INF)
    transplant = np.where(due < death, due, INF)
    h = histories([("mrd", "mrd", 1e-4)], None, death=death, transplant=transplant, remission=np.full((2, count), 20.0))
    when = np.where(death > 60.0, 60.0, np.nan)
    h.values[..., 0], h.when[..., 0] = np.where(np.isnan(when), np.nan, rng.normal(-4, 1, (2, count))), when
    return h


def read(h, where, endpoint="OS", days=200.0):
    return Emulation(h, design(), "main").read(endpoint, days / MONTH, Condition.parse(where))


@pytest.mark.parametrize("where", ["transplanted", "not transplanted", "mrd(mrd) < 1e-4", "mrd(mrd) >= 1e-4",
                                   "mrd(mrd) < 1e-4 and not transplanted", "transplanted or mrd(mrd) < 1e-4"])  # fmt: skip
def test_a_treatment_that_does_nothing_seems_to_do_nothing(where):
    h = useless()
    assert read(h, where).expected == pytest.approx(np.exp([-HAZARD * 200.0] * 2), abs=0.012)
    whole = Emulation(h, design(), "main").read("OS", 200.0 / MONTH)
    assert whole.landmark is None
    assert whole.expected == pytest.approx(np.exp([-HAZARD * 200.0] * 2), abs=0.012)


def test_without_a_landmark_it_would_have_saved_lives():
    h = useless()
    alive = h.events["death"] > 200.0
    treated = np.isfinite(h.events["transplant"])
    assert alive[treated].mean() > alive[~treated].mean() + 0.2


def test_the_landmark_is_told():
    h = useless()
    by_mrd = read(h, "mrd(mrd) < 1e-4").landmark
    assert (by_mrd.facts, by_mrd.median_day) == (("mrd(mrd)",), 60.0)
    treated = read(h, "transplanted and age > 20").landmark
    assert treated.facts == ("transplanted",)
    assert treated.median_day == pytest.approx(
        np.quantile(h.events["transplant"][np.isfinite(h.events["transplant"])], 0.95), abs=1.0
    )
    both = read(h, "mrd(mrd) < 1e-4 and transplanted").landmark
    assert both.facts == ("mrd(mrd)", "transplanted")
    assert both.median_day > 150
    assert read(h, "age > 20").landmark is None


def test_groups_at_a_landmark_are_the_parts_of_those_who_come_to_it():
    h = useless(4000)
    yes, no = (read(h, where) for where in ("transplanted", "not transplanted"))
    together = (yes.expected * yes.simulated + no.expected * no.simulated) / (yes.simulated + no.simulated)
    for draw in range(2):
        given = np.sort(h.events["transplant"][draw][np.isfinite(h.events["transplant"][draw])])
        landmark = given[int(np.ceil(0.95 * len(given))) - 1]
        alive = h.events["death"][draw] > landmark
        assert yes.simulated[draw] + no.simulated[draw] == alive.sum()
        assert yes.simulated[draw] == (alive & (h.events["transplant"][draw] <= landmark)).sum()
        assert together[draw] == pytest.approx((h.events["death"][draw][alive] > landmark + 200.0).mean())


def test_competing_events_before_the_landmark_take_patients_out():
    h = histories([("mrd", "mrd", 1e-4)], [[(-5, 60)], [(-5, 60)], [(-3, 60)], [None]],
                  remission=[30] * 4, relapse=[100, 400, INF, 50], death=[INF, INF, INF, INF])  # fmt: skip
    found = read(h, "mrd(mrd) < 1e-4", "CIR", 50.0)
    assert float(found.simulated[0]) == 2
    assert float(found.expected[0]) == 0.5  # days run from the assessment


def test_another_relapse_before_the_landmark_takes_patients_out():
    h = histories([("mrd", "mrd", 1e-4)], [[(-5, 60)], [(-5, 60)]], remission=[30, 30], relapse=[50, 100], site=[0, 5])
    found = read(h, "mrd(mrd) < 1e-4", "CIR-CNS", 50.0)
    assert (float(found.simulated[0]), float(found.expected[0])) == (1.0, 1.0)


def test_a_treatment_whose_day_is_not_known_is_said_not_to_have_moved_time_zero():
    h = histories(death=[100, 200], blinatumomab=[1, 0])
    found = read(h, "received_blinatumomab", days=150)
    assert found.landmark.unknown == ("received blinatumomab",)
    assert float(found.expected[0]) == 0.0


def test_a_treatment_that_nobody_gets_has_no_landmark():
    h = histories(death=[100.0, 300.0])
    assert float(read(h, "not transplanted", days=150).expected[0]) == 0.5
    with pytest.raises(EmptySelection):
        read(h, "transplanted", days=150)


def test_nobody_is_free_of_the_event_on_the_landmark():
    h = histories([("mrd", "mrd", 1e-4)], [[(-5, 60)]], death=[500.0], relapse=[40.0], remission=[30.0])
    with pytest.raises(EmptySelection, match="landmark"):
        Emulation(h, design(), "main").read("CIR", 1.0, Condition.parse("mrd(mrd) < 1e-4"))


def test_a_response_needs_no_landmark():
    h = useless(200)
    found = Emulation(h, design({"X": {"kind": "response", "what": "mrd", "among": "evaluable"}}), "main")
    assert found.read("X", "mrd", Condition.parse("transplanted")).landmark is None
