"""Draws of invented parameters, all standard normal."""

from __future__ import annotations

import numpy as np

from remission.engine import Draws, Parameter

ASSUMED = ("kill_blinatumomab", "mrd_noise")


def parameters(count: int) -> tuple[Parameter, ...]:
    """Parameters p0, p1, ... with standard normal priors."""
    return tuple(
        Parameter(
            name=f"p{k}", unit="1", prior={"normal": [0.0, 1.0]}, basis="assumption", about="invented", evidence="none"
        )
        for k in range(count)
    )


def draws_of(rows: int, count: int) -> Draws:
    """Independent draws of them."""
    values = np.random.default_rng(count).standard_normal((rows, count))
    return Draws("invented", tuple(range(rows)), tuple(f"p{k}" for k in range(count)), values)
