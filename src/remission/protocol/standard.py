"""Assessments that every protocol offers where they exist, beside its own: the same names mean the same marrow in every trial.

    end-induction   the marrow of the last phase of induction that a patient is given
    cycle-1         the marrow of the first course of therapy after the prephase
    pre-blina-1     the marrow of the phase before the first blinatumomab; none where blinatumomab is the first treatment
    post-blina-1    the marrow of the first cycle of blinatumomab
    post-blina-2    the marrow of the second cycle of blinatumomab

The marrow of a phase is the last that the protocol itself takes in it, or else one on its last day. Where a patient's path decides
which phase is meant, there is one assessment of the name in each phase that it may be: the last that was made counts for
`end-induction` and `pre-blina-1`, the first for the others (`FIRST_COUNTS`). An assessment of the protocol's own takes precedence:
where it measures one kind (remission or MRD) under the name, the other kind is read in the same marrow. Standard assessments are
silent: nothing is decided by them, and they stand only where a phase ends or the protocol itself assesses, so that they add no step
to a course.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import accumulate

from remission.protocol.flow import Step, reasoner, steps
from remission.protocol.logic import BASELINE, Subject, Value, groups, lasting
from remission.protocol.model import Assess, Phase, Regimen
from remission.protocol.plan import phase_days

STANDARD = ("end-induction", "cycle-1", "pre-blina-1", "post-blina-1", "post-blina-2")
FIRST_COUNTS = frozenset({"cycle-1", "post-blina-1", "post-blina-2"})
KINDS = ("remission", "mrd")
ADDRESSES_PER_NAME = 64
DEFAULT_LIMIT = 1e-4
MAX_CASES = 40  # of patients whose paths are told apart
Place = tuple[int, int]  # position of a phase, and a day of it


class StandardAssess(Assess):
    """A silent assessment that was added to a plan.

    `twin` is the protocol's own assessment of the same kind in the same marrow (same phase and day), whose measurement it shares;
    without one, its measurement has an error of its own, whose stable address is `address`: it depends on the name and on the place
    among those of the name, not on which other assessments are in the plan.
    """

    twin: str | None = None
    address: int


def with_standard_assessments(regimen: Regimen, names: Collection[str] = STANDARD) -> Regimen:
    """A machine plan with the standard assessments of remission and MRD that it lacks; those among `names` if given.

    The plan is not changed; doing it twice is doing it once. MRD is measured by the assay and with the limit of the regimen's own MRD
    assessment nearest in time (by BCR::ABL1 in a Ph-positive regimen that measures it), else by flow cytometry with a limit of 1e-4.

    >>> from remission.protocol import load_regimen
    >>> plan = with_standard_assessments(load_regimen("e1910-chemotherapy"), ["end-induction"])
    >>> [(item.name, item.what, item.assay, item.day) for item in plan.phases[1].assess]
    [('end-induction', 'remission', None, 42), ('end-induction', 'mrd', 'flow', 42)]
    """
    wanted = [name for name in STANDARD if name in names]
    found = _places(regimen, wanted)
    added: dict[int, list[StandardAssess]] = {}
    for name in wanted:
        own = _own(regimen, name)
        for what in KINDS:
            if own[what]:
                continue
            other = own[KINDS[1 - KINDS.index(what)]]
            for occurrence, place in enumerate(other or found[name]):
                item = _assess(regimen, name, what, place, occurrence)
                added.setdefault(place[0], []).append(item)
    if not added:
        return regimen
    return regimen.model_copy(update={"phases": tuple(
        phase.model_copy(update={"assess": (*phase.assess, *added[position])}) if position in added else phase
        for position, phase in enumerate(regimen.phases))})


def _own(regimen: Regimen, name: str) -> dict[str, list[Place]]:
    """Where a plan assesses remission and MRD under a name; any assessment that is not of MRD takes the name for remission."""
    found: dict[str, list[Place]] = {what: [] for what in KINDS}
    for position, phase in enumerate(regimen.phases):
        for item in phase.assess:
            if item.name == name:
                found["mrd" if item.what == "mrd" else "remission"].append((position, item.day or phase_days(phase)))
    return found


def _assess(regimen: Regimen, name: str, what: str, place: Place, occurrence: int) -> StandardAssess:
    position, day = place
    nearest = _nearest(regimen, what, place)
    twin = next((item.name for item in regimen.phases[position].assess if item.what == what and not isinstance(item, StandardAssess)
                 and (item.day or phase_days(regimen.phases[position])) == day), None)
    address = STANDARD.index(name) * ADDRESSES_PER_NAME + min(occurrence, ADDRESSES_PER_NAME - 1)
    return StandardAssess.model_validate({
        "name": name, "what": what, "day": day, "twin": twin, "address": address,
        "assay": (nearest.assay if nearest else None) or ("flow" if what == "mrd" else "morphology"),
        "limit": (nearest.limit if nearest and nearest.limit else DEFAULT_LIMIT) if what == "mrd" else None,
        "assumed": "a standard assessment, read without consequence"})


def _nearest(regimen: Regimen, what: str, place: Place) -> Assess | None:
    """The plan's own assessment of a kind that is nearest in time, on the days of all phases one after the other."""
    begins = [0, *accumulate(phase_days(phase) for phase in regimen.phases)]
    own = [(abs(begins[position] + (item.day or phase_days(phase)) - begins[place[0]] - place[1]), item)
           for position, phase in enumerate(regimen.phases) for item in phase.assess
           if item.what == what and not isinstance(item, StandardAssess)]
    transcript = [pair for pair in own if pair[1].assay == "pcr-bcr-abl1"] if regimen.ph == "positive" else []
    return min(transcript or own, key=lambda pair: pair[0], default=(0, None))[1]


