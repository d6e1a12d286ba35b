"""Simulate a regimen in a cohort: chunks of draws through the compiled kernel, and what follows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from remission.base import interruption
from remission.base.errors import UsageError
from remission.base.histories import Histories
from remission.base.random import Floats, Stream, key_of, normals
from remission.engine import aftermath, kernel
from remission.engine.jit import share
from remission.engine.mechanisms import ROWS, agents, mechanisms
from remission.engine.parameters import Draws
from remission.engine.program import COVARIATES, Program, compile_regimen
from remission.engine.traits import LN10, condition_values, toxicity, traits
from remission.patients import Cohort, Population, sample
from remission.protocol import Regimen

CHUNK_PATIENTS = 40_000
_COURSE = {
    "remission": kernel.R_CR,
    "fail": kernel.R_FAIL,
    "relapse": kernel.R_RELAPSE,
    "row": kernel.R_ROW,
    "death": kernel.R_DEATH,
    "cause": kernel.R_CAUSE,
    "transplant": kernel.R_TRANSPLANT,
    "end": kernel.R_END,
    "first_blinatumomab": kernel.R_FIRST_BLINA,
    "intrathecal": kernel.R_INTRATHECAL,
}


def simulate(
    regimen: Regimen,
    population: Population,
    draws: Draws,
    patients: int,
    seed: int,
    *,
    grid: Floats | None = None,
    chunk_patients: int = CHUNK_PATIENTS,
    threads: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Histories:
    """Send `patients` virtual patients of a population through a resolved regimen for every parameter draw.

    The result does not depend on `chunk_patients`, `threads` or on other regimens simulated; the same seed gives the same
    patients and the same luck in every regimen. `progress` is called with the number of finished draws of each chunk.
    """
    program = compile_regimen(regimen)
    if len(program.durations) + 8 > kernel.MAX_POINTS:
        raise UsageError(
            f"the regimen '{regimen.id}' has {len(program.durations)} segments",
            why=f"at most {kernel.MAX_POINTS - 8} are simulated",
            fix="shorten it",
        )
    days = np.zeros(0) if grid is None else np.asarray(grid, np.float64)
    step = max(1, chunk_patients // max(1, patients))
    parts = []
    for first in range(0, len(draws), step):
        interruption.check()
        parts.append(_chunk(program, population, draws.part(first, first + step), patients, seed, days, threads))
        if progress is not None:
            progress(len(parts[-1].draws))
    return parts[0] if len(parts) == 1 else _join(parts)


def _join(parts: list[Histories]) -> Histories:
    first = parts[0]
    return Histories(
        first.regimen,
        first.population,
        tuple(number for part in parts for number in part.draws),
        first.slots,
        {name: np.concatenate([part.events[name] for part in parts]) for name in first.events},
        {name: np.concatenate([part.covariates[name] for part in parts]) for name in first.covariates},
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.when for part in parts]),
        first.grid,
        np.concatenate([part.burden for part in parts]),
    )


def relative_kill(draws: Draws) -> Floats:
    """Kill of every row relative to bulk, by agent: shape (draws, agents, rows)."""
    table = np.zeros((len(draws), len(agents()), len(ROWS)))
    for mechanism in mechanisms():
        for agent in mechanism.agents:
            for row, name in enumerate(ROWS):
                value = 1.0 if name == "bulk" else mechanism.relative[agent][name]
                table[:, agents().index(agent), row] = getattr(draws, value)[:, 0] if isinstance(value, str) else value
    return table


def kinds() -> Any:
    """Kind of each agent's mechanism, in the order of `agents()`."""
    return np.array([mechanism.kind for mechanism in mechanisms() for _ in mechanism.agents], np.int64)


def draw_table(p: Draws) -> Floats:
    """Per-draw numbers that the kernel reads, shape (draws, columns)."""
    table = np.empty((len(p), kernel.D_COUNT))
    table[:, kernel.D_LN_CLONOGENIC] = LN10 * p.clonogenic_fraction[:, 0]
    table[:, kernel.D_COURSE_NOISE] = p.course_noise[:, 0]
    table[:, kernel.D_MRD_NOISE] = p.mrd_noise[:, 0]
    table[:, kernel.D_KILL_MYELOABLATIVE] = p.kill_transplant_myeloablative[:, 0]
    table[:, kernel.D_KILL_REDUCED] = p.kill_transplant_reduced[:, 0]
    factors = (
        1.0 + 0 * p.growth,
        np.exp(p.remission_death_reduced),
        np.exp(p.remission_death_none),
        p.remission_death_maintenance,
    )
    for column, factor in enumerate(factors):
        table[:, kernel.D_HAZARD + column] = factor[:, 0]
    return table


