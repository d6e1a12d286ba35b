"""Mechanisms of action, one file each; every file here that defines `MECHANISM` is found by itself.

A mechanism names its agents (columns of exposure), says how strongly one unit of exposure kills in each patient, and how
the kill of each clone row relates to that of bulk disease. Adding a mechanism edits no other file.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import lru_cache

from remission.engine.mechanisms._kinds import CHEMOTHERAPY, EFFECTOR, RATE, ROWS, SCALED, Mechanism

__all__ = ["CHEMOTHERAPY", "EFFECTOR", "RATE", "ROWS", "SCALED", "Mechanism", "agents", "mechanisms"]


@lru_cache(maxsize=1)
def mechanisms() -> tuple[Mechanism, ...]:
    """All mechanisms in the order of their file names."""
    names = sorted(info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_"))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return tuple(module.MECHANISM for module in modules if hasattr(module, "MECHANISM"))


@lru_cache(maxsize=1)
def agents() -> tuple[str, ...]:
    """All agents: the columns of every exposure table."""
    return tuple(agent for mechanism in mechanisms() for agent in mechanism.agents)
