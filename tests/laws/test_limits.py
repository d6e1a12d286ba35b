"""At the ends of every range, is everything finite, in order, and what it must be?"""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.laws.people import people, straight
from tests.sample import draws, plan, population, regimen
from tests.twin.generated import parameters, protocols, resolved

from remission.base.histories import CAUSES
from remission.engine import prior_centre
from remission.engine.simulate import simulate

GRID = np.array([0.0, 5.0, 50.0, 500.0, 5000.0])
CAUSE = {name: CAUSES.index(name) for name in CAUSES}


def assert_in_order(h, ph=None):
    """What must hold of any history."""
    e = h.events
    over = np.minimum(e["relapse"], e["death"])
    for name, value in e.items():
        assert not np.isnan(value).any() or name == "site", name
        assert (value[np.isfinite(value)] >= 0).all(), name
    assert np.isfinite(e["death"]).all()
    assert np.isfinite(e["treatment_end"]).all()
    assert np.isin(e["cause"], range(1, len(CAUSES))).all()
    assert np.array_equal(np.isnan(e["site"]), np.isinf(e["relapse"]))
    for name in ("remission", "failure", "relapse", "transplant"):
        assert (np.isinf(e[name]) | (e[name] < e["death"])).all(), name
    assert (np.isinf(e["relapse"]) | (e["relapse"] >= e["remission"])).all()
    assert (np.isinf(e["transplant"]) | (e["transplant"] >= e["remission"])).all()
    assert (e["treatment_end"] <= over).all()
    for flag, of in (("crs3", "blinatumomab"), ("nt3", "blinatumomab")):
        assert (e[flag] <= e[of]).all(), flag
    assert np.isfinite(e["transplant"][e["cause"] == CAUSE["transplant"]]).all()
    assert np.isfinite(e["remission"][e["cause"] == CAUSE["in remission"]]).all()
    lost = np.isfinite(e["relapse"]) | np.isfinite(e["failure"])
    assert np.isin(e["cause"][lost], (CAUSE["leukaemia"], CAUSE["background"])).all()
    assert not (e["cause"][~lost] == CAUSE["leukaemia"]).any()
    assert np.array_equal(np.isnan(h.values), np.isnan(h.when))
    assert not np.isinf(h.values).any()
    assert (np.isnan(h.when) | (h.when <= over[..., None])).all()
    started = h.started.astype(float)
    assert (np.isnan(started) | (started <= over[..., None] * (1 + 1e-6))).all()
    in_turn = np.where(np.isnan(started), -1.0, started)
    assert (np.maximum.accumulate(in_turn, axis=-1)[~np.isnan(started)] == started[~np.isnan(started)]).all()
    if len(h.grid):
        assert np.array_equal(np.isnan(h.burden), h.grid > over[..., None])
        assert not np.isinf(h.burden).any()


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(data=protocols(), seed=st.integers(0, 2**64 - 1), p=parameters(2), who=st.sampled_from(("e1910", "d-alba")))
def test_any_history_is_in_order(data, seed, p, who):
    made = resolved(data)
    assume(made is not None)
    assert_in_order(simulate(made, population(who), p.draws, 150, seed, grid=GRID))


@pytest.mark.parametrize("identifier", ["e1910-blinatumomab", "d-alba", "golden-gate", "hcvad-ponatinib", "sc-blina"])
def test_histories_of_the_catalog_are_in_order(identifier):
    who = population("d-alba" if plan(identifier).ph == "positive" else "e1910")
    assert_in_order(simulate(plan(identifier), who, draws(10), 300, 1, grid=GRID))


def test_no_drug_at_all():
    """Nobody is in remission, nobody relapses, everybody is refractory when the protocol ends."""
    h = simulate(
        regimen("  - {id: rest, length: 30 d, purpose: rest, assess: [{name: end, what: remission}]}\n"),
        people(200),
        draws(5),
        200,
        1,
        grid=GRID,
    )
    assert_in_order(h)
    assert np.isinf(h.events["remission"]).all()
    assert (h.events["failure"][h.events["death"] > 30] == 30).all()
    assert (np.diff(h.burden, axis=-1) >= 0)[np.isfinite(h.burden[..., 1:])].all()


