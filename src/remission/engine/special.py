"""Addressed random numbers and inverse distribution functions inside compiled code; numba infers the types."""
# mypy: disallow-untyped-defs=False, check-untyped-defs=False, disallow-untyped-calls=False

from __future__ import annotations

from math import exp, lgamma, log, sqrt

import numpy as np

from remission.engine.jit import jit

_MASK = np.uint64(0xFFFFFFFF)
_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_S = np.uint64(32)
EXTINCT = -1e6  # ln size of a clone row without survivors: no growth brings it back
LN_MILLION = log(1e6)


@jit
def uniform(key0, key1, patient, draw, stream, index):
    """The same number as `base.random.uniforms` at this address (Philox4x32-10)."""
    c0, c1, c2, c3 = np.uint64(patient), np.uint64(draw), np.uint64(stream), np.uint64(index // 4)
    k0, k1 = np.uint64(key0), np.uint64(key1)
    for _ in range(10):
        p0 = c0 * _M0
        p1 = c2 * _M1
        c0, c1, c2, c3 = (p1 >> _S) ^ c1 ^ k0, p1 & _MASK, (p0 >> _S) ^ c3 ^ k1, p0 & _MASK
        k0 = (k0 + _W0) & _MASK
        k1 = (k1 + _W1) & _MASK
    word = index % 4
    x = c0
    if word == 1:
        x = c1
    elif word == 2:
        x = c2
    elif word == 3:
        x = c3
    return (float(x) + 0.5) * 2.3283064365386963e-10


@jit
def normal_quantile(p):
    """Inverse of the standard normal distribution function (Wichura 1988, algorithm AS 241, PPND16)."""
    q = p - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        a = (
            (
                (
                    (
                        ((2.5090809287301226727e3 * r + 3.3430575583588128105e4) * r + 6.7265770927008700853e4) * r
                        + 4.5921953931549871457e4
                    )
                    * r
                    + 1.3731693765509461125e4
                )
                * r
                + 1.9715909503065514427e3
            )
            * r
            + 1.3314166789178437745e2
        ) * r + 3.3871328727963666080
        b = (
            (
                (
                    (
                        ((5.2264952788528545610e3 * r + 2.8729085735721942674e4) * r + 3.9307895800092710610e4) * r
                        + 2.1213794301586595867e4
                    )
                    * r
                    + 5.3941960214247511077e3
                )
                * r
                + 6.8718700749205790830e2
            )
            * r
            + 4.2313330701600911252e1
        ) * r + 1.0
        return q * a / b
    r = sqrt(-log(p if q < 0 else 1.0 - p))
    if r <= 5.0:
        r -= 1.6
        a = (
            (
                (
                    (
                        ((7.74545014278341407640e-4 * r + 2.27238449892691845833e-2) * r + 2.41780725177450611770e-1)
                        * r
                        + 1.27045825245236838258
                    )
                    * r
                    + 3.64784832476320460504
                )
                * r
                + 5.76949722146069140550
            )
            * r
            + 4.63033784615654529590
        ) * r + 1.42343711074968357734
        b = (
            (
                (
                    (
                        ((1.05075007164441684324e-9 * r + 5.47593808499534494600e-4) * r + 1.51986665636164571966e-2)
                        * r
                        + 1.48103976427480074590e-1
                    )
                    * r
                    + 6.89767334985100004550e-1
                )
                * r
                + 1.67638483018380384940
            )
            * r
            + 2.05319162663775882187
        ) * r + 1.0
    else:
        r -= 5.0
        a = (
            (
                (
                    (
                        ((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r + 1.24266094738807843860e-3)
                        * r
                        + 2.65321895265761230930e-2
                    )
                    * r
                    + 2.96560571828504891230e-1
                )
                * r
                + 1.78482653991729133580
            )
            * r
            + 5.46378491116411436990
        ) * r + 6.65790464350110377720
        b = (
            (
                (
                    (
                        ((2.04426310338993978564e-15 * r + 1.42151175831644588870e-7) * r + 1.84631831751005468180e-5)
                        * r
                        + 7.86869131145613259100e-4
                    )
                    * r
                    + 1.48753612908506148525e-2
                )
                * r
                + 1.36929880922735805310e-1
            )
            * r
            + 5.99832206555887937690e-1
        ) * r + 1.0
    return a / b if q >= 0 else -a / b


@jit
def poisson_quantile(u, rate):
    """Smallest k with P(Poisson(rate) <= k) >= u, for rates up to some hundreds."""
    term = exp(-rate)
    total = term
    k = 0
    while total < u and k < 10000:
        k += 1
        term *= rate / k
        total += term
    return k


@jit
def erlang_quantile(u, k):
    """The value below which the sum of k unit exponentials lies with probability u.

    Wilson and Hilferty's start, then Newton steps on the closed-form distribution function.
    """
    z = normal_quantile(u)
    c = 1.0 / (9.0 * k)
    x = k * max(1.0 - c + z * sqrt(c), 1e-3) ** 3
    if k == 1:
        return -log(1.0 - u)
    x = max(x, exp((log(u) + lgamma(k + 1.0)) / k))  # a lower bound, exact in the far lower tail
    log_norm = lgamma(float(k))
    for _ in range(12):
        term = exp(-x)
        tail = term
        for j in range(1, k):
            term *= x / j
            tail += term
        density = exp((k - 1) * log(x) - x - log_norm)
        step = ((1.0 - tail) - u) / max(density, 1e-300)
        step = min(max(step, -0.5 * x), 0.5 * x)
        x -= step
        if abs(step) < 1e-12 * x:
            break
    return x


@jit
def survivors(u_count, u_size, ln_rate):
    """ln of the size of surviving clones relative to its mean, or EXTINCT when all are extinct.

    The number of clonogenic cells with surviving descendants is Poisson; each line's size is exponential in the long run, so
    the size of K lines is Erlang. Above a mean of 50 both take their normal approximations (Wilson and Hilferty's for the
    size) with the same luck; above 1e6 the spread is nil.
    """
    if ln_rate < -40.0:
        return EXTINCT
    if ln_rate > LN_MILLION:
        return 0.0
    rate = exp(ln_rate)
    if rate > 50.0:
        count = max(rate + sqrt(rate) * normal_quantile(u_count), 1.0)
        size = count * (1.0 - 1.0 / (9.0 * count) + normal_quantile(u_size) / (3.0 * sqrt(count))) ** 3
        return log(max(size, 1e-3 * rate)) - ln_rate
    lines = poisson_quantile(u_count, rate)
    if lines == 0:
        return EXTINCT
    return log(erlang_quantile(u_size, lines)) - ln_rate
