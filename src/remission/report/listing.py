"""Evidence on a terminal: result rows, conflicts and answers to SQL; best at 100 columns, plain in a pipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from remission.report import words
from remission.report.summary import group_by
from remission.report.tables import condition, exact_percent, hanging, moment, safe

Data = Mapping[str, Any]
WIDE = 100
"""Columns of a page that is not a terminal."""


def console(*, stderr: bool = False) -> Console:
    """A console as wide as the terminal; in a pipe as wide as COLUMNS says, or 100."""
    import os

    found = Console(stderr=stderr, highlight=False)
    if found.is_terminal or os.environ.get("COLUMNS", "").isdigit():
        return found
    return Console(stderr=stderr, highlight=False, width=WIDE)


def print_rows(rows: Sequence[Data], page: Console) -> None:
    """Published numbers by trial: what was measured, the number with interval and counts, role and source."""
    if not rows:
        page.print(safe("No published number meets these filters."))
        return
    page.print(_grid(page.width, header=True))
    page.print(Text("-" * min(page.width, 120)))
    for trial, members in group_by(rows, "trial").items():
        page.print(safe(trial, "bold"))
        grid = _grid(page.width, header=False)
        before = None
        for row in members:
            arm, before = ("" if row["arm"] == before else f"  {row['arm']}"), row["arm"]
            grid.add_row(*(safe(text, keep="\n") for text in (arm, _name(row), _value(row), row["role"], _source(row))))
        page.print(grid)
    touched = sum(bool(row["conflicts"]) for row in rows)
    trials = len({row["trial"] for row in rows})
    page.print(Text("-" * min(page.width, 120)))
    page.print(safe(f"{_count(len(rows), 'result')} of {_count(trials, 'trial')}." + (
        f" * sources disagree about {_count(touched, 'result')}; see: remission evidence conflicts" if touched else "")))


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _grid(width: int, header: bool) -> Table:
    gap = 2 if width >= WIDE else 1
    fixed = {"Role": 9, "Source, place": 26 if width >= WIDE else 18}
    rest = min(width, 120) - sum(fixed.values()) - 4 * gap
    sizes = {"Arm": max(12, rest * 3 // 13), "Result": rest * 5 // 13, "Published": rest * 5 // 13, **fixed}
    table = Table(box=None, show_header=header, show_edge=False, pad_edge=False, padding=(0, gap, 0, 0))
    for name, size in sizes.items():
        table.add_column(name, width=size, overflow="fold")
    return table


def _name(row: Data) -> str:
    parts = [str(row["endpoint"])]
    if row["months"] is not None:
        parts.append(f"{words.plain(row['months'])} months")
    elif row["assessment"] and moment(row["assessment"]):
        parts.append(moment(row["assessment"]))
    parts += [condition(row["where"])] if row["where"] else []
    parts += [row["subgroup"]] if row["subgroup"] else []
    return ", ".join(parts)


def _value(row: Data) -> str:
    value, mark = row["value"], "*" if row["conflicts"] else ""
    if value is None:
        return f"{row['status']}{mark}"
    share = row["measure"] == "fraction"
    said = f"{exact_percent(value)} %" if share else f"{words.plain(value)} ({row['measure']})"
    lines = [said + mark]
    if row["lo95"] is not None and row["hi95"] is not None:
        low, high = ((exact_percent(x) if share else words.plain(x)) for x in (row["lo95"], row["hi95"]))
        lines[0] += f" ({low}-{high})"
    if row["numerator"] is not None:
        lines[0] += f", {row['numerator']} of {row['n']}"
    elif row["n"] is not None:
        lines[0] += f", n = {row['n']}"
    return "\n".join(lines)


def _source(row: Data) -> str:
    return f"{row['source']}, {row['place']}"


def print_conflicts(conflicts: Sequence[Data], page: Console) -> None:
    """Each conflict: what it is about, who says what and where, what is used and why."""
    for conflict in conflicts:
        page.print(safe(f"{conflict['trial']} / {conflict['id']}", "bold"))
        page.print(hanging("  about: ", f"{conflict['about']} (between {conflict['between']})"))
        for reading in conflict["readings"]:
            page.print(hanging("  - ", f"{reading['says']}  [{reading['source']}, {reading['place']}]"))
        page.print(hanging("  used: ", conflict["resolution"]))
        page.print(hanging("  because: ", conflict["reason"]))
        if conflict["values"]:
            page.print(hanging("  results: ", ", ".join(conflict["values"])))
        page.print()
    trials = len({conflict["trial"] for conflict in conflicts})
    kinds = group_by(conflicts, "between")
    told = ", ".join(f"{len(members)} between {kind}" for kind, members in kinds.items())
    page.print(safe(f"{_count(len(conflicts), 'conflict')} in {_count(trials, 'trial')}" + (f": {told}." if told else ".")))


def print_answer(columns: Sequence[str], rows: Sequence[Sequence[Any]], page: Console) -> None:
    """Rows of an answer to SQL as a table."""
    table = Table(box=None, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(safe(column), overflow="fold")
    for row in rows:
        table.add_row(*(safe("" if value is None else _short(value), keep="\n") for value in row))
    page.print(table)
    page.print(safe(f"({_count(len(rows), 'row')})"))


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)
