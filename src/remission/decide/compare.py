"""Paired comparison of regimens on the same virtual patients with the same luck."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from remission.base.errors import UsageError, nearest
from remission.base.histories import CAUSES, SITES, Histories
from remission.base.random import Floats
from remission.base.units import DAYS_PER_MONTH
from remission.decide import burden
from remission.decide.measures import Measure, Run, event_days, parse_measure
from remission.decide.provenance import plain, plans_digest, provenance
from remission.decide.spread import Interval, Spread, interval, paired, spread
from remission.engine.parameters import Draws
from remission.engine.simulate import simulate
from remission.outcomes import made
from remission.patients import Population
from remission.protocol import Regimen

ENDPOINTS = {"OS": ("death",), "EFS": ("failure", "relapse", "death")}
"""Endpoints from the start of treatment, the same for every regimen: the days whose first is the event."""
MEASURES = ("EFS", "OS", "event-free months", "months alive", "days at home", "CR", "relapse", "CNS relapse", "death in remission",
            "treatment death", "induction death", "CRS3+", "NT3+", "VOD", "severe toxicity", "HSCT", "hospital days",
            "infusion days", "care days", "blinatumomab cycles", "intrathecal doses")
CURVE_MONTHS = 60
ONE_ARM = "strategy"  # all regimens of a comparison count as one study, so that they share its luck


@dataclass(frozen=True)
class Comparison:
    """A measure under `a` minus under `b` in the same patients.

    `difference` spreads over parameter draws as simulated; `monte_carlo_se` is the part of one draw's difference that comes from
    simulating a finite number of patients, `parameter_sd` the spread that is left for the parameters, and `credible` the interval
    without simulation error. `probability_better` is the probability that `a` is ahead, simulation error taken away; None where
    neither more nor less is better.
    """

    a: str
    b: str
    endpoint: str
    months: float | None
    difference: Interval
    monte_carlo_se: float
    parameter_sd: float
    credible: Interval
    probability_better: float | None


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
    return np.asarray(event_days(h, endpoint) > months * DAYS_PER_MONTH, np.float64)


def run_regimen(
    regimen: Regimen, population: Population, p: Draws, patients: int, seed: int, progress: Callable[[int], None] | None = None,
    threads: int | None = None,
) -> Run:
    """Simulate a regimen as one arm of a comparison: every regimen has the same patients, draws and study luck."""
    same = regimen.model_copy(update={"id": ONE_ARM})
    found = simulate(same, population, p, patients, seed, threads=threads, progress=progress)
    return Run(regimen, replace(found, regimen=regimen.id))


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
    """Simulate every regimen in the same patients. Returns plain data: `arms` with curves and measures, `comparisons` of the
    endpoint (each pair in the order given), `secondary` comparisons of every other measure, `assumptions` and `provenance`.

    Identical regimens differ by exactly zero.
    """
    began = time.perf_counter()
    if len(regimens) < 2:
        raise UsageError(
            "one regimen cannot be compared", why="a comparison needs two or more", fix="name another regimen"
        )
    names = _names(regimens)
    first = Measure(endpoint, months)
    wanted = [first, *(measure for measure in _measures(months) if measure != first)]
    arms, values = [], []
    for name, regimen in zip(names, regimens, strict=True):
        run = run_regimen(regimen, population, p, patients, seed, progress)
        arms.append(_arm(name, run, wanted, max(CURVE_MONTHS, months)))
        values.append({measure: measure.of(run) for measure in wanted})
    pairs = list(combinations(range(len(values)), 2))
    tables = {measure: [_pair(names[i], names[j], values[i], values[j], measure) for i, j in pairs] for measure in wanted}
    return {
        "population": population.id,
        "draws": len(p),
        "posterior": p.name,
        "patients": patients,
        "seed": seed,
        "endpoint": str(first),
        "arms": plain(arms),
        "comparisons": tables[first],
        "secondary": plain([pair for measure in wanted[1:] for pair in tables[measure]]),
        "hospital_rules": burden.basis(),
        "provenance": provenance(p, patients, seed, began, plans_hash=plans_digest(regimens)),
    }


def _names(regimens: Sequence[Regimen]) -> list[str]:
    """Ids, numbered where two regimens have the same."""
    ids = [regimen.id for regimen in regimens]
    return [name if ids.count(name) == 1 else f"{name} ({ids[: at + 1].count(name)})" for at, name in enumerate(ids)]


def _measures(months: float) -> list[Measure]:
    def at(name: str) -> str:
        plain = Measure(name)
        return f"{name}@{months:g}mo" if plain.kind.at in ("months", "horizon") else name

    return [parse_measure(at(name)) for name in MEASURES]


def summary(found: Spread) -> dict[str, float]:
    """Median, 90 % interval, simulation error and parameter spread of one number."""
    return {**asdict(found.interval), "monte_carlo_se": found.monte_carlo_se, "parameter_sd": found.parameter_sd}


def _arm(name: str, run: Run, measures: Sequence[Measure], longest: float) -> dict[str, Any]:
    first = measures[0]
    found = {str(measure): {"title": measure.title, "unit": measure.kind.unit, "better": measure.kind.better,
                            **summary(spread(measure.of(run)))} for measure in measures}
    grid = np.arange(0.0, longest + 0.5, 1.0)
    assert first.months is not None
    return {
        "regimen": name, "title": run.regimen.title, "endpoint": first.name, "months": first.months,
        **{key: found[str(first)][key] for key in ("median", "lo90", "hi90")},
        "measures": found,
        "curves": {endpoint: _curve(event_days(run.histories, endpoint), grid, alive=True) for endpoint in ENDPOINTS},
        "incidence": {what: _curve(days, grid, alive=False) for what, days in first_events(run.histories).items()},
        "mrd": _mrd(run),
        "relapse_sites": _relapses(run.histories, first.months),
        "death_causes": _deaths(run.histories, first.months),
        "drugs": [{"drug": amount.drug, "route": amount.route, "unit": amount.unit, **summary(spread(amount.total))}
                  for amount in run.burden.amounts],
    }


def first_events(h: Histories) -> dict[str, Floats]:
    """Day of each kind of first event (inf: another came first, or none): they exclude each other and make up EFS."""
    events = h.events
    first = event_days(h, "EFS")
    failed = (events["failure"] <= first) & np.isfinite(events["failure"])
    relapsed = ~failed & (events["relapse"] <= first) & np.isfinite(events["relapse"])
    died = ~failed & ~relapsed & np.isfinite(first)
    early = died & ~np.isfinite(events["remission"])
    kinds = {"no remission": failed, "relapse": relapsed, "death before remission": early, "death in remission": died & ~early}
    return {what: np.where(mask, first, np.inf) for what, mask in kinds.items()}


def _curve(days: Floats, grid_months: Floats, alive: bool) -> dict[str, Any]:
    rows = [interval(((days > month * DAYS_PER_MONTH) if alive else (days <= month * DAYS_PER_MONTH)).mean(axis=1))
            for month in grid_months]
    return {"months": grid_months.tolist(), **{key: [round(getattr(row, key), 5) for row in rows] for key in ("median", "lo90", "hi90")}}


def _mrd(run: Run) -> list[dict[str, Any]]:
    """MRD at each assessment of the regimen: who was measured, and who of them was below the limit."""
    rows = []
    for slot in dict.fromkeys(slot.name for slot in run.histories.slots if slot.what == "mrd"):
        negative = Measure("MRD-", assessment=slot).of(run)
        at = run.histories.slot(slot, "mrd")
        days = made(run.histories, slot, ("mrd",)).day
        known = days[~np.isnan(days)]
        rows.append({"assessment": slot, "limit": round(10.0 ** run.histories.slots[at].limit, 9),
                     "transcript": run.histories.slots[at].transcript,
                     "day": float(np.median(known)) if len(known) else None,
                     "measured": summary(spread(~np.isnan(negative) * 1.0)), "negative": summary(spread(negative))})
    return rows


def _relapses(h: Histories, months: float) -> list[dict[str, Any]]:
    inside = h.events["relapse"] <= months * DAYS_PER_MONTH
    return [{"site": site, **summary(spread((inside & (h.events["site"] == code)) * 1.0))} for code, site in enumerate(SITES)]


def _deaths(h: Histories, months: float) -> list[dict[str, Any]]:
    inside = h.events["death"] <= months * DAYS_PER_MONTH
    return [{"cause": cause, **summary(spread((inside & (h.events["cause"] == code)) * 1.0))}
            for code, cause in enumerate(CAUSES) if cause != "alive"]


def difference(a: Mapping[Measure, Floats], b: Mapping[Measure, Floats], measure: Measure) -> Spread:
    """A measure under `a` minus under `b`, patient by patient; between groups for measures not everybody has a value of."""
    return paired(a[measure], b[measure])


def _pair(a: str, b: str, of_a: Mapping[Measure, Floats], of_b: Mapping[Measure, Floats], measure: Measure) -> dict[str, Any]:
    found = difference(of_a, of_b, measure)
    ahead = found.probability()
    better = {1: ahead, -1: 1.0 - ahead, 0: None}[measure.kind.better]
    name = measure.name if measure.months is not None else str(measure)
    return asdict(Comparison(a, b, name, measure.months, found.interval, found.monte_carlo_se, found.parameter_sd,
                             interval(found.denoised), better))
