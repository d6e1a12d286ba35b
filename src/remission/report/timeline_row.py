"""One row of a regimen's timeline as SVG: band of phases, lanes of drugs, assessments, decisions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from remission.report import svg, words
from remission.report import timeline_layout as layout

PURPOSES = {
    "prephase": "#e6e9ee",
    "induction": "#fbdcae",
    "intensification": "#f6cdb8",
    "consolidation": "#c4e1f4",
    "maintenance": "#cdeadd",
    "transplant": "#3d434b",
    "rest": "#f3f4f6",
}
_TYRO = ("dasatinib", "imatinib", "ponatinib", "nilotinib", "bosutinib")
_STEROID = ("dexamethasone", "prednis", "hydrocortisone")


@dataclass(frozen=True)
class Style:
    """Sizes of a drawing (user units): whole width, label column (0: labels above lanes), days a row."""

    width: float
    label: float
    days: float
    font: float

    @property
    def left(self) -> float:
        """Where the time axis starts."""
        return self.label + 1

    @property
    def room(self) -> float:
        """The width of the time axis."""
        return self.width - self.left - 9


PHONE = Style(width=400, label=0, days=86, font=12)
WIDE = Style(width=760, label=246, days=127, font=12)


@dataclass(frozen=True)
class Scale:
    """A row's days (from 0) to x; a dose on day d covers the day from x(d) to x(d + 1)."""

    per_day: float
    left: float

    def x(self, day: float) -> float:
        """The left edge of a day."""
        return self.left + day * self.per_day


