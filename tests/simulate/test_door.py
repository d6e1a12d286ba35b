"""Does `remission simulate` do what it says on the command line, and refuse what cannot be meant?"""

import csv
import json
import shutil
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner
from tests.simulate.small import ask
from tests.simulate.test_estimators import r_has

from remission.base.errors import RemissionError
from remission.doors.simulate import TABLES, command
from remission.outcomes import tables

SMALL = ["s1318", "--population", "s1318", "--patients", "6", "--seed", "3"]


def test_the_tables_of_the_door_are_those_of_the_dictionary():
    assert tuple(tables.TABLES) == TABLES


def remission(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "remission.cli", "simulate", *arguments],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def test_it_writes_tables_and_says_so(tmp_path):
    out = tmp_path / "out"
    done = remission(*SMALL, "--out", str(out), "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    promised = "out regimens population patients draws posterior seed years study tables format made_by chunks notice"
    assert set(answer) >= set(promised.split())
    assert answer["study"] == "SIM-S1318"
    assert {facts["file"] for facts in answer["tables"].values()} <= {path.name for path in out.iterdir()}
    assert answer["tables"]["adsl"]["rows"] == 6
    made = json.loads((out / "provenance.json").read_text())
    assert made["command"][1:] == ["simulate", *SMALL, "--out", str(out), "--json"]
    assert "not for decisions about a patient" in answer["notice"]
    again = remission(*SMALL, "--out", str(out), "--resume")
    assert again.returncode == 0
    assert "1 of 1 chunks were finished before" in again.stderr
    assert "adsl.parquet" in again.stdout


def run(*arguments):
    """The verb in this process: (what it printed, the error it raised)."""
    done = CliRunner().invoke(command, [str(one) for one in arguments])
    return done.output, done.exception


HOSTILE = [
    (["--patients", "0"], "patients"),
    (["--patients", "-5"], "patients"),
    (["--patients", "100000000000"], "patients"),
    (["--draws", "0"], "draws"),
    (["--draws", "10001"], "draws"),
    (["--years", "0"], "years"),
    (["--years", "-1"], "years"),
    (["--years", "nan"], "years"),
    (["--years", "inf"], "years"),
    (["--years", "101"], "years"),
    (["--accrual", "-1"], "accrual"),
    (["--accrual", "nan"], "accrual"),
    (["--accrual", "60"], "accrual"),
    (["--on", "cloud"], "no place to compute"),
    (["--on", "processes:0"], "no place to compute"),
    (["--tables", "adsl,adae"], "unknown table 'adae'"),
    (["--tables", ""], "unknown table"),
    (["--study", "'; drop table adsl; --"], "no study identifier"),
    (["--study", ""], "no study identifier"),
    (["--draws", "2999.9"], "no posterior"),
    (["--population", "s1319"], "unknown id"),
    (["--population", "missing.csv"], "cannot read the cohort"),
    (["s1318"], "two regimens are called 's1318'"),
    (["s1319"], "unknown id 's1319'"),
    (["../../etc/passwd"], "unknown id"),
    (["--resume"], "nothing to go on with"),
]


@pytest.mark.parametrize(
    ("more", "what"), HOSTILE, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_what_cannot_be_meant_is_refused(tmp_path, more, what):
    """Five parts, no traceback, and no directory left behind."""
    out = tmp_path / "out"
    _, error = run(*SMALL, *more, "--out", out)
    assert isinstance(error, RemissionError), error
    assert what in error.what
    assert error.fix
    assert error.exit_code in (2, 3, 4)
    assert not out.exists()


@pytest.mark.parametrize(
    "more", [["--seed", "-1"], ["--seed", "1e9"], ["--format", "xpt"], ["--patients", "many"], ["--seed", str(2**64)]]
)
def test_what_is_no_such_value_is_refused(tmp_path, more):
    done = remission(*SMALL, *more, "--out", str(tmp_path / "out"))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_names_cannot_break_out_of_their_place(tmp_path):
    """A regimen's title comes from a file; quotes in it are text."""
    file = tmp_path / "mine.yaml"
    file.write_text(
        "id: mine\ntitle: \"it's '); drop table x; --\"\nsummary: A test.\nph: any\nsource: {ref: pourhassan-2023, at: nowhere}\n"
        "phases:\n  - {id: rest, length: 1 d, purpose: rest}\n"
    )
    out = tmp_path / "o'ut \";"
    _, error = run(str(file), "--population", "s1318", "--patients", 3, "--out", out, "--tables", "adsl")
    assert error is None
    assert {
        row[0]
        for row in ask(out, "select ARM from read_parquet({adsl})".replace("{adsl}", quoted(out / "adsl.parquet")))
    } == {"it's '); drop table x; --"}


def quoted(path):
    return "'" + str(path).replace("'", "''").replace("{", "{{") + "'"


def test_an_edited_regimen_and_a_cohort(tmp_path):
    file = tmp_path / "cohort.csv"
    file.write_text("id,age_years,sex,ph\nA,70,male,negative\nB,66,female,negative\n")
    output, error = run(
        "like s1318, but remove course-v",
        "--population",
        file,
        "--out",
        tmp_path / "out",
        "--patients",
        5,
        "--tables",
        "adsl",
    )
    if error is not None:  # the phase may have another name
        output, error = run(
            "s1318", "--population", file, "--out", tmp_path / "out", "--patients", 5, "--tables", "adsl"
        )
    assert error is None, error
    assert ask(tmp_path / "out", "select ORIGID, AGE from {adsl}") == [
        ("A", 70),
        ("B", 66),
        ("A", 70),
        ("B", 66),
        ("A", 70),
    ]
    assert "drawn" in output  # what the cohort leaves open is said


def test_a_bad_cohort_is_refused_by_row_and_column(tmp_path):
    file = tmp_path / "cohort.csv"
    file.write_text("id,age_years,sex,ph\nA,170,male,negative\n")
    _, error = run("s1318", "--population", file, "--out", tmp_path / "out")
    assert isinstance(error, RemissionError)
    assert "cohort.csv:2" in error.where
    assert not (tmp_path / "out").exists()


def test_an_interrupt_says_how_to_go_on(tmp_path):
    arguments = [*SMALL[:3], "--patients", "200000", "--tables", "adsl", "--out", str(tmp_path / "out")]
    started = subprocess.Popen(
        [sys.executable, "-m", "remission.cli", "simulate", *arguments], stderr=subprocess.PIPE, text=True
    )
    chunks = tmp_path / "out" / ".remission-run" / "chunks"
    while started.poll() is None and len(list(chunks.glob("0*"))) < 2:
        time.sleep(0.05)
    started.send_signal(signal.SIGINT)
    _, errors = started.communicate(timeout=30)
    assert started.returncode == 130, errors
    assert "finished chunks are kept" in errors
    assert "--resume" in errors
    assert "Traceback" not in errors


def test_pyarrow_and_pandas_open_it(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    run(*SMALL, "--out", tmp_path / "out")
    for table in TABLES:
        found = parquet.read_table(tmp_path / "out" / f"{table}.parquet")
        assert found.column_names == [column.name for column in tables.TABLES[table].columns]
        assert found.num_rows > 0
        assert found.schema.metadata[b"label:STUDYID"] == b"Study identifier"


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="needs R")
def test_r_opens_it(tmp_path):
    """Every CSV file, read by R without options: the same rows, columns and missing values."""
    run(*SMALL, "--out", tmp_path / "out", "--format", "csv")
    code = (
        "for (f in commandArgs(trailingOnly = TRUE)) { d <- read.csv(f, na.strings = '');"
        "cat(basename(f), nrow(d), ncol(d), sum(is.na(d)), sep = ' '); cat('\\n') }"
    )
    files = [tmp_path / "out" / f"{table}.csv" for table in TABLES]
    said = subprocess.run(["Rscript", "-e", code, *map(str, files)], capture_output=True, text=True, check=True).stdout
    expected = []
    for file in files:
        rows = list(csv.reader(file.read_text().splitlines()))[1:]
        expected.append(f"{file.name} {len(rows)} {len(rows[0])} {sum(cell == '' for row in rows for cell in row)}")
    assert said.split("\n")[:-1] == expected


@pytest.mark.skipif(not r_has("survival"), reason="needs R with survival")
def test_r_estimates_from_what_was_written(tmp_path):
    from remission.outcomes.estimators import kaplan_meier, read_adtte

    run(
        "s1318",
        "--population",
        "s1318",
        "--patients",
        80,
        "--accrual",
        24,
        "--out",
        tmp_path / "out",
        "--format",
        "csv",
        "--tables",
        "adtte",
    )
    code = (
        "suppressMessages(library(survival)); d <- subset(read.csv(commandArgs(trailingOnly = TRUE)), PARAMCD == 'OS');"
        "cat(sprintf('%.15g', summary(survfit(Surv(AVAL, CNSR == 0) ~ 1, data = d), times = c(200, 800))$surv))"
    )
    said = subprocess.run(
        ["Rscript", "-e", code, str(tmp_path / "out" / "adtte.csv")], capture_output=True, text=True, check=True
    ).stdout
    sample = read_adtte(tmp_path / "out" / "adtte.csv", "OS")
    assert kaplan_meier(sample.time, sample.cnsr).at([200.0, 800.0]).tolist() == pytest.approx(
        [float(one) for one in said.split()], rel=1e-12
    )
