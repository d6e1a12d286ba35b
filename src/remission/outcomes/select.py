"""Who is meant: conditions on covariates and course, and the assessments of a plan, evaluated on histories."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from remission.base import catalog
from remission.base.errors import NotFound, nearest
from remission.base.histories import Histories
from remission.base.random import Floats
from remission.outcomes.estimate import Mask
from remission.protocol import Condition, Regimen, load_regimen
from remission.protocol.conditions import Compare, Term
from remission.protocol.standard import FIRST_COUNTS, STANDARD

_WORDS = {"female": 0.0, "male": 1.0, "none": 0.0, "deleted": 1.0, "plus": 2.0, "negative": 0.0, "positive": 1.0}
REMISSION, RESIDUAL = ("remission", "marrow-blasts"), ("mrd",)
EVERY = (*RESIDUAL, *REMISSION, "cytoreduction", "mutation")
DECIDED_BY = (
    0.95  # a treatment that not all get is decided by the day on which this share of those who get it have had it
)


@dataclass(frozen=True)
class Made:
    """What one assessment found: its value (1/0, or log10 MRD), its day (nan: not made) and its limit (log10)."""

    value: Floats
    day: Floats
    limit: Floats

    @property
    def done(self) -> Mask:
        return np.asarray(~np.isnan(self.day), np.bool_)


def standard(h: Histories, slot: int) -> bool:
    """Whether a slot was added to the protocol's own (`protocol.standard`)."""
    told = getattr(h.slots[slot], "standard", None)
    if told is not None:
        return bool(told)
    name, own = h.slots[slot].name, _own_names(h.regimen)
    return name in STANDARD and own is not None and (name, h.slots[slot].what) not in own


@lru_cache(maxsize=64)
def _own_names(regimen: str) -> frozenset[tuple[str, str]] | None:
    """Names and kinds of a catalog regimen's own assessments; None for a regimen that is not in the catalog."""
    if regimen not in catalog.ids("regimens"):
        return None
    return frozenset((item.name, item.what) for phase in load_regimen(regimen).phases for item in phase.assess)


def own_slots(h: Histories, kinds: tuple[str, ...]) -> list[int]:
    """The protocol's own assessments of some kinds; the added ones where it has none."""
    fitting = [k for k, slot in enumerate(h.slots) if slot.what in kinds]
    return [k for k in fitting if not standard(h, k)] or fitting


def slots_named(h: Histories, name: str, kinds: tuple[str, ...]) -> list[int]:
    """Slots called `name` ("any": all of the protocol's own of these kinds). Raises NotFound with the nearest name."""
    fitting = [k for k, slot in enumerate(h.slots) if slot.what in kinds]
    found = own_slots(h, kinds) if name == "any" else [k for k in fitting if h.slots[k].name == name]
    if not found:
        known = sorted({h.slots[k].name for k in fitting})
        raise NotFound(
            f"'{name[:60]}' is not assessed in the regimen '{h.regimen}'",
            why="assessed there: " + (", ".join(known) or "nothing of this kind"),
            near=nearest(name, known),
            fix="choose one of its assessments, or 'any'",
        )
    return found


def made(h: Histories, name: str, kinds: tuple[str, ...]) -> Made:
    """An assessment as each patient had it; of several with its name (one on each path) the last that was made counts, and of the
    standard ones of a course or cycle the first. "any" is the best: remission if there ever was one, the lowest MRD."""
    slots = slots_named(h, name, kinds)
    if name == "any" or len(slots) == 1:
        return best(h, slots)
    first = name in FIRST_COUNTS and standard(h, slots[0])
    value, day, limit = (np.full(h.when.shape[:-1], np.nan) for _ in range(3))
    for slot in slots:
        done = ~np.isnan(h.when[..., slot]) & _meant(h, slot) & (np.isnan(day) if first else True)
        value, day = np.where(done, h.values[..., slot], value), np.where(done, h.when[..., slot], day)
        limit = np.where(done, h.slots[slot].limit, limit)
    return Made(value, day, limit)


def best(h: Histories, slots: list[int]) -> Made:
    """The best of several assessments: the first remission, or the MRD that is furthest below its limit."""
    if len(slots) == 1:
        keep = _meant(h, slots[0])
        value, day = (np.where(keep, table[..., slots[0]], np.nan) for table in (h.values, h.when))
        return Made(value, day, np.full(value.shape, h.slots[slots[0]].limit))
    limits = np.array([h.slots[slot].limit for slot in slots])
    value, day = h.values[..., slots], h.when[..., slots]
    rank = value - limits if h.slots[slots[0]].what == "mrd" else -value
    chosen = np.argmin(np.where(np.isnan(rank), np.inf, rank), axis=-1)[..., None]
    return Made(
        np.take_along_axis(value, chosen, axis=-1)[..., 0],
        np.take_along_axis(day, chosen, axis=-1)[..., 0],
        limits[chosen[..., 0]],
    )


