"""Arithmetic, sources, conflicts and dates of the evidence; findings say where, what is wrong, what to do."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations

from remission.base import catalog, files
from remission.base.errors import Problem, RemissionError, nearest
from remission.base.files import Document, Place
from remission.evidence.dates import CUT_OFF, earliest, latest
from remission.evidence.intervals import PROPORTION_METHODS, Z95
from remission.evidence.library import load_source, read_trial, sources
from remission.evidence.model import OTHER_SURVIVAL, SURVIVAL, Baseline, Cite, Result, TrialEvidence
from remission.protocol import load_regimen
from remission.protocol.conditions import negate

METHOD_TOLERANCE = 0.011
"""Slack between a published interval and its method, beyond rounding: one percentage point."""
NARROWEST = 0.8
"""A survival interval may be this much narrower than that of as many patients without censoring, not more."""


@dataclass(frozen=True)
class Finding:
    """One broken rule: file, line, cause, cure."""

    file: str
    line: int
    rule: str
    cause: str
    cure: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.cause}\n  cure: {self.cure}"


def check_evidence() -> tuple[Finding, ...]:
    """Check every source and every trial of the catalog."""
    found: list[Finding] = []
    for identifier in catalog.ids("sources"):
        found += check_source(identifier)
    for identifier in catalog.ids("trials"):
        found += check_document(files.read(catalog.path("trials", identifier)), identifier)
    return tuple(found)


def check_source(identifier: str) -> tuple[Finding, ...]:
    """Check one source file of the catalog."""
    path = str(catalog.path("sources", identifier))
    try:
        source = load_source(identifier)
    except RemissionError as error:
        return (_unreadable(error, path),)
    if source.id != identifier:
        return (
            Finding(
                files.shown_path(path),
                1,
                "id",
                f"the file {identifier}.yaml says 'id: {source.id}'",
                "make the two agree",
            ),
        )
    return ()


def check_document(document: Document, identifier: str | None = None) -> tuple[Finding, ...]:
    """Check one trial's document; a file that cannot be read at all is one finding."""
    try:
        trial = read_trial(document)
    except RemissionError as error:
        return (_unreadable(error, document.path),)
    checker = _Checker(trial, document)
    if identifier is not None and trial.id != identifier:
        checker.add(("id",), "id", f"the file {identifier}.yaml says 'id: {trial.id}'", "make the two agree")
    return tuple(checker.run())


def _unreadable(error: RemissionError, path: str) -> Finding:
    file, _, line = error.where.rpartition(":")
    known = line.isdigit() and bool(file)
    return Finding(
        file if known else files.shown_path(path),
        int(line) if known else 1,
        "unreadable",
        f"{error.what}" + (f" ({error.why})" if error.why else ""),
        error.fix or "correct the file",
    )


def decimals(value: float) -> int:
    """Decimals to which a fraction was published; at least two, for whole percent."""
    exponent = Decimal(repr(value)).as_tuple().exponent
    return max(2, -exponent if isinstance(exponent, int) else 2)


def matches_count(value: float, events: int, n: int) -> bool:
    """Whether `events` of `n` rounds to the published fraction.

    >>> matches_count(0.81, 395, 488), matches_count(0.31, 8, 25)
    (True, False)
    """
    half_unit = 0.5 / 10.0 ** decimals(value)
    return abs(events / n - value) <= half_unit + 1e-9


def possible_counts(value: float, n: int) -> tuple[int, ...]:
    """Whole numbers of `n` that round to the published fraction."""
    half_unit = 0.5 / 10.0 ** decimals(value)
    first, last = math.floor((value - half_unit) * n), math.ceil((value + half_unit) * n)
    return tuple(k for k in range(max(0, first), min(n, last) + 1) if matches_count(value, k, n))


