"""Where biology knows a direction, does every patient follow it? Same patients and same luck on both sides."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.laws.people import course, people, straight
from tests.sample import draws, population, regimen

from remission.base.histories import CAUSES, SITES
from remission.engine.simulate import simulate

INDUCTION, IN_REMISSION, TRANSPLANT = (CAUSES.index(name) for name in ("induction", "in remission", "transplant"))
CNS = SITES.index("central nervous system")
KILLS = [
    "kill_induction",
    "kill_consolidation",
    "kill_blinatumomab",
    "kill_maintenance",
    "effector_capacity",
    "persister_chemotherapy",
    "persister_blinatumomab",
    "extramedullary_blinatumomab",
]


def levels(h):
    """log10 MRD at every assessment of MRD."""
    return h.values[..., [slot.what == "mrd" for slot in h.slots]]


def assert_not_above(lower, higher, slack=1e-9):
    """No patient's MRD is higher in the first; only where it was measured in both."""
    difference = levels(lower) - levels(higher)
    assert np.isfinite(difference).mean() > 0.2
    assert np.nanmax(difference) <= slack


def subset(few, many):
    """Everybody of whom the first is true is one of whom the second is."""
    return not (few & ~many).any()


@settings(max_examples=16)
@given(name=st.sampled_from(KILLS), factor=st.floats(1.01, 1.3), seed=st.integers(0, 2**32 - 1))
def test_more_kill_never_raises_burden_nor_hastens_relapse(name, factor, seed):
    """On a regimen without branches, in every patient at every assessment. Nobody relapses earlier, but for a few days where
    exact quantiles of surviving lines give way to normal ones."""
    less = draws(2, 8)
    value = float(getattr(less, name)[0, 0])
    a = simulate(straight(), population("e1910"), less.change(**{name: value}), 130, seed)
    b = simulate(straight(), population("e1910"), less.change(**{name: min(value * factor, 1e9)}), 130, seed)
    assert_not_above(b, a)
    alike = np.isfinite(a.events["remission"]) & (a.events["site"] < CNS)
    assert (b.events["relapse"][alike] >= a.events["relapse"][alike] - 5.0).all()


def test_higher_doses_kill_more_and_harm_more():
    p = draws(5, 3)
    found = []
    for factor in (0.4, 0.6, 0.8, 1.0, 1.2):
        text = course(28, "1, 8, 15", factor) + course(28, "1, 8", factor, "second", "consolidation")
        found.append(
            simulate(
                regimen(text + course(28, "1, 8", factor, "third", "consolidation")), population("e1910"), p, 400, 2
            )
        )
    for less, more in itertools.pairwise(found):
        assert_not_above(more, less)
        early = [h.events["cause"] == INDUCTION for h in (less, more)]
        assert subset(*early)
        late = [np.where(h.events["cause"] == IN_REMISSION, h.events["death"], np.inf) for h in (less, more)]
        alike = (
            (less.events["remission"] == more.events["remission"])
            & np.isinf(less.events["relapse"])
            & np.isinf(more.events["relapse"])
        )
        assert (late[1][alike] <= late[0][alike] + 1e-9).all()
    assert (found[-1].events["cause"] == INDUCTION).sum() > (found[0].events["cause"] == INDUCTION).sum()
    assert np.nanmean(levels(found[0])) - np.nanmean(levels(found[-1])) > 0.3


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1))
def test_older_is_not_less_toxic(seed):
    """Death in induction, in remission and of a transplant at 30, 50, 60 and 70; nothing else differs, not even the doses."""
    p = draws(3, 5).change(
        effect_age=0.0, dose_reduction_age=0.0, kill_transplant_reduced=0.0, kill_transplant_myeloablative=0.0
    )
    p = p.change(transplant_death_myeloablative=0.0, fitness_effect=0.0)
    text = course(35, "1, 8, 15, 22") + "  - {id: t, purpose: transplant, length: 1 d, share: 50 %}\n"
    text += (
        course(28, "1, 8", 1.0, "second", "consolidation")
        + "  - {id: m, purpose: maintenance, block: pomp, repeat: 12}\n"
    )
    found = [simulate(regimen(text), people(200, age=age), p, 200, seed) for age in (30, 50, 60, 70)]
    for younger, older in itertools.pairwise(found):
        assert subset(younger.events["cause"] == INDUCTION, older.events["cause"] == INDUCTION)
        gone = [
            np.where(np.isin(h.events["cause"], (INDUCTION, IN_REMISSION, TRANSPLANT)), h.events["death"], np.inf)
            for h in (younger, older)
        ]
        alike = (
            np.isinf(younger.events["relapse"])
            & np.isinf(younger.events["failure"])
            & (older.events["cause"] != CAUSES.index("background"))
        )
        assert (gone[1][alike] <= gone[0][alike] + 1e-9).all()


