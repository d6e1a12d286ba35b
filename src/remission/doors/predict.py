"""`remission predict`: what would a trial report?"""

from __future__ import annotations

import json

import click


@click.command(name="predict")
@click.argument("arm")
@click.argument("endpoint")
@click.option("--where", default=None, help="A subgroup, e.g. 'age >= 70 and not transplanted'.")
@click.option("--enrolled", type=int, default=None, help="Patients enrolled; the trial's own number if left out.")
@click.option("--patients", type=int, default=2000, show_default=True, help="Virtual patients in each draw.")
@click.option("--draws", type=int, default=200, show_default=True, help="Parameter draws from the priors.")
@click.option(
    "--seed", type=click.IntRange(0, 2**64 - 1), default=1, show_default=True, help="Seed of all random numbers."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    arm: str,
    endpoint: str,
    where: str | None,
    enrolled: int | None,
    patients: int,
    draws: int,
    seed: int,
    as_json: bool,
) -> None:
    """Predict what ARM (trial/arm) would report for ENDPOINT (e.g. OS@36mo, MRD-@cycle-1, CRS3+).

    The interval holds chance in a trial of that size, the uncertainty of the parameters, and what a real arm differs from
    its model. `expected` is the median for an infinitely large trial.
    """
    from remission.base.errors import Problem, UsageError
    from remission.doors import NOTICE
    from remission.doors._progress import bar
    from remission.engine import prior_draws
    from remission.inference import ask

    for name, number in (("--patients", patients), ("--enrolled", 1 if enrolled is None else enrolled)):
        if number < 1:
            raise UsageError(
                f"{number} patients were asked for",
                where=name,
                why="at least one is needed",
                near="1",
                fix=f"give {name} 1 or more",
            )
    done = 0
    p = prior_draws(draws, seed)
    with bar("predict") as tell:

        def step(n: int) -> None:
            nonlocal done
            done += n
            tell(arm, done / draws)

        try:
            found = ask(arm, endpoint, p, patients, seed, where, enrolled, step)
        except Problem as problem:
            raise UsageError(
                problem.what, where="--where", why=problem.why, near=problem.near, fix=problem.fix
            ) from None
    if as_json:
        click.echo(json.dumps({**found, "notice": NOTICE}, ensure_ascii=False))
        return
    group = f", where {found['where']}" if found["where"] else ""
    click.echo(
        f"{found['trial']}/{found['arm']} {endpoint}{group}: {found['n_enrolled']} enrolled, {found['n_analysed']} analysed"
    )
    click.echo(
        f"  would report {found['median']:.1%} (90 % interval {found['lo90']:.1%} to {found['hi90']:.1%}); "
        f"an infinitely large trial {found['expected']:.1%}"
    )
    click.echo(f"  {found['draws']} draws ({found['posterior']}), seed {found['seed']}, catalog {found['catalog']}")
    click.echo(NOTICE)
