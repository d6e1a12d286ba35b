"""Small regimens and populations for tests, written in the language."""

from functools import cache

from remission.base import files
from remission.engine import prior_draws
from remission.patients import load_population
from remission.protocol import load_regimen, read_regimen

HEAD = """
id: {id}
title: A test
summary: Written for a test.
ph: any
source: {{ref: pourhassan-2023, at: nowhere}}
phases:
"""


def regimen(phases: str, identifier: str = "test"):
    """A resolved regimen from the YAML of its phases."""
    return read_regimen(files.read_text(HEAD.format(id=identifier) + phases, "test.yaml"))


NO_TREATMENT = "  - {id: rest, length: 1 d, purpose: rest}\n"

STRAIGHT = """
  - {id: a, length: 35 d, purpose: induction, chemotherapy: intensive induction, assess: [{name: end, what: remission}]}
  - {id: b, length: 28 d, chemotherapy: intensive consolidation}
  - id: c
    length: 42 d
    give: [{drug: blinatumomab, dose: 28 ug/d, route: civ, days: 1-28}]
    assess: [{name: mrd, what: mrd}]
  - {id: d, length: 84 d, chemotherapy: maintenance}
"""


@cache
def plan(identifier: str):
    return load_regimen(identifier)


@cache
def population(identifier: str):
    return load_population(identifier)


@cache
def draws(count: int, seed: int = 1):
    return prior_draws(count, seed)
