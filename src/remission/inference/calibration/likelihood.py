"""How likely the published results are, given what the model expects of each.

For one row the binomial likelihood is l = l_max - r**2 / 2, where r is the signed root of the deviance (Barndorff-Nielsen 1991,
Biometrika 78:557): standard normal to high order, whatever the size of the sample. Rows that share patients have errors that go
together; with R the correlation of these errors (see `sharing`) the likelihood of all rows is

    l_max - r' R**-1 r / 2 - ln det R / 2.

With R = 1 this is the product of binomial likelihoods, exactly. Two rows of the same patients count as one.

The expected logit of a row is the model's, moved by a discrepancy of its arm and one of its own:

    logit p = eta + sign * arm * tau * sqrt(shared) + own * sqrt(tau**2 * (1 - shared) + spread**2 + error**2)

with `arm` and `own` standard normal, and `error` that of the emulator (none for the simulator itself).
tau is the SD by which real arms differ from their model (parameter `arm_discrepancy`, its
prior half-normal). An arm that did better than its model does so in remission and in survival alike, hence the shared part; but an
approximated regimen errs in places too, hence each row's own. Half of the variance is taken for each: the published rows are
too few to tell (about five per arm).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from remission.base.random import Floats
from remission.inference.calibration.targets import Targets

SHARED = 0.5
"""Part of the discrepancy's variance that all rows of an arm share."""
NEAR = 0.05  # distance on the logit below which the deviance is taken from its series


class Data(NamedTuple):
    """What the likelihood reads, as arrays over rows: `yes` of `size` patients; `precision` = R**-1 (zero for rows left out);
    `sign`, `group` (index of the arm), `spread`. A tuple, so that JAX can take it apart."""

    yes: Any
    size: Any
    precision: Any
    sign: Any
    group: Any
    spread: Any


def data_of(targets: Targets, used: Any = None) -> Data:
    """The data of targets that were weighed; `used` (rows,) marks the rows that count."""
    if targets.correlation is None or targets.spread is None:
        raise ValueError("weigh the targets first")
    used = np.ones(len(targets), np.bool_) if used is None else np.asarray(used, np.bool_)
    names = targets.groups
    return Data(
        targets.yes,
        targets.size,
        precision_of(targets.correlation, used),
        np.array([row.sign for row in targets.rows], np.float64),
        np.array([names.index(row.group) for row in targets.rows]),
        targets.spread,
    )


def precision_of(correlation: Floats, used: Any) -> Floats:
    """Inverse of the correlation of the rows that are used, with zeros for the others."""
    found = np.zeros_like(correlation)
    index = np.flatnonzero(used)
    found[np.ix_(index, index)] = np.linalg.inv(correlation[np.ix_(index, index)])
    return found


def signed_root(eta: Any, yes: Any, size: Any, xp: Any = np) -> Any:
    """Signed root of the binomial deviance at logit `eta` of `yes` (need not be whole) among `size` patients."""
    edge = 1e-6
    share = xp.clip(yes / size, edge, 1 - edge)
    centre = xp.log(share) - xp.log1p(-share)
    d = eta - centre
    curve = size * share * (1 - share)
    near = xp.abs(d) < NEAR
    far = xp.where(near, 2 * NEAR, d)
    deviance = 2 * size * (xp.logaddexp(0.0, centre + far) - xp.logaddexp(0.0, centre) - share * far)
    root = xp.sqrt(xp.maximum(deviance, 1e-12))
    # d**2 (1 + a d / 3 + b d**2 / 12), with a and b the ratios of the third and fourth derivative to the second
    a, b = 1 - 2 * share, 1 - 6 * share * (1 - share)
    small = xp.where(near, d, 0.0)
    series = small * xp.sqrt(curve * (1 + a * small / 3 + b * small**2 / 12))
    return -xp.where(near, series, xp.sign(d) * root)


def log_likelihood(eta: Any, data: Data, xp: Any = np) -> Any:
    """Log-likelihood at logits eta (..., rows), up to the terms that no parameter moves (l_max and ln det R)."""
    r = signed_root(eta, data.yes, data.size, xp)
    return -0.5 * xp.sum(r * xp.matmul(r, data.precision), axis=-1)


def by_row(eta: Any, data: Data) -> Floats:
    """Binomial log-likelihood of each row alone, up to its maximum."""
    used = np.diag(data.precision) > 0
    return np.asarray(-0.5 * signed_root(eta, data.yes, data.size) ** 2 * used, np.float64)


def shift(tau: Any, arm: Any, own: Any, data: Data, error: Any = 0.0, xp: Any = np) -> Any:
    """Discrepancy of every row on the logit, (..., rows), from tau (...,) and standard normal arm (..., groups), own (..., rows)."""
    shared = SHARED**0.5 * tau[..., None] * arm[..., data.group] * data.sign
    return shared + own * xp.sqrt((1 - SHARED) * tau[..., None] ** 2 + data.spread**2 + error**2)
