"""The libraries of the extra `calibrate`, imported where they are used and not before."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from remission.base.errors import RemissionError

NEEDED = ("jax", "numpyro", "arviz", "iterative_ensemble_smoother")


def library(name: str) -> Any:
    """A module by its name. Raises RemissionError where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise _missing([name.partition(".")[0]]) from None


def require() -> None:
    """All libraries of a fit are there. Raises RemissionError when one is missing."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise _missing(missing)


def _missing(names: list[str]) -> RemissionError:
    return RemissionError(
        "the libraries of calibration are not installed",
        where="remission calibrate",
        why="missing: " + ", ".join(names),
        fix="pip install 'remission[calibrate]'; a released posterior needs none of them",
    )
