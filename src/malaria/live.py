"""The running totals behind the live view: samples of several workers as they come in, added up by second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from malaria.analysis.windows import merge_samples
from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.histogram import Histogram
from malaria.records import Metric, Progress, Sample

SHOWN: Final = (Metric.ACK, Metric.END_TO_END, Metric.CONNECT, Metric.LAG, Metric.SERVICE, Metric.OWN_LAG)


class LiveTotals:
    """Counters and histograms since the start, and the last second that all workers have reported."""

    def __init__(self, workers: int) -> None:
        self.counters: dict[str, int] = {}
        self._workers = workers
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
        self._gauges[sample.worker] = sample.gauges
        second = round(sample.end_ns / NS_PER_S)
        self._open.setdefault(second, []).append(sample)
        if len(self._open[second]) >= self._workers:
            self._second = merge_samples(self._open[second])
            self._open = {number: rest for number, rest in self._open.items() if number > second}

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
        )  # fmt: skip

    def _merged_gauges(self) -> dict[str, int]:
        merged: dict[str, int] = {}
        for gauges in self._gauges.values():
            for name, value in gauges.items():
                merged[name] = max(merged.get(name, 0), value) if "_max_" in name else merged.get(name, 0) + value
        return merged


def _figures(histogram: Histogram) -> dict[str, float]:
    points = {"p50": histogram.quantile_ns(0.5), "p99": histogram.quantile_ns(0.99), "max": histogram.max_ns}
    return {name: value / NS_PER_MS for name, value in points.items() if value is not None}
