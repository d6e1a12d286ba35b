"""`remission evidence bake`: the evidence as one DuckDB file."""

from __future__ import annotations

import click


@click.command(name="bake")
@click.option("--out", "file", required=True, metavar="FILE", help="Where to write, e.g. evidence.duckdb.")
def command(file: str) -> None:
    """Write the evidence as one DuckDB file, which any tool can open.

    The same catalog and the same DuckDB give the same bytes; the table 'meta' names the catalog's hash. Needs the extra
    'evidence'.
    """
    from remission.evidence import bake_evidence

    found = bake_evidence(file)
    click.echo(f"{file}: catalog {found}")
