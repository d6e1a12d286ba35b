"""Remission: an in-silico trial lab for frontline B-cell acute lymphoblastic leukaemia. Research use only.

The public functions are those of `remission.api`; each loads what it needs when it is called.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from remission.api import compare, population, position, predict, regimen, run_claims, simulate, trial

__version__ = "0.1.0"
__all__ = ["__version__", "compare", "population", "position", "predict", "regimen", "run_claims", "simulate", "trial"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'remission' has no attribute '{name}'")
    return getattr(import_module("remission.api"), name)
