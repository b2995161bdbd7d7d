"""The samples of several workers by second of run time. The live view, the report and the exports all read this.

Promises: samples may come one by one, as a run goes, or all at once, and give the same seconds; counts and merged
histograms are exact in any order. Memory grows with the samples; a live view drops the seconds that it has shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from malaria.clock import NS_PER_S
from malaria.records.histogram import Histogram
from malaria.records.rows import LOST_HISTOGRAMS, Sample
from malaria.records.run import Run
from malaria.records.run_meta import RunMeta
from malaria.records.sample_histograms import merged_histogram, second_of
from malaria.units import format_clock


class Second:
    """The workers' figures of one second (or a step of several), which ends at `end_s` of run time."""

    def __init__(self, end_s: int) -> None:
        self.end_s = end_s
        self.samples: list[Sample] = []
        self._histograms: dict[str, Histogram] = {}

    def add(self, sample: Sample) -> None:
        """Add one worker's sample."""
        self.samples.append(sample)
        self._histograms.clear()

    @property
    def workers(self) -> set[str]:
        """The workers that reported."""
        return {sample.worker for sample in self.samples}

    def total(self, counter: str) -> int:
        """Return the sum of a counter."""
        return sum(sample.counters.get(counter, 0) for sample in self.samples)

    def histogram(self, metric: str) -> Histogram:
        """Return the merged histogram of a metric, not to be changed; an empty one if a part of it was lost."""
        if metric not in self._histograms:
            known = [] if self.lacks_histograms else self.samples
            self._histograms[metric] = merged_histogram(known, metric)
        return self._histograms[metric]

    @property
    def lacks_histograms(self) -> bool:
        """Tell whether a histogram of this second was lost, so that its latencies are unknown."""
        return any(LOST_HISTOGRAMS in sample.histograms for sample in self.samples)

    def gauges(self) -> dict[str, int]:
        """Return the last gauges of each worker, added up; of those with `_max_` in their name the largest counts."""
        last = {sample.worker: sample for sample in self._in_time()}
        gauges: dict[str, int] = {}
        for sample in last.values():
            for name, value in sample.gauges.items():
                gauges[name] = gauges.get(name, 0) + value
        largest = {name: max(s.gauges.get(name, 0) for s in self.samples) for name in gauges if "_max_" in name}
        return gauges | largest

    def merged(self) -> Sample:
        """Return the samples as one, without histograms. At least one sample is needed."""
        counters: dict[str, int] = {}
        for sample in self.samples:
            for name, value in sample.counters.items():
                counters[name] = counters.get(name, 0) + value
        newest = max(self.samples, key=lambda sample: sample.end_ns)
        start_ns = min(sample.start_ns for sample in self.samples)
        return replace(
            newest,
            worker="+".join(sorted(self.workers)),
            start_ns=start_ns,
            counters=counters,
            gauges=self.gauges(),
            histograms={},
        )

    def _in_time(self) -> list[Sample]:
        return sorted(self.samples, key=lambda sample: sample.end_ns)


class Timeline:
    """Samples by second, or by steps of `step_s` seconds. Iterating gives the seconds that have samples, ascending."""

    def __init__(self, samples: Iterable[Sample] = (), step_s: int = 1) -> None:
        self.step_s = step_s
        self._seconds: dict[int, Second] = {}
        for sample in samples:
            self.add(sample)

    def add(self, sample: Sample) -> Second:
        """Add one worker's sample, and return the second that it belongs to."""
        end_s = -(-second_of(sample.end_ns) // self.step_s) * self.step_s
        second = self._seconds.get(end_s)
        if second is None:
            second = self._seconds[end_s] = Second(end_s)
        second.add(sample)
        return second

    def drop_before(self, end_s: int) -> None:
        """Forget the seconds that end before `end_s`."""
        self._seconds = {end: second for end, second in self._seconds.items() if end >= end_s}

    def __iter__(self) -> Iterator[Second]:
        return (self._seconds[end_s] for end_s in sorted(self._seconds))

    def __len__(self) -> int:
        return len(self._seconds)


def timeline_of(run: Run) -> Timeline:
    """Return the seconds of a stored run; they are made once."""
    return run.once(_timeline)


def _timeline(run: Run) -> Timeline:
    return Timeline(run.samples)


def load_start_ns(meta: RunMeta) -> int:
    """Return the zero of the one clock that people read: the run time at which the measured load starts.

    What was before it (connecting, warm-up) has negative times, and surges have the times that their file states. A
    run whose load never started counts from its own start.
    """
    return meta.measure_start_ns or 0


def load_time_s(meta: RunMeta, at_ns: int) -> float:
    """Return a moment of run time in seconds since the start of the load; negative before it."""
    return (at_ns - load_start_ns(meta)) / NS_PER_S


def load_clock(meta: RunMeta, at_ns: int) -> str:
    """Return a moment of run time as people read it: 0:14 of the load; −0:03 before it."""
    return format_clock(load_time_s(meta, at_ns))
