"""One prediction: what would a trial's arm of a given size report for an endpoint, in everybody or in a subgroup?"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from remission.base import catalog
from remission.base.errors import EmptySelection, NotFound, Problem, UsageError, nearest
from remission.base.histories import Histories
from remission.base.random import Floats
from remission.base.units import DAYS_PER_MONTH, Quantity
from remission.engine.parameters import Draws
from remission.engine.simulate import simulate
from remission.inference.predict import predict
from remission.inference.review import catalog_digest
from remission.outcomes import Emulation, Landmark, Reading, combine, follow_up_days, holds
from remission.patients import load_population
from remission.protocol import Arm, Condition, Endpoint, Phase, Regimen, TrialDesign, load_design, load_regimen, resolve
from remission.protocol import with_standard_assessments as with_standard
from remission.protocol.conditions import Compare, Join, Term
from remission.protocol.flow import reasoner
from remission.protocol.logic import BASELINE

SHORTEST, LONGEST = 0.5, 180.0  # months: courses are followed for 15 years
BLOCK = 400_000  # courses simulated and read at a time
WANTED = 100  # patients analysed in each draw; a rarer subgroup has more patients simulated for it
MOST_TIMES, MOST_COURSES = 64, 20_000_000
LOOKED_AT = 400_000  # patients looked at before it is said that nobody can be in a subgroup
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Question:
    """What is asked, checked before anything is simulated."""

    trial: TrialDesign
    arm_name: str
    endpoint: str
    at: str | float | None
    where: Condition | None
    cut: str | None
    plans: tuple[Regimen, ...]

    @property
    def arm(self) -> Arm:
        return self.trial.design.arms[self.arm_name]

    @property
    def rule(self) -> Endpoint:
        return self.trial.design.endpoint(self.endpoint)


def find_arm(text: str) -> tuple[TrialDesign, str, Arm]:
    """Read "e1910/blinatumomab" (or "s1318" for the arm `main`). Raises NotFound with the nearest arm."""
    name, _, chosen = text.partition("/")
    trial = load_design(name)
    arm = chosen or "main"
    if arm not in trial.design.arms:
        raise NotFound(
            f"the trial '{name}' has no arm '{arm[:40]}'",
            where=text[:80],
            why="its arms: " + (", ".join(trial.design.arms) or "none that can be simulated"),
            near=nearest(arm, trial.design.arms),
            fix="write TRIAL/ARM",
        )
    found = trial.design.arms[arm]
    needed = [*(("regimens", identifier) for identifier in found.regimens), ("populations", found.population)]
    for kind, identifier in needed:
        if identifier not in catalog.ids(kind):
            raise NotFound(
                f"the arm '{name}/{arm}' cannot be simulated yet",
                where=f"catalog/{kind}",
                why=f"the catalog has no {kind[:-1]} '{identifier}'",
                near=nearest(identifier, catalog.ids(kind)),
                fix=f"add catalog/{kind}/{identifier}.yaml",
            )
    return trial, arm, found


def parse_time(text: str) -> tuple[str, str | float | None]:
    """Read "OS@36mo" as (OS, 36.0), "MRD-@cycle-1" as (MRD-, cycle-1) and "CRS3+" as (CRS3+, None)."""
    endpoint, _, at = text.strip().partition("@")
    endpoint, at = endpoint.strip(), at.strip()
    match = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)\s*(?:mo|months?)?", at)
    if match is None:
        if at and not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", at):
            raise UsageError(
                f"'{at[:40]}' is no time",
                where=text[:60],
                why="a time is a number of months or the name of an assessment",
                near=f"{endpoint[:20]}@36mo",
                fix="write e.g. OS@36mo or MRD-@cycle-1",
            )
        return endpoint, at or None
    months = float(match[1])
    if not SHORTEST <= months <= LONGEST:
        raise UsageError(
            f"{months:g} months is out of range",
            where=text[:60],
            why="courses are followed for 15 years",
            near="36mo",
            fix=f"ask for a time between {SHORTEST:g} and {LONGEST:g} months",
        )
    return endpoint, months


def parse_where(text: str | None) -> Condition | None:
    """Read a subgroup's condition. Raises UsageError with the nearest known word."""
    if text is None or not text.strip():
        return None
    try:
        return Condition.parse(text)
    except Problem as problem:
        raise UsageError(problem.what, where="--where", why=problem.why, near=problem.near, fix=problem.fix) from None


