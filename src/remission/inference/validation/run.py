"""Leave one trial out, predict it, and score the prediction beside the competitor's: `remission validate`."""

from __future__ import annotations

import platform
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

import remission
from remission.base.errors import EmptySelection
from remission.base.random import Stream, uniforms
from remission.engine import Draws, load_parameters
from remission.engine.posterior import posterior_folder
from remission.evidence.model import SURVIVAL
from remission.evidence.pool_rows import overlaps, reviewed
from remission.inference.review import catalog_digest
from remission.inference.validation import baseline as competing
from remission.inference.validation import matching
from remission.inference.validation.belief import Belief, Held, Rows
from remission.inference.validation.comparators import COMPARATORS
from remission.inference.validation.readings import Asked, Progress, forecast, read_all, scorable
from remission.inference.validation.scores import ROUNDING, Score, score
from remission.inference.validation.summary import GROUPS, by_group, column, summarise
from remission.outcomes import Reading
from remission.protocol import Regimen, load_regimen

PIT_INDEX = 8  # `predict.reported` uses indices 4 and 5 of the same stream
FITTING = 0.5  # share of the time that leaving out is taken to need
INTENSITIES = ("intensive", "reduced", "none")


@dataclass(frozen=True)
class Settings:
    """How much is simulated: virtual patients in each draw and arm, seed, threads (None: all)."""

    patients: int = 1000
    seed: int = 1
    threads: int | None = None


def validate(
    belief: Belief, settings: Settings, trials: Sequence[str] = (), progress: Progress | None = None
) -> dict[str, Any]:
    """Predict every published result from the other trials alone.

    `trials` are those to be left out, one at a time (none given: all with results); whatever is given, the others inform the
    fits and the competitors. Returns plain data: `rows`, `summary` (of rows that calibrate otherwise; `summary.validate` those
    that never do), `held` (how each trial was left out), `baselines`, `rules`, `provenance`.
    Raises EmptySelection where a trial has no result to be held against.
    """
    began = time.perf_counter()
    tell = progress or (lambda what, share: None)
    everything = scorable()
    chosen = tuple(trials) or tuple(dict.fromkeys(item.row.trial for item in everything))
    check(chosen, everything)
    pools = _Pools()
    rows: list[dict[str, Any]] = []
    held: list[dict[str, Any]] = []
    out = sets_out(chosen, everything)
    fitting = 0.0

    def fit(what: str, share: float) -> None:
        nonlocal fitting
        fitting = FITTING  # there is something to fit
        tell(what, fitting * share)

    beliefs = belief.leave_out(out, fit)
    for index, trial in enumerate(chosen):
        mine = [item for item in everything if item.row.trial == trial]
        found = beliefs[trial]

        def step(what: str, share: float, index: int = index) -> None:
            tell(f"predict {chosen[index]}", fitting + (1 - fitting) * (index + share) / len(chosen))

        seen = read_all(mine, found.draws, settings.patients, settings.seed, step, settings.threads)
        rows += [_row(item, seen[item.key], found, pools, settings.seed) for item in mine if item.key in seen]
        held.append(_held(trial, found, out[trial], mine, seen))
    baselines = compare_baselines(rows)
    choose_baseline(rows, baselines)
    return {
        "summary": summary(rows, settings.seed, baselines),
        "rows": rows,
        "held": held,
        "baselines": baselines,
        "rules": rules(),
        "provenance": _provenance(belief, settings, chosen, began),
    }


def sets_out(trials: Sequence[str], everything: Sequence[Asked]) -> dict[str, frozenset[str]]:
    """For each trial the rows that must not inform its prediction: its own, and those of patients it shares."""
    return {trial: matching.left_out(trial, (item.row for item in everything), overlaps()) for trial in trials}


def unseen(name: str, trials: Sequence[str], count: int) -> dict[str, Draws]:
    """Draws of the model without each of some trials, where a released posterior keeps them for today's rows and parameters: at most
    `count` of each, spread evenly over those kept."""
    from remission.inference.validation.kept import FILE, read

    place = posterior_folder(name) / FILE
    if not place.is_file():
        return {}
    stored, today = read(place), sets_out(trials, scorable())
    names = tuple(item.name for item in load_parameters())
    found = {}
    for trial, rows in today.items():
        before, held = stored.get(trial, (None, None))
        if held is not None and before == rows and held.draws.names == names and held.weights is None:
            index = np.unique(np.linspace(0, len(held.draws) - 1, min(count, len(held.draws))).round().astype(int))
            numbers = tuple(held.draws.numbers[k] for k in index)
            found[trial] = Draws(held.draws.name, numbers, names, held.draws.values[index])
    return found


