"""Draws with one trial left out, kept in a file beside a released posterior, so that validating needs neither JAX nor minutes.

The file (`without.npz`) holds for every trial the rows that were left out, how, and the draws. A trial is taken from it only if
exactly the same rows are to be left out today and the parameters are the same; the others are asked of another belief.
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

from remission.base.errors import CannotWrite, InvalidFile, RemissionError
from remission.base.files import shown_path
from remission.engine import Draws
from remission.inference.validation.belief import Belief, Held, Rows, Tell

FILE = "without.npz"
MOST_BYTES = 100_000_000
HOW = ("prior", "refit", "re-weighted")


def keep(held: Mapping[str, Held], sets: Mapping[str, Rows], place: Path) -> None:
    """Write the draws of every trial left out. The same draws give the same bytes. Raises CannotWrite."""
    arrays: dict[str, Any] = {}
    told: dict[str, Any] = {}
    for trial in sorted(held):
        item = held[trial]
        told[trial] = {"rows": sorted(sets[trial]), "how": item.how, "pareto_k": item.pareto_k, "effective": item.effective,
                       "name": item.draws.name, "names": list(item.draws.names)}
        arrays[f"{trial}.values"] = item.draws.values.astype(np.float32)  # of 7 digits: half the size
        arrays[f"{trial}.numbers"] = np.asarray(item.draws.numbers, np.int64)
        if item.weights is not None:
            arrays[f"{trial}.weights"] = item.weights
    buffer = io.BytesIO()
    np.savez_compressed(buffer, about=np.array(json.dumps(told, sort_keys=True)), **arrays)
    try:
        with tempfile.NamedTemporaryFile(dir=place.parent, delete=False) as file:
            file.write(buffer.getvalue())
        os.chmod(file.name, 0o644)
        os.replace(file.name, place)
    except OSError as error:
        why = error.strerror or str(error)
        raise CannotWrite(f"cannot write the draws: {why}", where=shown_path(place), fix="choose another place") from None


def read(place: Path) -> dict[str, tuple[Rows, Held]]:
    """Rows left out and draws of every trial in a file of `keep`. Raises InvalidFile."""
    try:
        if place.stat().st_size > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES} bytes")
        with np.load(place, allow_pickle=False) as found:
            told = json.loads(str(found["about"]))
            return {trial: (frozenset(item["rows"]), _held(trial, item, found)) for trial, item in told.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile, EOFError) as error:
        raise InvalidFile("the draws of trials left out cannot be read", where=shown_path(place), why=str(error)[:120],
                          fix="restore the file, or remove it and leave out again") from None


def _held(trial: str, item: Mapping[str, Any], found: Any) -> Held:
    values, numbers = found[f"{trial}.values"], found[f"{trial}.numbers"]
    weights = found.get(f"{trial}.weights")
    names = tuple(str(name) for name in item["names"])
    good = values.shape == (len(numbers), len(names)) and len(numbers) > 0 and np.isfinite(values).all() and item["how"] in HOW
    if not good or (weights is not None and weights.shape != numbers.shape):
        raise ValueError(f"the draws without {trial} do not fit their description")
    p = Draws(str(item["name"]), tuple(int(number) for number in numbers), names, np.asarray(values, np.float64))
    return Held(p, weights, item["how"], item["pareto_k"], float(item["effective"]))


@dataclass(frozen=True)
class Kept:
    """The belief of a released posterior with its file; `otherwise` makes the belief that is asked for what the file does not hold."""

    full: Draws
    place: Path
    otherwise: Callable[[], Belief] | None = None

    def leave_out(self, sets: Mapping[str, Rows], tell: Tell) -> Mapping[str, Held]:
        """From the file where it fits. Raises RemissionError for trials that it does not hold, where there is no other belief."""
        stored = read(self.place)
        found = {
            trial: stored[trial][1]
            for trial, rows in sets.items()
            if trial in stored and stored[trial][0] == rows and stored[trial][1].draws.names == self.full.names
        }
        missing = {trial: rows for trial, rows in sets.items() if trial not in found}
        if missing and self.otherwise is None:
            raise RemissionError(
                f"the posterior was released without draws that leave out {', '.join(sorted(missing))}",
                where=shown_path(self.place),
                why="results or parameters have changed since",
                fix="calibrate again, or give the folder of the calibration with --fit",
            )
        if missing and self.otherwise is not None:
            found.update(self.otherwise().leave_out(missing, tell))
        return found
