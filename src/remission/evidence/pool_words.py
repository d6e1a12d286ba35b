"""What a synthesis says besides its numbers: its studies and sources as plain data, what was left out, and its caveats."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from remission.evidence.library import sources
from remission.evidence.model import TrialEvidence
from remission.evidence.pool_rows import Chosen, LeftOut, Question, Selection


def cited(identifiers: Iterable[str]) -> tuple[dict[str, int], list[dict[str, Any]]]:
    """Numbers of sources in order of first use, and the numbered list."""
    numbers: dict[str, int] = {}
    for identifier in identifiers:
        numbers.setdefault(identifier, len(numbers) + 1)
    known = sources()
    listed = []
    for identifier, number in numbers.items():
        source = known.get(identifier)
        told = {name: getattr(source, name, None) for name in ("title", "authors", "where", "doi", "registry", "published")}
        listed.append({"number": number, "id": identifier, **told})
    return numbers, listed


def study_as_data(
    item: Chosen, interval: tuple[float, float, str], weight: float, selection: Selection, number: int
) -> dict[str, Any]:
    """One study of a synthesis; `lo95` and `hi95` are published, exact or assumed as `interval_from` says."""
    row = item.row
    return {
        "trial": row.trial,
        "arm": row.arm,
        "row": row.id,
        "months": row.months,
        "assessment": row.assessment,
        "off_landmark": selection.months is not None and row.months != selection.months,
        "value": row.value,
        "events": item.events,
        "events_derived": item.derived,
        "n": row.n,
        "lo95": interval[0],
        "hi95": interval[1],
        "interval_from": interval[2],
        "weight": weight,
        "cut": row.cut,
        "population": row.population,
        "role": row.role,
        "status": row.status,
        "disputed": bool(row.conflicts) or row.status == "disputed",
        "conflicts": list(row.conflicts),
        "source": row.source,
        "place": row.place,
        "published_on": row.published_on,
        "number": number,
    }


def left_out_as_data(items: Sequence[LeftOut]) -> list[dict[str, Any]]:
    """Every row of the endpoint that was not used, with its reason."""
    return [
        {"trial": item.row.trial, "arm": item.row.arm, "row": item.row.id, "kind": item.kind, "reason": item.reason}
        for item in items
    ]


def notes_on(
    question: Question, selection: Selection, made: Sequence[str], known: Mapping[str, TrialEvidence]
) -> list[str]:
    """Caveats: what was harmonised, assumed or mixed. `made` says where each study's interval comes from."""
    used, notes = selection.used, []
    if selection.landmark_chosen and selection.months is not None:
        notes.append(f"no time was given: {selection.months:g} months is the landmark that most sets of patients report")
    notes += _times(selection)
    derived = [item.patients for item in used if item.derived]
    if derived:
        notes.append(f"* events counted back from a rounded percentage: {_listed(derived)}")
    assumed = [item.patients for item, how in zip(used, made, strict=True) if "assumed" in how]
    if assumed:
        notes.append(f"no interval is published; as precise as a proportion of 0.75 n patients (an assumption): {_listed(assumed)}")
    halves = [item.patients for item, how in zip(used, made, strict=True) if "half" in how and "assumed" not in how]
    if halves:
        notes.append(f"only the inner half of the published interval can be used, its other end is 0 or 1: {_listed(halves)}")
    notes += _mixed(question, selection, known)
    disputed = [f"{item.patients} ({', '.join(item.row.conflicts) or item.row.status})" for item in used
                if item.row.conflicts or item.row.status == "disputed"]
    if disputed:
        notes.append(f"† disputed between sources: {_listed(disputed)}; see remission evidence conflicts")
    stands_in = [f"{item.patients} ({item.row.cut or 'main cut'})" for item in used if item.row.role == "context"]
    if stands_in and question.role is None and not question.trials:
        notes.append(f"a context row stands in, because the row that calibrates cannot be pooled: {_listed(stands_in)}")
    return notes


def _times(selection: Selection) -> list[str]:
    used = selection.used
    if selection.months is not None:
        off = [f"{item.patients} at {item.row.months:g}" for item in used if item.row.months is not None
               and item.row.months != selection.months]
        if off:
            return [f"‡ taken as read at {selection.months:g} months (window ± {selection.window:g}), unchanged: {_listed(off)}"]
        return []
    names = sorted({item.row.assessment or "no time" for item in used})
    if selection.kind == "proportion" and selection.assessment is None and len(names) > 1:
        shown = [f"{name} ({', '.join(i.row.trial for i in used if (i.row.assessment or 'no time') == name)})" for name in names]
        return [f"assessments differ: {'; '.join(shown)}"]
    return []


def _mixed(question: Question, selection: Selection, known: Mapping[str, TrialEvidence]) -> list[str]:
    """Differences of definition between the studies."""
    zeros: dict[str, list[str]] = {}
    events: dict[str, list[str]] = {}
    assays: dict[str, list[str]] = {}
    for item in selection.used:
        trial = known.get(item.row.trial)
        definition = trial.design.endpoints.get(question.endpoint) if trial else None
        if selection.kind == "survival":
            zeros.setdefault(definition.from_ if definition else "not recorded", []).append(item.patients)
            events.setdefault(" or ".join(sorted(definition.events)) if definition else "not recorded", []).append(item.patients)
        elif question.endpoint in ("MRD-", "MR", "CMR"):
            limit = f" below {item.row.threshold:g}" if item.row.threshold else ""
            assays.setdefault((item.row.assay or "assay not reported") + limit, []).append(item.patients)
    told = (("time zero differs", zeros), ("events counted differ", events), ("assays differ", assays))
    return [f"{name}: " + "; ".join(f"{key} ({', '.join(sets)})" for key, sets in sorted(groups.items()))
            for name, groups in told if len(groups) > 1]


def _listed(items: Sequence[str]) -> str:
    return ", ".join(items)
