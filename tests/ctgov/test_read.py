"""Is a registry record read for what was planned, and refused when it is malformed or hostile?"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remission.base.errors import InvalidFile
from remission.evidence import read_study
from remission.evidence.ctgov import MAX_BYTES, MAX_DEPTH

FIXTURES = Path(__file__).parent / "fixtures"
INVALID = sorted((FIXTURES / "invalid").glob("*.json"))
MINIMAL: dict[str, Any] = {"protocolSection": {"identificationModule": {"nctId": "NCT90000009"}}}


def record(name: str) -> bytes:
    return (FIXTURES / f"{name}.json").read_bytes()


def with_value(place: str, value: Any) -> bytes:
    """The minimal record with a value at a dotted place."""
    data = copy.deepcopy(MINIMAL)
    node = data
    *path, last = place.split(".")
    for name in path:
        node = node.setdefault(name, {})
    node[last] = value
    return json.dumps(data).encode()


def test_the_design_of_a_record_is_read() -> None:
    study = read_study(record("single-arm"))
    assert study.nct == "NCT90000001"
    assert study.source_id == "nct90000001"
    assert study.title == "Example Antibody After Debulking in Older Adults With B-ALL"
    assert study.official_title is not None
    assert study.official_title.endswith('"EX-1", Cohort #1')
    assert (study.enrolled, study.enrolment_is_actual) == (34, True)
    [arm] = study.arms
    assert (arm.label, arm.interventions) == ("Antibody", ("Drug: Example antibody", "Drug: Dexamethasone"))
    assert arm.description == "Induction: two courses of debulking.\nConsolidation: four cycles of 28 days."
    assert [(outcome.rank, outcome.measure, outcome.time_frame) for outcome in study.outcomes[:2]] == [
        ("primary", "Event-free survival (EFS)", "1 year"),
        ("secondary", "Overall survival", "Up to 5 years"),
    ]
    assert study.date("last update") == "2022-03-15"
    assert study.limits == (("sex", "ALL"), ("from", "60 Years"))
    assert study.eligibility is not None
    assert "* CD22-positive" in study.eligibility


def test_of_results_only_the_fact_is_read() -> None:
    study = read_study(record("single-arm"))
    assert study.results_posted
    assert "98.7" not in repr(study)
    assert "99.9" not in repr(study)
    assert not read_study(record("randomised")).results_posted


def test_results_in_any_shape_are_not_looked_at() -> None:
    assert read_study(with_value("resultsSection", {"adverse": [1, None, "\x07"]})).results_posted
    assert read_study(with_value("resultsSection", "anything")).results_posted
    assert not read_study(with_value("resultsSection", None)).results_posted


def test_a_record_may_say_almost_nothing() -> None:
    study = read_study(record("minimal"))
    assert (study.title, study.arms, study.outcomes, study.enrolled) == (None, (), (), None)


def test_a_byte_order_mark_is_no_fault() -> None:
    assert read_study(b"\xef\xbb\xbf" + record("minimal")).nct == "NCT90000004"


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_invalid_records_are_refused_in_five_parts(path: Path) -> None:
    with pytest.raises(InvalidFile) as caught:
        read_study(path.read_bytes(), path.name)
    assert set(caught.value.parts()) == {"what", "where", "why", "near", "fix"}
    assert caught.value.where.startswith(path.name)
    assert caught.value.exit_code == 4
    assert str(caught.value).isprintable() or all(line.isprintable() for line in str(caught.value).split("\n"))
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize(
    ("name", "where", "what"),
    [
        ("no-registry-number", "protocolSection.identificationModule.nctId", "the registry number is missing"),
        ("registry-number-short", "protocolSection.identificationModule.nctId", "'NCT123' is not a registry number"),
        ("title-is-a-list", "protocolSection.identificationModule.briefTitle", "text is expected here"),
        ("arm-is-text", "protocolSection.armsInterventionsModule.armGroups.0", "a mapping is expected here"),
        ("arm-without-label", "protocolSection.armsInterventionsModule.armGroups.0.label", "the arm has no label"),
        ("enrolment-is-true", "protocolSection.designModule.enrollmentInfo.count", "a whole number is expected here"),
        ("list-of-studies", "1", "the file is not a study record"),
        ("cut-off", "2", "the record is not valid JSON"),
        ("key-twice", "1", "the key 'nctId' stands twice in one object"),
    ],
)
def test_the_message_names_place_and_fault(name: str, where: str, what: str) -> None:
    with pytest.raises(InvalidFile) as caught:
        read_study((FIXTURES / "invalid" / f"{name}.json").read_bytes(), "x")
    assert caught.value.where.removeprefix("x:").strip() == where
    assert caught.value.what == what


def test_the_nearest_registry_number_is_offered() -> None:
    with pytest.raises(InvalidFile) as caught:
        read_study((FIXTURES / "invalid" / "registry-number-spaced.json").read_bytes())
    assert caught.value.near == "NCT01234567"


def test_records_above_the_limit_are_refused() -> None:
    allowed = with_value("resultsSection", "")
    padding = b" " * (MAX_BYTES - len(allowed))
    assert read_study(allowed + padding).nct == "NCT90000009"
    with pytest.raises(InvalidFile, match="too large"):
        read_study(allowed + padding + b" ")


@pytest.mark.parametrize("depth", [MAX_DEPTH, 5_000, 1_000_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":[', "]}")])
def test_deep_nesting_is_refused(depth: int, opening: str, closing: str) -> None:
    many = depth // len(opening) if depth > MAX_DEPTH else depth
    with pytest.raises(InvalidFile, match="nested too deeply"):
        read_study(f'{{"protocolSection": {{}}, "x": {opening * many}{closing * many}}}'.encode())


def test_nesting_within_the_limit_is_read() -> None:
    inner: Any = 1
    for _ in range(MAX_DEPTH - 2):  # the record itself is one level, the number another
        inner = [inner]
    assert read_study(with_value("x", inner)).nct == "NCT90000009"
    with pytest.raises(InvalidFile, match="nested too deeply"):
        read_study(with_value("x", [inner]))


def test_a_number_of_many_digits_is_refused() -> None:
    with pytest.raises(InvalidFile, match="not valid JSON"):
        read_study(b'{"protocolSection": {}, "x": ' + b"9" * 100_000 + b"}")


PLACES = [
    "protocolSection", "protocolSection.identificationModule", "protocolSection.identificationModule.briefTitle",
    "protocolSection.identificationModule.organization", "protocolSection.statusModule.overallStatus",
    "protocolSection.statusModule.startDateStruct", "protocolSection.designModule.phases",
    "protocolSection.designModule.designInfo.maskingInfo", "protocolSection.designModule.enrollmentInfo.count",
    "protocolSection.armsInterventionsModule.armGroups", "protocolSection.outcomesModule.secondaryOutcomes",
    "protocolSection.eligibilityModule.eligibilityCriteria", "protocolSection.eligibilityModule.sex", "hasResults", "resultsSection",
]  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["label", "measure", "date", "x"]), inner, max_size=3),
    max_leaves=8,
)


@given(place=st.sampled_from(PLACES), value=JSON)
@settings(max_examples=300, deadline=None)
def test_whatever_stands_where_it_is_read_or_refused(place: str, value: Any) -> None:
    parts = {"what", "where", "why", "near", "fix"}
    try:
        read_study(with_value(place, value))
    except InvalidFile as error:
        parts = set(error.parts())
    assert parts == {"what", "where", "why", "near", "fix"}


@given(raw=st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_bytes_that_are_no_record_are_refused(raw: bytes) -> None:
    with pytest.raises(InvalidFile):
        read_study(raw)
