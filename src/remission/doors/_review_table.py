"""What `remission evidence table1` and `table2` share."""

from __future__ import annotations

import json

import click

ABOUT = {
    1: "The review's Table 1 (Ph-negative, A younger and B older adults), rebuilt from the catalog.",
    2: "The review's Table 2 (Ph-positive), rebuilt from the catalog.",
}


def table_command(number: int) -> click.Command:
    """The command for one table."""

    @click.command(
        name=f"table{number}",
        help=f"{ABOUT[number]}\n\nEvery cell carries its source; letters lead to notes on conflicts and on what the "
        "review's own table prints instead. Missing values are 'not reported'.",
    )
    @click.option("--format", "form", type=click.Choice(("terminal", "html")), default="terminal", show_default=True,
                  help="Text for a terminal, or one HTML file without outside assets.")
    @click.option("--out", "file", metavar="FILE", help="Write to a file instead of printing.")
    @click.option("--json", "as_json", is_flag=True, help="The table as one JSON object.")
    def command(form: str, file: str | None, as_json: bool) -> None:
        text = _text(f"table{number}", "json" if as_json else form, file is not None)
        if file is None:
            click.echo(text, nl=False)
            return
        from pathlib import Path

        from remission.base import files
        from remission.base.errors import CannotWrite

        if Path(file).is_dir():
            raise CannotWrite("cannot write the file: it is a directory", where=files.shown_path(file),
                              why="the table is one file", near=f"{file.rstrip('/')}/table{number}.html",
                              fix="give a file name with --out")
        files.write_text(file, text)
        click.echo(f"{file} written", err=True)

    return command


def _text(name: str, form: str, to_file: bool) -> str:
    """The table as it will be printed or written."""
    import remission
    from remission.doors import NOTICE
    from remission.evidence import catalog_hash, review_table
    from remission.report import listing, tables

    table = review_table(name).to_dict()
    if form == "json":
        return json.dumps(table, ensure_ascii=False) + "\n"
    if form == "html":
        return tables.render_table(table, {"Remission": remission.__version__, "Catalog hash": catalog_hash()})
    page = listing.console()
    if to_file:
        from rich.console import Console

        page = Console(width=listing.WIDE, no_color=True, highlight=False)
    with page.capture() as caught:
        tables.print_table(table, page)
    return caught.get() + NOTICE + "\n"
