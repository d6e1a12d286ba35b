"""`remission diff`: two protocols compared by meaning."""

from __future__ import annotations

import json

import click


@click.command(name="diff")
@click.argument("first")
@click.argument("second")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: equal, differences, names, totals.")
def command(first: str, second: str, as_json: bool) -> None:
    """Say how two protocols differ in what is given, when, to whom and what decides; not in how they are written.

    FIRST and SECOND are ids of regimens, paths of files that end in .yaml, or an edit in quotes such as
    "like a041703, but move blinatumomab before induction".
    """
    from remission.doors import NOTICE
    from remission.protocol import compare_protocols, open_regimen

    result = compare_protocols(open_regimen(first), open_regimen(second))
    if as_json:
        click.echo(json.dumps({**result.to_dict(), "notice": NOTICE}, ensure_ascii=False))
        return
    click.echo(str(result))
    click.echo(f"\n{NOTICE}")
