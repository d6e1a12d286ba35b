"""Exponential, logarithm and random numbers of our own, as staged expressions.

They are multiplications and additions in a fixed order (relative error below 1e-15), so that a whole vector of patients is computed at
once, and results do not depend on the machine's mathematics library.
"""

from __future__ import annotations

from math import factorial
from typing import Any

import numpy as np

from remission.engine import staging
from remission.engine.staging import Value, bits, fma, number

_ROUND = 6755399441055744.0  # 1.5 x 2^52: adding and subtracting it rounds to a whole number
_LOG2E, _LN2_HIGH, _LN2_LOW = 1.4426950408889634, 6.93147180369123816490e-01, 1.90821492927058770002e-10
_C = [1.0 / factorial(k) for k in range(13)]
_TWO_52, _TWO_52_BITS = 4503599627370496.0, 0x4330000000000000
_ONE_BITS, _SQRT_HALF_BITS, _MANTISSA = 0x3FF0000000000000, 0x3FE6A09E667F3BCD, 0x000FFFFFFFFFFFFF


def exp(x: Any) -> Any:
    """exp(x); x is held to -700 .. 700."""
    return exp_below(np.minimum(x, 700.0))


def exp_below(x: Any) -> Any:
    """exp(x) for x that is known to be below 700; it is held to -700 from below."""
    x = np.maximum(x, -700.0)
    if not isinstance(x, Value):
        return np.exp(x)
    shifted = fma(x, _LOG2E, _ROUND)
    n = shifted - _ROUND
    r = fma(-n, _LN2_LOW, fma(-n, _LN2_HIGH, x))
    r2 = r * r
    r4 = r2 * r2
    low = fma(r2, fma(r, _C[3], 0.5), 1.0 + r)
    middle = fma(r2, fma(r, _C[7], _C[6]), fma(r, _C[5], _C[4]))
    high = fma(r4, _C[12], fma(r2, fma(r, _C[11], _C[10]), fma(r, _C[9], _C[8])))
    power = fma(r4, fma(r4, high, middle), low)
    return power * number((bits(shifted) + 1023) << 52)


def log(x: Any) -> Any:
    """ln(x) for normal positive x."""
    if not isinstance(x, Value):
        return np.log(x)
    shifted = bits(x) + (_ONE_BITS - _SQRT_HALF_BITS)
    n = number((shifted >> 52) | _TWO_52_BITS) - (_TWO_52 + 1023.0)
    m = number((shifted & _MANTISSA) + _SQRT_HALF_BITS)
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    w = z * z
    odd = fma(w, fma(w, fma(w, fma(w, 2.0 / 19.0, 2.0 / 15.0), 2.0 / 11.0), 2.0 / 7.0), 2.0 / 3.0)
    even = fma(w, fma(w, fma(w, fma(w, 2.0 / 21.0, 2.0 / 17.0), 2.0 / 13.0), 2.0 / 9.0), 2.0 / 5.0)
    return fma(n, _LN2_HIGH, fma(2.0, s, fma(s * z, fma(z, even, odd), n * _LN2_LOW)))


staging.UFUNCS.update(exp=exp, log=log, log1p=lambda x: log(1.0 + x))
