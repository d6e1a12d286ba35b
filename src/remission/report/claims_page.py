"""The page of the review's statements, each tested: statement, place, experiments, verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from remission.report import compare_plots as plots
from remission.report import svg, words
from remission.report.compare_parts import amount, chance, environment, points, provenance, sources
from remission.report.summary import key_of

Data = Mapping[str, Any]
SIGNS = {"supported": "✓", "contradicted": "✗", "cannot tell": "?"}
EXPECTED = {"higher": "more than {m} points higher", "lower": "more than {m} points lower", "similar": "within {m} points",
            "not lower": "not more than {m} points lower", "not higher": "not more than {m} points higher", "inside": "inside its range"}


def render_claims(result: Data) -> str:
    """The page of `remission.decide.run_claims`' result, with `sources` added to it."""
    listed = sources(result.get("sources") or {}, [claim["source"] for claim in result["claims"]])
    numbers = {item["id"]: item["number"] for item in listed}
    return environment().get_template("claims.html").render(
        claims=[_claim(claim, numbers) for claim in result["claims"]], summary=result["summary"], rule=result["rule"],
        picture=Markup(draw_verdicts(result)), draws=result["draws"], patients=result["patients"], posterior=result["posterior"],
        sources=listed, provenance=provenance(result["provenance"]))


def _claim(claim: Data, numbers: Mapping[str, int]) -> dict[str, Any]:
    plain = {key: claim[key] for key in ("id", "title", "statement", "verdict", "assumed", "reason", "note", "at")}
    return {**plain, "sign": SIGNS[claim["verdict"]], "class_": claim["verdict"].replace(" ", "-"), "key": key_of("claim", claim["id"]),
            "number": numbers.get(claim["source"]), "parts": [_part(part) for part in claim["parts"]],
            "told": [{"parameters": item["parameters"], "parts": [_again(part) for part in item["parts"]]} for item in claim["told"]]}


def _unit(part: Data) -> str:
    """Shares are said in points; days in days."""
    experiment = part["experiment"]
    name = str(experiment.get("measure") or experiment.get("a"))
    return "days" if "days" in name else "months" if "months" in name else "share"


def _part(part: Data) -> dict[str, Any]:
    unit, result = _unit(part), part["result"]
    level = part["expect"] == "inside"
    shown = words.NOTHING
    if result:
        shown = (f"{amount(result['median'], unit)} ({amount(result['lo90'], unit)} to {amount(result['hi90'], unit)})" if level
                 else f"{_difference(result['median'], unit)} ({_difference(result['lo90'], unit)} to {_difference(result['hi90'], unit)})")
    sides = [f"{side['name']}: {amount(side['median'], unit)}" for side in part["sides"]]
    return {"title": words.capital(part["title"]), "expect": _expected(part, unit), "result": shown, "level": level,
            "unit": "" if level else ("points" if unit == "share" else unit), "chance": chance(part["probability"]),
            "verdict": part["verdict"], "class_": part["verdict"].replace(" ", "-"), "sign": SIGNS[part["verdict"]], "sides": sides,
            "experiment": _experiment(part["experiment"])}


def _difference(value: float, unit: str) -> str:
    return points(value) if unit == "share" else plots.number(value)


def _expected(part: Data, unit: str) -> str:
    if part["expect"] == "inside":
        experiment = part["experiment"]
        return f"between {words.percent(experiment['low'])} and {words.percent(experiment['high'])}"
    if not part["margin"]:
        return str(part["expect"])
    shown = f"{100 * part['margin']:g}" if unit == "share" else f"{part['margin']:g}"
    return EXPECTED[part["expect"]].format(m=shown).replace("1 points", "1 point")


def _experiment(item: Data) -> str:
    """What was run, in one line."""
    where = f", where {item['where']}" if item.get("where") else ""
    if item["experiment"] == "compare":
        return f"the same patients of {item['population']} under both{where}; {item['measure']}"
    if item["experiment"] == "subgroups":
        among = f", among those with {item['among']}" if item.get("among") else ""
        return f"groups of {item['population']} under {_name(item['strategy'])}{among}; {item['measure']}"
    if item["experiment"] == "within":
        return f"{item['population']} under {_name(item['strategy'])}{where}"
    if item["experiment"] == "level":
        return f"mean over {len(item['settings'])} setting{'s' if len(item['settings']) > 1 else ''}{where}; {item['measure']}"
    return f"difference of differences; {item['measure']}"


def _name(strategy: Any) -> str:
    return strategy if isinstance(strategy, str) else "a placement"


def _again(part: Data) -> dict[str, Any]:
    return {"title": words.capital(part["title"]), "chance": chance(part["probability"]), "verdict": part["verdict"],
            "class_": part["verdict"].replace(" ", "-"), "sign": SIGNS[part["verdict"]]}


LEFT, RIGHT, ROW = 8.0, 352.0, 17.0


def draw_verdicts(result: Data) -> str:
    """Every part of every claim on one axis: the probability that what the review says holds in the model."""
    body: list[str] = []
    y = 4.0
    tracks = []
    for claim in result["claims"]:
        for line in svg.wrap(claim["title"], plots.FONT, plots.WIDTH):
            y += 15
            body.append(svg.text(0, y, line, font_size=plots.FONT))
        y += 13
        tracks.append(y)
        for part in claim["parts"]:
            body.append(_dot(part, y))
        y += 8
    base = y + 2
    grid = []
    for value in (0.0, 0.1, 0.5, 0.9, 1.0):
        x = LEFT + (RIGHT - LEFT) * value
        grid += [svg.tag("line", x1=x, x2=x, y1=track - 7, y2=track + 7, stroke=svg.INK if value in (0.1, 0.9) else "#d5dae1",
                         stroke_width=1) for track in tracks]
        grid.append(svg.text(x, base + 14, plots.number(value), font_size=plots.FONT, text_anchor="middle", fill=svg.MUTED))
    grid += [svg.tag("line", x1=LEFT, x2=RIGHT, y1=track, y2=track, stroke=plots.GRID, stroke_width=1) for track in tracks]
    body.append(svg.text(0, base + 32, "probability that the statement's part holds", font_size=plots.FONT))
    desc = "; ".join(f"{claim['title']}: {claim['verdict']}" for claim in result["claims"])
    title = "Verdicts on the review's statements"
    return svg.picture([*grid, *body], key="verdicts", width=plots.WIDTH, height=base + 40, title=title, desc=desc)


def _dot(part: Data, y: float) -> str:
    value = part["probability"]
    if value is None:
        return ""
    kinds = {"supported": (0, svg.GREEN), "contradicted": (3, svg.VERMILLION), "cannot tell": (1, svg.MUTED)}
    kind, colour = kinds[part["verdict"]]
    drawn = plots.mark(kind, LEFT + (RIGHT - LEFT) * value, y, 5.0, colour, "#ffffff")
    return svg.tag("g", svg.tag("title", plots.escaped(f"{part['title']}: {chance(value)}, {part['verdict']}")), drawn)
