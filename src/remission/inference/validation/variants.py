"""Structural alternatives of the model, compared by how well they predict trials that they have not seen.

A variant turns parameter draws into those of another model: a mechanism switched off or on, a value fixed elsewhere. It is
scored on the same rows with the same luck as the model itself, so differences are paired; their uncertainty is taken over trials.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from remission.base.errors import UsageError
from remission.engine import Draws
from remission.inference.validation.belief import Belief, Held, Remembered, Rows, Tell
from remission.inference.validation.readings import Progress
from remission.inference.validation.run import Settings, validate
from remission.inference.validation.summary import column, difference

Change = Callable[[Draws], Draws]
CLEAR = 2.0
"""Standard errors by which scores must differ to be called different."""


@dataclass(frozen=True)
class Variant:
    """A named alternative: what it says, and how it changes draws. `belief`: its own fit, where there is one."""

    name: str
    about: str
    change: Change
    belief: Belief | None = None


def setting(name: str, about: str, **values: float) -> Variant:
    """A variant that sets parameters to given values, the same in every draw."""

    def change(p: Draws) -> Draws:
        return p.change(**values)

    return Variant(name, about, change)


def scaling(name: str, about: str, **factors: float) -> Variant:
    """A variant that multiplies parameters by given factors in every draw."""

    def change(p: Draws) -> Draws:
        new = p.values.copy()
        for parameter, factor in factors.items():
            new[:, p.names.index(parameter)] *= factor
        return replace(p, values=new)

    return Variant(name, about, change)


REGISTRY: tuple[Variant, ...] = (
    setting("no cross-resistance", "sensitivity to chemotherapy and to blinatumomab are independent in a patient", crosslink=0.0),
    setting("strong cross-resistance", "they go together in a patient, with correlation 0.6", crosslink=0.6),
    setting("fading", "each cycle of blinatumomab kills 15 % less per day than the one before", blinatumomab_fade=0.85),
    setting("central nervous system as a clone", "a clone row takes the place of a hazard of its own", cns_row=1.0),
)
"""Variants of the shipped model; those whose parameters it does not have are passed over."""


def registered(p: Draws) -> tuple[Variant, ...]:
    """The variants of the shipped model that these draws can express."""
    return available(p, REGISTRY)


def available(p: Draws, variants: Sequence[Variant]) -> tuple[Variant, ...]:
    """The variants that these draws can express, and that change them."""
    one = p.part(0, 1)
    found = []
    for variant in variants:
        try:
            changed = variant.change(one)
        except (UsageError, ValueError):  # a parameter that these draws do not have
            continue
        if variant.belief is not None or (changed.values != one.values).any():
            found.append(variant)
    return tuple(found)


@dataclass(frozen=True)
class _Changed:
    """A belief seen through a variant."""

    base: Belief
    variant: Variant

    @property
    def full(self) -> Draws:
        return self._rename(self.variant.change(self.base.full))

    def leave_out(self, sets: Mapping[str, Rows], tell: Tell) -> Mapping[str, Held]:
        return {
            trial: replace(held, draws=self._rename(self.variant.change(held.draws)))
            for trial, held in self.base.leave_out(sets, tell).items()
        }

    def _rename(self, p: Draws) -> Draws:
        return replace(p, name=f"{p.name}, {self.variant.name}")


def compare(
    variants: Sequence[Variant],
    belief: Belief,
    settings: Settings,
    trials: Sequence[str] = (),
    base: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Score every variant as `validate` scores the model, and the difference to it; the model itself comes first.

    `base` is the model's own validation, where it has been done already with the same settings and trials. A difference
    below zero means that the variant predicts better. A variant without a fit of its own uses the model's draws, changed: it is
    then at a disadvantage, and only a better score is telling.
    """
    tell = progress or (lambda what, share: None)
    belief = Remembered(belief)
    reference = validate(belief, settings, trials) if base is None else base
    found = [_told("as shipped", "the model itself", reference, reference, refitted=True)]
    for index, variant in enumerate(variants):
        tell(variant.name, index / len(variants))
        seen = variant.belief if variant.belief is not None else _Changed(belief, variant)
        result = validate(seen, settings, trials)
        found.append(_told(variant.name, variant.about, result, reference, refitted=variant.belief is not None))
    return found


def _told(
    name: str, about: str, result: Mapping[str, Any], reference: Mapping[str, Any], refitted: bool
) -> dict[str, Any]:
    theirs = {(row["trial"], row["id"]): row for row in reference["rows"] if row["role"] == "calibrate"}
    rows = [row for row in result["rows"] if (row["trial"], row["id"]) in theirs]
    others = [theirs[row["trial"], row["id"]] for row in rows]
    mean, se = difference(column(rows, "crps"), column(others, "crps"), [row["trial"] for row in rows])
    summary = result["summary"]
    return {
        "name": name,
        "about": about,
        "refitted": refitted,
        "n": len(rows),
        "crps": summary["crps"],
        "coverage50": summary["coverage50"],
        "coverage90": summary["coverage90"],
        "mean_absolute_error": summary["mean_absolute_error"],
        "bias_by_endpoint": summary["bias_by_endpoint"],
        "difference": round(mean, 5),
        "difference_se": None if se is None else round(se, 5),
        "verdict": _verdict(mean, se),
    }


def _verdict(mean: float, se: float | None) -> str:
    if se is None or abs(mean) <= CLEAR * se or mean == 0.0:
        return "no clear difference"
    return "better" if mean < 0 else "worse"
