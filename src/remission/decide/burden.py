"""What a treatment takes from a patient: days in hospital, days on an infusion, days in care, and amounts of drugs.

Read from the phases that each patient began (`Histories.started`) and the days on which each phase gives what. Hospital days of
blinatumomab are the label's (catalog/handling.yaml); those of chemotherapy and transplant are assumptions (catalog/burden.yaml).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Annotated

import numpy as np
from pydantic import Field

from remission.base import catalog, files
from remission.base.errors import NotFound
from remission.base.files import Model
from remission.base.histories import Histories
from remission.base.random import Floats
from remission.base.units import DAYS_PER_MONTH, Quantity, quantity_of
from remission.outcomes import holds
from remission.protocol import Condition, Phase, Regimen
from remission.protocol.dated.handling import cited, handling
from remission.protocol.model import Chemotherapy, Cited, Give
from remission.protocol.plan import expected, phase_days

BLINATUMOMAB = "blinatumomab"
IN_CARE = ("iv", "civ", "sc", "im", "it")  # routes that need a hand: everything but tablets
LIFELONG_DAYS = 60 * DAYS_PER_MONTH  # drugs given for life are summed over five years
_BRIEF = 1e-6
WholeDays = Annotated[int, Field(ge=0, le=120)]


class HospitalDays(Cited):
    """Days in hospital from the first day of a phase, by its class of chemotherapy."""

    chemotherapy: Chemotherapy
    first: WholeDays
    later: WholeDays


class TransplantDays(Cited):
    """Days in hospital from the day of a transplant."""

    days: WholeDays


class Adult(Cited):
    """For whom doses by body surface or weight are summed."""

    surface: Annotated[Quantity, quantity_of("area")]
    weight: Annotated[Quantity, quantity_of("weight")]


class Table(Model):
    """catalog/burden.yaml."""

    hospital: tuple[HospitalDays, ...]
    transplant: TransplantDays
    adult: Adult


@lru_cache(maxsize=1)
def table() -> Table:
    """The catalog's assumptions on days."""
    return files.parse(files.read(catalog.root() / "burden.yaml"), Table)


def basis() -> list[dict[str, str]]:
    """Every rule on days in one line, with its source or assumption."""
    rows = [{"what": f"blinatumomab cycle {start.cycle}, {start.setting}", "days": f"{start.hospital_days}", "basis": cited(start)}
            for start in handling()[BLINATUMOMAB].starts]
    rows += [{"what": item.chemotherapy, "days": f"{item.first}" + (f", later {item.later}" if item.later != item.first else ""),
              "basis": cited(item)} for item in table().hospital if item.first]
    return [*rows, {"what": "transplant", "days": f"{table().transplant.days}", "basis": cited(table().transplant)}]


@dataclass(frozen=True)
class Amount:
    """How much of a drug a patient received by one way, in the reference adult: `total` has shape (draws, patients)."""

    drug: str
    route: str
    unit: str
    total: Floats


@dataclass(frozen=True)
class Burden:
    """Days and amounts of every patient in every draw; see `burden_of`."""

    hospital_days: Floats
    infusion_days: Floats
    care_days: Floats
    cycles: Floats
    intrathecal: Floats
    course: _Course

    @cached_property
    def amounts(self) -> tuple[Amount, ...]:
        """Amounts by drug and route, in order of first use."""
        return tuple(_amounts(self.course))


@dataclass(frozen=True)
class _Course:
    """A regimen's phases with the days that each patient spent in them: `spent` has shape (draws, patients, phases)."""

    regimen: Regimen
    histories: Histories
    spent: Floats

    def begun(self, position: int) -> Floats:
        """Days begun of a phase."""
        return np.asarray(np.ceil(self.spent[..., position] - _BRIEF), np.float64)

    def mask(self, condition: Condition | None) -> Floats | float:
        """1 where a condition holds; one that a simulated course cannot answer is judged as on the default path."""
        if condition is None:
            return 1.0
        try:
            return np.asarray(holds(self.histories, condition), np.float64)
        except NotFound:
            return float(expected(condition))


