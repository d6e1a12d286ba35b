"""The review page: plain data in, one HTML file out, without script, link or outside asset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from remission.report import answer_page, charts, summary, words
from remission.report.timeline import timeline_parts

Row = Mapping[str, Any]

ROLES = {
    "calibrate": "may be used to fit the model",
    "validate": "never used to fit the model",
    "context": "shown for context only",
}


class Citations:
    """Numbers sources in the order in which the page names them."""

    def __init__(self, sources: Mapping[str, Mapping[str, Any]]) -> None:
        self._sources = sources
        self._numbers: dict[str, int] = {}

    def cite(self, source: Any, place: Any) -> dict[str, Any]:
        """The number of a source (None when it is not listed) and the place in it."""
        name = str(source) if source else ""
        if name and name in self._sources:
            number = self._numbers.setdefault(name, len(self._numbers) + 1)
            return {"number": number, "name": name, "place": str(place or "")}
        return {"number": None, "name": name, "place": str(place or "")}

    def listed(self) -> list[dict[str, Any]]:
        """Every source: the cited ones by number, then the others."""
        for name in self._sources:
            self._numbers.setdefault(name, len(self._numbers) + 1)
        return [{**self._sources[name], "id": name, "number": number} for name, number in self._numbers.items()]


def _table_row(row: Row, citations: Citations, conflicts: Mapping[str, str]) -> dict[str, Any]:
    status = str(row.get("status") or "")
    notes = [status] if status and status not in ("reported", "not reported") else []
    notes += [str(row["note"])] if row.get("note") else []
    reported = words.present(row.get("published"))
    size, published_size = row.get("n_enrolled"), row.get("published_n")
    return {
        "arm": str(row.get("arm") or ""),
        "name": words.result_name(row),
        "meaning": words.result_meaning(row),
        "role": str(row.get("role") or ""),
        "published": words.percent(row.get("published")),
        "published_interval": words.percent_range(row.get("lo95"), row.get("hi95")),
        "published_n": words.plain(published_size) if reported and words.present(published_size) else "",
        "predicted": words.percent(row.get("median"), words.NOT_PREDICTED),
        "predicted_interval": words.percent_range(row.get("lo90"), row.get("hi90")),
        "expected": words.percent(row.get("expected"), words.NOTHING),
        "n_enrolled": words.plain(size) if words.present(size) else "",
        "covered": words.covered(row),
        "citation": citations.cite(row.get("source"), row.get("place")),
        "notes": notes,
        "conflict": str(row["conflict"]) if row.get("conflict") else "",
        "conflict_key": conflicts.get(str(row.get("conflict")), ""),
    }


def _conflict(item: Mapping[str, Any], key: str, citations: Citations) -> dict[str, Any]:
    readings = [
        {"says": str(r.get("says") or ""), "citation": citations.cite(r.get("source"), r.get("at"))}
        for r in item.get("readings") or []
    ]
    told = {name: str(item.get(name) or "") for name in ("id", "about", "resolution", "reason")}
    return {**told, "about": words.capital(told["about"]), "key": key, "readings": readings}


def _assumptions(items: Sequence[Any]) -> list[dict[str, Any]]:
    """Assumptions said as 'where: what', each what once with all its wheres."""
    grouped: dict[str, list[str]] = {}
    for item in map(str, items):
        where, colon, what = item.partition(": ")
        grouped.setdefault(what if colon else item, []).extend([where] if colon else [])
    return [{"what": words.capital(what), "where": where} for what, where in grouped.items()]


def _on_curve(row: Row, arms: Sequence[str], endpoint: str) -> bool:
    """True for a published result that stands on a whole arm's survival curve."""
    return (
        row.get("endpoint") == endpoint
        and str(row.get("arm")) in arms
        and not row.get("where")
        and words.present(row.get("months"))
        and words.present(row.get("published"))
    )


