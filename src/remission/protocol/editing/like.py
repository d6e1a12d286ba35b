"""Regimens written as "like X, but…": as a small file, or as one line of text.

    like: a041703
    id: debulked
    title: A041703 after one course of mini-hyper-CVD
    but:
      - {insert: mini-hyper-cvd-a, at: induction}
      - {move: blinatumomab, before: consolidation}
      - {remove: course-v}
      - {repeat: {course-iv: 2}}
      - {swap: {inotuzumab: blinatumomab 28 ug/d civ}}
      - {then: pomp, times: 12}
      - {after: course-ii-1, if: not cr(induction), stop: refractory}

As text: `like a041703, but move blinatumomab before consolidation`, with further edits after "and" or ";". Text is matched
against the few forms below and never evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from remission.base import catalog, files
from remission.base.errors import InvalidFile, Problem, RemissionError, UnitError, UsageError
from remission.base.files import Document, Model
from remission.protocol.conditions import Condition
from remission.protocol.editing import edit
from remission.protocol.editing.edit import Edited
from remission.protocol.model import MAX_REPEAT, Id, Note, Phase, Regimen

Name = Annotated[str, Field(min_length=1, max_length=120)]
Times = Annotated[int, Field(ge=1, le=MAX_REPEAT)]
VERBS = ("insert", "move", "remove", "repeat", "swap", "then", "if")
MAX_TEXT = 2000


class Step(Model):
    """One edit: what to do, and where."""

    insert: Name | Phase | None = None
    move: Name | None = None
    remove: Name | None = None
    repeat: dict[Name, Times] | None = None
    swap: dict[Name, Name] | None = None
    then: Name | Phase | None = None
    if_: Condition | None = Field(default=None, alias="if")
    go: Id | None = None
    stop: Literal["refractory", "off protocol", "completed"] | None = None
    before: Name | None = None
    after: Name | None = None
    at: Name | None = None
    times: Times | None = None
    note: str | None = None

    @property
    def verb(self) -> str:
        """The edit's word."""
        return next(name for name in VERBS if getattr(self, "if_" if name == "if" else name) is not None)

    @model_validator(mode="after")
    def _one_edit(self) -> Step:
        verbs = [name for name in VERBS if getattr(self, "if_" if name == "if" else name) is not None]
        if len(verbs) != 1:
            raise Problem("an edit says exactly one of " + ", ".join(VERBS), why=f"found {' and '.join(verbs) or 'none'}",
                          fix="write each edit on its own line")
        verb = verbs[0]
        fitting = {"insert": {"before", "after", "at", "times"}, "move": {"before", "after", "at"}, "then": {"times"},
                   "if": {"after", "go", "stop"}}.get(verb, set())
        odd = [name for name in ("before", "after", "at", "times", "go", "stop") if getattr(self, name) is not None and name not in fitting]
        if odd:
            raise Problem(f"'{odd[0]}' does not belong to '{verb}'", why="it takes " + (", ".join(sorted(fitting)) or "no place"),
                          fix=f"remove '{odd[0]}'")
        places = [name for name in ("before", "after", "at") if getattr(self, name) is not None]
        if verb in ("insert", "move") and len(places) != 1:
            raise Problem(f"'{verb}' needs exactly one place", why=f"found {' and '.join(places) or 'none'}",
                          near="before", fix="add one of before, after and at")
        if verb == "if" and self.after is None:
            raise Problem("a decision needs the phase after which it is taken", fix="add 'after: <phase>'")
        if verb == "if" and (self.go is None) == (self.stop is None):
            raise Problem("a decision needs exactly one of 'go' and 'stop'", fix="name the phase to go to, or the reason to stop")
        return self


class Like(Model):
    """A regimen that is like another, but for some edits."""

    like: Id
    id: Id
    title: str
    summary: str | None = None
    notes: tuple[Note, ...] = ()
    but: tuple[Step, ...] = Field(min_length=1)


def is_like(data: Any) -> bool:
    """Whether a document's data is of this form."""
    return isinstance(data, Mapping) and "like" in data


