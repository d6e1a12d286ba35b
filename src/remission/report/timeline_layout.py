"""What goes where in a regimen's timeline: phases in rows, drugs in lanes, repeated cycles drawn once.

Days are absolute and count from 1. Nothing here knows about SVG.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from remission.report import words

INTRATHECAL = "it"


@dataclass(frozen=True)
class Dose:
    """One dose or infusion day."""

    day: float
    drug: str
    amount: str
    size: float
    unit: str
    route: str
    condition: str = ""

    @property
    def lane(self) -> tuple[str, str, str]:
        """What decides the lane it is drawn in: the drug, the route, and for whom."""
        return (self.drug, self.route, self.condition)


@dataclass(frozen=True)
class Assessment:
    """One assessment: its name, what is assessed, its day."""

    name: str
    what: str
    day: float


@dataclass(frozen=True)
class Phase:
    """One phase of a regimen; `start` is None for a phase off the default path."""

    number: int
    title: str
    start: float | None
    length: float
    purpose: str
    doses: tuple[Dose, ...]
    assessments: tuple[Assessment, ...]
    branches: tuple[str, ...]
    condition: str

    @property
    def first(self) -> float:
        """The first day (1 when the phase has no place on the default path)."""
        return 1.0 if self.start is None else self.start

    @property
    def last(self) -> float:
        """The last day."""
        return self.first + max(self.length, 1.0) - 1


@dataclass(frozen=True)
class Alongside:
    """A drug given beside the phases, in spans of days; an end of None goes on."""

    label: str
    spans: tuple[tuple[float, float | None], ...]


@dataclass(frozen=True)
class Lane:
    """One drug by one route within a row; doses on the row's own days (from 0)."""

    drug: str
    route: str
    doses: tuple[Dose, ...]
    label: str


@dataclass(frozen=True)
class Placed:
    """A phase in a row: `at` is its first day on the row's own scale (from 0).

    A phase that repeats is placed once, with how often it is given and the last absolute day of all of them.
    """

    phase: Phase
    at: float
    times: int
    until: float

    @property
    def end(self) -> float:
        """The row's day after the phase."""
        return self.at + max(self.phase.length, 1.0)

    def day(self, absolute: float) -> float:
        """An absolute day on the row's own scale."""
        return self.at + absolute - self.phase.first


@dataclass(frozen=True)
class Row:
    """One row of the drawing: its phases and a heading where the row needs explaining."""

    placed: tuple[Placed, ...]
    heading: str = ""
    own_scale: bool = False

    @property
    def on_path(self) -> bool:
        """False for a phase that the default path does not reach."""
        return self.placed[0].phase.start is not None

    @property
    def length(self) -> float:
        """Days that are drawn."""
        return max(item.end for item in self.placed)

    @property
    def last(self) -> float:
        """The last absolute day."""
        return max(item.until for item in self.placed)


def _amount(dose: Any, unit: Any, per_day: Any) -> str:
    if dose is None:
        return ""
    shown = words.plain(float(dose)) if words.present(dose) else str(dose)
    shown = words.unit(f"{shown} {unit}".strip() if unit else shown)
    return f"{shown} ×{words.plain(float(per_day))} a day" if words.present(per_day) and per_day > 1 else shown


def _dose(item: Mapping[str, Any]) -> Dose:
    dose = item.get("dose")
    return Dose(
        day=float(item["day"]),
        drug=str(item["drug"]),
        amount=_amount(dose, item.get("unit"), item.get("per_day")),
        size=float(dose) if isinstance(dose, int | float) and words.present(dose) else 0.0,
        unit=str(item.get("unit") or ""),
        route=str(item.get("route") or ""),
        condition=words.condition(item["only"]) if item.get("only") else "",
    )


def _condition(item: Mapping[str, Any]) -> str:
    parts = []
    if item.get("only"):
        parts.append(f"only if {words.condition(item['only'])}")
    share = item.get("share")
    if share is not None and share != "":
        shown = words.percent(share) if words.present(share) else str(share)
        parts.append(f"about {shown} of patients")
    return "; ".join(parts)


def _branch(item: Mapping[str, Any], titles: Mapping[str, str]) -> str:
    if item.get("stop"):
        goal = f"stop ({item['stop']})"
    else:
        target = str(item.get("go") or "next phase")
        goal = titles.get(target, target)
    return f"if {words.condition(item.get('if', '?'))} → {goal}"


