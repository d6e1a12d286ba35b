"""The review's statements as executable experiments: catalog/claims.yaml, each claim with its result and verdict.

A part of a claim is supported when the probability that what it expects holds is at least 0.9, contradicted when it is at most
0.1; between them the model cannot tell. A claim is supported when every part is, contradicted when one part is, and otherwise cannot
be told. Where the model was told the answer (a parameter that holds the claimed effect), the experiment is run again with that
parameter at its neutral value, and the claim is marked assumed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import numpy as np
from pydantic import Field

from remission.base import catalog, files
from remission.base.errors import NotFound, UsageError, nearest
from remission.base.files import Model
from remission.decide.compare import summary
from remission.decide.experiments import Experiment, Laboratory, Outcome, probability
from remission.decide.provenance import plain, provenance
from remission.engine import Draws
from remission.protocol.model import Id, Source

SUPPORTED, CONTRADICTED, CANNOT_TELL = "supported", "contradicted", "cannot tell"
ENOUGH, TOO_LITTLE = 0.9, 0.1
FEWEST_DRAWS = 0.5  # a result read in fewer than this part of the draws cannot be told


class Told(Model):
    """A parameter that holds the claimed effect, its value without that effect, and why the model has it."""

    parameter: str
    neutral: float
    why: str


class Claim(Model):
    """One statement of the review in our words, where it stands, and the experiments that test it."""

    id: Id
    title: str
    statement: str
    source: Source
    assumed: tuple[Told, ...] = ()
    built_in: str | None = None
    note: str | None = None
    parts: tuple[Experiment, ...] = Field(min_length=1, max_length=12)


class _File(Model):
    claims: tuple[Claim, ...]


@lru_cache(maxsize=1)
def load_claims() -> tuple[Claim, ...]:
    """Every claim of the catalog, in the order of the file. Raises InvalidFile with file and line."""
    document = files.read(catalog.root() / "claims.yaml")
    return tuple(files.parse(document, Claim, ("claims", index)) for index in range(len(document.data["claims"])))


def claim(identifier: str) -> Claim:
    """One claim. Raises NotFound with the nearest id."""
    known = {item.id: item for item in load_claims()}
    if identifier not in known:
        raise NotFound(f"unknown claim '{identifier[:60]}'", where="catalog/claims.yaml", why="no claim has this id",
                       near=nearest(identifier, known), fix="list the ids with: remission claims --list")
    return known[identifier]


def verdict_of(chance: float) -> str:
    """The verdict on one part by the probability that its expectation holds."""
    if np.isnan(chance):
        return CANNOT_TELL
    return SUPPORTED if chance >= ENOUGH else CONTRADICTED if chance <= TOO_LITTLE else CANNOT_TELL


def together(verdicts: Sequence[str]) -> str:
    """The verdict on a claim from those on its parts."""
    if CONTRADICTED in verdicts:
        return CONTRADICTED
    return SUPPORTED if all(verdict == SUPPORTED for verdict in verdicts) else CANNOT_TELL


def run_claims(items: Sequence[Claim], p: Draws, patients: int, seed: int,
                progress: Callable[[str, float], None] = lambda what, share: None) -> dict[str, Any]:
    """Run every experiment of the claims. Returns plain data: `claims` with parts, verdicts and reasons, `summary`, `rule`,
    `provenance`."""
    began = time.perf_counter()
    laboratory = Laboratory(p, patients, seed)
    rows = []
    for number, item in enumerate(items):
        progress(item.id, number / len(items))
        rows.append(_test(item, laboratory))
    counts = {verdict: sum(row["verdict"] == verdict for row in rows) for verdict in (SUPPORTED, CONTRADICTED, CANNOT_TELL)}
    return {"claims": plain(rows), "summary": {"n": len(rows), **counts, "assumed": sum(row["assumed"] for row in rows)},
            "rule": {"supported": f"probability of at least {ENOUGH:g} in every part",
                     "contradicted": f"probability of at most {TOO_LITTLE:g} in a part", "cannot tell": "anything else"},
            "draws": len(p), "patients": patients, "seed": seed, "posterior": p.name,
            "provenance": provenance(p, patients, seed, began)}


def _test(item: Claim, laboratory: Laboratory) -> dict[str, Any]:
    outcomes = [laboratory.outcome(part) for part in item.parts]
    parts = [_part(part, outcome, len(laboratory.p)) for part, outcome in zip(item.parts, outcomes, strict=True)]
    told = _without(item, laboratory, parts) if item.assumed else []
    verdict = together([part["verdict"] for part in parts])
    assumed = bool(item.built_in) or any(entry["decides"] for entry in told)
    return {"id": item.id, "title": item.title, "statement": " ".join(item.statement.split()), "source": item.source.ref,
            "at": item.source.at, "verdict": verdict, "assumed": assumed, "reason": _reason(item, verdict, told),
            "note": item.note, "parts": parts, "told": told}


def _part(part: Experiment, outcome: Outcome, draws: int) -> dict[str, Any]:
    read = outcome.draws >= FEWEST_DRAWS * draws
    chance = probability(part, outcome.found) if outcome.draws else float("nan")
    return {"title": part.title, "experiment": part.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"title"}),
            "expect": part.expect, "margin": part.margin, "draws": outcome.draws,
            "result": summary(outcome.found) if outcome.draws else None,
            "sides": [{"name": side, **asdict(value.interval)} for side, value in outcome.sides],
            "probability": None if np.isnan(chance) else chance, "verdict": verdict_of(chance) if read else CANNOT_TELL}


def _without(item: Claim, laboratory: Laboratory, parts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The experiments again with every told parameter at its neutral value: does the verdict rest on being told?"""
    missing = [told.parameter for told in item.assumed if told.parameter not in laboratory.p.names]
    if missing:
        raise UsageError(f"unknown parameter '{missing[0]}'", where=f"catalog/claims.yaml, {item.id}",
                         why="parameters are listed in catalog/parameters.yaml", near=nearest(missing[0], laboratory.p.names),
                         fix="correct the name")
    without = laboratory.p.change(**{told.parameter: told.neutral for told in item.assumed})
    neutral = Laboratory(without, laboratory.patients, laboratory.seed)
    again = [_part(part, neutral.outcome(part), len(neutral.p)) for part in item.parts]
    decides = any(before["verdict"] != after["verdict"] for before, after in zip(parts, again, strict=True))
    return [{"parameters": [{"parameter": told.parameter, "neutral": told.neutral, "why": told.why} for told in item.assumed],
             "decides": decides, "verdict": together([part["verdict"] for part in again]),
             "parts": [{key: part[key] for key in ("title", "result", "probability", "verdict")} for part in again]}]


def _reason(item: Claim, verdict: str, told: Sequence[dict[str, Any]]) -> str:
    """Why the verdict is what it is, where the model was told rather than asked."""
    if item.built_in:
        return f"The model was told: {' '.join(item.built_in.split())}"
    if not told:
        return ""
    names = ", ".join(entry.parameter for entry in item.assumed)
    other = told[0]["verdict"]
    if told[0]["decides"] and other != verdict:
        return f"The model was told ({names}): without it the verdict would be '{other}'."
    if told[0]["decides"]:
        return f"The model was told ({names}): without it some of the parts come out otherwise."
    return f"The model holds the effect as a parameter ({names}), but every part comes out the same without it."
