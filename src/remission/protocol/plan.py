"""A resolved regimen on absolute days: phases with start days, one row per administration, assessments and branches."""

from __future__ import annotations

from typing import Any

from remission.protocol.conditions import Condition
from remission.protocol.model import Alongside, Phase, Regimen


def phase_days(phase: Phase) -> int:
    """Length of a resolved phase in days."""
    assert phase.length is not None
    return round(phase.length.to("d"))


def on_default_path(phase: Phase) -> bool:
    """Whether the default path includes a phase: no condition that asks for a failure, a transplant, or a minority's share."""
    if phase.purpose == "transplant" or (phase.share is not None and phase.share.to("1") < 0.5):
        return False
    return phase.only is None or expected(phase.only)


def expected(condition: Condition) -> bool:
    """Whether the default path takes a condition as given."""
    return all(_favourable(compare.name, compare.op, compare.value) for compare in condition.compares())


def _favourable(name: str, op: str, value: object) -> bool:
    """Conditions taken to hold on the default path: remission, MRD negativity, no transplant; patient traits are not assumed."""
    if name in ("cr", "cytoreduction"):
        return (op == "=") == (value is True)
    if name == "mrd":
        return value == "negative" or op in ("<", "<=")
    if name in ("transplanted", "mutation"):
        return (op == "=") != (value is True)
    return name in ("ph", "received", "received_blinatumomab")


def default_path(regimen: Regimen) -> tuple[Phase, ...]:
    """The phases of a patient who responds: favourable branches are followed, others not."""
    phases = {phase.id: position for position, phase in enumerate(regimen.phases)}
    path: list[Phase] = []
    position = 0
    while position < len(regimen.phases):
        phase = regimen.phases[position]
        position += 1
        if not on_default_path(phase):
            continue
        path.append(phase)
        for branch in phase.then:
            if expected(branch.if_):
                position = phases.get(branch.go or "end", len(regimen.phases))
                break
    return tuple(path)


def timeline(regimen: Regimen) -> dict[str, Any]:
    """Plain data for drawing and for JSON: every phase on the default path's days; phases off that path are listed after it."""
    starts = path_days(regimen)
    drawn = [_phase(phase, starts[phase.id][0], True) for phase in default_path(regimen)]
    others = [_phase(phase, None, False) for phase in regimen.phases if phase.id not in starts]
    alongside = [
        {"drug": item.drug, "dose": str(item.dose), "route": item.route, "from_day": first,
         "to_day": None if item.to == "lifelong" else last, "only": str(item.only) if item.only else None}
        for item, first, last in alongside_spans(regimen)]
    days = max((last for _, last in starts.values()), default=0)
    return {"id": regimen.id, "title": regimen.title, "days": days, "phases": drawn, "other_phases": others, "alongside": alongside}


def path_days(regimen: Regimen) -> dict[str, tuple[int, int]]:
    """First and last day of every phase on the default path, by phase id."""
    start = 1
    found: dict[str, tuple[int, int]] = {}
    for phase in default_path(regimen):
        found[phase.id] = (start, start + phase_days(phase) - 1)
        start += phase_days(phase)
    return found


def alongside_spans(regimen: Regimen) -> list[tuple[Alongside, int, int]]:
    """Drugs alongside the default path: entry, first day, last day (the path's last day for a lifelong one).

    An entry whose condition asks for a failure is left out, and so is one whose first phase the path never reaches.
    """
    days = path_days(regimen)
    order = [phase.id for phase in regimen.phases]
    found = []
    for item in regimen.alongside:
        if item.only is not None and not expected(item.only) and not _trait(item.only):
            continue
        last = len(order) - 1 if item.to == "lifelong" else order.index(item.to)
        covered = [days[name] for name in order[order.index(item.from_): last + 1] if name in days]
        if covered:
            found.append((item, covered[0][0], max(end for _, end in days.values()) if item.to == "lifelong" else covered[-1][1]))
    return found


def _trait(value: Condition) -> bool:
    """Whether a condition asks only for what a patient brings along (age, sex, genetics), so that it divides patients."""
    return all(compare.name in ("age", "wbc", "cd20", "cd22", "sex", "ikzf1", "ph_like", "kmt2a", "adverse_genetics", "cns")
               for compare in value.compares())


def _phase(phase: Phase, start: int | None, default: bool) -> dict[str, Any]:
    first = start or 1
    rows = [{"day": first + day - 1, "drug": give.drug, "dose": give.dose.value, "unit": give.dose.unit, "route": give.route,
             "per_day": give.per_day, "only": str(give.only) if give.only else None}
            for give in phase.give for day in give.days]
    return {"id": phase.id, "title": phase.title or phase.id, "start": start, "length": phase_days(phase), "purpose": phase.purpose,
            "chemotherapy": phase.chemotherapy, "default": default,
            "administrations": sorted(rows, key=lambda row: (row["day"], row["drug"])),
            "assessments": [{"name": item.name, "what": item.what, "day": first + (item.day or phase_days(phase)) - 1,
                             "assay": item.assay, "limit": item.limit} for item in phase.assess],
            "branches": [{"if": str(branch.if_), "go": branch.go, "stop": branch.stop} for branch in phase.then],
            "randomise": phase.randomise.name if phase.randomise else None,
            "only": str(phase.only) if phase.only else None, "share": str(phase.share) if phase.share else None}


def administrations(regimen: Regimen) -> list[dict[str, Any]]:
    """One row per dose day or infusion day on the default path, drugs alongside included, by day: day, drug, dose, unit, route,
    phase, cycle, per_day, and `only` where the row holds for the patients of a condition."""
    rows: list[dict[str, Any]] = []
    where: dict[int, tuple[str, int]] = {}
    for phase in timeline(regimen)["phases"]:
        stem, _, number = phase["id"].rpartition("-")
        cycle = int(number) if number.isdigit() and stem else 1
        where.update((day, (phase["id"], cycle)) for day in range(phase["start"], phase["start"] + phase["length"]))
        rows += [{"day": row["day"], "drug": row["drug"], "dose": row["dose"], "unit": row["unit"], "route": row["route"],
                  "phase": phase["id"], "cycle": cycle, "per_day": row["per_day"], "only": row["only"]} for row in phase["administrations"]]
    known = {(row["day"], row["drug"], row["route"]) for row in rows}
    for item, first, last in alongside_spans(regimen):
        rows += [{"day": day, "drug": item.drug, "dose": item.dose.value, "unit": item.dose.unit, "route": item.route,
                  "phase": where[day][0], "cycle": where[day][1], "per_day": 1, "only": str(item.only) if item.only else None}
                 for day in range(first, last + 1) if (day, item.drug, item.route) not in known]
    return sorted(rows, key=lambda row: row["day"])
