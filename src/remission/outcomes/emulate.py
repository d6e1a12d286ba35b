"""Trial emulation: apply a trial's own enrolment, analysis population, time zero and endpoint definitions to histories."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from remission.base.errors import EmptySelection, NotFound, UsageError, nearest
from remission.base.histories import CAUSES, Histories
from remission.base.random import Floats
from remission.base.units import DAYS_PER_MONTH
from remission.outcomes.select import Mask, holds, in_remission, slots_named
from remission.protocol import Arm, Condition, Design, Endpoint

OBSERVABLE_FOLLOW_UP = 0.02  # a survival estimate needs at least this share of patients followed to its time


@dataclass(frozen=True)
class Reading:
    """An endpoint in each parameter draw, as an infinitely large trial would see it.

    `expected` (draws,): the probability; `size` (draws,): share of the enrolled patients who enter the estimate;
    `information` (draws,): patients of a plain proportion that one patient here is worth (below 1 under censoring).
    """

    expected: Floats
    size: Floats
    information: Floats


def enrolled(h: Histories, arm: Arm) -> tuple[Mask, Floats]:
    """Who is in the arm, and the day of enrolment (0 = start of treatment)."""
    zero = np.zeros(h.events["death"].shape)
    if arm.enrolment is None:
        return np.ones(zero.shape, np.bool_), zero
    kinds = ("mrd", "remission", "cytoreduction", "mutation", "marrow-blasts")
    slot = slots_named(h, arm.enrolment.at, kinds)[-1]
    day = h.when[..., slot]
    inside = ~np.isnan(day)
    if arm.enrolment.if_ is not None:
        inside &= holds(h, arm.enrolment.if_, np.nan_to_num(day, nan=-1.0))
    return inside, np.where(inside, day, 0.0)


def definition(design: Design, name: str) -> Endpoint:
    """The trial's definition of an endpoint. Raises NotFound with the nearest one."""
    if name not in design.endpoints:
        raise NotFound(
            f"the endpoint '{name}' is not defined in this trial",
            why="defined: " + ", ".join(design.endpoints),
            near=nearest(name, design.endpoints),
            fix="choose one of them",
        )
    return design.endpoints[name]


def read(
    h: Histories, design: Design, arm_name: str, endpoint: str, at: str | float | None, where: Condition | None = None
) -> Reading:
    """One endpoint of one arm. `at` is months for survival, an assessment's name for responses, None where neither applies.

    Raises EmptySelection when nobody can be in the arm or subgroup, NotFound for an unknown endpoint or assessment.
    """
    arm, rule = design.arms[arm_name], definition(design, endpoint)
    whole, day0 = enrolled(h, arm)
    inside = whole if where is None else np.asarray(whole & holds(h, where), np.bool_)
    if not inside.any():
        raise EmptySelection(
            "nobody is in this arm or subgroup",
            where=f"{arm_name}" + (f", {where}" if where else ""),
            why=f"of {inside.size} simulated patients none fits",
            fix="widen the condition or simulate more patients",
        )
    if rule.kind == "survival":
        if not isinstance(at, (int, float)):
            raise UsageError(
                f"'{endpoint}' needs a time in months",
                why="it is a survival endpoint",
                near=f"{endpoint}@12mo",
                fix="add a time",
            )
        return _survival(h, design, rule, inside, day0, float(at), whole)
    if rule.kind == "response":
        return _response(h, rule, inside, str(at or rule.at or "any"), whole)
    return _proportion(_flags(h, design, rule), inside, whole)


def _flags(h: Histories, design: Design, rule: Endpoint) -> Mask:
    events = h.events
    if rule.kind == "toxicity":
        return np.asarray(events[rule.what or "crs3"] > 0, np.bool_)
    if rule.kind == "early death":
        if rule.within is not None:
            return np.asarray(events["death"] <= rule.within.to("d"), np.bool_)
        return np.asarray(events["cause"] == CAUSES.index("induction"), np.bool_)
    until = follow_up_days(design)[1]
    return np.asarray(events["transplant" if rule.kind == "transplant" else "relapse"] <= until, np.bool_)


def _share(among: Mask, whole: Mask) -> Floats:
    return np.asarray(among.sum(axis=1) / np.maximum(whole.sum(axis=1), 1), np.float64)


def _proportion(yes: Mask, among: Mask, whole: Mask) -> Reading:
    count, total = (yes & among).sum(axis=1), among.sum(axis=1)
    with np.errstate(invalid="ignore"):
        expected = np.where(total > 0, (count + 0.5) / (total + 1.0), np.nan)
    return Reading(expected, _share(among, whole), np.ones(len(expected)))


