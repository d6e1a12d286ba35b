"""A regimen as a file that a physician can read and change: the text reads back to the same regimen."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from remission.protocol.model import Regimen
from remission.protocol.say import day_list

_PLAIN = re.compile(r"[A-Za-zµ][A-Za-z0-9µ .+/()%-]*[A-Za-z0-9.)%]|[A-Za-z]")
_QUANTITY = re.compile(r"[0-9][0-9.e+-]* [A-Za-z%][A-Za-z0-9/%]*")
_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "~"}
_WIDTH, _LONG = 120, 80
_LAST = ("source", "assumed", "note")


def human_text(regimen: Regimen) -> str:
    """The regimen as YAML. Reading it gives an equal regimen: every value is written out, nothing is left to a default."""
    data = regimen.model_dump(mode="json", by_alias=True, exclude_none=True)
    return "\n".join(_mapping(data, 0)) + "\n"


def _mapping(data: Mapping[str, Any], indent: int) -> Iterator[str]:
    pad = " " * indent
    for key, value in sorted(data.items(), key=lambda entry: entry[0] in _LAST):
        if value == [] or (key, value) == ("per_day", 1):
            continue
        if key == "days" and isinstance(value, list):
            value = day_list(value).split(" ", 1)[1].replace("–", "-")
        if isinstance(value, str) and len(value) > _LONG and value.isprintable() and value == " ".join(value.split()):
            yield f"{pad}{key}: >-"
            yield from textwrap.wrap(value, _WIDTH, initial_indent=pad + "  ", subsequent_indent=pad + "  ", break_long_words=False,
                                     break_on_hyphens=False)
            continue
        flow = _flow(value)
        if not isinstance(value, (dict, list)) or (len(pad) + len(key) + len(flow) < _WIDTH and not _entries(value)):
            yield f"{pad}{key}: {flow}"
        elif isinstance(value, dict):
            yield f"{pad}{key}:"
            yield from _mapping(value, indent + 2)
        else:
            yield f"{pad}{key}:"
            yield from _list(value, indent + 2)


def _entries(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(item, dict) for item in value)


def _list(items: Sequence[Any], indent: int) -> Iterator[str]:
    pad = " " * indent
    for item in items:
        if isinstance(item, dict):
            first, *rest = _mapping(item, indent + 2)
            yield f"{pad}- {first.lstrip()}"
            yield from rest
        else:
            yield f"{pad}- {_flow(item)}"


def _flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    if not isinstance(value, str):
        return json.dumps(value)
    plain = (_PLAIN.fullmatch(value) and value.lower() not in _WORDS) or _QUANTITY.fullmatch(value)
    return value if plain and len(value) < _WIDTH else json.dumps(value, ensure_ascii=False)  # YAML knows no surrogate pairs