def read_like(document: Document, seen: tuple[str, ...] = ()) -> Edited:
    """The regimen that a file of this form means, resolved and checked; errors name file and line."""
    like = files.parse(document, Like)
    if like.like in seen or like.like == like.id:
        raise InvalidFile(f"'{like.like}' is like itself", where=document.where(("like",)), why=" → ".join((*seen, like.like)),
                          fix="begin from a regimen that is written out")
    try:
        base = _base(like.like, (*seen, like.like))
    except RemissionError as error:
        if like.like not in catalog.ids("regimens"):
            raise _placed(error, document.where(("like",))) from None
        raise
    places = [document.where(("but", index)) for index in range(len(like.but))]
    edited = apply(base, like.but, places)
    update: dict[str, Any] = {"id": like.id, "title": like.title, "notes": (*edited.regimen.notes, *like.notes), "trial": None,
                              "summary": like.summary or f"Like {like.like}, but: " + "; ".join(edited.changes) + "."}
    return Edited(edited.regimen.model_copy(update=update), edited.changes)


def _base(identifier: str, seen: tuple[str, ...]) -> Regimen:
    from remission.protocol.resolve import read_regimen

    document = files.read(catalog.path("regimens", identifier))
    return read_like(document, seen).regimen if is_like(document.data) else read_regimen(document)


def apply(regimen: Regimen, steps: tuple[Step, ...], places: list[str] | None = None) -> Edited:
    """Several edits after each other. `places` say where each is written, for its errors.

    An edit may leave a rule broken that a later one mends (a decision about an assessment that the next edit brings back): the
    rules are asked of the result, and an error names the edit that broke them for good.
    """
    named = places or [f"edit {number}" for number in range(1, len(steps) + 1)]
    original, changes = regimen, list[str]()
    broken: tuple[int, RemissionError] | None = None
    for number, step in enumerate(steps):
        try:
            edited = apply_step(regimen, step, check=False)
        except RemissionError as error:
            raise _placed(error, named[number]) from None
        regimen = edited.regimen
        changes += edited.changes
        try:
            edit.validated(regimen)
            broken = None
        except RemissionError as error:
            broken = (broken[0] if broken else number, error)
    if broken:
        raise _placed(broken[1], named[broken[0]])
    return Edited(regimen, (*changes, *edit.new_warnings(original, regimen)))


def _placed(error: RemissionError, where: str) -> RemissionError:
    """The same error at a place in a file."""
    kind = UnitError if isinstance(error, UnitError) else InvalidFile
    inside = error.where.split(", ", 2)[2:] if error.where.startswith("edit, ") else []
    return kind(error.what, where=where, why="; ".join([*inside, error.why]), near=error.near, fix=error.fix)


def apply_step(regimen: Regimen, step: Step, check: bool = True) -> Edited:
    """One edit of a regimen."""
    place = {name: getattr(step, name) for name in ("before", "after", "at")}
    times = step.times or 1
    if step.verb == "insert":
        assert step.insert is not None
        return edit.insert(regimen, step.insert, **place, times=times, check=check)
    if step.verb == "move":
        assert step.move is not None
        return edit.move(regimen, step.move, **place, check=check)
    if step.verb == "remove":
        assert step.remove is not None
        return edit.remove(regimen, step.remove, check=check)
    if step.verb == "then":
        assert step.then is not None
        return edit.then(regimen, step.then, times=times, check=check)
    if step.verb == "if":
        assert step.after is not None
        return edit.branch(regimen, step.after, str(step.if_), go=step.go, stop=step.stop, check=check)
    return _each(regimen, step, check)


def _each(regimen: Regimen, step: Step, check: bool) -> Edited:
    """Every pair of a `repeat` or `swap`."""
    changes: tuple[str, ...] = ()
    for what, times in (step.repeat or {}).items():
        edited = edit.repeat(regimen, what, times, check=check)
        regimen, changes = edited.regimen, changes + edited.changes
    for old, new in (step.swap or {}).items():
        name, dose, route = drug_and_dose(new)
        edited = edit.swap(regimen, old, name, dose=dose, route=route, check=check)
        regimen, changes = edited.regimen, changes + edited.changes
    return Edited(regimen, changes)


_DRUG_AND_DOSE = re.compile(r"(\S+)(?:\s+([0-9.]+\s*[A-Za-zµμ][^\s]*))?(?:\s+(iv|po|sc|im|it|civ))?")


def drug_and_dose(text: str) -> tuple[str, str | None, str | None]:
    """'ponatinib 30 mg po' as drug, dose and route. Raises UsageError."""
    match = _DRUG_AND_DOSE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"'{text[:60]}' is not a drug with a dose", where="edit", why="a drug, then perhaps its dose and route",
                         near="ponatinib 30 mg po", fix="write e.g. 'ponatinib 30 mg po'")
    return match[1], match[2], match[3]


