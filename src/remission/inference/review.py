"""The main job: every published result of the catalog's trials beside what the model predicts for a trial of its size."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any

import numpy as np

import remission
from remission.base import catalog
from remission.base.errors import EmptySelection
from remission.base.histories import Histories
from remission.base.random import Floats
from remission.engine.parameters import Draws
from remission.engine.simulate import CHUNK_PATIENTS, simulate
from remission.evidence import Conflict, Row, TrialEvidence, load_trial, rows_of, sources
from remission.evidence.pool_rows import reviewed
from remission.inference.forecast import forecast
from remission.inference.predict import predict, reported
from remission.outcomes import Emulation, Reading, combine, enrolled
from remission.patients import load_population
from remission.protocol import Condition, Design, Regimen, load_design, load_regimen, timeline

ROUNDING = 0.005  # a published percentage is known to half a point
GRID_DAYS = 14
GRID_LIMIT_DAYS = 1096
FOLLOWED_DRAWS, FOLLOWED_PATIENTS = 40, 250
CURVE_STEP_MONTHS = 2.0
HELD = ("calibrate", "validate")
Progress = Callable[[str, float], None]


def comparable(row: Row, design: Design) -> bool:
    """Whether a row can be predicted: a fraction, of a defined endpoint, of a simulated arm. A number must have been
    published to be held against the prediction; where it was not reported the prediction stands alone."""
    if row.measure != "fraction" or row.subgroup is not None:
        return False
    if row.endpoint not in design.endpoints or row.arm not in design.arms:
        return False
    if row.value is None:
        return row.status == "not reported" and design.endpoints[row.endpoint].kind not in ("survival", "incidence")
    return row.role in HELD and row.status in ("reported", "derived", "disputed")


def size_of(row: Row, design: Design, reading: Reading) -> int:
    """Patients behind a published row: its own denominator, else the share of the arm that the model expects in it."""
    if row.n is not None:
        return row.n
    return max(1, round((design.arms[row.arm].enrolled or 100) * float(np.nanmedian(reading.size))))


def predict_row(row: Row, emulation: Emulation, p: Draws, seed: int) -> dict[str, Any]:
    """One row of the answer: published beside predicted, with the keys of `review.json`."""
    design = emulation.design
    where = Condition.parse(row.where) if row.where else None
    at = row.months if row.months is not None else row.assessment
    reading = emulation.read(row.endpoint, at, where, row.cut if row.cut in design.cuts else None)
    n = size_of(row, design, reading)
    name = f"{row.trial}/{row.arm}/{row.id}"
    found = predict(reading, n, p.arm_discrepancy[:, 0], p.numbers, seed, name)
    inside = None if row.value is None else bool(found.lo90 - ROUNDING <= row.value <= found.hi90 + ROUNDING)
    return {
        "trial": row.trial,
        "arm": row.arm,
        "endpoint": row.endpoint,
        "months": row.months,
        "at": row.assessment,
        "where": row.where,
        "n_enrolled": design.arms[row.arm].enrolled,
        "median": round(found.median, 4),
        "lo90": round(found.lo90, 4),
        "hi90": round(found.hi90, 4),
        "expected": round(found.expected, 4),
        "draws": len(p),
        "seed": seed,
        "posterior": p.name,
        "catalog": catalog_digest(),
        "published": row.value,
        "published_n": row.n,
        "numerator": row.numerator,
        "lo95": row.lo95,
        "hi95": row.hi95,
        "role": row.role,
        "source": row.source,
        "place": row.place,
        "published_on": row.published_on,
        "status": row.status,
        "note": row.note,
        "conflict": row.conflicts[0] if row.conflicts else None,
        "id": row.id,
        "covered90": inside,
    }


def simulated_trials() -> tuple[str, ...]:
    """Trials of the review that have reported something to be held against a prediction, and can be simulated."""
    return tuple(name for name in sorted(reviewed()) if _simulable(load_design(name).design))


def ongoing_trials() -> tuple[str, ...]:
    """Frontline trials of the catalog that are under way and can be simulated."""
    designs = ((name, load_design(name).design) for name in catalog.ids("trials"))
    return tuple(
        name
        for name, design in designs
        if design.status == "ongoing"
        and _simulable(design)
        and not any(load_population(arm.population).relapsed for arm in design.arms.values())
    )


def _simulable(design: Design) -> bool:
    """Whether the regimens and populations of every arm are in the catalog."""
    regimens, populations = set(catalog.ids("regimens")), set(catalog.ids("populations"))
    arms = design.arms.values()
    return bool(arms) and all({*arm.regimens} <= regimens and arm.population in populations for arm in arms)


@lru_cache(maxsize=1)
def catalog_digest() -> str:
    """Hash of every file of the catalog."""
    return catalog.digest()


def review(
    trials: Iterable[str],
    p: Draws,
    patients: int,
    seed: int,
    progress: Progress | None = None,
    threads: int | None = None,
    chunk_patients: int = CHUNK_PATIENTS,
    ongoing: Iterable[str] = (),
    unseen: Mapping[str, Draws] | None = None,
) -> dict[str, Any]:
    """Simulate every arm of the trials and hold the published results against the predictions.

    `unseen` holds for some trials draws of the model fitted to the other trials only: these are predicted from them, the rest from `p`
    (`unseen` in each row and each trial says which). `ongoing` trials have not reported: what they will show is predicted
    (`forecast`, with its date and hash).
    Returns plain data: `rows`, `summary`, `trials` (timelines, curves, MRD, conflicts, assumptions), `sources`, `provenance`.
    The same inputs and seed give the same data but for `created` and `seconds` in `provenance`.
    """
    began = time.perf_counter()
    tell = progress or (lambda what, share: None)
    found = [load_trial(identifier) for identifier in trials]
    work = sum(len({(arm.regimens, arm.population) for arm in trial.design.arms.values()}) for trial in found)
    done = 0.0
    rows: list[dict[str, Any]] = []
    pages: list[dict[str, Any]] = []
    for trial in found:
        own = (unseen or {}).get(trial.id, p)
        courses: dict[tuple[tuple[str, ...], str], Courses] = {}
        for arm in trial.design.arms.values():
            key = (arm.regimens, arm.population)
            if key not in courses:
                part = partial(_tell_part, tell, trial.id, done, work, len(own))
                courses[key] = _courses(key, own, patients, seed, threads, chunk_patients, part)
                done += 1.0
                tell(trial.id, done / work)
        held = [row for row in rows_of(trial) if comparable(row, trial.design)]
        views = {
            name: courses[arm.regimens, arm.population].emulation(trial.design, name)
            for name, arm in trial.design.arms.items()
        }
        told = {"unseen": own is not p}
        rows += [predict_row(row, views[row.arm], own, seed) | told for row in held]
        pages.append(_page(trial, held, views, courses, own, seed) | told)
    cited = {row["source"] for row in rows}
    cited |= {reading.source.ref for trial in found for conflict in trial.conflicts for reading in conflict.readings}
    fields = {"title", "authors", "where", "doi", "published", "registry"}
    return {
        "rows": rows,
        "summary": summary(rows),
        "trials": pages,
        "forecast": forecast(ongoing, p, patients, seed, threads, tell),
        "sources": {ref: sources()[ref].model_dump(include=fields) for ref in sorted(cited)},
        "provenance": _provenance(p, patients, seed, began),
    }


def _tell_part(tell: Progress, what: str, done: float, work: int, draws: int, finished: int) -> None:
    tell(what, (done + 0.9 * finished / draws) / work)


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts and errors over all rows with a published number, and by trial."""
    rows = [row for row in rows if row["published"] is not None]

    def of(chosen: list[dict[str, Any]]) -> dict[str, Any]:
        inside = sum(row["covered90"] for row in chosen)
        misses = [abs(row["median"] - row["published"]) for row in chosen]
        return {
            "n": len(chosen),
            "covered90": inside,
            "coverage90": round(inside / len(chosen), 4) if chosen else None,
            "mean_absolute_error": round(float(np.mean(misses)), 4) if chosen else None,
        }

    names = list(dict.fromkeys(row["trial"] for row in rows))
    return {**of(rows), "by_trial": {name: of([row for row in rows if row["trial"] == name]) for name in names}}


