"""Selecting, summing and merging samples: the arithmetic that every figure starts with.

Percentiles come from merged histograms, never from averaged percentiles; a rate is a count over a stated window.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from malaria.clock import NS_PER_S
from malaria.errors import RunError
from malaria.records.histogram import Histogram
from malaria.records.rows import Metric, RunPhase, Sample
from malaria.records.run import Run

_NEAR_S: Final = 0.1
"""A sample that ends within this of a whole second belongs to the second that ends there."""


def in_phase(records: Run, *phases: RunPhase) -> list[Sample]:
    """Samples of these phases.

    Without a warm-up the first sample of the measured phase may cover up to a second before the measured window and
    end with it: what is due at its very first instant can be counted there. A count over the phase is exact; to set a
    second against the window, compare times.
    """
    return [sample for sample in records.samples if sample.phase in phases]


def total(samples: Iterable[Sample], counter: str) -> int:
    return sum(sample.counters.get(counter, 0) for sample in samples)


def unpack(sample: Sample, metric: str) -> Histogram:
    """The histogram of one sample, empty when it has none. Raises RunError for a damaged one."""
    packed = sample.histograms.get(metric)
    if packed is None:
        return Histogram()
    try:
        return Histogram.from_bytes(packed)
    except ValueError as error:
        where = f"worker {sample.worker}, second {second_of(sample.end_ns)}, {metric}"
        raise RunError(f"the run is damaged ({where}): {error}", "make the run again") from None


def histogram_of(samples: Iterable[Sample], *metrics: Metric) -> Histogram:
    """One histogram of all values of these metrics. Raises RunError for a damaged one."""
    merged = Histogram()
    for sample in samples:
        for metric in metrics:
            if metric in sample.histograms:
                merged.merge(unpack(sample, metric))
    return merged


def merge_samples(samples: Sequence[Sample]) -> Sample:
    """Samples of several workers (or pieces of one second) as one; at least one is needed.

    Gauges are the last of each worker, summed; of those with `_max_` in their name the largest counts.
    Raises RunError for a damaged histogram.
    """
    counters: dict[str, int] = {}
    packed: dict[str, Histogram] = {}
    last: dict[str, Sample] = {}
    for sample in sorted(samples, key=lambda s: s.end_ns):
        last[sample.worker] = sample
        for name, value in sample.counters.items():
            counters[name] = counters.get(name, 0) + value
        for metric in sample.histograms:
            packed.setdefault(metric, Histogram()).merge(unpack(sample, metric))
    newest = max(samples, key=lambda s: s.end_ns)
    return Sample(
        worker="+".join(sorted(last)),
        start_ns=min(s.start_ns for s in samples),
        end_ns=newest.end_ns,
        phase=newest.phase,
        counters=counters,
        gauges=_merge_gauges(samples, list(last.values())),
        histograms={metric: histogram.to_bytes() for metric, histogram in packed.items()},
    )


def _merge_gauges(samples: Sequence[Sample], last: Sequence[Sample]) -> dict[str, int]:
    gauges: dict[str, int] = {}
    for sample in last:
        for name, value in sample.gauges.items():
            gauges[name] = gauges.get(name, 0) + value
    for name in gauges:
        if "_max_" in name:
            gauges[name] = max(sample.gauges.get(name, 0) for sample in samples)
    return gauges


def by_second(records: Run) -> dict[int, list[Sample]]:
    """Samples by the second of run time in which they ended, ascending."""
    seconds: dict[int, list[Sample]] = {}
    for sample in records.samples:
        seconds.setdefault(second_of(sample.end_ns), []).append(sample)
    return dict(sorted(seconds.items()))


def second_of(end_ns: int) -> int:
    """The whole second at whose end a sample closed; a piece cut off by a phase belongs to the second it is in."""
    seconds = end_ns / NS_PER_S
    nearest = round(seconds)
    return nearest if abs(seconds - nearest) <= _NEAR_S else int(seconds) + 1


def workers_of(records: Run) -> list[str]:
    named = records.meta.workers
    return sorted({s.worker for s in records.samples}) if named is None else list(named)


def bees_of(records: Run) -> list[str]:
    """The bees of a swarm, in order; none for a load that the conductor's own host made."""
    return list(dict.fromkeys(worker.partition("/")[0] for worker in workers_of(records) if "/" in worker))


def measured_window_ns(records: Run) -> tuple[int, int] | None:
    """From when to when was measured; None before it began. A run that was cut short ends with its last sample."""
    start_ns, end_ns = records.meta.measure_start_ns, records.meta.measure_end_ns
    samples = in_phase(records, RunPhase.MEASURE)
    if start_ns is None or not samples:
        return None
    last_ns = max(sample.end_ns for sample in samples)
    return start_ns, last_ns if end_ns is None else min(end_ns, last_ns)
