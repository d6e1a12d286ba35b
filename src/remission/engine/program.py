"""From a machine plan to a program: small instruction and segment tables that the kernel interprets for each patient."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

from remission.base.errors import UsageError
from remission.base.histories import Slot
from remission.base.random import Floats
from remission.engine.exposure import alongside_agents, daily_exposure, intrathecal_doses, reaches_cns
from remission.engine.mechanisms import CHEMOTHERAPY, agents, mechanisms
from remission.protocol import Phase, Regimen
from remission.protocol.conditions import Compare, Term
from remission.protocol.plan import phase_days

(
    SEGMENT,
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
) = range(14)

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
INTENSIVE, REDUCED, FREE, MAINTENANCE = range(4)
BLOCK_STRIDE = 64


@dataclass(frozen=True)
class Program:
    """A compiled regimen. `ops` (n, 4) and `numbers` (n,) are instructions; segments have a duration (d), an exposure per
    agent, a hazard class, intrathecal doses and the address of their course's noise (-1: none)."""

    regimen: str
    ops: npt.NDArray[np.int64]
    numbers: Floats
    durations: Floats
    exposures: Floats
    hazards: npt.NDArray[np.int64]
    intrathecal: Floats
    noise: npt.NDArray[np.int64]
    lifelong: Floats
    slots: tuple[Slot, ...]
    high_dose: bool
    blinatumomab_steps: bool

    @property
    def days(self) -> float:
        """Length if every segment were given."""
        return float(self.durations.sum())


def hazard_class(phase: Phase) -> int:
    """Which hazard of death in remission a phase carries."""
    word = (phase.chemotherapy or "none").split()[0]
    return {"intensive": INTENSIVE, "reduced": REDUCED, "maintenance": MAINTENANCE}.get(word, FREE)


def compile_regimen(regimen: Regimen) -> Program:
    """Compile a resolved regimen. Raises UsageError for what the model cannot simulate."""
    return _Compiler(regimen).program()


