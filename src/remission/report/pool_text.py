"""A synthesis in words: its title, numbers, studies, caveats and sources, for the terminal and beside the forest plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from remission.report import words

Pooled = Mapping[str, Any]
NOTICE = "Research software: not for decisions about a patient."
MARKS = (("disputed", "†"), ("off_landmark", "‡"), ("events_derived", "*"))
MARKED = {"disputed": "† disputed between sources", "off_landmark": "‡ read at another time than the landmark",
          "events_derived": "* events counted back from a percentage"}
_METHODS = {"glmm": "binomial–normal model, exact likelihood (maximum likelihood), logit scale",
            "reml": "inverse variance with REML, {scale} scale"}
_SCALES = {"cloglog": "complementary log-log", "logit": "logit"}
_INTERVALS = {"hartung-knapp": "Hartung–Knapp interval", "profile": "profile-likelihood interval", "wald": "Wald interval"}
_ONE_BY_ONE = ("same patients", "denominator", "time", "control")
_GROUPS = {"comparator": "comparators and anchors outside the review's trials", "subgroup": "subgroups, or not the subgroup asked for",
           "missing": "not reported", "measure": "medians and ratios", "role": "another role", "other trial": "other trials",
           "other arm": "other arms", "population": "other populations"}


def percent(fraction: Any) -> str:
    """A fraction (0 to 1) in per cent with one decimal."""
    return f"{100 * fraction:.1f}{words.THIN}%"


def span(low: Any, high: Any) -> str:
    """An interval of fractions in per cent with one decimal."""
    return f"{100 * low:.1f} to {100 * high:.1f}{words.THIN}%"


def title(pooled: Pooled) -> str:
    """'Overall survival (OS) at 36 months' and the like."""
    endpoint = str(pooled["endpoint"])
    shown = endpoint.replace("MRD-", "MRD−")
    meaning = words.ENDPOINTS.get(endpoint, endpoint)
    name = words.capital(meaning) + (f" ({shown})" if meaning != endpoint else "")
    when = ""
    if pooled["months"] is not None:
        when = f" at {words.plain(pooled['months'], 1)} months"
    elif pooled["at"]:
        when = ", at any time" if pooled["at"] == "any" else f" at {pooled['at']}"
    return name + when + (f", where {words.condition(pooled['where'])}" if pooled["where"] else "")


def headline(pooled: Pooled) -> str:
    """The pooled value, its interval and the prediction interval in a sentence."""
    level = words.percent(pooled["level"])
    told = f"Pooled: {percent(pooled['estimate'])} ({level} interval {span(pooled['lo'], pooled['hi'])})"
    if words.present(pooled["prediction_lo"]):
        told += f"; in a new set of patients {span(pooled['prediction_lo'], pooled['prediction_hi'])}"
    events = "" if pooled["events"] is None else f", {pooled['events']} events"
    sets = "1 set of patients" if pooled["k"] == 1 else f"{pooled['k']} sets of patients"
    return f"{told}. {sets}, {pooled['n']} patients{events}."


def heterogeneity(pooled: Pooled) -> str:
    """tau², I², Q and its p in a sentence; nothing where they cannot be estimated."""
    if not words.present(pooled["tau2"]):
        return ""
    top = f"{pooled['tau2_hi']:.3g}" if words.present(pooled["tau2_hi"]) else "∞"
    p = "< 0.001" if pooled["q_p"] < 0.001 else f"{pooled['q_p']:.3f}"
    name = "Q (likelihood ratio)" if pooled["method"] == "glmm" else "Cochran's Q"
    return (f"Heterogeneity: tau² {pooled['tau2']:.3g} ({words.percent(pooled['level'])} interval {pooled['tau2_lo']:.3g} to {top}), "
            f"I² {pooled['i2']:.0f}{words.THIN}%, {name} {pooled['q']:.2f} on {pooled['q_df']} df, p {p}.")


def method(pooled: Pooled) -> str:
    """How it was pooled, in a sentence."""
    if pooled["k"] == 1:
        return ""
    how = _METHODS[pooled["method"]].format(scale=_SCALES[pooled["scale"]])
    interval = _INTERVALS[pooled["interval"]]
    if pooled["interval"] == "hartung-knapp" and pooled["method"] == "glmm":
        interval = f"t interval with {pooled['k'] - 1} df (Hartung–Knapp's reference distribution)"
    if not words.present(pooled["tau2"]):
        how, interval = "counts added up", "exact binomial interval"
    window = f"; landmark window ± {words.plain(pooled['window'], 1)} months" if pooled["window"] is not None else ""
    return f"Method: {how}; {interval}{window}."


def study_name(study: Mapping[str, Any]) -> str:
    """'e1910, blinatumomab': the trial, and the arm where it has a name of its own."""
    return str(study["trial"]) + ("" if study["arm"] == "main" else f", {study['arm']}")


def study_marks(study: Mapping[str, Any]) -> str:
    """' [2]†': the source's number and the marks."""
    return f" [{study['number']}]" + "".join(mark for name, mark in MARKS if study[name])