def read_phases(regimen: Mapping[str, Any]) -> list[Phase]:
    """The phases of a resolved regimen in its order, then those off the default path."""
    raw = [*(regimen.get("phases") or []), *(regimen.get("other_phases") or [])]
    titles = {str(item["id"]): str(item.get("title") or item["id"]) for item in raw}
    phases = []
    for index, item in enumerate(raw, start=1):
        start = item.get("start")
        phases.append(
            Phase(
                number=index,
                title=titles[str(item["id"])],
                start=float(start) if start is not None else None,
                length=float(item.get("length") or 1),
                purpose=str(item.get("purpose") or ""),
                doses=tuple(_dose(given) for given in item.get("administrations") or []),
                assessments=tuple(
                    Assessment(str(a["name"]), str(a.get("what") or ""), float(a["day"]))
                    for a in item.get("assessments") or []
                ),
                branches=tuple(_branch(b, titles) for b in item.get("branches") or []),
                condition=_condition(item),
            )
        )
    return phases


def read_alongside(regimen: Mapping[str, Any]) -> tuple[Alongside, ...]:
    """The drugs given beside the phases; the same drug, dose and condition make one lane."""
    found: dict[str, list[tuple[float, float | None]]] = {}
    for item in regimen.get("alongside") or []:
        last = item.get("to_day")
        amount = _amount(item.get("dose"), item.get("unit"), item.get("per_day"))
        route = words.ROUTES.get(str(item.get("route")), str(item.get("route") or ""))
        label = " ".join(part for part in (str(item["drug"]), amount, route) if part) + _for_whom(item.get("only"))
        span = (float(item.get("from_day") or 1), float(last) if last is not None else None)
        found.setdefault(label, []).append(span)
    return tuple(Alongside(label, tuple(spans)) for label, spans in found.items())


def _for_whom(condition: object) -> str:
    """Who receives a drug, where not everybody does."""
    return f" (if\u00a0{words.condition(condition)})" if condition else ""


def _print_of(phase: Phase) -> tuple[Any, ...]:
    """What makes two phases the same treatment, wherever they stand."""
    doses = tuple((d.day - phase.first, d.amount, *d.lane) for d in phase.doses)
    return (phase.length, phase.purpose, phase.condition, doses)


