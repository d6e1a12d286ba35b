"""Addressed randomness: a number is looked up by its address, never consumed from a stream.

`uniform(seed, patient, draw, stream, index)` is a pure function: Philox4x32-10 (Salmon et al. 2011, "Parallel random
numbers: as easy as 1, 2, 3") with the seed as key and (patient, draw, stream, index) as counter. So results do not
depend on chunks, order, threads or strategies: the same patient has the same luck in every strategy.
`patient` counts from 0 within a population, `draw` is the number of the parameter draw, `stream` names the purpose.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Stream(IntEnum):
    """What a random number is for. Values are part of every result: never renumber, only add."""

    COVARIATES = 1
    LATENT = 2
    COURSE = 3
    BLOCK = 4
    ASSESSMENT = 5
    CLONE = 6
    EMULATION = 7
    PARAMETERS = 8
    PREDICTION = 9


_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = 0x9E3779B9, 0xBB67AE85
_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)


def philox(counter: tuple[Any, Any, Any, Any], key: tuple[int, int]) -> tuple[npt.NDArray[np.uint64], ...]:
    """Four 32-bit words (held in uint64) for each counter; counter words are arrays or numbers below 2**32."""
    c0, c1, c2, c3 = (np.asarray(word, np.uint64) for word in counter)
    k0, k1 = key
    for _ in range(10):
        p0, p1 = c0 * _M0, c2 * _M1
        c0, c1, c2, c3 = (p1 >> _SHIFT) ^ c1 ^ np.uint64(k0), p1 & _LOW, (p0 >> _SHIFT) ^ c3 ^ np.uint64(k1), p0 & _LOW
        k0, k1 = (k0 + _W0) & 0xFFFFFFFF, (k1 + _W1) & 0xFFFFFFFF
    return c0, c1, c2, c3


def key_of(seed: int) -> tuple[int, int]:
    """The two key words of a seed (0 <= seed < 2**64)."""
    return seed & 0xFFFFFFFF, seed >> 32


def uniforms(seed: int, patient: Any, draw: Any, stream: Stream, count: int, first: int = 0) -> Floats:
    """Uniform numbers in (0, 1), shape (patients, count), at indices `first`, `first` + 1, ... of a stream.

    Index i is word i % 4 of counter (patient, draw, stream, i // 4); all lie on a grid of 2**-32 and avoid 0 and 1.
    """
    patient = np.atleast_1d(np.asarray(patient, np.uint64))
    blocks = range(first // 4, (first + count + 3) // 4)
    words = [word for block in blocks for word in philox((patient, draw, int(stream), block), key_of(seed))]
    chosen = words[first - 4 * (first // 4) :][:count]
    return (
        np.stack([np.broadcast_to(word, patient.shape) for word in chosen], axis=1).astype(np.float64) + 0.5
    ) * 2.0**-32


def normals(seed: int, patient: Any, draw: Any, stream: Stream, count: int, first: int = 0) -> Floats:
    """Standard normal numbers at the same addresses, by the inverse distribution function."""
    from scipy.special import ndtri

    return np.asarray(ndtri(uniforms(seed, patient, draw, stream, count, first)), np.float64)