def study_label(study: Mapping[str, Any]) -> str:
    """'e1910, blinatumomab [2]†'."""
    return study_name(study) + study_marks(study)


def when(study: Mapping[str, Any]) -> str:
    """When a study was read."""
    if study["months"] is not None:
        return f"{words.plain(study['months'], 1)} months"
    return "any time" if study["assessment"] == "any" else str(study["assessment"] or "")


def counts(item: Mapping[str, Any]) -> str:
    """Events of patients, or patients alone."""
    n = item["n"] if item["n"] else words.NOTHING
    return f"{n}" if item["events"] is None else f"{item['events']} / {n}"


def citation(source: Mapping[str, Any]) -> str:
    """A source as a reference list has it."""
    parts = [str(source[name]) for name in ("authors", "title", "where") if source[name]]
    tail = f". doi:{source['doi']}" if source["doi"] else f". {source['registry']}" if source["registry"] else ""
    return f"[{source['number']}] " + ". ".join(part.rstrip(".") for part in parts) + tail


def left_out_groups(pooled: Pooled) -> list[dict[str, Any]]:
    """What was left out, in groups: rows with reasons where each has its own, else the trials and their numbers of rows."""
    groups: list[dict[str, Any]] = []
    for kind in (*_ONE_BY_ONE, *_GROUPS):
        rows = [item for item in pooled["left_out"] if item["kind"] == kind]
        if not rows:
            continue
        if kind in _ONE_BY_ONE:
            items = [f"{item['trial']}/{item['arm']}, row {item['row']}: {item['reason']}" for item in rows]
            groups.append({"name": {"same patients": "the same patients", "time": "another time", "control": "control arms",
                                    "denominator": "no denominator"}[kind], "rows": len(rows), "items": items})
        else:
            trials: dict[str, int] = {}
            for item in rows:
                trials[item["trial"]] = trials.get(item["trial"], 0) + 1
            told = ", ".join(name if count == 1 else f"{name} ({count} rows)" for name, count in trials.items())
            groups.append({"name": _GROUPS[kind], "rows": len(rows), "items": [told]})
    return groups


def left_out_in_short(pooled: Pooled) -> str:
    """How many rows were left out, by reason."""
    told = ", ".join(f"{group['rows']} {group['name']}" for group in left_out_groups(pooled))
    return f"Left out, in rows: {told}."


def render_text(pooled: Pooled) -> str:
    """The whole synthesis for the terminal."""
    lines = [title(pooled), "  " + headline(pooled)]
    lines += ["  " + text for text in (heterogeneity(pooled), method(pooled)) if text]
    lines += ["", *_table(pooled["studies"])]
    marks = [text for name, text in MARKED.items() if any(study[name] for study in pooled["studies"])]
    lines += ["  " + " · ".join(marks)] if marks else []
    if pooled["notes"]:
        lines += ["", "Notes", *(f"  - {note}" for note in pooled["notes"])]
    if pooled["left_out"]:
        lines += ["", "Left out, and why"]
        for group in left_out_groups(pooled):
            lines += [f"  {group['name']}: " + ("" if len(group["items"]) > 1 or "/" in group["items"][0] else group["items"][0])]
            lines += [f"    - {item}" for item in group["items"]] if lines[-1].endswith(": ") else []
    lines += ["", "Sources", *("  " + citation(source) for source in pooled["sources"]), "", NOTICE]
    return "\n".join(line.rstrip() for line in lines)


def _table(studies: Sequence[Mapping[str, Any]]) -> list[str]:
    head = ("Study", "Read at", "Events / n" if studies[0]["events"] is not None else "Patients", "Value", "95 % interval", "Weight")
    body = [
        (study_label(s), when(s), counts(s), percent(s["value"]), span(s["lo95"], s["hi95"]), percent(s["weight"]))
        for s in studies
    ]
    widths = [max(len(row[column]) for row in (head, *body)) for column in range(len(head))]

    def line(row: Sequence[str]) -> str:
        cells = [cell.ljust(width) if index < 2 else cell.rjust(width) for index, (cell, width) in enumerate(zip(row, widths, strict=True))]
        return "  " + "  ".join(cells)

    return [line(head), *(line(row) for row in body)]
