"""The readable twin: the model of `program.py`, `kernel.py` and `ending.py` for one patient, in plain Python.

It walks the machine plan itself (no instruction table, no lanes), keeps clone rows by name, and favours clarity over speed. Tests
hold the compiled kernel to it. Nothing else uses it. Shared with the engine are only the traits of patients, the exposures and
dose intensity of a phase, the standard assessments, the life table and the mechanisms' potencies, each of which has tests of its
own. `reference_plan.py` makes a regimen ready; what follows therapy is in `reference_ending.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np
from scipy.special import ndtri

from remission.base.random import Stream, uniforms
from remission.engine.exposure import intrathecal_doses
from remission.engine.mechanisms import CHEMOTHERAPY, EFFECTOR, ROWS, SCALED, mechanisms
from remission.engine.reference_ending import LN10, MARROW, REMISSION_LEVEL, SEEN_AT, History, conclude, log_add, marrow
from remission.engine.reference_plan import KIND, Measure, Plan, Step, prepare
from remission.protocol import Condition, Phase
from remission.protocol.conditions import Compare, Term
from remission.protocol.plan import phase_days
from remission.protocol.standard import StandardAssess

__all__ = ["History", "Patient", "Plan", "follow", "ln_integral", "mean_kill", "patient_of", "prepare"]

CD19_POSITIVE_MARROW = ("bulk", "persister", "resistant")
PURPOSES = ("", "prephase", "induction", "intensification", "consolidation", "maintenance", "transplant", "rest")
PAUSED = {"blinatumomab", "blinatumomab-sc", "inotuzumab"}  # not given while a course is delayed; nor is chemotherapy
STRONGEST_KILL = 1e4  # per day: any stronger kill counts as this
SMALL = 1e-2  # of the effector capacity: below, and falling, the kill saturates to first order
STEP_DAYS = 1.75  # longest step of Runge and Kutta's method


@dataclass
class Patient:
    """A patient's traits (plain numbers) and luck, and everything that has happened so far. Rows hold ln cells; the one of the
    central nervous system is there only where it is a row and not a hazard."""

    seed: int
    number: int
    draw: int
    traits: Any
    rows: dict[str, float]
    potency: Mapping[str, float]
    relative: Callable[[str, str], float]
    availability: Callable[[str], float]
    p: Any
    day: float = 0.0
    start: dict[str, float] = field(default_factory=dict)
    births: dict[str, float] = field(default_factory=dict)  # ln of the integral of births
    path: list[tuple[float, dict[str, float]]] = field(default_factory=list)
    kill: float = 0.0
    harm: float = 0.0  # in 28 days; harm_total in all of a phase
    harm_total: float = 0.0
    maintenance: bool = False
    lowered: bool = False
    cycles: int = 0
    in_remission: bool = False
    remission: float = math.inf
    failure: float = math.inf
    death: float = math.inf
    cause: str = "alive"
    transplant: float = math.inf
    spent: float = 0.0
    cytoreduced: bool = False
    mutated: bool = False
    received: set[str] = field(default_factory=set)
    withheld: set[str] = field(default_factory=set)  # agents whose condition the patient does not meet
    blinatumomab_day: float = math.inf
    blinatumomab_burden: float = math.nan  # log10 CD19-positive marrow cells on that day
    intrathecal: float = 0.0
    inotuzumab: float = 0.0
    measured: dict[int, tuple[float, float]] = field(default_factory=dict)  # value and day by number
    started: dict[int, float] = field(default_factory=dict)

    def luck(self, stream: Stream, index: int) -> float:
        """The patient's uniform number at an address."""
        return float(uniforms(self.seed, [self.number], self.draw, stream, 1, first=index)[0, 0])

    def normal(self, stream: Stream, index: int) -> float:
        return float(ndtri(self.luck(stream, index)))

    def happens(self, stream: Stream, index: int, logit: float) -> bool:
        """Whether an event of this log odds happens."""
        return self.luck(stream, index) < 1 / (1 + math.exp(-logit))

    def marrow(self) -> float:
        """ln of all marrow cells."""
        return marrow(self.rows)

    def die(self, day: float, cause: str) -> None:
        if day < self.death:
            self.death, self.cause = day, cause


