"""Finding good placements: all of them with few patients, the better ones with more, the finalists with many.

Every placement has the same virtual patients, the same parameter draws and the same luck, so that few patients tell placements
apart. The space is small enough to be enumerated: no optimiser decides what is looked at. Only the number of intrathecal doses is
held at its middle in the first look, because it changes nothing but relapse in the central nervous system; every number is tried
for the placements that stay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from remission.base import interruption
from remission.base.errors import EmptySelection, UsageError
from remission.base.random import Floats
from remission.decide.compare import run_regimen
from remission.decide.measures import Measure, Run
from remission.decide.placements import Limits, Placement, placements
from remission.decide.render import render
from remission.decide.space import Ph, space
from remission.decide.value import layers
from remission.engine import Draws
from remission.patients import Population

SURVIVORS, FINALISTS = 120, 20
TOO_MANY = 2.0  # standard errors by which a limit may be missed before a placement is dropped
Tell = Callable[[str, float], None]


@dataclass(frozen=True)
class Aims:
    """What placements are searched for, all counted so that more is better: event-free and overall survival, no severe toxicity, few
    days in care."""

    months: float

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The four aims."""
        return (Measure("EFS", self.months), Measure("OS", self.months), Measure("severe toxicity", self.months), Measure("care days"))

    @property
    def resolution(self) -> Floats:
        """Differences that count, in the order of the aims."""
        step = space().resolution
        return np.array([step.efs, step.os, step.severe_toxicity, step.care_days])

    def points(self, run: Run) -> tuple[Floats, Floats]:
        """Mean of each aim (signed so that more is better) and its standard error over draws."""
        means = [measure.kind.better * measure.of(run).mean(axis=1) for measure in self.measures]
        table = np.stack(means, axis=1)
        return table.mean(axis=0), table.std(axis=0, ddof=1) / np.sqrt(len(table)) if len(table) > 1 else 0.0 * table[0]


@dataclass(frozen=True)
class Bounds:
    """Limits that only a simulation can tell: most severe toxicity (share), most days in care (mean), and how much event-free survival
    may be given up against the best placement (share) for less toxicity or fewer days."""

    max_toxicity: float | None = None
    max_care_days: float | None = None
    max_loss: float = 0.15

    def kept(self, point: Floats, error: Floats, slack: float) -> bool:
        """Whether a placement keeps the limits, or misses them by less than `slack` standard errors."""
        limits = ((self.max_toxicity, 2), (self.max_care_days, 3))
        return all(most is None or -point[at] <= most + slack * error[at] for most, at in limits)


@dataclass(frozen=True)
class Stage:
    """One look at some placements: how many patients and draws, and how many placements."""

    patients: int
    draws: int
    count: int = 0


@dataclass(frozen=True)
class Found:
    """Placements that were looked at, and their aims (rows of `points`)."""

    placements: tuple[Placement, ...]
    points: Floats
    layer: Floats


@dataclass(frozen=True)
class Search:
    """The finalists, and how they were found."""

    finalists: tuple[Placement, ...]
    seen: Found
    declared: int
    stages: tuple[Stage, ...] = field(default=())