def _survival_figures(trial: str, arms: Sequence[Mapping[str, Any]], rows: Sequence[Row]) -> list[dict[str, Any]]:
    """One figure for each endpoint and time zero, with every arm that has such a curve."""
    grouped: dict[tuple[str, str], list[tuple[str, Mapping[str, Any]]]] = {}
    for arm in arms:
        for endpoint, curve in (arm.get("curves") or {}).items():
            if curve and curve.get("months"):
                zero = str(curve.get("time_zero") or "start of treatment")
                grouped.setdefault((str(endpoint), zero), []).append((str(arm["arm"]), curve))
    figures = []
    for (endpoint, zero), members in grouped.items():
        names = [name for name, _ in members]
        points = [row for row in rows if _on_curve(row, names, endpoint)]
        figures.append(
            {
                "svg": Markup(charts.survival(trial, endpoint, zero, members, points)),
                "endpoint": endpoint,
                "meaning": words.ENDPOINTS.get(endpoint, endpoint),
                "zero": words.time_zero(zero),
                "definitions": list(dict.fromkeys(str(c["definition"]) for _, c in members if c.get("definition"))),
                "points": len(points),
            }
        )
    return figures


def _infusions(timeline: Mapping[str, Any] | None) -> list[tuple[float, float]]:
    """The spans of days on which blinatumomab is infused."""
    days = [
        float(dose["day"])
        for phase in (timeline or {}).get("phases") or []
        if phase.get("start") is not None
        for dose in phase.get("administrations") or []
        if dose.get("drug") == "blinatumomab"
    ]
    return words.runs(days)


