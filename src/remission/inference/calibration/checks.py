"""Is the method right? Simulation-based calibration, recovery of known parameters, and a second method on a reduced problem.

Simulation-based calibration (Talts et al. 2018, arXiv:1804.06788): parameters are drawn from the priors, data are made from them
by the simulator itself, and the fit is run on each set. If it is right, the rank of each true value among its posterior draws is
uniform. The test compares the ranks' distribution with simultaneous bands (Säilynoja et al. 2022, Stat Comput 32:32).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from remission.base.random import Floats
from remission.engine.parameters import Parameter
from remission.inference.calibration.emulator import Emulator, held_out, train
from remission.inference.calibration.fit import Posterior
from remission.inference.calibration.libraries import library, require
from remission.inference.calibration.likelihood import Data, data_of, log_likelihood, shift
from remission.inference.calibration.sampler import Chains, sample, stack
from remission.inference.calibration.simulator import Readings, readings
from remission.inference.calibration.space import DISCREPANCY, Space, numbers_of
from remission.inference.calibration.targets import Targets

SYNTHETIC, LATENT, REDUCED, EXPLAINED = 50, 51, 52, 53  # stages: addresses of random numbers
RANKS, THIN = 63, 8
EXPLAINED_PATIENTS = 50_000
BAND = 0.95
UNIFORM = 20_000
Tell = Callable[[float], None]


@dataclass(frozen=True)
class Made:
    """Data made from known parameters: truths (sets, names), their data, and what the simulator expected."""

    z: Floats
    data: list[Data]
    seen: Readings


def make_data(
    space: Space,
    targets: Targets,
    sets: int,
    seed: int,
    patients: int,
    scale: float = 1.0,
    progress: Tell | None = None,
    threads: int | None = None,
) -> Made:
    """Data sets from prior draws through the simulator, with discrepancies, and sampling errors that go together as in the
    targets; `scale` multiplies the patients of every row."""
    from scipy.special import ndtr
    from scipy.stats import binom

    assert targets.correlation is not None
    z = space.prior(sets, seed, SYNTHETIC)
    seen = readings(targets, space.draws(z, numbers_of(SYNTHETIC, sets)), patients, seed, progress, threads)
    whole = data_of(targets)
    rng = np.random.default_rng([seed, LATENT])
    arm = rng.normal(size=(sets, len(targets.groups)))
    own = rng.normal(size=(sets, len(targets)))
    # the simulator has drawn the effects of studies already, so they are not drawn again
    moved = shift(np.asarray(space.discrepancy(z)), arm, own, whole._replace(spread=np.zeros(len(targets))))
    p = 1 / (1 + np.exp(-(seen.logit + moved)))
    root = np.linalg.cholesky(targets.correlation)
    u = ndtr(rng.normal(size=(sets, len(targets))) @ root.T)
    size = np.maximum(1.0, np.rint(scale * whole.size))
    yes = binom.ppf(np.clip(u, 1e-12, 1 - 1e-12), size, p)
    return Made(z, [whole._replace(yes=row, size=size) for row in yes], seen)


def calibrate_by_simulation(
    source: Posterior,
    sets: int = 100,
    seed: int = 1,
    patients: int = 4000,
    scale: float = 1.0,
    progress: Tell | None = None,
    threads: int | None = None,
) -> dict[str, Any]:
    """Ranks of true values and how well they are recovered, over data sets made from prior draws.

    Returns `sets, ranks, band, outside, parameters` (p-value by rank test, ratio, correlation of truth and estimate, coverage
    of the 90 % interval, for each), `outside_share` (of parameters outside their 95 % band; 0.05 is expected) and `p_min`,
    the least p-value, corrected for the number of parameters.
    """
    require()
    tell = progress or (lambda share: None)
    space, targets = source.space, source.targets
    made = make_data(space, targets, sets, seed, patients, scale, lambda share: tell(0.4 * share), threads)
    emulator = at_prior(source.emulator, made, targets)
    found = sample(
        space,
        emulator,
        stack(made.data, 1),
        len(targets.groups),
        warmup=source.settings.warmup,
        samples=RANKS * THIN,
        thin=THIN,
        seed=seed,
        progress=lambda share: tell(0.4 + 0.6 * share),
    )
    return {"sets": sets, "scale": scale, **judge(space.names, made.z, found)}


def at_prior(emulator: Emulator, made: Made, targets: Targets) -> Emulator:
    """The emulator with its error over the prior instead of near the posterior."""
    error, noise = held_out(emulator.logits(made.z), np.nan_to_num(made.seen.share), made.seen.patients, targets.spread)
    return replace(emulator, error=error, noise=noise)


def judge(names: Sequence[str], truth: Floats, found: Chains) -> dict[str, Any]:
    """Uniformity of ranks and recovery, from truths (sets, names) and the samples of one lane for each."""
    ranks = (found.z < truth[:, None, :]).sum(axis=1)
    p = uniformity(ranks, found.z.shape[1])
    mean, sd = found.z.mean(axis=1), found.z.std(axis=1)
    low, high = np.quantile(found.z, [0.05, 0.95], axis=1)
    inside = ((low <= truth) & (truth <= high)).mean(axis=0)
    rows: list[dict[str, Any]] = []
    for k, name in enumerate(names):
        rows.append(
            {
                "parameter": name,
                "p": float(f"{p[k]:.3g}"),
                "ratio": round(float(np.sqrt(np.mean(sd[:, k] ** 2))), 3),
                "correlation": round(_correlation(mean[:, k], truth[:, k]), 3),
                "error": round(float(np.sqrt(np.mean(((mean[:, k] - truth[:, k]) / sd[:, k]) ** 2))), 3),
                "coverage90": round(float(inside[k]), 3),
            }
        )
    return {
        "draws": int(found.z.shape[1]),
        "band": BAND,
        "outside": [row["parameter"] for row in rows if row["p"] < 1 - BAND],
        "outside_share": round(float(np.mean(p < 1 - BAND)), 3),
        "p_min": float(f"{min(1.0, p.min() * len(names)):.3g}"),
        "coverage90": round(float(inside.mean()), 4),
        "divergences": int(found.diverging.sum()),
        "parameters": rows,
    }


def _correlation(a: Floats, b: Floats) -> float:
    return float(np.corrcoef(a, b)[0, 1]) if a.std() > 1e-12 else 0.0


def uniformity(ranks: npt.NDArray[np.int64], draws: int, seed: int = 1) -> Floats:
    """p-value of each column of ranks (sets, parameters) in 0..draws under uniformity, by the simultaneous ECDF band.

    The statistic is the least binomial tail probability of the ECDF over all ranks; its distribution under uniformity is
    simulated (`UNIFORM` times).
    """
    from scipy.stats import binom

    sets = len(ranks)
    grid = (np.arange(draws) + 1) / (draws + 1)
    counts = np.arange(sets + 1)[:, None]
    tail = np.minimum(binom.cdf(counts, sets, grid), binom.sf(counts - 1, sets, grid))

    def statistic(table: npt.NDArray[np.int64]) -> Floats:
        below = np.stack([(table <= r).sum(axis=0) for r in range(draws)])
        return np.asarray(tail[below, np.arange(draws)[:, None]].min(axis=0), np.float64)

    rng = np.random.default_rng(seed)
    pieces = [statistic(rng.integers(0, draws + 1, size=(sets, 2000))) for _ in range(UNIFORM // 2000)]
    uniform = np.sort(np.concatenate(pieces))
    return np.asarray((1 + np.searchsorted(uniform, statistic(ranks), side="right")) / (1 + len(uniform)), np.float64)


def reduced_space(space: Space, names: Sequence[str]) -> Space:
    """The space with all other parameters fixed at their medians, and without discrepancy."""
    parameters: list[Parameter] = []
    for item in space.parameters:
        if item.name in names:
            parameters.append(item)
            continue
        value = 0.0 if item.name == DISCREPANCY else float(item.value(0.0))
        parameters.append(item.model_copy(update={"prior": {"fixed": value}}))
    return Space(tuple(parameters))


def agree(
    source: Posterior,
    names: Sequence[str] | None = None,
    *,
    parameters: int = 5,
    runs: int = 3000,
    patients: int = 4000,
    walkers: int = 32,
    steps: int = 200,
    seed: int = 1,
    progress: Tell | None = None,
    threads: int | None = None,
) -> dict[str, Any]:
    """Two methods that share nothing but the likelihood, on a few parameters: NUTS through a new emulator, and emcee with
    differential-evolution moves on the simulator itself with common random numbers. Other parameters are fixed, and the data are
    what the simulator expects at the fit's means: the reduced model has no discrepancy, so the published results would push it to
    the edge of its priors.

    Returns for each parameter both means and SDs, their difference in SDs, and the ratio of SDs.
    """
    require()
    tell = progress or (lambda share: None)
    order = sorted(source.parameters, key=lambda row: float(row["ratio"]))
    chosen = list(names or [row["parameter"] for row in order if row["parameter"] != DISCREPANCY][:parameters])
    space = reduced_space(source.space, chosen)
    assert source.targets.spread is not None
    used = source.targets.spread == 0
    targets = source.targets
    data = _explained(source, targets, space, used, seed, threads)
    z = 1.5 * space.prior(runs, seed, REDUCED)
    seen = readings(
        targets, space.draws(z, numbers_of(REDUCED, runs)), 500, seed, lambda share: tell(0.2 * share), threads
    )
    emulator = train(
        targets.keys, space.names, space.inputs, z, seen, hidden=32, epochs=100, spread=targets.spread, seed=seed
    )
    chains = sample(
        space, emulator, stack([data], 4), len(targets.groups), warmup=500, samples=1000, seed=seed,
        progress=lambda share: tell(0.2 + 0.1 * share),
    )  # fmt: skip
    start = chains.flat("z")[:: max(1, 4000 // walkers)][:walkers]
    other, autocorrelation = _emcee(
        space, targets, data, start, patients, steps, seed, lambda share: tell(0.3 + 0.7 * share), threads
    )
    return _compared(space, chains.flat("z"), other, autocorrelation, emulator, used)


def _explained(
    source: Posterior, targets: Targets, space: Space, used: npt.NDArray[np.bool_], seed: int, threads: int | None
) -> Data:
    """Data that the reduced model can explain: as many patients as published, with the shares that it expects at the fit's means."""
    columns = [source.space.names.index(name) for name in space.names]
    mean = source.z[:, columns].mean(axis=0)[None]
    seen = readings(targets, space.draws(mean, numbers_of(EXPLAINED, 1)), EXPLAINED_PATIENTS, seed, None, threads)
    data = data_of(targets, used)
    share = np.nan_to_num(seen.share[0], nan=0.5)
    return data._replace(yes=share * data.size, spread=np.zeros(len(targets)))


