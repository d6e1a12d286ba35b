"""Do measures of histories written by hand come to what can be counted on one's fingers?"""

import numpy as np
import pytest
from tests.decide.hand_made import histories, plan

from remission.base.errors import NotFound, UsageError
from remission.decide.compare import first_events
from remission.decide.measures import KINDS, Measure, Run, event_days, parse_measure

MONTH = 30.4375
PATIENTS = [
    {"remission": 21},  # well for ever
    {
        "remission": 21,
        "relapse": 12 * MONTH,
        "death": 20 * MONTH,
        "cause": "leukaemia",
        "site": "central nervous system",
        "mrd": -3.0,
    },
    {"remission": 21, "death": 10 * MONTH, "cause": "in remission", "mrd": -5.0},
    {"death": 10, "cause": "induction", "treatment_end": 10, "started": ["a"]},
    {
        "failure": 63,
        "treatment_end": 63,
        "death": 30 * MONTH,
        "cause": "leukaemia",
        "end": 0.0,
        "started": ["a", "b-1"],
    },
    {
        "remission": 21,
        "transplant": 63,
        "treatment_end": 63,
        "death": 5 * MONTH,
        "cause": "transplant",
        "started": ["a", "b-1"],
        "nt3": 1,
    },
    # dies of another cause after a relapse: not a death in remission
    {
        "remission": 21,
        "relapse": 6 * MONTH,
        "death": 9 * MONTH,
        "cause": "background",
        "site": "bulk",
        "started": ["a", "b-1"],
    },
]


@pytest.fixture(scope="module")
def run():
    return Run(plan(), histories(PATIENTS))


@pytest.mark.parametrize(("text", "expected"), [
    ("OS@15mo", [1, 1, 0, 0, 1, 0, 0]),
    ("EFS@15mo", [1, 0, 0, 0, 0, 0, 0]),
    ("DFS@11mo", [1, 1, 0, np.nan, np.nan, 0, 0]),  # from remission: relapse comes 12 months less 21 days after it
    ("relapse@15mo", [0, 1, 0, 0, 0, 0, 1]),
    ("relapse@11mo", [0, 0, 0, 0, 0, 0, 1]),
    ("CNS relapse@15mo", [0, 1, 0, 0, 0, 0, 0]),
    ("extramedullary relapse@15mo", [0, 0, 0, 0, 0, 0, 0]),
    ("death in remission@36mo", [0, 0, 1, 0, 0, 1, 0]),
    ("treatment death@36mo", [0, 0, 1, 1, 0, 1, 0]),
    ("induction death@36mo", [0, 0, 0, 1, 0, 0, 0]),
    ("CR", [1, 1, 1, 0, 0, 1, 1]),
    ("CR@end", [1, 1, 1, 1, 0, 1, 1]),
    ("MRD-@mrd-1", [np.nan, 0, 1, np.nan, np.nan, np.nan, np.nan]),
    ("NT3+", [0, 0, 0, 0, 0, 1, 0]),
    ("HSCT", [0, 0, 0, 0, 0, 1, 0]),
    ("severe toxicity@36mo", [0, 0, 1, 1, 0, 1, 0]),
    ("months alive@15mo", [15, 15, 10, 10 / MONTH, 15, 5, 9]),
    ("event-free months@15mo", [15, 12, 10, 10 / MONTH, 63 / MONTH, 5, 6]),
    ("blinatumomab cycles", [2, 2, 2, 0, 1, 1, 1]),
])  # fmt: skip
def test_counted_by_hand(run, text, expected):
    assert parse_measure(text).of(run)[0] == pytest.approx(np.array(expected, float), nan_ok=True)


def test_what_ends_event_free_survival_is_counted_once():
    h = histories(PATIENTS)
    parts = first_events(h)
    days = np.stack([value[0] for value in parts.values()])
    assert (np.isfinite(days).sum(axis=0) <= 1).all()
    assert days.min(axis=0) == pytest.approx(event_days(h, "EFS")[0])
    named = {name: np.flatnonzero(np.isfinite(value[0])).tolist() for name, value in parts.items()}
    assert named == {
        "no remission": [4],
        "relapse": [1, 6],
        "death before remission": [3],
        "death in remission": [2, 5],
    }


@pytest.mark.parametrize(
    "text",
    [
        "PFS@36mo",
        "EFS",
        "EFS@0mo",
        "EFS@999mo",
        "EFS@end",
        "CRS3+@36mo",
        "hospital days@12mo",
        "",
        "@",
        "__import__('os')",
    ],
)
def test_what_is_no_measure_is_refused(text):
    with pytest.raises(UsageError):
        parse_measure(text)


def test_an_unknown_assessment_is_refused(run):
    with pytest.raises(NotFound):
        parse_measure("MRD-@week-99").of(run)


def test_every_measure_reads_and_prints_itself(run):
    for name, kind in KINDS.items():
        text = f"{name}@36mo" if kind.at in ("months", "horizon") else name
        measure = parse_measure(text)
        assert str(measure) == text
        assert measure.of(run).shape == (1, len(PATIENTS))
        assert measure.title
    assert str(Measure("MRD-", assessment="end")) == "MRD-@end"
