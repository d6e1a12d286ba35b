"""The option `--draws`: which parameter draws, and how many."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from remission.engine import Draws


def draws_option(count: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--draws 200`, `--draws prior`, `--draws 2026.1:500` or `--draws FOLDER`; `count` draws if no number is given."""
    return click.option(
        "--draws",
        "draws",
        default=str(count),
        show_default=True,
        metavar="[NAME][:][N]",
        help="Parameter draws: how many, from where, or both (200, prior, prior:50, a posterior's name or folder). "
        "Without a name, from the newest released posterior.",
    )


def parse_draws(text: str, count: int) -> tuple[str | None, int]:
    """Name (None: the newest released posterior) and number of draws asked for. Raises UsageError.

    >>> parse_draws("prior:50", 200), parse_draws("80", 200), parse_draws("2026.1", 200)
    (('prior', 50), (None, 80), ('2026.1', 200))
    """
    from remission.base.errors import UsageError

    match = re.fullmatch(r"(?P<only>[+-]?\d{1,7})|(?P<name>.+?)(?::(?P<n>[+-]?\d{1,7}))?", text.strip(), re.DOTALL)
    if match is None:
        raise UsageError("no draws were named", where="--draws", near="200", fix="write e.g. 200, prior or prior:50")
    number = int(match["only"] or match["n"] or count)
    if number < 1:
        raise UsageError(
            f"{number} draws were asked for",
            where="--draws",
            why="a simulation needs at least one",
            near="1",
            fix="give --draws 1 or more",
        )
    return match["name"], number


def load(text: str, count: int, seed: int) -> Draws:
    """The draws asked for; says on stderr in what a posterior is older than the program or the catalog."""
    from remission.engine import load_draws

    p = load_draws(*parse_draws(text, count), seed)
    for sentence in getattr(p, "stale", ()):
        click.echo(f"warning: {sentence}", err=True)
    return p
