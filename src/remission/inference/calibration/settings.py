"""How large each stage of a fit is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from remission.base.errors import UsageError


@dataclass(frozen=True)
class Settings:
    """Sizes of the stages. Two settings give the same posterior but for the numerical error that the diagnostics report.

    `virtual`: virtual trials behind the correlation of rows; `patients`: virtual patients per arm and run of the waves;
    `prior_runs`: runs at prior draws; `ensemble`, `assimilations`: ES-MDA; `near_runs`: runs around its answer;
    `posterior_runs`: runs around the first posterior; `hidden`, `epochs`, `networks`: emulator; `chains`, `warmup`, `samples`: NUTS;
    `checked`, `checked_patients`: posterior draws simulated again for re-weighting; `released`: draws kept.
    """

    seed: int = 1
    virtual: int = 600
    patients: int = 500
    prior_runs: int = 10_000
    ensemble: int = 500
    assimilations: int = 4
    near_runs: int = 10_000
    posterior_runs: int = 12_000
    hidden: int = 64
    epochs: int = 60
    networks: int = 3
    chains: int = 4
    warmup: int = 1000
    samples: int = 1000
    checked: int = 2000
    checked_patients: int = 8000
    released: int = 1000

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value < (0 if name == "seed" else 1):
                raise UsageError(f"{name} is {value}", where="calibrate", why="it must be positive", fix="raise it")

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


FAST = Settings(
    virtual=200,
    patients=200,
    prior_runs=1500,
    ensemble=200,
    assimilations=3,
    near_runs=1500,
    posterior_runs=1000,
    hidden=32,
    epochs=60,
    networks=2,
    chains=2,
    warmup=400,
    samples=500,
    checked=300,
    checked_patients=1000,
    released=300,
)
"""Minutes instead of half an hour, to try things out; too small to release."""
