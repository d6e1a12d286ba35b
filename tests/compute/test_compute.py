"""Are the results the same bits in the same order wherever chunks run, also when workers or the whole run are killed?"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.compute.works import CHUNKS, Counted, Dies, Sleeps, numbers, process, refuses, slow_first

from remission.base.compute import Place, Shelf, keep, run
from remission.base.errors import CannotWrite, RemissionError, UsageError

EXPECTED = [numbers(chunk) for chunk in CHUNKS]


def alive(process_id: int) -> bool:
    try:
        return Path(f"/proc/{process_id}/stat").read_text().split(")")[1].split()[0] != "Z"
    except OSError:
        return False


def gone(process_ids: list[int], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while any(alive(one) for one in process_ids) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(alive(one) for one in process_ids)


@pytest.mark.parametrize("on", ["serial", "processes:1", "processes:3"])
def test_same_results_in_the_same_order(on):
    counts = []
    assert list(run(numbers, CHUNKS, on, counts.append)) == EXPECTED
    assert sum(counts) == len(CHUNKS)


def test_cutting_chunks_differently_changes_nothing():
    whole = b"".join(EXPECTED)
    for size in (7, 50, 600):
        chunks = [(first, min(size, 600 - first)) for first in range(0, 600, size)]
        assert b"".join(run(numbers, chunks, "processes:2")) == whole


def test_nothing_to_do():
    assert [list(run(numbers, [], on)) for on in ("serial", "processes:2", "dask:1")] == [[], [], []]


def test_processes_are_other_processes_and_end():
    found = set(run(process, range(8), "processes:2"))
    assert os.getpid() not in found
    assert 1 <= len(found) <= 2
    assert gone(list(found))


def test_a_slow_chunk_does_not_change_the_order():
    assert list(run(slow_first, range(6), "processes:2")) == list(range(6))


def test_leaving_early_ends_the_workers():
    results = run(process, range(100), "processes:2")
    worker = next(results)
    results.close()
    assert gone([worker])


def asleep(directory: Path, count: int) -> list[int]:
    """Process ids of workers that have begun to sleep."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        found = [path.name.split("-") for path in directory.iterdir()]
        sleeping = [int(worker) for chunk, worker in found if chunk != "0"]
        if len(sleeping) >= count:
            return sleeping
        time.sleep(0.05)
    raise AssertionError("no worker has begun")


def test_leaving_does_not_wait_for_chunks_that_are_being_computed(tmp_path):
    results = run(Sleeps(str(tmp_path), 60.0), range(3), "processes:2")
    assert next(results) == 0
    workers = asleep(tmp_path, 1)
    began = time.monotonic()
    results.close()
    assert time.monotonic() - began < 10
    assert gone(workers)


def test_workers_end_with_a_killed_parent_in_the_middle_of_a_chunk(tmp_path):
    code = (
        "from tests.compute.works import *; from remission.base.compute import run\n"
        f"if __name__ == '__main__': list(run(Sleeps({str(tmp_path)!r}, 60.0), range(1, 3), 'processes:2'))"
    )
    started = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2])
    workers = asleep(tmp_path, 2)
    started.kill()
    started.wait()
    assert gone(workers)


def test_an_interrupt_is_the_parents_affair(tmp_path):
    """Ctrl-C reaches every process of the terminal; a worker goes on until its parent says otherwise."""
    results = run(Sleeps(str(tmp_path), 1.0), range(3), "processes:2")
    found = [next(results)]
    for worker in asleep(tmp_path, 1):
        os.kill(worker, signal.SIGINT)
    try:
        assert [*found, *results] == [0, 1, 2]
    except KeyboardInterrupt:
        pytest.fail("the worker took the interrupt for its own")


def test_a_killed_worker_is_replaced(tmp_path):
    work = Dies(str(tmp_path), at=(150, 400))
    assert list(run(work, CHUNKS, "processes:2")) == EXPECTED
    assert len(list(tmp_path.iterdir())) == 2  # both did die


