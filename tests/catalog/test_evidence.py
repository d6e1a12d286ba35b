"""The record itself: complete against the review's tables, free of findings, leaks and double counting."""

from collections import Counter

import pytest

from remission.evidence import CUT_OFF, check_evidence, conflicts, load_trial, rows_of, sources, trials
from remission.evidence.dates import latest

REVIEW = (
    "lal2317", "graall-2014", "all08", "mdacc-hcvad-blina", "mdacc-hcvad-blina-ino", "e1910", "s1318",
    "mdacc-mini-hcvd-ino-blina", "gmall-bold", "a041703", "golden-gate", "d-alba", "s1318-ph", "mdacc-pona-blina",
)  # fmt: skip
PROTOCOL_ONLY = ("ea9181", "lal2820", "sc-blina")

# The result cells of the review's Tables 1A, 1B and 2 as printed; None is NA or empty.
COLUMNS = (
    "grade >=3 CRS",
    "grade >=3 neurotoxicity",
    "CR rate",
    "MRD negative rate",
    "induction death",
    "OS",
    "EFS/RFS/DFS",
)
CELLS: dict[tuple[str, str], tuple[object, ...]] = {
    ("lal2317", "Table 1A"): (None, None, 0.904, (0.73, 0.96), None, 0.838, 0.716),
    ("graall-2014", "Table 1A"): (0.0, 0.06, None, 0.74, None, 0.921, 0.688),
    ("all08", "Table 1A"): (0.03, None, 1.0, (0.70, 0.83), 0.0, 0.6865, 0.618),
    ("mdacc-hcvad-blina", "Table 1A"): (0.03, 0.11, 1.0, (0.76, 0.95), None, 0.85, 0.84),
    ("mdacc-hcvad-blina-ino", "Table 1A"): (None,) * 7,
    ("e1910", "Table 1A"): (None, None, 0.81, None, None, (None, 71.4), None),
    ("s1318", "Table 1B"): (0.03, 0.03, 0.66, None, None, 0.37, 0.37),
    ("mdacc-mini-hcvd-ino-blina", "Table 1B"): (
        None,
        None,
        0.98,
        (0.77, 0.94),
        (0.0, 0.03),
        (0.54, 0.42, 0.63),
        (0.76, 0.87, 0.69),
    ),
    ("gmall-bold", "Table 1B"): (None, None, 0.76, (None, None), 0.06, 1.0, 0.89),
    ("a041703", "Table 1B"): (None, None, (0.85, 0.97), None, None, 0.66, 0.75),
    ("golden-gate", "Table 1B"): (0.0, 0.0, 1.0, (0.90, 1.0), 0.0, None, None),
    ("d-alba", "Table 2"): (None, 0.02, 0.98, None, None, 0.95, 0.88),
    ("s1318-ph", "Table 2"): (None, None, 0.92, 0.31, 0.0, 0.85, 0.80),
    ("mdacc-pona-blina", "Table 2"): (None, None, 0.87, None, 0.0, None, None),
}
PATIENTS_AND_AGE = {
    "lal2317": (146, 41, (18, 65)), "graall-2014": (95, 35, (18, 60)), "all08": (30, 51.7, (39.5, 66.5)),
    "mdacc-hcvad-blina": (38, 37, (17, 59)), "mdacc-hcvad-blina-ino": (20, 24, (18, 47)), "e1910": (488, 51, (30, 70)),
    "s1318": (29, 75, None), "mdacc-mini-hcvd-ino-blina": (64, 68, (60, 81)), "gmall-bold": (33, 65, (56, 76)),
    "a041703": (33, 71, (60, 84)), "golden-gate": (10, 69, (57, 77)), "d-alba": (63, 54, (24, 82)),
    "s1318-ph": (25, 73, (62, 87)), "mdacc-pona-blina": (72, 51, (36, 68)),
}  # fmt: skip


def test_the_record_has_no_findings() -> None:
    assert [str(finding) for finding in check_evidence()] == []


@pytest.mark.parametrize("identifier", REVIEW + PROTOCOL_ONLY)
def test_every_trial_of_the_review_is_there(identifier: str) -> None:
    trial = load_trial(identifier)
    assert trial.results
    assert trial.baseline
    assert trial.design.arms
    assert trial.design.status == ("ongoing" if identifier in (*PROTOCOL_ONLY, "golden-gate") else "reported")


