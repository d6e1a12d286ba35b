"""Does a Dask cluster give the same bits, also when its workers are killed?"""

import os

import pytest
from tests.compute.test_compute import contents, gone, marks
from tests.compute.works import CHUNKS, Counted, Dies, numbers, process, refuses

from remission.base import compute
from remission.base.compute import Place, Shelf, keep, run
from remission.base.errors import RemissionError, UsageError

distributed = pytest.importorskip("distributed")
EXPECTED = [numbers(chunk) for chunk in CHUNKS]


def test_a_local_cluster_with_killed_workers(tmp_path):
    """Two workers are killed on the way; the cluster replaces them."""
    work, counts = Dies(str(tmp_path), at=(150, 400)), []
    assert list(run(work, CHUNKS, "dask:2", counts.append)) == EXPECTED
    assert sum(counts) == len(CHUNKS)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.fixture(scope="module")
def address():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50
    ) as cluster:
        yield cluster.scheduler_address


def test_a_cluster_that_runs_already(address, tmp_path):
    """Finished chunks are the same on disk as those of a serial run; the cluster goes on after the run."""
    work, on = Counted(str(tmp_path / "marks")), f"dask:{address}"
    (tmp_path / "marks").mkdir()
    for place in ("serial", on):
        list(keep(work, CHUNKS, Shelf(tmp_path / place[:4], "a"), place))
    assert contents(tmp_path / "dask") == contents(tmp_path / "seri")
    assert set(marks(tmp_path / "marks").values()) == {2}
    found = set(run(process, range(8), on))
    assert os.getpid() not in found
    assert not gone(list(found), 0.1)


def test_an_error_of_the_work_keeps_its_parts(address):
    with pytest.raises(UsageError, match="two is refused") as caught:
        list(run(refuses, range(5), f"dask:{address}"))
    assert caught.value.where == "chunk 2"


def test_a_chunk_that_always_kills_its_worker(address, tmp_path):
    with pytest.raises(RemissionError, match="keep dying") as caught:
        list(run(Dies(str(tmp_path), at=(0,), times=99), CHUNKS[:1], f"dask:{address}"))
    assert "4 times" in caught.value.why
    assert list(run(numbers, CHUNKS, f"dask:{address}")) == EXPECTED  # the cluster has recovered


def test_nobody_answers(monkeypatch):
    monkeypatch.setattr(compute, "CONNECT_SECONDS", 0.5)
    with pytest.raises(UsageError, match="no Dask scheduler answers") as caught:
        list(run(numbers, CHUNKS, Place("dask", 0, "tcp://127.0.0.1:9")))
    assert caught.value.where == "--on dask:tcp://127.0.0.1:9"


def test_without_dask(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(UsageError, match="not installed") as caught:
        list(run(numbers, CHUNKS, "dask:2"))
    assert "remission[cluster]" in caught.value.fix
