"""Small plots drawn as SVG by hand: curves with bands, intervals on a common axis, bars, and a map of two aims.

Every drawing is made for a phone (legible at 400 pixels) and for print; series differ in colour, dash and mark; each has a title
and a description for people who cannot see it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from remission.report import svg, words
from remission.report.summary import key_of

WIDTH = 360.0
FONT = 12.0
GRID = "#e6e9ee"
COLOURS = (svg.BLUE, svg.ORANGE, svg.GREEN, svg.PURPLE, svg.VERMILLION, svg.SKY, svg.INK)
DASHES = ("", "7 3", "2 3", "9 3 2 3", "5 2 1 2 1 2", "1 2", "12 4")
MARKS = ("circle", "square", "triangle", "diamond", "down", "cross", "bar")
KINDS = len(COLOURS)
THIN = words.THIN


@dataclass(frozen=True)
class Series:
    """A curve with its band; all of the same length."""

    name: str
    x: Sequence[float]
    middle: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


@dataclass(frozen=True)
class Interval:
    """A value with its interval on a common axis: `text` is printed beside it; `strong` rows are drawn darker; `mark` numbers it."""

    label: str
    middle: float
    low: float
    high: float
    text: str
    strong: bool = True
    under: str = ""


@dataclass(frozen=True)
class Bar:
    """A share (0 to 1) with its words."""

    label: str
    share: float
    text: str


@dataclass(frozen=True)
class Point:
    """A numbered point; `kind` chooses colour and mark, a point not on the front is drawn hollow."""

    x: float
    y: float
    number: str
    kind: str
    filled: bool
    title: str


def number(value: float) -> str:
    """A number as a person writes it: three digits at most, a real minus sign."""
    size = abs(value)
    digits = 0 if size >= 100 or value == int(value) else 1 if size >= 10 else 2
    shown = f"{value:.{digits}f}"
    return (shown.rstrip("0").rstrip(".") if "." in shown else shown).replace("-", "−")


def nice_step(span: float, most: int) -> float:
    """A step of 1, 2 or 5 times a power of ten that gives at most so many parts."""
    raw = max(span, 1e-12) / most
    power = 10.0 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw - 1e-12)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers between two ends."""
    step = nice_step(high - low, most)
    first = math.ceil(low / step - 1e-9)
    return [round(first * step + k * step, 10) for k in range(int((high - first * step) / step + 1e-9) + 1)]


def mark(kind: int, x: float, y: float, size: float, fill: str, stroke: str) -> str:
    """One of seven marks that differ in form."""
    shape = MARKS[kind % len(MARKS)]
    style: dict[str, str | float | None] = {"fill": fill, "stroke": stroke, "stroke_width": 1.6}
    if shape == "circle":
        return svg.tag("circle", cx=x, cy=y, r=size, **style)
    if shape == "square":
        return svg.tag("rect", x=x - size * 0.88, y=y - size * 0.88, width=size * 1.76, height=size * 1.76, **style)
    forms = {"triangle": ((0, -1.15), (1.05, 0.8), (-1.05, 0.8)), "down": ((0, 1.15), (1.05, -0.8), (-1.05, -0.8)),
             "diamond": ((0, -1.25), (1.25, 0), (0, 1.25), (-1.25, 0)), "bar": ((-1.4, -.55), (1.4, -.55), (1.4, .55), (-1.4, .55)),
             "cross": ((-.4, -1.1), (.4, -1.1), (.4, -.4), (1.1, -.4), (1.1, .4), (.4, .4), (.4, 1.1), (-.4, 1.1), (-.4, .4), (-1.1, .4),
                       (-1.1, -.4), (-.4, -.4))}
    points = " ".join(f"{svg.number(x + dx * size)},{svg.number(y + dy * size)}" for dx, dy in forms[shape])
    return svg.tag("polygon", points=points, **style)


