"""The emulator: a small neural network that knows the simulator's expectation of every target at any parameters.

It is trained on single noisy runs with the binomial likelihood, so it learns the expectation and not one run's luck
(a mean over thousands of runs is known far better than any one of them). A linear map of the standard-normal coordinates carries
most of it; two hidden layers carry the rest. The mean of a few networks that began elsewhere errs less than any of them.
JAX trains it; NumPy is enough to evaluate it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from remission.base import interruption
from remission.base.random import Floats
from remission.inference.calibration.libraries import library
from remission.inference.calibration.simulator import Readings

Weights = Mapping[str, Any]
HELD_OUT = 10  # one run in ten is kept for the error
BATCH = 256
RATE = 5e-3
DECAY = 0.3  # of the hidden layers' weights, per step and unit of rate
DECAYING = ("in", "middle", "out")
MEMORY = 0.995  # of the running mean of the weights, which is what is kept
RIDGE = 1.0
TINY = 1e-30


@dataclass(frozen=True)
class Emulator:
    """The trained network and what is known of its error.

    `keys` names the rows, `inputs` the parameters that it reads, `columns` their places in z. `error` (rows,): SD of
    emulator minus simulator on the logit, beyond the noise of the simulator, on runs that it has not seen;
    `noise` (rows,): that noise, for comparison.
    """

    keys: tuple[str, ...]
    inputs: tuple[str, ...]
    columns: tuple[int, ...]
    weights: Mapping[str, npt.NDArray[np.float32]]
    error: Floats
    noise: Floats

    def logits(self, z: Floats) -> Floats:
        """Expected logit of every row at coordinates z (draws, names)."""
        return np.asarray(network(self.weights, z[..., list(self.columns)], np), np.float64)

    def keep(self, keys: tuple[str, ...]) -> Emulator:
        """The emulator of some of its rows, in the order of `keys`."""
        index = [self.keys.index(key) for key in keys]
        last = ("bias", "linear", "out")  # their last axis is over rows
        weights = {name: value[..., index] if name in last else value for name, value in self.weights.items()}
        return Emulator(keys, self.inputs, self.columns, weights, self.error[index], self.noise[index])

    def arrays(self) -> dict[str, Any]:
        """Plain arrays, from which `of_arrays` makes it again."""
        named = {f"w_{name}": np.asarray(value) for name, value in self.weights.items()}
        return {
            "keys": np.array(self.keys),
            "inputs": np.array(self.inputs),
            "columns": np.array(self.columns),
            "error": self.error,
            "noise": self.noise,
            **named,
        }

    @classmethod
    def of_arrays(cls, found: Mapping[str, Any]) -> Emulator:
        """The emulator kept by `arrays`."""
        return cls(
            tuple(str(key) for key in found["keys"]),
            tuple(str(name) for name in found["inputs"]),
            tuple(int(k) for k in found["columns"]),
            {name[2:]: found[name] for name in found if name.startswith("w_")},
            found["error"],
            found["noise"],
        )


def network(weights: Weights, x: Any, xp: Any) -> Any:
    """Logits (..., rows) at inputs x (..., inputs): the mean over the networks, which are the first axis of every weight."""
    first = _bend(xp.einsum("...i,mih->...mh", x, weights["in"]) + weights["in_bias"], xp)
    second = _bend(xp.einsum("...mh,mhk->...mk", first, weights["middle"]) + weights["middle_bias"], xp)
    count = weights["bias"].shape[0]
    straight = xp.einsum("...i,mir->...r", x, weights["linear"]) + weights["bias"].sum(axis=0)
    return (straight + xp.einsum("...mk,mkr->...r", second, weights["out"])) / count


def _bend(x: Any, xp: Any) -> Any:
    """x times its logistic function."""
    return x * 0.5 * (1 + xp.tanh(0.5 * x))


def train(
    keys: tuple[str, ...],
    names: tuple[str, ...],
    columns: tuple[int, ...],
    z: Floats,
    seen: Readings,
    *,
    region: npt.NDArray[np.bool_] | None = None,
    spread: Floats | None = None,
    hidden: int = 64,
    epochs: int = 60,
    members: int = 3,
    seed: int = 1,
    progress: Callable[[float], None] | None = None,
) -> Emulator:
    """Train on runs at z (runs, names); `region` marks the runs that lie where the emulator will be used, `spread` (rows,) is
    the SD on the logit between repetitions that the simulator adds to chance.

    One run in ten is held out and gives the error.
    """
    held = np.arange(len(z)) % HELD_OUT == HELD_OUT - 1
    x, (share, patients) = z[:, list(columns)], _counts(seen)
    start = _start(x[~held], share[~held], patients[~held], hidden, members, seed)
    weights = _descend(start, x[~held], share[~held], patients[~held], epochs, seed, progress)
    used = held if region is None else held & region
    used = used if used.sum() >= 50 else held
    error, noise = held_out(np.asarray(network(weights, x[used], np)), share[used], patients[used], spread)
    return Emulator(keys, tuple(names[k] for k in columns), columns, weights, error, noise)


def _counts(seen: Readings) -> tuple[Floats, Floats]:
    """Shares and patients, with zeros where nobody was analysed."""
    return np.where(seen.patients > 0, np.nan_to_num(seen.share), 0.0), np.asarray(seen.patients, np.float64)


def _start(
    x: Floats, share: Floats, patients: Floats, hidden: int, members: int, seed: int
) -> dict[str, npt.NDArray[np.float32]]:
    """Linear part by weighted ridge regression on the logit; the hidden layers at random, their output at zero."""
    y = np.log((share * patients + 0.5) / ((1 - share) * patients + 0.5))
    p = (share * patients + 0.5) / (patients + 1)
    w = patients * p * (1 - p)
    design = np.concatenate([np.ones((len(x), 1)), x], axis=1)
    penalty = RIDGE * np.eye(design.shape[1])
    penalty[0, 0] = 1e-6
    linear = np.empty((design.shape[1], y.shape[1]))
    for k in range(y.shape[1]):
        weighted = design * (w[:, k : k + 1] / max(w[:, k].mean(), 1e-12))
        linear[:, k] = np.linalg.solve(design.T @ weighted + penalty, weighted.T @ y[:, k])
    rng = np.random.default_rng(seed)
    inputs, rows = x.shape[1], y.shape[1]
    found = {
        "bias": np.repeat(linear[None, 0], members, axis=0),
        "linear": np.repeat(linear[None, 1:], members, axis=0),
        "in": rng.normal(size=(members, inputs, hidden)) / inputs**0.5,
        "in_bias": np.zeros((members, hidden)),
        "middle": rng.normal(size=(members, hidden, hidden)) / hidden**0.5,
        "middle_bias": np.zeros((members, hidden)),
        "out": np.zeros((members, hidden, rows)),
    }
    return {name: value.astype(np.float32) for name, value in found.items()}


def _descend(
    start: dict[str, npt.NDArray[np.float32]],
    x: Floats,
    share: Floats,
    patients: Floats,
    epochs: int,
    seed: int,
    progress: Callable[[float], None] | None,
) -> dict[str, npt.NDArray[np.float32]]:
    """Adam with weight decay (Loshchilov and Hutter 2019, ICLR) on the binomial likelihood, the rate falling as a cosine to zero;
    the running mean of the weights is returned. All networks see the same batches."""
    jax, jnp = library("jax"), library("jax.numpy")
    scale = np.maximum((patients * share * (1 - share)).mean(axis=0), 1.0)
    data = [jnp.asarray(a, jnp.float32) for a in (x, share, patients / scale)]
    batches = max(1, len(x) // BATCH)
    epoch = jax.jit(partial(_epoch, total=float(epochs * batches)))
    state = (start, _zeros(start), _zeros(start), start, jnp.zeros((), jnp.float32))
    rng = np.random.default_rng(seed + 1)
    for k in range(epochs):
        interruption.check()
        order = rng.permutation(len(x))[: batches * min(BATCH, len(x))].reshape(batches, -1)
        state = epoch(state, jnp.asarray(order), *data)
        if progress is not None:
            progress((k + 1) / epochs)
    return {name: np.asarray(value) for name, value in state[3].items()}


def _zeros(weights: Mapping[str, Any]) -> dict[str, Any]:
    return {name: np.zeros_like(value) for name, value in weights.items()}


def _epoch(state: Any, order: Any, x: Any, share: Any, patients: Any, total: float) -> Any:
    """One pass over the runs in the batches of `order`."""
    jax, jnp = library("jax"), library("jax.numpy")

    def loss(weights: Any, rows: Any) -> Any:
        one_by_one = jax.vmap(lambda own: network({name: w[None] for name, w in own.items()}, x[rows], jnp))
        eta = one_by_one(weights)
        return jnp.sum(
            jnp.mean(jnp.sum(patients[rows] * (jnp.logaddexp(0.0, eta) - share[rows] * eta), axis=2), axis=1)
        )

    def step(carry: Any, rows: Any) -> tuple[Any, None]:
        weights, first, second, mean, count = carry
        gradient = jax.grad(loss)(weights, rows)
        count = count + 1
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradient)
        rate = RATE * 0.5 * (1 + jnp.cos(jnp.pi * count / total))
        moved = jax.tree.map(
            lambda m, v: (m / (1 - 0.9**count)) / (jnp.sqrt(v / (1 - 0.999**count)) + 1e-8), first, second
        )
        weights = {n: w - rate * (moved[n] + DECAY * (n in DECAYING) * w) for n, w in weights.items()}
        keep = jnp.minimum(MEMORY, count / (count + 10.0))
        mean = jax.tree.map(lambda a, w: keep * a + (1 - keep) * w, mean, weights)
        return (weights, first, second, mean, count), None

    return jax.lax.scan(step, state, order)[0]


def held_out(eta: Floats, share: Floats, patients: Floats, spread: Floats | None = None) -> tuple[Floats, Floats]:
    """Error of the emulator beyond the simulator's noise, and that noise, both SD on the logit; shapes (rows,)."""
    p = 1 / (1 + np.exp(-eta))
    w = patients / np.maximum(patients.sum(axis=0), TINY)
    slope = np.sum(w * p * (1 - p), axis=0)
    between = 0.0 if spread is None else (p * (1 - p) * spread) ** 2
    chance = np.sum(w * (p * (1 - p) / np.maximum(patients, 1.0) + between), axis=0)
    excess = np.sum(w * (share - p) ** 2, axis=0) - chance
    slope = np.maximum(slope, 1e-6)
    return np.sqrt(np.maximum(excess, 0.0)) / slope, np.sqrt(chance) / slope