def places(identifier: str, place: str) -> list[float | None]:
    """What this place of the review says: values of the results that cite it, or None where it prints NA."""
    return [
        None if cite.printed == "NA" else result.value
        for result in load_trial(identifier).results
        for cite in (result.source, *result.also)
        if cite.ref == "pourhassan-2023" and cite.at == place
    ]


@pytest.mark.parametrize(("identifier", "table"), CELLS)
def test_every_result_cell_of_the_tables_is_transcribed(identifier: str, table: str) -> None:
    for column, cell in zip(COLUMNS, CELLS[identifier, table], strict=True):
        expected = cell if isinstance(cell, tuple) else (cell,)
        assert Counter(places(identifier, f"{table}, {column}")) == Counter(expected), column


@pytest.mark.parametrize("identifier", PATIENTS_AND_AGE)
def test_patients_and_ages_of_the_tables_are_transcribed(identifier: str) -> None:
    patients, age, limits = PATIENTS_AND_AGE[identifier]
    table = next(table for trial, table in CELLS if trial == identifier)
    cited = [
        (item, cite.at)
        for item in load_trial(identifier).baseline
        for cite in (item.source, *item.also)
        if cite.ref == "pourhassan-2023"
    ]
    assert [item.value for item, at in cited if at == f"{table}, number of patients"] == [patients]
    ages = [item for item, at in cited if at == f"{table}, median age"]
    assert [item.median for item in ages] == [age]
    assert limits is None or limits in (ages[0].range, ages[0].iqr)


# Numbers of the review's running text that no table cell repeats.
TEXT = {
    "lal2317": {0.87}, "graall-2014": {0.79}, "mdacc-hcvad-blina": {0.73, 0.09, 0.31, 0.57, 0.85, 0.84, 0.76, 0.95},
    "mdacc-hcvad-blina-ino": {0.0, 1.0}, "gmall-bold": {0.85, 0.09, 0.29, 0.83, 0.82, 1.0, 0.66, 0.89},
    "d-alba": {0.29, 0.60, 0.88, 0.80, 1.0, 0.759}, "s1318-ph": {0.92, 0.31, 0.85, 0.80}, "mdacc-pona-blina": {0.87, 0.95},
    "a041703": {0.85, 0.97, 0.75}, "golden-gate": {1.0, 0.90, 0.0}, "s1318": {0.66, 0.37},
    "mdacc-mini-hcvd-ino-blina": {0.98, 0.77, 0.94, 0.03, 0.76, 0.54, 0.69, 0.87, 0.63, 0.42},
}  # fmt: skip


@pytest.mark.parametrize("identifier", TEXT)
def test_the_numbers_of_the_text_are_transcribed(identifier: str) -> None:
    found = {
        result.value
        for result in load_trial(identifier).results
        for cite in (result.source, *result.also)
        if cite.ref == "pourhassan-2023" and cite.at.startswith("text, ")
    }
    assert found >= TEXT[identifier]


