"""Doses and plans in words, the same in every format."""

from __future__ import annotations

from remission.protocol.dated.calendar import Bag, DatedPlan, Dose, Infusion, Measurement, number, per_day_words

ROUTES = {"iv": "intravenous", "po": "by mouth", "sc": "under the skin", "im": "into the muscle", "it": "intrathecal",
          "civ": "continuous infusion"}


def dose_words(dose: Dose) -> str:
    """One day's dose: `daunorubicin 92.5 mg iv, over 30 min`."""
    times = f", {per_day_words(dose.per_day)}" if dose.per_day > 1 else ""
    over = f", over {hours(dose.over_h)}" if dose.over_h is not None else ""
    return f"{dose.drug} {number(dose.amount)} {dose.unit} {dose.route}{times}{over}"


def infusion_words(infusion: Infusion) -> str:
    """A whole infusion: `blinatumomab 28 ug/d continuous infusion`."""
    return f"{infusion.drug} {number(infusion.rate)} {infusion.unit}/d continuous infusion"


def bag_words(bag: Bag) -> str:
    """A bag: `blinatumomab bag 2 of 7: 112 ug over 96 h`."""
    return f"{bag.drug} bag {bag.number} of {bag.of}: {number(bag.amount)} {bag.unit} over {bag.hours} h"


def measured_words(item: Measurement) -> str:
    """An assessment: `mrd (end-induction), flow, limit 0.0001`."""
    assay = f", {item.assay}" if item.assay else ""
    limit = f", limit {item.limit:g}" if item.limit is not None else ""
    return f"{item.what} ({item.name}){assay}{limit}"


def basis(item: Dose | Infusion) -> str:
    """How an amount came about: the published dose, the cap, the condition and the source."""
    cap = "" if item.cap is None else f"; cap {item.cap}" + (" applied" if item.capped else " not reached")
    asked = "" if item.condition is None else f"; only if {item.condition}"
    missing = f" ({item.reason})" if item.reason else ""
    return f"protocol dose {item.published}{cap}{asked}{missing}; source: {item.source or 'none'}"


def hours(value: float) -> str:
    """A duration of an infusion: `30 min`, `24 h`."""
    return f"{value * 60:.4g} min" if value < 1 else f"{value:.4g} h"


def plan_words(plan: DatedPlan) -> tuple[str, ...]:
    """What a reader must know of the plan as a whole, one line each."""
    lines = [f"{plan.title} ({plan.regimen})", f"patient: {plan.person.words()}",
             f"path: {plan.path}; {plan.start.isoformat()} to {plan.end.isoformat()}, {plan.days} days"]
    lines += [f"assumed: {text}" for text in plan.assumptions]
    lines += [f"note: {text}" for text in plan.remarks]
    lines += [f"undecided: {item.what} in {item.phase}: {item.condition}; {item.reason}" for item in plan.undecided]
    lines += [f"left out: {phase}: {reason}" for phase, reason in plan.left_out]
    return tuple(" ".join(line.split()) for line in lines)
