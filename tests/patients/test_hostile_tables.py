"""Is every wrong or hostile cohort refused by line and column, with the nearest that is right, and never with a traceback?"""

import resource
import subprocess
import sys
import time

import pytest

from remission.base.errors import InvalidFile, NotFound, RemissionError
from remission.patients import InvalidCohort, read_cohort
from remission.patients.table import MAX_BYTES, MAX_LINE, MAX_ROWS, SHOWN

HEAD = "id,age_years,sex,ph,ph_like,wbc_1e9_per_l,blasts_percent,cd22_percent\n"
GOOD = "p1,40,male,negative,no,12,80,95\n"


def refused(tmp_path, raw):
    path = tmp_path / "cohort.csv"
    path.write_bytes(raw if isinstance(raw, bytes) else raw.encode("utf-8", "surrogatepass"))
    with pytest.raises(InvalidCohort) as caught:
        read_cohort(path)
    return caught.value


# text of the file, line, words of the message, nearest
CASES = {
    "unit in the header": (HEAD.replace("wbc_1e9_per_l", "wbc_per_ul") + GOOD, 1, "unknown column 'wbc_per_ul'", "wbc_1e9_per_l"),
    "age without unit": (HEAD.replace("age_years", "age") + GOOD, 1, "unknown column 'age'", "age_years"),
    "age in months": (HEAD.replace("age_years", "age_months") + GOOD, 1, "unknown column 'age_months'", "age_years"),
    "misspelt": (HEAD.replace("blasts_percent", "blast_percent") + GOOD, 1, "unknown column 'blast_percent'", "blasts_percent"),
    "unknown column": (HEAD.replace("ph_like", "shoe size") + GOOD, 1, "unknown column 'shoe size'", ""),
    "column without name": (HEAD.replace("ph_like", "") + GOOD, 1, "column number 5 has no name", ""),
    "column twice": (HEAD.replace("ph_like", "ph") + GOOD, 1, "'ph' stands twice", ""),
    "no sex": ("id,age_years,ph\np1,40,negative\n", 1, "column 'sex' is missing", ""),
    "no id": ("age_years,sex,ph\n40,male,negative\n", 1, "column 'id' is missing", ""),
    "semicolons": (HEAD.replace(",", ";") + GOOD.replace(",", ";"), 1, "separated by ';'", ""),
    "tabs": (HEAD.replace(",", "\t") + GOOD.replace(",", "\t"), 1, "separated by '\\t'", ""),
    "white cells per microlitre": (HEAD + GOOD.replace(",12,", ",12000,"), 2, "'12000' lies outside 0.01 to 2000", "2000"),
    "negative count": (HEAD + GOOD.replace(",12,", ",-3,"), 2, "'-3' lies outside", "0.01"),
    "zero count": (HEAD + GOOD.replace(",12,", ",0,"), 2, "'0' lies outside", "0.01"),
    "infinite": (HEAD + GOOD.replace(",12,", ",1e400,"), 2, "'1e400' is too large", ""),
    "nan": (HEAD + GOOD.replace(",12,", ",nan,"), 2, "'nan' is not a number", ""),
    "inf": (HEAD + GOOD.replace(",12,", ",-inf,"), 2, "'-inf' is not a number", ""),
    "hexadecimal": (HEAD + GOOD.replace(",12,", ",0x10,"), 2, "'0x10' is not a number", ""),
    "underscore": (HEAD + GOOD.replace(",12,", ",1_000,"), 2, "'1_000' is not a number", ""),
    "other digits": (HEAD + GOOD.replace(",12,", ",١٢,"), 2, "'١٢' is not a number", ""),
    "unit in a cell": (HEAD + GOOD.replace(",12,", ",12e9/L,"), 2, "'12e9/L' is not a number", ""),
    "decimal comma": (HEAD + GOOD.replace(",12,", ',"12,5",'), 2, "'12,5' is not a number", "12.5"),
    "below a threshold": (HEAD + GOOD.replace(",12,", ",<0.1,"), 2, "'<0.1' is not a number", ""),
    "a formula as a number": (HEAD + GOOD.replace(",12,", ",=1+1,"), 2, "'=1+1' is not a number", ""),
    "age of a child": (HEAD + GOOD.replace(",40,", ",4,"), 2, "'4' lies outside 14 to 100", "14"),
    "age of Methuselah": (HEAD + GOOD.replace(",40,", ",969,"), 2, "'969' lies outside", "100"),
    "no age": (HEAD + GOOD.replace(",40,", ",,"), 2, "column 'age_years': the cell is empty", ""),
    "age not available": (HEAD + GOOD.replace(",40,", ",NA,"), 2, "column 'age_years': the cell is empty", ""),
    "fractions for percent": (HEAD + GOOD.replace("80,95", "0.8,0.95"), 2, "no value is above 1", "80"),
    "more than all blasts": (HEAD + GOOD.replace(",80,", ",101,"), 2, "'101' lies outside", "100"),
    "unknown sex": (HEAD + GOOD.replace("male", "mael"), 2, "column 'sex': 'mael' is not known", "male"),
    "unknown ph": (HEAD + GOOD.replace("negative", "negativ"), 2, "column 'ph': 'negativ' is not known", "negative"),
    "perhaps": (HEAD + GOOD.replace(",no,", ",perhaps,"), 2, "column 'ph_like': 'perhaps' is not known", ""),
    "Ph-like with BCR::ABL1": (HEAD + GOOD.replace("negative,no", "positive,yes"), 2, "although ph is positive", ""),
    "patient twice": (HEAD + GOOD + GOOD, 3, "'p1' stands on line 2 too", ""),
    "no name": (HEAD + GOOD.replace("p1", ""), 2, "'' is not an id", ""),
    "formula as a name": (HEAD + GOOD.replace("p1", "=HYPERLINK(x)"), 2, "is not an id", "HYPERLINK-x"),
    "command as a name": (HEAD + GOOD.replace("p1", "@SUM(A1)"), 2, "is not an id", "SUM-A1"),
    "plus as a name": (HEAD + GOOD.replace("p1", "+1"), 2, "is not an id", "1"),
    "long name": (HEAD + GOOD.replace("p1", "p" * 200), 2, "is not an id", "p" * 64),
    "path as a name": (HEAD + GOOD.replace("p1", "../../etc/passwd"), 2, "is not an id", "etc-passwd"),
    "too few cells": (HEAD + "p1,40,male\n", 2, "the line has 3 cells, not 8", ""),
    "too many cells": (HEAD + GOOD.replace("\n", ",,\n"), 2, "the line has 10 cells, not 8", ""),
    "cell over two lines": (HEAD + GOOD.replace("p1", '"p\n1"'), 2, "goes on in the next line", ""),
    "quote that does not close": (HEAD + GOOD + GOOD.replace("p1", '"p2'), 3, "not comma-separated values", ""),
    "text after a quote": (HEAD + GOOD.replace("p1", '"p"1'), 2, "not comma-separated values", ""),
    "relapsed and new": ("id,age_years,sex,ph,relapsed\na,40,m,negative,yes\nb,40,m,negative,no\n", 3, "in one cohort", ""),
    "empty": ("", 1, "the file is empty", ""),
    "blank": ("\n \n,,,\n", 1, "the file is empty", ""),
    "nobody": (HEAD, 1, "no patient", ""),
    "only a mark of order": (b"\xef\xbb\xbf", 1, "the file is empty", ""),
    "NUL": (HEAD + GOOD.replace("p1", "p\x001"), 2, "a control character", ""),
    "escape": (HEAD + GOOD + GOOD.replace("p1", "p\x1b[31m"), 3, "a control character", ""),
    "direction of text": (HEAD + GOOD.replace("p1", "p\u202e1"), 2, "a control character", ""),
    "mark of order within": (HEAD + "\ufeff" + GOOD, 2, "a control character", ""),
    "line separator": (HEAD + GOOD.replace("p1", "p\u20281"), 2, "a control character", ""),
    "UTF-16": (("\ufeff" + HEAD + GOOD).encode("utf-16"), 1, "UTF-16", ""),
    "Latin-1": ((HEAD + GOOD + GOOD.replace("p1", "Müller")).encode("latin-1"), 3, "not UTF-8", ""),
    "surrogate": (HEAD + GOOD.replace("p1", "\ud800"), 2, "not UTF-8", ""),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), 1, "not UTF-8", ""),
    "a workbook": (b"PK\x03\x04" + b"\x00" * 100, 1, "a control character", ""),
    "long line": (HEAD + GOOD.replace("p1", "p" * MAX_LINE), 2, "a line is too long", ""),
    "too many rows": (HEAD + "p,40,male,negative,no,12,80,95\n" * (MAX_ROWS + 1), MAX_ROWS + 2, f"the cohort has {MAX_ROWS + 1} rows", ""),
    "too large": (b"x" * (MAX_BYTES + 1), 1, "the file is too large", ""),
}