def _timelines(arms: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each regimen once, with the arms that follow it."""
    grouped: dict[str, dict[str, Any]] = {}
    for arm in arms:
        timeline = arm.get("timeline")
        if not timeline:
            continue
        found = grouped.setdefault(
            str(arm.get("regimen") or arm["arm"]),
            {"title": str(timeline.get("title") or arm.get("title") or ""), "arms": [], "timeline": timeline},
        )
        found["arms"].append(str(arm["arm"]))
    return list(grouped.values())


def _trial(trial: Mapping[str, Any], rows: Sequence[Row], citations: Citations, drawn: set[str]) -> dict[str, Any]:
    arms = list(trial.get("arms") or [])
    name = str(trial["id"])
    regimens = []
    for found in _timelines(arms):
        key = str(found["timeline"].get("id"))
        again = key in drawn
        drawn.add(key)
        regimens.append(
            {
                **found,
                "key": summary.key_of("regimen", key),
                "again": again,
                "phone": [] if again else [Markup(part) for part in timeline_parts(found["timeline"])],
                "wide": [] if again else [Markup(part) for part in timeline_parts(found["timeline"], wide=True)],
            }
        )
    held = [row for row in rows if row.get("covered90") is not None]
    conflicts = list(trial.get("conflicts") or [])
    keys = {str(item.get("id")): summary.key_of("conflict", name, item.get("id")) for item in conflicts}
    return {
        "key": summary.key_of("trial", name),
        "title": str(trial.get("title") or name),
        "registry": str(trial.get("registry") or ""),
        "summary": str(trial.get("summary") or ""),
        "regimens": regimens,
        "survival": _survival_figures(name, arms, rows),
        "mrd": [
            {
                "arm": str(arm["arm"]),
                "svg": Markup(charts.mrd(name, str(arm["arm"]), arm["mrd"], _infusions(arm.get("timeline")))),
                "infusions": bool(_infusions(arm.get("timeline"))),
            }
            for arm in arms
            if arm.get("mrd") and arm["mrd"].get("days")
        ],
        "rows": [_table_row(row, citations, keys) for row in rows],
        "held": len(held),
        "covered": sum(bool(row["covered90"]) for row in held),
        "conflicts": [_conflict(item, keys[str(item.get("id"))], citations) for item in conflicts],
        "assumptions": _assumptions(trial.get("assumptions") or []),
    }


def _headline(review: Mapping[str, Any]) -> dict[str, Any]:
    counts = review.get("summary") or {}
    roles = Counter(str(row.get("role") or "no role") for row in review["rows"])
    error = counts.get("mean_absolute_error")
    return {
        "rows": len(review["rows"]),
        "n": counts.get("n", 0),
        "covered": counts.get("covered90", 0),
        "coverage": words.percent(counts.get("coverage90"), words.NOTHING),
        "error": f"{100 * error:.1f}" if words.present(error) else words.NOTHING,
        "missing": sum(not words.present(row.get("published")) for row in review["rows"]),
        "roles": [(name, count, ROLES.get(name, "")) for name, count in sorted(roles.items())],
    }


def _provenance(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    known = [(label, values[key]) for key, label in words.PROVENANCE.items() if values.get(key) is not None]
    rest = [(key, values[key]) for key in sorted(values) if key not in words.PROVENANCE and values[key] is not None]
    return [(label, f"{v:.1f}" if isinstance(v, float) else str(v)) for label, v in [*known, *rest]]


def _forecast(found: Mapping[str, Any]) -> dict[str, Any] | None:
    """Dated predictions for trials that have not reported: one table per trial, one column per arm."""
    rows = found.get("rows") or []
    if not rows:
        return None
    trials = []
    for name, mine in summary.group_by(rows, "trial").items():
        arms = list(dict.fromkeys(str(row["arm"]) for row in mine))
        by_result = summary.group_by([{**row, "name": words.result_name(row)} for row in mine], "name")
        lines = [(result, [_forecast_cell(cells, arm) for arm in arms]) for result, cells in by_result.items()]
        contrasts = [_contrast(item) for item in found.get("contrasts") or [] if item["trial"] == name]
        enrolled = {arm: next(row["n_enrolled"] for row in mine if row["arm"] == arm) for arm in arms}
        trials.append({"id": name, "arms": [(arm, enrolled[arm]) for arm in arms], "lines": lines, "contrasts": contrasts})
    return {"made": str(found["made"]), "hash": str(found["hash"]), "trials": trials}


def _forecast_cell(cells: Sequence[Row], arm: str) -> str:
    row = next((cell for cell in cells if cell["arm"] == arm), None)
    if row is None:
        return words.NOTHING
    return f"{words.percent(row['median'])} ({words.percent_range(row['lo90'], row['hi90'])})"


def _contrast(item: Mapping[str, Any]) -> str:
    difference = {key: f"{100 * value:+.0f}".replace("-", "−") for key, value in item["difference"].items()}
    return (
        f"{item['endpoint']} at {item['months']:g} months, {item['a']} minus {item['b']}: {difference['median']} points "
        f"({difference['lo90']} to {difference['hi90']}); {words.percent(item['probability_better'])} probability that {item['a']} is ahead"
    )


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("remission.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def render_review(review: Mapping[str, Any]) -> str:
    """The review page as HTML text; the same review gives the same text."""
    citations = Citations(review.get("sources") or {})
    by_trial = summary.group_by(review["rows"], "trial")
    known = {str(trial["id"]): trial for trial in review.get("trials") or []}
    everything = [*known.values(), *({"id": name} for name in by_trial if name not in known)]
    drawn: set[str] = set()
    trials = [_trial(trial, by_trial.get(str(trial["id"]), []), citations, drawn) for trial in everything]
    pictures = [
        Markup(summary.draw_trial(str(trial["id"]), str(trial.get("title") or trial["id"]), by_trial[str(trial["id"])]))
        for trial in everything
        if str(trial["id"]) in by_trial
    ]
    return (
        _environment()
        .get_template("review.html")
        .render(
            headline=_headline(review),
            how_predicted=words.how_predicted(review["rows"]),
            pictures=pictures,
            picture_key=Markup(summary.legend()),
            trials=trials,
            forecast=_forecast(review.get("forecast") or {}),
            claims=answer_page.claims(review.get("claims")),
            answer=answer_page.view(review.get("answer") or []),
            tensions=answer_page.tensions(review.get("tensions") or [], citations.cite),
            card=review.get("card"),
            sources=citations.listed(),
            endpoints=[
                (name.replace("MRD-", "MRD−"), meaning)
                for name, meaning in words.ENDPOINTS.items()
                if any(row.get("endpoint") == name for row in review["rows"]) and name != meaning
            ],
            roles=ROLES,
            provenance=_provenance(review.get("provenance") or {}),
        )
    )
