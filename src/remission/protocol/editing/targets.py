"""Names in an edit and the phases they mean: a phase, a purpose, a drug, a block, or a numbered series of phases."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

from remission.base import catalog
from remission.base.errors import NotFound, UsageError, nearest
from remission.protocol.comparing.meaning import Line, lines
from remission.protocol.model import Block, Phase, Purpose, Regimen
from remission.protocol.resolve import load_block, load_drug

Kind = Literal["phase", "purpose", "drug", "block", "series"]
PURPOSES: tuple[str, ...] = get_args(Purpose)
ALSO_CALLED = {"hyper-cvad-mini-a": "mini-hyper-cvd-a", "hyper-cvad-mini-b": "mini-hyper-cvd-b"}
"""Other names of blocks."""

_QUALIFIED = re.compile(r"(phase|purpose|drug|block|series)\s+(\S.*)")


@dataclass(frozen=True)
class Target:
    """What a name means in a regimen: ids of its phases in the regimen's order; `name` is the id of the drug or block."""

    kind: Kind
    name: str
    phases: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def find(regimen: Regimen, text: str, effect: Callable[[Target], object] | None = None) -> Target:
    """The phases that `text` names.

    `effect` says what counts: two readings with the same effect are not ambiguous (the first phase, for "before").
    Raises NotFound with the nearest name, or UsageError naming the choices when the readings differ.
    """
    found = readings(regimen, text)
    if not found:
        names = known(regimen)
        raise NotFound(f"'{text[:60]}' names nothing in {regimen.id}", where=f"regimen {regimen.id}",
                       why="phases: " + names_of(regimen, [p.id for p in regimen.phases]) + "; purposes, drugs and blocks count too",
                       near=nearest(text, names), fix="name a phase, a purpose, a drug or a block of this regimen")
    chosen = {str((effect or _phases)(target)) for target in found}
    if len(chosen) > 1:
        raise UsageError(f"'{text[:60]}' is ambiguous in {regimen.id}", where=f"regimen {regimen.id}",
                         why="; ".join(f"'{target}' means {names_of(regimen, target.phases)}" for target in found),
                         near=str(found[0]), fix="write one of: " + ", ".join(f"'{target}'" for target in found))
    return found[0]


def _phases(target: Target) -> tuple[str, ...]:
    return target.phases


def readings(regimen: Regimen, text: str) -> list[Target]:
    """All meanings of a name; a numbered series counts only where nothing else has the name."""
    name = " ".join(text.split())[:200]
    qualified = _QUALIFIED.fullmatch(name)
    wanted = qualified[1] if qualified else None
    name = qualified[2] if qualified else name
    found = [target for kind, read in _READERS.items() if wanted in (None, kind) if (target := read(regimen, name)) and target.phases]
    return found or ([series] if wanted in (None, "series") and (series := _series(regimen, name)).phases else [])


def _phase(regimen: Regimen, name: str) -> Target | None:
    return Target("phase", name, tuple(phase.id for phase in regimen.phases if phase.id == name))


def _purpose(regimen: Regimen, name: str) -> Target | None:
    return Target("purpose", name, tuple(phase.id for phase in regimen.phases if phase.purpose == name and name in PURPOSES))


def _drug(regimen: Regimen, name: str) -> Target | None:
    drug = drug_named(name)
    return Target("drug", drug, tuple(phase.id for phase in regimen.phases if gives(phase, drug))) if drug else None


def _block(regimen: Regimen, name: str) -> Target | None:
    block = block_named(name)
    return Target("block", block.id, tuple(p.id for p in regimen.phases if contains(p, block))) if block else None


def _series(regimen: Regimen, name: str) -> Target:
    return Target("series", name, tuple(phase.id for phase in regimen.phases if re.fullmatch(re.escape(name) + r"-[0-9]{1,3}", phase.id)))


_READERS: dict[str, Callable[[Regimen, str], Target | None]] = {"phase": _phase, "purpose": _purpose, "drug": _drug, "block": _block}


def gives(phase: Phase, drug: str) -> bool:
    """Whether a phase gives a drug."""
    return any(give.drug == drug for give in phase.give)


def contains(phase: Phase, block: Block) -> bool:
    """Whether a phase gives everything that a block gives, on the same days."""
    given = lines(phase)
    return all(line in given and set(days) <= set(given[line]) for line, days in block_lines(block.id).items())


@lru_cache(maxsize=256)
def block_lines(identifier: str) -> dict[Line, tuple[int, ...]]:
    """What a block gives, in canonical units."""
    block = load_block(identifier)
    return lines(Phase(id="block", length=block.length, give=block.give))


def block_named(name: str) -> Block | None:
    """The block of that id or other name."""
    identifier = ALSO_CALLED.get(name, name)
    return load_block(identifier) if identifier in catalog.ids("blocks") else None


def drug_named(name: str) -> str | None:
    """The drug of that id, title or synonym, or whose id begins with the name: 'inotuzumab' is inotuzumab-ozogamicin."""
    plain = name.lower().replace(" ", "-")
    names = _drug_names()
    if plain in names:
        return names[plain]
    begun = [identifier for identifier in catalog.ids("drugs") if identifier.startswith(plain + "-")]
    return begun[0] if len(begun) == 1 else None


@lru_cache(maxsize=1)
def _drug_names() -> dict[str, str]:
    names: dict[str, str] = {}
    for identifier in catalog.ids("drugs"):
        drug = load_drug(identifier)
        names.update({text.lower().replace(" ", "-"): identifier for text in (drug.title, *drug.synonyms)})
    return names | {identifier: identifier for identifier in catalog.ids("drugs")}


def sole_drug(phase: Phase, drug: str) -> bool:
    """Whether a phase is a course of that drug: no other antileukaemic drug is given systemically beside it."""
    active = {give.drug for give in phase.give if give.route != "it" and is_active(give.drug)}
    return active == {drug}


@lru_cache(maxsize=256)
def is_active(drug: str) -> bool:
    """Whether a drug can make a course by itself: not a steroid, an antibody added to chemotherapy, or supportive care."""
    return load_drug(drug).mechanism not in ("steroid", "supportive", "antibody")


def known(regimen: Regimen) -> tuple[str, ...]:
    """Every name that an edit of this regimen may use."""
    drugs = {give.drug for phase in regimen.phases for give in phase.give}
    phases = [phase.id for phase in regimen.phases]
    series = {name.rpartition("-")[0] for name in phases if name.rpartition("-")[2].isdigit()} - {""}
    return tuple(dict.fromkeys([*phases, *PURPOSES, *sorted(drugs), *sorted(series), *catalog.ids("blocks")]))


def names_of(regimen: Regimen, identifiers: Sequence[str]) -> str:
    """Ids for people: runs of a numbered series are drawn together, 'pomp-1 to pomp-12'."""
    parts: list[list[str]] = []
    for name in identifiers:
        stem, _, number = name.rpartition("-")
        before = parts[-1][-1].rpartition("-") if parts else ("", "", "")
        if parts and stem and number.isdigit() and before[0] == stem and before[2].isdigit() and int(before[2]) + 1 == int(number):
            parts[-1].append(name)
        else:
            parts.append([name])
    said = [f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(run) for run in parts]
    return ", ".join(said) or "no phase"
