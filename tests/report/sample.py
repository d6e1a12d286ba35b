"""INVENTED DATA for the report's tests: trials, results and sources that do not exist."""

from __future__ import annotations

import math
from typing import Any

from tests.report.sample_regimens import antibody_regimen, long_regimen, targeted_regimen


def curve(
    scale: float, cure: float, months: int = 60, spread: float = 0.07, zero: str = "randomisation"
) -> dict[str, Any]:
    """A survival curve with a band: cure + (1 - cure) exp(-t / scale)."""
    times = list(range(months + 1))
    median = [cure + (1 - cure) * math.exp(-t / scale) for t in times]
    wide = [spread * min(1.0, t / 12) for t in times]
    return {
        "months": times,
        "median": median,
        "lo90": [max(0.0, m - w) for m, w in zip(median, wide, strict=True)],
        "hi90": [min(1.0, m + w) for m, w in zip(median, wide, strict=True)],
        "time_zero": zero,
        "definition": "death from any cause",
    }


def burden(days: int, slope: float) -> dict[str, Any]:
    """Quantiles of log10 burden that fall through treatment; None where no leukaemia cell is left."""
    grid = list(range(0, days + 1, 7))

    def level(day: int, factor: float) -> float | None:
        value = -slope * factor * day / 30
        return value if value > -9 else None

    return {
        "days": grid,
        "q10": [level(d, 1.6) for d in grid],
        "q50": [level(d, 1.0) for d in grid],
        "q90": [level(d, 0.45) for d in grid],
        "limit": 1e-4,
    }


def row(
    trial: str, arm: str, endpoint: str, published: float | None, median: float | None, **more: Any
) -> dict[str, Any]:
    """One result row; a predicted interval of plus and minus 0.07 around the median."""
    base: dict[str, Any] = {
        "trial": trial,
        "arm": arm,
        "endpoint": endpoint,
        "months": None,
        "at": None,
        "where": None,
        "n_enrolled": 112,
        "published": published,
        "published_n": 112,
        "lo95": None if published is None else max(0.0, published - 0.06),
        "hi95": None if published is None else min(1.0, published + 0.05),
        "median": median,
        "lo90": None if median is None else max(0.0, median - 0.07),
        "hi90": None if median is None else min(1.0, median + 0.07),
        "expected": median,
        "draws": 200,
        "seed": 1,
        "posterior": "prior",
        "catalog": "0f3a",
        "role": "validate",
        "source": "somebody-2021",
        "place": "abstract",
        "covered90": None,
        "status": "reported",
        "note": None,
        "conflict": None,
    }
    base.update(more)
    if base["covered90"] is None and published is not None and median is not None:
        base["covered90"] = base["lo90"] <= published <= base["hi90"]
    return base


def rows() -> list[dict[str, Any]]:
    """Result rows of three invented trials."""
    a, b, c = "invented-alpha", "invented-beta", "invented-gamma"
    return [
        row(a, "enrolled", "CR", 0.81, 0.84, at="end-induction", n_enrolled=488, published_n=488),
        row(a, "enrolled", "induction death", None, 0.04, status="not reported", n_enrolled=488),
        row(a, "blinatumomab", "OS", 0.83, 0.80, months=36),
        row(a, "blinatumomab", "OS", 0.79, 0.77, months=60, where="age < 55"),
        row(a, "blinatumomab", "RFS", 0.80, 0.70, months=36, note="read from a curve", status="derived"),
        row(a, "blinatumomab", "NT3+", 0.02, 0.06),
        row(
            a,
            "chemotherapy",
            "OS",
            0.65,
            0.66,
            months=42,
            conflict="alpha-median",
            source="other-2022",
            place="Table 2",
        ),
        row(a, "chemotherapy", "RFS", 0.60, 0.62, months=36),
        row(
            b,
            "main",
            "CR",
            0.98,
            0.97,
            at="end-induction",
            n_enrolled=63,
            published_n=63,
            source="third-2020",
        ),
        row(
            b,
            "main",
            "CMR",
            0.60,
            0.41,
            at="post-blina-2",
            n_enrolled=63,
            published_n=55,
            source="third-2020",
        ),
        row(b, "main", "OS", 0.95, 0.93, months=18, n_enrolled=63, source="third-2020"),
        row(b, "main", "DFS", 0.88, 0.84, months=18, n_enrolled=63, source="third-2020"),
        row(
            b,
            "main",
            "DFS",
            1.0,
            0.97,
            months=18,
            where="mrd(post-blina-2) = negative",
            n_enrolled=63,
            lo95=None,
            hi95=None,
        ),
        row(b, "main", "HSCT", 0.38, None, n_enrolled=63, source="third-2020"),
        row(c, "main", "CR", 0.66, 0.61, at="any", n_enrolled=29, role="context", source="fourth-2022"),
        row(c, "main", "MRD-", 0.92, 0.80, at="cycle-1", n_enrolled=29, source="fourth-2022"),
        row(c, "main", "DFS", 0.37, 0.41, months=36, n_enrolled=29, source="fourth-2022"),
        row(c, "main", "OS", 0.37, 0.40, months=36, n_enrolled=29, source="fourth-2022"),
        row(c, "main", "CRS3+", 0.034, 0.03, n_enrolled=29, source="fourth-2022"),
    ]


