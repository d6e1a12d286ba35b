"""Virtual patients: covariates drawn at addressed random numbers from a population's published distributions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from remission.base import catalog, files
from remission.base.errors import Problem, UsageError
from remission.base.files import Model
from remission.base.random import Floats, Stream, normals, uniforms
from remission.base.units import Quantity, quantity_of

Years = Annotated[Quantity, quantity_of("time")]
Fraction = Annotated[Quantity, quantity_of("fraction")]
Cells = Annotated[Quantity, quantity_of("cell concentration")]


class PopulationSource(Model):
    """Source id and place."""

    ref: str
    at: str = ""


class Stated(Model):
    """A value with its own source or assumption."""

    source: PopulationSource | None = None
    assumed: str | None = None


class Spread(Stated):
    """Median and range."""

    median: Years
    range: tuple[Years, Years]

    @model_validator(mode="after")
    def _ordered(self) -> Spread:
        low, high = self.range
        if not low.to("y") < self.median.to("y") < high.to("y"):
            raise Problem("the median does not lie inside the range", fix="correct the median or the range")
        return self


class FractionSpread(Stated):
    median: Fraction
    range: tuple[Fraction, Fraction]


class CellSpread(Stated):
    median: Cells
    log_spread: Annotated[float, Field(gt=0, le=3)]


class BlastSpread(Stated):
    median: Fraction
    logit_spread: Annotated[float, Field(gt=0, le=3)]


class Value(Stated):
    value: Fraction


class Population(Model):
    """Who is treated: one file of catalog/populations."""

    id: str
    title: str
    source: PopulationSource | None = None
    age: Spread
    male: Value
    ph: Literal["negative", "positive"]
    wbc: CellSpread
    blasts: BlastSpread
    cd22: FractionSpread
    cd20: Value
    relapsed: bool = False


class Lesion(Model):
    """Share of patients with a lesion by age band."""

    of: str
    bands: tuple[tuple[float, float], ...]
    evidence: str

    def share(self, age: Floats) -> Floats:
        """Share at each age."""
        starts = np.array([band[0] for band in self.bands])
        shares = np.array([band[1] for band in self.bands])
        return np.asarray(shares[np.clip(np.searchsorted(starts, age, side="right") - 1, 0, None)], np.float64)


class Genetics(Model):
    """The reference prevalences of catalog/genetics.yaml."""

    ph_like: Lesion
    kmt2a: Lesion
    hypodiploid: Lesion
    ikzf1_other: Lesion
    ikzf1_ph_like: Lesion
    ikzf1_ph: Lesion
    ikzf1_plus: Lesion


@dataclass(frozen=True)
class Cohort:
    """Covariates of virtual patients; every array has shape (draws, patients).

    `values` holds age (y), male, ph, ph_like, kmt2a, hypodiploid (0/1), ikzf1 (0 none, 1 deleted, 2 plus), wbc (1e9/L),
    blasts (marrow fraction), cd22 (%), cd20 (% of blasts, 0 or 100), fitness (SD).
    """

    population: str
    seed: int
    draws: npt.NDArray[np.int64]
    values: Mapping[str, Floats]
    relapsed: bool

    @property
    def shape(self) -> tuple[int, int]:
        draws, patients = self.values["age"].shape
        return draws, patients


def load_population(identifier: str) -> Population:
    """One population of the catalog. Raises NotFound with the nearest id."""
    return files.parse(files.read(catalog.path("populations", identifier)), Population)


def load_genetics() -> Genetics:
    """Reference prevalences by age."""
    return files.parse(files.read(catalog.root() / "genetics.yaml"), Genetics)


def sample(population: Population, seed: int, draws: Sequence[int], patients: int, first: int = 0) -> Cohort:
    """`patients` virtual patients, numbers `first` on, for each parameter draw. Raises UsageError for zero patients.

    The same seed, draw and patient number give the same person in every population of the same kind.
    """
    if patients < 1:
        raise UsageError(
            f"{patients} patients were asked for",
            where="patients",
            why="a simulation needs at least one patient",
            near="1",
            fix="ask for one patient or more",
        )
    numbers = np.asarray(draws, np.int64)
    who = np.arange(first, first + patients)
    grid = np.broadcast_to(who, (len(numbers), patients)).reshape(-1)
    draw = np.repeat(numbers, patients)
    u = uniforms(seed, grid, draw, Stream.COVARIATES, 9)
    z = normals(seed, grid, draw, Stream.COVARIATES, 3, first=12)
    values = _covariates(population, load_genetics(), u, z)
    shape = (len(numbers), patients)
    return Cohort(
        population.id,
        seed,
        numbers,
        {name: column.reshape(shape) for name, column in values.items()},
        population.relapsed,
    )


def _covariates(population: Population, genetics: Genetics, u: Floats, z: Floats) -> dict[str, Floats]:
    age = truncated_normal(population.age, u[:, 0])
    ph = np.full_like(age, float(population.ph == "positive"))
    negative = ph == 0
    ph_like = negative & (u[:, 2] < genetics.ph_like.share(age))
    kmt2a = negative & ~ph_like & (u[:, 3] < genetics.kmt2a.share(age))
    hypodiploid = negative & ~ph_like & ~kmt2a & (u[:, 4] < genetics.hypodiploid.share(age))
    deleted_share = np.where(
        ~negative,
        genetics.ikzf1_ph.share(age),
        np.where(ph_like, genetics.ikzf1_ph_like.share(age), genetics.ikzf1_other.share(age)),
    )
    deleted = u[:, 5] < deleted_share
    plus = deleted & (u[:, 5] < deleted_share * genetics.ikzf1_plus.share(age))
    wbc_factor = np.where(kmt2a, 6.0, 1.0)  # white cells are about six times higher with KMT2A rearrangement
    wbc = population.wbc.median.to("1e9/L") * wbc_factor * np.exp(population.wbc.log_spread * z[:, 0])
    low, high = (edge.to("%") for edge in population.cd22.range)
    middle = population.cd22.median.to("%")
    v = u[:, 6]
    cd22 = np.where(v < 0.5, low + (middle - low) * 2 * v, middle + (high - middle) * (2 * v - 1))
    blast_middle = population.blasts.median.to("1")
    logit = np.log(blast_middle / (1 - blast_middle)) + population.blasts.logit_spread * z[:, 1]
    return {
        "age": age,
        "male": (u[:, 1] < population.male.value.to("1")).astype(np.float64),
        "ph": ph,
        "ph_like": ph_like.astype(np.float64),
        "kmt2a": kmt2a.astype(np.float64),
        "hypodiploid": hypodiploid.astype(np.float64),
        "ikzf1": deleted.astype(np.float64) + plus,
        "wbc": wbc,
        "blasts": 1 / (1 + np.exp(-logit)),
        "cd22": cd22,
        "cd20": np.where(u[:, 7] < population.cd20.value.to("1"), 100.0, 0.0),
        "fitness": z[:, 2] - 0.3 * np.maximum(0.0, (age - 60) / 10),
    }


def truncated_normal(spread: Spread, u: Floats) -> Floats:
    """Ages from a normal about the median with SD range/4 (Hozo 2005, BMC Med Res Methodol 5:13), truncated to the range."""
    from scipy.special import ndtr, ndtri

    low, high = (edge.to("y") for edge in spread.range)
    middle, sd = spread.median.to("y"), (high - low) / 4
    below, above = ndtr((low - middle) / sd), ndtr((high - middle) / sd)
    return np.asarray(middle + sd * ndtri(below + (above - below) * u), np.float64)
