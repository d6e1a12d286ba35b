"""The validation as a page: predictions of trials that the fit has not seen, beside the best simple competitor.

Plain data in (what `remission validate` computes), one HTML file out, without script, link or outside asset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from remission.report import validation_charts as charts
from remission.report import words
from remission.report.summary import group_by, key_of

Row = Mapping[str, Any]
PROVENANCE = {
    "version": "Remission version",
    "seed": "Seed",
    "draws": "Parameter draws",
    "patients_per_draw": "Virtual patients per draw and arm",
    "posterior": "Parameter distribution",
    "catalog_hash": "Catalog hash",
    "draws_hash": "Draws hash",
    "python": "Python",
    "numpy": "NumPy",
    "machine": "Machine",
    "created": "Created",
    "seconds": "Seconds taken",
}
HOW = {
    "prior": "predicted from the priors",
    "refit": "fitted again without it",
    "re-weighted": "the fit re-weighted without it",
}
GROUPS = (
    ("endpoint", "family", "Bias by family of endpoints"),
    ("age", "age_group", "Bias by age group"),
    ("ph", "ph", "Bias by BCR::ABL1 status"),
    ("intensity", "intensity", "Bias by intensity of chemotherapy"),
)
COVERAGE, RATIO, ERROR = (0.85, 0.95), 0.60, 0.06


def environment() -> Environment:
    """How templates are read: escaped, and failing on a missing value."""
    found = Environment(
        loader=PackageLoader("remission.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters.update(points=points, percent=words.percent, score=score, capital=words.capital, plain=words.plain)
    return found


def points(value: Any) -> str:
    """A difference of fractions in percentage points with its sign."""
    return f"{100 * value:+.1f}".replace("-", "−") if words.present(value) else words.NOTHING


def score(value: Any) -> str:
    """A CRPS with three decimals."""
    return f"{value:.3f}" if words.present(value) else words.NOTHING


def render_validation(result: Mapping[str, Any]) -> str:
    """The page as HTML text; the same validation gives the same text."""
    return environment().get_template("validation.html").render(**view(result))


def view(result: Mapping[str, Any]) -> dict[str, Any]:
    """What the templates show of a validation."""
    mine = [row for row in result["rows"] if row["role"] == "calibrate"]
    summary = result["summary"]
    held = {item["trial"]: item for item in result["held"]}
    return {
        "n": summary["n"],
        "summary": summary,
        "aims": aims(summary),
        "sentence": sentence(summary),
        "tiles": tiles(summary),
        "figures": figures(mine, summary) if mine else [],
        "bias_figures": bias_figures(mine, summary) if mine else [],
        "trial_figure": Markup(charts.by_trial(summary["groups"]["trial"])) if mine else "",
        "baselines": result["baselines"],
        "misses": [table_row(row) for row in charts.worst(mine, 10)],
        "trials": [_trial(name, rows, held.get(name)) for name, rows in group_by(result["rows"], "trial").items()],
        "apart": summary["validate"],
        "rules": result["rules"],
        "families": [(name, ", ".join(members)) for name, members in result["rules"]["families"].items()],
        "variants": result.get("variants") or [],
        "provenance": provenance(result["provenance"]),
    }


def provenance(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names and values of what made the numbers."""
    known = [(label, values[key]) for key, label in PROVENANCE.items() if values.get(key) is not None]
    return [(label, f"{value:.1f}" if isinstance(value, float) else str(value)) for label, value in known]


def sentence(summary: Mapping[str, Any]) -> str:
    """The finding in plain words, whichever way it went."""
    if not summary["n"]:
        return "No result was predicted."
    ratio = summary["crps_ratio"]
    better = f"{abs(1 - ratio):.0%}".replace("%", words.THIN + "%") if words.present(ratio) else words.NOTHING
    low, high = summary["crps_ratio_lo90"], summary["crps_ratio_hi90"]
    doubt = ""
    if words.present(low) and words.present(high):
        doubt = f" (ratio {ratio:.2f}, 90{words.THIN}% interval over trials {low:.2f} to {high:.2f})"
        if low <= 1 <= high:
            doubt += "; the trials are too few to call that a difference"
    side = "smaller" if words.present(ratio) and ratio < 1 else "larger"
    trials = f"{summary['trials']} trial{'s' if summary['trials'] != 1 else ''}"
    return (
        f"Over {summary['n']} results of {trials}, each predicted without its own trial, the mean score (CRPS) is {better} {side} "
        f"than that of the best of the simple competitors{doubt}. The 90{words.THIN}% intervals hold "
        f"{words.percent(summary['coverage90'])} of the published values."
    )


