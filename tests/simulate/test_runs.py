"""Are the rows the same wherever and however a run is cut, killed and resumed, and is a directory whole or absent?"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tests.simulate import killed
from tests.simulate.small import ask, request, whole, written

from remission.base.compute import Shelf
from remission.base.errors import CannotWrite, UsageError
from remission.outcomes.tables import TABLES
from remission.patients import read_cohort
from remission.runs import HIDDEN, code_digest, finished_chunks, keep_tables
from remission.runs.request import Request, Work

ROOT = Path(__file__).parents[2]
FILES = {*(f"{table}.parquet" for table in TABLES), "data_dictionary.csv", "data_dictionary.md", "provenance.json"}


@pytest.fixture(scope="module")
def serial(tmp_path_factory):
    directory = tmp_path_factory.mktemp("runs") / "serial"
    keep_tables(request(patients=30), directory, chunk=12)
    return directory


# The same bits


@pytest.mark.parametrize("on", ["processes:2", "dask:2"])
def test_the_same_bytes_wherever_chunks_run(serial, tmp_path, on):
    if on.startswith("dask"):
        pytest.importorskip("distributed")
    keep_tables(request(patients=30), tmp_path / "out", on=on, chunk=12)
    assert written(tmp_path / "out") == written(serial)


@pytest.mark.parametrize("size", [7, 30, 100_000])
def test_the_same_rows_however_the_run_is_cut(serial, tmp_path, size):
    keep_tables(request(patients=30), tmp_path / "out", chunk=size)
    for table in TABLES:
        assert whole(tmp_path / "out", table) == whole(serial, table)


def test_chunks_cover_every_course_once_in_the_order_of_the_rows():
    for patients, draws, size in ((60, 3, 7), (60, 3, 60), (10, 7, 35), (1, 1, 1), (5, 4, 1000)):
        asked = request(patients=patients, number=draws)
        courses = [
            (arm, draw, patient)
            for arm, first, end, start, count in asked.chunks(size)
            for draw in range(first, end)
            for patient in range(start, start + count)
        ]
        assert courses == [
            (arm, draw, patient) for arm in range(2) for draw in range(draws) for patient in range(patients)
        ]
        assert all((end - first) * count <= max(size, 1) for _, first, end, _, count in asked.chunks(size))


def test_fewer_patients_arms_or_draws_are_the_same_patients(serial, tmp_path):
    keep_tables(request(arms=("e1910-chemotherapy",), patients=20, number=1), tmp_path / "out")
    columns = "columns(* exclude (TRT01PN))"
    some = ask(tmp_path / "out", f"select {columns} from {{adsl}}")
    assert some == ask(
        serial, f"select {columns} from {{adsl}} where TRT01P = 'e1910-chemotherapy' and DRAW = 1 and PATIENT <= 20"
    )


def test_another_seed_is_other_patients(serial, tmp_path):
    keep_tables(request(patients=30, seed=12, tables=("adsl",)), tmp_path / "out")
    assert ask(tmp_path / "out", "select WBCBL from {adsl}") != ask(serial, "select WBCBL from {adsl}")


def test_csv_and_parquet_hold_the_same(serial, tmp_path):
    keep_tables(request(patients=30), tmp_path / "out", form="csv", chunk=12)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {name.replace(".parquet", ".csv") for name in FILES}
    for table in TABLES:
        types = ", ".join(f"'{column.name}': '{column.kind}'" for column in TABLES[table].columns)
        read = f"read_csv({{{{}}}}, header = true, nullstr = '', columns = {{{{{types}}}}})".replace(
            "{{}}", f"{{{table}}}"
        )
        assert ask(tmp_path / "out", f"select * from {read}") == whole(serial, table)


# Killed, damaged, resumed


def start(out: Path, on: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "tests.simulate.killed", str(out), on]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, start_new_session=True)


def until_chunks(out: Path, count: int, run: subprocess.Popen) -> None:
    end = time.monotonic() + 60
    while finished_chunks(out) < count and time.monotonic() < end:
        assert run.poll() is None, run.stderr.read().decode()
        time.sleep(0.02)


def children(process: int) -> list[int]:
    found = [int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    return [one for one in found if b"spawn_main" in Path(f"/proc/{one}/cmdline").read_bytes()]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    directory = tmp_path_factory.mktemp("runs") / "undisturbed"
    keep_tables(killed.asked(), directory, chunk=killed.CHUNK)
    return directory


def again(out: Path, **options):
    return keep_tables(killed.asked(), out, chunk=killed.CHUNK, **options)


def test_a_killed_worker_changes_nothing(undisturbed, tmp_path):
    run = start(tmp_path / "out", "processes:2")
    until_chunks(tmp_path / "out", 3, run)
    worker = children(run.pid)[0]
    os.kill(worker, signal.SIGKILL)
    run.communicate(timeout=60)
    assert run.returncode == 0
    assert written(tmp_path / "out") == written(undisturbed)


def test_a_killed_run_goes_on_from_its_chunks(undisturbed, tmp_path):
    out = tmp_path / "out"
    run = start(out, "processes:2")
    until_chunks(out, 4, run)
    run.kill()
    run.communicate()
    assert [path.name for path in out.iterdir()] == [HIDDEN]  # nothing half-written
    kept = again(out, resume=True)
    assert 4 <= kept.found < kept.chunks
    assert written(out) == written(undisturbed)
    assert not (out / HIDDEN).exists()


def unfinished(out: Path, **options) -> tuple[Shelf, list]:
    """The chunks of `again`, some of them finished."""
    asked = killed.asked()
    hidden = out / HIDDEN
    shelf, chunks = Shelf(hidden / "chunks", asked.made_by), asked.chunks(killed.CHUNK)
    shelf.open()
    (hidden / "run.json").write_text(json.dumps({"made_by": asked.made_by, **asked.facts}))
    work = Work(asked, code_digest())
    for number in (0, 3, 4):
        shelf.put(number, chunks[number], work(chunks[number]))
    return shelf, chunks


def test_a_damaged_chunk_is_not_trusted(undisturbed, tmp_path):
    out = tmp_path / "out"
    shelf, chunks = unfinished(out)
    file = shelf.folder(3, chunks[3]) / "adtte.parquet"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(content)
    swapped = shelf.folder(4, chunks[4])  # a whole chunk, but of other patients
    for path in swapped.iterdir():
        path.write_bytes((shelf.folder(0, chunks[0]) / path.name).read_bytes())
    assert again(out).found == 1
    assert written(out) == written(undisturbed)


@pytest.mark.parametrize("moved", [0, 1, 3])
def test_a_run_that_died_while_moving_its_files_is_finished(tmp_path, monkeypatch, moved):
    """The provenance is moved last: while it is absent nothing is finished, and the same command finishes it."""
    asked, out, count = request(patients=5, number=1, tables=("adsl", "adtte")), tmp_path / "out", 0
    keep_tables(asked, tmp_path / "whole")
    replace_file = os.replace

    def dies(source, target):
        nonlocal count
        if Path(target).parent == out:
            count += 1
            if count > moved:
                raise OSError(5, "Input/output error")
        replace_file(source, target)

    with monkeypatch.context() as patched:
        patched.setattr("remission.runs.keep.os.replace", dies)
        with pytest.raises(CannotWrite):
            keep_tables(asked, out)
    assert not (out / "provenance.json").exists()
    assert len([path for path in out.iterdir() if path.is_file()]) == moved
    assert keep_tables(asked, out).found == 2
    assert written(out) == written(tmp_path / "whole")


# Directories


def test_the_directory_holds_what_was_promised_and_nothing_else(serial):
    assert {path.name for path in serial.iterdir()} == FILES
    made = json.loads((serial / "provenance.json").read_text())
    assert set(made["versions"]) >= {"remission", "numpy", "llvmlite", "duckdb", "python"}
    assert set(made["hashes"]) == {"code", "catalog", "plans", "population", "draws"}
    assert set(made["hashes"]["plans"]) == {"e1910-blinatumomab", "e1910-chemotherapy"}
    assert made["request"] == request(patients=30).facts
    for table, facts in made["tables"].items():
        assert ask(serial, f"select count(*) from {{{table}}}") == [(facts["rows"],)]


def test_the_same_command_again_does_nothing(serial):
    before = {path.name: path.stat().st_mtime_ns for path in serial.iterdir()}
    kept = keep_tables(request(patients=30), serial, chunk=12)
    assert (kept.found, kept.chunks) == (12, 12)
    assert {path.name: path.stat().st_mtime_ns for path in serial.iterdir()} == before


def test_finished_results_are_never_overwritten(serial, tmp_path):
    before = written(serial)
    for asked, form in ((request(patients=31), "parquet"), (request(patients=30), "csv")):
        with pytest.raises(UsageError, match="results of another run"):
            keep_tables(asked, serial, form=form)
    assert written(serial) == before
    (tmp_path / "adsl.parquet").write_text("mine")
    with pytest.raises(UsageError, match=r"holds a file 'adsl\.parquet'"):
        keep_tables(request(patients=5), tmp_path)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


def test_damaged_results_are_made_again(tmp_path):
    asked = request(patients=5, number=1, tables=("adsl",))
    keep_tables(asked, tmp_path / "out")
    first = written(tmp_path / "out")
    (tmp_path / "out" / "adsl.parquet").write_bytes(b"damaged")
    with pytest.raises(UsageError):
        keep_tables(asked, tmp_path / "out")  # the file may be somebody's
    (tmp_path / "out" / "adsl.parquet").unlink()
    keep_tables(asked, tmp_path / "out")
    assert written(tmp_path / "out") == first


def test_an_unfinished_run_of_something_else_is_left_alone(tmp_path):
    out = tmp_path / "out"
    unfinished(out)
    with pytest.raises(UsageError, match="unfinished run of something else") as caught:
        keep_tables(killed.asked(seed=12), out)
    assert "seed 11 there, 12 here" in caught.value.why
    assert finished_chunks(out) == 3


def test_nothing_to_resume(tmp_path):
    with pytest.raises(UsageError, match="nothing to go on with"):
        keep_tables(request(patients=5), tmp_path / "out", resume=True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("finished", [True, False])
def test_one_run_at_a_time(tmp_path, finished):
    """A second run leaves what the first has made alone, also before its first chunk is finished."""
    import fcntl

    out = tmp_path / "out"
    unfinished(out)
    if not finished:
        shutil.rmtree(out / HIDDEN / "chunks")
    with open(out / HIDDEN / "lock", "wb") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="another run is writing"):
            again(out)
    assert (out / HIDDEN / "run.json").exists()
    assert finished_chunks(out) == (3 if finished else 0)


def test_a_directory_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite):
        keep_tables(request(patients=5), tmp_path / "file" / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("room", [3_000, 13_000])
def test_a_full_disk_leaves_nothing_half_written(tmp_path, room):
    """The limit on the size of a file stands for a full disk: at first a chunk's file, then the joined table does not fit."""
    code = (
        "import resource, sys; from tests.simulate.small import request; from remission.runs import keep_tables\n"
        "from remission.base.errors import RemissionError\n"
        "from tests.simulate.small import histories; histories('e1910-chemotherapy')\n"  # compiled before the limit
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({room}, {room}))\n"
        f"try: keep_tables(request(patients=60, number=2), {str(tmp_path / 'out')!r}, chunk=20)\n"
        "except RemissionError as error: print(type(error).__name__, error.fix, file=sys.stderr); sys.exit(error.exit_code)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 7, done.stderr
    assert "Traceback" not in done.stderr
    assert "CannotWrite" in done.stderr
    left = {path.name for path in (tmp_path / "out").iterdir()} if (tmp_path / "out").exists() else set()
    assert left == ({HIDDEN} if room > 10_000 else set())
    if left:
        assert finished_chunks(tmp_path / "out") == 12


