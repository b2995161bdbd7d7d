"""The running totals behind the live view: samples of several workers as they come in, added up by second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from malaria.analysis.broker_figures import DOCKER, HOST, PROCESS, count_in
from malaria.analysis.windows import per_s
from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.records.histogram import CountedValues, Histogram
from malaria.records.rows import (
    GAP,
    BeeStanding,
    Counter,
    Gauge,
    LastSecond,
    Metric,
    Observation,
    Progress,
    RunPhase,
    Sample,
)
from malaria.records.sample_histograms import unpack
from malaria.records.sample_timeline import Second, Timeline, added_gauges

HALF_S_NS: Final = NS_PER_S // 2
"""A shorter period was cut off by a phase, so its rate is not that of a second."""
SHOWN: Final = (Metric.ACK, Metric.END_TO_END, Metric.CONNECT, Metric.OWN_LAG)
"""The metrics that a live view has room for; the others are unpacked when the run is summarized."""


CPU_OF: Final = {PROCESS: "broker", DOCKER: "broker", HOST: "host"}
"""Whose CPU an observer reads."""


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
        self._timeline = Timeline()
        self._target_percent: dict[str, float] = {}
        self._second: Second | None = None  # the last that all workers have reported
        self._last_second: LastSecond | None = None  # its rates

    def add(self, sample: Sample) -> None:
        """Add one worker's sample; nothing of a worker that is lost: it counts up to its loss."""
        if sample.worker not in self._present:
            return
        for name, value in sample.counters.items():
            self.counters[name] = self.counters.get(name, 0) + value
        self._gauges[sample.worker] = sample.gauges
        if self._bees and sample.end_ns - sample.start_ns >= HALF_S_NS:
            self._last[sample.worker] = sample
        for metric in SHOWN:
            if metric in sample.histograms:
                self._histograms.setdefault(metric, Histogram()).merge(unpack(sample, metric))
        self._show(self._timeline.add(sample))

    def _show(self, second: Second) -> None:
        """Show a second that all workers have reported, and forget those before it."""
        if second.workers >= self._present and (self._second is None or second.end_s >= self._second.end_s):
            self._second = second
            self._last_second = _rates(second)
            self._timeline.drop_before(second.end_s)

    def watch(self, row: Observation) -> None:
        """Keep the CPU that a row of an observer tells; after a gap it is not known."""
        name = CPU_OF.get(row.observer)
        if name is not None and GAP in row.values:
            self._target_percent.pop(name, None)
        elif name is not None and (percent := count_in(row.values.get("cpu_percent"))) is not None:
            self._target_percent[name] = percent

    def lose(self, worker: str) -> None:
        """Stop waiting for a worker that is lost, and leave out its clients."""
        self._present.discard(worker)
        self._gauges.pop(worker, None)

    def progress(self, frame: Progress) -> Progress:
        """Return the frame with the figures filled in."""
        gauges = added_gauges(self._gauges.values())
        second, rates = self._second, self._last_second
        if rates is not None and _began_before_the_load(rates, frame.load_start_ns):
            second = rates = None  # a part of a second: its rates would be those of no time
        return replace(
            frame,
            # workers report who is ready once a second: clients that have just left are among them
            clients_planned=max(frame.clients_planned, gauges.get(Gauge.CLIENTS_READY, 0)),
            totals=dict(self.counters),
            gauges=gauges,
            second=rates,
            latency_ms=_figures(self._histograms),
            second_latency_ms=_figures(_shown(second)),
            target_percent=dict(self._target_percent),
            bees=tuple(self._standing(bee, frame.load_start_ns) for bee in self._bees),
        )

    def _standing(self, bee: str, load_start_ns: int | None) -> BeeStanding:
        workers = self._bees[bee]
        heard = [self._last[worker] for worker in workers if worker in self._last and worker in self._present]
        last = [sample for sample in heard if not _began_before_the_load(sample, load_start_ns)]
        ready = sum(self._gauges.get(worker, {}).get(Gauge.CLIENTS_READY, 0) for worker in workers)
        return BeeStanding(
            bee,
            ready,
            per_s(last, Counter.SENT),
            per_s(last, Counter.ACKED),
            max((one.gauges.get(Gauge.LAG_MAX_NS, 0) for one in last if one.counters.get(Counter.SENT)), default=None),
            lost=not self._present.intersection(workers),
        )


def _rates(second: Second) -> LastSecond | None:
    """Return the rates of a second; None while the time that a worker reported in it has no length."""
    merged = second.merged()
    rates = {counter: per_s(second.samples, counter) for counter in merged.counters}
    known = {counter: rate for counter, rate in rates.items() if rate is not None}
    if len(known) < len(rates):
        return None
    return LastSecond(merged.start_ns, merged.end_ns, merged.phase, known)


def _began_before_the_load(second: LastSecond | Sample, load_start_ns: int | None) -> bool:
    """Tell whether a second has the beginning of the load in it: its phase begins with the notice of the load."""
    return load_start_ns is not None and second.phase is RunPhase.MEASURE and second.start_ns < load_start_ns


def _shown(second: Second | None) -> Mapping[str, CountedValues]:
    histograms = {metric.value: second.histogram(metric) for metric in SHOWN} if second is not None else {}
    return {metric: histogram for metric, histogram in histograms.items() if not histogram.is_empty}


def _figures(histograms: Mapping[str, CountedValues]) -> dict[str, dict[str, float]]:
    """Return the percentiles of each metric in milliseconds."""
    points = {
        name: {"p50": each.quantile_ns(0.5), "p99": each.percentile_ns(0.99), "max": each.max_ns}
        for name, each in histograms.items()
    }
    return {
        name: {point: value / NS_PER_MS for point, value in values.items() if value is not None}
        for name, values in points.items()
    }
