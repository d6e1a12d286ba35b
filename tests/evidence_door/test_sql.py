"""Is the baked base the catalog, and can SQL do nothing but read it?"""

import json
import socket
import subprocess
import sys
import time

import duckdb
import pytest
from tests.evidence_door.running import run, run_outside

from remission.base.errors import UsageError
from remission.evidence import _ask, ask, bake_evidence, catalog_hash
from remission.evidence import bake as baking


@pytest.fixture(scope="module")
def baked(tmp_path_factory):
    file = tmp_path_factory.mktemp("baked") / "evidence.duckdb"
    bake_evidence(file)
    return file


def question(sql, baked, **limits):
    return ask(sql, file=baked, **limits)


def test_every_table_holds_the_catalog(baked):
    base = duckdb.connect(str(baked), read_only=True)
    rows = baking.contents()
    assert {name for (name,) in base.execute("show tables").fetchall()} == set(rows) == set(baking.TABLES)
    for table, expected in rows.items():
        assert base.execute(f"select * from {table}").fetchall() == expected, table
    for table in ("results", "baselines", "conflicts", "readings", "sources", "trials"):
        assert rows[table], table
    assert ("catalog", catalog_hash()) in rows["meta"]
    base.close()


def test_the_same_catalog_gives_the_same_bytes(baked, tmp_path):
    script = f"from remission.evidence import bake_evidence; bake_evidence({str(tmp_path / 'again.duckdb')!r})"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)
    assert (tmp_path / "again.duckdb").read_bytes() == baked.read_bytes()