@pytest.mark.parametrize("name", list(CASES))
def test_a_wrong_cohort_is_refused_by_line(name, tmp_path):
    text, line, word, near = CASES[name]
    begun = time.process_time()
    error = refused(tmp_path, text)
    assert time.process_time() - begun < 5
    first = error.problems[0]
    assert word in str(error), error
    chosen = next(problem for problem in error.problems if word in problem.what)
    assert chosen.where.endswith(f"cohort.csv:{line}"), chosen.where
    assert chosen.near == near
    assert chosen.why
    assert chosen.fix
    assert error.parts() == first.parts()
    assert error.exit_code == InvalidFile.exit_code
    assert "\x1b" not in str(error)
    assert len(str(error)) < 20_000


def test_all_problems_of_a_file_are_told_at_once(tmp_path):
    wrong = GOOD.replace(",40,", ",4,").replace("male", "mael") + "p2,50,male,negative,no,0,80,95\np1,60,m,negative,,,,\n"
    error = refused(tmp_path, HEAD + wrong)
    assert error.count == 4
    assert [problem.where.rpartition(":")[2] for problem in error.problems] == ["2", "2", "3", "4"]
    assert str(error).count("cohort.csv:") == 4
    assert str(error).endswith("4 problems")


def test_problems_beyond_a_number_are_counted_but_not_told(tmp_path):
    error = refused(tmp_path, HEAD + "".join(f"p{n},4,male,negative,no,12,80,95\n" for n in range(500)))
    assert error.count == 500
    assert len(error.problems) == SHOWN
    assert str(error).endswith(f"500 problems, of which {500 - SHOWN} are not shown")


