"""`remission predict`: what would a trial report?"""

from __future__ import annotations

import json
from typing import Any

import click

from remission.doors._draws import draws_option, load


@click.command(name="predict")
@click.argument("arm")
@click.argument("endpoint")
@click.option("--where", default=None, help="A subgroup, e.g. 'age >= 70 and not transplanted'.")
@click.option("--enrolled", type=int, default=None, help="Patients enrolled; the trial's own number if left out.")
@click.option("--cut", default=None, help="A cut of the trial's data, for its follow-up and numbers.")
@click.option("--patients", type=int, default=2000, show_default=True, help="Virtual patients in each draw.")
@draws_option(200)
@click.option(
    "--seed", type=click.IntRange(0, 2**64 - 1), default=1, show_default=True, help="Seed of all random numbers."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    arm: str,
    endpoint: str,
    where: str | None,
    enrolled: int | None,
    cut: str | None,
    patients: int,
    draws: str,
    seed: int,
    as_json: bool,
) -> None:
    """Predict what ARM (trial/arm) would report for ENDPOINT.

    \b
    OS@36mo, EFS DFS RFS PFS CRD     survival at 0.5 to 180 months from the trial's own time zero
    CIR@24mo, NRM CIR-CNS CIR-EM CIR-CD19-    cumulative incidence, with competing events
    CR@end-induction, MRD-@cycle-1, MR, CMR   response at an assessment, by a month, or at any time
    CRS3+, NT3+, VOD, 'induction death', 'death in remission', HSCT, relapse

    The interval holds chance in a trial of that size, the uncertainty of the parameters, and what a real arm differs from its model.
    `expected` is the median for an infinitely large trial. A subgroup that depends on what happens after the start (MRD at an
    assessment, a transplant, blinatumomab) moves time zero to a landmark on which it is known; the answer says to which.
    """
    from remission.base.errors import UsageError
    from remission.doors import NOTICE
    from remission.doors._progress import bar
    from remission.inference import ask
    from remission.inference.ask import question

    for name, number in (("--patients", patients), ("--enrolled", 1 if enrolled is None else enrolled)):
        if number < 1:
            raise UsageError(
                f"{number} patients were asked for",
                where=name,
                why="at least one is needed",
                near="1",
                fix=f"give {name} 1 or more",
            )
    question(arm, endpoint, where, cut)
    done = 0
    p = load(draws, 200, seed)
    with bar("predict") as tell:

        def step(n: int) -> None:
            nonlocal done
            done += n
            tell(arm, min(1.0, done / len(p)))

        found = ask(arm, endpoint, p, patients, seed, where, enrolled, step, cut=cut)
    if as_json:
        click.echo(json.dumps({**found, "notice": NOTICE}, ensure_ascii=False))
    else:
        for line in _lines(found, endpoint, NOTICE):
            click.echo(line)


def _lines(found: dict[str, Any], endpoint: str, notice: str) -> list[str]:
    group = f", where {found['where']}" if found["where"] else ""
    lines = [
        f"{found['trial']}/{found['arm']} {endpoint}{group}: {found['n_enrolled']} enrolled, {found['n_analysed']} analysed",
        f"  would report {found['median']:.1%} (90 % interval {found['lo90']:.1%} to {found['hi90']:.1%}); "
        f"an infinitely large trial {found['expected']:.1%}",
    ]
    landmark, follow_up = found["landmark"], found["follow_up"]
    if landmark and landmark["facts"]:
        lines.append(
            f"  landmark: {', '.join(landmark['facts'])}, median day {landmark['median_day']:.0f}; {landmark['rule']}"
        )
    if landmark and landmark["not_moved_for"]:
        lines.append(f"  time zero was not moved for: {', '.join(landmark['not_moved_for'])}")
    if follow_up:
        later = ", a later report than the trial's own" if follow_up["later_report"] else ""
        lines.append(
            f"  follow-up: {follow_up['shortest']:g} to {follow_up['longest']:g} months, median {follow_up['median']:g}{later}"
        )
    if found["definition"] == "usual":
        lines.append(f"  definition: the usual one ({found['assumed']})")
    lines.append(f"  {found['draws']} draws ({found['posterior']}), seed {found['seed']}, catalog {found['catalog']}")
    return [*lines, notice]