def check(trials: Sequence[str], everything: Sequence[Asked]) -> None:
    """Every trial to be left out has a result. Raises EmptySelection."""
    known = tuple(dict.fromkeys(item.row.trial for item in everything))
    for trial in trials:
        if trial not in known:
            raise EmptySelection(
                f"{trial} has no result to be held against a prediction",
                where="--trial",
                why="a published number is needed, of a defined endpoint, in an arm that can be simulated",
                near=", ".join(known[:12]),
                fix="choose one of these trials",
            )


class _Pools:
    """What competitors read, loaded once."""

    def __init__(self) -> None:
        self.candidates = matching.candidates()
        self.shared = overlaps()
        self.review = reviewed()
        self.facts = matching.facts()

    def known(self, item: Asked, patients: int) -> matching.Known:
        """The row to be predicted, with what it is matched by."""
        found = matching.known(item.row, self.facts[f"{item.row.trial}/{item.row.arm}"])
        return matching.Known(found.row, found.ph, found.age, found.stage, patients)


def _row(item: Asked, reading: Reading, held: Held, pools: _Pools, seed: int) -> dict[str, Any]:
    """One row of the answer. Competitors are scored for a trial worth as many patients as the model takes it to be."""
    row = item.row
    value = float(row.value or 0.0)
    made, n, worth = forecast(item, reading, held.draws, seed, held.weights)
    v = _luck(item.key, seed)
    rounding = 1e-9 if row.numerator is not None and row.n is not None and row.endpoint not in SURVIVAL else ROUNDING
    exact = row.numerator / row.n if rounding < ROUNDING and row.numerator is not None and row.n else value
    mine = score(made, exact, v, rounding)
    target = pools.known(item, n)
    rivals = {}
    for competitor in competing.COMPETITORS:
        pooled = competing.pool(target, pools.candidates, competitor, pools.shared, pools.review)
        rivals[competitor.name] = _rival(pooled, score(pooled.forecast(worth), exact, v, rounding))
    return {
        "trial": row.trial,
        "arm": row.arm,
        "id": row.id,
        "endpoint": row.endpoint,
        "months": row.months,
        "at": row.assessment,
        "where": row.where,
        "role": row.role,
        "published": exact,
        "published_n": row.n,
        "published_on": row.published_on,
        "status": row.status,
        "source": row.source,
        "place": row.place,
        "note": row.note,
        "n": n,
        "worth": worth,
        **_rounded(mine),
        "expected": round(_weighted_median(reading, held), 4),
        "error": round(mine.median - exact, 4),
        "width90": round(mine.hi90 - mine.lo90, 4),
        "family": matching.family_of(row.endpoint),
        "age_group": target.age or "not said",
        "ph": target.ph or "both",
        "intensity": intensity(load_regimen(item.arm[0][0])),
        "how": held.how,
        "pareto_k": None if held.pareto_k is None else round(held.pareto_k, 3),
        "competitors": rivals,
    }


def _rounded(found: Score) -> dict[str, Any]:
    return {name: round(v, 4) if isinstance(v, float) else v for name, v in asdict(found).items()}


def _rival(pooled: competing.Pooled, found: Score) -> dict[str, Any]:
    return {
        **_rounded(found),
        "step": pooled.step,
        "k": len(pooled.rows),
        "tau": None if pooled.tau is None else round(pooled.tau, 4),
        "rows": list(pooled.rows),
    }


def _luck(name: str, seed: int) -> float:
    """The uniform number of a row's randomised PIT."""
    address = zlib.crc32(name.encode()) % 2**26
    return float(uniforms(seed, address, 0, Stream.PREDICTION, 1, first=PIT_INDEX)[0, 0])