@dataclass(frozen=True)
class Courses:
    """The regimens of an arm, each followed in all patients (`whole`) and, for the picture of burden, the first regimen's in a few."""

    plans: tuple[Regimen, ...]
    whole: Mapping[str, Histories]
    followed: Histories

    def emulation(self, design: Design, name: str) -> Emulation:
        """An arm seen in them."""
        return Emulation(combine(design.arms[name], self.whole), design, name, self.plans)


def _courses(
    key: tuple[tuple[str, ...], str],
    p: Draws,
    patients: int,
    seed: int,
    threads: int | None,
    chunk_patients: int,
    progress: Callable[[int], None],
) -> Courses:
    plans, population = tuple(load_regimen(name) for name in key[0]), load_population(key[1])
    count = 0

    def step(n: int) -> None:
        nonlocal count
        count += n
        progress(count // len(plans))

    whole = {
        plan.id: simulate(
            plan, population, p, patients, seed, threads=threads, progress=step, chunk_patients=chunk_patients
        )
        for plan in plans
    }
    days = np.arange(0.0, min(GRID_LIMIT_DAYS, 365 + _length(plans[0])) + 1, GRID_DAYS)
    followed = simulate(
        plans[0],
        population,
        p.part(0, FOLLOWED_DRAWS),
        min(patients, FOLLOWED_PATIENTS),
        seed,
        grid=days,
        threads=threads,
        chunk_patients=chunk_patients,
    )
    return Courses(plans, whole, followed)


def _length(regimen: Regimen) -> int:
    return int(timeline(regimen)["days"])


def _page(
    trial: TrialEvidence,
    held: list[Row],
    views: Mapping[str, Emulation],
    courses: Mapping[tuple[tuple[str, ...], str], Courses],
    p: Draws,
    seed: int,
) -> dict[str, Any]:
    arms = []
    for name, arm in trial.design.arms.items():
        found = courses[arm.regimens, arm.population]
        mine = [row for row in held if row.arm == name]
        if not mine:
            continue
        arms.append(
            {
                "arm": name,
                "regimen": arm.regimen,
                "title": arm.title or found.plans[0].title,
                "timeline": timeline(found.plans[0]),
                "curves": _curves(trial, views[name], mine, p, seed),
                "mrd": _burden(found.followed, trial.design, name),
            }
        )
    return {
        "id": trial.id,
        "title": trial.title,
        "registry": trial.registry,
        "summary": trial.summary.strip(),
        "arms": arms,
        "conflicts": [_conflict(conflict) for conflict in trial.conflicts],
        "assumptions": _assumptions(trial, [plan for item in courses.values() for plan in item.plans]),
    }


def _curves(trial: TrialEvidence, view: Emulation, mine: list[Row], p: Draws, seed: int) -> dict[str, Any]:
    curves: dict[str, Any] = {}
    for name in dict.fromkeys(row.endpoint for row in mine if row.months is not None and row.where is None):
        if view.design.endpoint(name).kind != "survival":
            continue
        last = max(row.months for row in mine if row.endpoint == name and row.months is not None)
        months = np.arange(0.0, 12 * np.ceil((last + 6) / 12) + 0.1, CURVE_STEP_MONTHS)
        size = max(row.n or 0 for row in mine if row.endpoint == name) or view.arm.enrolled or 100
        curves[name] = _curve(view, name, months, size, p, seed, f"{trial.id}/{view.arm_name}/{name}")
    return curves


def _curve(view: Emulation, endpoint: str, months: Floats, size: int, p: Draws, seed: int, name: str) -> dict[str, Any]:
    rule = view.design.endpoint(endpoint)
    expected, worth, last = view.curve(endpoint, months[1:])
    bands = [[1.0, 1.0, 1.0]]
    for column in range(len(months) - 1):
        reading = Reading(expected[:, column], last.size, worth[:, column], last.simulated)
        reports = reported(reading, size, p.arm_discrepancy[:, 0], p.numbers, seed, name)
        bands.append(list(np.quantile(reports, [0.05, 0.5, 0.95])))
    zero = {"start": "start of treatment", "enrolment": "randomisation or enrolment", "remission": "remission"}[
        rule.from_
    ]
    columns = np.round(np.array(bands).T, 4).tolist()
    return {
        "months": months.tolist(),
        "lo90": columns[0],
        "median": columns[1],
        "hi90": columns[2],
        "time_zero": zero,
        "n": size,
        "definition": rule.note or ", ".join(rule.events),
    }


def _burden(h: Histories, design: Design, arm: str) -> dict[str, Any]:
    """Quantiles of log10 marrow fraction among patients of the arm who are alive without relapse."""
    try:
        inside, _ = enrolled(h, design.arms[arm])
    except EmptySelection:
        inside = np.ones(h.events["death"].shape, np.bool_)
    burden = h.burden[inside]
    days, quantiles = [], []
    for column, day in enumerate(h.grid):
        here = burden[:, column]
        here = here[~np.isnan(here)]
        if len(here) >= 50:
            days.append(float(day))
            quantiles.append(np.maximum(np.quantile(here, [0.1, 0.5, 0.9]), -12.0))
    columns = np.round(np.array(quantiles).T, 3).tolist() if quantiles else [[], [], []]
    return {"days": days, "q10": columns[0], "q50": columns[1], "q90": columns[2], "limit": 1e-4}


def _conflict(conflict: Conflict) -> dict[str, Any]:
    return {
        "id": conflict.id,
        "about": conflict.about,
        "resolution": conflict.resolution,
        "reason": conflict.reason,
        "readings": [
            {"says": reading.says, "source": reading.source.ref, "at": reading.source.at}
            for reading in conflict.readings
        ],
    }


def _assumptions(trial: TrialEvidence, plans: Iterable[Regimen]) -> list[str]:
    """What is assumed rather than sourced about the design and the regimens, each said once."""
    said: list[str] = []
    design = trial.design
    for name, endpoint in design.endpoints.items():
        if endpoint.assumed:
            said.append(f"{name}: {endpoint.assumed}")
    if design.follow_up is not None and (design.follow_up.assumed or "assumed" in (design.follow_up.note or "")):
        said.append(f"follow-up: {design.follow_up.assumed or design.follow_up.note}")
    for regimen in plans:
        for phase in regimen.phases:
            title = phase.title or phase.id
            items = [(title, phase.assumed)]
            items += [(f"{title}, {give.drug}", give.assumed) for give in phase.give if give.assumed != phase.assumed]
            said += [f"{regimen.id}, {about}: {text}" for about, text in items if text]
    return list(dict.fromkeys(" ".join(text.split()) for text in said))


def _provenance(p: Draws, patients: int, seed: int, began: float) -> dict[str, Any]:
    from importlib.metadata import version

    command = f"remission review --seed {seed} --draws {len(p)} --patients {patients}"
    return {
        "version": remission.__version__,
        "seed": seed,
        "draws": len(p),
        "patients_per_draw": patients,
        "posterior": p.name,
        "catalog_hash": catalog_digest(),
        "draws_hash": p.digest,
        "command": command,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "llvmlite": version("llvmlite"),
        "machine": f"{platform.system()} {platform.machine()}",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - began, 2),
    }
