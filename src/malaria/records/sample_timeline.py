"""The samples of several workers by second of run time. The live view, the report and the exports all read this.

Promises: samples may come one by one, as a run goes, or all at once, and give the same seconds; counts and merged
histograms are exact in any order; each histogram is unpacked once. Memory grows with the samples; a live view drops the
seconds that it has shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from malaria.records.histogram import CountedValues, Histogram
from malaria.records.rows import LOST_HISTOGRAMS, Sample
from malaria.records.sample_histograms import sealed_histogram, second_of


def added_gauges(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Add the gauges of several workers; of those with `_max_` in their name the largest counts."""
    added: dict[str, int] = {}
    for gauges in parts:
        for name, value in gauges.items():
            added[name] = max(added.get(name, 0), value) if _is_largest(name) else added.get(name, 0) + value
    return added


def _is_largest(name: str) -> bool:
    return "_max_" in name


class Second:
    """The workers' figures of one second (or a step of several), which ends at `end_s` of run time."""

    def __init__(self, end_s: int) -> None:
        self.end_s = end_s
        self.samples: list[Sample] = []
        self._parts: list[Second] = []
        self._histograms: dict[str, CountedValues] = {}

    def add(self, sample: Sample) -> None:
        """Add one worker's sample."""
        self.samples.append(sample)
        self._histograms.clear()

    def join(self, part: Second) -> None:
        """Add a shorter time, whose histograms are merged already or will be. Then no single sample can be added."""
        self.samples += part.samples
        self._parts.append(part)
        self._histograms.clear()

    @property
    def workers(self) -> set[str]:
        """The workers that reported."""
        return {sample.worker for sample in self.samples}

    def total(self, counter: str) -> int:
        """Return the sum of a counter."""
        return sum(sample.counters.get(counter, 0) for sample in self.samples)

    def histogram(self, metric: str) -> CountedValues:
        """Return the merged histogram of a metric; an empty one if a part of it was lost.

        Raises RunError for a damaged one.
        """
        if metric not in self._histograms:
            self._histograms[metric] = self._merged(metric)
        return self._histograms[metric]

    def _merged(self, metric: str) -> CountedValues:
        if self.lacks_histograms or not self._parts:
            return sealed_histogram([] if self.lacks_histograms else self.samples, metric)
        merged = Histogram()
        for part in self._parts:
            merged.merge(part.histogram(metric))
        return merged

    @property
    def lacks_histograms(self) -> bool:
        """Tell whether a histogram of this second was lost, so that its latencies are unknown."""
        return any(LOST_HISTOGRAMS in sample.histograms for sample in self.samples)

    def gauges(self) -> dict[str, int]:
        """Return the last gauges of each worker, added up; of those with `_max_` in their name the largest counts."""
        last = {sample.worker: sample.gauges for sample in self._in_time()}
        gauges = added_gauges(last.values())
        largest = added_gauges(sample.gauges for sample in self.samples)
        return {name: largest[name] if _is_largest(name) else value for name, value in gauges.items()}

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
        second = self._step_of(second_of(sample.end_ns))
        second.add(sample)
        return second

    def in_steps(self, step_s: int) -> Timeline:
        """Return the seconds in steps of several, which are made from the histograms of the seconds."""
        coarse = Timeline(step_s=step_s)
        for second in self:
            coarse._step_of(second.end_s).join(second)
        return coarse

    def _step_of(self, end_s: int) -> Second:
        """Return the step that a second belongs to, a new one if there is none."""
        last_s = -(-end_s // self.step_s) * self.step_s
        if last_s not in self._seconds:
            self._seconds[last_s] = Second(last_s)
        return self._seconds[last_s]

    def drop_before(self, end_s: int) -> None:
        """Forget the seconds that end before `end_s`."""
        self._seconds = {end: second for end, second in self._seconds.items() if end >= end_s}

    def __iter__(self) -> Iterator[Second]:
        return (self._seconds[end_s] for end_s in sorted(self._seconds))

    def __len__(self) -> int:
        return len(self._seconds)