def _response(h: Histories, rule: Endpoint, inside: Mask, at: str, whole: Mask) -> Reading:
    kinds = ("remission", "marrow-blasts") if rule.what == "remission" else ("mrd",)
    named = slots_named(h, at, kinds)
    slots = [k for k in range(named[-1] + 1) if h.slots[k].what in kinds] if rule.cumulative else named
    value = h.values[..., slots]
    limit = np.array([h.slots[k].limit for k in slots])
    with np.errstate(invalid="ignore"):
        yes = np.asarray((value == 1.0 if rule.what == "remission" else value < limit).any(axis=-1), np.bool_)
    among: Mask = inside
    if rule.among == "evaluable":
        among = np.asarray(inside & ~np.isnan(value).all(axis=-1), np.bool_)
    elif rule.among == "remission":
        day = np.nanmax(np.where(np.isnan(h.when[..., slots]), -1.0, h.when[..., slots]), axis=-1)
        responded = in_remission(h, None if at == "any" else day)
        among = np.asarray(inside & responded & ~np.isnan(value).all(axis=-1), np.bool_)
    return _proportion(yes, among, whole)


def survival_times(h: Histories, rule: Endpoint, inside: Mask, day0: Floats) -> tuple[Floats, Floats, Mask]:
    """Days from time zero to the event and to censoring (inf: never), and who is analysed."""
    events = h.events
    zero = {"start": np.zeros_like(day0), "enrolment": day0, "remission": events["remission"]}[rule.from_]
    among = inside & np.isfinite(zero)
    if rule.among == "remission":
        among = among & np.isfinite(events["remission"])
    happened = [events["death"]] if "death" in rule.events else []
    if "relapse" in rule.events:
        happened.append(events["relapse"])
    if "no remission" in rule.events:
        happened.append(events["failure"])
        if rule.no_remission_at is not None:
            slot = slots_named(h, rule.no_remission_at, ("remission",))[-1]
            happened.append(np.where(h.values[..., slot] == 0.0, h.when[..., slot], np.inf))
    censored = np.full(day0.shape, np.inf)
    for name in rule.censor:
        censored = np.minimum(censored, events[name])
    origin = np.where(among, zero, 0.0)
    return np.minimum.reduce(happened) - origin, censored - origin, among


def follow_up_days(design: Design) -> tuple[float, float, float]:
    """Shortest, median and longest administrative follow-up in days: uniform on median -+ half the accrual."""
    if design.follow_up is None:
        return 10_000.0, 10_000.0, 10_000.0
    median, half = design.follow_up.median.to("d"), design.follow_up.accrual.to("d") / 2
    return max(median - half, 1.0), median, median + half


def _survival(
    h: Histories, design: Design, rule: Endpoint, inside: Mask, day0: Floats, months: float, whole: Mask
) -> Reading:
    event, censor, among = survival_times(h, rule, inside, day0)
    t = months * DAYS_PER_MONTH
    low, _, high = follow_up_days(design)
    expected = np.full(len(event), np.nan)
    information = np.ones(len(event))
    for draw in range(len(event)):
        who = among[draw]
        if not who.any():
            continue
        expected[draw], information[draw] = survival_at(event[draw, who], censor[draw, who], t, low, high)
    return Reading(expected, _share(among, whole), information)


def survival_at(event: Floats, censor: Floats, t: float, low: float, high: float) -> tuple[float, float]:
    """`survival_curve` at one time."""
    s, information = survival_curve(event, censor, np.array([t]), low, high)
    return float(s[0]), float(information[0])


def survival_curve(event: Floats, censor: Floats, days: Floats, low: float, high: float) -> tuple[Floats, Floats]:
    """Survival on `days` without administrative censoring, and what one patient is worth when follow-up is uniform on (low, high).

    Survival is the Kaplan-Meier product over simulated patients (a plain proportion where nothing censors); the worth is the
    binomial variance over Greenwood's, in which each term is divided by the share of patients still followed at its time.
    """
    n = len(event)
    observed = np.minimum(event, censor)
    order = np.argsort(observed, kind="stable")
    times, happened = observed[order], (event <= censor)[order]
    at_risk = n - np.arange(n, dtype=np.float64)
    survival = np.concatenate([[1.0], np.cumprod(np.where(happened & np.isfinite(times), 1.0 - 1.0 / at_risk, 1.0))])
    followed = np.clip((high - times) / (high - low), OBSERVABLE_FOLLOW_UP, 1.0) if high > low else np.ones(n)
    followed = np.where(times < low, 1.0, followed)
    left = np.maximum(at_risk, 1.5)
    greenwood = np.concatenate(
        [[0.0], np.cumsum(np.where(happened & np.isfinite(times), n / (left * (left - 1.0) * followed), 0.0))]
    )
    at = np.searchsorted(times, days, side="right")
    s = (np.clip(survival[at], 0.0, 1.0) * n + 0.5) / (n + 1.0)
    variance = s * s * greenwood[at]
    worth = np.where(variance > 0, s * (1.0 - s) / np.maximum(variance, 1e-12), 1.0)
    return s, np.clip(worth, OBSERVABLE_FOLLOW_UP, 1.0)
