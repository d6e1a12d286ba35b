"""From histories to the arrays behind ADSL, ADTTE, events and ADRS: one array per variable, one element per row.

Patients are laid out draw after draw; within a patient rows follow the order that the tables promise. nan stands for null.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from remission.base.histories import Histories
from remission.base.random import Floats
from remission.outcomes.tables import columns as c
from remission.outcomes.tables.when import SAME_DAY, first_given, holds_at, phase_ends, started
from remission.protocol import Regimen

Rows = dict[str, npt.NDArray[Any]]
COVARIATES = ("age", "sex", "ph", "ph_like", "kmt2a", "adverse_genetics", "ikzf1", "wbc", "marrow_blasts", "cd20", "cd22",
              "cns", "donor")  # fmt: skip
_TIMES = ("remission", "failure", "relapse", "transplant", "treatment_end", "death")
_FLAGS = {"blinatumomab": "blinatumomab", "crs3": "blinatumomab", "nt3": "blinatumomab", "vod": "inotuzumab-ozogamicin"}
"""What happens on a day that the model does not tell, and the drug without which it cannot."""


@dataclass(frozen=True)
class Part:
    """Histories of patients `first`, `first` + 1, ... under a regimen.

    `days` is how long each of them is followed from the start of treatment, shape (draws, patients). `names` are the
    identifiers of a user's cohort; patient k is number k modulo their count.
    """

    histories: Histories
    regimen: Regimen
    first: int
    days: Floats
    names: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        draws, patients = self.histories.events["death"].shape
        return draws, patients

    def seen(self, event: str) -> Floats:
        """Day of an event, inf when it does not happen by the data cut-off."""
        day = self.histories.events[event]
        return np.where(day <= self.days, day, np.inf)

    def who(self) -> Mapping[str, npt.NDArray[np.int32]]:
        """Number of the draw, of the patient, and of the row in ADSL (from 0), shape (draws, patients)."""
        draws = np.asarray(self.histories.draws, np.int32)[:, None]
        patients = np.arange(self.first, self.first + self.shape[1], dtype=np.int32)[None, :]
        rows = np.arange(self.shape[0] * self.shape[1], dtype=np.int32).reshape(self.shape)
        return {"draw": np.broadcast_to(draws, self.shape), "patient": np.broadcast_to(patients, self.shape), "row": rows}

    def identifiers(self, study: str) -> npt.NDArray[np.object_]:
        """USUBJID of every row of ADSL: study, regimen, and the numbers of draw and patient, counted from 1."""
        pairs = zip(*(self.who()[name].reshape(-1).tolist() for name in ("draw", "patient")), strict=True)
        start = f"{study}.{self.regimen.id}."
        return np.array([f"{start}{draw + 1:06d}.{patient + 1:08d}" for draw, patient in pairs], np.object_)


def subjects(part: Part) -> Rows:
    """One row per patient."""
    h = part.histories
    rows: dict[str, Floats] = {name: h.covariates[name] for name in COVARIATES}
    for name in _TIMES:
        rows[name] = _null(part.seen(name))
    rows |= {name: flag.astype(np.float64) for name, flag in _flags(part).items()}
    rows |= {name: h.events[name] for name in ("site", "cause")}
    ended = h.events["treatment_end"]
    by = [h.events[name] <= ended for name in ("death", "relapse", "failure")]
    left = np.select(by, [0.0, 1.0, 2.0], np.nan)
    rows["left_by"] = np.where(ended <= part.days, left, np.nan)
    rows["cut"] = part.days
    rows["randomised"], rows["randomised_at"] = randomisation(part)
    return _flat({**part.who(), **rows})


def _flags(part: Part) -> dict[str, npt.NDArray[np.bool_]]:
    """What happened to patients to whom the drug was first given by the data cut-off."""
    h = part.histories
    begun = {drug: first_given(h, part.regimen, drug) < part.days for drug in set(_FLAGS.values())}
    return {name: (h.events[name] > 0) & begun[drug] for name, drug in _FLAGS.items()}


def randomisation(part: Part) -> tuple[Floats, Floats]:
    """1 for patients who reach the regimen's randomisation and meet its conditions, 0 for others, nan without one; and the day."""
    at = [k for k, phase in enumerate(part.regimen.phases) if phase.randomise is not None]
    nobody = np.full(part.shape, np.nan)
    if not at:
        return nobody, nobody
    phase = part.regimen.phases[at[0]]
    h, rule = part.histories, phase.randomise
    end = phase_ends(h)[..., h.phases.index(phase.id)]
    whole = end - started(h, phase.id) >= float(phase.length.to("d") if phase.length else 0.0) - SAME_DAY
    inside = whole & (end < np.minimum(h.events["relapse"], h.events["death"])) & (end <= part.days)
    if rule is not None and rule.if_ is not None:
        inside &= holds_at(h, part.regimen, rule.if_, end)
    return inside.astype(np.float64), np.where(inside, end, np.nan)


