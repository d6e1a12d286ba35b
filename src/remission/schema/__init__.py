"""How may a catalog file be written?

Inputs: the models of every room that reads files.
Outputs: JSON Schemas, so that editors complete keys and underline slips while a file is being written.

The schemas are committed beside this file and made by `tools/schema`; a test fails when they and the models disagree. They say
less than `remission check`: references between files, dose ranges and branches are checked there.
"""

from __future__ import annotations

from pathlib import Path

KINDS = ("regimen", "block", "drug", "trial", "population", "parameters")


def path(kind: str) -> Path:
    """The schema file of one kind."""
    return Path(__file__).parent / f"{kind}.schema.json"


__all__ = ["KINDS", "path"]
