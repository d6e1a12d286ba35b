"""Writing the first draft of a trial's file: what a registry record tells is filled in, everything else is null with a comment.

A draft is not yet a trial: it loads when every null outside `results` and `baseline` is filled. Text of a record stands in double
quotes or in comments, so that it can be nothing but text; the draft is read back, and refused unless it says what was put in.
"""

from __future__ import annotations

import json
import re
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator

from remission.base import files
from remission.base.errors import InvalidFile, UsageError
from remission.evidence.ctgov import Study, StudyArm, StudyOutcome

IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
WIDTH = 120

DEFINITIONS = {
    "CR": "kind: response, what: remission, among: enrolled",
    "MRD-": "kind: response, what: mrd, among: remission",
    "MR": "kind: response, what: molecular, among: enrolled",
    "CMR": "kind: response, what: molecular, among: enrolled",
    "OS": "kind: survival, from: start, events: [death], among: enrolled",
    "EFS": 'kind: survival, from: start, events: ["no remission", relapse, death], among: enrolled',
    "DFS": "kind: survival, from: remission, events: [relapse, death], among: remission",
    "RFS": "kind: survival, from: remission, events: [relapse, death], among: remission",
    "CRD": "kind: survival, from: remission, events: [relapse], among: remission, censor: [death]",
    "CRS3+": "kind: toxicity, what: crs3, among: enrolled",
    "NT3+": "kind: toxicity, what: nt3, among: enrolled",
    "induction death": "kind: early death, among: enrolled",
    "relapse": "kind: relapse, among: remission",
    "HSCT": "kind: transplant, among: enrolled",
}
"""Usual definitions of the endpoints, to be replaced by the trial's own."""

_BLANK = ("CR", "MRD-", "OS", "EFS", "CRS3+", "NT3+", "induction death")

_MEASURES = (
    ("OS", r"(?i:overall survival)|\bOS\b"),
    ("EFS", r"(?i:event[- ]free survival)|\bEFS\b"),
    ("DFS", r"(?i:(?:disease|leuka?emia)[- ]free survival)|\bDFS\b"),
    ("RFS", r"(?i:(?:relapse|recurrence)[- ]free survival)|\bRFS\b"),
    ("CRD", r"(?i:duration of (?:complete |continuous |first )*(?:remission|response)|(?:remission|response) duration)"),
    ("CMR", r"(?i:complete molecular (?:remission|response))|\bCMR\b"),
    ("MR", r"(?i:(?<!complete )molecular (?:remission|response))"),
    ("MRD-", r"(?i:(?:minimal|measurable) residual disease)|\bMRD\b"),
    ("CR", r"(?i:complete (?:ha?ematologic(?:al)? )?(?:remission|response)|remission rate)|\bCRi?\b"),
    ("CRS3+", r"(?i:cytokine release)|\bCRS\b"),
    ("NT3+", r"(?i:neurotoxicity|neurologic(?:al)? (?:event|adverse event|toxicit))"),
    ("induction death", r"(?i:(?:induction|early) (?:death|mortality))"),
    ("relapse", r"(?i:incidence of relapse|relapse (?:rate|incidence))"),
    ("HSCT", r"(?i:(?:stem cell|marrow) transplant)|\b(?:allo)?HSCT\b"),
)
"""How registries word the endpoints; whole words in other cases than the abbreviation's own do not count."""


def check_identifier(identifier: str) -> None:
    """Raises UsageError, with the nearest good id, unless the text can be the id of a trial."""
    if not IDENTIFIER.fullmatch(identifier):
        raise UsageError(f"{identifier[:60]!a} cannot be the id of a trial", where="ID",
                         why="an id has lower-case letters, digits and hyphens, at most 64, and begins with a letter or digit",
                         near=slug(identifier) or "my-trial", fix="choose another id")  # fmt: skip