def test_a_chunk_that_always_kills_its_worker_is_named(tmp_path):
    work = Dies(str(tmp_path), at=(150,), times=99)
    with pytest.raises(RemissionError, match="keep dying") as caught:
        list(run(work, CHUNKS, "processes:2"))
    assert "chunk 4 of 12" in caught.value.why
    assert caught.value.fix


@pytest.mark.parametrize("on", ["serial", "processes:2"])
def test_an_error_of_the_work_keeps_its_parts(on):
    results = run(refuses, range(5), on)
    with pytest.raises(UsageError) as caught:
        list(results)
    assert caught.value.parts() == {"what": "two is refused", "where": "chunk 2", "fix": "leave it out"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "serial:2",
        "processes:0",
        "processes:-1",
        "processes:x",
        "processes:",
        "dask:",
        "cluster",
        "processes:99999999",
        "dask:0",
    ],
)
def test_places_that_cannot_be_meant(text):
    with pytest.raises(UsageError, match="no place to compute"):
        Place.parse(text)


def test_places():
    assert Place.parse("serial") == Place("serial")
    assert Place.parse("processes:4") == Place("processes", 4)
    assert Place.parse("processes").workers >= 1
    assert Place.parse("dask:tcp://10.0.0.1:8786") == Place("dask", 0, "tcp://10.0.0.1:8786")
    assert str(Place.parse("dask:2")) == "dask:2"


# Finished chunks on disk


def marks(directory: Path) -> dict[str, int]:
    """How often each chunk was computed."""
    return {path.name: len(path.read_text()) for path in directory.iterdir()}


@pytest.fixture
def places(tmp_path):
    shelf, counted = tmp_path / "shelf", tmp_path / "marks"
    counted.mkdir()
    return shelf, counted


def contents(shelf: Path) -> dict[str, bytes]:
    return {str(path.relative_to(shelf)): path.read_bytes() for path in shelf.rglob("*") if path.is_file()}


def test_finished_chunks_are_used_again(places):
    shelf, counted = places
    work = Counted(str(counted))
    first = list(keep(work, CHUNKS, Shelf(shelf, "a")))
    assert [(folder / "numbers.bin").read_bytes() for folder in first] == EXPECTED
    before, told = contents(shelf), []
    assert list(keep(work, CHUNKS, Shelf(shelf, "a"), "processes:2", told.append)) == first
    assert set(marks(counted).values()) == {1}
    assert contents(shelf) == before
    assert sum(told) == len(CHUNKS)


def test_what_was_made_by_something_else_is_not_used(places):
    shelf, counted = places
    work = Counted(str(counted))
    for name in ("a", "b"):
        list(keep(work, CHUNKS[:2], Shelf(shelf, name)))
    assert set(marks(counted).values()) == {2}
    mine, other = Shelf(shelf, "a").folder(0, CHUNKS[0]), Shelf(shelf, "b").folder(0, CHUNKS[0])
    for path in mine.iterdir():
        path.write_bytes((other / path.name).read_bytes())  # a foreign chunk under this one's name
    assert not Shelf(shelf, "a").holds(0, CHUNKS[0])
    assert Shelf(shelf, "b").holds(0, CHUNKS[0])


def damage_byte(folder):
    path = folder / "numbers.bin"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)


def forget_files(folder):
    record = json.loads((folder / "made.json").read_text())
    record["sha256"] = {}
    (folder / "made.json").write_text(json.dumps(record))


@pytest.mark.parametrize("harm", [
    damage_byte,
    forget_files,
    lambda folder: (folder / "numbers.bin").unlink(),
    lambda folder: (folder / "numbers.bin").write_bytes(b""),
    lambda folder: (folder / "made.json").unlink(),
    lambda folder: (folder / "made.json").write_text("[]"),
    lambda folder: (folder / "made.json").write_bytes(b"\xff"),
])  # fmt: skip
def test_a_damaged_chunk_is_made_anew(places, harm):
    shelf, counted = places
    work = Counted(str(counted))
    first = list(keep(work, CHUNKS, Shelf(shelf, "a")))
    before = contents(shelf)
    harm(first[3])
    assert list(keep(work, CHUNKS, Shelf(shelf, "a"))) == first
    assert {name: times for name, times in marks(counted).items() if times > 1} == {str(CHUNKS[3][0]): 2}
    assert contents(shelf) == before


