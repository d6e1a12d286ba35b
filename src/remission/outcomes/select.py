"""Who is meant: conditions on covariates and course, and the slots of a plan, evaluated on histories."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from remission.base.errors import NotFound, nearest
from remission.base.histories import Histories
from remission.base.random import Floats
from remission.protocol import Condition
from remission.protocol.conditions import Compare, Term

Mask = npt.NDArray[np.bool_]
_WORDS = {"female": 0.0, "male": 1.0, "none": 0.0, "deleted": 1.0, "plus": 2.0, "negative": 0.0, "positive": 1.0}


def slots_named(h: Histories, name: str, kinds: tuple[str, ...]) -> list[int]:
    """Slots called `name` ("any": all of these kinds). Raises NotFound with the nearest name."""
    fitting = [k for k, slot in enumerate(h.slots) if slot.what in kinds]
    found = fitting if name == "any" else [k for k in fitting if h.slots[k].name == name]
    if not found:
        known = sorted({h.slots[k].name for k in fitting})
        raise NotFound(
            f"'{name}' is not assessed in the regimen '{h.regimen}'",
            why="assessed there: " + (", ".join(known) or "nothing of this kind"),
            near=nearest(name, known),
            fix="choose one of its assessments, or 'any'",
        )
    return found


def holds(h: Histories, condition: Condition, at_day: Floats | None = None) -> Mask:
    """Whether the condition holds for each patient, shape (draws, patients).

    `cr` means in remission at `at_day` (by the last assessment before it), or ever when no day is given; `transplanted` and
    `received_blinatumomab` mean ever. A measurement that was not made satisfies no condition.
    """
    return _term(h, condition.term, at_day)


def _term(h: Histories, term: Term, at_day: Floats | None) -> Mask:
    if isinstance(term, Compare):
        return _compare(h, term, at_day)
    masks = [_term(h, item, at_day) for item in term.items]
    return np.asarray(np.logical_and.reduce(masks) if term.word == "and" else np.logical_or.reduce(masks), np.bool_)


def _compare(h: Histories, compare: Compare, at_day: Floats | None) -> Mask:
    if compare.name == "mrd":
        return _mrd(h, compare)
    threshold = _WORDS[compare.value] if isinstance(compare.value, str) else float(compare.value)
    return _ordered(_value(h, compare, at_day), compare.op, threshold)


def _ordered(value: Floats, op: str, threshold: float) -> Mask:
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
    slot = slots_named(h, compare.argument or "", ("mrd",))[-1]
    value = h.values[..., slot]
    if isinstance(compare.value, str):
        return _ordered(value, "<" if compare.value == "negative" else ">=", h.slots[slot].limit)
    return _ordered(value, compare.op, float(np.log10(max(float(compare.value), 1e-12))))


def _value(h: Histories, compare: Compare, at_day: Floats | None) -> Floats:
    name = compare.name
    if name == "cr" and compare.argument:
        return np.asarray(h.values[..., slots_named(h, compare.argument, ("remission",))[-1]])
    if name == "cr":
        return in_remission(h, at_day).astype(np.float64)
    if name == "transplanted":
        return np.isfinite(h.events["transplant"]).astype(np.float64)
    if name == "received_blinatumomab" or (name == "received" and compare.argument == "blinatumomab"):
        return np.asarray(h.events["blinatumomab"], np.float64)
    if name in h.covariates:
        return h.covariates[name]
    raise NotFound(
        f"'{name}' cannot be asked of a simulated course",
        why="known here: " + ", ".join(sorted(h.covariates)),
        near=nearest(name, h.covariates),
        fix="use a covariate or a named assessment",
    )


def in_remission(h: Histories, at_day: Floats | None) -> Mask:
    """In remission on a day: remission documented by then, no relapse and no death; ever, when no day is given."""
    documented = np.isfinite(h.events["remission"])
    if at_day is None:
        return np.asarray(documented, np.bool_)
    gone = np.minimum(h.events["relapse"], h.events["death"])
    with np.errstate(invalid="ignore"):
        return np.asarray((h.events["remission"] <= at_day) & (gone > at_day), np.bool_)
