"""The corpus: valid files that must be read, invalid files that must be refused with the message their first line expects.

    valid/    # expect: <phases> phases | <dose days> dose days | <days> days     (of the plan with repeats written out)
    warned/   # warn: <part of the first warning> | <part of the second> …         (or: nothing)
    invalid/  # expect: <class of error> | <line> | <part of what> [| near: <nearest>]
"""

import json
import re
from pathlib import Path

import pytest

from remission.base import catalog, errors, files
from remission.protocol import Regimen, human_text, load_regimen, read_regimen, resolve, warnings

CORPUS = Path(__file__).parent
VALID, WARNED, INVALID = (sorted((CORPUS / folder).iterdir()) for folder in ("valid", "warned", "invalid"))


def expected(path: Path, word: str) -> list[str]:
    """The parts of a file's first line."""
    first = path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].decode().strip()
    assert first.startswith(f"# {word}: "), f"{path.name}: the first line says what is expected"
    return [part.strip() for part in first.removeprefix(f"# {word}: ").split(" | ")]


def named(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", INVALID, ids=named)
def test_invalid_file_is_refused_with_its_message(path):
    kind, line, what, *rest = expected(path, "expect")
    with pytest.raises(errors.RemissionError) as caught:
        read_regimen(files.read(path))
    error = caught.value
    assert type(error) is getattr(errors, kind)
    assert error.where == f"{files.shown_path(path)}:{line}"
    assert what
    assert what in error.what
    assert error.why, "an error names the rule that was broken"
    assert error.fix, "an error says what to do"
    if rest:
        assert rest[0].startswith("near:")
        assert error.near == rest[0].removeprefix("near:").strip()
    assert all(text.isprintable() for text in error.parts().values())
    assert str(error).startswith(f"{error.where}: {error.what}\n")


@pytest.mark.parametrize("path", VALID, ids=named)
def test_valid_file_is_read(path):
    phases, doses, days = (int(part.split()[0]) for part in expected(path, "expect"))
    plan = read_regimen(files.read(path))
    assert len(plan.phases) == phases
    assert sum(len(give.days) for phase in plan.phases for give in phase.give) == doses
    assert sum(phase.length.to("d") for phase in plan.phases) == days


@pytest.mark.parametrize("path", WARNED, ids=named)
def test_file_is_read_and_warned_of(path):
    parts = [part for part in expected(path, "warn") if part != "nothing"]
    found = warnings(read_regimen(files.read(path)))
    assert len(found) == len(parts), [warning.what for warning in found]
    for part, warning in zip(parts, found, strict=True):
        assert part in warning.what
        assert warning.where.startswith("regimen example")
        assert warning.why
        assert warning.fix
        assert str(warning).startswith(f"{warning.where}: {warning.what}\n")


def assert_stable(plan: Regimen) -> None:
    """Resolving again changes nothing, and both written forms of the plan read back to the same plan."""
    assert resolve(plan) == plan
    machine = json.dumps(plan.model_dump(mode="json", by_alias=True, exclude_none=True), ensure_ascii=False)
    assert read_regimen(files.read_text(machine, "machine")) == plan
    assert read_regimen(files.read_text(human_text(plan), "human")) == plan


@pytest.mark.parametrize("path", VALID + WARNED, ids=named)
def test_machine_plan_of_a_valid_file_is_valid_and_stable(path):
    assert_stable(read_regimen(files.read(path)))


@pytest.mark.parametrize("identifier", catalog.ids("regimens"))
def test_machine_plan_of_the_catalog_is_valid_and_stable(identifier):
    assert_stable(load_regimen(identifier))


def test_the_corpus_is_whole():
    """Enough files, each of them tested, each message meant for one thing, and every kind of error among them."""
    assert len(INVALID) >= 60
    assert len(VALID) >= 40
    assert len(WARNED) >= 15
    on_disk = {path.name for folder in ("valid", "warned", "invalid") for path in (CORPUS / folder).rglob("*") if path.is_file()}
    assert {path.name for path in VALID + WARNED + INVALID} == on_disk
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*\.yaml", name) for name in on_disk)
    kinds = {path.stem.split("-")[0] for path in INVALID}
    assert kinds >= {"yaml", "key", "missing", "type", "word", "unit", "dose", "drug", "route", "days", "length", "share", "repeat",
                     "size", "condition", "branch", "unreachable", "block", "infusion", "id", "source", "alongside", "transplant",
                     "randomise"}
    bodies = [path.read_bytes().split(b"\n", 1)[1] for path in INVALID]
    assert len(set(bodies)) == len(bodies)


def test_no_file_of_the_corpus_is_skipped(request):
    """One test for each file: nothing here may be skipped or expected to fail."""
    items = [item for item in request.session.items if item.path == Path(__file__)]
    chosen = {item.callspec.params["path"].name for item in items if "path" in getattr(getattr(item, "callspec", None), "params", {})}
    if len(items) > len(INVALID):  # the whole file was asked for
        assert chosen == {path.name for path in VALID + WARNED + INVALID}
    assert not any(mark.name in ("skip", "skipif", "xfail") for item in items for mark in item.iter_markers())


ODD_BYTES = [b"", b"\n\n", b"\xff\xfe", "id: a".encode("utf-16"), b"\x00" * 100, b"---", b"...", b"%YAML", b"\xef\xbb\xbf"]


@pytest.mark.parametrize("raw", ODD_BYTES)
def test_bytes_that_are_no_file_are_refused(raw, tmp_path):
    path = tmp_path / "odd.yaml"
    path.write_bytes(raw)
    with pytest.raises(errors.InvalidFile):
        read_regimen(files.read(path))


@pytest.mark.parametrize("name", ["missing.yaml", "", "a\0b", "x" * 5000])
def test_path_that_cannot_be_opened_is_not_found(name, tmp_path):
    with pytest.raises(errors.NotFound):
        files.read(tmp_path / name)
