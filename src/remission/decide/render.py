"""From a placement to a regimen that can be simulated, shown and checked like any other.

Pieces come resolved from blocks and published phases and keep their sources; what is put between them (assessments, the decision
after a failure, intrathecal days, the transplant) says that it is assumed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from remission.base.errors import UsageError
from remission.base.units import Quantity
from remission.decide.placements import CHEMOTHERAPY, MOST_IN_COURSE, MOST_IN_LONG, MOST_IN_PIECE, Placement
from remission.decide.space import Piece, chosen_inhibitor, space
from remission.protocol import Condition, Phase, Regimen, load_regimen, resolve
from remission.protocol.editing.edit import validated
from remission.protocol.model import Alongside, Assess, Branch, Give, Note, Source

ASSUMED = "place in a searched placement"
REVIEW = Source(ref="pourhassan-2023", at="the question of the review")
CR = Condition.parse("not cr")
DONE = Condition.parse("transplanted")
LONG_DAYS = (14, 28, 43, 57, 71, 85)  # days of intrathecal doses in a long phase
MAINTENANCE_LENGTH = "365 d"


def render(placement: Placement, check: bool = True) -> Regimen:
    """The machine plan of a placement; with `check`, held against every rule of the catalog. The same placement gives the same plan."""
    if not placement.in_order:
        raise UsageError(f"'{placement.id}' is no placement", where="placement", near="order: before",
                         why=f"{placement.start.title} is followed by blinatumomab, or something else comes first",
                         fix="let a blinatumomab cycle follow, or name the chemotherapy as what comes first")
    phases = _transplanted(placement, _treated(placement)) + _maintained(placement)
    phases = _with_intrathecal(placement, phases)
    regimen = Regimen(
        id=placement.id[:64], title=placement.title, summary=f"{placement.title}. One of the placements that were searched.",
        ph=placement.ph, eligibility=(Condition.parse(f"ph = {placement.ph}"),), source=REVIEW, assumed=ASSUMED,
        notes=(Note(about="placement", text=placement.title),), alongside=_alongside(placement, phases), phases=tuple(phases))
    return validated(regimen) if check else regimen


@cache
def piece(item: Piece) -> Phase:
    """A block or a published phase, resolved, without intrathecal doses, inhibitors, assessments and decisions."""
    if item.block is not None:
        found = _block_phase(item.block, item.as_)
    else:
        assert item.regimen is not None
        found = next(phase for phase in load_regimen(item.regimen).phases if phase.id == item.phase)
    gives = tuple(give for give in found.give if give.route != "it")
    return found.model_copy(update={"give": gives, "assess": (), "then": (), "only": None, "share": None, "randomise": None})


def _block_phase(block: str, kind: str | None) -> Phase:
    data = {"id": block, "block": block, "assumed": ASSUMED} | ({"chemotherapy": kind} if kind else {})
    alone = Regimen(id="piece", title="piece", summary="piece", ph="any", source=REVIEW, phases=(Phase.model_validate(data),))
    return resolve(alone).phases[0]


@cache
def _cycle(kind: str, gap_days: int, route: str) -> Phase:
    """A blinatumomab cycle: `kind` is active, first or later."""
    rule = space().blinatumomab
    if route == "sc":
        source = load_regimen(rule.subcutaneous.regimen)
        wanted = rule.subcutaneous.later if kind == "later" else rule.subcutaneous.first
        return piece(Piece(regimen=source.id, phase=wanted)).model_copy(update={"purpose": "consolidation", "chemotherapy": "none"})
    block = {"active": rule.active, "first": rule.first, "later": rule.later}[kind]
    length = Quantity(float(rule.infusion_days + gap_days), "d")
    return piece(Piece(block=block)).model_copy(update={"length": length, "purpose": "consolidation"})


@cache
def _remission(name: str, day: int) -> Assess:
    return Assess(name=name, what="remission", assay="morphology", day=day, assumed=ASSUMED)


@cache
def _mrd(name: str, day: int, ph: str) -> Assess:
    return Assess(name=name, what="mrd", assay="pcr-bcr-abl1" if ph == "positive" else "flow", limit=1e-4, day=day, assumed=ASSUMED)


@cache
def _branch(if_: Condition, go: str | None, stop: str | None) -> Branch:
    data = {"if": if_, "assumed": ASSUMED} | ({"go": go} if go else {"stop": stop})
    return Branch.model_validate(data)


def _days(phase: Phase) -> int:
    assert phase.length is not None
    return round(phase.length.to("d"))


def _treated(placement: Placement) -> list[Phase]:
    """What came first, then cycles and courses, with remission and MRD assessed and failure decided."""
    made: list[Phase] = []
    for number, item in enumerate(placement.start.pieces, 1):
        phase = piece(item)
        assess = (_remission(f"start-{number}", _days(phase)),) if phase.purpose != "prephase" else ()
        made.append(phase.model_copy(update={"id": f"start-{number}", "assess": assess}))
    given = {"B": 0, CHEMOTHERAPY: 0}
    for step in placement.sequence:
        given[step] += 1
        made.append(_course(placement, step, given))
    return _decided(placement, made)


def _course(placement: Placement, step: str, given: dict[str, int]) -> Phase:
    if step == CHEMOTHERAPY:
        pieces = space().further[placement.start.further]
        phase = piece(pieces[(given[step] - 1) % len(pieces)])
        return phase.model_copy(update={"id": f"course-{given[step]}", "purpose": "consolidation"})
    first = "active" if placement.start.blinatumomab_next else "first"
    phase = _cycle(first if given[step] == 1 else "later", placement.gap_days, placement.route)
    last = min(_days(phase), space().blinatumomab.infusion_days)
    assess = [_remission(f"after-cycle-{given[step]}", last)]
    if given[step] == 1:
        assess.append(_mrd("pre-blina-1", 1, placement.ph))
    if given[step] <= 2:
        assess.append(_mrd(f"post-blina-{given[step]}", last, placement.ph))
    update = {"id": f"blinatumomab-{given[step]}", "assess": tuple(assess)}
    if first == "active" and given[step] <= 2:
        update["purpose"] = "induction"
    return phase.model_copy(update=update)


def _decided(placement: Placement, made: list[Phase]) -> list[Phase]:
    """No remission after the second course (the third, where two pieces reduced the disease first) ends the treatment as a failure."""
    start = len(placement.start.pieces)
    at = start + (1 if placement.start.blinatumomab_next else 0)
    if at >= len(made):
        at = len(made) - 1
    phase = made[at]
    if not any(item.what == "remission" for item in phase.assess):
        phase = phase.model_copy(update={"assess": (*phase.assess, _remission("decision", _days(phase)))})
    made[at] = phase.model_copy(update={"then": (_branch(CR, None, "refractory"),)})
    return made


def _transplanted(placement: Placement, made: list[Phase]) -> list[Phase]:
    """A transplant after the second blinatumomab cycle, or after the nearest thing to it."""
    if placement.transplant == "none":
        return made
    cycles = [at for at, phase in enumerate(made) if phase.id in ("blinatumomab-1", "blinatumomab-2")]
    at = cycles[-1] if cycles else min(len(made), len(placement.start.pieces) + 2) - 1
    phase = made[at]
    made[at] = phase.model_copy(update={"assess": (*phase.assess, _mrd("pre-transplant", _days(phase), placement.ph))})
    if not any(item.what == "remission" for earlier in made[: at + 1] for item in earlier.assess):
        made[at] = made[at].model_copy(update={"assess": (*made[at].assess, _remission("decision", _days(phase)))})
    go = ("inhibitor", None) if placement.ph == "positive" else (None, "completed")
    transplant = Phase(id="transplant", title="Allogeneic transplant", purpose="transplant", chemotherapy="none",
                       length=Quantity(1.0, "d"), conditioning="by age", only=_rule(placement), assumed=ASSUMED,
                       then=(_branch(DONE, *go),))
    return [*made[: at + 1], transplant, *made[at + 1:]]


def _rule(placement: Placement) -> Condition:
    own = placement.rule.positive if placement.ph == "positive" else placement.rule.negative
    oldest = space().transplant_age.at_most
    return Condition.parse(f"cr and donor and age <= {oldest}" + (f" and ({own})" if own else ""))


def _maintained(placement: Placement) -> list[Phase]:
    """POMP courses with blinatumomab cycles among them; in Ph-positive disease the inhibitor goes on afterwards."""
    upkeep = placement.upkeep
    made: list[Phase] = []
    if upkeep.courses:
        block = space().pomp["intensive" if placement.intensity == "intensive" else "reduced"]
        pomp, cycle = piece(Piece(block=block)), _cycle("later", placement.gap_days, placement.route)
        for number in range(1, upkeep.courses + 1):
            made.append(pomp.model_copy(update={"id": f"maintenance-{number}"}))
            if number % 3 == 0 and number // 3 <= upkeep.cycles:
                made.append(cycle.model_copy(update={"id": f"late-blinatumomab-{number // 3}", "purpose": "maintenance"}))
    if placement.ph == "positive":
        made.append(Phase.model_validate({"id": "inhibitor", "title": "Kinase inhibitor", "length": MAINTENANCE_LENGTH,
                                          "purpose": "maintenance", "chemotherapy": "none", "assumed": "the inhibitor goes on after it"}))
    return made


@dataclass(frozen=True)
class _Place:
    """Where intrathecal doses can stand: a phase, and days in the order in which they are used."""

    phase: int
    days: tuple[int, ...]


def _places(placement: Placement, phases: list[Phase]) -> tuple[list[_Place], list[_Place]]:
    """Places early and late in the treatment."""
    early, late = [], []
    for at, phase in enumerate(phases):
        if phase.purpose in ("prephase", "transplant"):
            continue
        days = _days(phase)
        if phase.purpose == "maintenance":
            if phase.id == "inhibitor":
                late.append(_Place(at, tuple(1 + 28 * k for k in range(MOST_IN_LONG))))
            elif phase.id.startswith("maintenance"):
                late.append(_Place(at, (1,)))
        elif days > 60:
            early.append(_Place(at, LONG_DAYS))
        elif phase.id.startswith("blinatumomab"):
            pause = space().blinatumomab.infusion_days + 2
            early.append(_Place(at, (min(pause, days), min(pause + 5, days - 1) if days >= pause + 5 else 1)[:MOST_IN_COURSE]))
        else:
            early.append(_Place(at, (2, 8)[:MOST_IN_PIECE]))
    return early, late


def _with_intrathecal(placement: Placement, phases: list[Phase]) -> list[Phase]:
    """Intrathecal doses: the first of every phase in turn, then the second, what is left in maintenance."""
    early, late = _places(placement, phases)
    wanted: dict[int, list[int]] = {}
    left = placement.intrathecal
    for places in (early, late):
        for turn in range(max((len(place.days) for place in places), default=0)):
            for place in places:
                if left and turn < len(place.days):
                    wanted.setdefault(place.phase, []).append(place.days[turn])
                    left -= 1
    return [phase.model_copy(update={"give": (*phase.give, _dose(tuple(sorted(wanted[at]))))}) if at in wanted else phase
            for at, phase in enumerate(phases)]


@cache
def _dose(days: tuple[int, ...]) -> Give:
    rule = space().intrathecal
    return Give(drug=rule.drug, dose=rule.dose, route="it", days=days, source=rule.source, assumed="number and days")


def _alongside(placement: Placement, phases: list[Phase]) -> tuple[Alongside, ...]:
    if placement.inhibitor is None:
        return ()
    item = chosen_inhibitor(placement.inhibitor)
    begin = next(phase.id for phase in phases if phase.purpose != "prephase")
    data = {"drug": item.id, "dose": item.dose, "route": "po", "from": begin, "to": "lifelong", "source": item.source,
            "assumed": item.assumed}
    return (Alongside.model_validate(data),)
