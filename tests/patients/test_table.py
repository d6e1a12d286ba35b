"""Is a user's cohort simulated as it stands in the file, and is what is not in the file drawn, and said to be?"""

import numpy as np
import pytest

from remission.base.errors import UsageError
from remission.patients import load_population, read_cohort, sample
from remission.patients.columns import NAMES
from remission.patients.sampling import BLOCK

FULL = """id,age_years,sex,ph,ph_like,kmt2a,hypodiploid,ikzf1,wbc_1e9_per_l,blasts_percent,cd22_percent,cd20_percent
P-01,34.5,female,negative,yes,no,no,plus,120,95,88,0
P-02,61,male,positive,no,no,no,deleted,15.5,60,99,45
P-03,78,M,negative,no,yes,no,none,3.2e1,85,20,100
"""
PLAIN = "id,age_years,sex,ph\na,40,male,negative\nb,70,female,positive\n"


@pytest.fixture
def file(tmp_path):
    def written(text, name="cohort.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return written


def test_every_value_of_a_full_file_is_taken_as_it_stands(file):
    table = read_cohort(file(FULL))
    assert table.ids == ("P-01", "P-02", "P-03")
    assert table.patients == 3
    assert not table.relapsed
    values = sample(table, 5, [0, 3], 3).values
    expected = {
        "age": [34.5, 61, 78], "male": [0, 1, 1], "ph": [0, 1, 0], "ph_like": [1, 0, 0], "kmt2a": [0, 0, 1], "hypodiploid": [0, 0, 0],
        "ikzf1": [2, 1, 0], "wbc": [120, 15.5, 32], "blasts": [0.95, 0.6, 0.85], "cd22": [88, 99, 20], "cd20": [0, 45, 100],
    }
    for name, known in expected.items():
        assert values[name] == pytest.approx(np.array([known, known])), name
    assert table.drawn() == {"fitness": 3}
    assert len(table.said()) == 1


def test_patient_number_k_is_row_k_in_any_chunk(file):
    table = read_cohort(file(PLAIN + "".join(f"c{n},{20 + n % 60},male,negative\n" for n in range(500))))
    whole = sample(table, 5, [0, 1], table.patients)
    part = sample(table, 5, [1], 100, first=300)
    for name in whole.values:
        assert np.array_equal(part.values[name][0], whole.values[name][1, 300:400]), name
    assert (whole.values["age"][:, 2:] == [20 + n % 60 for n in range(500)]).all()


def test_columns_that_are_missing_are_drawn_from_adults_with_the_luck_of_the_patient(file):
    """A file that gives the ages, sexes and BCR::ABL1 of virtual adults is those adults."""
    adults = sample(load_population("adults"), 9, [4], 3000).values
    rows = [f"{n},{age!r},{'male' if male else 'female'},{'positive' if ph else 'negative'}" for n, (age, male, ph) in enumerate(
        zip(adults["age"][0].tolist(), adults["male"][0], adults["ph"][0], strict=True))]
    table = read_cohort(file("id,age_years,sex,ph\n" + "\n".join(rows)))
    values = sample(table, 9, [4], 3000).values
    for name, column in adults.items():
        assert np.array_equal(column, values[name]), name
    assert table.drawn() == dict.fromkeys(["ph_like", "kmt2a", "hypodiploid", "ikzf1", "wbc", "blasts", "cd22", "cd20", "fitness"], 3000)
    assert "marrow blasts: drawn for all 3000 patients from the population 'adults'" in table.said()


def test_empty_cells_are_drawn_and_counted(file):
    text = "id,age_years,sex,ph,wbc_1e9_per_l,cd22_percent\n" + "".join(
        f"p{n},50,male,negative,{'' if n % 2 else 25},{'NA' if n % 4 else 30}\n" for n in range(400))
    table = read_cohort(file(text))
    assert {name: table.drawn()[name] for name in ("wbc", "cd22")} == {"wbc": 200, "cd22": 300}
    assert "white cells: drawn for 200 of 400 patients from the population 'adults'" in table.said()
    values = sample(table, 2, [0], 400).values
    assert (values["wbc"][0, ::2] == 25).all()
    assert (values["wbc"][0, 1::2] != 25).all()
    assert len(set(values["wbc"][0, 1::2])) == 200
    assert (values["cd22"][0, ::4] == 30).all()


def test_what_is_drawn_follows_what_is_given(file):
    """White cells are drawn higher with KMT2A, blasts higher with white cells, IKZF1 more often deleted in Ph-like disease."""
    head = "id,age_years,sex,ph,ph_like,kmt2a,hypodiploid,wbc_1e9_per_l\n"
    rows = [f"k{n},50,male,negative,no,{'yes' if n % 2 else 'no'},no," for n in range(4000)]
    drawn = sample(read_cohort(file(head + "\n".join(rows))), 2, [0], 4000).values
    assert np.median(drawn["wbc"][0, 1::2]) / np.median(drawn["wbc"][0, ::2]) == pytest.approx(9.8, rel=0.25)
    rows = [f"w{n},50,male,negative,{'yes' if n % 4 < 2 else 'no'},no,no,{300 if n % 2 else 2}" for n in range(4000)]
    drawn = sample(read_cohort(file(head + "\n".join(rows))), 2, [0], 4000).values
    assert np.median(drawn["blasts"][0, 1::2]) > np.median(drawn["blasts"][0, ::2]) + 0.05
    like = drawn["ph_like"][0] == 1
    assert (drawn["ikzf1"][0][like] > 0).mean() == pytest.approx(0.80, abs=0.05)
    assert (drawn["ikzf1"][0][~like] > 0).mean() == pytest.approx(0.28, abs=0.05)


def test_with_one_lesion_known_the_others_are_not_drawn(file):
    rows = "".join(f"k{n},50,male,negative,yes\n" for n in range(2000))
    values = sample(read_cohort(file("id,age_years,sex,ph,kmt2a\n" + rows)), 2, [0], 2000).values
    assert (values["kmt2a"] == 1).all()
    assert not values["ph_like"].any()
    assert not values["hypodiploid"].any()
    positive = sample(read_cohort(file("id,age_years,sex,ph\n" + rows.replace("negative,yes", "positive"))), 2, [0], 2000).values
    assert not any(positive[name].any() for name in ("ph_like", "kmt2a", "hypodiploid"))


def test_more_patients_than_rows_are_refused_unless_replicated(file):
    table = read_cohort(file(PLAIN))
    for patients, first in ((3, 0), (1, 2), (2, 1)):
        with pytest.raises(UsageError) as caught:
            sample(table, 1, [0], patients, first=first)
        assert "the cohort has 2" in caught.value.what
        assert "replicated" in caught.value.fix
    thrice = table.replicated(3)
    values = sample(thrice, 1, [0], 6).values
    assert values["age"].tolist() == [[40, 70, 40, 70, 40, 70]]
    assert len(set(values["wbc"][0])) == 6
    assert (values["wbc"][0, :2] == sample(table, 1, [0], 2).values["wbc"][0]).all()
    with pytest.raises(UsageError):
        sample(thrice, 1, [0], 7)
    for times in (0, -1, 10**9):
        with pytest.raises(UsageError):
            table.replicated(times)


def test_relapsed_cohorts_say_so(file):
    text = "id,age_years,sex,ph,relapsed\na,40,male,negative,yes\nb,50,male,negative,YES\n"
    table = read_cohort(file(text))
    assert table.relapsed
    assert sample(table, 1, [0], 2).relapsed
    assert "relapsed" not in table.columns


@pytest.mark.parametrize("mangled", [
    FULL.replace("\n", "\r\n"), FULL.replace("\n", "\r"), "\ufeff" + FULL, FULL + "\n\n  \n,,,,\n", FULL.rstrip("\n"),
    FULL.replace("P-02,61,", '"P-02", 61 ,'), FULL.replace("female", "FEMALE").replace("P-03,78", "P-03,78.0"),
    FULL.replace("id,age_years", " id , age_years "), FULL.replace("P-02", "\n\nP-02"),
], ids=["crlf", "cr", "bom", "blank end", "no last newline", "quotes", "case", "spaces", "blank lines"])
def test_spellings_of_one_file_are_one_cohort(file, mangled):
    one, other = read_cohort(file(FULL)), read_cohort(file(mangled, "other.csv"))
    assert one.ids == other.ids
    for name, column in one.columns.items():
        assert np.array_equal(column, other.columns[name], equal_nan=True), name
    assert one.digest != other.digest


def test_the_order_of_columns_does_not_matter(file):
    lines = [line.split(",") for line in FULL.splitlines()]
    turned = "\n".join(",".join(reversed(line)) for line in lines)
    one, other = read_cohort(file(FULL)), read_cohort(file(turned, "turned.csv"))
    assert one.ids == other.ids
    assert all((column == other.columns[name]).all() for name, column in one.columns.items())


def test_a_cohort_has_the_name_of_its_file_and_its_digest(file):
    table = read_cohort(file(FULL, "My cohort (2).csv"))
    assert table.id == "my-cohort-2"
    assert len(table.digest) == 16
    assert sample(table, 1, [0], 1).population == "my-cohort-2"


def test_every_column_can_be_read(file):
    assert set(NAMES) - {"relapsed"} == set(FULL.splitlines()[0].split(","))


def test_a_large_cohort_is_read_quickly_and_crosses_blocks(file):
    import time

    rows = "".join(f"p{n},{30 + n % 50},{'male' if n % 2 else 'female'},negative,{n % 90 + 1},,,\n" for n in range(2 * BLOCK + 5))
    begun = time.process_time()
    table = read_cohort(file("id,age_years,sex,ph,wbc_1e9_per_l,kmt2a,ikzf1,cd22_percent\n" + rows))
    assert time.process_time() - begun < 3
    values = sample(table, 1, [0, 1], table.patients).values
    assert (values["wbc"] == [n % 90 + 1 for n in range(2 * BLOCK + 5)]).all()