def _repeats(phases: Sequence[Phase], at: int) -> tuple[int, int]:
    """The best repeated pattern of maintenance phases that starts here: (phases in it, times)."""
    best = (1, 1)
    limit = at
    while limit < len(phases) and phases[limit].purpose == "maintenance" and phases[limit].start is not None:
        limit += 1
    prints = [_print_of(phase) for phase in phases[at:limit]]
    for period in range(1, min(8, len(prints) // 2) + 1):
        times = 1
        while prints[times * period : (times + 1) * period] == prints[:period]:
            times += 1
        if times > 1 and times * period > best[0] * best[1]:
            best = (period, times)
    return best


def _place(phases: Sequence[tuple[Phase, int, float]]) -> tuple[Placed, ...]:
    """Phases one after the other on a row's own days; gaps between them are kept."""
    placed: list[Placed] = []
    for phase, times, until in phases:
        gap = phase.first - placed[-1].until - 1 if placed else 0.0
        at = placed[-1].end + max(gap, 0.0) if placed else 0.0
        placed.append(Placed(phase, at, times, until))
    return tuple(placed)


def _pattern_row(shown: Sequence[Phase], until: float, times: int) -> Row:
    length = shown[-1].last - shown[0].first + 1
    heading = (
        f"Days {words.plain(shown[0].first)} to {words.plain(until)}: "
        f"a course of {words.plain(length)} days, given {times} times; the first is drawn"
    )
    return Row(_place([(phase, 1, phase.last) for phase in shown]), heading, own_scale=True)


def rows(phases: Sequence[Phase], days_per_row: float) -> list[Row]:
    """Phases packed into rows of at most so many days; long ones and repeated patterns get a row of their own.

    A maintenance phase that repeats is drawn once. Phases off the default path come last, where they give drugs.
    """
    made: list[Row] = []
    waiting: list[tuple[Phase, int, float]] = []

    def flush() -> None:
        if waiting:
            made.append(Row(_place(waiting)))
            waiting.clear()

    on_path = [phase for phase in phases if phase.start is not None]
    index = 0
    while index < len(on_path):
        phase = on_path[index]
        period, times = _repeats(on_path, index)
        whole = on_path[index : index + period * times]
        if period > 1:
            flush()
            made.append(_pattern_row(whole[:period], whole[-1].last, times))
        elif phase.length > days_per_row:
            flush()
            heading = f"Days {words.plain(phase.first)} to {words.plain(phase.last)}, drawn to a shorter scale"
            made.append(Row(_place([(phase, times, whole[-1].last)]), heading, own_scale=True))
        else:
            tried = _place([*waiting, (phase, times, whole[-1].last)])
            if waiting and (phase.first <= waiting[-1][2] or tried[-1].end > days_per_row):
                flush()
            waiting.append((phase, times, whole[-1].last))
        index += period * times
    flush()
    return made + _other_rows([p for p in phases if p.start is None and p.doses], days_per_row)


def _other_rows(phases: Sequence[Phase], days_per_row: float) -> list[Row]:
    """Phases off the default path, those with the same condition side by side."""
    made: list[Row] = []
    waiting: list[Phase] = []
    for phase in phases:
        length = sum(max(p.length, 1.0) for p in [*waiting, phase])
        if waiting and (waiting[0].condition != phase.condition or length > days_per_row):
            made.append(_other_row(waiting))
            waiting = []
        waiting.append(phase)
    return [*made, _other_row(waiting)] if waiting else made


def _other_row(phases: Sequence[Phase]) -> Row:
    why = f" ({phases[0].condition})" if phases[0].condition else ""
    heading = f"Off the default path{why}; each counts its own days"
    return Row(_place([(phase, 1, phase.last) for phase in phases]), heading, own_scale=True)


def _lane_label(doses: Sequence[Dose], route: str) -> str:
    """Drug, doses in order of use, route and, where not everybody receives it, who does."""
    amounts = list(dict.fromkeys(d.amount for d in sorted(doses, key=lambda d: d.day) if d.amount))
    units = {d.unit for d in doses}
    if len(amounts) > 1 and len(units) == 1 and "×" not in "".join(amounts):
        suffix = " " + words.unit(units.pop())
        amounts = [amount.removesuffix(suffix) for amount in amounts]
        shown = " then ".join(amounts[:3]) + ("…" if len(amounts) > 3 else "") + suffix
    else:
        shown = ", ".join(amounts[:3]) + ("…" if len(amounts) > 3 else "")
    label = " ".join(part for part in (doses[0].drug, shown, words.ROUTES.get(route, route)) if part)
    return f"{label} (if\u00a0{doses[0].condition})" if doses[0].condition else label


def lanes(row: Row, order: Sequence[tuple[str, str, str]]) -> list[Lane]:
    """The lanes of a row, in the regimen's own order, intrathecal doses together in the last one."""
    grouped: dict[tuple[str, str, str], list[Dose]] = {}
    intrathecal: dict[tuple[str, str, str], list[Dose]] = {}
    for item in row.placed:
        for dose in item.phase.doses:
            kind = intrathecal if dose.route == INTRATHECAL else grouped
            kind.setdefault(dose.lane, []).append(replace(dose, day=item.day(dose.day)))
    made = [
        Lane(key[0], key[1], tuple(grouped[key]), _lane_label(grouped[key], key[1])) for key in order if key in grouped
    ]
    if intrathecal:
        names = ", ".join(_lane_label(doses, "") for doses in intrathecal.values())
        doses = tuple(dose for given in intrathecal.values() for dose in given)
        made.append(Lane("", INTRATHECAL, doses, f"intrathecal: {names}"))
    return made


def lane_order(phases: Sequence[Phase]) -> list[tuple[str, str, str]]:
    """Every drug, route and condition of the regimen, in order of first use."""
    doses = [dose for phase in phases for dose in phase.doses if dose.route != INTRATHECAL]
    return list(dict.fromkeys(dose.lane for dose in doses))


def letters(phases: Sequence[Phase]) -> dict[int, str]:
    """A letter for each phase that ends in a decision, by phase number; the same decision has the same letter."""
    known = list(dict.fromkeys(phase.branches for phase in phases if phase.branches))
    return {p.number: _letter(known.index(p.branches)) for p in phases if p.branches}


def _letter(index: int) -> str:
    letter = chr(ord("a") + index % 26)
    return letter if index < 26 else _letter(index // 26 - 1) + letter


def in_words(phases: Sequence[Phase], alongside: Sequence[Alongside]) -> str:
    """The whole timeline as sentences: the drawing's alternative text."""
    sentences = []
    for phase in phases:
        when = words.span(phase.first, phase.last) if phase.start is not None else "off the default path"
        given = []
        for lane in dict.fromkeys(dose.lane for dose in phase.doses):
            doses = [dose for dose in phase.doses if dose.lane == lane]
            days = [dose.day for dose in doses]
            few = len(words.runs(days)) <= 8
            shown = f"on days {words.day_list(days)}" if few else f"{len(days)} doses"
            given.append(f"{_lane_label(doses, lane[1])} {shown}")
        parts = [f"Phase {phase.number}, {phase.title} ({when}): {'; '.join(given) or 'no drug'}."]
        if phase.condition:
            parts.append(f"{words.capital(phase.condition)}.")
        parts += [f"Assessed: {a.name} on day {words.plain(a.day)}." for a in phase.assessments]
        parts += [f"Then {branch}." for branch in phase.branches]
        sentences.append(" ".join(parts))
    for item in alongside:
        for first, last in item.spans:
            until = "with no end" if last is None else f"to day {words.plain(last)}"
            sentences.append(f"Alongside: {item.label} from day {words.plain(first)} {until}.")
    return " ".join(sentences)
