"""Unpacking and merging the histograms of samples: percentiles come from merged histograms, never from averages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from malaria.clock import NS_PER_S
from malaria.errors import RunError
from malaria.records.histogram import Histogram, SealedHistogram
from malaria.records.rows import Sample

_NEAR_S: Final = 0.1
"""A sample that ends within this of a whole second belongs to the second that ends there."""


def second_of(end_ns: int) -> int:
    """Return the whole second of run time that a sample belongs to, named by its end.

    A piece that was cut off by a phase belongs to the second it is in.
    """
    seconds = end_ns / NS_PER_S
    nearest = round(seconds)
    return nearest if abs(seconds - nearest) <= _NEAR_S else int(seconds) + 1


def unpack(sample: Sample, metric: str) -> SealedHistogram:
    """Return the histogram of one sample, empty when it has none. Raises RunError for a damaged one."""
    packed = sample.histograms.get(metric)
    try:
        return SealedHistogram(() if packed is None else (packed,))
    except ValueError as error:
        where = f"worker {sample.worker}, second {second_of(sample.end_ns)}, {metric}"
        raise RunError(f"the run is damaged ({where}): {error}", "make the run again") from None


def merged_histogram(samples: Iterable[Sample], *metrics: str) -> Histogram:
    """Return one histogram of all values of these metrics. Raises RunError for a damaged one."""
    merged = Histogram()
    for sample in samples:
        for metric in metrics:
            if metric in sample.histograms:
                merged.merge(unpack(sample, metric))
    return merged


def sealed_histogram(samples: Sequence[Sample], metric: str) -> SealedHistogram:
    """Return the values of a metric as `merged_histogram` does, in little memory: there is one for each second."""
    try:
        return SealedHistogram(sample.histograms[metric] for sample in samples if metric in sample.histograms)
    except ValueError:
        for sample in samples:
            unpack(sample, metric)  # raises the error that names the damaged one
        raise
