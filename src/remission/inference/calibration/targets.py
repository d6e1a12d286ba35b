"""What the fit is held to: every published result with the role `calibrate` that the model can predict.

Each row carries the patients that it is worth. A count is worth its denominator. A Kaplan-Meier point is worth the binomial
sample whose variance equals its own: from the published interval where there is one, else from the trial's follow-up, else
three quarters of its patients.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from remission.base import catalog
from remission.base.errors import EmptySelection, InvalidFile
from remission.base.hashing import digest
from remission.base.random import Floats
from remission.base.units import DAYS_PER_MONTH
from remission.evidence import CUT_OFF, Result, Row, TrialEvidence, load_trial, rows_of
from remission.evidence.dates import latest
from remission.inference.review import comparable
from remission.outcomes import follow_up_days
from remission.outcomes.emulate import TIMED
from remission.outcomes.estimate import OBSERVABLE
from remission.protocol import Design

Z95 = 1.959963984540054
UNKNOWN_FOLLOW_UP = 0.75  # worth of a patient on a survival curve whose follow-up and interval were not published
STEPS = 2000
Basis = Literal["count", "interval", "follow-up", "three quarters"]
SCALES = ("plain", "log", "log-log", "logit")


@dataclass(frozen=True)
class Target:
    """One published result that the fit is held to.

    `kind`: a count of patients, or a point of a survival or incidence curve; `n`: patients analysed (None until the model's share of
    the arm is put in, where none were published: then `counted` is False); `worth`: patients of a plain proportion that one of them
    is worth; `basis`: where the worth comes from; `sign`: +1 where more means a better course (response, survival), -1 where it means
    a worse one (relapse, early death), 0 where it means neither (toxicity, transplant).
    """

    trial: str
    arm: str
    id: str
    endpoint: str
    months: float | None
    assessment: str | None
    where: str | None
    value: float
    n: float | None
    kind: Literal["count", "survival"]
    worth: float
    basis: Basis
    sign: int
    enrolled: int
    regimens: tuple[str, ...]
    population: str
    cut: str | None
    published_on: str
    counted: bool = True

    @property
    def key(self) -> str:
        """Name of the row: trial/arm/id."""
        return f"{self.trial}/{self.arm}/{self.id}"

    @property
    def group(self) -> str:
        """Rows that share the discrepancy of one arm: the same regimens and population in one trial."""
        return f"{self.trial}/{'+'.join(self.regimens)}/{self.population}"

    @property
    def at(self) -> str | float | None:
        """Months or assessment."""
        return self.months if self.months is not None else self.assessment

    @property
    def effective(self) -> float | None:
        """Patients of a plain proportion that the row is worth."""
        return None if self.n is None else self.n * self.worth


@dataclass(frozen=True)
class Targets:
    """Rows, with what they share; arrays are None until `sharing.weigh` has asked the simulator.

    `left_out`: rows that calibrate but cannot be simulated, with the reason. `correlation` (rows, rows): of the sampling errors.
    `spread` (rows,): SD on the logit between repetitions of the same arm at the same parameters, beyond chance (effects of a
    study that the simulator draws anew for each arm).
    """

    rows: tuple[Target, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    correlation: Floats | None = None
    spread: Floats | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(row.key for row in self.rows)

    @property
    def trials(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row.trial for row in self.rows))

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(row.group for row in self.rows))

    @property
    def size(self) -> Floats:
        """Patients that each row is worth (binomial denominators)."""
        return np.array([np.nan if row.effective is None else row.effective for row in self.rows])

    @property
    def yes(self) -> Floats:
        """Patients of `size` in whom the endpoint holds."""
        return np.array([row.value for row in self.rows]) * self.size

    def keep(self, trials: Iterable[str] | None = None, without: Iterable[str] = ()) -> Targets:
        """The rows of some trials, or all but those of some."""
        chosen = set(self.trials if trials is None else trials) - set(without)
        index = [k for k, row in enumerate(self.rows) if row.trial in chosen]
        return replace(
            self,
            rows=tuple(self.rows[k] for k in index),
            correlation=None if self.correlation is None else self.correlation[np.ix_(index, index)],
            spread=None if self.spread is None else self.spread[index],
        )

    @property
    def digest(self) -> str:
        """Hash of everything that the likelihood reads from the catalog (not of what the simulator adds)."""
        return digest([_plain(row) for row in self.rows])


def _plain(row: Target) -> dict[str, Any]:
    published = asdict(row if row.counted else replace(row, n=None))
    return {name: float(v).hex() if isinstance(v, float) else v for name, v in published.items()}


def load_targets(trials: Iterable[str] | None = None) -> Targets:
    """Every row that calibrates and can be simulated, of all trials or of some.

    Raises InvalidFile if a row that calibrates was published after the cut-off.
    """
    rows: list[Target] = []
    left_out: list[tuple[str, str]] = []
    for name in catalog.ids("trials") if trials is None else trials:
        trial = load_trial(name)
        by_id = {result.id: result for result in trial.results}
        for row in rows_of(trial):
            if row.role != "calibrate":
                continue
            key = f"{row.trial}/{row.arm}/{row.id}"
            reason = _unfit(row, trial)
            if reason:
                left_out.append((key, reason))
                continue
            check_wall(row)
            rows.append(_target(row, by_id[row.id], trial.design))
    _once(rows)
    if not rows:
        raise EmptySelection(
            "no result to calibrate with",
            where="calibrate",
            why="none of these trials has a row with the role 'calibrate' whose arm can be simulated",
            fix="choose other trials",
        )
    return Targets(tuple(rows), tuple(left_out))


def check_wall(row: Row) -> None:
    """Only a row with the role `calibrate`, published by the cut-off, may inform the fit. Raises InvalidFile."""
    if row.role != "calibrate" or latest(row.published_on) > latest(CUT_OFF):
        raise InvalidFile(
            f"the result {row.trial}/{row.arm}/{row.id} may not inform the fit",
            where=f"catalog/trials/{row.trial}.yaml",
            why=f"its role is '{row.role}' and it was published on {row.published_on}; the cut-off is {CUT_OFF}",
            fix="set 'role: context'",
        )


def _unfit(row: Row, trial: TrialEvidence) -> str:
    if not comparable(row, trial.design) or row.value is None:
        return "its endpoint or arm has no design"
    arm = trial.design.arms[row.arm]
    for regimen in arm.regimens:
        if regimen not in catalog.ids("regimens"):
            return f"the catalog has no regimen '{regimen}'"
    if arm.population not in catalog.ids("populations"):
        return f"the catalog has no population '{arm.population}'"
    return ""


def _once(rows: list[Target]) -> None:
    seen: set[str] = set()
    for row in rows:
        if row.key in seen:
            raise InvalidFile(
                f"the result {row.key} stands twice", where=f"catalog/trials/{row.trial}.yaml", fix="remove one"
            )
        seen.add(row.key)


def _target(row: Row, result: Result, design: Design) -> Target:
    rule, arm = design.endpoint(row.endpoint), design.arms[row.arm]
    cut = row.cut if row.cut in design.cuts else None
    timed = rule.kind in TIMED
    value = row.numerator / row.n if row.numerator is not None and row.n is not None else float(row.value or 0.0)
    worth, basis = _worth(row, result, design, cut) if timed else (1.0, "count")
    at_cut = design.cuts[cut].enrolled.get(row.arm) if cut is not None else None
    return Target(
        trial=row.trial,
        arm=row.arm,
        id=row.id,
        endpoint=row.endpoint,
        months=row.months,
        assessment=row.assessment,
        where=row.where,
        value=value,
        n=None if row.n is None else float(row.n),
        kind="survival" if timed else "count",
        worth=worth,
        basis=basis,
        sign=_sign(rule.kind),
        enrolled=at_cut or arm.enrolled or row.n or 100,
        regimens=arm.regimens,
        population=arm.population,
        cut=cut,
        published_on=row.published_on,
        counted=row.n is not None,
    )


def _sign(kind: str) -> int:
    """+1 where more is better for the patient, -1 where it is worse, 0 where it is neither."""
    if kind in ("response", "survival"):
        return 1
    return -1 if kind in ("incidence", "relapse", "early death", "death", "death in remission") else 0


def _worth(row: Row, result: Result, design: Design, cut: str | None) -> tuple[float, Basis]:
    """What one patient of a Kaplan-Meier point is worth, and how that is known."""
    value = float(row.value or 0.0)
    if row.lo95 is not None and row.hi95 is not None and row.n is not None and 0 < value < 1:
        return min(1.0, patients_of_interval(value, row.lo95, row.hi95, result.method) / row.n), "interval"
    rule = design.endpoint(row.endpoint)
    known = design.follow_up is not None or rule.follow_up is not None or cut is not None
    if not known or row.months is None:
        return UNKNOWN_FOLLOW_UP, "three quarters"
    low, _, high = follow_up_days(design, rule, cut, row.months)
    free = value if rule.kind == "survival" else 1.0 - value
    return worth_of_follow_up(free, row.n or 100, row.months, low, high), "follow-up"


def patients_of_interval(value: float, low: float, high: float, method: str | None = None) -> float:
    """Patients of a plain proportion with the variance that a 95 % interval implies.

    On the scale of the interval's method; if that is unknown, on the one where the interval is most symmetric.

    >>> round(patients_of_interval(0.5, 0.402, 0.598, "plain"))
    100
    """
    scale = method if method in SCALES else min(SCALES, key=lambda name: _skew(value, low, high, name))
    half = abs(_scales(high)[scale][0] - _scales(low)[scale][0]) / 2
    error = half / Z95 / _scales(value)[scale][1]
    return float(value * (1 - value) / error**2)


def _scales(s: float) -> dict[str, tuple[float, float]]:
    """A survival share and the slope of the transformation, on each scale."""
    s = min(max(s, 1e-3), 1 - 1e-3)
    log = float(np.log(s))
    return {
        "plain": (s, 1.0),
        "log": (log, 1 / s),
        "log-log": (float(np.log(-log)), abs(1 / (s * log))),
        "logit": (float(np.log(s / (1 - s))), 1 / (s * (1 - s))),
    }


def _skew(value: float, low: float, high: float, scale: str) -> float:
    a, b, c = (_scales(s)[scale][0] for s in (low, value, high))
    return abs((c - b) - (b - a)) / abs(c - a)


def worth_of_follow_up(value: float, n: float, months: float, low: float, high: float) -> float:
    """Worth of a patient on an exponential survival curve through the published point, followed for low to high days.

    Binomial variance over Greenwood's (the measure of `outcomes.worth`), so that it depends on what was published and not on the
    model. A published 0 or 1 is moved by half a patient.
    """
    share = (value * n + 0.5) / (n + 1.0)
    last = months * DAYS_PER_MONTH
    hazard = -np.log(share) / last
    days = (np.arange(STEPS) + 0.5) * last / STEPS
    followed = np.where(days < low, 1.0, np.clip((high - days) / max(high - low, 1e-9), OBSERVABLE, 1.0))
    variance = np.mean(hazard * np.exp(hazard * days) / followed) * last
    return float(min(1.0, (1 / share - 1) / variance))
