"""From a request to a finished directory, through chunks that survive whatever happens to the run."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from remission.base import interruption
from remission.base.compute import Place, Shelf, keep, run
from remission.base.cores import cores
from remission.base.errors import CannotWrite, UsageError
from remission.base.files import shown_path
from remission.outcomes.tables import dictionary_csv, dictionary_markdown, join
from remission.runs.request import CHUNK, HIDDEN, Request, Work, code_digest, versions

PROVENANCE = "provenance.json"
NOTICE = "Research software: not for decisions about a patient."
FEW = 16
"""Chunks up to which one process joins the tables sooner than new ones could be started."""
Tell = Callable[[str, float], None]


@dataclass(frozen=True)
class Kept:
    """A finished directory: its provenance, and what this call did for it."""

    directory: Path
    provenance: dict[str, Any]
    chunks: int
    found: int
    """Chunks that an earlier call had finished (all of them when the directory was finished already)."""


def keep_tables(
    request: Request,
    directory: str | Path,
    *,
    on: str = "serial",
    form: str = "parquet",
    resume: bool = False,
    command: Sequence[str] = (),
    tell: Tell | None = None,
    chunk: int = CHUNK,
) -> Kept:
    """Simulate a request and write its tables, dictionary and provenance to a directory.

    Everything appears at the end, `provenance.json` last. Until then finished chunks lie in a hidden folder, and the same
    request goes on from them; with `resume` there must be such chunks. Raises UsageError when the directory holds something
    else, CannotWrite, and whatever stops a run, with the finished chunks kept.
    """
    request.check()
    target, place = Path(directory), Place.parse(on)
    began, made_by = time.perf_counter(), request.made_by
    done = _finished(target, made_by, form)
    if done is not None:
        return Kept(target, done, done["chunks"], done["chunks"])
    say = tell or (lambda what, share: None)
    with _hidden(target, request, made_by, resume) as hidden:
        chunks = request.chunks(chunk)
        shelf = Shelf(hidden / "chunks", made_by)
        work = Work(request, code_digest(), threads=None if place.kind == "serial" else 1)
        counted = _Counted(len(chunks), lambda count, all_: say("simulating", 0.9 * count / all_))
        missing = shelf.missing(chunks)
        folders = list(keep(work, chunks, shelf, place, counted, missing))
        say("writing the tables", 0.9)
        final = _fresh(hidden / "final")
        tables = _join_all(request, folders, final, form, made_by, place)
        provenance = _provenance(request, made_by, tables, len(chunks), place, command, began)
        texts = {
            "data_dictionary.csv": dictionary_csv(request.tables),
            "data_dictionary.md": dictionary_markdown(request.tables),
            PROVENANCE: json.dumps(provenance, indent=1, ensure_ascii=False) + "\n",
        }
        _publish(target, final, texts)
        shutil.rmtree(hidden, ignore_errors=True)
        say("done", 1.0)
    return Kept(target, provenance, len(chunks), len(chunks) - len(missing))


class _Counted:
    """Counts finished chunks for a progress bar."""

    def __init__(self, total: int, tell: Callable[[int, int], None]) -> None:
        self.total, self.count, self.tell = total, 0, tell

    def __call__(self, more: int) -> None:
        self.count += more
        self.tell(self.count, self.total)


def _finished(target: Path, made_by: str, form: str) -> dict[str, Any] | None:
    """The provenance of the same request, if it is finished there and every table is as it was written.

    Raises UsageError when the directory holds a finished run of something else.
    """
    try:
        found: dict[str, Any] = json.loads((target / PROVENANCE).read_text(encoding="utf-8"))
        if found["made_by"] == made_by and found["format"] == form:
            whole = all(_sha256(target / table["file"]) == table["sha256"] for table in found["tables"].values())
            return found if whole else None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise UsageError(
        "the directory holds the results of another run",
        where=shown_path(target / PROVENANCE),
        why="nothing is overwritten",
        fix="choose another directory with --out, or remove this one",
    )


@contextmanager
def _hidden(target: Path, request: Request, made_by: str, resume: bool) -> Iterator[Path]:
    """The folder of the unfinished run, held by this process alone; an empty one is removed again when the run fails."""
    hidden, record = target / HIDDEN, target / HIDDEN / "run.json"
    before = _recorded(record)
    if resume and before is None:
        raise UsageError("there is nothing to go on with", where=shown_path(target), why="it holds no unfinished run",
                         fix="leave --resume out")  # fmt: skip
    if before is not None and before.get("made_by") != made_by:
        raise UsageError(
            "the directory holds an unfinished run of something else",
            where=shown_path(hidden),
            why=_difference(before, request),
            fix="repeat that run's command, choose another directory with --out, or remove this folder",
        )
    mine = [f"{table}.{form}" for table in request.tables for form in ("parquet", "csv")]
    others = [name for name in mine if before is None and (target / name).exists()]
    if others:
        raise UsageError(f"the directory holds a file '{others[0]}'", where=shown_path(target), why="nothing is overwritten",
                         fix="choose another directory with --out")  # fmt: skip
    new = not target.exists()
    try:
        hidden.mkdir(parents=True, exist_ok=True)
        with open(hidden / "lock", "wb") as handle, _alone(handle, hidden):
            try:
                staged = hidden / "run.json.new"
                staged.write_text(json.dumps({"made_by": made_by, **request.facts, **request.hashes}, indent=1), encoding="utf-8")
                os.replace(staged, record)
                yield hidden
            finally:
                if not any((hidden / "chunks").glob("[0-9]*")):
                    shutil.rmtree(hidden, ignore_errors=True)
    except OSError as error:
        raise CannotWrite(
            f"cannot write to the directory: {error.strerror or error}",
            where=shown_path(target),
            why="results and finished chunks are written there",
            fix="free some space, or choose another directory with --out",
        ) from None
    finally:
        with suppress(OSError):  # it stays when there is something in it
            if new:
                target.rmdir()


def _recorded(record: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(record.read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError):
        return {}


def _difference(before: dict[str, Any], request: Request) -> str:
    """What differs between an unfinished run and this one, in words."""
    asked = request.facts
    words = [f"{name} {before[name]} there, {value} here" for name, value in asked.items() if name in before and before[name] != value]
    return "; ".join(words) or "the program, its catalog or an input file has changed since"


@contextmanager
def _alone(handle: Any, hidden: Path) -> Iterator[None]:
    """Only one run writes to a directory at a time; the system releases the lock of a process that is killed."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UsageError("another run is writing to the directory", where=shown_path(hidden), why="it holds the lock",
                         fix="wait for it, or choose another directory with --out") from None  # fmt: skip
    yield


