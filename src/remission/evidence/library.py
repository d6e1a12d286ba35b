"""Reading the evidence of the catalog, and asking it questions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from remission.base import catalog, files
from remission.base.errors import InvalidFile, UsageError, nearest
from remission.evidence.dates import latest
from remission.evidence.model import ENDPOINTS, Conflict, Result, Source, TrialEvidence
from remission.protocol import Condition

ROLES = ("calibrate", "validate", "context")


@dataclass(frozen=True)
class Row:
    """One published number, ready to be cited and used; `months` or `assessment` says when it was read."""

    trial: str
    arm: str
    endpoint: str
    months: float | None
    where: str | None
    value: float | None
    numerator: int | None
    n: int | None
    lo95: float | None
    hi95: float | None
    source: str
    place: str
    published_on: str
    role: str
    status: str
    id: str
    assessment: str | None
    measure: str
    cut: str | None
    subgroup: str | None
    assay: str | None
    threshold: float | None
    population: str | None
    conflicts: tuple[str, ...]
    note: str | None

    def to_dict(self) -> dict[str, Any]:
        """The row as plain data, with stable keys."""
        return {**asdict(self), "conflicts": list(self.conflicts)}


def load_trial(identifier: str) -> TrialEvidence:
    """The evidence of one trial. Raises NotFound with the nearest id, or InvalidFile with file and line."""
    return read_trial(files.read(catalog.path("trials", identifier)))


def read_trial(document: files.Document) -> TrialEvidence:
    """The evidence in a document; ids of results and conflicts must be unique."""
    trial = files.parse(document, TrialEvidence)
    _unique("results", [item.id for item in trial.results], document)
    _unique("conflicts", [item.id for item in trial.conflicts], document)
    return trial


def _unique(kind: str, identifiers: list[str], document: files.Document) -> None:
    for index, identifier in enumerate(identifiers):
        if identifier in identifiers[:index]:
            raise InvalidFile(
                f"the id '{identifier}' is used twice",
                where=document.where((kind, index, "id")),
                why=f"{kind} are cited by their ids",
                fix="rename one of them",
            )


def load_source(identifier: str) -> Source:
    """One source. Raises NotFound with the nearest id."""
    return files.parse(files.read(catalog.path("sources", identifier)), Source)


@lru_cache(maxsize=1)
def sources() -> dict[str, Source]:
    """Every source of the catalog by its id."""
    return {identifier: load_source(identifier) for identifier in catalog.ids("sources")}


@lru_cache(maxsize=1)
def trials() -> dict[str, TrialEvidence]:
    """Every trial of the catalog by its id."""
    return {identifier: load_trial(identifier) for identifier in catalog.ids("trials")}


def conflicts(trial: str | None = None) -> tuple[tuple[str, Conflict], ...]:
    """All conflicts with the ids of their trials, or those of one trial."""
    chosen = [load_trial(trial)] if trial else list(trials().values())
    return tuple((item.id, conflict) for item in chosen for conflict in item.conflicts)


def all_results(
    *,
    trial: str | None = None,
    arm: str | None = None,
    endpoint: str | None = None,
    role: str | None = None,
    population: str | None = None,
    where: str | None = None,
    as_of: str | None = None,
) -> tuple[Row, ...]:
    """Published numbers that meet every filter given.

    `population` is a population id of the catalog or a word of the analysis population; `where` is a
    condition that must be the row's own (`none` chooses rows of whole arms); `as_of` is a date by which the
    number must have been published.
    """
    _known("endpoint", endpoint, ENDPOINTS)
    _known("role", role, ROLES)
    chosen = [load_trial(trial)] if trial else list(trials().values())
    if arm is not None and trial is not None:
        _known("arm", arm, tuple(chosen[0].design.arms))
    limit = latest(as_of) if as_of else None
    wanted = None if where in (None, "none") else str(Condition.parse(where))
    rows = []
    for row, source_trial in ((row, item) for item in chosen for row in rows_of(item)):
        if (
            arm in (None, row.arm)
            and endpoint in (None, row.endpoint)
            and role in (None, row.role)
            and (where is None or row.where == wanted)
            and (limit is None or latest(row.published_on) <= limit)
            and (population is None or _in_population(population, row, source_trial))
        ):
            rows.append(row)
    return tuple(rows)


def rows_of(trial: TrialEvidence) -> Iterator[Row]:
    """The rows of one trial, in the order of its file."""
    for result in trial.results:
        yield Row(
            trial=trial.id,
            arm=result.arm,
            endpoint=result.endpoint,
            months=result.months,
            where=None if result.where is None else str(result.where),
            value=result.value,
            numerator=result.numerator,
            n=result.n,
            lo95=result.lo95,
            hi95=result.hi95,
            source=result.source.ref,
            place=result.source.at,
            published_on=published_on(result),
            role=result.role,
            status=result.status,
            id=result.id,
            assessment=result.assessment,
            measure=result.measure,
            cut=result.cut,
            subgroup=result.subgroup,
            assay=result.assay,
            threshold=result.threshold,
            population=result.population,
            conflicts=tuple(conflict.id for conflict in trial.conflicts_of(result.id)),
            note=result.note,
        )


def published_on(result: Result) -> str:
    """When a result was published: its own date, or its source's."""
    return result.published_on or sources()[result.source.ref].published


def _in_population(population: str, row: Row, trial: TrialEvidence) -> bool:
    arm = trial.design.arms.get(row.arm)
    return (arm is not None and arm.population == population) or population.lower() in (row.population or "").lower()


def _known(what: str, value: str | None, choices: tuple[str, ...]) -> None:
    if value is not None and value not in choices:
        raise UsageError(
            f"unknown {what} '{value[:60]}'",
            where=f"--{what}",
            why=f"known here: {', '.join(choices[:12])}",
            near=nearest(value, choices),
            fix=f"choose a known {what}",
        )
