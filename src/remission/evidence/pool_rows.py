"""Which published rows enter a synthesis: one for each independent set of patients, and a reason for every other one.

A set of patients is a trial's arm. Among its rows that answer the question, the one used is decided by, in this order:
nearness to the landmark (survival); role (calibrate, validate, context); the main data cut before a named one; for a
proportion without `at`, the best over all assessments; more patients; later publication; later in the trial's file.
Of two sets that share patients (catalog/overlaps.yaml) the one with the better role, then with more patients, is used.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from pydantic import model_validator

from remission.base import catalog, files
from remission.base.errors import EmptySelection, Problem, UsageError, nearest
from remission.evidence.check import possible_counts
from remission.evidence.dates import latest
from remission.evidence.library import ROLES, Row, all_results, load_trial, trials
from remission.evidence.model import COUNTS, ENDPOINTS, OTHER_SURVIVAL, SURVIVAL, Cite
from remission.evidence.pool_variance import has_interval
from remission.protocol import Condition, load_regimen

_MONTHS = re.compile(r"(\d+(?:\.\d+)?) ?(?:mo|months?)?")


@dataclass(frozen=True)
class Question:
    """What is to be pooled. `at` is an assessment or months; `window` months either side of a landmark (None: a sixth).

    Without `trials`, `arms` and `role`, the arms of the review's trials are asked that received blinatumomab: trials with a
    result that is not mere context, without their control arms.
    """

    endpoint: str
    at: str | None = None
    trials: tuple[str, ...] = ()
    arms: tuple[str, ...] = ()
    population: str | None = None
    role: str | None = None
    where: str | None = None
    window: float | None = None


@dataclass(frozen=True)
class Chosen:
    """A row that is used. `events` of row.n is given for proportions, counted back from the percentage if `derived`."""

    row: Row
    events: int | None
    derived: bool

    @property
    def patients(self) -> str:
        """The set of patients: trial/arm."""
        return f"{self.row.trial}/{self.row.arm}"


@dataclass(frozen=True)
class LeftOut:
    """A row that is not used, and why; `kind` groups such reasons."""

    row: Row
    kind: str
    reason: str


@dataclass(frozen=True)
class Selection:
    """The rows of a synthesis. `months` is the landmark of survival, `window` the months allowed either side of it."""

    kind: str
    assessment: str | None
    months: float | None
    window: float | None
    landmark_chosen: bool
    used: tuple[Chosen, ...]
    left_out: tuple[LeftOut, ...]


class Overlap(files.Model):
    """A set of patients and the sets that share patients with it, by a source or an assumption."""

    set: str
    shares: tuple[str, ...]
    about: str | None = None
    source: Cite | None = None
    assumed: str | None = None

    @model_validator(mode="after")
    def _founded(self) -> Overlap:
        if (self.source is None) == (self.assumed is None):
            raise Problem("an overlap has either a source or an assumption", fix="add 'source: …' or 'assumed: …'")
        return self

    def joins(self, one: str, other: str) -> bool:
        """Whether two different trial/arm sets share patients by this entry."""
        return any(
            _is(a, self.set) and any(_is(b, name) for name in self.shares) for a, b in ((one, other), (other, one))
        )


class _Overlaps(files.Model):
    overlaps: tuple[Overlap, ...]


def _is(patients: str, name: str) -> bool:
    return patients == name or patients.partition("/")[0] == name


@lru_cache(maxsize=1)
def overlaps() -> tuple[Overlap, ...]:
    """Which sets of patients share patients, from the catalog."""
    return files.parse(files.read(catalog.root() / "overlaps.yaml"), _Overlaps).overlaps


@lru_cache(maxsize=1)
def reviewed() -> frozenset[str]:
    """Trials with a result that may calibrate or validate: those of the review, without comparators and anchors."""
    return frozenset(name for name, trial in trials().items() if any(r.role != "context" for r in trial.results))


@lru_cache(maxsize=1)
def controls() -> frozenset[str]:
    """Arms (trial/arm) without blinatumomab whose trial gave it to other patients."""
    found = set()
    for name, trial in trials().items():
        with_it = [arm for arm, design in trial.design.arms.items() if _gives_blinatumomab(design.regimen)]
        without = [arm for arm in trial.design.arms if arm not in with_it]
        for arm in without if with_it else ():
            if not any(share_patients(f"{name}/{arm}", f"{name}/{other}", overlaps()) for other in with_it):
                found.add(f"{name}/{arm}")
    return frozenset(found)


def _gives_blinatumomab(regimen: str) -> bool:
    if regimen not in catalog.ids("regimens"):
        return True  # nothing is known against it
    plan = load_regimen(regimen)
    return any(give.drug == "blinatumomab" for phase in plan.phases for give in phase.give)


def is_survival(endpoint: str) -> bool:
    """Whether an endpoint is read at months on a curve. Raises UsageError for an unknown or uncountable one."""
    if endpoint not in ENDPOINTS or endpoint in COUNTS:
        known = [name for name in ENDPOINTS if name not in COUNTS]
        raise UsageError(
            f"unknown endpoint '{endpoint[:40]}'" if endpoint not in ENDPOINTS else f"{endpoint} is not a proportion",
            where="--endpoint",
            why=f"known here: {', '.join(known[:14])}, and {len(known) - 14} rarer ones",
            near=nearest(endpoint, known) or nearest(endpoint.upper(), known),
            fix="choose a known endpoint",
        )
    return endpoint in (*SURVIVAL, *OTHER_SURVIVAL)


def select(question: Question) -> Selection:
    """The rows of the catalog that answer a question. Raises UsageError, NotFound or EmptySelection in five parts."""
    is_survival(question.endpoint)
    chosen = [load_trial(identifier) for identifier in question.trials] or list(trials().values())
    _check("--arm", question.arms, sorted({result.arm for trial in chosen for result in trial.results}))
    rows = all_results(endpoint=question.endpoint)
    inside = all_results(endpoint=question.endpoint, population=question.population)
    if not inside and rows:
        known = sorted({arm.population for trial in trials().values() for arm in trial.design.arms.values()})
        _check("--population", (question.population or "",), known)
    kept = {(row.trial, row.id) for row in inside}
    outside = [LeftOut(row, "population", "not of the population asked for") for row in rows if (row.trial, row.id) not in kept]
    found = choose(inside, question, reviewed(), overlaps(), controls())
    return replace(found, left_out=(*found.left_out, *outside))


def _check(option: str, given: Iterable[str], known: Sequence[str]) -> None:
    for name in given:
        if name not in known:
            raise UsageError(
                f"unknown {option[2:]} '{name[:60]}'",
                where=option,
                why="known here: " + ", ".join(known[:14]),
                near=nearest(name, known),
                fix=f"choose a known {option[2:]}, or leave {option} out",
            )


def choose(
    rows: Sequence[Row],
    question: Question,
    reviewed_trials: frozenset[str],
    shared: Sequence[Overlap],
    control_arms: frozenset[str] = frozenset(),
) -> Selection:
    """The same for given rows of one endpoint, without the catalog."""
    survival = is_survival(question.endpoint)
    _check("--role", (question.role,) if question.role else (), ROLES)
    where = _condition(question.where)
    left: list[LeftOut] = []
    fit: list[Chosen] = []
    for row in rows:
        kind, reason = _unasked(row, question, where, reviewed_trials, control_arms) or _unfit(row, survival)
        if reason:
            left.append(LeftOut(row, kind, reason))
        else:
            events, derived = (None, False) if survival else _events(row)
            fit.append(Chosen(row, events, derived))
    months, assessment = _time(question, survival, rows)
    picked = months is None and survival
    if picked:
        months = _common_landmark(fit, question.window)
    window = None if months is None else months / 6 if question.window is None else question.window
    timed = []
    for item in fit:
        reason = _untimely(item.row, months, window, assessment)
        if reason:
            left.append(LeftOut(item.row, "time", reason))
        else:
            timed.append(item)
    used = _apart(_one_each(timed, months, left), shared, left)
    if not used:
        raise _nothing(question, left)
    order = {id(row): index for index, row in enumerate(rows)}
    return Selection(
        kind="survival" if survival else "proportion",
        assessment=assessment,
        months=months,
        window=window,
        landmark_chosen=picked,
        used=tuple(sorted(used, key=lambda item: order[id(item.row)])),
        left_out=tuple(sorted(left, key=lambda item: order[id(item.row)])),
    )


def _condition(text: str | None) -> str | None:
    if text is None or text == "none":
        return None
    try:
        return str(Condition.parse(text))
    except Problem as problem:
        raise UsageError(problem.what, where="--where", why=problem.why, near=problem.near, fix=problem.fix) from None


def _time(question: Question, survival: bool, rows: Sequence[Row]) -> tuple[float | None, str | None]:
    """`at` as months or as an assessment."""
    if question.at is None:
        return None, None
    match = _MONTHS.fullmatch(question.at.strip())
    if match and 0 < float(match[1]) <= 600:
        return float(match[1]), None
    known = sorted({row.assessment for row in rows if row.assessment})
    if survival or question.at not in known:
        landmarks = Counter(row.months for row in rows if row.months)
        common = landmarks.most_common(1)[0][0] if landmarks else 36.0
        raise UsageError(
            f"{question.endpoint} is not read at '{question.at[:40]}'",
            where="--at",
            why=f"{question.endpoint} is read at months"
            if survival
            else f"{question.endpoint} is read at: {', '.join(known) or 'months'}",
            near=f"{common:g}" if survival else nearest(question.at, known) or (known[0] if known else ""),
            fix="give months, such as --at 36" if survival else "give one of these, or leave --at out",
        )
    return None, question.at


def _unasked(
    row: Row, question: Question, where: str | None, reviewed_trials: frozenset[str], control_arms: frozenset[str]
) -> tuple[str, str] | None:
    """The filter that a row does not pass, as (kind, reason)."""
    if question.trials and row.trial not in question.trials:
        return "other trial", "not one of the trials asked for"
    if question.arms and row.arm not in question.arms:
        return "other arm", "not one of the arms asked for"
    if not (question.trials or question.arms or question.role):
        if row.trial not in reviewed_trials:
            return "comparator", "a comparator or anchor, not a trial of the review (name it with --trial, or give --role context)"
        if f"{row.trial}/{row.arm}" in control_arms:
            return "control", "a control arm without blinatumomab (name its trial with --trial)"
    if question.role is not None and row.role != question.role:
        return "role", f"its role is {row.role}"
    if row.subgroup is not None:
        return "subgroup", f"a subgroup: {row.subgroup}"
    if row.where != where:
        return "subgroup", f"a subgroup: {row.where}" if row.where else "the whole arm, not the subgroup asked for"
    return None


def _unfit(row: Row, survival: bool) -> tuple[str, str]:
    """Why a row cannot be pooled, as (kind, reason); two empty texts when it can."""
    if row.measure != "fraction":
        return "measure", f"a {row.measure.removesuffix(' months')}, not a proportion"
    if row.value is None:
        return "missing", row.status
    if survival:
        if row.months is None:
            return "time", "read at no number of months"
        if row.n is None and not has_interval(row.value, row.lo95, row.hi95):
            return "denominator", "neither a usable interval nor a number of patients is published"
        return "", ""
    if row.n is None:
        return "denominator", "no denominator is published"
    if row.numerator is None and not possible_counts(row.value, row.n):
        return "denominator", f"{100 * row.value:g} % is no whole number of {row.n} patients"
    return "", ""


def _events(row: Row) -> tuple[int, bool]:
    if row.numerator is not None:
        return row.numerator, False
    value, n = row.value or 0.0, row.n or 1  # both are there in a row that is fit
    return min(possible_counts(value, n), key=lambda count: (abs(count - value * n), count)), True


def _untimely(row: Row, months: float | None, window: float | None, assessment: str | None) -> str:
    if assessment is not None and row.assessment != assessment:
        return f"read at {_when(row)}, not at {assessment}"
    if months is not None and window is not None:
        if row.months is None or abs(row.months - months) > window + 1e-9:
            return f"read at {_when(row)}, not within {window:g} months of {months:g}"
    return ""


def _when(row: Row) -> str:
    return f"{row.months:g} months" if row.months is not None else row.assessment or "no time"


def _common_landmark(fit: Sequence[Chosen], window: float | None) -> float | None:
    """The landmark that most sets of patients can be read at; of equals, the one that needs least stretching, then the earlier."""

    def merit(months: float) -> tuple[int, float, float]:
        best: dict[str, float] = {}
        for item in fit:
            away = abs((item.row.months or 0) - months)
            if away <= (months / 6 if window is None else window) + 1e-9:
                best[item.patients] = min(away, best.get(item.patients, away))
        return -len(best), sum(best.values()), months

    landmarks = {item.row.months for item in fit if item.row.months is not None}
    return min(landmarks, key=merit, default=None)


_RULES = ("nearer to the landmark", "its role comes first", "of the main data cut", "over all assessments", "in more patients",
          "published later", "later in the trial's file")


def _merit(item: Chosen, months: float | None, index: int) -> tuple[float, ...]:
    """The smaller, the better; one element for each of _RULES."""
    row = item.row
    return (
        0.0 if months is None or row.months is None else abs(row.months - months),
        ROLES.index(row.role),
        row.cut is not None,
        row.assessment is not None and row.assessment != "any",
        -(row.n or 0),
        -latest(row.published_on).toordinal(),
        -index,
    )


def _one_each(items: Sequence[Chosen], months: float | None, left: list[LeftOut]) -> list[Chosen]:
    """One row for each set of patients; the others join `left` with the rule that decided."""
    sets: dict[str, list[tuple[tuple[float, ...], Chosen]]] = {}
    for index, item in enumerate(items):
        sets.setdefault(item.patients, []).append((_merit(item, months, index), item))
    used = []
    for members in sets.values():
        merit, best = min(members, key=lambda member: member[0])
        used.append(best)
        for other, item in members:
            if item is not best:
                rule = next(name for name, a, b in zip(_RULES, merit, other, strict=True) if a != b)
                left.append(LeftOut(item.row, "same patients", f"the same patients as row {best.row.id}, which is {rule}"
                                    if rule != _RULES[1] else f"the same patients as row {best.row.id}, whose role comes first"))
    return used


def _apart(items: Sequence[Chosen], shared: Sequence[Overlap], left: list[LeftOut]) -> list[Chosen]:
    """Sets that share no patient; the others join `left`."""
    kept: list[Chosen] = []
    for item in sorted(items, key=lambda i: (ROLES.index(i.row.role), -(i.row.n or 0), i.patients)):
        other = next((k for k in kept if share_patients(k.patients, item.patients, shared)), None)
        if other is None:
            kept.append(item)
        else:
            left.append(LeftOut(item.row, "same patients", f"shares patients with {other.patients}, row {other.row.id}"))
    return kept


def share_patients(one: str, other: str, shared: Sequence[Overlap]) -> bool:
    """Whether two sets (trial/arm) are the same or share patients."""
    return one == other or any(entry.joins(one, other) for entry in shared)


def _nothing(question: Question, left: Sequence[LeftOut]) -> EmptySelection:
    asked = [item for item in left if item.kind not in ("other trial", "other arm", "comparator")] or list(left)
    reasons = Counter(re.sub(r"^(a subgroup|read at|its role is).*", r"\1 …", item.reason) for item in asked)
    why = "; ".join(f"{count} × {reason}" for reason, count in reasons.most_common(5)) or "no trial reports this endpoint"
    loosen = [name for name, value in (("--at", question.at), ("--where", question.where), ("--role", question.role),
                                       ("--population", question.population), ("--trial", question.trials)) if value]
    return EmptySelection(
        f"nothing is left to pool for {question.endpoint}",
        where="evidence pool",
        why=why,
        near=f"remission evidence --endpoint '{question.endpoint}'",
        fix=f"leave out {' or '.join(loosen)}" if loosen else "name comparators with --trial, or give --role context",
    )