def test_older_people_die_more_of_everything_else():
    found = [simulate(straight(), people(400, age=age), draws(2), 400, 1) for age in (20, 50, 90)]
    background = [np.where(h.events["cause"] == CAUSES.index("background"), h.events["death"], np.nan) for h in found]
    for younger, older in itertools.pairwise(background):
        assert np.nanmax(older - younger) < 0


BLINATUMOMAB_FIRST = """
  - id: a
    purpose: induction
    length: 42 d
    give: [{drug: blinatumomab, dose: 9 ug/d, route: civ, days: 1-7}, {drug: blinatumomab, dose: 28 ug/d, route: civ, days: 8-28}]
    assess: [{name: end, what: remission}, {name: mrd, what: mrd}]
"""


def test_lower_burden_is_not_less_response_to_blinatumomab():
    """Effector limitation: the deeper the start, the more of the disease is killed, and the more patients are in remission."""
    p = draws(4, 6).change(mrd_noise=0.0)
    blasts = (0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 1.0)
    found = [simulate(regimen(BLINATUMOMAB_FIRST), people(300, blasts=share), p, 300, 1) for share in blasts]
    killed = [np.log10(share) - h.values[..., h.slot("mrd")] for share, h in zip(blasts, found, strict=True)]
    for deep, high in zip(range(len(blasts)), range(1, len(blasts)), strict=False):
        assert np.nanmin(killed[deep] - killed[high]) >= -1e-9
        yes = [h.values[..., h.slot("end")] == 1 for h in (found[high], found[deep])]
        assert subset(*yes)
    assert np.nanmean(killed[0] - killed[-1]) > 0.5


def test_relapsed_disease_responds_less_to_blinatumomab():
    p = draws(3, 6).change(effector_relapsed=0.4)
    first, later = (
        simulate(regimen(BLINATUMOMAB_FIRST), people(300, relapsed=relapsed), p, 300, 1) for relapsed in (False, True)
    )
    assert_not_above(first, later)
    assert np.nanmean(levels(later) - levels(first)) > 0.1


def test_fade_and_availability():
    """A cycle that fades kills less from the second on; a subcutaneous dose of which more counts kills more."""
    p = draws(3, 6)
    none, fading = (
        simulate(straight(), population("e1910"), p.change(blinatumomab_fade=fade), 200, 1) for fade in (1.0, 0.6)
    )
    assert_not_above(none, fading)
    both = [h.values[..., h.slot("m5")] for h in (none, fading)]
    same = np.isfinite(both[0]) & np.isfinite(both[1])
    assert np.array_equal(both[0][same], both[1][same])  # the first cycle
    subcutaneous = BLINATUMOMAB_FIRST.replace("9 ug/d, route: civ, days: 1-7", "250 ug, route: sc, days: '1, 3, 5'")
    subcutaneous = subcutaneous.replace(
        "28 ug/d, route: civ, days: 8-28", "500 ug, route: sc, days: '8, 10, 12, 15, 17, 19'"
    )
    subcutaneous = subcutaneous.replace("{drug", "{assumed: a test, drug")
    few, much = (
        simulate(regimen(subcutaneous), population("e1910"), p.change(subcutaneous_availability=share), 200, 1)
        for share in (0.1, 0.5)
    )
    assert_not_above(much, few)


