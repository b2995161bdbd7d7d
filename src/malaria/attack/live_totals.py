"""The running totals behind the live view: samples of several workers as they come in, added up by second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from malaria.analysis.windows import merge_samples
from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.records.histogram import Histogram
from malaria.records.rows import BeeStanding, Counter, Gauge, Metric, Progress, Sample

HALF_S_NS: Final = NS_PER_S // 2
"""A shorter period was cut off by a phase, so its rate is not that of a second."""
SHOWN: Final = (Metric.ACK, Metric.END_TO_END, Metric.CONNECT, Metric.OWN_LAG)
"""The metrics that a live view has room for; the others are unpacked when the run is summarized."""


@dataclass(slots=True)
class _OpenSecond:
    """One second of all workers, as far as they have reported it."""

    missing: set[str]
    samples: list[Sample] = field(default_factory=list)
    histograms: dict[str, Histogram] = field(default_factory=dict)


class LiveTotals:
    """Counters and histograms since the start, and the last second that all workers have reported."""

    def __init__(self, workers: Sequence[str]) -> None:
        self.counters: dict[str, int] = {}
        self._present = set(workers)
        self._bees: dict[str, list[str]] = {}
        for worker in workers:
            bee, slash, _ = worker.partition("/")
            if slash:
                self._bees.setdefault(bee, []).append(worker)
        self._last: dict[str, Sample] = {}  # the last whole second of each worker of a bee
        self._histograms: dict[str, Histogram] = {}
        self._gauges: dict[str, Mapping[str, int]] = {}
        self._open: dict[int, _OpenSecond] = {}
        self._second: Sample | None = None  # without its histograms
        self._second_histograms: dict[str, Histogram] = {}

    def add(self, sample: Sample) -> None:
        """Add one worker's sample."""
        for name, value in sample.counters.items():
            self.counters[name] = self.counters.get(name, 0) + value
        if sample.worker in self._present:
            self._gauges[sample.worker] = sample.gauges
        if self._bees and sample.end_ns - sample.start_ns >= HALF_S_NS:
            self._last[sample.worker] = sample
        number = round(sample.end_ns / NS_PER_S)
        second = self._open.get(number) or self._open.setdefault(number, _OpenSecond(set(self._present)))
        second.missing.discard(sample.worker)
        second.samples.append(replace(sample, histograms={}))
        for metric in SHOWN:
            if packed := sample.histograms.get(metric):
                histogram = Histogram.from_bytes(packed)  # by far the slowest step, so once for both sums
                self._histograms.setdefault(metric, Histogram()).merge(histogram)
                second.histograms.setdefault(metric, Histogram()).merge(histogram)
        if not second.missing:
            self._second, self._second_histograms = _sum(second.samples), second.histograms
            self._open = {later: rest for later, rest in self._open.items() if later > number}

    def lose(self, worker: str) -> None:
        """Stop waiting for a worker that is lost, and leave out its clients."""
        self._present.discard(worker)
        for second in self._open.values():
            second.missing.discard(worker)
        self._gauges.pop(worker, None)

    def progress(self, frame: Progress) -> Progress:
        """Return the frame with the figures filled in."""
        return replace(
            frame,
            totals=dict(self.counters),
            gauges=self._merged_gauges(),
            second=self._second,
            latency_ms={name: _figures(h) for name, h in self._histograms.items()},
            second_latency_ms={name: _figures(h) for name, h in self._second_histograms.items()},
            bees=tuple(self._standing(bee, workers) for bee, workers in self._bees.items()),
        )

    def _standing(self, bee: str, workers: Sequence[str]) -> BeeStanding:
        last = [self._last[worker] for worker in workers if worker in self._last and worker in self._present]
        ready = sum(self._gauges.get(worker, {}).get(Gauge.CLIENTS_READY, 0) for worker in workers)
        return BeeStanding(
            bee,
            ready,
            _per_s(last, Counter.SENT),
            _per_s(last, Counter.ACKED),
            max((sample.gauges.get(Gauge.LAG_MAX_NS, 0) for sample in last), default=None),
            lost=not self._present.intersection(workers),
        )

    def _merged_gauges(self) -> dict[str, int]:
        merged: dict[str, int] = {}
        for gauges in self._gauges.values():
            for name, value in gauges.items():
                merged[name] = max(merged.get(name, 0), value) if "_max_" in name else merged.get(name, 0) + value
        return merged


def _sum(samples: Sequence[Sample]) -> Sample:
    """Add the same second of all workers to one sample, as long as the second of one worker.

    Their seconds begin and end some milliseconds apart. The time from the first begin to the last end is longer than
    what any worker counted, so a rate over it would be too low.
    """
    merged = merge_samples(samples)
    spans_ns = sum(one.end_ns - one.start_ns for one in samples)
    return replace(merged, start_ns=merged.end_ns - spans_ns // len({one.worker for one in samples}))


def _per_s(samples: Sequence[Sample], counter: Counter) -> float | None:
    """Add the rates of the workers, each over its own period; None without workers."""
    if not samples:
        return None
    return sum(one.counters.get(counter, 0) * NS_PER_S / (one.end_ns - one.start_ns) for one in samples)


def _figures(histogram: Histogram) -> dict[str, float]:
    points = {"p50": histogram.quantile_ns(0.5), "p99": histogram.quantile_ns(0.99), "max": histogram.max_ns}
    return {name: value / NS_PER_MS for name, value in points.items() if value is not None}
