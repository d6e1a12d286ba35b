"""Is every drug's full course sourced or shown as assumed, and does every course of the catalog come out as a clinician expects?"""

from itertools import pairwise

import pytest
from tests.intensity.made import age, counted

from remission.base import catalog, files
from remission.base.errors import InvalidFile, UnitError
from remission.engine.intensity import COUNTED, course_intensity, variants
from remission.protocol import Drug, load_block, load_drug, load_regimen

DRUGS = {drug.id: drug for drug in counted()}
FULL = [("hyper-cvad-a", 40), ("hyper-cvad-a-modified", 40), ("hyper-cvad-b", 40), ("hyper-cvad-b", 65), ("all08-b", 30),
        ("e1910-induction-1", 40), ("e1910-induction-2", 40), ("e1910-intensification", 40), ("e1910-reinduction", 40),
        ("e2993-induction-1", 40), ("e2993-induction-2", 40), ("e2993-consolidation-1", 40),
        ("graall-induction", 30), ("graall-induction", 50), ("graall-late-intensification", 30), ("graall-late-intensification", 50),
        ("graall-salvage", 40), ("graall-late-intensification-salvaged", 40), ("lal1913-1", 30), ("lal1913-3", 30), ("lal1913-3", 60)]
REDUCED = ["mini-hyper-cvd-a", "mini-hyper-cvd-b", "all08-debulking"]


def bold(phase: str):
    return next(item for item in load_regimen("gmall-bold").phases if item.id == phase)


@pytest.mark.parametrize("identifier", sorted(DRUGS))
def test_every_drug_of_a_course_has_its_full_course(identifier):
    drug = DRUGS[identifier]
    assert drug.full_course
    for item in [*drug.full_course, *([drug.full_maintenance] if drug.full_maintenance else [])]:
        assert item.assumed, "shares are not measured"
        assert item.source is None or item.source.ref in catalog.ids("sources")
        assert item.dose.unit in drug.units, "the unit in which it is prescribed"


@pytest.mark.parametrize("identifier", sorted(DRUGS))
def test_more_of_a_drug_does_less_and_less(identifier):
    """Kill and harm per dose never rise from one full course to the next."""
    steps = [(0.0, 0.0, 0.0), *((item.dose.value, item.kill, item.harm) for item in DRUGS[identifier].full_course)]
    slopes = [((b[1] - a[1]) / (b[0] - a[0]), (b[2] - a[2]) / (b[0] - a[0])) for a, b in pairwise(steps)]
    for before, after in pairwise(slopes):
        assert after[0] <= before[0] * (1 + 1e-9)
        assert after[1] <= before[1] * (1 + 1e-9)


def test_other_drugs_have_none():
    for identifier in catalog.ids("drugs"):
        drug = load_drug(identifier)
        assert bool(drug.full_course) == (drug.mechanism in COUNTED), identifier


def test_standard_maintenance_is_one():
    """Mercaptopurine, methotrexate and pulses of vincristine and a steroid at their standard doses."""
    parts = [DRUGS[name].full_maintenance.hold for name in ("mercaptopurine", "methotrexate", "vincristine", "prednisone")]
    assert sum(parts) == pytest.approx(1)


@pytest.mark.parametrize(("block", "years"), FULL)
def test_published_full_dose_courses_are_about_one(block, years):
    assert 0.8 <= course_intensity(load_block(block), age(years)).kill <= 1.25


@pytest.mark.parametrize(("block", "years"), [item for item in FULL if item[1] < 45])
def test_full_dose_courses_harm_about_equally(block, years):
    if block in ("e1910-intensification", "e1910-induction-2", "e1910-reinduction", "e2993-induction-2", "e2993-consolidation-1"):
        assert 0.5 <= course_intensity(load_block(block), age(years)).harm <= 0.8  # spread over 5 or 6 weeks, or without an anthracycline
    else:
        assert 0.75 <= course_intensity(load_block(block), age(years)).harm <= 1.25


@pytest.mark.parametrize("block", REDUCED)
def test_reduced_courses_are_about_half(block):
    assert 0.4 <= course_intensity(load_block(block)).kill <= 0.6
    assert course_intensity(load_block(block)).harm_total <= 0.45


@pytest.mark.parametrize("phase", ["induction-1", "induction-2", "consolidation-1", "consolidation-2"])
def test_courses_of_bold_are_reduced(phase):
    assert 0.35 <= course_intensity(bold(phase)).kill <= 0.6
    assert course_intensity(bold(phase)).harm < 0.7


def test_courses_stand_in_their_clinical_order():
    def kill(block):
        return course_intensity(load_block(block), age(40)).kill

    def harm(block):
        return course_intensity(load_block(block), age(40)).harm

    for measure in (kill, harm):
        for letter in "ab":
            assert measure(f"hyper-cvad-{letter}") > 1.9 * measure(f"mini-hyper-cvd-{letter}")
            assert measure(f"mini-hyper-cvd-{letter}") > measure("pomp")
        assert measure("graall-induction") > measure("e1910-induction-1")
        assert measure("mini-hyper-cvd-a") > measure("graall-prephase") > 0


