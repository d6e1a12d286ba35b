"""What the rows of one arm share: patients, hence chance.

Results of the same patients (remission after one course and after two, event-free and overall survival, relapse and
disease-free survival) carry less than so many independent results. How much less is read from the simulator: many small
virtual trials at the centre of the priors show how the sampling errors of any two rows go together. Sets that hold other sets
(catalog/overlaps.yaml: a pooled report and its parts) share the fraction of patients that they have in common.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from remission.base.random import Floats
from remission.engine import Draws, prior_centre
from remission.evidence.pool_rows import overlaps, share_patients
from remission.inference.calibration.simulator import Progress, readings
from remission.inference.calibration.space import numbers_of
from remission.inference.calibration.targets import Target, Targets

TRIALS, PATIENTS = 600, 100
"""Virtual trials, and patients in each; a correlation is then known to 0.04."""
STAGE = 9
NOTICED = 4.0  # standard errors by which the spread between repetitions must exceed chance to be taken for real
MOST_CORRELATED = 0.95
SMALLEST = 3.0  # patients analysed on average below which a virtual trial is too small to read


def weigh(
    targets: Targets,
    seed: int,
    trials: int = TRIALS,
    patients: int = PATIENTS,
    progress: Progress | None = None,
    threads: int | None = None,
) -> Targets:
    """The targets with the patients behind every row, the correlation of their sampling errors, and the spread between studies."""
    centre = prior_centre()
    repeated = Draws("centre", numbers_of(STAGE, trials), centre.names, np.repeat(centre.values, trials, axis=0))
    seen = readings(targets, repeated, patients, seed, progress, threads)
    share = np.where(seen.patients > 0, seen.share, np.nan)
    of_arm = seen.patients.sum(axis=0) / np.maximum(seen.enrolled.sum(axis=0), 1.0)
    rows = tuple(
        row if row.n is not None else replace(row, n=max(1.0, round(row.enrolled * float(part))))
        for row, part in zip(targets.rows, of_arm, strict=True)
    )
    sized = replace(targets, rows=rows)
    thinned = np.sqrt(np.clip(sized.size / (np.array([r.enrolled for r in rows]) * np.maximum(of_arm, 1e-3)), 0, 1))
    correlation = correlate(share) * in_common(rows) * np.outer(thinned, thinned)
    np.fill_diagonal(correlation, 1.0)
    return replace(sized, correlation=proper(correlation), spread=spread_beyond_chance(share, seen.patients))


def correlate(share: Floats) -> Floats:
    """Correlation between columns over virtual trials, leaving out those in which a column has nobody."""
    columns = share.shape[1]
    centred = share - np.nanmean(share, axis=0)
    known = np.isfinite(centred)
    filled = np.where(known, centred, 0.0)
    both = known.T.astype(np.float64) @ known
    covariance = filled.T @ filled / np.maximum(both, 1.0)
    sd = np.sqrt(np.maximum(np.diag(covariance), 1e-12))
    found = covariance / np.outer(sd, sd)
    noise = 2.0 / np.sqrt(np.maximum(both, 1.0))
    found = np.where(np.abs(found) < noise, 0.0, found)
    found[np.arange(columns), np.arange(columns)] = 1.0
    return np.asarray(np.clip(found, -1.0, 1.0), np.float64)


def in_common(rows: tuple[Target, ...]) -> Floats:
    """Factor on a correlation for patients in common: 1 in one arm, 0 for other patients, and between a set and one that holds
    it the root of the ratio of their sizes."""
    table = np.zeros((len(rows), len(rows)))
    known = overlaps()
    for i, one in enumerate(rows):
        for j, other in enumerate(rows):
            a, b = f"{one.trial}/{one.arm}", f"{other.trial}/{other.arm}"
            if a == b:
                table[i, j] = 1.0
            elif share_patients(a, b, known):
                table[i, j] = np.sqrt(min(one.enrolled, other.enrolled) / max(one.enrolled, other.enrolled))
    return table


def proper(correlation: Floats) -> Floats:
    """The nearest usable correlation matrix: no negative eigenvalue, no two rows that repeat each other entirely."""
    values, vectors = np.linalg.eigh((correlation + correlation.T) / 2)
    found = (vectors * np.maximum(values, 1e-6)) @ vectors.T
    sd = np.sqrt(np.diag(found))
    found = MOST_CORRELATED * found / np.outer(sd, sd)
    np.fill_diagonal(found, 1.0)
    return np.asarray(found, np.float64)


def spread_beyond_chance(share: Floats, patients: Floats) -> Floats:
    """SD on the logit between virtual trials at the same parameters, beyond binomial chance; 0 where none is noticed."""
    p = np.clip(np.nanmean(share, axis=0), 1e-4, 1 - 1e-4)
    known = np.isfinite(share).sum(axis=0)
    observed = np.nanvar(share, axis=0, ddof=1)
    size = np.maximum(np.where(patients > 0, patients, np.nan), 1.0)
    chance = p * (1 - p) * np.nanmean(1.0 / size, axis=0)
    excess = observed - chance
    doubt = chance * np.sqrt(2.0 / np.maximum(known, 2))
    usable = (excess > NOTICED * doubt) & (np.nanmean(size, axis=0) >= SMALLEST)
    return np.where(usable, np.sqrt(np.maximum(excess, 0.0)) / (p * (1 - p)), 0.0)
