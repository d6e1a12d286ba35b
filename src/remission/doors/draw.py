"""`remission draw`: a regimen's timeline as SVG."""

from __future__ import annotations

import json
from typing import Any

import click


@click.command(name="draw")
@click.argument("regimen")
@click.option("--out", "path", default=None, help="File to write, ending in .svg; without it the SVG goes to stdout.")
@click.option("--wide", is_flag=True, help="For a page of 700 pixels or more, instead of for a phone.")
@click.option("--json", "as_json", is_flag=True, help="Print the data of the drawing as JSON instead.")
def command(regimen: str, path: str | None, wide: bool, as_json: bool) -> None:
    """Draw the timeline of REGIMEN: phases, drugs, infusions, intrathecal doses, assessments and decisions.

    REGIMEN is an id, the path of a file that ends in .yaml, or an edit in quotes such as "like a041703, but remove course-v".
    """
    from remission.base.errors import UsageError
    from remission.base.files import write_text
    from remission.doors import NOTICE
    from remission.report import draw_timeline

    if path is not None and not path.endswith(".svg"):
        raise UsageError(f"'{path[:80]}' does not end in .svg", where="--out", why="the drawing is an SVG", near=f"{path[:60]}.svg",
                         fix="name a file that ends in .svg")
    data = drawing(regimen)
    if as_json:
        click.echo(json.dumps({**data, "notice": NOTICE}, ensure_ascii=False))
        return
    svg = draw_timeline(data, wide=wide)
    if path is None:
        click.echo(svg)
        click.echo(NOTICE, err=True)
        return
    write_text(path, svg)
    click.echo(f"{path} written. {NOTICE}")


def drawing(regimen: str) -> dict[str, Any]:
    """The timeline with every phase in the regimen's order, those off the default path included."""
    from remission.protocol import machine_plan, open_regimen

    plan = machine_plan(open_regimen(regimen))
    beside = [{**item, "drug": item["drug"] + (f" (if {item['only']})" if item["only"] else "")}
              for item in plan["alongside"] if item["from_day"] is not None]
    return {**{key: plan[key] for key in ("id", "title", "days", "phases")}, "alongside": beside}
