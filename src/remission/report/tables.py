"""The review's tables, rebuilt: one HTML file without outside assets, or text for a terminal.

Input: the plain data of `remission.evidence.review_table(...)`. Every cell carries the number of its source; letters lead to
notes that tell where sources disagree and where the review's own table prints something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from remission.report import words

Data = Mapping[str, Any]

ABBREVIATIONS = {
    "CI": "confidence interval",
    "CMR": "complete molecular response",
    "CR": "complete remission",
    "CRD": "duration of continuous remission",
    "CRS": "cytokine release syndrome",
    "DFS": "disease-free survival",
    "EFS": "event-free survival",
    "IQR": "interquartile range",
    "MR": "molecular response",
    "MRD": "measurable residual disease",
    "Ph": "Philadelphia chromosome",
    "RFS": "relapse-free survival",
}
MIXED = {"MRD negative rate": "MRD-", "EFS/RFS/DFS": ""}
"""Columns that hold several endpoints, and the one that needs no name there."""
JOIN = "\u2060"  # word joiner: no line break here
_MRD = re.compile(r"mrd\(([^()]+)\) = (positive|negative)")
_PLAIN = str.maketrans(
    {JOIN: "", words.THIN: " ", "\u00a0": " ", "≥": ">=", "≤": "<=", "≠": "!=", "−": "-", "–": "-", "“": '"', "”": '"', "’": "'"}
)


def exact_percent(fraction: float) -> str:
    """A fraction in per cent with the decimals that were published.

    >>> exact_percent(0.6865), exact_percent(0.9)
    ('68.65', '90')
    """
    return f"{(100 * Decimal(repr(float(fraction)))).normalize():f}"


def moment(name: str) -> str:
    """An assessment in words: pre-blina-1 as 'before blinatumomab 1'; nothing for 'any'."""
    if name == "any":
        return ""
    for start, said in (("pre-blina-", "before blinatumomab\u00a0"), ("post-blina-", "after blinatumomab\u00a0"), ("end-", "end of ")):
        if name.startswith(start):
            return said + name.removeprefix(start)
    return name.replace("-", " ")


def condition(text: str) -> str:
    """A subgroup in words."""
    return words.condition(_MRD.sub(lambda found: f"MRD-{found[2]} {moment(found[1])}", text))


def value_of(entry: Data) -> str:
    """The number of an entry as it is set: '66 %', '75 (66–84)', 'not reached'."""
    value, low, high = entry["value"], entry["low"], entry["high"]
    if value is None:
        return "median not reached" if entry["status"] == "not reached" else words.NOT_REPORTED
    if entry["kind"] == "baseline":
        if low is None or high is None:
            return words.plain(value)
        short = "IQR " if entry["spread"] == "interquartile range" else ""
        return f"{words.plain(value)} ({short}{words.plain(low)}{JOIN}–{JOIN}{words.plain(high)})"
    if entry["measure"] == "fraction":
        return f"{exact_percent(value)}{words.THIN}%"
    if entry["measure"] == "median months":
        return f"median {words.plain(value)} months"
    return words.plain(value)


def details_of(entry: Data, column: str, several_arms: bool, alone: bool) -> list[str]:
    """What qualifies a number: interval, counts, arm, endpoint, time, subgroup; the entry's own name where nothing else does."""
    if entry["value"] is None and entry["status"] != "not reached":
        return []
    told = []
    if several_arms and entry["arm"] != "main":
        told.append(entry["arm"])
    if column in MIXED and entry["endpoint"] != MIXED[column]:
        told.append(str(entry["endpoint"]))
    if entry["months"] is not None:
        told.append(f"{words.plain(entry['months'])} months")
    elif entry["assessment"] and (moment(entry["assessment"]) or (column in MIXED and not alone)):
        told.append(moment(entry["assessment"]) or "at any time")
    if entry["where"]:
        told.append(condition(entry["where"]))
    if entry["subgroup"]:
        told.append(entry["subgroup"])
    labels = [", ".join(told)] if told else [] if alone or column in MIXED else [entry["id"].replace("-", " ")]
    if entry["kind"] == "result" and entry["low"] is not None:
        labels.append(f"95{words.THIN}% CI {exact_percent(entry['low'])}–{exact_percent(entry['high'])}")
    if entry["numerator"] is not None:
        labels.append(f"{entry['numerator']} of {entry['n']}")
    elif entry["n"] is not None and (entry["kind"] == "result" or several_arms):
        labels.append(f"n = {entry['n']}")
    return labels


