"""`remission bench`: how fast the simulator is on this machine, beside the speed it is meant to have."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import click

from remission.doors import NOTICE

ARMS = ("e1910-blinatumomab", "e1910-chemotherapy")
POPULATION = "e1910"
DRAWS = 10
MILLION = 1_000_000
COURSE = (
    "A patient is one course in one arm, from diagnosis to relapse, death or the model's horizon of 15 years (five years are part of it): "
    "covariates, traits, all random numbers, treatment, relapse, toxicity and death, and results written to memory."
)
FIRST_RUN = """
import json, time
from remission.engine import load_draws
from remission.engine.simulate import simulate
from remission.patients import load_population
from remission.protocol import load_regimen
told = load_regimen({regimen!r}), load_population({population!r}), load_draws("prior", 1, 1), 1, 1
began = time.perf_counter()
simulate(*told, threads=1)
print(json.dumps(time.perf_counter() - began))
"""
Tell = Callable[[str, float], None]
Report = dict[str, Any]


@click.command(name="bench")
@click.option("--patients", type=click.IntRange(DRAWS, 10_000_000), default=100_000, show_default=True, help="Patients in each arm.")
@click.option("--repeat", type=click.IntRange(1, 1000), default=5, show_default=True, help="Times each is timed; the best counts.")
@click.option("--cores", type=click.IntRange(1, 4096), default=None, help="Cores for the figure of all cores.  [default: all there are]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(patients: int, repeat: int, cores: int | None, as_json: bool) -> None:
    """Time the two arms of E1910 with the full model, its compilation, imports and memory.

    Other work on the machine makes every figure worse, so each is the best of several; runs on one core and on more take turns.
    """
    from remission.doors._progress import bar

    with bar("bench") as tell:
        report = measure(patients, repeat, _cores(cores), tell)
    if as_json:
        click.echo(json.dumps({**report, "notice": NOTICE}, ensure_ascii=False))
        return
    _print(report)
    click.echo(NOTICE)


def _cores(asked: int | None) -> int:
    from remission.base.cores import cores
    from remission.base.errors import UsageError

    here = cores()
    if asked is not None and asked > here:
        raise UsageError(f"{asked} cores were asked for", where="--cores", why=f"this process may use {here}", near=str(here),
                         fix=f"give --cores {here} or fewer")
    return asked or here


def measure(patients: int, repeat: int, cores: int, tell: Tell) -> Report:
    """Everything that the command prints, as plain data."""
    with tempfile.TemporaryDirectory() as cache:
        tell("start", 0.0)
        imported = _seconds(["-c", "import remission"], cache, repeat)
        started = _seconds(["-m", "remission.cli", "show", ARMS[0]], cache, repeat)
        tell("compile", 0.1)
        compiled = _first_run(cache)
        ready = min(_first_run(cache) for _ in range(repeat))
    tell("two arms", 0.3)
    two_arms = _courses(ARMS, patients // DRAWS, sorted({1, min(2, cores), cores}), repeat)
    peak = _peak_megabytes()
    tell("one arm", 0.6)
    one_arm = _courses(ARMS[:1], patients // DRAWS, [1], repeat)
    tell("a million courses", 0.8)
    million = _courses(ARMS[:1], MILLION // DRAWS, [min(2, cores)], min(repeat, 3))
    report = {
        "patients_per_second": {"per_core": round(two_arms[1]), "all_cores": round(two_arms[cores])},
        "one_arm_per_core": round(one_arm[1]),
        "scaling": round(two_arms[2] / two_arms[1], 3) if cores > 1 else None,
        "million_courses_seconds": round(MILLION / million[min(2, cores)], 3),
        "compile_seconds": round(compiled, 3),
        "first_run_seconds": round(ready, 4),
        "import_seconds": round(imported, 3),
        "start_seconds": round(started, 3),
        "peak_mb": round(peak),
        "model": {"regimens": list(ARMS), "population": POPULATION, "draws": f"prior, {DRAWS}", "patient": COURSE},
        "settings": {"patients": patients, "repeat": repeat, "cores": cores},
        "machine": _machine(),
    }  # fmt: skip
    return {**report, "targets": targets(report)}


def targets(report: Report) -> list[dict[str, Any]]:
    """What the simulator is meant to reach on a current processor, and whether these figures do; None where it was not measured."""
    two = report["settings"]["cores"] > 1
    rows = [
        ("one_arm_per_core", "courses of e1910-blinatumomab per second on one core", "at least", 450_000, report["one_arm_per_core"]),
        ("million_courses_seconds", "a million courses of it on two cores, seconds", "at most", 1.2,
         report["million_courses_seconds"] if two else None),
        ("scaling", "speed on two cores over that on one", "at least", 1.9, report["scaling"]),
        ("start_seconds", "a command's start, compiled before, seconds", "at most", 0.7, report["start_seconds"]),
    ]  # fmt: skip
    return [
        {"figure": figure, "what": what, "bound": bound, "target": target, "measured": found,
         "met": None if found is None else found >= target if bound == "at least" else found <= target}
        for figure, what, bound, target, found in rows
    ]  # fmt: skip


def _seconds(arguments: list[str], cache: str, repeat: int) -> float:
    """Wall clock of a fresh interpreter; the first, which may have to compile Python's own bytecode, does not count."""
    times = []
    for _ in range(repeat + 1):
        began = time.perf_counter()
        _python(arguments, cache)
        times.append(time.perf_counter() - began)
    return min(times[1:])