def _weighted_median(reading: Reading, held: Held) -> float:
    usable = np.isfinite(reading.expected)
    if held.weights is None:
        return float(np.median(reading.expected[usable]))
    return float(
        np.quantile(reading.expected[usable], 0.5, weights=held.weights[usable], method="inverted_cdf")
    )


def intensity(regimen: Regimen) -> str:
    """The strongest chemotherapy that a regimen plans: intensive, reduced or none (maintenance does not count)."""
    words = " ".join(str(phase.chemotherapy or "") for phase in regimen.phases)
    return next((name for name in INTENSITIES if name in words), "none")


def _held(
    trial: str, found: Held, out: Rows, mine: Sequence[Asked], seen: Mapping[str, Reading]
) -> dict[str, Any]:
    return {
        "trial": trial,
        "how": found.how,
        "pareto_k": None if found.pareto_k is None else round(found.pareto_k, 3),
        "draws": len(found.draws),
        "effective_draws": round(found.effective, 1),
        "rows": sum(item.key in seen for item in mine),
        "left_out_elsewhere": sorted(key for key in out if not key.startswith(f"{trial}/")),
        "not_predicted": sorted(item.row.id for item in mine if item.key not in seen),
    }


def compare_baselines(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every competitor's mean scores over the rows that calibrate otherwise, the best first."""
    rows = [row for row in rows if row["role"] == "calibrate"] or list(rows)
    found = []
    for competitor in competing.COMPETITORS:
        mine = [row["competitors"][competitor.name] for row in rows]
        if mine:
            published = column(rows, "published")
            found.append(
                {
                    "name": competitor.name,
                    "crps": round(float(np.mean(column(mine, "crps"))), 4),
                    "coverage50": round(float(np.mean(column(mine, "covered50"))), 4),
                    "coverage90": round(float(np.mean(column(mine, "covered90"))), 4),
                    "mean_absolute_error": round(float(np.mean(np.abs(column(mine, "median") - published))), 4),
                    "width90": round(float(np.mean(column(mine, "hi90") - column(mine, "lo90"))), 4),
                    "nothing_to_pool": sum(rival["k"] == 0 for rival in mine),
                }
            )
    return sorted(found, key=lambda item: item["crps"])


def choose_baseline(rows: Sequence[dict[str, Any]], baselines: Sequence[Mapping[str, Any]]) -> None:
    """Write the best competitor's figures into the rows, with the ending `_baseline`."""
    if not baselines:
        return
    name = str(baselines[0]["name"])
    for row in rows:
        rival = row["competitors"][name]
        for key in ("crps", "median", "lo90", "hi90", "covered90", "pit"):
            row[f"{key}_baseline"] = rival[key]
        row["baseline"] = {"name": name, **{key: rival[key] for key in ("step", "k", "tau", "rows")}}


def summary(rows: Sequence[Mapping[str, Any]], seed: int, baselines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The summary of the rows that calibrate otherwise, by group too; `validate` are those that never inform a fit."""
    mine = [row for row in rows if row["role"] == "calibrate"]
    groups = {name: by_group(mine, key, seed) for name, key in GROUPS.items()}
    return {
        **summarise(mine, seed),
        "baseline": baselines[0]["name"] if baselines else None,
        "bias_by_endpoint": {name: group["bias"] for name, group in groups["endpoint"].items()},
        "groups": groups,
        "validate": summarise([row for row in rows if row["role"] == "validate"], seed),
    }


def rules() -> dict[str, Any]:
    """The rules of matching, as fixed in advance, for the report."""
    return {
        "steps": list(matching.STEPS),
        "fewest": matching.FEWEST,
        "near": matching.NEAR,
        "older_from": matching.OLDER_FROM,
        "families": {name: list(members) for name, members in matching.FAMILIES.items()},
        "comparators": sorted(COMPARATORS),
    }


def _provenance(belief: Belief, settings: Settings, trials: Sequence[str], began: float) -> dict[str, Any]:
    p = belief.full
    return {
        "version": remission.__version__,
        "seed": settings.seed,
        "draws": len(p),
        "patients_per_draw": settings.patients,
        "posterior": p.name,
        "trials": list(trials),
        "catalog_hash": catalog_digest(),
        "draws_hash": p.digest,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "machine": f"{platform.system()} {platform.machine()}",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - began, 2),
    }