def _path(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{svg.number(x)},{svg.number(y)}" for x, y in points)


def curves(name: str, title: str, desc: str, series: Sequence[Series], x_label: str, top: float = 1.0) -> str:
    """Curves of shares over months; `top` is the highest share on the axis."""
    height, left, right, bottom = 262.0, 46.0, 8.0, 40.0
    legend, lines = _legend([(item.name, number_) for number_, item in enumerate(series)], left)
    up = 8.0 + lines * 17.0
    height += lines * 17.0
    last = max(float(item.x[-1]) for item in series)

    def at(x: float, y: float) -> tuple[float, float]:
        return left + (WIDTH - left - right) * x / last, height - bottom - (height - bottom - up) * min(y, top) / top

    body = [*legend]
    for tick in ticks(0.0, top, 5):
        y = at(0, tick)[1]
        body.append(svg.tag("line", x1=left, x2=WIDTH - right, y1=y, y2=y, stroke=GRID, stroke_width=1))
        body.append(svg.text(left - 6, y + 4, f"{number(100 * tick)}{THIN}%", font_size=FONT, text_anchor="end", fill=svg.MUTED))
    step = 6 if last <= 36 else 12
    for month in range(0, int(last) + 1, step):
        x = at(month, 0)[0]
        body.append(svg.tag("line", x1=x, x2=x, y1=height - bottom, y2=height - bottom + 4, stroke=svg.MUTED, stroke_width=1))
        body.append(svg.text(x, height - bottom + 17, str(month), font_size=FONT, text_anchor="middle", fill=svg.MUTED))
    body.append(svg.tag("line", x1=left, x2=WIDTH - right, y1=height - bottom, y2=height - bottom, stroke=svg.MUTED, stroke_width=1))
    body.append(svg.text((left + WIDTH - right) / 2, height - 6, x_label, font_size=FONT, text_anchor="middle"))
    for index, item in enumerate(series):
        band = [at(x, y) for x, y in zip(item.x, item.high, strict=True)]
        band += [at(x, y) for x, y in reversed(list(zip(item.x, item.low, strict=True)))]
        body.append(svg.tag("polygon", points=_path(band), fill=COLOURS[index % KINDS], fill_opacity=0.16))
    for index, item in enumerate(series):
        line = [at(x, y) for x, y in zip(item.x, item.middle, strict=True)]
        body.append(svg.tag("polyline", points=_path(line), fill="none", stroke=COLOURS[index % KINDS], stroke_width=2.2,
                            stroke_dasharray=DASHES[index % KINDS] or None))
    return svg.picture(body, key=key_of("curves", name), width=WIDTH, height=height, title=title, desc=desc)


def _legend(names: Sequence[tuple[str, int]], left: float) -> tuple[list[str], int]:
    """A line of each series above the drawing, one name a line; nothing for a single series."""
    if len(names) < 2:
        return [], 0
    body = []
    for row, (name, index) in enumerate(names):
        y = 12.0 + 17 * row
        body.append(svg.tag("line", x1=left, x2=left + 30, y1=y - 4, y2=y - 4, stroke=COLOURS[index % KINDS], stroke_width=2.6,
                            stroke_dasharray=DASHES[index % KINDS] or None))
        body.append(svg.text(left + 37, y, svg.fit(name, FONT, WIDTH - left - 40), font_size=FONT))
    return body, len(names)


def intervals(name: str, title: str, desc: str, rows: Sequence[Interval], axis_label: str, percent: bool = True, zero: bool = False,
              limits: tuple[float, float] | None = None, guides: Sequence[float] = ()) -> str:
    """Values with intervals under each other, their names above them and their numbers at the right."""
    low, high = limits or _ends(rows, zero)
    left, right = 6.0, max(60.0, *(svg.text_width(row.text, FONT) + 10 for row in rows))
    body: list[str] = []
    marks: list[str] = []
    scale = 100.0 if percent else 1.0

    def at(value: float) -> float:
        return left + (WIDTH - left - right) * (min(max(value, low), high) - low) / (high - low)

    y = 6.0
    tracks = []
    for row in rows:
        for line in svg.wrap(row.label, FONT, WIDTH - 4):
            y += 15
            marks.append(svg.text(0, y, line, font_size=FONT, font_weight="bold" if row.strong else None))
        for line in svg.wrap(row.under, FONT - 1, WIDTH - 4) if row.under else ():
            y += 14
            marks.append(svg.text(0, y, line, font_size=FONT - 1, fill=svg.MUTED))
        y += 13
        tracks.append(y)
        colour = svg.BLUE if row.strong else svg.MUTED
        marks.append(svg.tag("line", x1=at(row.low), x2=at(row.high), y1=y, y2=y, stroke=colour, stroke_width=3, stroke_opacity=0.55))
        marks.append(svg.tag("circle", cx=at(row.middle), cy=y, r=4.6, fill=colour, stroke="#ffffff", stroke_width=1))
        marks.append(svg.text(WIDTH - right + 8, y + 4, row.text, font_size=FONT))
        y += 9
    base = y + 4
    for tick in ticks(low, high, 5):
        body += [svg.tag("line", x1=at(tick), x2=at(tick), y1=y - 8, y2=y + 8, stroke="#d5dae1", stroke_width=1) for y in tracks]
        body.append(svg.tag("line", x1=at(tick), x2=at(tick), y1=base, y2=base + 4, stroke=svg.MUTED, stroke_width=1))
        shown = number(scale * tick) + (f"{THIN}%" if percent and not zero else "")
        anchor = "middle" if at(tick) > 14 else "start"
        body.append(svg.text(at(tick), base + 16, shown, font_size=FONT, text_anchor=anchor, fill=svg.MUTED))
    for value in (*guides, *((0.0,) if zero else ())):
        body += [svg.tag("line", x1=at(value), x2=at(value), y1=y - 9, y2=y + 9, stroke=svg.INK, stroke_width=1.6) for y in tracks]
    body.append(svg.tag("line", x1=left, x2=WIDTH - right, y1=base, y2=base, stroke=svg.MUTED, stroke_width=1))
    foot = base + 33
    for line in svg.wrap(axis_label, FONT, WIDTH):
        marks.append(svg.text(left, foot, line, font_size=FONT))
        foot += 15
    return svg.picture([*body, *marks], key=key_of("intervals", name), width=WIDTH, height=foot - 8, title=title, desc=desc)


def _ends(rows: Sequence[Interval], zero: bool) -> tuple[float, float]:
    low, high = min(row.low for row in rows), max(row.high for row in rows)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    room = 0.06 * (high - low) or 0.01
    return low - room, high + room


def bars(name: str, title: str, desc: str, rows: Sequence[Bar]) -> str:
    """Shares as horizontal bars with their names above and their numbers beside them."""
    body: list[str] = []
    y = 0.0
    longest = max(svg.text_width(row.text, FONT) for row in rows) + 10
    room = WIDTH - longest
    most = max([row.share for row in rows] + [1e-9])
    for row in rows:
        for line in svg.wrap(row.label, FONT, WIDTH - 4):
            y += 15
            body.append(svg.text(0, y, line, font_size=FONT))
        y += 5
        body.append(svg.tag("rect", x=0, y=y, width=room, height=11, fill="#f0f3f6"))
        body.append(svg.tag("rect", x=0, y=y, width=max(0.0, room * row.share / max(1.0, most)), height=11, fill=svg.BLUE))
        body.append(svg.text(room + 8, y + 10, row.text, font_size=FONT))
        y += 16
    return svg.picture(body, key=key_of("bars", name), width=WIDTH, height=y + 2, title=title, desc=desc)


def scatter(name: str, title: str, desc: str, points: Sequence[Point], kinds: Sequence[tuple[str, str]], x_label: str, y_label: str,
            x_percent: bool = False) -> str:
    """A map of two aims; `kinds` are (id, words) in the order of colours and marks. Numbers stand beside the points."""
    left, right, bottom = 46.0, 14.0, 46.0
    body: list[str] = []
    y = 14.0
    body.append(svg.text(0, y, y_label, font_size=FONT))
    order = [kind for kind, _ in kinds]
    for index, (_, text) in enumerate(kinds):
        y += 17
        body.append(mark(index, 7, y - 4, 4.4, COLOURS[index % KINDS], COLOURS[index % KINDS]))
        body.append(svg.text(18, y, svg.fit(text, FONT, WIDTH - 20), font_size=FONT))
    up = y + 14
    height = up + 236 + bottom
    x0, x1 = _span([point.x for point in points])
    y0, y1 = _span([point.y for point in points])

    def at(x: float, value: float) -> tuple[float, float]:
        return left + (WIDTH - left - right) * (x - x0) / (x1 - x0), height - bottom - (height - bottom - up) * (value - y0) / (y1 - y0)

    for tick in ticks(y0, y1, 5):
        where = at(x0, tick)[1]
        body.append(svg.tag("line", x1=left, x2=WIDTH - right, y1=where, y2=where, stroke=GRID, stroke_width=1))
        body.append(svg.text(left - 6, where + 4, f"{number(100 * tick)}{THIN}%", font_size=FONT, text_anchor="end", fill=svg.MUTED))
    for tick in ticks(x0, x1, 6):
        where = at(tick, y0)[0]
        body.append(svg.tag("line", x1=where, x2=where, y1=up, y2=height - bottom, stroke=GRID, stroke_width=1))
        shown = f"{number(100 * tick)}{THIN}%" if x_percent else number(tick)
        body.append(svg.text(where, height - bottom + 16, shown, font_size=FONT, text_anchor="middle", fill=svg.MUTED))
    for line, text in enumerate(svg.wrap(x_label, FONT, WIDTH)):
        body.append(svg.text(left, height - 14 + 14 * line, text, font_size=FONT))
    taken: list[tuple[float, float]] = []
    for point in sorted(points, key=lambda item: item.filled):
        index = order.index(point.kind) if point.kind in order else len(order)
        x, where = at(point.x, point.y)
        colour = COLOURS[index % KINDS]
        drawn = mark(index, x, where, 4.8 if point.filled else 4.0, colour if point.filled else "#ffffff", colour)
        body.append(svg.tag("g", svg.tag("title", escaped(point.title)), drawn))
        taken.append((x, where))
    body += _numbers([(point, at(point.x, point.y)) for point in points if point.number], taken)
    return svg.picture(body, key=key_of("map", name), width=WIDTH, height=height + 10, title=title, desc=desc)


def escaped(text: str) -> str:
    """Text fit to stand inside an element."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _numbers(points: Sequence[tuple[Point, tuple[float, float]]], taken: list[tuple[float, float]]) -> list[str]:
    """Numbers beside their points, each at the side with most room."""
    body = []
    busy = list(taken)
    for point, (x, y) in points:
        sides = [(x + 10, y + 4), (x - 10, y + 4), (x, y - 9), (x, y + 17), (x + 9, y - 7), (x - 9, y - 7)]
        inside = [(a, b) for a, b in sides if 8 < a < WIDTH - 10]
        best = max(inside, key=lambda place: min(math.hypot(place[0] - a, (place[1] - 4) - b) for a, b in busy if (a, b) != (x, y)) if
                   len(busy) > 1 else 0.0)
        busy.append((best[0], best[1] - 4))
        body.append(svg.text(best[0], best[1], point.number, font_size=11, text_anchor="middle", font_weight="bold"))
    return body


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = 0.07 * (high - low) or 0.05 * max(abs(high), 1e-6)
    return low - room, high + room
