"""A resolved regimen on absolute days: phases with start days, one row per administration, assessments and branches."""

from __future__ import annotations

from typing import Any

from remission.protocol.model import Phase, Regimen


def phase_days(phase: Phase) -> int:
    """Length of a resolved phase in days."""
    assert phase.length is not None
    return round(phase.length.to("d"))


def on_default_path(phase: Phase) -> bool:
    """Whether the default path includes a phase: no condition that asks for a failure, a transplant, or a minority's share."""
    if phase.purpose == "transplant" or (phase.share is not None and phase.share.to("1") < 0.5):
        return False
    return phase.only is None or all(_favourable(compare.name, compare.op, compare.value) for compare in phase.only.compares())


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
            if all(_favourable(compare.name, compare.op, compare.value) for compare in branch.if_.compares()):
                position = phases.get(branch.go or "end", len(regimen.phases))
                break
    return tuple(path)


def timeline(regimen: Regimen) -> dict[str, Any]:
    """Plain data for drawing and for JSON: every phase on the default path's days; phases off that path are listed after it."""
    start = 1
    starts: dict[str, tuple[int, int]] = {}
    drawn: list[dict[str, Any]] = []
    for phase in default_path(regimen):
        drawn.append(_phase(phase, start, True))
        starts[phase.id] = (start, start + phase_days(phase) - 1)
        start += phase_days(phase)
    others = [_phase(phase, None, False) for phase in regimen.phases if phase.id not in starts]
    alongside = []
    for item in regimen.alongside:
        begins = starts.get(item.from_, (1, 1))[0]
        ends = None if item.to == "lifelong" else starts.get(item.to, (start - 1, start - 1))[1]
        alongside.append({"drug": item.drug, "dose": str(item.dose), "route": item.route, "from_day": begins, "to_day": ends})
    return {"id": regimen.id, "title": regimen.title, "days": start - 1, "phases": drawn, "other_phases": others, "alongside": alongside}


def _phase(phase: Phase, start: int | None, default: bool) -> dict[str, Any]:
    first = start or 1
    rows = [{"day": first + day - 1, "drug": give.drug, "dose": give.dose.value, "unit": give.dose.unit, "route": give.route,
             "per_day": give.per_day, "only": str(give.only) if give.only else None}
            for give in phase.give for day in give.days]
    return {"id": phase.id, "title": phase.title or phase.id, "start": start, "length": phase_days(phase), "purpose": phase.purpose,
            "chemotherapy": phase.chemotherapy, "default": default, "administrations": sorted(rows, key=lambda row: (row["day"], row["drug"])),
            "assessments": [{"name": item.name, "what": item.what, "day": first + (item.day or phase_days(phase)) - 1,
                             "assay": item.assay, "limit": item.limit} for item in phase.assess],
            "branches": [{"if": str(branch.if_), "go": branch.go, "stop": branch.stop} for branch in phase.then],
            "randomise": phase.randomise.name if phase.randomise else None,
            "only": str(phase.only) if phase.only else None, "share": str(phase.share) if phase.share else None}


def administrations(regimen: Regimen) -> list[dict[str, Any]]:
    """One row per dose day on the default path: day, drug, dose, unit, route, phase, cycle (drugs alongside included)."""
    rows: list[dict[str, Any]] = []
    view = timeline(regimen)
    for phase in view["phases"]:
        stem, _, number = phase["id"].rpartition("-")
        cycle = int(number) if number.isdigit() and stem else 1
        rows += [{"day": row["day"], "drug": row["drug"], "dose": row["dose"], "unit": row["unit"], "route": row["route"],
                  "phase": phase["id"], "cycle": cycle, "per_day": row["per_day"], "only": row["only"]} for row in phase["administrations"]]
    return rows
