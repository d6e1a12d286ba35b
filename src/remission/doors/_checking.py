"""What `remission check` looks at: every file of the catalog, or the files named, each by the rules of its kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from remission.base import catalog, files
from remission.base.errors import NotFound, RemissionError, nearest
from remission.base.files import Document

KNOWN = ("regimen", "block", "drug", "trial", "population", "source", "parameters", "genetics", "life table", "claims", "placements",
         "ranking", "burden")


@dataclass(frozen=True)
class Found:
    """One finding: `error` or `warning`, file, line, cause, cure; `near` is the nearest valid choice."""

    severity: str
    file: str
    line: int
    cause: str
    cure: str
    near: str = ""

    def __str__(self) -> str:
        near = f"\n  near: {self.near}" if self.near else ""
        return f"{self.file}:{self.line}: {self.severity}: {self.cause}{near}\n  cure: {self.cure}"

    def to_dict(self) -> dict[str, Any]:
        """The finding as plain data."""
        return asdict(self)


def paths_of(named: tuple[str, ...]) -> list[Path]:
    """The files to look at: those named, the .yaml files in folders named, or the whole catalog. Raises NotFound."""
    found: list[Path] = []
    for name in named:
        path = Path(name)
        if path.is_dir():
            inside = sorted(path.rglob("*.yaml"))
            if not inside:
                raise NotFound("the folder has no .yaml file", where=files.shown_path(path), fix="name a file, or another folder")
            found += inside
        else:
            found.append(path)
    return found or sorted(catalog.root().rglob("*.yaml"))


def kind_of(data: Any) -> str:
    """The kind of a document by its keys; "" when it is none that is known."""
    if not isinstance(data, dict):
        return ""
    keys = set(data)
    marks = (("regimen", {"phases"}), ("regimen", {"like"}), ("trial", {"design"}), ("trial", {"results"}), ("drug", {"mechanism"}),
             ("drug", {"dose_range"}), ("block", {"give"}), ("population", {"age", "wbc"}), ("source", {"read_as"}),
             ("life table", {"male", "female"}), ("claims", {"claims"}), ("placements", {"first", "cycles", "orders"}),
             ("ranking", {"endpoint", "questions"}), ("burden", {"hospital", "transplant", "adult"}))
    for kind, needed in marks:
        if needed <= keys:
            return kind
    entries = [entry for value in data.values() for entry in (value if isinstance(value, list) else [None])]
    if entries and all(isinstance(entry, dict) and "prior" in entry for entry in entries):
        return "parameters"
    if "lesions" in data and "together" in data:
        return "genetics"
    return ""


def check_path(path: Path) -> Iterator[Found]:
    """Findings of one file."""
    try:
        document = files.read(path)
    except RemissionError as error:
        yield _found(error, str(path))
        return
    kind, shipped = kind_of(document.data), _in_catalog(path)
    if not kind and shipped is None:
        yield Found("error", document.path, 1, "this is no file of the catalog: its keys fit none of " + ", ".join(KNOWN),
                    "write a file as in catalog/", _near_kind(document.data))
    found: list[Found] = []
    try:
        found += _by_kind(kind, document, shipped)
    except RemissionError as error:
        found.append(_found(error, document.path))
    found += _named(document, path, kind if shipped in ("trials", "sources") else "")
    said = {item.line for item in found if item.file == document.path and "unknown source" in item.cause}
    yield from found
    yield from (item for item in _references(document) if item.line not in said)


def _in_catalog(path: Path) -> str | None:
    """The folder of the catalog in which a file lies ("" for its top), or None for a file elsewhere."""
    try:
        inside = path.resolve().relative_to(catalog.root().resolve())
    except ValueError:
        return None
    return inside.parts[0] if len(inside.parts) > 1 else ""


def _by_kind(kind: str, document: Document, shipped: str | None) -> Iterator[Found]:
    from remission.evidence import Source, check_document
    from remission.patients import Covariates, Population
    from remission.protocol import Block, Drug, check_give

    if shipped == "second":
        yield from _second(kind, document)
    elif kind == "regimen":
        yield from _regimen(document)
    elif kind == "trial":
        identifier = Path(document.path).stem if shipped == "trials" else None
        for item in check_document(document, identifier):
            yield Found("error", item.file, item.line, item.cause, item.cure)
    elif kind == "parameters":
        yield from _parameters(document)
    elif kind == "genetics":
        files.parse(document, Covariates)
    elif kind in ("claims", "placements", "ranking", "burden"):
        from remission.doors._checking_decide import check_decide

        for line, cause, cure, near in check_decide(kind, document):
            yield Found("error", document.path, line, cause, cure, near)
    elif kind in ("block", "drug", "population", "source"):
        models: dict[str, Any] = {"block": Block, "drug": Drug, "population": Population, "source": Source}
        value = files.parse(document, models[kind])
        if kind == "block":
            for number, give in enumerate(value.give):
                check_give(give, document, ("give", number))
        if shipped in ("blocks", "drugs"):
            _shared(kind, value.id)


def _regimen(document: Document) -> Iterator[Found]:
    from remission.protocol import read_regimen, warnings

    for warning in warnings(read_regimen(document)):
        phase = warning.where.rpartition("phase ")[2]
        yield Found("warning", document.path, _line_of(document, phase), f"{warning.what} ({warning.why})", warning.fix)


def _second(kind: str, document: Document) -> Iterator[Found]:
    """A second transcription agrees with the first, but for what is open or recorded as disputed."""
    from remission.evidence import check_second
    from remission.protocol import agreement, read_regimen

    if kind == "regimen":
        read_regimen(document)
        for item in agreement(Path(document.path).stem).different:
            yield Found("error", document.path, 1, f"the two transcriptions differ: {item}",
                        "read the source again and mend one of them, or note the point as disputed in both")
    else:
        for finding in check_second():
            yield Found("error", finding.file, finding.line, finding.cause, finding.cure)


def _line_of(document: Document, phase: str) -> int:
    """The line on which a phase is written; a repeated one is written without its number."""
    written = document.data.get("phases") or []
    for name in (phase, phase.rpartition("-")[0]):
        for index, item in enumerate(written):
            if item.get("id") == name:
                return document.line(("phases", index, "id"))
    return 1


def _shared(kind: str, identifier: str) -> None:
    """The rules of a shipped drug or block. Raises the first that is broken."""
    from remission.protocol import check_block, check_drug

    if identifier in catalog.ids(f"{kind}s"):
        (check_drug if kind == "drug" else check_block)(identifier)


def _parameters(document: Document) -> Iterator[Found]:
    from remission.engine import Parameter

    seen: set[str] = set()
    for group, entries in document.data.items():
        for index in range(len(entries)):
            try:
                parameter = files.parse(document, Parameter, (group, index))
            except RemissionError as error:
                yield _found(error, document.path)
                continue
            if parameter.name in seen:
                yield Found("error", document.path, document.line((group, index)), f"the parameter '{parameter.name}' stands twice",
                            "remove one")
            seen.add(parameter.name)


def _named(document: Document, path: Path, checked: str) -> Iterator[Found]:
    """A file is named after its id."""
    identifier = document.data.get("id") if isinstance(document.data, dict) else None
    if isinstance(identifier, str) and identifier != path.stem and not checked and _in_catalog(path) is not None:
        yield Found("error", document.path, document.line(("id",)), f"the file {path.name} says 'id: {identifier}'",
                    "make the two agree", path.stem)


def _references(document: Document) -> Iterator[Found]:
    """Every cited source is in the catalog."""
    known = catalog.ids("sources")
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), document.data)]
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, list):
            waiting += [((*place, index), item) for index, item in enumerate(value)]
        elif isinstance(value, dict):
            waiting += [((*place, key), item) for key, item in value.items()]
            ref = value.get("ref")
            if isinstance(ref, str) and ref not in known:
                yield Found("error", document.path, document.line((*place, "ref")), f"unknown source '{ref[:60]}'",
                            "correct the id, or add the source's file; without a source write 'assumed: why'", nearest(ref, known))


def _found(error: RemissionError, path: str) -> Found:
    """An error that stopped a file, as a finding; it may stand in a file that this one uses."""
    file, _, line = error.where.rpartition(":")
    known = line.isdigit() and bool(file)
    cause = error.what + (f" ({error.why})" if error.why else "")
    return Found("error", file if known else files.shown_path(path), int(line) if known else 1, cause,
                 error.fix or "correct the file", error.near)


def _near_kind(data: Any) -> str:
    return nearest(" ".join(data), KNOWN) if isinstance(data, dict) else ""


def check_all(paths: list[Path], tell: Callable[[str, float], None] = lambda what, share: None) -> list[Found]:
    """Findings of every file, each once, by file and line. `tell` hears which folder is looked at and the share done."""
    found: dict[Found, None] = {}
    for number, path in enumerate(paths):
        tell(path.parent.name or str(path.parent), number / len(paths))
        found.update(dict.fromkeys(check_path(path)))
    return sorted(found, key=lambda item: (item.file, item.line, item.severity, item.cause))
