"""Parameter draws by name: from the priors, from a posterior released in the catalog, or from a folder.

A released posterior is a folder of catalog/posteriors: `manifest.yaml` (what it was made from, by hashes), `draws.csv` (one row
per draw, one column per estimated parameter) and `diagnostics.yaml`. This file reads the first two; NumPy is enough.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from remission.base import catalog, files
from remission.base.errors import InvalidFile, NotFound, UsageError, nearest
from remission.base.files import Model
from remission.base.hashing import digest, digest_tree
from remission.base.random import Floats, Stream, normals, uniforms
from remission.engine.parameters import Draws, Parameter, load_parameters, prior_draws

PRIOR = "prior"
MANIFEST, DRAWS, DIAGNOSTICS = "manifest.yaml", "draws.csv", "diagnostics.yaml"
MOST_BYTES = 200_000_000
CHOICE = 1  # stage of the random numbers that choose among released draws; prior draws are stage 0
NOT_THE_MODEL = ("posterior.py",)
_TABLES = ("covariates.yaml", "genetics.yaml")
_MEANING = (
    "base/random.py",
    "base/units.py",
    *(
        f"protocol/{name}.py"
        for name in ("conditions", "design", "flow", "logic", "machine", "model", "plan", "resolve")
    ),
)


class Manifest(Model):
    """What a posterior was made from. `hashes` name the sources and inputs, `fingerprint` what the simulator said of the results at
    the first draws; `fixed` are the parameters without a prior."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    made: str
    version: str
    draws: Annotated[int, Field(ge=1)]
    seed: Annotated[int, Field(ge=0)]
    fixed: dict[str, float]
    hashes: dict[str, str]
    fingerprint: str = ""
    evidence: dict[str, Any]
    settings: dict[str, Any]
    seconds: dict[str, float]
    summary: dict[str, Any]
    machine: str = ""
    command: str = ""
    note: str = ""


@dataclass(frozen=True)
class PosteriorDraws(Draws):
    """Draws of a posterior; `stale` says, one sentence each, in what the program or the catalog has changed since it was made."""

    stale: tuple[str, ...] = ()


def released() -> tuple[str, ...]:
    """Names of the posteriors in the catalog, oldest first."""
    found = [path.parent.name for path in (catalog.root() / "posteriors").glob(f"*/{MANIFEST}")]
    return tuple(sorted(found, key=_version))


def _version(name: str) -> tuple[tuple[int, int, str], ...]:
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"[.-]", name))


def load_draws(name: str | None = None, count: int = 200, seed: int = 1) -> Draws:
    """`count` parameter draws from "prior", a released posterior, or a folder; by default from the newest released posterior.

    Draws are chosen from the file without repetition, and each keeps the number of its row; if more are asked for than it has,
    they are taken again under new numbers (new patients, new luck). Raises NotFound, InvalidFile or UsageError.
    """
    if name is None:
        name = released()[-1] if released() else PRIOR
    if name == PRIOR:
        return prior_draws(count, seed)
    if count < 1:
        raise UsageError(
            f"{count} parameter draws were asked for",
            where="draws",
            why="at least one is needed",
            near="1",
            fix="use 200",
        )
    folder = posterior_folder(name)
    manifest, columns, table = _read(folder, (folder / MANIFEST).stat().st_mtime_ns)
    rows = chosen(len(table), count, seed)
    parameters = load_parameters()
    values = _values(parameters, manifest, columns, table[rows % len(table)], rows, seed)
    numbers = tuple(int(row) for row in rows)
    return PosteriorDraws(
        manifest.name, numbers, tuple(item.name for item in parameters), values, stale(manifest, columns)
    )


def posterior_folder(name: str) -> Path:
    """Folder of a posterior by its name in the catalog or by its path. Raises NotFound with the nearest name."""
    if name in released():
        return catalog.root() / "posteriors" / name
    place = Path(name)
    if (place / MANIFEST).is_file():
        return place
    raise NotFound(
        f"no posterior '{name[:60]}'",
        where="--draws",
        why="draws come from: " + ", ".join((PRIOR, *released())) + f", or a folder with a {MANIFEST}",
        near=nearest(name, (PRIOR, *released())),
        fix="choose one of them; remission calibrate makes one",
    )


