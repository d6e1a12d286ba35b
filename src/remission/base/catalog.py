"""Where the catalog's files lie, and what to say when an id is not among them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from remission.base.errors import NotFound, nearest
from remission.base.hashing import digest_tree

KINDS = ("trials", "regimens", "blocks", "drugs", "populations", "sources")


def root() -> Path:
    """Directory of the catalog shipped with this installation."""
    return Path(__file__).resolve().parent.parent / "catalog"


def digest() -> str:
    """Hash of every file but the released posteriors, which are made from the others and have hashes of their own."""
    return digest_tree(root(), "*.yaml", without="posteriors")


@cache
def ids(kind: str) -> tuple[str, ...]:
    """Sorted ids of one kind, e.g. `ids("regimens")`."""
    return tuple(sorted(path.stem for path in (root() / kind).glob("*.yaml")))


def path(kind: str, identifier: str) -> Path:
    """File of one entry. Raises NotFound with the nearest id."""
    known = ids(kind)
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", identifier) or identifier not in known:
        shown = identifier[:60]
        raise NotFound(
            f"unknown id '{shown}'",
            where=f"catalog/{kind}",
            why=f"the catalog has no file {kind}/{shown}.yaml",
            near=nearest(shown, known),
            fix=f"list the ids with: remission list {kind}",
        )
    return root() / kind / f"{identifier}.yaml"
