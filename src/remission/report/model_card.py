"""The model card: what the model is for, what it rests on, what was learned, how well it predicts, and where it must not be used.

Plain data in (`remission.inference.validation.card`), one HTML file out, or the same as a part of another page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from remission.report import answer_page, validation, words
from remission.report import validation_charts as charts
from remission.report.page import Citations

PER_PICTURE = 24
NOTHING_VALIDATED: dict[str, Any] = {
    "n": 0,
    "summary": {"n": 0, "coverage90": None, "bias_by_endpoint": {}},
    "aims": [],
    "tiles": [],
    "baselines": [],
    "misses": [],
}
BASES = {
    "sourced": "read from the named publications",
    "fitted": "set so that results outside the review come out right; not measured",
    "assumption": "no usable source found",
}


WITHIN = (
    ("response of BCR::ABL1", (("d-alba", "MR"), ("s1318-ph", "CMR"), ("mdacc-pona-blina", "CMR"))),
    ("early survival with little chemotherapy", (("a041703", "OS"), ("gmall-bold", "OS"))),
    ("survival in D-ALBA", (("d-alba", "OS"), ("d-alba", "DFS"))),
)
"""Tensions that were known beforehand in results of the review itself: trial and endpoint."""


def render_model_card(card: Mapping[str, Any]) -> str:
    """The card as HTML text; the same card gives the same text."""
    return validation.environment().get_template("model_card.html").render(**view(card))


def model_card_part(card: Mapping[str, Any]) -> str:
    """The card's sections alone, for another page that has the styles of `review.css` and `validation.css`; its ids begin with "card-"."""
    return validation.environment().get_template("model_card_part.html").render(**view(card))


def view(card: Mapping[str, Any]) -> dict[str, Any]:
    """What the templates show of a card."""
    found = card["validation"]
    shown = validation.view(found) if found else NOTHING_VALIDATED
    rows = [row for row in found["rows"] if row["role"] == "calibrate"] if found else []
    summary = shown["summary"]
    citations = Citations(card.get("cited") or {})
    parameters = [_parameter(item) for item in card["parameters"]]
    free = [item for item in card["parameters"] if item["verdict"] != "fixed"]
    return {
        **shown,
        "sentence": standing(card),
        "provenance": validation.provenance(card.get("provenance") or (found or {}).get("provenance") or {}),
        "tensions": answer_page.tensions(card.get("tensions") or [], citations.cite),
        "tensions_within": [(about, [validation.table_row(row) for row in _among(found["rows"], keys)]) for about, keys in WITHIN]
        if found else [],
        "cited": citations.listed() if card.get("tensions") else [],
        "figures": validation.figures(rows, summary, "card-") if rows else [],
        "bias_figures": validation.bias_figures(rows, summary, "card-") if rows else [],
        "evidence": card["evidence"],
        "roles": list(card["evidence"]["roles"].items()),
        "read_as": ", ".join(f"{count} as {name}" for name, count in sorted(card["evidence"]["read_as"].items(), key=lambda i: -i[1])),
        "fitted": card["fitted"],
        "counts": _counts(free, card["parameters"]),
        "learned_figures": _learned_figures(free) if card["fitted"] else [],
        "parameters": parameters,
        "bases": list(BASES.items()),
        "driver_table": _driver_table(card["driver_table"]),
        "overturned": _overturned(card["overturned"]),
        "variants": card["variants"],
        "diagnostics": [(name.replace("_", " "), _figure(value)) for name, value in card["diagnostics"].items() if _simple(value)],
    }


def _among(rows: Sequence[Mapping[str, Any]], keys: Sequence[tuple[str, str]]) -> list[Mapping[str, Any]]:
    return [row for row in rows if (row["trial"], row["endpoint"]) in keys]


def standing(card: Mapping[str, Any]) -> str:
    """How well the model predicts trials that it has not seen, or why nothing can be said of that."""
    found = card["validation"]
    if not found:
        why = ("they are the priors, which no trial of the review has informed" if card.get("draws", "prior") == "prior"
               else f"the posterior {card['draws']} was released without a validation")
        return f"How these draws predict trials left out is not known: {why}. Run: remission validate --out validation."
    said = validation.sentence(found["summary"])
    made = found["provenance"]
    if made.get("catalog_hash") != card.get("catalog_hash", made.get("catalog_hash")):
        said += f" The catalog has changed since this was computed (version {made.get('version')}, {str(made.get('created'))[:10]})."
    return said


