"""The same chunks in this process, on processes, or on a Dask cluster: the same results, bit for bit and in the same order.

A chunk is a small value (numbers, texts, tuples of them), `work` a function of one chunk that can be imported by its name and
gives the same result for the same chunk wherever it runs. Workers may be killed at any moment: their chunks are done again.
With a `Shelf` finished chunks lie on disk, so that a run killed at any moment can go on from them.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from remission.base import interruption
from remission.base.cores import cores
from remission.base.errors import CannotWrite, RemissionError, UsageError, nearest
from remission.base.files import shown_path
from remission.base.hashing import digest

Chunk = TypeVar("Chunk")
Result = TypeVar("Result")
Files = Mapping[str, bytes]
Progress = Callable[[int], None]

MOST_WORKERS = 4096
MOST_DEATHS = 3
"""Times in a row that workers may die without any chunk being finished."""
POLL_SECONDS = 0.2
CONNECT_SECONDS = 10.0


@dataclass(frozen=True)
class Place:
    """Where chunks are computed; `workers` is 0 on a cluster that runs already, at `address`."""

    kind: Literal["serial", "processes", "dask"]
    workers: int = 1
    address: str = ""

    @classmethod
    def parse(cls, text: str) -> Place:
        """Read serial, processes, processes:4, dask, dask:4 or dask:tcp://host:8786. Raises UsageError."""
        kind, _, rest = text.strip().partition(":")
        if kind == "serial" and not rest:
            return cls("serial")
        if kind == "dask" and rest and not rest.isdecimal() and not text.endswith(":"):
            return cls("dask", 0, rest)
        number = int(rest) if rest.isdecimal() and len(rest) <= 6 else 0
        if kind not in ("processes", "dask") or (":" in text and not 1 <= number <= MOST_WORKERS):
            raise UsageError(
                f"'{text[:60]}' is no place to compute",
                where="--on",
                why=f"chunks run in this process, on 1 to {MOST_WORKERS} processes, or on a Dask cluster",
                near=nearest(kind, ("serial", "processes", "dask")) or "serial",
                fix="write serial, processes, processes:4, dask, dask:4 or dask:tcp://HOST:8786",
            )
        return cls("dask" if kind == "dask" else "processes", number or cores())

    def __str__(self) -> str:
        return self.kind if self.kind == "serial" else f"{self.kind}:{self.address or self.workers}"


def run(
    work: Callable[[Chunk], Result], chunks: Sequence[Chunk], on: str | Place = "serial", progress: Progress | None = None
) -> Iterator[Result]:
    """The result of every chunk, in order; few are held at a time, so a caller that lets go of them needs little memory.

    `progress` is called with the number of chunks just finished. Raises what `work` raises, and RemissionError when workers
    keep dying. A script that calls this with processes must be importable (`if __name__ == "__main__":`).
    """
    place = Place.parse(on) if isinstance(on, str) else on
    tell = progress or (lambda count: None)
    if place.kind == "serial" or not chunks:
        return _serial(work, chunks, tell)
    if place.kind == "processes":
        workers = min(place.workers, len(chunks))
        return _pooled(lambda: _processes(work, workers), _call, chunks, 2 * workers + 2, place, tell)
    return _pooled(lambda: _dask(place), work, chunks, 4 * (place.workers or 64), place, tell)


def _serial(work: Callable[[Chunk], Result], chunks: Sequence[Chunk], tell: Progress) -> Iterator[Result]:
    for chunk in chunks:
        interruption.check()
        result = work(chunk)
        tell(1)
        yield result


def _pooled(
    start: Callable[[], AbstractContextManager[Executor]],
    work: Callable[[Chunk], Result],
    chunks: Sequence[Chunk],
    ahead: int,
    place: Place,
    tell: Progress,
) -> Iterator[Result]:
    """Results in order from an executor that may break; at most `ahead` chunks are begun before the first one is handed out.

    After workers died chunks run one at a time until one is finished, so that the one to blame is known.
    """
    ready: dict[int, Result] = {}
    first = deaths = 0
    while first < len(chunks):
        try:
            with start() as executor:
                pending: dict[Future[Result], int] = {}
                while first < len(chunks):
                    interruption.check()
                    begun = set(pending.values()) | set(ready)
                    for index in range(first, min(len(chunks), first + (1 if deaths else ahead))):
                        if index not in begun:
                            pending[_submit(executor, work, chunks[index])] = index
                    done, _ = wait(pending, POLL_SECONDS, FIRST_COMPLETED)
                    finished = {pending.pop(future): future for future in done}
                    for index, future in finished.items():
                        if future.exception() is None:
                            ready[index], deaths = future.result(), 0
                            tell(1)
                    for future in finished.values():
                        future.result()  # raises
                    while first in ready:
                        yield ready.pop(first)
                        first += 1
        except BrokenExecutor:
            deaths += 1
            if deaths >= MOST_DEATHS:
                raise _dying(place, f"chunk {first + 1} of {len(chunks)}", deaths) from None


