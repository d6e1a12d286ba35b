"""Do the committed schemas say what the models say, accept the catalog, and underline slips?"""

import json
import re
import time
from typing import Any

import pytest
from tests.protocol.json_schema import problems

from remission.base import catalog, files
from remission.schema import KINDS, path
from remission.schema.generate import condition, generate

FOLDERS = {"regimen": "regimens", "block": "blocks", "drug": "drugs", "trial": "trials", "population": "populations"}


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    return {kind: json.loads(path(kind).read_text(encoding="utf-8")) for kind in KINDS}


def test_the_committed_schemas_are_those_of_the_models() -> None:
    stale = [kind for kind, text in generate().items() if path(kind).read_text(encoding="utf-8") != text]
    assert not stale, "run tools/schema"


@pytest.mark.parametrize("kind", sorted(FOLDERS))
def test_every_file_of_the_catalog_is_accepted(kind: str, schemas: dict[str, Any]) -> None:
    for identifier in catalog.ids(FOLDERS[kind]):
        data = files.read(catalog.path(FOLDERS[kind], identifier)).data
        assert not list(problems(schemas[kind], data)), identifier


def test_the_parameters_are_accepted(schemas: dict[str, Any]) -> None:
    assert not list(problems(schemas["parameters"], files.read(catalog.root() / "parameters.yaml").data))


@pytest.mark.parametrize(("kind", "identifier", "place", "slip"), [
    ("regimen", "a041703", ("ph",), "postive"),
    ("regimen", "a041703", ("eligibility", 0), "aeg >= 60"),
    ("regimen", "a041703", ("phases", 0, "length"), "21 dd"),
    ("regimen", "a041703", ("phases", 0, "give", 0, "dose"), "0.8 mg/m3"),
    ("regimen", "a041703", ("phases", 0, "give", 0, "days"), "1 to 3"),
    ("regimen", "a041703", ("phases", 0, "give", 0, "route"), "oral"),
    ("regimen", "a041703", ("phases", 0, "give", 0, "drugs"), "inotuzumab-ozogamicin"),
    ("block", "pomp", ("length",), "28"),
    ("drug", "methotrexate", ("units", 0), "mg/m"),
    ("drug", "methotrexate", ("routes", 0), "oral"),
    ("trial", "a041703", ("results", 0, "endpoint"), "EFFS"),
    ("trial", "a041703", ("results", 0, "role"), "fit"),
    ("population", "s1318", ("age", "median"), "75 yy"),
])
def test_a_slip_is_underlined(kind: str, identifier: str, place: tuple[Any, ...], slip: str, schemas: dict[str, Any]) -> None:
    data = files.read(catalog.path(FOLDERS[kind], identifier)).data
    assert not list(problems(schemas[kind], data))
    inner = data
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = slip
    assert list(problems(schemas[kind], data))


def test_a_regimen_that_is_like_another_is_accepted(schemas: dict[str, Any]) -> None:
    but = [{"move": "blinatumomab", "before": "induction"}, {"then": "pomp", "times": 2}]
    data = {"like": "a041703", "id": "x", "title": "X", "but": but}
    assert not list(problems(schemas["regimen"], data))
    assert list(problems(schemas["regimen"], {**data, "but": [{"moves": "blinatumomab"}]}))


@pytest.mark.parametrize("text", ["1" * 60 + "x", "<=" * 60 + "x", "cr " * 60 + "x", "(" * 60 + "x", "-1" * 60 + "x"])
def test_the_pattern_of_conditions_is_quick_on_hostile_text(text: str) -> None:
    begun = time.perf_counter()
    assert not re.search(condition(), text)
    assert time.perf_counter() - begun < 0.5
