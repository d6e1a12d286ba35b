"""Tables of a chunk as Parquet files, and the files of many chunks as one: DuckDB writes both, in constant memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from remission.base.errors import CannotWrite
from remission.base.files import shown_path
from remission.outcomes.tables import columns as c
from remission.outcomes.tables.doses import entries, exposures
from remission.outcomes.tables.rows import Part, Rows, assessments, endpoints, events, subjects
from remission.protocol import Regimen

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ROW_GROUP = 122_880
MEMORY = "1GB"
_STUDY_DAY = "create macro study_day(t) as case when t is null then null else greatest(1, ceil(t))::integer end"


def write_part(part: Part, directory: Path, tables: Sequence[str], study: str, number: int) -> None:
    """Write the rows of a chunk's patients to `directory`, one Parquet file per table.

    `number` is the arm's place in the study, from 1. Raises CannotWrite.
    """
    h, regimen = part.histories, part.regimen
    plan = entries(regimen) if "adex" in tables else ()
    made = {
        "adsl": lambda: subjects(part),
        "adtte": lambda: endpoints(part),
        "events": lambda: events(part),
        "adrs": lambda: assessments(part),
        "adex": lambda: exposures(part, plan),
    }
    identifiers = part.identifiers(study)
    with _duckdb(directory) as base:
        base.execute(_STUDY_DAY)
        values: dict[str, Any] = {
            "study": study, "arm": regimen.id, "title": regimen.title, "number": number,
            "visits": [slot.name for slot in h.slots], "assays": assays(regimen, [(slot.name, slot.what) for slot in h.slots]),
            "names": _names(part), "first": part.first,
            "dose_phases": [entry.place for entry in plan], "dose_drugs": [entry.drug for entry in plan],
            "dose_values": [float(entry.dose) for entry in plan], "dose_units": [entry.unit for entry in plan],
            "dose_caps": [entry.cap for entry in plan], "dose_routes": [c.ROUTES[entry.route] for entry in plan],
        }  # fmt: skip
        for name, value in values.items():
            base.execute(f"set variable {name} = {literal(value)}")
        for name in tables:
            _copy_rows(base, c.TABLES[name], made[name](), identifiers, directory / f"{name}.parquet")


def _names(part: Part) -> list[str | None]:
    """Identifiers of the part's patients in the user's cohort; nothing for virtual patients."""
    count = part.shape[1]
    return [part.names[k % len(part.names)] for k in range(part.first, part.first + count)] if part.names else [None] * count


def _copy_rows(base: DuckDBPyConnection, table: c.Table, rows: Rows, identifiers: npt.NDArray[np.object_], file: Path) -> None:
    arrays = {name: np.ascontiguousarray(values) for name, values in rows.items()}
    arrays["usubjid"] = identifiers[arrays.pop("row")]
    base.register("arrays", arrays)
    known = ", ".join(
        f"nullif({name}, 'nan'::double) as {name}" if values.dtype.kind == "f" else name for name, values in arrays.items()
    )
    base.execute(
        f"copy (select {table.select} from (select {known} from arrays)) to {literal(str(file))} "
        f"(format parquet, compression zstd, row_group_size {ROW_GROUP})"
    )
    base.unregister("arrays")


def assays(regimen: Regimen, slots: Sequence[tuple[str, str]]) -> list[str | None]:
    """The assay of each assessment (name, kind), as the protocol names it."""
    named: dict[tuple[str, str], str | None] = {(item.name, item.what): item.assay for phase in regimen.phases for item in phase.assess}
    return [named.get((name, what)) for name, what in slots]


def join(parts: Sequence[Path], file: Path, table: str, form: str, notes: Mapping[str, str]) -> int:
    """Write the rows of Parquet files, in order, as one file (parquet or csv); returns their number. Raises CannotWrite.

    `notes` go into the metadata of a Parquet file, beside the label of every column.
    """
    columns = c.TABLES[table].columns
    keep = {**notes, "table": c.TABLES[table].title, **{f"label:{column.name}": column.label for column in columns}}
    options = "format csv, header true" if form == "csv" else (
        f"format parquet, compression zstd, row_group_size {ROW_GROUP}, kv_metadata {literal(keep)}"
    )  # fmt: skip
    with _duckdb(file.parent) as base:
        written = base.execute(
            f"copy (select * from read_parquet({literal([str(part) for part in parts])})) to {literal(str(file))} ({options})"
        ).fetchone()
    return int(written[0]) if written else 0


@contextmanager
def _duckdb(place: Path) -> Iterator[DuckDBPyConnection]:
    """A connection that uses one thread, keeps rows in order, and reaches for nothing but the files it is told of."""
    import duckdb

    base = duckdb.connect(
        ":memory:",
        config={
            "threads": "1",
            "memory_limit": MEMORY,
            "preserve_insertion_order": "true",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "temp_directory": "",
        },
    )
    try:
        yield base
    except (duckdb.IOException, duckdb.OutOfMemoryException, OSError) as error:
        raise CannotWrite(
            f"cannot write the tables: {str(error).splitlines()[0][:200]}",
            where=shown_path(place),
            why="nothing was left half-written",
            fix="free some space or choose another directory",
        ) from None
    finally:
        base.close()


def literal(value: Any) -> str:
    """A value as SQL: text, numbers, nothing, lists of them, and structs of texts."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{literal(str(name))}: {literal(item)}" for name, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(literal(item) for item in value) + "]"
    return repr(value)
