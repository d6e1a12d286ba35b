"""Quantities with units from a closed list. Values stay as published; conversion is asked for by name."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from remission.base.errors import Problem, UnitError, nearest

DAYS_PER_YEAR = 365.25
DAYS_PER_MONTH = DAYS_PER_YEAR / 12  # 30.4375 d, the month of every endpoint

# unit -> (dimension, factor to the dimension's first unit)
UNITS: dict[str, tuple[str, float]] = {
    "d": ("time", 1.0),
    "h": ("time", 1 / 24),
    "min": ("time", 1 / 1440),
    "wk": ("time", 7.0),
    "mo": ("time", DAYS_PER_MONTH),
    "y": ("time", DAYS_PER_YEAR),
    "mg": ("mass", 1.0),
    "ug": ("mass", 1e-3),
    "g": ("mass", 1e3),
    "mg/d": ("mass per time", 1.0),
    "ug/d": ("mass per time", 1e-3),
    "g/d": ("mass per time", 1e3),
    "mg/m2": ("mass per area", 1.0),
    "ug/m2": ("mass per area", 1e-3),
    "g/m2": ("mass per area", 1e3),
    "mg/m2/d": ("mass per area and time", 1.0),
    "ug/m2/d": ("mass per area and time", 1e-3),
    "mg/kg": ("mass per weight", 1.0),
    "ug/kg": ("mass per weight", 1e-3),
    "IU": ("activity", 1.0),
    "IU/m2": ("activity per area", 1.0),
    "IU/kg": ("activity per weight", 1.0),
    "%": ("fraction", 0.01),
    "1": ("fraction", 1.0),
    "1e9/L": ("cell concentration", 1.0),
    "cells": ("cells", 1.0),
    "1/d": ("rate", 1.0),
    "1/y": ("rate", 1 / DAYS_PER_YEAR),
    "log10": ("log10", 1.0),
    "ng/mL": ("concentration", 1.0),
    "L/h": ("clearance", 1.0),
    "L": ("volume", 1.0),
    "m2": ("area", 1.0),
    "kg": ("weight", 1.0),
}
_SPELLINGS = {
    "µg": "ug",
    "μg": "ug",
    "mcg": "ug",
    "days": "d",
    "day": "d",
    "weeks": "wk",
    "week": "wk",
    "months": "mo",
    "month": "mo",
    "years": "y",
    "year": "y",
    "hours": "h",
    "hour": "h",
    "U": "IU",
}
_PATTERN = re.compile(r"\s*([-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,3})?)\s*(\S+)?\s*")


def number(value: float) -> str:
    """The shortest text that reads back as `value`: 28, 0.6, 1e-05, 1234567."""
    short = f"{value:g}"
    return short if float(short) == value else repr(float(value)).removesuffix(".0")


@dataclass(frozen=True)
class Quantity:
    """A number with its unit, e.g. 28 ug/d."""

    value: float
    unit: str

    def __str__(self) -> str:
        return f"{number(self.value)} {self.unit}"

    @property
    def dimension(self) -> str:
        return UNITS[self.unit][0]

    def to(self, unit: str) -> float:
        """The value in another unit of the same dimension. Raises UnitError otherwise."""
        if unit not in UNITS or UNITS[unit][0] != self.dimension:
            raise UnitError(
                f"{self} cannot be expressed in {unit}",
                why=f"{self.unit} is a {self.dimension}",
                fix=f"give a {UNITS[unit][0] if unit in UNITS else 'known unit'}",
            )
        return self.value * UNITS[self.unit][1] / UNITS[unit][1]

    @classmethod
    def parse(cls, text: Any, dimensions: tuple[str, ...] = ()) -> Quantity:
        """Read "75 mg/m2". `dimensions` limits what fits. Raises Problem."""
        if isinstance(text, Quantity):
            quantity = text
        else:
            quantity = cls._read(text)
        if dimensions and quantity.dimension not in dimensions:
            fitting = [unit for unit, (dimension, _) in UNITS.items() if dimension in dimensions]
            raise Problem(
                f"the unit of '{quantity}' does not fit here",
                why=f"a {' or '.join(dimensions)} is expected",
                near=", ".join(fitting[:4]),
                fix="correct the unit",
                unit=True,
            )
        return quantity

    @classmethod
    def _read(cls, text: Any) -> Quantity:
        if isinstance(text, bool) or not isinstance(text, (str, int, float)):
            raise Problem(
                f"a quantity with a unit is expected, found {type(text).__name__}",
                why="every quantity is a number with its unit",
                fix="write e.g. '28 ug/d'",
                unit=True,
            )
        match = _PATTERN.fullmatch(str(text)) if len(str(text)) <= 60 else None
        if match is None:
            raise Problem(
                f"'{str(text)[:40]}' is not a quantity",
                why="a number and a unit are expected",
                fix="write e.g. '28 ug/d'",
                unit=True,
            )
        if match[2] is None:
            raise Problem(
                f"'{str(text)[:40]}' has no unit",
                why="every quantity carries its unit",
                fix="write e.g. '28 ug/d'",
                unit=True,
            )
        unit = "/".join(_SPELLINGS.get(part, part) for part in match[2].split("/"))
        if unit not in UNITS:
            raise Problem(
                f"unknown unit '{match[2][:20]}'",
                why="units come from a closed list",
                near=nearest(unit, UNITS),
                fix="use a known unit: " + ", ".join(UNITS),
                unit=True,
            )
        if not math.isfinite(float(match[1])):
            raise Problem(f"'{str(text)[:40]}' is too large", why="a quantity is finite", fix="correct the number", unit=True)
        return cls(float(match[1]), unit)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.parse,
            serialization=core_schema.plain_serializer_function_ser_schema(str),
            json_schema_input_schema=core_schema.str_schema(),
        )


def quantity_of(*dimensions: str) -> Any:
    """A pydantic annotation for a quantity of the given dimensions: `Annotated[Quantity, quantity_of("time")]`."""
    from pydantic import BeforeValidator

    return BeforeValidator(lambda value: Quantity.parse(value, dimensions))
