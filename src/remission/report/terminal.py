"""Published beside predicted on a terminal: compact, readable at 80 columns, best at 100, plain in a pipe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from remission.report import answer as said
from remission.report import words
from remission.report.compare_parts import chance
from remission.report.summary import group_by

Row = Mapping[str, Any]
ROOMY = 96  # columns from which the number enrolled is shown too


_PLAIN = str.maketrans({words.THIN: " ", "\u00a0": " ", "≥": ">=", "≤": "<=", "≠": "!=", "−": "-", "–": "-"})


def _safe(value: object, style: str = "") -> Text:
    """Text that is never read as markup and holds no control character."""
    kept = "".join(letter if letter.isprintable() else " " for letter in str(value).translate(_PLAIN))
    return Text(kept, style=style)


def _share(fraction: Any, low: Any, high: Any, missing: str) -> str:
    if not words.present(fraction):
        return missing
    shown = f"{words.percent_number(fraction)} %"
    if words.present(low) and words.present(high):
        shown += f" ({words.percent_number(low)}-{words.percent_number(high)})"
    return shown


def _table(width: int, header: bool) -> Table:
    """An empty table whose columns depend on the console's width alone, so that several line up."""
    roomy = width >= ROOMY
    gap = 2 if roomy else 1
    fixed = [("n", 4)] if roomy else []
    fixed += [("Published (95 %)", 17), ("Predicted (90 %)", 17), ("Inside", 6)]
    arm = 18 if roomy else 15
    rest = width - arm - sum(size for _, size in fixed) - gap * (len(fixed) + 1)
    table = Table(box=None, show_header=header, show_edge=False, pad_edge=False, padding=(0, gap, 0, 0))
    table.add_column("Arm", width=arm, overflow="fold")
    table.add_column("Result", width=max(12, min(40, rest)), overflow="fold")
    for name, size in fixed:
        table.add_column(name, width=size, justify="right" if name == "n" else "left", no_wrap=True)
    return table


def _cells(row: Row, arm: str, roomy: bool) -> list[Text]:
    outside = row.get("covered90") is False
    size = row.get("n_enrolled")
    cells = [_safe(arm), _safe(words.result_name(row))]
    if roomy:
        cells.append(_safe(words.plain(size) if words.present(size) else ""))
    return [
        *cells,
        _safe(_share(row.get("published"), row.get("lo95"), row.get("hi95"), words.NOT_REPORTED)),
        _safe(_share(row.get("median"), row.get("lo90"), row.get("hi90"), words.NOT_PREDICTED)),
        _safe("NO" if outside else words.covered(row), "bold red" if outside else ""),
    ]


def print_review(rows: Sequence[Row], summary: Mapping[str, Any], console: Console) -> None:
    """Prints each result, published beside predicted, and the coverage of the predicted 90 % intervals.

    `rows` and `summary` are those of `review.json`; fractions are shown in per cent, intervals in brackets.
    """
    console.print(_table(console.width, header=True))
    console.print(Text("-" * min(console.width, 114)))
    for trial, members in group_by(rows, "trial").items():
        console.print(_safe(trial, "bold"))
        table = _table(console.width, header=False)
        before = ""
        for row in members:
            arm = str(row.get("arm") or "")
            table.add_row(*_cells(row, "" if arm == before else f"  {arm}", console.width >= ROOMY))
            before = arm
        console.print(table)
        console.print()
    console.print(_closing(summary))
    console.print(_safe(words.how_predicted(rows)), soft_wrap=not console.is_terminal)


def _closing(summary: Mapping[str, Any]) -> Text:
    count, held = summary.get("covered90", 0), summary.get("n", 0)
    share = summary.get("coverage90")
    line = f"{count} of {held} published results lie inside the predicted 90 % interval"
    if words.present(share):
        line += f" ({words.percent_number(share)} %)"
    error = summary.get("mean_absolute_error")
    if words.present(error):
        line += f".\nMean distance from the predicted median: {100 * error:.1f} percentage points"
    return Text(line + ".\nResearch software: not for decisions about a patient.")


def print_answer(answer: Sequence[Row], counts: Mapping[str, Any] | None, console: Console) -> None:
    """Where blinatumomab should go: for each population the first two placements with their probabilities, and the paragraph."""
    console.print()
    console.print(_safe("Where should blinatumomab go? (probability of being best; expected event-free survival)", "bold"))
    table = Table(box=None, show_header=True, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("Population", width=22, overflow="fold")
    for name in ("First", "Second"):
        table.add_column(name, width=max(20, (min(console.width, 130) - 22 - 4) // 2), overflow="fold")
    for item in answer:
        table.add_row(_safe(item["population"]), *(_safe(_placed(row)) for row in item["ranking"][:2]))
    console.print(table)
    console.print()
    console.print(_safe(said.paragraph(answer)), soft_wrap=not console.is_terminal)
    console.print(_safe(f"Every placement of one population, not only these: {answer[0]['command']}"))
    if counts:
        console.print(_safe(f"The review's statements, at reduced size: {counts['supported']} of {counts['n']} supported, "
                            f"{counts['contradicted']} contradicted, {counts['cannot tell']} cannot be told ({counts['assumed']} assumed); "
                            "in full: remission claims"))


def _placed(row: Row) -> str:
    return f"{row['label']} ({chance(row['probability_best'])}; {words.percent_number(row['expected'])}%)"