def test_everything_that_decides_the_rows_is_in_the_hash(monkeypatch):
    """Two requests that differ in anything have different hashes; the same request has the same one."""
    first = request(patients=30)
    regimen = first.regimens[0]
    other = [
        replace(first, patients=31),
        replace(first, seed=12),
        replace(first, years=4.0),
        replace(first, accrual=12.0),
        replace(first, study="OTHER"),
        replace(first, tables=("adsl",)),
        replace(first, draws=first.draws.part(0, 1)),
        replace(first, draws=first.draws.change(growth=0.05)),
        replace(first, source=first.source.model_copy(update={"relapsed": True})),
        replace(first, regimens=(regimen.model_copy(update={"phases": regimen.phases[:-1]}), first.regimens[1])),
        replace(first, regimens=first.regimens[::-1]),
    ]
    hashes = [one.made_by for one in (first, *other)]
    assert len(set(hashes)) == len(hashes)
    assert request(patients=30).made_by == hashes[0]
    for name in ("code_digest", "versions"):
        with monkeypatch.context() as patched:
            patched.setattr(f"remission.runs.request.{name}", lambda: {"numpy": "0"})
            assert first.made_by not in hashes


def test_another_version_on_a_worker_is_refused():
    from remission.base.errors import RemissionError

    asked = request(patients=5)
    with pytest.raises(RemissionError, match="another version"):
        Work(asked, "0123456789abcdef")(asked.chunks()[0])