def slug(text: str, longest: int = 64) -> str:
    """Text as an id: 'Arm A (Blinatumomab)' becomes 'arm-a-blinatumomab'; empty when nothing is left."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:longest].strip("-")


def blank_trial(identifier: str) -> str:
    """A trial's file with everything to be filled in. Raises UsageError when the id cannot be one."""
    check_identifier(identifier)
    lines = [
        *_comment(f"Draft of the trial '{identifier}'. Fill in every null of the head and of the design; a number that was looked for and "
                  "not found stays 'value: null' with 'status: not reported', never zero. CONTRIBUTING.md, \"Adding a trial\", explains "
                  "the keys. The regimen of each arm, its population and each source are files of their own. Then: remission check"),
        f"id: {_text(identifier)}",
        "title: null                # the name by which the trial is known",
        "registry: null             # e.g. NCT01234567",
        "summary: null              # phase, patients, what was done: one or two sentences",
        "sources: []                # ids of files in sources/, e.g. [smith-2022]",
        "",
        "design:                    # how the trial was run; it holds no result",
        "  status: null             # reported, or ongoing",
        "  source: {ref: null, at: null}",
        "  arms:",
        "    main:",
        "      title: null",
        *_arm_nulls(),
        "      enrolled: null       # number of patients",
        *_follow_up(),
        "  endpoints:               # the usual definitions; write the trial's own, and remove what it did not measure",
        *(f"    {name}: {{{DEFINITIONS[name]}}}" for name in _BLANK),
        "",
        *_baseline(["main"], None, "null, at: null"),
        *_results(["main"], _BLANK, "null, at: null"),
        "conflicts: []              # where sources disagree: id, about, readings, resolution, reason, values",
    ]  # fmt: skip
    return _verified("\n".join(lines) + "\n", identifier, None)


def trial_text(identifier: str, study: Study) -> str:
    """A trial's file with the design of a registry record. Raises UsageError or InvalidFile."""
    check_identifier(identifier)
    arms = arm_ids(study)
    named, other = endpoints(study)
    cite = f"{study.source_id}, at: record"
    lines = [
        *_comment(f"Draft of the trial '{identifier}' from the ClinicalTrials.gov record {study.nct}. Fill in every null of the design: "
                  "regimen and population of each arm are files of their own. The title is the record's brief title, the summary its "
                  "official title. Results are taken from dated publications, never from the registry. Then: remission check"),
        f"id: {_text(identifier)}",
        f"title: {_text(study.title)}",
        f"registry: {_text(study.nct)}",
        f"summary: {_text(study.official_title)}",
        f"sources: [{study.source_id}]    # add the publications",
        "",
        *_facts(study),
        "design:",
        f"  status: {'reported' if study.results_posted else 'ongoing'}    # reported, once results are published; or ongoing",
        f"  source: {{ref: {cite}}}",
        "  arms:",
        *(line for name, arm in arms.items() for line in _arm(name, arm, study)),
        *_follow_up(),
        "  endpoints:" + ("" if named else " {}"),
        *(line for name, outcomes in named.items() for line in _endpoint(name, outcomes)),
        *(["  # Outcomes of the record for which the catalog has no name:"] if other else []),
        *(line for outcome in other for line in _comment(_in_words(outcome), "  ")),
        "",
        *_eligibility(study),
        *_baseline(list(arms), study.enrolled, cite),
        *_results(list(arms), named, cite),
        "conflicts: []",
    ]  # fmt: skip
    return _verified("\n".join(lines) + "\n", identifier, study)


def source_text(study: Study, today: str) -> str:
    """The file of the registry record as a source; `today` is the date of reading, year-month-day."""
    updated = study.date("last update") or study.date("first posted")
    lines = [
        *_comment(f"The ClinicalTrials.gov record {study.nct} as a source: sources/{study.source_id}.yaml. 'published' is the date of the "
                  "version that was read."),
        f"id: {study.source_id}",
        f"title: {_text(study.official_title or study.title)}",
        f"authors: {_text(study.organisation)}",
        "where: ClinicalTrials.gov record",
        f"registry: {study.nct}",
        f"published: {_text(updated)}",
        f"read: {_text(today)}",
        "read_as: registry record",
    ]  # fmt: skip
    text = "\n".join(lines) + "\n"
    data = files.read_text(text, f"{study.source_id}.yaml").data
    if (data["title"], data["authors"]) != (study.official_title or study.title, study.organisation):
        raise _unwritable(study)
    return text


