"""The contents of the model card, as plain data: evidence, priors and posteriors, validation, sensitivity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from remission.engine import Draws
from remission.evidence import CUT_OFF, all_results, sources, trials
from remission.evidence.pool_rows import reviewed
from remission.inference.validation.learned import learned
from remission.inference.validation.matching import family_of
from remission.inference.validation.readings import read_all, scorable
from remission.inference.validation.run import Settings
from remission.inference.validation.sensitivity import drivers

MOST_DRIVERS = 16


def card_contents(
    result: Mapping[str, Any],
    p: Draws,
    *,
    driven: Sequence[Mapping[str, Any]] = (),
    overturned: Mapping[str, Any] | None = None,
    variants: Sequence[Mapping[str, Any]] = (),
    diagnostics: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Everything that the card shows. `p` are the draws with nothing left out; `diagnostics` a calibration's summary, if there is one."""
    return {
        "validation": result,
        "evidence": evidence(),
        "parameters": learned(p),
        "fitted": p.name != "prior",
        "drivers": list(driven),
        "driver_table": driver_table(driven),
        "overturned": overturned,
        "variants": list(variants),
        "diagnostics": dict(diagnostics or {}),
    }


def evidence() -> dict[str, Any]:
    """What the catalog holds: trials, results by role, sources, dates."""
    rows = all_results()
    mine = [row for row in rows if row.role == "calibrate"]
    return {
        "trials": len(reviewed()),
        "trial_names": sorted(reviewed()),
        "comparators": len(trials()) - len(reviewed()),
        "results": len(rows),
        "roles": dict(sorted(Counter(row.role for row in rows).items())),
        "families": dict(Counter(family_of(row.endpoint) for row in mine)),
        "sources": len(sources()),
        "read_as": dict(Counter(source.read_as for source in sources().values())),
        "cut_off": CUT_OFF,
        "conflicts": sum(len(trial.conflicts) for trial in trials().values()),
    }


def all_drivers(p: Draws, settings: Settings) -> list[dict[str, Any]]:
    """What drives the prediction of every published result, from one simulation of every arm."""
    asked = scorable()
    seen = read_all(asked, p, settings.patients, settings.seed, None, settings.threads)
    kinds = {item.key: item for item in asked if item.key in seen}
    found = drivers(p, {key: seen[key].expected for key in kinds}, settings.seed)
    return [{**item, "family": family_of(kinds[item["output"]].row.endpoint)} for item in found]


def driver_table(driven: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Mean share of variance that each parameter explains by itself, by family of endpoints; the strongest parameters first."""
    families = list(dict.fromkeys(str(item["family"]) for item in driven if item["noise"] is not None))
    shares: dict[str, dict[str, list[float]]] = {}
    for item in driven:
        for driver in item["drivers"]:
            shares.setdefault(driver["name"], {}).setdefault(str(item["family"]), []).append(float(driver["share"]))
    counts = Counter(str(item["family"]) for item in driven if item["noise"] is not None)
    table = {name: {family: sum(found.get(family, [])) / counts[family] for family in families} for name, found in shares.items()}
    ranked = sorted(table, key=lambda name: -max(table[name].values()))[:MOST_DRIVERS]
    explained = [float(item["together"]) for item in driven if item.get("together") is not None]
    return {
        "families": families,
        "rows": [{"name": name, "shares": {k: round(v, 4) for k, v in table[name].items()}} for name in ranked],
        "together": round(float(np.median(explained)), 3) if explained else None,
        "outputs": sum(counts.values()),
    }
