"""Does the intensity of a course follow from its doses as it does by hand?"""

import pytest
from tests.intensity.made import age, course, give

from remission.base.errors import UnitError, UsageError
from remission.engine.intensity import MAX_RATIO, course_intensity, explain, variants
from remission.protocol import load_block, load_regimen
from remission.protocol.model import Alongside
from remission.protocol.warn import BSA_M2, WEIGHT_KG

close = pytest.approx


def test_mini_hyper_cvd_a_is_half_of_hyper_cvad_without_anthracycline():
    """Cyclophosphamide 150 x 6 = 900 of 1800 mg/m2, vincristine 4 of 4 mg, dexamethasone 20 x 8 = 160 of 320 mg, in 28 d."""
    found = course_intensity(load_block("mini-hyper-cvd-a"))
    assert found.kill == close(0.5 * 0.30 + 0.20 + 0.5 * 0.22)
    assert found.harm == close(0.5 * 0.38 + 0.08 + 0.5 * 0.08)
    assert found.days == 28


def test_hyper_cvad_a_is_a_full_course_in_21_days():
    found = course_intensity(load_block("hyper-cvad-a"))
    assert found.kill == close(0.30 + 0.25 + 0.20 + 0.22)
    assert found.harm_total == close(0.38 + 0.25 + 0.08 + 0.08)
    assert found.harm == close(found.harm_total * 28 / 21)


@pytest.mark.parametrize(("years", "cytarabine_kill", "cytarabine_harm"), [(40, 0.65, 0.76), (60, 0.52, 0.45), (75, 0.52, 0.45)])
def test_hyper_cvad_b_goes_by_age(years, cytarabine_kill, cytarabine_harm):
    """Methotrexate 1000 mg/m2; cytarabine 3000 x 4 = 12,000 mg/m2 below 60 years, 1000 x 4 = 4,000 from 60;
    methylprednisolone 50 x 6 = 300 of 2,420 mg."""
    found = course_intensity(load_block("hyper-cvad-b"), age(years))
    assert found.kill == close(0.35 + cytarabine_kill + 0.25 * 300 / 2420)
    assert found.harm_total == close(0.15 + cytarabine_harm + 0.10 * 300 / 2420)


def test_mini_hyper_cvd_b_reads_cytarabine_between_two_full_courses():
    """Cytarabine 500 x 4 = 2,000 mg/m2 lies 800/2800 of the way from 1,200 (0.35) to 4,000 mg/m2 (0.52)."""
    found = course_intensity(load_block("mini-hyper-cvd-b"))
    assert found.kill == close(0.25 * 0.35 + 0.35 + 800 / 2800 * 0.17)
    assert found.harm == close(0.25 * 0.15 + 0.33 + 800 / 2800 * 0.12)


def test_e1910_induction_caps_vincristine_and_gives_older_patients_less():
    """1.4 mg/m2 x 1.8 m2 = 2.52 mg, capped at 2 mg, four times: 8 mg. Dexamethasone 10 mg/m2 x 1.8 m2 x 7 d = 126 mg,
    twice that below 55 years. Daunorubicin 60 x 4 = 240 mg/m2. Pegaspargase 2,000 x 1.8 = 3,600 IU, below its cap."""
    block = load_block("e1910-induction-1")
    younger, older = course_intensity(block, age(54)), course_intensity(block, age(55))
    assert younger.kill == close(0.38 + 0.28 + 0.22 * 252 / 320 + 0.22)
    assert older.kill == close(0.38 + 0.28 + 0.22 * 126 / 320)
    assert older.harm == close((0.62 + 0.12 + 0.08 * 126 / 320) * 28 / 35)


def test_bold_induction_gives_flat_doses():
    """Idarubicin 10 x 4 = 40 mg / 1.8 m2 = 22.22 mg/m2, between 14.4 (0.25) and 36 mg/m2 (0.38); vincristine 3 of 4 mg;
    dexamethasone 10 mg/m2 x 6 = 108 of 320 mg. Rituximab and intrathecal doses do not count."""
    phase = next(phase for phase in load_regimen("gmall-bold").phases if phase.id == "induction-1")
    idarubicin = 0.25 + 0.13 * (40 / BSA_M2 - 14.4) / (36 - 14.4)
    assert course_intensity(phase).kill == close(idarubicin + 0.75 * 0.20 + 0.22 * 108 / 320)


