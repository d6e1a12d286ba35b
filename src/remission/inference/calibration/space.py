"""The space in which the fit works: standard-normal coordinates of every parameter that has a prior."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from remission.base.random import Floats, Stream, normals
from remission.engine import Draws, Parameter, load_parameters

DISCREPANCY = "arm_discrepancy"
"""The parameter that says how far real arms lie from their model; it acts in the likelihood, not in the simulator."""
GRID = np.linspace(-6.0, 6.0, 481)
ROWS_OF_A_STAGE = 1_000_000
"""Numbers set aside for the draws of one stage, so that no two stages meet the same luck."""


@dataclass(frozen=True)
class Space:
    """Parameters in the order of their file; `names` are those with a prior, the columns of every `z`."""

    parameters: tuple[Parameter, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Parameters that are estimated."""
        return tuple(item.name for item in self.parameters if "fixed" not in item.prior)

    @property
    def inputs(self) -> tuple[int, ...]:
        """Columns of z that the simulator can feel: all but the discrepancy."""
        return tuple(k for k, name in enumerate(self.names) if name != DISCREPANCY)

    def draws(self, z: Floats, numbers: Sequence[int], name: str = "calibration") -> Draws:
        """Parameter draws at coordinates z, shape (draws, names); fixed parameters keep their values."""
        columns, column = [], 0
        for item in self.parameters:
            free = "fixed" not in item.prior
            columns.append(np.asarray(item.value(z[:, column] if free else np.zeros(len(z))), np.float64))
            column += free
        return Draws(name, tuple(numbers), tuple(item.name for item in self.parameters), np.stack(columns, axis=1))

    def prior(self, rows: int, seed: int, stage: int) -> Floats:
        """Coordinates of `rows` prior draws; every stage has its own."""
        return normals(seed, np.arange(rows), stage, Stream.PARAMETERS, len(self.names))

    @property
    def column(self) -> int:
        """Column of z that holds the discrepancy; -1 where its SD is fixed."""
        return self.names.index(DISCREPANCY) if DISCREPANCY in self.names else -1

    @property
    def table(self) -> Floats:
        """SD of the discrepancy at the coordinates `GRID`: its prior's own quantiles, for any shape of prior."""
        item = next(p for p in self.parameters if p.name == DISCREPANCY)
        return np.asarray(item.value(GRID), np.float64)

    def discrepancy(self, z: Floats) -> Floats:
        """SD on the logit scale by which real arms differ from their model, at coordinates z (..., names)."""
        return np.asarray(discrepancy_at(z, self.column, self.table, np), np.float64)


def discrepancy_at(z: Any, column: int, table: Any, xp: Any) -> Any:
    """`Space.discrepancy` in any array library."""
    if column < 0:
        return xp.full(z.shape[:-1], table[0])
    return xp.interp(z[..., column], xp.asarray(GRID), table)


def numbers_of(stage: int, rows: int, first: int = 0) -> tuple[int, ...]:
    """Numbers of the draws of a stage: the addresses of their patients' luck."""
    return tuple(range(stage * ROWS_OF_A_STAGE + first, stage * ROWS_OF_A_STAGE + first + rows))


@lru_cache(maxsize=1)
def load_space() -> Space:
    """The space of today's parameters."""
    return Space(load_parameters())