def aims(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What was asked of the model before it was fitted, what came out, and whether that meets it."""
    if not summary["n"]:
        return []
    low, high = COVERAGE
    biased = {name: bias for name, bias in summary["bias_by_endpoint"].items() if abs(bias) > charts.TOLERATED}
    worst = max(summary["bias_by_endpoint"].items(), key=lambda item: abs(item[1]))
    ratio = summary["crps_ratio"]
    return [
        _aim("At least 60 results are predicted", str(summary["n"]), summary["n"] >= 60),
        _aim("The 90 % intervals hold 85 to 95 % of the published values", words.percent(summary["coverage90"]),
             low <= summary["coverage90"] <= high),
        _aim("Mean CRPS at least 40 % below the best simple competitor's",
             f"{100 * (ratio - 1):+.0f}{words.THIN}%".replace("-", "−") if words.present(ratio) else words.NOTHING,
             words.present(ratio) and ratio <= RATIO),
        _aim("Mean absolute error at most 6 points", f"{100 * summary['mean_absolute_error']:.1f} points",
             summary["mean_absolute_error"] <= ERROR),
        _aim("No family of endpoints is biased by more than 8 points", f"largest: {worst[0]}, {points(worst[1])}", not biased),
    ]


def _aim(asked: str, came: str, met: bool) -> dict[str, Any]:
    return {"asked": asked.replace(" %", words.THIN + "%"), "came": came, "met": met}


def tiles(summary: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Label, figure and remark of the most important numbers."""
    if not summary["n"]:
        return []
    rival = summary["mean_absolute_error_baseline"]
    se = summary["coverage90_se"]
    spread = f"; standard error over trials {100 * se:.0f} points" if words.present(se) else ""
    return [
        ("Mean CRPS", score(summary["crps"]), f"best competitor {score(summary['crps_baseline'])}; smaller is better"),
        (f"Inside the 90{words.THIN}% interval", words.percent(summary["coverage90"]), f"of {summary['n']} published values{spread}"),
        (f"Inside the 50{words.THIN}% interval", words.percent(summary["coverage50"]),
         f"randomised for the lattice of small trials: {words.percent(summary['pit50'])}"),
        ("Mean absolute error", f"{100 * summary['mean_absolute_error']:.1f}", f"points; best competitor {100 * rival:.1f}"),
    ]


def figures(rows: Sequence[Row], summary: Mapping[str, Any], prefix: str = "") -> list[dict[str, Any]]:
    """The three pictures of accuracy and calibration."""
    return [
        {"svg": Markup(charts.against(rows, f"{prefix}against")), "name": "Predicted against published",
         "about": "Point: predicted median. Line: 90 % interval of what a trial of that size would report. Open points: the published "
                  "value lies outside. On the dashed line both agree."},
        {"svg": Markup(charts.coverage(rows, f"{prefix}coverage")), "name": "Are the intervals as sure as they say?",
         "about": "Share of published values inside the central interval of each level. Below the dashed line: too sure. The band is "
                  "chance alone, were results independent; within a trial they are not."},
        {"svg": Markup(charts.transform(rows, f"{prefix}transform")), "name": "Where do published values fall?",
         "about": "Flat if forecasts are right. A slope is bias, full ends are intervals that are too narrow, a full middle intervals "
                  "that are too wide."},
    ]


def bias_figures(rows: Sequence[Row], summary: Mapping[str, Any], prefix: str = "") -> list[dict[str, Any]]:
    """Residuals by endpoint, age, BCR::ABL1 status and intensity."""
    return [
        {"svg": Markup(charts.residuals(rows, summary["groups"][group], key, title, f"{prefix}residuals")), "name": title}
        for group, key, title in GROUPS
    ]


def table_row(row: Row) -> dict[str, Any]:
    """One predicted result in words."""
    return {
        "trial": str(row["trial"]),
        "arm": str(row["arm"]),
        "name": words.result_name(row),
        "role": str(row["role"]),
        "published": words.percent(row["published"]),
        "n": words.plain(row["n"]),
        "predicted": words.percent(row["median"]),
        "interval": words.percent_range(row["lo90"], row["hi90"]),
        "rival": words.percent(row["median_baseline"]),
        "rival_interval": words.percent_range(row["lo90_baseline"], row["hi90_baseline"]),
        "rival_from": f"{row['baseline']['k']} row{'s' if row['baseline']['k'] != 1 else ''}: {row['baseline']['step']}",
        "crps": score(row["crps"]),
        "crps_baseline": score(row["crps_baseline"]),
        "worse": float(row["crps"]) > float(row["crps_baseline"]),
        "covered": "yes" if row["covered90"] else "no",
        "error": points(row["error"]),
    }


def _trial(name: str, rows: Sequence[Row], held: Mapping[str, Any] | None) -> dict[str, Any]:
    said = ""
    if held is not None:
        said = f"Left out: {HOW.get(str(held['how']), str(held['how']))}, {held['draws']} draws"
        if words.present(held["pareto_k"]):
            said += f", diagnostic of re-weighting k = {held['pareto_k']:.2f}"
        if held["how"] == "re-weighted":
            said += f", worth {held['effective_draws']:.0f} equally weighted draws"
        said += "."
        if held["left_out_elsewhere"]:
            said += " Left out with it, for shared patients: " + ", ".join(held["left_out_elsewhere"]) + "."
    return {"key": key_of("trial", name), "name": name, "held": said, "rows": [table_row(row) for row in rows]}


def as_text(result: Mapping[str, Any]) -> str:
    """The finding, the aims and each trial's scores, for the terminal."""
    summary = result["summary"]
    lines = [sentence(summary), ""]
    lines += [f"  {'yes' if aim['met'] else 'NO ':4}{aim['asked']}: {aim['came']}" for aim in aims(summary)]
    lines += ["", f"  {'left out':28}{'results':>8}{'in 90 %':>9}{'CRPS':>8}{'competitor':>12}  how"]
    held = {item["trial"]: item for item in result["held"]}
    for name, group in (summary.get("groups") or {}).get("trial", {}).items():
        lines.append(f"  {name:28}{group['n']:>8}{group['coverage90']:>9.0%}{group['crps']:>8.3f}{group['crps_baseline']:>12.3f}  "
                     f"{HOW.get(str(held[name]['how']), held[name]['how'])}")
    for item in result.get("variants") or []:
        lines.append(f"  {item['name']}: CRPS {item['crps']:.4f}, {item['verdict']}")
    made = result["provenance"]
    lines += ["", f"{made['draws']} draws ({made['posterior']}), {made['patients_per_draw']} patients per arm and draw, "
              f"seed {made['seed']}, catalog {made['catalog_hash']}"]
    return "\n".join(lines)
