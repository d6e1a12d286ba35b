"""Where should blinatumomab go, for whom, and how sure are we?"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from remission.base.random import Floats
from remission.decide.burden import basis
from remission.decide.compare import run_regimen, summary
from remission.decide.features import nearest_published, published
from remission.decide.measures import Measure, Run
from remission.decide.placements import Limits, Placement
from remission.decide.provenance import plans_digest, provenance
from remission.decide.render import render
from remission.decide.search import DIMENSIONS, Aims, Bounds, Search, Stage, Tell, disease_of, search
from remission.decide.space import Ph, chosen_inhibitor, space
from remission.decide.spread import spread
from remission.decide.value import denoised, evpi, evppi_groups, layers, overturns, parameter_groups, probability_best
from remission.engine import Draws, load_parameters
from remission.outcomes import holds
from remission.patients import Population
from remission.protocol import Regimen

ELIGIBLE_SHARE = 0.5  # a published regimen is a named point where at least this part of the population could have entered it
MOST_OVERTURNS = 6
ORDERS = {"none": "nothing to order", "before": "blinatumomab before further chemotherapy",
          "after": "blinatumomab after further chemotherapy", "alternating": "blinatumomab in turn with chemotherapy"}
STAGES = (Stage(100, 10), Stage(200, 30))
SHOWN = ("relapse", "CNS relapse", "death in remission", "treatment death", "CRS3+", "NT3+", "VOD", "HSCT", "hospital days",
         "infusion days")


@dataclass(frozen=True)
class Option:
    """One strategy that was looked at closely: a searched placement, or a published regimen."""

    id: str
    title: str
    regimen: Regimen
    placement: Placement | None
    measures: dict[str, dict[str, Any]]
    point: Floats


@dataclass
class _Table:
    """Values of one criterion by option: means by draw, and running sums for the errors of their differences."""

    values: list[Floats] = field(default_factory=list)

    def by_draw(self) -> Floats:
        return np.stack([value.mean(axis=1) for value in self.values], axis=1)

    def errors(self) -> Floats:
        common = np.mean(self.values, axis=0)
        n = self.values[0].shape[1]
        return np.stack([(value - common).var(axis=1, ddof=min(1, n - 1)) / n for value in self.values], axis=1)


def criteria(endpoint: str, months: float) -> tuple[Measure, ...]:
    """By what the best is chosen: the endpoint first, then overall survival and event-free days outside care."""
    asked = Measure(endpoint, months)
    others = (Measure("EFS", months), Measure("OS", months), Measure("days at home", months))
    return (asked, *(measure for measure in others if measure != asked))


def position(population: Population, p: Draws, patients: int, seed: int, *, endpoint: str = "EFS", months: float = 36.0,
             limits: Limits | None = None, bounds: Bounds | None = None, stages: Sequence[Stage] = STAGES,
             tell: Tell = lambda what, share: None) -> dict[str, Any]:
    """Search the placements of blinatumomab for a population. Returns plain data with stable keys: `placements` (finalists and
    published regimens, the best first), `front`, `best`, `dimensions`, `value_of_information`, `overturn`, `search`, `provenance`.

    Raises EmptySelection when no placement keeps the limits. The same inputs and seed give the same data but for `provenance`.
    """
    began = time.perf_counter()
    limits, bounds, aims = limits or Limits(), bounds or Bounds(), Aims(months)
    ph = disease_of(population)
    found = search(population, p, seed, limits, bounds, aims, stages, tell)
    wanted = criteria(endpoint, months)
    options, tables = _finals(found, population, p, patients, seed, aims, wanted, tell)
    choices = {str(measure): denoised(table.by_draw(), table.errors()) for measure, table in zip(wanted, tables, strict=True)}
    raw = {str(measure): table.by_draw() for measure, table in zip(wanted, tables, strict=True)}
    front = _front(options, aims, bounds)
    first = str(wanted[0])
    order = np.argsort(-choices[first].mean(axis=0), kind="stable")
    chances = {name: probability_best(values) for name, values in choices.items()}
    rows = [_row(options[at], rank, bool(front[at]), ph, {name: float(values[:, at].mean()) for name, values in choices.items()},
                 {name: float(chance[at]) for name, chance in chances.items()}) for rank, at in enumerate(order, 1)]
    return {
        "population": population.id, "title": population.title, "ph": ph, "endpoint": first, "months": months, "seed": seed,
        "draws": len(p), "patients": patients, "posterior": p.name, "limits": {**asdict(limits), **asdict(bounds)},
        "aims": [{"name": str(measure), "title": measure.title, "better": measure.kind.better, "unit": measure.kind.unit}
                 for measure in aims.measures],
        "criteria": [{"name": str(measure), "title": measure.title, "unit": measure.kind.unit} for measure in wanted],
        "placements": rows, "front": [row["id"] for row in rows if row["on_front"]],
        "best": {name: _best(options, choices[name], chances[name]) for name in choices},
        "dimensions": _dimensions(options, choices[first]),
        "value_of_information": {name: _information(choices[name], raw[name], p, seed) for name in choices},
        "overturn": _overturn(options, choices[first], p),
        "search": _search(found, stages, patients, len(p), len(options)), "hospital_rules": basis(), "resolution": _resolution(),
        "provenance": provenance(p, patients, seed, began, plans_hash=plans_digest(option.regimen for option in options)),
    }


def _finals(found: Search, population: Population, p: Draws, patients: int, seed: int, aims: Aims, wanted: Sequence[Measure],
            tell: Tell) -> tuple[list[Option], list[_Table]]:
    """Finalists and fitting published regimens with all patients and draws; values of every criterion by option."""
    items: list[tuple[Regimen, Placement | None]] = [(render(item), item) for item in found.finalists]
    items += [(regimen, None) for regimen in published(disease_of(population))]
    options: list[Option] = []
    tables = [_Table() for _ in wanted]
    for number, (regimen, placement) in enumerate(items):
        tell("finalists", 0.8 + 0.18 * number / len(items))
        run = run_regimen(regimen, population, p, patients, seed)
        if placement is None and not _fits(run):
            continue
        options.append(_option(run, placement, aims, wanted))
        for table, measure in zip(tables, wanted, strict=True):
            table.values.append(measure.of(run).astype(np.float32))
    tell("value of information", 0.98)
    return options, tables


def _fits(run: Run) -> bool:
    """Whether enough of the population could have entered a published regimen."""
    inside = np.ones(run.histories.events["death"].shape, np.bool_)
    for condition in run.regimen.eligibility:
        inside &= holds(run.histories, condition)
    return bool(inside.mean() >= ELIGIBLE_SHARE)


def _option(run: Run, placement: Placement | None, aims: Aims, wanted: Sequence[Measure]) -> Option:
    months = aims.months
    plain = [Measure(name, months) if Measure(name).kind.at in ("months", "horizon") else Measure(name) for name in SHOWN]
    measures = list(dict.fromkeys([*wanted, *aims.measures, *plain]))
    found = {str(measure): {"title": measure.title, "unit": measure.kind.unit, "better": measure.kind.better,
                            **summary(spread(measure.of(run)))} for measure in measures}
    return Option(run.regimen.id, run.regimen.title, run.regimen, placement, found, aims.points(run)[0])


def _front(options: Sequence[Option], aims: Aims, bounds: Bounds) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which finalists are on the Pareto front of the four aims, at their resolution and within the bounds."""
    points = np.stack([option.point for option in options])
    searched = np.array([option.placement is not None for option in options])
    inside = points[:, 0] >= points[searched, 0].max() - bounds.max_loss
    inside &= np.array([bounds.kept(point, np.zeros(4), 0.0) for point in points])
    kept = np.flatnonzero(inside)
    front = np.zeros(len(options), np.bool_)
    if len(kept):
        front[kept[layers(points[kept], aims.resolution) == 0]] = True
    return front


