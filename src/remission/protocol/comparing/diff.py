"""Comparing two protocols by meaning: what is given, when, to whom and what decides; not how the files are written.

Phases are aligned by what they give; doses are compared in canonical units and days as sets. Titles, notes and sources do not
count, and phases or assessments that merely have other names are listed as `names`, not as differences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from remission.base.units import Quantity
from remission.protocol import say
from remission.protocol.comparing.align import Alignment, align
from remission.protocol.comparing.meaning import Line, Totals, condition, lines, share, totals
from remission.protocol.conditions import Condition
from remission.protocol.editing.targets import names_of
from remission.protocol.model import Alongside, Assess, Phase, Regimen
from remission.protocol.plan import phase_days
from remission.protocol.resolve import resolve


@dataclass(frozen=True)
class Difference:
    """One difference: its kind, the phase (as the first regimen calls it), and what each regimen says ("" for nothing)."""

    kind: str
    where: str
    first: str
    second: str

    def __str__(self) -> str:
        if self.first and self.second:
            return f"{self.first} → {self.second}"
        return f"only in the first: {self.first}" if self.first else f"only in the second: {self.second}"


@dataclass(frozen=True)
class Diff:
    """Everything in which two regimens differ. `names` are renamed phases and assessments, which do not count."""

    first: Regimen
    second: Regimen
    differences: tuple[Difference, ...]
    names: tuple[tuple[str, str], ...]
    totals: tuple[Totals, Totals]

    @property
    def equal(self) -> bool:
        """Whether the two mean the same."""
        return not self.differences

    def __str__(self) -> str:
        return _report(self)

    def to_dict(self) -> dict[str, Any]:
        """The comparison as plain data with stable keys."""
        return {"first": self.first.id, "second": self.second.id, "equal": self.equal,
                "differences": [{"kind": item.kind, "where": item.where or None, "first": item.first or None, "second": item.second or None}
                                for item in self.differences],
                "names": [{"first": old, "second": new} for old, new in self.names],
                "totals": {"first": _as_data(self.totals[0]), "second": _as_data(self.totals[1])}}


def compare_protocols(first: Regimen, second: Regimen) -> Diff:
    """Compare two regimens by meaning."""
    a, b = resolve(first), resolve(second)
    aligned = align(a.phases, b.phases)
    both = _Both(a, b, aligned)
    found = [*_whole(both), *_order(both), *(item for pair in both.pairs for item in _phase(both, *pair)), *_beside(both)]
    sums = totals(a), totals(b)
    return Diff(a, b, (*found, *(_sums(*sums) if found else ())), both.renamed(), sums)


class _Both:
    """Two resolved regimens, their aligned phases, and the names by which the second's phases and assessments are called in the first."""

    def __init__(self, a: Regimen, b: Regimen, aligned: Alignment) -> None:
        self.a, self.b, self.aligned = a, b, aligned
        self.pairs = sorted(aligned.all_pairs())
        self.phases = {b.phases[j].id: a.phases[i].id for i, j in self.pairs} | {"end": "end"}
        self.assessments: dict[str, str] = {}
        for i, j in self.pairs:
            self.assessments.update(_same_assessments(a.phases[i].assess, b.phases[j].assess))

    def renamed(self) -> tuple[tuple[str, str], ...]:
        """(name in the first, name in the second) where they differ."""
        swapped = [*((old, new) for new, old in self.phases.items()), *((old, new) for new, old in self.assessments.items())]
        return tuple((old, new) for old, new in swapped if old != new)


def _what(item: Assess) -> tuple[object, ...]:
    return (item.what, item.assay, item.limit, item.day)


def _same_assessments(first: Sequence[Assess], second: Sequence[Assess]) -> dict[str, str]:
    """Names of the second's assessments in the first: by name, then by what is measured and when."""
    known = {item.name for item in first}
    pairs = {item.name: item.name for item in second if item.name in known}
    free = [item for item in first if item.name not in pairs]
    for item in second:
        if item.name not in pairs:
            like = next((other for other in free if _what(other) == _what(item)), None)
            if like is not None:
                pairs[item.name] = like.name
                free.remove(like)
    return pairs


def _whole(both: _Both) -> list[Difference]:
    """Differences of the regimens as wholes."""
    a, b = both.a, both.b
    found = [Difference("disease", "", a.ph, b.ph)] if a.ph != b.ph else []
    first, second = {condition(item): item for item in a.eligibility}, {condition(item): item for item in b.eligibility}
    found += [Difference("eligibility", "", say.condition(first[key]), "") for key in first if key not in second]
    return found + [Difference("eligibility", "", "", say.condition(second[key])) for key in second if key not in first]


def _order(both: _Both) -> list[Difference]:
    """Phases that one side lacks, and phases that stand elsewhere."""
    a, b = both.a, both.b
    found = [Difference("phase", a.phases[i].id, _course(a.phases[i]), "") for i in both.aligned.only_first]
    found += [Difference("phase", b.phases[j].id, "", _course(b.phases[j])) for j in both.aligned.only_second]
    for run in _runs(both.aligned.moved):
        where = names_of(a, [a.phases[i].id for i, _ in run])
        found.append(Difference("order", where, _stands(a.phases, run[0][0]), _stands(b.phases, run[0][1])))
    return found


