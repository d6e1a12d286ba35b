"""The review's answer: for each of its populations, a short list of placements ranked, with what the ranking rests on.

The short lists stand in catalog/ranking.yaml; `position` searches all placements. Every placement of a list has the same virtual
patients, the same parameter draws and the same luck. Nothing here chooses what is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Annotated, Any

import numpy as np
from pydantic import Field, model_validator

from remission.base import catalog, files, interruption
from remission.base.cores import cores
from remission.base.errors import Problem, UsageError
from remission.base.files import Model
from remission.base.random import Floats
from remission.decide.compare import parse_endpoint, run_regimen
from remission.decide.experiments import Searched
from remission.decide.features import nearest_published
from remission.decide.measures import Measure
from remission.decide.placements import Placement, room_for_intrathecal
from remission.decide.render import render
from remission.decide.space import Ph, space
from remission.decide.spread import interval, spread
from remission.decide.value import (
    Regressions,
    denoised,
    evpi,
    evppi_groups,
    overturns,
    parameter_groups,
    probability_best,
)
from remission.engine import Draws, load_parameters
from remission.patients import Population, load_population
from remission.protocol.model import Id

PATIENTS = 200
COUNTED_DRAWS = 40  # days in care cost as much as the simulation itself; so many draws tell them well enough
FEWEST_DRAWS = 10
MOST_OVERTURNS = 6
Tell = Callable[[str, float], None]


class Ranked(Searched):
    """One placement of a short list, with its name in tables and pictures."""

    label: Annotated[str, Field(min_length=3, max_length=90)]

    def value(self) -> Placement:
        """The placement."""
        return Placement(**self.model_dump(exclude={"label"}))


class Question(Model):
    """Populations (ids with short names), the kind of their disease, and the placements that are ranked for each of them."""

    populations: Annotated[dict[Id, Annotated[str, Field(min_length=2, max_length=60)]], Field(min_length=1, max_length=20)]
    ph: Ph
    options: Annotated[tuple[dict[str, Any], ...], Field(min_length=2, max_length=20)]

    @model_validator(mode="after")
    def _placements(self) -> Question:
        labels = [str(option.get("label")) for option in self.options]
        if len(set(labels)) < len(labels):
            raise Problem("two placements of a list have the same label", why="tables tell them apart by it", fix="name one otherwise")
        for item in self.ranked:
            try:
                value = item.value()
                starts = value.start, value.upkeep, value.rule
            except UsageError as error:
                raise Problem(f"{item.label}: {error.what}", why=error.why, near=error.near, fix=error.fix) from None
            if not value.in_order or not all(choice.fits(self.ph) for choice in starts):
                raise Problem(f"'{item.label}' is no placement for this disease", why="what comes first or follows does not fit it",
                              fix="choose what placements.yaml allows")
            if room_for_intrathecal(value) < value.intrathecal:
                raise Problem(f"'{item.label}' has no room for {value.intrathecal} intrathecal doses", fix="give fewer")
            if (value.inhibitor is None) == (self.ph == "positive"):
                raise Problem(f"'{item.label}' needs {'a' if self.ph == 'positive' else 'no'} kinase inhibitor", fix="correct 'inhibitor'")
        return self

    @property
    def ranked(self) -> tuple[Ranked, ...]:
        """The placements."""
        return tuple(Ranked.model_validate({"ph": self.ph, **option}) for option in self.options)


class Questions(Model):
    """catalog/ranking.yaml."""

    endpoint: str
    questions: tuple[Question, ...]

    @model_validator(mode="after")
    def _endpoint(self) -> Questions:
        try:
            parse_endpoint(self.endpoint)
        except UsageError as error:
            raise Problem(error.what, why=error.why, near=error.near, fix=error.fix) from None
        return self


@lru_cache(maxsize=1)
def questions() -> Questions:
    """The short lists. Raises InvalidFile with file and line."""
    return files.parse(files.read(catalog.root() / "ranking.yaml"), Questions)


@dataclass(frozen=True)
class _Seen:
    """A placement simulated in a population: the endpoint of every draw and its error, and what is shown of other measures."""

    item: Ranked
    placement: Placement
    values: Floats
    shown: dict[str, dict[str, float]]
    nearest: dict[str, Any]


def rank(p: Draws, seed: int, patients: int = PATIENTS, populations: Sequence[str] = (), threads: int | None = None,
         tell: Tell = lambda what, share: None) -> list[dict[str, Any]]:
    """The ranking of each population (all of the catalog's lists, or those named). Plain data with stable keys: `ranking` (the best
    first), `lead` over the second, `without` (the best without blinatumomab), `information`, `overturn`, `command`.

    The same inputs and seed give the same data. Raises UsageError for too few draws.
    """
    if len(p) < 2:
        raise UsageError("one parameter draw cannot tell how sure a ranking is", where="--draws", near="200", fix="use 200",
                         why="probabilities need two or more")
    asked = [(load_population(name), question) for question in questions().questions for name in question.populations
             if not populations or name in populations]
    endpoint = Measure(*parse_endpoint(questions().endpoint))
    regressions: Regressions = {}
    found = []
    for number, (population, question) in enumerate(asked):
        tell(population.id, number / len(asked))
        seen = _looks(question.ranked, population, p, patients, seed, endpoint, threads)
        found.append(_ranked(population, question, seen, p, patients, seed, endpoint, regressions))
    return found


def _looks(items: Sequence[Ranked], population: Population, p: Draws, patients: int, seed: int, endpoint: Measure,
           threads: int | None) -> list[_Seen]:
    """Every placement of a list, each on a thread of its own: reading a run takes as long as simulating it."""
    with ThreadPoolExecutor(max_workers=min(threads or cores(), len(items))) as pool:
        waiting = [pool.submit(_look, item, population, p, patients, seed, endpoint) for item in items]
        try:
            return [future.result() for future in waiting]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _look(item: Ranked, population: Population, p: Draws, patients: int, seed: int, endpoint: Measure) -> _Seen:
    interruption.check()
    placement = item.value()
    regimen = render(placement, check=False)
    run = run_regimen(regimen, population, p, patients, seed, threads=1)
    months = endpoint.months
    few = run_regimen(regimen, population, p.part(0, COUNTED_DRAWS), patients, seed, threads=1)
    measures = (endpoint, Measure("OS", months), Measure("severe toxicity", months), Measure("relapse", months))
    shown = {measure.name: asdict(spread(measure.of(run)).interval) for measure in measures}
    shown["care days"] = asdict(spread(Measure("care days").of(few)).interval)
    near = asdict(nearest_published(regimen, placement.ph))
    return _Seen(item, placement, np.asarray(endpoint.of(run), np.float32), shown, {**near, "changes": list(near["changes"])})


def _ranked(population: Population, question: Question, seen: Sequence[_Seen], p: Draws, patients: int, seed: int, endpoint: Measure,
            regressions: Regressions) -> dict[str, Any]:
    values = _denoised(seen)
    means, chances = values.mean(axis=0), probability_best(values)
    order = [int(at) for at in np.argsort(-means, kind="stable")]
    first = order[0]
    return {
        "population": population.id, "title": population.title, "name": question.populations[population.id],
        "ph": question.ph, "endpoint": str(endpoint), "months": endpoint.months,
        "draws": len(p), "patients": patients, "seed": seed, "posterior": p.name, "prior": p.name == "prior",
        "ranking": [_row(seen[at], place, float(means[at]), float(chances[at])) for place, at in enumerate(order, 1)],
        "lead": _lead(values, first, order[1], seen),
        "without": _without(values, first, order, seen),
        "information": _information(values, p, seed, regressions),
        "overturn": _overturn(values, p, seen),
        "command": f"remission position --population {population.id}",
    }


def _denoised(seen: Sequence[_Seen]) -> Floats:
    """Means of the endpoint by draw (rows) and placement (columns), without the simulation's own error."""
    raw = np.stack([item.values.mean(axis=1, dtype=np.float64) for item in seen], axis=1)
    common = np.mean([item.values for item in seen], axis=0)
    n = common.shape[1]
    errors = np.stack([(item.values - common).var(axis=1, ddof=min(1, n - 1)) / n for item in seen], axis=1)
    return denoised(raw, errors)


