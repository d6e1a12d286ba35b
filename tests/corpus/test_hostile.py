"""No input of up to 1 MiB makes the reader stumble, take long, or take more than 256 MiB (see hostile.py)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.corpus.hostile import INPUTS, LIMIT_MIB, MIB

SECONDS = 30.0  # processor time for one input; the slowest takes about 4 s


@pytest.fixture(scope="module")
def answers():
    """What each input took and came to, measured by one process that forks for each of them."""
    command = [sys.executable, "-m", "tests.corpus.hostile"]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    found = {row["name"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert not [row for row in found.values() if "failed" in row], done.stderr
    return found


@pytest.mark.parametrize("name", list(INPUTS))
def test_hostile_input_is_answered_in_little_time_and_space(name, answers):
    row = answers[name]
    assert row["answer"].startswith(("a regimen of", "InvalidFile:", "UnitError:"))
    assert row["mib"] <= LIMIT_MIB
    assert row["seconds"] <= SECONDS


@pytest.mark.parametrize("name", list(INPUTS))
def test_hostile_input_is_large_and_says_the_same_each_time(name):
    raw = INPUTS[name]()
    size = len(raw if isinstance(raw, bytes) else raw.encode())
    assert size <= MIB + 1
    assert INPUTS[name]() == raw


def test_limits_lie_above_what_is_refused(answers):
    """Some of the largest inputs are regimens all the same: not everything is turned away at the door."""
    assert sum(row["answer"].startswith("a regimen of") for row in answers.values()) >= 4


def test_a_process_that_stumbles_is_noticed(tmp_path):
    """The measuring itself works: an input that needs more than the limit ends its process."""
    script = ("from tests.corpus import hostile\n"
              "hostile.INPUTS['greedy'] = lambda: 'x'\n"
              "hostile.read = lambda raw: str(len(bytearray(400 * hostile.MIB)))\n"
              "hostile.main(['greedy'])\n")
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False, timeout=60)
    assert '"failed"' in done.stdout
    assert "MemoryError" in done.stderr
