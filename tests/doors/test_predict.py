"""Does a prediction answer what was asked, and refuse what cannot be answered?"""

import json
import subprocess
import sys

import pytest
from tests.sample import draws

from remission.base.errors import EmptySelection, NotFound, Problem, UsageError
from remission.inference import ask, parse_time

KEYS = {"trial", "arm", "endpoint", "months", "where", "n_enrolled", "median", "lo90", "hi90", "expected", "draws", "seed", "posterior",
        "catalog"}  # fmt: skip


def test_the_promised_keys_are_printed():
    command = [
        sys.executable,
        "-m",
        "remission.cli",
        "predict",
        "s1318/main",
        "OS@12mo",
        "--draws",
        "5",
        "--patients",
        "50",
        "--json",
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(result.stdout)
    assert set(found) >= KEYS
    assert (found["trial"], found["arm"], found["endpoint"], found["months"]) == ("s1318", "main", "OS", 12.0)


def test_a_larger_trial_reports_more_narrowly_about_the_same_expectation():
    small = ask("s1318", "OS@24mo", draws(40), 200, 1, enrolled=20)
    large = ask("s1318", "OS@24mo", draws(40), 200, 1, enrolled=20_000)
    assert small["expected"] == large["expected"]
    assert large["hi90"] - large["lo90"] < small["hi90"] - small["lo90"]


def test_survival_falls_with_time():
    expected = [ask("a041703/main", f"OS@{months}mo", draws(20), 200, 1)["expected"] for months in (6, 12, 36, 120)]
    assert expected == sorted(expected, reverse=True)


def test_enrolment_conditions_the_arm():
    """Randomised patients were in MRD-negative remission: they live longer than everybody who was enrolled at diagnosis."""
    randomised = ask("e1910/chemotherapy", "OS@36mo", draws(30), 300, 1)
    everybody = ask("e1910/enrolled", "CR@end-induction", draws(30), 300, 1)
    assert randomised["expected"] > everybody["expected"] - 0.5
    negative = ask("e1910/chemotherapy", "OS@36mo", draws(30), 300, 1, where="mrd(post-intensification) < 1e-4")
    assert negative["expected"] == randomised["expected"]  # the subgroup is the whole arm


def test_subgroups_partition_an_arm():
    whole = ask("s1318", "CR@any", draws(10), 400, 1)
    parts = [
        ask("s1318", "CR@any", draws(10), 400, 1, where=where)["n_analysed"] for where in ("age < 75", "age >= 75")
    ]
    assert abs(sum(parts) - whole["n_analysed"]) <= 1


@pytest.mark.parametrize(("arm", "endpoint", "where", "error"), [
    ("e1910/blina", "OS@36mo", None, NotFound),
    ("nothing/main", "OS@36mo", None, NotFound),
    ("s1318", "PFS@36mo", None, NotFound),
    ("s1318", "OS", None, UsageError),
    ("s1318", "OS@999mo", None, UsageError),
    ("s1318", "CR@end-induktion", None, NotFound),
    ("s1318", "OS@36mo", "age < 30", EmptySelection),
    ("s1318", "OS@36mo", "__import__('os')", Problem),
    ("s1318", "OS@36mo", "mrd(cycle-99) < 1e-4", NotFound),
])  # fmt: skip
def test_what_cannot_be_answered_is_refused(arm, endpoint, where, error):
    with pytest.raises(error):
        ask(arm, endpoint, draws(3), 50, 1, where)


def test_times_are_read():
    assert parse_time("OS@36mo") == ("OS", 36.0)
    assert parse_time("MRD-@cycle-1") == ("MRD-", "cycle-1")
    assert parse_time("CRS3+") == ("CRS3+", None)
