"""What prescribing information adds to a regimen when it is put on dates: bag lengths, hospital days, body weight."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Literal

from pydantic import Field

from remission.base import catalog, files
from remission.base.files import Model
from remission.base.units import Quantity, quantity_of
from remission.protocol.model import Cited, Id

Setting = Literal["active disease", "remission"]
Weight = Annotated[Quantity, quantity_of("weight")]


class Bags(Cited):
    """Lengths that a bag may have, in whole days."""

    days: tuple[Annotated[int, Field(ge=1, le=28)], ...] = Field(min_length=1)


class DefaultBag(Cited):
    """The bag length that is used when none is asked for, in days."""

    days: Annotated[int, Field(ge=1, le=28)]


class Start(Cited):
    """Recommended hospital days at the start of the first or second cycle, by the state of the disease."""

    setting: Setting
    cycle: Annotated[int, Field(ge=1, le=9)]
    hospital_days: Annotated[int, Field(ge=1, le=28)]


class Advice(Cited):
    """A recommendation in words."""

    text: str


class FlatDose(Cited):
    """The body weight from which a flat dose holds."""

    weight: Weight
    text: str


class Handling(Model):
    """How one drug is handled."""

    drug: Id
    bags: Bags
    default_bag: DefaultBag
    starts: tuple[Start, ...]
    later_starts: Advice
    setting: Cited
    flat_dose_from: FlatDose

    def hospital_days(self, setting: Setting, cycle: int) -> Start | None:
        """The recommendation for one cycle's start, None where the label gives none."""
        return next((start for start in self.starts if (start.setting, start.cycle) == (setting, cycle)), None)


class _File(Model):
    drugs: tuple[Handling, ...]


@lru_cache(maxsize=1)
def handling() -> dict[str, Handling]:
    """All entries of the catalog's handling.yaml by drug."""
    content = files.parse(files.read(catalog.root() / "handling.yaml"), _File)
    return {entry.drug: entry for entry in content.drugs}


def cited(item: Cited) -> str:
    """A source or an assumption in one line: `amgen-2014-blincyto, Dosage` or `assumed: why`."""
    parts = []
    if item.source is not None:
        parts.append(f"{item.source.ref}, {item.source.at}" if item.source.at else item.source.ref)
    if item.assumed is not None:
        parts.append(f"assumed: {item.assumed}")
    return "; ".join(parts)
