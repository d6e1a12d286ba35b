"""Running the command line: in this process, which is quick, or outside, as a user does."""

import contextlib
import io
import os
import subprocess
import sys
from dataclasses import dataclass
from unittest import mock

from remission import cli


@dataclass(frozen=True)
class Done:
    """What a command printed and how it ended."""

    returncode: int
    stdout: str
    stderr: str


def run(*arguments, environment=None, cwd=None):
    """`remission evidence ARGUMENTS` in this process."""
    out, talk = io.StringIO(), io.StringIO()
    kept = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    with (
        mock.patch.dict(os.environ, {**kept, **(environment or {})}, clear=True),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(talk),
        contextlib.chdir(cwd or os.curdir),
    ):
        code = cli.main(["evidence", *arguments])
    return Done(code, out.getvalue(), talk.getvalue())


def run_outside(*arguments, environment=None, cwd=None):
    """`remission evidence ARGUMENTS` in a process of its own."""
    kept = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    done = subprocess.run(
        [sys.executable, "-m", "remission.cli", "evidence", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**kept, **(environment or {})},
        cwd=cwd,
    )
    return Done(done.returncode, done.stdout, done.stderr)