def test_bake_writes_a_copy_that_opens_read_only(tmp_path):
    done = run("bake", "--out", "copy.duckdb", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"copy.duckdb: catalog {catalog_hash()}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["copy.duckdb"]
    base = duckdb.connect(str(tmp_path / "copy.duckdb"), read_only=True)
    assert base.execute("select count(*) from results").fetchone()[0] > 100
    base.close()


def test_joins_answer_questions(baked):
    answer = question(
        "select r.value, s.published from results r join sources s on s.id = r.source"
        " where trial = 's1318' and endpoint = 'OS' and \"where\" is null",
        baked,
    )
    assert answer.columns == ("value", "published")
    assert answer.rows == ((0.37, "2022-05-10"),) or answer.rows[0][0] == 0.37


def test_the_door_prints_table_json_and_csv():
    sql = "select trial, count(*) as results from results where trial in ('d-alba', 's1318') group by trial order by trial"
    as_json = json.loads(run("sql", sql, "--json").stdout)
    assert [row["trial"] for row in as_json] == ["d-alba", "s1318"]
    assert run("sql", sql, "--csv").stdout.splitlines() == ["trial,results", *(f"{r['trial']},{r['results']}" for r in as_json)]
    shown = run("sql", sql).stdout
    assert "d-alba" in shown
    assert "(2 rows)" in shown


def test_equal_column_names_are_kept_apart(baked):
    assert question("select 1 as a, 2 as a, 3 as b", baked).to_dicts() == [{"a": 1, "a:1": 2, "b": 3}]


def test_values_of_every_kind_become_plain(baked):
    sql = "select 'nan'::double, 1.5::decimal(4, 2), date '2020-01-01', [1, 2], {'a': null}, true, 2::hugeint ** 100"
    row = question(sql, baked).rows[0]
    assert row[:6] == ("nan", "1.50", "2020-01-01", [1, 2], {"a": None}, True)
    json.dumps(row, allow_nan=False)


def test_rows_are_limited_and_the_limit_is_told(baked):
    answer = question("select * from range(100)", baked, rows=7)
    assert (len(answer.rows), answer.truncated) == (7, True)
    assert not question("select * from range(7)", baked, rows=7).truncated
    done = run("sql", "select * from range(100)", "--max-rows", "3", "--json")
    assert len(json.loads(done.stdout)) == 3
    assert "only the first 3 rows" in done.stderr


FILES = [
    "select * from read_csv('{file}')",
    "select * from '{file}'",
    "from read_text('{file}')",
    "from read_blob('/etc/passwd')",
    "from read_json('{file}')",
    "from read_ndjson_objects('{file}')",
    "from read_parquet('{file}')",
    "from parquet_metadata('{file}')",
    "from sniff_csv('{file}')",
    "from glob('/etc/*')",
    "select * from query('from read_csv(''{file}'')')",
    "from json_execute_serialized_sql(json_serialize_sql('from read_csv(''{file}'')'))",
    "copy results to '{out}'",
    "copy (select 1) to '{out}' (format parquet)",
    "copy results from '{file}'",
    "export database '{out}'",
    "import database '{out}'",
    "attach '{out}' as other",
    "attach '{file}' as other (type sqlite)",
    "attach ':memory:' as other",
    "install httpfs",
    "install httpfs from 'http://127.0.0.1:{port}'",
    "load httpfs",
    "load '{out}'",
    "from 'http://127.0.0.1:{port}/rows.csv'",
    "from read_csv('http://127.0.0.1:{port}/rows.csv')",
    "from read_parquet('s3://bucket/rows.parquet')",
    "select getenv('HOME')",
    "create persistent secret s (type http)",
    "set enable_external_access = true",
    "reset enable_external_access",
    "set lock_configuration = false",
    "set allowed_directories = ['/']",
    "set memory_limit = '100GB'",
    "set autoinstall_known_extensions = true",
    "set temp_directory = '{out}'",
    "set profiling_output = '{out}'",
    "from enable_logging('QueryLog', storage = 'file', storage_path = '{out}')",
    "from read_single_csv_file('{file}')",
    "from read_duckdb('{file}')",
    "from create_external_resource('{file}')",
    "from arrow_scan(1, 2, 3)",
    "from pandas_scan(1)",
    "from python_map_function((from results))",
]
CHANGES = [
    "insert into results select * from results",
    "update results set value = 1",
    "delete from results",
    "drop table results",
    "truncate results",
    "alter table results add column x integer",
    "create table mine (a integer)",
    "create or replace view results as select 1",
    "create macro f(a) as a",
    "comment on table results is 'mine'",
]


@pytest.fixture
def bait(tmp_path):
    """A file to read, a place to write, and a server that must not be asked."""
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        yield {"file": tmp_path / "rows.csv", "out": tmp_path / "out", "port": server.getsockname()[1]}
        with pytest.raises(TimeoutError):
            server.accept()
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


@pytest.mark.parametrize("sql", FILES)
def test_no_file_network_extension_or_setting_is_in_reach(sql, bait, baked):
    with pytest.raises(UsageError) as caught:
        question(sql.format(**bait), baked)
    assert set(caught.value.parts()) == {"what", "where", "why", "near", "fix"}


@pytest.mark.parametrize("sql", FILES + CHANGES)
def test_the_connection_itself_refuses_whatever_the_statement(sql, bait, baked, monkeypatch):
    """The second wall: the same statements on the locked connection, past the check of what kind they are."""
    monkeypatch.setenv("HOME", str(bait["out"]))
    base = _ask.connect(str(baked), catalog_hash(), baking.MOST_MEMORY)
    try:
        with pytest.raises(duckdb.Error):
            base.execute(sql.format(**bait)).fetchall()
    finally:
        base.close()


@pytest.mark.parametrize("sql", CHANGES)
def test_nothing_can_be_changed(sql, baked):
    before = baked.read_bytes()
    with pytest.raises(UsageError):
        question(sql, baked)
    assert baked.read_bytes() == before


@pytest.mark.parametrize("sql", ["select 1; select 2", "select 1; drop table results", "begin", "prepare p as select 1",
                                 "create temp table t (a integer)", "checkpoint", "load parquet", "pragma enable_profiling",
                                 "call enable_logging()",
                                 "create secret (type http)", "set variable x = 1", "call pragma_version()"])
def test_only_one_statement_that_reads_is_run(sql, baked):
    with pytest.raises(UsageError, match="only one statement that reads"):
        question(sql, baked)


def test_no_secret_of_the_user_is_seen(baked, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    keeper = duckdb.connect()
    keeper.execute("create persistent secret mine (type http, bearer_token 'x')")
    keeper.close()
    assert question("from duckdb_secrets()", baked).rows == ()


def test_python_variables_are_out_of_reach(baked):
    import pandas as pd

    bait = pd.DataFrame({"a": [1]})
    assert len(bait) == 1
    with pytest.raises(UsageError):
        question("select * from bait", baked)
    base = _ask.connect(str(baked), catalog_hash(), baking.MOST_MEMORY)
    with pytest.raises(duckdb.Error):
        base.execute("select * from bait")
    base.close()


@pytest.mark.parametrize(
    "sql",
    [
        "select count(*) from range(100000000000) a, range(1000000) b",
        "with recursive r(i) as (select 1 union all select i + 1 from r) select max(i) from r",
        "select levenshtein(repeat('a', 300000), repeat('b', 300000))",  # deaf to interruption
    ],
)
def test_a_question_has_a_time_limit(sql, baked):
    began = time.monotonic()
    with pytest.raises(UsageError, match="no answer within 1 s"):
        question(sql, baked, seconds=1)
    assert time.monotonic() - began < 10


@pytest.mark.skipif(sys.platform != "linux", reason="memory is capped by the operating system on Linux only")
@pytest.mark.parametrize("sql", ["select list_sum(range(3000000000))", "select string_agg(repeat('x', 1000000), '') from range(10000)"])
def test_a_question_has_a_memory_limit(sql, baked):
    with pytest.raises(UsageError, match="more memory"):
        question(sql, baked, seconds=60, memory=2**30)


def test_a_huge_answer_is_refused(baked, monkeypatch):
    monkeypatch.setattr(baking, "MOST_BYTES", 1000)
    with pytest.raises(UsageError, match="more memory"):
        question("select repeat('x', 2000)", baked)


@pytest.mark.parametrize(
    ("sql", "part", "near"),
    [
        ("select * from result", "result", "results"),
        ("select trail from results", "trail", "trial"),
        ("selec 1", "syntax error", "tables"),
        ("", "no statement", "select"),
        ("   ", "no statement", "select"),
        ("-- nothing", "0 statements", "select"),
        ("select '\udcff'", "", ""),
        ("select \x00", "", ""),
        ("select " + "(" * 20000 + "1" + ")" * 20000, "", ""),
        ("select " + "x" * 1_000_000, "", ""),
        ("'; drop table results; --", "", ""),
    ],
)
def test_bad_sql_is_explained(sql, part, near, baked):
    with pytest.raises(UsageError) as caught:
        question(sql, baked)
    parts = caught.value.parts()
    assert part in parts["why"]
    assert near in parts.get("near", "")
    assert parts["fix"]


def test_markup_and_control_characters_stay_text():
    done = run("sql", "select '[bold]x[/bold]' || chr(27) || '[31m' as a")
    assert "[bold]x[/bold] [31m" in done.stdout
    assert "\x1b" not in done.stdout


def cache_of(directory):
    return sorted((directory / "remission").glob("evidence-*.duckdb"))


def test_the_base_is_baked_once_and_again_when_spoiled(tmp_path):
    environment = {"XDG_CACHE_HOME": str(tmp_path)}
    sql = ("sql", "select count(*) as n from results", "--json")
    first = run_outside(*sql, environment=environment)
    assert first.returncode == 0, first.stderr
    [file] = cache_of(tmp_path)
    made = file.stat().st_mtime_ns
    assert run_outside(*sql, environment=environment).stdout == first.stdout
    assert file.stat().st_mtime_ns == made
    whole = file.read_bytes()
    for spoiled in (b"not a database", whole[: len(whole) // 2]):
        file.write_bytes(spoiled)
        assert run_outside(*sql, environment=environment).stdout == first.stdout
        assert file.read_bytes() == whole
    assert cache_of(tmp_path) == [file]


def test_another_catalog_is_baked_anew_and_old_ones_go(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for number in range(baking.KEPT + 1):
        monkeypatch.setattr(baking, "catalog_hash", lambda number=number: f"{number:016}")
        assert ask("select value from meta where key = 'catalog'").rows == ((f"{number:016}",),)
    assert len(cache_of(tmp_path)) == baking.KEPT


def test_a_file_of_another_catalog_is_not_believed(baked, monkeypatch):
    monkeypatch.setattr(baking, "catalog_hash", lambda: "0" * 16)
    with pytest.raises(UsageError, match="not the base of this catalog"):
        question("select 1", baked)


@pytest.mark.parametrize("place", ["/dev/null/cache", "/proc/cache"])
def test_without_a_cache_directory_it_still_answers(place, tmp_path):
    done = run_outside("sql", "select 1 as one", "--json", environment={"XDG_CACHE_HOME": place, "TMPDIR": str(tmp_path)})
    assert done.stdout == '[{"one": 1}]\n', done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def without_duckdb(tmp_path):
    (tmp_path / "duckdb.py").write_text("raise ImportError('no duckdb')\n")
    return {"PYTHONPATH": str(tmp_path)}


@pytest.mark.parametrize("arguments", [["sql", "select 1"], ["bake", "--out", "x.duckdb"], ["--parquet", "x.parquet"]])
def test_without_duckdb_the_message_says_how_to_get_it(arguments, without_duckdb, tmp_path):
    done = run_outside(*arguments, environment=without_duckdb, cwd=tmp_path)
    assert done.returncode == 2
    for part in ("duckdb is not installed", "why:", "near:", "pip install 'remission[evidence]'", "make env EXTRAS=evidence"):
        assert part in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("x.*"))


@pytest.mark.parametrize("arguments", [["--json"], ["--csv"], [], ["conflicts"], ["table1"], ["table2", "--format", "html"]])
def test_everything_else_works_without_duckdb(arguments, without_duckdb):
    done = run_outside(*arguments, environment=without_duckdb)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_evidence_is_read_without_duckdb_in_memory():
    script = "import sys, remission.evidence, remission.doors.evidence; assert 'duckdb' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
