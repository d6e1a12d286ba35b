"""What a strategy is judged by: a closed list of measures of virtual patients, each written as text (`EFS@36mo`, `MRD-@post-blina-1`).

A measure of a run is an array of shape (draws, patients); nan marks a patient outside its denominator.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from remission.base.errors import UsageError, nearest
from remission.base.histories import CAUSES, SITES, Histories
from remission.base.random import Floats
from remission.base.units import DAYS_PER_MONTH
from remission.decide.burden import Burden, burden_of
from remission.outcomes import made
from remission.protocol import Regimen

NO_RELAPSE_CAUSES = ("in remission", "transplant", "background")
TREATMENT_CAUSES = ("induction", "in remission", "transplant")
MAX_MONTHS = 180.0


@dataclass(frozen=True)
class Run:
    """A regimen and what happened to the patients who received it."""

    regimen: Regimen
    histories: Histories

    @cached_property
    def burden(self) -> Burden:
        """Days in hospital, on an infusion and in care, and amounts of drugs."""
        return burden_of(self.regimen, self.histories)


@dataclass(frozen=True)
class Kind:
    """A measure's meaning: title, unit, which direction is better (1 more, -1 less, 0 neither), and what follows its @ sign."""

    title: str
    unit: str
    better: int
    at: str
    of: Callable[[Run, Measure], Floats]


@dataclass(frozen=True)
class Measure:
    """A name from `KINDS` and its time or assessment."""

    name: str
    months: float | None = None
    assessment: str | None = None

    def __str__(self) -> str:
        if self.months is not None:
            return f"{self.name}@{self.months:g}mo"
        return f"{self.name}@{self.assessment}" if self.assessment not in (None, "any") else self.name

    @property
    def kind(self) -> Kind:
        """Title, unit and direction."""
        return KINDS[self.name]

    @property
    def title(self) -> str:
        """The measure in words."""
        when = f" at {self.months:g} months" if self.kind.at == "months" else ""
        if self.kind.at == "horizon" and self.months is not None:
            when = f" within {self.months:g} months"
        if self.assessment and self.assessment != "any":
            when = f" at {self.assessment}"
        return self.kind.title + when

    def of(self, run: Run) -> Floats:
        """Values of every patient in every draw; nan outside the denominator. Raises NotFound for an unknown assessment."""
        return self.kind.of(run, self)


def parse_measure(text: str, where: str = "measure") -> Measure:
    """Read a measure. Raises UsageError with the nearest one and the list."""
    name, at_sign, at = (part.strip() for part in text.strip().partition("@"))
    if name not in KINDS:
        raise UsageError(f"'{text[:60]}' is not a measure", where=where, why="the measures are " + ", ".join(KINDS),
                         near=nearest(name, KINDS), fix="write one of them, with its time as in EFS@36mo")
    kind = KINDS[name]
    if kind.at in ("months", "horizon"):
        match = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9])?)(?:mo)?", at)
        if match is None or not 0 < float(match[1]) <= MAX_MONTHS:
            raise UsageError(f"'{text[:60]}' needs a time of 1 to {MAX_MONTHS:g} months", where=where,
                             why=f"{name} is counted until a time", near=f"{name}@36mo", fix=f"write e.g. {name}@36mo")
        return Measure(name, months=float(match[1]))
    if kind.at == "assessment":
        return Measure(name, assessment=at or "any")
    if at_sign:
        raise UsageError(f"'{text[:60]}' takes no time", where=where, why=f"{name} is counted over the whole course", near=name,
                         fix=f"write {name}")
    return Measure(name)


def _days(measure: Measure) -> float:
    assert measure.months is not None
    return measure.months * DAYS_PER_MONTH


def event_days(h: Histories, name: str) -> Floats:
    """Day of the first event of OS or EFS from the start of treatment (inf: none)."""
    names = {"OS": ("death",), "EFS": ("failure", "relapse", "death")}[name]
    return np.asarray(np.minimum.reduce([h.events[event] for event in names]), np.float64)


def _alive(run: Run, measure: Measure) -> Floats:
    return np.asarray(event_days(run.histories, measure.name) > _days(measure), np.float64)


def _disease_free(run: Run, measure: Measure) -> Floats:
    events = run.histories.events
    entered = np.isfinite(events["remission"])
    since = np.minimum(events["relapse"], events["death"]) - np.where(entered, events["remission"], 0.0)
    return np.where(entered, (since > _days(measure)) * 1.0, np.nan)


def _restricted(run: Run, measure: Measure) -> Floats:
    name = "OS" if measure.name == "months alive" else "EFS"
    return np.asarray(np.minimum(event_days(run.histories, name), _days(measure)) / DAYS_PER_MONTH, np.float64)


def _at_home(run: Run, measure: Measure) -> Floats:
    """Days event-free within the horizon on which the patient was neither in hospital nor on an infusion nor given an injection."""
    free = np.minimum(event_days(run.histories, "EFS"), _days(measure))
    return np.asarray(np.maximum(0.0, free - np.minimum(run.burden.care_days, free)), np.float64)


