"""Compiled and readable, side by side."""

import math

import numpy as np

from remission.engine import reference
from remission.engine.simulate import potencies, simulate
from remission.engine.traits import traits
from remission.patients import sample

GRID = np.array([0.0, 3.5, 20.0, 35.0, 61.0, 100.0, 180.0, 365.25, 700.0, 1500.0, 4000.0])
RELATIVE, ABSOLUTE = 1e-9, 1e-9


def assert_twins(regimen, who, p, seed, patients, first=0, columns=None, grid=GRID):
    """Every event, measurement, phase and burden agrees, for every patient or those in some columns; returns the readable ones."""
    compiled = simulate(regimen, who, p, patients, seed, grid=grid, first=first, threads=1)
    cohort = sample(who, seed, p.numbers, patients, first)
    t = traits(cohort, p)
    strength = potencies(t, p)
    plan = reference.prepare(regimen)
    found = []
    for row, draw in enumerate(p.numbers):
        for column in range(patients) if columns is None else columns:
            patient = reference.patient_of(seed, first + column, draw, t, strength, p, row, column)
            expected = reference.follow(plan, patient, grid)
            compare(compiled, expected, row, column, f"{regimen.id}, patient {first + column}, draw {draw}")
            found.append(expected)
    return found


def compare(compiled, expected, row, column, where):
    assert compiled.events.keys() == expected.events.keys()
    for name, value in expected.events.items():
        assert_equal(compiled.events[name][row, column], value, f"{where}: {name}")
    for what, ours, theirs in (
        ("value", compiled.values, expected.values),
        ("day", compiled.when, expected.when),
        ("burden", compiled.burden, expected.burden),
    ):
        assert ours.shape[2] == len(theirs)
        for k, value in enumerate(theirs):
            assert_equal(ours[row, column, k], value, f"{where}: {what} {k}")
    assert compiled.started.shape[2] == len(expected.started)
    for k, value in enumerate(expected.started):
        assert_equal(compiled.started[row, column, k], value, f"{where}: start of {compiled.phases[k]}", 1e-6)


def assert_equal(compiled, readable, what, tolerance=RELATIVE):
    same = compiled == readable or (math.isnan(compiled) and math.isnan(readable))
    assert same or math.isclose(compiled, readable, rel_tol=tolerance, abs_tol=ABSOLUTE), (
        f"{what}: {compiled} compiled, {readable} readable"
    )
