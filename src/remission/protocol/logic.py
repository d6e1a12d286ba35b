"""Can conditions hold together? One value from each range that they tell apart is tried, so the answer is exact.

Conditions are small; where the cases are nevertheless too many to try, the answer is that they may hold together.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise, product

from remission.protocol.conditions import NUMBERS, Compare, Condition, Join, Term, choices_of, negate

Subject = tuple[str, str | None]
Value = float | str | bool
Case = Mapping[Subject, Value]

BASELINE = frozenset({*NUMBERS, "sex", "ph", "ikzf1", "ph_like", "kmt2a", "adverse_genetics", "cns", "donor"})
DEFAULT_LIMIT = 1e-4  # MRD limit of an assessment that names none (fraction)
MAX_CASES = 2000      # tried for one question
MAX_GROUPS = 200      # of baseline patients told apart
_RANGES = {"age": (0.0, 130.0), "wbc": (0.0, 5000.0), "mrd": (0.0, 1.0)}  # percentages: 0 to 100
_OPERATORS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "!=": operator.ne}


class Reasoner:
    """Answers questions about one regimen's conditions. `limits`: MRD limit (fraction) by assessment.

    It takes at most `steps` steps in its life, so that no file can keep it busy; after that everything may hold.
    """

    def __init__(self, limits: Mapping[str, float] | None = None, steps: int = 100_000) -> None:
        self.limits = limits or {}
        self.left = steps
        self._known: dict[tuple[frozenset[int], frozenset[int]], tuple[bool, object]] = {}  # by identity: cheap for long conditions

    def possible(self, conditions: Iterable[Condition | None], without: Iterable[Condition] = ()) -> bool:
        """Whether some patient can meet all `conditions` and none of `without`."""
        wanted = [condition for condition in conditions if condition is not None]
        unwanted = list(without)
        key = frozenset(map(id, wanted)), frozenset(map(id, unwanted))
        if key not in self._known:
            parts = _parts([*(condition.term for condition in wanted), *(negate(condition.term) for condition in unwanted)])
            self.left -= len(parts)
            answer = self.left <= 0 or all(self._met_somewhere(group) for group in _connected(parts))
            self._known[key] = answer, (wanted, unwanted)
        return self._known[key][0]

    def _met_somewhere(self, terms: list[Term]) -> bool:
        subjects, values = _domain(terms, self.limits)
        if _size(values) > MAX_CASES or _size(values) * len(terms) > self.left:
            return True
        for chosen in product(*values):
            self.left -= len(terms)
            case = dict(zip(subjects, chosen, strict=True))
            if all(_met(term, case, self.limits) for term in terms):
                return True
        return False


def lasting(subject: Subject) -> bool:
    """Whether a subject keeps its value: what is known before treatment, and what one assessment found."""
    return subject[0] in BASELINE or (subject[0] in ("mrd", "cr") and subject[1] is not None)


def groups(asked: Iterable[Condition | None], given: Iterable[Condition] = (),
           among: Callable[[Subject], bool] = lasting) -> list[dict[Subject, Value]]:
    """One patient from each group that the conditions `asked` tell apart, among those who may meet all of `given`.

    Only subjects `among` which hold are told apart. Where the groups are too many, or nobody meets `given`, the answer is
    one group about which nothing is known.
    """
    needed = [condition.term for condition in given]
    terms = [condition.term for condition in asked if condition is not None]
    wanted = {_subject(compare) for term in terms for compare in _leaves(term)}
    subjects, values = _domain([*terms, *(term for term in _parts(needed) if _subjects(term) & wanted)], {}, among)
    if _size(values) > MAX_GROUPS:
        return [{}]
    every = (dict(zip(subjects, chosen, strict=True)) for chosen in product(*values))
    return [case for case in every if all(_met(term, case, {}) for term in needed)] or [{}]


def may_hold(condition: Condition | None, case: Case) -> bool:
    """Whether a condition can hold for a patient; what the case does not say is left open."""
    return condition is None or _met(condition.term, case, {})


def baseline_only(condition: Condition) -> bool:
    """Whether a condition asks for nothing but what is known before treatment."""
    return all(compare.name in BASELINE for compare in condition.compares())


def _met(term: Term, case: Case, limits: Mapping[str, float]) -> bool:
    if isinstance(term, Join):
        met = (_met(item, case, limits) for item in term.items)
        return all(met) if term.word == "and" else any(met)
    value, wanted, op = case.get(_subject(term)), term.value, term.op
    if value is None:
        return True
    if term.name == "mrd" and isinstance(wanted, str):
        op, wanted = "<" if wanted == "negative" else ">=", limits.get(term.argument or "", DEFAULT_LIMIT)
    return bool(_OPERATORS[op](value, wanted))


def _parts(terms: Iterable[Term]) -> list[Term]:
    """The terms with each `and` taken apart."""
    return [part for term in terms for part in (term.items if isinstance(term, Join) and term.word == "and" else (term,))]


def _connected(terms: list[Term]) -> list[list[Term]]:
    """Terms in groups that share no subject: each group can be met or not by itself."""
    found: list[tuple[set[Subject], list[Term]]] = []
    for term in terms:
        subjects, together = set(_subjects(term)), [term]
        apart = []
        for other, members in found:
            if other & subjects:
                subjects |= other
                together = members + together
            else:
                apart.append((other, members))
        found = [*apart, (subjects, together)]
    return [members for _, members in found]


def _domain(terms: list[Term], limits: Mapping[str, float],
            only: Callable[[Subject], bool] | None = None) -> tuple[list[Subject], list[list[Value]]]:
    """The subjects of terms, and values of each such that every way its comparisons can turn out is among them."""
    compares: dict[Subject, list[Compare]] = {}
    for term in terms:
        for compare in _leaves(term):
            if only is None or only(_subject(compare)):
                compares.setdefault(_subject(compare), []).append(compare)
    subjects = sorted(compares, key=str)
    return subjects, [_values(subject, compares[subject], limits) for subject in subjects]


def _values(subject: Subject, compares: list[Compare], limits: Mapping[str, float]) -> list[Value]:
    name = subject[0]
    if name not in NUMBERS and name != "mrd":
        return list(choices_of(name)) or [True, False]
    low, high = _RANGES.get(name, (0.0, 100.0))
    marks = {low, high}
    for compare in compares:
        value = limits.get(subject[1] or "", DEFAULT_LIMIT) if isinstance(compare.value, str) else float(compare.value)
        marks.add(min(max(value, low), high))
    ordered = sorted(marks)
    return sorted({*ordered, *((a + b) / 2 for a, b in pairwise(ordered))})


def _size(values: list[list[Value]]) -> int:
    size = 1
    for choices in values:
        size *= len(choices)
    return size


def _subject(compare: Compare) -> Subject:
    if compare.name == "received_blinatumomab":
        return ("received", "blinatumomab")
    return (compare.name, compare.argument)


def _subjects(term: Term) -> set[Subject]:
    return {_subject(compare) for compare in _leaves(term)}


def _leaves(term: Term) -> tuple[Compare, ...]:
    return Condition(term).compares()
