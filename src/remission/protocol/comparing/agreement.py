"""How far two independent transcriptions of a regimen agree, by meaning: doses on days, order, branches, assessments, totals.

Every item that both state alike counts as equal. A difference falls into one of three groups:

- both sides mark their value as an assumption (or only one side states it, as an assumption without a source): an open choice;
- both files record it under `notes` with `about: "disputed: ITEM"` (or several, `ITEM; ITEM`): the source does not decide;
- anything else: an error of one of the two, or a slip, and to be mended.

    agreement("s1318").different      # () when nothing is left to mend
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path

from remission.base import catalog, files
from remission.base.errors import NotFound, nearest
from remission.protocol.comparing.branching import Key, Questions, Step, Value, compare, eligible, holds, options, path
from remission.protocol.comparing.meaning import canonical, condition, share
from remission.protocol.comparing.pairing import MAINTENANCE, Course, Pairing, courses, pair
from remission.protocol.conditions import Compare, Condition
from remission.protocol.model import Assess, Cited, Give, Regimen
from remission.protocol.plan import default_path, timeline
from remission.protocol.resolve import load_regimen, read_regimen

DISPUTED = "disputed: "
Answers = Mapping[tuple[str, str], Value]
Dose = tuple[str, str, int, int]        # dose in canonical units, cap, times a day, day of the course


@dataclass(frozen=True)
class Agreement:
    """What two transcriptions have in common. `assumptions` and `disputes` list, in words, differences that need no agreement."""

    equal: int
    different: tuple[str, ...]
    assumed_both: int
    assumptions: tuple[str, ...] = ()
    disputes: tuple[str, ...] = ()


@dataclass
class _Tally:
    """Items compared so far."""

    disputed: frozenset[str] = frozenset()
    equal: int = 0
    found: dict[str, list[str]] = field(default_factory=lambda: {"different": [], "assumed": [], "disputed": []})
    touched: dict[str, set[str]] = field(default_factory=dict)     # drug, "length", "place" -> groups its differences fell into
    placed: frozenset[tuple[str, str]] = frozenset()               # drug and route with the same total: only the days are in question

    def note(self, item: str, first: object, second: object, assumed: bool, touches: Iterable[str] = (), same: bool | None = None) -> None:
        """Count one item, described in words on both sides."""
        if first == second if same is None else same:
            self.equal += 1
            return
        group = "disputed" if item in self.disputed else "assumed" if assumed else "different"
        words = f"{item}: first {first or 'nothing'}; second {second or 'nothing'}"
        if words not in self.found[group]:
            self.found[group].append(words)
        for subject in touches:
            self.touched.setdefault(subject, set()).add(group)

    def derived(self, item: str, first: object, second: object, subjects: Iterable[str]) -> None:
        """Count an item that follows from others: an open choice when nothing that it follows from is left to mend."""
        groups = set[str]().union(*(self.touched.get(subject, set()) for subject in subjects))
        self.note(item, first, second, bool(groups) and "different" not in groups)

    def result(self) -> Agreement:
        """The tally as a value."""
        return Agreement(self.equal, tuple(self.found["different"]), len(self.found["assumed"]), tuple(self.found["assumed"]),
                         tuple(self.found["disputed"]))


def second_root() -> Path:
    """Directory of the second transcriptions."""
    return catalog.root() / "second" / "regimens"


def second_ids() -> tuple[str, ...]:
    """Ids of the regimens that have a second transcription."""
    return tuple(sorted(file.stem for file in second_root().glob("*.yaml")))


def load_second(identifier: str) -> Regimen:
    """The second transcription of a regimen, resolved. Raises NotFound with the nearest id."""
    known = second_ids()
    if identifier not in known:
        raise NotFound(f"'{identifier[:60]}' has no second transcription", where="catalog/second/regimens",
                       near=nearest(identifier[:60], known), fix="choose one of: " + ", ".join(known))
    return read_regimen(files.read(second_root() / f"{identifier}.yaml"))


def agreement(identifier: str) -> Agreement:
    """How far the two transcriptions of a regimen agree. Raises NotFound when there is only one."""
    second = load_second(identifier)
    return compare_regimens(load_regimen(identifier), second)


def compare_regimens(first: Regimen, second: Regimen) -> Agreement:
    """Compare two resolved regimens by meaning; names of phases and assessments do not count."""
    pairing = pair(first, second)
    drugs = _on_default_path(first) & _on_default_path(second)
    tally = _Tally(disputed_items(first) & disputed_items(second),
                   placed=frozenset(what for what in drugs if all(a == b for _, a, b in _sums(first, second, what))))
    names = _assessments(tally, pairing, first, second)
    _eligibility(tally, first, second)
    _courses(tally, pairing, names)
    _alongside(tally, pairing, first, second)
    _paths(tally, pairing, first, second)
    _totals(tally, first, second)
    return tally.result()


def disputed_items(regimen: Regimen) -> frozenset[str]:
    """Items that a regimen's notes record as disputed."""
    found = (note.about.removeprefix(DISPUTED).split("; ") for note in regimen.notes if note.about.startswith(DISPUTED))
    return frozenset(item.strip() for items in found for item in items)


