"""Small, deterministic SVG writing: escaped text, tidy numbers, estimated text widths (user units)."""

from __future__ import annotations

import re
from html import escape

FONT = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"

# Okabe and Ito's palette, distinguishable with every common form of colour blindness.
BLACK = "#000000"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREEN = "#009E73"
YELLOW = "#F0E442"
BLUE = "#0072B2"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"
INK = "#1f2328"
MUTED = "#57606a"
RULE = "#d0d7de"

_NARROW = frozenset("iljtfrI.,:;'|!()[] -\u00a0\u202f")
_WIDE = frozenset("mwMW@%&→")


def number(value: float) -> str:
    """A coordinate with at most two decimals and no trailing zeros."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def tag(name: str, *children: str, **attributes: str | float | None) -> str:
    """One element. Underscores in attribute names become hyphens; None leaves an attribute out.

    Children are markup already; attribute values are escaped here.
    """
    parts = [name]
    for key, value in attributes.items():
        if value is None:
            continue
        shown = escape(value, quote=True) if isinstance(value, str) else number(value)
        parts.append(f'{key.rstrip("_").replace("_", "-")}="{shown}"')
    head = " ".join(parts)
    return f"<{head}>{''.join(children)}</{name}>" if children else f"<{head}/>"


def text(x: float, y: float, words: str, **attributes: str | float | None) -> str:
    """A text element whose words are escaped."""
    return tag("text", escape(words), x=x, y=y, **attributes)


def text_width(words: str, size: float) -> float:
    """An estimate, on the generous side, of how wide words are at a font size (user units)."""
    total = 0.0
    for letter in words:
        if letter in _NARROW:
            total += 0.34
        elif letter in _WIDE:
            total += 0.9
        elif letter.isupper():
            total += 0.7
        else:
            total += 0.57
    return total * size


def fit(words: str, size: float, room: float) -> str:
    """Words cut, with an ellipsis, to the room there is; nothing when not even three letters fit."""
    if text_width(words, size) <= room:
        return words
    kept = words
    while kept and text_width(kept + "…", size) > room:
        kept = kept[:-1]
    return kept.rstrip() + "…" if len(kept.strip()) >= 3 else ""


def _pieces(words: str) -> list[tuple[str, str]]:
    """(glue, piece) pairs: pieces may be set on a new line; the glue stands before one on the same line."""
    found: list[tuple[str, str]] = []
    for word in re.split(r"[ \t\r\n]+", words.strip()):  # no-break spaces hold
        parts = re.split(r"(?<=[a-zA-Z]-)(?=\w{2})", word)
        found += [(" ", parts[0]), *(("", part) for part in parts[1:])]
    return found


def wrap(words: str, size: float, room: float) -> list[str]:
    """Words broken into lines that fit the room, at spaces and after hyphens; too long a word is cut."""
    lines: list[str] = []
    line = ""
    for glue, piece in _pieces(words):
        trial = f"{line}{glue}{piece}" if line else piece
        if text_width(trial, size) <= room:
            line = trial
            continue
        if line:
            lines.append(line)
        while len(piece) > 1 and (wide := text_width(piece, size)) > room:
            cut = max(1, int(len(piece) * room / wide))
            lines.append(piece[:cut])
            piece = piece[cut:]
        line = piece
    return [*lines, line] if line or not lines else lines


def picture(
    body: list[str], *, key: str, width: float, height: float, title: str, desc: str, standalone: bool = False
) -> str:
    """A whole SVG: scalable, named and described for people who cannot see it."""
    heads = [
        tag("title", escape(title), id=f"{key}-title"),
        tag("desc", escape(desc), id=f"{key}-desc"),
    ]
    return tag(
        "svg",
        *heads,
        *body,
        xmlns="http://www.w3.org/2000/svg" if standalone else None,
        viewBox=f"0 0 {number(width)} {number(height)}",
        width="100%",
        role="img",
        aria_labelledby=f"{key}-title {key}-desc",
        font_family=FONT,
        fill=INK,
    )
