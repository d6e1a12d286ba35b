"""One prediction: what would a trial's arm of a given size report for an endpoint, in everybody or in a subgroup?"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from remission.base import catalog
from remission.base.errors import NotFound, UsageError, nearest
from remission.engine.parameters import Draws
from remission.engine.simulate import simulate
from remission.inference.predict import predict
from remission.inference.review import catalog_digest
from remission.outcomes import read
from remission.patients import load_population
from remission.protocol import Arm, Condition, TrialDesign, load_design, load_regimen


def find_arm(text: str) -> tuple[TrialDesign, str, Arm]:
    """Read "e1910/blinatumomab" (or "s1318" for the arm `main`). Raises NotFound with the nearest arm."""
    name, _, chosen = text.partition("/")
    trial = load_design(name)
    arm = chosen or "main"
    if arm not in trial.design.arms:
        raise NotFound(
            f"the trial '{name}' has no arm '{arm[:40]}'",
            where=text[:80],
            why="its arms: " + (", ".join(trial.design.arms) or "none that can be simulated"),
            near=nearest(arm, trial.design.arms),
            fix="write TRIAL/ARM",
        )
    found = trial.design.arms[arm]
    for kind, identifier in (("regimens", found.regimen), ("populations", found.population)):
        if identifier not in catalog.ids(kind):
            raise NotFound(
                f"the arm '{name}/{arm}' cannot be simulated yet",
                where=f"catalog/{kind}",
                why=f"the catalog has no {kind[:-1]} '{identifier}'",
                near=nearest(identifier, catalog.ids(kind)),
                fix=f"add catalog/{kind}/{identifier}.yaml",
            )
    return trial, arm, found


def parse_time(text: str) -> tuple[str, str | float | None]:
    """Read "OS@36mo" as (OS, 36.0), "MRD-@cycle-1" as (MRD-, cycle-1) and "CRS3+" as (CRS3+, None)."""
    endpoint, _, at = text.strip().partition("@")
    match = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,2})?)(?:mo)?", at)
    if match is None:
        return endpoint, at or None
    months = float(match[1])
    if not 0 < months <= 180:
        raise UsageError(
            f"{months:g} months is out of range",
            where=text[:60],
            why="courses are followed for 15 years",
            near="36mo",
            fix="ask for a time between 0 and 180 months",
        )
    return endpoint, months


def ask(
    arm_text: str,
    endpoint_text: str,
    p: Draws,
    patients: int,
    seed: int,
    where: str | None = None,
    enrolled: int | None = None,
    progress: Callable[[int], None] | None = None,
    threads: int | None = None,
) -> dict[str, Any]:
    """The predictive distribution of what a trial arm with `enrolled` patients would report.

    Returns `trial, arm, endpoint, months, at, where, n_enrolled, n_analysed, median, lo90, hi90, expected, draws, seed, posterior,
    catalog`. Raises EmptySelection when nobody can be in the subgroup.
    """
    trial, name, arm = find_arm(arm_text)
    endpoint, at = parse_time(endpoint_text)
    condition = Condition.parse(where) if where else None
    size = enrolled if enrolled is not None else arm.enrolled
    if size is None or size < 1:
        raise UsageError(
            f"{size or 'no'} patients enrolled",
            where="--enrolled",
            why="a trial needs at least one",
            near="100",
            fix="say how many with --enrolled",
        )
    h = simulate(
        load_regimen(arm.regimen),
        load_population(arm.population),
        p,
        patients,
        seed,
        progress=progress,
        threads=threads,
    )
    reading = read(h, trial.design, name, endpoint, at, condition)
    analysed = max(1, round(size * float(np.nanmedian(reading.size))))
    address = f"{trial.id}/{name}/{endpoint_text}/{where}"
    found = predict(reading, analysed, p.arm_discrepancy[:, 0], p.numbers, seed, address)
    return {
        "trial": trial.id,
        "arm": name,
        "endpoint": endpoint,
        "months": at if isinstance(at, float) else None,
        "at": at if isinstance(at, str) else None,
        "where": str(condition) if condition else None,
        "n_enrolled": size,
        "n_analysed": analysed,
        "median": found.median,
        "lo90": found.lo90,
        "hi90": found.hi90,
        "expected": found.expected,
        "draws": len(p),
        "seed": seed,
        "posterior": p.name,
        "catalog": catalog_digest(),
    }