def _first_run(cache: str) -> float:
    """How long a fresh interpreter takes for its first course, imports not counted, with this cache directory."""
    seconds: float = json.loads(_python(["-c", FIRST_RUN.format(regimen=ARMS[0], population=POPULATION)], cache))
    return seconds


def _python(arguments: list[str], cache: str) -> str:
    """What a fresh interpreter prints that keeps all that it compiles in this directory."""
    kept = {"XDG_CACHE_HOME": cache, "PYTHONPYCACHEPREFIX": cache, "PYTHONDONTWRITEBYTECODE": ""}
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **kept}).stdout


def _courses(regimens: tuple[str, ...], patients: int, cores: list[int], repeat: int) -> dict[int, float]:
    """Courses per second of these arms in the same people, `patients` in each draw, for each number of cores."""
    from remission.engine import load_draws
    from remission.engine.simulate import simulate_arms
    from remission.patients import load_population
    from remission.protocol import load_regimen

    plans, people, draws = [load_regimen(regimen) for regimen in regimens], load_population(POPULATION), load_draws("prior", DRAWS, 1)
    simulate_arms(plans, people, draws, 1, 1, threads=1)
    best = dict.fromkeys(cores, float("inf"))
    for _ in range(repeat):
        for threads in cores:
            began = time.perf_counter()
            courses = simulate_arms(plans, people, draws, patients, 1, threads=threads)
            best[threads] = min(best[threads], time.perf_counter() - began)
            del courses  # not on the clock
    return {threads: len(plans) * len(draws) * patients / seconds for threads, seconds in best.items()}


def _peak_megabytes() -> float:
    """The most memory that this process has had so far."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)


def _machine() -> Report:
    import platform
    from importlib.metadata import version

    from remission.base.cores import cores
    from remission.engine.jit import processor

    return {"processor": processor(), "cores": cores(), "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(), **{name: version(name) for name in ("numpy", "llvmlite")}}


def _print(report: Report) -> None:
    speed, settings = report["patients_per_second"], report["settings"]
    cores = settings["cores"]
    rows = [
        ("two arms, one core", f"{speed['per_core']:,} courses/s"),
        (f"two arms, {cores} core{'s' if cores > 1 else ''}", f"{speed['all_cores']:,} courses/s"),
        ("two cores over one", "not measured" if report["scaling"] is None else f"{report['scaling']:.2f}"),
        ("one arm, one core", f"{report['one_arm_per_core']:,} courses/s"),
        (f"a million courses, {min(2, cores)} core{'s' if cores > 1 else ''}", f"{report['million_courses_seconds']:.2f} s"),
        ("compilation, once", f"{report['compile_seconds']:.2f} s"),
        ("first course, compiled before", f"{1000 * report['first_run_seconds']:.0f} ms"),
        ("import remission", f"{report['import_seconds']:.2f} s"),
        (f"remission show {ARMS[0]}", f"{report['start_seconds']:.2f} s"),
        ("most memory", f"{report['peak_mb']} MB"),
    ]
    machine = report["machine"]
    click.echo(f"{' and '.join(ARMS)}, {settings['patients']:,} patients in each, on {machine['processor']} ({machine['cores']} cores)")
    for what, value in rows:
        click.echo(f"  {what:<36} {value:>20}")
    click.echo("Meant to be:")
    for row in report["targets"]:
        verdict = {None: "not measured", True: "met", False: "not met"}[row["met"]]
        click.echo(f"  {row['what']:<56} {row['bound']} {row['target']:,}: {verdict}")
    click.echo(COURSE)