def _unsourced(items: Sequence[Cited]) -> bool:
    return _all_assumed(items) and all(item.source is None for item in items)


def _all_assumed(items: Sequence[Cited]) -> bool:
    return all(item.assumed is not None for item in items)


def _open(first: Sequence[Cited], second: Sequence[Cited]) -> bool:
    """Whether a difference between two statements is an open choice."""
    if not first or not second:
        return _unsourced([*first, *second])
    return _all_assumed([*first, *second])


# eligibility, drugs alongside

def _eligibility(tally: _Tally, first: Regimen, second: Regimen) -> None:
    ours, theirs = ({condition(item) for item in regimen.eligibility} for regimen in (first, second))
    for item in sorted(ours | theirs):
        tally.note(f"eligibility '{item}'", "asked" if item in ours else "", "asked" if item in theirs else "", False)


def _alongside(tally: _Tally, pairing: Pairing, first: Regimen, second: Regimen) -> None:
    sides = [{(item.drug, item.route): item for item in regimen.alongside} for regimen in (first, second)]
    for drug, route in sorted({*sides[0], *sides[1]}):
        found = [side.get((drug, route)) for side in sides]
        words = []
        for item, places in zip(found, (pairing.first_names, pairing.second_names), strict=True):
            words.append("" if item is None else f"{canonical(item.dose)} from {places[item.from_]} to {places.get(item.to, item.to)}"
                         + (f" if {condition(item.only)}" if item.only else ""))
        cited = [[item] if item else [] for item in found]
        tally.note(f"alongside, {drug} {route}", words[0], words[1], _open(cited[0], cited[1]), (drug,))


# assessments

def _assessments(tally: _Tally, pairing: Pairing, first: Regimen, second: Regimen) -> dict[str, str]:
    """Compare the assessments of paired courses; returns the second's assessment names in the first's terms.

    An assessment on day 1 of a course may stand for one at the end of the course before it, and the other way round.
    """
    names: dict[str, str] = {}
    left = [(course, item, day) for course in courses(first) for item, day in course.assessments]
    right = [(course, item, day) for course in courses(second) for item, day in course.assessments]
    partner = {a.name: b.name for a, b in pairing.pairs}
    before = (_before(first), _before(second))
    opening = [one for one in left if one[2] == 1]
    for exact in (True, False):
        for one in list(left):
            match = next((other for other in right if _same_assessment(one, other, partner, before, exact)), None)
            if match is not None:
                names.setdefault(match[1].name, one[1].name)
                left.remove(one)
                right.remove(match)
                tally.note(_measured(one), _method(one[1]), _method(match[1]), _open([one[1]], [match[1]]))
    for one in list(left):      # the same kind in the same course on another day
        match = next((other for other in right if other[0].name == partner.get(one[0].name) and other[1].what == one[1].what), None)
        if match is not None:
            names.setdefault(match[1].name, one[1].name)
            left.remove(one)
            right.remove(match)
            tally.note(f"{one[0].name}, day of {one[1].what}", f"day {one[2]}", f"day {match[2]}", _open([one[1]], [match[1]]))
    for one in [*right]:    # an assessment that opens a course may stand for the ends of several courses before it
        match = next((other for other in opening if _same_assessment(other, one, partner, before, False)), None)
        if match is not None:
            right.remove(one)
            tally.note(_measured(match), _method(match[1]), _method(one[1]), _open([match[1]], [one[1]]))
    for course, item, day in left:
        tally.note(f"{course.name}, {item.what} on day {day}", _method(item), "", _unsourced([item]))
    for course, item, day in right:
        tally.note(f"{_known(course, pairing)}, {item.what} on day {day}", "", _method(item), _unsourced([item]))
    return names


_Measured = tuple[Course, Assess, int]