def chosen(available: int, count: int, seed: int) -> npt.NDArray[np.int64]:
    """Rows of the file for `count` draws, ascending; beyond `available` they go round again with higher numbers."""
    rounds, rest = divmod(count, available)
    order = np.argsort(uniforms(seed, np.arange(available), CHOICE, Stream.PARAMETERS, 1)[:, 0], kind="stable")
    last = np.sort(order[:rest]) + rounds * available
    return np.concatenate([np.arange(rounds * available), last]).astype(np.int64)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a posterior. Raises NotFound or InvalidFile."""
    return files.parse(files.read(folder / MANIFEST), Manifest)


@lru_cache(maxsize=4)
def _read(folder: Path, _changed: int) -> tuple[Manifest, tuple[str, ...], Floats]:
    """Manifest, names and values of a posterior's draws (read again when the manifest has changed)."""
    manifest = read_manifest(folder)
    path = folder / DRAWS
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InvalidFile(
                "the file is too large", where=files.shown_path(path), why=f"at most {MOST_BYTES} bytes are read"
            )
        head, _, body = path.read_text(encoding="ascii").partition("\n")
    except OSError as error:
        raise NotFound(
            f"cannot read the draws: {error.strerror or error}", where=files.shown_path(path), fix="restore the file"
        ) from None
    except UnicodeDecodeError:
        raise InvalidFile(
            "the draws are not plain text", where=files.shown_path(path), fix="restore the file"
        ) from None
    return manifest, *_table(head, body, manifest, files.shown_path(path))


def _table(head: str, body: str, manifest: Manifest, shown: str) -> tuple[tuple[str, ...], Floats]:
    names = tuple(head.strip().split(","))
    try:
        values = np.array(body.replace("\n", ",").rstrip(",").split(","), np.float64)
    except ValueError as error:
        raise InvalidFile("a draw is not a number", where=shown, why=str(error)[:100], fix="restore the file") from None
    expected = manifest.draws * len(names)
    if values.size != expected or not np.isfinite(values).all() or len(set(names)) != len(names):
        raise InvalidFile(
            "the draws do not fit their manifest",
            where=shown,
            why=f"{manifest.draws} draws of {len(names)} different parameters are {expected} finite numbers, found {values.size}",
            fix="restore both files",
        )
    return names, values.reshape(manifest.draws, len(names))


def _values(
    parameters: Sequence[Parameter],
    manifest: Manifest,
    columns: tuple[str, ...],
    table: Floats,
    rows: npt.NDArray[np.int64],
    seed: int,
) -> Floats:
    """Values of today's parameters: drawn, as fixed when the posterior was made, or (if it does not know them) from their priors."""
    found = []
    for k, item in enumerate(parameters):
        if item.name in columns:
            found.append(table[:, columns.index(item.name)])
        elif item.name in manifest.fixed:
            found.append(np.full(len(table), manifest.fixed[item.name]))
        else:
            z = normals(seed, rows, 0, Stream.PARAMETERS, 1, first=k)[:, 0]
            found.append(np.asarray(item.value(z), np.float64))
    return np.stack(found, axis=1)


def stale(manifest: Manifest, columns: Sequence[str]) -> tuple[str, ...]:
    """What has changed since a posterior was made, one sentence each; empty when nothing has."""
    said = []
    now = hashes()
    for name, words in _PARTS.items():
        if manifest.hashes.get(name) != now[name]:
            said.append(f"{words} changed since the posterior '{manifest.name}' was made")
    known = {item.name for item in load_parameters()}
    had = {*columns, *manifest.fixed}
    if known - had:
        said.append(
            "it does not know the parameters " + ", ".join(sorted(known - had)) + ", which are drawn from their priors"
        )
    if had - known:
        said.append("its parameters " + ", ".join(sorted(had - known)) + " are no longer used")
    return tuple(said)


_PARTS = {
    "program": "the simulator's program",
    "parameters": "the priors",
    "regimens": "regimens, blocks or drugs of the catalog",
    "populations": "populations or their tables in the catalog",
}


@lru_cache(maxsize=1)
def hashes() -> Mapping[str, str]:
    """Hashes of what a simulation depends on: the program, the priors, the regimens and the populations.

    `program` covers the rooms engine, patients and outcomes, and how a protocol becomes a plan; `parameters` the names and
    priors (not the words beside them). What was published is hashed by the calibration, which alone may read it.
    """
    rooms, data = catalog.root().parent, catalog.root()
    sources = [path for room in ("engine", "patients", "outcomes") for path in sorted((rooms / room).rglob("*.py"))]
    sources += [rooms / name for name in _MEANING if (rooms / name).exists()]
    program = {p.relative_to(rooms).as_posix(): _bytes(p) for p in sources if p.name not in NOT_THE_MODEL}
    priors = [
        [item.name, {shape: _numbers(value) for shape, value in item.prior.items()}] for item in load_parameters()
    ]
    people = [digest_tree(data / kind, "*.yaml") for kind in ("populations", "lifetable")]
    return {
        "program": digest(program),
        "parameters": digest(priors),
        "regimens": digest([digest_tree(data / kind, "*.yaml") for kind in ("regimens", "blocks", "drugs")]),
        "populations": digest([*people, *(_bytes(data / name) for name in _TABLES if (data / name).exists())]),
    }


def _bytes(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()[:16]


def _numbers(value: Any) -> list[float]:
    return [float(v) for v in (value if isinstance(value, (list, tuple)) else [value])]