def follow(plan: Plan, patient: Patient, grid: Sequence[float] = ()) -> History:
    """Send one patient through a plan. `grid`: days on which the burden is wanted."""
    patient.start = dict(patient.rows)
    patient.births = dict.fromkeys(patient.rows, -math.inf)
    patient.path.append((0.0, dict(patient.rows)))
    _treat(plan, patient)
    if patient.remission == math.inf and patient.death == math.inf:
        patient.failure = min(patient.failure, patient.day)
    return conclude(plan, patient, grid)


def _treat(plan: Plan, patient: Patient) -> None:
    names = [step.phase.id for step in plan.steps]
    every = [*(step.conditions for step in plan.steps), plan.lifelong]
    patient.withheld = {agent for conditions in every for agent, asked in conditions.items() if asked is not None}
    position = 0
    while position < len(plan.steps):
        step, position = plan.steps[position], position + 1
        phase = step.phase
        if phase.only is not None and not _holds(phase.only.term, patient, plan, step.position - 1):
            continue
        if phase.share is not None:
            address = 64 + PURPOSES.index(phase.purpose or "")
            if not patient.luck(Stream.COURSE, address) < phase.share.to("1"):
                continue
        if phase.purpose == "transplant":
            _transplant(phase, patient)
        _set_intensity(step, plan, patient)
        if step.first_induction:
            _induction_risk(phase, patient)
        _ask(step.conditions, step.position - 1, plan, patient)
        if not _give(step, plan, patient):
            return
        for branch in phase.then:
            if _holds(branch.if_.term, patient, plan, step.position):
                if branch.stop == "refractory":
                    patient.failure = patient.day
                if branch.stop is not None:
                    return
                position = len(names) if branch.go == "end" else names.index(str(branch.go))
                break
    _ask(plan.lifelong, len(plan.steps) - 1, plan, patient)


def _ask(conditions: Mapping[str, Condition | None], position: int, plan: Plan, patient: Patient) -> None:
    """Agents given from here on, by the conditions on them."""
    for agent, asked in conditions.items():
        if asked is None or _holds(asked.term, patient, plan, position):
            patient.withheld.discard(agent)
        else:
            patient.withheld.add(agent)


def _transplant(phase: Phase, patient: Patient) -> None:
    if not patient.in_remission or patient.transplant < math.inf:
        return
    t, p = patient.traits, patient.p
    mild = phase.conditioning == "reduced intensity" or ((phase.conditioning or "by age") == "by age" and t.age >= 55)
    kill = (p.kill_transplant_reduced if mild else p.kill_transplant_myeloablative) * t.transplant_factor * LN10
    for row in patient.rows:
        patient.rows[row] -= 0.3 * kill if row == "central nervous system" else kill
    patient.path.append((patient.day, dict(patient.rows)))
    patient.transplant = patient.day
    logit = _logit(p.transplant_death) + p.transplant_death_age * (t.age - 45) / 10
    if not mild and t.age > 45:
        logit += p.transplant_death_myeloablative
    if patient.happens(Stream.COURSE, 3, logit):
        patient.die(patient.day + 30 + 500 * patient.luck(Stream.COURSE, 4), "transplant")


def _set_intensity(step: Step, plan: Plan, patient: Patient) -> None:
    """Dose intensity of the course from here: that of the doses which this patient is to be given."""
    for condition, (kill, harm, harm_total) in step.variants:
        if condition is None or _holds(condition.term, patient, plan, step.position - 1):
            patient.lowered = step.later and patient.traits.lowered
            patient.kill = kill if step.maintenance else kill**patient.p.dose_exponent
            if patient.lowered:
                patient.kill *= patient.p.reduced_dose**patient.p.dose_exponent
            patient.harm, patient.harm_total, patient.maintenance = harm, harm_total, step.maintenance


def _induction_risk(phase: Phase, patient: Patient) -> None:
    t, p = patient.traits, patient.p
    logit = _logit(p.induction_death) + p.induction_death_age * (t.age - 45) / 10 + p.fitness_effect * t.fitness
    logit += p.induction_death_none * (1 - min(patient.harm_total, 1.0))
    if patient.happens(Stream.COURSE, 0, logit):
        patient.death = patient.day + phase_days(phase) * patient.luck(Stream.COURSE, 1)
        patient.cause = "induction"


