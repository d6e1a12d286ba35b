"""The joint between the engine and everything that measures: what happened to each virtual patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from remission.base.random import Floats

CAUSES = ("alive", "induction", "in remission", "transplant", "background", "leukaemia")
SITES = ("bulk", "persister", "cd19-negative", "resistant", "extramedullary", "central nervous system")


@dataclass(frozen=True)
class Slot:
    """One assessment of the plan: its name, kind, limit (log10 fraction), whether it reads the BCR::ABL1 transcript, and whether it is
    a `standard` one that the protocol itself does not make."""

    name: str
    what: str
    limit: float
    transcript: bool
    standard: bool = False


@dataclass(frozen=True)
class Histories:
    """What happened to each virtual patient; arrays have shape (draws, patients), times are days from diagnosis (inf: never).

    `events` holds remission, failure, relapse, death, transplant, treatment_end (days), site (index into `SITES`, nan),
    cause (index into `CAUSES`), intrathecal (treatments given) and the flags crs3, nt3, vod, blinatumomab.
    `covariates` are those of the cohort.
    `values[slot]` is 1/0 for remission or log10 MRD at each assessment, nan where it was not made; `when` its day.
    `burden` is log10 marrow fraction on the days of `grid`, (draws, patients, days), nan after relapse or death.
    `started` (draws, patients, phases) is the day on which a patient began each of the plan's `phases`, nan if never; a phase ends
    after its length or with the treatment, whichever is first. Patients are numbered from `first` on.
    """

    regimen: str
    population: str
    draws: tuple[int, ...]
    slots: tuple[Slot, ...]
    events: Mapping[str, Floats]
    covariates: Mapping[str, Floats]
    values: Floats
    when: Floats
    grid: Floats
    burden: Floats
    phases: tuple[str, ...]
    started: npt.NDArray[np.float32]
    first: int = 0

    def slot(self, name: str, what: str | None = None) -> int:
        """Index of the last assessment called `name` (of one kind). Raises KeyError."""
        for k in range(len(self.slots) - 1, -1, -1):
            if self.slots[k].name == name and what in (None, self.slots[k].what):
                return k
        raise KeyError(name)
