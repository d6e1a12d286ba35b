"""`remission evidence conflicts`: where sources disagree, and which reading is used."""

from __future__ import annotations

import json

import click


@click.command(name="conflicts")
@click.option("--trial", help="Only this trial.")
@click.option("--review", "itself", is_flag=True, help="Only where the review disagrees with itself.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array with stable keys.")
def command(trial: str | None, itself: bool, as_json: bool) -> None:
    """Every conflict with its readings, the reading used, and why.

    'between' says who disagrees: the review and itself, the review and a source, or sources.
    """
    from remission.evidence import conflicts, told

    data = [told(name, conflict) for name, conflict in conflicts(trial)]
    if itself:
        data = [conflict for conflict in data if conflict["between"] == "the review and itself"]
    if as_json:
        click.echo(json.dumps(data, ensure_ascii=False))
        return
    from remission.report import listing

    listing.print_conflicts(data, listing.console())
