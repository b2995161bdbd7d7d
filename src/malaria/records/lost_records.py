"""Sets the samples apart that a worker made after it was lost.

A bee may go on for a while after the conductor has lost it, and its records are fetched later. What such a worker owes
tells of its host or its network, so a figure of the run that stood on these records would blame the broker for it; and
the figures of a run would change when records are collected.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from malaria.records.rows import Sample
from malaria.records.run_meta import LostWorker

type Samples = tuple[Sample, ...]


def apart_from_lost(samples: Iterable[Sample], lost: Sequence[LostWorker]) -> tuple[Samples, Samples]:
    """Return the samples that count, and those of lost workers from after their loss; both keep their order.

    Runs of earlier versions do not say when a worker was lost: all of their samples count.
    """
    counted: list[Sample] = []
    late: list[Sample] = []
    for sample in samples:
        since_ns = (one.since_ns for one in lost if one.has(sample.worker) and one.since_ns is not None)
        (late if any(sample.end_ns > at_ns for at_ns in since_ns) else counted).append(sample)
    return tuple(counted), tuple(late)
