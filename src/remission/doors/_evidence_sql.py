"""`remission evidence sql`: questions to the evidence in SQL, without side effects."""

from __future__ import annotations

import json

import click


@click.command(name="sql")
@click.argument("statement")
@click.option("--timeout", type=click.IntRange(1, 600), default=10, show_default=True, help="Seconds an answer may take.")
@click.option("--max-rows", type=click.IntRange(1, 1_000_000), default=10_000, show_default=True, help="Rows an answer may have.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array of rows.")
@click.option("--csv", "as_csv", is_flag=True, help="Comma-separated values with a header.")
def command(statement: str, timeout: int, max_rows: int, as_json: bool, as_csv: bool) -> None:
    """Answer one SQL STATEMENT that reads.

    Tables: results, baselines, citations, conflicts, readings, trials, arms, sources, meta; their columns are shown by
    "describe results". The column "where" needs its quotes. The statement cannot reach a file, the network, an extension
    or a setting. Needs the extra 'evidence'.
    """
    from remission.base.errors import UsageError
    from remission.evidence import ask

    if as_json and as_csv:
        raise UsageError(
            "more than one format was asked for", where="remission evidence sql",
            why="--json and --csv exclude each other", near="--json", fix="choose one",
        )
    answer = ask(statement, rows=max_rows, seconds=timeout)
    if as_json:
        click.echo(json.dumps(answer.to_dicts(), ensure_ascii=False))
    elif as_csv:
        from remission.doors.evidence import csv_text

        click.echo(csv_text(answer.columns, answer.rows), nl=False)
    else:
        from remission.report import listing

        listing.print_answer(answer.columns, answer.rows, listing.console())
    if answer.truncated:
        click.echo(f"only the first {max_rows} rows are shown; give --max-rows for more", err=True)