def _give(step: Step, plan: Plan, patient: Patient) -> bool:
    """Give one phase; False when the patient dies in it. A delay comes after the last day, before what is assessed on it."""
    if any(KIND[agent] == EFFECTOR for exposure in step.table for agent, _ in exposure):
        patient.cycles += 1
    patient.started[step.position] = patient.day
    days = len(step.table)
    stretches = [(exposure, sum(due < day for due in step.due)) for day, exposure in enumerate(step.table, 1)]
    day = 0
    for (exposure, _), run in groupby(stretches):
        first, day = day + 1, day + len(list(run))
        if not _segment(step, dict(exposure), day - first + 1.0, intrathecal_doses(step.phase, first, day), patient):
            return False
        if day == days and step.later and patient.traits.lowered:
            kept = {agent: x for agent, x in exposure if KIND[agent] != CHEMOTHERAPY and agent not in PAUSED}
            delay = patient.p.course_delay
            if delay > 0 and not _segment(step, kept, delay, 0, patient):
                return False
        for measure in step.due.get(day, []):
            _assess(measure, patient)
    return True


def _segment(step: Step, exposure: dict[str, float], days: float, doses: int, patient: Patient) -> bool:
    """Days of one exposure; False when the patient dies in them. Treatment ends with death."""
    t, p = patient.traits, patient.p
    exposure = {agent: amount for agent, amount in exposure.items() if agent not in patient.withheld}
    until = patient.day + days
    _remission_hazard(days, patient)
    kill = _kill_per_day(step, exposure, patient)
    if "central nervous system" in patient.rows:
        kill["central nervous system"] += doses * LN10 * p.intrathecal_kill / days
    dose = sum(x * patient.availability(agent) for agent, x in exposure.items() if KIND[agent] == EFFECTOR)
    if dose > 0:
        _blinatumomab(dose, days, patient, kill)
    patient.received |= set(exposure)
    lived = min(days, patient.death - patient.day)
    patient.inotuzumab += exposure.get("inotuzumab", 0.0) * lived
    patient.intrathecal += doses * lived / days
    for row in patient.rows:
        rate = t.growth - min(kill[row], STRONGEST_KILL)
        level = patient.rows[row] - patient.start[row]
        patient.births[row] = log_add(patient.births[row], math.log(t.birth) - level + ln_integral(rate, lived))
        patient.rows[row] += rate * lived
    patient.day = min(until, patient.death)
    patient.path.append((patient.day, dict(patient.rows)))
    return patient.death > until


def _kill_per_day(step: Step, exposure: dict[str, float], patient: Patient) -> dict[str, float]:
    """ln kill of every row per day by everything but blinatumomab."""
    p = patient.p
    kill = dict.fromkeys(patient.rows, 0.0)
    for agent, amount in exposure.items():
        strength = patient.potency[agent] * amount
        if KIND[agent] == EFFECTOR:
            continue
        if KIND[agent] == CHEMOTHERAPY:
            z = patient.normal(Stream.BLOCK, step.noise)
            log10 = max(0.05, patient.potency[agent] + p.course_noise * z) * patient.kill
            omitted = patient.lowered and z < ndtri(p.course_omission)
            strength = 0.0 if omitted else LN10 * log10 * amount
        if KIND[agent] == SCALED:
            strength *= patient.kill
        for row in patient.rows:
            kill[row] += strength * patient.relative(agent, row)
    return kill


def _blinatumomab(dose: float, days: float, patient: Patient, kill: dict[str, float]) -> None:
    """Add the mean kill of the effector cells over `days` of `dose` (ug/d that count)."""
    cells = {row: math.exp(max(patient.rows[row], -700.0)) for row in CD19_POSITIVE_MARROW}
    total = sum(cells.values())
    if patient.blinatumomab_day == math.inf:
        patient.blinatumomab_day, patient.blinatumomab_burden = patient.day, math.log10(total)
    growth = patient.traits.growth - sum(cells[row] * kill[row] for row in CD19_POSITIVE_MARROW) / total
    strongest = patient.potency["blinatumomab"] * dose / (dose + patient.potency["half_dose"])
    strongest *= patient.p.blinatumomab_fade ** (patient.cycles - 1)
    mean = mean_kill(math.log(total) - patient.potency["ln_capacity"], growth, strongest, days)
    for row in patient.rows:
        kill[row] += mean * patient.relative("blinatumomab", row)


