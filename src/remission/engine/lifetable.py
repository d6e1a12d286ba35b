"""Background mortality from a published life table."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from remission.base import catalog, files
from remission.base.random import Floats


@lru_cache(maxsize=1)
def life_table() -> Floats:
    """Cumulative hazard of background death at each whole age, shape (2, ages): row 0 women, row 1 men."""
    table = sorted((catalog.root() / "lifetable").glob("*.yaml"))[0]
    data = files.read(table).data
    risks = np.clip(np.array([data["female"], data["male"]], np.float64), 1e-9, 0.999999)
    hazards = -np.log1p(-risks)
    return np.concatenate([np.zeros((2, 1)), np.cumsum(hazards, axis=1)], axis=1)
