"""Which option is best, how sure that is, and what it would be worth to know more.

Values are means by parameter draw. The value of perfect information is E[max] - max E; that of a group of parameters is the same
after each option's value was regressed on the group (Strong, Oakley, Brennan 2014, Med Decis Making 34:311), here by a Gaussian
process whose kernel is chosen by its marginal likelihood, so that few draws and many parameters do not overfit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from remission.base import catalog, files
from remission.base.random import Floats, Stream, uniforms
from remission.decide.spread import Spread
from remission.engine import Draws

Mask = npt.NDArray[np.bool_]
NOISE_SHARES = np.concatenate([[0.01], np.linspace(0.05, 0.95, 19), [0.99, 0.999]])
LENGTHS = (0.5, 1.0, 2.0, 4.0)
PERMUTATIONS = 6


def pareto(points: Floats) -> Mask:
    """Which of the points (rows; more is better in every column) no other point beats: none is at least as good in every column and
    better in one. Equal points are all kept."""
    kept = np.ones(len(points), np.bool_)
    for at in range(len(points)):
        if kept[at]:
            as_good = (points >= points[at]).all(axis=1)
            better = (points > points[at]).any(axis=1)
            if (as_good & better).any():
                kept[at] = False
    return kept


def layers(points: Floats, resolution: Floats) -> npt.NDArray[np.int64]:
    """Number of the front on which each point lies when the fronts before it are taken away (0: the Pareto front).

    Differences below the resolution of a column do not count: points are compared by the box of that size in which they lie
    (epsilon-dominance: Laumanns, Thiele, Deb, Zitzler 2002, Evol Comput 10:263).
    """
    boxes = np.floor(points / resolution + 1e-9)
    found = np.full(len(points), -1, np.int64)
    layer = 0
    while (found < 0).any():
        left = np.flatnonzero(found < 0)
        found[left[pareto(boxes[left])]] = layer
        layer += 1
    return found


def probability_best(values: Floats) -> Floats:
    """Share of draws in which each option (column of (draws, options)) has the largest value; ties are shared. Sums to 1."""
    top = values == values.max(axis=1, keepdims=True)
    return np.asarray((top / top.sum(axis=1, keepdims=True)).mean(axis=0), np.float64)


def evpi(values: Floats) -> float:
    """Expected value of perfect information about everything: E[max] - max E over (draws, options), in the values' unit."""
    return float(values.max(axis=1).mean() - values.mean(axis=0).max())


def denoised(values: Floats, errors: Floats) -> Floats:
    """Values (draws, options) without simulation error. `errors` are the variances, of the same shape, of each option's difference
    from the mean over the options (the part common to all options does not matter for a choice)."""
    common = values.mean(axis=1, keepdims=True)
    columns = [Spread(values[:, option] - common[:, 0], errors[:, option]).denoised for option in range(values.shape[1])]
    return np.asarray(common + np.stack(columns, axis=1), np.float64)


@dataclass(frozen=True)
class Partial:
    """Expected value of knowing a group of parameters, and what the same estimate gives for a group that tells nothing (its noise)."""

    group: str
    evppi: float
    floor: float
    parameters: tuple[str, ...]

    def told(self, everything: float) -> bool:
        """Whether the value stands out from the estimate's own noise and is a part of knowing everything (5 % or more)."""
        return self.evppi > 2.0 * self.floor and self.evppi > 0.05 * everything


def parameter_groups() -> dict[str, tuple[str, ...]]:
    """Parameters by the headings of catalog/parameters.yaml."""
    data = files.read(catalog.root() / "parameters.yaml").data
    return {group: tuple(str(entry["name"]) for entry in entries) for group, entries in data.items()}