def mean_kill(x: float, growth: float, strongest: float, days: float) -> float:
    """Mean over `days` of K/(1 + u), where u = exp(x) is the burden over the capacity and d ln u/dt = growth - K/(1 + u).

    Small and falling at the rate d: the integral is K t - K u (1 - exp(-d t))/d to first order in u. Else Runge and Kutta's steps
    of fourth order on ln u, of at most `STEP_DAYS`.
    """
    fall = strongest - growth
    if math.exp(max(x, -700.0)) < SMALL and fall > 1e-3:
        return strongest * (1 + math.exp(max(x, -700.0)) * math.expm1(-fall * days) / (fall * days))

    def slope(x: float) -> float:
        return growth - strongest / (1 + math.exp(x))

    steps = math.ceil(days / STEP_DAYS)
    h, y = days / steps, x
    for _ in range(steps):
        k1 = slope(y)
        k2 = slope(y + h / 2 * k1)
        k3 = slope(y + h / 2 * k2)
        k4 = slope(y + h * k3)
        y += h * (k1 + 2 * k2 + 2 * k3 + k4) / 6
    return growth - (y - x) / days


def _remission_hazard(days: float, patient: Patient) -> None:
    """Death in remission: less of it without chemotherapy, more with the harm of a course, less on maintenance."""
    if patient.remission == math.inf:
        return
    t, p = patient.traits, patient.p
    none = math.exp(p.remission_death_none)
    full = p.remission_death_maintenance if patient.maintenance else 1.0
    factor = none + max(full - none, 0.0) * patient.harm**p.remission_death_harm
    frailty = math.exp(p.remission_death_age * (t.age - 45) / 10 + p.fitness_effect * t.fitness)
    rate = p.remission_death * frailty / 365.25 * factor
    limit = -math.log(patient.luck(Stream.COURSE, 2))
    if patient.spent + rate * days >= limit:
        patient.die(patient.day + (limit - patient.spent) / rate, "in remission")
    patient.spent += rate * days


def _assess(measure: Measure, patient: Patient) -> None:
    item, silent = measure.item, isinstance(measure.item, StandardAssess)
    if item.what in ("remission", "marrow-blasts"):
        outside = patient.rows["extramedullary"] >= SEEN_AT["extramedullary"]
        seen = patient.marrow() < REMISSION_LEVEL and not outside
        value = float(seen)
        if not silent:
            patient.in_remission = seen
            if seen and patient.remission == math.inf:
                patient.remission = patient.day
    elif item.what == "mrd":
        level = (patient.marrow() - math.log(MARROW)) / LN10
        if item.assay == "pcr-bcr-abl1":
            level = max(level, patient.traits.transcript)
        if item.assay == "flow":
            level += patient.p.flow_reading
        value = level + patient.p.mrd_noise * patient.normal(Stream.ASSESSMENT, measure.address)
    elif item.what == "cytoreduction":
        patient.cytoreduced = patient.marrow() <= marrow(patient.start) - math.log(2)
        value = float(patient.cytoreduced)
    else:
        most = patient.rows["resistant"] > patient.marrow() + math.log(0.2)
        patient.mutated = most and patient.marrow() > math.log(MARROW * 1e-4)
        value = float(patient.mutated)
    patient.measured[measure.number] = (value, patient.day)


