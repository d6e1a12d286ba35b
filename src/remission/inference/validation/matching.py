"""Which results of other trials a careful reader would set beside a result: the rule is fixed here, for every row alike.

What is matched: endpoint; BCR::ABL1 status; age group (median age below 60 years, or 60 and over); time (survival: within a
factor of 1.5; response: first course or later). The match is widened one step at a time until three independent sets of
patients are left: first without age, then without BCR::ABL1 status, then at any time, then over the endpoint's family.
From each set of patients one row is used: the whole arm before a subgroup, the nearest in time, then by role, main data cut
and size; sets that share patients (catalog/overlaps.yaml) count once. A subgroup is used only if it is defined by age alone.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from remission.base import catalog
from remission.base.errors import RemissionError
from remission.evidence import CUT_OFF, Row, TrialEvidence, rows_of, trials
from remission.evidence.dates import latest
from remission.evidence.library import ROLES
from remission.evidence.model import SURVIVAL
from remission.evidence.pool_rows import Overlap, share_patients
from remission.inference.validation.comparators import COMPARATORS
from remission.patients import load_population
from remission.protocol import Condition, load_regimen
from remission.protocol.conditions import Compare, Term

OLDER_FROM = 60.0
NEAR = 1.5
FEWEST = 3
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "remission": ("CR",),
    "residual disease": ("MRD-", "MR", "CMR"),
    "overall survival": ("OS",),
    "survival without event": ("EFS", "DFS", "RFS", "CRD"),
    "toxicity": ("CRS3+", "NT3+"),
    "induction death": ("induction death",),
    "relapse": ("relapse",),
    "transplant": ("HSCT",),
}
STEPS = (
    "endpoint, BCR::ABL1 status, age group, time",
    "endpoint, BCR::ABL1 status, time",
    "endpoint, time",
    "endpoint",
    "family of endpoints",
)
_FIRST_REMISSION = ("induction", "induction-1", "cycle-1", "day-22")
_FIRST_RESIDUAL = (*_FIRST_REMISSION, "end-induction", "post-intensification", "pre-blina-1", "day-85", "tp2")
_AGES = np.arange(15.0, 100.0, 0.5)
_TESTS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "!=": operator.ne}


@dataclass(frozen=True)
class Facts:
    """What is known of an arm without looking at its results. `ph`: positive, negative or None (both, or not said);
    `median_age` and `ages` in years; `enrolled` patients."""

    ph: str | None
    median_age: float | None
    ages: tuple[float, float]
    enrolled: int | None


@dataclass(frozen=True)
class Known:
    """A published row with what it is matched by. `stage` is first or later (None where the endpoint has no stages)."""

    row: Row
    ph: str | None
    age: str | None
    stage: str | None
    n: int | None

    @property
    def patients(self) -> str:
        """The set of patients: trial/arm."""
        return f"{self.row.trial}/{self.row.arm}"

    @property
    def key(self) -> str:
        """Name of the row: trial/arm/id."""
        return key_of(self.row)


def family_of(endpoint: str) -> str:
    """The family of an endpoint, or the endpoint itself if it has none."""
    return next((name for name, members in FAMILIES.items() if endpoint in members), endpoint)


def stage_of(row: Row) -> str | None:
    """Whether a response was read after the first course of treatment or later."""
    if family_of(row.endpoint) not in ("remission", "residual disease"):
        return None
    first = _FIRST_REMISSION if row.endpoint == "CR" else _FIRST_RESIDUAL
    return "first" if row.assessment in first else "later"


def known(row: Row, facts: Facts) -> Known:
    """A row with what it is matched by; a subgroup of unknown size counts as half of its arm."""
    n = row.n
    if n is None and facts.enrolled is not None:
        n = facts.enrolled if row.where is None else max(1, facts.enrolled // 2)
    return Known(row, facts.ph, _age_group(row, facts), stage_of(row), n)


def _age_group(row: Row, facts: Facts) -> str | None:
    condition = Condition.parse(row.where) if row.where else None
    if condition is not None and any(compare.name == "age" for compare in condition.compares()):
        ages = _AGES[_admitted(condition) & (facts.ages[0] <= _AGES) & (facts.ages[1] >= _AGES)]
        return None if len(ages) == 0 else _group(float(np.median(ages)))
    return None if facts.median_age is None else _group(facts.median_age)


def _group(age: float) -> str:
    return "older" if age >= OLDER_FROM else "younger"


def _admitted(condition: Condition) -> np.typing.NDArray[np.bool_]:
    """Ages (of `_AGES`) that a condition admits, whatever else it asks."""

    def of(term: Term) -> np.typing.NDArray[np.bool_]:
        if isinstance(term, Compare):
            if term.name != "age" or not isinstance(term.value, float):
                return np.ones(len(_AGES), np.bool_)
            return np.asarray(_TESTS[term.op](_AGES, term.value), np.bool_)
        join = np.logical_and if term.word == "and" else np.logical_or
        return np.asarray(join.reduce([of(item) for item in term.items]), np.bool_)

    return of(condition.term)


def _by_age_alone(row: Row) -> bool:
    return row.where is None or all(compare.name == "age" for compare in Condition.parse(row.where).compares())


def usable(item: Known) -> bool:
    """Whether a row may inform a competitor: a fraction with patients behind it, published in time, never of role validate."""
    row = item.row
    if row.measure != "fraction" or row.value is None or row.subgroup is not None or row.role == "validate":
        return False
    if row.endpoint in SURVIVAL and row.months is None:
        return False
    return item.n is not None and _by_age_alone(row) and latest(row.published_on) <= latest(CUT_OFF)


def matched(target: Known, pool: Iterable[Known], shared: Sequence[Overlap]) -> tuple[str, tuple[Known, ...]]:
    """The step of the rule that was reached and the rows it leaves, at most one for each independent set of patients.

    Rows of the target's own trial, and of sets that share patients with it, never pass. Nothing may be left: then the step
    is "nothing".
    """
    others = [item for item in pool if _elsewhere(target, item, shared) and usable(item)]
    for step, name in enumerate(STEPS):
        left = independent(target, [item for item in others if _passes(target, item, step)], shared)
        if len(left) >= FEWEST or (step == len(STEPS) - 1 and left):
            return name, left
    return "nothing", ()


def _elsewhere(target: Known, item: Known, shared: Sequence[Overlap]) -> bool:
    return item.row.trial != target.row.trial and not together(target.patients, item.patients, tuple(shared))


@lru_cache(maxsize=65536)
def together(one: str, other: str, shared: tuple[Overlap, ...]) -> bool:
    """Whether two sets of patients (trial/arm) are the same or share patients."""
    return share_patients(one, other, shared)


def _passes(target: Known, item: Known, step: int) -> bool:
    same = item.row.endpoint == target.row.endpoint
    if step == 4:
        return same or family_of(item.row.endpoint) == family_of(target.row.endpoint)
    if not same or (step <= 2 and not _near(target, item)):
        return False
    if step <= 1 and (target.ph is None or item.ph != target.ph):
        return False
    return step > 0 or (target.age is not None and item.age == target.age)


def apart(target: Known, item: Known) -> float:
    """How far apart in time two rows are: ratio of months on the log scale; for responses 0, or 1 across stages."""
    if target.row.months is not None and item.row.months is not None:
        return abs(math.log(item.row.months / target.row.months))
    return 0.0 if item.stage == target.stage else 1.0


def _near(target: Known, item: Known) -> bool:
    return apart(target, item) <= math.log(NEAR) + 1e-9


def independent(target: Known, items: Sequence[Known], shared: Sequence[Overlap]) -> tuple[Known, ...]:
    """One row for each set of patients (or rows of disjoint age groups, where no whole arm is there); no patient twice."""
    arms: dict[str, list[tuple[tuple[float, ...], Known]]] = {}
    for index, item in enumerate(items):
        arms.setdefault(item.patients, []).append((_merit(target, item, index), item))
    chosen: list[Known] = []
    for members in arms.values():
        ranked = [item for _, item in sorted(members, key=lambda member: member[0])]
        chosen += ranked[:1] if ranked[0].row.where is None else _disjoint(ranked)
    kept: list[Known] = []
    for item in sorted(chosen, key=lambda item: (ROLES.index(item.row.role), -(item.n or 0), item.patients)):
        if all(other.patients == item.patients or not together(other.patients, item.patients, tuple(shared)) for other in kept):
            kept.append(item)
    return tuple(kept)


def _merit(target: Known, item: Known, index: int) -> tuple[float, ...]:
    """The smaller, the better."""
    row = item.row
    return (
        row.where is not None,
        row.endpoint != target.row.endpoint,
        apart(target, item),
        row.assessment != target.row.assessment,
        ROLES.index(row.role),
        row.cut is not None,
        -(item.n or 0),
        index,
    )


def _disjoint(ranked: Sequence[Known]) -> list[Known]:
    """Subgroups by age that share no age, the better ones first."""
    kept: list[Known] = []
    taken = np.zeros(len(_AGES), np.bool_)
    for item in ranked:
        ages = _admitted(Condition.parse(item.row.where))
        if not (taken & ages).any():
            kept.append(item)
            taken |= ages
    return kept


@lru_cache(maxsize=1)
def facts() -> Mapping[str, Facts]:
    """Facts of every arm of the catalog, by trial/arm."""
    found: dict[str, Facts] = {}
    for name, trial in trials().items():
        for arm in {result.arm for result in trial.results} | set(trial.design.arms):
            found[f"{name}/{arm}"] = _facts(trial, arm)
    return found


def _facts(trial: TrialEvidence, arm: str) -> Facts:
    design = trial.design.arms.get(arm)
    ages = [item for item in trial.baseline if item.item == "age" and item.median is not None]
    mine = [item for item in ages if item.arm == arm] or ages
    patients = [item.value for item in trial.baseline if item.item == "patients" and item.arm == arm and item.value]
    listed = COMPARATORS.get(f"{trial.id}/{arm}") or COMPARATORS.get(trial.id)
    ph = listed.ph if listed is not None else None
    median = mine[0].median if mine else listed.age if listed is not None else None
    span = next((item.range for item in mine if item.range is not None), None)
    if design is not None and design.regimen in catalog.ids("regimens"):
        regimen = load_regimen(design.regimen)
        ph = None if regimen.ph == "any" else regimen.ph
    if design is not None and median is None:
        median, span = _population_age(design.population) or (None, None)
    enrolled = design.enrolled if design is not None and design.enrolled else int(patients[0]) if patients else None
    return Facts(ph, median, span or (18.0, 90.0), enrolled)


def _population_age(identifier: str) -> tuple[float, tuple[float, float]] | None:
    if identifier not in catalog.ids("populations"):
        return None
    try:
        age = load_population(identifier).age
        low, high = age.range
        return age.median.to("y"), (low.to("y"), high.to("y"))
    except (RemissionError, AttributeError):  # a population without a median age
        return None


def candidates() -> tuple[Known, ...]:
    """Every usable row of the review's trials and of the frontline comparators."""
    from remission.evidence.pool_rows import reviewed

    chosen = []
    for name, trial in trials().items():
        for row in rows_of(trial):
            item = known(row, facts()[f"{name}/{row.arm}"])
            listed = name in reviewed() or name in COMPARATORS or item.patients in COMPARATORS
            if listed and usable(item):
                chosen.append(item)
    return tuple(chosen)


def key_of(row: Row) -> str:
    """Name of a row: trial/arm/id."""
    return f"{row.trial}/{row.arm}/{row.id}"


def left_out(trial: str, rows: Iterable[Row], shared: Sequence[Overlap]) -> frozenset[str]:
    """Rows (trial/arm/id) that must not inform the prediction of a trial: its own, and those of patients it shares."""
    rows = tuple(rows)
    own = {f"{row.trial}/{row.arm}" for row in rows if row.trial == trial}
    return frozenset(
        key_of(row)
        for row in rows
        if row.trial == trial or any(together(f"{row.trial}/{row.arm}", mine, tuple(shared)) for mine in own)
    )
