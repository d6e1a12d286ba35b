"""Which parameters drive which predictions, and which assumption, if wrong, would overturn which conclusion.

Indices are shares of the variance that parameter uncertainty gives a prediction. From draws alone (`drivers`): the share that a
parameter explains by itself (its first-order index; for correlated draws it includes what it shares with others), as the
adjusted R2 of a quadratic in its prior coordinate, with the noise of that estimate from permuted predictions. With a fast
substitute of the simulator (`indices`): first-order and total indices by Sobol's method on independent prior coordinates
(Saltelli et al. 2010, Comput Phys Commun 181:259; SALib).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from remission.base import catalog
from remission.base.errors import RemissionError
from remission.base.histories import Histories
from remission.base.random import Floats, Stream, uniforms
from remission.base.units import DAYS_PER_MONTH
from remission.engine import Draws, Parameter, load_parameters
from remission.engine.simulate import simulate
from remission.inference.validation.learned import coordinates
from remission.inference.validation.readings import COURSES_AT_A_TIME, Progress
from remission.patients import load_population
from remission.protocol import load_regimen

PERMUTATIONS = 40
NOISE_QUANTILE = 0.99
Z95 = 1.6448536269514722
EVENTS = {"OS": ("death",), "EFS": ("failure", "relapse", "death")}
SURE, DOUBTFUL = 0.9, 0.75
MONTE_CARLO = 2.0
"""Monte Carlo standard errors by which a difference must lie beyond zero to have changed sides."""


def drivers(
    p: Draws, outputs: Mapping[str, Floats], seed: int, parameters: Sequence[Parameter] | None = None
) -> list[dict[str, Any]]:
    """For each output (draws,): parameters that explain more of its variance than noise would, the most first.

    Each item: `output`, `sd`, `noise` (a share that one parameter in a hundred reaches by chance), `drivers` (name, share,
    direction: +1 if the output rises with the parameter), `together` (adjusted R2 of all of them, None where draws are too few).
    Draws in which the output is not finite are left out.
    """
    free = [item for item in parameters or load_parameters() if "fixed" not in item.prior and item.name in p.names]
    z = np.column_stack([coordinates(item, p.values[:, p.names.index(item.name)]) for item in free])
    moving = np.flatnonzero(z.std(axis=0) > 1e-9)
    names, z = [free[k].name for k in moving], z[:, moving]
    found = []
    for number, (output, values) in enumerate(outputs.items()):
        usable = np.isfinite(values)
        x, y = z[usable], values[usable]
        told: dict[str, Any] = {"output": output, "draws": int(usable.sum()), "sd": round(float(np.std(y)), 5) if len(y) else None}
        if len(y) < 30 or np.std(y) < 1e-9:
            found.append({**told, "noise": None, "drivers": [], "together": None})
            continue
        share = alone(x, y)
        order = np.argsort(
            uniforms(seed, np.arange(PERMUTATIONS), number, Stream.PREDICTION, len(y), first=4096), axis=1
        )
        noise = float(np.quantile(np.concatenate([alone(x, y[permutation]) for permutation in order]), NOISE_QUANTILE))
        ranked = [k for k in np.argsort(-share) if share[k] > noise]
        found.append(
            {
                **told,
                "noise": round(noise, 4),
                "drivers": [
                    {"name": names[k], "share": round(float(share[k]), 4), "direction": _direction(x[:, k], y)} for k in ranked
                ],
                "together": together(x[:, ranked], y),
            }
        )
    return found


def alone(x: Floats, y: Floats) -> Floats:
    """Adjusted R2 of a quadratic in each column of x, one at a time: an estimate of Var(E[y | x_k]) / Var(y)."""
    n = len(y)
    centred = (y - y.mean()) / y.std()
    first = (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-12)
    square = first**2
    square = square - square.mean(axis=0)
    square = square - first * (first * square).mean(axis=0)
    square = square / np.maximum(square.std(axis=0), 1e-12)
    r2 = (first * centred[:, None]).mean(axis=0) ** 2 + (square * centred[:, None]).mean(axis=0) ** 2
    return np.asarray(1.0 - (1.0 - r2) * (n - 1) / (n - 3), np.float64)


def together(x: Floats, y: Floats) -> float | None:
    """Adjusted R2 of a sum of quadratics; what is missing to 1 is interaction, and the noise of finitely many patients."""
    n, columns = len(y), 2 * x.shape[1]
    if columns == 0 or n < 2 * columns + 20:
        return None
    table = np.column_stack([np.ones(n), x, x**2])
    residual = y - table @ np.linalg.lstsq(table, y, rcond=None)[0]
    return float(round(1.0 - float(residual.var() / y.var()) * (n - 1) / (n - columns - 1), 4))


def _direction(x: Floats, y: Floats) -> int:
    return int(np.sign(np.mean((x - x.mean()) * (y - y.mean()))))


def indices(
    emulate: Callable[[Floats], Floats], names: Sequence[str], outputs: Sequence[str], seed: int, base: int = 512
) -> list[dict[str, Any]]:
    """First-order and total indices of every output, by Sobol's method on independent standard-normal coordinates.

    `emulate` takes coordinates (rows, names) and returns outputs (rows, outputs); it is called with base * (names + 2) rows.
    Each item: `output`, `indices` (name, first, first_error, total, total_error; by total, the largest first). The errors are
    95 % half-widths.
    """
    sampling, sobol = _salib()
    count = len(names)
    problem = {"num_vars": count, "names": list(names), "bounds": [[0.0, 1.0]] * count, "dists": ["norm"] * count}
    z = sampling.sample(problem, base, calc_second_order=False, seed=seed)
    table = np.asarray(emulate(np.asarray(z, np.float64)), np.float64)
    found = []
    for column, output in enumerate(outputs):
        y = table[:, column]
        s = sobol.analyze(problem, y, calc_second_order=False, seed=seed) if float(np.std(y)) > 1e-12 else None
        found.append({"output": output, "indices": [] if s is None else _ranked(names, s)})
    return found


def _ranked(names: Sequence[str], s: Mapping[str, Floats]) -> list[dict[str, Any]]:
    """Indices of every parameter, the largest total first."""
    return [
        {
            "name": names[k],
            "first": round(float(s["S1"][k]), 4),
            "first_error": round(float(s["S1_conf"][k]), 4),
            "total": round(float(s["ST"][k]), 4),
            "total_error": round(float(s["ST_conf"][k]), 4),
        }
        for k in np.argsort(-np.asarray(s["ST"]), kind="stable").tolist()
    ]


def _salib() -> tuple[Any, Any]:
    try:
        return import_module("SALib.sample.sobol"), import_module("SALib.analyze.sobol")
    except ImportError:
        raise RemissionError(
            "the library for Sobol's indices is not installed",
            where="SALib",
            why="the base installation leaves it out",
            near="first-order indices from the draws need no library",
            fix="pip install 'remission[calibrate]'",
        ) from None


@dataclass(frozen=True)
class Conclusion:
    """A comparison that the model draws: `better` against `worse` (regimens) in one population, endpoint from the start of treatment."""

    says: str
    better: str
    worse: str
    population: str
    endpoint: str
    months: float

    @property
    def id(self) -> str:
        """Short name."""
        return f"{self.better} > {self.worse}, {self.endpoint}@{self.months:g}mo"

    def there(self) -> bool:
        """Whether the catalog has its regimens and population."""
        known = catalog.ids("regimens")
        return self.better in known and self.worse in known and self.population in catalog.ids("populations")


CONCLUSIONS = (
    Conclusion("blinatumomab added to consolidation prolongs survival (E1910)", "e1910-blinatumomab", "e1910-chemotherapy", "e1910",
               "OS", 36.0),
    Conclusion("blinatumomab in induction and consolidation prolongs survival in older adults (Golden Gate)", "golden-gate",
               "golden-gate-chemotherapy", "golden-gate", "OS", 36.0),
    Conclusion("blinatumomab early in high-risk disease prevents events (GRAALL-2014)", "graall-2014", "graall-2014-control",
               "graall-2014", "EFS", 36.0),
    Conclusion("blinatumomab added to the chemotherapy of LAL1913 prevents events", "lal2317", "lal1913", "lal2317", "EFS", 36.0),
    Conclusion("blinatumomab after hyper-CVAD prevents events", "mdacc-hcvad-blina", "hyper-cvad", "mdacc-hcvad-blina", "EFS", 36.0),
    Conclusion("blinatumomab after mini-hyper-CVD with inotuzumab prevents events", "mdacc-mini-hcvd-ino-blina",
               "mdacc-mini-hcvd-ino", "mdacc-mini-hcvd-ino-blina", "EFS", 36.0),
    Conclusion("in older adults, debulking by inotuzumab before blinatumomab prolongs survival", "a041703", "s1318", "s1318",
               "OS", 24.0),
    Conclusion("in older adults, reduced chemotherapy with inotuzumab before blinatumomab prolongs survival",
               "mdacc-mini-hcvd-ino-blina", "s1318", "s1318", "OS", 36.0),
    Conclusion("ponatinib and blinatumomab prevent more events than imatinib and chemotherapy (LAL2820)", "lal2820",
               "lal2820-chemotherapy", "lal2820", "EFS", 36.0),
    Conclusion("with a kinase inhibitor, blinatumomab prevents more events than hyper-CVAD (EA9181)", "ea9181-blinatumomab",
               "ea9181-hcvad", "ea9181", "EFS", 36.0),
)


def alternatives(item: Parameter) -> tuple[float, float, str]:
    """A low and a high value of a parameter, and in words what they are.

    The 5 and 95 % quantiles of its prior. A fixed value has none: a log10 is moved by 1, a share by 1 on the logit scale,
    anything else by half of itself.
    """
    if "fixed" not in item.prior:
        low, high = sorted(float(item.value(z)) for z in (-Z95, Z95))
        return low, high, "5 and 95 % of its prior"
    value = float(item.value(0.0))
    if value == 0.0:
        return -1.0 if "log" in item.unit else 0.0, 1.0, "fixed at 0; moved by 1"
    if "log10" in item.unit and "SD" not in item.unit:
        return value - 1.0, value + 1.0, "fixed; moved by 1 on the log10 scale"
    if item.unit == "1" and 0.0 < value < 1.0:
        low, high = (float(1 / (1 + np.exp(-(np.log(value / (1 - value)) + side)))) for side in (-1.0, 1.0))
        return low, high, "fixed; moved by 1 on the logit scale"
    low, high = sorted((0.5 * value, 1.5 * value))
    return low, high, "fixed; halved and raised by half"


def overturn(
    p: Draws,
    patients: int,
    seed: int,
    conclusions: Sequence[Conclusion] = CONCLUSIONS,
    basis: Sequence[str] = ("assumption",),
    progress: Progress | None = None,
    threads: int | None = None,
    parameters: Sequence[Parameter] | None = None,
) -> dict[str, Any]:
    """Every conclusion with each assumption at a low and at a high value, in the same patients with the same luck.

    Returns `conclusions` (difference and probability that `better` is ahead, as believed) and `assumptions`: for each parameter
    and value the same figures, with a verdict: `overturned` if the median difference has changed sides by more than Monte Carlo
    error, `shaken` if a sure conclusion (probability 0.9 or more) has fallen below 0.75, else `holds`; `undecided` where the
    probability was below 0.75 to begin with, so that there is nothing to overturn.
    """
    tell = progress or (lambda what, share: None)
    asked = [item for item in conclusions if item.there()]
    tested = [item for item in parameters or load_parameters() if item.basis in basis and item.name in p.names]
    base = _differences(p, asked, patients, seed, threads)
    rows = []
    for index, item in enumerate(tested):
        low, high, how = alternatives(item)
        for side, value in (("low", low), ("high", high)):
            tell(f"{item.name} {side}", (2 * index + (side == "high")) / (2 * len(tested)))
            now = _differences(p.change(**{item.name: value}), asked, patients, seed, threads)
            effects = [
                {"id": conclusion.id, **_told(after), "verdict": judge(before, after)}
                for conclusion, before, after in zip(asked, base, now, strict=True)
            ]
            rows.append({"parameter": item.name, "about": item.about, "basis": item.basis, "side": side, "value": round(value, 6),
                         "how": how, "effects": effects})
    told = [{"id": item.id, "says": item.says, "population": item.population, "endpoint": item.endpoint, "months": item.months,
             **_told(found)} for item, found in zip(asked, base, strict=True)]
    return {"conclusions": told, "assumptions": rows, "draws": len(p), "patients": patients, "seed": seed, "posterior": p.name}


@dataclass(frozen=True)
class Difference:
    """Difference in the share free of the event: median and 90 % interval over draws, chance of being ahead, Monte Carlo error."""

    median: float
    lo90: float
    hi90: float
    ahead: float
    error: float


def judge(before: Difference, after: Difference) -> str:
    """`overturned`, `shaken`, `holds` or `undecided`, as told at `overturn`."""
    sure, now = max(before.ahead, 1 - before.ahead), after.ahead if before.median >= 0 else 1 - after.ahead
    if sure < DOUBTFUL:
        return "undecided"
    if before.median * after.median < 0 and abs(after.median) > MONTE_CARLO * after.error:
        return "overturned"
    return "shaken" if sure >= SURE and now < DOUBTFUL else "holds"


def _told(found: Difference) -> dict[str, float]:
    return {"median": round(found.median, 4), "lo90": round(found.lo90, 4), "hi90": round(found.hi90, 4),
            "ahead": round(found.ahead, 4), "error": round(found.error, 5)}


def _differences(
    p: Draws, asked: Sequence[Conclusion], patients: int, seed: int, threads: int | None
) -> list[Difference]:
    """Each conclusion's difference; a regimen in a population is simulated once for all of them."""
    means: list[list[Floats]] = [[] for _ in asked]
    variances: list[list[Floats]] = [[] for _ in asked]
    step = max(1, COURSES_AT_A_TIME // max(1, patients))
    for first in range(0, len(p), step):
        part = p.part(first, first + step)
        seen: dict[tuple[str, str], Histories] = {}
        for index, item in enumerate(asked):
            free = []
            for regimen in (item.better, item.worse):
                key = (regimen, item.population)
                if key not in seen:
                    seen[key] = simulate(load_regimen(regimen), load_population(item.population), part, patients, seed, threads=threads)
                event = np.minimum.reduce([seen[key].events[name] for name in EVENTS[item.endpoint]])
                free.append((event > item.months * DAYS_PER_MONTH).astype(np.float64))
            paired = free[0] - free[1]
            means[index].append(paired.mean(axis=1))
            variances[index].append(paired.var(axis=1))
    return [_difference(np.concatenate(m), np.concatenate(v), patients) for m, v in zip(means, variances, strict=True)]


def _difference(by_draw: Floats, variance: Floats, patients: int) -> Difference:
    low, middle, high = np.quantile(by_draw, [0.05, 0.5, 0.95])
    ahead = float(np.mean((by_draw > 0) + 0.5 * (by_draw == 0)))
    error = float(np.sqrt(variance.mean() / (patients * len(by_draw))))
    return Difference(float(middle), float(low), float(high), ahead, error)
