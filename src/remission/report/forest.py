"""Forest plots of a synthesis, drawn by matplotlib as SVG, alone or in one HTML page without outside assets.

Squares have areas by weight, whiskers are 95 % intervals, the diamond is the pooled value with its interval, the bar under
it the prediction interval. The same synthesis gives the same bytes.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from remission.report import pool_text, svg, words
from remission.report.charts import SETTINGS
from remission.report.figures import svg_body
from remission.report.summary import key_of

Pooled = Mapping[str, Any]
WIDTH = 9.6  # inches; the SVG's units are points, 72 to the inch
ROW = 0.27
AXIS = (0.452, 0.25)  # left end and width of the axis, as shares of the figure's width
COLUMNS = {"study": 0.012, "when": 0.26, "count": 0.441, "value": 0.905, "weight": 0.988}  # left, left, right, right, right
SMALL = 9.0


def draw_forest(pooled: Pooled, *, notes: bool = True) -> str:
    """The forest plot of a synthesis (`remission.evidence.pool_results`) as an SVG file; `notes` adds caveats and sources below."""
    below = _below(pooled) if notes else []
    rows = len(pooled["studies"]) + 4
    height = ROW * (rows + 2.6) + 0.17 * len(below) + 0.15
    top = 1 - 1.9 * ROW / height
    bottom = top - rows * ROW / height
    with matplotlib.rc_context({**SETTINGS, "font.size": 10, "axes.grid": False, "xtick.labelsize": SMALL, "axes.labelsize": SMALL}):
        figure = Figure(figsize=(WIDTH, height))
        FigureCanvasSVG(figure)
        axes = figure.add_axes((AXIS[0], bottom, AXIS[1], top - bottom))
        axes.set_ylim(rows - 0.5, -0.5)
        low, high = _limits(pooled)
        axes.set_xlim(low, high)
        _frame(axes, low, high, pooled)
        write = _writer(figure, axes, top, bottom, rows)
        _head(figure, pooled, height, write)
        for index, study in enumerate(pooled["studies"]):
            _study(axes, index + 1, study, pooled, write, (low, high))
        _summary(axes, len(pooled["studies"]) + 1.4, pooled, write, (low, high))
        for line, text in enumerate(below):
            figure.text(COLUMNS["study"], bottom - (2.1 * ROW + 0.17 * line) / height, text, fontsize=8.2, va="top", color=svg.MUTED)
        return _to_svg(figure, pooled, height)


def _limits(pooled: Pooled) -> tuple[float, float]:
    """Ends of the axis in per cent, rounded outwards to tens around all that is drawn."""
    ends = [100 * float(study[name]) for study in pooled["studies"] for name in ("lo95", "hi95")]
    ends += [100 * float(pooled[name]) for name in ("lo", "hi", "prediction_lo", "prediction_hi") if words.present(pooled[name])]
    low, high = 10 * math.floor(min(ends) / 10 + 1e-9), 10 * math.ceil(max(ends) / 10 - 1e-9)
    if high - low < 20:
        low, high = (max(0, high - 20), high) if high == 100 else (low, low + 20)
    return float(low), float(high)


def _frame(axes: Axes, low: float, high: float, pooled: Pooled) -> None:
    step = 20 if high - low > 60 else 10 if high - low > 25 else 5
    ticks = [tick for tick in range(int(low), int(high) + 1) if tick % step == 0]
    axes.set_xticks(ticks, [f"{tick}{words.THIN}%" for tick in ticks])
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", color="#e6e9ee", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.axvline(100 * pooled["estimate"], color=svg.VERMILLION, linewidth=0.9, linestyle=(0, (3, 3)), zorder=1)
    axes.axhline(0.5, color=svg.MUTED, linewidth=0.8, xmin=(COLUMNS["study"] - AXIS[0]) / AXIS[1],
                 xmax=(COLUMNS["weight"] - AXIS[0]) / AXIS[1], clip_on=False)


def _writer(figure: Figure, axes: Axes, top: float, bottom: float, rows: int) -> Any:
    def write(column: str, row: float, text: str, **style: Any) -> None:
        y = top - (row + 0.5) * (top - bottom) / rows
        style = {"fontsize": SMALL + 0.5, "va": "center", "ha": "left" if column in ("study", "when") else "right", **style}
        figure.text(COLUMNS[column], y, text, **style)

    return write


def _head(figure: Figure, pooled: Pooled, height: float, write: Any) -> None:
    figure.text(COLUMNS["study"], 1 - 0.85 * ROW / height, pool_text.title(pooled), fontsize=12, fontweight="bold", va="center")
    survival = pooled["kind"] == "survival"
    for column, text in (("study", "Study"), ("when", "Read at"), ("count", "Patients" if survival else "Events / n"),
                         ("value", f"95{words.THIN}% interval"), ("weight", "Weight")):
        write(column, 0, text, fontweight="bold")


def _study(axes: Axes, row: int, study: Mapping[str, Any], pooled: Pooled, write: Any, ends: tuple[float, float]) -> None:
    name, marks = pool_text.study_name(study), pool_text.study_marks(study)
    room = (COLUMNS["when"] - COLUMNS["study"]) * WIDTH * 72 - svg.text_width(marks, SMALL + 0.5)
    write("study", row, (svg.fit(name, SMALL + 0.5, room) or name) + marks)
    write("when", row, pool_text.when(study))
    write("count", row, pool_text.counts(study))
    write("value", row, f"{pool_text.percent(study['value'])} ({pool_text.span(study['lo95'], study['hi95'])})")
    write("weight", row, pool_text.percent(study["weight"]))
    low, high, value = (100 * float(study[name]) for name in ("lo95", "hi95", "value"))
    largest = max(float(other["weight"]) for other in pooled["studies"])
    axes.plot([low, high], [row, row], color=svg.INK, linewidth=1.2, zorder=3)
    side = 4.0 + 7.0 * math.sqrt(float(study["weight"]) / largest)
    axes.plot([value], [row], marker="s", markersize=side, color=svg.BLUE, markeredgecolor="#ffffff", markeredgewidth=0.6, zorder=4,
              linestyle="none", clip_on=False)


def _summary(axes: Axes, row: float, pooled: Pooled, write: Any, ends: tuple[float, float]) -> None:
    level = words.percent(pooled["level"])
    low, high, middle = 100 * pooled["lo"], 100 * pooled["hi"], 100 * pooled["estimate"]
    axes.fill([low, middle, high, middle], [row, row - 0.32, row, row + 0.32], color=svg.VERMILLION, zorder=4, linewidth=0)
    model = "Pooled, random effects" if words.present(pooled["tau2"]) else "Pooled" if pooled["k"] > 1 else "One study"
    write("study", row, f"{model}, {level}", fontweight="bold")
    write("count", row, pool_text.counts(pooled), fontweight="bold")
    write("value", row, f"{pool_text.percent(pooled['estimate'])} ({pool_text.span(pooled['lo'], pooled['hi'])})", fontweight="bold")
    if words.present(pooled["prediction_lo"]):
        low, high = 100 * pooled["prediction_lo"], 100 * pooled["prediction_hi"]
        axes.plot([low, high], [row + 1, row + 1], color=svg.VERMILLION, linewidth=4, solid_capstyle="butt", zorder=4, alpha=0.55)
        write("study", row + 1, f"Prediction for a new set of patients, {level}")
        write("value", row + 1, f"({pool_text.span(pooled['prediction_lo'], pooled['prediction_hi'])})")
    axes.plot([ends[0], ends[1]], [row - 0.62, row - 0.62], color=svg.RULE, linewidth=0.8)


def _below(pooled: Pooled) -> list[str]:
    """Heterogeneity, method, caveats and sources, as lines that fit."""
    said = [pool_text.heterogeneity(pooled), pool_text.method(pooled), *(words.capital(note) + "." for note in pooled["notes"])]
    said += [pool_text.left_out_in_short(pooled)] if pooled["left_out"] else []
    said += [pool_text.citation(source) for source in pooled["sources"]]
    return [line for text in [*said, pool_text.NOTICE] if text for line in textwrap.wrap(text, 150, subsequent_indent="   ")]


def _to_svg(figure: Figure, pooled: Pooled, height: float) -> str:
    """The figure as a deterministic, named and described SVG file."""
    key = key_of("forest", pooled["endpoint"], pooled["at"] or pooled["months"] or "best")
    body = svg_body(figure, key)
    heads = f'<title id="{key}-title">{escape(pool_text.title(pooled))}</title><desc id="{key}-desc">{escape(_desc(pooled))}</desc>'
    box = f"0 0 {svg.number(WIDTH * 72)} {svg.number(height * 72)}"
    label = f'role="img" aria-labelledby="{key}-title {key}-desc"'
    style = "stroke-linejoin:round;stroke-linecap:butt"
    paper = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" width="{svg.number(WIDTH * 72)}" '
        f'height="{svg.number(height * 72)}" {label} style="{style}">{heads}{paper}{body}</svg>\n'
    )


def _desc(pooled: Pooled) -> str:
    studies = "; ".join(
        f"{pool_text.study_label(s)}: {pool_text.percent(s['value'])} ({pool_text.span(s['lo95'], s['hi95'])}), "
        f"weight {pool_text.percent(s['weight'])}" for s in pooled["studies"]
    )
    return f"Forest plot. {studies}. {pool_text.headline(pooled)}"


def render_forest(pooled: Pooled) -> str:
    """The forest plot with its studies, what was left out, caveats and sources as one HTML file."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("remission.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    studies: Sequence[Mapping[str, Any]] = pooled["studies"]
    return environment.get_template("forest.html").render(
        title=pool_text.title(pooled),
        survival=pooled["kind"] == "survival",
        picture=Markup(draw_forest(pooled, notes=False)),
        lines=[pool_text.headline(pooled), pool_text.heterogeneity(pooled), pool_text.method(pooled)],
        studies=[{**study, "label": pool_text.study_label(study), "when": pool_text.when(study), "counts": pool_text.counts(study),
                  "shown": pool_text.percent(study["value"]), "range": pool_text.span(study["lo95"], study["hi95"]),
                  "share": pool_text.percent(study["weight"])} for study in studies],
        notes=[words.capital(note) + "." for note in pooled["notes"]],
        left_out=pool_text.left_out_groups(pooled),
        sources=[{**source, "text": pool_text.citation(source)} for source in pooled["sources"]],
        notice=pool_text.NOTICE,
    )
