"""Tell whether a series grows: its slope, with an uncertainty that does not assume independent points.

The slope is the median of the slopes between all pairs of points (Theil 1950; Sen, "Estimates of the Regression
Coefficient Based on Kendall's Tau", JASA 63, 1968): an outlier does not move it.

Its uncertainty is that of a random walk with drift. A queue near its capacity is one, and against it the usual error of
a line is far too small (Nelson & Kang, "Pitfalls in the Use of Time as an Explanatory Variable in Regression", 1984).
What happens between neighbours, not how they scatter about the line, is taken as the noise; where neighbouring steps go
along with each other, it is corrected with their autocorrelation (Newey & West, Econometrica 55, 1987), never to the
smaller side. For independent noise that is wider than it need be: it errs to "not growing". A single jump, however
high, is no trend.

Promises: of series that do not grow, from independent noise to a random walk, at most 1 in 100 is said to grow, and 1
in 100 to fall. Waves longer than what was seen look like a trend, and are called one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from malaria.schedule.arrays import Floats

LEAST_POINTS: Final = 8
MOST_BLOCKS: Final = 40
"""More points than this are averaged in blocks, at least half as many: what is quicker than a block is noise."""
NORMAL_QUANTILE: Final = 2.8
"""0.26 % lie above it: less than is promised, because the noise is only estimated."""
WALK_FACTOR: Final = 1.2
"""The variance of a line's slope through a random walk, over that of its drift: 6/5 (Nelson & Kang 1984)."""

type TrendPoint = tuple[float, float]
"""(seconds, value)"""


@dataclass(frozen=True, slots=True)
class Trend:
    """A slope per second and the interval that it lies in; `span_s` is from the first point to the last."""

    per_s: float
    low_per_s: float
    high_per_s: float
    points: int
    span_s: float

    @property
    def rises(self) -> bool:
        return self.low_per_s > 0

    @property
    def falls(self) -> bool:
        return self.high_per_s < 0


def trend(points: Sequence[TrendPoint]) -> Trend | None:
    """Return the trend of points in order of time; None when there are too few of them."""
    if len(points) < LEAST_POINTS or points[-1][0] <= points[0][0]:
        return None
    times_s, values = _blocks(np.asarray(points, dtype=np.float64))
    slope = _median_slope(times_s, values)
    margin = _student(len(times_s) - 1) * _error_of_drift(times_s, values, slope)
    return Trend(slope, slope - margin, slope + margin, len(points), points[-1][0] - points[0][0])


def _blocks(points: Floats) -> tuple[Floats, Floats]:
    """Return means of as many points each as leaves few enough."""
    size = max(1, len(points) // (MOST_BLOCKS // 2))
    whole = len(points) // size * size
    means = points[len(points) - whole :].reshape(-1, size, 2).mean(axis=1)
    return means[:, 0], means[:, 1]


def _median_slope(times_s: Floats, values: Floats) -> float:
    first, second = np.triu_indices(len(times_s), k=1)
    runs = times_s[second] - times_s[first]
    rises = (values[second] - values[first])[runs > 0]
    return float(np.median(rises / runs[runs > 0]))


def _error_of_drift(times_s: Floats, values: Floats, slope: float) -> float:
    """Return the standard error of the slope, from the steps between neighbours."""
    runs = np.maximum(np.diff(times_s), 1e-9)
    steps = (np.diff(values) - slope * runs) / np.sqrt(runs)
    variance = float(np.mean(steps**2))
    lags = max(1, round(4 * (len(steps) / 100) ** (2 / 9)))  # Newey & West's rule of thumb
    along = sum(
        2 * (1 - lag / (lags + 1)) * float(np.sum(steps[lag:] * steps[:-lag])) / len(steps)
        for lag in range(1, lags + 1)
    )
    return math.sqrt(WALK_FACTOR * max(variance, variance + along) / (times_s[-1] - times_s[0]))


def _student(freedom: int) -> float:
    """Return the quantile of Student's distribution for NORMAL_QUANTILE (Cornish and Fisher's expansion)."""
    z = NORMAL_QUANTILE
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
