"""Does `remission new trial` write what it says, where it says, and never over anything?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from remission.base import files

FIXTURES = Path(__file__).parent.parent / "ctgov" / "fixtures"


def run(*arguments: object, cwd: Path, kind: str = "trial") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "remission.cli", "new", kind, *map(str, arguments)],
        capture_output=True, text=True, timeout=120, check=False, cwd=cwd,
    )  # fmt: skip


def test_a_blank_draft_is_written_to_the_current_directory(tmp_path: Path) -> None:
    result = run("my-trial", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (0, "my-trial.yaml\n")
    assert files.read(tmp_path / "my-trial.yaml").data["id"] == "my-trial"
    assert [path.name for path in tmp_path.iterdir()] == ["my-trial.yaml"]


def test_a_record_fills_the_draft_and_becomes_a_source(tmp_path: Path) -> None:
    result = run("my-trial", "--from-ctgov", FIXTURES / "single-arm.json", "--out", "new/drafts", "--json", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == {
        "trial": "my-trial",
        "registry": "NCT90000001",
        "written": ["new/drafts/my-trial.yaml", "new/drafts/nct90000001.yaml"],
    }
    assert files.read(tmp_path / "new/drafts/my-trial.yaml").data["registry"] == "NCT90000001"
    assert files.read(tmp_path / "new/drafts/nct90000001.yaml").data["read_as"] == "registry record"


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "my-trial.yaml").write_text("mine")
    result = run("my-trial", "--from-ctgov", FIXTURES / "single-arm.json", cwd=tmp_path)
    assert result.returncode == 7
    assert all(part in result.stderr for part in ("my-trial.yaml: the file exists already", "why:", "near:", "fix:"))
    assert (tmp_path / "my-trial.yaml").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["my-trial.yaml"]


def test_a_link_that_leads_nowhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "my-trial.yaml").symlink_to(tmp_path / "elsewhere")
    assert run("my-trial", cwd=tmp_path).returncode == 7
    assert not (tmp_path / "elsewhere").exists()


def test_a_source_that_exists_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "nct90000001.yaml").write_text("mine")
    result = run("my-trial", "--from-ctgov", FIXTURES / "single-arm.json", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (0, "my-trial.yaml\n")
    assert "nct90000001.yaml exists already and stays as it is" in result.stderr
    assert (tmp_path / "nct90000001.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("Mine",), 2),
        (("e1910",), 2),
        (("nct90000001", "--from-ctgov", FIXTURES / "single-arm.json"), 2),
        (("t", "--from-ctgov", "missing.json"), 3),
        (("t", "--from-ctgov", "."), 3),
        (("t", "--from-ctgov", "/dev/zero"), 3),
        (("t", "--from-ctgov", FIXTURES / "invalid" / "title-is-a-list.json"), 4),
        (("t", "--out", "/proc/nowhere"), 7),
    ],
)
def test_what_cannot_be_done_is_said_in_five_parts(tmp_path: Path, arguments: tuple[object, ...], code: int) -> None:
    result = run(*arguments, cwd=tmp_path)
    assert result.returncode == code, result.stderr
    assert result.stdout == ""
    assert all(f"  {part}:" in result.stderr for part in ("why", "near", "fix")), result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert run("t", "--from-ctgov", "pipe", cwd=tmp_path).returncode == 3


def test_a_record_of_more_than_5_mib_is_refused(tmp_path: Path) -> None:
    (tmp_path / "large.json").write_text('{"protocolSection": {}}' + " " * 5 * 1024 * 1024)
    result = run("t", "--from-ctgov", "large.json", cwd=tmp_path)
    assert result.returncode == 4
    assert "too large" in result.stderr


def test_other_kinds_are_not_offered(tmp_path: Path) -> None:
    result = run("x", cwd=tmp_path, kind="regimen")
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