class Marks:
    """Letters for notes and numbers for sources, in the order in which the table needs them."""

    def __init__(self, table: Data) -> None:
        self.table = table
        self.sources: dict[str, int] = {}
        self.notes: dict[str, dict[str, Any]] = {}

    def source(self, name: str) -> int:
        """The number of a source."""
        return self.sources.setdefault(name, len(self.sources) + 1)

    def letter(self, key: str) -> str:
        """The letter of a note: a conflict (trial/id), or any other key."""
        if key not in self.notes:
            self.notes[key] = {"letter": _letter(len(self.notes)), "conflict": self.table["conflicts"].get(key), "more": []}
        return str(self.notes[key]["letter"])

    def add(self, key: str, sentence: str) -> str:
        """Adds a sentence to a note and returns its letter."""
        letter = self.letter(key)
        if sentence not in self.notes[key]["more"]:
            self.notes[key]["more"].append(sentence)
        return letter


def _letter(index: int) -> str:
    first, last = divmod(index, 26)
    return (chr(96 + first) if first else "") + chr(97 + last)


def _cell(study: Data, cell: Data, heading: str, marks: Marks) -> dict[str, Any]:
    several = len(study["arms"]) > 1
    alone = len(cell["entries"]) < 2
    entries = [
        {
            "value": value_of(entry),
            "missing": entry["value"] is None and entry["status"] != "not reached",
            "details": details_of(entry, cell["column"], several, alone),
            "source": marks.source(entry["source"]),
            "places": [(marks.source(ref), at) for ref, at in [(entry["source"], entry["place"]), *entry["also"]]],
            "note": entry["note"] or "",
        }
        for entry in cell["entries"]
    ]
    return {"key": cell["column"], "heading": heading, "entries": entries, "letters": _letters(study, cell, heading, marks)}


def _letters(study: Data, cell: Data, heading: str, marks: Marks) -> list[str]:
    letters = [marks.letter(key) for key in cell["conflicts"]]
    if cell["differs"]:
        printed = [text for text in cell["printed"] if text]
        told = " and ".join(f"“{text}”" for text in printed) or "nothing"
        sentence = f"Under “{heading}” the review’s table prints {told}."
        key = cell["conflicts"][0] if cell["conflicts"] else f"{study['trial']}:{cell['column']}"
        letters.append(marks.add(key, sentence))
    for entry in cell["entries"]:
        if entry["status"] == "disputed" and not cell["conflicts"]:
            said = f"The value is disputed: {entry['note']}." if entry["note"] else "The value is disputed."
            letters.append(marks.add(f"{study['trial']}:{cell['column']}", said))
    return list(dict.fromkeys(letters))


def prepare(table: Data) -> dict[str, Any]:
    """The table with its marks set: parts, columns, notes by letter, sources by number."""
    marks = Marks(table)
    headings = dict(table["columns"])
    parts = []
    for title, studies in table["parts"]:
        prepared = []
        for study in studies:
            prepared.append(
                {
                    "trial": study["trial"],
                    "title": study["title"],
                    "registry": study["registry"] or "",
                    "letters": [marks.letter(key) for key in study["conflicts"]],
                    "arms": [{"name": name, "title": title} for name, title in study["arms"]],
                    "source": marks.source(study["source"]),
                    "place": study["place"],
                    "cells": [_cell(study, cell, headings[cell["column"]], marks) for cell in study["cells"]],
                }
            )
        parts.append({"title": title, "studies": prepared})
    notes = [_note(key, note, table, marks) for key, note in marks.notes.items()]
    marks.source("pourhassan-2023") if "pourhassan-2023" in table["sources"] else None
    listed = [{**table["sources"][name], "number": number} for name, number in marks.sources.items()]
    used = " ".join(_texts(parts) + [heading for _, heading in table["columns"]])
    short = {name: meaning for name, meaning in ABBREVIATIONS.items() if re.search(rf"\b{name}\b", used)}
    return {
        "name": table["name"], "number": table["name"].removeprefix("table"), "title": table["title"],
        "columns": table["columns"], "parts": parts, "notes": notes, "sources": listed, "abbreviations": short,
    }


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list | tuple):
        return [text for item in value for text in _texts(item)]
    return []


def _note(key: str, note: Data, table: Data, marks: Marks) -> dict[str, Any]:
    conflict = note["conflict"]
    trial = conflict["trial"] if conflict else key.partition(":")[0]
    title = next((s["title"] for _, studies in table["parts"] for s in studies if s["trial"] == trial), trial)
    readings = [
        {"says": reading["says"], "source": marks.source(reading["source"]), "place": reading["place"]}
        for reading in (conflict["readings"] if conflict else [])
    ]
    return {
        "letter": note["letter"], "title": title, "about": conflict["about"] if conflict else "", "readings": readings,
        "resolution": conflict["resolution"] if conflict else "", "reason": conflict["reason"] if conflict else "",
        "more": note["more"],
    }


