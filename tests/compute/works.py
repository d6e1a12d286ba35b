"""Work for workers: functions that a new process can import by name."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from remission.base.compute import Shelf, keep
from remission.base.errors import UsageError


def numbers(chunk: tuple[int, int]) -> bytes:
    """Bytes that depend on every number of the chunk."""
    first, count = chunk
    return b"".join(hashlib.sha256(str(number).encode()).digest() for number in range(first, first + count))


def process(chunk: int) -> int:
    return os.getpid()


def slow_first(chunk: int) -> int:
    time.sleep(0.6 if chunk == 0 else 0.0)
    return chunk


@dataclass(frozen=True)
class Sleeps:
    """Leaves a mark and sleeps, for all chunks but the first."""

    directory: str
    seconds: float

    def __call__(self, chunk: int) -> int:
        Path(self.directory, f"{chunk}-{os.getpid()}").touch()
        if chunk > 0:
            time.sleep(self.seconds)
        return chunk


def refuses(chunk: int) -> int:
    if chunk == 2:
        raise UsageError("two is refused", where="chunk 2", fix="leave it out")
    return chunk


@dataclass(frozen=True)
class Dies:
    """Kills its own process at some chunks, until it has done so `times` times (counted in a directory)."""

    directory: str
    at: tuple[int, ...]
    times: int = 1

    def __call__(self, chunk: tuple[int, int]) -> bytes:
        if chunk[0] in self.at:
            for turn in range(self.times):
                try:
                    os.close(os.open(f"{self.directory}/died-{chunk[0]}-{turn}", os.O_CREAT | os.O_EXCL))
                except FileExistsError:
                    continue
                os.kill(os.getpid(), signal.SIGKILL)
        return numbers(chunk)


@dataclass(frozen=True)
class Counted:
    """Files of a chunk; each call leaves a mark, so that a test can count how often a chunk was computed."""

    directory: str
    seconds: float = 0.0

    def __call__(self, chunk: tuple[int, int]) -> dict[str, bytes]:
        time.sleep(self.seconds)
        with open(f"{self.directory}/{chunk[0]}", "a") as handle:
            handle.write("x")
        return {"numbers.bin": numbers(chunk), "chunk.json": json.dumps(chunk).encode()}


CHUNKS = [(first, 50) for first in range(0, 600, 50)]

if __name__ == "__main__":  # a run that a test kills: works.py SHELF MARKS SECONDS PLACE
    made = keep(Counted(sys.argv[2], float(sys.argv[3])), CHUNKS, Shelf(Path(sys.argv[1]), "tests"), sys.argv[4])
    for folder in made:
        print(folder.name, flush=True)
