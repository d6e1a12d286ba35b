"""The readable twin: the model of `kernel.py`, `aftermath.py` and `program.py` for one patient, in plain Python.

It walks the machine plan itself (no instruction table), keeps clone rows by name, and favours clarity over speed. Tests hold the
compiled kernel to it. Nothing else uses it. Shared with the engine are only the traits of patients, the exposures of a phase,
and the mechanisms' potencies, each of which has tests of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import ndtri
from scipy.stats import gamma, poisson

from remission.base.random import Stream, uniforms
from remission.engine.exposure import alongside_agents, daily_exposure, intrathecal_doses
from remission.engine.mechanisms import CHEMOTHERAPY, EFFECTOR, ROWS, agents, mechanisms
from remission.protocol import Phase, Regimen
from remission.protocol.conditions import Compare, Term
from remission.protocol.plan import phase_days

MARROW = 1e12
REMISSION_LEVEL = math.log(0.05 * MARROW)
EXTRAMEDULLARY_LEVEL = math.log(1e10)
HORIZON = 5479.0
LN10 = math.log(10.0)
EXTINCT = -1e6
CD19_POSITIVE_MARROW = ("bulk", "persister", "resistant")
MARROW_ROWS = ("bulk", "persister", "cd19-negative", "resistant")
PURPOSES = ("", "prephase", "induction", "intensification", "consolidation", "maintenance", "transplant", "rest")


def log_sum(values: list[float]) -> float:
    """ln of the sum of exponentials."""
    high = max(values)
    return high if high == -math.inf else high + math.log(sum(math.exp(value - high) for value in values))


@dataclass
class Patient:
    """A patient's traits (plain numbers) and luck, and everything that has happened so far."""

    seed: int
    number: int
    draw: int
    traits: Mapping[str, float]
    rows: dict[str, float]
    potency: Mapping[str, float]
    relative: Callable[[str, str], float]
    p: Any
    day: float = 0.0
    births: dict[str, float] = field(default_factory=lambda: dict.fromkeys(ROWS, -math.inf))
    path: list[tuple[float, dict[str, float]]] = field(default_factory=list)
    in_remission: bool = False
    remission: float = math.inf
    failure: float = math.inf
    death: float = math.inf
    cause: int = 0
    transplant: float = math.inf
    hazard: float = 0.0
    cytoreduced: bool = False
    mutated: bool = False
    received: set[str] = field(default_factory=set)
    first_blinatumomab: float = math.nan
    intrathecal: int = 0
    measured: dict[int, tuple[float, float]] = field(default_factory=dict)
    start: dict[str, float] = field(default_factory=dict)

    def luck(self, stream: Stream, index: int) -> float:
        """The patient's uniform number at an address."""
        return float(uniforms(self.seed, [self.number], self.draw, stream, 1, first=index)[0, 0])

    def normal(self, stream: Stream, index: int) -> float:
        return float(ndtri(self.luck(stream, index)))

    def marrow(self) -> float:
        """ln of all marrow cells."""
        return log_sum([self.rows[row] for row in MARROW_ROWS])

    def die(self, day: float, cause: int) -> None:
        if day < self.death:
            self.death, self.cause = day, cause


def follow(regimen: Regimen, patient: Patient) -> dict[str, float]:
    """Send one patient through a resolved regimen; returns the days and values that the kernel's results hold."""
    patient.start = dict(patient.rows)
    patient.path.append((0.0, dict(patient.rows)))
    _treat(regimen, patient)
    end = patient.day
    if patient.remission == math.inf and patient.death == math.inf:
        patient.failure = min(patient.failure, end)
    relapse, row = _relapse(regimen, patient)
    return {
        "remission": patient.remission,
        "fail": patient.failure,
        "relapse": relapse,
        "row": row,
        "death": patient.death,
        "cause": float(patient.cause),
        "transplant": patient.transplant,
        "end": min(end, patient.death),
        "intrathecal": float(patient.intrathecal),
        "first_blinatumomab": patient.first_blinatumomab,
    }


