"""Does `remission evidence` list what was asked for, in every format, and refuse the rest in five parts?"""

import csv
import io
import json

import duckdb
import pytest
from tests.evidence_door.running import run, run_outside

from remission.evidence import Row, all_results, conflicts, trials

KEYS = [
    "trial", "arm", "endpoint", "months", "where", "value", "numerator", "n", "lo95", "hi95", "source", "place",
    "published_on", "role", "status", "id", "assessment", "measure", "cut", "subgroup", "assay", "threshold", "population",
    "conflicts", "note",
]


def test_json_holds_every_result_with_stable_keys():
    done = run("--json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert len(rows) == sum(len(trial.results) for trial in trials().values())
    assert all(list(row) == KEYS for row in rows)
    assert all(row["value"] is None for row in rows if row["status"] in ("not reported", "not reached"))


@pytest.mark.parametrize(
    ("options", "filters"),
    [
        (["--trial", "s1318"], {"trial": "s1318"}),
        (["--endpoint", "OS", "--role", "calibrate"], {"endpoint": "OS", "role": "calibrate"}),
        (["--where", "age>=70"], {"where": "age>=70"}),
        (["--where", "none", "--trial", "e1910", "--arm", "chemotherapy"],
         {"where": "none", "trial": "e1910", "arm": "chemotherapy"}),
        (["--as-of", "2021-12-31"], {"as_of": "2021-12-31"}),
        (["--population", "s1318"], {"population": "s1318"}),
    ],
)
def test_options_are_the_filters_of_the_library(options, filters):
    done = run(*options, "--json")
    assert done.returncode == 0, done.stderr
    expected = [row.to_dict() for row in all_results(**filters)]
    assert expected
    assert json.loads(done.stdout) == expected


def test_csv_and_json_say_the_same():
    listed = json.loads(run("--trial", "mdacc-hcvad-blina", "--json").stdout)
    table = list(csv.DictReader(io.StringIO(run("--trial", "mdacc-hcvad-blina", "--csv").stdout)))
    assert len(table) == len(listed) > 10
    for text, row in zip(table, listed, strict=True):
        assert list(text) == KEYS
        for name, value in row.items():
            if isinstance(value, float | int):
                assert float(text[name]) == value
            else:
                assert text[name] == ("" if value is None else "; ".join(value) if isinstance(value, list) else value)


def test_parquet_and_json_say_the_same(tmp_path):
    file = tmp_path / "it's here.parquet"
    done = run("--parquet", str(file))
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    read = duckdb.connect().execute("select * from read_parquet(?)", [str(file)])
    names = [column[0] for column in read.description]
    rows = [dict(zip(names, row, strict=True)) for row in read.fetchall()]
    assert rows == json.loads(run("--json").stdout)
    assert names == KEYS
    kinds = {column[0]: str(column[1]) for column in read.description}
    assert kinds["value"] == "DOUBLE"
    assert kinds["n"] == "INTEGER"
    assert kinds["conflicts"] == "VARCHAR[]"


def test_the_table_fits_a_hundred_columns_in_a_pipe():
    done = run("--trial", "s1318")
    assert done.returncode == 0
    assert max(map(len, done.stdout.splitlines())) <= 100
    assert "advani-2022, abstract" in done.stdout
    assert "37 %* (20-55), n = 29" in done.stdout
    assert "not reported" in done.stdout
    assert "sources disagree" in done.stdout
    assert "not for decisions about a patient" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("columns", ["60", "80", "160"])
def test_the_table_follows_the_width(columns):
    done = run("--trial", "golden-gate", environment={"COLUMNS": columns})
    assert done.returncode == 0
    assert max(map(len, done.stdout.splitlines())) <= int(columns)


def test_no_result_is_an_answer():
    assert json.loads(run("--trial", "s1318", "--endpoint", "HSCT", "--json").stdout) == []
    assert "No published number" in run("--trial", "s1318", "--endpoint", "HSCT").stdout


def test_conflicts_have_readings_resolution_and_reason():
    listed = json.loads(run("conflicts", "--json").stdout)
    assert len(listed) == len(conflicts())
    keys = ["trial", "id", "about", "between", "readings", "resolution", "reason", "values"]
    for conflict in listed:
        assert list(conflict) == keys
        assert len(conflict["readings"]) >= 2
        assert all(list(reading) == ["says", "source", "place"] for reading in conflict["readings"])
        assert conflict["resolution"]
        assert conflict["reason"]
    assert {conflict["between"] for conflict in listed} >= {"the review and itself", "the review and a source"}


def test_conflicts_of_the_review_with_itself():
    own = json.loads(run("conflicts", "--review", "--json").stdout)
    assert {(c["trial"], c["id"]) for c in own} >= {("graall-2014", "dfs-18"), ("a041703", "overall-survival-cell")}
    assert all(sum(r["source"] == "pourhassan-2023" for r in c["readings"]) > 1 for c in own)


def test_conflicts_are_told_in_words():
    done = run("conflicts", "--trial", "a041703")
    assert "84% (95% CI 72-98)  [wieduwilt-2023, abstract]" in done.stdout
    assert "used: one-year overall survival was 84%" in done.stdout
    assert "because: " in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


@pytest.mark.parametrize(
    ("arguments", "code", "parts"),
    [
        (["--trial", "e1901"], 3, ["unknown id 'e1901'", "near: e1910"]),
        (["--trial", "../../etc/passwd"], 3, ["unknown id"]),
        (["--endpoint", "OSS"], 2, ["--endpoint", "near: OS"]),
        (["--role", "calibrated"], 2, ["--role", "near: calibrate"]),
        (["--where", "aeg > 3"], 2, ["--where", "near: age"]),
        (["--where", "__import__('os').system('true')"], 2, ["--where"]),
        (["--where", "(" * 5000 + "age > 3"], 2, ["--where"]),
        (["--as-of", "yesterday"], 2, ["--as-of", "not a date"]),
        (["--json", "--csv"], 2, ["more than one format", "near: --json"]),
        (["--trial", "s1318", "conflicts"], 2, ["takes its options after its name"]),
        (["tabel1"], 2, ["unknown question 'tabel1'", "near: table1"]),
        (["conflicts", "--trial", "zz"], 3, ["unknown id 'zz'"]),
        (["table1", "--format", "pdf"], 2, ["'pdf'"]),
        (["table1", "--out", "/"], 7, ["cannot write the file"]),
        (["table1", "--out", "/dev/null/table.html"], 7, ["cannot write"]),
        (["--parquet", "/dev/null/rows.parquet"], 7, ["cannot write the file"]),
        (["bake", "--out", "/dev/null/base.duckdb"], 7, ["cannot write the file"]),
        (["sql", "select"], 2, ["cannot be answered"]),
        (["sql", "select 1", "--timeout", "0"], 2, ["--timeout"]),
        (["sql", "select 1", "--json", "--csv"], 2, ["more than one format"]),
    ],
)
def test_errors_have_five_parts_and_their_own_exit_code(arguments, code, parts, tmp_path):
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    for part in (*parts, "fix:"):
        assert part in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.rglob("*")) == []


def test_as_a_user_does_in_a_pipe():
    done = run_outside("--trial", "s1318", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == run("--trial", "s1318", "--json").stdout
    assert run_outside("--trial", "s1318").stdout == run("--trial", "s1318").stdout


def test_the_keys_are_those_of_the_library():
    from dataclasses import fields

    assert [field.name for field in fields(Row)] == KEYS
