"""Reading YAML that may be hostile, and writing results that are never half there.

The YAML accepted is a plain subset: mappings, sequences and scalars (null, booleans, integers, decimals, text).
Anchors, aliases, tags, repeated keys, several documents, deep nesting and large files are refused.
"""

from __future__ import annotations

import math
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from remission.base.errors import CannotWrite, InvalidFile, NotFound, Problem, RemissionError, UnitError, nearest

MAX_BYTES = 1_048_576
MAX_DEPTH = 24
MAX_NODES = 100_000
MAX_SCALAR = 20_000

_EXPECTED = {"tuple_": "a list is expected", "list_": "a list is expected", "model_": "a mapping of keys and values is expected",
             "dict_": "a mapping of keys and values is expected", "string_type": "text is expected",
             "int_": "a whole number is expected", "float_": "a number is expected", "bool_": "true or false is expected"}

_DIRECTIVE = re.compile("^%|[\r\x85\u2028\u2029]%", re.MULTILINE)  # libyaml compares every directive with every other

Place = tuple[str | int, ...]
ModelT = TypeVar("ModelT", bound=BaseModel)
ErrorT = TypeVar("ErrorT", bound=RemissionError)

_NULL = re.compile(r"~|null|")
_BOOL = re.compile(r"true|false")
_INT = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,4})?")
# Control characters and those that turn the direction of text: what is printed must be what is read.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]")