class RowPen:
    """Draws one row; remembers which marks were used and which phase titles did not fit."""

    def __init__(self, style: Style, row: layout.Row, is_last: bool, used: set[str], short: list[layout.Phase]) -> None:
        self.style, self.row, self.is_last, self.used, self.short = style, row, is_last, used, short
        fill = row.own_scale and row.length > style.days / 2
        self.scale = Scale(style.room / (row.length if fill else max(style.days, row.length)), style.left)
        self.edges = [(self.scale.x(item.at), self.scale.x(item.end)) for item in row.placed]

    def draw(
        self,
        y: float,
        lanes: Sequence[layout.Lane],
        alongside: Sequence[layout.Alongside],
        marks: Mapping[int, str],
    ) -> tuple[list[str], float]:
        """The row's markup and the y below it."""
        heading, y = self._heading(y)
        band, top = self._band(y)
        y, content = top, list[str]()
        for lane in lanes:
            drawn, y = self._lane(lane, y)
            content += drawn
        for item in alongside if self.row.on_path else ():
            drawn, y = self._alongside(item, y)
            content += drawn
        drawn, y = self._assessments(y)
        content += drawn
        drawn, y = self._decisions(y, marks)
        return [*heading, self._grid(top, y), *band, *content, *drawn], y

    def _heading(self, y: float) -> tuple[list[str], float]:
        out, font = [], self.style.font
        for line in svg.wrap(self.row.heading, font, self.style.width - 4) if self.row.heading else ():
            y += font + 2
            out.append(svg.text(0, y, line, font_size=font, fill=svg.MUTED, font_style="italic"))
        return out, y + (6 if out else 0)

    def _grid(self, top: float, bottom: float) -> str:
        edges = [x for pair in self.edges for x in pair]
        path = "".join(f"M{svg.number(x)} {svg.number(top)}V{svg.number(bottom)}" for x in dict.fromkeys(edges))
        return svg.tag("path", d=path, stroke=svg.RULE, stroke_width=0.8, fill="none")

    def _title(self, item: layout.Placed, room: float) -> list[str]:
        """A phase's number and title in at most two lines; what does not fit is told in the notes."""
        phase, size = item.phase, self.style.font * 1.04  # bold
        title = f"{re.sub(' 1$', '', phase.title)} ×{item.times}" if item.times > 1 else phase.title
        lines = svg.wrap(f"{phase.number} {title}", size, max(room, 1))
        if len(lines) <= 2 and room > 30:
            return lines
        self.short.append(phase)
        if room <= 62:
            return [str(phase.number)]
        return [lines[0], svg.fit(" ".join(lines[1:]), size, room)]

    def _band(self, y: float) -> tuple[list[str], float]:
        """The phases, and the days at which they start."""
        out: list[str] = []
        titles = [self._title(item, x1 - x0 - 7) for item, (x0, x1) in zip(self.row.placed, self.edges, strict=True)]
        height = 7.0 + 13.5 * max(len(lines) for lines in titles)
        for item, (x0, x1), lines in zip(self.row.placed, self.edges, titles, strict=True):
            out.append(phase_box(item.phase, x0, x1, y, height))
            out += box_words(lines, item.phase, x0 + 4, y, self.style.font)
        return out + self._days(y + height + 12.5), y + height + 19

    def _days(self, y: float) -> list[str]:
        """The first day of each phase and the last day of the row, where there is room."""
        out, taken = [], -10.0
        for index, (item, (left, right)) in enumerate(zip(self.row.placed, self.edges, strict=True)):
            shown = ("day " if index == 0 else "") + words.plain(item.phase.first)
            spread = f"{shown} to {words.plain(item.until)}"
            if item.times > 1 and svg.text_width(spread, 12) < right - left:
                shown = spread
            if left + 0.5 > taken + 4:
                out.append(svg.text(left + 0.5, y, shown, font_size=12, fill=svg.MUTED))
                taken = left + svg.text_width(shown, 12)
        end, x = words.plain(self.row.last), self.edges[-1][1]
        if x - svg.text_width(end, 12) > taken + 4:
            out.append(svg.text(x, y, end, font_size=12, fill=svg.MUTED, text_anchor="end"))
        return out

    def _label(self, label: str, y: float) -> tuple[list[str], float, float]:
        """Label markup, the y of the lane's middle, the y below the lane."""
        font = self.style.font
        if not self.style.label:
            lines = svg.wrap(label, font, self.style.width - 4)
            out = [svg.text(0, y + 10 + 13 * i, line, font_size=font) for i, line in enumerate(lines)]
            middle = y + 13 * len(lines) + 6
            return out, middle, middle + 11
        lines = svg.wrap(label, font, self.style.label - 10)
        out = [svg.text(0, y + 12 + 13 * i, line, font_size=font) for i, line in enumerate(lines)]
        return out, y + 8 + 6.5 * (len(lines) - 1), y + 4 + 13 * len(lines)

    def _lane(self, lane: layout.Lane, y: float) -> tuple[list[str], float]:
        out, middle, below = self._label(lane.label, y)
        colour = drug_colour(lane.drug, lane.route)
        if lane.route == layout.INTRATHECAL:
            self.used.add("intrathecal")
            path = "".join(self._triangle(day, middle) for day in sorted({d.day for d in lane.doses}))
            out.append(svg.tag("path", d=path, fill=colour, stroke=svg.INK, stroke_width=0.5))
        elif lane.route == "civ":
            self.used.add("infusion")
            out += self._infusion(lane, middle, colour)
        else:
            out.append(self._boluses(lane, middle, colour))
        return out, below

    def _triangle(self, day: float, middle: float) -> str:
        x = self.scale.x(day + 0.5)
        return f"M{svg.number(x - 4)} {svg.number(middle - 5)}h8l-4 9z"

    def _infusion(self, lane: layout.Lane, middle: float, colour: str) -> list[str]:
        top = max((d.size for d in lane.doses), default=1.0) or 1.0
        out = []
        for size in sorted({d.size for d in lane.doses}):
            height = 11 * max(0.4, size / top)
            for first, last in words.runs([d.day for d in lane.doses if d.size == size]):
                x0, x1 = self.scale.x(first), self.scale.x(last + 1)
                out.append(
                    svg.tag(
                        "rect",
                        x=x0,
                        y=middle + 5.5 - height,
                        width=max(x1 - x0, 1.2),
                        height=height,
                        fill=colour,
                    )
                )
        return out

    def _boluses(self, lane: layout.Lane, middle: float, colour: str) -> str:
        """Single doses as ticks; three days or more without a gap as a thin line."""
        ticks, lines = [], []
        for first, last in words.runs([d.day for d in lane.doses]):
            if last - first >= 2:
                self.used.add("daily")
                x0, x1 = self.scale.x(first), self.scale.x(last + 1)
                lines.append(f"M{svg.number(x0)} {svg.number(middle)}H{svg.number(x1)}")
                continue
            self.used.add("dose")
            for day in dict.fromkeys((first, last)):
                x = self.scale.x(day + 0.5)
                ticks.append(f"M{svg.number(x)} {svg.number(middle - 5)}v10")
        thick = 2.2 if self.scale.per_day > 1.2 else 1.0
        parts = []
        if ticks:
            parts.append(svg.tag("path", d="".join(ticks), stroke=colour, stroke_width=thick))
        if lines:
            parts.append(svg.tag("path", d="".join(lines), stroke=colour, stroke_width=4))
        return "".join(parts)

    def _alongside(self, item: layout.Alongside, y: float) -> tuple[list[str], float]:
        """A drug given beside the phases, as a line under each phase that it overlaps."""
        lines, tip = "", ""
        for first, last in item.spans:
            for index, placed in enumerate(self.row.placed):
                start, end = self.edges[index]
                if first > placed.until or (last is not None and last < placed.phase.first):
                    continue
                if placed.times == 1:  # a phase that repeats is shown whole
                    start = max(start, self.scale.x(placed.day(first)))
                    end = end if last is None else min(end, self.scale.x(placed.day(last + 1)))
                lines += f"M{svg.number(start)} {{y}}H{svg.number(end)}"
                if last is None and self.is_last and placed is self.row.placed[-1]:
                    tip = f"M{svg.number(end)} {{t}}l8 5l-8 5z"
        if not lines:
            return [], y
        out, middle, below = self._label(item.label, y)
        colour = drug_colour(item.label, "po")
        self.used.add("daily")
        out.append(svg.tag("path", d=lines.format(y=svg.number(middle)), stroke=colour, stroke_width=4))
        if tip:
            self.used.add("goes on")
            out.append(svg.tag("path", d=tip.format(t=svg.number(middle - 5)), fill=colour))
        return out, below

    def _assessments(self, y: float) -> tuple[list[str], float]:
        """Diamonds with their names, on as many levels as it takes for names not to overlap."""
        font, width = self.style.font, self.style.width
        found = [(item.day(a.day), a) for item in self.row.placed for a in item.phase.assessments]
        levels: list[float] = []
        out = []
        for day, assessed in sorted(found, key=lambda pair: (pair[0], pair[1].name)):
            self.used.add("mrd" if assessed.what == "mrd" else "assessment")
            x = min(self.scale.x(day + 0.5), width - 8)
            long = svg.text_width(assessed.name, font)
            flipped = x + 9 + long > width
            start, end = (x - 9 - long, x + 6) if flipped else (x - 6, x + 9 + long)
            if start < 0:  # neither side has room: a level of its own
                start, end = 0.0, width
            level = next((i for i, taken in enumerate(levels) if taken + 5 < start), len(levels))
            levels[level : level + 1] = [end]
            line = y + 8 + level * 15
            out.append(diamond(x, line, assessed.what == "mrd"))
            at = x - 9 if flipped else x + 9
            shown = svg.fit(assessed.name, font, at if flipped else width - at)
            out.append(svg.text(at, line + 4, shown, font_size=font, text_anchor="end" if flipped else None))
        return out, y + (len(levels) * 15 + 2 if levels else 0)

    def _decisions(self, y: float, marks: Mapping[int, str]) -> tuple[list[str], float]:
        out = []
        for item, (_, right) in zip(self.row.placed, self.edges, strict=True):
            if item.phase.number in marks:
                self.used.add("decision")
                out.append(decision(max(right - 9, 9), y + 9, marks[item.phase.number]))
        return out, y + (24 if out else 2)


