"""NUTS through the emulator (NumPyro), for one data set or for many at once.

Chains are lanes of one vectorised run. Each lane has its own data, so the refits without each trial, and the fits of a
simulation-based calibration, cost little more than one fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from remission.base import interruption
from remission.base.random import Floats
from remission.inference.calibration.emulator import Emulator, network
from remission.inference.calibration.libraries import library
from remission.inference.calibration.likelihood import Data, log_likelihood, shift
from remission.inference.calibration.space import Space, discrepancy_at

PIECE = 50  # iterations between which a run can be stopped and tells how far it is
TARGET_ACCEPTANCE = 0.85
DEPTH = 8
LATENT = ("z", "arm", "own")


@dataclass(frozen=True)
class Chains:
    """Samples (lanes, samples, ...): coordinates `z`, discrepancies `arm` and `own` (all standard
    normal a priori), `log_likelihood`; `diverging` marks iterations at which the integrator failed, `steps` counts its steps."""

    z: Floats
    arm: Floats
    own: Floats
    log_likelihood: Floats
    diverging: npt.NDArray[np.bool_]
    steps: Floats

    def part(self, lanes: slice) -> Chains:
        """Some of the lanes."""
        return Chains(**{name: getattr(self, name)[lanes] for name in self.__dataclass_fields__})

    def flat(self, name: str) -> Floats:
        """All lanes' samples in one row."""
        value = getattr(self, name)
        return np.asarray(value.reshape(-1, *value.shape[2:]), np.float64)


def stack(sets: list[Data], chains: int) -> Data:
    """Data of several sets, each on `chains` lanes."""
    return Data(*(np.stack([getattr(item, name) for item in sets for _ in range(chains)]) for name in Data._fields))


class Model(NamedTuple):
    """What the posterior is made of besides the data: the emulator's weights and error, and the table of the discrepancy."""

    weights: Any
    error: Any
    table: Any


@dataclass(frozen=True)
class _Machine:
    """NUTS for one shape of problem; compiled once for each shape of data. `inputs` and `column` as in `Space`."""

    inputs: tuple[int, ...]
    column: int
    start: Callable[..., Any]
    run: Callable[..., Any]


def log_posterior(
    position: Mapping[str, Any], data: Data, model: Model, inputs: Any, column: int, xp: Any
) -> tuple[Any, Any]:
    """Log posterior density (up to a constant) and log-likelihood at one position (z, arm, own)."""
    z = position["z"]
    eta = network(model.weights, z[xp.asarray(inputs)], xp)
    tau = discrepancy_at(z, column, model.table, xp)
    moved = shift(tau, position["arm"], position["own"], data, model.error, xp)
    likelihood = log_likelihood(eta + moved, data, xp)
    return likelihood - 0.5 * sum(xp.sum(position[name] ** 2) for name in LATENT), likelihood


@lru_cache(maxsize=8)
def _machine(inputs: tuple[int, ...], column: int, warmup: int) -> _Machine:
    jax, jnp, hmc = library("jax"), library("jax.numpy"), library("numpyro.infer.hmc").hmc

    def generate(data: Data, model: Model) -> Any:
        return lambda position: -log_posterior(position, data, model, inputs, column, jnp)[0]

    initialise, advance = hmc(potential_fn_gen=generate, algo="NUTS")

    def begin(position: Any, data: Data, key: Any, model: Model) -> Any:
        return initialise(
            position,
            warmup,
            step_size=0.1,
            target_accept_prob=TARGET_ACCEPTANCE,
            max_tree_depth=DEPTH,
            model_args=(data, model),
            rng_key=key,
        )

    def iterate(state: Any, data: Data, model: Model) -> tuple[Any, Any]:
        state = advance(state, (data, model))
        likelihood = log_posterior(state.z, data, model, inputs, column, jnp)[1]
        return state, (*(state.z[name] for name in LATENT), likelihood, state.diverging, state.num_steps)

    def run(state: Any, data: Data, model: Model, count: int) -> Any:
        lanes = jax.vmap(iterate, in_axes=(0, 0, None))
        return jax.lax.scan(lambda s, _: lanes(s, data, model), state, None, length=count)

    return _Machine(inputs, column, jax.jit(jax.vmap(begin, in_axes=(0, 0, 0, None))), jax.jit(run, static_argnums=3))


def sample(
    space: Space,
    emulator: Emulator,
    data: Data,
    groups: int,
    *,
    warmup: int,
    samples: int,
    thin: int = 1,
    seed: int = 1,
    start: Floats | None = None,
    progress: Callable[[float], None] | None = None,
) -> Chains:
    """Run NUTS on every lane of `data` (fields (lanes, ...)); keep every `thin`-th of `samples`.

    `start`: coordinates (lanes, names) to begin at; the prior's centre if left out.
    """
    jax, jnp = library("jax"), library("jax.numpy")
    lanes, rows = data.yes.shape
    machine = _machine(tuple(space.inputs), space.column, warmup)
    weights = {name: jnp.asarray(value, jnp.float32) for name, value in emulator.weights.items()}
    model = Model(weights, jnp.asarray(emulator.error, jnp.float32), jnp.asarray(space.table, jnp.float32))
    whole = Data(*(jnp.asarray(a, jnp.int32 if name == "group" else jnp.float32) for name, a in data._asdict().items()))
    rng = np.random.default_rng(seed)
    sizes = {"z": len(space.names), "arm": groups, "own": rows}
    place = {name: 0.1 * rng.normal(size=(lanes, size)) for name, size in sizes.items()}
    place["z"] = place["z"] + (0.0 if start is None else start)
    keys = jax.random.split(jax.random.PRNGKey(seed), lanes)
    state = machine.start({name: jnp.asarray(value, jnp.float32) for name, value in place.items()}, whole, keys, model)
    kept = _pieces(machine, state, whole, model, warmup, samples, thin, progress)
    return Chains(*(np.moveaxis(part, 0, 1) for part in kept))


def _pieces(
    machine: _Machine,
    state: Any,
    data: Data,
    model: Model,
    warmup: int,
    samples: int,
    thin: int,
    progress: Callable[[float], None] | None,
) -> list[Any]:
    """Warm up and sample in pieces of equal length (one compilation); what the last one has too many is dropped."""
    parts: list[list[Any]] = []
    total = warmup + samples
    for done in range(PIECE, total + PIECE, PIECE):
        interruption.check()
        state, found = machine.run(state, data, model, PIECE)
        parts.append([np.asarray(part) for part in found])
        if progress is not None:
            progress(min(1.0, done / total))
    return [np.concatenate(column)[warmup:total:thin] for column in zip(*parts, strict=True)]