def _runs(moved: Sequence[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """Phases that moved together."""
    runs: list[list[tuple[int, int]]] = []
    for i, j in moved:
        if runs and runs[-1][-1] == (i - 1, j - 1):
            runs[-1].append((i, j))
        else:
            runs.append([(i, j)])
    return runs


def _stands(phases: Sequence[Phase], position: int) -> str:
    return "first" if position == 0 else f"after {phases[position - 1].id}"


def _course(phase: Phase) -> str:
    """A phase in a few words."""
    given = list(dict.fromkeys(give.drug for give in phase.give))
    return f"{phase_days(phase)} d" + (": " + ", ".join(given[:8]) + (", …" if len(given) > 8 else "") if given else f", {phase.purpose}")


def _phase(both: _Both, i: int, j: int) -> list[Difference]:
    a, b = both.a.phases[i], both.b.phases[j]
    found: list[Difference] = []

    def compare(kind: str, first: object, second: object, texts: tuple[str, str]) -> None:
        if first != second:
            found.append(Difference(kind, a.id, *texts))

    compare("length", phase_days(a), phase_days(b), (f"{phase_days(a)} d", f"{phase_days(b)} d"))
    compare("purpose", a.purpose, b.purpose, (str(a.purpose), str(b.purpose)))
    compare("chemotherapy", a.chemotherapy, b.chemotherapy, (f"counts as {a.chemotherapy}", f"counts as {b.chemotherapy}"))
    compare("patients", condition(a.only), condition(b.only, both.assessments), (_only(a.only), _only(b.only)))
    compare("share", share(a), share(b), (f"{share(a):.0%} of patients", f"{share(b):.0%} of patients"))
    compare("conditioning", a.conditioning, b.conditioning, (str(a.conditioning), str(b.conditioning)))
    found += _doses(both, a, b)
    found += _assessments(both, a, b)
    first, second = _branches(a, {}, {}), _branches(b, both.assessments, both.phases)
    if first != second:
        found += _sides("branch", a.id, first, second)
    arms = [(phase.randomise.arms, condition(phase.randomise.if_, names)) if phase.randomise else None
            for phase, names in ((a, {}), (b, both.assessments))]
    compare("randomisation", arms[0], arms[1], (_arms(a), _arms(b)))
    return found


def _only(value: Condition | None) -> str:
    return f"only if {say.condition(value)}" if value else "all patients"


def _arms(phase: Phase) -> str:
    return f"{phase.randomise.name}: {', '.join(phase.randomise.arms)}" if phase.randomise else ""


def _doses(both: _Both, a: Phase, b: Phase) -> list[Difference]:
    """Differences of what is given, one for each drug and route."""
    first, second = lines(a), lines(b, both.assessments)
    found = []
    for drug, route in dict.fromkeys((line.drug, line.route) for line in (*first, *second)):
        mine = {line: days for line, days in first.items() if (line.drug, line.route) == (drug, route)}
        other = {line: days for line, days in second.items() if (line.drug, line.route) == (drug, route)}
        if mine != other:
            kind = "drug" if not mine or not other else "dose" if set(mine) != set(other) else "day"
            found.append(Difference(kind, a.id, _given(drug, a, both.a, mine), _given(drug, b, both.b, other)))
    return found


def _given(drug: str, phase: Phase, regimen: Regimen, given: Mapping[Line, tuple[int, ...]]) -> str:
    """The entries of a phase for one drug and route, as they are written."""
    if not given:
        return ""
    route = next(iter(given)).route
    entries = [say.give(item).removeprefix(drug).strip() for item in phase.give if (item.drug, item.route) == (drug, route)]
    return f"{drug} " + "; ".join(entries)


def _assessments(both: _Both, a: Phase, b: Phase) -> list[Difference]:
    first = {item.name: item for item in a.assess}
    second = {both.assessments.get(item.name, item.name): item for item in b.assess}
    found = []
    for name in dict.fromkeys((*first, *second)):
        mine, other = first.get(name), second.get(name)
        if mine is None or other is None or _what(mine) != _what(other):
            found.append(Difference("assessment", a.id, _assessed(mine), _assessed(other)))
    return found


def _assessed(item: Assess | None) -> str:
    if item is None:
        return ""
    how = (f" by {item.assay}" if item.assay else "") + (f", limit {item.limit:g}" if item.limit else "")
    return f"{item.name}: {item.what}{how}, day {item.day}"


def _branches(phase: Phase, names: Mapping[str, str], phases: Mapping[str, str]) -> list[str]:
    """Branches in order, in the first regimen's names."""
    def goal(name: str) -> str:
        return phases.get(name, f"{name} of the second") if phases else name

    return [f"if {condition(branch.if_, names)}: " + (f"stop ({branch.stop})" if branch.stop else f"go to {goal(branch.go or '')}")
            for branch in phase.then]


def _sides(kind: str, where: str, first: Sequence[str], second: Sequence[str]) -> list[Difference]:
    """Entries of one side only; or, when both have the same ones, their order."""
    found = [Difference(kind, where, text, "") for text in first if text not in second]
    found += [Difference(kind, where, "", text) for text in second if text not in first]
    return found or [Difference(kind, where, "; ".join(first), "; ".join(second))]


def _beside(both: _Both) -> list[Difference]:
    """Drugs alongside that differ."""
    first = {_span(item, {}, {}): item for item in both.a.alongside}
    second = {_span(item, both.assessments, both.phases): item for item in both.b.alongside}
    return [*(Difference("alongside", item.from_, _companion(item), "") for key, item in first.items() if key not in second),
            *(Difference("alongside", item.from_, "", _companion(item)) for key, item in second.items() if key not in first)]


def _span(item: Alongside, names: Mapping[str, str], phases: Mapping[str, str]) -> tuple[object, ...]:
    line = Line.of(_as_give(item), names)
    return (replace(line, over=None), phases.get(item.from_, item.from_), phases.get(item.to, item.to))


def _as_give(item: Alongside) -> Any:
    from types import SimpleNamespace

    return SimpleNamespace(drug=item.drug, route=item.route, dose=item.dose, cap=None, per_day=1, over=None, only=item.only)


def _companion(item: Alongside) -> str:
    return f"{say.alongside(item)}, from {item.from_} to {item.to}"


def _sums(a: Totals, b: Totals) -> list[Difference]:
    """Differences of the default path's totals."""
    found = [Difference("total", "", f"{a.days} days of treatment", f"{b.days} days of treatment")] if a.days != b.days else []
    if a.cycles != b.cycles:
        found.append(Difference("total", "", cycles(a), cycles(b)))
    if (len(a.intrathecal), len(a.conditional_intrathecal)) != (len(b.intrathecal), len(b.conditional_intrathecal)):
        found.append(Difference("total", "", intrathecal(a), intrathecal(b)))
    for key in sorted({*a.drugs, *b.drugs}):
        first, second = a.drugs.get(key, 0.0), b.drugs.get(key, 0.0)
        if abs(first - second) > 1e-9 * max(first, second):
            found.append(Difference("total", "", *(total(key, value) for value in (first, second))))
    return found


def total(key: tuple[str, str, str, str], value: float) -> str:
    """One drug's total in words."""
    drug, place, unit, only = key
    name = f"{drug} intrathecally" if place == "intrathecal" else drug
    return f"{name} {say.quantity(Quantity(value, unit))}" + (f" (if {only})" if only else "") if value else f"no {name}"


def cycles(sums: Totals) -> str:
    """Blinatumomab cycles and their days on the default path, in words."""
    return say.times(len(sums.cycles), "blinatumomab cycle") + (
        " on " + "; ".join(say.span(*cycle) for cycle in sums.cycles) if sums.cycles else "")


def intrathecal(sums: Totals) -> str:
    """Days with intrathecal doses on the default path, in words."""
    more = len(sums.conditional_intrathecal)
    return say.times(len(sums.intrathecal), "intrathecal dose") + (f", and {more} for some patients" if more else "")


def _report(result: Diff) -> str:
    """The comparison in words."""
    a, b = result.first, result.second
    head = [f"First:  {a.title} ({a.id})", f"Second: {b.title} ({b.id})", ""]
    named = "; ".join(f"{old} is called {new}" for old, new in result.names[:12]) + (" …" if len(result.names) > 12 else "")
    tail = ["", f"Other names in the second, without meaning: {named}."] if named else []
    if result.equal:
        return "\n".join([*head, "Equal by meaning: the same drugs, doses, days, assessments, branches and order.", *tail])
    text = list(head)
    for title, kinds in _SECTIONS:
        found = [item for item in result.differences if item.kind in kinds]
        if found:
            text += [title, *_grouped(result, found), ""]
    return "\n".join([*text[:-1], *tail])


_SECTIONS = (("As a whole", ("disease", "eligibility")), ("Phases and their order", ("phase", "order")),
             ("Within phases", ("length", "purpose", "chemotherapy", "patients", "share", "conditioning", "drug", "dose", "day",
                                "assessment", "branch", "randomisation")),
             ("Alongside", ("alongside",)), ("Totals on the default path", ("total",)))


def _grouped(result: Diff, found: Sequence[Difference]) -> list[str]:
    """Differences that several phases share are said once."""
    groups: dict[str, list[str]] = {}
    for item in found:
        said = str(item) if item.kind in ("total", "disease") else f"{item.kind}: {item}"
        groups.setdefault(said, []).append(item.where)
    text = []
    for said, places in groups.items():
        where = names_of(result.first, [place for place in places if place])
        text.append(f"  {where}: {said}" if any(places) else f"  {said}")
    return text


def _as_data(sums: Totals) -> dict[str, Any]:
    return {"days": sums.days, "blinatumomab_cycles": [list(cycle) for cycle in sums.cycles], "intrathecal_days": list(sums.intrathecal),
            "drugs": [{"drug": key[0], "place": key[1], "unit": key[2], "only": key[3] or None, "total": amount}
                      for key, amount in sorted(sums.drugs.items())]}