def question(arm_text: str, endpoint_text: str, where: str | None = None, cut: str | None = None) -> Question:
    """Check a question against the catalog. Raises NotFound, UsageError, and EmptySelection for what the arm makes impossible."""
    trial, name, arm = find_arm(arm_text)
    endpoint, at = parse_time(endpoint_text)
    plans = tuple(load_regimen(identifier) for identifier in arm.regimens)
    asked = Question(trial, name, endpoint, at, parse_where(where), cut, plans)
    if cut is not None and cut not in trial.design.cuts:
        raise NotFound(
            f"the trial '{trial.id}' has no data cut '{cut[:60]}'",
            where="--cut",
            why="its cuts: " + (", ".join(trial.design.cuts) or "none but that of the trial's own follow-up"),
            near=nearest(cut, trial.design.cuts),
            fix="choose one of them, or leave it out",
        )
    _assessed(asked)
    if asked.where is not None:
        _possible(asked)
    return asked


def _assessed(asked: Question) -> None:
    """Raises NotFound for an assessment that no regimen of the arm makes, and UsageError where a number of months is needed."""
    rule = asked.rule
    if rule.kind in ("survival", "incidence") and not isinstance(asked.at, float):
        raise UsageError(
            f"'{asked.endpoint}' needs a time in months",
            why=f"it is a {rule.kind} endpoint",
            near=f"{asked.endpoint}@36mo",
            fix="add a time",
        )
    wanted = [(asked.at, rule.what == "remission")] if rule.kind == "response" and isinstance(asked.at, str) else []
    if asked.where is not None:
        named = [compare for compare in asked.where.compares() if compare.name in ("mrd", "cr") and compare.argument]
        wanted += [(str(compare.argument), compare.name == "cr") for compare in named]
    for name, remission in wanted:
        kinds = ("remission", "marrow-blasts") if remission else ("mrd",)
        plans = [with_standard(plan) for plan in asked.plans]
        known = {item.name for plan in plans for phase in plan.phases for item in phase.assess if item.what in kinds}
        if name != "any" and name not in known:
            raise NotFound(
                f"'{name[:60]}' is not assessed in the arm '{asked.trial.id}/{asked.arm_name}'",
                why="assessed there: " + (", ".join(sorted(known)) or "nothing of this kind"),
                near=nearest(str(name), sorted(known)),
                fix="choose one of its assessments, or 'any'",
            )


def _possible(asked: Question) -> None:
    """Raises EmptySelection for a subgroup that contradicts itself, the population or the arm."""
    assert asked.where is not None
    if not any(reasoner(plan).possible([asked.where]) for plan in asked.plans):
        raise _nobody(asked, "the condition contradicts itself")
    entry = asked.arm.enrolment.if_ if asked.arm.enrolment is not None else None
    if entry is not None and not any(reasoner(plan).possible([asked.where, entry]) for plan in asked.plans):
        raise _nobody(asked, f"the arm takes only patients with '{entry}'")
    population = load_population(asked.arm.population)
    drugs = {give.drug for plan in asked.plans for phase in plan.phases for give in phase.give}
    drugs |= {item.drug for plan in asked.plans for item in plan.alongside}
    transplant = any(phase.purpose == "transplant" for plan in asked.plans for phase in plan.phases)
    reasons: list[str] = []

    def may(term: Term) -> bool:
        if isinstance(term, Join):
            found = [may(item) for item in term.items]
            return all(found) if term.word == "and" else any(found)
        return _may(term, reasons, str(getattr(population, "ph", "any")), drugs, transplant)

    if not may(asked.where.term):
        raise _nobody(asked, "; ".join(dict.fromkeys(reasons)))


def _may(compare: Compare, reasons: list[str], ph: str, drugs: set[str], transplant: bool) -> bool:
    wanted = compare.value is True and compare.op == "="
    reason = ""
    if compare.name == "ph" and ph in ("positive", "negative") and (compare.value == ph) != (compare.op == "="):
        reason = f"every patient of this population is Ph-{ph}"
    elif compare.name in ("received", "received_blinatumomab") and wanted:
        drug = compare.argument or "blinatumomab"
        reason = "" if drug in drugs else f"the arm gives no {drug}"
    elif compare.name == "transplanted" and wanted and not transplant:
        reason = "the arm's protocol has no transplant"
    reasons += [reason] if reason else []
    return not reason