def _row(seen: _Seen, place: int, expected: float, chance: float) -> dict[str, Any]:
    numbers = {name: {key: round(value, 4) for key, value in found.items()} for name, found in seen.shown.items()}
    return {"rank": place, "id": seen.placement.id, "label": seen.item.label, "title": seen.placement.title,
            "blinatumomab": seen.placement.all_cycles > 0, "expected": round(expected, 4), "probability_best": round(chance, 4),
            "measures": numbers, "nearest": seen.nearest}


def _lead(values: Floats, first: int, other: int, seen: Sequence[_Seen]) -> dict[str, Any]:
    """How far the first is ahead of another placement, over the draws."""
    gain = values[:, first] - values[:, other]
    return {"over": seen[other].placement.id, "label": seen[other].item.label,
            **{key: round(value, 4) for key, value in asdict(interval(gain)).items()},
            "probability": round(float(np.mean((gain > 0) + 0.5 * (gain == 0))), 4)}


def _without(values: Floats, first: int, order: Iterable[int], seen: Sequence[_Seen]) -> dict[str, Any] | None:
    """The lead over the best placement without blinatumomab; None when that is the first itself, or there is none."""
    others = [at for at in order if seen[at].placement.all_cycles == 0]
    return None if not others or others[0] == first else _lead(values, first, others[0], seen)


def _information(values: Floats, p: Draws, seed: int, regressions: Regressions) -> dict[str, Any]:
    """What it would be worth to know all parameters, and groups of them; too few draws tell nothing about groups."""
    everything = evpi(values)
    groups = evppi_groups(values, p, parameter_groups(), seed, regressions) if len(p) >= FEWEST_DRAWS else []
    return {"evpi": round(everything, 5),
            "groups": [{"group": item.group, "evppi": round(item.evppi, 5), "floor": round(item.floor, 5),
                        "told": item.told(everything), "study": space().studies.get(item.group, "")} for item in groups]}


def _overturn(values: Floats, p: Draws, seen: Sequence[_Seen]) -> list[dict[str, Any]]:
    """Parameters in whose lower or upper third another placement is ahead."""
    group_of = {name: group for group, names in parameter_groups().items() for name in names}
    about = {item.name: item.about for item in load_parameters()}
    return [{"parameter": item.parameter, "about": " ".join(about.get(item.parameter, "").split()),
             "group": group_of.get(item.parameter, ""), "third": item.third, "instead": seen[item.option].placement.id,
             "label": seen[item.option].item.label, "gain": round(item.gain, 4), "standard_error": round(item.standard_error, 4)}
            for item in overturns(values, p)[:MOST_OVERTURNS]]
