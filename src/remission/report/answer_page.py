"""What the review's page ends with: the answer (one picture of all rankings, one paragraph, a folded table for each population), the
review's statements with their verdicts, and the known tensions between model and evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from remission.report import answer as said
from remission.report import svg, words
from remission.report.compare_parts import amount, chance, span
from remission.report.summary import key_of

Data = Mapping[str, Any]
WIDTH, FONT = 360.0, 12.0
SHOWN = 4
GREY = "#8c959f"
LEFT, BAR = 18.0, 92.0
MEASURES = (("OS", "Alive", "share"), ("relapse", "Relapse", "share"),
            ("severe toxicity", "Severe toxicity or death from treatment", "share"), ("care days", "Days in care", "days"))


def view(answer: Sequence[Data]) -> dict[str, Any] | None:
    """What the template shows; None without an answer."""
    if not answer:
        return None
    first = answer[0]
    return {
        "paragraph": said.paragraph(answer),
        "endpoint": said.endpoint_words(str(first["endpoint"])),
        "prior": first["prior"],
        "pictures": [Markup(picture(item)) for item in answer],
        "columns": [title for _, title, _ in MEASURES],
        "populations": [{"key": key_of("answer", item["population"]), "title": item["title"], "id": item["population"],
                         "paragraph": said.of_population(item), "command": item["command"],
                         "rows": [_row(row, item) for row in item["ranking"]]} for item in answer],
    }


def _row(row: Data, item: Data) -> dict[str, Any]:
    kind = str(item["endpoint"]).partition("@")[0]
    found = row["measures"][kind]
    cells = [{"value": words.percent(row["expected"]), "range": span(found["lo90"], found["hi90"], "share")}]
    cells += [{"value": amount(row["measures"][name]["median"], unit),
               "range": span(row["measures"][name]["lo90"], row["measures"][name]["hi90"], unit)} for name, _, unit in MEASURES]
    return {"rank": row["rank"], "label": words.capital(row["label"]), "id": row["id"], "chance": chance(row["probability_best"]),
            "cells": cells, "nearest": row["nearest"]["regimen"]}


def chosen(item: Data) -> list[Data]:
    """The rows of the picture: the first few, and the best without blinatumomab."""
    rows = list(item["ranking"][:SHOWN])
    without = next((row for row in item["ranking"] if not row["blinatumomab"]), None)
    return rows if without is None or without in rows else [*rows, without]


def picture(item: Data) -> str:
    """The ranking in one population: a bar for the probability of being best, the expected endpoint beside it."""
    body: list[str] = []
    y = 15.0
    for line in svg.wrap(str(item["title"]), 13.5, WIDTH):
        body.append(svg.text(0, y, line, font_size=13.5, font_weight="bold"))
        y += 17
    y -= 4
    told = []
    free = "event-free" if str(item["endpoint"]).startswith("EFS") else "alive"
    for row in chosen(item):
        drawn, y = _drawn(row, y, free)
        body += drawn
        told.append(f"{row['rank']}: {row['label']}, expected {words.percent(row['expected'])}, best with probability "
                    f"{chance(row['probability_best'])}, severe toxicity {words.percent(row['measures']['severe toxicity']['median'])}")
    rest = len(item["ranking"]) - len(chosen(item))
    if rest:
        y += 15
        body.append(svg.text(LEFT, y, f"and {rest} more in the table below", font_size=11, fill=svg.MUTED))
    return svg.picture(body, key=key_of("answer", "picture", item["population"]), width=WIDTH, height=y + 8,
                       title=f"Ranking of placements: {item['title']}", desc="; ".join(told) + ".")


def _drawn(row: Data, y: float, free: str) -> tuple[list[str], float]:
    with_it = bool(row["blinatumomab"])
    body = []
    for number, line in enumerate(svg.wrap(words.capital(row["label"]), FONT, WIDTH - LEFT - 2)):
        y += 15
        if number == 0:
            body.append(svg.text(0, y, str(row["rank"]), font_size=FONT, font_weight="bold"))
        body.append(svg.text(LEFT, y, line, font_size=FONT, font_weight="bold" if row["rank"] == 1 else None))
    y += 5
    share = float(row["probability_best"])
    body.append(svg.tag("rect", x=LEFT, y=y, width=BAR, height=10, fill="#eef1f4"))
    if share > 0:
        body.append(svg.tag("rect", x=LEFT, y=y, width=max(1.5, BAR * share), height=10, fill=svg.BLUE if with_it else GREY))
    body.append(svg.text(LEFT + BAR + 8, y + 9, chance(share), font_size=FONT, font_weight="bold"))
    text = f"{free} {words.percent(row['expected'])}, toxicity {words.percent(row['measures']['severe toxicity']['median'])}"
    body.append(svg.text(LEFT + BAR + 76, y + 9, text, font_size=11, fill=svg.MUTED))
    return body, y + 16


SIGNS = {"supported": "✓", "contradicted": "✗", "cannot tell": "?"}
COMMAND = "remission claims --out claims"


def claims(found: Data | None) -> dict[str, Any] | None:
    """The statements with their verdicts and the probability of their least likely part; None where none was tested."""
    if not found:
        return None
    return {"summary": found["summary"], "draws": found["draws"], "patients": found["patients"], "command": COMMAND,
            "rows": [_statement(claim) for claim in found["claims"]]}


def _statement(claim: Data) -> dict[str, Any]:
    parts = [{"title": words.capital(part["title"]), "verdict": part["verdict"], "chance": chance(part["probability"])}
             for part in claim["parts"]]
    return {"title": claim["title"], "statement": claim["statement"], "verdict": claim["verdict"], "sign": SIGNS[claim["verdict"]],
            "class_": claim["verdict"].replace(" ", "-"), "assumed": claim["assumed"], "reason": claim["reason"], "parts": parts}


def tensions(found: Sequence[Data], cite: Callable[[Any, Any], Any]) -> list[dict[str, Any]]:
    """Known tensions: what the model says beside the published number, with its source."""
    return [{"about": words.capital(str(row["about"])), "note": row["note"], "published": words.percent(row["published"]),
             "n": row["n"], "model": words.percent(row["median"]), "range": words.percent_range(row["lo90"], row["hi90"]),
             "inside": row["lo90"] <= row["published"] <= row["hi90"],
             "off": f"{100 * (row['median'] - row['published']):+.0f}".replace("-", "−"),
             "citation": cite(row["source"], "") if row["source"] else None, "where": f"{row['regimen']} in {row['population']}"}
            for row in found]