def _nobody(asked: Question, why: str) -> EmptySelection:
    return EmptySelection(
        "nobody can be in this subgroup",
        where=f"{asked.trial.id}/{asked.arm_name}, {str(asked.where)[:200]}",
        why=why,
        fix="ask for another subgroup or arm",
    )


def histories(
    asked: Question, p: Draws, patients: int, seed: int, progress: Progress | None, threads: int | None
) -> Histories:
    """The arm's patients: every regimen that part of it takes, in the same patients, put together."""
    population = load_population(asked.arm.population)
    tells = [progress if number == 0 else None for number in range(len(asked.plans))]
    made = {
        plan.id: simulate(plan, population, p, patients, seed, progress=tell, threads=threads)
        for plan, tell in zip(asked.plans, tells, strict=True)
    }
    return combine(asked.arm, made)


def _read(
    asked: Question, p: Draws, patients: int, seed: int, progress: Progress | None, threads: int | None
) -> Reading:
    """The reading of every draw, block by block; a draw without any patient in the group has nan."""
    step = max(1, BLOCK // patients)
    parts: list[Reading] = []
    for first in range(0, len(p), step):
        block = p.part(first, first + step)
        h = histories(asked, block, patients, seed, progress, threads)
        emulation = Emulation(h, asked.trial.design, asked.arm_name, asked.plans)
        try:
            parts.append(emulation.read(asked.endpoint, asked.at, asked.where, asked.cut))
        except EmptySelection:
            nothing = np.full(len(block), np.nan)
            parts.append(Reading(nothing, 0 * nothing, 1 + 0 * nothing, np.zeros(len(block))))
    return _joined(parts)


def _joined(parts: Sequence[Reading]) -> Reading:
    marks = [part.landmark for part in parts if part.landmark is not None]
    landmark = replace(marks[0], median_day=float(np.median([mark.median_day for mark in marks]))) if marks else None

    def joined(name: str) -> Floats:
        return np.concatenate([getattr(part, name) for part in parts])

    return Reading(joined("expected"), joined("size"), joined("information"), joined("simulated"), landmark)


def _enough(
    asked: Question, p: Draws, patients: int, seed: int, progress: Progress | None, threads: int | None
) -> tuple[Reading, int]:
    """A reading with enough patients in the group, and how many were simulated in each draw. Raises EmptySelection."""
    reading = _read(asked, p, patients, seed, progress, threads)
    found = _found(reading)
    if found.sum() == 0 and asked.where is not None:
        _look(asked, p, seed)
    most = int(min(MOST_TIMES * patients, max(patients, MOST_COURSES // len(p))))
    hopeless = (found.sum() + 3.0) / (len(p) * patients) * most < 1.0  # not even one patient in each draw
    if asked.where is not None and np.median(found) < WANTED and patients < most and not hopeless:
        rate = max(float(found.mean()) / patients, WANTED / most)
        patients = int(min(most, max(2 * patients, np.ceil(1.2 * WANTED / rate))))
        reading = _read(asked, p, patients, seed, progress, threads)
        found = _found(reading)
    if np.mean(found == 0) > 0.1:
        total = int(found.sum())
        rarity = (
            f"about 1 in {round(len(p) * patients / total)}" if total else f"fewer than 1 in {len(p) * patients // 3}"
        )
        why = f"of {len(p) * patients} simulated patients {total} can be analysed ({rarity})"
        raise EmptySelection(
            "nobody was found in this arm or subgroup" if total == 0 else "too few are in this subgroup to predict it",
            where=f"{asked.trial.id}/{asked.arm_name}" + (f", {asked.where}" if asked.where else ""),
            why=f"{why}, in {int((found > 0).sum())} of {len(p)} draws",
            fix="widen the condition, or simulate more patients with --patients",
        )
    return reading, patients


def _found(reading: Reading) -> Floats:
    assert reading.simulated is not None
    return reading.simulated


def _look(asked: Question, p: Draws, seed: int) -> None:
    """Raises EmptySelection when nobody in the population meets what the condition asks of a patient before treatment."""
    assert asked.where is not None
    term = asked.where.term
    terms = term.items if isinstance(term, Join) and term.word == "and" else (term,)
    asks = [item for item in terms if all(compare.name in BASELINE for compare in Condition(item).compares())]
    if not asks:
        return
    rest = Phase(id="rest", length=Quantity(1.0, "d"), purpose="rest")
    untreated = resolve(Regimen(id="untreated", title="Untreated", summary="-", ph="any", phases=(rest,)))
    few = p.part(0, 20)
    h = simulate(untreated, load_population(asked.arm.population), few, LOOKED_AT // len(few), seed)
    condition = Condition(asks[0] if len(asks) == 1 else Join("and", tuple(asks)))
    if not holds(h, condition).any():
        raise _nobody(
            asked,
            f"of {LOOKED_AT} patients of this population none fits '{condition}' (fewer than 1 in {LOOKED_AT // 3})",
        )


def ask(
    arm_text: str,
    endpoint_text: str,
    p: Draws,
    patients: int,
    seed: int,
    where: str | None = None,
    enrolled: int | None = None,
    progress: Progress | None = None,
    threads: int | None = None,
    cut: str | None = None,
) -> dict[str, Any]:
    """The predictive distribution of what a trial arm with `enrolled` patients would report.

    A time is a number of months (0.5 to 180) or the name of an assessment; months of survival run from the trial's own time zero.
    A subgroup that depends on what happens after the start (MRD at an assessment, a transplant, blinatumomab) moves time zero of
    survival and incidence to a landmark on which it is known: `landmark` has the facts, and the day (median, from the start of
    treatment), among patients free of the event on it (`outcomes.emulate`).

    Returns `trial, arm, endpoint, months, at, where, cut, n_enrolled, n_analysed, median, lo90, hi90, expected, draws, seed, posterior,
    catalog, definition, assumed, landmark, follow_up, patients`. Raises NotFound, UsageError, and EmptySelection when nobody can be in
    the subgroup, or so few that it cannot be predicted.
    """
    asked = question(arm_text, endpoint_text, where, cut)
    design, arm = asked.trial.design, asked.arm
    known = design.cuts[cut].enrolled.get(asked.arm_name) if cut is not None else None
    size = enrolled if enrolled is not None else known or arm.enrolled
    if size is None or size < 1:
        raise UsageError(
            f"{size or 'no'} patients enrolled",
            where="--enrolled",
            why="a trial needs at least one",
            near="100",
            fix="say how many with --enrolled",
        )
    reading, patients = _enough(asked, p, patients, seed, progress, threads)
    analysed = max(1, round(size * float(np.nanmedian(reading.size))))
    address = f"{asked.trial.id}/{asked.arm_name}/{endpoint_text}/{where}"
    found = predict(reading, analysed, p.arm_discrepancy[:, 0], p.numbers, seed, address)
    rule, at = asked.rule, asked.at
    return {
        "trial": asked.trial.id,
        "arm": asked.arm_name,
        "endpoint": asked.endpoint,
        "months": at if isinstance(at, float) else None,
        "at": at if isinstance(at, str) else None,
        "where": str(asked.where) if asked.where else None,
        "cut": cut,
        "n_enrolled": size,
        "n_analysed": analysed,
        "median": found.median,
        "lo90": found.lo90,
        "hi90": found.hi90,
        "expected": found.expected,
        "draws": len(p),
        "seed": seed,
        "posterior": p.name,
        "catalog": catalog_digest(),
        "definition": "the trial's own" if asked.endpoint in design.endpoints else "usual",
        "assumed": rule.assumed,
        "landmark": _said(reading.landmark),
        "follow_up": _followed(asked),
        "patients": patients,
    }


def _said(landmark: Landmark | None) -> dict[str, Any] | None:
    if landmark is None:
        return None
    rule = (
        "time zero is the day on which the facts are known (of a treatment that not all get, the day by which 95 % of those "
        "who get it have had it); patients free of the event on that day are analysed"
    )
    return {
        "facts": list(landmark.facts),
        "median_day": round(landmark.median_day, 1),
        "rule": rule if landmark.facts else "time zero was not moved",
        "not_moved_for": list(landmark.unknown),
    }


def _followed(asked: Question) -> dict[str, Any] | None:
    """Administrative follow-up behind the interval; None where it is complete or not needed."""
    if not isinstance(asked.at, float) or asked.rule.kind not in ("survival", "incidence"):
        return None
    own = follow_up_days(asked.trial.design, asked.rule, asked.cut)
    if own[0] == own[2]:
        return None
    used = follow_up_days(asked.trial.design, asked.rule, asked.cut, asked.at)
    low, median, high = (round(days / DAYS_PER_MONTH, 1) for days in used)
    return {"shortest": low, "median": median, "longest": high, "unit": "months", "later_report": used != own}
