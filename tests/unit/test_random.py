"""Are random numbers a pure function of their address, and the published ones?"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remission.base import random
from remission.base.random import Stream, normals, philox, uniforms
from remission.engine import lanes

# Known answers of philox4x32-10 in the Random123 distribution (kat_vectors).
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN)
def test_philox_gives_the_published_words(counter, key, words):
    assert tuple(int(word) for word in philox(counter, key)) == words


ADDRESSES = {
    "seed": st.integers(0, 2**64 - 1),
    "stream": st.sampled_from(list(Stream)),
    "count": st.integers(1, 30),
    "first": st.integers(0, 5000),
}


@given(patient=st.integers(0, 2**32 - 300), patients=st.integers(1, 200), draw=st.integers(0, 2**32 - 1), **ADDRESSES)
def test_numbers_in_lanes_are_the_same_bits(patient, patients, draw, seed, stream, count, first):
    """Patients one after the other, of one draw: what every chunk asks for."""
    who = np.arange(patient, patient + patients)
    ours = lanes.uniforms(seed, who, draw, stream, count, first)
    assert np.array_equal(ours, uniforms(seed, who, draw, stream, count, first))


@given(
    who=st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)), min_size=1, max_size=150), **ADDRESSES
)
def test_numbers_in_lanes_of_scattered_addresses_are_the_same_bits(who, seed, stream, count, first):
    """Any patients of any draws, in any order: several draws in a block, a cohort's chosen rows, the arm's own number."""
    patient, draw = np.array(who).T
    ours = lanes.uniforms(seed, patient, draw, stream, count, first)
    assert np.array_equal(ours, uniforms(seed, patient, draw, stream, count, first))


@given(patient=st.integers(0, 2**32 - 300), patients=st.integers(1, 150), draw=st.integers(0, 100), **ADDRESSES)
def test_normal_numbers_in_lanes_agree(patient, patients, draw, seed, stream, count, first):
    who = np.arange(patient, patient + patients)
    ours, theirs = (source.normals(seed, who, draw, stream, count, first) for source in (lanes, random))
    assert np.allclose(ours, theirs, rtol=1e-14, atol=1e-14)


def test_normal_numbers_in_lanes_agree_to_the_ends():
    """The largest and smallest of a million, and those in the middle."""
    ours, theirs = (source.normals(3, np.arange(250_000), 0, Stream.LATENT, 4) for source in (lanes, random))
    assert np.abs(theirs).max() > 4.5
    assert np.abs(ours - theirs).max() < 1e-14 * np.abs(theirs).max()


def test_a_number_does_not_depend_on_what_else_is_asked():
    whole = uniforms(9, np.arange(100), 5, Stream.COURSE, 12)
    assert np.array_equal(whole[40:60, 3:9], uniforms(9, np.arange(40, 60), 5, Stream.COURSE, 6, first=3))


def test_streams_draws_and_patients_are_independent():
    columns = [
        uniforms(1, np.arange(20_000), draw, stream, 2)[:, k]
        for draw in (0, 1)
        for stream in (Stream.COURSE, Stream.BLOCK)
        for k in (0, 1)
    ]
    off_diagonal = np.corrcoef(columns)[~np.eye(len(columns), dtype=bool)]
    assert np.abs(off_diagonal).max() < 5 / np.sqrt(20_000)  # five standard errors
    assert np.min(columns) > 0
    assert np.max(columns) < 1


def test_normals_are_the_quantiles_of_the_uniforms():
    from scipy.special import ndtr

    assert np.allclose(
        ndtr(normals(4, np.arange(9), 0, Stream.BLOCK, 4)), uniforms(4, np.arange(9), 0, Stream.BLOCK, 4), rtol=1e-12
    )