def _treat(regimen: Regimen, patient: Patient) -> None:
    names = [phase.id for phase in regimen.phases]
    slots = _slot_numbers(regimen)
    position = 0
    occurrence = _occurrences(regimen)
    while position < len(regimen.phases):
        phase = regimen.phases[position]
        if phase.only is not None and not _holds(phase.only.term, patient, regimen, slots):
            position += 1
            continue
        if phase.share is not None:
            address = 64 + PURPOSES.index(phase.purpose or "")
            if not patient.luck(Stream.COURSE, address) < phase.share.to("1"):
                position += 1
                continue
        if phase.purpose == "transplant":
            _transplant(phase, patient)
        if phase.purpose == "induction" and position == occurrence["first induction", 0]:
            _induction_risk(phase, patient)
        alive = _give(phase, position, regimen, patient, slots, occurrence.get(("noise", position), -1))
        if not alive:
            return
        position += 1
        for branch in phase.then:
            if _holds(branch.if_.term, patient, regimen, slots):
                if branch.stop == "refractory":
                    patient.failure = patient.day
                if branch.stop is not None or branch.go == "end":
                    return
                position = names.index(str(branch.go))
                break


def _occurrences(regimen: Regimen) -> dict[tuple[str, int], int]:
    """Addresses of luck that depend on the order of phases: course noise by class, the first induction."""
    found: dict[tuple[str, int], int] = {}
    courses: dict[str, int] = {}
    noisy = [agent for mechanism in mechanisms() if mechanism.kind == CHEMOTHERAPY for agent in mechanism.agents]
    for position, phase in enumerate(regimen.phases):
        if phase.chemotherapy in noisy:
            number = courses[str(phase.chemotherapy)] = courses.get(str(phase.chemotherapy), -1) + 1
            found["noise", position] = agents().index(str(phase.chemotherapy)) * 64 + min(number, 63)
        if phase.purpose == "induction":
            found.setdefault(("first induction", 0), position)
    return found


def _slot_numbers(regimen: Regimen) -> dict[tuple[int, str], int]:
    """Number of each assessment in plan order (by day within a phase), by (phase position, name)."""
    numbers: dict[tuple[int, str], int] = {}
    for position, phase in enumerate(regimen.phases):
        for item in sorted(phase.assess, key=lambda item: item.day or phase_days(phase)):
            numbers[position, item.name] = len(numbers)
    return numbers


def _transplant(phase: Phase, patient: Patient) -> None:
    if not patient.in_remission or patient.transplant < math.inf:
        return
    t, p = patient.traits, patient.p
    mild = phase.conditioning == "reduced intensity" or (phase.conditioning == "by age" and t["age"] >= 55)
    kill = (p.kill_transplant_reduced if mild else p.kill_transplant_myeloablative) * t["transplant_factor"] * LN10
    patient.rows = {row: level - kill for row, level in patient.rows.items()}
    patient.path.append((patient.day, dict(patient.rows)))
    patient.transplant = patient.day
    logit = math.log(p.transplant_death / (1 - p.transplant_death)) + p.transplant_death_age * (t["age"] - 45) / 10
    if not mild and t["age"] > 45:
        logit += p.transplant_death_myeloablative
    if patient.luck(Stream.COURSE, 3) < 1 / (1 + math.exp(-logit)):
        patient.die(patient.day + 30 + 500 * patient.luck(Stream.COURSE, 4), 3)


def _induction_risk(phase: Phase, patient: Patient) -> None:
    t, p = patient.traits, patient.p
    logit = math.log(p.induction_death / (1 - p.induction_death)) + p.induction_death_age * (t["age"] - 45) / 10
    logit += p.fitness_effect * t["fitness"]
    if not (phase.chemotherapy or "").startswith("intensive"):
        logit += p.induction_death_reduced
    if patient.luck(Stream.COURSE, 0) < 1 / (1 + math.exp(-logit)):
        patient.die(patient.day + phase_days(phase) * patient.luck(Stream.COURSE, 1), 1)


def _give(
    phase: Phase, position: int, regimen: Regimen, patient: Patient, slots: dict[tuple[int, str], int], noise: int
) -> bool:
    """Give one phase; False when the patient dies in it."""
    table = daily_exposure(phase, regimen, position)
    due: dict[int, list[Any]] = {}
    for item in phase.assess:
        due.setdefault(item.day or len(table), []).append(item)
    day = 1
    while day <= len(table):
        last = day
        while last < len(table) and table[last] == table[day - 1] and last not in due:
            last += 1
        _segment(phase, dict(table[day - 1]), last - day + 1, patient, noise)
        patient.intrathecal += intrathecal_doses(phase, day, last)
        if patient.death <= patient.day:
            return False
        for item in due.get(last, []):
            _assess(item, slots[position, item.name], patient)
        day = last + 1
    return True


