"""Does a draft hold exactly what was put in, and does it load once it is filled?"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remission.base import files
from remission.base.errors import InvalidFile, UsageError
from remission.evidence import (
    Source,
    TrialEvidence,
    blank_trial,
    check_document,
    read_study,
    read_trial,
    source_text,
    trial_text,
)
from remission.evidence.ctgov import Study
from remission.evidence.model import ENDPOINTS
from remission.evidence.scaffold import DEFINITIONS, arm_ids, endpoints, note_of, slug

FIXTURES = Path(__file__).parent / "fixtures"
RECORDS = ("single-arm", "randomised", "ongoing", "minimal", "hostile")
EXACT = {"regimen: null": "regimen: s1318", "population: null": "population: s1318"}


def study_of(name: str) -> Study:
    return read_study((FIXTURES / f"{name}.json").read_bytes(), name)


def filled(text: str, **more: str) -> TrialEvidence:
    """The draft with what is missing filled in, loaded."""
    for old, new in {**EXACT, **more}.items():
        assert old in text, old
        text = text.replace(old, new)
    return read_trial(files.read_text(text, "draft.yaml"))


@pytest.mark.parametrize("name", ["single-arm", "randomised", "ongoing", "hostile"])
def test_a_draft_from_a_record_loads_once_regimens_and_populations_are_named(name: str) -> None:
    study = study_of(name)
    text = trial_text("my-trial", study)
    more = {} if study.official_title else {"summary: null": "summary: a trial"}
    trial = filled(text, **more)
    assert (trial.id, trial.title, trial.registry) == ("my-trial", study.title, study.nct)
    assert trial.summary == (study.official_title or "a trial")
    assert [arm.title for arm in trial.design.arms.values()] == [arm.label for arm in study.arms]
    assert all(result.value is None and result.status == "not reported" and result.role == "context" for result in trial.results)
    assert set(trial.design.endpoints) <= set(ENDPOINTS)
    assert len(trial.results) == len(trial.design.arms) * len(trial.design.endpoints)
    assert trial.sources == (study.source_id,)


def test_the_only_finding_of_a_filled_draft_is_that_its_source_is_not_in_the_catalog_yet() -> None:
    text = trial_text("my-trial", study_of("single-arm"))
    for old, new in EXACT.items():
        text = text.replace(old, new)
    found = check_document(files.read_text(text, "draft.yaml"), "my-trial")
    assert {finding.cause for finding in found} == {"unknown source 'nct90000001'"}


def test_a_filled_draft_with_a_known_source_has_no_findings() -> None:
    text = trial_text("my-trial", study_of("single-arm"))
    for old, new in {**EXACT, "nct90000001": "nct02003222"}.items():
        text = text.replace(old, new)
    assert check_document(files.read_text(text, "draft.yaml"), "my-trial") == ()


def test_a_blank_draft_loads_once_filled() -> None:
    trial = filled(
        blank_trial("my-trial"),
        **{
            "title: null  ": "title: Mine  ",
            "summary: null": "summary: A trial of mine.",
            "sources: []": "sources: [advani-2022]",
            "status: null": "status: ongoing",
            "ref: null, at: null": "ref: advani-2022, at: abstract",
        },
    )
    assert trial.id == "my-trial"
    assert [result.endpoint for result in trial.results] == list(trial.design.endpoints)
    assert all(result.value is None and result.status == "not reported" for result in trial.results)
    assert all(item.value is None and item.status == "not reported" for item in trial.baseline)


def test_a_draft_that_is_not_filled_says_what_is_missing() -> None:
    text = trial_text("my-trial", study_of("single-arm"))
    with pytest.raises(InvalidFile) as caught:
        read_trial(files.read_text(text, "draft.yaml"))
    line = text[: text.index("regimen: null")].count("\n") + 1
    assert caught.value.where == f"draft.yaml:{line}"
    assert "regimen" in caught.value.what


def test_the_source_of_a_record_loads() -> None:
    source = files.parse(files.read_text(source_text(study_of("single-arm"), "2026-11-22"), "source.yaml"), Source)
    assert (source.id, source.registry, source.published) == ("nct90000001", "NCT90000001", "2022-03-15")
    assert (source.read, source.read_as, source.where) == ("2026-11-22", "registry record", "ClinicalTrials.gov record")
    assert source.authors == "Example Leukaemia Group"


def test_enrolment_belongs_to_the_arm_when_there_is_one_and_is_only_told_when_there_are_more() -> None:
    alone = filled(trial_text("t", study_of("single-arm")))
    assert alone.design.arms["main"].enrolled == 34
    assert next((item.item, item.value) for item in alone.baseline) == ("patients", 34)
    text = trial_text("t", study_of("randomised"))
    assert {arm.enrolled for arm in filled(text).design.arms.values()} == {None}
    assert "# the record: 488 enrolled in the trial" in text
    assert "# the record: 348 planned in the trial" in trial_text("t", study_of("ongoing"))


def test_arms_get_ids_that_a_file_reads_as_words() -> None:
    assert list(arm_ids(study_of("ongoing"))) == ["arm-1", "arm-null", "arm-1e5", "x", "x-5", "comment-not-one"]


def test_outcomes_become_endpoints_by_their_words() -> None:
    named, other = endpoints(study_of("randomised"))
    assert set(named) == {"OS", "RFS", "CRD", "CRS3+", "NT3+", "induction death", "relapse", "HSCT"}
    assert other == []
    named, other = endpoints(study_of("single-arm"))
    assert {name: len(outcomes) for name, outcomes in named.items()} == {"CR": 2, "MRD-": 1, "OS": 1, "EFS": 1}
    assert [outcome.measure for outcome in other] == ["Quality of life"]
    assert set(DEFINITIONS) <= set(ENDPOINTS)


def test_no_result_of_the_registry_is_copied() -> None:
    text = trial_text("t", study_of("single-arm"))
    assert "results are posted" in text
    assert "98.7" not in text
    assert "99.9" not in text


def test_eligibility_stands_in_comments() -> None:
    text = trial_text("t", study_of("single-arm"))
    assert "  # * CD22-positive: 20% or more of blasts" in text
    assert "# Eligibility, for the regimens and the population (sex: ALL; from: 60 Years):" in text


def test_text_that_looks_like_yaml_stays_text() -> None:
    data = files.read_text(trial_text("t", study_of("hostile")), "t").data
    assert data["id"] == "t"
    assert data["title"] == 'x"\nid: other\nresults:\n  - {value: 1}'
    assert data["conflicts"] == []
    assert set(data["design"]["arms"]) == {"a-b-evil-regimen-x", "arm-2"}
    assert data["design"]["status"] == "ongoing"


UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]")
YAMLISH = st.text(alphabet=st.sampled_from("ab:-#'\"\\{}[],&*!|>%@`?~<= \n\t0u\u00a0é漢😀"), max_size=40)
ANY = st.text(max_size=40) | YAMLISH | st.text(alphabet=st.characters(), max_size=10)


def data_of(title: str, official: str, labels: list[str], measures: list[tuple[str, str]], long: str) -> dict[str, Any]:
    return {
        "protocolSection": {
            "identificationModule": {"nctId": "NCT90000009", "briefTitle": title, "officialTitle": official,
                                     "organization": {"fullName": title}, "acronym": official},
            "statusModule": {"overallStatus": title},
            "designModule": {"phases": [official]},
            "armsInterventionsModule": {"armGroups": [{"label": label, "description": long, "interventionNames": [title]}
                                                      for label in labels]},
            "outcomesModule": {"primaryOutcomes": [{"measure": measure, "timeFrame": frame, "description": long}
                                                   for measure, frame in measures]},
            "eligibilityModule": {"eligibilityCriteria": long, "sex": title},
        }
    }  # fmt: skip


MEASURE = st.sampled_from(["", "Overall survival ", "MRD "]).flatmap(lambda head: ANY.map(head.__add__))


@given(
    title=ANY,
    official=ANY,
    labels=st.lists(ANY, max_size=4),
    measures=st.lists(st.tuples(MEASURE, ANY), max_size=3),
    long=st.text(max_size=300) | YAMLISH,
)
@settings(max_examples=400, deadline=None)
def test_any_text_comes_back_exactly_or_is_refused(
    title: str, official: str, labels: list[str], measures: list[tuple[str, str]], long: str
) -> None:
    raw = json.dumps(data_of(title, official, labels, measures, long)).encode()
    texts = [title, official, *labels, *(part for measure in measures for part in measure), *([long.replace("\r\n", "\n")])]
    odd = any(UNSEEN.search(text) for text in texts) or "" in labels or any(not measure for measure, _ in measures)
    try:
        study = read_study(raw)
        text = trial_text("my-trial", study)
        source = source_text(study, "2026-11-22")
    except InvalidFile:
        assert odd
        return
    data = files.read_text(text, "draft").data
    assert (data["id"], data["title"], data["summary"]) == ("my-trial", title or None, official or None)
    assert [arm["title"] for arm in data["design"]["arms"].values()] == (labels or [None])
    named, _ = endpoints(study)
    assert {name: item["note"] for name, item in data["design"]["endpoints"].items()} == {
        name: note_of(outcomes) for name, outcomes in named.items()
    }
    assert set(data) == {"id", "title", "registry", "summary", "sources", "design", "baseline", "results", "conflicts"}
    assert files.read_text(source, "source").data["authors"] == (title or None)
    trial = filled(text, **({} if title else {"title: null": "title: T"}) | ({} if official else {"summary: null": "summary: S"}))
    assert [arm.title for arm in trial.design.arms.values()] == (labels or ([None] if title else ["T"]))


@pytest.mark.parametrize("identifier", ["", "Mine", "a/b", "../x", "-x", "x" * 65, "a b", "x.yaml", "é", "a\n"])
def test_ids_that_cannot_be_are_refused_with_one_that_can(identifier: str) -> None:
    with pytest.raises(UsageError) as caught:
        blank_trial(identifier)
    assert set(caught.value.parts()) == {"what", "where", "why", "near", "fix"}
    assert blank_trial(caught.value.near)


@pytest.mark.parametrize("identifier", ["123", "1e5", "null", "true", "0"])
def test_ids_that_look_like_numbers_stay_words(identifier: str) -> None:
    assert files.read_text(blank_trial(identifier), "x").data["id"] == identifier


def test_slugs() -> None:
    assert slug("Arm A (Blinatumomab)") == "arm-a-blinatumomab"
    assert slug("漢字") == ""
    assert slug("é" * 100) == "e" * 64
