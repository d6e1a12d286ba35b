"""A regimen's timeline as one SVG: phases as a band, drugs as lanes, decisions and notes beneath.

The drawing scales; at a width of 400 pixels its smallest text is 12 pixels high.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from remission.report import svg, words
from remission.report import timeline_layout as layout
from remission.report.timeline_row import PHONE, WIDE, RowPen, Style, box_words, decision, diamond, phase_box


@dataclass(frozen=True)
class Part:
    """A horizontal slice of the drawing: markup that starts at y = 0, its height, and what it says."""

    markup: tuple[str, ...]
    height: float
    told: str


def draw_timeline(regimen: Mapping[str, Any], *, wide: bool = False) -> str:
    """The timeline of a resolved regimen (plain data) as the text of an SVG file.

    `wide` draws for a page of 700 pixels or more instead of for a phone.
    """
    style = WIDE if wide else PHONE
    body, y = [], 0.0
    for part in _parts(style, regimen):
        body.append(svg.tag("g", *part.markup, transform=f"translate(0 {svg.number(y)})"))
        y += part.height
    told = layout.in_words(layout.read_phases(regimen), layout.read_alongside(regimen))
    return svg.picture(
        body,
        key=_key(regimen, wide),
        width=style.width,
        height=max(y, 20.0),
        title=f"Timeline of {_name(regimen)}",
        desc=told or "No phase.",
        standalone=True,
    )


def timeline_parts(regimen: Mapping[str, Any], *, wide: bool = False) -> list[str]:
    """The same timeline as one SVG for each of its rows, for HTML that may break between them when printed."""
    style = WIDE if wide else PHONE
    parts = _parts(style, regimen)
    return [
        svg.picture(
            list(part.markup),
            key=f"{_key(regimen, wide)}-{number}",
            width=style.width,
            height=part.height,
            title=f"Timeline of {_name(regimen)}, part {number} of {len(parts)}",
            desc=part.told,
        )
        for number, part in enumerate(parts, start=1)
    ]


def _name(regimen: Mapping[str, Any]) -> str:
    return str(regimen.get("title") or regimen.get("id") or "regimen")


def _key(regimen: Mapping[str, Any], wide: bool) -> str:
    key = re.sub(r"[^a-z0-9]+", "-", str(regimen.get("id") or _name(regimen)).lower())
    return f"timeline-{key}-wide" if wide else f"timeline-{key}"


def _parts(style: Style, regimen: Mapping[str, Any]) -> list[Part]:
    """Everything that is drawn: the rows, the phases off the default path, the key and the notes."""
    phases = layout.read_phases(regimen)
    alongside = layout.read_alongside(regimen)
    marks = layout.letters(phases)
    order = layout.lane_order(phases)
    rows = layout.rows(phases, style.days)
    final = max((index for index, row in enumerate(rows) if row.on_path), default=-1)
    used: set[str] = set()
    short: list[layout.Phase] = []
    parts = []
    for index, row in enumerate(rows):
        pen = RowPen(style, row, index == final, used, short)
        drawn, y = pen.draw(4.0, layout.lanes(row, order), alongside, marks)
        told = layout.in_words([item.phase for item in row.placed], alongside if index == final else ())
        parts.append(Part(tuple(drawn), y + 12, told))
    shown = {item.phase.number for row in rows for item in row.placed}
    aside = [phase for phase in phases if phase.start is None and phase.number not in shown]
    if aside:
        drawn, y = _aside(style, aside, marks, used, 0.0)
        parts.append(Part(tuple(drawn), y, layout.in_words(aside, ())))
    hidden = [phase for phase in phases if phase.start is not None and phase.number not in shown]
    told_below = _told(phases, short, hidden, marks)
    legend, y = _legend(style, used, 0.0)
    notes, y = _notes(style, told_below, y)
    if legend or notes:
        told = "Key to the signs. " + " ".join(f"{letter} {note}.".strip() for letter, note in told_below)
        parts.append(Part((*legend, *notes), y + 4, told))
    return parts


def _aside(
    style: Style, phases: Sequence[layout.Phase], marks: Mapping[int, str], used: set[str], y: float
) -> tuple[list[str], float]:
    """Phases off the default path that give no drug: boxes only, as wide as their titles."""
    if not phases:
        return [], y
    font = style.font
    out = [svg.text(0, y + 12, "Off the default path", font_size=font, fill=svg.MUTED, font_style="italic")]
    x, y = 0.0, y + 20
    for phase in phases:
        label = svg.fit(f"{phase.number} {phase.title}", font * 1.04, style.width - 40)
        width = svg.text_width(label, font * 1.04) + 10
        letter = marks.get(phase.number)
        if x and x + width + (22 if letter else 0) > style.width:
            x, y = 0.0, y + 30
        out.append(phase_box(phase, x, x + width, y, 20.5))
        out += box_words([label], phase, x + 5, y, font)
        x += width + 6
        if letter:
            used.add("decision")
            out.append(decision(x + 7, y + 9, letter))
            x += 24
    return out, y + 38


_KEY = (
    ("infusion", "continuous IV infusion, CIV (height: dose)"),
    ("dose", "dose"),
    ("daily", "daily"),
    ("goes on", "goes on"),
    ("intrathecal", "intrathecal dose"),
    ("mrd", "MRD assessment"),
    ("assessment", "other assessment"),
    ("decision", "decision, see below"),
)


def _sample(kind: str, x: float, y: float) -> str:
    n = svg.number
    if kind == "infusion":
        return svg.tag("rect", x=x, y=y - 5, width=16, height=10, fill=svg.BLUE)
    if kind == "dose":
        return svg.tag("path", d=f"M{n(x + 8)} {n(y - 5)}v10", stroke="#33383f", stroke_width=2.2)
    if kind == "daily":
        return svg.tag("path", d=f"M{n(x)} {n(y)}h16", stroke="#33383f", stroke_width=4)
    if kind == "goes on":
        return svg.tag("path", d=f"M{n(x + 4)} {n(y - 5)}l8 5l-8 5z", fill="#33383f")
    if kind == "intrathecal":
        path = f"M{n(x + 4)} {n(y - 5)}h8l-4 9z"
        return svg.tag("path", d=path, fill=svg.PURPLE, stroke=svg.INK, stroke_width=0.5)
    if kind == "decision":
        return svg.tag("circle", cx=x + 8, cy=y, r=6, fill="#ffffff", stroke=svg.VERMILLION, stroke_width=1.5)
    return diamond(x + 8, y, kind == "mrd")


def _legend(style: Style, used: set[str], y: float) -> tuple[list[str], float]:
    x, out = 0.0, []
    for kind, label in _KEY:
        if kind not in used:
            continue
        width = 22 + svg.text_width(label, style.font) + 12
        if x and x + width - 12 > style.width:
            x, y = 0.0, y + 17
        out.append(_sample(kind, x, y + 8))
        out.append(svg.text(x + 22, y + 12, label, font_size=style.font, fill=svg.MUTED))
        x += width
    return out, y + (22 if out else 0)


def _told(
    phases: Sequence[layout.Phase],
    short: Sequence[layout.Phase],
    hidden: Sequence[layout.Phase],
    marks: Mapping[int, str],
) -> list[tuple[str, str]]:
    """Notes with their letters: decisions, who receives what, titles that did not fit, assessments not drawn."""
    notes = []
    for letter in dict.fromkeys(marks.values()):
        deciding = [phase for phase in phases if marks.get(phase.number) == letter]
        notes.append((letter, f"after {_names(deciding)}: {'; '.join(deciding[0].branches)}"))
    for condition in dict.fromkeys(phase.condition for phase in phases if phase.condition):
        notes.append(("", f"{_names([p for p in phases if p.condition == condition])}: {condition}"))
    if short:
        notes.append(("", "Phases: " + "; ".join(f"{phase.number} {phase.title}" for phase in short)))
    also = [f"{a.name} (day {words.plain(a.day)})" for phase in hidden for a in phase.assessments]
    if also:
        notes.append(("", "Also assessed: " + ", ".join(also)))
    return notes


def _names(phases: Sequence[layout.Phase]) -> str:
    """One phase by number and title, several by number."""
    if len(phases) == 1:
        return f"{phases[0].number} {phases[0].title}"
    return "phases " + words.day_list([float(phase.number) for phase in phases])


def _notes(style: Style, notes: Sequence[tuple[str, str]], y: float) -> tuple[list[str], float]:
    out = []
    for letter, note in notes:
        if letter:
            out.append(svg.text(0, y + 12, letter, font_size=style.font, font_weight="bold", fill="#a04600"))
        for line in svg.wrap(note, style.font, style.width - 18):
            out.append(svg.text(16, y + 12, line, font_size=style.font))
            y += 14.5
        y += 4
    return out, y