def _meant(h: Histories, slot: int) -> Mask:
    """Before blinatumomab is meant for those who got it; the added assessment is made in everybody who came to that phase's end."""
    if h.slots[slot].name == "pre-blina-1" and standard(h, slot):
        return np.asarray(h.events["blinatumomab"] > 0, np.bool_)
    return np.ones(h.when.shape[:-1], np.bool_)


def first_given(h: Histories, drug: str, regimens: tuple[Regimen, ...] = ()) -> Floats | None:
    """Day of a patient's first dose of a drug (inf: never): the start of the first phase that gives it. None where starts are not known."""
    names = {phase.id for plan in regimens for phase in plan.phases if any(give.drug == drug for give in phase.give)}
    starts = getattr(h, "started", None)
    phases: tuple[str, ...] = getattr(h, "phases", ())
    if starts is None or not regimens or not phases:
        return None
    columns = [k for k, name in enumerate(phases) if name in names]
    if not columns:
        return np.full(h.when.shape[:-1], np.inf)
    days = np.asarray(starts[..., columns], np.float64)
    return np.asarray(np.where(np.isnan(days), np.inf, days).min(axis=-1), np.float64)


@dataclass(frozen=True)
class Known:
    """What is known on a landmark day of treatments that not everybody gets: the day of each, and the days by which they count."""

    day: Floats
    decided: Floats


def holds(
    h: Histories, condition: Condition, at_day: Floats | None = None, known: dict[str, Known] | None = None
) -> Mask:
    """Whether the condition holds for each patient, shape (draws, patients).

    `cr` means in remission at `at_day` (by the last assessment before it), or ever when no day is given; `transplanted` and
    `received_blinatumomab` mean ever, or by the day of `known`. A measurement that was not made satisfies no condition.
    """
    return _term(h, condition.term, at_day, known or {})


def _term(h: Histories, term: Term, at_day: Floats | None, known: dict[str, Known]) -> Mask:
    if isinstance(term, Compare):
        return _compare(h, term, at_day, known)
    masks = [_term(h, item, at_day, known) for item in term.items]
    return np.asarray(np.logical_and.reduce(masks) if term.word == "and" else np.logical_or.reduce(masks), np.bool_)


def _compare(h: Histories, compare: Compare, at_day: Floats | None, known: dict[str, Known]) -> Mask:
    if compare.name == "mrd":
        return _mrd(h, compare)
    threshold = _WORDS[compare.value] if isinstance(compare.value, str) else float(compare.value)
    return _ordered(_value(h, compare, at_day, known), compare.op, threshold)


def _ordered(value: Floats, op: str, threshold: Floats | float) -> Mask:
    with np.errstate(invalid="ignore"):
        result = {
            "<": value < threshold,
            "<=": value <= threshold,
            ">": value > threshold,
            ">=": value >= threshold,
            "=": value == threshold,
            "!=": value != threshold,
        }[op]
    return np.asarray(result & ~np.isnan(value), np.bool_)


def _mrd(h: Histories, compare: Compare) -> Mask:
    found = made(h, compare.argument or "", RESIDUAL)
    if isinstance(compare.value, str):
        return _ordered(found.value, "<" if compare.value == "negative" else ">=", found.limit)
    return _ordered(found.value, compare.op, float(np.log10(max(float(compare.value), 1e-12))))


def _value(h: Histories, compare: Compare, at_day: Floats | None, known: dict[str, Known]) -> Floats:
    name = subject(compare)
    if name in known:
        return np.asarray(known[name].day <= known[name].decided, np.float64)
    if name == "cr" and compare.argument:
        return made(h, compare.argument, REMISSION).value
    if name == "cr":
        return in_remission(h, at_day).astype(np.float64)
    if name == "transplanted":
        return np.isfinite(h.events["transplant"]).astype(np.float64)
    if name == "received blinatumomab":
        return np.asarray(h.events["blinatumomab"], np.float64)
    if name in ("cytoreduction", "mutation"):
        return made(h, "any", (name,)).value
    if name in h.covariates:
        return np.asarray(h.covariates[name])
    raise NotFound(
        f"'{name}' cannot be asked of a simulated course",
        why="known here: " + ", ".join(sorted(h.covariates)),
        near=nearest(name, h.covariates),
        fix="use a covariate or a named assessment",
    )


def subject(compare: Compare) -> str:
    """What a comparison asks about, one name for each way of writing it."""
    if compare.name == "received_blinatumomab" or compare.name == "received":
        return f"received {compare.argument or 'blinatumomab'}"
    return compare.name


def in_remission(h: Histories, at_day: Floats | None) -> Mask:
    """In remission on a day: remission documented by then, no relapse and no death; ever, when no day is given."""
    documented = np.isfinite(h.events["remission"])
    if at_day is None:
        return np.asarray(documented, np.bool_)
    gone = np.minimum(h.events["relapse"], h.events["death"])
    with np.errstate(invalid="ignore"):
        return np.asarray((h.events["remission"] <= at_day) & (gone > at_day), np.bool_)