def _emcee(
    space: Space, targets: Targets, data: Data, start: Floats, patients: int, steps: int, seed: int, tell: Tell,
    threads: int | None,
) -> tuple[Floats, float]:  # fmt: skip
    """Samples of the walkers after their first half, and the longest autocorrelation time."""
    emcee = library("emcee")
    done = 0

    def log_posterior(z: Floats) -> Floats:
        nonlocal done
        seen = readings(targets, space.draws(z, (0,) * len(z)), patients, seed, None, threads)
        done += 1
        tell(min(1.0, done / (2 * steps + 1)))
        with np.errstate(invalid="ignore"):
            found = log_likelihood(seen.logit, data) - 0.5 * (z**2).sum(axis=1)
        return np.where(np.isnan(found), -np.inf, found)  # nan: nobody came as far as some published result

    moves = [(emcee.moves.DEMove(), 0.8), (emcee.moves.DESnookerMove(), 0.2)]
    sampler = emcee.EnsembleSampler(len(start), start.shape[1], log_posterior, moves=moves, vectorize=True)
    state = np.random.RandomState(seed).get_state()
    sampler.random_state = state
    with redirect_stdout(sys.stderr):  # where emcee tells of trouble
        sampler.run_mcmc(start, steps)
    time = sampler.get_autocorr_time(quiet=True, tol=0)
    return sampler.get_chain(discard=steps // 2, flat=True), float(np.max(time))


def _compared(
    space: Space, one: Floats, other: Floats, autocorrelation: float, emulator: Emulator, used: npt.NDArray[np.bool_]
) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    for k, name in enumerate(space.names):
        a, b = (one[:, k].mean(), one[:, k].std()), (other[:, k].mean(), other[:, k].std())
        rows.append(
            {
                "parameter": name,
                "nuts": {"mean": round(float(a[0]), 3), "sd": round(float(a[1]), 3)},
                "emcee": {"mean": round(float(b[0]), 3), "sd": round(float(b[1]), 3)},
                "difference": round(float((a[0] - b[0]) / b[1]), 3),
                "sd_ratio": round(float(a[1] / b[1]), 3),
            }
        )
    return {
        "parameters": rows,
        "difference_max": max(abs(row["difference"]) for row in rows),
        "sd_ratio_range": [min(row["sd_ratio"] for row in rows), max(row["sd_ratio"] for row in rows)],
        "autocorrelation": round(autocorrelation, 1),
        "emulator_error_median": round(float(np.median(emulator.error[used])), 3),
    }