def with_doses(count):
    days = ", ".join(str(day) for day in range(1, count + 1))
    dose = f"{{drug: methotrexate, dose: 12 mg, route: it, days: '{days}'}}"
    first = "  - {id: z, purpose: prephase, length: 28 d, give: [" + (dose if count else "") + "]}\n"
    return regimen(first + course(28, "1, 8, 15") + "  - {id: f, purpose: maintenance, block: pomp}\n")


@pytest.mark.parametrize("row", [0.0, 1.0])
def test_more_intrathecal_doses_are_not_more_relapse_in_the_central_nervous_system(row):
    """As a hazard and as a clone row: who relapses there with more doses does so with fewer, and not earlier."""
    p = draws(4, 6).change(cns_row=row, cns_relapse=0.2, cns_per_dose=1.15)
    found = [simulate(with_doses(count), population("e1910"), p, 400, 1) for count in (0, 2, 6, 12)]
    for fewer, more in itertools.pairwise(found):
        there = [h.events["site"] == CNS for h in (fewer, more)]
        assert subset(there[1], there[0])
        assert (more.events["relapse"][there[1]] >= fewer.events["relapse"][there[1]] - 5.0).all()
    assert (found[0].events["site"] == CNS).sum() > (found[-1].events["site"] == CNS).sum()


def test_more_donors_more_transplants_and_less_relapse():
    text = (
        course(28, "1, 8, 15")
        + "  - {id: t, purpose: transplant, length: 1 d, only: donor}\n  - {id: r, length: 700 d, purpose: rest}\n"
    )
    few, many = (
        simulate(regimen(text), population("e1910"), draws(6, 2).change(donor=share), 400, 1) for share in (0.2, 0.9)
    )
    assert subset(np.isfinite(few.events["transplant"]), np.isfinite(many.events["transplant"]))
    assert np.isfinite(many.events["transplant"]).sum() > 2 * np.isfinite(few.events["transplant"]).sum()
    assert np.isfinite(many.events["relapse"]).sum() < np.isfinite(few.events["relapse"]).sum()
    assert (many.events["cause"] == TRANSPLANT).sum() > (few.events["cause"] == TRANSPLANT).sum()


def test_who_does_not_tolerate_full_doses_is_killed_less_of_and_treated_later():
    p = draws(3, 5).change(course_delay=7.0, course_omission=0.2, reduced_dose=0.5)
    all_of_them, none = (
        simulate(straight(), people(200), p.change(dose_reduction=share), 200, 1) for share in (0.999999, 0.000001)
    )
    late, early = (h.started[..., h.phases.index("f-1")] for h in (all_of_them, none))
    both = np.isfinite(late) & np.isfinite(early)
    assert np.allclose((late - early)[both], 14.0)  # two courses after the first induction, each a week late
    gone = [h.values[..., h.slot("m2")] - h.values[..., h.slot("m1")] for h in (all_of_them, none)]
    assert np.nanmin(gone[0] - gone[1]) > 0


def test_more_inotuzumab_more_veno_occlusive_disease():
    text = (
        "  - {id: a, length: 28 d, purpose: induction, give: [{drug: inotuzumab-ozogamicin, dose: DOSE, route: iv, days: '1, 8, 15'}],"
        " assess: [{name: end, what: remission}]}\n  - {id: t, length: 1 d, purpose: transplant, share: SHARE %}\n"
    )

    def flags(dose, share):
        made = regimen(text.replace("DOSE", dose).replace("SHARE", share))
        return (
            simulate(made, population("e1910"), draws(4).change(vod=0.1, vod_transplant=0.4), 400, 1).events["vod"] > 0
        )

    assert subset(flags("0.3 mg/m2", "1"), flags("0.8 mg/m2", "1"))
    assert subset(flags("0.8 mg/m2", "1"), flags("0.8 mg/m2", "99"))
    assert flags("0.3 mg/m2", "1").sum() < flags("0.8 mg/m2", "1").sum() < flags("0.8 mg/m2", "99").sum()


def test_better_second_line_is_not_earlier_death():
    a, b = (
        simulate(straight(), population("e1910"), draws(4).change(salvage_cure=share), 400, 1) for share in (0.05, 0.4)
    )
    assert (b.events["death"] >= a.events["death"]).all()
    assert (b.events["death"] > a.events["death"]).any()