def _trials() -> list[dict[str, Any]]:
    long, targeted, antibody = long_regimen(), targeted_regimen(), antibody_regimen()
    curves = {"OS": curve(60, 0.6), "RFS": curve(40, 0.55)}
    control = {"OS": curve(50, 0.35), "RFS": curve(30, 0.4)}
    return [
        {
            "id": "invented-alpha",
            "title": "Invented trial Alpha",
            "registry": "NCT00000000",
            "summary": "Invented: chemotherapy with or without blinatumomab in MRD-negative remission.",
            "arms": [
                {
                    "arm": "blinatumomab",
                    "regimen": long["id"],
                    "title": long["title"],
                    "timeline": long,
                    "curves": curves,
                    "mrd": burden(371, 0.9),
                },
                {
                    "arm": "chemotherapy",
                    "regimen": antibody["id"],
                    "title": antibody["title"],
                    "timeline": antibody,
                    "curves": control,
                    "mrd": burden(371, 0.7),
                },
            ],
            "conflicts": [
                {
                    "id": "alpha-median",
                    "about": "Which arm the median belongs to",
                    "readings": [
                        {"says": "71 months in the control arm", "source": "somebody-2021", "at": "abstract"},
                        {"says": "71 months overall", "source": "other-2022", "at": "Table 1"},
                    ],
                    "resolution": "control arm",
                    "reason": "the primary source says so",
                }
            ],
            "assumptions": [
                "Rest of 14 days between the first two blinatumomab cycles.",
                "Dose of intrathecal cytarabine 70 mg.",
            ],
        },
        {
            "id": "invented-beta",
            "title": "Invented trial Beta",
            "registry": None,
            "summary": "Invented for tests: no chemotherapy.",
            "arms": [
                {
                    "arm": "main",
                    "regimen": targeted["id"],
                    "title": targeted["title"],
                    "timeline": targeted,
                    "curves": {
                        "OS": curve(80, 0.7, 36, zero="start"),
                        "DFS": curve(70, 0.6, 36, zero="remission"),
                    },
                    "mrd": burden(211, 1.1),
                }
            ],
            "conflicts": [],
            "assumptions": [],
        },
        {
            "id": "invented-gamma",
            "title": "Invented trial Gamma",
            "registry": "NCT00000001",
            "summary": "Invented for tests: older patients.",
            "arms": [
                {
                    "arm": "main",
                    "regimen": targeted["id"],
                    "title": targeted["title"],
                    "timeline": targeted,
                    "curves": {
                        "OS": curve(20, 0.2, 48, 0.15, "start"),
                        "DFS": curve(25, 0.2, 48, 0.15, "remission"),
                    },
                    "mrd": None,
                }
            ],
            "conflicts": [],
            "assumptions": ["Four intrathecal doses before maintenance."],
        },
    ]


def review() -> dict[str, Any]:
    """A whole review of invented trials."""
    everything = rows()
    held = [item for item in everything if item["covered90"] is not None]
    by_trial: dict[str, dict[str, int]] = {}
    for item in held:
        counts = by_trial.setdefault(item["trial"], {"n": 0, "covered90": 0})
        counts["n"] += 1
        counts["covered90"] += int(item["covered90"])
    hits = sum(int(item["covered90"]) for item in held)
    sources = {
        key: {
            "title": f"Invented report by {key}",
            "authors": f"{key.split('-')[0].title()} A, et al.",
            "where": "Invented J 2021;1:1-9",
            "doi": "10.0000/invented",
            "published": "2021-05",
        }
        for key in ("somebody-2021", "other-2022", "third-2020", "fourth-2022", "uncited-2019")
    }
    error = sum(abs(item["published"] - item["median"]) for item in held) / len(held)
    return {
        "rows": everything,
        "summary": {
            "n": len(held),
            "covered90": hits,
            "coverage90": hits / len(held),
            "mean_absolute_error": error,
            "by_trial": by_trial,
        },
        "trials": _trials(),
        "sources": sources,
        "provenance": {
            "version": "0.1.0",
            "seed": 1,
            "draws": 200,
            "patients_per_draw": 1000,
            "posterior": "prior",
            "catalog_hash": "0f3a9c",
            "command": "remission review --out out --seed 1",
            "python": "3.11.7",
            "machine": "Linux x86_64",
            "started": "2026-11-22T18:00:00Z",
            "seconds": 41.2,
        },
    }
