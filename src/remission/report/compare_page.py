"""The page of a comparison: regimens on the same virtual patients, as one HTML file without script, link or outside asset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from remission.report import compare_plots as plots
from remission.report import words
from remission.report.answer import endpoint_words
from remission.report.compare_parts import (
    amount,
    chance,
    difference,
    environment,
    points,
    provenance,
    signed,
    sources,
    span,
)
from remission.report.timeline import timeline_parts

Data = Mapping[str, Any]
MOST_TIMELINES = 6
INCIDENCE = {"relapse": "Relapse as the first event", "death in remission": "Death in remission", "no remission": "No remission",
             "death before remission": "Death before remission"}


def render_compare(result: Data) -> str:
    """The page of `remission.decide.compare`'s result, with `regimens` (id, title, timeline, sources) and `sources` added to it."""
    used = [ref for regimen in result.get("regimens") or [] for ref in regimen.get("sources") or []]
    listed = sources(result.get("sources") or {}, used)
    numbers = {item["id"]: item["number"] for item in listed}
    return environment().get_template("compare.html").render(
        population=result["population"], title=result.get("title") or result["population"], endpoint=words.capital(_named(result)),
        arms=[{"name": arm["regimen"], "title": arm["title"]} for arm in result["arms"]],
        answers=[_answer(pair) for pair in result["comparisons"] if pair["a"] == result["arms"][0]["regimen"]],
        answer_plot=Markup(_difference_plot(result)),
        level_plot=Markup(_level_plot(result)), figures=[Markup(figure) for figure in _figures(result)],
        measures=_measures(result), secondary=_secondary(result), mrd=_mrd(result), sites=_shares(result, "relapse_sites", "site"),
        causes=_shares(result, "death_causes", "cause"), months=words.plain(result["arms"][0]["months"]), drugs=_drugs(result),
        rules=result["hospital_rules"], timelines=_timelines(result, numbers), sources=listed,
        provenance=provenance(result["provenance"]))


def _answer(pair: Data) -> str:
    """One pair in one sentence."""
    d, what = pair["difference"], f"{words.ENDPOINTS.get(pair['endpoint'], pair['endpoint'])} at {words.plain(pair['months'])} months"
    ahead = pair["probability_better"]
    if d["lo90"] == d["median"] == d["hi90"] == 0:
        return f"{pair['a']} and {pair['b']} do not differ in {what}: every patient fares the same."
    many = abs(100 * d["median"])
    more = "more" if d["median"] >= 0 else "fewer"
    text = f"Of 100 patients {many:.0f} {more}" if many >= 0.95 else f"Of 1000 patients {10 * many:.0f} {more}"
    return (f"{text} reach {what} under {pair['a']} than under {pair['b']} (90{words.THIN}% interval of the difference "
            f"{points(d['lo90'])} to {points(d['hi90'])} points; probability that {pair['a']} is better: {chance(ahead)}). One draw's "
            f"difference spreads by {100 * pair['parameter_sd']:.1f} points with the parameters and by "
            f"{100 * pair['monte_carlo_se']:.1f} with the finite number of patients.")


def _difference_plot(result: Data) -> str:
    rows = [plots.Interval(f"{pair['a']} less {pair['b']}", pair["difference"]["median"], pair["difference"]["lo90"],
                           pair["difference"]["hi90"], points(pair["difference"]["median"]),
                           under=f"probability that the first is better: {chance(pair['probability_better'])}")
            for pair in result["comparisons"]]
    desc = " ".join(_answer(pair) for pair in result["comparisons"])
    return plots.intervals("differences", f"Differences in {_named(result)}", desc, rows,
                           f"difference in {_named(result)}, percentage points", zero=True)


def _level_plot(result: Data) -> str:
    rows = [plots.Interval(arm["regimen"], arm["median"], arm["lo90"], arm["hi90"], words.percent(arm["median"]))
            for arm in result["arms"]]
    desc = "; ".join(f"{arm['regimen']}: {words.percent(arm['median'])} ({words.percent_range(arm['lo90'], arm['hi90'])})"
                     for arm in result["arms"])
    return plots.intervals("levels", f"{words.capital(_named(result))} by regimen", desc, rows,
                           f"{_named(result)}, 90{words.THIN}% interval")


def _named(result: Data) -> str:
    return endpoint_words(str(result["endpoint"]))


def _series(result: Data, group: str, name: str) -> list[plots.Series]:
    found = []
    for arm in result["arms"]:
        curve = arm[group][name]
        found.append(plots.Series(arm["regimen"], curve["months"], curve["median"], curve["lo90"], curve["hi90"]))
    return found


def _figures(result: Data) -> list[str]:
    """Survival curves, then cumulative incidences of what ends event-free survival."""
    made = []
    for endpoint in ("OS", "EFS"):
        title = words.capital(words.ENDPOINTS[endpoint])
        made.append(_figure(title, endpoint, _series(result, "curves", endpoint), 1.0))
    for name, title in INCIDENCE.items():
        series = _series(result, "incidence", name)
        most = max(max(item.high) for item in series)
        if most > 0.005:
            made.append(_figure(title, name, series, min(1.0, max(0.1, 0.1 * (int(most * 10) + 1)))))
    return made


