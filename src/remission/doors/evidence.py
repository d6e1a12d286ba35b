"""`remission evidence`: published numbers, their places and their conflicts.

Subcommands are the files `_evidence_*.py` beside this one, each with a `command`; a file is imported only when it is used.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

import click

from remission.base.errors import UsageError
from remission.doors._verbs import Verbs

PREFIX = "_evidence_"


class Questions(Verbs):
    """The questions under `remission evidence`: the files `_evidence_NAME.py`."""

    prefix = PREFIX
    place = "remission evidence"
    noun = "question"

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        found = super().resolve_command(ctx, args)
        given = [name for name, value in ctx.params.items() if value not in (None, False)]
        if args and given:
            raise UsageError(
                f"'{args[0]}' takes its options after its name",
                where=self.place,
                why="before it they would filter the list of results: " + ", ".join(f"--{name}" for name in given),
                near=f"remission evidence {args[0]} --{given[0]} …",
                fix="move the options behind the question",
            )
        return found


@click.group(name="evidence", cls=Questions, invoke_without_command=True)
@click.option("--trial", help="Only this trial; see: remission list trials.")
@click.option("--arm", help="Only this arm of the trial.")
@click.option("--endpoint", help="Only this endpoint, e.g. CR, MRD-, OS, DFS, CRS3+.")
@click.option("--population", help="A population id, or a word of the analysis population.")
@click.option("--where", help="A subgroup's own condition, e.g. 'age >= 70'; 'none' for whole arms.")
@click.option("--role", help="calibrate, validate or context.")
@click.option("--as-of", "as_of", help="Only what was published by this date, e.g. 2022-12-31.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array with stable keys.")
@click.option("--csv", "as_csv", is_flag=True, help="Comma-separated values with a header.")
@click.option("--parquet", metavar="FILE", help="Write a Parquet file (needs the extra 'evidence').")
@click.pass_context
def command(
    ctx: click.Context, trial: str | None, arm: str | None, endpoint: str | None, population: str | None,
    where: str | None, role: str | None, as_of: str | None, as_json: bool, as_csv: bool, parquet: str | None,
) -> None:
    """Published numbers with their sources and places.

    Without a question it lists results. Rows carry trial, arm, endpoint, months, where, value, numerator, n, lo95, hi95,
    source, place, published_on, role and status; then id, assessment, measure, cut, subgroup, assay, threshold,
    population, conflicts and note. Fractions lie between 0 and 1; a missing value is null, never zero.
    """
    if ctx.invoked_subcommand is not None:
        return
    from remission.base.errors import UsageError

    if sum((as_json, as_csv, parquet is not None)) > 1:
        raise UsageError(
            "more than one format was asked for",
            where="remission evidence",
            why="--json, --csv and --parquet exclude each other",
            near="--json",
            fix="choose one",
        )
    from remission.evidence import all_results

    with options_explained({"where": where, "as-of": as_of}):
        rows = all_results(
            trial=trial, arm=arm, endpoint=endpoint, role=role, population=population, where=where, as_of=as_of
        )
    if parquet is not None:
        from remission.evidence import write_parquet

        write_parquet(rows, parquet)
        click.echo(f"{parquet}: {len(rows)} results", err=True)
        return
    data = [row.to_dict() for row in rows]
    if as_json:
        click.echo(json.dumps(data, ensure_ascii=False))
    elif as_csv:
        from dataclasses import fields

        from remission.evidence import Row

        click.echo(csv_text([field.name for field in fields(Row)], (row.values() for row in data)), nl=False)
    else:
        from remission.doors import NOTICE
        from remission.report import listing

        listing.print_rows(data, listing.console())
        click.echo(NOTICE)


def csv_text(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """Comma-separated values: missing as nothing, lists joined by semicolons, numbers as they are."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow(["; ".join(map(str, value)) if isinstance(value, list | tuple) else value for value in row])
    return out.getvalue()


class options_explained:
    """Turns a broken rule inside an option's text into a usage error that names the option."""

    def __init__(self, options: Mapping[str, str | None]) -> None:
        self.options = options

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        from remission.base.errors import Problem, UsageError

        if isinstance(error, Problem):
            given = " ".join(f"--{name}" for name, text in self.options.items() if text is not None)
            raise UsageError(
                error.what, where=given or "command line", why=error.why, near=error.near, fix=error.fix
            ) from None
