"""What is known of one patient, and what a condition of a protocol comes to with it: true, false, or undecided.

A default path also takes a good response as given (remission, MRD below its limit, cytoreduction, no escape mutation).
Every such assumption is named in the decision, and so is every fact that was missing.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from remission.base.errors import Problem, UsageError, nearest
from remission.protocol.conditions import Compare, Condition, Join, Term
from remission.protocol.model import Regimen

Value = float | str | bool
Name = tuple[str, str | None]
LIMITS: dict[str, tuple[float, float, str]] = {
    "bsa": (0.3, 3.5, "m2"), "weight": (2.0, 400.0, "kg"), "age": (0.0, 120.0, "years"), "cd20": (0.0, 100.0, "%"),
    "cd22": (0.0, 100.0, "%"), "wbc": (0.0, 2000.0, "1e9/L"), "marrow_blasts": (0.0, 100.0, "%"), "mrd": (0.0, 1.0, "fraction")}
_OPERATORS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq, "!=": operator.ne}


def in_limits(name: str, value: float, where: str) -> float:
    """`value` when it is a number that a patient can have. Raises UsageError."""
    low, high, unit = LIMITS[name]
    if not (math.isfinite(value) and low <= value <= high):
        near = "" if not math.isfinite(value) else f"{min(max(value, low), high):g}"
        words = {"bsa": "body surface", "mrd": "MRD"}.get(name, name)
        raise UsageError(f"{value:g} {unit} cannot be the patient's {words}", where=where, near=near,
                         why=f"between {low:g} and {high:g} {unit} is expected", fix=f"give the {words} in {unit}")
    return value


@dataclass(frozen=True)
class Person:
    """One patient for whom a regimen is put on dates. Body surface in m2, weight in kg, age in years.

    `known` holds further facts by (name, argument), e.g. {("cd20", None): 30.0, ("mrd", "week-15"): "negative"}.
    """

    bsa_m2: float
    age_y: float
    weight_kg: float | None = None
    sex: str | None = None
    known: Mapping[Name, Value] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        in_limits("bsa", self.bsa_m2, "body surface")
        in_limits("age", self.age_y, "age")
        if self.weight_kg is not None:
            in_limits("weight", self.weight_kg, "weight")
        if self.sex not in (None, "male", "female"):
            raise UsageError(f"'{str(self.sex)[:20]}' is not a sex that a protocol asks for", where="--sex",
                             why="it asks for male or female", near=nearest(str(self.sex), ("male", "female")),
                             fix="give male or female, or leave it out")

    def words(self) -> str:
        """The patient in one line."""
        parts = [f"{self.age_y:g} years", f"{self.bsa_m2:g} m2"]
        if self.weight_kg is not None:
            parts.append(f"{self.weight_kg:g} kg")
        if self.sex is not None:
            parts.append(self.sex)
        parts += [str(Compare(name, argument, "=", value)) for (name, argument), value in self.known.items()]
        return ", ".join(parts)


def read_fact(text: str, regimen: Regimen) -> tuple[Name, Value]:
    """One fact written as a condition: "wbc = 40", "not donor", "mrd(week-15) = negative". Raises UsageError."""
    try:
        term = Condition.parse(text[:400]).term
    except Problem as error:
        raise UsageError(error.what, where="--fact", why=error.why, near=error.near, fix=error.fix) from None
    if not isinstance(term, Compare) or (term.op != "=" and not isinstance(term.value, bool)):
        raise UsageError(f"'{text[:60]}' is not one known fact", where="--fact", why="a fact gives one name its value",
                         near="wbc = 40", fix="write e.g. 'cd20 = 30', 'not donor' or 'mrd(week-15) = negative'")
    if term.argument is not None and term.name in ("mrd", "cr"):
        names = [item.name for phase in regimen.phases for item in phase.assess]
        if term.argument not in names:
            raise UsageError(f"'{regimen.id}' has no assessment '{term.argument[:60]}'", where="--fact",
                             why="its assessments are " + (", ".join(names) or "none"), near=nearest(term.argument, names),
                             fix="name an assessment of this regimen")
    if term.name in ("age", "sex"):
        raise UsageError(f"the {term.name} has an option of its own", where="--fact", why="each fact is given once",
                         near=f"--{term.name} {term.value}", fix=f"give it with --{term.name}")
    if term.name == "received":
        raise UsageError("what was received follows from the path", where="--fact", why="the calendar knows what it gives",
                         fix="choose the phases with --path")
    if isinstance(term.value, bool):
        return (term.name, term.argument), (term.op == "=") == term.value
    if isinstance(term.value, float):
        in_limits(term.name, term.value, "--fact")
    return (term.name, term.argument), term.value


@dataclass(frozen=True)
class Decision:
    """Whether a condition holds (None: undecided), what was assumed for it, and which facts are missing."""

    holds: bool | None
    assumed: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Facts:
    """Everything known at one moment of the path; `responds` takes a good response as given where nothing is known."""

    known: Mapping[Name, Value]
    limits: Mapping[str, float]
    responds: bool
    received: frozenset[str] = frozenset()
    transplanted: bool = False

    def decide(self, condition: Condition | None) -> Decision:
        """The condition with these facts; no condition always holds."""
        return Decision(True) if condition is None else self._term(condition.term)

    def after(self, drugs: Iterable[str], transplant: bool) -> Facts:
        """The facts once these drugs, or a transplant, have been given."""
        return replace(self, received=self.received | frozenset(drugs), transplanted=self.transplanted or transplant)

    def _term(self, term: Term) -> Decision:
        return self._join(term) if isinstance(term, Join) else self._compare(term)

    def _join(self, term: Join) -> Decision:
        decisive = term.word == "or"
        found = [self._term(item) for item in term.items]
        settled = [item for item in found if item.holds is decisive]
        if settled:
            return min(settled, key=lambda item: len(item.assumed))
        assumed = frozenset[str]().union(*(item.assumed for item in found))
        if all(item.holds is not None for item in found):
            return Decision(not decisive, assumed)
        return Decision(None, assumed, frozenset[str]().union(*(item.unknown for item in found)))

    def _compare(self, compare: Compare) -> Decision:
        if compare.name in ("received", "received_blinatumomab", "transplanted") and (compare.name, None) not in self.known:
            drug = compare.argument or "blinatumomab"
            fact: Value = self.transplanted if compare.name == "transplanted" else drug in self.received
        elif (compare.name, compare.argument) in self.known:
            fact = self.known[compare.name, compare.argument]
        else:
            good = _good_response(compare) if self.responds else None
            if good is None:
                return Decision(None, unknown=frozenset({_subject(compare)}))
            return Decision(good, assumed=frozenset({_assumption(compare)}))
        holds = _mrd(compare, fact, self.limits.get(compare.argument or "")) if compare.name == "mrd" else \
            bool(_OPERATORS[compare.op](fact, compare.value))
        return Decision(holds) if holds is not None else Decision(None, unknown=frozenset({_subject(compare)}))


def _subject(compare: Compare) -> str:
    return f"{compare.name}({compare.argument})" if compare.argument else compare.name


def _assumption(compare: Compare) -> str:
    if compare.name == "mrd":
        return f"{_subject(compare)} negative" if isinstance(compare.value, str) else f"{_subject(compare)} below {compare.value:g}"
    return f"not {_subject(compare)}" if compare.name == "mutation" else _subject(compare)


def _good_response(compare: Compare) -> bool | None:
    """Whether a comparison holds for a patient who responds; None for anything that is not a response."""
    asks = (compare.op == "=") == (compare.value is True)
    if compare.name in ("cr", "cytoreduction"):
        return asks
    if compare.name == "mutation":
        return not asks
    if compare.name == "mrd":
        return compare.value == "negative" if isinstance(compare.value, str) else compare.op in ("<", "<=")
    return None


def _mrd(compare: Compare, fact: Value, limit: float | None) -> bool | None:
    """MRD is known as a fraction or as a word, and asked for as either; the assessment's limit links the two."""
    if isinstance(fact, str) and isinstance(compare.value, str):
        return (fact == compare.value) == (compare.op == "=")
    if isinstance(fact, float) and isinstance(compare.value, float):
        return bool(_OPERATORS[compare.op](fact, compare.value))
    if limit is None:
        return None
    if isinstance(fact, float):
        return ((fact < limit) == (compare.value == "negative")) == (compare.op == "=")
    assert isinstance(compare.value, float)
    if fact == "negative" and limit <= compare.value and compare.op in ("<", "<=", ">", ">="):
        return compare.op in ("<", "<=")
    if fact == "positive" and limit >= compare.value and compare.op in ("<", ">="):
        return compare.op == ">="
    return None


def implied(term: Term) -> dict[Name, Value]:
    """What must be true of a patient for whom `term` holds: the plain equalities joined by `and`."""
    if isinstance(term, Join):
        found: dict[Name, Value] = {}
        for item in term.items if term.word == "and" else ():
            found.update(implied(item))
        return found
    if isinstance(term.value, bool):
        return {(term.name, term.argument): (term.op == "=") == term.value}
    return {(term.name, term.argument): term.value} if term.op == "=" else {}