def _dying(place: Place, chunk: str, times: int) -> RemissionError:
    return RemissionError(
        "the workers keep dying",
        where=f"--on {place}",
        why=f"{chunk} ended its worker {times} times; the usual cause is too little memory",
        near="processes:1",
        fix="use fewer workers, or --on serial",
    )


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """Processes and threads started meanwhile never see an interrupt from the keyboard: it is this process that stops them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _submit(executor: Executor, work: Callable[[Chunk], Result], chunk: Chunk) -> Future[Result]:
    with _no_interrupt():
        return executor.submit(work, chunk)


_work: list[Callable[[Any], Any]] = []


def _prepare(work: Callable[[Any], Any], alive: Any) -> None:
    """A worker process begins: it remembers its work, and ends when the pipe from its parent does."""
    _work[:] = [work]

    def watch() -> None:
        alive.poll(None)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _call(chunk: Any) -> Any:
    return _work[0](chunk)


@contextmanager
def _processes(work: Callable[[Any], Any], workers: int) -> Iterator[Executor]:
    """New processes, which end with this one however it ends, and at once when the block is left by an exception."""
    import multiprocessing
    import pickle

    pickle.loads(pickle.dumps(work))  # raises here what would otherwise kill every worker
    context = multiprocessing.get_context("spawn")
    theirs, ours = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(workers, context, _prepare, (work, theirs))
    try:
        yield pool
    except BaseException:
        ours.close()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        ours.close()
        theirs.close()


@contextmanager
def _dask(place: Place) -> Iterator[Executor]:
    """A local cluster, or the one at an address; a worker that dies is replaced and its chunks are done again."""
    try:
        import distributed

        dask: Any = distributed  # its functions are untyped
    except ImportError:
        raise UsageError(
            "the package dask is not installed",
            where=f"--on {place}",
            why="it is no part of the light installation",
            near="--on processes",
            fix="pip install 'remission[cluster]'",
        ) from None
    import logging

    quiet, cluster = logging.CRITICAL, None
    with _no_interrupt():
        if place.address:
            client = _connect(dask, place)
        else:
            cluster = dask.LocalCluster(
                n_workers=place.workers, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=quiet
            )
            client = dask.Client(cluster, set_as_default=False)
    try:
        yield _Cluster(client)
    except dask.KilledWorker as error:
        raise _dying(place, "a chunk", int(dask.config.get("distributed.scheduler.allowed-failures", MOST_DEATHS)) + 1) from error
    finally:
        client.close()
        if cluster is not None:
            cluster.close()


def _connect(dask: Any, place: Place) -> Any:
    try:
        return dask.Client(place.address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise UsageError(
            "no Dask scheduler answers",
            where=f"--on {place}",
            why=str(error).splitlines()[0][:200] if str(error) else type(error).__name__,
            near="dask:tcp://HOST:8786",
            fix="check the address, or leave it out for a cluster on this machine",
        ) from None


class _Cluster(Executor):
    """A Dask client as an executor."""

    def __init__(self, client: Any) -> None:
        self.executor = client.get_executor(pure=False)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = self.executor.submit(fn, *args, **kwargs)
        return future


# Finished chunks on disk ------------------------------------------------------------------------------------------------

_RECORD = "made.json"
_SIGN = "shelf"


@dataclass(frozen=True)
class Shelf:
    """Finished chunks in a directory: one folder each, whole or absent, named by its number and the hash of what made it.

    `made_by` is the hash of everything but the chunk that decides a result: code, inputs, seed. One run uses a shelf at a time.
    """

    directory: Path
    made_by: str

    def folder(self, number: int, chunk: Any) -> Path:
        """Where the chunk lies or would lie."""
        return self.directory / f"{number:06d}-{digest([self.made_by, number, chunk])}"

    def holds(self, number: int, chunk: Any) -> bool:
        """Whether the chunk is there, made by the same, and every byte of it is as it was written."""
        folder = self.folder(number, chunk)
        try:
            record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
            sums = record["sha256"]
            if record != self._record(number, chunk, sums):
                return False
            return all(_sha256(folder / name) == expected for name, expected in sums.items())
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return False

    def missing(self, chunks: Sequence[Any]) -> list[int]:
        """Numbers of the chunks that are not there, or not as they were written."""
        return [number for number, chunk in enumerate(chunks) if not self.holds(number, chunk)]

    def _record(self, number: int, chunk: Any, sums: Mapping[str, str]) -> dict[str, Any]:
        by = [self.made_by, number, digest(chunk)]
        return {"by": by, "sha256": dict(sums), "record": digest([by, sums])}

    def put(self, number: int, chunk: Any, made: Files) -> None:
        """Write a chunk's files. Raises CannotWrite, and then the chunk is absent."""
        target, staging = self.folder(number, chunk), None
        try:
            staging = Path(tempfile.mkdtemp(prefix=".new-", dir=self.directory))
            for name, content in made.items():
                _write(staging / name, content)
            record = self._record(number, chunk, {name: sha256(content).hexdigest() for name, content in made.items()})
            _write(staging / _RECORD, json.dumps(record, indent=1).encode())
            _sync(staging)
            if target.exists() and not self.holds(number, chunk):
                shutil.rmtree(target)
            if not target.exists():
                os.rename(staging, target)
                _sync(self.directory)
        except OSError as error:
            raise CannotWrite(
                f"cannot write a finished chunk: {error.strerror or error}",
                where=shown_path(self.directory),
                why="chunks that were finished before are kept",
                fix="free some space, then repeat the command",
            ) from None
        finally:
            if staging is not None:
                shutil.rmtree(staging, ignore_errors=True)

    def open(self) -> None:
        """Make the directory, and clear away what killed runs left half-written in it. Raises CannotWrite."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            for rest in self.directory.glob(".new-*"):
                shutil.rmtree(rest, ignore_errors=True)
            (self.directory / _SIGN).write_text(self.made_by, encoding="utf-8")
        except OSError as error:
            raise CannotWrite(
                f"cannot write to the directory: {error.strerror or error}",
                where=shown_path(self.directory),
                why="finished chunks are kept there",
                fix="choose another directory",
            ) from None

    def seen(self) -> bool:
        """Whether this process sees the same directory (a worker on another machine may not)."""
        try:
            return (self.directory / _SIGN).read_text(encoding="utf-8") == self.made_by
        except (OSError, ValueError):
            return False


@dataclass(frozen=True)
class _Keep(Generic[Chunk]):
    """The work of a worker with a shelf: it puts the files there itself, or hands them back when it cannot see the shelf."""

    work: Callable[[Chunk], Files]
    shelf: Shelf

    def __call__(self, numbered: tuple[int, Chunk]) -> Files | None:
        number, chunk = numbered
        made = self.work(chunk)
        if not self.shelf.seen():
            return made
        self.shelf.put(number, chunk, made)
        return None


def keep(
    work: Callable[[Chunk], Files],
    chunks: Sequence[Chunk],
    shelf: Shelf,
    on: str | Place = "serial",
    progress: Progress | None = None,
    missing: Sequence[int] | None = None,
) -> Iterator[Path]:
    """The folder of every finished chunk, in order; chunks that the shelf holds already are not computed again.

    `work` returns files by name. A chunk on the shelf that is damaged, or was made by something else, is made anew. `missing` is
    `shelf.missing(chunks)`, if it is known already.
    """
    shelf.open()
    missing = shelf.missing(chunks) if missing is None else missing
    if progress is not None and len(missing) < len(chunks):
        progress(len(chunks) - len(missing))
    made = run(_Keep(work, shelf), [(number, chunks[number]) for number in missing], on, progress)
    waiting = set(missing)
    for number, chunk in enumerate(chunks):
        if number in waiting:
            files = next(made)
            if files is not None:
                shelf.put(number, chunk, files)
        yield shelf.folder(number, chunk)


def _sha256(path: Path) -> str:
    total = sha256()
    with open(path, "rb") as handle:
        while block := handle.read(1 << 20):
            total.update(block)
    return total.hexdigest()


def _write(path: Path, content: bytes) -> None:
    with open(path, "xb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
