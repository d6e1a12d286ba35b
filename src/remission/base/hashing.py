"""Names for contents: canonical JSON and SHA-256."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces; the same value always gives the same text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """First 16 hexadecimal digits of the SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:16]


def digest_tree(directory: Path, pattern: str, without: str = "") -> str:
    """One digest over the names and bytes of all files under `directory` that match `pattern`, but those in the folder `without`."""
    total = hashlib.sha256()
    for path in sorted(directory.rglob(pattern)):
        if path.relative_to(directory).parts[0] == without:
            continue
        total.update(path.relative_to(directory).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()[:16]
