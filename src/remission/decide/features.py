"""Where blinatumomab stands in any regimen, read from its default path; how far two regimens are apart; the nearest published one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from remission.base import catalog
from remission.decide.space import Ph, space
from remission.protocol import Phase, Regimen, default_path, load_drug, load_regimen
from remission.protocol.plan import on_default_path

BLINATUMOMAB, INOTUZUMAB = "blinatumomab", "inotuzumab-ozogamicin"
PARTS = {"inhibitor": "an inhibitor with steroid", "reduced": "reduced chemotherapy", "intensive": "intensive chemotherapy",
         "inotuzumab": "inotuzumab"}


@dataclass(frozen=True)
class Features:
    """What a placement is about: what came before the first cycle (of `PARTS`; empty: nothing but a steroid), numbers of cycles and
    courses, maintenance in months, intrathecal treatments, who is transplanted (none, some, all), and the inhibitor."""

    first: frozenset[str]
    cycles: int
    maintenance_cycles: int
    courses_before: int
    courses_after: int
    maintenance: float
    intrathecal: int
    transplant: str
    inhibitor: str | None


def features(regimen: Regimen) -> Features:
    """The placement in a resolved regimen, as its default path shows it."""
    path = default_path(regimen)
    courses = [phase for phase in path if _has(phase, BLINATUMOMAB)]
    early = [phase for phase in courses if phase.purpose != "maintenance"]
    begin = path.index(courses[0]) if courses else len(path)
    chemotherapy = [at for at, phase in enumerate(path) if _strength(phase)]
    months = sum(phase.length.to("mo") for phase in path if phase.chemotherapy == "maintenance" and phase.length)
    drugs = [*(item.drug for item in regimen.alongside), *(give.drug for phase in path for give in phase.give)]
    inhibitors = [drug for drug in drugs if load_drug(drug).mechanism in ("kinase-inhibitor", "ponatinib")]
    return Features(
        first=_first(path[:begin]), cycles=len(early), maintenance_cycles=len(courses) - len(early),
        courses_before=sum(at < begin for at in chemotherapy), courses_after=sum(at >= begin for at in chemotherapy),
        maintenance=round(months, 1), transplant=_transplant(regimen), inhibitor=inhibitors[0] if inhibitors else None,
        intrathecal=len({(phase.id, day) for phase in path for give in phase.give if give.route == "it" for day in give.days}))


def _has(phase: Phase, drug: str) -> bool:
    return any(give.drug == drug for give in phase.give)


def _strength(phase: Phase) -> str:
    word = (phase.chemotherapy or "none").split()[0]
    return word if word in ("reduced", "intensive") else ""


def _first(before: tuple[Phase, ...]) -> frozenset[str]:
    """What reduced the disease before the first cycle (empty: nothing but a steroid); without any cycle, what the treatment is made of."""
    found = {_strength(phase) for phase in before} - {""}
    if any(_has(phase, INOTUZUMAB) for phase in before):
        found.add("inotuzumab")
    if any(phase.purpose == "induction" and not _strength(phase) and not _has(phase, INOTUZUMAB) for phase in before):
        found.add("inhibitor")
    return frozenset(found)


def _transplant(regimen: Regimen) -> str:
    """none, some (a share or a risk decides) or all (everybody in remission with a donor)."""
    found = [phase for phase in regimen.phases if phase.purpose == "transplant"]
    if not found:
        return "none"
    asked = {compare.name for phase in found for compare in (phase.only.compares() if phase.only else ())}
    some = any(phase.share is not None for phase in found) or bool(asked - {"cr", "donor", "age"})
    return "some" if some or any(on_default_path(phase) for phase in found) else "all"


_ORDER = {"none": 0.0, "some": 1.0, "all": 2.0}


@dataclass(frozen=True)
class Step:
    """One difference between two placements, in words, and what it adds to their distance."""

    what: str
    cost: float


def steps(a: Features, b: Features) -> tuple[Step, ...]:
    """How to come from `a` to `b`: differences in words with their costs (weights in catalog/placements.yaml)."""
    weight = space().distance
    found = []
    if a.first != b.first:
        share = len(a.first ^ b.first) / len(a.first | b.first)
        found.append(Step(f"first {_parts(b.first)} instead of {_parts(a.first)}", weight.first * share))
    counts = (("cycles", weight.cycles, "blinatumomab cycle{}"),
              ("maintenance_cycles", weight.maintenance_cycles, "blinatumomab cycle{} in maintenance"),
              ("courses_before", weight.courses_before, "course{} before blinatumomab"),
              ("courses_after", weight.courses_after, "course{} after its first cycle"),
              ("intrathecal", weight.intrathecal, "intrathecal dose{}"))
    for name, cost, what in counts:
        more = getattr(b, name) - getattr(a, name)
        if more:
            many = abs(more)
            found.append(Step(f"{many} {'more' if more > 0 else 'fewer'} {what.format('' if many == 1 else 's')}", many * cost))
    if bool(a.maintenance) != bool(b.maintenance):
        found.append(Step("with maintenance chemotherapy" if b.maintenance else "without maintenance chemotherapy", weight.maintenance))
    if a.transplant != b.transplant:
        found.append(Step(f"transplant for {b.transplant} instead of {a.transplant}",
                          weight.transplant * abs(_ORDER[a.transplant] - _ORDER[b.transplant])))
    if a.inhibitor != b.inhibitor:
        found.append(Step(f"{b.inhibitor or 'no inhibitor'} instead of {a.inhibitor or 'no inhibitor'}", weight.inhibitor))
    return tuple(found)


def distance(a: Features, b: Features) -> float:
    """Sum of the costs of `steps`; zero for equal placements, and the same both ways."""
    return sum(step.cost for step in steps(a, b))


def _parts(first: frozenset[str]) -> str:
    return " and ".join(text for part, text in PARTS.items() if part in first) or "nothing but a steroid"


@dataclass(frozen=True)
class Nearest:
    """The published regimen nearest to a placement, its distance, and what would have to change in it."""

    regimen: str
    title: str
    distance: float
    changes: tuple[str, ...]


@cache
def published(ph: Ph) -> tuple[Regimen, ...]:
    """Regimens of the catalog for this disease (one that is for any disease is not a frontline programme)."""
    found = [load_regimen(identifier) for identifier in catalog.ids("regimens")]
    return tuple(regimen for regimen in found if regimen.ph == ph)


@cache
def _published_features(ph: Ph) -> tuple[tuple[Regimen, Features], ...]:
    return tuple((regimen, features(regimen)) for regimen in published(ph))


def nearest_published(regimen: Regimen, ph: Ph) -> Nearest:
    """The published regimen nearest to a resolved one; of equal ones the first by id."""
    own = features(regimen)
    best = min(_published_features(ph), key=lambda item: (distance(item[1], own), item[0].id))
    changes = tuple(step.what for step in sorted(steps(best[1], own), key=lambda step: -step.cost))
    return Nearest(best[0].id, best[0].title, round(distance(best[1], own), 3), changes)
