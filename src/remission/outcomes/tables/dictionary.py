"""The data dictionary, made from the definitions that write the data."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from remission.base.units import DAYS_PER_MONTH
from remission.outcomes.tables.columns import TABLES, Column

_HEAD = ("table", "number", "name", "type", "label", "unit", "codes", "about", "key")
_TYPES = {"VARCHAR": "text", "INTEGER": "integer", "DOUBLE": "real"}


def dictionary_csv(tables: Sequence[str] = tuple(TABLES)) -> str:
    """One line for each column of each table."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_HEAD)
    for name in tables:
        table = TABLES[name]
        for number, column in enumerate(table.columns, 1):
            codes = "; ".join(f"{code}={meaning}" if meaning else code for code, meaning in (column.codes or {}).items())
            key = "Y" if column.name in table.key else "N"
            writer.writerow((name, number, column.name, _TYPES[column.kind], column.label, column.unit, codes, column.about, key))
    return out.getvalue()


def dictionary_markdown(tables: Sequence[str] = tuple(TABLES)) -> str:
    """The same for readers."""
    lines = [
        "# Data dictionary of `remission simulate`",
        "",
        "Simulated patients. Research software: not for decisions about a patient.",
        "",
        "- Time zero is the start of treatment, at diagnosis. Study day 1 is the first day; there is no day 0 and no calendar date.",
        "  An event in the course of a day has that day's number. `AVAL` and `TIME` are exact and not rounded to whole days.",
        f"- A month has {DAYS_PER_MONTH:g} days. Missing values are nulls in Parquet and empty in CSV.",
        "- Follow-up ends for everybody at the data cut-off (`--years`); what happens later is not in the tables.",
        "- The same `SUBJID` is the same person with the same luck in every arm. Draws (`DRAW`) are versions of the model, to be",
        "  analysed one by one; patients of different draws do not make a larger trial.",
        "- Rows are in the order of arms, draws and patients, and within a patient in the order of the table's sequence number.",
    ]
    for name in tables:
        table = TABLES[name]
        lines += ["", f"## {name}: {table.title}", "", f"One row: {table.of}. Key: {', '.join(f'`{key}`' for key in table.key)}.", ""]
        lines += ["| Column | Type | Label | Unit | Values and remarks |", "|---|---|---|---|---|"]
        for column in table.columns:
            lines.append(f"| `{column.name}` | {_TYPES[column.kind]} | {column.label} | {column.unit} | {_remarks(column)} |")
    return "\n".join(lines) + "\n"


def _remarks(column: Column) -> str:
    codes = [f"`{code}` {meaning}".rstrip() for code, meaning in (column.codes or {}).items()]
    return "; ".join([*codes, *([column.about] if column.about else [])]).replace("|", "\\|")
