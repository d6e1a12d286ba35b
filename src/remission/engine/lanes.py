"""Addressed random numbers for a batch: the same as those of `base.random`."""

from __future__ import annotations

from typing import Any

import numpy as np

from remission.base.random import Floats, Stream, key_of
from remission.engine.jit import entry
from remission.engine.special import CENTRE, central_quantile, tail_distance, tail_quantile
from remission.engine.staged import LANES, lanes, routine
from remission.engine.staging import counted, number, pack, places, whole

TAIL_ROWS = 16  # rows of normal numbers that are made at a time
QUEUE_ROWS = 3 * TAIL_ROWS
_MASK = 0xFFFFFFFF
_M0, _M1, _W0, _W1 = 0xD2511F53, 0xCD9E8D57, 0x9E3779B9, 0xBB67AE85
_TWO_52, _TWO_52_BITS = 4503599627370496.0, 0x4330000000000000


def _uniform(word: Any) -> Any:
    return (number(word | _TWO_52_BITS) - (_TWO_52 - 0.5)) * 2.0**-32


def philox(patient: Any, draw: Any, stream: Any, block: Any, key0: Any, key1: Any) -> tuple[Any, ...]:
    """Four uniform numbers of one counter block (Philox4x32-10) for every patient of the vector."""
    c0, c1, c2, c3 = patient, draw, stream, block
    k0, k1 = key0, key1
    for turn in range(10):
        p0, p1 = (c0 & _MASK) * _M0, (c2 & _MASK) * _M1
        c0, c1, c2, c3 = (p1 >> 32) ^ (c1 ^ k0), p1 & _MASK, (p0 >> 32) ^ (c3 ^ k1), p0 & _MASK
        if turn < 9:
            k0, k1 = (k0 + _W0) & _MASK, (k1 + _W1) & _MASK
    return tuple(_uniform(word) for word in (c0, c1, c2, c3))


@lanes
def uniform_rows(s: Any, row: Any, patient0: Any, draw: Any, stream: Any, block: Any, key0: Any, key1: Any) -> None:
    """Uniform numbers of one block for patients patient0, patient0 + 1, ...: rows `row` to `row` + 3."""
    u0, u1, u2, u3 = philox(patient0 + places(), draw, stream, block, key0, key1)
    s[row], s[row + 1], s[row + 2], s[row + 3] = u0, u1, u2, u3


@routine
def normal_rows(s: Any, row: Any, count: Any, queue: Any) -> None:
    """Turn rows of uniform numbers into normal ones (`special.normal_quantile`); QUEUE_ROWS rows from `queue` on are written over."""
    for first in range(0, count, TAIL_ROWS):
        tails = centres(s, row + first, np.minimum(TAIL_ROWS, count - first), queue)
        tail_distances(s, queue, tails)
        tail_quantiles(s, queue, tails)
        for k in range(tails):
            s[0, whole(s[queue, k])] = s[queue + TAIL_ROWS, k]


@lanes
def centres(s: Any, row: Any, count: Any, queue: Any) -> Any:
    """Normal numbers as if none were in the tails; those that are, are packed: place, uniform number. Returns how many they are."""
    tails: Any = 0
    for k in range(count):
        p = s[row + k]
        s[row + k] = central_quantile(p)
        place = 1.0 * LANES * (row + k) + 1.0 * places()
        tails += pack(s, queue, counted() + tails, np.absolute(p - 0.5) > CENTRE, (place, p), TAIL_ROWS)
    return tails


@lanes
def tail_distances(s: Any, queue: Any, size: Any) -> None:
    """How far out the first `size` packed numbers are."""
    s[queue + 2 * TAIL_ROWS] = tail_distance(s[queue + TAIL_ROWS])


@lanes
def tail_quantiles(s: Any, queue: Any, size: Any) -> None:
    """The normal numbers of the first `size` packed ones, over their uniform ones."""
    s[queue + TAIL_ROWS] = tail_quantile(s[queue + TAIL_ROWS], s[queue + 2 * TAIL_ROWS])


@routine
def fill(
    patients: Any,
    draws: Any,
    stream: Any,
    first_block: Any,
    blocks: Any,
    key0: Any,
    key1: Any,
    normal: Any,
    s: Any,
    out: Any,
) -> None:
    """Uniform or normal numbers at addresses of any patients and draws: out[word, patient]."""
    count = patients.lengths[0]
    for start in range(0, count, LANES):
        size = np.minimum(LANES, count - start)
        regular = (patients[start + size - 1] - patients[start] == size - 1) & (draws[start] == draws[start + size - 1])
        for block in range(blocks):
            if regular:
                uniform_rows(s, 0, patients[start], draws[start], stream, first_block + block, key0, key1)
            else:
                for lane in range(size):
                    uniform_rows(
                        s, 4, patients[start + lane], draws[start + lane], stream, first_block + block, key0, key1
                    )
                    for word in range(4):
                        s[word, lane] = s[4 + word, 0]
            if normal == 1:
                normal_rows(s, 0, 4, 8)
            for word in range(4):
                for lane in range(size):
                    out[4 * block + word, start + lane] = s[word, lane]


_fill = entry(
    fill,
    patients="i8:1",
    draws="i8:1",
    stream="i",
    first_block="i",
    blocks="i",
    key0="i",
    key1="i",
    normal="i",
    s="f8:2*",
    out="f8:2",
)


def _numbers(seed: int, patient: Any, draw: Any, stream: Stream, count: int, first: int, normal: bool) -> Floats:
    patient = np.atleast_1d(np.asarray(patient, np.int64))
    draw = np.ascontiguousarray(np.broadcast_to(np.asarray(draw, np.int64), patient.shape))
    low, high = first // 4, (first + count + 3) // 4
    out = np.empty((4 * (high - low), len(patient)))
    key0, key1 = key_of(seed)
    if len(patient):
        _fill(
            patients=np.ascontiguousarray(patient),
            draws=draw,
            stream=int(stream),
            first_block=low,
            blocks=high - low,
            key0=key0,
            key1=key1,
            normal=int(normal),
            s=np.full((8 + QUEUE_ROWS, LANES), 0.5),
            out=out,
        )
    return out[first - 4 * low : first - 4 * low + count].T


def uniforms(seed: int, patient: Any, draw: Any, stream: Stream, count: int, first: int = 0) -> Floats:
    """As `base.random.uniforms`, the same bits, compiled: shape (patients, count), each number's column contiguous."""
    return _numbers(seed, patient, draw, stream, count, first, False)


def normals(seed: int, patient: Any, draw: Any, stream: Stream, count: int, first: int = 0) -> Floats:
    """As `base.random.normals` (to 1e-14), compiled."""
    return _numbers(seed, patient, draw, stream, count, first, True)
