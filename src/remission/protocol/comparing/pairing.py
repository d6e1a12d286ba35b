"""Which course of one transcription stands for which course of another, whatever the two call them.

Maintenance chemotherapy on the default path counts as one course, because it may be cut into months or into blocks.
All other phases are courses of their own. Courses are paired in order by their drugs and purpose; transplants left over pair last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from remission.protocol.model import Assess, Give, Phase, Regimen
from remission.protocol.plan import default_path, phase_days
from remission.protocol.resolve import load_drug

MAINTENANCE = "maintenance"
_LEAST_LIKENESS = 0.55      # below it two courses are not taken for the same


@dataclass(frozen=True)
class Course:
    """One phase, or all maintenance chemotherapy of the default path in one piece."""

    name: str
    phases: tuple[Phase, ...]

    @cached_property
    def length(self) -> int:
        """Days."""
        return sum(phase_days(phase) for phase in self.phases)

    @cached_property
    def gives(self) -> tuple[tuple[Give, tuple[int, ...]], ...]:
        """Every entry with its days counted from the start of the course."""
        found: list[tuple[Give, tuple[int, ...]]] = []
        start = 0
        for phase in self.phases:
            found += [(give, tuple(start + day for day in give.days)) for give in phase.give]
            start += phase_days(phase)
        return tuple(found)

    @cached_property
    def assessments(self) -> tuple[tuple[Assess, int], ...]:
        """Every assessment with its day in the course."""
        found: list[tuple[Assess, int]] = []
        start = 0
        for phase in self.phases:
            found += [(item, start + (item.day or phase_days(phase))) for item in phase.assess]
            start += phase_days(phase)
        return tuple(found)

    @property
    def assumed(self) -> bool:
        """Whether the course as such (its length, place or share) is marked as an assumption."""
        return all(phase.assumed is not None for phase in self.phases)


def courses(regimen: Regimen) -> tuple[Course, ...]:
    """The courses of a resolved regimen in the order in which they are written."""
    default = {phase.id for phase in default_path(regimen)}
    maintenance = tuple(phase for phase in regimen.phases if phase.chemotherapy == MAINTENANCE and phase.id in default)
    found: list[Course] = []
    for phase in regimen.phases:
        if phase not in maintenance:
            found.append(Course(phase.id, (phase,)))
        elif phase is maintenance[0]:
            found.append(Course(MAINTENANCE, maintenance))
    return tuple(found)


@dataclass(frozen=True)
class Pairing:
    """Pairs of courses, and for each side the name under which a phase is known to both."""

    pairs: tuple[tuple[Course, Course], ...]
    only_first: tuple[Course, ...]
    only_second: tuple[Course, ...]

    @cached_property
    def first_names(self) -> dict[str, str]:
        """Phase id of the first -> shared name."""
        return {phase.id: name for name, course in self._named(0) for phase in course.phases}

    @cached_property
    def second_names(self) -> dict[str, str]:
        """Phase id of the second -> shared name."""
        return {phase.id: name for name, course in self._named(1) for phase in course.phases}

    def _named(self, side: int) -> list[tuple[str, Course]]:
        alone = (self.only_first, self.only_second)[side]
        mark = ("first's ", "second's ")[side]
        return [(pair[0].name, pair[side]) for pair in self.pairs] + [(mark + course.name, course) for course in alone]


def likeness(first: Course, second: Course) -> float:
    """How alike two courses are: 0 to 1, by shared drugs and doses, purpose, and whether everybody takes them."""
    if _is_transplant(first) != _is_transplant(second) or _is_maintenance(first) != _is_maintenance(second):
        return 0.0
    score = 0.2 * (first.phases[0].purpose == second.phases[0].purpose)
    score += 0.1 * ((first.phases[0].only is None) == (second.phases[0].only is None))
    score += 0.2 * (_main_drugs(first) == _main_drugs(second))
    for weight, key in ((0.25, _dosed), (0.25, _drug)):
        ours, theirs = ({key(give) for give, _ in course.gives} for course in (first, second))
        score += weight * (len(ours & theirs) / len(ours | theirs) if ours | theirs else 1.0)
    return score


def _dosed(give: Give) -> tuple[str, ...]:
    return (give.drug, give.route, str(give.dose))


def _drug(give: Give) -> tuple[str, ...]:
    return (give.drug, give.route)


def _main_drugs(course: Course) -> set[str]:
    """Drugs of a course without intrathecal doses and supportive drugs."""
    return {give.drug for give, _ in course.gives if give.route != "it" and load_drug(give.drug).mechanism != "supportive"}


def pair(first: Regimen, second: Regimen) -> Pairing:
    """The best pairing that keeps the order (maximum total likeness); transplants and maintenance pair out of order."""
    left, right = list(courses(first)), list(courses(second))
    apart: list[tuple[Course, Course]] = []
    for select in (_is_maintenance, _is_transplant):
        found = [next((course for course in side if select(course)), None) for side in (left, right)]
        if found[0] is not None and found[1] is not None:
            apart.append((found[0], found[1]))
            left.remove(found[0])
            right.remove(found[1])
    matched = _in_order(left, right)
    taken_left, taken_right = {a.name for a, _ in matched}, {b.name for _, b in matched}
    order = {course.name: position for position, course in enumerate(courses(first))}
    pairs = sorted([*matched, *apart], key=lambda item: order[item[0].name])
    return Pairing(tuple(pairs), tuple(c for c in left if c.name not in taken_left),
                   tuple(c for c in right if c.name not in taken_right))


def _is_maintenance(course: Course) -> bool:
    return course.name == MAINTENANCE


def _is_transplant(course: Course) -> bool:
    return course.phases[0].purpose == "transplant"


def _in_order(left: Sequence[Course], right: Sequence[Course]) -> list[tuple[Course, Course]]:
    """Order-keeping matching of greatest likeness (dynamic programming, from the end)."""
    best = [[0.0] * (len(right) + 1) for _ in range(len(left) + 1)]
    like = [[likeness(a, b) for b in right] for a in left]
    for i in range(len(left) - 1, -1, -1):
        for j in range(len(right) - 1, -1, -1):
            both = best[i + 1][j + 1] + like[i][j] if like[i][j] >= _LEAST_LIKENESS else -1.0
            best[i][j] = max(both, best[i + 1][j], best[i][j + 1])
    found: list[tuple[Course, Course]] = []
    i = j = 0
    while i < len(left) and j < len(right):
        if like[i][j] >= _LEAST_LIKENESS and best[i][j] == best[i + 1][j + 1] + like[i][j]:
            found.append((left[i], right[j]))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return found