# A cohort of the user's own


def test_a_cohort_is_simulated_as_it_is(tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text("id,age_years,sex,ph\nP-7,41.5,male,negative\nP-3,67,female,negative\nP-9,30,female,negative\n")
    cohort = read_cohort(file)
    keep_tables(request(who=cohort, patients=3, number=2, tables=("adsl",)), tmp_path / "out")
    rows = ask(tmp_path / "out", "select TRT01PN, DRAW, ORIGID, AGE, SEX, PHSTAT from {adsl}")
    people = [("P-7", 41, "M", "NEGATIVE"), ("P-3", 67, "F", "NEGATIVE"), ("P-9", 30, "F", "NEGATIVE")]
    assert rows == [(arm, draw, *who) for arm in (1, 2) for draw in (1, 2) for who in people]
    keep_tables(request(who=cohort.replicated(2), patients=5, number=1, tables=("adsl",)), tmp_path / "more", chunk=2)
    assert ask(tmp_path / "more", "select ORIGID from {adsl} where TRT01PN = 1") == [
        (name,) for name in ("P-7", "P-3", "P-9", "P-7", "P-3")
    ]
    made = json.loads((tmp_path / "out" / "provenance.json").read_text())
    assert made["hashes"]["population"] == cohort.digest
    assert isinstance(request(who=cohort, patients=3), Request)
