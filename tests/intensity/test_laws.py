"""Does intensity keep its laws for any doses? Less of everything does less; what a course is called does nothing."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.intensity.made import counted, course, give

from remission.engine.intensity import MAX_RATIO, MONTH_DAYS, course_intensity, explain, variants
from remission.protocol import Phase
from remission.protocol.logic import may_hold

DRUGS = {drug.id: drug for drug in counted()}
SHARES = st.floats(0.02, 0.99)  # of the dose beyond which a drug counts no further
close = pytest.approx


def most(drug: str) -> tuple[float, str]:
    """The largest dose that counts, and its unit."""
    largest = DRUGS[drug].full_course[-1].dose
    return MAX_RATIO * largest.value, largest.unit


def part(drug: str, share: float, days: str = "1-5") -> dict[str, Any]:
    """A drug given over five days, `share` of what counts in all."""
    value, unit = most(drug)
    return give(drug, f"{share * value / 5!r} {unit}", days)


@st.composite
def doses(draw: st.DrawFn, least: int = 1) -> dict[str, float]:
    """Drugs and their shares of what counts."""
    drugs = draw(st.lists(st.sampled_from(sorted(DRUGS)), min_size=least, max_size=6, unique=True))
    return {drug: draw(SHARES) for drug in drugs}


def of(shares: dict[str, float], **more: Any) -> Phase:
    return course(*(part(drug, share) for drug, share in shares.items()), **more)


@given(doses())
def test_halving_all_doses_lowers_kill_and_harm_but_not_below_half(shares):
    whole, half = course_intensity(of(shares)), course_intensity(of({drug: share / 2 for drug, share in shares.items()}))
    assert whole.kill / 2 <= half.kill + 1e-12 < whole.kill
    assert whole.harm / 2 <= half.harm + 1e-12 < whole.harm


@given(doses(), st.floats(0.1, 10))
def test_halving_all_doses_lowers_what_maintenance_holds(shares, scale):
    """Within the cap, in proportion."""
    shares = {drug: share for drug, share in shares.items() if DRUGS[drug].full_maintenance}
    full = {drug: DRUGS[drug].full_maintenance.dose for drug in shares}

    def held(times: float) -> float:
        daily = {drug: times * share * MAX_RATIO * full[drug].value / 28 for drug, share in shares.items()}
        return course_intensity(course(*(give(drug, f"{dose!r} {full[drug].unit}", "1-28") for drug, dose in daily.items()))).hold

    assert held(0.5) == close(held(1.0) / 2)
    assert held(scale) <= sum(MAX_RATIO * DRUGS[drug].full_maintenance.hold for drug in shares) + 1e-12


@given(doses(2))
def test_adding_a_drug_raises_both(shares):
    fewer = dict(list(shares.items())[:-1])
    assert course_intensity(of(fewer)).kill < course_intensity(of(shares)).kill
    assert course_intensity(of(fewer)).harm < course_intensity(of(shares)).harm


@given(doses(), st.data(), st.floats(1.01, 3))
def test_intensity_rises_with_each_dose(shares, data, factor):
    raised = data.draw(st.sampled_from(sorted(shares)))
    before, after = course_intensity(of(shares)), course_intensity(of({**shares, raised: shares[raised] * factor}))
    assert after.kill > before.kill
    assert after.harm > before.harm
    assert after.hold >= before.hold


@given(st.sampled_from(sorted(DRUGS)), st.floats(1.0, 50))
def test_a_drug_beyond_its_cap_adds_nothing(drug, factor):
    assert course_intensity(of({drug: factor})).kill == close(course_intensity(of({drug: 1.0})).kill)


@given(st.sampled_from(sorted(DRUGS)), st.floats(0.01, 1.2), st.floats(0.001, 0.1))
def test_intensity_has_no_jumps(drug, share, step):
    """A little more of a drug does a little more: no more than in proportion to the steepest stretch, the first."""
    first = DRUGS[drug].full_course[0]
    slope = first.kill / (first.dose.value / most(drug)[0])
    less, more = (course_intensity(of({drug: value})).kill for value in (share, share + step))
    assert 0 <= more - less <= slope * step * (1 + 1e-9)


@given(doses(), st.integers(2, 5), st.integers(1, 4))
def test_splitting_doses_changes_nothing(shares, days, per_day):
    """The same total on other days, in more doses, or as several entries."""
    whole = course_intensity(of(shares))
    split = [give(drug, f"{share * most(drug)[0] / days / per_day!r} {most(drug)[1]}", f"1-{days}", per_day=per_day)
             for drug, share in shares.items()]
    entries = [part(drug, share / 2, when) for drug, share in shares.items() for when in ("1-5", "11-15")]
    for other in (course(*split), course(*entries), course(*reversed(entries))):
        found = course_intensity(other)
        assert (found.kill, found.harm, found.hold) == (close(whole.kill), close(whole.harm), close(whole.hold))


@given(doses(), st.sampled_from(("none", "prephase", "intensive induction", "reduced consolidation", "maintenance")),
       st.sampled_from(("induction", "consolidation", "maintenance", "rest")))
def test_names_and_classes_change_nothing(shares, chemotherapy, purpose):
    named = of(shares, id="another", title="Another", chemotherapy=chemotherapy, purpose=purpose, assumed="another")
    assert course_intensity(named) == course_intensity(of(shares))


@given(doses(), st.integers(5, 90))
def test_harm_is_a_rate_and_kill_is_not(shares, days):
    short, longer = course_intensity(of(shares)), course_intensity(of(shares, length=days))
    assert longer.kill == short.kill
    assert longer.harm * days == close(short.harm * 28)
    assert longer.harm_total == close(short.harm_total)
    assert longer.harm == close(longer.harm_total * MONTH_DAYS / days)


def test_no_drugs_are_nothing():
    """Neither are intrathecal doses, antibodies, rescue and growth factors."""
    others = [give("methotrexate", "12 mg", route="it"), give("cytarabine", "50 mg", route="it"), give("dexamethasone", "4 mg", route="it"),
              give("rituximab", "375 mg/m2"), give("leucovorin", "15 mg"), give("filgrastim", "5 ug/kg"), give("imatinib", "600 mg"),
              give("inotuzumab-ozogamicin", "0.9 mg/m2"), give("blinatumomab", "28 ug/d", "1-28", route="civ")]
    for phase in (course(), course(*others)):
        found = course_intensity(phase)
        assert (found.kill, found.harm, found.hold) == (0.0, 0.0, 0.0)


@given(doses())
def test_rows_add_up(shares):
    phase = of(shares, length=35)
    rows, found = explain(phase), course_intensity(phase)
    assert [row.drug for row in rows] == list(shares)
    assert math.fsum(row.kill for row in rows) == close(found.kill)
    assert math.fsum(row.harm for row in rows) == close(found.harm_total)
    assert math.fsum(row.hold for row in rows) == close(found.hold)
    for row in rows:
        assert row.ratio == close(row.given.to(row.full.unit) / row.full.value)
        assert row.full in row.steps
        if row.full == row.steps[0]:
            assert row.kill == close(min(row.ratio, MAX_RATIO) * row.full_kill)


ONLY = st.sampled_from(("age < 45", "age >= 45", "age <= 55", "age > 55", "wbc > 30", "not kmt2a", "ikzf1 = plus or cns",
                        "age >= 60 and sex = male", "wbc > 100 and not (cns or age > 70)"))


@settings(max_examples=60)
@given(doses(), st.data())
def test_exactly_one_variant_holds_for_each_patient(shares, data):
    gives = [{**part(drug, share), **({"only": data.draw(ONLY)} if data.draw(st.booleans()) else {})} for drug, share in shares.items()]
    found = variants(course(*gives))
    patient = {("age", None): data.draw(st.integers(18, 90)), ("wbc", None): data.draw(st.sampled_from((5, 30, 31, 200))),
               ("sex", None): data.draw(st.sampled_from(("male", "female"))), ("kmt2a", None): data.draw(st.booleans()),
               ("cns", None): data.draw(st.booleans()), ("ikzf1", None): data.draw(st.sampled_from(("none", "deleted", "plus")))}
    (mine,) = [variant for variant in found if may_hold(variant.only, patient)]
    assert mine.intensity == course_intensity(course(*gives), patient)