def arm_ids(study: Study) -> dict[str, StudyArm]:
    """The arms by ids made from their labels; `main` when there is one or none."""
    if len(study.arms) < 2:
        return {"main": study.arms[0] if study.arms else StudyArm("", None, None, ())}
    found: dict[str, StudyArm] = {}
    for index, arm in enumerate(study.arms, 1):
        name = slug(arm.label, 40)
        if not name[:1].isalpha() or name in ("null", "true", "false"):  # words that a file would read as something else
            name = f"arm-{name or index}"
        while name in found:
            name += f"-{index}"
        found[name] = arm
    return found


def endpoints(study: Study) -> tuple[dict[str, list[StudyOutcome]], list[StudyOutcome]]:
    """The outcomes by the names of their endpoints, and those that have none here."""
    named: dict[str, list[StudyOutcome]] = {}
    other: list[StudyOutcome] = []
    for outcome in study.outcomes:
        names = [name for name, pattern in _MEASURES if re.search(pattern, outcome.measure)]
        if "CRD" in names or "CMR" in names:
            names = [name for name in names if name != "CR"]
        for name in names:
            named.setdefault(name, []).append(outcome)
        if not names:
            other.append(outcome)
    return {name: named[name] for name in DEFINITIONS if name in named}, other


def note_of(outcomes: Iterable[StudyOutcome]) -> str:
    """What the record says of an endpoint: rank, measure and time frame of each outcome."""
    return "; ".join(f"{outcome.rank} outcome: {outcome.measure}" + (f" ({outcome.time_frame})" if outcome.time_frame else "")
                     for outcome in outcomes)  # fmt: skip


def _arm(name: str, arm: StudyArm, study: Study) -> Iterator[str]:
    yield f"    {name}:"
    yield from _comment("; ".join(part for part in (arm.type or "", *arm.interventions) if part), "      ")
    yield from _comment(arm.description or "", "      ")
    yield f"      title: {_text(arm.label or None)}"
    yield from _arm_nulls()
    alone = len(study.arms) < 2
    yield f"      enrolled: {study.enrolled if alone and study.enrolled else 'null'}" + _counted(study)


def _arm_nulls() -> list[str]:
    return ["      regimen: null        # id of a file in regimens/", "      population: null     # id of a file in populations/"]


def _counted(study: Study) -> str:
    kind = "enrolled" if study.enrolment_is_actual else "planned"
    return f"    # the record: {study.enrolled} {kind} in the trial" if study.enrolled else ""


def _follow_up() -> list[str]:
    return ["  follow_up: null          # {median: 24 mo, accrual: 24 mo, source: {ref: …, at: …}}"]


def _endpoint(name: str, outcomes: list[StudyOutcome]) -> Iterator[str]:
    yield f"    {name}:"
    for outcome in outcomes:
        yield from _comment(outcome.description or "", "      ")
    yield from (f"      {part}" for part in re.split(r", (?=\w+: )", DEFINITIONS[name]))
    yield f"      note: {_text(note_of(outcomes))}"
    yield "      assumed: the usual definition; compare it with the note and replace this line by a source"


def _facts(study: Study) -> Iterator[str]:
    told = [*study.facts, *([("status", study.status)] if study.status else []), *study.dates]
    if study.acronym:
        yield from _comment(f"acronym: {study.acronym}")
    if told:
        yield from _comment("; ".join(f"{name}: {value}" for name, value in told))
    if study.results_posted:
        yield from _comment("The registry says that results are posted. They are not copied: cite the publications.")


