"""A small trial for the tests of the evidence room, as text that tests break on purpose."""

from collections.abc import Callable

import pytest

from remission.base import files
from remission.base.files import Document

TEXT = """\
id: sample
title: A sample trial
summary: Not in the catalog.
sources: [pourhassan-2023, advani-2022]
design:
  status: reported
  arms:
    main: {regimen: s1318, population: s1318, enrolled: 29}
  endpoints:
    CR: {kind: response, what: remission, cumulative: true}
    MRD-: {kind: response, what: mrd, among: remission}
    OS: {kind: survival, from: start, events: [death]}
baseline:
  - {item: male, arm: main, value: 0.41, numerator: 12, n: 29, source: {ref: advani-2022, at: abstract}}
results:
  - id: cr
    arm: main
    endpoint: CR
    at: induction-1
    value: 0.66
    numerator: 19
    n: 29
    lo95: 0.46
    hi95: 0.82
    method: exact
    source: {ref: advani-2022, at: abstract}
    role: calibrate
    status: reported
  - id: cr-older
    arm: main
    endpoint: CR
    at: induction-1
    where: age >= 75
    value: 0.60
    numerator: 9
    n: 15
    source: {ref: advani-2022, at: abstract}
    role: validate
    status: reported
  - id: cr-younger
    arm: main
    endpoint: CR
    at: induction-1
    where: age < 75
    value: 0.71
    numerator: 10
    n: 14
    source: {ref: advani-2022, at: abstract}
    role: validate
    status: reported
  - id: mrd
    arm: main
    endpoint: MRD-
    at: any
    value: 0.92
    n: 13
    assay: flow
    threshold: 1e-4
    source: {ref: advani-2022, at: abstract}
    role: calibrate
    status: disputed
  - id: os-36
    arm: main
    endpoint: OS
    at: 36
    value: 0.37
    n: 29
    lo95: 0.20
    hi95: 0.55
    source: {ref: advani-2022, at: abstract}
    role: calibrate
    status: reported
  - {id: none, arm: main, endpoint: HSCT, at: any, value: null, source: {ref: pourhassan-2023, at: table},
     role: context, status: not reported}
conflicts:
  - id: mrd-cell
    about: residual disease
    readings:
      - {says: NA, source: {ref: pourhassan-2023, at: "Table 1B"}}
      - {says: 12 of 13, source: {ref: advani-2022, at: abstract}}
    resolution: 12 of 13
    reason: it was published
    values: [mrd]
"""


def _document(*edits: tuple[str, str]) -> Document:
    """The sample with some text replaced; each edit must find its text."""
    text = TEXT
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    return files.read_text(text, "sample.yaml")


def _line_of(text: str, *edits: tuple[str, str]) -> int:
    """Line of the first occurrence of `text` in the edited sample."""
    edited = TEXT
    for old, new in edits:
        edited = edited.replace(old, new, 1)
    return edited[: edited.index(text)].count("\n") + 1


@pytest.fixture
def document() -> Callable[..., Document]:
    """`document(edit, ...)`: the sample with each edit's text replaced."""
    return _document


@pytest.fixture
def line_of() -> Callable[..., int]:
    """`line_of(text, edit, ...)`: the line on which `text` stands in the edited sample."""
    return _line_of
