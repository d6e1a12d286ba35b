"""The compiled kernel beside a version of it written by hand in C: the same tables, the same results, and then the time of each.

    python benchmarks/compare_c.py [--regimen ID] [--population ID] [--patients N] [--pairs N] [--cc gcc] [--bound] [--json]

--bound counts the exponentials, logarithms and random numbers of a course and what they would cost by themselves.

Needs the engine and a C compiler. Builds in a temporary directory and leaves nothing behind.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from remission.base.units import DAYS_PER_YEAR
from remission.engine import (
    course,
    draw_columns,
    ending,
    kernel,
    lanes,
    load_draws,
    program,
    relapse,
    special,
    state,
    traits,
)
from remission.engine.mechanisms import agents
from remission.engine.simulate import _Arm
from remission.engine.staged import LANES
from remission.patients import load_population, sample
from remission.patients.sampling import NAMES
from remission.protocol import load_regimen

HERE = Path(__file__).resolve().parent
FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-shared", "-fPIC")
MODULES: tuple[ModuleType, ...] = (state, draw_columns, relapse, ending, course, special, lanes)
COUNTED = ("exponentials", "logarithms", "normals", "uniforms")
AGREE = 1e-9
"""Largest difference, relative to 1 + the value."""


def names() -> str:
    """names.h: rows, columns, codes and constants, under the names that the engine gives them."""
    found: dict[str, float] = {"LANES": LANES, "STEP_DAYS": kernel.STEP_DAYS, "N_LATENT": len(traits.LATENT), "NAMES": len(NAMES),
                               "DAYS_PER_YEAR": DAYS_PER_YEAR, "ABSENT": traits.ABSENT, "LUCK_BLOCKS": len(kernel.LUCK_BLOCKS),
                               "SHARE_BLOCKS": kernel.SHARE_BLOCKS, "STREAM_LATENT": kernel._LATENT, "STREAM_BLOCK": kernel._BLOCK,
                               "STREAM_ASSESSMENT": kernel._ASSESSMENT}  # fmt: skip
    for module in MODULES:
        for name, value in vars(module).items():
            if name.isupper() and not name.startswith("_") and type(value) in (int, float) and name not in found:
                found[name] = value
    found |= {f"OP_{name}": value for name, value in vars(program).items() if name.isupper() and type(value) is int}
    for prefix, known in (("P_", traits.parameter_names()), ("C_", NAMES), ("Z_", traits.LATENT), ("U_", traits.LUCK), ("A_", agents())):
        found |= {prefix + name.replace("-", "_").replace(" ", "_"): place for place, name in enumerate(known)}
    found |= {f"REF_{name}": value for name, value in traits.REFERENCE.items()}
    tables = {f"AS241_{name}": getattr(special, f"_{name}") for name in "ABCD"}
    tables |= {"LN_FACTORIAL": special.LN_FACTORIAL.values, "SEEN": relapse.SEEN.values}
    lines = [f"#define {name} ({value!r})" for name, value in found.items()]
    lines += [f"static const double {name}[] = {{{', '.join(repr(float(x)) for x in values)}}};" for name, values in tables.items()]
    for name, column in (("LUCK_STREAM", 0), ("LUCK_BLOCK", 1)):
        lines.append(f"static const int64_t {name}[] = {{{', '.join(str(block[column]) for block in kernel.LUCK_BLOCKS)}}};")
    return "\n".join(lines) + "\n"


def build(compiler: str, directory: str, *more: str) -> Any:
    """The C version, whose entry `run` can be bound in place of the engine's."""
    (Path(directory) / "names.h").write_text(names())
    library = Path(directory) / f"course{''.join(more)}.so"
    subprocess.run([compiler, *FLAGS, *more, "-I", directory, "-o", str(library), str(HERE / "course.c"), "-lm"], check=True)
    return ctypes.CDLL(str(library))


class Pair:
    """The same patients through either version."""

    def __init__(self, regimen: str, population: str, patients: int, library: Any) -> None:
        draws = load_draws("prior", 1, 1)
        self.arm = _Arm(program.compile_regimen(load_regimen(regimen)), draws, patients, 1, np.zeros(0))
        self.cohort = sample(load_population(population), 1, draws.numbers, patients, 0, lanes)
        self.table = np.stack([self.cohort.values[name].reshape(-1) for name in NAMES])
        self.run()  # compiles
        ours, self.library = kernel.kernel.call, library
        kernel.kernel.bind(ctypes.cast(library.run, ctypes.c_void_p).value or 0)
        self.calls = {"kernel": ours, "c": kernel.kernel.call}

    def run(self) -> None:
        self.arm.run(self.cohort, self.table, 0, 0)

    def results(self, which: str) -> dict[str, Any]:
        kernel.kernel.call = self.calls[which]
        for table in self.arm.results.values():
            table[:] = -1.0
        self.run()
        return {name: table.copy() for name, table in self.arm.results.items()}

    def seconds(self, which: str) -> float:
        """Processor time of this thread."""
        kernel.kernel.call = self.calls[which]
        began = time.thread_time()
        self.run()
        return time.thread_time() - began


