"""Is the arithmetic of the lanes as accurate as it says: exp, ln and fused multiplication, against extended precision?"""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from remission.engine import elementary, staging
from remission.engine.jit import elementwise

_each_exp = elementwise(elementary.exp, 1)
_each_log = elementwise(elementary.log, 1)
_fma = elementwise(staging.fma, 3)


def _one_fma(a, b, c):
    return float(_fma(a, b, c))


def longer(x):
    """The same numbers with a mantissa of 64 bits."""
    if np.finfo(np.longdouble).nmant < 63:
        pytest.skip("this machine has no extended precision")
    return x.astype(np.longdouble)


def arguments():
    rng = np.random.default_rng(1)
    return np.concatenate(
        [
            rng.uniform(-700, 700, 200_000),
            rng.normal(0, 1, 100_000),
            rng.normal(0, 1e-8, 10_000),
            [0.0, -0.0, 700.0, -700.0],
        ]
    )


def test_exponential():
    x = arguments()
    exact = np.exp(longer(x))
    assert np.max(np.abs(_each_exp(x) - exact) / exact) < 1e-15
    assert (_each_exp(np.array([0.0, -0.0])) == 1.0).all()


def test_exponential_is_held_at_its_ends():
    far = _each_exp(np.array([-np.inf, -1e6, -701.0, 701.0, 1e6, np.inf]))
    assert (far[:3] == _each_exp(np.array([-700.0]))).all()
    assert (far[3:] == _each_exp(np.array([700.0]))).all()


def test_exponential_does_not_fall_where_its_argument_rises():
    """Up to the rounding of its last bit."""
    x = np.sort(arguments())
    y = _each_exp(x)
    assert (np.diff(y) >= -4e-16 * y[1:]).all()


def test_logarithm():
    rng = np.random.default_rng(2)
    x = np.concatenate([np.exp(rng.uniform(-700, 700, 200_000)), rng.uniform(0.5, 2, 100_000), 1 + rng.normal(0, 1e-9, 10_000),
                        [np.finfo(float).tiny, np.finfo(float).max, 2.0, 0.5]])  # fmt: skip
    exact = np.log(longer(x))
    near = exact == 0
    assert np.max(np.abs(_each_log(x) - exact)[~near] / np.abs(exact[~near])) < 1e-15
    assert (_each_log(np.ones(3)) == 0).all()


def test_logarithm_undoes_exponential():
    x = np.linspace(-690, 690, 100_001)
    assert np.max(np.abs(_each_log(_each_exp(x)) - x) / np.maximum(np.abs(x), 1)) < 1e-15


@given(*(st.floats(-1e100, 1e100, allow_subnormal=False) for _ in range(3)))
def test_fused_multiplication_rounds_once(a, b, c):
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    expected = float(exact)  # rounded once
    assert _one_fma(a, b, c) == expected


def test_fused_multiplication_keeps_what_a_product_loses():
    a = 1 + 2.0**-30
    assert _one_fma(a, a, -a * a) == float(Fraction(a) ** 2 - Fraction(a * a))
    assert _one_fma(a, a, -a * a) != 0
