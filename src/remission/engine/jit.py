"""One compile switch for the engine, with a cache that can never serve stale code.

numba does not notice changes in other files than the cached function's own, so the cache lies in a folder named by the hash
of all engine sources: an edit anywhere means another folder.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

from remission.base.hashing import digest_tree

BLOCK_PATIENTS = 1024
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
    """Compile for the kernel: division does not branch, and the interpreter lock is released while it runs."""
    return cast(Function, numba.njit(cache=True, error_model="numpy", nogil=True)(function))


def share(count: int, threads: int | None, work: Callable[[int, int], None]) -> None:
    """Call `work(first, last)` on blocks that cover range(count), on `threads` threads (None: as many as there are cores).

    Blocks write to places of their own, so the result does not depend on the threads. A thread pool and not numba's
    parallel loops: those take twice as long to compile.
    """
    workers = threads or len(os.sched_getaffinity(0))
    edges = list(range(0, count, BLOCK_PATIENTS)) + [count]
    blocks = list(pairwise(edges))
    if workers == 1 or len(blocks) == 1:
        for first, last in blocks:
            work(first, last)
        return
    pool = ThreadPoolExecutor(max_workers=min(workers, len(blocks)))
    try:
        for future in [pool.submit(work, first, last) for first, last in blocks]:
            future.result()
    finally:
        pool.shutdown(cancel_futures=True)
