"""`remission evidence pool`: synthesis of published results; its options are also those of `forest`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import click

_OPTIONS = (
    click.option("--endpoint", required=True, help="What to pool: CR, MRD-, OS, EFS, CRS3+ …"),
    click.option("--at", default=None, help="An assessment (cycle-1, any) or months (36). Left out: the best over all assessments; "
                 "for survival the landmark that most trials report."),
    click.option("--window", type=float, default=None, help="Months either side of a landmark. [default: a sixth of it]"),
    click.option("--trial", "trials", multiple=True, help="Only this trial (may be repeated). Left out: the review's trials, "
                 "without control arms and comparators."),
    click.option("--arm", "arms", multiple=True, help="Only this arm (may be repeated)."),
    click.option("--population", default=None, help="A population id, or words of the analysis population."),
    click.option("--role", default=None, help="Only rows of this role: calibrate, validate, context."),
    click.option("--where", default=None, help="A subgroup as the rows give it, e.g. 'age >= 70'."),
    click.option("--method", default=None, help="glmm (exact binomial likelihood; proportions) or reml (inverse variance). "
                 "[default: glmm for proportions, reml for survival]"),
    click.option("--interval", default="hartung-knapp", show_default=True, help="hartung-knapp, profile or wald."),
    click.option("--level", type=float, default=0.95, show_default=True, help="Level of the pooled intervals."),
    click.option("--scale", default="cloglog", show_default=True, help="Survival: cloglog or logit."),
)


def with_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a synthesis."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def pooled(asked: dict[str, Any]) -> dict[str, Any]:
    """The answer to the options given, with the notice."""
    from remission.base.errors import UsageError
    from remission.doors import NOTICE
    from remission.evidence import PoolQuestion, pool_results

    window = asked["window"]
    if window is not None and not 0 <= window <= 600:
        raise UsageError(f"a window of {window:g} months", where="--window", why="it is a number of months, 0 or more", near="6",
                         fix="give --window 6, or leave it out")
    names = ("endpoint", "at", "trials", "arms", "population", "role", "where", "window")
    question = PoolQuestion(**{name: asked[name] for name in names})
    found = pool_results(question, method=asked["method"], interval=asked["interval"], level=asked["level"], scale=asked["scale"])
    return {**found, "notice": NOTICE}


@click.command(name="pool")
@with_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(as_json: bool, **asked: Any) -> None:
    """Pool published results by a random-effects model, one row for each independent set of patients.

    Says what was pooled and what was left out, and why; gives the pooled value, its interval, the prediction interval for a
    new set of patients, and heterogeneity. Nobody is counted twice.
    """
    found = pooled(asked)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    from remission.report import render_pool

    click.echo(render_pool(found))
