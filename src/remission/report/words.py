"""How numbers and names are said in every report: percentages, doses, endpoints, results."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

NOT_REPORTED = "not reported"
NOT_PREDICTED = "not predicted"
NOTHING = "–"
THIN = "\u202f"  # narrow no-break space, between a number and its unit

ENDPOINTS = {
    "CR": "complete remission",
    "MRD-": "no measurable residual disease",
    "MR": "molecular response",
    "CMR": "complete molecular response",
    "OS": "overall survival",
    "EFS": "event-free survival",
    "DFS": "disease-free survival",
    "RFS": "relapse-free survival",
    "CRD": "duration of remission, deaths censored",
    "CRS3+": "cytokine release syndrome, grade 3 or higher",
    "NT3+": "neurotoxicity, grade 3 or higher",
    "induction death": "death during induction",
    "relapse": "relapse",
    "HSCT": "allogeneic transplantation",
}
PROVENANCE = {
    "version": "Remission version",
    "command": "Command",
    "seed": "Seed",
    "draws": "Parameter draws",
    "patients_per_draw": "Virtual patients per draw and arm",
    "posterior": "Parameter distribution",
    "catalog_hash": "Catalog hash",
    "draws_hash": "Draws hash",
    "python": "Python",
    "machine": "Machine",
    "started": "Started",
    "created": "Created",
    "seconds": "Seconds taken",
}
ROUTES = {"iv": "IV", "civ": "CIV", "po": "PO", "sc": "SC", "im": "IM", "it": "intrathecal"}
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def present(value: object) -> TypeGuard[float]:
    """True for a number that can be shown: not missing, not NaN, not infinite."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def plain(value: float, digits: int = 3) -> str:
    """A number as a person writes it: 0.5, 28, 1000."""
    return f"{value:.{digits}f}".rstrip("0").rstrip(".") if value != int(value) else str(int(value))


def percent_number(fraction: float) -> str:
    """A fraction (0 to 1) in per cent without the sign; one decimal below 10 %."""
    value = 100 * fraction
    if 0 < abs(value) < 9.95:
        shown = f"{value:.1f}"
        return shown.removesuffix(".0")
    return f"{value:.0f}"


def percent(fraction: Any, missing: str = NOT_REPORTED) -> str:
    """A fraction (0 to 1) in per cent, or the words for a missing one."""
    return f"{percent_number(fraction)}{THIN}%" if present(fraction) else missing


def percent_range(low: Any, high: Any, missing: str = "") -> str:
    """An interval in per cent (fractions 0 to 1), or the words for a missing one."""
    if not (present(low) and present(high)):
        return missing
    return f"{percent_number(low)} to {percent_number(high)}{THIN}%"


def power_of_ten(exponent: float) -> str:
    """10 with a superscript: -4 gives 10⁻⁴."""
    return "10" + plain(exponent, 1).translate(_SUPERSCRIPTS)


def unit(words: str) -> str:
    """A dose unit in print: ug/d as µg/d, mg/m2 as mg/m²."""
    return words.replace("ug", "µg").replace("m2", "m²")


_PRINTED_NAMES = {"adverse_genetics": "adverse genetics", "ph_like": "Ph-like", "received_blinatumomab": "received blinatumomab"}


def condition(words: object) -> str:
    """A condition of the protocol language with printed signs, >= as ≥; a short one holds together in one line."""
    shown = str(words).replace(">=", "≥").replace("<=", "≤").replace("!=", "≠")
    for name, printed in _PRINTED_NAMES.items():
        shown = shown.replace(name, printed)
    return shown.replace(" ", "\u00a0") if len(shown) < 24 else shown


def time_zero(zero: str) -> str:
    """The day from which an endpoint counts, in words."""
    return {"start": "the start of treatment", "diagnosis": "diagnosis"}.get(zero, zero)


def result_name(row: Mapping[str, Any]) -> str:
    """Endpoint, time or assessment, and subgroup of a result row: 'OS, 36 months, age >= 70'."""
    parts = [str(row.get("endpoint") or "?").replace("MRD-", "MRD−")]
    if present(row.get("months")):
        parts.append(f"{plain(float(row['months']), 1)} months")
    elif row.get("at"):
        parts.append("any time" if row["at"] == "any" else str(row["at"]))
    if row.get("where"):
        parts.append(condition(row["where"]))
    return ", ".join(parts)


def capital(words: str) -> str:
    """Words with a capital first letter."""
    return words[:1].upper() + words[1:]


def result_meaning(row: Mapping[str, Any]) -> str:
    """The endpoint in full words; nothing where its name says it already."""
    name = str(row.get("endpoint") or "")
    meaning = ENDPOINTS.get(name, "")
    return "" if meaning == name else meaning


def covered(row: Mapping[str, Any]) -> str:
    """'yes', 'no', or a dash where nothing was published or predicted."""
    flag = row.get("covered90")
    return NOTHING if flag is None else ("yes" if flag else "no")


def span(first: float, last: float) -> str:
    """Days in words: 'day 5' or 'days 5 to 9'."""
    return f"day {plain(first)}" if first == last else f"days {plain(first)} to {plain(last)}"


def runs(days: list[float]) -> list[tuple[float, float]]:
    """Sorted days grouped in runs without a gap, as (first, last)."""
    grouped: list[tuple[float, float]] = []
    for day in sorted(set(days)):
        if grouped and day - grouped[-1][1] <= 1:
            grouped[-1] = (grouped[-1][0], day)
        else:
            grouped.append((day, day))
    return grouped


def day_list(days: list[float]) -> str:
    """Days as a regimen table writes them: '1–4, 8, 15'."""
    return ", ".join(plain(a) if a == b else f"{plain(a)}–{plain(b)}" for a, b in runs(days))


def how_predicted(rows: Sequence[Mapping[str, Any]]) -> str:
    """What the model had seen of the trials that it is held against: the sentence without which a picture of them misleads."""
    trials = {str(row.get("trial")): bool(row.get("unseen")) for row in rows}
    if all(str(row.get("posterior")) == "prior" for row in rows):
        return "Nothing was fitted: the parameters are draws from their priors."
    if trials and all(trials.values()):
        return "Each trial is predicted by the model fitted to the other trials, without its own results."
    seen = "For rows marked calibrate the picture shows how well the model fits them, not how well it predicts."
    if any(trials.values()):
        names = ", ".join(sorted(name for name, unseen in trials.items() if not unseen))
        return f"Each trial is predicted by the model fitted to the other trials, but for {names}. {seen}"
    return f"The model was fitted to these trials. {seen}"
