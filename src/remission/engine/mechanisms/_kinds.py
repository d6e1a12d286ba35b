"""What a mechanism declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

ROWS = ("bulk", "persister", "cd19-negative", "resistant", "extramedullary", "central nervous system")

RATE = 0  # potency: ln kill of bulk per day at one unit of exposure
CHEMOTHERAPY = 1  # potency: log10 kill of bulk by one course; exposure: courses per day; noise from course to course
SCALED = 3  # as RATE, in proportion to the dose intensity of the course
EFFECTOR = 2  # potency: largest kill per day; saturates with the number of CD19-positive marrow cells


@dataclass(frozen=True)
class Mechanism:
    """One mechanism of action.

    `potency(p, patient)` maps each agent to its potency; `p` holds parameters of shape (draws, 1), `patient` covariates and
    traits of shape (draws, patients), and the function is pure arithmetic on them. `relative[agent][row]` is the kill of a
    clone row relative to bulk: a number, or the name of a parameter. `unit` is the unit of exposure. `parameters` are the
    names of the parameters that the mechanism reads; `example` is (parameters, patient, expected potencies).
    """

    name: str
    agents: tuple[str, ...]
    kind: int
    unit: str
    parameters: tuple[str, ...]
    potency: Callable[[Any, Any], Mapping[str, Any]]
    relative: Mapping[str, Mapping[str, float | str]]
    example: tuple[Mapping[str, float], Mapping[str, float], Mapping[str, float]]
    availability: Mapping[str, float | str] = field(default_factory=dict)
