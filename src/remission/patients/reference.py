"""What every population shares: how common lesions are by age, and how covariates go together (catalog/genetics.yaml)."""

from __future__ import annotations

from functools import cache
from typing import Annotated

import numpy as np
from pydantic import Field, model_validator

from remission.base import catalog, files
from remission.base.errors import Problem
from remission.base.files import Model
from remission.base.random import Floats

FILE = "genetics.yaml"


class PopulationSource(Model):
    """Source id and place."""

    ref: str
    at: str = ""


class Stated(Model):
    """A value with its own source or assumption."""

    source: PopulationSource | None = None
    assumed: str | None = None


class Known(Stated):
    """A shared value: `evidence` says in words what it rests on, or `assumed` why it is what it is."""

    evidence: str | None = None

    @model_validator(mode="after")
    def _rests_on_something(self) -> Known:
        if not (self.evidence or self.assumed):
            raise Problem("the value has neither evidence nor assumption", why="every shared value rests on something that is said",
                          fix="add 'evidence: …' or 'assumed: …'")
        return self


class Lesion(Known):
    """Share of patients with a lesion by age band: (lowest age in years, share); a band holds until the next one."""

    of: str
    bands: Annotated[tuple[tuple[float, Annotated[float, Field(ge=0, le=1)]], ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _rising(self) -> Lesion:
        ages = [band[0] for band in self.bands]
        if ages != sorted(set(ages)):
            raise Problem("the bands are not in order of age", fix="begin with the lowest age")
        return self

    def share(self, age: Floats) -> Floats:
        """Share at each age (years). Below the first band its share holds."""
        starts = np.array([band[0] for band in self.bands])
        shares = np.array([band[1] for band in self.bands])
        return np.asarray(shares[np.clip(np.searchsorted(starts, age, side="right") - 1, 0, None)], np.float64)


class Lesions(Model):
    """Shares by age of BCR::ABL1 (`ph`), of lesions, and of IKZF1 deletions among those named in `of`."""

    ph: Lesion
    ph_like: Lesion
    kmt2a: Lesion
    hypodiploid: Lesion
    ikzf1_other: Lesion
    ikzf1_ph_like: Lesion
    ikzf1_ph: Lesion
    ikzf1_plus: Lesion

    def edges(self) -> tuple[float, ...]:
        """Ages at which any share changes."""
        return tuple(sorted({start for lesion in self for start, _ in lesion[1].bands[1:]}))


class Factor(Known):
    """White cells are `factor` times as many with the lesion."""

    factor: Annotated[float, Field(gt=0, le=1000)]


class Correlation(Known):
    """Correlation of two normal scales."""

    correlation: Annotated[float, Field(gt=-1, lt=1)]


class Odds(Known):
    """Odds with the lesion over odds without it."""

    odds_ratio: Annotated[float, Field(gt=0, le=1000)]


class Decline(Known):
    """Mean fitness (SD) changes by `per_decade` above `above` years."""

    above: Annotated[float, Field(ge=0, le=120)]
    per_decade: Annotated[float, Field(ge=-5, le=0)]


class Together(Model):
    """How covariates go together."""

    wbc_kmt2a: Factor
    wbc_ph: Factor
    blasts_wbc: Correlation
    cd22_kmt2a: Odds
    cd20_kmt2a: Odds
    fitness_age: Decline


class Covariates(Model):
    """catalog/genetics.yaml."""

    lesions: Lesions
    together: Together


@cache
def load_covariates() -> Covariates:
    """Shared shares and relations of the catalog."""
    return files.parse(files.read(catalog.root() / FILE), Covariates)


def load_genetics() -> Lesions:
    """Reference prevalences by age."""
    return load_covariates().lesions
