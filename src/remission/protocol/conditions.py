"""Conditions of protocols and subgroups: a closed grammar, parsed into values and never evaluated as code.

    age < 55            not cr              cr and mrd(post-intensification) < 1e-4        ikzf1 = plus

Words joined by `and`, `or`, `not` and parentheses. `mrd(NAME)` is the measured fraction at the assessment NAME and may be
compared with a number or with `negative` or `positive` (the assessment's own limit); `cr(NAME)` is remission at NAME.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from remission.base.errors import Problem, nearest
from remission.base.units import number

NUMBERS = {"age": "y", "wbc": "1e9/L", "cd20": "%", "cd22": "%", "marrow_blasts": "%"}
FLAGS = ("ph_like", "kmt2a", "adverse_genetics", "cns", "donor", "cytoreduction", "mutation", "cr", "transplanted",
         "received_blinatumomab")
CHOICES = {"sex": ("male", "female"), "ph": ("positive", "negative"), "ikzf1": ("none", "deleted", "plus")}
CALLS = ("mrd", "cr", "received")
NAMES = (*NUMBERS, *FLAGS, *CHOICES, "mrd(NAME)", "cr(NAME)", "received(DRUG)")
_WORDS = {*NUMBERS, *FLAGS, *CHOICES, *CALLS}
_TOKEN = re.compile(r"\s*(<=|>=|!=|[<>=()]|[A-Za-z][A-Za-z0-9_-]*|[-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,3})?)")
_ID = re.compile(r"[a-z][a-z0-9-]{0,63}")
_MAX_TOKENS, _MAX_COMPARES, _MAX_DEPTH = 400, 40, 30  # what is read can also be written out and read again
_FLIP = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "=": "!=", "!=": "="}


@dataclass(frozen=True)
class Compare:
    """One comparison: `name(argument) op value`; a flag alone is compared with True."""

    name: str
    argument: str | None
    op: str
    value: float | str | bool

    def __str__(self) -> str:
        subject = f"{self.name}({self.argument})" if self.argument else self.name
        if isinstance(self.value, bool):
            return subject if self.value == (self.op == "=") else f"not {subject}"
        return f"{subject} {self.op} {number(self.value) if isinstance(self.value, float) else self.value}"


@dataclass(frozen=True)
class Join:
    """`and` or `or` of several conditions."""

    word: str
    items: tuple[Term, ...]

    def __str__(self) -> str:
        return f" {self.word} ".join(f"({item})" if isinstance(item, Join) else str(item) for item in self.items)


Term = Compare | Join


@dataclass(frozen=True)
class Condition:
    """A parsed condition; its text form parses back to an equal value."""

    term: Term

    def __str__(self) -> str:
        return str(self.term)

    def compares(self) -> tuple[Compare, ...]:
        """All comparisons, in reading order."""
        return _compares(self.term)

    @classmethod
    def parse(cls, text: Any) -> Condition:
        """Read a condition. Raises Problem naming the nearest known word."""
        if isinstance(text, Condition):
            return text
        if not isinstance(text, str):
            raise Problem("a condition is text", why=f"found {text!r}"[:60], fix="write e.g. 'age < 55' in quotes")
        return cls(_Parser(text).parse())

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.parse, serialization=core_schema.plain_serializer_function_ser_schema(str),
            json_schema_input_schema=core_schema.str_schema())


def _compares(term: Term) -> tuple[Compare, ...]:
    if isinstance(term, Compare):
        return (term,)
    return tuple(found for item in term.items for found in _compares(item))


def choices_of(name: str) -> tuple[str, ...]:
    """The words that a name may be compared with."""
    return ("negative", "positive") if name == "mrd" else CHOICES.get(name, ())


def negate(term: Term) -> Term:
    """The condition that holds exactly when `term` does not (negation is pushed down to the comparisons)."""
    if isinstance(term, Compare):
        choices = choices_of(term.name)
        if isinstance(term.value, str) and len(choices) == 2:  # "not positive" is written "negative"
            return Compare(term.name, term.argument, "=", choices[1 - choices.index(term.value)])
        return Compare(term.name, term.argument, _FLIP[term.op], term.value)
    return Join("or" if term.word == "and" else "and", tuple(negate(item) for item in term.items))


class _Parser:
    """Recursive descent over at most 400 tokens and 30 levels of brackets."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[str] = []
        at = 0
        while at < len(text.rstrip()):
            match = _TOKEN.match(text, at)
            if match is None:
                raise self.problem(f"'{text[at:].strip()[:20]}' cannot be read")
            self.tokens.append(match[1])
            at = match.end()
            if len(self.tokens) > _MAX_TOKENS:
                raise self.problem(f"the condition is longer than {_MAX_TOKENS} words")
        self.at = self.depth = self.count = 0

    def problem(self, what: str, near: str = "") -> Problem:
        return Problem(f"{what} in the condition '{self.text[:80]}'", why="known names: " + ", ".join(NAMES), near=near,
                       fix="write e.g. 'cr and mrd(end-induction) < 1e-4'")

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, expected: str = "") -> str:
        token = self.peek()
        if not token or (expected and token != expected):
            raise self.problem(f"'{expected or 'a word'}' is missing after '{' '.join(self.tokens[: self.at])[-40:]}'")
        self.at += 1
        return token

    def parse(self) -> Term:
        if not self.tokens:
            raise self.problem("nothing stands")
        term = self.joined("or")
        if self.peek():
            raise self.problem(f"'{self.peek()}' is unexpected")
        return term

    def joined(self, word: str) -> Term:
        items = [self.joined("and") if word == "or" else self.single()]
        while self.peek() == word:
            self.take()
            items.append(self.joined("and") if word == "or" else self.single())
        flat = tuple(inner for item in items for inner in (item.items if isinstance(item, Join) and item.word == word else (item,)))
        return flat[0] if len(flat) == 1 else Join(word, flat)

    def single(self) -> Term:
        if self.peek() not in ("not", "("):
            return self.compare()
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise self.problem(f"there are more than {_MAX_DEPTH} levels of brackets")
        if self.take() == "not":
            term = negate(self.single())
        else:
            term = self.joined("or")
            self.take(")")
        self.depth -= 1
        return term

    def compare(self) -> Compare:
        self.count += 1
        if self.count > _MAX_COMPARES:
            raise self.problem(f"there are more than {_MAX_COMPARES} comparisons")
        name = self.take()
        if name not in _WORDS:
            raise self.problem(f"unknown name '{name[:30]}'", nearest(name, _WORDS))
        argument = None
        if self.peek() == "(" and name in CALLS:
            self.take()
            argument = self.take()
            if not _ID.fullmatch(argument):
                raise self.problem(f"'{argument[:30]}' is not the name of {'a drug' if name == 'received' else 'an assessment'}")
            self.take(")")
        elif name in CALLS and name not in FLAGS:
            raise self.problem(f"'{name}' needs a name in brackets")
        if self.peek() not in _FLIP:
            if name in NUMBERS or name in CHOICES or name == "mrd":
                raise self.problem(f"'{name}' must be compared with a value")
            return Compare(name, argument, "=", True)
        return self.valued(name, argument, self.take())

    def valued(self, name: str, argument: str | None, op: str) -> Compare:
        token = self.take()
        choices = choices_of(name)
        if token in choices:
            if op not in ("=", "!="):
                raise self.problem(f"'{op}' cannot compare '{name}' with '{token}'", "=")
            if op == "!=" and len(choices) == 2:
                token, op = choices[1 - choices.index(token)], "="
            return Compare(name, argument, op, token)
        if (name in NUMBERS or name == "mrd") and token[0] in "+-0123456789" and math.isfinite(float(token)):
            return Compare(name, argument, op, float(token))
        raise self.problem(f"'{name}' cannot be compared with '{token[:30]}'", nearest(token, choices))