def burden_of(regimen: Regimen, h: Histories) -> Burden:
    """Days and amounts of a resolved regimen in its histories (`h.phases` are its phases)."""
    course = _Course(regimen, h, _spent(regimen, h))
    shape = h.events["death"].shape
    hospital, infusion, care, cycles, spinal = (np.zeros(shape) for _ in range(5))
    seen: dict[str, Floats] = {}
    for position, phase in enumerate(regimen.phases):
        days = course.begun(position)
        given = days > 0
        gives = [give for give in phase.give if give.drug == BLINATUMOMAB]
        limit = _hospital_limit(phase, seen, shape)
        seen[phase.chemotherapy or "none"] = seen.get(phase.chemotherapy or "none", np.zeros(shape)) + given
        own = np.minimum(days, limit)
        if gives:
            infused = [give for give in gives if give.route == "civ"]
            infusion += _count(course, days, [(give.days, give.only) for give in infused])
            own = own + _label_days(phase, gives, cycles, days, own)
            cycles += given
        hospital += own
        care += _count(course, days, [(give.days, give.only) for give in phase.give if give.route in IN_CARE], own)
        spinal += _count(course, days, [(give.days, give.only) for give in phase.give if give.route == "it"])
    stay = _transplant_days(h)
    return Burden(hospital + stay, infusion, care + stay, cycles, spinal, course)


def _spent(regimen: Regimen, h: Histories) -> Floats:
    """Days that each patient spent in each phase: from its start to its end, relapse, death or the end of treatment."""
    assert tuple(phase.id for phase in regimen.phases) == h.phases, "histories of another regimen"
    lengths = np.array([phase_days(phase) for phase in regimen.phases], np.float64)
    stop = np.minimum.reduce([h.events[name] for name in ("relapse", "death", "treatment_end")])
    with np.errstate(invalid="ignore"):
        spent = np.clip(stop[..., None] - np.asarray(h.started, np.float64), 0.0, lengths)
    return np.asarray(np.nan_to_num(spent, nan=0.0), np.float64)


def _hospital_limit(phase: Phase, seen: dict[str, Floats], shape: tuple[int, ...]) -> Floats:
    rule = next((item for item in table().hospital if item.chemotherapy == (phase.chemotherapy or "none")), None)
    if rule is None:
        return np.zeros(shape)
    earlier = seen.get(rule.chemotherapy, np.zeros(shape))
    return np.where(earlier > 0, float(rule.later), float(rule.first))


def _label_days(phase: Phase, gives: list[Give], earlier: Floats, days: Floats, already: Floats) -> Floats:
    """Days in hospital at the start of an infusion beyond those already counted, by the label; `earlier` cycles were begun before."""
    if all(give.route != "civ" for give in gives):
        return np.zeros_like(days)
    first = min(give.days[0] for give in gives)
    entry = handling()[BLINATUMOMAB]
    setting = "active disease" if phase.purpose == "induction" else "remission"
    length = np.zeros_like(days)
    for start in entry.starts:
        if start.setting == setting:
            length = np.where(earlier == start.cycle - 1, float(start.hospital_days), length)
    end = np.minimum(days, first - 1 + length)
    return np.asarray(np.maximum(0.0, end - np.maximum(first - 1.0, already)), np.float64)


def _transplant_days(h: Histories) -> Floats:
    day = h.events["transplant"]
    stop = np.minimum(h.events["relapse"], h.events["death"])
    done = np.isfinite(day)
    left = np.where(done, stop, 0.0) - np.where(done, day, 0.0)
    return np.where(done, np.clip(np.ceil(left - _BRIEF), 0.0, float(table().transplant.days)), 0.0)


Given = list[tuple[tuple[int, ...], Condition | None]]


