"""The figures of a running attack as Prometheus metrics: `malaria attack TARGET --prometheus :9464`.

To serve them elsewhere, such as at `/metrics` of another server:

    figures = LiveFigures(directory)              # a follower: AttackRequest(..., followers=(figures,))
    page = attack_page(figures)                   # one for all requests
    content_type, body = page.render(accept)      # on any thread; `accept` is the Accept header of the request
    figures.close()                               # after the attack

The only labels are `run`, `phase` and `verdict`. There is no `group`: workers count all their groups together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from prometheus_client import Metric as MetricFamily
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from malaria.outputs.live.live_figures import GAUGE_READERS, LiveFigures, LiveRun, seconds
from malaria.outputs.live.metric_names import (
    COUNTERS,
    CPU,
    HISTOGRAMS,
    PHASE,
    PREFIX,
    STARTED,
    UNTAKEN,
    VERDICT,
    LiveMetric,
)
from malaria.outputs.prometheus_export import MetricsPage, ReadingsCollector
from malaria.records.histogram import Histogram
from malaria.records.rows import RunPhase

BOUNDS_S: Final = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
)  # fmt: skip
"""The buckets of every histogram: a broker on the same host answers in 100 us, and after a minute nobody waits."""
_BOUNDS_NS: Final = np.array([round(bound * 1e9) for bound in BOUNDS_S], np.int64)


def attack_page(figures: LiveFigures) -> MetricsPage:
    """Return the page of a running attack: its own figures, and what its observers read."""
    return MetricsPage(AttackCollector(figures), ReadingsCollector(lambda: figures.readings))


class AttackCollector(Collector):
    """The collector of the figures of an attack, for a registry of prometheus-client."""

    def __init__(self, figures: LiveFigures) -> None:
        self._figures = figures

    def collect(self) -> Iterable[MetricFamily]:
        with self._figures.reading() as runs:
            families = [*_counters(runs), *_gauges(runs), *_histograms(runs), _phases(runs), _verdicts(runs)]
        untaken = CounterMetricFamily(PREFIX + UNTAKEN.name, UNTAKEN.text, self._figures.dropped)
        return [*families, untaken]


def _counters(runs: list[LiveRun]) -> Iterator[CounterMetricFamily]:
    for counter, metric in COUNTERS.items():
        # a counter that is absent is zero
        yield _counter(metric, [(run.name, run.totals.get(counter, 0)) for run in runs])
    yield _counter(CPU, [(run.name, run.cpu_ns) for run in runs])


def _counter(metric: LiveMetric, values: list[tuple[str, int]]) -> CounterMetricFamily:
    family = CounterMetricFamily(PREFIX + metric.name, metric.text, labels=["run"])
    for run, counted in values:
        family.add_metric([run], metric.value(counted))
    return family


def _gauges(runs: list[LiveRun]) -> Iterator[GaugeMetricFamily]:
    """Yield the gauges; one that is unknown is absent."""
    for metric, read in GAUGE_READERS:
        yield _gauge(metric, [(run.name, read(run)) for run in runs])
    yield _gauge(STARTED, [(run.name, run.started_wall_ns) for run in runs])


def _gauge(metric: LiveMetric, values: list[tuple[str, float | None]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(PREFIX + metric.name, metric.text, labels=["run"])
    for run, value in values:
        if value is not None:
            family.add_metric([run], metric.value(value))
    return family


def _histograms(runs: list[LiveRun]) -> Iterator[HistogramMetricFamily]:
    for name, metric in HISTOGRAMS.items():
        family = HistogramMetricFamily(PREFIX + metric.name, metric.text, labels=["run"])
        for run in runs:
            histogram = run.histograms.get(name)
            if histogram is not None:
                family.add_metric([run.name], cumulative_buckets(histogram), seconds(histogram.sum_ns))
        yield family


def cumulative_buckets(histogram: Histogram) -> list[tuple[str, float]]:
    """Return (bound in seconds, values up to it) of the fixed buckets, with +Inf at the end.

    A bucket of the histogram that a bound cuts counts above it, so a value less than 0.1 % below a bound may be counted
    as above it. All counts are exact otherwise, and never decrease.
    """
    largest_ns, counts = histogram.buckets()
    below = np.concatenate(([0], np.cumsum(counts)))
    places = np.searchsorted(largest_ns, _BOUNDS_NS, side="right")
    found = [(f"{bound:g}", float(below[place])) for bound, place in zip(BOUNDS_S, places, strict=True)]
    return [*found, ("+Inf", float(histogram.count))]


def _phases(runs: list[LiveRun]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(PREFIX + PHASE.name, PHASE.text, labels=["run", "phase"])
    for run in runs:
        for phase in RunPhase:
            # an attack that is over is in no phase
            family.add_metric([run.name, phase], run.summary is None and phase is run.phase)
    return family


def _verdicts(runs: list[LiveRun]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(PREFIX + VERDICT.name, VERDICT.text, labels=["run", "verdict"])
    for run in runs:
        if run.outcome is not None:
            family.add_metric([run.name, run.outcome], 1)
    return family
