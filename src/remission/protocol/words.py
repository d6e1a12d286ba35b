"""A regimen in words: every phase with its drugs, days, assessments and decisions, numbered sources, and assumptions marked.

The text names sources by number; the caller says what each one is (`sources` gives an id's reference), because publications
belong to the evidence and not to the protocol.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from remission.protocol import say
from remission.protocol.comparing.diff import cycles, intrathecal, total
from remission.protocol.comparing.meaning import totals, treatment
from remission.protocol.editing.targets import names_of
from remission.protocol.model import Cited, Phase, Regimen
from remission.protocol.plan import alongside_spans, phase_days, timeline
from remission.protocol.resolve import resolve

WIDTH = 100


@dataclass
class _Numbers:
    """Numbers of sources and assumptions in order of first mention."""

    refs: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)

    def of(self, item: Cited, inside: Cited | None = None) -> str:
        """' [2: Table 1; assumed A1]': what an item says of its origin beyond what its owner says."""
        source = None if inside is not None and item.source == inside.source else item.source
        assumed = None if inside is not None and item.assumed == inside.assumed else item.assumed
        parts = []
        if source is not None:
            number = self.refs.setdefault(source.ref, len(self.refs) + 1)
            parts.append(f"{number}: {source.at}" if source.at else str(number))
        if assumed is not None:
            parts.append(f"assumed A{self.reasons.setdefault(' '.join(assumed.split()).rstrip('.'), len(self.reasons) + 1)}")
        return f" [{'; '.join(parts)}]" if parts else ""


def in_words(regimen: Regimen, sources: Callable[[str], str | None] | None = None, width: int = WIDTH) -> str:
    """The protocol as text for people, `width` characters wide."""
    plan = resolve(regimen)
    numbers = _Numbers()
    body = [*_opening(plan, numbers), *_phases(plan, numbers), *_beside(plan, numbers), *_sums(plan), *_notes(plan, numbers)]
    reasons = ["Assumptions", *(f"   A{number}: {reason}" for reason, number in numbers.reasons.items()), ""] if numbers.reasons else []
    named = [f"   {number}: {(sources and sources(ref)) or ref}" for ref, number in numbers.refs.items()]
    cited = ["Sources", *named] if named else []
    return "\n".join(folded for line in (*body, *reasons, *cited) for folded in _fold(line, width))


def _fold(line: str, width: int) -> list[str]:
    """A line folded at words; what belongs to a heading or to an entry is set in."""
    indent = len(line) - len(line.lstrip())
    hanging = " " * (indent + 2) if indent or line[:1].isdigit() else ""
    return textwrap.wrap(line, width, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False) or [""]


def _opening(plan: Regimen, numbers: _Numbers) -> Iterator[str]:
    yield f"{plan.title} ({plan.id}){numbers.of(plan)}"
    yield from ("", plan.summary.strip(), "")
    disease = {"any": "either BCR::ABL1 status"}.get(plan.ph, f"BCR::ABL1-{plan.ph}")
    yield "For: " + "; ".join([disease, *(say.condition(item) for item in plan.eligibility if str(item) != f"ph = {plan.ph}")])
    if plan.trial:
        yield f"Trial: {plan.trial}"
    yield ""


def _phases(plan: Regimen, numbers: _Numbers) -> Iterator[str]:
    starts = {phase["id"]: int(phase["start"]) for phase in timeline(plan)["phases"]}
    titles = {phase.id: phase.title or phase.id for phase in plan.phases}
    number = 1
    for run in _runs(plan.phases):
        yield from _phase(plan, run, number, starts, titles, numbers)
        number += len(run)


def _runs(phases: Sequence[Phase]) -> list[list[Phase]]:
    """Consecutive phases of one series with the same treatment and nothing else are said once."""
    runs: list[list[Phase]] = []
    for phase in phases:
        last = runs[-1][-1] if runs else None
        plain = not (phase.assess or phase.then or phase.randomise)
        if last is not None and plain and not (last.assess or last.then or last.randomise) and treatment(last) == treatment(phase) \
                and _series(last) == _series(phase) and (last.source, last.assumed) == (phase.source, phase.assumed):
            runs[-1].append(phase)
        else:
            runs.append([phase])
    return runs


def _series(phase: Phase) -> str:
    stem, _, number = phase.id.rpartition("-")
    return stem if number.isdigit() else phase.id


def _phase(plan: Regimen, run: Sequence[Phase], number: int, starts: Mapping[str, int], titles: Mapping[str, str],
           numbers: _Numbers) -> Iterator[str]:
    phase, days = run[0], phase_days(run[0])
    title = titles[phase.id].removesuffix(" 1") if len(run) > 1 else titles[phase.id]
    which = f"{number}" if len(run) == 1 else f"{number}–{number + len(run) - 1}"
    lasting = f"{days} day{'s' if days != 1 else ''}" if len(run) == 1 else f"{len(run)} × {days} days"
    drawn = phase.id in starts and run[-1].id in starts
    when = say.span(starts[phase.id], starts[run[-1].id] + days - 1) if drawn else "off the default path"
    names = names_of(plan, [item.id for item in run])
    yield f"{which}. {title} ({names}): {phase.purpose}, {lasting}, {when}{numbers.of(phase, plan)}"
    yield from (f"   {text}" for text in _who(phase))
    for give in phase.give:
        yield f"   · {say.give(give)}{numbers.of(give, phase)}{_note(give)}"
    for item in phase.assess:
        what = {"mrd": "MRD", "marrow-blasts": "marrow blasts"}.get(item.what, item.what)
        how = (f" by {item.assay}" if item.assay else "") + (f", limit {say.power(item.limit)}" if item.limit else "")
        yield f"   Assessed on day {item.day}: {what}{how} ({item.name}){numbers.of(item, phase)}{_note(item)}"
    for branch in phase.then:
        goal = f"stop, {branch.stop}" if branch.stop else "the end" if branch.go == "end" else titles.get(branch.go or "", branch.go or "")
        yield f"   Then, if {say.condition(branch.if_)}: {goal}{numbers.of(branch, phase)}"
    if phase.randomise:
        asked = f", if {say.condition(phase.randomise.if_)}" if phase.randomise.if_ else ""
        yield f"   Randomised{asked}: {' or '.join(phase.randomise.arms)}{numbers.of(phase.randomise, phase)}"
    if phase.note:
        yield f"   Note: {phase.note.strip()}"
    yield ""


def _who(phase: Phase) -> Iterator[str]:
    """Chemotherapy class, patients and share."""
    if phase.chemotherapy not in (None, "none", phase.purpose):
        yield f"Chemotherapy: {phase.chemotherapy}"
    if phase.conditioning:
        yield f"Conditioning: {phase.conditioning}"
    if phase.only or phase.share:
        share = f"about {say.quantity(phase.share)} of them" if phase.share else ""
        who = f"only if {say.condition(phase.only)}" if phase.only else "all patients"
        yield "For: " + "; ".join(part for part in (who, share) if part)


def _note(item: Cited) -> str:
    return f" ({item.note.strip()})" if item.note else ""


def _beside(plan: Regimen, numbers: _Numbers) -> Iterator[str]:
    if not plan.alongside:
        return
    spans = {item: (first, last) for item, first, last in alongside_spans(plan)}
    yield "Alongside"
    for item in plan.alongside:
        until = "lifelong" if item.to == "lifelong" else f"to the end of {item.to}"
        when = f", from day {spans[item][0]} on the default path" if item in spans else ", off the default path"
        yield f"   · {say.alongside(item)}, from {item.from_} {until}{when}{numbers.of(item, plan)}"
    yield ""


def _sums(plan: Regimen) -> Iterator[str]:
    sums = totals(plan)
    yield "In all, on the default path (a patient who responds and is not transplanted)"
    yield f"   {sums.days} days; {cycles(sums)}; {intrathecal(sums)}"
    for key, value in sorted(sums.drugs.items()):
        yield f"   · {total(key, value)}"
    yield ""


def _notes(plan: Regimen, numbers: _Numbers) -> Iterator[str]:
    if not plan.notes:
        return
    yield "Notes"
    for note in plan.notes:
        cited = numbers.of(Cited(source=note.source)) if note.source else ""
        yield f"   {note.about[:1].upper()}{note.about[1:]}: {' '.join(note.text.split())}{cited}"
    yield ""
