"""A placement of blinatumomab: a small frozen value, the list of all of them within declared limits, and each in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeVar

from remission.base.errors import UsageError, nearest
from remission.decide.space import INTENSITIES, First, Intensity, Maintenance, Option, Order, Ph, Transplant, space

OptionT = TypeVar("OptionT", bound=Option)
Route = Literal["civ", "sc"]
CHEMOTHERAPY, BLINATUMOMAB = "C", "B"


@dataclass(frozen=True)
class Placement:
    """Where blinatumomab goes, and what is around it.

    `first` reduces the disease; then come `cycles` of blinatumomab and `courses` of chemotherapy in an `order` ("none" when there
    is nothing to order); then `maintenance`. `intrathecal` doses in all; `transplant` is a rule; `inhibitor` runs from the first
    day (Ph-positive disease only). `gap_days` lie between an infusion's end and what follows.
    """

    ph: Ph
    first: str
    cycles: int
    courses: int
    order: Order
    maintenance: str
    intrathecal: int
    transplant: str
    inhibitor: str | None = None
    gap_days: int = 14
    route: Route = "civ"

    @property
    def start(self) -> First:
        """What reduces the disease first."""
        return chosen(space().first, self.first, "first")

    @property
    def upkeep(self) -> Maintenance:
        """The maintenance."""
        return chosen(space().maintenance, self.maintenance, "maintenance")

    @property
    def rule(self) -> Transplant:
        """The transplant rule."""
        return chosen(space().transplant, self.transplant, "transplant")

    @property
    def intensity(self) -> Intensity:
        """The strongest chemotherapy outside maintenance."""
        further: Intensity = self.start.further if self.courses else "none"
        return max(self.start.intensity, further, key=INTENSITIES.index)

    @property
    def all_cycles(self) -> int:
        """Blinatumomab cycles, those in maintenance included."""
        return self.cycles + self.upkeep.cycles

    @property
    def infusion_days(self) -> int:
        """Days of infusion when every cycle is given."""
        return self.all_cycles * space().blinatumomab.infusion_days if self.route == "civ" else 0

    @property
    def sequence(self) -> str:
        """Cycles (B) and courses (C) after what came first."""
        return sequence(self.cycles, self.courses, self.order)

    @property
    def in_order(self) -> bool:
        """Whether what follows may follow: after no more than a steroid a blinatumomab cycle."""
        return not self.start.blinatumomab_next or self.sequence.startswith(BLINATUMOMAB)

    @property
    def id(self) -> str:
        """Short and unique, e.g. ino-b4-after-c2-pomp-it8-mrd."""
        parts = [self.start.short, f"b{self.cycles}"]
        if self.order != "none":
            parts.append(self.order)
        parts += [f"c{self.courses}", self.upkeep.short, f"it{self.intrathecal}", self.rule.short]
        parts += [self.inhibitor] if self.inhibitor else []
        parts += [f"gap{self.gap_days}"] if self.gap_days != space().blinatumomab.gap_days else []
        return "-".join([*parts, self.route] if self.route != "civ" else parts)

    @property
    def headline(self) -> str:
        """What comes first, and cycles and courses after it."""
        return _capital(f"{self.start.title}, then {_middle(self)}")

    @property
    def details(self) -> str:
        """Maintenance, intrathecal doses, transplant and whatever is unusual."""
        said = [self.upkeep.title, f"{self.intrathecal} intrathecal doses", self.rule.title]
        said += [f"{self.inhibitor} throughout"] if self.inhibitor else []
        said += ["blinatumomab under the skin"] if self.route == "sc" else []
        said += [f"{self.gap_days} days between cycles"] if self.gap_days != space().blinatumomab.gap_days else []
        return "; ".join(said)

    @property
    def title(self) -> str:
        """The placement in one sentence."""
        return f"{self.headline}; {self.details}"


def chosen(options: tuple[OptionT, ...], identifier: str, where: str) -> OptionT:
    """The option with an id. Raises UsageError with the nearest."""
    for option in options:
        if option.id == identifier:
            return option
    known = [option.id for option in options]
    raise UsageError(f"'{identifier[:40]}' is not an option", where=where, why="the options are " + ", ".join(known),
                     near=nearest(identifier, known), fix="choose one of them")


def sequence(cycles: int, courses: int, order: Order) -> str:
    """Cycles (B) and courses (C) in an order; alternating begins with a cycle and spreads the courses evenly."""
    if order == "after":
        return CHEMOTHERAPY * courses + BLINATUMOMAB * cycles
    if order != "alternating":
        return BLINATUMOMAB * cycles + CHEMOTHERAPY * courses
    text, given = "", 0
    for cycle in range(1, cycles + 1):
        text += BLINATUMOMAB
        due = courses * cycle // cycles
        text += CHEMOTHERAPY * (due - given)
        given = due
    return text


@dataclass(frozen=True)
class Limits:
    """What a placement may cost at most."""

    max_cycles: int = 5
    max_infusion_days: int | None = None
    max_chemotherapy: Intensity = "intensive"

    def allow(self, placement: Placement) -> bool:
        """Whether a placement keeps the limits that need no simulation."""
        if placement.all_cycles > self.max_cycles or not placement.in_order:
            return False
        if self.max_infusion_days is not None and placement.infusion_days > self.max_infusion_days:
            return False
        return INTENSITIES.index(placement.intensity) <= INTENSITIES.index(self.max_chemotherapy)


def placements(ph: Ph, limits: Limits) -> tuple[Placement, ...]:
    """Every different placement within the limits, in a fixed order; orders that come to the same sequence stand once."""
    found = (placement for placement in _all(ph, limits) if limits.allow(placement))
    return tuple(placement for placement in found if room_for_intrathecal(placement) >= placement.intrathecal)


def _all(ph: Ph, limits: Limits) -> Iterator[Placement]:
    options = space()
    inhibitors: tuple[str | None, ...] = tuple(item.id for item in options.inhibitors) if ph == "positive" else (None,)
    for start in (option for option in options.first if option.fits(ph)):
        for courses in options.courses:
            for cycles in range(options.cycles.from_, max(options.cycles.to, limits.max_cycles) + 1):
                for order in _orders(cycles, courses):
                    for upkeep in (option for option in options.maintenance if option.fits(ph)):
                        for doses in options.intrathecal.doses:
                            for rule in options.transplant:
                                for inhibitor in inhibitors:
                                    yield Placement(ph, start.id, cycles, courses, order, upkeep.id, doses, rule.id, inhibitor)


def _orders(cycles: int, courses: int) -> list[Order]:
    """Orders that differ: none when there is nothing to order."""
    if not cycles or not courses:
        return ["none"]
    found: dict[str, Order] = {}
    for order in space().orders:
        found.setdefault(sequence(cycles, courses, order), order)
    return list(found.values())


MOST_IN_PIECE, MOST_IN_COURSE, MOST_IN_LONG = 2, 2, 6


def room_for_intrathecal(placement: Placement) -> int:
    """How many intrathecal doses the phases of a placement can hold."""
    pieces = 6 if placement.first == "inhibitor" else 0 if placement.first == "steroid" else MOST_IN_PIECE * len(placement.start.pieces)
    late = placement.upkeep.courses if placement.upkeep.courses else MOST_IN_LONG if placement.ph == "positive" else 0
    return pieces + MOST_IN_COURSE * len(placement.sequence) + late


def _middle(placement: Placement) -> str:
    """Cycles and courses in their order."""
    cycles = _number(placement.cycles, "blinatumomab cycle")
    courses = _number(placement.courses, f"{placement.start.further} course")
    said = {"before": f"{cycles}, then {courses}", "after": f"{courses}, then {cycles}", "alternating": f"{cycles} in turn with {courses}"}
    if placement.order in said:
        return said[placement.order]
    return cycles if placement.cycles else courses if placement.courses else "nothing more"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _number(count: int, what: str) -> str:
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")
    return f"{words[count] if count < len(words) else count} {what}{'' if count == 1 else 's'}"
