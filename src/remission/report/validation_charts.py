"""Pictures of a validation, drawn by matplotlib as SVG for use inside HTML: what was predicted, how sure, how wrong.

Colours are Okabe and Ito's and never stand alone: kinds of result also differ in shape, values outside their interval are open.
The same validation gives the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from remission.report import svg, words
from remission.report.charts import SETTINGS
from remission.report.figures import svg_body
from remission.report.summary import key_of

Row = Mapping[str, Any]
WIDTH = 360.0
KINDS: Mapping[str, tuple[tuple[str, ...], str, str]] = {
    "response": (("remission", "residual disease"), svg.BLUE, "o"),
    "survival": (("overall survival", "survival without event"), svg.VERMILLION, "s"),
    "toxicity and early death": (("toxicity", "induction death"), svg.GREEN, "^"),
    "relapse and transplant": (("relapse", "transplant"), svg.PURPLE, "D"),
}
LEVELS = tuple(round(0.1 * k, 1) for k in range(1, 10)) + (0.95,)
TOLERATED = 0.08
"""Bias of a family of endpoints that is called systematic."""
MODEL, RIVAL = svg.BLUE, svg.ORANGE


def kind_of(family: str) -> tuple[str, str, str]:
    """Name, colour and marker of the kind of result that a family of endpoints belongs to."""
    return next(((name, colour, marker) for name, (members, colour, marker) in KINDS.items() if family in members),
                ("other", svg.INK, "o"))


def _axes(height: float, left: float = 0.16, bottom: float = 52.0, top: float = 10.0, right: float = 0.945) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH / 72, height / 72))
    FigureCanvasSVG(figure)
    axes = figure.add_axes((left, bottom / height, right - left, 1 - (bottom + top) / height))
    axes.set_axisbelow(True)
    return figure, axes


def _to_svg(figure: Figure, key: str, title: str, desc: str) -> str:
    width, height = figure.get_size_inches() * 72
    heads = f'<title id="{key}-title">{escape(title)}</title><desc id="{key}-desc">{escape(desc)}</desc>'
    label = f'role="img" aria-labelledby="{key}-title {key}-desc"'
    box = f"0 0 {svg.number(float(width))} {svg.number(float(height))}"
    return (
        f'<svg viewBox="{box}" width="100%" {label} style="stroke-linejoin:round;stroke-linecap:butt">'
        f"{heads}{svg_body(figure, key)}</svg>"
    )


def _percent_ticks(ticks: Sequence[float]) -> list[str]:
    return [f"{words.plain(tick)}{words.THIN}%" for tick in ticks]


def against(rows: Sequence[Row], key: str = "against") -> str:
    """Predicted median and 90 % interval of each result over its published value; on the line they agree."""
    with matplotlib.rc_context(SETTINGS):
        figure, axes = _axes(390.0, bottom=96.0)
        axes.plot([0, 100], [0, 100], color=svg.MUTED, linewidth=1, linestyle=(0, (4, 3)))
        for row in rows:
            x, y = 100 * float(row["published"]), 100 * float(row["median"])
            name, colour, marker = kind_of(str(row["family"]))
            inside = bool(row["covered90"])
            axes.plot([x, x], [100 * float(row["lo90"]), 100 * float(row["hi90"])], color=colour, linewidth=1, alpha=0.45)
            axes.plot([x], [y], marker=marker, markersize=6, linestyle="none", markeredgecolor=colour, clip_on=False,
                      markerfacecolor=colour if inside else "#ffffff", markeredgewidth=0.8 if inside else 1.6, zorder=4)
        ticks = [0, 25, 50, 75, 100]
        axes.set_xlim(0, 100)
        axes.set_ylim(0, 100)
        axes.set_xticks(ticks, _percent_ticks(ticks))
        axes.set_yticks(ticks, _percent_ticks(ticks))
        axes.set_xlabel("published")
        axes.set_ylabel("predicted", labelpad=2)
        shown = [name for name, (members, _, _) in KINDS.items() if any(row["family"] in members for row in rows)]
        for name in shown:
            _, colour, marker = KINDS[name]
            axes.plot([], [], marker=marker, color=colour, linestyle="none", label=name)
        figure.legend(loc="lower center", ncols=2, frameon=False, fontsize=12, handletextpad=0.2, columnspacing=1.0)
        count = sum(bool(row["covered90"]) for row in rows)
        desc = (f"Each of {len(rows)} results: predicted median and 90 % interval over the published value. {count} published values "
                f"lie inside their interval. Furthest off: {'; '.join(in_words(row) for row in worst(rows, 5))}.")
        return _to_svg(figure, key, "Predicted against published", desc)


def worst(rows: Sequence[Row], count: int) -> list[Row]:
    """The results with the largest CRPS, the largest first."""
    return sorted(rows, key=lambda row: -float(row["crps"]))[:count]


def in_words(row: Row) -> str:
    """One prediction in words."""
    band = words.percent_range(row["lo90"], row["hi90"])
    return (f"{row['trial']} {words.result_name(row)}: published {words.percent(row['published'])}, predicted "
            f"{words.percent(row['median'])} ({band})")


def coverage_at(pit: Sequence[float], level: float) -> float:
    """Share of results whose transform lies in the middle `level` of the unit interval."""
    return float(np.mean(np.abs(np.asarray(pit) - 0.5) <= level / 2))


def coverage(rows: Sequence[Row], key: str = "coverage") -> str:
    """How many published values lie in the central interval of each level, for the model and the competitor."""
    ours, theirs = [float(row["pit"]) for row in rows], [float(row["pit_baseline"]) for row in rows]
    n = len(rows)
    with matplotlib.rc_context(SETTINGS):
        figure, axes = _axes(340.0, bottom=76.0)
        grid = np.linspace(0.0, 1.0, 101)
        half = 1.645 * np.sqrt(grid * (1 - grid) / max(n, 1))
        axes.fill_between(100 * grid, 100 * np.clip(grid - half, 0, 1), 100 * np.clip(grid + half, 0, 1), color=svg.INK, alpha=0.1,
                          linewidth=0)
        axes.plot([0, 100], [0, 100], color=svg.MUTED, linewidth=1, linestyle=(0, (4, 3)))
        x = [100 * level for level in LEVELS]
        axes.plot(x, [100 * coverage_at(theirs, level) for level in LEVELS], color=RIVAL, marker="s", markersize=5, linewidth=1.6,
                  linestyle=(0, (5, 2)), label="best competitor", clip_on=False)
        axes.plot(x, [100 * coverage_at(ours, level) for level in LEVELS], color=MODEL, marker="o", markersize=6, linewidth=2,
                  label="model", clip_on=False)
        ticks = [0, 25, 50, 75, 100]
        axes.set_xlim(0, 100)
        axes.set_ylim(0, 100)
        axes.set_xticks(ticks, _percent_ticks(ticks))
        axes.set_yticks(ticks, _percent_ticks(ticks))
        axes.set_xlabel("level of the interval")
        axes.set_ylabel("published values inside", labelpad=2)
        figure.legend(loc="lower center", ncols=2, frameon=False, fontsize=12)
        told = ", ".join(f"{words.percent(level)}: {words.percent(coverage_at(ours, level))}" for level in (0.5, 0.8, 0.9))
        return _to_svg(figure, key, "Coverage of central intervals", f"Share of {n} published values inside the model's central "
                       f"interval, by its level: {told}. The shaded band is what chance allows if results were independent.")


def transform(rows: Sequence[Row], key: str = "transform") -> str:
    """Histogram of the probability integral transform; flat when forecasts are right."""
    pit = np.array([float(row["pit"]) for row in rows])
    n, bins = len(pit), 10
    counts = np.histogram(np.clip(pit, 0, 1), bins=bins, range=(0, 1))[0]
    with matplotlib.rc_context(SETTINGS):
        figure, axes = _axes(280.0)
        mean = n / bins
        half = 1.645 * math.sqrt(n * (1 / bins) * (1 - 1 / bins))
        axes.axhspan(max(0.0, mean - half), mean + half, color=svg.INK, alpha=0.1, linewidth=0)
        axes.axhline(mean, color=svg.MUTED, linewidth=1, linestyle=(0, (4, 3)))
        axes.bar((np.arange(bins) + 0.5) / bins, counts, width=0.092, color=MODEL, zorder=3)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, max(float(counts.max()), mean + half) * 1.1 + 0.5)
        axes.set_xticks([0, 0.5, 1], ["far below", "middle", "far above"])
        axes.get_xticklabels()[0].set_horizontalalignment("left")
        axes.get_xticklabels()[-1].set_horizontalalignment("right")
        axes.set_xlabel("published value within its predicted distribution")
        axes.set_ylabel("results", labelpad=2)
        return _to_svg(figure, key, "Where published values fall in their predicted distributions",
                       f"Histogram with ten bins of {n} results: {', '.join(str(int(c)) for c in counts)}. Right forecasts give about "
                       f"{mean:.1f} in each; many in the outer bins mean intervals that are too narrow.")


def _label(name: str, count: int, room: float) -> str:
    """A name with its number of results, cut to the share of the width that there is."""
    number = f" ({count})"
    return svg.fit(name, 11.0, room * WIDTH - 8.0 - svg.text_width(number, 11.0)) + number


def residuals(rows: Sequence[Row], groups: Mapping[str, Mapping[str, Any]], by: str, title: str, key: str = "residuals") -> str:
    """Predicted minus published, in points, for each group (`by`: the key of a row that names it), with its mean.

    `groups` holds n, bias and bias_se of each group; bars are 90 % intervals clustered by trial.
    """
    names = list(groups)
    with matplotlib.rc_context(SETTINGS):
        figure, axes = _axes(64.0 + 34.0 * len(names), left=0.455)
        axes.axvspan(-100 * TOLERATED, 100 * TOLERATED, color=svg.INK, alpha=0.07, linewidth=0)
        axes.axvline(0, color=svg.MUTED, linewidth=1)
        reach = 20.0
        for place, name in enumerate(names):
            mine = [row for row in rows if str(row[by]) == name]
            errors = [100 * float(row["error"]) for row in mine]
            reach = max([reach, *(abs(error) for error in errors)])
            lift = [0.22 * math.sin(2.4 * index) for index in range(len(errors))]  # apart, the same every time
            axes.plot(errors, [place + 0.06 + value for value in lift], marker="o", markersize=4.5, linestyle="none", color=svg.SKY,
                      alpha=0.9, markeredgewidth=0, zorder=2)
            mean, se = groups[name]["bias"], groups[name].get("bias_se")
            if words.present(se):
                axes.plot([100 * (mean - 1.645 * se), 100 * (mean + 1.645 * se)], [place, place], color=svg.INK, linewidth=2, zorder=3)
            axes.plot([100 * mean], [place], marker="D", markersize=7, color=svg.INK, markeredgecolor="#ffffff", zorder=4)
        axes.set_ylim(len(names) - 0.4, -0.6)
        labels = [_label(words.capital(name), groups[name]["n"], 0.455) for name in names]
        axes.set_yticks(range(len(names)), labels, fontsize=11)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="y", visible=False)
        reach = 10 * math.ceil(1.02 * reach / 10)
        axes.set_xlim(-reach, reach)
        axes.set_xlabel("predicted minus published, points", x=0.3)
        told = "; ".join(f"{name}: mean {100 * group['bias']:+.1f} points over {group['n']}" for name, group in groups.items())
        return _to_svg(figure, key_of(key, by), title, f"Predicted median minus published value by group. {told}. The shaded band is "
                       f"within {100 * TOLERATED:.0f} points.")


def by_trial(groups: Mapping[str, Mapping[str, Any]], key: str = "trials") -> str:
    """Mean CRPS of each trial left out, for the model and the competitor."""
    names = sorted(groups, key=lambda name: float(groups[name]["crps"]) - float(groups[name]["crps_baseline"]))
    with matplotlib.rc_context(SETTINGS):
        figure, axes = _axes(96.0 + 22.0 * len(names), left=0.46, bottom=78.0)
        top = 0.01
        for place, name in enumerate(names):
            ours, theirs = float(groups[name]["crps"]), float(groups[name]["crps_baseline"])
            top = max(top, ours, theirs)
            axes.plot([ours, theirs], [place, place], color=svg.RULE, linewidth=3, zorder=2)
            axes.plot([theirs], [place], marker="s", markersize=6, color=RIVAL, zorder=3)
            axes.plot([ours], [place], marker="o", markersize=7, color=MODEL, zorder=4)
        axes.set_ylim(len(names) - 0.4, -0.6)
        labels = [_label(name, groups[name]["n"], 0.46) for name in names]
        axes.set_yticks(range(len(names)), labels, fontsize=11)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="y", visible=False)
        axes.set_xlim(0, 1.08 * top)
        axes.set_xlabel("mean CRPS: smaller is better", x=0.3)
        axes.plot([], [], marker="o", color=MODEL, linestyle="none", label="model")
        axes.plot([], [], marker="s", color=RIVAL, linestyle="none", label="best competitor")
        figure.legend(loc="lower center", ncols=2, frameon=False, fontsize=12)
        told = "; ".join(f"{name}: {groups[name]['crps']:.3f} against {groups[name]['crps_baseline']:.3f}" for name in names)
        return _to_svg(figure, key, "Score of each trial, left out", f"Mean CRPS of the model against the best competitor. {told}.")


def learned(items: Sequence[Mapping[str, Any]], part: int, key: str = "learned") -> str:
    """Prior and posterior 90 % intervals of parameters, in standard deviations of the prior."""
    with matplotlib.rc_context(SETTINGS):
        figure, axes = _axes(64.0 + 19.0 * len(items), left=0.53)
        axes.axvspan(-1.645, 1.645, color=svg.INK, alpha=0.1, linewidth=0)
        axes.axvline(0, color=svg.MUTED, linewidth=1)
        reach = 2.5
        for place, item in enumerate(items):
            low, middle, high = (float(v) for v in item["z"])
            reach = max(reach, abs(low), abs(high))
            colour = {"learned": svg.BLUE, "partly learned": svg.SKY}.get(str(item["verdict"]), svg.MUTED)
            axes.plot([low, high], [place, place], color=colour, linewidth=4.5, solid_capstyle="butt", zorder=3)
            axes.plot([middle], [place], marker="D" if item["moved"] else "o", markersize=6, color="#ffffff",
                      markeredgecolor=svg.INK, markeredgewidth=1.4, zorder=4)
        axes.set_ylim(len(items) - 0.4, -0.6)
        axes.set_yticks(range(len(items)), [svg.fit(str(i["name"]).replace("_", " "), 11.0, 0.5 * WIDTH) for i in items], fontsize=11)
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="y", visible=False)
        axes.set_xlim(-reach, reach)
        axes.set_xticks([-2, 0, 2])
        axes.set_xlabel("prior standard deviations", x=0.2)
        told = "; ".join(f"{item['name'].replace('_', ' ')} {item['verdict']}, SD ratio {item['sd_ratio']:.2f}, shift "
                         f"{item['shift']:+.1f}" for item in items)
        return _to_svg(figure, key_of(key, part), "Posterior within prior", f"Posterior 90 % intervals in standard deviations of the "
                       f"prior, whose own 90 % interval is shaded. {told}.")