def _segment(phase: Phase, exposure: dict[str, float], days: int, patient: Patient, noise: int) -> None:
    t, p = patient.traits, patient.p
    kill = dict.fromkeys(ROWS, 0.0)
    kinds = {agent: mechanism.kind for mechanism in mechanisms() for agent in mechanism.agents}
    for agent, amount in exposure.items():
        if kinds[agent] == EFFECTOR:
            continue
        strength = patient.potency[agent]
        if kinds[agent] == CHEMOTHERAPY:
            strength = LN10 * max(0.05, strength + p.course_noise * patient.normal(Stream.BLOCK, noise))
        for row in ROWS:
            kill[row] += strength * amount * patient.relative(agent, row)
    dose = exposure.get("blinatumomab", 0.0)
    if dose > 0:
        _blinatumomab(dose, days, patient, kill)
    if patient.remission < math.inf:
        _remission_hazard(phase, days, patient)
    patient.received |= set(exposure)
    for row in ROWS:
        rate = t["growth"] - kill[row]
        level = patient.rows[row] - patient.start[row]
        born = (
            t["birth"] * (days if abs(rate) < 1e-12 else -math.expm1(-rate * days) / rate)
            if -rate * days < 500
            else 0.0
        )
        ln_born = math.log(born) - level if born > 0 else math.log(t["birth"]) - level - rate * days - math.log(-rate)
        patient.births[row] = log_sum([patient.births[row], ln_born])
        patient.rows[row] += rate * days
    patient.day += days
    patient.path.append((patient.day, dict(patient.rows)))


def _blinatumomab(dose: float, days: int, patient: Patient, kill: dict[str, float]) -> None:
    """Add the mean kill of the effector cells over `days`; daily Heun steps on ln N of CD19-positive marrow cells."""
    cells = {row: math.exp(patient.rows[row]) for row in CD19_POSITIVE_MARROW}
    total = sum(cells.values())
    if math.isnan(patient.first_blinatumomab):
        patient.first_blinatumomab = math.log10(total)
    other = sum(cells[row] * kill[row] for row in CD19_POSITIVE_MARROW) / total
    strongest = patient.potency["blinatumomab"] * dose / (dose + patient.potency["half_dose"])
    growth, capacity = patient.traits["growth"] - other, patient.potency["ln_capacity"]
    x, done, killed = math.log(total), 0.0, 0.0
    while done < days:
        if math.exp(x - capacity) < 1e-5 and strongest > growth:
            killed += strongest * (days - done)
            break
        step = min(1.0, days - done)
        now = strongest / (1 + math.exp(x - capacity))
        later = strongest / (1 + math.exp(x + step * (growth - now) - capacity))
        mean = (now + later) / 2
        killed, x, done = killed + step * mean, x + step * (growth - mean), done + step
    for row in ROWS:
        kill[row] += killed / days * patient.relative("blinatumomab", row)


def _remission_hazard(phase: Phase, days: int, patient: Patient) -> None:
    t, p = patient.traits, patient.p
    factor = {
        "intensive": 1.0,
        "reduced": math.exp(p.remission_death_reduced),
        "maintenance": p.remission_death_maintenance,
    }.get((phase.chemotherapy or "none").split()[0], math.exp(p.remission_death_none))
    rate = (
        p.remission_death
        * math.exp(p.remission_death_age * (t["age"] - 45) / 10 + p.fitness_effect * t["fitness"])
        / 365.25
        * factor
    )
    limit = -math.log(patient.luck(Stream.COURSE, 2))
    if patient.hazard + rate * days >= limit:
        patient.die(patient.day + (limit - patient.hazard) / rate, 2)
    patient.hazard += rate * days


