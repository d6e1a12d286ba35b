"""Which phase of one regimen is which phase of another: a best alignment in order, then phases that stand elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from remission.protocol.comparing.meaning import lines, treatment
from remission.protocol.model import Phase

LEAST = 1.0
"""Two phases correspond when they score at least this: some shared treatment, or the same name and purpose."""
MOVED = 2.0
"""Phases out of order correspond when they are this alike: mostly the same treatment."""
TAKEN = 0.4
"""A phase whose twin (same name, same treatment) stands on the other side is this much less like any other phase."""


@dataclass(frozen=True)
class Alignment:
    """Pairs of positions (first, second) in order; `moved` are pairs out of order; the rest stands on one side only."""

    pairs: tuple[tuple[int, int], ...]
    moved: tuple[tuple[int, int], ...]
    only_first: tuple[int, ...]
    only_second: tuple[int, ...]

    def all_pairs(self) -> tuple[tuple[int, int], ...]:
        """Pairs in and out of order."""
        return (*self.pairs, *self.moved)


@dataclass(frozen=True)
class _Face:
    """What a phase is compared by."""

    id: str
    title: str | None
    purpose: str | None
    treatment: tuple[object, ...]
    exact: frozenset[object]
    drugs: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, phase: Phase) -> _Face:
        given = lines(phase)
        return cls(phase.id, phase.title, phase.purpose, treatment(phase), frozenset(given.items()),
                   frozenset((line.drug, line.route) for line in given))


def likeness(a: _Face, b: _Face) -> float:
    """How alike two phases are: from 0, to 3.7 for the same treatment under the same name."""
    name = 0.7 if a.id == b.id else 0.2 if a.title == b.title else 0.0
    if a.treatment == b.treatment:
        return 3.0 + name
    shared = len(a.drugs & b.drugs) / len(a.drugs | b.drugs) if a.drugs | b.drugs else 1.0
    exact = len(a.exact & b.exact) / max(len(a.exact), len(b.exact), 1)
    return 1.2 * shared + 0.9 * exact + 0.3 * (a.purpose == b.purpose) + name


def align(first: Sequence[Phase], second: Sequence[Phase]) -> Alignment:
    """The alignment of greatest total likeness."""
    ours, theirs = [_Face.of(phase) for phase in first], [_Face.of(phase) for phase in second]
    twins = {(face.id, face.treatment) for face in ours} & {(face.id, face.treatment) for face in theirs}
    scores = [[likeness(a, b) * (TAKEN if a.id != b.id and ((a.id, a.treatment) in twins or (b.id, b.treatment) in twins) else 1.0)
               for b in theirs] for a in ours]
    pairs = _in_order(scores, len(first), len(second))
    left = [i for i in range(len(first)) if i not in {pair[0] for pair in pairs}]
    right = [j for j in range(len(second)) if j not in {pair[1] for pair in pairs}]
    moved: list[tuple[int, int]] = []
    for score, i, j in sorted((-scores[i][j], i, j) for i in left for j in right):
        if -score >= MOVED and i in left and j in right:
            moved.append((i, j))
            left.remove(i)
            right.remove(j)
    return Alignment(tuple(pairs), tuple(sorted(moved)), tuple(left), tuple(right))


def _in_order(scores: list[list[float]], rows: int, columns: int) -> list[tuple[int, int]]:
    best = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(rows - 1, -1, -1):
        for j in range(columns - 1, -1, -1):
            both = scores[i][j] + best[i + 1][j + 1] if scores[i][j] >= LEAST else 0.0
            best[i][j] = max(both, best[i + 1][j], best[i][j + 1])
    pairs, i, j = [], 0, 0
    while i < rows and j < columns:
        if scores[i][j] >= LEAST and best[i][j] == scores[i][j] + best[i + 1][j + 1]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs
