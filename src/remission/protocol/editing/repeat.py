"""Giving a phase, or a run of consecutive phases, a number of times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from remission.base.errors import UsageError
from remission.protocol.editing.mend import Rearranged, mend
from remission.protocol.editing.targets import Target, names_of
from remission.protocol.model import Phase, Regimen


def repeated(plan: Regimen, target: Target, times: int) -> tuple[Regimen, list[str]]:
    """The plan with the target's phases `times` times in all, and what changed.

    More: copies of the last phase follow, and its decisions move to the last of them. Fewer: the last ones are left out, and their
    decisions move to the last that stays.
    """
    run = [phase for phase in plan.phases if phase.id in target.phases]
    _consecutive(plan, run, target)
    if times == len(run):
        return plan, [f"nothing changed: {names_of(plan, target.phases)} is given {times} time{'s' if times > 1 else ''} already"]
    start = plan.phases.index(run[0])
    new = _longer(plan, run, times) if times > len(run) else _shorter(run, times)
    phases = (*plan.phases[:start], *new, *plan.phases[start + len(run):])
    said = [f"{names_of(plan, target.phases)}: {times} times in all (before: {len(run)})"]
    if times > len(run):
        said.append(f"'{new[-1].id}' is like '{run[-1].id}'" if len(new) - len(run) == 1
                    else f"{names_of(plan, [phase.id for phase in new[len(run):]])} are like '{run[-1].id}'")
    lost = sorted({item.name for phase in run for item in phase.assess} - {item.name for phase in new for item in phase.assess})
    said += ["no longer assessed: " + ", ".join(lost)] if lost else []
    if run[-1].then and new[-1].id != run[-1].id:
        said.append(f"the decision of '{run[-1].id}' is now taken after '{new[-1].id}'")
    mended, more = mend(plan, Rearranged(phases))
    return mended, said + more


def _consecutive(plan: Regimen, run: Sequence[Phase], target: Target) -> None:
    start = plan.phases.index(run[0])
    if list(plan.phases[start: start + len(run)]) != list(run):
        raise UsageError(f"'{target.name}' stands in several places of {plan.id}", where=f"regimen {plan.id}",
                         why=f"it means {names_of(plan, target.phases)}", near=f"phase {run[-1].id}",
                         fix="name one phase, or a series of phases that follow each other")


def _longer(plan: Regimen, run: Sequence[Phase], times: int) -> list[Phase]:
    last = run[-1]
    stem, _, number = last.id.rpartition("-")
    stem, count = (stem, int(number)) if stem and number.isdigit() and len(run) > 1 else (last.id, 1)
    taken = {phase.id for phase in plan.phases}
    copies: list[Phase] = []
    while len(run) + len(copies) < times:
        count += 1
        if f"{stem}-{count}" not in taken:
            copies.append(_copy(last, f"{stem}-{count}", plan.id))
    final: dict[str, Any] = {"then": last.then, "randomise": last.randomise}
    return [*run[:-1], last.model_copy(update={"then": (), "randomise": None}), *copies[:-1], copies[-1].model_copy(update=final)]


def _copy(phase: Phase, identifier: str, regimen: str) -> Phase:
    return phase.model_copy(update={"id": identifier, "assess": (), "then": (), "randomise": None, "source": None,
                                    "assumed": f"repeated in an edit of {regimen}"})


def _shorter(run: Sequence[Phase], times: int) -> list[Phase]:
    kept, final = run[times - 1], run[-1]
    return [*run[: times - 1], kept.model_copy(update={"then": (*kept.then, *final.then), "randomise": kept.randomise or final.randomise})]