def potencies(t: Any, p: Any) -> dict[str, Any]:
    """Every agent's potency and the extra traits that mechanisms return, by name."""
    return {name: value for mechanism in mechanisms() for name, value in mechanism.potency(p, t).items()}


def _chunk(
    program: Program, population: Population, p: Draws, patients: int, seed: int, grid: Floats, threads: int | None
) -> Histories:
    cohort = sample(population, seed, p.numbers, patients)
    t = traits(cohort, p)
    strength = potencies(t, p)
    shape = cohort.shape
    out, raw_values, raw_when, raw_burden = run_kernel(program, t, strength, p, cohort, grid, threads)
    course = {name: out[:, column].reshape(shape) for name, column in _COURSE.items()}
    received = out[:, kernel.R_RECEIVED].astype(np.int64).reshape(shape)
    course["inotuzumab"] = (received >> agents().index("inotuzumab") & 1).astype(np.float64)
    study = p.neurotoxicity_study * _study_shift(program.regimen, seed, cohort.draws)
    events = aftermath.finish(
        t, p, course, strength, program.high_dose, program.blinatumomab_steps, study, seed, cohort.draws
    )
    values: Floats = raw_values.reshape(*shape, -1)
    when: Floats = raw_when.reshape(*shape, -1)
    over = np.minimum(events["relapse"], events["death"])[..., None]
    lost = ~(when <= over)
    values[lost], when[lost] = np.nan, np.nan
    burden: Floats = raw_burden.reshape(*shape, -1)
    burden[np.broadcast_to(grid, burden.shape) > over] = np.nan
    covariates = dict(zip(COVARIATES, (np.broadcast_to(value, shape) for value in condition_values(t)), strict=True))
    return Histories(
        program.regimen, population.id, tuple(p.numbers), program.slots, events, covariates, values, when, grid, burden
    )


def run_kernel(
    program: Program,
    t: Any,
    strength: dict[str, Any],
    p: Draws,
    cohort: Cohort,
    grid: Floats,
    threads: int | None = None,
) -> tuple[Floats, Floats, Floats, Floats]:
    """The kernel's results for every patient of a cohort, draw after draw: courses (patients, `kernel.R_COUNT`), values and days
    of the assessments (patients, slots), and log10 burden on the days of `grid` (patients, days)."""
    shape = cohort.shape
    total = shape[0] * shape[1]
    toxic = toxicity(t, p)
    table = _stack(
        shape,
        [
            t.growth,
            t.birth,
            strength["half_dose"],
            strength["ln_capacity"],
            toxic["induction_intensive"],
            toxic["induction_reduced"],
            toxic["remission_death"],
            toxic["transplant_death"],
            toxic["transplant_death_myeloablative"],
            t.transplant_factor,
            t.transcript,
        ],
    )
    values, when = np.full((total, len(program.slots)), np.nan), np.full((total, len(program.slots)), np.nan)
    out, burden = np.empty((total, kernel.R_COUNT)), np.empty((total, len(grid)))
    key = key_of(cohort.seed)
    arguments = (
        program.ops,
        program.numbers,
        program.durations,
        program.exposures,
        program.hazards,
        program.intrathecal,
        program.noise,
        program.lifelong,
        kinds(),
        relative_kill(p),
        draw_table(p),
        table,
        _stack(shape, [strength[agent] for agent in agents()]),
        t.ln_rows.reshape(total, -1),
        _stack(shape, list(condition_values(t))),
        np.uint64(key[0]),
        np.uint64(key[1]),
        np.tile(np.arange(shape[1]), shape[0]),
        np.repeat(cohort.draws, shape[1]),
        np.repeat(np.arange(shape[0]), shape[1]),
        grid,
        values,
        when,
        out,
        burden,
    )
    run: Any = kernel.run
    share(total, threads, lambda first, last: run(first, last, *arguments))
    return out, values, when, burden


def _study_shift(regimen: str, seed: int, draws: Any) -> Floats:
    """One standard normal per draw for the arm, the same for every patient in it."""
    code = int.from_bytes(regimen.encode()[-4:], "big")
    return normals(seed, np.full(len(draws), code), draws, Stream.PREDICTION, 1)


def _stack(shape: tuple[int, int], columns: list[Any]) -> Floats:
    return np.stack([np.broadcast_to(np.asarray(column, np.float64), shape).reshape(-1) for column in columns], axis=1)
