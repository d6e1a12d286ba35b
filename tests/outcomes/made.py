"""Histories written by hand, so that every number that is measured on them can be counted."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np

from remission.base.histories import Histories, Slot
from remission.base.units import DAYS_PER_MONTH

INF = np.inf
MONTH = DAYS_PER_MONTH


def histories(
    slots: list[tuple[str, str, float]] | None = None,
    readings: Any = None,
    regimen: str = "made",
    phases: tuple[str, ...] = (),
    started: Any = None,
    standard: tuple[str, ...] = (),
    transcript: tuple[str, ...] = (),
    **given: Any,
) -> Histories:
    """Histories of one draw (or of several, where events are lists of lists).

    `slots`: (name, kind, limit as a fraction); `readings`: for each patient a list of (value, day) or None, one for each slot.
    Events and covariates by name; those that are left out never happen.
    """
    table = {name: np.atleast_2d(np.asarray(values, np.float64)) for name, values in given.items()}
    shape = next(iter(table.values())).shape
    never = np.full(shape, INF)
    events = {
        name: never.copy() for name in ("remission", "failure", "relapse", "death", "transplant", "treatment_end")
    }
    events |= {"site": np.full(shape, np.nan), "cause": np.zeros(shape)}
    events |= {name: np.zeros(shape) for name in ("crs3", "nt3", "vod", "blinatumomab")}
    covariates = {"age": np.full(shape, 50.0), "ph": np.zeros(shape), "male": np.zeros(shape)}
    for name, values in table.items():
        (events if name in events else covariates)[name] = values
    slots = slots or []
    values, when = np.full((*shape, len(slots)), np.nan), np.full((*shape, len(slots)), np.nan)
    for patient, row in enumerate(readings or []):
        for slot, reading in enumerate(row):
            if reading is not None:
                values[:, patient, slot], when[:, patient, slot] = reading
    more: dict[str, Any] = {}
    known = {field.name for field in fields(Histories)}
    if "phases" in known:
        empty = np.full((*shape, len(phases)), np.nan, np.float32)
        more = {
            "phases": phases,
            "started": empty if started is None else np.asarray(started, np.float32).reshape(*shape, len(phases)),
        }
    return Histories(
        regimen=regimen,
        population="made",
        draws=tuple(range(shape[0])),
        slots=tuple(_slot(item, item[0] in standard, item[0] in transcript) for item in slots),
        events=events,
        covariates=covariates,
        values=values,
        when=when,
        grid=np.zeros(0),
        burden=np.zeros((*shape, 0)),
        **more,
    )


def _slot(item: tuple[str, str, float], standard: bool, transcript: bool) -> Any:
    made = Slot(item[0], item[1], float(np.log10(item[2])), transcript)
    object.__setattr__(made, "standard", standard)
    return made
