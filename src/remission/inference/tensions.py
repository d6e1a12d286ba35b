"""Known tensions between model and evidence that no row of the review shows, measured anew with every set of parameter draws.

Each is an experiment on virtual patients beside a published number of other patients; none of them informs the model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from remission.base.histories import Histories
from remission.base.random import Floats
from remission.base.units import DAYS_PER_MONTH
from remission.engine.parameters import Draws
from remission.engine.simulate import simulate
from remission.patients import load_population
from remission.protocol import load_regimen

CONVENTIONAL, BLINATUMOMAB_FIRST = "ukall12-e2993", "s1318"


@dataclass(frozen=True)
class Tension:
    """One comparison: `read` gives the model's value in each draw; `published` the number of `n` patients, with its source."""

    id: str
    about: str
    regimen: str
    population: str
    read: Callable[[Histories], Floats]
    published: float
    n: int | None
    source: str
    note: str = ""


def _early_relapse(h: Histories) -> Floats:
    relapse = h.events["relapse"]
    return _ratio(relapse < 18 * DAYS_PER_MONTH, np.isfinite(relapse))


def _late_relapse(h: Histories) -> Floats:
    since = h.events["relapse"] - np.where(np.isfinite(h.events["remission"]), h.events["remission"], 0.0)
    return _ratio(since > 36 * DAYS_PER_MONTH, np.isfinite(h.events["relapse"]))


def _response(low: float, high: float) -> Callable[[Histories], Floats]:
    """Remission after two cycles of blinatumomab among patients with marrow blasts in a range (%)."""

    def read(h: Histories) -> Floats:
        slots = [k for k, slot in enumerate(h.slots) if slot.what == "remission" and slot.name in ("post-blina-1", "post-blina-2")]
        yes = np.nan_to_num(h.values[..., slots], nan=0.0).max(axis=-1) > 0
        blasts = h.covariates["marrow_blasts"]
        return _ratio(yes & (blasts >= low) & (blasts < high), (blasts >= low) & (blasts < high))

    return read


def _ratio(yes: Any, among: Any) -> Floats:
    return np.asarray((yes & among).sum(axis=1) / np.maximum(among.sum(axis=1), 1), np.float64)


def tensions() -> tuple[Tension, ...]:
    """All of them."""
    conventional = (CONVENTIONAL, "younger-ph-negative", "wider ages and other chemotherapy than in the report")
    first = (BLINATUMOMAB_FIRST, "relapsed-ph-negative", "after a steroid prephase; other schedules in the trials")
    return tuple(
        Tension(identifier, about, how[0], how[1], read, published, n, source, how[2])
        for identifier, about, how, read, published, n, source in (
            ("early-relapse", "share of relapses within 18 months of diagnosis, conventional chemotherapy", conventional,
             _early_relapse, 0.74, 547, "gokbuget-2012-relapse"),
            ("late-relapse", "share of relapses later than 3 years after remission, conventional chemotherapy", conventional,
             _late_relapse, 0.087, None, "ganzel-2020"),
            ("relapsed-response", "remission within two cycles of blinatumomab in relapsed disease", first,
             _response(0.0, 101.0), 0.44, 271, "kantarjian-2017"),
            ("low-burden-response", "the same with fewer than 50 % marrow blasts", first, _response(0.0, 50.0), 0.66, None, ""),
            ("high-burden-response", "the same with 50 % marrow blasts or more", first, _response(50.0, 101.0), 0.36, None, ""),
        )
    )  # fmt: skip


def measure(p: Draws, patients: int, seed: int, threads: int | None = None, chosen: Sequence[Tension] = ()) -> list[dict[str, Any]]:
    """Every tension with these draws: `published`, `n`, `source` ("" where the number is background knowledge), and the model's
    `median`, `lo90`, `hi90`."""
    courses: Mapping[tuple[str, str], Histories] = {}
    rows = []
    for item in chosen or tensions():
        key = (item.regimen, item.population)
        if key not in courses:
            plan, population = load_regimen(item.regimen), load_population(item.population)
            courses = {**courses, key: simulate(plan, population, p, patients, seed, threads=threads)}
        low, middle, high = np.quantile(item.read(courses[key]), [0.05, 0.5, 0.95])
        rows.append(
            {
                "id": item.id,
                "about": item.about,
                "regimen": item.regimen,
                "population": item.population,
                "published": item.published,
                "n": item.n,
                "source": item.source,
                "note": item.note,
                "median": round(float(middle), 4),
                "lo90": round(float(low), 4),
                "hi90": round(float(high), 4),
            }
        )
    return rows
