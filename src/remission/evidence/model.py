"""Published evidence as values: sources, baselines, results and conflicts.

A result carries its arm, endpoint, time, analysis population, assay, counts, interval, source and place.
Its role: `calibrate` may inform the fit; `validate` is held against a prediction but never fitted (it repeats
or divides patients who already calibrate); `context` is shown only. A missing value is `null` with the status
`not reported`, never zero.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from remission.base.errors import Problem, nearest
from remission.base.files import Model
from remission.evidence.dates import Published
from remission.protocol import Condition, Design

Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Role = Literal["calibrate", "validate", "context"]
Status = Literal["reported", "derived", "disputed", "not reported", "not reached"]
Measure = Literal["fraction", "median months", "hazard ratio", "odds ratio", "count"]
Method = Literal["exact", "wilson", "wald", "log-log", "log", "plain", "unknown"]
Assay = Literal["flow", "pcr-igtr", "pcr-bcr-abl1", "ngs", "morphology", "pcr-igtr or flow"]
Months = Annotated[float, Field(gt=0, le=600)]

PROPORTIONS = ("CR", "MRD-", "MR", "CMR", "CRS3+", "NT3+", "induction death", "relapse", "HSCT")
SURVIVAL = ("OS", "EFS", "DFS", "RFS", "CRD")
OTHER_PROPORTIONS = (
    "PR",
    "response",
    "refractory",
    "death",
    "death in remission",
    "death of infection",
    "death of secondary myeloid neoplasm",
    "death of transplant",
    "death of treatment",
    "death of VOD",
    "remission without transplant",
    "CNS relapse",
    "extramedullary relapse",
    "VOD",
    "secondary myeloid neoplasm",
    "MRD conversion",
    "MRD complete",
    "CRS any",
    "adverse event 3+",
    "infection 3+",
    "thrombocytopenia 3-4",
    "febrile neutropenia 3-4",
    "stopped for toxicity",
    "T315I at relapse",
    "cardiovascular event",
    "cardiovascular event 3+",
    "pancreatic enzymes 3+",
    "liver enzymes 3+",
    "pain 3+",
    "hypertension 3+",
    "neutropenia 3+",
    "leukopenia 3+",
    "anaemia 3+",
    "thrombocytopenia 3+",
    "bacteraemia 3+",
    "COVID-19",
    "mutation",
    "early relapse",
    "late relapse",
    "CD19-negative relapse",
)
OTHER_SURVIVAL = ("PFS", "relapse incidence", "NRM", "relapse-free without transplant", "relative survival")
COUNTS = ("adverse events 3+", "time to relapse", "MRD to relapse")
ENDPOINTS = (*PROPORTIONS, *SURVIVAL, *OTHER_PROPORTIONS, *OTHER_SURVIVAL, *COUNTS)
"""Every endpoint name a result may have; those of PROPORTIONS and SURVIVAL can be predicted."""

UNITS = ("y", "mo", "%", "1e9/L", "1e6/L", "cells/uL")


class Cite(Model):
    """A source, the place in it, and (where it differs from the value) how it is printed there."""

    ref: Id
    at: str
    printed: str | None = None


class Source(Model):
    """One publication, registry record or label, as it was read."""

    id: Id
    title: str
    authors: str
    where: str
    published: Published
    read: Published
    read_as: Literal["full text", "abstract", "registry record", "label", "secondary report"]
    doi: str | None = None
    registry: str | None = None
    note: str | None = None


class Baseline(Model):
    """One characteristic of an arm at entry: a share (0 to 1), a count, or a median with its range."""

    item: Id
    arm: str
    cut: Id | None = None
    where: Condition | None = None
    value: float | None = None
    median: float | None = None
    mean: float | None = None
    range: tuple[float, float] | None = None
    iqr: tuple[float, float] | None = None
    numerator: Annotated[int, Field(ge=0)] | None = None
    n: Annotated[int, Field(ge=1)] | None = None
    unit: str | None = None
    source: Cite
    also: tuple[Cite, ...] = ()
    status: Status = "reported"
    note: str | None = None

    @field_validator("unit")
    @classmethod
    def _known_unit(cls, unit: str | None) -> str | None:
        if unit is not None and unit not in UNITS:
            raise Problem(
                f"unknown unit '{unit[:20]}'",
                why="units here: " + ", ".join(UNITS),
                near=nearest(unit, UNITS),
                fix="correct the unit",
            )
        return unit

    @model_validator(mode="after")
    def _ordered(self) -> Baseline:
        for name, pair in (("range", self.range), ("iqr", self.iqr)):
            if pair is not None and pair[0] > pair[1]:
                raise Problem(
                    f"the {name} {pair[0]:g} to {pair[1]:g} is upside down",
                    fix="write the smaller number first",
                )
        inside = self.median is None or self.range is None or self.range[0] <= self.median <= self.range[1]
        if not inside and self.status != "disputed":
            raise Problem(
                "the median lies outside its range",
                why="one of the two is wrong",
                fix="correct it, or set 'status: disputed' and name a conflict",
            )
        return self


class Result(Model):
    """One published number: fractions lie between 0 and 1, times are months after the time zero."""

    id: Id
    arm: str
    endpoint: str
    at: Months | Id | None = None
    cut: Id | None = None
    where: Condition | None = None
    subgroup: str | None = None
    versus: str | None = None
    measure: Measure = "fraction"
    value: float | None
    numerator: Annotated[int, Field(ge=0)] | None = None
    n: Annotated[int, Field(ge=1)] | None = None
    lo95: float | None = None
    hi95: float | None = None
    method: Method | None = None
    assay: Assay | None = None
    threshold: Annotated[float, Field(gt=0, lt=1)] | None = None
    population: str | None = None
    source: Cite
    also: tuple[Cite, ...] = ()
    published_on: Published | None = None
    role: Role
    status: Status
    note: str | None = None

    @field_validator("endpoint")
    @classmethod
    def _known_endpoint(cls, endpoint: str) -> str:
        if endpoint not in ENDPOINTS:
            raise Problem(
                f"unknown endpoint '{endpoint[:40]}'",
                why="endpoints have fixed names",
                near=nearest(endpoint, ENDPOINTS),
                fix="use a known name, or add it to the list in remission.evidence",
            )
        return endpoint

    @model_validator(mode="after")
    def _coherent(self) -> Result:
        missing = self.status in ("not reported", "not reached")
        if (self.value is None) != missing:
            raise Problem(
                "a missing value and its status disagree",
                why="null goes with 'not reported' or 'not reached', and only with them",
                fix="correct the value or the status",
            )
        if self.measure == "fraction" and self.at is None:
            raise Problem(
                "the result has no time",
                why="a fraction is read at an assessment, a number of months, or 'any'",
                fix="add 'at: …'",
            )
        if self.role != "context" and (self.measure != "fraction" or missing or self.subgroup is not None):
            raise Problem(
                f"this result cannot have the role '{self.role}'",
                why="only a known fraction in patients whom a condition describes can be predicted",
                near="context",
                fix="set 'role: context'",
            )
        self._numbers()
        return self

    def _numbers(self) -> None:
        if self.value is None:
            return
        top = 1.0 if self.measure == "fraction" else float("inf")
        for name, number in (("value", self.value), ("lo95", self.lo95), ("hi95", self.hi95)):
            if number is not None and not 0.0 <= number <= top:
                raise Problem(
                    f"{name} {number:g} is outside 0 to {top:g}",
                    why="percentages are written as fractions: 66 % is 0.66",
                    fix="correct the number",
                )
        if (self.numerator is not None) and (self.n is None or self.numerator > self.n):
            raise Problem(
                "the numerator has no denominator, or exceeds it",
                why=f"numerator {self.numerator}, n {self.n}",
                fix="add or correct n",
            )
        if (self.lo95 if self.lo95 is not None else self.value) > self.value or (
            self.hi95 if self.hi95 is not None else self.value
        ) < self.value:
            raise Problem(
                "the interval does not contain the value",
                why=f"{self.lo95} to {self.hi95} around {self.value:g}",
                fix="correct the limits or the value",
            )

    @property
    def months(self) -> float | None:
        """Months after time zero, when the result is read at a time."""
        return self.at if isinstance(self.at, float) else None

    @property
    def assessment(self) -> str | None:
        """Name of the assessment, when the result is read at one ('any' is the best over all of them)."""
        return self.at if isinstance(self.at, str) else None


class Reading(Model):
    """What one source says."""

    says: str
    source: Cite


class Conflict(Model):
    """A place where sources disagree, with the reading that is used and why."""

    id: Id
    about: str
    readings: Annotated[tuple[Reading, ...], Field(min_length=2)]
    resolution: str
    reason: str
    values: tuple[Id, ...] = ()


class TrialEvidence(Model):
    """What has been published about one trial; `design` tells its arms, endpoints and assessments."""

    id: Id
    title: str
    summary: str
    registry: str | None = None
    sources: tuple[Id, ...]
    design: Design
    baseline: tuple[Baseline, ...] = ()
    results: tuple[Result, ...] = ()
    conflicts: tuple[Conflict, ...] = ()

    def result(self, identifier: str) -> Result:
        """One result by its id within the trial. Raises Problem with the nearest id."""
        for result in self.results:
            if result.id == identifier:
                return result
        raise Problem(
            f"no result '{identifier[:60]}' in {self.id}",
            near=nearest(identifier, [r.id for r in self.results]),
            fix="correct the id",
        )

    def conflicts_of(self, identifier: str) -> tuple[Conflict, ...]:
        """The conflicts that touch one result."""
        return tuple(conflict for conflict in self.conflicts if identifier in conflict.values)
