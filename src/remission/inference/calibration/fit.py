"""The fit: prior runs, ensemble smoother, runs near its answer, emulator, NUTS, runs near the posterior, emulator and NUTS again,
and re-weighting by the simulator.

Every stage leaves its result in the folder, so a fit that was killed goes on from there. Everything follows from the targets, the
settings and the program; threads and interruptions change nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from remission.base import files, interruption
from remission.base.random import Floats
from remission.engine import Draws
from remission.engine.posterior import hashes
from remission.inference.calibration import reweight, sharing, smoother
from remission.inference.calibration.checkpoint import Store
from remission.inference.calibration.diagnostics import (
    complaints,
    discrepancy_summary,
    parameter_table,
    summarise,
    target_table,
)
from remission.inference.calibration.emulator import Emulator, train
from remission.inference.calibration.libraries import require
from remission.inference.calibration.likelihood import Data, data_of
from remission.inference.calibration.sampler import Chains, sample, stack
from remission.inference.calibration.settings import Settings
from remission.inference.calibration.simulator import Readings, readings
from remission.inference.calibration.space import Space, load_space, numbers_of
from remission.inference.calibration.targets import Targets

Tell = Callable[[str, float], None]
PART = 250  # runs in one piece of a wave
PRIOR, ENSEMBLE, NEAR, POSTERIOR, CHECK = 10, 11, 30, 31, 32  # stages: addresses of their random numbers
WIDER, FLOOR = 1.4, 0.5  # spread of the second wave around the ensemble
CLOSER, LITTLE = 1.15, 0.1  # and of the third around the first posterior
SHORT = 2  # the first posterior takes half the samples


@dataclass(frozen=True)
class Wave:
    """Runs of the simulator: coordinates (runs, names) and what they gave."""

    z: Floats
    seen: Readings


@dataclass(frozen=True)
class Posterior:
    """The result of a fit.

    `kept` (released draws) are indices of samples of `chains`, by their weights where these tell (`reweight.Weighted`); `z` are their
    coordinates; `ensemble` is the smoother's answer, for comparison. `parameters`, `rows`, `summary` and `seconds` are the diagnostics.
    """

    targets: Targets
    settings: Settings
    space: Space
    emulator: Emulator
    chains: Chains
    ensemble: Floats
    kept: npt.NDArray[np.int64]
    z: Floats
    parameters: list[dict[str, Any]]
    rows: list[dict[str, Any]]
    summary: dict[str, Any]
    seconds: dict[str, float]
    folder: Path | None = None

    def draws(self, name: str = "calibration") -> Draws:
        """The draws as the engine reads them."""
        return self.space.draws(self.z, range(len(self.z)), name)

    @property
    def complaints(self) -> list[str]:
        """Reasons not to rely on the fit; empty when there are none."""
        return complaints(self.summary)


class _Clock:
    """Seconds by stage, and progress: each stage has its share of the whole."""

    def __init__(self, tell: Tell | None, shares: dict[str, float]) -> None:
        self.tell = tell or (lambda what, share: None)
        self.shares = shares
        self.seconds: dict[str, float] = {}
        self.total = sum(shares.values())

    def stage(self, name: str) -> Callable[[float], None]:
        """Begin a stage; returns what to call with the share of it that is done."""
        self.begun, self.name = time.perf_counter(), name
        names = list(self.shares)
        before = sum(self.shares[other] for other in names[: names.index(name)])

        def tell(share: float) -> None:
            interruption.check()
            self.seconds[name] = round(time.perf_counter() - self.begun, 1)
            self.tell(name, (before + share * self.shares[name]) / self.total)

        tell(0.0)
        return tell


def inputs_of(targets: Targets, settings: Settings, space: Space) -> dict[str, Any]:
    """Everything that a fit follows from, by hashes."""
    return {"targets": targets.digest, "settings": settings.to_dict(), "parameters": list(space.names), **hashes()}


def fit(
    targets: Targets,
    settings: Settings | None = None,
    folder: str | Path | None = None,
    progress: Tell | None = None,
    *,
    resume: bool = False,
    threads: int | None = None,
) -> Posterior:
    """Fit the parameters to the targets. With a folder every stage is kept there; `resume` goes on in a folder of the same fit.

    Raises UsageError when the folder holds another fit, or one that `resume` was not asked to go on with.
    """
    require()
    chosen = settings or Settings()
    space = load_space()
    store = Store.open(folder, inputs_of(targets, chosen, space), resume)
    clock = _Clock(progress, _shares(chosen))
    weighed = _weighed(targets, chosen, store, clock.stage("rows in common"), threads)
    data = data_of(weighed)
    run = _Runner(weighed, space, chosen, store, threads)
    prior = run.wave("prior", space.prior(chosen.prior_runs, chosen.seed, PRIOR), PRIOR, clock.stage("prior runs"))
    ensemble, path = _smoothed(run, data, clock.stage("ensemble smoother"))
    noise = space.prior(chosen.near_runs, chosen.seed, NEAR)
    around = smoother.inflate(ensemble, chosen.near_runs, WIDER, FLOOR, noise)
    near = run.wave("near", around, NEAR, clock.stage("runs near it"))
    first = run.train("first", [prior, path, near], clock.stage("first emulator"))
    half = replace(chosen, samples=max(1, chosen.samples // SHORT))
    early = run.sample("first", first, data, half, clock.stage("first posterior"))
    noise = space.prior(chosen.posterior_runs, chosen.seed, POSTERIOR)
    middle = early.flat("z")[reweight.spaced(early, chosen.posterior_runs)]
    around = smoother.inflate(middle, chosen.posterior_runs, CLOSER, LITTLE, noise)
    last = run.wave("posterior", around, POSTERIOR, clock.stage("runs in it"))
    emulator = run.train("emulator", [prior, path, near, last], clock.stage("emulator"))
    chains = run.sample("chains", emulator, data, chosen, clock.stage("posterior"))
    index = reweight.spaced(chains, chosen.checked)
    check = run.wave(
        "check", chains.flat("z")[index], CHECK, clock.stage("check by the simulator"), chosen.checked_patients
    )
    return _finish(run, clock, data, emulator, chains, ensemble, index, prior, check)


def _shares(s: Settings) -> dict[str, float]:
    """Rough share of each stage in the time, in virtual patients and their like."""
    sampling = 0.15 * (s.prior_runs + s.near_runs + s.posterior_runs) * s.patients
    return {
        "rows in common": 100.0 * s.virtual,
        "prior runs": float(s.prior_runs * s.patients),
        "ensemble smoother": float(s.ensemble * s.assimilations * s.patients),
        "runs near it": float(s.near_runs * s.patients),
        "first emulator": sampling / 4,
        "first posterior": sampling / 2,
        "runs in it": float(s.posterior_runs * s.patients),
        "emulator": sampling / 4,
        "posterior": sampling,
        "check by the simulator": float(s.checked * s.checked_patients),
    }


def _weighed(
    targets: Targets, s: Settings, store: Store, tell: Callable[[float], None], threads: int | None
) -> Targets:
    """The targets with their patients, correlation and spread."""

    def make() -> dict[str, Any]:
        found = sharing.weigh(targets, s.seed, s.virtual, progress=tell, threads=threads)
        return {"n": [row.n for row in found.rows], "correlation": found.correlation, "spread": found.spread}

    kept = store.piece("targets", make)
    tell(1.0)
    rows = tuple(replace(row, n=float(n)) for row, n in zip(targets.rows, kept["n"], strict=True))
    return replace(targets, rows=rows, correlation=kept["correlation"], spread=kept["spread"])


@dataclass(frozen=True)
class _Runner:
    """What every stage needs."""

    targets: Targets
    space: Space
    settings: Settings
    store: Store
    threads: int | None

    def wave(
        self, name: str, z: Floats, stage: int, tell: Callable[[float], None], patients: int | None = None
    ) -> Wave:
        """Simulate at coordinates z, part by part."""
        parts = []
        for first in range(0, len(z), PART):
            rows = z[first : first + PART]

            def make(rows: Floats = rows, first: int = first) -> dict[str, Any]:
                draws = self.space.draws(rows, numbers_of(stage, len(rows), first))
                count = patients or self.settings.patients
                seen = readings(
                    self.targets,
                    draws,
                    count,
                    self.settings.seed,
                    lambda share: tell((first + share * len(rows)) / len(z)),
                    self.threads,
                )
                return {field.name: getattr(seen, field.name).astype(np.float32) for field in fields(seen)}

            parts.append(self.store.piece(f"{name}-{first // PART:03d}", make))
        tell(1.0)
        joined = {key: np.concatenate([part[key] for part in parts]).astype(np.float64) for key in parts[0]}
        return Wave(z, Readings(**joined))

    def train(self, name: str, waves: Sequence[Wave], tell: Callable[[float], None]) -> Emulator:
        """The emulator of some waves; its error is that in the last of them."""
        z = np.concatenate([wave.z for wave in waves])
        seen = join([wave.seen for wave in waves])
        region = np.arange(len(z)) >= len(z) - len(waves[-1].z)

        def make() -> dict[str, Any]:
            return train(
                self.targets.keys,
                self.space.names,
                self.space.inputs,
                z,
                seen,
                region=region,
                spread=self.targets.spread,
                hidden=self.settings.hidden,
                epochs=self.settings.epochs,
                members=self.settings.networks,
                seed=self.settings.seed,
                progress=tell,
            ).arrays()

        found = Emulator.of_arrays(self.store.piece(f"emulator-{name}", make))
        tell(1.0)
        return found

    def sample(self, name: str, emulator: Emulator, data: Data, s: Settings, tell: Callable[[float], None]) -> Chains:
        """NUTS through an emulator."""

        def make() -> dict[str, Any]:
            lanes = stack([data], s.chains)
            groups = len(self.targets.groups)
            found = sample(
                self.space, emulator, lanes, groups, warmup=s.warmup, samples=s.samples, seed=s.seed, progress=tell
            )
            return {field.name: getattr(found, field.name) for field in fields(found)}

        found = Chains(**self.store.piece(f"chains-{name}", make))
        tell(1.0)
        return found


def join(seen: Sequence[Readings]) -> Readings:
    """Readings of several waves as one."""
    return Readings(*(np.concatenate([getattr(item, field.name) for item in seen]) for field in fields(Readings)))


def _smoothed(run: _Runner, data: Data, tell: Callable[[float], None]) -> tuple[Floats, Wave]:
    """The ensemble after ES-MDA, and every run on its way (they train the emulator too)."""
    s = run.settings
    start = run.space.prior(s.ensemble, s.seed, ENSEMBLE)
    path: list[Wave] = []

    def simulate(z: Floats, step: int) -> Floats:
        wave = run.wave(
            f"smoother-{step}", z.copy(), ENSEMBLE + 1 + step, lambda share: tell((step + share) / s.assimilations)
        )
        path.append(wave)
        return wave.seen.logit

    assert run.targets.correlation is not None
    ensemble = smoother.smooth(run.space, data, run.targets.correlation, start, s.assimilations, s.seed, simulate)
    tell(1.0)
    return ensemble, Wave(np.concatenate([wave.z for wave in path]), join([wave.seen for wave in path]))


def _finish(
    run: _Runner,
    clock: _Clock,
    data: Data,
    emulator: Emulator,
    chains: Chains,
    ensemble: Floats,
    index: npt.NDArray[np.int64],
    prior: Wave,
    check: Wave,
) -> Posterior:
    """Weights, released draws and diagnostics."""
    s, space = run.settings, run.space
    ratio, noise = reweight.log_ratio(space, data, emulator, chains, index, check.seen)
    weighted = reweight.weigh_draws(ratio, noise)
    equal = np.full(len(index), 1.0 / len(index))
    chosen = reweight.resample(weighted.weights if weighted.telling else equal, s.released, s.seed)
    z = chains.flat("z")[index[chosen]]
    tau = float(np.median(np.asarray(space.discrepancy(z))))
    parameters = parameter_table(space, chains, z, ensemble)
    rows = target_table(run.targets, data, emulator, prior.seen, check.seen, chosen.tolist(), tau)
    summary = {
        **summarise(parameters, rows, chains, weighted),
        "checked": len(index),
        "discrepancy": discrepancy_summary(space, z),
    }
    folder = run.store.folder
    return Posterior(
        run.targets,
        s,
        space,
        emulator,
        chains,
        ensemble,
        index[chosen],
        z,
        parameters,
        rows,
        summary,
        _seconds(folder, clock.seconds),
        folder,
    )


def _seconds(folder: Path | None, taken: dict[str, float]) -> dict[str, float]:
    """Seconds of every stage; of one that was read from the folder, those that it took when it ran."""
    if folder is None:
        return taken
    place = folder / "seconds.json"
    before = json.loads(place.read_text(encoding="utf-8")) if place.is_file() else {}
    found = {name: max(seconds, float(before.get(name, 0.0))) for name, seconds in taken.items()}
    files.write_text(place, json.dumps(found))
    return found


def refit(
    source: Posterior,
    without: Iterable[Iterable[str]],
    progress: Callable[[float], None] | None = None,
    *,
    chains: int = 2,
    warmup: int | None = None,
    samples: int = 500,
    draws: int = 500,
) -> list[Draws]:
    """Posteriors of a fit without some of its data, all at once through its emulator: one `Draws` for each set of `without`.

    A set holds trial ids or row keys (trial/arm/id). The draws are not re-weighted by the simulator; the emulator's error is
    part of the likelihood instead.
    """
    require()
    targets = source.targets
    sets = [set(names) for names in without]
    used = [np.array([row.trial not in names and row.key not in names for row in targets.rows]) for names in sets]
    lanes = stack([data_of(targets, mask) for mask in used], chains)
    found = sample(
        source.space,
        source.emulator,
        lanes,
        len(targets.groups),
        warmup=warmup or source.settings.warmup,
        samples=samples,
        seed=source.settings.seed,
        progress=progress,
    )
    answers = []
    for k, names in enumerate(sets):
        own = found.part(slice(k * chains, (k + 1) * chains))
        z = own.flat("z")[reweight.spaced(own, draws)]
        label = "without " + ", ".join(sorted(names)) if names else "refit"
        answers.append(source.space.draws(z, range(len(z)), label))
    return answers


def load_fit(folder: str | Path, targets: Targets, settings: Settings) -> Posterior:
    """A finished fit from its folder (every stage is read, none is run again)."""
    return fit(targets, settings, folder, resume=True)