def _same_assessment(one: _Measured, other: _Measured, partner: Mapping[str, str],
                     before: tuple[Mapping[str, set[str]], Mapping[str, set[str]]], exact: bool) -> bool:
    """Whether two assessments are one: the same kind on the same day, or (unless `exact`) at an end and at the next beginning."""
    (mine, what, day), (yours, kind, other_day) = one, other
    if what.what != kind.what:
        return False
    last, other_last = day == mine.length, other_day == yours.length
    if partner.get(mine.name) == yours.name and (day == other_day or (last and other_last)):
        return True
    if exact:
        return False
    if day == 1 and other_last:
        return yours.name in before[1].get(partner.get(mine.name, ""), set())
    return other_day == 1 and last and partner.get(mine.name) in before[1].get(yours.name, set())


def _before(regimen: Regimen) -> dict[str, set[str]]:
    """For each course the courses that may directly precede it on some path."""
    names = {phase.id: course.name for course in courses(regimen) for phase in course.phases}
    questions = Questions([(regimen, names)])
    found: dict[str, set[str]] = {}
    for scenario in questions.scenarios():
        for earlier, later in itertools.pairwise(path(regimen, names, scenario)):
            found.setdefault(later.name, set()).add(earlier.name)
    return found


def _measured(one: _Measured) -> str:
    return f"{one[0].name}, {one[1].what} on day {one[2]}"


def _method(item: Assess) -> str:
    """Assay and limit; remission is read by morphology unless it is said otherwise."""
    assay = item.assay or ("morphology" if item.what in ("remission", "cytoreduction", "marrow-blasts") else "")
    return f"by {assay or 'any assay'}" + (f", limit {item.limit:g}" if item.limit else "")


# courses and their drugs

def _known(course: Course, pairing: Pairing) -> str:
    return pairing.second_names[course.phases[0].id]


def _courses(tally: _Tally, pairing: Pairing, names: Mapping[str, str]) -> None:
    for ours, theirs in pairing.pairs:
        a, b = ours.phases[0], theirs.phases[0]
        both = ours.assumed and theirs.assumed
        if a.purpose != "transplant":
            tally.note(f"{ours.name}, length", f"{ours.length} d", f"{theirs.length} d", both, ("length",))
        tally.note(f"{ours.name}, purpose", a.purpose, b.purpose, both, ("purpose",))
        tally.note(f"{ours.name}, chemotherapy", a.chemotherapy, b.chemotherapy, both)
        tally.note(f"{ours.name}, share of patients", f"{share(a):.0%}", f"{share(b):.0%}", both, ("place",))
        for drug, route in sorted({(give.drug, give.route) for course in (ours, theirs) for give, _ in course.gives}):
            _drug(tally, ours, theirs, (drug, route), names)
    for mark, course in [*(("first", item) for item in pairing.only_first), *(("second", item) for item in pairing.only_second)]:
        words = ", ".join([f"{course.length} d", *sorted({give.drug for give, _ in course.gives})])
        first, second = (words, "") if mark == "first" else ("", words)
        touches = ("place", "length", "purpose", *(give.drug for give, _ in course.gives))
        tally.note(f"course {course.name}", first, second, course.assumed, touches)


def _drug(tally: _Tally, ours: Course, theirs: Course, what: tuple[str, str], names: Mapping[str, str]) -> None:
    """One drug by one route in one course, for every kind of patient that either side tells apart."""
    rename = dict(names)
    sides = [[(give, days) for give, days in course.gives if (give.drug, give.route) == what] for course in (ours, theirs)]
    terms = [_renamed(give.only, {} if side == 0 else rename) for side in (0, 1) for give, _ in sides[side]]
    for patient, words in _patients(term for term in terms if term is not None):
        taken = [[(give, frozenset(_doses(give, days))) for give, days in sides[side]
                  if _given(_renamed(give.only, {} if side == 0 else rename), patient)] for side in (0, 1)]
        given = [frozenset[Dose]().union(*(doses for _, doses in side)) for side in taken]
        apart = given[0] ^ given[1]
        cited = [[give for give, doses in side if doses & apart] or [give for give, _ in side if give.assumed] or
                 [give for give, _ in side] for side in taken]
        item = f"{ours.name}, {what[0]} {what[1]}" + (f", {words}" if words else "")
        touches = (what[0], "intrathecal") if what[1] == "it" else (what[0],)
        placed = what in tally.placed and _all_assumed([*cited[0], *cited[1]])
        tally.note(item, _listed(given[0]), _listed(given[1]), placed or _open(cited[0], cited[1]), touches, given[0] == given[1])


