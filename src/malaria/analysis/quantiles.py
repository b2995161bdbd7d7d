"""Percentiles in the presence of messages that never finished.

A message without an acknowledgement has no `ack` latency, but its wait until the end is a lower bound of one. A
percentile is *known* when no such message could move it: every lower bound lies above it. Otherwise the percentile of
both together is itself only a lower bound.
"""

from __future__ import annotations

from dataclasses import dataclass

from malaria.analysis.windows import histogram_of
from malaria.histogram import Histogram
from malaria.records import Metric, Sample


@dataclass(frozen=True, slots=True)
class Quantile:
    """A percentile in nanoseconds; `known` False: the truth is this or more."""

    ns: int
    known: bool


class Latency:
    """The distribution of one metric, with what did not finish."""

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
        """Whether every message finished, so that mean and maximum are known."""
        return self._unfinished is None

    def quantile(self, q: float) -> Quantile | None:
        """None when there is no value at all."""
        value = self._all.quantile_ns(q)
        if value is None:
            return None
        lowest_bound = None if self._unfinished is None else self._unfinished.min_ns
        return Quantile(value, known=lowest_bound is None or lowest_bound >= value)


def latency_of(samples: list[Sample], metric: Metric) -> Latency:
    """The distribution of a metric over samples. Only `ack` can be unfinished."""
    unfinished = histogram_of(samples, Metric.UNFINISHED) if metric is Metric.ACK else None
    return Latency(histogram_of(samples, metric), unfinished)
