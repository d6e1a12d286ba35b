"""Experiments on virtual patients that a claim can be put to: a small closed list of kinds, each with its arguments as data.

compare       the same patients under two strategies
subgroups     two groups of patients under one strategy
within        two measures of the same patients under one strategy
level         a measure under one or more strategies, held against a range
interaction   the difference between two strategies in one setting, less that in another
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from remission.base import interruption
from remission.base.errors import Problem, UsageError
from remission.base.files import Model
from remission.base.random import Floats
from remission.decide.compare import run_regimen
from remission.decide.measures import Measure, Run, parse_measure
from remission.decide.placements import Placement, Route
from remission.decide.render import render
from remission.decide.space import Order, Ph
from remission.decide.spread import Spread, paired, spread, unpaired
from remission.engine import Draws
from remission.outcomes import holds
from remission.patients import load_population
from remission.protocol import Condition, Regimen, open_regimen
from remission.protocol.model import Id

KEPT_RUNS = 6  # histories kept in memory at a time


def _measure(text: str) -> str:
    try:
        parse_measure(text)
    except UsageError as error:
        raise Problem(error.what, why=error.why, near=error.near, fix=error.fix) from None
    return text


MeasureText = Annotated[str, AfterValidator(_measure)]


class Searched(Model):
    """A placement written as data; what is left out is as in the commonest placement."""

    ph: Ph = "negative"
    first: Id
    cycles: Annotated[int, Field(ge=0, le=8)] = 4
    courses: Annotated[int, Field(ge=0, le=8)] = 0
    order: Order = "none"
    maintenance: Id = "chemotherapy"
    intrathecal: Annotated[int, Field(ge=0, le=24)] = 8
    transplant: Id = "none"
    inhibitor: Id | None = None
    gap_days: Annotated[int, Field(ge=0, le=28)] = 14
    route: Route = "civ"

    def value(self) -> Placement:
        """The placement."""
        return Placement(**self.model_dump())


Strategy = str | Searched


class _Experiment(Model):
    title: str
    expect: Literal["higher", "lower", "similar", "not lower", "not higher", "inside"]
    margin: Annotated[float, Field(ge=0, lt=1000)] = 0.0

    @model_validator(mode="after")
    def _margin(self) -> _Experiment:
        if self.expect in ("similar", "not lower", "not higher") and not self.margin:
            raise Problem(f"'{self.expect}' needs a margin", why="it says which difference would not matter", fix="add e.g. 'margin: 0.05'")
        if (self.expect == "inside") != isinstance(self, Level):
            raise Problem("'inside' belongs to the kind level, and only to it", fix="write 'expect: inside' for a level")
        return self


class Compare(_Experiment):
    """The same patients under strategies `a` and `b`; with `where`, those of whom it holds under `a`."""

    experiment: Literal["compare"]
    population: Id
    a: Strategy
    b: Strategy
    measure: MeasureText
    where: Condition | None = None


class Subgroups(_Experiment):
    """Groups `a` and `b` of patients under one strategy, both among those of whom `among` holds."""

    experiment: Literal["subgroups"]
    population: Id
    strategy: Strategy
    measure: MeasureText
    a: Condition
    b: Condition
    among: Condition | None = None


class Within(_Experiment):
    """Measures `a` and `b` of the same patients under one strategy."""

    experiment: Literal["within"]
    population: Id
    strategy: Strategy
    a: MeasureText
    b: MeasureText
    where: Condition | None = None


class Setting(Model):
    """A strategy in a population."""

    strategy: Strategy
    population: Id


class Level(_Experiment):
    """A measure, averaged over settings, held against a range."""

    experiment: Literal["level"]
    settings: tuple[Setting, ...] = Field(min_length=1, max_length=20)
    measure: MeasureText
    low: float
    high: float
    where: Condition | None = None


class Contrast(Model):
    """Two strategies in one population, perhaps in a part of it."""

    population: Id
    a: Strategy
    b: Strategy
    where: Condition | None = None


class Interaction(_Experiment):
    """The difference between `a` and `b` in `here`, less that in `there`."""

    experiment: Literal["interaction"]
    here: Contrast
    there: Contrast
    measure: MeasureText


Experiment = Annotated[Compare | Subgroups | Within | Level | Interaction, Field(discriminator="experiment")]


@dataclass(frozen=True)
class Outcome:
    """What an experiment gave: the number that was asked for, what stands on its two sides, and in how many draws it could be read."""

    found: Spread
    sides: tuple[tuple[str, Spread], ...]
    draws: int


@dataclass
class Laboratory:
    """Runs experiments with the same draws, patients and seed; strategies that occur again are not simulated again at once."""

    p: Draws
    patients: int
    seed: int
    progress: Callable[[], None] = lambda: None
    _runs: OrderedDict[tuple[str, str, str], Run] = field(default_factory=OrderedDict)

    def run(self, strategy: Strategy, population: str) -> Run:
        """A strategy in a population."""
        regimen = regimen_of(strategy)
        key = (regimen.id, regimen.title, population)
        if key not in self._runs:
            interruption.check()
            while len(self._runs) >= KEPT_RUNS:
                self._runs.popitem(last=False)
            self._runs[key] = run_regimen(regimen, load_population(population), self.p, self.patients, self.seed)
            self.progress()
        self._runs.move_to_end(key)
        return self._runs[key]

    def outcome(self, item: Compare | Subgroups | Within | Level | Interaction) -> Outcome:
        """The result of one experiment."""
        if isinstance(item, Compare):
            return self._compare(item)
        if isinstance(item, Subgroups):
            return self._subgroups(item)
        if isinstance(item, Within):
            return self._within(item)
        return self._level(item) if isinstance(item, Level) else self._interaction(item)

    def _sides(self, contrast: Contrast | Compare, measure: Measure) -> tuple[Floats, Floats]:
        first, second = self.run(contrast.a, contrast.population), self.run(contrast.b, contrast.population)
        inside = _inside(first, contrast.where)
        return measure.of(first) + inside, measure.of(second) + inside

    def _compare(self, item: Compare) -> Outcome:
        a, b = self._sides(item, parse_measure(item.measure))
        found = paired(a, b)
        first, second = names(item.a, item.b)
        return Outcome(found, ((first, spread(a)), (second, spread(b))), len(found.by_draw))

    def _subgroups(self, item: Subgroups) -> Outcome:
        run = self.run(item.strategy, item.population)
        value = parse_measure(item.measure).of(run) + _inside(run, item.among)
        a, b = value + _inside(run, item.a), value + _inside(run, item.b)
        found = unpaired(a, b)
        return Outcome(found, ((str(item.a), spread(a)), (str(item.b), spread(b))), len(found.by_draw))

    def _within(self, item: Within) -> Outcome:
        run = self.run(item.strategy, item.population)
        inside = _inside(run, item.where)
        a, b = (parse_measure(text).of(run) + inside for text in (item.a, item.b))
        found = unpaired(a, b) if "MRD" in item.a + item.b else paired(a, b)
        return Outcome(found, ((item.a, spread(a)), (item.b, spread(b))), len(found.by_draw))

    def _level(self, item: Level) -> Outcome:
        measure = parse_measure(item.measure)
        sides: list[tuple[str, Spread]] = []
        values, errors = [], []
        for setting in item.settings:
            run = self.run(setting.strategy, setting.population)
            value = measure.of(run) + _inside(run, item.where)
            one = _by_draw(value)
            sides.append((f"{name(setting.strategy)}, {setting.population}", spread(value)))
            values.append(one[0])
            errors.append(one[1])
        mean, error = np.mean(values, axis=0), np.sum(errors, axis=0) / len(errors) ** 2
        known = ~np.isnan(mean)
        return Outcome(Spread(mean[known], error[known]), tuple(sides), int(known.sum()))

    def _interaction(self, item: Interaction) -> Outcome:
        measure = parse_measure(item.measure)
        sides = []
        parts = []
        for label, contrast in (("here", item.here), ("there", item.there)):
            a, b = self._sides(contrast, measure)
            sides.append((f"{label}: {name(contrast.a)} less {name(contrast.b)}", paired(a, b)))
            parts.append(_by_draw(a - b))
        value, error = parts[0][0] - parts[1][0], parts[0][1] + parts[1][1]
        known = ~np.isnan(value)
        return Outcome(Spread(value[known], error[known]), tuple(sides), int(known.sum()))


def _by_draw(values: Floats) -> tuple[Floats, Floats]:
    """Mean and error variance of every draw; nan where nobody was counted."""
    found = spread(values)
    some = ~np.isnan(values).all(axis=1)
    mean, error = np.full(len(values), np.nan), np.full(len(values), np.nan)
    mean[some], error[some] = found.by_draw, found.error_variance
    return mean, error


def _inside(run: Run, condition: Condition | None) -> Floats | float:
    """0 for patients of whom a condition holds, nan for the others: to be added to values."""
    return 0.0 if condition is None else np.where(holds(run.histories, condition), 0.0, np.nan)


def regimen_of(strategy: Strategy) -> Regimen:
    """The resolved regimen that a strategy means: an id, `like X, but …`, or a placement."""
    return render(strategy.value()) if isinstance(strategy, Searched) else open_regimen(strategy)


def name(strategy: Strategy) -> str:
    """A strategy's name in results."""
    return strategy.value().title if isinstance(strategy, Searched) else strategy


def names(a: Strategy, b: Strategy) -> tuple[str, str]:
    """Names of two strategies; two placements are told apart by what differs between them."""
    if not (isinstance(a, Searched) and isinstance(b, Searched)):
        return name(a), name(b)
    first, second = a.value(), b.value()
    if first.headline != second.headline:
        return first.headline, second.headline
    own, other = first.details.split("; "), second.details.split("; ")
    return ("; ".join(part for part in own if part not in other) or "as usual",
            "; ".join(part for part in other if part not in own) or "as usual")


def probability(item: Compare | Subgroups | Within | Level | Interaction, found: Spread) -> float:
    """Probability, over parameter draws and without simulation error, that what is expected holds."""
    if item.expect == "inside":
        assert isinstance(item, Level)
        return found.probability(item.low, item.high)
    margin = item.margin
    low, high = {"higher": (margin, np.inf), "lower": (-np.inf, -margin), "similar": (-margin, margin),
                 "not lower": (-margin, np.inf), "not higher": (-np.inf, margin)}[item.expect]
    return found.probability(low, high)
