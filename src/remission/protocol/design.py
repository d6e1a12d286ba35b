"""The design half of a trial: arms, enrolment, time zero, analysis populations and endpoint definitions.

This is all that emulation may know of a trial; its results are read by the evidence room alone.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Literal

from pydantic import Field, model_validator

from remission.base import catalog, files
from remission.base.errors import NotFound, Problem, nearest
from remission.base.files import Model
from remission.protocol.conditions import Condition
from remission.protocol.model import Cited, Duration, Id, Share


class Enrolment(Cited):
    """Who is in the arm: a condition that must hold at a named assessment; time zero of `from: enrolment`."""

    at: Id
    if_: Condition | None = Field(default=None, alias="if")


class Entering(Cited):
    """The part of an arm that comes after a first course elsewhere and is in remission: time zero is the assessment `at`.

    `share` is their part of all enrolled. Among patients who came this way those without remission at `at` are not in the arm.
    """

    at: Id
    share: Share


class Assigned(Cited):
    """Part of an arm takes another regimen: the share of those who meet `if` at the assessment `at` (from the start, without one).

    Who takes it is decided by chance, the same for every endpoint. The two regimens must be the same up to that assessment.
    """

    regimen: Id
    share: Share | None = None
    at: Id | None = None
    if_: Condition | None = Field(default=None, alias="if")


class Arm(Cited):
    """One arm: its regimen, the virtual population it draws on, and how many patients it had.

    `planned` is how many it is to have, where those enrolled so far are fewer; a forecast of a trial under way is for so many.
    """

    regimen: Id
    population: Id
    enrolled: Annotated[int, Field(ge=1)] | None = None
    planned: Annotated[int, Field(ge=1, le=100_000)] | None = None
    title: str | None = None
    enrolment: Enrolment | None = None
    entering: Entering | None = None
    assigned: Annotated[tuple[Assigned, ...], Field(max_length=10)] = ()

    @model_validator(mode="after")
    def _one_entry(self) -> Arm:
        if self.enrolment is not None and self.entering is not None:
            raise Problem("an arm has 'enrolment' and 'entering'", why="each says when a patient comes into the arm",
                          fix="keep one of them")
        return self

    @property
    def regimens(self) -> tuple[str, ...]:
        """Every regimen that a patient of the arm may take, the arm's own first."""
        return tuple(dict.fromkeys((self.regimen, *(item.regimen for item in self.assigned))))


class FollowUp(Cited):
    """Administrative censoring: follow-up is uniform on median -+ accrual/2."""

    median: Duration
    accrual: Duration


class Cut(Cited):
    """One cut of a trial's data: how long it had been followed, and how many patients each arm had by then."""

    follow_up: FollowUp
    enrolled: dict[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict, max_length=20)


Event = Literal["death", "relapse", "no remission"]
Site = Literal["bulk", "persister", "cd19-negative", "resistant", "extramedullary", "central nervous system"]


class Endpoint(Cited):
    """A trial's own definition of an endpoint.

    `response`: a reading of remission or MRD at an assessment (`at`, or that of one arm in `at_in`); `threshold` replaces the
    assessment's own limit; `counts` names other assessments that count as well; only patients with a reading at every assessment of
    `measured_at` are analysed. `survival`: free of every event; `censor` takes patients out of follow-up. `incidence`: share with the
    first of `events` before any of `competing`. Both run from `start`, from `enrolment` into the arm (the start where there is none),
    or from `remission` (from enrolment, where that comes later). `site` restricts relapse; relapse elsewhere then competes.
    The other kinds are shares of the patients observed by the data cut: `toxicity`, `early death`, `transplant`, `relapse`,
    `death in remission`, `death`. `among: active` are those not in remission at entry; `evaluable` is the share of the patients
    described who could be analysed. `follow_up` is the endpoint's own, where it comes from another data cut.
    """

    kind: Literal["response", "survival", "incidence", "toxicity", "early death", "transplant", "relapse", "death in remission", "death"]
    what: str | None = None
    at: str | None = None
    at_in: dict[str, Id] = Field(default_factory=dict, max_length=20)
    counts: Annotated[tuple[Id, ...], Field(max_length=20)] = ()
    measured_at: Annotated[tuple[Id, ...], Field(max_length=20)] = ()
    threshold: Annotated[float, Field(strict=True, gt=0, lt=1)] | None = None
    from_: Literal["start", "enrolment", "remission"] = Field(default="start", alias="from")
    events: tuple[Event, ...] = ()
    competing: tuple[Event, ...] = ()
    site: Site | None = None
    no_remission_at: Id | None = None
    among: Literal["enrolled", "remission", "evaluable", "active"] = "enrolled"
    evaluable: Share | None = None
    cumulative: bool = False
    censor: tuple[Literal["transplant", "death"], ...] = ()
    within: Duration | None = None
    follow_up: FollowUp | None = None

    @model_validator(mode="after")
    def _usable(self) -> Endpoint:
        timed = self.kind in ("survival", "incidence")
        if timed and not self.events:
            raise Problem(f"the {self.kind} endpoint names no event", why="it runs to the first of its events", fix="add 'events: [death]'")
        if self.competing and (self.kind != "incidence" or set(self.competing) & set(self.events)):
            raise Problem("'competing' does not fit this endpoint",
                          why="only an incidence has competing events, and they are others than its own",
                          fix="use 'kind: incidence', or remove the event from one of the two")
        if self.site is not None and not (self.kind == "relapse" or "relapse" in self.events):
            raise Problem("'site' is given without relapse", why="it says where a relapse is counted", fix="add relapse to the events")
        return self


class Design(Cited):
    """How a trial was run and what it measured."""

    status: Literal["reported", "ongoing"]
    arms: dict[str, Arm]
    follow_up: FollowUp | None = None
    cuts: dict[Id, Cut] = Field(default_factory=dict, max_length=40)
    endpoints: dict[str, Endpoint]

    def endpoint(self, name: str) -> Endpoint:
        """The trial's definition of an endpoint, or the usual one of catalog/endpoints.yaml. Raises NotFound with the nearest name."""
        found = self.endpoints.get(name) or usual_endpoints().get(name)
        if found is None:
            known = (*self.endpoints, *(other for other in usual_endpoints() if other not in self.endpoints))
            raise NotFound(f"no endpoint is called '{name[:40]}'", why="known here: " + ", ".join(known),
                           near=nearest(name, known), fix="choose one of them")
        return found


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


class _Usual(Model):
    endpoints: dict[str, Endpoint]


@lru_cache(maxsize=1)
def usual_endpoints() -> dict[str, Endpoint]:
    """The usual definitions of endpoints, for trials that give none of their own: catalog/endpoints.yaml."""
    return files.parse(files.read(catalog.root() / "endpoints.yaml"), _Usual).endpoints
