"""An exponential histogram, as OpenTelemetry has it, made from one of ours.

Bucket `i` of scale `s` holds values in (base**i, base**(i+1)] with base = 2**(2**-s). The scale is the finest at which
the values fit into MOST_BUCKETS, and at most FINEST_SCALE.

Error: our own buckets are at most 0.1 % wide, and one that a bound cuts counts above it. So a value that is less than
0.1 % below a bound may be one bucket too high; a quantile read at the middle of a bucket is off by that and by half
the width of the bucket: 0.3 % at scale 7, 2.2 % at scale 4 (three decades of latency). Count, sum, minimum and maximum
are those of the values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from malaria.clock import NS_PER_S
from malaria.records.histogram import Histogram

MOST_BUCKETS: Final = 160
"""The default of OpenTelemetry's own aggregation, which receivers are made for."""
FINEST_SCALE: Final = 7
"""Its buckets are 0.5 % wide. Buckets near the width of ours would show ours."""


@dataclass(frozen=True, slots=True)
class ExponentialBuckets:
    """The counts of consecutive buckets; the first has the number `offset`. Values are seconds."""

    scale: int
    offset: int
    counts: tuple[int, ...]


def exponential_buckets(histogram: Histogram) -> ExponentialBuckets:
    """Return the buckets of a histogram; none for one that is empty."""
    largest_ns, counts = histogram.buckets()
    if not len(counts):
        return ExponentialBuckets(FINEST_SCALE, 0, ())
    # the upper bound belongs to a bucket, the lower one does not
    finest = np.ceil(np.log2(largest_ns / NS_PER_S) * (1 << FINEST_SCALE)).astype(np.int64) - 1
    steps = _coarser(int(finest[0]), int(finest[-1]))
    numbers = finest >> steps
    first = int(numbers[0])
    sums = np.zeros(int(numbers[-1]) - first + 1, np.int64)
    np.add.at(sums, numbers - first, counts)
    return ExponentialBuckets(FINEST_SCALE - steps, first, tuple(sums.tolist()))


def _coarser(first: int, last: int) -> int:
    """Return by how many scales the buckets must be coarser; each joins two of them, so numbers are halved."""
    steps = 0
    while (last >> steps) - (first >> steps) >= MOST_BUCKETS:
        steps += 1
    return steps
