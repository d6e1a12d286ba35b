"""`remission list`: what the catalog holds."""

from __future__ import annotations

import json

import click

KINDS = ("trials", "regimens", "drugs", "blocks", "populations", "sources", "parameters", "claims")


@click.command(name="list")
@click.argument("kind", type=click.Choice(KINDS))
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array: id, title and a few facts of each entry.")
def command(kind: str, as_json: bool) -> None:
    """List the ids and titles of one KIND of the catalog."""
    from remission.doors._names import entries

    rows = entries(kind.removesuffix("s"))
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    width = max((len(row["id"]) for row in rows), default=0)
    for row in rows:
        extra = {"trials": row.get("status"), "parameters": f"{row.get('unit')}, {row.get('basis')}", "sources": row.get("where"),
                 "drugs": row.get("class"), "claims": f"{row.get('parts')} part{'s' if row.get('parts') != 1 else ''}",
                 "regimens": None if row.get("ph") in (None, "any") else f"Ph-{row.get('ph')}"}.get(kind)
        click.echo(f"{row['id']:<{width}}  {row['title']}" + (f"  [{extra}]" if extra else ""))