def test_steroid_prephase_is_a_small_part_of_a_course():
    """Prednisone 60 x 7 = 420 of 1,680 mg/m2."""
    found = course_intensity(load_block("graall-prephase"))
    assert found.kill == close(0.25 * 0.25)
    assert found.harm_total == close(0.25 * 0.10)


@pytest.mark.parametrize(("block", "hold"), [
    # mercaptopurine 50 x 3 x 28 = 4,200 mg = 2,333 mg/m2; methotrexate 20 x 4; vincristine 2 mg; prednisone 1,000 of 540 mg: capped
    ("pomp", 0.55 * 4200 / 1.8 / 2100 + 0.35 + 0.05 + MAX_RATIO * 0.05),
    # mercaptopurine 100 mg x 28 = 1,556 mg/m2; methotrexate 10 x 4 of 80 mg/m2; prednisone 250 of 540 mg
    ("pomp-reduced", 0.55 * 2800 / 1.8 / 2100 + 0.5 * 0.35 + 0.05 + 0.05 * 250 / 540),
    # 60 mg/m2 a day; methotrexate 25 x 4 = 100 of 80 mg/m2
    ("graall-maintenance", 0.8 * 0.55 + 1.25 * 0.35),
    # 84 days with one pulse: vincristine 1.4 mg/m2 capped at 2 mg, prednisone 300 mg/m2, each a third of that in 28 days
    ("e1910-maintenance", 0.55 + 0.35 + (0.05 + 0.05) / 3),
])
def test_maintenance_holds_by_its_doses_in_28_days(block, hold):
    assert course_intensity(load_block(block)).hold == close(hold)


def test_a_drug_counts_no_further_than_its_cap():
    at_cap = course_intensity(course(give("cyclophosphamide", f"{1800 * MAX_RATIO} mg/m2")))
    beyond = course_intensity(course(give("cyclophosphamide", f"{1800 * MAX_RATIO * 4} mg/m2")))
    assert at_cap.kill == close(MAX_RATIO * 0.30)
    assert beyond == at_cap


def test_the_line_goes_on_to_the_cap_above_the_largest_full_course():
    """Cytarabine 15,000 mg/m2 = 1.25 x 12,000: 0.65 and 3,000/8,000 of the last step of 0.13."""
    found = course_intensity(course(give("cytarabine", "1500 mg/m2", "1-10")))
    assert found.kill == close(0.65 + 3000 / 8000 * 0.13)


@pytest.mark.parametrize(("dose", "same"), [
    ("5 mg", f"{5 / BSA_M2!r} mg/m2"), ("1 g", "1000 mg"), ("2000 ug", "2 mg"), (f"{9 / WEIGHT_KG!r} mg/kg", "9 mg"),
])
def test_units_meet_in_one_adult(dose, same):
    one, other = (course_intensity(course(give("mercaptopurine", text, "1-5"))) for text in (dose, same))
    assert one.kill == close(other.kill)
    assert one.harm == close(other.harm)


def test_an_infusion_by_the_day_is_the_same_as_daily_doses():
    infused = course_intensity(course(give("cytarabine", "100 mg/m2/d", "1-7", route="civ")))
    assert infused == course_intensity(course(give("cytarabine", "100 mg/m2", "1-7")))


def test_a_dose_in_another_kind_of_unit_is_refused():
    with pytest.raises(UnitError, match="cannot be compared"):
        course_intensity(course(give("pegaspargase", "10 mg")))


def test_a_drug_without_full_course_is_refused(monkeypatch):
    from remission.engine import intensity

    monkeypatch.setattr(intensity, "load_drug", lambda name: load_drug_without(name))
    with pytest.raises(UsageError, match="not known"):
        course_intensity(course(give("vincristine", "2 mg")))