class Model(BaseModel):
    """A frozen value read from a file; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


@dataclass(frozen=True)
class Document:
    """A parsed YAML file: plain data, and the line (from 1) on which each node starts."""

    path: str
    data: Any
    lines: Mapping[Place, int]

    def line(self, place: Place) -> int:
        """Line of the node at `place`, or of its nearest enclosing node that has one."""
        for end in range(len(place), -1, -1):
            if place[:end] in self.lines:
                return self.lines[place[:end]]
        return 1

    def where(self, place: Place = ()) -> str:
        """`file:line` of a node, for an error message."""
        return f"{self.path}:{self.line(place)}"


def read(path: str | Path) -> Document:
    """Read one YAML file. Raises NotFound when it cannot be opened, InvalidFile when it is not plain YAML."""
    shown = shown_path(path)
    try:
        with open(path, "rb") as handle:
            raw = handle.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a path that no system can have
        raise NotFound(f"cannot read the file: {getattr(error, 'strerror', None) or error}", where=shown,
                       fix="check the path and its permissions") from None
    return read_text(raw, shown)


def read_text(raw: bytes | str, shown: str = "<text>") -> Document:
    """Parse YAML from memory; `shown` names it in error messages."""
    if isinstance(raw, str):
        raw = raw.encode("utf-8", errors="surrogatepass")
    if len(raw) > MAX_BYTES:
        raise InvalidFile("the file is too large", where=shown, why=f"files may have at most {MAX_BYTES} bytes",
                          fix="split it into smaller files")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InvalidFile("the file is not UTF-8 text", where=f"{shown}:{line}", why=f"byte {error.start} is invalid",
                          fix="save it as UTF-8") from None
    directive = _DIRECTIVE.search(text)
    if directive:
        line = text[: directive.end()].count("\n") + 1
        raise InvalidFile("a line begins with '%'", where=f"{shown}:{line}", why="files are plain data without directives",
                          fix="remove the line, or put the text in quotes on one line")
    return _Builder(shown).build(text)


class _Builder:
    """Builds plain data from YAML events, iteratively, so that depth cannot exhaust the stack."""

    def __init__(self, shown: str) -> None:
        self.shown = shown
        self.lines: dict[Place, int] = {}
        self.nodes = 0
        self.root: list[Any] = []
        self.open: list[tuple[Any, Place, list[Any]]] = []

    def refuse(self, what: str, line: int, why: str, fix: str) -> InvalidFile:
        return _visible(InvalidFile(what, where=f"{self.shown}:{line}", why=why, fix=fix))

    def build(self, text: str) -> Document:
        import yaml

        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        documents = 0
        try:
            for event in yaml.parse(text, Loader=loader):
                start: Any = event.start_mark
                if isinstance(event, yaml.DocumentStartEvent):
                    documents += 1
                    if documents > 1:
                        raise self.refuse("a second document starts here", start.line + 1,
                                          "a file holds one document", "remove the line '---' or split the file")
                elif not isinstance(event, (yaml.StreamStartEvent, yaml.StreamEndEvent, yaml.DocumentEndEvent)):
                    self.take(event, yaml)
        except yaml.reader.ReaderError as error:
            line = text.encode()[: error.position].count(b"\n") + 1
            raise self.refuse("a control character stands here", line, f"character number {error.character} is not text",
                              "remove it, and save the file as plain text") from None
        except yaml.YAMLError as error:
            problem = str(getattr(error, "problem", None) or error).replace("\n", " ")[:200]
            opened = getattr(error, "context_mark", None) if "end of stream" in problem else None  # where the quote began
            mark = opened or getattr(error, "problem_mark", None)
            raise self.refuse("the file is not valid YAML", int(mark.line) + 1 if mark is not None else 1, problem,
                              "mend the indentation, quotes or brackets near this line") from None
        except (ValueError, RecursionError) as error:
            raise self.refuse("the file is not valid YAML", 1, str(error)[:200], "remove the odd characters") from None
        if not self.root:
            raise self.refuse("the file is empty", 1, "a document is needed", "write the file's contents")
        return Document(self.shown, self.root[0], self.lines)

    def take(self, event: Any, yaml: Any) -> None:
        line = event.start_mark.line + 1
        if isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self.open.pop()
            return
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise self.refuse("the file has too many entries", line, f"at most {MAX_NODES} are read", "split the file")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise self.refuse("an anchor or alias stands here", line, "files are static data without references",
                              "write the value out")
        if getattr(event, "tag", None):
            raise self.refuse(f"a tag stands here: {event.tag[:60]}", line, "files hold plain data, never objects",
                              "remove the tag")
        if isinstance(event, yaml.ScalarEvent):
            self.add(self.scalar(event, line), line)
            return
        if len(self.open) >= MAX_DEPTH:
            raise self.refuse("the file is nested too deeply", line, f"at most {MAX_DEPTH} levels are read", "flatten it")
        value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        place = self.add(value, line)
        self.open.append((value, place, []))

    def add(self, value: Any, line: int) -> Place:
        if not self.open:
            self.root.append(value)
            self.lines[()] = line
            return ()
        parent, base, pending = self.open[-1]
        if isinstance(parent, list):
            place = (*base, len(parent))
            parent.append(value)
        elif pending:
            key = pending.pop()
            place = (*base, key)
            parent[key] = value
            return place
        else:
            return self.key(value, parent, base, pending, line)
        self.lines[place] = line
        return place

    def key(self, value: Any, parent: dict[str, Any], base: Place, pending: list[Any], line: int) -> Place:
        if isinstance(value, (dict, list)):
            raise self.refuse("a key is a list or mapping", line, "keys are words", "use a word as the key")
        if value is None:
            raise self.refuse("a key is empty", line, "keys are words", "write a word before the colon")
        key = value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
        if key in parent:
            raise self.refuse(f"the key '{key[:60]}' stands here twice", line, "each key may be given once",
                              "remove or rename one of them")
        pending.append(key)
        self.lines[(*base, key)] = line
        return (*base, key)

    def scalar(self, event: Any, line: int) -> Any:
        text: str = event.value
        if len(text) > MAX_SCALAR:
            raise self.refuse("a value is too long", line, f"at most {MAX_SCALAR} characters are read", "shorten it")
        unseen = _UNSEEN.search(text)
        if unseen:
            raise self.refuse("a value holds a control character", line, f"the character {unseen[0]!r} cannot be seen",
                              "remove it")
        if not event.implicit[0]:
            return text
        if _NULL.fullmatch(text):
            return None
        if _BOOL.fullmatch(text):
            return text == "true"
        if _INT.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text) and math.isfinite(float(text)):
            return float(text)
        return text


def parse(document: Document, model: type[ModelT], place: Place = ()) -> ModelT:
    """Turn a document (or the node at `place`) into `model`; the first broken rule becomes an error with file and line."""
    data = document.data
    for depth, step in enumerate(place):
        if not _has(data, step):
            raise InvalidFile(f"the key '{step}' is missing", where=document.where(place[:depth]), fix=f"add '{step}: …'")
        data = data[step]
    if not isinstance(data, dict):
        raise _visible(InvalidFile("a mapping of keys and values is expected here", where=document.where(place),
                                   why=f"found {_kind(data)}", fix="write 'key: value' lines"))
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise _visible(_first_error(document, place, model, error)) from None


def _visible(error: ErrorT) -> ErrorT:
    """The error with each part on one line and in characters that print: a file may quote anything."""
    for name, text in error.parts().items():
        line = " ".join(text.split())
        setattr(error, name, "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line))
    return error


def _has(data: Any, step: str | int) -> bool:
    """Whether a mapping has the key, or a list the index."""
    return step in data if isinstance(data, dict) else isinstance(data, list) and isinstance(step, int) and 0 <= step < len(data)


def _first_error(document: Document, place: Place, model: type[BaseModel], error: ValidationError) -> RemissionError:
    errors = error.errors(include_url=False)
    deeper = {item["loc"][:end] for item in errors for end in range(len(item["loc"]))}
    # A list whose items are wrong also counts as too short: the item is the cause.
    # A misspelt key is also missing under its right name: the misspelling is the cause.
    misspelt = {item["loc"][:-1] for item in errors if item["type"] == "extra_forbidden"}
    causes = [item for item in errors if not (item["type"] == "too_short" and item["loc"] in deeper)
              and not (item["type"] == "missing" and item["loc"][:-1] in misspelt)]
    found = min(causes, key=lambda item: document.line((*place, *_loc(document, place, item["loc"]))))
    at = (*place, *_loc(document, place, found["loc"]))
    name = ".".join(str(step) for step in at) or "file"
    cause = found.get("ctx", {}).get("error")
    if isinstance(cause, Problem):
        kind = UnitError if cause.unit else InvalidFile
        return kind(f"{name}: {cause.what}", where=document.where(at), why=cause.why, near=cause.near, fix=cause.fix)
    if found["type"] == "extra_forbidden":
        known = _fields_at(model, found["loc"][:-1])
        return InvalidFile(f"unknown key '{str(at[-1])[:60]}'", where=document.where(at),
                           why="known keys here: " + ", ".join(sorted(known)) if known else "this key is not part of the language",
                           near=nearest(str(at[-1]), known), fix="correct or remove the key")
    if found["type"] == "missing":
        return InvalidFile(f"the key '{at[-1]}' is missing", where=document.where(at[:-1]),
                           why=f"{'.'.join(map(str, at[:-1])) or 'the file'} needs it", fix=f"add '{at[-1]}: …'")
    if found["type"] in ("too_long", "too_short"):
        limit = found["ctx"].get("max_length", found["ctx"].get("min_length"))
        many = found["type"] == "too_long"
        return InvalidFile(f"{name}: too {'many' if many else 'few'} entries", where=document.where(at),
                           why=f"at {'most' if many else 'least'} {limit} {'are read' if many else 'must stand here'}",
                           fix="split the file" if many else "add one")
    if found["type"] == "string_pattern_mismatch" and found["ctx"]["pattern"].startswith("^[a-z0-9][a-z0-9-]"):
        return InvalidFile(f"{name}: '{str(found.get('input'))[:60]}' is not an id", where=document.where(at),
                           why="an id has lower-case letters, digits and hyphens, at most 64, and begins with a letter or digit",
                           near=re.sub("[^a-z0-9]+", "-", str(found.get("input"))[:64].lower()).strip("-"), fix="rename it")
    return _mistyped(found, name, document.where(at))


def _mistyped(found: Any, name: str, where: str) -> InvalidFile:
    """A value of the wrong type, out of its range, or not among its choices, in the words of a YAML file."""
    shown = _kind(found.get("input"))
    if found["type"] == "literal_error":
        choices = re.findall(r"'([^']*)'", str(found["ctx"]["expected"]))
        return InvalidFile(f"{name}: {shown} is not known here", where=where, why="one of these is expected: " + ", ".join(choices),
                           near=nearest(str(found.get("input"))[:60], choices), fix="write one of them")
    expected = next((text for prefix, text in _EXPECTED.items() if found["type"].startswith(prefix)), "")
    if not expected:
        expected = f"{found['msg'][0].lower()}{found['msg'][1:]}".replace("input should be", "the value should be")
    quote = " in quotes" if found["type"] == "string_type" and isinstance(found.get("input"), (int, float, bool)) else ""
    return InvalidFile(f"{name}: {expected}", where=where, why=f"found {shown}", fix="write it" + quote if quote else "correct the value")


def _loc(document: Document, place: Place, loc: tuple[int | str, ...]) -> Place:
    """Pydantic's location with its union-branch labels removed: only steps that exist in the document, and the last."""
    data: Any = document.data
    for step in place:
        data = data[step]
    kept: list[int | str] = []
    for index, step in enumerate(loc):
        exists = (isinstance(data, dict) and step in data) or (
            isinstance(data, list) and isinstance(step, int) and 0 <= step < len(data))
        if exists:
            data = data[step]
            kept.append(step)
        elif index == len(loc) - 1 and isinstance(data, dict):
            kept.append(step)
    return tuple(kept)


