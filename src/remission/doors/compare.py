"""`remission compare`: regimens on the same virtual patients."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import click

from remission.doors._draws import draws_option

if TYPE_CHECKING:
    from remission.protocol import Regimen


@click.command(name="compare")
@click.argument("regimens", nargs=-1, required=True)
@click.option("--population", required=True, help="Population id; see: remission list populations.")
@click.option("--endpoint", default="EFS@36mo", show_default=True, help="OS or EFS from the start of treatment, at a month.")
@click.option("--patients", type=int, default=1000, show_default=True, help="Virtual patients in each draw.")
@draws_option(200)
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), default=1, show_default=True, help="Seed of all random numbers.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--out", "directory", default=None, help="Directory for compare.html and compare.json.")
def command(regimens: tuple[str, ...], population: str, endpoint: str, patients: int, draws: str, seed: int, as_json: bool,
            directory: str | None) -> None:
    """Compare REGIMENS in the same patients with the same luck: ids, .yaml files, or "like ID, but ...".

    Differences come with a 90 % interval over parameter draws and, apart from it, the error of simulating finitely many patients.
    With --out the page also shows curves, MRD, relapse by site, death by cause, toxicity, days in hospital and amounts of drugs.
    """
    from remission.base import catalog, files
    from remission.decide import compare, parse_endpoint
    from remission.doors import NOTICE
    from remission.doors._draws import load
    from remission.doors._progress import bar

    enough_patients(patients)
    name, months = parse_endpoint(endpoint)
    catalog.path("populations", population)
    if directory is not None:
        files.check_writable(directory)
    from remission.patients import load_population
    from remission.protocol import open_regimen

    plans = [open_regimen(regimen) for regimen in regimens]
    p, done = load(draws, 200, seed), 0
    with bar("compare") as tell:

        def step(n: int) -> None:
            nonlocal done
            done += n
            tell(population, done / (len(plans) * len(p)))

        result = compare(plans, load_population(population), p, patients, seed, name, months, step)
    said = ["remission", "compare", *regimens, "--population", population, "--endpoint", endpoint, "--patients", str(patients)]
    result["provenance"]["command"] = shlex.join([*said, "--draws", draws, "--seed", str(seed)])
    if directory is not None:
        _write(directory, result, plans, population, NOTICE)
    if as_json:
        click.echo(json.dumps({**result, "notice": NOTICE}, ensure_ascii=False))
        return
    _print(result, patients)
    if directory is not None:
        click.echo(f"{directory}/compare.html and {directory}/compare.json written.")
    click.echo(NOTICE)


def enough_patients(patients: int) -> None:
    """Raise UsageError unless at least one patient was asked for."""
    from remission.base.errors import UsageError

    if patients < 1:
        raise UsageError(f"{patients} patients were asked for", where="--patients", why="a simulation needs at least one", near="1",
                         fix="give --patients 1 or more")


def _write(directory: str, result: dict[str, Any], plans: list[Regimen], population: str, notice: str) -> None:
    from remission.base import files
    from remission.patients import load_population
    from remission.protocol import machine_plan, timeline
    from remission.report.compare_page import render_compare

    regimens = [{"id": plan.id, "title": plan.title, "timeline": timeline(plan), "sources": machine_plan(plan)["sources"]}
                for plan in plans]
    cited = sources_of(ref for regimen in regimens for ref in regimen["sources"])
    page = {**result, "title": load_population(population).title, "regimens": regimens, "sources": cited}
    files.write_directory(directory, {"compare.json": json.dumps({**result, "notice": notice}, indent=1, ensure_ascii=False) + "\n",
                                      "compare.html": render_compare(page)})


def sources_of(refs: Any) -> dict[str, Any]:
    """What is to be printed of the catalog's sources with these ids."""
    from remission.evidence import sources

    known = sources()
    fields = {"title", "authors", "where", "doi", "published", "registry"}
    return {ref: known[ref].model_dump(include=fields) for ref in dict.fromkeys(refs) if ref in known}


def _print(result: dict[str, Any], patients: int) -> None:
    first = result["arms"][0]
    click.echo(f"{first['endpoint']} at {first['months']:g} months in {result['population']}: {result['draws']} parameter draws "
               f"({result['posterior']}), {patients} patients each")
    for arm in result["arms"]:
        click.echo(f"  {arm['regimen']:<30} {arm['median']:6.1%}  (90 % interval {arm['lo90']:.1%} to {arm['hi90']:.1%})")
    for pair in result["comparisons"]:
        d = pair["difference"]
        click.echo(f"  {pair['a']} minus {pair['b']}: {100 * d['median']:+.1f} points ({100 * d['lo90']:+.1f} to {100 * d['hi90']:+.1f}), "
                   f"better with probability {pair['probability_better']:.2f}; of the spread {100 * pair['parameter_sd']:.1f} points are "
                   f"the parameters, {100 * pair['monte_carlo_se']:.1f} the simulation")
