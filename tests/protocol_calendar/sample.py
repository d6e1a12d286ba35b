"""Regimens and patients for the tests of dated plans."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Any

from remission.base import catalog, files
from remission.protocol import DatedPlan, Person, Regimen, dated_plan, load_regimen, read_regimen

IDS = catalog.ids("regimens")
START = date(2027, 1, 4)
EVERYTHING = {("cd20", None): 30.0, ("cd22", None): 90.0, ("wbc", None): 12.0, ("marrow_blasts", None): 80.0}
PERSON = Person(bsa_m2=1.85, age_y=44.0, weight_kg=78.0, sex="female", known=EVERYTHING)


@cache
def regimen(identifier: str) -> Regimen:
    """A regimen of the catalog, loaded once."""
    return load_regimen(identifier)


def plan_of(identifier: str, person: Person = PERSON, start: date = START, **options: Any) -> DatedPlan:
    """The dated plan of a regimen of the catalog."""
    return dated_plan(regimen(identifier), start, person, **options)


SMALL = """\
id: small
title: A small regimen
summary: Not in the catalog.
ph: negative
eligibility: [age >= 18]
source: {ref: pourhassan-2023, at: nowhere}
alongside:
  - {drug: dasatinib, dose: 100 mg, route: po, from: second, to: lifelong, only: cd20 >= 20}
phases:
  - id: first
    length: 28 d
    purpose: induction
    give:
      - {drug: vincristine, dose: 1.4 mg/m2, cap: 2 mg, route: iv, days: "1, 8"}
      - {drug: filgrastim, dose: 5 ug/kg, route: sc, days: "5-9"}
      - {drug: cytarabine, dose: 100 mg/m2, route: iv, days: "1-3", per_day: 2, over: 2 h, only: age < 60}
      - {drug: rituximab, dose: 375 mg/m2, route: iv, days: 2, only: cd20 >= 20}
      - {drug: methotrexate, dose: 15 mg, route: it, days: "1, 15"}
    assess:
      - {name: end, what: remission}
      - {name: mrd-end, what: mrd, assay: flow, limit: 1.0e-4, day: 28}
    then:
      - {if: not cr(end), stop: refractory}
  - id: second
    length: 42 d
    purpose: consolidation
    only: mrd(mrd-end) = negative
    give:
      - {drug: blinatumomab, dose: 28 ug/d, route: civ, days: "1-28"}
  - id: other
    length: 21 d
    purpose: consolidation
    only: mrd(mrd-end) = positive
    give:
      - {drug: mercaptopurine, dose: 60 mg/m2, route: po, days: "1-21"}
  - id: last
    length: 14 d
    purpose: maintenance
    give:
      - {drug: mercaptopurine, dose: 60 mg/m2, route: po, days: "1-14"}
"""


@cache
def small(text: str = SMALL) -> Regimen:
    """A regimen written for these tests."""
    return read_regimen(files.read_text(text, "small.yaml"))
