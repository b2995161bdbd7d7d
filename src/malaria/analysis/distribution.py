"""The shape of a latency: quantiles for the plot by percentile, and a bar of a few characters for the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from malaria.analysis.quantiles import latency_of
from malaria.clock import NS_PER_MS
from malaria.records.histogram import Histogram
from malaria.records.rows import Metric
from malaria.records.run import Run

PERCENTILES: Final = (0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9995, 0.9999, 0.99995, 0.99999)
BARS: Final = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class PercentilePoint:
    """One point of the plot. `known` is False when the truth is this or more (messages that never finished)."""

    quantile: float
    ms: float
    known: bool


def distribution(run: Run, metric: Metric) -> list[PercentilePoint]:
    """Return quantiles of the whole run, up to the last one that the number of values supports."""
    latency = latency_of(run, metric)
    points: list[PercentilePoint] = []
    for q in PERCENTILES:
        value = latency.quantile(q)
        if value is None:
            break
        points.append(PercentilePoint(q, value.ns / NS_PER_MS, value.known))
    return points


def bar(run: Run, metric: Metric, width: int = 8) -> str:
    """Return how the values spread between the smallest and the largest, over `width` classes of equal ratio."""
    return bar_of(latency_of(run, metric).finished, width)


def bar_of(histogram: Histogram, width: int = 8) -> str:
    """Return the same as `bar` for one histogram; empty when it is empty."""
    if histogram.is_empty:
        return ""
    edges, counts = histogram.buckets()
    places = np.log(np.maximum(edges, 1))
    low, high = float(places[0]), float(places[-1])
    if high <= low:
        return BARS[-1]
    classes = np.minimum(((places - low) / (high - low) * width).astype(int), width - 1)
    heights = np.bincount(classes, weights=counts, minlength=width)
    levels = np.ceil(heights / heights.max() * (len(BARS) - 1)).astype(int)
    return "".join(BARS[level] for level in levels)
