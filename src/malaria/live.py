"""The running totals behind the live view: samples of several workers as they come in, added up by second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from malaria.analysis.windows import merge_samples
from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.histogram import Histogram
from malaria.records import BeeStanding, Counter, Gauge, Metric, Progress, Sample

HALF_S_NS: Final = NS_PER_S // 2
"""A shorter period is a piece cut off by a phase, and says nothing of a second."""
SHOWN: Final = (Metric.ACK, Metric.END_TO_END, Metric.CONNECT, Metric.LAG, Metric.SERVICE, Metric.OWN_LAG)


class LiveTotals:
    """Counters and histograms since the start, and the last second that all workers have reported."""

    def __init__(self, workers: Sequence[str]) -> None:
        self.counters: dict[str, int] = {}
        self._here = set(workers)
        self._bees: dict[str, list[str]] = {}
        for worker in workers:
            bee, slash, _ = worker.partition("/")
            if slash:
                self._bees.setdefault(bee, []).append(worker)
        self._last: dict[str, Sample] = {}  # of each worker of a bee, its last whole second
        self._histograms: dict[str, Histogram] = {}
        self._gauges: dict[str, Mapping[str, int]] = {}
        self._open: dict[int, list[Sample]] = {}
        self._second: Sample | None = None

    def add(self, sample: Sample) -> None:
        """Takes one worker's sample."""
        for name, value in sample.counters.items():
            self.counters[name] = self.counters.get(name, 0) + value
        for metric, packed in sample.histograms.items():
            self._histograms.setdefault(metric, Histogram()).merge(Histogram.from_bytes(packed))
        if sample.worker in self._here:
            self._gauges[sample.worker] = sample.gauges
        if self._bees and sample.end_ns - sample.start_ns >= HALF_S_NS:
            self._last[sample.worker] = sample
        second = round(sample.end_ns / NS_PER_S)
        self._open.setdefault(second, []).append(sample)
        if self._here <= {one.worker for one in self._open[second]}:
            self._second = merge_samples(self._open[second])
            self._open = {number: rest for number, rest in self._open.items() if number > second}

    def lose(self, worker: str) -> None:
        """It will tell no more: nobody waits for it, and its clients are gone."""
        self._here.discard(worker)
        self._gauges.pop(worker, None)

    def progress(self, frame: Progress) -> Progress:
        """The frame with the figures filled in."""
        second = self._second
        return replace(
            frame,
            totals=dict(self.counters),
            gauges=self._merged_gauges(),
            second=second,
            latency_ms={name: _figures(h) for name, h in self._histograms.items() if name in SHOWN},
            second_latency_ms={} if second is None else {
                name: _figures(Histogram.from_bytes(packed))
                for name, packed in second.histograms.items() if name in SHOWN
            },
            bees=tuple(self._standing(bee, workers) for bee, workers in self._bees.items()),
        )  # fmt: skip

    def _standing(self, bee: str, workers: Sequence[str]) -> BeeStanding:
        last = [self._last[worker] for worker in workers if worker in self._last and worker in self._here]
        ready = sum(self._gauges.get(worker, {}).get(Gauge.CLIENTS_READY, 0) for worker in workers)
        return BeeStanding(
            bee,
            ready,
            _per_s(last, Counter.SENT),
            _per_s(last, Counter.ACKED),
            max((sample.gauges.get(Gauge.LAG_MAX_NS, 0) for sample in last), default=None),
            lost=not self._here.intersection(workers),
        )

    def _merged_gauges(self) -> dict[str, int]:
        merged: dict[str, int] = {}
        for gauges in self._gauges.values():
            for name, value in gauges.items():
                merged[name] = max(merged.get(name, 0), value) if "_max_" in name else merged.get(name, 0) + value
        return merged


def _per_s(samples: Sequence[Sample], counter: Counter) -> float | None:
    """The sum over workers, each over its own period."""
    if not samples:
        return None
    return sum(one.counters.get(counter, 0) * NS_PER_S / (one.end_ns - one.start_ns) for one in samples)


def _figures(histogram: Histogram) -> dict[str, float]:
    points = {"p50": histogram.quantile_ns(0.5), "p99": histogram.quantile_ns(0.99), "max": histogram.max_ns}
    return {name: value / NS_PER_MS for name, value in points.items() if value is not None}
