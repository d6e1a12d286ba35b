"""Is a person the same wherever he or she is drawn: in any chunk, by any provider, in any population of the kind?"""

import numpy as np
import pytest
from tests.patients.made import made

from remission.base import random
from remission.base.errors import UsageError
from remission.patients import load_population, sample
from remission.patients.sampling import BLOCK, NAMES

POPULATIONS = ["e1910", "d-alba", "adults", "mdacc-hcvad-blina", "younger-high-risk"]


@pytest.mark.parametrize("identifier", POPULATIONS)
def test_a_chunk_is_part_of_the_whole_bit_for_bit(identifier):
    who, patients = load_population(identifier), BLOCK + 1234
    whole = sample(who, 3, [4, 9], patients)
    assert tuple(whole.values) == NAMES
    assert whole.shape == (2, patients)
    for first, count in ((0, 1), (1, 7), (BLOCK - 3, 6), (patients - 1, 1), (17, BLOCK)):
        part = sample(who, 3, [9], count, first=first)
        assert part.first == first
        for name in NAMES:
            assert np.array_equal(part.values[name][0], whole.values[name][1, first : first + count]), (name, first)


class Counting:
    """Gives the numbers of base.random in another way: each address by itself, in another order."""

    def __init__(self):
        self.asked = 0

    def uniforms(self, seed, patient, draw, stream, count, first=0):
        self.asked += 1
        order = np.arange(len(patient))[::-1]
        columns = [random.uniforms(seed, patient[order], draw[order], stream, 1, first + index)[::-1] for index in range(count)]
        return np.concatenate(columns, axis=1)

    def normals(self, seed, patient, draw, stream, count, first=0):
        from scipy.special import ndtri

        return ndtri(self.uniforms(seed, patient, draw, stream, count, first))


@pytest.mark.parametrize("identifier", POPULATIONS)
def test_a_provider_of_the_same_numbers_gives_the_same_people(identifier):
    who, numbers = load_population(identifier), Counting()
    expected, found = sample(who, 3, [0, 1], 300), sample(who, 3, [0, 1], 300, numbers=numbers)
    assert numbers.asked
    for name in NAMES:
        assert np.array_equal(expected.values[name], found.values[name]), name


def test_the_same_person_is_in_every_population_of_the_kind():
    """What two populations state alike is alike for every patient; where only a share differs, whoever has it keeps it."""
    reference = {"median": "10 1e9/L", "log_spread": 1.2, "of": "reference"}
    one = made(wbc=reference)
    other = made(wbc=reference, age={"median": "60 y", "range": ["50 y", "70 y"]}, male={"value": "70 %"})
    first, second = sample(one, 8, [2], 4000).values, sample(other, 8, [2], 4000).values
    alike = first["kmt2a"] == second["kmt2a"]
    assert alike.mean() > 0.9  # KMT2A is rarer above 60 years
    assert (first["wbc"][alike] == second["wbc"][alike]).all()
    assert (first["blasts"] == second["blasts"]).all()
    assert (first["cd20"] == second["cd20"]).mean() > 0.95
    assert (np.argsort(first["age"]) == np.argsort(second["age"])).all()
    assert (second["male"] >= first["male"]).all()
    assert second["male"].sum() > first["male"].sum()


def test_a_requirement_keeps_the_luck_of_each_person():
    plain, required = made(), made(require="ikzf1 != none")
    one, other = sample(plain, 8, [2], 4000).values, sample(required, 8, [2], 4000).values
    assert (one["age"] == other["age"]).all()
    assert (one["male"] == other["male"]).all()
    kept = one["ikzf1"] > 0
    assert (other["ikzf1"][kept] > 0).all()
    assert (other["ph_like"][kept] >= one["ph_like"][kept]).all()


@pytest.mark.parametrize(("patients", "first", "where"), [(0, 0, "patients"), (-3, 0, "patients"), (1, -1, "first")])
def test_patients_that_cannot_be_are_refused(patients, first, where):
    with pytest.raises(UsageError) as caught:
        sample(made(), 1, [0], patients, first=first)
    assert caught.value.where == where
    assert all(caught.value.parts().get(part) for part in ("what", "why", "near", "fix"))


def test_one_patient_and_no_draw():
    assert sample(made(), 1, [7], 1).values["age"].shape == (1, 1)
    assert sample(made(), 1, [], 5).shape == (0, 5)