def difference(a: dict[str, Any], b: dict[str, Any]) -> float:
    """The largest difference between two sets of results, relative to 1 + the value; inf where only one is a number."""
    worst = 0.0
    for name in a:
        x, y = a[name].astype(float), b[name].astype(float)
        same = (x == y) | (np.isnan(x) & np.isnan(y))
        with np.errstate(invalid="ignore"):
            apart = np.where(same, 0.0, np.abs(x - y) / (1.0 + np.abs(x)))
        worst = max(worst, float(np.nan_to_num(apart, nan=np.inf).max(initial=0.0)))
    return worst


def bound(pair: Pair, counting: Any, patients: int) -> dict[str, Any]:
    """How many of each expensive expression a course takes, ns of one by itself, and us a course of all by themselves."""
    kernel.kernel.bind(ctypes.cast(counting.run, ctypes.c_void_p).value or 0)
    pair.run()
    counts = (ctypes.c_int64 * len(COUNTED)).in_dll(counting, "counts")
    rows = np.linspace(0.08, 0.92, 32 * LANES)
    found = {}
    for what, name in enumerate(COUNTED):
        best = float("inf")
        for _ in range(30):
            began = time.thread_time()
            pair.library.alone(ctypes.c_int64(what), ctypes.c_int64(200), rows.ctypes.data_as(ctypes.c_void_p))
            best = min(best, time.thread_time() - began)
        found[name] = {"per_course": round(counts[what] / patients, 1), "ns": round(1e9 * best / (200 * 16 * LANES), 3)}
    return {**found, "us_a_course": round(sum(row["per_course"] * row["ns"] for row in found.values()) / 1000, 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--regimen", default="e1910-blinatumomab")
    parser.add_argument("--population", default="e1910")
    parser.add_argument("--patients", type=int, default=8192)
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--cc", default=os.environ.get("CC", "gcc"))
    parser.add_argument("--bound", action="store_true")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        pair = Pair(asked.regimen, asked.population, asked.patients, build(asked.cc, directory))
        counting = build(asked.cc, directory, "-DCOUNT") if asked.bound else None
    apart = difference(pair.results("kernel"), pair.results("c"))
    if apart > AGREE:
        raise SystemExit(f"the two versions do not agree: {apart:.3g} (at most {AGREE:g}); nothing was timed")
    times: dict[str, list[float]] = {"kernel": [], "c": []}
    for turn in range(asked.pairs):
        for which in ("kernel", "c") if turn % 2 else ("c", "kernel"):
            times[which].append(pair.seconds(which))
    best = {which: min(found) / asked.patients for which, found in times.items()}
    ratios = np.array(times["kernel"]) / np.array(times["c"])
    report = {
        "regimen": asked.regimen, "patients": asked.patients, "pairs": asked.pairs, "largest_difference": apart,
        "kernel_us": round(1e6 * best["kernel"], 3), "c_us": round(1e6 * best["c"], 3),
        "kernel_over_c_best": round(best["kernel"] / best["c"], 3), "kernel_over_c_median_of_pairs": round(float(np.median(ratios)), 3),
    }  # fmt: skip
    if counting is not None:
        report["bound"] = bound(pair, counting, asked.patients)
    if asked.json:
        print(json.dumps(report))
        return
    print(f"{asked.regimen}, {asked.patients} patients; largest difference of any result {apart:.2g}")
    print(f"kernel {report['kernel_us']:.3f} us a course, C {report['c_us']:.3f} us (best of {asked.pairs}, one core)")
    print(f"kernel / C: {report['kernel_over_c_best']:.3f} of the best, {report['kernel_over_c_median_of_pairs']:.3f} median of pairs")
    for name in COUNTED if asked.bound else ():
        print(f"  {report['bound'][name]['per_course']:8.1f} {name:<14} {report['bound'][name]['ns']:.3f} ns each by itself")
    if asked.bound:
        print(f"  together {report['bound']['us_a_course']:.3f} us a course")


if __name__ == "__main__":
    main()
