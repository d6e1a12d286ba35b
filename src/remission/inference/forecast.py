"""Dated predictions for trials that have not reported: what each arm will show, and by how much the arms will differ."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import combinations
from typing import Any

import numpy as np

from remission.base.hashing import digest
from remission.base.random import Floats, Stream, normals
from remission.engine.parameters import Draws
from remission.engine.simulate import simulate
from remission.inference.predict import predict, settled
from remission.outcomes import Emulation, Reading, combine
from remission.patients import load_population
from remission.protocol import Arm, Design, TrialDesign, load_design, load_regimen

MONTHS = {"survival": (12.0, 24.0, 36.0, 60.0), "incidence": (36.0,)}
ALWAYS = ("CR", "EFS", "OS", "CIR", "NRM", "CRS3+", "NT3+")
CONTRASTED = ("EFS", "OS")
UNKNOWN_SIZE = 100
Progress = Callable[[str, float], None]


def whole_size(arm: Arm) -> int:
    """Patients that an arm will have when the trial is complete: as planned, else those enrolled (100 where neither is known)."""
    return arm.planned or arm.enrolled or UNKNOWN_SIZE


def asked(design: Design) -> list[tuple[str, float | None]]:
    """The trial's own endpoints and the usual ones, with their times in months (None: the trial's own assessment, or ever)."""
    names = list(dict.fromkeys([*design.endpoints, *ALWAYS]))
    found: list[tuple[str, float | None]] = []
    for name in names:
        times = MONTHS.get(design.endpoint(name).kind)
        found += [(name, t) for t in times] if times else [(name, None)]
    return found


def forecast(
    trials: Iterable[str], p: Draws, patients: int, seed: int, threads: int | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """Predictions for every arm of the trials: `made` (date), `hash` (of the rows), `rows` with the keys of `review.json` and
    `contrasts` between the arms of a trial (difference of survival in infinitely large arms, and the chance that it is positive)."""
    rows: list[dict[str, Any]] = []
    contrasts: list[dict[str, Any]] = []
    designs = [load_design(name) for name in trials]
    for k, trial in enumerate(designs):
        if progress is not None:
            progress(trial.id, k / len(designs))
        seen = {name: _emulation(trial, name, p, patients, seed, threads) for name in trial.design.arms}
        for name, emulation in seen.items():
            rows += [_row(trial, name, emulation, endpoint, at, p, seed) for endpoint, at in asked(trial.design)]
        for a, b in combinations(seen, 2):
            contrasts += [_contrast(trial.id, a, b, seen[a], seen[b], endpoint, p, seed) for endpoint in CONTRASTED]
    content = {"rows": rows, "contrasts": contrasts}
    return {"made": datetime.now(UTC).date().isoformat(), "hash": digest(content), **content}


def _emulation(trial: TrialDesign, name: str, p: Draws, patients: int, seed: int, threads: int | None) -> Emulation:
    arm = trial.design.arms[name]
    plans = {identifier: load_regimen(identifier) for identifier in arm.regimens}
    population = load_population(arm.population)
    courses = {name: simulate(plan, population, p, patients, seed, threads=threads) for name, plan in plans.items()}
    return Emulation(combine(arm, courses), trial.design, name, tuple(plans.values()))


def _row(
    trial: TrialDesign, name: str, emulation: Emulation, endpoint: str, at: float | None, p: Draws, seed: int
) -> dict[str, Any]:
    reading = emulation.read(endpoint, at)
    size = whole_size(trial.design.arms[name])
    n = max(1, round(size * float(np.nanmedian(reading.size))))
    label = f"{trial.id}/{name}/{endpoint}/{at}"
    # What a trial with complete follow-up to that time would report: the data cut is not known yet.
    whole = Reading(reading.expected, reading.size, np.ones(len(reading.expected)), reading.simulated, reading.landmark)
    found = predict(whole, n, p.arm_discrepancy[:, 0], p.numbers, seed, label)
    return {
        "trial": trial.id,
        "arm": name,
        "endpoint": endpoint,
        "months": at,
        "where": None,
        "n_enrolled": size,
        "n_analysed": n,
        "median": round(found.median, 4),
        "lo90": round(found.lo90, 4),
        "hi90": round(found.hi90, 4),
        "expected": round(found.expected, 4),
        "draws": len(p),
        "seed": seed,
        "posterior": p.name,
    }


def _contrast(trial: str, a: str, b: str, first: Emulation, second: Emulation, endpoint: str, p: Draws, seed: int) -> dict[str, Any]:
    months = 36.0
    difference = _shifted(first.read(endpoint, months), p, seed, f"{trial}/{a}") - _shifted(
        second.read(endpoint, months), p, seed, f"{trial}/{b}"
    )
    low, middle, high = np.quantile(difference, [0.05, 0.5, 0.95])
    return {
        "trial": trial,
        "a": a,
        "b": b,
        "endpoint": endpoint,
        "months": months,
        "difference": {"median": round(float(middle), 4), "lo90": round(float(low), 4), "hi90": round(float(high), 4)},
        "probability_better": round(float(np.mean((difference > 0) + 0.5 * (difference == 0))), 4),
    }


def _shifted(reading: Reading, p: Draws, seed: int, name: str) -> Floats:
    """Each draw's probability as a real arm would have it: moved by its own discrepancy."""
    share = settled(reading)
    z = normals(seed, np.full(len(p), zlib.crc32(name.encode())), p.numbers, Stream.PREDICTION, 1, first=8)[:, 0]
    return np.asarray(1 / (1 + np.exp(-(np.log(share / (1 - share)) + p.arm_discrepancy[:, 0] * z))))
