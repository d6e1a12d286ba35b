"""A folder in which a fit keeps what is finished, so that a run killed at any moment goes on and ends with the same bytes.

Every piece is one file, written beside its place and moved in. It carries a key: the hash of everything that it follows from.
A piece with another key is not used.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from remission.base.errors import CannotWrite, UsageError
from remission.base.files import shown_path
from remission.base.hashing import digest

Arrays = Mapping[str, Any]


@dataclass(frozen=True)
class Store:
    """Pieces of one fit in `folder`; `key` is the hash of its inputs. Without a folder nothing is kept."""

    folder: Path | None
    key: str

    @classmethod
    def open(cls, folder: str | Path | None, inputs: Mapping[str, Any], resume: bool) -> Store:
        """The store of a fit with these inputs. Raises UsageError for a folder of another fit, or of an unfinished one
        unless `resume` is set."""
        key = digest(inputs)
        if folder is None:
            return cls(None, key)
        place = Path(folder)
        note = place / "fit.json"
        if note.exists():
            _same(note, key, resume)
        write(note, (json.dumps({"key": key, **inputs}, indent=1, sort_keys=True) + "\n").encode())
        return cls(place, key)

    def piece(self, name: str, make: Callable[[], Arrays]) -> dict[str, Any]:
        """The arrays of a piece: read if it is there and whole, else made and kept."""
        found = self.read(name)
        if found is not None:
            return found
        made = {key: np.asarray(value) for key, value in make().items()}
        if self.folder is not None:
            buffer = io.BytesIO()
            everything: dict[str, Any] = {"key": np.array(self.key), **made}
            np.savez(buffer, **everything)
            write(self.folder / f"{name}.npz", buffer.getvalue())
        return made

    def read(self, name: str) -> dict[str, Any] | None:
        """A piece that is there and belongs to this fit."""
        if self.folder is None or not (self.folder / f"{name}.npz").exists():
            return None
        try:
            with np.load(self.folder / f"{name}.npz", allow_pickle=False) as found:
                arrays = {key: found[key] for key in found.files}
        except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError):
            return None
        return arrays if str(arrays.pop("key", "")) == self.key else None


def _same(note: Path, key: str, resume: bool) -> None:
    try:
        before = json.loads(note.read_text(encoding="utf-8")).get("key")
    except (OSError, ValueError, AttributeError):
        before = None
    if before != key:
        raise UsageError(
            "the folder holds a fit with other inputs",
            where=shown_path(note.parent),
            why="its settings, targets, parameters or program differ from this one's",
            fix="choose another folder with --out, or empty this one",
        )
    if not resume:
        raise UsageError(
            "the folder holds a fit already",
            where=shown_path(note.parent),
            why="what is finished in it would be used again",
            fix="add --resume to go on, or choose another folder with --out",
        )


def write(path: Path, content: bytes) -> None:
    """Write one file atomically. Raises CannotWrite."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".writing-", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(name, path)
    except OSError as error:
        raise CannotWrite(
            f"cannot write: {error.strerror or error}", where=shown_path(path), fix="check space and permissions"
        ) from None
