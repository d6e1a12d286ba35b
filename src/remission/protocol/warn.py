"""What is worth knowing about a regimen and may yet be meant: cumulative doses beyond declared limits, an unprotected CNS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from remission.base.units import Quantity, number
from remission.protocol import flow
from remission.protocol.conditions import Condition
from remission.protocol.logic import Case, Reasoner, Subject, Value, groups, may_hold
from remission.protocol.model import Alongside, Drug, Give, Phase, Regimen
from remission.protocol.plan import default_path, phase_days
from remission.protocol.resolve import load_drug, resolve

BSA_M2, WEIGHT_KG = 1.8, 75.0  # the adult for whom flat and per-weight doses are summed with doses by body surface


@dataclass(frozen=True)
class Warning:
    """A remark in four parts: what was found, where, the rule behind it, and what could be done."""

    what: str
    where: str
    why: str
    fix: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}\n  why:  {self.why}\n  fix:  {self.fix}"


def warnings(plan: Regimen) -> tuple[Warning, ...]:
    """Everything to be said about a regimen: drugs beyond their declared limits first, then the central nervous system."""
    plan = resolve(plan)
    return (*(warning for meter in _meters(plan) for warning in _beyond(plan, meter)), *_cns(plan))


@dataclass(frozen=True)
class _Meter:
    """A declared limit, and the factor by which each drug counts towards it."""

    title: str
    limit: Quantity
    factors: dict[str, float]
    reason: str


def _meters(plan: Regimen) -> Iterator[_Meter]:
    names = {give.drug for phase in plan.phases for give in phase.give} | {item.drug for item in plan.alongside}
    given = {name: load_drug(name) for name in sorted(names)}
    for drug in (load_drug("doxorubicin"), *(drug for name, drug in given.items() if name != "doxorubicin")):
        if drug.cumulative_limit is None:
            continue
        title, factors = drug.id, {drug.id: 1.0}
        if drug.anthracycline_equivalent is not None:
            title = f"{drug.id} equivalents"
            factors = {name: other.anthracycline_equivalent / drug.anthracycline_equivalent
                       for name, other in given.items() if other.anthracycline_equivalent is not None}
        if factors.keys() & given.keys():
            yield _Meter(title, drug.cumulative_limit.value, factors, _reason(drug))


def _reason(drug: Drug) -> str:
    limit = drug.cumulative_limit
    assert limit is not None
    said = limit.note or limit.assumed or (f"source {limit.source.ref}" if limit.source else "")
    return f"the declared limit of {drug.id} is {limit.value}" + (f" ({said.strip()})" if said else "")


def _beyond(plan: Regimen, meter: _Meter) -> Iterator[Warning]:
    """A warning when the default path, or else the path with the highest total, goes beyond the limit."""
    unit = meter.limit.unit
    cases, reason = _groups(plan, meter), flow.reasoner(plan)
    usual, usual_at = max((_default_total(plan, meter, case) for case in cases), key=lambda found: found[0])
    worst, worst_at = max((_worst_total(plan, meter, case, reason) for case in cases), key=lambda found: found[0])
    limit = meter.limit.value * (1 + 1e-9)
    if usual <= limit and worst <= limit:
        return
    if usual > limit:
        said = f"the default path gives {_amount_text(usual, unit)} of {meter.title}"
        said += f", the path with the most {_amount_text(worst, unit)}" if worst > usual * (1 + 1e-9) else ""
    else:
        said = f"the path with the most {meter.title} gives {_amount_text(worst, unit)}; the default path gives {_amount_text(usual, unit)}"
    yield Warning(said, f"regimen {plan.id}, phase {usual_at if usual > limit else worst_at}", meter.reason,
                  "check doses, days and repeats against the source; if they are meant, say so in a note")


def _amount_text(value: float, unit: str) -> str:
    return f"{number(float(f'{value:.4g}'))} {unit}"


def _groups(plan: Regimen, meter: _Meter) -> list[dict[Subject, Value]]:
    """Patients who differ in what the meter's drugs depend on."""
    counted = [(phase, give) for phase in plan.phases for give in phase.give if give.drug in meter.factors]
    asked = [phase.only for phase, _ in counted] + [give.only for _, give in counted]
    asked += [item.only for item in plan.alongside if item.drug in meter.factors]
    return groups(asked, plan.eligibility)


def _default_total(plan: Regimen, meter: _Meter, case: Case) -> tuple[float, str]:
    """Total on the default path, and the phase in which the limit is passed (or the last)."""
    case = {**case, **_responding(plan)}
    total, at = 0.0, plan.phases[0].id
    for phase in default_path(plan):
        if may_hold(phase.only, case) and total <= meter.limit.value:
            at = phase.id
        total += _amount(plan, phase, meter, case) if may_hold(phase.only, case) else 0.0
    return total, at


