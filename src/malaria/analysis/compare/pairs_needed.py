"""Estimate how many pairs more decide a figure, if the next pairs scatter as the ones before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, stdev
from typing import Final

from malaria.analysis.compare.signed_rank import estimate_centre, least_pairs

POWER: Final = 0.9
"""The chance with which the estimated number of pairs decides, if centre and scatter are as estimated."""
EFFICIENCY: Final = 3 / math.pi
"""Of the signed-rank test against the t test, for normal differences (Hollander & Wolfe, section 3.11)."""
MOST_PAIRS: Final = 500
"""More pairs than this are not worth naming."""


def pairs_more(differences: Sequence[float], border: float, level: float) -> int | None:
    """Return how many pairs more decide on which side of the nearer border the centre lies; at least 1.

    `level` is the largest p value that is a finding. Return None if more than `MOST_PAIRS` were needed: the difference
    is about the border itself, or the figure scatters too much.
    """
    least = least_pairs(level)
    if len(differences) < 2:
        return max(1, least - len(differences))
    centre = estimate_centre(differences, level).centre
    distance = abs(abs(centre) - border)
    needed = _needed(stdev(differences), distance, level)
    return None if needed > MOST_PAIRS else max(1, max(least, math.ceil(needed)) - len(differences))


def _needed(spread: float, distance: float, level: float) -> float:
    """Return the pairs that tell a centre at `distance` from its border, by the normal approximation."""
    if not distance:
        return math.inf
    normal = NormalDist()
    quantiles = normal.inv_cdf(1 - level) + normal.inv_cdf(POWER)
    return (quantiles * spread / distance) ** 2 / EFFICIENCY