def _row(option: Option, rank: int, on_front: bool, ph: Ph, expected: dict[str, float], chances: dict[str, float]) -> dict[str, Any]:
    own = option.placement
    near = nearest_published(option.regimen, ph) if own else None
    return {"id": option.id, "title": option.title, "headline": _headline(option),
            "details": own.details if own else "published regimen", "rank": rank, "published": own is None, "on_front": on_front,
            "placement": asdict(own) if own else None, "measures": option.measures, "expected": expected, "probability_best": chances,
            "nearest": asdict(near) if near else None}


def _headline(option: Option) -> str:
    return option.placement.headline if option.placement else option.title


def _best(options: Sequence[Option], values: Floats, chances: Floats) -> dict[str, Any]:
    """The option that is best on average, how likely it is best, and its lead over the best published regimen."""
    means = values.mean(axis=0)
    at = int(means.argmax())
    named = [number for number, option in enumerate(options) if option.placement is None]
    found: dict[str, Any] = {"id": options[at].id, "title": options[at].title, "published": options[at].placement is None,
                             "expected": float(means[at]), "probability": float(chances[at]), "best_published": None}
    if named:
        other = max(named, key=lambda number: means[number])
        lead = values[:, at] - values[:, other]
        low, middle, high = np.quantile(lead, [0.05, 0.5, 0.95])
        found["best_published"] = {"id": options[other].id, "title": options[other].title, "expected": float(means[other]),
                                   "lead": {"median": float(middle), "lo90": float(low), "hi90": float(high)}}
    return found


