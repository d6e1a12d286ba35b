"""Who is treated: the population files of the catalog."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from remission.base import catalog, files
from remission.base.errors import Problem
from remission.base.files import Model
from remission.base.units import Quantity, quantity_of
from remission.patients.plan import plan_of
from remission.patients.reference import PopulationSource, Stated, load_genetics
from remission.patients.requirement import PATTERN, parse_requirement

__all__ = ["Ages", "BlastSpread", "CellSpread", "FractionSpread", "GeneticShares", "Population", "Selection", "Value", "load_genetics",
           "load_population"]

Years = Annotated[Quantity, quantity_of("time")]
Fraction = Annotated[Quantity, quantity_of("fraction")]
Cells = Annotated[Quantity, quantity_of("cell concentration")]
INNER = 0.05  # a median lies at least this share of the range away from its ends


def _requirable(text: str) -> str:
    parse_requirement(text)
    return text


Required = Annotated[str, AfterValidator(_requirable), WithJsonSchema(
    {"type": "string", "pattern": PATTERN, "description": "alternatives joined by 'or', of which a patient fulfils at least one"})]


class Ages(Stated):
    """Ages by median and range alone (a normal of SD range/4, truncated to the range and shifted to have the median), with `quartiles`
    (evenly spread between the five numbers), or with `bands` (lowest age and share of patients, evenly spread within a band; the
    median then says what the bands must give)."""

    median: Years
    range: tuple[Years, Years]
    quartiles: tuple[Years, Years] | None = None
    bands: Annotated[tuple[tuple[Years, Fraction], ...] | None, Field(min_length=1, max_length=40)] = None

    @property
    def knots(self) -> tuple[list[float], list[float]]:
        """Ages in years and the shares of patients below them, for ages with quartiles or bands; ([], []) otherwise."""
        low, high = (edge.to("y") for edge in self.range)
        if self.quartiles is not None:
            first, third = (edge.to("y") for edge in self.quartiles)
            return [low, first, self.median.to("y"), third, high], [0.0, 0.25, 0.5, 0.75, 1.0]
        if self.bands is None:
            return [], []
        below = [0.0]
        for _, share in self.bands:
            below.append(below[-1] + share.to("1"))
        return [*(start.to("y") for start, _ in self.bands), high], [share / below[-1] for share in below]

    @model_validator(mode="after")
    def _ordered(self) -> Ages:
        low, high = (edge.to("y") for edge in self.range)
        middle = self.median.to("y")
        if not low < middle < high:
            raise Problem("the median does not lie inside the range", fix="correct the median or the range")
        if self.quartiles is not None and self.bands is not None:
            raise Problem("ages have quartiles and bands", why="one of them describes the ages", fix="remove one")
        ages, below = self.knots
        if any(after <= before for before, after in pairwise(ages)):
            raise Problem("the ages are not in order", why="range, quartiles and bands rise and lie within the range",
                          fix="put them in order")
        if not ages and not INNER <= (middle - low) / (high - low) <= 1 - INNER:
            raise Problem("the median lies at the edge of the range", why="no truncated normal of SD range/4 has it",
                          fix="give quartiles or bands")
        if self.bands is not None:
            self._bands_agree(ages, below, low, middle)
        return self

    def _bands_agree(self, ages: list[float], below: list[float], low: float, middle: float) -> None:
        total = sum(share.to("%") for _, share in self.bands or ())
        if any(share.value <= 0 for _, share in self.bands or ()):
            raise Problem("a band has no patients", why="the share of every band is above 0 %", fix="correct the share or remove the band")
        if abs(total - 100) > 0.5:
            raise Problem(f"the shares of the bands add up to {total:g} %", why="they make 100 %", fix="correct a share")
        if ages[0] != low:
            raise Problem("the first band does not begin where the range does", fix="correct the band or the range")
        band = max(number for number, share in enumerate(below) if share <= 0.5)
        found = ages[band] + (ages[band + 1] - ages[band]) * (0.5 - below[band]) / (below[band + 1] - below[band])
        if abs(found - middle) > 1:
            raise Problem(f"the bands have a median of {found:.1f} y, not {middle:g} y", why="they must agree within a year",
                          fix="correct the bands or the median")


class FractionSpread(Stated):
    """A share of cells: half of the patients lie evenly below the median, half evenly above."""

    median: Fraction
    range: tuple[Fraction, Fraction]

    @model_validator(mode="after")
    def _ordered(self) -> FractionSpread:
        low, high = (edge.to("%") for edge in self.range)
        if not 0 <= low <= self.median.to("%") <= high <= 100:
            raise Problem("median and range do not fit each other", why="0 % <= lowest <= median <= highest <= 100 %",
                          fix="correct the median or the range")
        return self


class CellSpread(Stated):
    """White cells: lognormal in patients alike in KMT2A and BCR::ABL1. `of: all`: the median is that of all patients of the population;
    `of: reference`: that of patients with neither, from whom the others follow by the factors of catalog/genetics.yaml."""

    median: Cells
    log_spread: Annotated[float, Field(gt=0, le=3)]
    of: Literal["all", "reference"] = "all"

    @model_validator(mode="after")
    def _positive(self) -> CellSpread:
        if self.median.value <= 0:
            raise Problem("the median of white cells is not positive", fix="correct it")
        return self


class BlastSpread(Stated):
    """Blasts in the marrow: logit-normal."""

    median: Fraction
    logit_spread: Annotated[float, Field(gt=0, le=3)]

    @model_validator(mode="after")
    def _inside(self) -> BlastSpread:
        if not 0 < self.median.to("1") < 1:
            raise Problem("the median of blasts is not between 0 and 100 %", fix="correct it")
        return self


class Value(Stated):
    """A share of patients."""

    value: Fraction

    @model_validator(mode="after")
    def _share(self) -> Value:
        if not 0 <= self.value.to("1") <= 1:
            raise Problem(f"{self.value} is no share of patients", why="shares lie between 0 and 100 %", fix="correct it")
        return self


class GeneticShares(Model):
    """Shares that replace those of catalog/genetics.yaml at every age. `ph`: of all patients of a population with `ph: any`; `ph_like`,
    `kmt2a`, `hypodiploid`: of all its BCR::ABL1-negative patients; `ikzf1` (any deletion) and `ikzf1_plus`: of all its patients."""

    ph: Value | None = None
    ph_like: Value | None = None
    kmt2a: Value | None = None
    hypodiploid: Value | None = None
    ikzf1: Value | None = None
    ikzf1_plus: Value | None = None

    def stated(self) -> dict[str, Value]:
        """The shares that are given."""
        return {name: value for name, value in self if value is not None}


class Selection(Stated):
    """Whom enrolment selects, in words, and what of it is not simulated."""

    says: str
    left_out: str | None = None


class Population(Model):
    """Who is treated: one file of catalog/populations.

    `require` selects patients by genetics and white cells. Age, sex, CD20, CD22 and blasts are stated of the patients so selected;
    the shares of lesions before selection.
    """

    id: str
    title: str
    source: PopulationSource | None = None
    selects: Selection | None = None
    age: Ages
    male: Value
    ph: Literal["negative", "positive", "any"]
    genetics: GeneticShares = GeneticShares()
    require: Required | None = None
    wbc: CellSpread
    blasts: BlastSpread
    cd22: FractionSpread
    cd20: Value
    relapsed: bool = False

    def values(self) -> dict[str, Stated]:
        """Every value that has its own source or assumption, by its place in the file."""
        plain: dict[str, Stated] = {name: value for name, value in self if isinstance(value, Stated)}
        return plain | {f"genetics.{name}": value for name, value in self.genetics.stated().items()}

    @model_validator(mode="after")
    def _consistent(self) -> Population:
        for name, value in self.values().items():
            if not (value.source or value.assumed or self.source):
                raise Problem(f"{name} has neither source nor assumption", why="every value says where it comes from",
                              fix="add 'source: {ref: …, at: …}' or 'assumed: why'")
        if self.genetics.ph is not None and self.ph != "any":
            raise Problem(f"a share of BCR::ABL1 is given although ph is {self.ph}", fix="write 'ph: any', or remove the share")
        if self.require is not None and self.wbc.of == "all" and parse_requirement(self.require).wbc is not None:
            raise Problem("white cells are required and stated of all patients", why="what is required cannot also be the median",
                          fix="state the white cells of the reference: 'of: reference'")
        plan_of(self)
        return self


def load_population(identifier: str) -> Population:
    """One population of the catalog. Raises NotFound with the nearest id."""
    return files.parse(files.read(catalog.path("populations", identifier)), Population)
