"""The evidence as one DuckDB file: baked from the catalog, kept in the user's cache, asked in SQL without side effects."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import remission
from remission.base import catalog
from remission.base.errors import CannotWrite, RemissionError, UsageError
from remission.base.files import shown_path
from remission.base.hashing import digest
from remission.evidence.library import Row, rows_of, sources, trials
from remission.evidence.model import Baseline, Cite, TrialEvidence

if TYPE_CHECKING:
    from types import ModuleType

STORAGE = "v1.2.0"
"""DuckDB from this version on opens the file."""
MOST_ROWS = 10_000
MOST_SECONDS = 10
MOST_BYTES = 64 * 2**20
MOST_MEMORY = 2 * 2**30
KEPT = 3
"""Baked files that stay in the cache: this catalog's and the two before it."""



def _columns(text: str) -> dict[str, str]:
    """Names with their types; those without one hold text."""
    kinds = {"": "varchar", "texts": "varchar[]", "whole": "integer", "real": "double"}
    return {name: kinds[kind] for name, _, kind in (word.partition(":") for word in text.split())}


RESULTS = _columns(
    "trial arm endpoint months:real where value:real numerator:whole n:whole lo95:real hi95:real source place published_on role"
    " status id assessment measure cut subgroup assay threshold:real population conflicts:texts note"
)
TABLES = {
    "meta": _columns("key value"),
    "trials": _columns("id title registry summary status sources:texts"),
    "arms": _columns("trial arm title regimen population enrolled:whole"),
    "results": RESULTS,
    "baselines": _columns(
        "trial number:whole item arm cut where value:real median:real mean:real range_low:real range_high:real iqr_low:real"
        " iqr_high:real numerator:whole n:whole unit source place published_on status note"
    ),
    "citations": _columns("trial of id number:whole source place printed"),
    "conflicts": _columns("trial id about resolution reason results:texts"),
    "readings": _columns("trial conflict number:whole says source place"),
    "sources": _columns("id title authors published_in doi registry published read read_as note"),
}
"""Columns of every table. `citations` holds each place where a result (by its id) or a baseline (by its number) is printed."""


@dataclass(frozen=True)
class Answer:
    """Rows of a SQL question; `truncated` when there were more than asked for."""

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    truncated: bool

    def to_dicts(self) -> list[dict[str, Any]]:
        """Each row with its columns' names; a name used twice gets a number."""
        names: list[str] = []
        for name in self.columns:
            again = sum(other == name or other.startswith(f"{name}:") for other in names)
            names.append(f"{name}:{again}" if again else name)
        return [dict(zip(names, row, strict=True)) for row in self.rows]


def catalog_hash() -> str:
    """The hash over every file of the catalog, as the review's provenance prints it."""
    return catalog.digest()


def contents() -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables, in the order of the catalog's files."""
    everything = list(trials().values())
    return {
        "meta": [
            ("catalog", catalog_hash()),
            ("remission", remission.__version__),
            ("notice", "Research software: not for decisions about a patient."),
        ],
        "trials": [
            (t.id, t.title, t.registry, t.summary, t.design.status, list(t.sources)) for t in everything
        ],
        "arms": [
            (t.id, name, arm.title, arm.regimen, arm.population, arm.enrolled)
            for t in everything
            for name, arm in t.design.arms.items()
        ],
        "results": [row_values(row) for t in everything for row in rows_of(t)],
        "baselines": [
            _baseline(t.id, number, item) for t in everything for number, item in enumerate(t.baseline, 1)
        ],
        "citations": [line for t in everything for line in _citations(t)],
        "conflicts": [
            (t.id, c.id, c.about, c.resolution, c.reason, list(c.values)) for t in everything for c in t.conflicts
        ],
        "readings": [
            (t.id, c.id, number, reading.says, reading.source.ref, reading.source.at)
            for t in everything
            for c in t.conflicts
            for number, reading in enumerate(c.readings, 1)
        ],
        "sources": [
            (s.id, s.title, s.authors, s.where, s.doi, s.registry, s.published, s.read, s.read_as, s.note)
            for s in sources().values()
        ],
    }


def row_values(row: Row) -> tuple[Any, ...]:
    """A result row as the columns of the table `results` (and of Parquet) want it."""
    data = row.to_dict()
    return tuple(data[name] for name in RESULTS)


def _baseline(trial: str, number: int, item: Baseline) -> tuple[Any, ...]:
    low, high = item.range or (None, None)
    first, third = item.iqr or (None, None)
    return (
        trial, number, item.item, item.arm, item.cut, None if item.where is None else str(item.where), item.value,
        item.median, item.mean, low, high, first, third, item.numerator, item.n, item.unit, item.source.ref, item.source.at,
        sources()[item.source.ref].published, item.status, item.note,
    )