def _worst_total(plan: Regimen, meter: _Meter, case: Case, reason: Reasoner) -> tuple[float, str]:
    """The highest total of any way through the regimen, and the phase in which the limit is passed (or the last)."""
    ways = flow.steps(plan, reason, case)
    best: list[tuple[float, tuple[int, ...]]] = [(0.0, ())] * (len(ways) + 1)
    for position in range(len(ways) - 1, -1, -1):
        step = ways[position]
        given = max((best[following] for following in step.then), default=(0.0, ()))
        amount = _amount(plan, plan.phases[position], meter, case) if step.given else 0.0
        choices = [(amount + given[0], (position, *given[1]))] if step.given else []
        best[position] = max([*choices, *([best[position + 1]] if step.passed_by else [])], key=lambda found: found[0], default=(0.0, ()))
    total = 0.0
    for position in best[0][1]:
        total += _amount(plan, plan.phases[position], meter, case)
        if total > meter.limit.value:
            return best[0][0], plan.phases[position].id
    return best[0][0], plan.phases[-1].id


def _responding(plan: Regimen) -> dict[Subject, Value]:
    """What a patient who responds brings to every condition of the plan."""
    good: dict[str, Value] = {"cr": True, "mrd": 0.0, "cytoreduction": True, "mutation": False, "transplanted": False}
    conditions: list[Condition | None] = [give.only for phase in plan.phases for give in phase.give]
    conditions += [phase.only for phase in plan.phases] + [item.only for item in plan.alongside]
    return {(compare.name, compare.argument): good[compare.name] for condition in conditions if condition is not None
            for compare in condition.compares() if compare.name in good}


def _amount(plan: Regimen, phase: Phase, meter: _Meter, case: Case) -> float:
    """The most of a meter that one patient is given in a phase, in the unit of its limit."""
    gives = [give for give in phase.give if give.drug in meter.factors]
    beside = [item for item in plan.alongside if item.drug in meter.factors and _runs(plan, item, phase)]
    asked = [give.only for give in gives] + [item.only for item in beside]
    totals = [0.0]
    for response in groups(asked, among=lambda subject: True) if any(asked) else [{}]:
        known = {**response, **case}
        totals.append(
            sum(_dose(give, give.per_day * len(give.days), meter) for give in gives if may_hold(give.only, known))
            + sum(_dose(item, phase_days(phase), meter) for item in beside if may_hold(item.only, known)))
    return max(totals)


def _runs(plan: Regimen, item: Alongside, phase: Phase) -> bool:
    names = [other.id for other in plan.phases]
    last = len(names) if item.to == "lifelong" else names.index(item.to)
    return names.index(item.from_) <= names.index(phase.id) <= last


def _dose(give: Give | Alongside, times: int, meter: _Meter) -> float:
    """`times` doses of a drug in the unit of the meter's limit, counted with the drug's factor."""
    size = {"m2": BSA_M2, "kg": WEIGHT_KG}
    dose, (mass, *per) = give.dose, give.dose.unit.split("/")
    absolute = Quantity(dose.value * next((size[part] for part in per if part in size), 1.0), mass)
    if isinstance(give, Give) and give.cap is not None:
        absolute = Quantity(min(absolute.value, Quantity(give.cap.value, give.cap.unit.split("/")[0]).to(mass)), mass)
    limit_mass, *limit_per = meter.limit.unit.split("/")
    return times * meter.factors[give.drug] * absolute.to(limit_mass) / next((size[part] for part in limit_per if part in size), 1.0)


def _cns(plan: Regimen) -> Iterator[Warning]:
    """A warning when patients of the default path are given nothing that protects the central nervous system."""
    path = default_path(plan)
    asked = [give.only for phase in path for give in phase.give if _protects(give)] + [phase.only for phase in path]
    cases = groups(asked, plan.eligibility)
    open_to = [case for case in cases if not _protected(path, {**case, **_responding(plan)})]
    if not open_to:
        return
    who = "" if len(open_to) == len(cases) else " for a patient with " + ", ".join(
        f"{name} {value:g}" if isinstance(value, float) else name if value is True else f"not {name}" if value is False
        else f"{name} {value}" for (name, _), value in open_to[0].items())
    yield Warning(f"the default path gives no intrathecal dose and no drug that reaches the central nervous system{who}",
                  f"regimen {plan.id}", "acute lymphoblastic leukaemia spreads to the central nervous system unless it is protected",
                  "add intrathecal doses (route: it), or say in a note why none are given")


def _protected(path: tuple[Phase, ...], case: Case) -> bool:
    return any(_protects(give) and may_hold(give.only, case) for phase in path if may_hold(phase.only, case) for give in phase.give)


def _protects(give: Give) -> bool:
    """Whether a dose is intrathecal, or systemic and high enough to reach the central nervous system."""
    if give.route == "it":
        return True
    active = load_drug(give.drug).cns_active
    if isinstance(active, bool):
        return active
    return give.route != "po" and give.dose.value >= active.get(give.dose.unit, float("inf"))
