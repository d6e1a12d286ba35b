"""From a machine plan to a program: small instruction and segment tables that the kernel interprets for each patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

from remission.base.errors import UsageError
from remission.base.histories import Slot
from remission.base.random import Floats
from remission.engine.exposure import (
    EFFECTORS,
    Exposure,
    Intensities,
    alongside_agents,
    conditional_agents,
    course_kind,
    daily_exposure,
    intensities,
    intrathecal_doses,
    reaches_cns,
)
from remission.engine.mechanisms import CHEMOTHERAPY, agents, mechanisms
from remission.protocol import Condition, Phase, Regimen
from remission.protocol.conditions import Compare, Term
from remission.protocol.flow import reasoner
from remission.protocol.model import Assess
from remission.protocol.plan import phase_days
from remission.protocol.standard import ADDRESSES_PER_NAME, StandardAssess, with_standard_assessments

(
    SEGMENT,
    COURSE,
    PHASE,
    CYCLE,
    REMISSION,
    MRD,
    CYTOREDUCTION,
    MUTATION,
    TEST,
    AND,
    OR,
    SHARE,
    JUMP_UNLESS,
    JUMP,
    INDUCTION,
    TRANSPLANT,
    STOP,
    SWITCH,
) = range(18)
PCR, TRANSCRIPT, FLOW = range(3)  # how an MRD is measured
ASKED, ON, OFF = range(3)  # what a SWITCH does: what the condition before it says, or always the same

COVARIATES = (
    "age",
    "wbc",
    "cd20",
    "cd22",
    "marrow_blasts",
    "sex",
    "ph",
    "ph_like",
    "kmt2a",
    "adverse_genetics",
    "cns",
    "donor",
    "ikzf1",
)
CR_NOW, CR_AT, MRD_AT, TRANSPLANTED, CYTOREDUCED, MUTATED, RECEIVED = range(100, 107)
COMPARISONS = {"<": 0, "<=": 1, ">": 2, ">=": 3, "=": 4, "!=": 5}
WORDS = {"negative": 0.0, "positive": 1.0, "female": 0.0, "male": 1.0, "none": 0.0, "deleted": 1.0, "plus": 2.0}
REFRACTORY, OFF_PROTOCOL, COMPLETED = 1, 2, 3
BLOCK_STRIDE = 64
PAUSED = (*EFFECTORS, "inotuzumab")  # with chemotherapy: not given while a course is delayed
STANDARD_NOISE = 4096  # address of the first assessment that is not the protocol's own


@dataclass(frozen=True)
class Course:
    """What dose intensity a phase has: `kill` of the phase and `harm` in every 28 days (`harm_total`: of the phase)
    relative to a conventional full course; `maintenance` holds a milder
    hazard; a `reducible` course is given at a lower dose, and late, to patients who do not tolerate full doses."""

    kill: float
    harm: float
    harm_total: float
    maintenance: bool
    reducible: bool


@dataclass(frozen=True)
class Program:
    """A compiled regimen. `ops` (n, 4) and `numbers` (n,) are instructions, and every jump leads forward.

    Segment s lasts `durations[s]` days (longer by a patient's delay where `delayed[s]`), with exposures `amounts[k]` of agents
    `given[k]` for k in `starts[s]` .. `starts[s + 1]`, `intrathecal[s]` doses, and the noise of course `noise[s]` (-1: none), whose
    address in the stream of courses is `noise_address`. The errors of the assessments have the addresses `slot_address` (-1: none).
    """

    regimen: str
    ops: npt.NDArray[np.int64]
    numbers: Floats
    durations: Floats
    delayed: npt.NDArray[np.bool_]
    starts: npt.NDArray[np.int64]
    given: npt.NDArray[np.int64]
    amounts: Floats
    intrathecal: Floats
    noise: npt.NDArray[np.int64]
    noise_address: npt.NDArray[np.int64]
    slot_address: npt.NDArray[np.int64]
    courses: tuple[Course, ...]
    lifelong: Floats
    slots: tuple[Slot, ...]
    phases: tuple[str, ...]
    high_dose: bool
    blinatumomab_steps: bool

    @property
    def shares(self) -> bool:
        """Whether some phases are given to a share of the patients."""
        return bool((self.ops[:, 0] == SHARE).any())

    @property
    def days(self) -> float:
        """Length if every segment were given without delay."""
        return float(self.durations.sum())


def compile_regimen(regimen: Regimen) -> Program:
    """Compile a resolved regimen. Raises UsageError for what the model cannot simulate."""
    return _Compiler(regimen).program()


@dataclass
class _Segment:
    days: float
    exposure: Exposure
    intrathecal: int
    noise: int
    delayed: bool = False


class _Compiler:
    def __init__(self, regimen: Regimen) -> None:
        self.regimen = with_standard_assessments(regimen)
        self.reason = reasoner(self.regimen)
        self.columns = {agent: column for column, agent in enumerate(agents())}
        self.noisy = {agent for mechanism in mechanisms() if mechanism.kind == CHEMOTHERAPY for agent in mechanism.agents}
        self.ops: list[tuple[int, int, int, int]] = []
        self.numbers: list[float] = []
        self.segments: list[_Segment] = []
        self.slots: list[Slot] = []
        self.slot_address: list[int] = []
        self.own = 0  # assessments of the protocol's own so far
        self.courses: list[Course] = []
        self.course: Course | None = None  # the one that is sure to be in force here
        self.noise: list[int] = []
        self.given: dict[str, int] = {}
        self.starts: dict[str, int] = {}
        self.jumps: list[tuple[int, str]] = []
        self.inside: list[tuple[int, int, float]] = []  # PHASE op, segment it begins in, days after that segment's start
        self.inductions = 0
        self.entered = {branch.go for phase in self.regimen.phases for branch in phase.then}
        self.landings: set[int] = set()
        self.switched: set[str] = set()  # agents that some patients are given and others not

    def emit(self, op: int, a: int = 0, b: int = 0, c: int = 0, number: float = 0.0) -> int:
        self.ops.append((op, a, b, c))
        self.numbers.append(number)
        return len(self.ops) - 1

    def program(self) -> Program:
        phases = self.regimen.phases
        conditions = [conditional_agents(self.regimen, position, self.reason) for position in range(len(phases) + 1)]
        self.switched = {agent for each in conditions for agent, condition in each.items() if condition is not None}
        for agent in sorted(self.switched):
            self.emit(SWITCH, self.columns[agent], OFF)
        for position, phase in enumerate(phases):
            self.starts[phase.id] = len(self.ops)
            self.phase(phase, position, conditions[position])
        self.starts["end"] = len(self.ops)
        self.switch(conditions[-1])
        self.emit(STOP, COMPLETED)
        for at, target in self.jumps:
            op, _, b, c = self.ops[at]
            self.ops[at] = (op, self.starts[target], b, c)
        lifelong = np.zeros(len(self.columns))
        for agent in alongside_agents(self.regimen, len(phases)):
            lifelong[self.columns[agent]] = 1.0
        first = [g.dose.value for phase in phases for g in phase.give if g.drug == "blinatumomab" and g.route == "civ"]
        given = [(self.columns[agent], amount) for segment in self.segments for agent, amount in segment.exposure]
        return Program(
            self.regimen.id,
            np.array(self.ops, np.int64).reshape(-1, 4),
            np.array(self.numbers),
            np.array([segment.days for segment in self.segments]),
            np.array([segment.delayed for segment in self.segments], np.bool_),
            np.cumsum([0] + [len(segment.exposure) for segment in self.segments]).astype(np.int64),
            np.array([column for column, _ in given], np.int64),
            np.array([amount for _, amount in given], np.float64),
            np.array([float(segment.intrathecal) for segment in self.segments]),
            np.array([segment.noise for segment in self.segments], np.int64),
            np.array(self.noise, np.int64),
            np.array(self.slot_address, np.int64),
            tuple(self.courses),
            lifelong,
            tuple(self.slots),
            tuple(phase.id for phase in phases),
            reaches_cns(self.regimen),
            bool(first) and first[0] < 28.0,
        )

    def switch(self, conditions: Mapping[str, Condition | None]) -> None:
        """From here on, agents with a condition are given to those who meet it now."""
        for agent in sorted(self.switched & set(conditions)):
            condition = conditions[agent]
            if condition is not None:
                self.term(condition.term)
            self.emit(SWITCH, self.columns[agent], ON if condition is None else ASKED)

    def phase(self, phase: Phase, position: int, conditions: Mapping[str, Condition | None]) -> None:
        if phase.id in self.entered:
            self.course = None
        skip = []
        if phase.only is not None:
            self.term(phase.only.term)
            skip.append(self.emit(JUMP_UNLESS))
        if phase.share is not None:
            self.emit(SHARE, _PURPOSES.index(phase.purpose or ""), number=phase.share.to("1"))
            skip.append(self.emit(JUMP_UNLESS))
        if phase.purpose == "transplant":
            self.emit(TRANSPLANT, ("by age", "myeloablative", "reduced intensity").index(phase.conditioning or "by age"))
        self.inductions += phase.purpose == "induction"
        kind = course_kind(phase)
        later = kind == "consolidation" or (kind == "induction" and self.inductions > 1)
        self.set_course(intensities(phase, self.reason), kind == "maintenance", later)
        if phase.purpose == "induction" and self.inductions == 1:
            self.emit(INDUCTION, phase_days(phase))
        self.switch(conditions)
        table = daily_exposure(phase, self.regimen, position)
        if any(agent in EFFECTORS for row in table for agent, _ in row):
            self.emit(CYCLE)
        self.days(phase, position, table, later)
        for branch in phase.then:
            self.term(branch.if_.term)
            unless = self.emit(JUMP_UNLESS)
            if branch.go is not None:
                self.jumps.append((self.emit(JUMP), branch.go))
            else:
                reasons = {"refractory": REFRACTORY, "off protocol": OFF_PROTOCOL, "completed": COMPLETED}
                self.emit(STOP, reasons[branch.stop or "completed"])
            self.land(unless)
        for at in skip:
            self.land(at)
            self.course = None

    def set_course(self, variants: Intensities, maintenance: bool, reducible: bool) -> None:
        """The intensity in force from here; where it depends on the patient (doses by age), each variant behind its condition."""
        courses = [Course(*intensity, maintenance, reducible) for _, intensity in variants]
        if len(courses) == 1 and courses[0] == self.course:
            return
        for (condition, _), course in zip(variants, courses, strict=True):
            if course not in self.courses:
                self.courses.append(course)
            unless = -1
            if condition is not None:
                self.term(condition.term)
                unless = self.emit(JUMP_UNLESS)
            self.emit(COURSE, self.courses.index(course))
            if unless >= 0:
                self.land(unless)
        self.course = courses[0] if len(courses) == 1 else None

    def land(self, at: int) -> None:
        self.landings.add(len(self.ops))
        self.ops[at] = (self.ops[at][0], len(self.ops), 0, 0)

    def days(self, phase: Phase, position: int, table: list[Exposure], later: bool) -> None:
        """Segments between changes of exposure, with assessments at the end of their days."""
        kind = course_kind(phase)
        noise = -1
        if kind in self.noisy:
            occurrence = self.given[kind] = self.given.get(kind, -1) + 1
            self.noise.append(self.columns[kind] * BLOCK_STRIDE + min(occurrence, BLOCK_STRIDE - 1))
            noise = len(self.noise) - 1
        at = self.emit(PHASE, position)
        cuts = {item.day or len(table) for item in phase.assess}
        label = [(exposure, sum(1 for cut in cuts if cut < day)) for day, exposure in enumerate(table, 1)]
        runs = [(exposure, len(list(run))) for (exposure, _), run in groupby(label)]
        killing = [any(agent in self.noisy for agent, _ in exposure) for exposure, _ in runs]
        day = 0
        for k, (exposure, length) in enumerate(runs):
            first, day = day + 1, day + length
            doses = intrathecal_doses(phase, first, day)
            last = later and k == len(runs) - 1
            kept = tuple((agent, amount) for agent, amount in exposure if agent not in self.noisy and agent not in PAUSED)
            late = last and kept == exposure and not doses
            self.segment(_Segment(float(length), exposure, doses, noise if killing[k] else -1, late), at if k == 0 else -1)
            if last and not late:
                self.segment(_Segment(0.0, kept, 0, -1, True), -1)
            self.assess(phase, day, len(table))

    def assess(self, phase: Phase, day: int, last: int) -> None:
        ops = {"remission": REMISSION, "mrd": MRD, "cytoreduction": CYTOREDUCTION, "mutation": MUTATION, "marrow-blasts": REMISSION}
        for item in phase.assess:
            if (item.day or last) == day:
                transcript = item.assay == "pcr-bcr-abl1"
                silent = isinstance(item, StandardAssess)
                self.slots.append(Slot(item.name, item.what, float(np.log10(item.limit or 1e-4)), transcript, silent))
                self.slot_address.append(self.address(item))
                assay = TRANSCRIPT if transcript else FLOW if item.assay == "flow" else PCR
                self.emit(ops[item.what], len(self.slots) - 1, assay, int(silent))

    def address(self, item: Assess) -> int:
        """Of the measurement error (-1: none). The protocol's own assessments keep theirs whatever else is measured, and a standard
        one in the same marrow shares it."""
        if item.what != "mrd":
            return -1
        if isinstance(item, StandardAssess):
            twins = [k for k, slot in enumerate(self.slots) if (slot.name, slot.what) == (item.twin, item.what)]
            name, place = divmod(item.address, ADDRESSES_PER_NAME)
            return self.slot_address[twins[-1]] if twins else STANDARD_NOISE + 8 * place + name
        self.own += 1
        return self.own - 1

    def segment(self, new: _Segment, phase_op: int) -> None:
        """Add a segment; one that goes on exactly like the last, with nothing decided between them, lengthens it.

        Segments under blinatumomab are kept apart: their steps begin anew with each. So are those with other numbers of intrathecal
        doses per day: what a patient has been given at death does not depend on what was to follow.
        """
        before = len(self.ops) - 1
        while before >= 0 and self.ops[before][0] == PHASE:
            before -= 1
        last = self.segments[-1] if self.segments else None
        follows = before >= 0 and self.ops[before][0] == SEGMENT and not self.landings & set(range(before + 1, len(self.ops) + 1))
        plain = last is not None and last.noise == new.noise == -1 and not (last.delayed or new.delayed)
        entered = any(self.starts[name] > before for name in self.entered if name in self.starts)
        if last is not None and follows and plain and not entered and last.exposure == new.exposure:
            if not any(agent in EFFECTORS for agent, _ in new.exposure) and last.intrathecal * new.days == new.intrathecal * last.days:
                if phase_op >= 0:  # before the segment, so that it is seen by those who die in it
                    self.ops[before], self.ops[phase_op] = self.ops[phase_op], self.ops[before]
                    self.numbers[before], self.numbers[phase_op] = last.days, self.numbers[before]
                last.days += new.days
                last.intrathecal += new.intrathecal
                return
        self.emit(SEGMENT, len(self.segments))
        self.segments.append(new)

    def term(self, term: Term) -> None:
        if isinstance(term, Compare):
            self.compare(term)
            return
        for item in term.items:
            self.term(item)
        self.emit(AND if term.word == "and" else OR, len(term.items))

    def compare(self, compare: Compare) -> None:
        value = WORDS[compare.value] if isinstance(compare.value, str) else float(compare.value)
        op = COMPARISONS[compare.op]
        if compare.name in COVARIATES:
            self.emit(TEST, COVARIATES.index(compare.name), 0, op, value)
        elif compare.name == "mrd":
            slot = self.slot(compare.argument or "", "mrd")
            if isinstance(compare.value, str):
                op, value = COMPARISONS["<" if compare.value == "negative" else ">="], self.slots[slot].limit
            else:
                value = float(np.log10(max(value, 1e-12)))
            self.emit(TEST, MRD_AT, slot, op, value)
        elif compare.name == "cr" and compare.argument:
            self.emit(TEST, CR_AT, self.slot(compare.argument, "remission"), op, value)
        elif compare.name == "received":
            if compare.argument not in self.columns and compare.argument != "inotuzumab-ozogamicin":
                raise UsageError(
                    f"'received({compare.argument})' cannot be simulated",
                    where=self.regimen.id,
                    why="only agents of the model are followed",
                    near="received(blinatumomab)",
                    fix="ask for another condition",
                )
            self.emit(TEST, RECEIVED, self.mask(str(compare.argument).removesuffix("-ozogamicin")), op, value)
        else:
            code = {"cr": CR_NOW, "transplanted": TRANSPLANTED, "cytoreduction": CYTOREDUCED, "mutation": MUTATED}.get(
                compare.name
            )
            if compare.name == "received_blinatumomab":
                self.emit(TEST, RECEIVED, self.mask("blinatumomab"), op, value)
                return
            assert code is not None, compare.name
            self.emit(TEST, code, 0, op, value)

    def mask(self, drug: str) -> int:
        """One bit for each agent that is this drug by some route."""
        return sum(1 << column for agent, column in self.columns.items() if agent in (drug, f"{drug}-sc"))

    def slot(self, name: str, what: str) -> int:
        return next(
            k
            for k in range(len(self.slots) - 1, -1, -1)
            if self.slots[k].name == name and (self.slots[k].what == "mrd") == (what == "mrd")
        )


_PURPOSES = ("", "prephase", "induction", "intensification", "consolidation", "maintenance", "transplant", "rest")