def test_workers_without_the_shelf_hand_their_files_back(places, monkeypatch):
    shelf, counted = places
    monkeypatch.setattr(Shelf, "seen", lambda self: False)
    folders = list(keep(Counted(str(counted)), CHUNKS, Shelf(shelf, "a")))
    assert [(folder / "numbers.bin").read_bytes() for folder in folders] == EXPECTED


@pytest.mark.parametrize("on", ["serial", "processes:2"])
def test_a_run_killed_midway_leaves_finished_chunks(places, tmp_path, on):
    """kill -9 of the whole run; its workers end too, and a second run computes only what is missing."""
    shelf, counted = places
    command = [sys.executable, "-m", "tests.compute.works", str(shelf), str(counted), "0.15", on]
    environment = {**os.environ, "PYTHONPATH": "."}
    root = Path(__file__).parents[2]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root, env=environment)
    for _ in range(4):
        started.stdout.readline()
    children = [int(one) for one in Path(f"/proc/{started.pid}/task/{started.pid}/children").read_text().split()]
    started.kill()
    started.wait()
    assert gone(children)
    finished = [folder for folder in shelf.iterdir() if folder.is_dir() and not folder.name.startswith(".new-")]
    assert 4 <= len(finished) < len(CHUNKS)
    before = marks(counted)
    folders = list(keep(Counted(str(counted)), CHUNKS, Shelf(shelf, "tests")))
    assert [(folder / "numbers.bin").read_bytes() for folder in folders] == EXPECTED
    again = [name for name, times in marks(counted).items() if times > before.get(name, 0)]
    assert len(again) == len(CHUNKS) - len(finished)
    assert not list(shelf.glob(".new-*"))
    list(keep(Counted(str(counted)), CHUNKS, Shelf(tmp_path / "other", "tests")))
    assert contents(tmp_path / "other") == contents(shelf)


def test_an_interrupt_stops_at_once_and_keeps_what_is_finished(places):
    """Ctrl-C reaches the whole group of processes; the workers leave it to their parent."""
    shelf, counted = places
    command = [sys.executable, "-m", "tests.compute.works", str(shelf), str(counted), "0.8", "processes:2"]
    environment = {**os.environ, "PYTHONPATH": "."}
    started = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2], env=environment,
        start_new_session=True,
    )  # fmt: skip
    for _ in range(3):
        started.stdout.readline()
    os.killpg(started.pid, signal.SIGINT)
    _, errors = started.communicate(timeout=10)
    assert errors.count("Traceback") == 1, errors  # the parent's own KeyboardInterrupt
    assert errors.rstrip().endswith("KeyboardInterrupt")
    held = sum(Shelf(shelf, "tests").holds(number, chunk) for number, chunk in enumerate(CHUNKS))
    assert 3 <= held < len(CHUNKS)


def test_what_a_killed_run_left_half_written_is_cleared_away(places):
    shelf, counted = places
    (shelf / ".new-left").mkdir(parents=True)
    (shelf / ".new-left" / "numbers.bin").write_bytes(b"half")
    list(keep(Counted(str(counted)), CHUNKS[:1], Shelf(shelf, "a")))
    assert sorted(path.name for path in shelf.iterdir()) == sorted(
        ["shelf", Shelf(shelf, "a").folder(0, CHUNKS[0]).name]
    )


def test_a_shelf_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite):
        list(keep(Counted(str(tmp_path)), CHUNKS, Shelf(tmp_path / "file", "a")))


def test_a_full_disk_leaves_no_half_chunk(places):
    """The limit on the size of files stands for a disk without room: the system refuses the same write."""
    shelf, counted = places
    code = (
        "import resource, sys; from pathlib import Path; from tests.compute.works import *\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1200, 1200))\n"
        f"list(keep(Counted({str(counted)!r}), CHUNKS, Shelf(Path({str(shelf)!r}), 'tests')))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=False)
    assert "CannotWrite" in done.stderr
    assert [path.name for path in shelf.iterdir()] == ["shelf"]