def _figure(title: str, name: str, series: Sequence[plots.Series], top: float) -> str:
    told = []
    for item in series:
        at = [min(range(len(item.x)), key=lambda k, want=want: abs(item.x[k] - want)) for want in (12, 36, 60) if want <= item.x[-1]]  # type: ignore[misc]
        shown = ", ".join(f"{words.percent(item.middle[k])} at {words.plain(item.x[k])} months" for k in at)
        told.append(f"{item.name}: {shown}.")
    drawing = plots.curves(name, title, " ".join(told), series, "months from the start of treatment", top)
    return f'<figure class="plot"><figcaption><strong>{title}</strong></figcaption>{drawing}</figure>'


def _measures(result: Data) -> list[dict[str, Any]]:
    """Rows of the table of measures: a cell for each arm."""
    rows = []
    for name, first in result["arms"][0]["measures"].items():
        cells = []
        for arm in result["arms"]:
            found = arm["measures"][name]
            cells.append({"value": amount(found["median"], found["unit"]), "range": span(found["lo90"], found["hi90"], found["unit"])})
        rows.append({"name": words.capital(first["title"]), "unit": "" if first["unit"] == "share" else first["unit"], "cells": cells})
    return rows


def _secondary(result: Data) -> list[dict[str, Any]]:
    """For each other regimen every difference from the first one that is not nothing, with the probability that the first is better."""
    kinds = result["arms"][0]["measures"]
    first = result["arms"][0]["regimen"]
    tables: dict[str, list[dict[str, Any]]] = {}
    for pair in [*result["comparisons"], *result["secondary"]]:
        d = pair["difference"]
        if pair["a"] != first or d["lo90"] == d["hi90"] == 0:
            continue
        kind = kinds[pair["endpoint"] if pair["months"] is None else f"{pair['endpoint']}@{pair['months']:g}mo"]
        error, spread = (signed(pair[key], kind["unit"]).lstrip("+") for key in ("monte_carlo_se", "parameter_sd"))
        tables.setdefault(pair["b"], []).append({
            "name": words.capital(kind["title"]), "difference": difference(d, kind["unit"]),
            "unit": "points" if kind["unit"] == "share" else kind["unit"], "error": error, "spread": spread,
            "chance": chance(pair["probability_better"])})
    return [{"other": other, "rows": rows} for other, rows in tables.items()]


def _mrd(result: Data) -> list[dict[str, Any]]:
    rows = []
    for arm in result["arms"]:
        for item in arm["mrd"]:
            rows.append({"arm": arm["regimen"], "assessment": item["assessment"], "limit": f"{item['limit']:.0e}".replace("e-0", "e-"),
                         "transcript": item["transcript"], "day": words.plain(item["day"]) if words.present(item["day"]) else words.NOTHING,
                         "measured": words.percent(item["measured"]["median"]), "negative": amount(item["negative"]["median"], "share"),
                         "range": span(item["negative"]["lo90"], item["negative"]["hi90"], "share")})
    return rows


def _shares(result: Data, group: str, key: str) -> list[dict[str, Any]]:
    """Rows by site or cause with a cell for each arm; rows that are nothing everywhere are left out."""
    rows = []
    for at, item in enumerate(result["arms"][0][group]):
        cells = [arm[group][at] for arm in result["arms"]]
        if any(cell["hi90"] > 0 for cell in cells):
            rows.append({"name": words.capital(item[key]), "cells": [
                {"value": amount(cell["median"], "share"), "range": span(cell["lo90"], cell["hi90"], "share")} for cell in cells]})
    return rows


def _drugs(result: Data) -> list[dict[str, Any]]:
    names = list(dict.fromkeys((drug["drug"], drug["route"], drug["unit"]) for arm in result["arms"] for drug in arm["drugs"]))
    tables = [{(drug["drug"], drug["route"], drug["unit"]): drug for drug in arm["drugs"]} for arm in result["arms"]]
    rows = []
    for key in sorted(names):
        largest = max((table[key]["median"] for table in tables if key in table), default=0.0)
        unit, factor = _printed_unit(key[2], largest)
        cells = []
        for table in tables:
            found = table.get(key)
            cells.append(plots.number(factor * found["median"]) if found else words.NOTHING)
        rows.append({"drug": key[0], "route": key[1], "unit": unit, "cells": cells})
    return rows


def _printed_unit(unit: str, largest: float) -> tuple[str, float]:
    """A unit in which an amount has few digits, and the factor to it."""
    if unit == "mg" and largest < 10:
        return "µg", 1000.0
    return ("g", 0.001) if unit == "mg" and largest >= 10_000 else (unit, 1.0)


def _timelines(result: Data, numbers: Mapping[str, int]) -> list[dict[str, Any]]:
    found = []
    for regimen in (result.get("regimens") or [])[:MOST_TIMELINES]:
        wide, phone = (timeline_parts(regimen["timeline"], wide=flag) for flag in (True, False))
        found.append({"title": regimen["title"], "name": regimen["id"], "wide": [Markup(part) for part in wide],
                      "phone": [Markup(part) for part in phone], "cited": [numbers[ref] for ref in regimen["sources"] if ref in numbers]})
    return found