def group_columns(p: Draws, groups: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """The parameters of each group that vary between the draws."""
    varying = {name for column, name in enumerate(p.names) if np.ptp(p.values[:, column]) > 0}
    found = {group: tuple(name for name in names if name in varying) for group, names in groups.items()}
    return {group: names for group, names in found.items() if names}


def evppi_groups(values: Floats, p: Draws, groups: Mapping[str, Sequence[str]], seed: int = 0,
                 regressions: Regressions | None = None) -> list[Partial]:
    """Expected value of partial perfect information of every group, largest first. `regressions` keeps what depends on the draws
    alone, for other values in the same draws."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    found, kept = [], {} if regressions is None else regressions
    with threadpool_limits(1):  # many small decompositions: threads of a busy machine only wait for each other
        for group, names in group_columns(p, groups).items():
            if names not in kept:
                kept[names] = _Regression.on(np.stack([p.values[:, p.names.index(name)] for name in names], axis=1))
            found.append(Partial(group, *_evppi(values, kept[names], seed), names))
    return sorted(found, key=lambda item: -item.evppi)


def evppi(values: Floats, inputs: Floats, seed: int = 0) -> tuple[float, float]:
    """Expected value of knowing the `inputs` (draws, parameters), and the mean estimate when the inputs are shuffled among the draws."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return _evppi(values, _Regression.on(inputs), seed)


def _evppi(values: Floats, regression: _Regression, seed: int) -> tuple[float, float]:
    order = np.argsort(uniforms(seed, np.arange(PERMUTATIONS * len(values)), 0, Stream.PREDICTION, 1).reshape(PERMUTATIONS, -1), axis=1)
    shuffled = [_value(regression.fit(values[row])) for row in order]
    return _value(regression.fit(values)), float(np.mean(shuffled))


def _value(fitted: Floats) -> float:
    return max(0.0, evpi(fitted))


@dataclass(frozen=True)
class _Regression:
    """Kernels of the inputs, each decomposed once: for every output only the share of noise is left to choose."""

    kernels: tuple[tuple[Floats, Floats], ...]

    @staticmethod
    def on(inputs: Floats) -> _Regression:
        ranks = np.argsort(np.argsort(inputs, axis=0), axis=0)
        from scipy.special import ndtri

        x = ndtri((ranks + 0.5) / len(inputs))  # normal scores: skewed priors and outliers do not matter
        products = x @ x.T / x.shape[1]
        square = np.maximum(np.diag(products)[:, None] + np.diag(products)[None, :] - 2 * products, 0.0)
        radial = [np.exp(-square / (2 * length**2)) for length in LENGTHS]
        made = [products, *radial, *(0.5 * (products + kernel) for kernel in radial)]
        if x.shape[1] > 1:
            made.append(_additive(x))
        return _Regression(tuple(_decomposed(kernel) for kernel in made))

    def fit(self, values: Floats) -> Floats:
        """Fitted means of every option (columns) given the inputs."""
        middle = values.mean(axis=0, keepdims=True)
        reference = int(values.mean(axis=0).argmax())
        outputs = values - values[:, [reference]]
        level = outputs.mean(axis=0, keepdims=True)
        residual = outputs - level
        best = np.full(residual.shape[1], -np.inf)
        fitted = np.zeros_like(residual)
        for eigenvalues, vectors in self.kernels:
            rotated = vectors.T @ residual
            spectra = (1 - NOISE_SHARES[:, None]) * eigenvalues + NOISE_SHARES[:, None]
            scale = np.maximum((1 / spectra) @ rotated**2 / len(residual), 1e-300)
            evidence = -0.5 * (len(residual) * np.log(scale) + np.log(spectra).sum(axis=1)[:, None])
            share = evidence.argmax(axis=0)
            found = evidence[share, np.arange(len(share))]
            better = found > best + 1e-9
            if better.any():
                best[better] = found[better]
                gains = (1 - NOISE_SHARES[share[better]])[None, :] * eigenvalues[:, None] / spectra[share[better]].T
                fitted[:, better] = vectors @ (rotated[:, better] * gains)
        constant = np.ptp(outputs, axis=0) == 0
        fitted[:, constant] = 0.0
        return np.asarray(level + fitted + middle[:, [reference]], np.float64)


def _additive(x: Floats) -> Floats:
    """A sum of smooth functions of one input each."""
    total = np.zeros((len(x), len(x)))
    for column in range(x.shape[1]):
        total += np.exp(-0.5 * (x[:, [column]] - x[:, [column]].T) ** 2)
    return np.asarray(total / x.shape[1], np.float64)


def _decomposed(kernel: Floats) -> tuple[Floats, Floats]:
    """Eigenvalues (mean 1) and vectors of the centred kernel."""
    centred = kernel - kernel.mean(axis=0, keepdims=True) - kernel.mean(axis=1, keepdims=True) + kernel.mean()
    eigenvalues, vectors = np.linalg.eigh(centred)
    eigenvalues = np.maximum(eigenvalues, 0.0)
    mean = eigenvalues.mean()
    return np.asarray(eigenvalues / mean if mean > 0 else eigenvalues, np.float64), np.asarray(vectors, np.float64)


Regressions = dict[tuple[str, ...], _Regression]


@dataclass(frozen=True)
class Overturn:
    """A parameter in whose lower or upper third another option is ahead: of which option, by how much, with what standard error."""

    parameter: str
    third: str
    option: int
    gain: float
    standard_error: float


def overturns(values: Floats, p: Draws) -> list[Overturn]:
    """What would change the choice: thirds of single parameters in which another option beats the one that is best on average."""
    usual = int(values.mean(axis=0).argmax())
    found = []
    for column, name in enumerate(p.names):
        numbers = p.values[:, column]
        if np.ptp(numbers) == 0:
            continue
        low, high = np.quantile(numbers, [1 / 3, 2 / 3])
        for third, inside in (("lower", numbers <= low), ("upper", numbers >= high)):
            part = values[inside]
            other = int(part.mean(axis=0).argmax())
            gains = part[:, other] - part[:, usual]
            error = float(gains.std(ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else 0.0
            if other != usual and gains.mean() > 2 * error:
                found.append(Overturn(name, third, other, float(gains.mean()), error))
    return sorted(found, key=lambda item: -item.gain)
