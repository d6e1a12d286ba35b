"""From staged functions to machine code, with a cache that can never serve stale code.

The cache is a file named by the hash of all engine sources, the names of the parameters, this machine's processor and the compiler's
version: an edit anywhere means another file.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import llvmlite
import llvmlite.binding as llvm
import numpy as np
import numpy.typing as npt

from remission.base.cores import cores
from remission.base.hashing import digest, digest_tree

Item = TypeVar("Item")
_lock = threading.Lock()
_ELEMENTS = {"f8": np.float64, "i8": np.int64, "f4": np.float32}
_DIGEST = hashlib.sha256().digest_size


class Entry:
    """A compiled function. `forms` gives each argument's kind: `f8:2` an array of two dimensions, `f8:2*` one of batches, `i`, `f`."""

    def __init__(self, function: Any, forms: Mapping[str, str]) -> None:
        self.function, self.forms, self.name = function, dict(forms), str(function.__name__)
        self.call: Callable[..., None] | None = None

    def __call__(self, **arguments: Any) -> None:
        """Run it; the interpreter's lock is released meanwhile. Raises TypeError for an array of another type or shape."""
        if self.call is None:
            _load()
        assert self.call is not None
        passed: list[Any] = []
        for name, form in self.forms.items():
            value = arguments.pop(name)
            if ":" not in form:
                passed.append(value)
                continue
            if value.dtype != _ELEMENTS[form[:2]] or value.ndim != int(form[3]) or not value.flags.c_contiguous:
                raise TypeError(f"{name} is an array of {value.dtype} in {value.ndim} dimensions, not {form}")
            passed += [value.__array_interface__["data"][0], *value.shape]
        if arguments:
            raise TypeError(f"unknown arguments: {', '.join(arguments)}")
        self.call(*passed)

    def bind(self, address: int) -> None:
        """Make the code at an address what is called."""
        types: list[Any] = []
        for form in self.forms.values():
            array = [ctypes.c_void_p, *[ctypes.c_int64] * int(form[3])] if ":" in form else []
            types += array or [ctypes.c_int64 if form == "i" else ctypes.c_double]
        self.call = ctypes.CFUNCTYPE(None, *types)(address)


ENTRIES: list[Entry] = []  # those of the engine, which are compiled together
_engines: list[Any] = []  # code lives as long as these


def entry(function: Any, **forms: str) -> Entry:
    """One of the engine's compiled functions."""
    ENTRIES.append(Entry(function, forms))
    return ENTRIES[-1]


def processor() -> str:
    """What the compiler calls the processor that it compiles for."""
    return str(llvm.get_host_cpu_name())


def _features() -> str:
    return str(llvm.get_host_cpu_features().flatten())


def _width() -> int:
    """Floats in a vector register."""
    return 8 if "+avx512f" in _features().split(",") else 4


@lru_cache(maxsize=1)
def _machine() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=processor(), features=_features(), opt=3, reloc="pic", codemodel="small", jit=True
    )


def _load() -> None:
    """Make the engine's entries callable: from the cache, or compiled."""
    import remission.engine.kernel  # noqa: F401  (so that all entries are known)

    with _lock:
        if ENTRIES[0].call is not None:
            return
        file = _cache_file()
        code = _read(file)
        if code is None:
            code = _compile(ENTRIES)
            _write(file, code)
        _install(ENTRIES, code)


def _install(entries: Sequence[Entry], code: bytes) -> None:
    # One stretch of memory for code and constants: with the small code model they must lie near each other.
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine(), use_lmm=True)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    for one in entries:
        one.bind(engine.get_function_address(one.name))
    _engines.append(engine)


def _compile(entries: Sequence[Entry]) -> bytes:
    """Machine code of some entries, as an object file."""
    from remission.engine import building

    module = llvm.parse_assembly(building.assembly(entries, _width()))
    module.verify()
    machine = _machine()
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = options.slp_vectorization = False  # the code is in vectors already
    passes = llvm.create_pass_builder(machine, options)
    passes.getModulePassManager().run(module, passes)
    return bytes(machine.emit_object(module))


def _cache_file() -> Path:
    from remission.engine.parameters import load_parameters

    names = [parameter.name for parameter in load_parameters()]
    sources = digest_tree(Path(__file__).resolve().parent, "*.py")
    machine = [llvmlite.__version__, processor(), _features(), llvm.get_default_triple()]
    name = f"kernel-{digest([sources, names, machine])[:32]}"
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "remission"
    try:
        base.mkdir(parents=True, exist_ok=True)
        if os.access(base, os.W_OK):
            return base / name
    except OSError:
        pass
    base = Path(tempfile.gettempdir()) / f"remission-{os.getuid()}"
    base.mkdir(mode=0o700, exist_ok=True)
    return base / name


def _read(file: Path) -> bytes | None:
    """Code that was kept; none if there is none, or if the file is not whole."""
    try:
        kept = file.read_bytes()
    except OSError:
        return None
    return kept[_DIGEST:] if hashlib.sha256(kept[_DIGEST:]).digest() == kept[:_DIGEST] else None


def _write(file: Path, code: bytes) -> None:
    """Keep code, at once or not at all; a cache that cannot be written is done without."""
    try:
        with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as part:
            part.write(hashlib.sha256(code).digest() + code)
        os.replace(part.name, file)
    except OSError:
        pass


def elementwise(function: Callable[..., Any], arguments: int) -> Callable[..., npt.NDArray[np.float64]]:
    """An expression of floats, compiled by itself to be called with arrays: for tests of what is staged into the kernel."""
    from remission.engine.staged import LANES, apply_routine

    compiled = Entry(apply_routine(function, arguments), {"s": "f8:2*"})
    with _lock:
        _install([compiled], _compile([compiled]))

    def call(*given: Any) -> npt.NDArray[np.float64]:
        columns = [np.asarray(column, np.float64).ravel() for column in np.broadcast_arrays(*given)]
        out = np.empty(columns[0].shape)
        for start in range(0, len(out), LANES):
            size = min(LANES, len(out) - start)
            s = np.ones((arguments + 1, LANES))
            for k, column in enumerate(columns):
                s[k, :size] = column[start : start + size]
            compiled(s=s)
            out[start : start + size] = s[arguments, :size]
        return out.reshape(np.broadcast_shapes(*(np.shape(column) for column in given)))

    return call


def share(items: Sequence[Item], threads: int | None, work: Callable[[Item], None]) -> None:
    """Call `work` on every item, on `threads` threads (None: as many as there are cores).

    Items write to places of their own, so the result does not depend on the threads.
    """
    workers = min(threads or cores(), len(items))
    if workers <= 1:
        for item in items:
            work(item)
        return
    pool = ThreadPoolExecutor(max_workers=workers)
    try:
        for future in [pool.submit(work, item) for item in items]:
            future.result()
    finally:
        pool.shutdown(cancel_futures=True)