@pytest.mark.parametrize("kill", [60.0, 1e4, 1e9])
def test_infinite_kill_cures_everybody_it_does_not_harm(kill):
    p = draws(4).change(
        kill_induction=kill, persister_chemotherapy=1.0, cns_relapse=1e-12, chemosensitivity_spread=0.01
    )
    h = simulate(straight(), population("e1910"), p, 300, 1, grid=GRID)
    assert_in_order(h)
    assert np.isinf(h.events["relapse"]).all()
    assert np.isinf(h.events["failure"]).all()
    induction = np.isfinite(h.values[..., h.slot("end")])
    assert (h.values[..., h.slot("end")][induction] == 1).all()


def test_no_kill_by_anything():
    p = draws(4)
    p = p.change(**{name: 0.0 for name in p.names if name.startswith("kill_")})
    h = simulate(straight(), population("e1910"), p, 300, 1, grid=GRID)
    assert_in_order(h)
    assert np.isinf(h.events["remission"]).mean() > 0.95  # a course kills at least 0.05 log10


@pytest.mark.parametrize("growth", [1e-12, 1e-15, 3.0])
def test_hardly_any_growth_and_a_great_deal(growth):
    h = simulate(straight(), population("e1910"), draws(4).change(growth=growth), 300, 1, grid=GRID)
    assert_in_order(h)
    if growth < 1:
        marrow = (
            np.isfinite(h.events["relapse"])
            & (h.events["site"] < 5)
            & (h.events["relapse"] > h.events["treatment_end"] + 100)
        )
        assert not marrow.any()  # nothing comes back within 15 years


@pytest.mark.parametrize("name", ["cns_row", "blinatumomab_fade"])
def test_variants(name):
    for identifier in ("e1910-blinatumomab", "d-alba"):
        p = draws(4).change(**{name: {"cns_row": 1.0, "blinatumomab_fade": 0.5}[name]})
        assert_in_order(simulate(plan(identifier), population("d-alba"), p, 200, 1, grid=GRID))


def test_one_patient():
    h = simulate(plan("a041703"), population("a041703"), prior_centre(), 1, 1, grid=GRID)
    assert_in_order(h)
    assert h.events["death"].shape == (1, 1)


def test_a_hundred_years_of_age():
    """They die of their age as the life table's last year says, and its end is no cliff."""
    h = simulate(straight(), people(500, age=100), draws(4), 500, 1, grid=GRID)
    assert_in_order(h)
    background = h.events["death"][h.events["cause"] == CAUSE["background"]]
    assert len(background) > 100
    assert background.max() < 15 * 365.25
    assert_in_order(simulate(straight(), people(500, age=14), draws(4), 500, 1, grid=GRID))


def test_an_empty_phase_and_an_empty_course():
    """Nobody comes to a phase; and nobody comes to any."""
    nobody = "  - {id: x, length: 28 d, purpose: induction, only: age < 1, assess: [{name: x, what: mrd}]}\n"
    h = simulate(regimen(nobody), people(100), draws(2), 100, 1, grid=GRID)
    assert_in_order(h)
    assert (h.events["treatment_end"] == 0).all()
    assert np.isnan(h.values).all()
    assert np.isnan(h.started).all()
    assert np.allclose(h.burden[..., 0], np.log10(0.8), atol=0.02)  # less than a percent is other rows
    some = simulate(
        regimen(nobody.replace("age < 1", "sex = male")),
        people(100, male=np.arange(100) % 2),
        draws(2),
        100,
        1,
        grid=GRID,
    )
    assert_in_order(some)
    assert np.array_equal(np.isfinite(some.started[0, :, 0]), np.arange(100) % 2 == 1)
