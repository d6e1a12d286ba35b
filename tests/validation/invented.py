"""A whole invented validation, as plain data."""

from __future__ import annotations

from typing import Any

from remission.inference.validation.baseline import COMPETITORS
from remission.inference.validation.run import compare_baselines, rules, summary


def rows_of(told: list[tuple[str, str, float, float, float, float]]) -> list[dict[str, Any]]:
    """Rows from (trial, family, published, predicted, CRPS, CRPS of the competitor)."""
    return [_row(number, *values) for number, values in enumerate(told)]


def _row(
    number: int, trial: str, family: str, published: float, predicted: float, score: float, rival: float
) -> dict[str, Any]:
    endpoint = {
        "remission": "CR",
        "overall survival": "OS",
        "survival without event": "EFS",
        "residual disease": "MRD-",
        "toxicity": "NT3+",
    }[family]
    other = {
        "median": published - 0.1,
        "lo90": max(0.0, published - 0.3),
        "hi90": min(1.0, published + 0.2),
        "crps": rival,
        "pit": 0.3,
        "covered50": False,
        "covered90": True,
        "step": "endpoint",
        "k": 3,
        "tau": 0.4,
        "rows": ["x/main/cr"],
    }
    return {
        "trial": trial,
        "arm": "main",
        "id": f"row-{number}",
        "endpoint": endpoint,
        "months": 24.0 if endpoint in ("OS", "EFS") else None,
        "at": None if endpoint in ("OS", "EFS") else "any",
        "where": None,
        "role": "calibrate",
        "published": published,
        "published_n": 40,
        "published_on": "2020-01-01",
        "status": "reported",
        "source": "invented-2020",
        "place": "table 1",
        "note": None,
        "n": 40,
        "worth": 38,
        "median": predicted,
        "lo50": predicted - 0.05,
        "hi50": predicted + 0.05,
        "lo90": max(0.0, predicted - 0.1),
        "hi90": min(1.0, predicted + 0.1),
        "crps": score,
        "pit": (number * 0.37) % 1,
        "expected": predicted,
        "covered50": abs(predicted - published) <= 0.05,
        "covered90": number % 10 != 9,
        "error": predicted - published,
        "width90": 0.2,
        "family": family,
        "age_group": "older" if number % 2 else "younger",
        "ph": "negative" if number % 3 else "positive",
        "intensity": ("none", "reduced", "intensive")[number % 3],
        "how": "refit",
        "pareto_k": 0.4,
        "competitors": {competitor.name: other for competitor in COMPETITORS},
        "baseline": {"name": COMPETITORS[0].name, **other},
        **{f"{key}_baseline": other[key] for key in ("crps", "median", "lo90", "hi90", "covered90", "pit")},
    }


FAMILIES = ("remission", "overall survival", "survival without event", "residual disease", "toxicity")


def validation(error: float, score: float, rival: float, count: int = 30, trials: int = 6) -> dict[str, Any]:
    """An invented validation in which every prediction is off by `error`, the last row of role validate."""
    told = [
        (f"trial-{k % trials}", FAMILIES[k % 5], 0.3 + 0.005 * (k % 80), 0.3 + 0.005 * (k % 80) + error, score, rival)
        for k in range(count + 1)
    ]
    rows = rows_of(told)
    rows[-1]["role"] = "validate"
    baselines = compare_baselines(rows)
    return {
        "summary": summary(rows, 1, baselines),
        "rows": rows,
        "held": [
            {
                "trial": f"trial-{k}",
                "how": "refit",
                "pareto_k": 0.9,
                "draws": 500,
                "effective_draws": 500.0,
                "rows": count // trials,
                "left_out_elsewhere": ["other/main/cr"] if k == 0 else [],
                "not_predicted": [],
            }
            for k in range(trials)
        ],
        "baselines": baselines,
        "rules": rules(),
        "provenance": {
            "version": "0",
            "seed": 1,
            "draws": 500,
            "patients_per_draw": 1000,
            "posterior": "2026.1",
            "trials": [],
            "catalog_hash": "abc",
            "draws_hash": "def",
            "python": "3",
            "numpy": "2",
            "machine": "M",
            "created": "2026-01-01",
            "seconds": 1.0,
        },
    }
