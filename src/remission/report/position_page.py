"""The page of a search for placements, and the one picture and one paragraph that say its answer for a population."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from remission.report import compare_plots as plots
from remission.report import words
from remission.report.answer import endpoint_words
from remission.report.compare_parts import amount, chance, environment, points, provenance, span

Data = Mapping[str, Any]
RANKED, PUBLISHED, TABLE = 8, 3, 60
DIMENSIONS = {"first": "What comes first", "cycles": "Blinatumomab cycles outside maintenance", "courses": "Further chemotherapy courses",
              "order": "Blinatumomab and further chemotherapy", "maintenance": "Maintenance", "intrathecal": "Intrathecal doses",
              "transplant": "Transplant in first remission", "inhibitor": "Kinase inhibitor"}


TOLD = ("first", "cycles", "courses", "order", "maintenance", "transplant", "inhibitor")


def section(result: Data) -> dict[str, str]:
    """The answer for one population: `picture` (SVG), `paragraph` (text), `title`; for this page and for the review's."""
    return {"title": str(result["title"]), "picture": picture(result), "paragraph": paragraph(result)}


def picture(result: Data) -> str:
    """The ranking: for everything that may come first its best placement, and the best published regimens, each with its interval
    and the probability that the best is of this kind."""
    name = str(result["endpoint"])
    rows = [_interval(row, name, f"{words.capital(title)}: probability that the best begins so {chance(likely)}")
            for row, title, likely in _families(result)]
    named = [row for row in result["placements"] if row["published"]][:PUBLISHED]
    rows += [_interval(row, name, "") for row in named]
    rows.sort(key=lambda row: -row.middle)
    return plots.intervals(f"ranking-{result['population']}", f"Ranking of placements in {result['title']}", paragraph(result), rows,
                           f"expected {endpoint_words(name)}, 90{words.THIN}% interval")


def _interval(row: Data, name: str, family: str) -> plots.Interval:
    found = row["measures"][name]
    middle = row["expected"][name]
    under = family or f"published; probability of being the best of all {chance(row['probability_best'][name])}"
    label = row["title"] if row["published"] else f"{row['headline']}; {row['details']}"
    return plots.Interval(label, middle, found["lo90"], found["hi90"], amount(middle, found["unit"]), strong=not row["published"],
                          under=under)


def _families(result: Data) -> list[tuple[Data, str, float]]:
    """The best placement of each kind (by what comes first), the kind in words, and the probability that the best is of it."""
    levels: list[Data] = next((item["levels"] for item in result["dimensions"] if item["dimension"] == "first"), [])
    by_id = {row["id"]: row for row in result["placements"]}
    found = [(by_id[level["example"]], str(level["title"]), float(level["probability"])) for level in levels]
    if not found:
        row = next(row for row in result["placements"] if not row["published"])
        found = [(row, "searched", 1.0)]
    return sorted(found, key=lambda item: -float(item[0]["expected"][result["endpoint"]]))


def paragraph(result: Data) -> str:
    """Ranking with probabilities, what it rests on, and what would overturn it."""
    told = [_ranking(result), _as_good(result), _choices(result), _rests_on(result), _overturned(result)]
    return " ".join(sentence for sentence in told if sentence)


def _ranking(result: Data) -> str:
    name = str(result["endpoint"])
    best = result["best"][name]
    unit = next(item["unit"] for item in result["criteria"] if item["name"] == name)
    only = "only " if best["probability"] < 0.5 else ""
    text = (f"In {_lower(result['title'])}, the strategy with the highest expected {endpoint_words(name)} "
            f"({amount(best['expected'], unit)}) is: {_lower(best['title'])}. It is best with a probability of {only}"
            f"{chance(best['probability'])}")
    named = best["best_published"]
    if best["published"]:
        return f"{text}; no searched placement is expected to do better than this published regimen."
    if named:
        lead = named["lead"]
        text += (f"; the best published regimen, {named['title']}, lies {points(abs(lead['median'])).lstrip('+')} points "
                 f"{'behind' if lead['median'] >= 0 else 'ahead'} (90{words.THIN}% interval of the lead {points(lead['lo90'])} to "
                 f"{points(lead['hi90'])})")
    return text + "."


def _as_good(result: Data) -> str:
    """A placement of the front that is as good, to the resolution, and takes fewer days; nothing when the best is on the front."""
    name, first = str(result["endpoint"]), result["placements"][0]
    near = [row for row in result["placements"] if row["on_front"]
            and first["expected"][name] - row["expected"][name] <= result["resolution"]["EFS"]]
    if first["on_front"] or not near:
        return ""
    other = min(near, key=lambda row: float(row["measures"]["care days"]["median"]))
    fewer = first["measures"]["care days"]["median"] - other["measures"]["care days"]["median"]
    if fewer <= 0:
        return ""
    return (f"Within {100 * result['resolution']['EFS']:g} point of it, with {fewer:.0f} fewer days in care: {_lower(other['headline'])} "
            f"({other['details']}).")