def render_table(table: Data, provenance: Mapping[str, str]) -> str:
    """The table as one HTML file; the same table and provenance give the same text."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("remission.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("table.html").render(table=prepare(table), provenance=provenance)


PANELS = (
    ("Patients and harm", ("number of patients", "median age", "grade >=3 CRS", "grade >=3 neurotoxicity", "induction death")),
    ("Response and survival", ("CR rate", "MRD negative rate", "OS", "EFS/RFS/DFS")),
)


def print_table(table: Data, console: Console) -> None:
    """The table on a terminal in two panels, then notes, places and sources; best at 100 columns, readable at 80."""
    data = prepare(table)
    console.print(safe(f"Table {data['number']}. {data['title']}", "bold"))
    for part in data["parts"]:
        for title, keys in PANELS:
            console.print()
            console.print(safe(". ".join(word for word in (part["title"], title) if word) if part["title"] else title, "bold"))
            console.print(_panel(part["studies"], keys, dict(data["columns"]), console.width))
    console.print()
    console.print(safe("; ".join(f"{short}, {meaning}" for short, meaning in data["abbreviations"].items()) + "."))
    console.print(safe("Numbers in brackets are sources, letters are notes. Missing values are not reported, never zero."))
    for heading, lines in (("Notes", _note_lines(data)), ("Places", _place_lines(data)), ("Sources", _source_lines(data))):
        console.print()
        console.print(safe(heading, "bold"))
        for lead, line in lines:
            console.print(hanging(lead, line))


def _panel(studies: Sequence[Data], keys: Sequence[str], headings: Mapping[str, str], width: int) -> Table:
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 1, 0), show_edge=False, width=min(width, 140))
    shown.add_column("Study", ratio=4, overflow="fold")
    for key in keys:
        few = key == "number of patients"
        shown.add_column(safe(headings[key]), ratio=2 if few else 4, min_width=8 if few else None, overflow="fold")
    for study in studies:
        cells = {cell["key"]: cell for cell in study["cells"]}
        name = safe(study["title"] + _superscript(study["letters"]))
        shown.add_row(name, *(_lines(cells[key]) for key in keys))
    return shown


def _superscript(letters: Sequence[str]) -> str:
    return f" ({','.join(letters)})" if letters else ""


def _lines(cell: Data) -> Text:
    lines = []
    for entry in cell["entries"]:
        lines.append("\n".join([f"{entry['value']} [{entry['source']}]", *entry["details"]]))
    text = "\n".join(lines) or "not in the catalog"
    return safe(text + _superscript(cell["letters"]), keep="\n")


def _note_lines(data: Data) -> Iterator[tuple[str, str]]:
    for note in data["notes"]:
        told = [f"“{reading['says']}” [{reading['source']}, {reading['place']}]" for reading in note["readings"]]
        parts = [note["title"]]
        if note["about"]:
            parts[0] += f", {note['about']}"
            parts.append("; ".join(told))
            parts.append(f"Used: {note['resolution']}, because {note['reason']}")
        line = ". ".join(part.rstrip(".") for part in parts) + "."
        yield f"{note['letter']:<3} ", " ".join([line, *note["more"]])


def _place_lines(data: Data) -> Iterator[tuple[str, str]]:
    for part in data["parts"]:
        for study in part["studies"]:
            told = [f"design [{study['source']}] {study['place']}"]
            for cell in study["cells"]:
                for entry in cell["entries"]:
                    places = ", ".join(f"[{number}] {at}" for number, at in entry["places"])
                    told.append(f"{cell['key']} {entry['value']}: {places}")
            yield "- ", f"{study['title']}: " + "; ".join(told) + "."


def _source_lines(data: Data) -> Iterator[tuple[str, str]]:
    for source in data["sources"]:
        known = f" doi:{source['doi']}" if source["doi"] else f" {source['registry']}" if source["registry"] else ""
        text = f"{source['authors']} {source['title']}. {source['where']}.{known} Published {source['published']}."
        yield f"[{source['number']}]".ljust(5), text


def safe(value: object, style: str = "", keep: str = "") -> Text:
    """Text that is never read as markup and holds no control character, except those to keep."""
    plain = "".join(one if one.isprintable() or one in keep else " " for one in str(value).translate(_PLAIN))
    return Text(plain, style=style)


def hanging(lead: str, text: str) -> Table:
    """A paragraph whose further lines are set in as far as its lead."""
    grid = Table(box=None, show_header=False, show_edge=False, pad_edge=False, padding=0)
    grid.add_column(width=len(lead), no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(safe(lead), safe(text))
    return grid
