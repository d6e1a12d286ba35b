"""`remission check`: the catalog, or files of one's own, held against every rule."""

from __future__ import annotations

import json

import click

MANY = 60
"""More files than this take a second or two."""


@click.command(name="check")
@click.argument("paths", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: files, errors, warnings, findings.")
def command(paths: tuple[str, ...], as_json: bool) -> None:
    """Check PATHS (files or folders), or the whole catalog: grammar, units, dose ranges, branches, sources, arithmetic, dates.

    The kind of a file is told by its contents. Every finding says file, line, cause and cure. The exit code is 4 when there is an
    error; warnings inform.
    """
    from remission.doors._checking import check_all, paths_of

    chosen = paths_of(paths)
    if len(chosen) > MANY:
        from remission.doors._progress import bar

        with bar("check") as tell:
            found = check_all(chosen, tell)
    else:
        found = check_all(chosen)
    errors = [item for item in found if item.severity == "error"]
    warned = [item for item in found if item.severity == "warning"]
    if as_json:
        click.echo(json.dumps({"files": len(chosen), "errors": len(errors), "warnings": len(warned),
                               "findings": [item.to_dict() for item in found]}, ensure_ascii=False))
    else:
        for item in found:
            click.echo(str(item))
        click.echo(f"{len(chosen)} file{'s' if len(chosen) != 1 else ''}: {len(errors) or 'no'} error{'s' if len(errors) != 1 else ''}, "
                   f"{len(warned) or 'no'} warning{'s' if len(warned) != 1 else ''}")
    if errors:
        from remission.base.errors import InvalidFile

        raise InvalidFile(f"{len(errors)} error{'s' if len(errors) != 1 else ''} found", where=f"{errors[0].file}:{errors[0].line}",
                          why=errors[0].cause, near=errors[0].near, fix=errors[0].cure)