class _Compiler:
    def __init__(self, regimen: Regimen) -> None:
        self.regimen = regimen
        self.columns = {agent: column for column, agent in enumerate(agents())}
        self.noisy = {
            agent for mechanism in mechanisms() if mechanism.kind == CHEMOTHERAPY for agent in mechanism.agents
        }
        self.ops: list[tuple[int, int, int, int]] = []
        self.numbers: list[float] = []
        self.segments: list[tuple[float, Floats, int, float, int]] = []
        self.slots: list[Slot] = []
        self.given: dict[str, int] = {}
        self.starts: dict[str, int] = {}
        self.jumps: list[tuple[int, str]] = []
        self.inductions = 0
        self.entered = {branch.go for phase in regimen.phases for branch in phase.then}
        self.landings: set[int] = set()

    def emit(self, op: int, a: int = 0, b: int = 0, c: int = 0, number: float = 0.0) -> int:
        self.ops.append((op, a, b, c))
        self.numbers.append(number)
        return len(self.ops) - 1

    def program(self) -> Program:
        for position, phase in enumerate(self.regimen.phases):
            self.starts[phase.id] = len(self.ops)
            self.phase(phase, position)
        self.starts["end"] = len(self.ops)
        self.emit(STOP, COMPLETED)
        for at, target in self.jumps:
            op, _, b, c = self.ops[at]
            self.ops[at] = (op, self.starts[target], b, c)
        lifelong = np.zeros(len(self.columns))
        for agent in alongside_agents(self.regimen, len(self.regimen.phases)):
            lifelong[self.columns[agent]] = 1.0
        first = [
            give.dose.value
            for phase in self.regimen.phases
            for give in phase.give
            if give.drug == "blinatumomab" and give.route == "civ"
        ]
        return Program(
            self.regimen.id,
            np.array(self.ops, np.int64).reshape(-1, 4),
            np.array(self.numbers),
            np.array([s[0] for s in self.segments]),
            np.array([s[1] for s in self.segments]).reshape(-1, len(self.columns)),
            np.array([s[2] for s in self.segments], np.int64),
            np.array([s[3] for s in self.segments]),
            np.array([s[4] for s in self.segments], np.int64),
            lifelong,
            tuple(self.slots),
            reaches_cns(self.regimen),
            bool(first) and first[0] < 28.0,
        )

    def phase(self, phase: Phase, position: int) -> None:
        skip = []
        if phase.only is not None:
            self.term(phase.only.term)
            skip.append(self.emit(JUMP_UNLESS))
        if phase.share is not None:
            self.emit(SHARE, _PURPOSES.index(phase.purpose or ""), number=phase.share.to("1"))
            skip.append(self.emit(JUMP_UNLESS))
        if phase.purpose == "transplant":
            self.emit(
                TRANSPLANT, ("by age", "myeloablative", "reduced intensity").index(phase.conditioning or "by age")
            )
        if phase.purpose == "induction":
            self.inductions += 1
            if self.inductions == 1:
                self.emit(
                    INDUCTION,
                    INTENSIVE if hazard_class(phase) == INTENSIVE else REDUCED,
                    number=float(phase_days(phase)),
                )
        self.days(phase, position)
        for branch in phase.then:
            self.term(branch.if_.term)
            unless = self.emit(JUMP_UNLESS)
            if branch.go is not None:
                self.jumps.append((self.emit(JUMP), branch.go))
            else:
                self.emit(
                    STOP,
                    {"refractory": REFRACTORY, "off protocol": OFF_PROTOCOL, "completed": COMPLETED}[
                        branch.stop or "completed"
                    ],
                )
            self.land(unless)
        for at in skip:
            self.land(at)

    def land(self, at: int) -> None:
        self.landings.add(len(self.ops))
        self.ops[at] = (self.ops[at][0], len(self.ops), 0, 0)

    def days(self, phase: Phase, position: int) -> None:
        """Segments between changes of exposure, with assessments at the end of their days."""
        noise = -1
        if phase.chemotherapy in self.noisy:
            occurrence = self.given[phase.chemotherapy] = self.given.get(phase.chemotherapy, -1) + 1
            noise = self.columns[phase.chemotherapy] * BLOCK_STRIDE + min(occurrence, BLOCK_STRIDE - 1)
        table = daily_exposure(phase, self.regimen, position)
        cuts = {item.day or len(table) for item in phase.assess}
        label = [(exposure, sum(1 for cut in cuts if cut < day)) for day, exposure in enumerate(table, 1)]
        day = 0
        for (exposure, _), run in groupby(label):
            first, day = day + 1, day + len(list(run))
            row = np.zeros(len(self.columns))
            for agent, amount in exposure:
                row[self.columns[agent]] = amount
            doses = float(intrathecal_doses(phase, first, day))
            own_noise = noise if any(agent in self.noisy for agent, _ in exposure) else -1
            self.segment((float(day - first + 1), row, hazard_class(phase), doses, own_noise), phase.id)
            for item in phase.assess:
                if (item.day or len(table)) == day:
                    self.slots.append(
                        Slot(item.name, item.what, float(np.log10(item.limit or 1e-4)), item.assay == "pcr-bcr-abl1")
                    )
                    self.emit(
                        {
                            "remission": REMISSION,
                            "mrd": MRD,
                            "cytoreduction": CYTOREDUCTION,
                            "mutation": MUTATION,
                            "marrow-blasts": REMISSION,
                        }[item.what],
                        len(self.slots) - 1,
                        int(self.slots[-1].transcript),
                    )

    def segment(self, new: tuple[float, Floats, int, float, int], phase: str) -> None:
        """Add a segment; one that goes on exactly like the last, with nothing decided between them, lengthens it.

        Segments under blinatumomab are kept apart: their steps begin anew with each.
        """
        last = self.segments[-1] if self.segments else None
        follows = bool(self.ops) and self.ops[-1][0] == SEGMENT and len(self.ops) not in self.landings
        entered = phase in self.entered and self.starts[phase] == len(self.ops)
        if last is not None and follows and not entered and last[4] == new[4] == -1 and last[2] == new[2]:
            if np.array_equal(last[1], new[1]) and not new[1][self.columns["blinatumomab"]]:
                self.segments[-1] = (last[0] + new[0], last[1], last[2], last[3] + new[3], -1)
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
            self.emit(TEST, RECEIVED, self.columns[str(compare.argument).removesuffix("-ozogamicin")], op, value)
        else:
            code = {"cr": CR_NOW, "transplanted": TRANSPLANTED, "cytoreduction": CYTOREDUCED, "mutation": MUTATED}.get(
                compare.name
            )
            if compare.name == "received_blinatumomab":
                self.emit(TEST, RECEIVED, self.columns["blinatumomab"], op, value)
                return
            assert code is not None, compare.name
            self.emit(TEST, code, 0, op, value)

    def slot(self, name: str, what: str) -> int:
        return next(
            k
            for k in range(len(self.slots) - 1, -1, -1)
            if self.slots[k].name == name and (self.slots[k].what == "mrd") == (what == "mrd")
        )


_PURPOSES = ("", "prephase", "induction", "intensification", "consolidation", "maintenance", "transplant", "rest")