def _places(regimen: Regimen, names: Collection[str]) -> dict[str, list[Place]]:
    """The marrow of each phase that a name may mean, in the order of the plan."""
    if not names:
        return {}
    phases, reason = regimen.phases, reasoner(regimen)
    blinatumomab = [any(give.drug == "blinatumomab" for give in phase.give) for phase in phases]
    therapy = [_is_therapy(regimen, phase) for phase in phases]
    induction = [phase.purpose == "induction" for phase in phases]
    positions: dict[str, set[int]] = {name: set() for name in STANDARD}
    for case in _cases(regimen):
        ways = steps(regimen, reason, case)
        come = _counted(ways, blinatumomab)
        positions["end-induction"] |= {at for at, _ in come if induction[at] and _may_be_last(ways, induction, at)}
        positions["cycle-1"] |= {at for at, count in _counted(ways, therapy) if count == 0 and therapy[at]}
        positions["pre-blina-1"] |= set(_before_first(ways, blinatumomab, come))
        positions["post-blina-1"] |= {at for at, count in come if count == 0 and blinatumomab[at]}
        positions["post-blina-2"] |= {at for at, count in come if count == 1 and blinatumomab[at]}
    return {name: [(at, _marrow_day(phases[at])) for at in sorted(positions[name])] for name in names}


def _cases(regimen: Regimen) -> list[dict[Subject, Value]]:
    """Patients who differ in what their path depends on, as far as that is known before treatment or found by one assessment.

    Where they are too many to follow, one patient about whom nothing is known stands for all: paths that nobody takes may then count.
    """
    phases = [phase for phase in regimen.phases if phase.purpose != "transplant"]
    asked = [phase.only for phase in phases] + [branch.if_ for phase in phases for branch in phase.then]
    for among in (lasting, lambda subject: subject[0] in BASELINE):
        found = groups(asked, regimen.eligibility, among)
        if len(found) <= MAX_CASES:
            return found
    return [{}]


def _marrow_day(phase: Phase) -> int:
    """The day of the last marrow that the protocol itself takes in a phase, or else the phase's last day."""
    own = [item.day or phase_days(phase) for item in phase.assess if item.what != "mutation" and not isinstance(item, StandardAssess)]
    return max(own, default=phase_days(phase))


def _is_therapy(regimen: Regimen, phase: Phase) -> bool:
    """Whether a phase is a course of therapy: drugs of its own or alongside, and neither prephase, transplant nor rest."""
    if phase.purpose in ("prephase", "rest", "transplant") or phase.chemotherapy == "prephase":
        return False
    order = [other.id for other in regimen.phases]
    at = order.index(phase.id)
    spans = ((order.index(item.from_), len(order) - 1 if item.to == "lifelong" else order.index(item.to)) for item in regimen.alongside)
    return bool(phase.give) or any(first <= at <= last for first, last in spans)


def _counted(ways: tuple[Step, ...], wanted: list[bool]) -> set[tuple[int, int]]:
    """Every (position, number of wanted phases given before, up to 2) at which some patient may be given the phase."""
    come = {(0, 0)}
    found: set[tuple[int, int]] = set()
    for at, step in enumerate(ways):  # every way leads forward
        for count in (count for position, count in sorted(come) if position == at):
            if step.given:
                found.add((at, count))
                come |= {(after, min(2, count + wanted[at])) for after in step.then}
            if step.passed_by:
                come.add((at + 1, count))
    return found


def _before_first(ways: tuple[Step, ...], wanted: list[bool], come: set[tuple[int, int]]) -> Iterator[int]:
    """Positions of the phases after whose end the first wanted phase may be the next that is given."""
    for at, count in sorted(come):
        if count == 0 and not wanted[at] and any(wanted[after] for after in _next_given(ways, at)):
            yield at


def _next_given(ways: tuple[Step, ...], at: int) -> set[int]:
    """Positions of the phases that may be given next after one has ended."""
    waiting, found = list(ways[at].then), set()
    while waiting:
        position = waiting.pop()
        if position >= len(ways):
            continue
        if ways[position].given:
            found.add(position)
        if ways[position].passed_by:
            waiting.append(position + 1)
    return found


def _may_be_last(ways: tuple[Step, ...], wanted: list[bool], at: int) -> bool:
    """Whether some patient may be given no wanted phase after this one."""
    waiting, seen = list(ways[at].then), set()
    while waiting:
        position = waiting.pop()
        if position >= len(ways):
            return True
        if position in seen:
            continue
        seen.add(position)
        step = ways[position]
        if step.given and not wanted[position]:
            waiting += step.then
        if step.passed_by:
            waiting.append(position + 1)
    return False