def _choices(result: Data) -> str:
    """What is likely about the best placement, choice by choice."""
    told = []
    for item in result["dimensions"]:
        top = item["levels"][0]
        if item["dimension"] in TOLD and top["value"] != "none":
            told.append(f"{top['title']} ({chance(top['probability'])})")
    return f"The likeliest choices of the best searched placement are {_join(told)}." if told else ""


def _rests_on(result: Data) -> str:
    name = str(result["endpoint"])
    information = result["value_of_information"][name]
    groups = [item for item in information["groups"] if item["told"] and item["evppi"] >= 0.0005][:3]
    basis = "from the priors, fitted to nothing" if result["posterior"] == "prior" else f"of the posterior {result['posterior']}"
    text = (f"All this is what a model says: it rests on {result['draws']} draws of the parameters ({basis}) and {result['patients']} "
            f"virtual patients in each; "
            f"knowing all parameters would raise {endpoint_words(name)} by {100 * information['evpi']:.1f} points")
    if groups:
        text += ", knowing " + _join([f"{item['group']} alone by {100 * item['evppi']:.1f}" for item in groups])
    return text + "."


def _overturned(result: Data) -> str:
    rows = [row for row in result["overturn"] if row["gain"] >= result["resolution"]["EFS"]][:2]
    if not rows:
        return (f"No single parameter, in its lower or upper third, would overturn it by {100 * result['resolution']['EFS']:g} point or "
                "more.")
    said = [f"if '{row.get('about') or row['parameter']}' ({row['parameter']}) lies in its {row['third']} third, "
            f"{_lower(row['headline'])} is ahead by "
            f"{100 * row['gain']:.1f} points" for row in rows]
    return "What would overturn it: " + "; ".join(said) + "."


def _join(items: list[str]) -> str:
    return ", ".join(items[:-1]) + " and " + items[-1] if len(items) > 1 else "".join(items)


def _lower(text: str) -> str:
    """Words with a small first letter, unless they begin like a name."""
    first = text.split(" ")[0]
    return text if any(letter.isupper() for letter in first[1:]) or "." in first[:2] else text[:1].lower() + text[1:]


def render_position(result: Data) -> str:
    """The page of `remission.decide.position`'s result."""
    name = str(result["endpoint"])
    nearest = _nearest(result)
    maps = [Markup(item) for item in _maps(result)]
    return environment().get_template("position.html").render(
        title=result["title"], population=result["population"], endpoint=endpoint_words(name), paragraph=paragraph(result),
        picture=Markup(picture(result)), tiles=_tiles(result), dimensions=_dimensions(result), maps=maps,
        rows=_rows(result), aims=[item["title"] for item in result["aims"]],
        criteria=[item["name"].replace("@", " at ") for item in result["criteria"]], information=_information(result),
        overturn=_overturn_rows(result), nearest=nearest, best=_best(result), search=result["search"], limits=_limits(result),
        resolution=result["resolution"], rules=result["hospital_rules"], provenance=provenance(result["provenance"]))


def _tiles(result: Data) -> list[dict[str, str]]:
    name = str(result["endpoint"])
    best, information = result["best"][name], result["value_of_information"][name]
    searched = result["search"]["declared"]
    return [
        {"label": "Placements declared", "value": f"{searched:,}".replace(",", words.THIN),
         "small": "within the limits; how they were looked at stands below"},
        {"label": "Probability that the first is best", "value": chance(best["probability"]),
         "small": "among finalists and published regimens"},
        {"label": "Value of knowing everything", "value": f"{100 * information['evpi']:.1f}",
         "small": f"points of {endpoint_words(name)}, on average"},
        {"label": "On the front of four aims", "value": str(len(result["front"])), "small": "of the placements looked at closely"},
    ]


def _dimensions(result: Data) -> list[dict[str, Any]]:
    made = []
    for item in result["dimensions"]:
        title = DIMENSIONS[item["dimension"]]
        rows = [plots.Bar(words.capital(level["title"]), level["probability"],
                          f"{chance(level['probability'])}  (at best {words.percent(level['best_expected'])})") for level in item["levels"]]
        desc = "; ".join(f"{row.label}: {row.text}" for row in rows)
        made.append({"title": title, "picture": Markup(plots.bars(f"{result['population']}-{item['dimension']}", title, desc, rows))})
    return made