CONFLICTS = {
    ("a041703", "overall-survival-cell"), ("a041703", "branch-after-ia"), ("a041703", "dose-of-course-ic"),
    ("a041703", "early-death-cell"), ("all08", "first-blinatumomab"), ("all08", "when-in-remission"),
    ("all08", "age-range"), ("d-alba", "two-cuts-of-survival"), ("d-alba", "cycles-to-molecular-response"),
    ("d-alba", "survival-by-molecular-response"), ("d-alba", "neurotoxicity-range"), ("e1910", "denominators"),
    ("e1910", "sequence"), ("e1910", "median-survival-label"), ("e1910", "mrd-positive-patients"),
    ("gmall-bold", "mrd-cell"), ("gmall-bold", "three-response-rates"), ("gmall-bold", "age-stratum"),
    ("gmall-bold", "survival-over-65"), ("golden-gate", "mrd-second-cycle"), ("golden-gate", "neurotoxicity"),
    ("graall-2014", "dfs-18"), ("graall-2014", "upper-age"), ("graall-2014", "high-risk-trigger"),
    ("lal2317", "remission-count"), ("lal2317", "mrd-before-blinatumomab"), ("lal2317", "induction-deaths"),
    ("lal2820", "intrathecal-doses"), ("ea9181", "size"), ("mdacc-hcvad-blina", "rfs-or-continuous-remission"),
    ("mdacc-hcvad-blina", "cells-of-two-cohorts"), ("mdacc-hcvad-blina", "which-abstract"),
    ("mdacc-hcvad-blina", "age-limits"), ("mdacc-mini-hcvd-ino-blina", "review-and-its-reference"),
    ("mdacc-mini-hcvd-ino-blina", "first-author"), ("mdacc-mini-hcvd-ino-blina", "maintenance-length"),
    ("mdacc-mini-hcvd-ino-blina", "age-cut"), ("mdacc-mini-hcvd-ino-blina", "follow-up-outside-its-range"),
    ("mdacc-mini-hcvd-ino-blina", "age-strata-between-cuts"), ("mdacc-mini-hcvd-ino-blina", "order-of-cycles"),
    ("mdacc-pona-blina", "patients"), ("mdacc-pona-blina", "age"), ("mdacc-pona-blina", "remission-cell"),
    ("mdacc-pona-blina", "survival-cells"), ("mdacc-pona-blina", "number-of-cycles"),
    ("s1318", "remission-definition"), ("s1318", "trial-number"), ("s1318", "one-number-two-populations"),
    ("s1318-ph", "lowest-age"), ("s1318-ph", "patients"), ("s1318-ph", "cmr-denominator"),
    ("seer-older", "survival-of-older-adults"),
}  # fmt: skip


def test_the_known_conflicts_are_recorded() -> None:
    assert CONFLICTS - {(trial, conflict.id) for trial, conflict in conflicts()} == set()


def test_resolutions_are_more_than_the_first_reading() -> None:
    for trial, conflict in conflicts():
        assert conflict.reason != conflict.resolution, (trial, conflict.id)
        assert len({reading.says for reading in conflict.readings}) > 1, (trial, conflict.id)


def test_no_outcome_published_after_the_cut_off_is_recorded() -> None:
    """One later table is allowed, because it restates papers published before the cut-off."""
    late = {identifier for identifier, source in sources().items() if latest(source.published) > latest(CUT_OFF)}
    assert late, "the test needs late sources, which some baselines and designs cite"
    used = {row.source for trial in trials().values() for row in rows_of(trial)}
    assert used & late == {"bcj-2024-table"}
    assert "restate" in (sources()["bcj-2024-table"].note or "")


def test_no_patient_calibrates_twice() -> None:
    """One calibrating number for each arm, endpoint and time: for everybody, or for parts of them, never both."""
    for trial in trials().values():
        seen = [(r.arm, r.endpoint, r.at, str(r.where)) for r in trial.results if r.role == "calibrate"]
        assert len(seen) == len(set(seen)), trial.id
        whole = {key[:3] for key in seen if key[3] == "None"}
        assert not [key for key in seen if key[3] != "None" and key[:3] in whole], trial.id
        assert not [r.id for r in trial.results if r.role == "calibrate" and r.cut is not None], trial.id


@pytest.mark.parametrize("identifier", REVIEW)
def test_every_reported_trial_informs_the_fit(identifier: str) -> None:
    calibrating = [result for result in load_trial(identifier).results if result.role == "calibrate"]
    assert len(calibrating) >= (2 if identifier == "mdacc-hcvad-blina-ino" else 3)
    assert identifier == "golden-gate" or any(result.months is not None for result in calibrating)


def test_every_calibrating_number_was_reported_for_a_known_population() -> None:
    for trial in trials().values():
        for result in trial.results:
            if result.role != "context":
                assert result.population, (trial.id, result.id)
                assert sources()[result.source.ref].read_as != "label", (trial.id, result.id)


def test_a_missing_value_is_never_zero() -> None:
    """The NA cells are null; the zeros of the record are printed zeros."""
    zeros = {(trial.id, result.id) for trial in trials().values() for result in trial.results if result.value == 0.0}
    assert {("all08", "induction-death"), ("graall-2014", "crs"), ("golden-gate", "crs")} <= zeros
    assert not [key for key in zeros if key[0] in PROTOCOL_ONLY]
