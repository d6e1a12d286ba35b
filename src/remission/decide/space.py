"""The space of placements as declared in catalog/placements.yaml."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Literal

from pydantic import Field, model_validator

from remission.base import catalog, files
from remission.base.errors import Problem, UsageError, nearest
from remission.base.files import Model
from remission.protocol import Condition
from remission.protocol.model import Chemotherapy, Cited, Dose, Id

Ph = Literal["negative", "positive"]
Order = Literal["none", "before", "alternating", "after"]
Intensity = Literal["none", "reduced", "intensive"]
INTENSITIES: tuple[Intensity, ...] = ("none", "reduced", "intensive")
Count = Annotated[int, Field(ge=0, le=24)]


class Piece(Model):
    """A block, or a phase of a published regimen."""

    block: Id | None = None
    as_: Chemotherapy | None = Field(default=None, alias="as")
    regimen: Id | None = None
    phase: Id | None = None

    @model_validator(mode="after")
    def _one(self) -> Piece:
        if (self.block is None) == (self.regimen is None) or (self.regimen is None) != (self.phase is None):
            raise Problem("a piece is a block, or a regimen with one of its phases", fix="write {block: …} or {regimen: …, phase: …}")
        return self


class Option(Cited):
    """One choice: its id, in words, and short for ids."""

    id: Id
    title: str
    short: Id
    ph: Literal["negative", "positive", "any"] = "any"

    def fits(self, ph: Ph) -> bool:
        """Whether the choice is open for this disease."""
        return self.ph in ("any", ph)


class First(Option):
    """What reduces the disease first; `further` names the courses that may follow, `blinatumomab_next` says that a cycle must."""

    intensity: Intensity
    blinatumomab_next: bool = False
    further: Literal["reduced", "intensive"]
    pieces: tuple[Piece, ...] = Field(min_length=1)


class Maintenance(Option):
    """POMP courses, and blinatumomab cycles among them (one after every third course)."""

    courses: Count
    cycles: Count


class Transplant(Option):
    """Who is transplanted in first remission; without a condition everybody with a donor."""

    negative: Condition | None = None
    positive: Condition | None = None


class Inhibitor(Cited):
    """A kinase inhibitor and its daily dose."""

    id: Id
    dose: Dose


class Cycles(Cited):
    from_: Count = Field(alias="from")
    to: Count


class Under(Model):
    """The published subcutaneous cycles."""

    regimen: Id
    first: Id
    later: Id


class Infusion(Cited):
    """The blocks of blinatumomab cycles, and the days between them."""

    active: Id
    first: Id
    later: Id
    infusion_days: Annotated[int, Field(ge=1, le=56)]
    gap_days: Annotated[int, Field(ge=0, le=56)]
    subcutaneous: Under


class Intrathecal(Cited):
    doses: tuple[Count, ...]
    drug: Id
    dose: Dose


class Age(Cited):
    at_most: Annotated[int, Field(ge=18, le=100)]


class Resolution(Cited):
    efs: Annotated[float, Field(gt=0)]
    os: Annotated[float, Field(gt=0)]
    severe_toxicity: Annotated[float, Field(gt=0)]
    care_days: Annotated[float, Field(gt=0)]


Weight = Annotated[float, Field(ge=0)]


class Distance(Cited):
    first: Weight
    cycles: Weight
    maintenance_cycles: Weight
    courses_before: Weight
    courses_after: Weight
    maintenance: Weight
    intrathecal: Weight
    transplant: Weight
    inhibitor: Weight


class Space(Model):
    """Everything that may be chosen."""

    first: tuple[First, ...]
    further: dict[Literal["reduced", "intensive"], tuple[Piece, ...]]
    courses: tuple[Count, ...]
    cycles: Cycles
    orders: tuple[Order, ...]
    blinatumomab: Infusion
    maintenance: tuple[Maintenance, ...]
    pomp: dict[Literal["reduced", "intensive"], Id]
    intrathecal: Intrathecal
    transplant: tuple[Transplant, ...]
    transplant_age: Age
    inhibitors: tuple[Inhibitor, ...]
    studies: dict[str, str]
    resolution: Resolution
    distance: Distance


@lru_cache(maxsize=1)
def space() -> Space:
    """The declared space."""
    return files.parse(files.read(catalog.root() / "placements.yaml"), Space)


def chosen_inhibitor(identifier: str) -> Inhibitor:
    """The inhibitor with an id. Raises UsageError with the nearest."""
    known = {item.id: item for item in space().inhibitors}
    if identifier not in known:
        raise UsageError(f"'{identifier[:40]}' is not an inhibitor", where="inhibitor", why="the inhibitors are " + ", ".join(known),
                         near=nearest(identifier, known), fix="choose one of them")
    return known[identifier]
