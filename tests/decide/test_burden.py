"""Are days in hospital, on infusions and in care, and amounts of drugs, what a patient's phases come to by hand?"""

import numpy as np
import pytest
from tests.decide.hand_made import histories, plan

from remission.base.units import Quantity
from remission.decide.burden import absolute, basis, burden_of, table

PATIENTS = [
    {},  # the whole treatment: 133 days
    {"cd20": 100.0},
    {"relapse": 31.0, "treatment_end": 31.0, "started": ["a", "b-1"]},  # on the tenth day of the first infusion
    {"death": 22.5, "treatment_end": 22.5, "started": ["a", "b-1"]},  # in the second day of the first infusion
    {"transplant": 105.0, "treatment_end": 105.0, "death": 115.0, "started": ["a", "b-1", "b-2"]},
]


@pytest.fixture(scope="module")
def burden():
    return burden_of(plan(), histories(PATIENTS))


def test_infusion_days(burden):
    assert burden.infusion_days[0] == pytest.approx([56, 56, 10, 2, 56])
    assert burden.cycles[0] == pytest.approx([2, 2, 1, 1, 2])


def test_hospital_days_follow_the_label_and_the_assumptions(burden):
    """21 of the first induction; 3 and 2 at the starts in remission (the label's); 5 of consolidation; 10 alive of a transplant's 30."""
    assert burden.hospital_days[0] == pytest.approx([21 + 3 + 2 + 5, 21 + 3 + 2 + 5, 21 + 3, 21 + 2, 21 + 3 + 2 + 10])


def test_a_day_in_care_counts_once(burden):
    """All injections of the induction fall into hospital days; in consolidation day 1-5 is hospital; rituximab on day 15 too."""
    assert burden.care_days[0] == pytest.approx(
        [21 + 28 + 28 + 5, 21 + 28 + 28 + 5, 21 + 10, 21 + 2, 21 + 28 + 28 + 10]
    )
    assert burden.intrathecal[0] == pytest.approx([1, 1, 1, 1, 1])


def test_amounts_are_those_that_were_given(burden):
    found = {(amount.drug, amount.route): amount for amount in burden.amounts}
    assert found["vincristine", "by vein or muscle"].total[0] == pytest.approx([4, 4, 4, 4, 4])
    blinatumomab = found["blinatumomab", "by vein or muscle"]
    assert blinatumomab.unit == "mg"
    assert blinatumomab.total[0] == pytest.approx(np.array([56, 56, 10, 2, 56]) * 0.028)
    assert found["rituximab", "by vein or muscle"].total[0] == pytest.approx(
        [0, 2 * 375 * 1.8, 0, 0, 0]
    )  # only with CD20
    assert found["cytarabine", "by vein or muscle"].total[0] == pytest.approx([4 * 1000 * 1.8, 4 * 1000 * 1.8, 0, 0, 0])
    assert found["methotrexate", "intrathecal"].total[0] == pytest.approx([12] * 5)
    assert found["mercaptopurine", "by mouth"].total[0] == pytest.approx([28 * 50, 28 * 50, 0, 0, 0])


def test_doses_are_brought_to_one_adult():
    assert absolute(Quantity(10.0, "mg/kg"), None) == (750.0, "mg")
    assert absolute(Quantity(1.4, "mg/m2"), Quantity(2.0, "mg")) == (2.0, "mg")  # capped: 2.52 would be too much
    assert absolute(Quantity(1000.0, "IU/m2"), None) == (1800.0, "IU")
    assert absolute(Quantity(28.0, "ug/d"), None) == (pytest.approx(0.028), "mg")


def test_an_active_cycle_starts_with_the_labels_longer_stay():
    """The same infusion inside an induction phase keeps the patient nine days in hospital, not three."""
    from tests.sample import regimen

    active = regimen("  - {id: a, block: blinatumomab-28, purpose: induction}\n")
    h = histories([{"treatment_end": 42.0}])
    one = type(h)(**{**h.__dict__, "phases": ("a",), "started": np.zeros((1, 1, 1), np.float32)})
    assert burden_of(active, one).hospital_days[0, 0] == 9


def test_every_rule_says_where_it_comes_from():
    assert all(rule["basis"] for rule in basis())
    assert {item.chemotherapy for item in table().hospital} >= {
        "intensive induction",
        "reduced consolidation",
        "maintenance",
        "none",
    }