def _eligibility(study: Study) -> Iterator[str]:
    if study.limits or study.eligibility:
        limits = "; ".join(f"{name}: {value}" for name, value in study.limits)
        yield from _comment("Eligibility, for the regimens and the population" + (f" ({limits})" if limits else "") + ":")
        yield from _comment(study.eligibility or "", "  ")
        yield ""


def _baseline(arms: list[str], enrolled: int | None, cite: str) -> Iterator[str]:
    yield "baseline:                  # shares from 0 to 1, counts, or medians with their range"
    for arm in arms:
        count = str(enrolled) if enrolled and len(arms) == 1 else "null"
        for item in (f"item: patients, arm: {arm}, value: {count}", f"item: age, arm: {arm}, median: null, range: null, unit: y"):
            status = "reported" if "value: " in item and count != "null" else "not reported"
            yield f"  - {{{item}, status: {status}, source: {{ref: {cite}}}}}"
    yield ""


def _results(arms: list[str], names: Iterable[str], cite: str) -> Iterator[str]:
    rows = [(arm, name) for arm in arms for name in names]
    yield "results:                   # one row for each published number" if rows else "results: []"
    if rows:
        yield "  # at: months, or an assessment of the regimen; role: calibrate, validate or context; add n, lo95, hi95, assay, threshold"
    for arm, name in rows:
        identifier = slug(name.replace("MRD-", "mrd")) + (f"-{arm}" if len(arms) > 1 else "")
        yield f"  - {{id: {identifier}, arm: {arm}, endpoint: {name}, at: any, value: null, status: not reported, role: context,"
        yield f"     source: {{ref: {cite}}}}}"
    yield ""


def _in_words(outcome: StudyOutcome) -> str:
    return f"- {note_of([outcome])}" + (f": {outcome.description}" if outcome.description else "")


def _text(value: str | None) -> str:
    """Text as a double-quoted YAML scalar on one line, or null."""
    return "null" if value is None else json.dumps(value, ensure_ascii=False)


def _comment(text: str, indent: str = "") -> list[str]:
    """Text as comment lines; only '\\n' breaks lines, and each of them begins with '#'."""
    lines: list[str] = []
    for paragraph in text.replace("\t", " ").split("\n"):
        lines += textwrap.wrap(paragraph, WIDTH - len(indent) - 2, break_on_hyphens=False) or ([""] if text else [])
    return [f"{indent}# {line}".rstrip() for line in lines]


def _verified(text: str, identifier: str, study: Study | None) -> str:
    """The draft, once it has been read back and says what was put in."""
    data = files.read_text(text, f"{identifier}.yaml").data
    if data["id"] != identifier:
        raise UsageError(f"'{identifier}' cannot be the id of a trial", where="ID", fix="choose another id")
    if study is not None:
        named, _ = endpoints(study)
        put_in = (study.title, study.nct, study.official_title, [arm.label or None for arm in arm_ids(study).values()],
                  {name: note_of(outcomes) for name, outcomes in named.items()})  # fmt: skip
        design = data["design"]
        read_back = (data["title"], data["registry"], data["summary"], [arm["title"] for arm in design["arms"].values()],
                     {name: endpoint["note"] for name, endpoint in design["endpoints"].items()})  # fmt: skip
        if put_in != read_back or set(data) != _HEAD or set(design) != _DESIGN:
            raise _unwritable(study)
    return text


_HEAD = {"id", "title", "registry", "summary", "sources", "design", "baseline", "results", "conflicts"}
_DESIGN = {"status", "source", "arms", "follow_up", "endpoints"}


def _unwritable(study: Study) -> InvalidFile:
    return InvalidFile("the record holds text that cannot be written to a file", where=study.nct,
                       why="read back, the draft says something else", near="plain text",
                       fix="remove odd characters from its titles, arms and outcomes")  # fmt: skip
