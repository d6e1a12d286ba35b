"""From a resolved regimen and one patient to a dated plan: the path, absolute doses, bags, hospital days, what stays open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import groupby
from typing import Any

from remission.base.errors import UsageError
from remission.base.units import Quantity
from remission.protocol.dated.calendar import (
    Bag,
    DatedPlan,
    Dose,
    Infusion,
    Measurement,
    Open,
    Stage,
    Status,
    Stay,
    date_of,
)
from remission.protocol.dated.facts import Decision, Person
from remission.protocol.dated.handling import Handling, Setting, cited, handling
from remission.protocol.dated.path import Leg, Path, facts_of, find_path
from remission.protocol.model import Alongside, Give, Phase, Regimen

FIRST_YEAR, LAST_YEAR = 1900, 2200
OTHER_BAG_DAYS = 1  # continuous infusions of drugs without handling facts: one bag a day, an assumption


def dated_plan(regimen: Regimen, start: date, person: Person, *, path: str = "default", bag_days: int | None = None,
               label: str = "") -> DatedPlan:
    """Put a resolved regimen on dates for one patient.

    `path` is "default" or phase ids joined by commas; `bag_days` is the length of blinatumomab bags in days (None: the
    default of the catalog's handling facts); `label` keeps two calendars of the same regimen apart.
    Raises UsageError for a start, path or bag length that cannot be meant, and when a dose needs a weight that is missing.
    """
    _check_start(start)
    _check_label(label)
    chosen_bag = _bag_days(bag_days)
    way = find_path(regimen, person, path)
    build = _Builder(regimen, start, person, way, chosen_bag)
    for leg in way.legs:
        for index, give in enumerate(leg.phase.give):
            build.give(give, leg, f"{leg.phase.id}.{index}")
    for index, item in enumerate(regimen.alongside):
        build.alongside(item, f"alongside.{index}")
    stays = build.stays()
    return DatedPlan(
        regimen=regimen.id, title=regimen.title, start=start, end=date_of(start, max(way.days, 1)), person=person,
        path=way.name, label=label, bag_days=chosen_bag, bag_days_assumed=bag_days is None, stages=build.stages(),
        doses=tuple(sorted(build.doses, key=lambda dose: (dose.day, dose.drug, dose.order))),
        infusions=tuple(sorted(build.infusions, key=lambda item: (item.first_day, item.drug))), bags=build.bags(), stays=stays,
        measurements=build.measurements(), undecided=(*build.open, *_open_branches(way)), left_out=way.left_out,
        assumptions=build.assumptions(bag_days is None, stays), remarks=build.remarks())


def _check_start(start: date) -> None:
    if not FIRST_YEAR <= start.year <= LAST_YEAR:
        raise UsageError(f"the year {start.year} cannot be the start", where="--start", fix="write e.g. 2027-01-04",
                         why=f"a calendar starts between {FIRST_YEAR} and {LAST_YEAR}")


def _check_label(label: str) -> None:
    if len(label) > 60 or not label.isprintable():
        raise UsageError("the label cannot be used", where="--label", why="it has at most 60 printable characters",
                         fix="use a short word, never a patient's name")


def _bag_days(asked: int | None) -> int:
    """The length of a bag of the drug with handling facts. Raises UsageError with the nearest length of the label."""
    entry = handling()["blinatumomab"]
    if asked is None:
        return entry.default_bag.days
    if asked not in entry.bags.days:
        near = min(entry.bags.days, key=lambda days: abs(days - asked))
        raise UsageError(f"a bag cannot run for {asked} days", where="--bag-days", near=str(near), fix="choose one of these lengths",
                         why="the label has bags of " + ", ".join(map(str, entry.bags.days)) + " days")
    return asked


def _open_branches(way: Path) -> tuple[Open, ...]:
    ends = {leg.phase.id: leg for leg in way.legs}
    return tuple(Open("branch", f"what follows {phase}", phase, text, "the path goes on as if it did not hold")
                 for phase, text in way.open_branches if phase in ends)


class _Builder:
    """Collects the parts of one plan."""

    def __init__(self, regimen: Regimen, start: date, person: Person, way: Path, bag_days: int) -> None:
        self.regimen, self.start, self.person, self.way, self.bag_days = regimen, start, person, way, bag_days
        self.doses: list[Dose] = []
        self.infusions: list[Infusion] = []
        self.open: list[Open] = [Open("phase", phase, phase, reason, reason) for phase, reason in way.left_out
                                 if reason.startswith("undecided")]
        self.assumed: set[str] = set(way.assumed)
        self.said: list[str] = list(way.remarks)

    # drugs of phases and drugs alongside them

    def give(self, give: Give, leg: Leg, order: str) -> None:
        decision = leg.decide(give)
        if decision.holds is False:
            return
        days = [leg.day(day) for day in give.days]
        common = self._common(give, decision, order, leg.phase, days)
        if give.route == "civ":
            self._infusions(give, leg, days, common)
            return
        amount, unit, capped = self._amount(give.dose, give.cap, f"{give.drug} in the phase {leg.phase.id}")
        over = give.over.to("h") if give.over is not None else None
        self.doses += [
            Dose(day=day, date=date_of(self.start, day), amount=amount, unit=unit, per_day=give.per_day, route=give.route,
                 over_h=over, day_in_phase=day - leg.first + 1, capped=capped, **common) for day in days]

    def _infusions(self, give: Give, leg: Leg, days: list[int], common: dict[str, Any]) -> None:
        rate, unit, capped = self._amount(give.dose, give.cap, f"{give.drug} in the phase {leg.phase.id}")
        for first, last in _spans(days):
            self.infusions.append(Infusion(
                first_day=first, last_day=last, start=date_of(self.start, first), end=date_of(self.start, last), rate=rate,
                unit=unit, day_in_phase=first - leg.first + 1, capped=capped, **common))

    def _common(self, give: Give, decision: Decision, order: str, phase: Phase, days: list[int]) -> dict[str, Any]:
        status, reason = self._status(decision)
        condition = str(give.only) if give.only is not None else None
        if status == "undecided":
            self.open.append(Open("drug", f"{give.drug} {give.dose} {give.route}", phase.id, condition or "", reason,
                                  date_of(self.start, days[0]), date_of(self.start, days[-1])))
        stem, _, last = phase.id.rpartition("-")
        return {"order": order, "drug": give.drug, "phase": phase.id, "cycle": int(last) if stem and last.isdigit() else 1,
                "published": str(give.dose), "cap": str(give.cap) if give.cap is not None else None, "status": status,
                "condition": condition, "reason": reason, "source": cited(give)}

    def _status(self, decision: Decision) -> tuple[Status, str]:
        if decision.holds is None:
            return "undecided", f"{', '.join(sorted(decision.unknown))} is not known"
        self.assumed |= decision.assumed
        return "planned", ""

    def alongside(self, item: Alongside, order: str) -> None:
        """A drug given every day alongside the phases from `from` to `to`, as far as the path touches them."""
        ids = [phase.id for phase in self.regimen.phases]
        last_id = ids[-1] if item.to == "lifelong" else item.to
        among = range(ids.index(item.from_), ids.index(last_id) + 1)
        legs = [leg for leg in self.way.legs if ids.index(leg.phase.id) in among]
        what = f"{item.drug} {item.dose}, alongside {item.from_} to {item.to}"
        if not legs:
            self.said.append(f"{what}: none of these phases is on the path, so it is not given")
            return
        decision = legs[0].facts.decide(item.only)
        if decision.holds is False:
            self.said.append(f"{what}: not given, because it asks for: {item.only}")
            return
        status, reason = self._status(decision)
        first = legs[0].first
        days = [day for leg in legs for day in range(leg.first, leg.last + 1)]
        condition = str(item.only) if item.only is not None else None
        if status == "undecided":
            self.open.append(Open("drug", what, item.from_, condition or "", reason, date_of(self.start, first),
                                  date_of(self.start, days[-1])))
        if item.to == "lifelong":
            self.said.append(f"{item.drug} {item.dose} is taken for life; the calendar shows it until its own end, "
                             f"{date_of(self.start, days[-1]).isoformat()}")
        amount, unit, capped = self._amount(item.dose, None, what)
        self.doses += [Dose(
            order=order, day=day, date=date_of(self.start, day), drug=item.drug, amount=amount, unit=unit, per_day=1, route=item.route,
            over_h=None, phase="alongside", day_in_phase=day - first + 1, cycle=1, published=str(item.dose), cap=None, capped=capped,
            status=status, condition=condition, reason=reason, source=cited(item)) for day in days]

    def _amount(self, dose: Quantity, cap: Quantity | None, what: str) -> tuple[float, str, bool]:
        """The absolute amount (for a continuous infusion: a day's), its unit, and whether the cap cut it."""
        unit = dose.unit.split("/")[0]
        factor = 1.0
        if "area" in dose.dimension:
            factor = self.person.bsa_m2
        elif "weight" in dose.dimension:
            if self.person.weight_kg is None:
                raise UsageError("the patient's weight is missing", where="--weight", why=f"{what} is dosed as {dose}",
                                 fix="give the weight in kg, e.g. --weight 78")
            factor = self.person.weight_kg
        amount = dose.value * factor
        if cap is None:
            return amount, unit, False
        limit = cap.to(f"{unit}/d" if "time" in cap.dimension else unit)
        return min(amount, limit), unit, amount > limit

    # what follows from them

    def bags(self) -> tuple[Bag, ...]:
        return tuple(bag for infusion in sorted(self.infusions, key=lambda item: (item.first_day, item.drug))
                     for bag in self._bags_of(infusion))

    def _bags_of(self, infusion: Infusion) -> Iterator[Bag]:
        entry = handling().get(infusion.drug)
        length = self.bag_days if entry is not None else OTHER_BAG_DAYS
        source = cited(entry.bags) if entry is not None else f"assumed: bags of {24 * OTHER_BAG_DAYS} h"
        firsts = range(infusion.first_day, infusion.last_day + 1, length)
        for index, first in enumerate(firsts):
            days = min(length, infusion.last_day - first + 1)
            yield Bag(order=infusion.order, day=first, date=date_of(self.start, first), drug=infusion.drug, number=index + 1,
                      of=len(firsts), hours=24 * days, amount=infusion.rate * days, unit=infusion.unit, phase=infusion.phase,
                      day_in_phase=infusion.day_in_phase + first - infusion.first_day, status=infusion.status, source=source)

    def stays(self) -> tuple[Stay, ...]:
        """Hospital days or supervision wherever an infusion with handling facts begins anew."""
        found: list[Stay] = []
        for drug, entry in handling().items():
            mine = sorted((item for item in self.infusions if item.drug == drug), key=lambda item: item.first_day)
            cycle = 0
            for index, item in enumerate(mine):
                if index and mine[index - 1].last_day >= item.first_day - 1:
                    continue
                cycle += 1
                found.append(self._stay(entry, item, cycle))
        return tuple(found)

    def _stay(self, entry: Handling, infusion: Infusion, cycle: int) -> Stay:
        phase = next(leg.phase for leg in self.way.legs if leg.phase.id == infusion.phase)
        setting: Setting = "active disease" if phase.purpose == "induction" else "remission"
        start = entry.hospital_days(setting, cycle)
        days = start.hospital_days if start is not None else 1
        last = infusion.first_day + days - 1
        why = f"{infusion.drug} cycle {cycle}, {setting}" if start is not None else \
            f"{infusion.drug} cycle {cycle}: {entry.later_starts.text}"
        return Stay(kind="hospital" if start is not None else "supervised start", first_day=infusion.first_day, last_day=last,
                    start=infusion.start, end=date_of(self.start, last), drug=infusion.drug, cycle=cycle, phase=infusion.phase,
                    day_in_phase=infusion.day_in_phase, status=infusion.status, why=why,
                    source=cited(start) if start is not None else cited(entry.later_starts))

    def stages(self) -> tuple[Stage, ...]:
        return tuple(Stage(
            phase=leg.phase.id, title=leg.phase.title or leg.phase.id, purpose=leg.phase.purpose or "", first_day=leg.first,
            last_day=leg.last, start=date_of(self.start, leg.first), end=date_of(self.start, leg.last),
            branches=_branches(leg.phase)) for leg in self.way.legs)

    def measurements(self) -> tuple[Measurement, ...]:
        return tuple(Measurement(
            day=leg.day(item.day or 1), date=date_of(self.start, leg.day(item.day or 1)), name=item.name, what=item.what,
            assay=item.assay, limit=item.limit, phase=leg.phase.id, day_in_phase=item.day or 1, source=cited(item))
            for leg in self.way.legs for item in leg.phase.assess)

    def assumptions(self, bag_assumed: bool, stays: tuple[Stay, ...]) -> tuple[str, ...]:
        lines = [f"the default path takes as given: {item}" for item in sorted(self.assumed)]
        lines.append("days count from the start without delays, and no dose is changed for toxicity or rounded to vials")
        with_facts = [entry for drug, entry in handling().items() if any(item.drug == drug for item in self.infusions)]
        for entry in with_facts:
            if bag_assumed:
                lines.append(f"bags of {entry.drug} run for {self.bag_days} days: {entry.default_bag.assumed}")
        others = sorted({item.drug for item in self.infusions if item.drug not in handling()})
        if others:
            lines.append(f"bags of {', '.join(others)} run for {24 * OTHER_BAG_DAYS} h")
        lines += [f"hospital days of {stay.drug}: {handling()[stay.drug].setting.assumed}" for stay in stays[:1]]
        return tuple(lines)

    def remarks(self) -> tuple[str, ...]:
        return (*_eligibility(self.regimen, self.person), *self.said, *self._weight(), *self._other_routes())

    def _weight(self) -> Iterator[str]:
        for drug, entry in handling().items():
            flat = any(item.drug == drug and item.published.endswith("g/d") for item in self.infusions)
            limit = entry.flat_dose_from.weight.to("kg")
            weight = self.person.weight_kg
            if flat and weight is not None and weight < limit:
                yield (f"the patient weighs {weight:g} kg: {entry.flat_dose_from.text} ({cited(entry.flat_dose_from)}); "
                       f"the regimen's flat dose of {drug} is shown")
            elif flat and weight is None:
                yield f"the weight is not known; the flat dose of {drug} is meant for {limit:g} kg and more"

    def _other_routes(self) -> Iterator[str]:
        for drug in handling():
            if any(dose.drug == drug for dose in self.doses):
                yield f"{drug} is not infused here; the label's hospital days are for the infusion, so none are shown"


def _branches(phase: Phase) -> tuple[str, ...]:
    lines = [f"if {branch.if_}: " + (f"go to {branch.go}" if branch.go else f"stop, {branch.stop}") for branch in phase.then]
    if phase.randomise is not None:
        asked = f", if {phase.randomise.if_}" if phase.randomise.if_ is not None else ""
        lines.append(f"randomisation {phase.randomise.name}{asked}: {' or '.join(phase.randomise.arms)}")
    return tuple(lines)


def _eligibility(regimen: Regimen, person: Person) -> Iterator[str]:
    facts = facts_of(regimen, person, responds=False)
    for condition in regimen.eligibility:
        decision = facts.decide(condition)
        if decision.holds is False:
            yield f"the patient is not eligible: the protocol asks for {condition}"
        elif decision.holds is None:
            yield f"eligibility is not decided: the protocol asks for {condition}, {', '.join(sorted(decision.unknown))} not known"


def _spans(days: list[int]) -> list[tuple[int, int]]:
    """Runs of consecutive days as (first, last)."""
    groups = groupby(enumerate(sorted(days)), key=lambda item: item[1] - item[0])
    found = [[day for _, day in group] for _, group in groups]
    return [(run[0], run[-1]) for run in found]
