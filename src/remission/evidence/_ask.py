"""Answers one SQL question in a process of its own; started by `remission.evidence.bake`, never imported.

The process can read one DuckDB file and nothing else: it is opened read-only, DuckDB may touch no other file and no
network, its settings are locked, only one statement that reads is run, and the operating system caps memory, processor
time and file sizes. DuckDB's own interruption does not reach every function, so the caller ends this process on time.

Standard input: one JSON object {path, file, catalog, sql, rows, bytes, memory, seconds}. Standard output: one JSON object,
{columns, types, rows, truncated} or {error: {kind, message}}.
"""

from __future__ import annotations

import json
import math
import sys
from typing import Any

SAFE = {
    "enable_external_access": "false",
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_unsigned_extensions": "false",
    "allow_persistent_secrets": "false",
    "python_enable_replacements": "false",
    "temp_directory": "",
    "threads": "1",
    "lock_configuration": "true",
}
"""Settings of the connection; no statement can change them back."""
READS = ("SELECT", "EXPLAIN")


def plain(value: Any) -> Any:
    """A value of DuckDB as JSON can hold it: numbers, texts, lists and mappings stay, anything else becomes text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return str(value)


def cap(memory: int, seconds: int) -> None:
    """Limits of the operating system, where it has them: bytes of memory beyond those in use, seconds of processor time, no
    byte written."""
    import resource

    limits = [(resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CPU, seconds + 1)]
    try:
        with open("/proc/self/statm", encoding="ascii") as told:  # libraries reserve addresses that they do not use
            limits.append((resource.RLIMIT_AS, int(told.read().split()[0]) * resource.getpagesize() + memory))
    except OSError:
        pass
    for which, most in limits:
        try:
            resource.setrlimit(which, (most, most))
        except (ValueError, OSError):
            continue


def connect(file: str, catalog: str, memory: int) -> Any:
    """A locked, read-only connection. Raises LookupError when the file is not the base of this catalog."""
    import duckdb

    try:
        base = duckdb.connect(file, read_only=True, config={**SAFE, "memory_limit": f"{memory // 2}B"})
        found = base.execute("select value from meta where key = 'catalog'").fetchone()
    except duckdb.Error as error:
        raise LookupError(str(error)) from None
    if found is None or found[0] != catalog:
        raise LookupError("the file belongs to another catalog")
    return base


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Runs the one statement and returns its rows, or says why not."""
    import duckdb

    try:
        base = connect(request["file"], request["catalog"], request["memory"])
    except LookupError as error:
        return failure("stale", error)
    cap(request["memory"], request["seconds"])
    try:
        statements = base.extract_statements(request["sql"])
        if len(statements) != 1:
            return failure("statements", f"{len(statements)} statements were given")
        if statements[0].type.name not in READS:
            return failure("kind", f"the statement is of the kind {statements[0].type.name}")
        done = base.execute(statements[0])
        rows = done.fetchmany(request["rows"] + 1)
        described = done.description or []
        return {
            "columns": [str(column[0]) for column in described],
            "types": [str(column[1]) for column in described],
            "rows": [[plain(value) for value in row] for row in rows[: request["rows"]]],
            "truncated": len(rows) > request["rows"],
        }
    except duckdb.Error as error:
        return failure(type(error).__name__, error)
    except (MemoryError, RecursionError, OverflowError, ValueError) as error:
        return failure(type(error).__name__, error)


def failure(kind: str, message: object) -> dict[str, Any]:
    """An answer that says what went wrong."""
    return {"error": {"kind": kind, "message": str(message)[:4000]}}


def main() -> None:
    request = json.load(sys.stdin)
    sys.path[:] = request["path"]
    text = json.dumps(answer(request), ensure_ascii=True)
    if len(text) > request["bytes"]:
        text = json.dumps(failure("size", f"the answer has {len(text):,} bytes, more than {request['bytes']:,}"))
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
