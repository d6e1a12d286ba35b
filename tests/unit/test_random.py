"""Are random numbers a pure function of their address, and the published ones?"""

import numpy as np
import pytest

from remission.base.random import Stream, normals, philox, uniforms
from remission.engine.special import uniform

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


def test_compiled_and_vectorised_numbers_are_the_same():
    seed = 0x0123456789ABCDEF
    table = uniforms(seed, np.arange(50), 3, Stream.LATENT, 21, first=2)
    again = [
        [uniform(seed & 0xFFFFFFFF, seed >> 32, patient, 3, int(Stream.LATENT), 2 + k) for k in range(21)]
        for patient in range(50)
    ]
    assert np.array_equal(table, np.array(again))


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