def _count(course: _Course, begun: Floats, given: Given, hospital: Floats | None = None) -> Floats:
    """Days begun on which anything of `given` is given, or which lie in the first `hospital` days; each day counts once."""
    by_day: dict[int, set[str]] = {}
    texts: dict[str, Condition | None] = {}
    for days, only in given:
        texts[str(only)] = only
        for day in days:
            by_day.setdefault(day, set()).add(str(only))
    groups: dict[frozenset[str], list[int]] = {}
    for day, names in by_day.items():
        groups.setdefault(frozenset(("None",)) if "None" in names else frozenset(names), []).append(day)
    inside = np.zeros_like(begun) if hospital is None else hospital
    total = inside.copy()
    for conditions, on in groups.items():
        at = np.array(sorted(on))
        count = np.searchsorted(at, begun, side="right") - np.searchsorted(at, np.minimum(inside, begun), side="right")
        mask: Floats | float = 0.0
        for name in sorted(conditions):
            mask = np.maximum(mask, course.mask(texts[name]))
        total = total + count * mask
    return total


def _amounts(course: _Course) -> Iterator[Amount]:
    totals: dict[tuple[str, str, str], Floats] = {}
    for position, phase in enumerate(course.regimen.phases):
        begun = course.begun(position)
        for give in phase.give:
            dose, unit = absolute(give.dose, give.cap)
            days = np.searchsorted(np.array(give.days), begun, side="right")
            amount = np.asarray(days * course.mask(give.only) * (dose * give.per_day), np.float64)
            _add(totals, (give.drug, _way(give.route), unit), amount)
    for item in course.regimen.alongside:
        dose, unit = absolute(item.dose, None)
        _add(totals, (item.drug, _way(item.route), unit), _days_alongside(course, item.from_, item.to) * course.mask(item.only) * dose)
    for (drug, route, unit), total in totals.items():
        yield Amount(drug, route, unit, total)


def _add(totals: dict[tuple[str, str, str], Floats], key: tuple[str, str, str], more: Floats) -> None:
    totals[key] = totals[key] + more if key in totals else more


def _way(route: str) -> str:
    return {"it": "intrathecal", "po": "by mouth", "sc": "under the skin"}.get(route, "by vein or muscle")


def _days_alongside(course: _Course, first: str, last: str) -> Floats:
    """Days on a drug that runs alongside the phases `first` to `last` (for life: over five years)."""
    h, names = course.histories, [phase.id for phase in course.regimen.phases]
    stop = np.minimum.reduce([h.events[name] for name in ("relapse", "death", "failure")])
    if last == "lifelong":
        started = np.asarray(h.started, np.float64)[..., names.index(first)]
        with np.errstate(invalid="ignore"):
            since = np.clip(np.minimum(stop, LIFELONG_DAYS) - started, 0.0, None)
        return np.asarray(np.nan_to_num(since, nan=0.0), np.float64)
    return np.asarray(course.spent[..., names.index(first): names.index(last) + 1].sum(axis=-1), np.float64)


def absolute(dose: Quantity, cap: Quantity | None) -> tuple[float, str]:
    """A dose in the reference adult: mg, or IU; a continuous infusion's daily amount counts as one dose."""
    adult = table().adult
    unit = "IU" if dose.dimension.startswith("activity") else "mg"
    value = dose.to({"mass": "mg", "mass per time": "mg/d", "mass per area": "mg/m2", "mass per weight": "mg/kg",
                     "mass per area and time": "mg/m2/d", "activity": "IU", "activity per area": "IU/m2",
                     "activity per weight": "IU/kg"}[dose.dimension])
    if "per area" in dose.dimension:
        value *= adult.surface.to("m2")
    if "per weight" in dose.dimension:
        value *= adult.weight.to("kg")
    return (min(value, cap.to(unit if "time" not in cap.dimension else "mg/d")) if cap is not None else value), unit
