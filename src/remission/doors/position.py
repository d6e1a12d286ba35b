"""`remission position`: where should blinatumomab go?"""

from __future__ import annotations

import json
import shlex
from typing import Any

import click

from remission.doors._draws import draws_option

FEWEST_DRAWS = 10
SHOWN = 12


@click.command(name="position")
@click.option("--population", required=True, help="Population id; see: remission list populations.")
@click.option("--max-cycles", type=click.IntRange(0, 8), default=5, show_default=True, help="Blinatumomab cycles, maintenance included.")
@click.option("--max-infusion-days", type=click.IntRange(0, 365), default=None, help="Days on an infusion if every cycle is given.")
@click.option("--max-chemotherapy", type=click.Choice(["none", "reduced", "intensive"]), default="intensive", show_default=True,
              help="Strongest chemotherapy outside maintenance.")
@click.option("--max-toxicity", type=click.FloatRange(0, 1), default=None, help="Share with severe toxicity or death from treatment.")
@click.option("--max-care-days", type=click.FloatRange(0, 2000), default=None,
              help="Mean days in hospital, on an infusion or with an injection.")
@click.option("--max-loss", type=click.FloatRange(0, 1), default=0.15, show_default=True,
              help="Event-free survival that may be given up for less toxicity or fewer days.")
@click.option("--endpoint", default="EFS@36mo", show_default=True, help="OS or EFS from the start of treatment, at a month: what is best.")
@click.option("--patients", type=int, default=1000, show_default=True, help="Virtual patients in each draw for the finalists.")
@draws_option(200)
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), default=1, show_default=True, help="Seed of all random numbers.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--out", "directory", default=None, help="Directory for position.html and position.json.")
def command(population: str, max_cycles: int, max_infusion_days: int | None, max_chemotherapy: str, max_toxicity: float | None,
            max_care_days: float | None, max_loss: float, endpoint: str, patients: int, draws: str, seed: int, as_json: bool,
            directory: str | None) -> None:
    """Search the placements of blinatumomab for a population: what comes first, how many cycles and where, maintenance, intrathecal
    doses and transplant, within limits.

    Every placement is simulated with few patients, the better ones with more, the finalists and the published regimens that fit with
    many. The answer is a ranking with probabilities, the front over event-free and overall survival, severe toxicity and days in care,
    the value of knowing more, and the published regimen nearest to the best placement. The same seed gives the same answer.
    """
    from remission.base import catalog, files
    from remission.base.errors import UsageError
    from remission.decide import Bounds, Limits, disease_of, parse_endpoint, position
    from remission.doors import NOTICE
    from remission.doors._draws import load
    from remission.doors._progress import bar
    from remission.doors.compare import enough_patients

    enough_patients(patients)
    name, months = parse_endpoint(endpoint)
    catalog.path("populations", population)
    if directory is not None:
        files.check_writable(directory)
    p = load(draws, 200, seed)
    if len(p) < FEWEST_DRAWS:
        raise UsageError(f"{len(p)} parameter draws cannot tell how sure an answer is", where="--draws", near="200", fix="use 200",
                         why=f"probabilities and the value of information need at least {FEWEST_DRAWS}")
    from remission.patients import load_population

    who = load_population(population)
    disease_of(who)
    limits = Limits(max_cycles, max_infusion_days, max_chemotherapy)  # type: ignore[arg-type]
    with bar("position") as tell:
        result = position(who, p, patients, seed, endpoint=name, months=months, limits=limits,
                          bounds=Bounds(max_toxicity, max_care_days, max_loss), tell=tell)
    result["provenance"]["command"] = _said(population, endpoint, patients, draws, seed, result["limits"])
    if directory is not None:
        from remission.report.position_page import render_position

        files.write_directory(directory, {"position.json": json.dumps({**result, "notice": NOTICE}, indent=1, ensure_ascii=False) + "\n",
                                          "position.html": render_position(result)})
    if as_json:
        click.echo(json.dumps({**result, "notice": NOTICE}, ensure_ascii=False))
        return
    _print(result)
    if directory is not None:
        click.echo(f"{directory}/position.html and {directory}/position.json written.")
    click.echo(NOTICE)


def _said(population: str, endpoint: str, patients: int, draws: str, seed: int, limits: dict[str, Any]) -> str:
    """The command that gives this answer again."""
    said = ["remission", "position", "--population", population]
    for key, value in limits.items():
        if value is not None:
            said += ["--" + key.replace("_", "-"), f"{value:g}" if isinstance(value, float) else str(value)]
    return shlex.join([*said, "--endpoint", endpoint, "--patients", str(patients), "--draws", draws, "--seed", str(seed)])


def _print(result: dict[str, Any]) -> None:
    from remission.report.position_page import paragraph

    months = f"{result['months']:g}mo"
    click.echo(f"{result['title']}: {result['search']['declared']} placements, {result['draws']} parameter draws ({result['posterior']})")
    click.echo(f"{'rank':>4}  {'EFS':>6} {'OS':>6} {'severe':>7} {'days':>5} {'P(best)':>8}  placement (* on the front)")
    for row in result["placements"][:SHOWN]:
        aims = (f"EFS@{months}", f"OS@{months}", f"severe toxicity@{months}", "care days")
        efs, os_, severe, days = (row["measures"][name]["median"] for name in aims)
        star, kind = "*" if row["on_front"] else " ", "published: " if row["published"] else ""
        click.echo(f"{row['rank']:>4}{star} {efs:6.1%} {os_:6.1%} {severe:7.1%} {days:5.0f} "
                   f"{row['probability_best'][result['endpoint']]:8.2f}  {kind}{row['title']}")
    click.echo("")
    click.echo(paragraph(result))
