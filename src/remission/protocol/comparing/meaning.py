"""What a regimen means, apart from how it is written: canonical units, exact days, conditions without word order.

Two regimens mean the same when these values are equal up to the names of phases and assessments; `diff` compares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from remission.base.units import UNITS, Quantity
from remission.protocol.conditions import Compare, Condition, Join, Term
from remission.protocol.model import Alongside, Give, Phase, Regimen
from remission.protocol.plan import alongside_spans, phase_days, timeline

_CANONICAL: dict[str, str] = {}
for _unit, (_dimension, _factor) in UNITS.items():
    if _factor == 1.0:
        _CANONICAL.setdefault(_dimension, _unit)


def canonical(quantity: Quantity) -> Quantity:
    """The quantity in the first unit of its dimension, rounded to 10 digits: 28 ug/d is 0.028 mg/d, 1 g/m2 is 1000 mg/m2."""
    unit = _CANONICAL.get(quantity.dimension, quantity.unit)
    return Quantity(float(f"{quantity.to(unit):.10g}"), unit)


@dataclass(frozen=True)
class Line:
    """One way in which a drug is given, without its days; doses in canonical units."""

    drug: str
    route: str
    dose: Quantity
    cap: Quantity | None
    per_day: int
    over: Quantity | None
    only: str

    @classmethod
    def of(cls, give: Give, names: Mapping[str, str]) -> Line:
        """The line of one `give` entry; `names` renames assessments in its condition."""
        return cls(give.drug, give.route, canonical(give.dose), canonical(give.cap) if give.cap else None, give.per_day,
                   canonical(give.over) if give.over else None, condition(give.only, names))


def condition(value: Condition | None, names: Mapping[str, str] | None = None) -> str:
    """A condition as text in which the order of `and` and `or` does not matter; "" for none."""
    return "" if value is None else str(_ordered(value.term, names or {}))


def _ordered(term: Term, names: Mapping[str, str]) -> Term:
    if isinstance(term, Compare):
        renamed = names.get(term.argument, term.argument) if term.argument and term.name in ("mrd", "cr") else term.argument
        return Compare(term.name, renamed, term.op, term.value)
    items = {str(item): item for item in (_ordered(inner, names) for inner in term.items)}
    return Join(term.word, tuple(items[key] for key in sorted(items)))


def lines(phase: Phase, names: Mapping[str, str] | None = None) -> dict[Line, tuple[int, ...]]:
    """Every line of a phase with its days (a day stands twice when two entries give the same)."""
    found: dict[Line, list[int]] = {}
    for give in phase.give:
        found.setdefault(Line.of(give, names or {}), []).extend(give.days)
    return {line: tuple(sorted(days)) for line, days in found.items()}


def treatment(phase: Phase, names: Mapping[str, str] | None = None) -> tuple[object, ...]:
    """What is done in a phase and to whom, without its assessments and branches; equal for equal courses."""
    return (phase_days(phase), phase.purpose, phase.chemotherapy, condition(phase.only, names), share(phase), phase.conditioning,
            frozenset(lines(phase, names).items()))


def share(phase: Phase) -> float:
    """Share of patients who take a phase, 1 when it is not limited."""
    return 1.0 if phase.share is None else round(phase.share.to("1"), 10)


@dataclass(frozen=True)
class Totals:
    """What the default path adds up to.

    `drugs`: per (drug, "systemic" or "intrathecal", unit, condition) the total dose; an infusion counts its daily rate for each day.
    `cycles`: first and last infusion day of each blinatumomab cycle. `intrathecal`: days with an intrathecal dose.
    """

    days: int
    drugs: Mapping[tuple[str, str, str, str], float]
    cycles: tuple[tuple[int, int], ...]
    intrathecal: tuple[int, ...]
    conditional_intrathecal: tuple[int, ...] = field(default=())


def totals(regimen: Regimen) -> Totals:
    """Totals of a resolved regimen on its default path, drugs alongside included while the path lasts."""
    plan = timeline(regimen)
    phases = {phase.id: phase for phase in regimen.phases}
    drugs: dict[tuple[str, str, str, str], float] = {}
    cycles: list[tuple[int, int]] = []
    certain: set[int] = set()
    possible: set[int] = set()
    for drawn in plan["phases"]:
        phase, start = phases[drawn["id"]], int(drawn["start"])
        infusion: list[int] = []
        for give in phase.give:
            absolute = [start + day - 1 for day in give.days]
            add(drugs, give, len(absolute) * give.per_day)
            if give.route == "it":
                (possible if give.only else certain).update(absolute)
            if give.drug == "blinatumomab":
                infusion += absolute
        if infusion:
            cycles.append((min(infusion), max(infusion)))
    for item, first, last in alongside_spans(regimen):
        add(drugs, item, last - first + 1)
    return Totals(int(plan["days"]), drugs, tuple(cycles), tuple(sorted(certain)), tuple(sorted(possible - certain)))


def add(drugs: dict[tuple[str, str, str, str], float], item: Give | Alongside, times: int) -> None:
    """Add `times` doses of an entry to the totals."""
    dose = canonical(item.dose)
    unit = dose.unit.removesuffix("/d") if item.route == "civ" else dose.unit
    key = (item.drug, "intrathecal" if item.route == "it" else "systemic", unit, condition(item.only))
    drugs[key] = round(drugs.get(key, 0.0) + dose.value * times, 9)