def _assess(item: Any, slot: int, patient: Patient) -> None:
    if item.what in ("remission", "marrow-blasts"):
        patient.in_remission = patient.marrow() < REMISSION_LEVEL
        if patient.in_remission and patient.remission == math.inf:
            patient.remission = patient.day
        value = float(patient.in_remission)
    elif item.what == "mrd":
        level = (patient.marrow() - math.log(MARROW)) / LN10
        if item.assay == "pcr-bcr-abl1":
            level = max(level, patient.traits["transcript"])
        value = level + patient.p.mrd_noise * patient.normal(Stream.ASSESSMENT, slot)
    elif item.what == "cytoreduction":
        before = log_sum([patient.start[row] for row in MARROW_ROWS])
        patient.cytoreduced = patient.marrow() <= before - math.log(2)
        value = float(patient.cytoreduced)
    else:
        patient.mutated = patient.rows["resistant"] > patient.marrow() + math.log(0.2) and patient.marrow() > math.log(
            MARROW * 1e-4
        )
        value = float(patient.mutated)
    patient.measured[slot] = (value, patient.day)


def _holds(term: Term, patient: Patient, regimen: Regimen, slots: dict[tuple[int, str], int]) -> bool:
    if not isinstance(term, Compare):
        verdicts = [_holds(item, patient, regimen, slots) for item in term.items]
        return all(verdicts) if term.word == "and" else any(verdicts)
    value, op, wanted = _value(term, patient, regimen, slots), term.op, term.value
    if isinstance(wanted, str) and term.name == "mrd":
        op, wanted = ("<" if wanted == "negative" else ">="), math.log10(_limit(term, regimen))
    elif term.name == "mrd":
        wanted = math.log10(max(float(wanted), 1e-12))
    elif isinstance(wanted, str):
        wanted = {
            "female": 0.0,
            "male": 1.0,
            "negative": 0.0,
            "positive": 1.0,
            "none": 0.0,
            "deleted": 1.0,
            "plus": 2.0,
        }[wanted]
    if math.isnan(value):
        return False
    limit = float(wanted)
    return {
        "<": value < limit,
        "<=": value <= limit,
        ">": value > limit,
        ">=": value >= limit,
        "=": value == limit,
        "!=": value != limit,
    }[op]


def _last_slot(compare: Compare, regimen: Regimen, slots: dict[tuple[int, str], int]) -> int:
    mrd = compare.name == "mrd"
    fitting = [
        slots[position, item.name]
        for position, phase in enumerate(regimen.phases)
        for item in phase.assess
        if item.name == compare.argument and (item.what == "mrd") == mrd
    ]
    return max(fitting)


def _limit(compare: Compare, regimen: Regimen) -> float:
    return [
        item.limit or 1e-4
        for phase in regimen.phases
        for item in phase.assess
        if item.name == compare.argument and item.what == "mrd"
    ][-1]


def _value(compare: Compare, patient: Patient, regimen: Regimen, slots: dict[tuple[int, str], int]) -> float:
    t = patient.traits
    if compare.name == "mrd" or (compare.name == "cr" and compare.argument):
        return patient.measured.get(_last_slot(compare, regimen, slots), (math.nan, 0.0))[0]
    if compare.name == "received" or compare.name == "received_blinatumomab":
        return float(str(compare.argument or "blinatumomab").removesuffix("-ozogamicin") in patient.received)
    course = {
        "cr": patient.in_remission,
        "transplanted": patient.transplant < math.inf,
        "cytoreduction": patient.cytoreduced,
        "mutation": patient.mutated,
    }
    if compare.name in course:
        return float(course[compare.name])
    names = {"sex": "male", "donor": "has_donor"}
    if compare.name == "adverse_genetics":
        return max(t["kmt2a"], t["hypodiploid"])
    if compare.name == "marrow_blasts":
        return 100 * t["blasts"]
    return 0.0 if compare.name == "cns" else float(t[names.get(compare.name, compare.name)])