def _citations(trial: TrialEvidence) -> Iterator[tuple[Any, ...]]:
    cited: list[tuple[str, str, tuple[Cite, ...]]] = []
    cited += [("result", result.id, (result.source, *result.also)) for result in trial.results]
    cited += [("baseline", str(k), (item.source, *item.also)) for k, item in enumerate(trial.baseline, 1)]
    for of, identifier, places in cited:
        for number, place in enumerate(places, 1):
            yield trial.id, of, identifier, number, place.ref, place.at, place.printed


def bake_evidence(path: str | Path) -> str:
    """Writes the base as one DuckDB file and returns the catalog's hash; the file appears whole or not at all.

    The same catalog and the same DuckDB give the same bytes. Raises UsageError without duckdb, CannotWrite when there is no
    room.
    """
    duckdb = _duckdb("evidence bake")
    target = Path(path)
    with _staged(target) as staged:
        base = duckdb.connect(":memory:", config={"threads": 1})
        try:
            base.execute(f"attach {_quoted(staged)} as baked (storage_version '{STORAGE}')")
            base.execute("use baked")
            base.execute("set force_compression = 'uncompressed'")  # other methods sample at random
            _fill(base, TABLES, contents())
            base.execute("use memory")
            base.execute("detach baked")
        except duckdb.IOException as error:
            raise _cannot_write(target, error) from None
        finally:
            base.close()
    return catalog_hash()


def write_parquet(rows: Iterable[Row], path: str | Path) -> None:
    """Writes result rows as one Parquet file, columns typed, lists as lists. Raises as `bake_evidence` does."""
    duckdb = _duckdb("evidence --parquet")
    with _staged(Path(path)) as staged:
        base = duckdb.connect(":memory:", config={"threads": 1})
        try:
            _fill(base, {"results": RESULTS}, {"results": [row_values(row) for row in rows]})
            base.execute(f"copy results to {_quoted(staged)} (format parquet, compression zstd)")
        except duckdb.IOException as error:
            raise _cannot_write(Path(path), error) from None
        finally:
            base.close()


def _fill(base: Any, tables: Mapping[str, Mapping[str, str]], rows: Mapping[str, Sequence[tuple[Any, ...]]]) -> None:
    base.execute("begin transaction")
    for table, columns in tables.items():
        described = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        base.execute(f"create table {table} ({described})")
        if rows[table]:
            lists = ", ".join(f"unnest(?::{kind}[])" for kind in columns.values())  # by columns: much faster than by rows
            base.execute(f"insert into {table} select {lists}", [list(column) for column in zip(*rows[table], strict=True)])
    base.execute("commit")


def ask(
    sql: str, *, rows: int = MOST_ROWS, seconds: int = MOST_SECONDS, memory: int = MOST_MEMORY, file: Path | None = None
) -> Answer:
    """The answer to one SQL statement that reads, within limits of rows, seconds, and bytes of memory.

    No statement reaches a file, the network, an extension or a setting. Raises UsageError for SQL that cannot be answered.
    """
    _duckdb("evidence sql")
    if not sql.strip():
        raise UsageError("the question is empty", where="SQL", why="there is no statement in it",
                         near="select trial, value from results limit 5", fix="give one statement")
    reply = _reply(sql, file or cached(), rows, seconds, memory)
    if file is None and reply.get("error", {}).get("kind") == "stale":
        reply = _reply(sql, cached(again=True), rows, seconds, memory)
    if "error" in reply:
        raise _refusal(reply["error"], seconds)
    return Answer(
        tuple(reply["columns"]), tuple(reply["types"]), tuple(tuple(row) for row in reply["rows"]), reply["truncated"]
    )


def _reply(sql: str, file: Path, rows: int, seconds: int, memory: int) -> dict[str, Any]:
    request = {
        "path": [place for place in sys.path if place], "file": str(file), "catalog": catalog_hash(), "sql": sql,
        "rows": rows, "bytes": MOST_BYTES, "memory": memory, "seconds": seconds,
    }
    kept = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-B", str(Path(__file__).with_name("_ask.py"))],
            input=json.dumps(request, ensure_ascii=True),
            capture_output=True,
            text=True,
            timeout=seconds,
            env={name: os.environ[name] for name in kept if name in os.environ},
            cwd=file.parent,
            check=False,
        )
        reply: dict[str, Any] = json.loads(done.stdout)
        return reply
    except subprocess.TimeoutExpired:
        return {"error": {"kind": "timeout", "message": ""}}
    except json.JSONDecodeError:
        return {"error": {"kind": "ended", "message": done.stderr.strip().rpartition("\n")[2]}}