def _simple(value: Any) -> bool:
    return isinstance(value, int | float | str)


def _figure(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _counts(free: Sequence[Mapping[str, Any]], everything: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    found = {name: sum(item["verdict"] == name for item in free) for name in ("learned", "partly learned", "not learned")}
    return {
        "all": len(everything),
        "free": len(free),
        "fixed": len(everything) - len(free),
        "learned": found["learned"],
        "partly": found["partly learned"],
        "not_learned": found["not learned"],
        "assumed": sum(item["basis"] == "assumption" for item in everything),
        "moved": sum(bool(item["moved"]) for item in free),
    }


def _learned_figures(free: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Pictures of prior and posterior, the best learned first."""
    ranked = sorted(free, key=lambda item: float(item["sd_ratio"]))
    parts = [ranked[first : first + PER_PICTURE] for first in range(0, len(ranked), PER_PICTURE)]
    return [
        {"svg": Markup(charts.learned(part, number, "card-learned")), "name": f"Parameters, part {number} of {len(parts)}"}
        for number, part in enumerate(parts, 1)
    ]


def _parameter(item: Mapping[str, Any]) -> dict[str, Any]:
    fixed = item["verdict"] == "fixed"
    return {
        "name": str(item["name"]),
        "about": item["about"],
        "unit": "" if item["unit"] == "1" else item["unit"],
        "basis": item["basis"],
        "evidence": item["evidence"],
        "prior": f"fixed at {_number(item['value'])}" if fixed else _band(item["prior"]),
        "posterior": "" if fixed else _band(item["posterior"]),
        "ratio": "" if fixed else f"{item['sd_ratio']:.2f}",
        "shift": "" if fixed else f"{item['shift']:+.1f}".replace("-", "−"),
        "verdict": item["verdict"],
    }


def _band(values: Sequence[float]) -> str:
    low, middle, high = (_number(value) for value in values)
    return f"{middle} ({low} to {high})"


def _number(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")


def _driver_table(table: Mapping[str, Any]) -> dict[str, Any]:
    rows = [
        {
            "name": row["name"],
            "cells": [{"text": f"{100 * share:.0f}" if share >= 0.005 else "", "tint": f"{min(0.55, 1.1 * share):.2f}"}
                      for share in (row["shares"][family] for family in table["families"])],
        }
        for row in table["rows"]
    ]
    return {"families": table["families"], "rows": rows, "together": table["together"], "outputs": table["outputs"]}


def _believed(ahead: float) -> str:
    """Whether the model agrees with a statement, from the probability that it is true."""
    sure = max(ahead, 1 - ahead)
    if sure < 0.75:
        return "undecided"
    side = "agrees" if ahead >= 0.5 else "says the opposite"
    return f"the model {side}" if sure >= 0.9 else f"the model rather {side}"


def _overturned(found: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """By conclusion: what it says, how sure it is, and the assumptions that overturn or shake it."""
    if not found:
        return None
    told = []
    for item in found["conclusions"]:
        effects = [
            {
                "name": row["parameter"],
                "value": _number(row["value"]),
                "how": row["how"],
                "verdict": effect["verdict"],
                "median": validation.points(effect["median"]),
                "ahead": words.percent(effect["ahead"]),
            }
            for row in found["assumptions"]
            for effect in row["effects"]
            if effect["id"] == item["id"]
        ]
        told.append(
            {
                "says": words.capital(str(item["says"])),
                "measure": f"{item['endpoint']} at {words.plain(item['months'])} months, population {item['population']}",
                "median": validation.points(item["median"]),
                "interval": f"{validation.points(item['lo90'])} to {validation.points(item['hi90'])}",
                "ahead": words.percent(item["ahead"]),
                "believed": _believed(float(item["ahead"])),
                "overturned": [e for e in effects if e["verdict"] == "overturned"],
                "shaken": [e for e in effects if e["verdict"] == "shaken"],
                "tested": len(effects),
            }
        )
    return {
        "conclusions": told,
        "assumptions": len({row["parameter"] for row in found["assumptions"]}),
        "draws": found["draws"],
        "patients": found["patients"],
    }