def _holds(term: Term, patient: Patient, plan: Plan, position: int) -> bool:
    """Whether a condition holds, asked after the phase at `position`. What was not measured satisfies no comparison."""
    if not isinstance(term, Compare):
        verdicts = [_holds(item, patient, plan, position) for item in term.items]
        return all(verdicts) if term.word == "and" else any(verdicts)
    op, wanted = term.op, term.value
    words = {"female": 0, "male": 1, "negative": 0, "positive": 1, "none": 0, "deleted": 1, "plus": 2}
    if term.name == "mrd" or (term.name == "cr" and term.argument):
        measure = _measure(term, plan, position)
        value = patient.measured.get(measure.number, (math.nan, 0.0))[0]
        if term.name == "mrd" and isinstance(wanted, str):
            op, wanted = ("<" if wanted == "negative" else ">="), math.log10(measure.item.limit or 1e-4)
        elif term.name == "mrd":
            wanted = math.log10(max(float(wanted), 1e-12))
    else:
        value = _value(term, patient)
    limit = float(words[wanted] if isinstance(wanted, str) else wanted)
    return (
        not math.isnan(value)
        and {
            "<": value < limit,
            "<=": value <= limit,
            ">": value > limit,
            ">=": value >= limit,
            "=": value == limit,
            "!=": value != limit,
        }[op]
    )


def _measure(compare: Compare, plan: Plan, position: int) -> Measure:
    """The last assessment of this name up to a phase: of MRD, or of anything else."""
    mrd = compare.name == "mrd"
    made = [measure for step in plan.steps[: position + 1] for measures in step.due.values() for measure in measures]
    fitting = [
        measure for measure in made if measure.item.name == compare.argument and (measure.item.what == "mrd") == mrd
    ]
    return max(fitting, key=lambda measure: measure.number)


def _value(compare: Compare, patient: Patient) -> float:
    t = patient.traits
    if compare.name in ("received", "received_blinatumomab"):
        drug = str(compare.argument or "blinatumomab").removesuffix("-ozogamicin")
        return float(bool({drug, f"{drug}-sc"} & patient.received))
    course = {
        "cr": patient.in_remission,
        "transplanted": patient.transplant < math.inf,
        "cytoreduction": patient.cytoreduced,
        "mutation": patient.mutated,
    }
    if compare.name in course:
        return float(course[compare.name])
    special = {
        "sex": t.male,
        "donor": t.has_donor,
        "cns": 0.0,
        "marrow_blasts": 100 * t.blasts,
        "adverse_genetics": max(t.kmt2a, t.hypodiploid),
    }
    return float(special[compare.name] if compare.name in special else getattr(t, compare.name))


def _logit(share: float) -> float:
    return math.log(share / (1 - share))


def ln_integral(rate: float, days: float) -> float:
    """ln of the integral of exp(-rate t) over `days`."""
    if days == 0.0:
        return -math.inf
    x = rate * days
    if abs(x) < 1e-6:
        return math.log(days * (1 - x / 2))
    return math.log(-math.expm1(-x) / rate) if x > -500 else -x - math.log(-rate)


def patient_of(
    seed: int, number: int, draw: int, t: Any, strength: Mapping[str, Any], p: Any, row: int, column: int
) -> Patient:
    """One patient picked out of the arrays that `traits` and `potencies` make: patient `number` stands in draw row `row`, column
    `column`."""
    shape = np.shape(t.age)

    def pick(value: Any) -> float:
        return float(np.broadcast_to(value, shape)[row, column])

    values = {name: float(p.values[row, k]) for k, name in enumerate(p.names)}
    found = {agent: mechanism for mechanism in mechanisms() for agent in mechanism.agents}

    def relative(agent: str, clone: str) -> float:
        value = 1.0 if clone == "bulk" else found[agent].relative[agent][clone]
        return values[value] if isinstance(value, str) else value

    def availability(agent: str) -> float:
        value = found[agent].availability.get(agent, 1.0)
        return values[value] if isinstance(value, str) else value

    rows = {name: pick(level) for name, level in zip(ROWS, t.ln_rows, strict=True)}
    if values["cns_row"] == 0:
        del rows["central nervous system"]
    return Patient(
        seed,
        number,
        draw,
        _Names({name: pick(value) for name, value in vars(t).items() if name != "ln_rows"}),
        rows,
        {name: pick(value) for name, value in strength.items()},
        relative,
        availability,
        _Names(values),
    )


class _Names:
    """Numbers by name: a patient's traits, the parameters of one draw."""

    def __init__(self, values: Mapping[str, float]) -> None:
        self.__dict__.update(values)

    def __getattr__(self, name: str) -> float:
        raise AttributeError(name)
