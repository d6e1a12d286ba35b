"""`remission compare`: regimens on the same virtual patients."""

from __future__ import annotations

import json

import click


@click.command(name="compare")
@click.argument("regimens", nargs=-1, required=True)
@click.option("--population", required=True, help="Population id; see: remission list populations.")
@click.option(
    "--endpoint", default="EFS@36mo", show_default=True, help="OS or EFS from the start of treatment, at a month."
)
@click.option("--patients", type=int, default=1000, show_default=True, help="Virtual patients in each draw.")
@click.option("--draws", type=int, default=200, show_default=True, help="Parameter draws from the priors.")
@click.option(
    "--seed", type=click.IntRange(0, 2**64 - 1), default=1, show_default=True, help="Seed of all random numbers."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    regimens: tuple[str, ...], population: str, endpoint: str, patients: int, draws: int, seed: int, as_json: bool
) -> None:
    """Compare REGIMENS in the same patients with the same luck: ids, .yaml files, or "like ID, but ...".

    Differences come with a 90 % interval over parameter draws and, apart from it, the error of simulating finitely many patients.
    """
    from remission.base import catalog
    from remission.base.errors import UsageError
    from remission.decide import compare, parse_endpoint
    from remission.doors import NOTICE
    from remission.doors._progress import bar

    if patients < 1:
        raise UsageError(
            f"{patients} patients were asked for",
            where="--patients",
            why="a simulation needs at least one",
            near="1",
            fix="give --patients 1 or more",
        )
    name, months = parse_endpoint(endpoint)
    catalog.path("populations", population)

    from remission.engine import prior_draws
    from remission.patients import load_population
    from remission.protocol import open_regimen

    plans = [open_regimen(regimen) for regimen in regimens]
    p, done = prior_draws(draws, seed), 0
    with bar("compare") as tell:

        def step(n: int) -> None:
            nonlocal done
            done += n
            tell(population, done / (len(plans) * len(p)))

        result = compare(plans, load_population(population), p, patients, seed, name, months, step)
    if as_json:
        click.echo(json.dumps({**result, "notice": NOTICE}, ensure_ascii=False))
        return
    click.echo(
        f"{name} at {months:g} months in {population}: {draws} parameter draws ({p.name}), {patients} patients each"
    )
    for arm in result["arms"]:
        click.echo(
            f"  {arm['regimen']:<30} {arm['median']:6.1%}  (90 % interval {arm['lo90']:.1%} to {arm['hi90']:.1%})"
        )
    for pair in result["comparisons"]:
        d = pair["difference"]
        click.echo(
            f"  {pair['a']} minus {pair['b']}: {100 * d['median']:+.1f} points ({100 * d['lo90']:+.1f} to {100 * d['hi90']:+.1f}), "
            f"ahead in {pair['probability_better']:.0%} of draws; simulation error {100 * pair['monte_carlo_se']:.1f} points"
        )
    click.echo(NOTICE)
