"""`remission show`: one thing of the catalog in words, with its sources."""

from __future__ import annotations

import json

import click

from remission.doors._names import KINDS


@click.command(name="show")
@click.argument("identifier", metavar="ID")
@click.option("--kind", type=click.Choice(KINDS), default=None, help="Which kind is meant, when an id exists in several.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; for a regimen, the machine plan.")
@click.option("--yaml", "as_yaml", is_flag=True, help="Print a regimen as a file with every value written out, to be changed.")
def command(identifier: str, kind: str | None, as_json: bool, as_yaml: bool) -> None:
    """Say what ID is: a regimen, trial, drug, block, population, source, parameter or claim.

    A regimen may also be the path of a file that ends in .yaml, or an edit in quotes such as
    "like a041703, but move blinatumomab before induction".
    """
    from remission.base.errors import UsageError

    written = identifier.endswith(".yaml") or identifier.lstrip().lower().startswith("like ")
    kind = _kind(identifier, kind, written)
    if as_yaml and (kind != "regimen" or as_json):
        raise UsageError("--yaml is for regimens, and not together with --json", where="--yaml", fix="leave one of them out")
    if kind == "regimen":
        _regimen(identifier, as_json, as_yaml)
        return
    from remission.doors import NOTICE
    from remission.doors._cards import card, data

    if as_json:
        click.echo(json.dumps({"kind": kind, **data(kind, identifier), "notice": NOTICE}, ensure_ascii=False))
        return
    click.echo(card(kind, identifier))
    if kind in ("trial", "block", "population", "claim"):
        click.echo(f"\n{NOTICE}")


def _kind(identifier: str, asked: str | None, written: bool) -> str:
    """The kind to show; other kinds of the same id are told on stderr."""
    from remission.base.errors import NotFound
    from remission.doors._names import identifiers, kinds_of, plural

    if written:
        return "regimen"
    if asked is not None:
        if identifier not in identifiers(asked):
            from remission.base.errors import nearest

            raise NotFound(f"unknown {asked} '{identifier[:60]}'", where=f"catalog/{plural(asked)}", why=f"no {asked} has this id",
                           near=nearest(identifier, identifiers(asked)), fix=f"list the ids with: remission list {plural(asked)}")
        return asked
    found = kinds_of(identifier)
    if len(found) > 1:
        others = " and ".join(f"a {kind}" for kind in found[1:])
        click.echo(f"{identifier} is also {others}: remission show {identifier} --kind {found[1]}", err=True)
    return found[0]


def _regimen(identifier: str, as_json: bool, as_yaml: bool) -> None:
    from remission.doors import NOTICE
    from remission.protocol import human_text, in_words, machine_plan, open_regimen

    regimen = open_regimen(identifier)
    if as_json:
        click.echo(json.dumps({**machine_plan(regimen), "notice": NOTICE}, ensure_ascii=False))
    elif as_yaml:
        click.echo(f"# {NOTICE}\n{human_text(regimen)}", nl=False)
    else:
        from remission.doors._cards import reference

        click.echo(in_words(regimen, reference))
        click.echo(f"\n{NOTICE}")
