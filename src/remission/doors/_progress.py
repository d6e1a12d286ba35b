"""A progress bar on stderr, so that stdout stays the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def bar(title: str) -> Iterator[Callable[[str, float], None]]:
    """Shows what is being done and how far it is; yields `tell(what, share)` with share from 0 to 1.

    Without a terminal each new step is one plain line.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        last = ""

        def tell(what: str, share: float) -> None:
            nonlocal last
            if what != last:
                print(f"{title}: {what} ({share:.0%})", file=console.file, flush=True)
                last = what

        yield tell
        return
    with Progress(
        TextColumn(title),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[what]}"),
        console=console,
        transient=True,
    ) as progress:
        task = progress.add_task(title, total=1.0, what="")

        def move(what: str, share: float) -> None:
            progress.update(task, completed=share, what=what)

        yield move
