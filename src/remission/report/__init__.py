"""How are results shown to people?

Inputs: plain data made by other rooms: a resolved regimen, a review's rows, trials and sources, a synthesis.
Outputs: timelines and forest plots as SVG, a review as one HTML file without outside assets, a table on the terminal.

Importing this package loads neither matplotlib, Jinja2 nor rich; each loads with the function that needs it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["draw_forest", "draw_timeline", "print_answer", "print_review", "render_forest", "render_pool", "render_review"]


def draw_timeline(regimen: Mapping[str, Any], *, wide: bool = False) -> str:
    """The timeline of a resolved regimen as the text of an SVG file.

    `regimen` has `id`, `title`, `phases`, `alongside` and, if there are any, `other_phases` off the default path;
    days are absolute and count from 1. The drawing is made for a phone (legible at 400 pixels) or, with `wide`,
    for a page.

    >>> svg = draw_timeline({"id": "x", "title": "X", "phases": [], "alongside": []})
    >>> svg.startswith("<svg") and "Timeline of X" in svg
    True
    """
    from remission.report import timeline

    return timeline.draw_timeline(regimen, wide=wide)


def render_review(review: Mapping[str, Any]) -> str:
    """The review page as one HTML file: `rows`, `summary`, `trials`, `sources` and `provenance`.

    Fractions (0 to 1) in the rows and curves are shown in per cent. The same review gives the same text.
    """
    from remission.report import page

    return page.render_review(review)


def print_review(rows: Sequence[Mapping[str, Any]], summary: Mapping[str, Any], console: Console) -> None:
    """A compact table of published beside predicted results on a rich console."""
    from remission.report import terminal

    terminal.print_review(rows, summary, console)


def print_answer(answer: Sequence[Mapping[str, Any]], counts: Mapping[str, Any] | None, console: Console) -> None:
    """The review's answer on a rich console: `answer` is that of `review.json`, `counts` the summary of its statements."""
    from remission.report import terminal

    terminal.print_answer(answer, counts, console)


def draw_forest(pooled: Mapping[str, Any]) -> str:
    """The forest plot of a synthesis (`remission.evidence.pool_results`) as the text of an SVG file."""
    from remission.report import forest

    return forest.draw_forest(pooled)


def render_forest(pooled: Mapping[str, Any]) -> str:
    """The forest plot of a synthesis with its studies, caveats and sources as one HTML file without outside assets."""
    from remission.report import forest

    return forest.render_forest(pooled)


def render_pool(pooled: Mapping[str, Any]) -> str:
    """A synthesis as text for the terminal: what was pooled, what was left out and why, sources."""
    from remission.report import pool_text

    return pool_text.render_text(pooled)
