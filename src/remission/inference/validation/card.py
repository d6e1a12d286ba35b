"""The contents of the model card, as plain data: evidence, priors and posteriors, validation, sensitivity."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from remission.base import catalog
from remission.base.errors import CannotWrite, InvalidFile
from remission.base.files import shown_path, write_text
from remission.engine import Draws
from remission.engine.posterior import posterior_folder, read_manifest
from remission.evidence import CUT_OFF, all_results, sources, trials
from remission.evidence.pool_rows import reviewed
from remission.inference.validation.learned import learned
from remission.inference.validation.matching import family_of
from remission.inference.validation.readings import read_all, scorable
from remission.inference.validation.run import Settings
from remission.inference.validation.sensitivity import drivers

MOST_DRIVERS = 16
FILE = "validation.json"
MOST_BYTES = 50_000_000
PARTS = ("summary", "rows", "held", "baselines", "rules", "provenance")


def card_contents(
    result: Mapping[str, Any] | None,
    p: Draws,
    *,
    driven: Sequence[Mapping[str, Any]] = (),
    overturned: Mapping[str, Any] | None = None,
    variants: Sequence[Mapping[str, Any]] = (),
    diagnostics: Mapping[str, Any] | None = None,
    tensions: Sequence[Mapping[str, Any]] = (),
    cited: Mapping[str, Mapping[str, Any]] | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Everything that the card shows. `p` are the draws with nothing left out; `diagnostics` a calibration's summary, if there is one.

    `result` is a validation, or None where these draws have none; what it holds of drivers, assumptions and variants is shown unless
    given here. `tensions` are those of `measure_tensions`, `cited` their sources; `provenance` says what made the card, where that is
    not the validation."""
    known = result or {}
    driven = driven or known.get("drivers") or ()
    overturned = overturned or known.get("overturned")
    variants = variants or known.get("variants") or ()
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
        "tensions": list(tensions),
        "cited": dict(cited or {}),
        "draws": p.name,
        "provenance": dict(provenance or known.get("provenance") or {}),
        "catalog_hash": catalog.digest(),
    }


def keep_validation(result: Mapping[str, Any], place: Path) -> None:
    """Write a validation beside the draws that it used, for the card. Raises CannotWrite."""
    if not place.is_dir():
        raise CannotWrite("the validation has no folder to be kept in", where=shown_path(place), fix="name a file in an existing folder")
    write_text(place / FILE, json.dumps(result, ensure_ascii=False, separators=(",", ":")) + "\n")


def kept_validation(name: str) -> tuple[dict[str, Any] | None, Mapping[str, Any]]:
    """The validation kept with a posterior (None where there is none) and the summary of its fit; nothing of either for the priors.

    `name` is a posterior's name or folder. Raises NotFound or InvalidFile.
    """
    if name == "prior":
        return None, {}
    folder = posterior_folder(name)
    summary = read_manifest(folder).summary
    place = folder / FILE
    if not place.is_file():
        return None, summary
    try:
        if place.stat().st_size > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES} bytes")
        found = json.loads(place.read_text(encoding="utf-8"))
        missing = [part for part in PARTS if part not in found]
        if missing:
            raise ValueError("it lacks " + ", ".join(missing))
    except (OSError, ValueError, TypeError) as error:
        raise InvalidFile("the kept validation cannot be read", where=shown_path(place), why=str(error)[:120],
                          fix="restore the file, or remove it and validate again with --keep") from None
    return found, summary


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
