"""Do the compiled quantiles agree with SciPy's?"""

import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtri

from remission.engine.special import erlang_quantile, normal_quantile, poisson_quantile


def test_normal_quantile():
    p = np.concatenate([np.logspace(-10, -0.3, 400), 1 - np.logspace(-10, -0.3, 400), [0.5]])
    ours = np.array([normal_quantile(x) for x in p])
    assert np.allclose(ours, ndtri(p), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("rate", [0.01, 0.5, 3.0, 49.0])
def test_poisson_quantile(rate):
    u = np.linspace(1e-6, 1 - 1e-6, 501)
    assert [poisson_quantile(x, rate) for x in u] == list(stats.poisson.ppf(u, rate).astype(int))


@pytest.mark.parametrize("k", [1, 2, 7, 80])
def test_erlang_quantile(k):
    u = np.linspace(1e-5, 1 - 1e-5, 301)
    assert np.allclose([erlang_quantile(x, k) for x in u], stats.gamma.ppf(u, k), rtol=1e-9)