def _maps(result: Data) -> list[str]:
    """Event-free survival against days in care, and against severe toxicity."""
    months = f"{result['months']:g}mo"
    kinds = [(level["value"], words.capital(level["title"])) for item in result["dimensions"] if item["dimension"] == "first"
             for level in item["levels"]] or [(row["placement"]["first"], row["placement"]["first"]) for row in result["placements"][:1]
                                              if row["placement"]]
    kinds = [*kinds[: plots.KINDS - 1], ("published", "Published regimen")]
    drawn = []
    for aim, label, percent in (("care days", "mean days in hospital, on an infusion or with an injection", False),
                                (f"severe toxicity@{months}", "severe toxicity or death from treatment", True)):
        spots = [_spot(row, aim, f"EFS@{months}") for row in result["placements"]
                 if row["on_front"] or row["published"] or row["rank"] <= RANKED]
        told = [(spot, words.percent(spot.x) if percent else plots.number(spot.x)) for spot in spots]
        desc = "; ".join(f"{spot.title}, {words.percent(spot.y)}, {x}" for spot, x in told)
        drawn.append(plots.scatter(f"{result['population']}-{aim}", f"Event-free survival against {label}", desc, spots, kinds, label,
                                   f"event-free survival at {result['months']:g} months", percent))
    return drawn


def _spot(row: Data, x: str, y: str) -> plots.Point:
    kind = "published" if row["published"] else row["placement"]["first"]
    return plots.Point(row["measures"][x]["median"], row["measures"][y]["median"], str(row["rank"]), kind, row["on_front"],
                       f"{row['rank']}: {row['title']}")


def _rows(result: Data) -> list[dict[str, Any]]:
    rows = []
    for row in result["placements"][:TABLE]:
        cells = []
        for aim in result["aims"]:
            found = row["measures"][aim["name"]]
            cells.append({"value": amount(found["median"], found["unit"]), "range": span(found["lo90"], found["hi90"], found["unit"])})
        rows.append({key: row[key] for key in ("rank", "id", "headline", "details", "published", "on_front")} | {
            "cells": cells, "chances": [chance(row["probability_best"][item["name"]]) for item in result["criteria"]]})
    return rows


def _information(result: Data) -> dict[str, Any]:
    found = result["value_of_information"][str(result["endpoint"])]
    bars = [plots.Bar(words.capital(item["group"]), item["evppi"] / max(found["evpi"], 1e-12), f"{100 * item['evppi']:.1f} points")
            for item in found["groups"] if item["evppi"] > 0]
    desc = "; ".join(f"{bar.label}: {bar.text}" for bar in bars)
    drawn = plots.bars(f"{result['population']}-information", "Value of knowing groups of parameters", desc, bars) if bars else ""
    rows = [{"group": words.capital(item["group"]), "value": f"{100 * item['evppi']:.1f}", "floor": f"{100 * item['floor']:.1f}",
             "told": item["told"], "study": item["study"]} for item in found["groups"]]
    return {"evpi": f"{100 * found['evpi']:.1f}", "picture": Markup(drawn), "groups": rows}


def _overturn_rows(result: Data) -> list[dict[str, str]]:
    return [{"parameter": row.get("about") or row["parameter"], "name": row["parameter"], "group": row["group"],
             "third": row["third"], "title": row["title"],
             "gain": f"{100 * row['gain']:.1f}", "error": f"{100 * row['standard_error']:.1f}"} for row in result["overturn"]]


def _nearest(result: Data) -> dict[str, Any] | None:
    row = next((row for row in result["placements"] if row["nearest"]), None)
    if row is None:
        return None
    return {"placement": row["title"], "regimen": row["nearest"]["regimen"], "title": row["nearest"]["title"],
            "distance": plots.number(row["nearest"]["distance"]), "changes": list(row["nearest"]["changes"])}


def _best(result: Data) -> list[dict[str, str]]:
    rows = []
    for item in result["criteria"]:
        best = result["best"][item["name"]]
        rows.append({"criterion": words.capital(item["title"]), "title": best["title"], "expected": amount(best["expected"], item["unit"]),
                     "unit": "" if item["unit"] == "share" else item["unit"], "probability": chance(best["probability"])})
    return rows


def _limits(result: Data) -> list[tuple[str, str]]:
    said = {"max_cycles": "blinatumomab cycles, maintenance included", "max_infusion_days": "days on an infusion",
            "max_chemotherapy": "strongest chemotherapy outside maintenance", "max_toxicity": "severe toxicity (share)",
            "max_care_days": "days in care", "max_loss": "event-free survival given up against the best (share)"}
    return [(text, f"{result['limits'][key]:g}" if isinstance(result["limits"][key], float) else str(result["limits"][key]))
            for key, text in said.items() if result["limits"].get(key) is not None]
