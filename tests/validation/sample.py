"""Invented published rows and a small invented validation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from remission.evidence import Row
from remission.inference.validation.matching import Facts, Known, known

YOUNG = Facts("negative", 40.0, (18.0, 60.0), 100)
OLD = Facts("negative", 70.0, (60.0, 85.0), 100)
OLD_POSITIVE = Facts("positive", 70.0, (60.0, 85.0), 100)

BLANK = Row(
    trial="one",
    arm="main",
    endpoint="CR",
    months=None,
    where=None,
    value=0.5,
    numerator=None,
    n=50,
    lo95=None,
    hi95=None,
    source="invented-2020",
    place="table 1",
    published_on="2020-01-01",
    role="calibrate",
    status="reported",
    id="row",
    assessment="any",
    measure="fraction",
    cut=None,
    subgroup=None,
    assay=None,
    threshold=None,
    population=None,
    conflicts=(),
    note=None,
)


def row(**changes: Any) -> Row:
    """An invented row."""
    return replace(BLANK, **changes)


def item(facts: Facts = YOUNG, **changes: Any) -> Known:
    """An invented row with what it is matched by."""
    return known(row(**changes), facts)


def counts(trial: str, events: int, n: int, facts: Facts = YOUNG, **changes: Any) -> Known:
    """A proportion of an invented trial."""
    return item(facts, trial=trial, numerator=events, n=n, value=events / n, **changes)


def survival(trial: str, value: float, months: float, facts: Facts = YOUNG, **changes: Any) -> Known:
    """Survival of an invented trial."""
    return item(
        facts, **{"trial": trial, "endpoint": "OS", "assessment": None, "months": months, "value": value, **changes}
    )
