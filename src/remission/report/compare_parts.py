"""What the pages of comparing, positioning and testing claims share: the template environment, numbers in words, sources, provenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from remission.report import words
from remission.report.compare_plots import number

Data = Mapping[str, Any]
LABELS = {**words.PROVENANCE, "plans_hash": "Regimens hash"}


def environment() -> Environment:
    """Templates of the reports; nothing undefined is printed silently."""
    return Environment(loader=PackageLoader("remission.report", "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
                       lstrip_blocks=True, keep_trailing_newline=True)


def provenance(values: Data) -> list[tuple[str, str]]:
    """The run as (label, value) pairs."""
    known = [(label, values[key]) for key, label in LABELS.items() if values.get(key) is not None]
    rest = [(key, values[key]) for key in sorted(values) if key not in LABELS and values[key] is not None]
    return [(label, f"{value:.1f}" if isinstance(value, float) else str(value)) for label, value in [*known, *rest]]


def amount(value: Any, unit: str) -> str:
    """A number with its unit: shares in per cent, the others as they are."""
    if not words.present(value):
        return words.NOTHING
    if unit == "share":
        return words.percent(value).replace("-", "−")
    return number(value)


def span(low: Any, high: Any, unit: str) -> str:
    """An interval in the unit of `amount`."""
    if not (words.present(low) and words.present(high)):
        return ""
    if unit == "share":
        return words.percent_range(low, high).replace("-", "−")
    return f"{number(low)} to {number(high)}"


def points(value: float, digits: int = 1) -> str:
    """A difference of shares in percentage points, with its sign."""
    shown = f"{100 * value:+.{digits}f}".replace("-", "−")
    return shown[1:] if not shown.strip("+−0.") else shown


def signed(value: float, unit: str) -> str:
    """A difference with its sign, in points or in its unit."""
    if unit == "share":
        return points(value)
    shown = number(value)
    return shown if shown.startswith("−") or value == 0 else f"+{shown}"


def difference(value: Data, unit: str) -> str:
    """Median and interval of a difference."""
    return f"{signed(value['median'], unit)} ({signed(value['lo90'], unit)} to {signed(value['hi90'], unit)})"


def chance(value: Any) -> str:
    """A probability with two digits; a dash where there is none."""
    if not words.present(value):
        return words.NOTHING
    if value > 0.995:
        return "above 0.99"
    if value < 0.005:
        return "below 0.01"
    return f"{value:.2f}"


def sources(listed: Mapping[str, Data], used: Sequence[str]) -> list[dict[str, Any]]:
    """Sources in the order of use, numbered from 1."""
    known = [name for name in dict.fromkeys(used) if name in listed]
    return [{**listed[name], "id": name, "number": at} for at, name in enumerate(known, 1)]
