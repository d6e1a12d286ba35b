"""Stopping a run when the user asks for it, even if the first signal falls where libraries swallow exceptions."""

from __future__ import annotations

import signal
from types import FrameType

_asked = False


def listen() -> None:
    """From now on an interrupt or a request to terminate stops the run at the next safe point."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _ask)


def _ask(number: int, frame: FrameType | None) -> None:
    global _asked
    _asked = True
    raise KeyboardInterrupt


def check() -> None:
    """Raise KeyboardInterrupt if a stop was asked for; long loops call this between their steps."""
    if _asked:
        raise KeyboardInterrupt