def phase_box(phase: layout.Phase, x0: float, x1: float, y: float, height: float) -> str:
    """A phase's box: dashed when only some patients receive it."""
    return svg.tag(
        "rect",
        x=x0 + 0.5,
        y=y,
        width=max(x1 - x0 - 1, 1),
        height=height,
        rx=3,
        fill=PURPOSES.get(phase.purpose, "#e6e9ee"),
        stroke=svg.INK if phase.condition else "#8c959f",
        stroke_width=1.2 if phase.condition else 0.6,
        stroke_dasharray="4 2" if phase.condition else None,
    )


def box_words(lines: Sequence[str], phase: layout.Phase, x: float, y: float, font: float) -> list[str]:
    """The words in a phase's box."""
    colour = "#ffffff" if phase.purpose == "transplant" else svg.INK
    return [
        svg.text(x, y + 14.5 + 13.5 * i, line, font_size=font, fill=colour, font_weight="bold")
        for i, line in enumerate(lines)
    ]


def drug_colour(drug: str, route: str) -> str:
    """A colour from the palette by what the drug is; every lane is labelled too."""
    name = drug.lower()
    if route == layout.INTRATHECAL:
        return svg.PURPLE
    if "blinatumomab" in name:
        return svg.BLUE
    if "inotuzumab" in name:
        return svg.VERMILLION
    if any(word in name for word in _TYRO):
        return svg.GREEN
    if any(word in name for word in _STEROID):
        return "#8a8f98"
    return "#33383f"


def diamond(x: float, y: float, filled: bool) -> str:
    path = f"M{svg.number(x)} {svg.number(y - 5.5)}l5.5 5.5l-5.5 5.5l-5.5 -5.5z"
    return svg.tag("path", d=path, fill=svg.INK if filled else "#ffffff", stroke=svg.INK, stroke_width=1.3)


def decision(x: float, y: float, letter: str) -> str:
    """A letter in a ring, with an arrow down to the notes."""
    arrow = f"M{svg.number(x)} {svg.number(y + 8)}v3m-3 -1l3 4l3 -4z"
    return (
        svg.tag("circle", cx=x, cy=y, r=7.5, fill="#ffffff", stroke=svg.VERMILLION, stroke_width=1.5)
        + svg.text(x, y + 4, letter, font_size=12, font_weight="bold", text_anchor="middle")
        + svg.tag("path", d=arrow, fill=svg.VERMILLION, stroke=svg.VERMILLION)
    )
