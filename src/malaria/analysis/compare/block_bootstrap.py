"""Estimate how much the figures of one run vary within it, by drawing its seconds again in blocks.

Seconds that follow each other resemble each other, so blocks of neighbours are drawn and not single seconds (the
moving-block bootstrap: Kuensch 1989, Annals of Statistics 17, 1217-1241). A percentile is taken anew from the merged
histograms of the drawn seconds. The seed is fixed: the same run gives the same bounds.

The bounds are those of *this* run: they leave out what differs from run to run, such as the start of the broker, the
order of the connects, and other programs on the host. For a run of a minute or less they are a little too narrow: they
hold five in six, not nine in ten.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from malaria.records.histogram import CountedValues, Histogram
from malaria.schedule.arrays import Floats, Ints

DRAWS: Final = 400
SEED: Final = 1989
LEAST_SECONDS: Final = 10
MOST_SECONDS: Final = 600
"""Of a longer run several seconds are taken as one."""
TAIL: Final = 0.05
"""The part of the draws outside each bound."""


@dataclass(frozen=True, slots=True)
class WithinRun:
    """The bounds of a ratio, from the seconds of the two runs alone."""

    low: float
    high: float


def ratio_bounds(of_a: Floats, of_b: Floats) -> WithinRun | None:
    """Return the bounds of B over A from draws of both; None where A is 0 in a draw."""
    if not len(of_a) or not len(of_b) or not np.all(of_a > 0):
        return None
    low, high = np.quantile(of_b / of_a, [TAIL, 1 - TAIL])
    return WithinRun(float(low), float(high))


def drawn_means(values: Sequence[float], seed: int = SEED) -> Floats:
    """Return the mean of each draw of a figure that every second has; nothing for too few seconds."""
    series = np.asarray(values, np.float64)
    if len(series) < LEAST_SECONDS:
        return np.empty(0)
    return _drawn_counts(series, seed) @ series / len(series)


def drawn_quantiles(seconds: Sequence[CountedValues], quantiles: Sequence[float], seed: int = SEED) -> list[Floats]:
    """Return for each quantile its value in nanoseconds in every draw; nothing for too few seconds or values."""
    grouped = _grouped(seconds)
    if len(grouped) < LEAST_SECONDS or all(second.is_empty for second in grouped):
        return [np.empty(0) for _ in quantiles]
    edges_ns, counts = _table(grouped)
    means = np.array([second.mean_ns or 0.0 for second in grouped])
    cumulated = np.cumsum(_drawn_counts(means, seed) @ counts, axis=1)
    totals = cumulated[:, -1:]
    # the first bucket in which the wanted part of the values is reached
    places = [np.argmax(cumulated >= np.ceil(q * totals), axis=1) for q in quantiles]
    return [edges_ns[place].astype(np.float64) for place in places]


def block_length(series: Floats) -> int:
    """Return how many seconds are drawn together: the third root of their number, or twice as far as they resemble.

    They resemble each other up to the lag at which their correlation is lost in its noise.
    """
    count = len(series)
    centred = series - series.mean()
    variance = float(centred @ centred)
    longest = max(1, count // 4)
    alike = 0
    if variance > 0:
        noise = 2 / math.sqrt(count)
        shares = (float(centred[lag:] @ centred[:-lag]) / variance for lag in range(1, longest + 1))
        alike = next((lag for lag, share in enumerate(shares) if share < noise), longest)
    return min(longest, max(round(math.cbrt(count)), 2 * alike))


def _drawn_counts(series: Floats, seed: int) -> Floats:
    """Return how often each second is in each draw, of which every one has as many seconds as the run."""
    count, length = len(series), block_length(series)
    rng = np.random.default_rng(seed)
    starts = rng.integers(0, count - length + 1, (DRAWS, math.ceil(count / length)))
    drawn = (starts[:, :, None] + np.arange(length)).reshape(DRAWS, -1)[:, :count]
    counts = np.zeros((DRAWS, count))
    np.add.at(counts, (np.arange(DRAWS)[:, None], drawn), 1)
    return counts


def _grouped(seconds: Sequence[CountedValues]) -> list[CountedValues]:
    """Return the seconds, or of a long run the histograms of several seconds each."""
    step = math.ceil(len(seconds) / MOST_SECONDS)
    if step <= 1:
        return list(seconds)
    groups: list[CountedValues] = []
    # the last seconds that fill no group would weigh as much as a whole one
    for start in range(0, len(seconds) - step + 1, step):
        merged = Histogram()
        for second in seconds[start : start + step]:
            merged.merge(second)
        groups.append(merged)
    return groups


def _table(seconds: Sequence[CountedValues]) -> tuple[Ints, Floats]:
    """Return the edges of all buckets that any second has, and the counts of each second in them."""
    buckets = [second.buckets() for second in seconds]
    edges_ns: Ints = np.unique(np.concatenate([edges for edges, _ in buckets]))
    counts = np.zeros((len(seconds), len(edges_ns)))
    for row, (edges, values) in enumerate(buckets):
        counts[row, np.searchsorted(edges_ns, edges)] = values
    return edges_ns, counts