def _fresh(directory: Path) -> Path:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    return directory


@dataclass(frozen=True)
class _Join:
    """One table of all chunks, as one file."""

    folders: tuple[str, ...]
    final: str
    form: str
    notes: dict[str, str]

    def __call__(self, table: str) -> dict[str, Any]:
        file = Path(self.final) / f"{table}.{self.form}"
        rows = join([Path(folder) / f"{table}.parquet" for folder in self.folders], file, table, self.form, self.notes)
        return {"file": file.name, "rows": rows, "bytes": file.stat().st_size, "sha256": _sha256(file)}


def _join_all(request: Request, folders: list[Path], final: Path, form: str, made_by: str, place: Place) -> dict[str, Any]:
    notes = {"made_by": made_by, "notice": NOTICE, "study": request.study}
    work = _Join(tuple(str(folder) for folder in folders), str(final), form, notes)
    many = place.kind == "processes" and len(folders) > FEW
    here = Place("processes", min(place.workers, len(request.tables))) if many else Place("serial")
    order = sorted(request.tables, key=lambda table: table != "adex")  # the longest first
    made = dict(zip(order, run(work, order, here), strict=True))
    interruption.check()
    return {table: made[table] for table in request.tables}


def _provenance(
    request: Request, made_by: str, tables: dict[str, Any], chunks: int, place: Place, command: Sequence[str], began: float
) -> dict[str, Any]:
    return {
        "made": "remission simulate",
        "notice": NOTICE,
        "made_by": made_by,
        "request": request.facts,
        "versions": {**versions(), "python": platform.python_version()},
        "hashes": request.hashes,
        "seed": request.seed,
        "format": next(iter(tables.values()))["file"].rpartition(".")[2],
        "tables": tables,
        "chunks": chunks,
        "on": str(place),
        "command": list(command),
        "machine": {"system": platform.platform(), "processor": platform.machine(), "cores": cores()},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - began, 2),
    }


def _publish(target: Path, final: Path, texts: dict[str, str]) -> None:
    """Move finished files to their places: all are on disk before the first one moves, and the provenance moves last."""
    for name, text in texts.items():
        (final / name).write_text(text, encoding="utf-8")
    names = sorted((path.name for path in final.iterdir()), key=lambda name: name == PROVENANCE)
    for name in names:
        _sync(final / name)
    for name in names:
        os.replace(final / name, target / name)
    _sync(target)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sha256(path: Path) -> str:
    total = sha256()
    with open(path, "rb") as handle:
        while block := handle.read(1 << 20):
            total.update(block)
    return total.hexdigest()


def finished_chunks(directory: str | Path) -> int:
    """How many finished chunks an unfinished run has left."""
    return sum(1 for _ in (Path(directory) / HIDDEN / "chunks").glob("[0-9]*"))
