"""Readings of published rows in simulated arms: each regimen is simulated once, in parts, and only the readings are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from remission.base import catalog
from remission.base.errors import EmptySelection
from remission.base.random import Floats
from remission.engine.parameters import Draws
from remission.engine.simulate import simulate
from remission.evidence import Row, load_trial, rows_of, trials
from remission.inference.predict import reported
from remission.inference.review import comparable, size_of
from remission.inference.validation.matching import key_of
from remission.inference.validation.scores import Forecast
from remission.outcomes import Emulation, Reading, combine
from remission.patients import load_population
from remission.protocol import Condition, Design, load_regimen

COURSES_AT_A_TIME = 100_000
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Asked:
    """A published row with the design of its trial."""

    row: Row
    design: Design

    @property
    def key(self) -> str:
        """Name of the row (trial/arm/id), the address of its random numbers."""
        return key_of(self.row)

    @property
    def arm(self) -> tuple[tuple[str, ...], str]:
        """Regimens and population of the row's arm."""
        arm = self.design.arms[self.row.arm]
        return arm.regimens, arm.population


def scorable(trial: str | None = None) -> tuple[Asked, ...]:
    """Published numbers that can be predicted and held against the prediction, of one trial or of all."""
    found = []
    for identifier in (trial,) if trial is not None else tuple(trials()):
        item = load_trial(identifier)
        for row in rows_of(item):
            if row.value is not None and comparable(row, item.design) and _there(row, item.design):
                found.append(Asked(row, item.design))
    return tuple(found)


def _there(row: Row, design: Design) -> bool:
    arm = design.arms[row.arm]
    regimens = all(name in catalog.ids("regimens") for name in arm.regimens)
    return regimens and arm.population in catalog.ids("populations")


def read_all(
    asked: Sequence[Asked], p: Draws, patients: int, seed: int, progress: Progress | None = None, threads: int | None = None
) -> Mapping[str, Reading]:
    """The reading of every row, by its key, in `patients` virtual patients for each draw.

    A row whose subgroup has nobody in any draw is left out. Each regimen is simulated once in a population.
    """
    tell = progress or (lambda what, share: None)
    parts: dict[str, list[Reading]] = {item.key: [] for item in asked}
    groups: dict[tuple[tuple[str, ...], str], list[Asked]] = {}
    for item in asked:
        groups.setdefault(item.arm, []).append(item)
    step = max(1, COURSES_AT_A_TIME // max(1, patients))
    firsts = range(0, len(p), step)
    done, work = 0, len(groups) * len(firsts)
    for (regimens, population), members in groups.items():
        plans, people = tuple(load_regimen(name) for name in regimens), load_population(population)
        for first in firsts:
            part = p.part(first, first + step)
            made = {plan.id: simulate(plan, people, part, patients, seed, threads=threads) for plan in plans}
            arms: dict[tuple[str, str], Emulation] = {}
            for item in members:
                name = (item.row.trial, item.row.arm)
                if name not in arms:
                    h = combine(item.design.arms[item.row.arm], made)
                    arms[name] = Emulation(h, item.design, item.row.arm, plans)
                parts[item.key].append(_read(item, arms[name], len(part)))
            done += 1
            tell(members[0].row.trial, done / work)
    joined = {key: _join(found) for key, found in parts.items()}
    return {key: reading for key, reading in joined.items() if np.isfinite(reading.expected).any()}


def _read(item: Asked, arm: Emulation, draws: int) -> Reading:
    """One row in each draw; nan where nobody is in its subgroup."""
    row = item.row
    where = Condition.parse(row.where) if row.where else None
    at = row.months if row.months is not None else row.assessment
    cut = row.cut if row.cut in item.design.cuts else None
    try:
        return arm.read(row.endpoint, at, where, cut)
    except EmptySelection:
        nobody = np.full(draws, np.nan)
        return Reading(nobody, nobody, nobody, np.zeros(draws))


def _join(parts: Sequence[Reading]) -> Reading:
    def joined(name: str) -> Floats:
        return np.concatenate([getattr(part, name) for part in parts])

    return Reading(joined("expected"), joined("size"), joined("information"), joined("simulated"))


def forecast(item: Asked, reading: Reading, p: Draws, seed: int, weights: Floats | None = None) -> tuple[Forecast, int, int]:
    """What a trial of the row's size would report; also its analysed patients and how many of a plain proportion they are worth."""
    n = size_of(item.row, item.design, reading)
    sample = reported(reading, n, p.arm_discrepancy[:, 0], p.numbers, seed, item.key)
    shares = None
    if weights is not None:
        shares = np.repeat(weights[np.isfinite(reading.expected)], sample.shape[1])
    worth = max(1, round(n * float(np.nanmedian(reading.information))))
    return Forecast(sample.ravel(), shares), n, worth