def _doses(give: Give, days: Iterable[int]) -> Iterator[Dose]:
    dose, cap = str(canonical(give.dose)), str(canonical(give.cap)) if give.cap else ""
    for day in days:
        yield (dose, cap, give.per_day, day)


def _renamed(value: Condition | None, names: Mapping[str, str]) -> Condition | None:
    return None if value is None else Condition.parse(condition(value, names))


def _given(only: Condition | None, patient: Answers) -> bool:
    return only is None or holds(only.term, {item: compare(patient[(item.name, item.argument or "")], item) for item in only.compares()})


def _patients(conditions: Iterable[Condition]) -> Iterator[tuple[Answers, str]]:
    """Every kind of patient that the conditions tell apart, each with words for it; one without words when there are none."""
    asked: dict[tuple[str, str], list[Compare]] = {}
    for item in (item for term in conditions for item in term.compares()):
        asked.setdefault((item.name, item.argument or ""), []).append(item)
    tried: set[tuple[bool, ...]] = set()
    for values in itertools.product(*(options(items) for items in asked.values())):
        answers = dict(zip(asked, values, strict=True))
        truths = {item: compare(answers[key], item) for key, items in asked.items() for item in items}
        if tuple(truths.values()) not in tried:
            tried.add(tuple(truths.values()))
            yield answers, ", ".join(dict.fromkeys(str(item) if true else f"not ({item})" for item, true in truths.items()))


def _listed(given: frozenset[Dose]) -> str:
    """Doses in words: '60 mg/m2 on days 1-3, 8'."""
    grouped: dict[tuple[str, str, int], list[int]] = {}
    for dose, cap, per_day, day in sorted(given, key=lambda item: item[3]):
        grouped.setdefault((dose, cap, per_day), []).append(day)
    return " and ".join(f"{dose}{f' (at most {cap})' if cap else ''}{f' {per_day} times' if per_day > 1 else ''} on days {ranges(days)}"
                        for (dose, cap, per_day), days in grouped.items())


def ranges(days: Sequence[int]) -> str:
    """Days in words: [1, 2, 3, 8] is '1-3, 8'."""
    runs: list[list[int]] = []
    for day in sorted(days):
        if runs and day == runs[-1][1] + 1:
            runs[-1][1] = day
        else:
            runs.append([day, day])
    return ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in runs)


# branches

def _paths(tally: _Tally, pairing: Pairing, first: Regimen, second: Regimen) -> None:
    """Compare where patients go under every combination of answers; equal paths count once each."""
    questions = Questions([(first, pairing.first_names), (second, pairing.second_names)])
    treated: list[Mapping[Key, Value]] = [case for case in questions.scenarios() if eligible(first, case) and eligible(second, case)]
    alike: set[tuple[Step, ...]] = set()
    apart: dict[tuple[str, str, str], tuple[list[Key], Mapping[Key, Value], bool]] = {}
    for case in treated:
        ours, theirs = path(first, pairing.first_names, case), path(second, pairing.second_names, case)
        if ours == theirs:
            alike.add(ours)
            continue
        unusual = [key for key in case if case[key] != treated[0][key]]
        stopped = any(side[-1].end and side[-1].assumed for side in (ours, theirs))     # an assumed early end explains the rest
        moved = all(MAINTENANCE in {step.name for step in side} for side in (ours, theirs))
        for _, i1, i2, j1, j2 in (code for code in SequenceMatcher(a=ours, b=theirs, autojunk=False).get_opcodes() if code[0] != "equal"):
            parts = (ours[i1:i2], theirs[j1:j2])
            found = (ours[i1 - 1].name if i1 else "the start", _route(parts[0]), _route(parts[1]))
            if found not in apart or len(unusual) < len(apart[found][0]):
                apart[found] = (unusual, case, stopped or _open_path(*parts, moved))
    tally.equal += len(alike)
    for (after, ours_next, theirs_next), (unusual, case, open_choice) in sorted(apart.items()):
        where = ", ".join(_answer(key, case[key]) for key in unusual)
        tally.note(f"path after {after}" + (f" ({where})" if where else ""), ours_next, theirs_next, open_choice, ("place",))


def _open_path(ours: Sequence[Step], theirs: Sequence[Step], moved: bool) -> bool:
    """Whether paths differ by assumption alone: by assumed courses, or by where maintenance is cut (`moved`)."""
    return all(step.assumed or (moved and step.name == MAINTENANCE) for step in (*ours, *theirs))


