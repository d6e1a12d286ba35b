"""A population as tables: probabilities from which covariates are drawn in turn, each given those before it.

Order: age, BCR::ABL1, Ph-like, KMT2A, hypodiploidy, IKZF1, white cells. What a population requires is built into the tables: they are
the conditional probabilities given the requirement, so nobody is drawn and rejected, and the same luck gives the same person.
A state is (BCR::ABL1) * bands + (age band); a row of lesions is state * 4 + (0 none, 1 Ph-like, 2 KMT2A, 3 hypodiploid).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from remission.base.errors import Problem
from remission.base.random import Floats
from remission.patients.reference import Covariates, load_covariates
from remission.patients.requirement import Requirement, parse_requirement

if TYPE_CHECKING:
    from remission.patients.population import Ages, Population

PIECES = 512
"""Pieces of equal probability in which the quantile function of a truncated normal is linear."""
NEGATIVE, PH_LIKE, KMT2A, HYPODIPLOID = range(4)
_ROWS = ("", "ph_like", "kmt2a", "hypodiploid")
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Plan:
    """Tables of one population. Arrays: `edges` (bands - 1) in years; `ph` (bands,); `ph_like`, `kmt2a`, `hypodiploid` (states,), each
    given none of those before it; `deleted`, `plus` (states * 4,); `floor` (states * 4 * 3 IKZF1 states,): quantile of white cells
    below which nobody lies, None where nothing is required of them."""

    ages: Floats
    below: Floats | None
    edges: Floats
    ph: Floats
    ph_like: Floats
    kmt2a: Floats
    hypodiploid: Floats
    deleted: Floats
    plus: Floats
    floor: Floats | None
    male: float
    ln_wbc: float
    ln_wbc_ph: float
    ln_wbc_kmt2a: float
    wbc_spread: float
    logit_blasts: float
    blasts_spread: float
    blasts_wbc: float
    cd22: tuple[float, float, float]
    cd22_low: tuple[float, float]
    cd20: tuple[float, float]
    fitness_above: float
    fitness_per_year: float

    @property
    def bands(self) -> int:
        """Number of age bands."""
        return len(self.edges) + 1


@lru_cache(maxsize=512)
def plan_of(population: Population) -> Plan:
    """The tables of a population. Raises Problem when nobody can be in it."""
    shared = load_covariates()
    ages, below = _quantiles(population.age)
    edges, weights = _bands(shared.lesions.edges(), ages, below)
    ph, joint = _joint(population, shared, edges)
    requirement = None if population.require is None else parse_requirement(population.require)
    ln_ph, ln_kmt2a = math.log(shared.together.wbc_ph.factor), math.log(shared.together.wbc_kmt2a.factor)
    spread, ln_wbc = population.wbc.log_spread, math.log(population.wbc.median.to("1e9/L"))
    floor = None
    if requirement is not None:
        low = _low(requirement, ln_wbc, spread, ln_ph, ln_kmt2a)
        allowed = _allowed(requirement)
        floor = None if requirement.wbc is None else np.where(allowed, 0.0, low)
        joint = joint * np.where(allowed, 1.0, 1.0 - low)
        _somebody(joint, weights, edges, population.require or "")
    shares = joint.sum(axis=(1, 2, 3), keepdims=True)
    joint = weights[:, None, None, None] * joint / np.where(shares > 0, shares, 1.0)
    if population.wbc.of == "all":
        ln_wbc -= _shift(joint, ln_ph, ln_kmt2a, spread)
    kmt2a = float(joint[:, :, KMT2A].sum())
    lowest, highest = (edge.to("%") for edge in population.cd22.range)
    blasts = population.blasts.median.to("1")
    return Plan(
        ages, below, edges, *_tables(joint, ph), *_deletions(joint),
        floor=None if floor is None else np.broadcast_to(floor, joint.shape).transpose(1, 0, 2, 3).reshape(-1),
        male=population.male.value.to("1"),
        ln_wbc=ln_wbc, ln_wbc_ph=ln_ph, ln_wbc_kmt2a=ln_kmt2a, wbc_spread=spread,
        logit_blasts=math.log(blasts / (1 - blasts)), blasts_spread=population.blasts.logit_spread,
        blasts_wbc=shared.together.blasts_wbc.correlation,
        cd22=(lowest, population.cd22.median.to("%"), highest), cd22_low=split(0.5, kmt2a, shared.together.cd22_kmt2a.odds_ratio),
        cd20=split(population.cd20.value.to("1"), kmt2a, shared.together.cd20_kmt2a.odds_ratio),
        fitness_above=shared.together.fitness_age.above, fitness_per_year=shared.together.fitness_age.per_decade / 10,
    )


def split(share: float, group: float, odds_ratio: float) -> tuple[float, float]:
    """Shares outside and inside a group of relative size `group`, whose odds differ by `odds_ratio` and whose mean is `share`."""
    if share <= 0 or share >= 1:
        return share, share

    def inside(logit: float) -> float:
        return 1 / (1 + math.exp(-logit - math.log(odds_ratio)))

    logit = _root(lambda x: (1 - group) / (1 + math.exp(-x)) + group * inside(x) - share, -60.0, 60.0)
    return 1 / (1 + math.exp(-logit)), inside(logit)


# ages

def _quantiles(age: Ages) -> tuple[Floats, Floats | None]:
    """Ages at rising shares of patients; the shares, or None where they are equally spaced."""
    years, below = age.knots
    if years:
        return np.array(years), np.array(below)
    low, high = (edge.to("y") for edge in age.range)
    return _truncated(age.median.to("y"), low, high), None


def _truncated(median: float, low: float, high: float) -> Floats:
    """Quantiles of a normal of SD range/4 (Hozo 2005, BMC Med Res Methodol 5:13), truncated to the range, that has the median."""
    if median > (low + high) / 2:  # the mirror image: lower tails of the normal are exact, upper ones are not
        return (low + high - _truncated(low + high - median, low, high))[::-1]
    sd = (high - low) / 4

    def masses(centre: float) -> tuple[float, float, float]:
        return tuple(0.5 * math.erfc((x - centre) / (sd * math.sqrt(2))) for x in (low, median, high))  # type: ignore[return-value]

    def unequal(centre: float) -> float:
        above_low, above_median, above_high = masses(centre)
        return (above_median - above_high) / (above_low - above_high) - 0.5

    centre = _root(unequal, low - 8 * sd, high)
    above_low, _, above_high = masses(centre)
    shares = np.linspace(above_low, above_high, PIECES + 1)
    inner = [centre - sd * _NORMAL.inv_cdf(float(share)) for share in shares[1:-1]]
    return np.array([low, *inner, high])


def _bands(edges: tuple[float, ...], ages: Floats, below: Floats | None) -> tuple[Floats, Floats]:
    """Edges of the age bands, and the share of the population in each band."""
    shares = np.linspace(0, 1, len(ages)) if below is None else below
    reached = np.interp(edges, ages, shares)
    return np.array(edges), np.diff([0.0, *reached, 1.0])


# genetics

def _joint(population: Population, shared: Covariates, edges: Floats) -> tuple[Floats, Floats]:
    """Share of BCR::ABL1 by band, and the joint probabilities of genetics given the band: (bands, ph, lesion, ikzf1)."""
    lesions, given = shared.lesions, population.genetics
    starts = np.array([-np.inf, *edges]) if len(edges) else np.array([-np.inf])
    own = {name: value.value.to("1") for name, value in given.stated().items()}
    if population.ph == "any":
        ph = np.full(len(starts), own["ph"]) if "ph" in own else lesions.ph.share(starts)
    else:
        ph = np.full(len(starts), float(population.ph == "positive"))
    rest, columns = np.ones(len(starts)), []
    for name, lesion in (("ph_like", lesions.ph_like), ("kmt2a", lesions.kmt2a), ("hypodiploid", lesions.hypodiploid)):
        share = np.full(len(starts), own[name]) if name in own else rest * lesion.share(starts)
        if (share > rest + 1e-9).any():
            raise Problem(f"the shares of lesions add up to more than everybody at {name}", why="lesions exclude each other in the model",
                          fix="lower a share")
        columns.append(np.minimum(share, rest))
        rest = rest - columns[-1]
    joint = np.zeros((len(starts), 2, 4, 3))
    joint[:, 0] = (1 - ph)[:, None, None] * np.stack([rest, *columns], axis=1)[:, :, None]
    joint[:, 1, NEGATIVE] = ph[:, None]
    return ph, joint * _ikzf1(shared, own, starts, joint[..., 0] > 0)


def _ikzf1(shared: Covariates, own: dict[str, float], starts: Floats, there: npt.NDArray[np.bool_]) -> Floats:
    """Probabilities of the three IKZF1 states: (bands, ph, lesion, ikzf1). `there`: which genetics any patient has."""
    lesions = shared.lesions
    deleted = np.empty((len(starts), 2, 4))
    deleted[:, 0] = lesions.ikzf1_other.share(starts)[:, None]
    deleted[:, 0, PH_LIKE] = lesions.ikzf1_ph_like.share(starts)
    deleted[:, 1] = lesions.ikzf1_ph.share(starts)[:, None]
    deleted = np.full_like(deleted, own["ikzf1"]) if "ikzf1" in own else deleted
    plus = np.full_like(deleted, own["ikzf1_plus"]) if "ikzf1_plus" in own else deleted * lesions.ikzf1_plus.share(starts)[:, None, None]
    if (there & (plus > deleted + 1e-9)).any():
        raise Problem("more patients have IKZF1plus than have an IKZF1 deletion", why="IKZF1plus is a deletion with others",
                      fix="raise the share of ikzf1 or lower that of ikzf1_plus")
    plus = np.minimum(plus, deleted)
    return np.stack([1 - deleted, deleted - plus, plus], axis=-1)


# what is required

def _allowed(requirement: Requirement) -> npt.NDArray[np.bool_]:
    """Which genetics fulfil a requirement whatever the white cells: (1, ph, lesion, ikzf1) of true and false."""
    allowed = np.zeros((1, 2, 4, 3), bool)
    for row, name in enumerate(_ROWS):
        allowed[:, :, row] |= name in requirement.lesions
    allowed[..., sorted(requirement.ikzf1)] = True
    return allowed


def _low(requirement: Requirement, ln_wbc: float, spread: float, ln_ph: float, ln_kmt2a: float) -> Floats:
    """Share of patients whose white cells do not reach what is required: (1, ph, lesion, 1)."""
    low = np.ones((1, 2, 4, 1))
    if requirement.wbc is not None:
        for ph in range(2):
            for row in range(4):
                centre = ln_wbc + ph * ln_ph + (row == KMT2A) * ln_kmt2a
                low[:, ph, row] = _NORMAL.cdf((math.log(requirement.wbc) - centre) / spread) if requirement.wbc > 0 else 0.0
    return low


def _somebody(joint: Floats, weights: Floats, edges: Floats, text: str) -> None:
    """Refuse a requirement that nobody of some age can fulfil."""
    empty = (joint.sum(axis=(1, 2, 3)) <= 0) & (weights > 0)
    if empty.any():
        starts = [0.0, *edges]
        raise Problem(f"nobody fulfils '{text[:60]}' from {starts[int(np.argmax(empty))]:g} years on",
                      why="every age of a population needs patients who fulfil what it requires",
                      fix="correct 'ph' or 'require', or the shares of lesions")


# tables

def _tables(joint: Floats, ph: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Shares of BCR::ABL1 by band, and of each lesion by state among patients with none of the lesions before it."""
    lesions = joint.sum(axis=3)  # bands, ph, lesion
    positive = _ratio(lesions[:, 1].sum(axis=1), lesions.sum(axis=(1, 2)), ph)
    rest = lesions.sum(axis=2)
    columns = []
    for row in (PH_LIKE, KMT2A, HYPODIPLOID):
        columns.append(_ratio(lesions[:, :, row], rest, 0.0).T.reshape(-1))
        rest = rest - lesions[:, :, row]
    return positive, columns[0], columns[1], columns[2]


