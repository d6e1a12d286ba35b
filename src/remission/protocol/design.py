"""The design half of a trial: arms, enrolment, time zero, analysis populations and endpoint definitions.

This is all that emulation may know of a trial; its results are read by the evidence room alone.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from remission.base import catalog, files
from remission.base.files import Model
from remission.protocol.conditions import Condition
from remission.protocol.model import Cited, Duration, Id, Share


class Enrolment(Cited):
    """Who is in the arm: a condition that must hold at a named assessment; time zero of `from: enrolment`."""

    at: Id
    if_: Condition | None = Field(default=None, alias="if")


class Arm(Cited):
    """One arm: its regimen, the virtual population it draws on, and how many patients it had."""

    regimen: Id
    population: Id
    enrolled: Annotated[int, Field(ge=1)] | None = None
    title: str | None = None
    enrolment: Enrolment | None = None


class FollowUp(Cited):
    """Administrative censoring: follow-up is uniform on median -+ accrual/2."""

    median: Duration
    accrual: Duration


class Endpoint(Cited):
    """A trial's own definition of an endpoint."""

    kind: Literal["response", "survival", "toxicity", "early death", "transplant", "relapse"]
    what: str | None = None
    at: str | None = None
    from_: Literal["start", "enrolment", "remission"] = Field(default="start", alias="from")
    events: tuple[Literal["death", "relapse", "no remission"], ...] = ()
    no_remission_at: Id | None = None
    among: Literal["enrolled", "remission", "evaluable"] = "enrolled"
    evaluable: Share | None = None
    cumulative: bool = False
    censor: tuple[Literal["transplant", "death"], ...] = ()
    within: Duration | None = None


class Design(Cited):
    """How a trial was run and what it measured."""

    status: Literal["reported", "ongoing"]
    arms: dict[str, Arm]
    follow_up: FollowUp | None = None
    endpoints: dict[str, Endpoint]


class TrialDesign(Model):
    """A trial's identity and design, without its results."""

    id: Id
    title: str
    registry: str | None
    summary: str
    design: Design


class _Head(Model, extra="ignore"):
    """What a trial's file says of itself, above its two halves."""

    id: Id
    title: str
    registry: str | None = None
    summary: str


def load_design(identifier: str) -> TrialDesign:
    """The design half of one trial. Raises NotFound with the nearest id."""
    document = files.read(catalog.path("trials", identifier))
    head = files.parse(document, _Head)
    design = files.parse(document, Design, ("design",))
    return TrialDesign(id=head.id, title=head.title, registry=head.registry, summary=head.summary, design=design)
