"""Simulate a regimen in a cohort: chunks of patients through the compiled kernel."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from remission.base import interruption
from remission.base.histories import Histories
from remission.base.random import Floats, Stream, key_of
from remission.base.units import DAYS_PER_MONTH, DAYS_PER_YEAR
from remission.engine import lanes, state
from remission.engine import program as codes
from remission.engine.draw_columns import DRAW_COLUMNS
from remission.engine.ending import REFERENCE_CELLS
from remission.engine.jit import share
from remission.engine.kernel import kernel
from remission.engine.lifetable import life_table
from remission.engine.mechanisms import ROWS, mechanisms
from remission.engine.parameters import Draws
from remission.engine.program import COVARIATES, Program, compile_regimen
from remission.engine.staged import LANES
from remission.engine.traits import LN10, parameter_names
from remission.engine.traits import potencies as potencies
from remission.patients import CohortTable, Population, sample
from remission.patients.sampling import NAMES, Cohort
from remission.protocol import Regimen

CHUNK_PATIENTS = 8192
KEPT_PROGRAMS = 64
CNS_MALE_SHARE = 0.55  # of the cohort behind the reference risk, about which the ratio of men to women is centred
Tables = dict[str, Any]


def simulate(
    regimen: Regimen,
    population: Population | CohortTable,
    draws: Draws,
    patients: int,
    seed: int,
    *,
    grid: Floats | None = None,
    first: int = 0,
    chunk_patients: int = CHUNK_PATIENTS,
    threads: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Histories:
    """Send virtual patients number `first` to `first` + `patients` - 1 of a population through a resolved regimen for every draw.

    The result does not depend on `chunk_patients`, `threads` or on other regimens simulated; the same seed gives the same patients
    and the same luck in every regimen. `progress` is called with the number of draws that each finished chunk makes up.
    """
    return simulate_arms(
        [regimen],
        population,
        draws,
        patients,
        seed,
        grid=grid,
        first=first,
        chunk_patients=chunk_patients,
        threads=threads,
        progress=progress,
    )[0]


def simulate_arms(
    regimens: Sequence[Regimen],
    population: Population | CohortTable,
    draws: Draws,
    patients: int,
    seed: int,
    *,
    grid: Floats | None = None,
    first: int = 0,
    chunk_patients: int = CHUNK_PATIENTS,
    threads: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> list[Histories]:
    """Send the same virtual patients through several regimens; each result is that of `simulate`, to the last bit.

    The patients' covariates are drawn once and kept once: the results share one table of them. (Traits are made anew in every
    arm: they are a twentieth of its cost, and to keep and read them would take half of that.)
    """
    days = np.zeros(0) if grid is None else np.asarray(grid, np.float64)
    arms = [_Arm(_program(regimen), draws, patients, seed, days) for regimen in regimens]
    for arm in arms[1:]:
        arm.results["conditions"] = arms[0].results["conditions"]
    name = [""]

    def work(chunk: tuple[int, int, int, int]) -> None:
        d0, d1, i0, i1 = chunk
        interruption.check()
        cohort = sample(population, seed, draws.numbers[d0:d1], i1 - i0, first + i0, lanes)
        name[0] = cohort.population
        table = np.stack([cohort.values[name].reshape(-1) for name in NAMES])
        for arm in arms:
            arm.run(cohort, table, d0, d0 * patients + i0)
        if progress is not None and i1 == patients:
            progress(d1 - d0)

    share(_chunks(len(draws), patients, chunk_patients), threads, work)
    return [_histories(arm.program, name[0], draws, patients, days, arm.results) for arm in arms]


_programs: dict[tuple[int, Any], tuple[Regimen, Program]] = {}


def _program(regimen: Regimen) -> Program:
    """A regimen's program. Those of the last regimens are kept: a regimen cannot be changed."""
    key = (id(regimen), vars(codes)["with_standard_assessments"])
    kept = _programs.get(key)
    if kept is not None and kept[0] is regimen:
        return kept[1]
    program = compile_regimen(regimen)
    while len(_programs) >= KEPT_PROGRAMS:
        _programs.pop(next(iter(_programs)), None)
    _programs[key] = (regimen, program)
    return program


