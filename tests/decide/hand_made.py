"""Histories written by hand, to know what measures must come to."""

import numpy as np
from tests.sample import regimen

from remission.base.histories import CAUSES, SITES, Histories, Slot
from remission.protocol.plan import phase_days

TREATMENT = """
  - id: a
    length: 21 d
    purpose: induction
    chemotherapy: intensive induction
    give:
      - {drug: vincristine, dose: 2 mg, route: iv, days: "1, 8"}
      - {drug: methotrexate, dose: 12 mg, route: it, days: "2"}
      - {drug: rituximab, dose: 375 mg/m2, route: iv, days: "1, 15", only: cd20 >= 20}
    assess: [{name: end, what: remission}]
  - id: b-1
    block: blinatumomab-28
    assess: [{name: mrd-1, what: mrd, day: 28}]
  - {id: b-2, block: blinatumomab-28}
  - id: c
    length: 28 d
    chemotherapy: intensive consolidation
    give:
      - {drug: cytarabine, dose: 1000 mg/m2, route: iv, days: "2-3", per_day: 2}
      - {drug: mercaptopurine, dose: 50 mg, route: po, days: "1-28"}
"""
NEVER = np.inf


def plan():
    """The regimen of these histories: 21 + 42 + 42 + 28 days."""
    return regimen(TREATMENT)


def histories(patients: list[dict]) -> Histories:
    """One draw; each patient is a dict of events (never where left out), `cd20`, `mrd`, and the phases begun (`started`)."""
    own = plan()
    names = ("remission", "failure", "relapse", "death", "transplant", "treatment_end")
    events = {name: np.array([[float(patient.get(name, NEVER)) for patient in patients]]) for name in names}
    events["treatment_end"] = np.array([[float(patient.get("treatment_end", 133.0)) for patient in patients]])
    events["site"] = np.array(
        [[float(SITES.index(patient["site"])) if "site" in patient else np.nan for patient in patients]]
    )
    events["cause"] = np.array([[float(CAUSES.index(patient.get("cause", "alive"))) for patient in patients]])
    for flag in ("crs3", "nt3", "vod", "blinatumomab"):
        events[flag] = np.array([[float(patient.get(flag, 0.0)) for patient in patients]])
    begins = dict(
        zip(
            [phase.id for phase in own.phases],
            np.cumsum([0, *[phase_days(phase) for phase in own.phases]]),
            strict=False,
        )
    )
    started = np.array(
        [
            [
                [
                    float(begins[phase.id]) if phase.id in patient.get("started", begins) else np.nan
                    for phase in own.phases
                ]
                for patient in patients
            ]
        ],
        np.float32,
    )
    covariates = {"cd20": np.array([[float(patient.get("cd20", 0.0)) for patient in patients]])}
    slots = (Slot("end", "remission", -4.0, False), Slot("mrd-1", "mrd", -4.0, False))
    values = np.array([[[float(patient.get("end", 1.0)), float(patient.get("mrd", np.nan))] for patient in patients]])
    empty = np.zeros((1, len(patients), 0))
    return Histories(
        "test",
        "made",
        (0,),
        slots,
        events,
        covariates,
        values,
        np.where(np.isnan(values), np.nan, 49.0),
        np.zeros(0),
        empty,
        tuple(phase.id for phase in own.phases),
        started,
    )
