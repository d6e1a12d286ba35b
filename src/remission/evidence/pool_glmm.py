"""Random-effects pooling of proportions with their exact likelihood: the binomial–normal model.

    events_i ~ Binomial(n_i, p_i),    logit p_i = mu + tau u_i,    u_i ~ N(0, 1)

The likelihood of (mu, tau) is the product over studies of an integral over u_i. Each is taken by adaptive quadrature:
the trapezoid rule in t after u = mode + spread sinh t. Near the mode it resolves the peak as Gauss–Hermite points
would; away from it the points thin out, so it also holds where Gauss–Hermite fails, on the plateaus that studies with
no events or only events have at large tau. The likelihood is maximised with its analytic score (root finding, so the
optimum is exact to rounding), and its profile gives intervals.

Why it is written here: no maintained Python library maximises this likelihood. statsmodels has the model only in
Bayesian form (`BinomialBayesMixedGLM`, variational or Laplace), PyMARE and scipy have not. The values agree with R's
metafor (`rma.glmm`, which calls lme4) to more than four digits; see tests/evidence_pool.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
POINTS = 201
_REACH = 9.0  # log-concavity: the integrand falls from its mode at least as fast as a standard normal density
MU_LIMIT = 60.0
TAU_LIMIT = 30.0
_TAU_GRID = np.concatenate([[0.0], np.geomspace(0.02, TAU_LIMIT, 16)])


def _log_choose(n: Array, k: Array) -> Array:
    from scipy.special import gammaln

    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1), dtype=np.float64)


@dataclass(frozen=True)
class Likelihood:
    """The log likelihood of (mu, tau) for `events` out of `n` in each study (float arrays of equal length)."""

    events: Array
    n: Array
    points: int = POINTS

    def _modes(self, mu: float, tau: float) -> tuple[Array, Array]:
        """Mode of each study's integrand in u, and the standard deviation of the Gaussian that touches it there.

        The integrand is log-concave; its mode is the root of a decreasing function between known bounds,
        found by Newton steps that fall back to bisection.
        """
        low, high = tau * (self.events - self.n), tau * self.events
        u = np.clip(np.zeros_like(low), low, high)
        for _ in range(60):
            p = _expit(mu + tau * u)
            slope = tau * (self.events - self.n * p) - u
            bend = tau**2 * self.n * p * (1 - p) + 1
            low, high = np.where(slope > 0, u, low), np.where(slope > 0, high, u)
            step = u + slope / bend
            moving = np.abs(step - u) > 1e-9
            if not moving.any():
                break
            u = np.where(moving, np.where((step > low) & (step < high), step, 0.5 * (low + high)), u)
        p = _expit(mu + tau * u)
        return u, 1 / np.sqrt(tau**2 * self.n * p * (1 - p) + 1)

    def _terms(self, mu: float, tau: float) -> tuple[Array, Array, Array]:
        """Quadrature points u, success probabilities there, and the log of each term (studies × points)."""
        centre, spread = (part[:, None] for part in self._modes(mu, tau))
        reach = np.arcsinh(_REACH / spread)
        t = reach * np.linspace(-1.0, 1.0, self.points)
        u = centre + spread * np.sinh(t)
        eta = mu + tau * u
        log_f = self.events[:, None] * eta - self.n[:, None] * np.logaddexp(0.0, eta) - 0.5 * u**2
        log_step = np.log(spread * np.cosh(t) * 2 * reach / (self.points - 1))
        return u, _expit(eta), log_f + log_step - 0.5 * math.log(2 * math.pi)

    def value(self, mu: float, tau: float) -> float:
        """Log likelihood, binomial coefficients included."""
        _, _, terms = self._terms(mu, tau)
        top = terms.max(axis=1)
        inner = top + np.log(np.exp(terms - top[:, None]).sum(axis=1))
        return float((inner + _log_choose(self.n, self.events)).sum())

    def score(self, mu: float, tau: float) -> tuple[float, float]:
        """Derivatives of the log likelihood by mu and tau (expectations over u given the data)."""
        u, p, terms = self._terms(mu, tau)
        weights = np.exp(terms - terms.max(axis=1)[:, None])
        weights /= weights.sum(axis=1)[:, None]
        residual = self.events[:, None] - self.n[:, None] * p
        return float((weights * residual).sum()), float((weights * residual * u).sum())

    def best_mu(self, tau: float) -> float:
        """The mu that maximises the likelihood at this tau (its score in mu decreases)."""
        x, n = float(self.events.sum()), float(self.n.sum())
        low = high = math.log(x / (n - x))
        step = 1.0
        while self.score(low, tau)[0] < 0 and low > -MU_LIMIT:
            low, high, step = low - step, low, 2 * step
        if high == low:
            while self.score(high, tau)[0] > 0 and high < MU_LIMIT:
                low, high, step = high, high + step, 2 * step
        return _root(lambda mu: self.score(mu, tau)[0], low, high) if low < high else low

    def best_tau(self, at: Callable[[float], float]) -> float:
        """The tau that maximises the likelihood at mu = `at(tau)`, which is constant or maximises over mu itself."""
        values = [self.value(at(tau), tau) for tau in _TAU_GRID]
        best = int(np.argmax(values))
        if best == len(values) - 1:
            return TAU_LIMIT

        def slope(tau: float) -> float:
            return self.score(at(tau), tau)[1]

        low = float(_TAU_GRID[best - 1]) if best > 1 else 1e-5  # the score in tau is zero at tau = 0
        high = float(_TAU_GRID[best + 1])
        if slope(low) <= 0:
            return 0.0 if best <= 1 else float(_TAU_GRID[best])
        return _root(slope, low, high) if slope(high) < 0 else float(_TAU_GRID[best])


@dataclass(frozen=True)
class Fit:
    """Maximum likelihood: mu and its standard error on the logit scale, tau, and the log likelihood.

    `finite` is false when the likelihood still rises at the largest heterogeneity that is tried.
    """

    likelihood: Likelihood
    mu: float
    se: float
    tau: float
    value: float
    finite: bool


def fit(events: Any, n: Any, points: int = POINTS) -> Fit:
    """Maximise the likelihood. Not every study may have no events, nor every study only events.

    >>> found = fit([16, 10, 4], [17, 12, 8])
    >>> round(found.mu, 3), round(found.tau, 3)
    (1.466, 0.857)
    """
    likelihood = Likelihood(np.asarray(events, dtype=np.float64), np.asarray(n, dtype=np.float64), points)
    total = float(likelihood.events.sum())
    if total == 0 or total == float(likelihood.n.sum()):
        raise ValueError("the pooled logit is infinite when no study has both events and non-events in total")
    tau = likelihood.best_tau(likelihood.best_mu)
    mu = likelihood.best_mu(tau)
    return Fit(likelihood, mu, _standard_error(likelihood, mu, tau), tau, likelihood.value(mu, tau), tau < TAU_LIMIT)


def _standard_error(likelihood: Likelihood, mu: float, tau: float) -> float:
    """Square root of mu's element of the inverse observed information, by central differences of the score."""
    h = 1e-4
    up, down = likelihood.score(mu + h, tau), likelihood.score(mu - h, tau)
    mu_mu = -(up[0] - down[0]) / (2 * h)
    if tau < 2 * h:
        return 1 / math.sqrt(mu_mu)  # at tau = 0 the likelihood is even in tau: no cross term
    mu_tau = -(up[1] - down[1]) / (2 * h)
    tau_tau = -(likelihood.score(mu, tau + h)[1] - likelihood.score(mu, tau - h)[1]) / (2 * h)
    left = mu_mu - mu_tau**2 / tau_tau if tau_tau > 0 else mu_mu
    return 1 / math.sqrt(left) if left > 0 else math.inf