class _Checker:
    """Collects the findings of one trial."""

    def __init__(self, trial: TrialEvidence, document: Document) -> None:
        self.trial, self.document = trial, document
        self.found: list[Finding] = []
        self.assessments: dict[str, frozenset[str] | None] = {}

    def add(self, place: Place, rule: str, cause: str, cure: str) -> None:
        self.found.append(Finding(self.document.path, self.document.line(place), rule, cause, cure))

    def run(self) -> Iterator[Finding]:
        for index, result in enumerate(self.trial.results):
            place = ("results", index)
            self.counts(result, place)
            self.interval(result, place)
            self.assay(result, place)
            self.dates(result, place)
            self.predictable(result, place)
        for index, item in enumerate(self.trial.baseline):
            self.baseline(item, ("baseline", index))
        self.subgroups()
        self.cited()
        self.disputes()
        return iter(sorted(self.found, key=lambda finding: finding.line))

    def counts(self, result: Result, place: Place) -> None:
        value, n = result.value, result.n
        if result.measure != "fraction" or value is None or n is None or result.status == "disputed":
            return
        if result.numerator is not None:
            if not matches_count(value, result.numerator, n):
                self.add(
                    (*place, "value"),
                    "counts",
                    f"{result.id}: {value:g} is not {result.numerator} of {n} ({result.numerator / n:.4f})",
                    "correct the value or the counts, or set 'status: disputed' and name a conflict",
                )
        elif not _is_survival(result) and not possible_counts(value, n):
            self.add(
                (*place, "value"),
                "counts",
                f"{result.id}: no whole number of {n} rounds to {value:g}",
                "the denominator is another: remove n, or set 'status: disputed' and name a conflict",
            )

    def interval(self, result: Result, place: Place) -> None:
        low, high, value = result.lo95, result.hi95, result.value
        if result.measure == "fraction" and (low is None) != (high is None):
            self.add(
                place,
                "interval",
                f"{result.id}: one limit of the interval is missing",
                "give both lo95 and hi95",
            )
        if low is None or high is None or value is None or result.measure != "fraction" or result.status == "disputed":
            return
        if _is_survival(result):
            width = 2 * Z95 * math.sqrt(value * (1 - value) / result.n) if result.n else 0.0
            if high - low < NARROWEST * width - 0.01:
                self.add(
                    (*place, "lo95"),
                    "interval",
                    f"{result.id}: the interval {low:g} to {high:g} is too narrow for {result.n} patients",
                    "correct the limits or n",
                )
            return
        known = PROPORTION_METHODS.get(result.method or "")
        if known is None or result.numerator is None or result.n is None:
            if result.method is None:
                self.add(
                    (*place, "lo95"),
                    "interval",
                    f"{result.id}: the interval has no method",
                    "add 'method: …' (or 'method: unknown')",
                )
            return
        expected = known(result.numerator, result.n)
        if max(abs(expected[0] - low), abs(expected[1] - high)) > METHOD_TOLERANCE:
            self.add(
                (*place, "lo95"),
                "interval",
                f"{result.id}: the {result.method} interval of {result.numerator} of {result.n} is "
                f"{expected[0]:.3f} to {expected[1]:.3f}, not {low:g} to {high:g}",
                "correct the limits or the method",
            )

    def assay(self, result: Result, place: Place) -> None:
        if result.role == "context" or result.value is None or result.endpoint not in ("MRD-", "MR", "CMR"):
            return
        if result.assay is None:
            self.add(
                place,
                "assay",
                f"{result.id}: the assay of {result.endpoint} is missing",
                "add 'assay: flow' or another known assay",
            )
        if result.endpoint == "MRD-" and result.threshold is None:
            self.add(
                place,
                "assay",
                f"{result.id}: the threshold of MRD- is missing",
                "add 'threshold: 1e-4' or the trial's own",
            )

    def dates(self, result: Result, place: Place) -> None:
        source = sources().get(result.source.ref)
        if source is None:
            return
        published = result.published_on or source.published
        if latest(published) < earliest(source.published):
            self.add(
                (*place, "published_on"),
                "leakage",
                f"{result.id}: it was published on {published}, before its source ({source.published})",
                "give the source's date, or the source that printed it first",
            )
        if result.role == "calibrate" and max(latest(published), latest(source.published)) > latest(CUT_OFF):
            self.add(
                (*place, "role"),
                "leakage",
                f"{result.id}: it calibrates but was published on {source.published}, after {CUT_OFF}",
                "set 'role: context', or cite a publication before the cut-off",
            )

    def predictable(self, result: Result, place: Place) -> None:
        """Results held against predictions need an arm, a definition and a time that the design knows."""
        design = self.trial.design
        if design.arms and result.arm not in design.arms:
            self.add(
                (*place, "arm"),
                "design",
                f"{result.id}: the trial has no arm '{result.arm}'",
                f"use one of {', '.join(design.arms)}"
                + (f"; nearest is {near}" if (near := nearest(result.arm, design.arms)) else ""),
            )
            return
        if result.role == "context":
            return
        if result.arm not in design.arms:
            self.add(
                (*place, "arm"),
                "design",
                f"{result.id}: it has the role '{result.role}' but its arm has no design",
                "set 'role: context', or write the design",
            )
            return
        definition = design.endpoints.get(result.endpoint)
        if definition is None:
            self.add(
                (*place, "endpoint"),
                "design",
                f"{result.id}: the design does not define '{result.endpoint}'",
                "define it under design.endpoints",
            )
        elif (definition.kind == "survival") != (result.months is not None):
            self.add(
                (*place, "at"),
                "design",
                f"{result.id}: '{result.endpoint}' is a {definition.kind} endpoint, read at '{result.at}'",
                "read survival at months, and everything else at an assessment or 'any'",
            )
        elif result.assessment not in (None, "any"):
            known = self.assessments_of(design.arms[result.arm].regimen)
            if known is not None and result.assessment not in known:
                self.add(
                    (*place, "at"),
                    "design",
                    f"{result.id}: the regimen has no assessment '{result.assessment}'",
                    f"use one of: {', '.join(sorted(known))}",
                )

    def assessments_of(self, regimen: str) -> frozenset[str] | None:
        if regimen not in self.assessments:
            try:
                self.assessments[regimen] = frozenset(
                    item.name for phase in load_regimen(regimen).phases for item in phase.assess
                )
            except RemissionError as error:
                self.assessments[regimen] = None
                self.add(
                    ("design", "arms"),
                    "design",
                    f"the regimen '{regimen}' cannot be read: {error.what}",
                    "correct the regimen or the arm",
                )
        return self.assessments[regimen]

    def baseline(self, item: Baseline, place: Place) -> None:
        arms = self.trial.design.arms
        if arms and item.arm not in arms:
            self.add(
                (*place, "arm"),
                "design",
                f"baseline {item.item}: the trial has no arm '{item.arm}'",
                f"use one of {', '.join(arms)}",
            )
        if item.value is None or item.n is None or item.status == "disputed" or item.unit is not None or item.value > 1:
            return
        good = (
            matches_count(item.value, item.numerator, item.n)
            if item.numerator is not None
            else bool(possible_counts(item.value, item.n))
        )
        if not good:
            self.add(
                (*place, "value"),
                "counts",
                f"baseline {item.item}: {item.value:g} is not {item.numerator} of {item.n}",
                "correct the value or the counts, or set 'status: disputed' and name a conflict",
            )

    def subgroups(self) -> None:
        """Two results on a condition and its opposite must add up to the result on everybody."""
        groups: dict[tuple[object, ...], list[tuple[int, Result]]] = defaultdict(list)
        for index, result in enumerate(self.trial.results):
            if result.measure == "fraction" and result.status != "disputed" and result.subgroup is None:
                groups[(result.arm, result.cut, result.endpoint, result.at)].append((index, result))
        for members in groups.values():
            whole = [result for _, result in members if result.where is None and result.n is not None]
            if len(whole) != 1:
                continue
            parts = [(index, result) for index, result in members if result.where is not None and result.n is not None]
            for (_, one), (index, other) in combinations(parts, 2):
                if one.where and other.where and negate(one.where.term) == other.where.term:
                    self.adds_up(whole[0], one, other, ("results", index))

    def adds_up(self, whole: Result, one: Result, other: Result, place: Place) -> None:
        for name in ("n", "numerator"):
            total, parts = getattr(whole, name), (getattr(one, name), getattr(other, name))
            if total is not None and None not in parts and sum(parts) != total:
                self.add(
                    (*place, name),
                    "subgroups",
                    f"{one.id} and {other.id}: {name} {parts[0]} + {parts[1]} is not {total} of {whole.id}",
                    "correct the counts, or set 'status: disputed' and name a conflict",
                )

    def cited(self) -> None:
        """Every reference exists and is listed by the trial."""
        listed = set(self.trial.sources)
        for index, identifier in enumerate(self.trial.sources):
            self.known_source(identifier, ("sources", index))
        for cite, place in self.citations():
            self.known_source(cite.ref, (*place, "ref"))
            if cite.ref not in listed and cite.ref in sources():
                self.add(
                    (*place, "ref"),
                    "sources",
                    f"the trial cites '{cite.ref}' without listing it",
                    f"add {cite.ref} to 'sources'",
                )
        endpoints = [(item.source, ("design", "endpoints", name)) for name, item in self.trial.design.endpoints.items()]
        arms = [(item.source, ("design", "arms", name)) for name, item in self.trial.design.arms.items()]
        for source, place in (*endpoints, *arms, (self.trial.design.source, ("design",))):
            if source is not None:
                self.known_source(source.ref, (*place, "source"))

    def citations(self) -> Iterator[tuple[Cite, Place]]:
        cited = [(item.source, item.also, ("results", index)) for index, item in enumerate(self.trial.results)]
        cited += [(item.source, item.also, ("baseline", index)) for index, item in enumerate(self.trial.baseline)]
        for source, also, place in cited:
            yield source, (*place, "source")
            for number, other in enumerate(also):
                yield other, (*place, "also", number)
        cuts = [(item.cut, ("results", index, "cut")) for index, item in enumerate(self.trial.results)]
        cuts += [(item.cut, ("baseline", index, "cut")) for index, item in enumerate(self.trial.baseline)]
        yield from ((Cite(ref=cut, at="data cut"), place) for cut, place in cuts if cut is not None)
        for index, conflict in enumerate(self.trial.conflicts):
            for number, reading in enumerate(conflict.readings):
                yield reading.source, ("conflicts", index, "readings", number, "source")

    def known_source(self, identifier: str, place: Place) -> None:
        if identifier not in catalog.ids("sources"):
            near = nearest(identifier, catalog.ids("sources"))
            self.add(
                place,
                "sources",
                f"unknown source '{identifier}'",
                f"correct it{f' to {near}' if near else ''}, or add catalog/sources/{identifier}.yaml",
            )

    def disputes(self) -> None:
        """Conflicts name real results, and every disputed result has its conflict."""
        named: set[str] = set()
        for index, conflict in enumerate(self.trial.conflicts):
            for number, identifier in enumerate(conflict.values):
                named.add(identifier)
                try:
                    self.trial.result(identifier)
                except Problem as problem:
                    self.add(
                        ("conflicts", index, "values", number),
                        "conflicts",
                        problem.what,
                        f"use {problem.near}" if problem.near else problem.fix,
                    )
        for index, result in enumerate(self.trial.results):
            if result.status == "disputed" and result.id not in named:
                self.add(
                    ("results", index, "status"),
                    "conflicts",
                    f"{result.id}: it is disputed, but no conflict names it",
                    "add a conflict with its readings, resolution and reason",
                )


def _is_survival(result: Result) -> bool:
    return result.endpoint in (*SURVIVAL, *OTHER_SURVIVAL) or result.months is not None
