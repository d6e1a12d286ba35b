"""Confidence intervals of a proportion, to hold published ones against their stated method."""

from __future__ import annotations

import math

Z95 = 1.959963984540054


def exact(events: int, n: int) -> tuple[float, float]:
    """Clopper-Pearson 95 % interval of a proportion.

    >>> [round(x, 3) for x in exact(19, 29)]
    [0.457, 0.821]
    """
    from scipy.stats import beta

    low = 0.0 if events == 0 else float(beta.ppf(0.025, events, n - events + 1))
    high = 1.0 if events == n else float(beta.ppf(0.975, events + 1, n - events))
    return low, high


def wilson(events: int, n: int) -> tuple[float, float]:
    """Wilson's score 95 % interval of a proportion."""
    p, z2 = events / n, Z95**2
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def wald(events: int, n: int) -> tuple[float, float]:
    """Normal-approximation 95 % interval of a proportion."""
    p = events / n
    half = Z95 * math.sqrt(p * (1 - p) / n)
    return max(0.0, p - half), min(1.0, p + half)


PROPORTION_METHODS = {"exact": exact, "wilson": wilson, "wald": wald}