def search(population: Population, p: Draws, seed: int, limits: Limits, bounds: Bounds, aims: Aims, stages: Sequence[Stage],
           tell: Tell = lambda what, share: None) -> Search:
    """Finalists among all placements within the limits. Raises EmptySelection when none keeps them."""
    ph = disease_of(population)
    every = placements(ph, limits)
    if not every:
        raise EmptySelection("no placement keeps the limits", where="--max-cycles, --max-infusion-days, --max-chemotherapy",
                             why="the limits exclude every placement of catalog/placements.yaml", fix="widen a limit")
    middle = sorted(space().intrathecal.doses)[len(space().intrathecal.doses) // 2]
    first = _first_look(every, middle)
    coarse = look(first, population, p, seed, bounds, aims, stages[0], lambda share: tell("all placements", 0.55 * share))
    kept = {replace(item, intrathecal=middle) for item in (*_best_layers(coarse, SURVIVORS), *_best_of_each(coarse))}
    second = tuple(item for item in every if replace(item, intrathecal=middle) in kept or item in kept)
    fine = look(second, population, p, seed, bounds, aims, stages[1], lambda share: tell("the better placements", 0.55 + 0.25 * share))
    counted = (replace(stages[0], count=len(first)), replace(stages[1], count=len(second)))
    return Search(_finalists(fine), fine, len(every), counted)


def disease_of(population: Population) -> Ph:
    """Whether a population's disease is BCR::ABL1-positive. Raises UsageError for a mixed or a relapsed population."""
    if population.ph not in ("negative", "positive") or population.relapsed:
        raise UsageError(f"placements cannot be searched in '{population.id}'", where="--population", near="older-ph-negative",
                         why="its patients are relapsed" if population.relapsed else "it mixes BCR::ABL1-positive and -negative disease",
                         fix="choose a population with newly diagnosed disease of one kind")
    return "positive" if population.ph == "positive" else "negative"


def _first_look(every: tuple[Placement, ...], middle: int) -> tuple[Placement, ...]:
    """Placements with the middle number of intrathecal doses, or the nearest number that there is room for."""
    best: dict[Placement, Placement] = {}
    for item in every:
        key = replace(item, intrathecal=0)
        if key not in best or abs(item.intrathecal - middle) < abs(best[key].intrathecal - middle):
            best[key] = item
    return tuple(best.values())


def look(items: Sequence[Placement], population: Population, p: Draws, seed: int, bounds: Bounds, aims: Aims, stage: Stage,
         tell: Callable[[float], None] = lambda share: None) -> Found:
    """Simulate placements with a stage's patients and draws. Raises EmptySelection when none keeps the bounds."""
    draws = p.part(0, stage.draws)
    kept, points = [], []
    for number, item in enumerate(items):
        interruption.check()
        run = run_regimen(render(item, check=False), population, draws, stage.patients, seed)
        point, error = aims.points(run)
        if bounds.kept(point, error, TOO_MANY):
            kept.append(item)
            points.append(point)
        if number % 25 == 0:
            tell(number / len(items))
    if not kept:
        raise EmptySelection("no placement keeps the limits", where="--max-toxicity, --max-care-days",
                             why=f"all {len(items)} placements are more toxic or take more days", fix="widen a limit")
    return Found(tuple(kept), np.array(points), _layers(np.array(points), aims, bounds))


def _layers(points: Floats, aims: Aims, bounds: Bounds) -> Floats:
    """Fronts of the placements that give up no more event-free survival than allowed; the others come after all of them."""
    near = points[:, 0] >= points[:, 0].max() - bounds.max_loss
    found = np.full(len(points), np.inf)
    found[near] = layers(points[near], aims.resolution)
    return found


def _best_layers(found: Found, count: int) -> tuple[Placement, ...]:
    """Placements of the best fronts, whole fronts until there are `count`."""
    order = np.sort(found.layer[np.isfinite(found.layer)])
    last = order[min(count, len(order)) - 1]
    return tuple(item for item, layer in zip(found.placements, found.layer, strict=True) if layer <= last)


DIMENSIONS = ("first", "cycles", "courses", "order", "maintenance", "intrathecal", "transplant", "inhibitor")


def _best_of_each(found: Found) -> tuple[Placement, ...]:
    """For every choice in every dimension the placement with the best event-free survival."""
    taken: list[Placement] = []
    for name in DIMENSIONS:
        values = [getattr(item, name) for item in found.placements]
        for value in dict.fromkeys(values):
            having = [at for at, own in enumerate(values) if own == value]
            taken.append(found.placements[having[int(found.points[having, 0].argmax())]])
    return tuple(dict.fromkeys(taken))


def _finalists(found: Found) -> tuple[Placement, ...]:
    """The best of each aim, the best by event-free survival with each choice, then front members far from those already taken."""
    points = found.points
    scaled = (points - points.min(axis=0)) / np.maximum(np.ptp(points, axis=0), 1e-12)
    near = np.flatnonzero(np.isfinite(found.layer))
    taken = [int(near[points[near, aim].argmax()]) for aim in range(points.shape[1])]
    taken = list(dict.fromkeys([*taken, *(found.placements.index(item) for item in _best_of_each(found))]))
    front = [at for at in np.flatnonzero(found.layer == 0) if at not in taken]
    room = max(0, FINALISTS - sum(found.layer[at] == 0 for at in taken))
    while front and room:
        gaps = [min(float(np.abs(scaled[at] - scaled[other]).sum()) for other in taken) for at in front]
        taken.append(int(front.pop(int(np.argmax(gaps)))))
        room -= 1
    return tuple(found.placements[at] for at in taken)