def _deletions(joint: Floats) -> tuple[Floats, Floats]:
    """Shares of any IKZF1 deletion and of IKZF1plus by row of lesions."""
    everybody = joint.sum(axis=3)
    deleted = _ratio(joint[..., 1] + joint[..., 2], everybody, 0.0)
    plus = _ratio(joint[..., 2], everybody, 0.0)
    return deleted.transpose(1, 0, 2).reshape(-1), plus.transpose(1, 0, 2).reshape(-1)


def _ratio(part: Floats, whole: Floats, otherwise: Floats | float) -> Floats:
    """part / whole, and `otherwise` where there is nobody; rounding errors do not leave 0 to 1."""
    safe = np.where(whole > 1e-15, whole, 1.0)
    return np.asarray(np.clip(np.where(whole > 1e-15, part / safe, otherwise), 0.0, 1.0), np.float64)


def _shift(joint: Floats, ln_ph: float, ln_kmt2a: float, spread: float) -> float:
    """By how much the ln median of all patients exceeds that of patients with neither BCR::ABL1 nor KMT2A."""
    ph = joint.sum(axis=(0, 3))  # ph, lesion
    parts = [(float(ph[0].sum() - ph[0, KMT2A]), 0.0), (float(ph[0, KMT2A]), ln_kmt2a), (float(ph[1].sum()), ln_ph)]
    far = max(abs(ln_ph), abs(ln_kmt2a)) + 1
    return _root(lambda x: sum(share * _NORMAL.cdf((x - shift) / spread) for share, shift in parts) - 0.5, -far, far)


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """The zero of a rising or falling function between two values, by halving."""
    rising = function(high) > 0
    for _ in range(200):
        middle = (low + high) / 2
        if (function(middle) > 0) == rising:
            high = middle
        else:
            low = middle
    return (low + high) / 2
