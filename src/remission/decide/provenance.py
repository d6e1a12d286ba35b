"""What a result was made from: versions, hashes, seed, machine, command."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import numpy as np

import remission
from remission.base import catalog
from remission.base.hashing import digest
from remission.engine import Draws
from remission.protocol import Regimen


@lru_cache(maxsize=1)
def catalog_digest() -> str:
    """Hash of every file of the catalog."""
    return catalog.digest()


def plain(value: Any) -> Any:
    """Data in which what is not a number is None, so that it can be written as JSON."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def plans_digest(regimens: Iterable[Regimen]) -> str:
    """Hash of resolved regimens, in their order."""
    return digest([regimen.model_dump(mode="json", by_alias=True) for regimen in regimens])


def provenance(p: Draws, patients: int, seed: int, began: float, **more: Any) -> dict[str, Any]:
    """Plain data with stable keys; `began` is the `time.perf_counter()` of the start."""
    from importlib.metadata import version

    return {
        "version": remission.__version__, "seed": seed, "draws": len(p), "patients_per_draw": patients, "posterior": p.name,
        "catalog_hash": catalog_digest(), "draws_hash": p.digest, **more, "python": platform.python_version(),
        "numpy": np.__version__, "llvmlite": version("llvmlite"), "machine": f"{platform.system()} {platform.machine()}",
        "created": datetime.now(UTC).isoformat(timespec="seconds"), "seconds": round(time.perf_counter() - began, 2)}
