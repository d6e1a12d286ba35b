"""Inverse distribution functions, and what chance does to a small clone: expressions that compute, or are staged into the kernel."""

from __future__ import annotations

from math import lgamma, log
from typing import Any

import numpy as np

from remission.engine.staged import lanes
from remission.engine.staging import Table, fma, whole

EXTINCT = -1e6  # ln size of a clone row without survivors: no growth brings it back
LN_MILLION = log(1e6)
FEW = 50.0  # expected lines: above, counts and sizes take their normal approximations
LN_FACTORIAL = Table([lgamma(k + 1.0) for k in range(256)])
"""Table of ln k!."""

# Coefficients of AS 241 (Wichura 1988), from the highest power down: the centre's, and both tails'.
_A = (
    2.5090809287301226727e3,
    3.3430575583588128105e4,
    6.7265770927008700853e4,
    4.5921953931549871457e4,
    1.3731693765509461125e4,
    1.9715909503065514427e3,
    1.3314166789178437745e2,
    3.3871328727963666080e0,
)
_B = (
    5.2264952788528545610e3,
    2.8729085735721942674e4,
    3.9307895800092710610e4,
    2.1213794301586595867e4,
    5.3941960214247511077e3,
    6.8718700749205790830e2,
    4.2313330701600911252e1,
    1.0,
)
_C = (
    7.74545014278341407640e-4,
    2.27238449892691845833e-2,
    2.41780725177450611770e-1,
    1.27045825245236838258e0,
    3.64784832476320460504e0,
    5.76949722146069140550e0,
    4.63033784615654529590e0,
    1.42343711074968357734e0,
)
_D = (
    1.05075007164441684324e-9,
    5.47593808499534494600e-4,
    1.51986665636164571966e-2,
    1.48103976427480074590e-1,
    6.89767334985100004550e-1,
    1.67638483018380384940e0,
    2.05319162663775882187e0,
    1.0,
)


def _degree_7(x: Any, k: tuple[float, ...]) -> Any:
    x2 = x * x
    high = fma(x2, fma(x, k[0], k[1]), fma(x, k[2], k[3]))
    low = fma(x2, fma(x, k[4], k[5]), fma(x, k[6], k[7]))
    return fma(x2 * x2, high, low)


CENTRE = 0.425


def central_quantile(p: Any) -> Any:
    """The formula for p within CENTRE of one half."""
    q = p - 0.5
    r = 0.180625 - q * q
    return q * _degree_7(r, _A) / _degree_7(r, _B)


def tail_distance(p: Any) -> Any:
    """How far out p is, in the measure of the formula for tails."""
    return np.sqrt(-np.log(np.minimum(p, 1.0 - p))) - 1.6


def tail_quantile(p: Any, distance: Any) -> Any:
    """The formula for tails."""
    above = _degree_7(distance, _C) / _degree_7(distance, _D)
    return np.where(p >= 0.5, above, -above)


def normal_quantile(p: Any) -> Any:
    """Inverse of the standard normal distribution function (Wichura 1988, algorithm AS 241).

    Of its three formulas that for tails beyond 1e-11 is left out: numbers of 32 bits do not reach them.
    """
    return np.where(np.absolute(p - 0.5) <= CENTRE, central_quantile(p), tail_quantile(p, tail_distance(p)))


@lanes
def poisson_quantile(u: Any, rate: Any) -> Any:
    """Smallest k with P(Poisson(rate) <= k) >= u, for rates up to some hundreds."""
    term = np.exp(-rate)
    total = term
    count: Any = 0.0
    k = 0
    going = total < u
    while np.any(going):
        k += 1
        term = term * (rate * (1.0 / (1.0 * k)))
        total = total + term
        count = np.where(going, 1.0 * k, count)
        going = going & (total < u) & (k < 10000)
    return count


@lanes
def erlang_quantile(u: Any, k: Any) -> Any:
    """The value below which the sum of k (1 to 255) unit exponentials lies with probability u.

    Wilson and Hilferty's start, then Halley's steps on the closed-form distribution function, which triple the digits.
    """
    c = 1.0 / (9.0 * k)
    cube = np.maximum(1.0 - c + normal_quantile(u) * np.sqrt(c), 1e-3)
    lowest = np.exp((np.log(u) + LN_FACTORIAL[whole(k)]) / k)  # a lower bound, exact in the far lower tail
    x = np.maximum(k * cube * cube * cube, lowest)
    turns = 0
    going = k > 1.0
    while np.any(going):
        density, tail = erlang_tail(x, k)
        step = ((1.0 - tail) - u) / np.maximum(density, 1e-300)
        step = step / np.maximum(1.0 - 0.5 * step * ((k - 1.0) / x - 1.0), 0.5)
        step = np.minimum(np.maximum(step, -0.5 * x), 0.5 * x)
        x = np.where(going, x - step, x)
        turns += 1
        going = going & (np.absolute(step) >= 1e-5 * x) & (turns < 12)
    return np.where(k > 1.0, x, -np.log(1.0 - u))


@lanes
def erlang_tail(x: Any, k: Any) -> Any:
    """Density at x of the sum of k unit exponentials, and the probability that it is larger."""
    term = np.exp(-x)
    tail = term
    j = 1
    going = k > 1.0
    while np.any(going):
        term = np.where(going, term * (x * (1.0 / (1.0 * j))), term)
        tail = np.where(going, tail + term, tail)
        j += 1
        going = 1.0 * j < k
    return term, tail


@lanes
def survivors(u_count: Any, u_size: Any, ln_rate: Any) -> Any:
    """ln of the size of surviving clones relative to its mean, or EXTINCT when all are extinct.

    The number of clonogenic cells with surviving descendants is Poisson; each line's size is exponential in the long run, so
    the size of K lines is Erlang. Above a mean of 50 both take their normal approximations (Wilson and Hilferty's for the
    size) with the same luck; above 1e6 the spread is nil.
    """
    rate = np.exp(np.minimum(ln_rate, LN_MILLION))
    few = (ln_rate >= -40.0) & (rate <= FEW)
    many = (rate > FEW) & (ln_rate <= LN_MILLION)
    scale: Any = np.where(rate > FEW, 0.0, EXTINCT)
    if np.any(few):
        lines = np.minimum(poisson_quantile(u_count, np.where(few, rate, 0.0)), 255.0)
        alive = lines > 0.0
        if np.any(alive):
            size = erlang_quantile(u_size, np.maximum(lines, 1.0))
            scale = np.where(alive, np.log(size) - ln_rate, scale)
    if np.any(many):
        count = np.maximum(rate + np.sqrt(rate) * normal_quantile(u_count), 1.0)
        cube = 1.0 - 1.0 / (9.0 * count) + normal_quantile(u_size) / (3.0 * np.sqrt(count))
        large = np.log(np.maximum(count * cube * cube * cube, 1e-3 * rate)) - ln_rate
        scale = np.where(many, large, scale)
    return scale
