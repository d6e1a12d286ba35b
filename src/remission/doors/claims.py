"""`remission claims`: the review's statements, each tested."""

from __future__ import annotations

import json
import shlex
from typing import Any

import click

from remission.doors._draws import draws_option


@click.command(name="claims")
@click.argument("identifiers", nargs=-1, metavar="[CLAIM]...")
@click.option("--list", "listing", is_flag=True, help="Only list the claims.")
@click.option("--patients", type=int, default=500, show_default=True, help="Virtual patients in each draw of each experiment.")
@draws_option(200)
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), default=1, show_default=True, help="Seed of all random numbers.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--out", "directory", default=None, help="Directory for claims.html and claims.json.")
def command(identifiers: tuple[str, ...], listing: bool, patients: int, draws: str, seed: int, as_json: bool,
            directory: str | None) -> None:
    """Put the review's statements (all, or the CLAIMs named) to experiments on virtual patients.

    A part is supported when the probability that it holds is at least 0.9, contradicted when it is at most 0.1; between them the
    model cannot tell. Where the model holds the claimed effect as a parameter, the experiment is run again without it, and a verdict
    that rests on it is marked assumed.
    """
    from remission.base import files
    from remission.decide import claim, load_claims, run_claims
    from remission.doors import NOTICE
    from remission.doors._draws import load
    from remission.doors._progress import bar
    from remission.doors.compare import enough_patients, sources_of

    chosen = tuple(claim(identifier) for identifier in dict.fromkeys(identifiers)) or load_claims()
    if listing:
        _list(chosen, as_json)
        return
    enough_patients(patients)
    if directory is not None:
        files.check_writable(directory)
    p = load(draws, 200, seed)
    with bar("claims") as tell:
        result = run_claims(chosen, p, patients, seed, tell)
    said = ["remission", "claims", *identifiers, "--patients", str(patients), "--draws", draws, "--seed", str(seed)]
    result["provenance"]["command"] = shlex.join(said)
    if directory is not None:
        from remission.report.claims_page import render_claims

        page = {**result, "sources": sources_of(item["source"] for item in result["claims"])}
        files.write_directory(directory, {"claims.json": json.dumps({**result, "notice": NOTICE}, indent=1, ensure_ascii=False) + "\n",
                                          "claims.html": render_claims(page)})
    if as_json:
        click.echo(json.dumps({**result, "notice": NOTICE}, ensure_ascii=False))
        return
    _print(result)
    if directory is not None:
        click.echo(f"{directory}/claims.html and {directory}/claims.json written.")
    click.echo(NOTICE)


def _list(chosen: Any, as_json: bool) -> None:
    if as_json:
        rows = [{"id": item.id, "title": item.title, "statement": " ".join(item.statement.split()), "source": item.source.ref,
                 "at": item.source.at, "parts": len(item.parts)} for item in chosen]
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for item in chosen:
        click.echo(f"{item.id:<30} {item.title}")


def _print(result: dict[str, Any]) -> None:
    for item in result["claims"]:
        click.echo(f"{item['verdict']:<13}{'(assumed) ' if item['assumed'] else ''}{item['title']}")
        for part in item["parts"]:
            found = part["result"]
            shown = "nobody to read it in" if found is None else f"{found['median']:+.3f} ({found['lo90']:+.3f} to {found['hi90']:+.3f})"
            chance = "" if part["probability"] is None else f", probability {part['probability']:.2f}"
            click.echo(f"    {part['verdict']:<13} {part['title']}: {shown}{chance}")
        if item["reason"]:
            click.echo(f"    {item['reason']}")
    counts = result["summary"]
    click.echo(f"{counts['n']} statements: {counts['supported']} supported, {counts['contradicted']} contradicted, "
               f"{counts['cannot tell']} cannot be told; {counts['assumed']} rest on what the model was told.")
