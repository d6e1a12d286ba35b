"""Reading a study record of ClinicalTrials.gov (API version 2, one study as JSON) that may be malformed or hostile.

Only what says how a trial was planned is taken: `protocolSection` with its identification, status, design, arms, outcome
definitions and eligibility. Of results only the fact that some are posted is noted; `resultsSection` is never read, because
outcomes enter the record from dated publications alone (see CONTRIBUTING.md, "Adding a trial").

    read_study(raw).nct      # 'NCT04994717'
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from remission.base.errors import InvalidFile, Problem
from remission.evidence.dates import earliest

MAX_BYTES = 5 * 1024 * 1024
MAX_DEPTH = 40
MAX_ARMS = 64
MAX_OUTCOMES = 400
MAX_LINE = 4_000
MAX_TEXT = 60_000

_NCT = re.compile(r"NCT[0-9]{8}")
# Control characters, those that turn or break lines unseen, halves of surrogate pairs, and code points that are no characters.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]")
_KINDS: dict[type, str] = {str: "text", int: "a whole number", bool: "true or false", dict: "a mapping", list: "a list",
                           float: "a decimal number", type(None): "null"}  # fmt: skip
_FIX = "download the record again: https://clinicaltrials.gov/api/v2/studies/NCT…"


@dataclass(frozen=True)
class StudyArm:
    """One arm group as registered."""

    label: str
    type: str | None
    description: str | None
    interventions: tuple[str, ...]


@dataclass(frozen=True)
class StudyOutcome:
    """One outcome as defined in the registry, never its result; `rank` is primary, secondary or other."""

    rank: str
    measure: str
    description: str | None
    time_frame: str | None


@dataclass(frozen=True)
class Study:
    """The design part of a registry record. `enrolled` is a number of patients, actual or planned."""

    nct: str
    title: str | None
    official_title: str | None
    acronym: str | None
    organisation: str | None
    status: str | None
    dates: tuple[tuple[str, str], ...]
    facts: tuple[tuple[str, str], ...]
    enrolled: int | None
    enrolment_is_actual: bool
    arms: tuple[StudyArm, ...]
    outcomes: tuple[StudyOutcome, ...]
    eligibility: str | None
    limits: tuple[tuple[str, str], ...]
    results_posted: bool

    @property
    def source_id(self) -> str:
        """Id of the record as a source of the catalog: the registry number in lower case."""
        return self.nct.lower()

    def date(self, name: str) -> str | None:
        """A date of the record by its name, e.g. 'last update', as year, month or day."""
        return dict(self.dates).get(name)


def read_study(raw: bytes, shown: str = "<record>") -> Study:
    """Read one record; `shown` names it in messages. Raises InvalidFile with the place of the first fault."""
    return _Record(_load(raw, shown), shown).study()


def _load(raw: bytes, shown: str) -> dict[str, Any]:
    """Plain data from the bytes of a JSON file, within limits of size and depth."""
    def refuse(what: str, why: str, line: int = 1, fix: str = _FIX) -> InvalidFile:
        return InvalidFile(what, where=f"{shown}:{line}", why=why, near="one study record as JSON", fix=fix)

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) < len(items):
            names = [name for name, _ in items]
            twice = next(name for index, name in enumerate(names) if name in names[:index])
            raise refuse(f"the key {_quoted(twice)} stands twice in one object", "each key may be given once")
        return found

    def constant(name: str) -> Any:
        raise refuse(f"{name} is not a number of JSON", "numbers are finite")

    if len(raw) > MAX_BYTES:
        raise refuse("the record is too large", f"at most {MAX_BYTES} bytes (5 MiB) are read",
                     fix="remove its resultsSection, which is not read, and its documentSection")  # fmt: skip
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refuse("the record is not UTF-8 text", f"byte {error.start} is invalid", raw[: error.start].count(b"\n") + 1) from None
    try:
        data = json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
    except json.JSONDecodeError as error:
        raise refuse("the record is not valid JSON", error.msg[:120], error.lineno) from None
    except RecursionError:
        raise refuse("the record is nested too deeply", f"at most {MAX_DEPTH} levels are read") from None
    except ValueError as error:
        raise refuse("the record is not valid JSON", str(error)[:120]) from None
    if _deeper(data, MAX_DEPTH):
        raise refuse("the record is nested too deeply", f"at most {MAX_DEPTH} levels are read")
    if not isinstance(data, dict):
        raise refuse("the file is not a study record", f"an object is expected, found {_KINDS[type(data)]}")
    if "protocolSection" not in data:
        like = "a list of studies" if "studies" in data else "a record of API version 1" if "Study" in text[:200] else "another object"
        raise refuse("the file is not a study record", f"it has no protocolSection; it looks like {like}")
    return data


def _deeper(data: Any, limit: int) -> bool:
    """Whether data is nested more deeply than `limit` levels; looked at level by level, so that depth costs no stack."""
    level = [data]
    for _ in range(limit):
        level = [inner for item in level for inner in (item.values() if isinstance(item, dict) else item if isinstance(item, list) else ())]
        if not level:
            return False
    return True


class _Record:
    """Takes typed values out of a record; every fault names its place."""

    def __init__(self, data: dict[str, Any], shown: str, base: str = "") -> None:
        self.data, self.shown, self.base = data, shown, base

    def study(self) -> Study:
        """The whole record as a value."""
        nct = self.nct()
        identification, design = "protocolSection.identificationModule", "protocolSection.designModule"
        count = self.number(f"{design}.enrollmentInfo.count")
        kind = self.line(f"{design}.enrollmentInfo.type")
        return Study(
            nct=nct,
            title=self.line(f"{identification}.briefTitle"),
            official_title=self.line(f"{identification}.officialTitle"),
            acronym=self.line(f"{identification}.acronym"),
            organisation=self.line(f"{identification}.organization.fullName"),
            status=self.line("protocolSection.statusModule.overallStatus"),
            dates=tuple(self.dates()),
            facts=tuple(self.facts(design)),
            enrolled=count or None,
            enrolment_is_actual=kind == "ACTUAL",
            arms=tuple(self.arms()),
            outcomes=tuple(self.outcomes()),
            eligibility=self.text("protocolSection.eligibilityModule.eligibilityCriteria"),
            limits=tuple(self.limits()),
            results_posted=self.results_posted(),
        )

    def refuse(self, place: str, what: str, why: str, near: str, fix: str = _FIX) -> InvalidFile:
        return InvalidFile(what, where=f"{self.shown}: {self.base}{place}", why=why, near=near, fix=fix)

    def nct(self) -> str:
        place = "protocolSection.identificationModule.nctId"
        found: str | None = self.get(place, str)
        if found is None:
            raise self.refuse(place, "the registry number is missing", "the trial and its source are cited by it", "NCT01234567")
        if not _NCT.fullmatch(found):
            digits = re.fullmatch(r"\s*(?:nct)?[\s-]*([0-9]{8})\s*", found, re.IGNORECASE)
            raise self.refuse(place, f"{_quoted(found)} is not a registry number", "a registry number is NCT and eight digits",
                              f"NCT{digits[1]}" if digits else "NCT01234567", "correct nctId")  # fmt: skip
        return found

    def get(self, place: str, kind: type) -> Any:
        """The value at a dotted place, or None when it or an enclosing part is not there. Raises InvalidFile for another type."""
        value: Any = self.data
        walked: list[str] = []
        for name in place.split("."):
            if not isinstance(value, dict):
                raise self.mistyped(".".join(walked), dict, value)
            if value.get(name) is None:
                return None
            value = value[name]
            walked.append(name)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.mistyped(place, kind, value)
        return value

    def mistyped(self, place: str, kind: type, value: Any) -> InvalidFile:
        shown = "" if isinstance(value, (dict, list)) else f": {_quoted(value)}"
        return self.refuse(place, f"{_KINDS[kind]} is expected here", f"found {_KINDS[type(value)]}{shown}", _KINDS[kind])

    def line(self, place: str) -> str | None:
        """A short text."""
        return self.checked(place, self.get(place, str), MAX_LINE)

    def text(self, place: str) -> str | None:
        """A longer text of several lines."""
        found = self.get(place, str)
        return self.checked(place, None if found is None else found.replace("\r\n", "\n"), MAX_TEXT)

    def checked(self, place: str, text: str | None, limit: int) -> str | None:
        if text is None:
            return None
        if len(text) > limit:
            raise self.refuse(place, "the text is too long", f"at most {limit} characters are read, found {len(text)}",
                              f"{limit} characters", "shorten it")  # fmt: skip
        unseen = _UNSEEN.search(text)
        if unseen:
            raise self.refuse(place, "the text holds a control character", f"{unseen[0]!a} cannot be seen or breaks lines",
                              _quoted(_UNSEEN.sub("", text)), "remove it")  # fmt: skip
        return text or None

    def number(self, place: str) -> int | None:
        """A count of patients."""
        found: int | None = self.get(place, int)
        if found is not None and not 0 <= found <= 10_000_000:
            near = "0" if found < 0 else "10000000"
            raise self.refuse(place, f"{_quoted(found)} is not a number of patients", "it lies outside 0 to 10000000", near, "correct it")
        return found

    def objects(self, place: str, most: int) -> Iterator[tuple[str, _Record]]:
        """The mappings of a list, each as a record of its own, with their places."""
        found = self.get(place, list) or []
        if len(found) > most:
            raise self.refuse(place, "the list is too long", f"at most {most} entries are read, found {len(found)}",
                              f"{most} entries", "shorten it")  # fmt: skip
        for index, item in enumerate(found):
            here = f"{place}.{index}"
            if not isinstance(item, dict):
                raise self.mistyped(here, dict, item)
            yield here, _Record(item, self.shown, f"{here}.")

    def words(self, place: str) -> tuple[str, ...]:
        """A list of short texts."""
        found = self.get(place, list) or []
        if len(found) > MAX_OUTCOMES:
            raise self.refuse(place, "the list is too long", f"at most {MAX_OUTCOMES} entries are read, found {len(found)}",
                              f"{MAX_OUTCOMES} entries", "shorten it")  # fmt: skip
        for index, item in enumerate(found):
            if not isinstance(item, str):
                raise self.mistyped(f"{place}.{index}", str, item)
        return tuple(text for index, item in enumerate(found) if (text := self.checked(f"{place}.{index}", item, MAX_LINE)))

    def dates(self) -> Iterator[tuple[str, str]]:
        names = {"start": "startDateStruct", "primary completion": "primaryCompletionDateStruct", "completion": "completionDateStruct",
                 "first posted": "studyFirstPostDateStruct", "last update": "lastUpdatePostDateStruct"}  # fmt: skip
        for name, module in names.items():
            place = f"protocolSection.statusModule.{module}.date"
            found = self.line(place)
            if found is not None:
                try:
                    earliest(found)
                except Problem as problem:
                    why = problem.why or "a date is year-month-day"
                    raise self.refuse(place, problem.what, why, "2017-11-30", "correct the date") from None
                yield name, found

    def facts(self, design: str) -> Iterator[tuple[str, str]]:
        yield from self.named("study type", f"{design}.studyType")
        phases = self.words(f"{design}.phases")
        if phases:
            yield "phase", ", ".join(phases)
        for name, key in {"allocation": "allocation", "model": "interventionModel", "purpose": "primaryPurpose"}.items():
            yield from self.named(name, f"{design}.designInfo.{key}")
        yield from self.named("masking", f"{design}.designInfo.maskingInfo.masking")

    def limits(self) -> Iterator[tuple[str, str]]:
        for name, key in {"sex": "sex", "from": "minimumAge", "to": "maximumAge"}.items():
            yield from self.named(name, f"protocolSection.eligibilityModule.{key}")

    def named(self, name: str, place: str) -> Iterator[tuple[str, str]]:
        found = self.line(place)
        if found is not None:
            yield name, found

    def arms(self) -> Iterator[StudyArm]:
        for place, item in self.objects("protocolSection.armsInterventionsModule.armGroups", MAX_ARMS):
            label = item.line("label")
            if label is None:
                raise self.refuse(f"{place}.label", "the arm has no label", "arms are told apart by their labels", "Arm A", "add the label")
            yield StudyArm(label, item.line("type"), item.text("description"), item.words("interventionNames"))

    def outcomes(self) -> Iterator[StudyOutcome]:
        left = MAX_OUTCOMES
        for rank in ("primary", "secondary", "other"):
            for place, item in self.objects(f"protocolSection.outcomesModule.{rank}Outcomes", left):
                left -= 1
                measure = item.line("measure")
                if measure is None:
                    raise self.refuse(f"{place}.measure", "the outcome has no measure", "outcomes are named by their measures",
                                      "Overall survival", "add the measure")  # fmt: skip
                yield StudyOutcome(rank, measure, item.text("description"), item.line("timeFrame"))

    def results_posted(self) -> bool:
        """Only the fact: what was found is never looked at."""
        return bool(self.get("hasResults", bool)) or self.data.get("resultsSection") is not None


def _quoted(value: Any) -> str:
    """A value as it may be shown in a message: short, on one line, nothing unseen."""
    return ascii(value)[:60]
