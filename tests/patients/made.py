"""Populations made for tests."""

from typing import Any

from remission.base import files
from remission.patients import Population

PLAIN: dict[str, Any] = {
    "id": "made",
    "title": "Made for tests",
    "age": {"median": "45 y", "range": ["20 y", "70 y"]},
    "male": {"value": "60 %"},
    "ph": "negative",
    "wbc": {"median": "10 1e9/L", "log_spread": 1.2},
    "blasts": {"median": "80 %", "logit_spread": 0.8},
    "cd22": {"median": "90 %", "range": ["20 %", "100 %"]},
    "cd20": {"value": "40 %"},
}
"""Nothing in it is measured; `made` adds the assumption."""


def made(**changed: Any) -> Population:
    """The plain population with some keys changed."""
    data = {name: {**value, "assumed": "for a test"} if isinstance(value, dict) and name != "genetics" else value
            for name, value in {**PLAIN, **changed}.items()}
    genetics = {name: {**value, "assumed": "for a test"} for name, value in data.pop("genetics", {}).items()}
    return files.parse(files.Document("made.yaml", {**data, **({"genetics": genetics} if genetics else {})}, {(): 1}), Population)
