"""The summary picture: every published result with its 95 % interval on its predicted 90 % interval.

One small drawing for each trial, all on the same axis from 0 to 100 %, to be set in columns on a page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from remission.report import svg, words

Row = Mapping[str, Any]
WIDTH = 360.0
LABEL = 138.0
LEFT = 150.0
RIGHT = 300.0
FONT = 12.0
BAND = "#a9d6f2"


def key_of(*names: object) -> str:
    """An id made of names: lower-case letters, digits and hyphens only."""
    return "-".join(re.sub(r"[^a-z0-9]+", "-", str(name).lower()).strip("-") or "x" for name in names)


def group_by(rows: Sequence[Row], name: str) -> dict[str, list[Row]]:
    """Rows grouped by one of their keys, in order of first appearance."""
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(str(row.get(name)), []).append(row)
    return grouped


def _x(fraction: float) -> float:
    return LEFT + (RIGHT - LEFT) * min(1.0, max(0.0, fraction))


def draw_trial(trial: str, title: str, rows: Sequence[Row]) -> str:
    """One trial's results as an SVG for use inside HTML."""
    body: list[str] = []
    marks: list[str] = []
    y = 16.0
    for line in svg.wrap(title, 14.5, WIDTH):  # 14, bold
        body.append(svg.text(0, y, line, font_size=14, font_weight="bold"))
        y += 17
    y -= 9
    arms = group_by(rows, "arm")
    top = y
    for arm, members in arms.items():
        if len(arms) > 1:
            y += 17
            marks.append(svg.text(0, y, svg.fit(arm, FONT, LABEL * 2), font_size=FONT, fill=svg.MUTED))
            y += 3
        for row in members:
            drawn, y = _row(row, y)
            marks += drawn
    body += [_grid(top, y + 3), *marks]
    y += 17
    for mark in (0, 0.5, 1):
        body.append(svg.text(_x(mark), y, words.percent(mark), font_size=FONT, fill=svg.MUTED, text_anchor="middle"))
    key = key_of("summary", trial)
    return svg.picture(
        body,
        key=key,
        width=WIDTH,
        height=y + 8,
        title=f"{title}: published and predicted results",
        desc=" ".join(in_words(row, len(arms) > 1) for row in rows) or "No result.",
    )


def _grid(top: float, bottom: float) -> str:
    path = "".join(
        f"M{svg.number(_x(mark))} {svg.number(top)}V{svg.number(bottom)}" for mark in (0, 0.25, 0.5, 0.75, 1)
    )
    return svg.tag("path", d=path, stroke=svg.RULE, stroke_width=0.8, fill="none")


def _row(row: Row, y: float) -> tuple[list[str], float]:
    """Label, predicted band and published point of one result."""
    lines = svg.wrap(words.result_name(row), FONT, LABEL)
    out = [svg.text(0, y + 14 + 13.5 * i, line, font_size=FONT) for i, line in enumerate(lines)]
    height = 6 + 13.5 * len(lines)
    middle = y + 2 + height / 2
    out += _predicted(row, middle)
    if words.present(row.get("published")):
        out += published_mark(row, middle)
    else:
        out.append(svg.text(RIGHT + 8, middle + 4, "none", font_size=FONT, fill=svg.MUTED))
    if row.get("covered90") is False:
        out.append(svg.text(RIGHT + 8, middle + 4, "outside", font_size=FONT, font_weight="bold"))
    return out, y + height


def _predicted(row: Row, middle: float) -> list[str]:
    out = []
    low, high, median = row.get("lo90"), row.get("hi90"), row.get("median")
    if words.present(low) and words.present(high):
        x0, x1 = _x(low), _x(high)
        out.append(svg.tag("rect", x=x0, y=middle - 6, width=max(x1 - x0, 1.5), height=12, rx=2, fill=BAND))
    if words.present(median):
        x = _x(median)
        out.append(svg.tag("rect", x=x - 1, y=middle - 7, width=2, height=14, fill=svg.BLUE))
    return out


def published_mark(row: Row, middle: float) -> list[str]:
    """The published value: a filled circle inside the predicted interval, an open diamond outside it."""
    x = _x(float(row["published"]))
    out = []
    if words.present(row.get("lo95")) and words.present(row.get("hi95")):
        path = f"M{svg.number(_x(float(row['lo95'])))} {svg.number(middle)}H{svg.number(_x(float(row['hi95'])))}"
        out.append(svg.tag("path", d=path, stroke=svg.INK, stroke_width=1.5))
    return [*out, mark(x, middle, row.get("covered90") is False)]


def mark(x: float, y: float, outside: bool) -> str:
    """The sign for a published value."""
    if not outside:
        return svg.tag("circle", cx=x, cy=y, r=4, fill=svg.INK, stroke="#ffffff", stroke_width=0.8)
    path = f"M{svg.number(x)} {svg.number(y - 6)}l6 6l-6 6l-6 -6z"
    return svg.tag("path", d=path, fill="#ffffff", stroke=svg.VERMILLION, stroke_width=2.2)


def in_words(row: Row, with_arm: bool = True) -> str:
    """One result as a sentence, for the alternative text."""
    name = (f"{row.get('arm')}, " if with_arm else "") + words.result_name(row)
    interval = words.percent_range(row.get("lo95"), row.get("hi95"))
    published = words.percent(row.get("published")) + (f" (95{words.THIN}% interval {interval})" if interval else "")
    predicted = words.percent(row.get("median"), words.NOT_PREDICTED)
    band = words.percent_range(row.get("lo90"), row.get("hi90"))
    if band:
        predicted += f" (90{words.THIN}% interval {band})"
    verdict = {"yes": "; inside", "no": "; outside"}.get(words.covered(row), "")
    return f"{name}: published {published}, predicted {predicted}{verdict}."


def legend() -> str:
    """The key to the signs, as a drawing of its own."""
    rows = (
        ("predicted: median and 90 % interval", 0.0),
        ("published, inside (line: its 95 % interval)", 1.0),
        ("published, outside the predicted interval", 2.0),
    )
    body = []
    for label, index in rows:
        y = 10 + 19 * index
        if index == 0:
            body.append(svg.tag("rect", x=2, y=y - 6, width=36, height=12, rx=2, fill=BAND))
            body.append(svg.tag("rect", x=21, y=y - 7, width=2, height=14, fill=svg.BLUE))
        else:
            body.append(svg.tag("path", d=f"M4 {svg.number(y)}h32", stroke=svg.INK, stroke_width=1.5))
            body.append(mark(20, y, index == 2))
        body.append(svg.text(48, y + 4, label, font_size=FONT))
    return svg.picture(
        body,
        key="summary-key",
        width=WIDTH,
        height=62,
        title="Key to the summary picture",
        desc="Band with a line: predicted 90 % interval and median. Filled circle: published value inside. "
        "Open diamond: published value outside it. Thin line: published 95 % interval.",
    )
