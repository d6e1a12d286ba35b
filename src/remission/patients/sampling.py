"""Cohorts: covariates drawn at addressed random numbers from a population's tables, or taken from a user's cohort.

Numbers of the stream COVARIATES: uniform 0 age, 1 sex, 2 Ph-like, 3 KMT2A, 4 hypodiploidy, 5 IKZF1, 6 CD22, 7 CD20, 8 BCR::ABL1;
normal 12 white cells, 13 blasts, 14 fitness.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from remission.base import random
from remission.base.errors import UsageError
from remission.base.random import Floats, Stream
from remission.patients.plan import PIECES, Plan, plan_of
from remission.patients.population import Population
from remission.patients.table import CohortTable, reference

BLOCK = 8192
"""Patients whose covariates are computed at a time, so that all arrays stay in the processor's cache."""
NAMES = ("age", "male", "ph", "ph_like", "kmt2a", "hypodiploid", "ikzf1", "wbc", "blasts", "cd22", "cd20", "fitness")
_UNIFORMS, _FIRST_NORMAL, _NORMALS = 9, 12, 3

Bools = npt.NDArray[np.bool_]
Drawn = Any  # an array of numbers, or of true and false


class Numbers(Protocol):
    """What gives addressed random numbers: `base.random`, or compiled functions that give the same."""

    def uniforms(self, seed: int, patient: Any, draw: Any, stream: Stream, count: int, first: int = 0) -> Floats:
        """Uniform numbers in (0, 1), shape (patients, count)."""

    def normals(self, seed: int, patient: Any, draw: Any, stream: Stream, count: int, first: int = 0) -> Floats:
        """Standard normal numbers at the same addresses."""


@dataclass(frozen=True)
class Cohort:
    """Covariates of virtual patients; every array has shape (draws, patients).

    `values` holds age (y), male, ph, ph_like, kmt2a, hypodiploid (0/1), ikzf1 (0 none, 1 deleted, 2 plus), wbc (1e9/L),
    blasts (marrow fraction), cd22 (%), cd20 (% of blasts; 0 or 100 where drawn), fitness (SD). The first patient has number `first`.
    """

    population: str
    seed: int
    draws: npt.NDArray[np.int64]
    values: Mapping[str, Floats]
    relapsed: bool
    first: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        draws, patients = self.values["age"].shape
        return draws, patients


def sample(
    source: Population | CohortTable, seed: int, draws: Sequence[int], patients: int, first: int = 0, numbers: Numbers = random
) -> Cohort:
    """`patients` patients, numbers `first` on, for each parameter draw: virtual ones of a population, or those of a user's cohort.

    The same seed, draw and patient number give the same person in every population of the same kind, and in any chunk.
    Patient number k of a user's cohort is its row k, the same in every draw but for what the file leaves open.
    Raises UsageError for zero patients and for more patients than a user's cohort has.
    """
    _check(source, patients, first)
    drawn = np.asarray(draws, np.int64)
    values = {name: np.empty((len(drawn), patients)) for name in NAMES}
    flat = {name: column.reshape(-1) for name, column in values.items()}
    plan = plan_of(source) if isinstance(source, Population) else plan_of(reference())
    for block in _blocks(len(drawn) * patients):
        place = np.arange(block.start, block.stop)
        row = place // patients
        draw = drawn[row]
        patient = place - row * patients + first
        who = _Who(seed, patient, draw, numbers)
        given = {} if isinstance(source, Population) else source.rows(patient)
        _fill(plan, who, {name: column[block] for name, column in flat.items()}, given)
    return Cohort(source.id, seed, drawn, values, source.relapsed, first)


def _check(source: Population | CohortTable, patients: int, first: int) -> None:
    if patients < 1:
        raise UsageError(f"{patients} patients were asked for", where="patients", why="a simulation needs at least one patient", near="1",
                         fix="ask for one patient or more")
    if first < 0:
        raise UsageError(f"the first patient has number {first}", where="first", why="patients are numbered from 0", near="0",
                         fix="begin with patient 0 or a later one")
    if isinstance(source, CohortTable) and first + patients > source.patients:
        raise UsageError(f"{first + patients} patients were asked for, but the cohort has {source.patients}", where="patients",
                         why="patient k is row k of the file, and no row is used twice unless that is asked for",
                         near=str(source.patients), fix="ask for fewer, or replicate the cohort: table.replicated(times)")


def _blocks(total: int) -> Iterator[slice]:
    for start in range(0, total, BLOCK):
        yield slice(start, min(total, start + BLOCK))


@dataclass(frozen=True)
class _Who:
    """Patients of a block, and where their random numbers come from."""

    seed: int
    patient: npt.NDArray[np.int64]
    draw: npt.NDArray[np.int64]
    numbers: Numbers

    def uniforms(self) -> Floats:
        return self.numbers.uniforms(self.seed, self.patient, self.draw, Stream.COVARIATES, _UNIFORMS)

    def normals(self) -> Floats:
        return self.numbers.normals(self.seed, self.patient, self.draw, Stream.COVARIATES, _NORMALS, first=_FIRST_NORMAL)

    def white(self, chosen: npt.NDArray[np.intp]) -> Floats:
        """The uniform numbers behind the normal ones of white cells, for some patients."""
        uniforms = self.numbers.uniforms(self.seed, self.patient[chosen], self.draw[chosen], Stream.COVARIATES, 1, first=_FIRST_NORMAL)
        return uniforms[:, 0]