def _route(steps: Sequence[Step]) -> str:
    """The first courses of a path in words."""
    return ", ".join([*(step.name for step in steps[:3]), *(["..."] if len(steps) > 3 else [])])


def _answer(key: Key, value: Value) -> str:
    kind, name = key
    if kind == "remission":
        return f"no remission by {name}"
    if kind == "discretion":
        return "physician's choice"
    return f"{'MRD after ' if kind == 'mrd' else ''}{name} {value:g}" if isinstance(value, float) else \
        f"{'' if value else 'not '}{name}" if isinstance(value, bool) else f"{name} {value}"


# what the default path adds up to

def _totals(tally: _Tally, first: Regimen, second: Regimen) -> None:
    orders = [_purposes(regimen) for regimen in (first, second)]
    tally.derived("order of purposes on the default path", orders[0], orders[1], ("purpose", "place"))
    cycles = [_cycles(regimen) for regimen in (first, second)]
    tally.derived("number of blinatumomab cycles", str(len(cycles[0])), str(len(cycles[1])), ("blinatumomab", "place"))
    infused = [", ".join(str(len(days)) for days in side) for side in cycles]
    tally.derived("infusion days of each blinatumomab cycle", infused[0], infused[1], ("blinatumomab", "place"))
    starts = [", ".join(str(min(days)) for days in side) for side in cycles]
    tally.derived("days on which blinatumomab cycles begin", starts[0], starts[1], ("blinatumomab", "place", "length"))
    doses = [str(len(_intrathecal(regimen))) for regimen in (first, second)]
    tally.derived("days with an intrathecal dose", doses[0], doses[1], ("intrathecal", "place"))
    for what in sorted(_on_default_path(first) | _on_default_path(second)):
        for words, ours, theirs in _sums(first, second, what):
            tally.derived(f"total of {what[0]} {what[1]}{words}", ours, theirs, (what[0], "place"))


def _on_default_path(regimen: Regimen) -> set[tuple[str, str]]:
    """Drugs with their routes on the default path."""
    return {(give.drug, give.route) for phase in default_path(regimen) for give in phase.give}


def _sums(first: Regimen, second: Regimen, what: tuple[str, str]) -> Iterator[tuple[str, str, str]]:
    """Totals of one drug by one route on both sides, for every kind of patient; the course of the disease is taken to be good."""
    gives = [[give for phase in default_path(side) for give in phase.give if (give.drug, give.route) == what] for side in (first, second)]
    traits = [give.only for side in gives for give in side if give.only is not None and _trait(give.only)]
    for patient, words in _patients(traits):
        sums = []
        for side in gives:
            amounts: dict[str, float] = {}
            for give in side:
                dose = canonical(give.dose)
                if _favourable(give.only, patient):
                    amounts[dose.unit] = amounts.get(dose.unit, 0.0) + dose.value * give.per_day * len(give.days)
            sums.append(", ".join(f"{value:.10g} {unit.removesuffix('/d')}" for unit, value in sorted(amounts.items())))
        yield f", {words}" if words else "", sums[0], sums[1]


def _trait(only: Condition) -> bool:
    """Whether a condition asks only for what does not change under treatment."""
    return all(item.name not in ("cr", "mrd", "received", "transplanted", "cytoreduction", "mutation") for item in only.compares())


def _favourable(only: Condition | None, patient: Answers) -> bool:
    if only is None or _trait(only):
        return _given(only, patient)
    return holds(only.term, {item: compare(_usual(item), item) for item in only.compares()})


def _usual(item: Compare) -> Value:
    """The answer of a patient who responds."""
    if item.name == "mrd":
        return 0.0
    return item.name not in ("transplanted", "mutation") if isinstance(item.value, bool) else options([item])[0]


def _purposes(regimen: Regimen) -> str:
    order = [str(phase.purpose) for phase in default_path(regimen)]
    return ", ".join(name for name, _ in itertools.groupby(order))


def _cycles(regimen: Regimen) -> list[set[int]]:
    """Absolute infusion days of each blinatumomab phase on the default path."""
    phases = [{row["day"] for row in phase["administrations"] if row["drug"] == "blinatumomab"} for phase in timeline(regimen)["phases"]]
    return [days for days in phases if days]


def _intrathecal(regimen: Regimen) -> set[int]:
    """Absolute days with an intrathecal dose on the default path."""
    start, days = 0, set()
    for phase in default_path(regimen):
        days |= {start + day for give in phase.give if give.route == "it" and _favourable(give.only, {}) for day in give.days}
        assert phase.length is not None
        start += round(phase.length.to("d"))
    return days
