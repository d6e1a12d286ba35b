"""Paired comparison of regimens on the same virtual patients with the same luck."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from remission.base.errors import UsageError, nearest
from remission.base.histories import Histories
from remission.base.random import Floats
from remission.base.units import DAYS_PER_MONTH
from remission.engine.parameters import Draws
from remission.engine.simulate import simulate
from remission.patients import Population
from remission.protocol import Regimen

ENDPOINTS = {"OS": ("death",), "EFS": ("failure", "relapse", "death")}
"""Endpoints from the start of treatment, the same for every regimen: the days whose first is the event."""


@dataclass(frozen=True)
class Interval:
    """Median and 90 % credible interval over parameter draws."""

    median: float
    lo90: float
    hi90: float


@dataclass(frozen=True)
class Comparison:
    """Share alive or event-free under `a` minus under `b`.

    `difference` spreads over parameter draws; `monte_carlo_se` is the standard error that comes from simulating a finite number
    of patients in each draw; `probability_better` is the share of draws in which `a` is ahead (ties count half).
    """

    a: str
    b: str
    endpoint: str
    months: float
    difference: Interval
    monte_carlo_se: float
    probability_better: float


def parse_endpoint(text: str) -> tuple[str, float]:
    """Read "EFS@36mo" as (EFS, 36). Raises UsageError."""
    match = re.fullmatch(r"([A-Z]+)@([0-9]{1,3}(?:\.[0-9])?)(?:mo)?", text.strip())
    name = match[1] if match else text.split("@")[0][:20]
    if match is None or name not in ENDPOINTS or not 0 < float(match[2]) <= 180:
        raise UsageError(
            f"'{text[:40]}' is not an endpoint to compare",
            where="--endpoint",
            why="regimens are compared by " + " and ".join(ENDPOINTS) + " at 1 to 180 months",
            near=f"{nearest(name, ENDPOINTS) or 'EFS'}@36mo",
            fix="write e.g. EFS@36mo",
        )
    return name, float(match[2])


def event_free(h: Histories, endpoint: str, months: float) -> Floats:
    """1 where a patient is alive (and event-free) at a time from the start of treatment, shape (draws, patients)."""
    first = np.minimum.reduce([h.events[name] for name in ENDPOINTS[endpoint]])
    return np.asarray(first > months * DAYS_PER_MONTH, np.float64)


def compare(
    regimens: Sequence[Regimen],
    population: Population,
    p: Draws,
    patients: int,
    seed: int,
    endpoint: str = "EFS",
    months: float = 36.0,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Simulate every regimen in the same patients; returns `arms` and `comparisons` (each pair in the order given).

    Identical regimens differ by exactly zero.
    """
    if len(regimens) < 2:
        raise UsageError(
            "one regimen cannot be compared", why="a comparison needs two or more", fix="name another regimen"
        )
    free = [
        event_free(simulate(regimen, population, p, patients, seed, progress=progress), endpoint, months)
        for regimen in regimens
    ]
    arms = [
        {"regimen": regimen.id, "endpoint": endpoint, "months": months, **asdict(_interval(table.mean(axis=1)))}
        for regimen, table in zip(regimens, free, strict=True)
    ]
    pairs = [
        asdict(_pair(regimens[i].id, regimens[j].id, free[i] - free[j], endpoint, months))
        for i, j in combinations(range(len(free)), 2)
    ]
    return {
        "population": population.id,
        "draws": len(p),
        "posterior": p.name,
        "patients": patients,
        "seed": seed,
        "arms": arms,
        "comparisons": pairs,
    }


def _pair(a: str, b: str, paired: Floats, endpoint: str, months: float) -> Comparison:
    by_draw = paired.mean(axis=1)
    error = float(np.sqrt(np.mean(paired.var(axis=1)) / paired.shape[1]))
    ahead = float(np.mean((by_draw > 0) + 0.5 * (by_draw == 0)))
    return Comparison(a, b, endpoint, months, _interval(by_draw), error, ahead)


def _interval(values: Floats) -> Interval:
    low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
    return Interval(float(middle), float(low), float(high))