_NAME = r"((?:(?:phase|purpose|drug|block|series) )?[A-Za-z0-9][A-Za-z0-9-]*)"
_PLACE = r" (before|after|at) " + _NAME
_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("insert", re.compile(r"insert " + _NAME + r"(?: ([0-9]{1,3}) times)?" + _PLACE)),
    ("move", re.compile(r"move " + _NAME + _PLACE)),
    ("remove", re.compile(r"remove " + _NAME)),
    ("repeat", re.compile(r"repeat " + _NAME + r" ([0-9]{1,3}) times")),
    ("swap", re.compile(r"swap " + _NAME + r" for ([A-Za-z0-9][A-Za-z0-9-]*(?: [0-9.]+ ?[A-Za-zµμ][^\s]*)?(?: (?:iv|po|sc|im|it|civ))?)")),
    ("then", re.compile(r"then " + _NAME + r"(?: ([0-9]{1,3}) times)?")),
)
FORMS = ("insert X before|after|at Y", "move X before|after|at Y", "remove X", "repeat X 3 times", "swap X for Y 30 mg po",
         "then X 12 times")
_HEAD = re.compile(r"[Ll]ike ([a-z0-9][a-z0-9-]*),? but (.+)")
_SPLIT = re.compile(r"(?:;|, and|,| and) (?=(?:insert|move|remove|repeat|swap|then) )")


def is_text(text: str) -> bool:
    """Whether text begins like an edit of a regimen."""
    return text.lstrip().lower().startswith("like ")


def parse_text(text: str) -> Like:
    """`like a041703, but move blinatumomab before consolidation` as a value. Raises UsageError naming the forms."""
    plain = " ".join(text[: MAX_TEXT + 1].split())
    head = _HEAD.fullmatch(plain)
    if len(text) > MAX_TEXT or head is None:
        raise UsageError(f"'{plain[:80]}' cannot be read", where="edit", why="it begins 'like REGIMEN, but '",
                         near="like a041703, but move blinatumomab before consolidation", fix="write: like REGIMEN, but " + FORMS[1])
    said = _SPLIT.split(head[2])
    data = {"like": head[1], "id": head[1][:57] + "-edited", "title": f"Like {head[1]}, but {head[2]}"[:400],
            "but": [_step(part) for part in said]}
    try:
        return Like.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise UsageError(f"'{plain[:80]}' cannot be meant: {first['msg']}", where="edit", fix="write: " + "; ".join(FORMS)) from None


def _step(text: str) -> dict[str, Any]:
    for verb, form in _FORMS:
        match = form.fullmatch(text.strip())
        if match is None:
            continue
        if verb == "insert":
            return {"insert": match[1], match[3]: match[4]} | ({"times": int(match[2])} if match[2] else {})
        if verb == "move":
            return {"move": match[1], match[2]: match[3]}
        if verb == "repeat":
            return {"repeat": {match[1]: int(match[2])}}
        if verb == "swap":
            return {"swap": {match[1]: match[2]}}
        return {verb: match[1]} | ({"times": int(match[2])} if verb == "then" and match[2] else {})
    raise UsageError(f"'{text[:80]}' is not an edit", where="edit", why="the forms are: " + "; ".join(FORMS),
                     near=_nearest_form(text), fix="use one of the forms; a decision is written in a file")


def _nearest_form(text: str) -> str:
    verb = text.split(" ", 1)[0]
    return next((form for form in FORMS if form.startswith(verb + " ")), FORMS[1])


def edit_text(text: str) -> Edited:
    """The regimen that `like …, but …` means. Raises NotFound for an unknown regimen, UsageError for an edit that cannot be meant."""
    like = parse_text(text)
    base = _base(like.like, (like.like,))
    if len(like.but) == 1:
        edited = apply_step(base, like.but[0])
    else:
        edited = apply(base, like.but)
    return Edited(edited.regimen.model_copy(update={"id": like.id, "title": like.title}), edited.changes)


def open_regimen(text: str) -> Regimen:
    """A regimen by its catalog id, by the path of a file (ending in .yaml), or by an edit (`like X, but …`)."""
    from remission.protocol.resolve import load_regimen, read_regimen

    if is_text(text):
        return edit_text(text).regimen
    return read_regimen(files.read(text)) if text.endswith(".yaml") else load_regimen(text)