def _refusal(error: Mapping[str, str], seconds: int) -> RemissionError:
    """What to say about a question without an answer; the first line of DuckDB's own words is kept."""
    kind, message = error["kind"], error["message"]
    example = "remission evidence sql \"select trial, value from results where endpoint = 'CR'\""
    if kind in ("statements", "kind"):
        return UsageError("only one statement that reads is answered", where="SQL", why=message,
                          near="select … from results", fix=f"ask one question, e.g. {example}")
    if kind == "timeout":
        return UsageError(f"no answer within {seconds} s", where="SQL", why="a question has a time limit",
                          fix="ask for less, or give --timeout SECONDS")
    if kind in ("ended", "MemoryError", "OutOfMemoryException", "size"):
        return UsageError("the question needs more memory than it may have", where="SQL",
                          why=message.split("\n")[0] or "the process that answers was ended by its limits",
                          fix="ask for less: fewer rows, shorter texts")
    if kind == "PermissionException":
        return UsageError("SQL reads the evidence alone", where="SQL", why=message.split("\n")[0],
                          near=", ".join(TABLES), fix="ask about these tables; files and networks are out of reach")
    if kind == "stale":
        return UsageError("the file is not the base of this catalog", where="SQL", why=message.split("\n")[0],
                          fix="bake it again: remission evidence bake --out FILE")
    lines = [line.strip() for line in message.split("\n") if line.strip()]
    near = next((line for line in lines if line.startswith("Did you mean") or "andidate" in line), "")
    line = next((line.partition(":")[0].lower() for line in lines if line.startswith("LINE ")), "")
    return UsageError("the question cannot be answered", where=f"SQL, {line}" if line else "SQL", why=lines[0] if lines else kind,
                      near=near or "tables: " + ", ".join(TABLES),
                      fix="see the columns with: remission evidence sql \"describe results\" (the column \"where\" needs its quotes)")


def cached(*, again: bool = False) -> Path:
    """The baked file of this catalog in the user's cache; baked when missing, when the catalog changed, or `again`."""
    directory = _cache_directory()
    file = directory / f"evidence-{digest([catalog_hash(), TABLES, STORAGE, remission.__version__])}.duckdb"
    if again or not file.is_file():
        bake_evidence(file)
        others = sorted(directory.glob("evidence-*.duckdb"), key=lambda other: other.stat().st_mtime, reverse=True)
        for other in [other for other in others if other != file][KEPT - 1 :]:
            other.unlink(missing_ok=True)
    return file


def _cache_directory() -> Path:
    """Where baked files stay; a directory of this run alone when the user's cache cannot be written."""
    directory = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "remission"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if os.access(directory, os.W_OK):
            return directory
    except OSError:
        pass
    return Path(_own_directory())


_OWN: list[str] = []


def _own_directory() -> str:
    if not _OWN:
        _OWN.append(tempfile.mkdtemp(prefix="remission-"))
        atexit.register(shutil.rmtree, _OWN[0], ignore_errors=True)
    return _OWN[0]


class _staged:
    """A place beside the target to write to; moved into the target on success, removed on failure."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __enter__(self) -> Path:
        if self.target.is_dir():
            raise _cannot_write(self.target, "it is a directory")
        try:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            self.directory = Path(tempfile.mkdtemp(prefix=".writing-", dir=self.target.parent))
        except OSError as error:
            raise _cannot_write(self.target, error.strerror) from None
        return self.directory / "new"

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            if kind is None:
                os.replace(self.directory / "new", self.target)
        except OSError as problem:
            raise _cannot_write(self.target, problem.strerror) from None
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)


def _cannot_write(target: Path, why: object) -> CannotWrite:
    return CannotWrite(f"cannot write the file: {str(why).splitlines()[0]}", where=shown_path(target),
                       why="nothing was left half-written", fix="choose another place, or free some space")


def _quoted(path: Path) -> str:
    return "'" + str(path.absolute()).replace("'", "''") + "'"


def _duckdb(what: str) -> ModuleType:
    try:
        import duckdb
    except ImportError:
        raise UsageError(
            "the package duckdb is not installed",
            where=f"remission {what}",
            why="it is no part of the light installation",
            near="remission evidence --json and --csv need nothing more",
            fix="pip install 'remission[evidence]'   (in a checkout: make env EXTRAS=evidence)",
        ) from None
    return duckdb
