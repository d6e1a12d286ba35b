"""Kaplan-Meier, Aalen-Johansen and restricted mean survival time of an ADTTE table, by the library greenwood.

A thin facade: no estimator is written here. Censoring follows ADaM: CNSR 0 is the event, 1 is censored, 2 is a competing event.
The numbers agree with R's `survival` and `cmprsk` (tests/simulate/reference). Times are in the unit of AVAL, days.

    sample = read_adtte("out/adtte.parquet", "OS", arm="e1910-blinatumomab")
    kaplan_meier(sample.time, sample.cnsr).at([365.25, 1096])
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from remission.base.errors import EmptySelection, InvalidFile, NotFound, UsageError, nearest
from remission.base.files import shown_path
from remission.base.random import Floats

Codes = npt.NDArray[np.int64]
Scale = Literal["log", "log-log", "plain"]
EVENT, CENSORED, COMPETING = 0, 1, 2
_STATES = ["censored", "event", "competing"]
_COLUMNS = ("time", "estimate", "std_error", "conf_low", "conf_high")


@dataclass(frozen=True)
class Steps:
    """A step function with its standard error and pointwise confidence limits; `estimate[k]` holds from `time[k]` on."""

    time: Floats
    estimate: Floats
    se: Floats
    lo: Floats
    hi: Floats
    begins: float

    def at(self, times: npt.ArrayLike) -> Floats:
        """The estimate at given times."""
        where = np.searchsorted(self.time, np.asarray(times, np.float64), side="right")
        return np.concatenate([[self.begins], self.estimate])[where]


@dataclass(frozen=True)
class Estimate:
    """A number with its standard error and confidence limits."""

    value: float
    se: float
    lo: float
    hi: float


@dataclass(frozen=True)
class Sample:
    """One endpoint of a table: times, censoring and arm of each patient."""

    time: Floats
    cnsr: Codes
    arm: npt.NDArray[np.str_]


def kaplan_meier(time: Floats, cnsr: Codes, *, level: float = 0.95, scale: Scale = "log") -> Steps:
    """Survival by Kaplan-Meier with Greenwood's variance; a competing event censors. As R's `survfit` (conf.type = `scale`)."""
    import greenwood

    time, cnsr = _checked(time, cnsr)
    fit = greenwood.KaplanMeier(conf_type=scale, conf_level=level).fit(greenwood.Surv(time, cnsr == EVENT))
    return Steps(fit.time_, fit.survival_, fit.std_error_, fit.conf_low_, fit.conf_high_, 1.0)


def aalen_johansen(time: Floats, cnsr: Codes, *, level: float = 0.95, scale: Scale = "plain") -> dict[str, Steps]:
    """Cumulative incidence of the "event" and of the "competing" event, by Aalen-Johansen with the delta-method variance.

    Incidences are those of R's `cmprsk::cuminc` and of `survfit` on a multi-state response, standard errors those of `survfit`
    (`cuminc` has another estimator of the variance). The library's time grows with the square of the number of patients.
    """
    import greenwood

    time, cnsr = _checked(time, cnsr)
    codes = np.select([cnsr == EVENT, cnsr == COMPETING], [1, 2], 0)
    fit = greenwood.AalenJohansen(conf_type=scale, conf_level=level).fit(greenwood.Surv(time, _Categories(codes)))
    table: dict[str, Any] = {name: np.asarray(values) for name, values in fit._table_columns().items()}
    found = {}
    for state in _STATES[1:]:
        mine = table["cause"] == state
        days, share, se, lo, hi = (np.asarray(table[name][mine], np.float64) for name in _COLUMNS)
        found[state] = Steps(days, share, se, lo, hi, 0.0)
    return found


def rmst(time: Floats, cnsr: Codes, horizon: float, *, level: float = 0.95) -> Estimate:
    """Mean time without the event up to `horizon`, the area under Kaplan-Meier. Raises UsageError beyond the follow-up."""
    import greenwood
    from scipy.special import ndtri

    time, cnsr = _checked(time, cnsr)
    if not 0 < horizon <= float(time.max()):
        raise UsageError(
            f"the mean is restricted to {horizon:g} days",
            where="horizon",
            why=f"patients were followed for {time.max():g} days",
            near=f"{time.max():g}",
            fix="choose a horizon within the follow-up",
        )
    fit = greenwood.KaplanMeier(conf_level=level).fit(greenwood.Surv(time, cnsr == EVENT))
    value, lo, hi = (float(number) for number in fit.rmst(horizon, ci=True))
    return Estimate(value, (hi - value) / float(ndtri(0.5 + level / 2)), lo, hi)


def rmst_difference(a: Sample, b: Sample, horizon: float, *, level: float = 0.95) -> Estimate:
    """Restricted mean of `a` minus that of `b`, for independent samples (not for the same virtual patients in two arms)."""
    from scipy.special import ndtri

    first, second = (rmst(sample.time, sample.cnsr, horizon) for sample in (a, b))
    value, se = first.value - second.value, float(np.hypot(first.se, second.se))
    half = float(ndtri(0.5 + level / 2)) * se
    return Estimate(value, se, value - half, value + half)


class _Categories:
    """What greenwood takes for a categorical event, without a data frame: codes into names, of which the first is censored."""

    def __init__(self, codes: Codes) -> None:
        self.codes, self.categories = codes, _STATES


def _checked(time: Floats, cnsr: Codes) -> tuple[Floats, Codes]:
    time, cnsr = np.asarray(time, np.float64), np.asarray(cnsr, np.int64)
    if len(time) == 0:
        raise EmptySelection(
            "there is nobody to estimate from", where="time", why="the sample is empty", fix="widen the selection"
        )
    if time.shape != cnsr.shape or time.ndim != 1 or not np.isfinite(time).all() or time.min() < 0:
        raise UsageError("the times cannot be used", where="time", why="times are finite, not negative, one for each CNSR",
                         fix="take AVAL and CNSR of one PARAMCD")  # fmt: skip
    if not np.isin(cnsr, (EVENT, CENSORED, COMPETING)).all():
        raise UsageError("CNSR has other values than 0, 1 and 2", where="cnsr", why="0 event, 1 censored, 2 competing event",
                         near="0", fix="recode them")  # fmt: skip
    return time, cnsr


def read_adtte(path: str | Path, endpoint: str, *, arm: str | None = None, draw: int | None = None) -> Sample:
    """One endpoint (PARAMCD) of an ADTTE file (Parquet or CSV), of one arm or all, in one parameter draw (DRAW; None: the first).

    Raises NotFound for a missing file, endpoint or arm, InvalidFile for a file that is no such table.
    """
    import duckdb

    shown = shown_path(path)
    if not Path(path).is_file():
        raise NotFound("cannot read the file", where=shown, why="there is none", fix="check the path")
    reader = "read_csv(?, header = true, auto_detect = true)" if str(path).endswith(".csv") else "read_parquet(?)"
    with duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false", "threads": "1"}) as base:
        try:
            base.execute(f"create view adtte as select * from {reader.replace('?', _quoted(path))}")
            known = {name: [row[0] for row in base.execute(f"select distinct {name} from adtte order by 1").fetchall()]
                     for name in ("PARAMCD", "TRT01P")}  # fmt: skip
            rows = base.execute(
                "select AVAL::double a, CNSR::bigint c, TRT01P::varchar t from adtte where PARAMCD = ? "
                "and DRAW = coalesce(?, (select min(DRAW) from adtte)) "
                "and (?::varchar is null or TRT01P = ?)", [endpoint, draw, arm, arm]).fetchnumpy()  # fmt: skip
        except duckdb.Error as error:
            raise InvalidFile("the file is no ADTTE table", where=shown, why=str(error).splitlines()[0][:200],
                              fix="give the file adtte that remission simulate wrote") from None  # fmt: skip
    for word, column, what in ((endpoint, "PARAMCD", "endpoint"), (arm, "TRT01P", "arm")):
        if word is not None and word not in known[column]:
            raise NotFound(f"unknown {what} '{word[:60]}'", where=shown, why=f"{column} has: " + ", ".join(map(str, known[column])),
                           near=nearest(word, map(str, known[column])), fix="choose one of them")  # fmt: skip
    if len(rows["a"]) == 0:
        raise EmptySelection(
            f"nobody has {endpoint} in {'the first draw' if draw is None else f'draw {draw}'}",
            where=shown, why="no row fits", fix="choose another draw",
        )
    return Sample(np.asarray(rows["a"], np.float64), np.asarray(rows["c"], np.int64), np.asarray(rows["t"], np.str_))


def _quoted(path: str | Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