def test_a_header_of_thousands_of_columns_is_refused_quickly(tmp_path):
    begun = time.process_time()
    error = refused(tmp_path, ",".join("ab"[n % 2] for n in range(2000)) + "\n" + GOOD)
    assert time.process_time() - begun < 3
    assert error.count >= 2000


def test_a_file_that_is_not_there_or_no_file_is_refused(tmp_path):
    for path in (tmp_path / "nothing.csv", tmp_path, "bad\0name.csv"):
        with pytest.raises(NotFound) as caught:
            read_cohort(path)
        assert caught.value.fix


def answer(path):
    """What reading comes to: a cohort, or the error in its parts. Anything else is a stumble."""
    try:
        return read_cohort(path), {}
    except RemissionError as error:
        return None, error.parts()


def test_random_bytes_never_end_in_a_traceback(tmp_path):
    import numpy as np

    rng = np.random.default_rng(4)
    good, odd = (HEAD + GOOD + GOOD.replace("p1", "p2")).encode(), list(b'\x00",;\n\r=+-09.eE\xff\xc3 aA')
    path = tmp_path / "cohort.csv"
    read = 0
    for _ in range(400):
        raw = bytearray(good)
        for _ in range(int(rng.integers(1, 4))):
            place = int(rng.integers(len(raw)))
            raw[place : place + int(rng.integers(0, 3))] = bytes(rng.choice(odd, int(rng.integers(0, 4))).tolist())
        path.write_bytes(bytes(raw))
        table, parts = answer(path)
        read += table is not None
        assert table is None or len(table.ids) == len(set(table.ids))
        assert table is not None or {"what", "where", "why", "fix"} <= set(parts), bytes(raw)
    assert 5 < read < 395  # the changes matter, and not all of them make the file wrong


def test_the_largest_files_take_little_memory_and_time(tmp_path):
    """A file at the limits is read by a process of its own within 1 GiB."""
    path = tmp_path / "big.csv"
    row = "{0},45,male,negative,no,12,80,95" + "0" * 60 + "\n"
    path.write_text(HEAD + "".join(row.format(n) for n in range(MAX_ROWS)))
    script = ("import resource, sys, time\nfrom remission.base.errors import RemissionError\nfrom remission.patients import read_cohort\n"
              "begun = time.process_time()\n"
              "try:\n    print('read', len(read_cohort(sys.argv[1]).ids))\n"
              "except RemissionError as error:\n    print('refused', error.count)\n"
              "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, time.process_time() - begun)\n")
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False, timeout=120,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30)))
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == f"refused {MAX_ROWS}"  # 95 followed by sixty zeros is no percentage
    megabytes, seconds = map(float, second.split())
    assert megabytes < 1024
    assert seconds < 30
