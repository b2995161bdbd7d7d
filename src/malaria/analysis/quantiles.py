"""Percentiles in the presence of messages that never finished.

A message without an acknowledgement has no `ack` latency, but its wait until the end is a lower bound of one. A
percentile is *known* when it is the same whether such messages count with their lower bounds or with infinity.
Otherwise the percentile with the lower bounds is itself only a lower bound. Of too few messages there is no percentile.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from malaria.analysis.losses import samples_before_loss
from malaria.records.histogram import Histogram, exact
from malaria.records.rows import Metric
from malaria.records.run import Run
from malaria.records.sample_histograms import merged_histogram

QUANTILES: Final = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99_9": 0.999, "max": 1.0}
"""The statistics of a latency that are quantiles, by their names in `summary.json`."""


@dataclass(frozen=True, slots=True)
class Quantile:
    """A percentile in nanoseconds. `known` is False when the truth is this or more."""

    ns: int
    known: bool


class Latency:
    """The distribution of one metric, with the messages that did not finish."""

    def __init__(self, finished: Histogram, unfinished: Histogram | None = None) -> None:
        self.finished = finished
        self._unfinished = unfinished if unfinished is not None and not unfinished.is_empty else None
        self._all = finished
        if self._unfinished is not None:
            self._all = Histogram()
            self._all.merge(finished)
            self._all.merge(self._unfinished)

    @property
    def count(self) -> int:
        return self.finished.count

    @property
    def complete(self) -> bool:
        """Return True when every message finished, so that mean and maximum are known."""
        return self._unfinished is None

    def quantile(self, q: float) -> Quantile | None:
        """Return a percentile; None when there are too few messages for it, finished or not."""
        value = self._all.percentile_ns(q)
        if value is None:
            return None
        rank = max(1, math.ceil(exact(q) * self._all.count))  # as the histogram has it
        known = self.complete or _at_rank(self.finished, rank) == _at_rank(self._all, rank)
        return Quantile(value, known)


def _at_rank(histogram: Histogram, rank: int) -> float:
    """Return the bucket (its upper edge) of the value of this rank, counted from 1; infinite beyond the last."""
    edges_ns, counts = histogram.buckets()
    place = int(np.searchsorted(np.cumsum(counts), rank))
    return float(edges_ns[place]) if place < len(edges_ns) else math.inf


def latency_of(run: Run, metric: Metric) -> Latency:
    """Return the distribution of a metric over a run. Only `ack` can be unfinished. Raises RunError for damage.

    That of `end_to_end` ends with the loss of a bee, whose messages may arrive long after they were due.
    """
    if metric is Metric.END_TO_END and run.meta.lost_workers:
        return Latency(run.once(_end_to_end_before_loss))
    return Latency(run.histogram(metric), run.histogram(Metric.UNFINISHED) if metric is Metric.ACK else None)


def _end_to_end_before_loss(run: Run) -> Histogram:
    if run.damage.hits("sample", "histogram"):
        return Histogram()
    return merged_histogram(samples_before_loss(run), Metric.END_TO_END)
