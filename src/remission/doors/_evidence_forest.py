"""`remission evidence forest`: the forest plot of a synthesis."""

from __future__ import annotations

import json
from typing import Any

import click

from remission.doors._evidence_pool import pooled, with_options


@click.command(name="forest")
@with_options
@click.option("--out", required=True, help="File to write: .svg, or .html with tables, notes and sources.")
@click.option("--json", "as_json", is_flag=True, help="Print the synthesis as one JSON object.")
def command(out: str, as_json: bool, **asked: Any) -> None:
    """Draw the forest plot of a synthesis; the options are those of `pool`. Disputed rows are marked with †."""
    from remission.base import files
    from remission.base.errors import UsageError

    suffix = out.lower().rpartition(".")[2]
    if suffix not in ("svg", "html"):
        raise UsageError(f"cannot draw a forest plot as '{out[-40:]}'", where="--out", why="the file's name ends in .svg or .html",
                         near=f"{out.rpartition('.')[0] or out}.svg", fix="give --out forest.svg")
    found = pooled(asked)
    from remission.report import draw_forest, render_forest

    files.write_text(out, draw_forest(found) if suffix == "svg" else render_forest(found))
    if as_json:
        click.echo(json.dumps({**found, "file": out}, ensure_ascii=False))
        return
    click.echo(f"{out} written: {found['k']} sets of patients, pooled {found['estimate']:.1%} "
               f"({found['level']:.0%} interval {found['lo']:.1%} to {found['hi']:.1%}). {found['notice']}")
