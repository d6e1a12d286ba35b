"""The simulator as the fit sees it: the expected value of every target at given parameters.

Each regimen is simulated once per draw in its population; all targets of that arm are read from the same patients.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from remission.base import interruption
from remission.base.cores import cores
from remission.base.errors import EmptySelection
from remission.base.random import Floats
from remission.base.units import DAYS_PER_MONTH
from remission.engine import Draws
from remission.engine.simulate import simulate
from remission.inference.calibration.targets import Target, Targets
from remission.outcomes import Emulation, combine, incidence
from remission.patients import Population, load_population
from remission.protocol import Condition, Design, Regimen, load_design, load_regimen

COURSES_OF_A_TASK = 48_000
"""Virtual courses simulated at a time: small enough for the caches, large enough to keep Python out of the way."""
Progress = Callable[[float], None]
Arm = tuple[tuple[str, ...], str]


@dataclass(frozen=True)
class Readings:
    """What virtual trials report, shape (draws, targets).

    `share`: of patients in whom the endpoint holds, nan where nobody was in the analysis; `patients`: virtual patients analysed;
    `enrolled`: those in the arm.
    """

    share: Floats
    patients: Floats
    enrolled: Floats

    @property
    def logit(self) -> Floats:
        """Logit of the share, half a patient added on each side."""
        return np.asarray(
            np.log((self.share * self.patients + 0.5) / ((1 - self.share) * self.patients + 0.5)), np.float64
        )


def expected(
    targets: Targets,
    draws: Draws,
    patients: int,
    seed: int,
    progress: Progress | None = None,
    threads: int | None = None,
) -> Floats:
    """Expected value of every target in every draw, shape (draws, targets); nan where nobody is in the analysis."""
    return readings(targets, draws, patients, seed, progress, threads).share


def readings(
    targets: Targets,
    draws: Draws,
    patients: int,
    seed: int,
    progress: Progress | None = None,
    threads: int | None = None,
) -> Readings:
    """`expected` with the number of virtual patients behind each value.

    `patients` are simulated per arm and draw. The same seed, draw numbers and parameters give the same values on any number of
    threads. `progress` is called with the share that is done.
    """
    found = np.zeros((3, len(draws), len(targets)))
    by_arm: dict[Arm, list[int]] = {}
    for k, row in enumerate(targets.rows):
        by_arm.setdefault((row.regimens, row.population), []).append(k)
    step = max(1, COURSES_OF_A_TASK // max(1, patients))
    tasks = [(arm, first) for first in range(0, len(draws), step) for arm in by_arm]

    def work(arm: Arm, first: int) -> None:
        interruption.check()
        part = draws.part(first, min(first + step, len(draws)))
        rows = [targets.rows[k] for k in by_arm[arm]]
        found[:, first : first + step, by_arm[arm]] = _read(arm, rows, part, patients, seed)

    pool = ThreadPoolExecutor(max_workers=threads or cores())
    try:
        futures = [pool.submit(work, *task) for task in tasks]
        for done, future in enumerate(as_completed(futures), 1):
            future.result()
            if progress is not None:
                progress(done / len(tasks))
    finally:
        pool.shutdown(cancel_futures=True)
    return Readings(*found)


def _read(arm: Arm, rows: Sequence[Target], part: Draws, patients: int, seed: int) -> Floats:
    """Simulate one arm and read its targets: shares, patients analysed and enrolled, shape (3, draws, rows)."""
    plans = tuple(_regimen(name) for name in arm[0])
    people = _population(arm[1])
    made = {plan.id: simulate(plan, people, part, patients, seed, threads=1) for plan in plans}
    views: dict[tuple[str, str], Emulation] = {}
    found = np.zeros((3, len(part), len(rows)))
    for k, row in enumerate(rows):
        key = (row.trial, row.arm)
        if key not in views:
            design = _design(row.trial)
            views[key] = Emulation(combine(design.arms[row.arm], made), design, row.arm, plans)
        found[:, :, k] = _target(views[key], row)
    return found


def _target(view: Emulation, row: Target) -> Floats:
    """One target in each draw: share, patients analysed, patients enrolled."""
    where = Condition.parse(row.where) if row.where else None
    enrolled = view.members.inside.sum(axis=1).astype(np.float64)
    nobody = np.stack([np.full(len(enrolled), np.nan), np.zeros(len(enrolled)), enrolled])
    try:
        if row.kind == "survival":
            course, _ = view.times(row.endpoint, where)
            days = np.array([(row.months or 0.0) * DAYS_PER_MONTH])
            share = incidence(course.first, course.own, course.censor, course.among, days)[:, 0]
            share = 1.0 - share if view.design.endpoint(row.endpoint).kind == "survival" else share
            analysed = course.among.sum(axis=1).astype(np.float64)
        else:
            reading = view.read(row.endpoint, row.at, where, row.cut)
            share, analysed = reading.expected, reading.simulated if reading.simulated is not None else nobody[1]
    except EmptySelection:
        return nobody
    return np.stack([np.where(analysed > 0, np.clip(share, 0.0, 1.0), np.nan), analysed, enrolled])


@lru_cache(maxsize=64)
def _regimen(identifier: str) -> Regimen:
    return load_regimen(identifier)


@lru_cache(maxsize=64)
def _population(identifier: str) -> Population:
    return load_population(identifier)


@lru_cache(maxsize=64)
def _design(trial: str) -> Design:
    return load_design(trial).design
