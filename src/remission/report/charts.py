"""Survival curves and MRD through treatment, drawn by matplotlib as SVG for use inside HTML.

The only module of the project that imports matplotlib. Output is deterministic: no dates, salted ids.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from remission.report import svg, words
from remission.report.figures import svg_body
from remission.report.summary import in_words, key_of

Row = Mapping[str, Any]
SIZE = (360 / 72, 280 / 72)  # inches; the SVG's own units are points, so 360 by 280
ARM_COLOURS = (svg.BLUE, svg.ORANGE, svg.GREEN, svg.PURPLE)
ARM_DASHES = ("solid", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))
ARM_MARKS = ("o", "s", "^", "v")
FLOOR = -12.0  # log10 fraction below one cell of a full marrow: drawn as "none"
SETTINGS: Any = {
    "svg.hashsalt": "remission",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 12,
    "axes.titlesize": 12,
    "axes.labelsize": 12,
    "xtick.labelsize": 12,
    "ytick.labelsize": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": svg.MUTED,
    "axes.labelcolor": svg.INK,
    "text.color": svg.INK,
    "xtick.color": svg.MUTED,
    "ytick.color": svg.MUTED,
    "axes.grid": True,
    "grid.color": "#e6e9ee",
    "grid.linewidth": 0.8,
    "text.parse_math": False,  # names with dollar signs are names
}


def _new_axes() -> tuple[Figure, Axes]:
    figure = Figure(figsize=SIZE)
    FigureCanvasSVG(figure)
    axes = figure.add_axes((0.16, 0.18, 0.815, 0.78))
    axes.set_axisbelow(True)
    return figure, axes


def _to_svg(figure: Figure, key: str, title: str, desc: str) -> str:
    """The figure as inline SVG: own ids, named and described, no header, no metadata, no style of its own."""
    body = svg_body(figure, key)
    heads = f'<title id="{key}-title">{escape(title)}</title><desc id="{key}-desc">{escape(desc)}</desc>'
    box = f"0 0 {svg.number(SIZE[0] * 72)} {svg.number(SIZE[1] * 72)}"
    label = f'role="img" aria-labelledby="{key}-title {key}-desc"'
    style = "stroke-linejoin:round;stroke-linecap:butt"
    return f'<svg viewBox="{box}" width="100%" {label} style="{style}">{heads}{body}</svg>'


def survival(
    trial: str, endpoint: str, zero: str, arms: Sequence[tuple[str, Mapping[str, Any]]], rows: Iterable[Row]
) -> str:
    """Survival curves of a trial's arms for one endpoint, with bands and published points.

    `arms` holds (arm, curve) pairs with months, median, lo90 and hi90 as fractions; `rows` the results that
    belong on these curves. Filled points lie inside their predicted interval, open ones outside it.
    """
    points = list(rows)
    with matplotlib.rc_context(SETTINGS):
        figure, axes = _new_axes()
        longest = 12.0
        for index, (arm, curve) in enumerate(arms):
            longest = max([longest, *(float(month) for month in curve["months"])])
            _curve(axes, index, arm, curve, len(arms) > 1)
            _points(axes, index, [row for row in points if str(row.get("arm")) == arm], len(arms))
        months = [float(row["months"]) for row in points]
        _frame(axes, max([longest, *(month + 1 for month in months)]), zero)
        if len(arms) > 1:
            axes.legend(loc="lower left", frameon=False, fontsize=12, handlelength=2.4, borderaxespad=0.2)
        name = words.ENDPOINTS.get(endpoint, endpoint)
        key = key_of("curve", trial, endpoint, zero)
        desc = " ".join(_curve_words(arm, curve) for arm, curve in arms)
        desc += " Published: " + " ".join(in_words(row) for row in points) if points else ""
        return _to_svg(figure, key, f"{trial}, {name} from {words.time_zero(zero)}", desc)


def _curve(axes: Axes, index: int, arm: str, curve: Mapping[str, Any], several: bool) -> None:
    colour = ARM_COLOURS[index % len(ARM_COLOURS)]
    low = [100 * value for value in curve["lo90"]]
    high = [100 * value for value in curve["hi90"]]
    axes.fill_between(curve["months"], low, high, color=colour, alpha=0.2, linewidth=0)
    axes.plot(
        curve["months"],
        [100 * value for value in curve["median"]],
        color=colour,
        linewidth=2,
        linestyle=ARM_DASHES[index % len(ARM_DASHES)],
        label=arm if several else None,
    )


def _points(axes: Axes, index: int, rows: Sequence[Row], arms: int) -> None:
    for row in rows:
        month = float(row["months"]) + (0.35 * (index - (arms - 1) / 2))
        value = 100 * float(row["published"])
        if words.present(row.get("lo95")) and words.present(row.get("hi95")):
            axes.plot(
                [month, month],
                [100 * float(row["lo95"]), 100 * float(row["hi95"])],
                color=svg.INK,
                linewidth=1.4,
            )
        outside = row.get("covered90") is False
        axes.plot(
            [month],
            [value],
            marker="D" if outside else ARM_MARKS[index % len(ARM_MARKS)],
            markersize=7.5,
            markerfacecolor="#ffffff" if outside else svg.INK,
            markeredgecolor=svg.VERMILLION if outside else "#ffffff",
            markeredgewidth=2 if outside else 0.8,
            linestyle="none",
            clip_on=False,
            zorder=5,
        )


def _frame(axes: Axes, longest: float, zero: str) -> None:
    axes.set_ylim(0, 100)
    axes.set_yticks([0, 25, 50, 75, 100], [f"{tick}{words.THIN}%" for tick in (0, 25, 50, 75, 100)])
    axes.set_xlim(0, longest)
    step = 6 if longest <= 36 else 12 if longest <= 84 else 24
    ticks = list(range(0, int(longest) + 1, step))
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.set_xlabel(f"months from {words.time_zero(zero)}")


def _curve_words(arm: str, curve: Mapping[str, Any]) -> str:
    months = [float(month) for month in curve["months"]]
    told = []
    for wanted in (12, 24, 36, 60):
        if months and wanted <= months[-1]:
            at = min(range(len(months)), key=lambda i: (abs(months[i] - wanted), i))
            band = words.percent_range(curve["lo90"][at], curve["hi90"][at])
            told.append(f"{words.percent(curve['median'][at])} ({band}) at {words.plain(months[at], 1)} months")
    return f"Arm {arm}, predicted median and 90 % interval: {', '.join(told) or 'a short curve'}."


def mrd(trial: str, arm: str, data: Mapping[str, Any], infusions: Sequence[tuple[float, float]]) -> str:
    """Quantiles of log10 leukaemia burden through treatment, with the detection limit.

    `infusions` are (first day, last day) spans of blinatumomab, shown above the curves.
    """
    days = [float(day) for day in data["days"]]
    low, middle, high = (_floored(data[name]) for name in ("q10", "q50", "q90"))
    with matplotlib.rc_context(SETTINGS):
        figure, axes = _new_axes()
        axes.fill_between(days, low, high, color=svg.BLUE, alpha=0.2, linewidth=0)
        axes.plot(days, middle, color=svg.BLUE, linewidth=2)
        last = max(days, default=1.0) or 1.0
        for first, end in infusions:
            if first <= last:
                axes.plot(
                    [first, min(end + 1, last)],
                    [0.75, 0.75],
                    color=svg.BLUE,
                    linewidth=7,
                    solid_capstyle="butt",
                )
        axes.set_xlim(0, last)
        axes.set_ylim(FLOOR, 1.25)
        _limit(axes, data.get("limit"), last)
        ticks = (0, -2, -4, -6, -8, -10)
        axes.set_yticks([*ticks, FLOOR], [*(words.power_of_ten(tick) for tick in ticks), "none"])
        step = next(s for s in (28, 56, 84, 168, 336, 672, 10**9) if last / s <= 7)
        axes.set_xticks([float(tick) for tick in range(0, int(last) + 1, step) if tick <= 0.97 * last])
        axes.set_xlabel("days from the start of treatment")
        desc = _mrd_words(days, data, middle)
        return _to_svg(figure, key_of("mrd", trial, arm), f"{trial}, {arm}: leukaemia burden through treatment", desc)


def _limit(axes: Axes, limit: Any, last: float) -> None:
    if not words.present(limit) or limit <= 0:
        return
    level = math.log10(limit)
    axes.axhline(level, color=svg.INK, linewidth=1.2, linestyle=(0, (4, 3)))
    axes.text(last * 0.99, level + 0.15, "detection limit", ha="right", va="bottom", fontsize=12)


def _floored(values: Sequence[Any]) -> list[float]:
    """Values with None (no leukaemia cell left) at the floor of the picture."""
    return [max(FLOOR, float(value)) if words.present(value) else FLOOR for value in values]


def _mrd_words(days: Sequence[float], data: Mapping[str, Any], middle: Sequence[float]) -> str:
    told = []
    count = len(days)
    for index in sorted({0, count // 4, count // 2, 3 * count // 4, count - 1} if count else ()):
        value = data["q50"][index]
        shown = words.power_of_ten(round(middle[index], 1)) if words.present(value) else "no leukaemia cell"
        told.append(f"day {words.plain(days[index])}: {shown}")
    limit = data.get("limit")
    below = [day for day, value in zip(days, middle, strict=True) if limit and value < math.log10(limit)]
    first = f" Median first below the detection limit on day {words.plain(below[0])}." if below else ""
    return f"Median burden as a fraction of full disease, {', '.join(told) or 'no day'}.{first}"
