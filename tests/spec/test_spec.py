"""The specification, executed: each example of tests/spec/chapters means what it says, and docs/language.md is made from it."""

import re
import subprocess
import sys
import typing

import pytest
from tests.spec import chapters

from remission.base import files
from remission.base.errors import Problem, RemissionError
from remission.base.units import Quantity, number
from remission.protocol import Regimen, conditions, machine_plan, model, read_regimen, resolve, warnings
from remission.protocol.conditions import Condition

EXAMPLES = chapters.examples()
ALONE = [block for block in chapters.blocks() if block.kind in chapters.ALONE]


def plan_of(example: chapters.Example) -> Regimen:
    return read_regimen(files.read_text(example.file(), "example.yaml"))


def cell(value: object) -> str:
    """A value as it stands in a table."""
    if value is None:
        return ""
    if isinstance(value, float):
        return number(value)
    if isinstance(value, model.Source):
        return ", ".join(part for part in (value.ref, value.at) if part)
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def rows_of(kind: str, plan: Regimen) -> list[dict[str, object]]:
    """The rows that a table of this kind shows, with every column it may have."""
    if kind in ("administrations", "assessments"):
        return list(machine_plan(plan)[kind])
    if kind == "branches":
        return [{"phase": phase.id, "if": branch.if_, **branch.__dict__} for phase in plan.phases for branch in phase.then]
    if kind == "alongside":
        return [{"from": item.from_, **item.__dict__} for item in plan.alongside]
    if kind == "notes":
        return [note.__dict__ for note in plan.notes]
    if kind == "gives":
        return [{"phase": phase.id, **give.__dict__} for phase in plan.phases for give in phase.give]
    assert kind == "phases"
    starts = {phase["id"]: phase["start"] for phase in machine_plan(plan)["phases"]}
    return [{**phase.__dict__, "phase": phase.id, "first day": starts[phase.id], "length": phase.length.to("d"),
             "randomise": phase.randomise.name if phase.randomise else None} for phase in plan.phases]


def cases() -> list[tuple[chapters.Example, chapters.Block]]:
    return [(example, said) for example in EXAMPLES for said in example.says]


@pytest.mark.parametrize(("example", "said"), cases(), ids=lambda value: getattr(value, "name", ""))
def test_example_means_what_is_said_of_it(example, said):
    if said.kind == "error":
        with pytest.raises(RemissionError) as caught:
            plan_of(example)
        assert re.sub(r"\S*/catalog/", "…/catalog/", str(caught.value)).replace("a file in …/", "a file in ") == said.text.rstrip("\n")
        return
    plan = plan_of(example)
    if said.kind == "warnings":
        assert [warning.what for warning in warnings(plan)] == said.text.splitlines()
    elif said.kind == "machine":
        machine = files.parse(files.read_text(said.text, "machine.yaml"), Regimen)
        assert machine == plan
        assert resolve(machine) == machine
        written = files.read_text(said.text).data
        written["phases"] = [{"give": [], "assess": [], "then": []} | phase for phase in written["phases"]]
        written |= {"eligibility": [], "notes": [], "alongside": []}
        assert plan.model_dump(mode="json", by_alias=True, exclude_none=True) == written, "every value is written out"
    else:
        columns, rows = said.table()
        assert [[cell(row[column]) for column in columns] for row in rows_of(said.kind, plan)] == rows


def answer(kind: str, written: str) -> str:
    """What a text of one of the small languages is, or why it is refused."""
    try:
        if kind == "quantities":
            return str(Quantity.parse(written))
        if kind == "conditions":
            return str(Condition.parse(written))
        return cell(model._days(files.read_text(written).data))
    except Problem as problem:
        return problem.what


@pytest.mark.parametrize(("kind", "written", "expected"), [
    (block.kind, *row) for block in ALONE for row in block.table()[1]])
def test_text_is_read_as_the_table_says(kind, written, expected):
    assert answer(kind, written) == expected


def test_every_example_says_something():
    assert EXAMPLES
    assert all(example.says for example in EXAMPLES)
    assert {block.kind for block in chapters.blocks()} == {"yaml", "machine", "error", "warnings", *chapters._TITLES}


def keys_of(kind: type[model.Cited] | type[model.Source] | type[model.Note]) -> set[str]:
    return {info.alias or name for name, info in kind.model_fields.items()}


def test_every_key_of_the_language_has_an_example():
    shown = set(re.findall(r"([a-z_]+):", "".join(example.regimen.text for example in EXAMPLES)))
    described = set(re.findall(r"`([a-z_]+)`", "".join(path.read_text(encoding="utf-8") for path in chapters.paths())))
    kinds = (model.Regimen, model.Phase, model.Give, model.Assess, model.Branch, model.Randomise, model.Alongside, model.Note, model.Source)
    for kind in kinds:
        assert keys_of(kind) <= shown | described, kind
    assert keys_of(model.Phase) | keys_of(model.Give) | keys_of(model.Assess) <= shown | {"conditioning", "note", "title"}


def test_every_word_of_the_language_is_described():
    text = "".join(path.read_text(encoding="utf-8") for path in chapters.paths())
    words = [word for choice in (model.Route, model.Purpose, model.Chemotherapy) for word in typing.get_args(choice)]
    choices = ((model.Assess, "what"), (model.Assess, "assay"), (model.Branch, "stop"), (model.Phase, "conditioning"),
               (model.Regimen, "ph"))
    for kind, name in choices:
        words += [word for part in (typing.get_args(kind.model_fields[name].annotation)) for word in typing.get_args(part) or (part,)
                  if isinstance(word, str)]
    words += [*conditions.NUMBERS, *conditions.FLAGS, *conditions.CHOICES, *(word for some in conditions.CHOICES.values() for word in some)]
    missing = {word for word in words if f"`{word}`" not in " ".join(text.split())}
    assert not missing


def test_the_documentation_is_up_to_date():
    """docs/language.md is what tools/spec makes of the chapters."""
    assert chapters.DOCUMENT.read_text(encoding="utf-8") == chapters.document(), "run tools/spec"


def test_the_tool_notices_a_document_that_is_out_of_date(tmp_path):
    done = subprocess.run([sys.executable, str(chapters.ROOT / "tools" / "spec"), "--check", str(tmp_path / "language.md")],
                          capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "tools/spec" in done.stderr