def _fill(plan: Plan, who: _Who, out: Mapping[str, Floats], given: Mapping[str, Floats]) -> None:
    """Write the covariates of one block of patients. `given` holds what is known, nan where it is not."""
    u, z = who.uniforms(), who.normals()
    age = _known(given, "age", _age(plan, u[:, 0]))
    out["age"][:] = age
    out["male"][:] = _known(given, "male", u[:, 1] < plan.male)
    out["fitness"][:] = z[:, 2] + plan.fitness_per_year * np.maximum(age - plan.fitness_above, 0.0)
    ph, kmt2a, row = _genetics(plan, u, age, out, given)
    z_white = _white(plan, who, z[:, 0], out, given, ph, kmt2a, row)
    high = math.sqrt(1 - plan.blasts_wbc**2)
    logit = plan.logit_blasts + plan.blasts_spread * (plan.blasts_wbc * z_white + high * z[:, 1])
    out["blasts"][:] = _known(given, "blasts", 1.0 / (1.0 + np.exp(-logit)))
    v, (outside, inside) = u[:, 6], plan.cd22_low
    low = outside + (inside - outside) * kmt2a  # share of such patients below the median
    cd22 = plan.cd22[0] + (plan.cd22[1] - plan.cd22[0]) * np.minimum(v / low, 1.0)
    cd22 += (plan.cd22[2] - plan.cd22[1]) * np.maximum((v - low) / (1.0 - low), 0.0)
    out["cd22"][:] = _known(given, "cd22", cd22)
    outside, inside = plan.cd20
    out["cd20"][:] = _known(given, "cd20", 100.0 * (u[:, 7] < outside + (inside - outside) * kmt2a))


def _age(plan: Plan, u: Floats) -> Floats:
    if plan.below is not None:
        return np.interp(u, plan.below, plan.ages)
    place = u * PIECES
    piece = place.astype(np.intp)
    place -= piece
    place *= np.diff(plan.ages).take(piece)
    place += plan.ages.take(piece)
    return place


def _genetics(plan: Plan, u: Floats, age: Floats, out: Mapping[str, Floats], given: Mapping[str, Floats]) -> tuple[Drawn, Drawn, Drawn]:
    """Write BCR::ABL1, lesions and IKZF1; return BCR::ABL1, KMT2A and the index into the tables of white cells."""
    state = np.zeros(len(age), np.intp)
    for edge in plan.edges:
        state += age >= edge
    ph = _known(given, "ph", u[:, 8] < plan.ph.take(state))
    state += plan.bands * (ph != 0)
    ph_like = _known(given, "ph_like", u[:, 2] < plan.ph_like.take(state))
    kmt2a = _known(given, "kmt2a", (u[:, 3] < plan.kmt2a.take(state)) > (ph_like != 0))
    either = (ph_like + kmt2a) != 0
    hypodiploid = _known(given, "hypodiploid", (u[:, 4] < plan.hypodiploid.take(state)) > either)
    state *= 4
    state += ph_like != 0
    state += 2 * (kmt2a > ph_like)
    state += 3 * (hypodiploid > either)
    ikzf1 = np.add(u[:, 5] < plan.deleted.take(state), u[:, 5] < plan.plus.take(state), dtype=np.intp)
    ikzf1 = _known(given, "ikzf1", ikzf1)
    for name, value in (("ph", ph), ("ph_like", ph_like), ("kmt2a", kmt2a), ("hypodiploid", hypodiploid), ("ikzf1", ikzf1)):
        out[name][:] = value
    return ph, kmt2a, state if plan.floor is None else 3 * state + ikzf1


def _white(plan: Plan, who: _Who, z: Floats, out: Mapping[str, Floats], given: Mapping[str, Floats], ph: Drawn, kmt2a: Drawn,
           row: Drawn) -> Floats:
    """Write white cells; return how many spreads they lie above the median of patients alike."""
    if plan.floor is not None:
        from scipy.special import ndtri

        floor: Drawn = plan.floor.take(row)
        chosen = np.flatnonzero(floor)
        z = z.copy()
        z[chosen] = ndtri(floor[chosen] + (1.0 - floor[chosen]) * who.white(chosen))
    centre = plan.ln_wbc + plan.ln_wbc_ph * ph + plan.ln_wbc_kmt2a * kmt2a
    wbc: Drawn = np.exp(centre + plan.wbc_spread * z)
    if "wbc" not in given:
        out["wbc"][:] = wbc
        return z
    known = given["wbc"]
    out["wbc"][:] = wbc = _known(given, "wbc", wbc)
    return np.where(np.isnan(known), z, (np.log(wbc) - centre) / plan.wbc_spread)


def _known(given: Mapping[str, Floats], name: str, drawn: Drawn) -> Drawn:
    """What is given of a covariate, and what is drawn where nothing is given."""
    if name not in given:
        return drawn
    return np.where(np.isnan(given[name]), drawn, given[name])