def load_drug_without(name):
    from remission.protocol import load_drug

    return load_drug(name).model_copy(update={"full_course": ()})


def test_intensity_asks_for_what_it_depends_on():
    with pytest.raises(UsageError, match="age < 60"):
        course_intensity(load_block("hyper-cvad-b"))
    with pytest.raises(UsageError, match="age < 60"):
        course_intensity(load_block("hyper-cvad-b"), {("wbc", None): 5.0})


def test_a_phase_that_is_not_resolved_is_refused():
    with pytest.raises(UsageError, match="not resolved"):
        course_intensity(course(length=21, block="hyper-cvad-a"))


def test_drugs_alongside_are_taken_every_day():
    daily = Alongside.model_validate({"drug": "mercaptopurine", "dose": "75 mg/m2", "route": "po", "from": "a", "to": "a"})
    assert course_intensity(course(), alongside=[daily]) == course_intensity(course(give("mercaptopurine", "75 mg/m2", "1-28")))


def test_variants_are_the_age_groups_of_the_doses():
    found = variants(load_block("graall-consolidation"))
    assert [str(variant.only) for variant in found] == ["age < 45", "age >= 45"]
    assert found[0].intensity == course_intensity(load_block("graall-consolidation"), age(44))
    assert found[1].intensity == course_intensity(load_block("graall-consolidation"), age(45))


def test_a_course_for_everybody_has_one_variant_without_condition():
    assert [variant.only for variant in variants(load_block("hyper-cvad-a"))] == [None]


def test_conditions_on_drugs_that_do_not_count_make_no_variants():
    rituximab = give("rituximab", "375 mg/m2", only="cd20 >= 20")
    puncture = give("methotrexate", "12 mg", route="it", only="cns")
    assert [variant.only for variant in variants(course(give("vincristine", "2 mg"), rituximab, puncture))] == [None]


def test_variants_of_one_age_group_only():
    """Among patients of 60 years and more nobody has the doses of younger patients."""
    phase = course(give("cytarabine", "3000 mg/m2", only="age < 60"), give("cytarabine", "1000 mg/m2", only="age >= 60"), only="age >= 60")
    assert variants(phase) == variants(course(give("cytarabine", "1000 mg/m2")))


def test_too_many_groups_are_refused():
    gives = [give("vincristine", "1 mg", str(day), only=only) for day, only in enumerate(
        ("wbc > 1", "cd20 > 1", "cd22 > 1", "kmt2a", "ph_like", "cns", "donor"), 1)]
    with pytest.raises(UsageError, match="too many conditions"):
        variants(course(*gives))
    assert len(variants(course(*gives[:6]))) == 64


def test_many_age_groups_are_few():
    """Eight ages make nine groups, not two to the power of eight."""
    gives = [give("vincristine", "0.1 mg", str(place), only=f"age < {10 * place}") for place in range(1, 9)]
    assert len(variants(course(*gives))) == 9


def test_rows_explain_a_course():
    rows = {row.drug: row for row in explain(load_block("mini-hyper-cvd-b"))}
    cytarabine = rows["cytarabine"]
    assert (str(cytarabine.given), str(cytarabine.full), cytarabine.ratio) == ("2000 mg/m2", "4000 mg/m2", close(0.5))
    assert [str(step) for step in cytarabine.steps] == ["375 mg/m2", "1200 mg/m2", "4000 mg/m2", "12000 mg/m2"]
    assert cytarabine.kill == close(0.35 + 800 / 2800 * 0.17)
    assert not cytarabine.capped
    assert cytarabine.assumed is not None
    assert rows.keys() == {"methotrexate", "cytarabine"}
    assert cytarabine.to_dict()["given"] == "2000 mg/m2"


def test_rows_say_when_a_drug_is_capped():
    (row,) = explain(course(give("doxorubicin", "75 mg/m2", "1-3")))
    assert row.capped
    assert row.ratio == close(225 / 144)
    assert row.kill == close(0.38 + 0.25 * 144 * 0.13 / 94)