def _fields_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> set[str]:
    """Names of the keys allowed at a location, as far as the model's annotations tell."""
    current: list[type[BaseModel]] = [model]
    for step in loc:
        following: list[type[BaseModel]] = []
        for candidate in current:
            field = candidate.model_fields.get(str(step)) or next(
                (f for f in candidate.model_fields.values() if f.alias == step), None)
            if field is not None:
                following += _models_in(field.annotation)
            elif isinstance(step, int) or str(step) not in candidate.model_fields:
                following.append(candidate)
        current = following or current
    return {field.alias or name for candidate in current for name, field in candidate.model_fields.items()}


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in getattr(annotation, "__args__", ()) for model in _models_in(inner)]


def _kind(data: Any) -> str:
    if isinstance(data, bool):
        return "true" if data else "false"
    named = {dict: "a mapping", list: "a list", type(None): "nothing"}
    return named.get(type(data), f"'{data[:60]}'" if isinstance(data, str) else str(data)[:60])


def shown_path(path: str | Path) -> str:
    """A path as shown to users: relative to the working directory where that is shorter."""
    full = os.path.abspath(path)
    relative = os.path.relpath(full)
    return relative if not relative.startswith("..") else full


def write_directory(directory: str | Path, files: Mapping[str, str]) -> None:
    """Write several text files: all are written beside their places first, then moved in; a failure leaves none of them."""
    target = Path(directory)
    try:
        target.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".writing-", dir=target))
    except OSError as error:
        raise CannotWrite(f"cannot write to the directory: {error.strerror or error}", where=shown_path(target),
                          why="results are written there", fix="choose another directory with --out") from None
    try:
        for name, text in files.items():
            (staging / name).write_text(text, encoding="utf-8")
        for name in files:
            os.replace(staging / name, target / name)
    except OSError as error:
        raise CannotWrite(f"cannot write the results: {error.strerror or error}", where=shown_path(target),
                          why="nothing was left half-written", fix="free some space or choose another directory") from None
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def check_writable(directory: str | Path) -> None:
    """Fail before a long run, not after it, when `directory` cannot be written."""
    write_directory(directory, {})


def write_text(path: str | Path, text: str) -> None:
    """Write one text file atomically."""
    write_directory(Path(path).parent, {Path(path).name: text})
