"""How doses, days, conditions and amounts are said in words."""

from __future__ import annotations

import math
from collections.abc import Iterable

from remission.base.units import Quantity
from remission.protocol.conditions import Compare, Condition, Join, Term
from remission.protocol.model import Alongside, Give

ROUTES = {"iv": "iv", "po": "by mouth", "sc": "sc", "im": "im", "it": "intrathecally", "civ": "by continuous infusion"}
_FLAGS = {"ph_like": ("Ph-like disease", "no Ph-like disease"), "kmt2a": ("KMT2A rearranged", "KMT2A not rearranged"),
          "adverse_genetics": ("adverse genetics", "no adverse genetics"), "cns": ("CNS disease", "no CNS disease"),
          "donor": ("a donor", "no donor"), "cytoreduction": ("adequate cytoreduction", "no adequate cytoreduction"),
          "mutation": ("a resistance mutation", "no resistance mutation"), "cr": ("remission", "no remission"),
          "transplanted": ("transplanted", "not transplanted"),
          "received_blinatumomab": ("blinatumomab received", "no blinatumomab received")}
_UNITS = {"age": " years", "wbc": " ×10⁹/L", "cd20": " %", "cd22": " %", "marrow_blasts": " %"}
_NAMES = {"age": "age", "wbc": "white cells", "cd20": "CD20", "cd22": "CD22", "marrow_blasts": "marrow blasts"}
_SIGNS = {">=": "≥", "<=": "≤", "!=": "≠", "<": "<", ">": ">", "=": "="}


def quantity(value: Quantity) -> str:
    """A quantity in print: 28 µg/d, 75 mg/m²."""
    number = f"{value.value:g}" if abs(value.value) < 1e6 else f"{value.value:,.0f}"
    unit = value.unit.replace("ug", "µg").replace("m2", "m²")
    return f"{number} {unit}" if unit != "1" else number


def day_list(days: Iterable[int]) -> str:
    """Days as a protocol writes them: 'day 1', 'days 1–3, 8'."""
    runs: list[list[int]] = []
    for day in sorted(set(days)):
        if runs and runs[-1][-1] + 1 == day:
            runs[-1].append(day)
        else:
            runs.append([day])
    parts = [f"{run[0]}–{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs]
    return ("day " if len(runs) == 1 and len(runs[0]) == 1 else "days ") + ", ".join(parts)


def span(first: int, last: int) -> str:
    """'day 5' or 'days 5–9'."""
    return f"day {first}" if first == last else f"days {first}–{last}"


def give(item: Give) -> str:
    """One entry in words: 'vincristine 1.4 mg/m² (at most 2 mg) iv on days 1, 8'."""
    parts = [item.drug, quantity(item.dose)]
    if item.cap is not None:
        parts.append(f"(at most {quantity(item.cap)})")
    parts.append(ROUTES[item.route])
    if item.per_day > 1:
        parts.append({2: "twice a day", 3: "three times a day"}.get(item.per_day, f"{item.per_day} times a day"))
    if item.over is not None:
        parts.append(f"over {quantity(item.over)}")
    parts.append("on " + day_list(item.days))
    if item.only is not None:
        parts.append(f"[only if {condition(item.only)}]")
    return " ".join(parts)


def alongside(item: Alongside) -> str:
    """One drug alongside in words, without its span."""
    return f"{item.drug} {quantity(item.dose)} {ROUTES[item.route]}, daily" + (f" [only if {condition(item.only)}]" if item.only else "")


def condition(value: Condition) -> str:
    """A condition in words: 'remission and MRD below 1e-4 at end-induction'."""
    return _term(value.term)


def _term(term: Term) -> str:
    if isinstance(term, Join):
        return f" {term.word} ".join(f"({_term(item)})" if isinstance(item, Join) else _term(item) for item in term.items)
    return _compare(term)


def _compare(item: Compare) -> str:
    if isinstance(item.value, bool):
        holds = item.value == (item.op == "=")
        if item.name == "received":
            return f"{item.argument} received" if holds else f"no {item.argument} received"
        word = _FLAGS.get(item.name, (item.name, f"not {item.name}"))[0 if holds else 1]
        return f"{word} at {item.argument}" if item.argument else word
    if item.name == "mrd":
        level = f"{_SIGNS[item.op]} {power(item.value)}" if isinstance(item.value, float) else str(item.value)
        return f"MRD {level} at {item.argument}" if item.argument else f"MRD {level}"
    if item.name == "ph":
        return f"BCR::ABL1-{item.value}"
    if isinstance(item.value, float):
        return f"{_NAMES.get(item.name, item.name)} {_SIGNS[item.op]} {item.value:g}{_UNITS.get(item.name, '')}"
    if item.name == "ikzf1":
        return f"IKZF1 {'' if item.op == '=' else 'not '}{item.value}"
    return str(item.value) if item.op == "=" else f"not {item.value}"


_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def power(value: float) -> str:
    """A fraction as a power of ten where it is one: 10⁻⁴, otherwise 5e-04 or 0.3."""
    if 0 < value < 0.01:
        exponent = round(math.log10(value))
        return "10" + str(exponent).translate(_SUPERSCRIPTS) if abs(value / 10**exponent - 1) < 1e-9 else f"{value:.3g}"
    return f"{value:g}"


def times(count: int, one: str, many: str | None = None) -> str:
    """'1 cycle', '4 cycles', 'no cycle'."""
    return f"{count or 'no'} {one if count <= 1 else many or one + 's'}"