def _relapse(regimen: Regimen, patient: Patient) -> tuple[float, float]:
    """Day and row of relapse: surviving clones regrow from their lowest point, scaled by how many clonogenic lines survived."""
    t, p = patient.traits, patient.p
    free, scale = {}, {}
    for number, row in enumerate(ROWS):
        held = sum(
            patient.potency[agent] * patient.relative(agent, row)
            for agent in alongside_agents(regimen, len(regimen.phases))
        )
        free[row] = t["growth"] - held
        if free[row] <= 1e-9:
            scale[row] = EXTINCT
            continue
        level = patient.rows[row] - patient.start[row]
        ln_inverse = log_sum([patient.births[row], math.log(t["birth"] / free[row]) - level])
        ln_mean = LN10 * p.clonogenic_fraction + patient.start[row] - ln_inverse
        scale[row] = _surviving_size(
            ln_mean, patient.luck(Stream.CLONE, 2 * number), patient.luck(Stream.CLONE, 2 * number + 1)
        )
    if patient.day < HORIZON:
        patient.path.append((HORIZON, {row: patient.rows[row] + free[row] * (HORIZON - patient.day) for row in ROWS}))
    if patient.remission == math.inf:
        return math.inf, 0.0
    lowest = {row: min(range(len(patient.path)), key=lambda j, row=row: (patient.path[j][1][row], j)) for row in ROWS}  # type: ignore[misc]
    for j in range(1, len(patient.path)):
        (t0, before), (t1, after) = patient.path[j - 1], patient.path[j]
        if t0 < patient.remission or t1 <= t0:
            continue
        shift = {row: scale[row] if j - 1 >= lowest[row] else 0.0 for row in ROWS}
        start = {row: before[row] + shift[row] for row in ROWS}
        end = {row: after[row] + shift[row] for row in ROWS}
        found = _first_crossing(start, end, t0, t1)
        if found is not None:
            return found
    return math.inf, 0.0


def _first_crossing(start: dict[str, float], end: dict[str, float], t0: float, t1: float) -> tuple[float, float] | None:
    def at(share: float) -> dict[str, float]:
        return {row: start[row] + share * (end[row] - start[row]) for row in ROWS}

    def bisect(level: Callable[[dict[str, float]], float], threshold: float) -> float:
        low, high = 0.0, 1.0
        for _ in range(50):
            middle = (low + high) / 2
            low, high = (low, middle) if level(at(middle)) >= threshold else (middle, high)
        return high

    def marrow(rows: dict[str, float]) -> float:
        return log_sum([rows[row] for row in MARROW_ROWS])

    found: list[tuple[float, float]] = []
    if marrow(end) >= REMISSION_LEVEL:
        share = bisect(marrow, REMISSION_LEVEL)
        found.append((t0 + share * (t1 - t0), float(ROWS.index(max(MARROW_ROWS, key=lambda row: at(share)[row])))))
    if end["extramedullary"] >= EXTRAMEDULLARY_LEVEL:
        share = bisect(lambda rows: rows["extramedullary"], EXTRAMEDULLARY_LEVEL)
        found.append((t0 + share * (t1 - t0), float(ROWS.index("extramedullary"))))
    return min(found) if found else None


def _surviving_size(ln_mean: float, u_count: float, u_size: float) -> float:
    if ln_mean < -40:
        return EXTINCT
    if ln_mean > math.log(1e6):
        return 0.0
    mean = math.exp(ln_mean)
    if mean > 50:
        count = max(mean + math.sqrt(mean) * float(ndtri(u_count)), 1.0)
        size = count * (1 - 1 / (9 * count) + float(ndtri(u_size)) / (3 * math.sqrt(count))) ** 3
        return math.log(max(size, 1e-3 * mean)) - ln_mean
    lines = int(poisson.ppf(u_count, mean))
    return EXTINCT if lines == 0 else math.log(float(gamma.ppf(u_size, lines))) - ln_mean


def patient_of(seed: int, number: int, draw: int, t: Any, strength: Mapping[str, Any], p: Any, row: int) -> Patient:
    """One patient picked out of the arrays that `traits` and `potencies` make: draw row `row`, column `number`."""
    shape = np.broadcast(t.age).shape

    def pick(value: Any) -> float:
        return float(np.broadcast_to(value, shape)[row, number])

    traits = {name: pick(value) for name, value in vars(t).items() if name != "ln_rows"}
    values = {name: float(p.values[row, column]) for column, name in enumerate(p.names)}
    table = {agent: mechanism.relative[agent] for mechanism in mechanisms() for agent in mechanism.agents}

    def relative(agent: str, clone: str) -> float:
        value: float | str = 1.0 if clone == "bulk" else table[agent][clone]
        return values[value] if isinstance(value, str) else value

    rows = dict(zip(ROWS, (float(level) for level in t.ln_rows[row, number]), strict=True))
    return Patient(
        seed,
        number,
        draw,
        traits,
        rows,
        {name: pick(value) for name, value in strength.items()},
        relative,
        _Values(values),
    )


class _Values:
    """Parameters of one draw by name."""

    def __init__(self, values: Mapping[str, float]) -> None:
        self.__dict__.update(values)

    def __getattr__(self, name: str) -> float:
        raise AttributeError(name)