@pytest.mark.parametrize(("block", "younger", "older"), [
    ("hyper-cvad-b", 59, 60), ("e1910-induction-1", 54, 55), ("e1910-intensification", 54, 55), ("graall-induction", 44, 45),
    ("graall-consolidation", 44, 45), ("graall-late-intensification", 44, 45), ("lal1913-1", 55, 56), ("lal1913-2", 55, 56),
    ("lal1913-3", 55, 56), ("lal1913-4", 55, 56)])
def test_older_patients_are_given_less(block, younger, older):
    first, second = course_intensity(load_block(block), age(younger)), course_intensity(load_block(block), age(older))
    assert second.kill < first.kill
    assert second.harm < first.harm


def test_maintenance_holds_by_its_doses():
    blocks = ("pomp", "pomp-reduced", "pomp-s1318", "graall-maintenance", "lal1913-maintenance")
    held = {block: course_intensity(load_block(block)).hold for block in blocks}
    assert held["pomp"] > 0.95
    assert held["pomp-s1318"] > 0.95
    assert held["pomp-reduced"] < 0.75 * held["pomp"]
    assert held["lal1913-maintenance"] < held["graall-maintenance"] < held["pomp-s1318"]


@pytest.mark.parametrize("identifier", catalog.ids("regimens"))
def test_every_phase_of_the_catalog_has_its_intensity(identifier):
    """A phase that is called chemotherapy kills in some patients; one without any counted drug does nothing."""
    for phase in load_regimen(identifier).phases:
        found = [variant.intensity for variant in variants(phase)]
        given = [give for give in phase.give if load_drug(give.drug).mechanism in COUNTED and give.route != "it"]
        assert (max(item.kill for item in found) > 0) == bool(given), phase.id
        assert phase.chemotherapy == "none" or given, f"{phase.id}: chemotherapy without drugs"
        assert all(item.kill < 2 and item.harm < 1.3 for item in found), phase.id


def test_ea9181_gives_full_hyper_cvad_and_golden_gate_not():
    strong = max(variant.intensity.kill for phase in load_regimen("ea9181-hcvad").phases for variant in variants(phase))
    weak = max(variant.intensity.kill for phase in load_regimen("golden-gate").phases for variant in variants(phase))
    assert strong > 0.9
    assert weak < 0.6


def drug(full_course):
    lines = "".join(f"  - {line}\n" for line in full_course)
    head = "id: x\ntitle: X\nclass: x\nmechanism: cytotoxic\nroutes: [iv]\nunits: [mg/m2]\ndose_range: {mg/m2: [1, 2]}\n"
    return files.parse(files.read_text(f"{head}full_course:\n{lines}", "x.yaml"), Drug)


@pytest.mark.parametrize("steps", [
    ["{dose: 50 mg/m2, kill: 0.2, harm: 0.2}", "{dose: 20 mg/m2, kill: 0.3, harm: 0.3}"],   # doses out of order
    ["{dose: 20 mg/m2, kill: 0.2, harm: 0.2}", "{dose: 50 mg/m2, kill: 0.2, harm: 0.3}"],   # more of it kills no more
    ["{dose: 20 mg/m2, kill: 0.2, harm: 0.3}", "{dose: 50 mg/m2, kill: 0.3, harm: 0.3}"],   # more of it harms no more
    ["{dose: 20 mg/m2, kill: 1.2, harm: 0.3}"],                                             # more than a whole course
    ["{dose: 20 mg/m2, kill: 0, harm: 0.3}"],
    ["{dose: 20 mg/m2, kill: 0.2}"],
])
def test_full_courses_that_cannot_be_meant_are_refused(steps):
    with pytest.raises(InvalidFile) as error:
        drug(steps)
    assert error.value.where.startswith("x.yaml:")
    assert error.value.why


@pytest.mark.parametrize("steps", [
    ["{dose: 20 mg/m2/d, kill: 0.2, harm: 0.3}"],                                           # a rate is no cumulative dose
    ["{dose: 20 mg/m2, kill: 0.2, harm: 0.2}", "{dose: 500 mg, kill: 0.3, harm: 0.3}"],     # two kinds of unit
])
def test_full_courses_in_the_wrong_unit_are_refused(steps):
    with pytest.raises(UnitError) as error:
        drug(steps)
    assert error.value.where.startswith("x.yaml:")
    assert error.value.why


def test_a_full_course_in_order_is_read():
    found = drug(["{dose: 20 mg/m2, kill: 0.2, harm: 0.2}", "{dose: 50 mg/m2, kill: 0.3, harm: 0.3}"])
    assert [item.kill for item in found.full_course] == [0.2, 0.3]