class _Arm:
    """One regimen made ready for the kernel, and the tables that its results are written to."""

    def __init__(self, program: Program, draws: Draws, patients: int, seed: int, grid: Floats) -> None:
        self.program = program
        total = len(draws) * patients
        self.results: Tables = {
            "events": np.empty((len(state.EVENTS), total)),
            "conditions": np.empty((len(COVARIATES), total)),
            "values": np.empty((len(program.slots), total)),
            "when": np.empty((len(program.slots), total)),
            "started": np.empty((len(program.phases), total), np.float32),
            "burden": np.empty((len(grid), total)),
        }
        clones = (
            len(ROWS) if bool((draws.cns_row > 0).any()) else len(ROWS) - 1
        )  # that of the central nervous system may be a hazard
        layout, self.rows = _layout(program, clones)
        self.tables = {
            "clones": clones,
            "grid": grid,
            "layout": layout,
            **_program_tables(program, layout),
            **_draw_tables(program, draws, seed),
        }

    def run(self, cohort: Cohort, table: Floats, first_draw: int, origin: int) -> None:
        """Simulate the patients of a cohort, whose covariates are the columns of `table`; results go to columns from `origin` on."""
        draws, patients = cohort.shape
        key0, key1 = key_of(cohort.seed)
        kernel(
            first_draw=first_draw,
            last_draw=first_draw + draws,
            patients=patients,
            first_patient=cohort.first,
            origin=origin,
            relapsed=float(cohort.relapsed),
            key0=key0,
            key1=key1,
            cohort=table,
            s=np.zeros((self.rows, LANES)),
            **self.tables,
            **{f"{name}_out": result for name, result in self.results.items()},
        )


def _alike(program: Program, relative: Floats) -> npt.NDArray[np.int64]:
    """For each segment and row, the first row that everything given hits as hard in every draw: the two grow alike."""
    unlike = (relative[:, :, :, None] != relative[:, :, None, :]).any(axis=0)
    unlike[:, state.CNS, : state.CNS] = True  # the row of the central nervous system has a treatment of its own
    before = np.concatenate([np.zeros((1, *unlike.shape[1:]), np.int64), np.cumsum(unlike[program.given], axis=0)])
    alike = np.argmax(before[program.starts[1:]] == before[program.starts[:-1]], axis=2)
    alike[:, state.CNS] = state.CNS
    return np.ascontiguousarray(alike, np.int64)


def _layout(program: Program, clones: int) -> tuple[npt.NDArray[np.int64], int]:
    """First rows of what a program needs in the state of a batch (noise of courses, errors of assessments, values, days, beginnings of
    phases, path), and the number of all rows."""
    slots = len(program.slots)
    points = 2 + int(np.isin(program.ops[:, 0], (codes.SEGMENT, codes.TRANSPLANT)).sum())
    sizes = [len(program.noise_address), slots, slots, slots, len(program.phases), points * (clones + 1)]
    edges = np.cumsum([state.FIXED, *sizes])
    return edges[:-1].astype(np.int64), int(edges[-1])


def _program_tables(program: Program, layout: npt.NDArray[np.int64]) -> Tables:
    return {
        "shares": int(program.shares),
        "ops": _instructions(program, int(layout[2])),
        "numbers": program.numbers,
        "durations": program.durations,
        "delayed": program.delayed.astype(np.int64),
        "starts": program.starts,
        "given": program.given,
        "amounts": program.amounts,
        "intrathecal": program.intrathecal,
        "noise": program.noise,
        "noise_address": program.noise_address,
        "slot_address": program.slot_address,
        "lifelong": program.lifelong,
        "kinds": np.array([mechanism.kind for mechanism in mechanisms() for _ in mechanism.agents], np.int64),
        "life": life_table().reshape(-1),
    }


