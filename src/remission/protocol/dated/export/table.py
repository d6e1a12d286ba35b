"""The dated plan as a table (CSV) and as one JSON object."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import date
from typing import Any

from remission.protocol.dated.calendar import RESEARCH_USE, DatedPlan, Dose, Infusion
from remission.protocol.dated.export.words import bag_words, basis, measured_words, plan_words

COLUMNS = ("date", "end", "day", "kind", "what", "amount", "unit", "per_day", "total", "over_h", "route", "phase", "cycle",
           "published", "cap", "capped", "status", "note", "source")


def rows(plan: DatedPlan) -> list[dict[str, Any]]:
    """Every row of the plan in the order of its dates; what has no date comes last.

    `kind` is phase, dose, infusion, bag, hospital, supervised start, assessment or undecided. `amount` is one dose, an
    infusion's daily rate, or a bag; `total` is the row's whole amount and stands on doses and infusions only.
    """
    found = [*_stages(plan), *_drugs(plan), *_handling(plan), *_measured(plan)]
    found.sort(key=lambda row: (row["date"], _KINDS.index(row["kind"]), row["what"], row["phase"]))
    return [*found, *({"kind": "undecided", "what": item.what, "phase": item.phase, "status": "undecided",
                       "note": f"{item.condition}: {item.reason}"} for item in plan.undecided if item.kind != "drug")]


_KINDS = ("phase", "hospital", "supervised start", "infusion", "bag", "dose", "assessment")


def _stages(plan: DatedPlan) -> Iterator[dict[str, Any]]:
    for stage in plan.stages:
        yield {"date": stage.start, "end": stage.end, "day": stage.first_day, "kind": "phase", "what": stage.title,
               "phase": stage.phase, "status": "planned", "note": "; ".join(stage.branches)}


def _drugs(plan: DatedPlan) -> Iterator[dict[str, Any]]:
    for dose in plan.doses:
        yield {"date": dose.date, "end": dose.date, "day": dose.day, "kind": "dose", "what": dose.drug, "amount": dose.amount,
               "per_day": dose.per_day, "over_h": dose.over_h, "route": dose.route, **_common(dose)}
    for infusion in plan.infusions:
        yield {"date": infusion.start, "end": infusion.end, "day": infusion.first_day, "kind": "infusion", "what": infusion.drug,
               "amount": infusion.rate, "over_h": 24.0 * infusion.days, "route": "civ", **_common(infusion)}


def _common(item: Dose | Infusion) -> dict[str, Any]:
    return {"unit": item.unit, "total": item.total, "phase": item.phase, "cycle": item.cycle, "published": item.published,
            "cap": item.cap, "capped": item.capped, "status": item.status, "note": basis(item), "source": item.source}


def _handling(plan: DatedPlan) -> Iterator[dict[str, Any]]:
    for bag in plan.bags:
        yield {"date": bag.date, "end": bag.date, "day": bag.day, "kind": "bag", "what": bag.drug, "amount": bag.amount,
               "unit": bag.unit, "over_h": float(bag.hours), "route": "civ", "phase": bag.phase, "status": bag.status,
               "note": bag_words(bag), "source": bag.source}
    for stay in plan.stays:
        yield {"date": stay.start, "end": stay.end, "day": stay.first_day, "kind": stay.kind, "what": stay.drug,
               "phase": stay.phase, "cycle": stay.cycle, "status": stay.status, "note": stay.why, "source": stay.source}


def _measured(plan: DatedPlan) -> Iterator[dict[str, Any]]:
    for item in plan.measurements:
        yield {"date": item.date, "end": item.date, "day": item.day, "kind": "assessment", "what": item.name,
               "phase": item.phase, "status": "planned", "note": measured_words(item), "source": item.source}


def to_csv(plan: DatedPlan) -> str:
    """The table as CSV. Lines that begin with `#` come first: the notice, the patient, assumptions, what is undecided."""
    out = io.StringIO()
    for line in (RESEARCH_USE, *plan_words(plan)):
        out.write(f"# {line.replace('#', 'no.')}\n")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows(plan):
        writer.writerow([_cell(row.get(column)) for column in COLUMNS])
    return out.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, date):
        return value.isoformat()
    text = str(value).replace("#", "no.").replace("\n", " ").replace("\r", " ")
    return f"'{text}" if text[:1] in "=+-@" and not isinstance(value, int) and text else text


def to_json(plan: DatedPlan) -> str:
    """The plan as one JSON object: the notice, the patient, the rows of the table, totals, and everything left open."""
    person = plan.person
    whole = {
        "notice": RESEARCH_USE, "regimen": plan.regimen, "title": plan.title, "start": plan.start.isoformat(),
        "end": plan.end.isoformat(), "days": plan.days, "path": plan.path, "label": plan.label or None,
        "patient": {"age": person.age_y, "bsa_m2": person.bsa_m2, "weight_kg": person.weight_kg, "sex": person.sex,
                    "known": {(f"{name}({argument})" if argument else name): value
                              for (name, argument), value in person.known.items()}},
        "bag_days": plan.bag_days, "bag_days_assumed": plan.bag_days_assumed,
        "events": [{column: _plain(row.get(column)) for column in COLUMNS} for row in rows(plan)],
        "intrathecal_days": [day.isoformat() for day in plan.intrathecal()],
        "totals": [{"drug": drug, "unit": unit, "total": round(total, 9)} for (drug, unit), total in plan.totals().items()],
        "undecided": [{"kind": item.kind, "what": item.what, "phase": item.phase, "condition": item.condition,
                       "reason": item.reason, "start": _plain(item.start), "end": _plain(item.end)} for item in plan.undecided],
        "left_out": [{"phase": phase, "reason": reason} for phase, reason in plan.left_out],
        "assumptions": list(plan.assumptions), "remarks": list(plan.remarks)}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return round(value, 9) if isinstance(value, float) else value