def _relapse(run: Run, measure: Measure) -> Floats:
    return np.asarray(run.histories.events["relapse"] <= _days(measure), np.float64)


def _relapse_at(site: str) -> Callable[[Run, Measure], Floats]:
    def of(run: Run, measure: Measure) -> Floats:
        events = run.histories.events
        return np.asarray((events["relapse"] <= _days(measure)) & (events["site"] == SITES.index(site)), np.float64)

    return of


def _death_from(causes: tuple[str, ...], in_remission: bool) -> Callable[[Run, Measure], Floats]:
    def of(run: Run, measure: Measure) -> Floats:
        events = run.histories.events
        died = (events["death"] <= _days(measure)) & np.isin(events["cause"], [CAUSES.index(cause) for cause in causes])
        if in_remission:
            died &= np.isfinite(events["remission"]) & (np.minimum(events["relapse"], events["failure"]) > events["death"])
        return np.asarray(died, np.float64)

    return of


def _flag(event: str) -> Callable[[Run, Measure], Floats]:
    def of(run: Run, measure: Measure) -> Floats:
        found = run.histories.events[event]
        return np.asarray(np.isfinite(found) if event == "transplant" else found > 0, np.float64)

    return of


def _severe(run: Run, measure: Measure) -> Floats:
    """Any grade 3+ cytokine release syndrome or neurotoxicity, veno-occlusive disease, or death from treatment within the time."""
    parts = [_flag(name)(run, measure) for name in ("crs3", "nt3", "vod")]
    return np.asarray(np.maximum.reduce([*parts, _death_from(TREATMENT_CAUSES, False)(run, measure)]), np.float64)


def _remission(run: Run, measure: Measure) -> Floats:
    h = run.histories
    if measure.assessment in (None, "any"):
        return np.isfinite(h.events["remission"]) * 1.0
    found = made(h, str(measure.assessment), ("remission", "marrow-blasts"))
    return np.asarray(np.nan_to_num(found.value, nan=0.0), np.float64)


def _mrd_negative(run: Run, measure: Measure) -> Floats:
    """MRD below the assay's limit among patients measured; for `any`, at any of the protocol's own assessments."""
    found = made(run.histories, measure.assessment or "any", ("mrd",))
    with np.errstate(invalid="ignore"):
        return np.where(np.isnan(found.value), np.nan, (found.value < found.limit) * 1.0)


def _burden(name: str) -> Callable[[Run, Measure], Floats]:
    def of(run: Run, measure: Measure) -> Floats:
        return np.asarray(getattr(run.burden, name), np.float64)

    return of


KINDS: dict[str, Kind] = {
    "EFS": Kind("event-free survival", "share", 1, "months", _alive),
    "OS": Kind("overall survival", "share", 1, "months", _alive),
    "DFS": Kind("disease-free survival from remission", "share", 1, "months", _disease_free),
    "event-free months": Kind("mean event-free time", "months", 1, "horizon", _restricted),
    "months alive": Kind("mean time alive", "months", 1, "horizon", _restricted),
    "days at home": Kind("mean event-free days outside care", "days", 1, "horizon", _at_home),
    "CR": Kind("complete remission", "share", 1, "assessment", _remission),
    "MRD-": Kind("MRD negativity among those measured", "share", 1, "assessment", _mrd_negative),
    "relapse": Kind("relapse", "share", -1, "months", _relapse),
    "CNS relapse": Kind("relapse in the central nervous system", "share", -1, "months", _relapse_at("central nervous system")),
    "extramedullary relapse": Kind("extramedullary relapse", "share", -1, "months", _relapse_at("extramedullary")),
    "death in remission": Kind("death in remission", "share", -1, "months", _death_from(NO_RELAPSE_CAUSES, True)),
    "treatment death": Kind("death from treatment", "share", -1, "months", _death_from(TREATMENT_CAUSES, False)),
    "induction death": Kind("death in induction", "share", -1, "months", _death_from(("induction",), False)),
    "CRS3+": Kind("cytokine release syndrome, grade 3 or more", "share", -1, "", _flag("crs3")),
    "NT3+": Kind("neurotoxicity, grade 3 or more", "share", -1, "", _flag("nt3")),
    "VOD": Kind("veno-occlusive disease", "share", -1, "", _flag("vod")),
    "severe toxicity": Kind("severe toxicity or death from treatment", "share", -1, "horizon", _severe),
    "HSCT": Kind("allogeneic transplant", "share", 0, "", _flag("transplant")),
    "hospital days": Kind("days in hospital", "days", -1, "", _burden("hospital_days")),
    "infusion days": Kind("days on a blinatumomab infusion", "days", -1, "", _burden("infusion_days")),
    "care days": Kind("days in hospital, on an infusion or with an injection", "days", -1, "", _burden("care_days")),
    "blinatumomab cycles": Kind("blinatumomab cycles begun", "cycles", 0, "", _burden("cycles")),
    "intrathecal doses": Kind("intrathecal treatments", "doses", 0, "", _burden("intrathecal")),
}