def endpoints(part: Part) -> Rows:
    """One row per patient and endpoint; endpoints from remission only for patients who reached it."""
    remission, relapse, death, failure, transplant = (
        part.seen(name) for name in ("remission", "relapse", "death", "failure", "transplant")
    )
    start, alive = np.zeros(part.shape), np.isfinite(death)
    died, failed, relapsed = (c.DEATH, death), (c.NO_REMISSION, failure), (c.RELAPSE, relapse)
    rules = {
        "OS": (start, (died,), ()),
        "EFS": (start, (failed, relapsed, died), ()),
        "RFS": (remission, (relapsed, died), ()),
        "CIR": (remission, (relapsed,), (died,)),
        "NRM": (remission, (died,), (relapsed,)),
        "TTCR": (start, ((c.REMISSION, remission),), (failed, died)),
        "TTSCT": (start, ((c.TRANSPLANT, transplant),), (failed, relapsed, died)),
    }
    found: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in ("endpoint", "origin", "aval", "cnsr", "what")}
    for code, name in enumerate(c.ENDPOINT_CODES):
        origin, events, competing = rules[name]
        days = np.stack([day for _, day in (*events, *competing)])
        which = days.argmin(axis=0)
        time = np.take_along_axis(days, which[None], 0)[0]
        happened = np.isfinite(time)
        texts = np.array([text for text, _ in (*events, *competing)], np.int32)[which]
        last = np.where(alive, c.NO_EVENT, c.ALIVE)
        found["endpoint"].append(np.full(part.shape, code, np.int32))
        found["origin"].append(np.where(np.isfinite(origin), origin, np.nan))
        found["aval"].append(np.where(happened, time, part.days) - found["origin"][-1])
        found["cnsr"].append(np.where(happened, np.where(which < len(events), 0, 2), 1).astype(np.int32))
        found["what"].append(np.where(happened, texts, last).astype(np.int32))
    rows = {name: np.stack(parts, axis=-1) for name, parts in found.items()}
    return _many(part, rows, ~np.isnan(rows["origin"]))


def events(part: Part) -> Rows:
    """One row per patient and event by the data cut-off, in order of time; toxicities have no day and come last."""
    h = part.histories
    timed = [_null(part.seen(name)) for name in _TIMES]
    flags = [_flags(part)[name] for name in ("crs3", "nt3", "vod")]
    nothing = np.full(part.shape, np.nan)
    time = np.stack(timed + [nothing] * len(flags), axis=-1)
    there = np.stack([~np.isnan(day) for day in timed] + flags, axis=-1)
    detail = np.full(time.shape, np.nan)
    detail[..., _TIMES.index("relapse")] = h.events["site"]
    detail[..., _TIMES.index("death")] = h.events["cause"]
    names = {"remission": "CR", "failure": "NOCR", "relapse": "RELAPSE", "transplant": "HSCT", "treatment_end": "EOT", "death": "DEATH"}
    codes = [c.EVENT_CODES.index(names[name]) for name in _TIMES] + [c.EVENT_CODES.index(name) for name in ("CRS3", "NT3", "VOD")]
    event = np.broadcast_to(np.array(codes, np.int32), time.shape)
    order = np.argsort(np.where(there, np.where(np.isnan(time), 1e30, time), np.inf), axis=-1, kind="stable")
    rows: dict[str, npt.NDArray[Any]] = {"event": event, "time": time, "detail": detail, "there": there}
    rows = {name: np.take_along_axis(values, order, axis=-1) for name, values in rows.items()}
    rows["seq"] = np.broadcast_to(np.arange(1, time.shape[-1] + 1, dtype=np.int32), time.shape)
    return _many(part, rows, rows.pop("there").astype(np.bool_))


def assessments(part: Part) -> Rows:
    """One row per patient and assessment made by the data cut-off, in the order of the plan."""
    h = part.histories
    slots = [k for k, slot in enumerate(h.slots) if slot.what in c.ASSESSED]
    value, day = h.values[..., slots], h.when[..., slots]
    there = ~np.isnan(value) & (day <= part.days[..., None])
    rows = {
        "slot": np.broadcast_to(np.array(slots, np.int32), value.shape),
        "param": np.broadcast_to(np.array([c.ASSESSED.index(h.slots[k].what) for k in slots], np.int32), value.shape),
        "lim": np.broadcast_to(np.array([h.slots[k].limit for k in slots]), value.shape),
        "time": day,
        "aval": value,
        "seq": np.cumsum(there, axis=-1, dtype=np.int32),
    }
    return _many(part, rows, there)


def _null(day: Floats) -> Floats:
    return np.where(np.isfinite(day), day, np.nan)


def _flat(rows: Mapping[str, npt.NDArray[Any]]) -> Rows:
    return {name: np.ascontiguousarray(values).reshape(-1) for name, values in rows.items()}


def _many(part: Part, rows: Mapping[str, npt.NDArray[Any]], there: npt.NDArray[np.bool_]) -> Rows:
    """Arrays of shape (draws, patients, rows) as rows of those that are there."""
    who = {name: np.broadcast_to(values[..., None], there.shape) for name, values in part.who().items()}
    return {name: values[there] for name, values in {**who, **rows}.items()}
