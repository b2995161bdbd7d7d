"""Estimate and test the centre of paired differences by their signed ranks, exactly.

The estimate is the median of all means of two differences (Hodges & Lehmann 1963, Annals of Mathematical Statistics
34, 598-611). Its bounds and the p values come from the exact distribution of Wilcoxon's signed-rank statistic
(Hollander & Wolfe, Nonparametric Statistical Methods, section 3.1 and 3.3). They assume independent pairs whose
differences are symmetric about their centre, which is so when the order within the pairs alternates; they do not
assume a normal distribution, so that a single outlier moves them little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from malaria.schedule.arrays import Floats, Ints


@dataclass(frozen=True, slots=True)
class CentreEstimate:
    """The centre of the differences, and the bounds that it lies between with the probability `coverage`."""

    centre: float
    low: float
    high: float
    coverage: float


def estimate_centre(differences: Sequence[float], tail: float) -> CentreEstimate:
    """Return the Hodges-Lehmann estimate with exact bounds, each of which is wrong with at most the chance `tail`.

    With too few differences for that, the bounds are infinite. Raises ValueError without a difference.
    """
    if not differences:
        raise ValueError("there is no difference to estimate from")
    averages = np.sort(_walsh_averages(differences))
    cut = _cut(len(differences), tail)
    centre = float(np.median(averages))
    if cut < 0:
        return CentreEstimate(centre, -np.inf, np.inf, 1.0)
    chance = _chances(tuple(range(2, 2 * len(differences) + 1, 2)))[: 2 * cut + 1].sum()
    return CentreEstimate(centre, float(averages[cut]), float(averages[-1 - cut]), 1 - 2 * float(chance))


def p_above(differences: Sequence[float], border: float) -> float:
    """Return the chance of differences as large as these, or larger, if their centre were at `border` or below.

    A difference exactly at the border counts as one below. Equal distances share the mean of their ranks.
    """
    if not differences:
        return 1.0
    distances = np.asarray(differences, np.float64) - border
    ranks = _doubled_ranks(np.abs(distances))
    chances = _chances(tuple(sorted(ranks.tolist())))
    return float(min(1.0, chances[int(ranks[distances > 0].sum()) :].sum()))


def p_below(differences: Sequence[float], border: float) -> float:
    """Return the chance of differences as small as these, or smaller, if their centre were at `border` or above."""
    return p_above([-difference for difference in differences], -border)


def least_pairs(level: float) -> int:
    """Return the number of pairs from which on a p value can be as small as `level`."""
    pairs = 1
    while 0.5**pairs > level:
        pairs += 1
    return pairs


def _walsh_averages(differences: Sequence[float]) -> Floats:
    """Return the means of all pairs of differences, each with itself too."""
    values = np.asarray(differences, np.float64)
    first, second = np.triu_indices(len(values))
    averages: Floats = (values[first] + values[second]) / 2
    return averages


def _cut(count: int, tail: float) -> int:
    """Return how many of the smallest averages lie below the lower bound; -1 if no bound is that certain."""
    cumulated = np.cumsum(_chances(tuple(range(2, 2 * count + 1, 2)))[::2])
    # the bound is the average after the last rank sum that is rare enough
    return int(np.searchsorted(cumulated, tail, side="right")) - 1


def _doubled_ranks(distances: Floats) -> Ints:
    """Return twice the rank of each distance, so that the mean rank of equal ones is whole."""
    in_order = np.sort(distances)
    # first and last rank among equal ones, from 0
    doubled: Ints = in_order.searchsorted(distances, "left") + in_order.searchsorted(distances, "right") + 1
    return doubled


@cache
def _chances(doubled_ranks: tuple[int, ...]) -> Floats:
    """Return the chance of each sum of doubled ranks, when every rank is counted or not with the chance of a half."""
    chances = np.zeros(sum(doubled_ranks) + 1)
    chances[0] = 1.0
    reach = 0
    for rank in doubled_ranks:
        # one rank more: each sum stays as it is, or grows by the rank
        grown = np.zeros_like(chances)
        grown[rank : reach + rank + 1] = chances[: reach + 1]
        chances = (chances + grown) / 2
        reach += rank
    return chances
