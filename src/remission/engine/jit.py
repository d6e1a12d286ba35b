"""One compile switch for the engine, with a cache that can never serve stale code.

numba does not notice changes in other files than the cached function's own, so the cache lies in a folder named by the hash
of all engine sources: an edit anywhere means another folder.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

from remission.base.hashing import digest_tree

Function = TypeVar("Function", bound=Callable[..., Any])


def _cache_directory() -> str:
    sources = Path(__file__).resolve().parent
    name = f"{digest_tree(sources, '*.py')}-numba-{numba.__version__}"
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "remission"
    try:
        (base / name).mkdir(parents=True, exist_ok=True)
        if os.access(base / name, os.W_OK):
            return str(base / name)
    except OSError:
        pass
    return str(Path(tempfile.gettempdir()) / f"remission-{os.getuid()}" / name)


_CONFIG: Any = numba.config
_CONFIG.CACHE_DIR = _cache_directory()


def jit(function: Function) -> Function:
    """Compile for the kernel. `error_model="numpy"`: division does not branch."""
    return cast(Function, numba.njit(cache=True, error_model="numpy")(function))


def parallel(function: Function) -> Function:
    """Compile a driver that shares its outer loop among threads."""
    return cast(Function, numba.njit(cache=True, parallel=True, error_model="numpy")(function))


def set_threads(count: int | None) -> None:
    """Use `count` threads from now on (None: all that the machine offers)."""
    most = int(_CONFIG.NUMBA_NUM_THREADS)
    numba.set_num_threads(min(count or most, most))
