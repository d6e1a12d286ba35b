"""The specification's chapters: Markdown with examples that are executed (test_spec.py) and printed (docs/language.md).

An example is a fenced block `yaml`, a regimen of which the header may be left out, followed by one or more fenced blocks that say
what it means: tables of cells separated by `|`, the text of an `error`, the `machine` plan, `warnings` line by line. Tables of
`quantities`, `days` and `conditions` stand alone: what is written, and what it is or why it is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHAPTERS = Path(__file__).parent / "chapters"
DOCUMENT = ROOT / "docs" / "language.md"
ALONE = ("quantities", "days", "conditions")
HEADER = {
    "id": "id: example",
    "title": "title: Example",
    "summary": "summary: An example of the language.",
    "ph": "ph: negative",
    "source": "source: {ref: pourhassan-2023, at: text}",
}
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block: its kind, its text, and where it stands."""

    kind: str
    text: str
    chapter: str
    line: int

    @property
    def name(self) -> str:
        return f"{self.chapter}:{self.line}:{self.kind}"

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Column names and rows."""
        first, *rest = ([cell.strip() for cell in line.split("|")] for line in self.text.splitlines())
        return first, rest


@dataclass(frozen=True)
class Example:
    """A regimen and what is said of it."""

    regimen: Block
    says: list[Block] = field(default_factory=list)

    def file(self) -> str:
        """The regimen with the header lines that it leaves out added at its end, so that its own lines keep their numbers."""
        given = re.findall(r"^(\w+):", self.regimen.text, re.MULTILINE)
        return self.regimen.text + "".join(f"{line}\n" for key, line in HEADER.items() if key not in given)


def paths() -> list[Path]:
    return sorted(CHAPTERS.glob("*.md"))


def blocks() -> list[Block]:
    """Every fenced block, in order."""
    found = []
    for path in paths():
        text = path.read_text(encoding="utf-8")
        found += [Block(match[1], match[2], path.stem, text[: match.start()].count("\n") + 1) for match in _FENCE.finditer(text)]
    return found


def examples() -> list[Example]:
    """Every regimen with the blocks that follow it."""
    found: list[Example] = []
    for block in blocks():
        if block.kind == "yaml":
            found.append(Example(block))
        elif block.kind not in ALONE:
            found[-1].says.append(block)
    return found


def document() -> str:
    """The documentation's chapter on the language."""
    chapters = [path.read_text(encoding="utf-8").strip() for path in paths()]
    titles = [chapter.split("\n", 1)[0].removeprefix("# ") for chapter in chapters]
    contents = "\n".join(f"- [{title}](#{re.sub(r'[^a-z ]', '', title.lower()).replace(' ', '-')})" for title in titles)
    body = "\n\n".join(_FENCE.sub(_printed, re.sub(r"^#", "##", chapter, flags=re.MULTILINE)) for chapter in map(_comments_kept, chapters))
    return (
        "<!-- Made by tools/spec from tests/spec/chapters, where each example is a test. Edit those files. -->\n\n"
        "# The protocol language\n\n"
        "How a regimen is written so that a physician reads it and a machine runs it. Every example below is executed by the tests.\n\n"
        f"{contents}\n\n{body.replace(_HASH, '#')}\n"
    )


_HASH = "\x00"


def _comments_kept(chapter: str) -> str:
    """The chapter with the hash signs inside its fenced blocks put out of the way of headings."""
    return _FENCE.sub(lambda match: match[0].replace("#", _HASH), chapter)


def _printed(match: re.Match[str]) -> str:
    kind, text = match[1], match[2]
    if kind == "yaml":
        return match[0]
    if kind == "machine":
        return f"This is, as a machine plan:\n\n```yaml\n{text}```"
    if kind in ("error", "warnings"):
        return f"{'This is an error' if kind == 'error' else 'This is read, with a warning'}:\n\n```text\n{text}```"
    first, *rest = ([cell.strip() for cell in line.split("|")] for line in text.splitlines())
    tick = kind in ("conditions", "quantities", "days")
    rows = [[f"`{cell}`" if tick and number == 0 else cell for number, cell in enumerate(row)] for row in rest]
    lines = ["| " + " | ".join(row) + " |" for row in [first, ["---"] * len(first), *rows]]
    return f"{_TITLES[kind]}\n\n" + "\n".join(lines)


_TITLES = {
    "quantities": "Quantities:",
    "days": "Days:",
    "conditions": "Conditions:",
    "administrations": "What is given on the default path, day by day:",
    "phases": "Its phases:",
    "gives": "What its phases give:",
    "assessments": "Its assessments, on days of the default path:",
    "branches": "Its branches:",
    "alongside": "Alongside:",
    "notes": "Its notes:",
}