def profile_mu(found: Fit, level: float) -> tuple[float, float]:
    """Profile-likelihood interval of mu at a level such as 0.95; an end may be infinite."""
    critical = _chi_square(level)

    def excess(mu: float) -> float:
        tau = found.likelihood.best_tau(lambda _: mu)
        return 2 * (found.value - found.likelihood.value(mu, tau)) - critical

    width = found.se if math.isfinite(found.se) else 1.0
    return _end(excess, found.mu, -width), _end(excess, found.mu, width)


def profile_tau(found: Fit, level: float) -> tuple[float, float]:
    """Profile-likelihood interval of tau at a level such as 0.95: from 0 or more to, possibly, infinity."""
    critical = _chi_square(level)

    def excess(tau: float) -> float:
        return 2 * (found.value - found.likelihood.value(found.likelihood.best_mu(tau), tau)) - critical

    low = 0.0 if found.tau == 0 or excess(0.0) <= 0 else _root(excess, 0.0, found.tau)
    if not found.finite or excess(TAU_LIMIT) < 0:
        return low, math.inf
    return low, _root(excess, found.tau, TAU_LIMIT)


def _end(excess: Callable[[float], float], start: float, step: float) -> float:
    """Where `excess` turns positive, walking from `start` in growing steps; infinite when it never does."""
    inner = start
    while abs(outer := inner + step) < MU_LIMIT:
        if excess(outer) > 0:
            return _root(excess, min(inner, outer), max(inner, outer))
        inner, step = outer, 1.6 * step
    return math.copysign(math.inf, step)


def likelihood_ratio_q(events: Any, n: Any) -> float:
    """Heterogeneity by the likelihood ratio: every study its own probability against one probability for all."""
    from scipy.special import xlogy

    x, m = np.asarray(events, dtype=np.float64), np.asarray(n, dtype=np.float64)
    p = x.sum() / m.sum()
    own = xlogy(x, x / m) + xlogy(m - x, 1 - x / m)
    common = xlogy(x, p) + xlogy(m - x, 1 - p)
    return max(0.0, float(2 * (own - common).sum()))


def _expit(x: Any) -> Any:
    from scipy.special import expit

    return expit(x)


def _chi_square(level: float) -> float:
    from scipy.stats import chi2

    return float(chi2.ppf(level, 1))


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    from scipy.optimize import brentq

    return float(brentq(function, low, high, xtol=1e-12, rtol=1e-14))