def _dimensions(options: Sequence[Option], values: Floats) -> list[dict[str, Any]]:
    """For every choice: how likely the best searched placement makes it, and the best expected value with it."""
    own = [at for at, option in enumerate(options) if option.placement is not None]
    chances = probability_best(values[:, own])
    found: list[dict[str, Any]] = []
    for name in DIMENSIONS:
        levels: dict[Any, list[int]] = {}
        for position_, at in enumerate(own):
            levels.setdefault(getattr(options[at].placement, name), []).append(position_)
        if len(levels) < 2:
            continue
        rows: list[dict[str, Any]] = []
        for value, members in levels.items():
            means = values[:, own][:, members].mean(axis=0)
            rows.append({"value": value, "title": _level_title(name, value), "probability": float(chances[members].sum()),
                         "best_expected": float(means.max()), "example": options[own[members[int(means.argmax())]]].id})
        found.append({"dimension": name, "levels": sorted(rows, key=lambda row: (-row["probability"], -row["best_expected"]))})
    return found


def _level_title(name: str, value: Any) -> str:
    options = space()
    named = {"first": options.first, "maintenance": options.maintenance, "transplant": options.transplant}.get(name)
    if named is not None:
        return next(option.title for option in named if option.id == value)
    if name == "inhibitor":
        return chosen_inhibitor(value).id
    if name == "order":
        return ORDERS[str(value)]
    unit = {"cycles": "blinatumomab cycle", "courses": "further course", "intrathecal": "intrathecal dose"}[name]
    return f"{value or 'no'} {unit}{'' if value == 1 else 's'}"


def _information(values: Floats, raw: Floats, p: Draws, seed: int) -> dict[str, Any]:
    groups, everything = evppi_groups(values, p, parameter_groups(), seed), evpi(values)
    return {"evpi": everything, "evpi_with_simulation_error": evpi(raw),
            "groups": [{"group": item.group, "evppi": item.evppi, "floor": item.floor, "told": item.told(everything),
                        "study": space().studies.get(item.group, ""), "parameters": list(item.parameters)} for item in groups]}


def _overturn(options: Sequence[Option], values: Floats, p: Draws) -> list[dict[str, Any]]:
    """Parameters in whose lower or upper third another option is ahead of the one that is best on average."""
    own = [at for at, option in enumerate(options) if option.placement is not None]
    group_of = {name: group for group, names in parameter_groups().items() for name in names}
    about = {item.name: " ".join(item.about.split()) for item in load_parameters()}
    found = overturns(values[:, own], p)[:MOST_OVERTURNS]
    rows = []
    for item in found:
        other = options[own[item.option]]
        rows.append({"parameter": item.parameter, "about": about.get(item.parameter, ""), "group": group_of.get(item.parameter, ""),
                     "third": item.third, "instead": other.id,
                     "title": other.title, "headline": _headline(other), "gain": item.gain, "standard_error": item.standard_error})
    return rows


def _search(found: Search, stages: Sequence[Stage], patients: int, draws: int, options: int) -> dict[str, Any]:
    last = Stage(patients, draws, options)
    return {"declared": found.declared, "method": "every placement was simulated; no optimiser chose what to look at",
            "stages": [asdict(stage) for stage in (*found.stages, last)],
            "screened_front": [item.id for item, layer in zip(found.seen.placements, found.seen.layer, strict=True) if layer == 0]}


def _resolution() -> dict[str, Any]:
    step = space().resolution
    return {"EFS": step.efs, "OS": step.os, "severe toxicity": step.severe_toxicity, "care days": step.care_days,
            "assumed": step.assumed}
