"""How Remission fails: five parts in every message, and one exit code for each class of error.

what   the error in one sentence          where  file and line, option or argument
why    the rule that was broken           near   the nearest valid choice
fix    what to do about it
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class RemissionError(Exception):
    """An error a user can act on. Prints as five parts, never as a traceback."""

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", why: str = "", near: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.why, self.near, self.fix = what, where, why, near, fix

    def parts(self) -> dict[str, str]:
        """The five parts by name; empty ones are left out."""
        named = {"what": self.what, "where": self.where, "why": self.why, "near": self.near, "fix": self.fix}
        return {name: text for name, text in named.items() if text}

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        rest = [f"  {name + ':':<5} {text}" for name, text in self.parts().items() if name not in ("what", "where")]
        return "\n".join([head, *rest])


class UsageError(RemissionError):
    """A command line or argument that cannot be meant (zero patients, a negative seed)."""

    exit_code = 2


class NotFound(RemissionError):
    """An id that the catalog does not have."""

    exit_code = 3


class InvalidFile(RemissionError):
    """A file that is malformed, hostile, or says something the catalog forbids."""

    exit_code = 4


class UnitError(RemissionError):
    """A quantity whose unit does not fit its place."""

    exit_code = 5


class EmptySelection(RemissionError):
    """Nobody is left: no patient can be in the population or subgroup asked for."""

    exit_code = 6


class CannotWrite(RemissionError):
    """An output place that cannot be written; nothing was left half-written there."""

    exit_code = 7


class Interrupted(RemissionError):
    """The user stopped the run; nothing was left half-written."""

    exit_code = 130


class Problem(ValueError):
    """A broken rule found inside a value, before its file and line are known.

    Raised by validators; `base.files.parse` adds the place and turns it into an `InvalidFile` or `UnitError`.
    """

    def __init__(self, what: str, *, why: str = "", near: str = "", fix: str = "", unit: bool = False) -> None:
        super().__init__(what)
        self.what, self.why, self.near, self.fix, self.unit = what, why, near, fix, unit


def nearest(given: str, known: Iterable[str]) -> str:
    """The known word closest to `given`, or "" when none is close."""
    matches = difflib.get_close_matches(given, list(known), n=1, cutoff=0.5)
    return matches[0] if matches else ""
