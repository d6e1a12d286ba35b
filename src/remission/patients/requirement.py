"""What a population requires of its patients: alternatives joined by `or`, in a closed grammar.

requirement = alternative, {"or", alternative};
alternative = "ph_like" | "kmt2a" | "hypodiploid" | "adverse_genetics" | "ikzf1 = deleted" | "ikzf1 = plus" | "ikzf1 != none"
            | "wbc >", number (1e9/L);
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from remission.base.errors import Problem, nearest

LESIONS = ("ph_like", "kmt2a", "hypodiploid")
PLAIN = (*LESIONS, "adverse_genetics", "ikzf1 = deleted", "ikzf1 = plus", "ikzf1 != none")
MAX_LENGTH = 300
_NUMBER = r"[0-9]{1,4}(?:\.[0-9]{1,3})?"
_WBC = re.compile(rf"wbc > ({_NUMBER})")
_ALTERNATIVE = "(" + "|".join(re.escape(word).replace(r"\ ", " *") for word in PLAIN) + f"|wbc *> *{_NUMBER})"
PATTERN = rf"^ *{_ALTERNATIVE}( +or +{_ALTERNATIVE})* *$"
"""A requirement as a regular expression, for the JSON schema."""


@dataclass(frozen=True)
class Requirement:
    """At least one must hold: a lesion of `lesions`, an IKZF1 state of `ikzf1` (1 deleted, 2 plus), white cells above `wbc` (1e9/L)."""

    lesions: frozenset[str]
    ikzf1: frozenset[int]
    wbc: float | None


def parse_requirement(text: str) -> Requirement:
    """Read a requirement. Raises Problem."""
    if len(text) > MAX_LENGTH:
        raise Problem("the requirement is too long", why=f"at most {MAX_LENGTH} characters are read", fix="shorten it")
    lesions: set[str] = set()
    ikzf1: set[int] = set()
    counts: list[float] = []
    for part in re.split(r"\bor\b", text):
        alternative = " ".join(re.sub(r"(!=|=|>)", r" \1 ", part).split()).replace("! =", "!=")
        white = _WBC.fullmatch(alternative)
        if white:
            counts.append(float(white[1]))
        elif alternative in LESIONS:
            lesions.add(alternative)
        elif alternative == "adverse_genetics":
            lesions |= {"kmt2a", "hypodiploid"}
        elif alternative in PLAIN:
            ikzf1 |= {"ikzf1 = deleted": {1}, "ikzf1 = plus": {2}, "ikzf1 != none": {1, 2}}[alternative]
        else:
            known = (*PLAIN, "wbc > 30")
            raise Problem(f"'{alternative[:40]}' cannot be required", why="known alternatives, joined by 'or': " + ", ".join(known),
                          near=nearest(alternative[:60], known), fix="write one of them")
    return Requirement(frozenset(lesions), frozenset(ikzf1), min(counts) if counts else None)