def _instructions(program: Program, values: int) -> npt.NDArray[np.int64]:
    """Instructions in which a test names the one or two rows of the state that it reads."""
    rows = {
        codes.CR_NOW: state.F_REMISSION,
        codes.TRANSPLANTED: state.F_TRANSPLANTED,
        codes.CYTOREDUCED: state.F_CYTO,
        codes.MUTATED: state.F_MUTATED,
    }
    ops = program.ops.copy()
    for op in ops:
        if op[0] != codes.TEST:
            continue
        what, number = int(op[1]), int(op[2])
        if what == codes.RECEIVED:
            agents = [state.RECEIVED + m for m in range(state.AGENTS) if number & 1 << m]
            op[1:3] = agents[0], agents[-1]
        elif what in (codes.CR_AT, codes.MRD_AT):
            op[1:3] = values + number
        else:
            op[1:3] = rows.get(what, state.CONDITION + what)
    return ops


def _chunks(draws: int, patients: int, size: int) -> list[tuple[int, int, int, int]]:
    """Ranges of draws and patients, all of about the same length and at most `size` patients: whole draws, or parts of one."""
    if patients <= size:
        step = _even(draws, max(1, size // max(1, patients)), 1)
        return [(d, min(d + step, draws), 0, patients) for d in range(0, draws, step)]
    step = _even(patients, size, LANES if size >= LANES else 1)
    edges = [*range(0, patients, step), patients]
    return [(d, d + 1, i0, i1) for d in range(draws) for i0, i1 in pairwise(edges)]


def _even(total: int, most: int, unit: int) -> int:
    """The length of parts, `most` or less and a multiple of `unit`, such that the last is as long as the others if it can be."""
    parts = -(-total // (most - most % unit))
    return -(-total // (parts * unit)) * unit


def _histories(program: Program, population: str, p: Draws, patients: int, grid: Floats, results: Tables) -> Histories:
    shape = (len(p), patients)

    def per_patient(table: npt.NDArray[Any]) -> Any:
        return np.moveaxis(table.reshape(len(table), *shape), 0, -1)

    return Histories(
        program.regimen,
        population,
        tuple(p.numbers),
        program.slots,
        {key: results["events"][k].reshape(shape) for k, key in enumerate(state.EVENTS)},
        {key: results["conditions"][k].reshape(shape) for k, key in enumerate(COVARIATES)},
        per_patient(results["values"]),
        per_patient(results["when"]),
        grid,
        per_patient(results["burden"]),
        program.phases,
        per_patient(results["started"]),
    )


def _in_draws(p: Draws, wanted: Sequence[float | str]) -> Floats:
    """Numbers in every draw, shape (draws, numbers); names are those of parameters."""
    known = {name: place for place, name in enumerate(p.names)}
    places = [known[number] if isinstance(number, str) else -1 for number in wanted]
    constants = np.array([0.0 if isinstance(number, str) else number for number in wanted])
    return np.ascontiguousarray(np.where(np.array(places) >= 0, p.values[:, places], constants), np.float64)


def relative_kill(p: Draws) -> Floats:
    """Kill of every row relative to bulk, by agent: shape (draws, agents, rows)."""
    kills = [
        1.0 if row == "bulk" else mechanism.relative[agent][row]
        for mechanism in mechanisms()
        for agent in mechanism.agents
        for row in ROWS
    ]
    return _in_draws(p, kills).reshape(len(p), -1, len(ROWS))


def course_table(program: Program, p: Draws) -> Floats:
    """For each draw and dose intensity of the program: factor on kill, factor on the hazard of death in remission, harm, reducible."""
    table = np.empty((len(p), len(program.courses), 4))
    none = np.exp(p.remission_death_none[:, 0])
    for k, course in enumerate(program.courses):
        full = p.remission_death_maintenance[:, 0] if course.maintenance else 1.0
        table[:, k, 0] = course.kill if course.maintenance else course.kill ** p.dose_exponent[:, 0]
        table[:, k, 1] = none + np.maximum(full - none, 0.0) * course.harm ** p.remission_death_harm[:, 0]
        table[:, k, 2] = course.harm_total
        table[:, k, 3] = course.reducible
    return table


def draw_table(program: Program, p: Draws, seed: int) -> Floats:
    """Per-draw numbers that the kernel reads, shape (draws, columns `DRAW_COLUMNS`)."""
    from scipy.special import ndtri

    capacity = 10**p.effector_capacity
    flux = REFERENCE_CELLS / (1 + REFERENCE_CELLS / capacity)
    columns = {
        "ln_clonogenic": LN10 * p.clonogenic_fraction,
        "course_noise": p.course_noise,
        "mrd_noise": p.mrd_noise,
        "flow_reading": p.flow_reading,
        "kill_myeloablative": p.kill_transplant_myeloablative,
        "kill_reduced": p.kill_transplant_reduced,
        "omit": ndtri(p.course_omission),
        "fade": p.blinatumomab_fade,
        "induction_none": p.induction_death_none,
        "intrathecal_kill": LN10 * p.intrathecal_kill,
        "cns_hazard": 1.0 - p.cns_row,
        "cns_ln_free": np.log1p(-p.cns_relapse),
        "cns_male": np.log(p.cns_male),
        "cns_wbc": np.log(p.cns_wbc),
        "cns_ph": np.log(p.cns_ph),
        "cns_regimen": (0.0 if program.high_dose else 1.0) * np.log(p.cns_no_high_dose)
        - np.log(1 + CNS_MALE_SHARE * (p.cns_male - 1)),
        "cns_dose": np.log(p.cns_per_dose),
        "cns_mean_days": -DAYS_PER_YEAR / np.log(1 - p.cns_first_year),
        "salvage_odds": p.salvage_cure / (1 - p.salvage_cure),
        "salvage_late": p.salvage_late,
        "salvage_exposed": p.salvage_exposed,
        "salvage_ph": p.salvage_ph,
        "salvage_age": p.salvage_age,
        "salvage_mean_days": p.salvage_median * DAYS_PER_MONTH / np.log(2.0),
        "crs": _logit(p.crs) + (0.0 if program.blinatumomab_steps else 1.0) * np.log(p.crs_no_step),
        "crs_burden": p.crs_burden,
        "crs_reference": np.log10(flux),
        "neurotoxicity": _logit(p.neurotoxicity)
        + p.neurotoxicity_study * study_shift(program.regimen, seed, p.numbers),
        "neurotoxicity_exposure": p.neurotoxicity_exposure,
        "vod": _logit(p.vod),
        "vod_transplant": _logit(p.vod_transplant),
        "vod_dose": p.vod_dose,
        "vod_death": p.vod_death,
    }
    table = np.empty((len(p), len(DRAW_COLUMNS)))
    for place, name in enumerate(DRAW_COLUMNS):
        table[:, place : place + 1] = columns[name]
    return table


def _logit(share: Floats) -> Floats:
    return np.asarray(np.log(share / (1 - share)))


def study_shift(regimen: str, seed: int, draws: Any) -> Floats:
    """One standard normal per draw for the arm, the same for every patient in it; shape (draws, 1)."""
    return lanes.normals(seed, np.full(len(draws), zlib.crc32(regimen.encode())), draws, Stream.PREDICTION, 1)


def _draw_tables(program: Program, p: Draws, seed: int) -> Tables:
    relative = relative_kill(p)
    return {
        "courses": course_table(program, p),
        "availability": _in_draws(
            p, [each.availability.get(agent, 1.0) for each in mechanisms() for agent in each.agents]
        ),
        "relative": relative,
        "kills": np.ascontiguousarray(relative[:, program.given]),
        "alike": _alike(program, relative),
        "draws": draw_table(program, p, seed),
        "draw_numbers": np.asarray(p.numbers, np.int64),
        "parameters": _in_draws(p, parameter_names()),
    }
