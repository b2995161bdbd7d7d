"""Selecting and counting samples: phases, workers, and the measured window. A rate is a count over a stated window."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from malaria.clock import NS_PER_S
from malaria.records.rows import RunPhase, Sample
from malaria.records.run import Run


def in_phase(run: Run, *phases: RunPhase) -> list[Sample]:
    """Return the samples of these phases.

    Without a warm-up the first sample of the measured phase may start up to a second before the measured window and end
    with it: what is due at the very first instant can be counted there. A count over the phase is exact; to compare a
    second with the window, compare times.
    """
    return [sample for sample in run.samples if sample.phase in phases]


def total(samples: Iterable[Sample], counter: str) -> int:
    return sum(sample.counters.get(counter, 0) for sample in samples)


def per_s(samples: Sequence[Sample], counter: str) -> float | None:
    """Return the rate over the time that was reported, of each worker over its own; None where that has no length.

    The number of seconds is no measure of that time: the report of a late worker covers more than one.
    """
    spans_ns: dict[str, int] = {}
    for sample in samples:
        spans_ns[sample.worker] = spans_ns.get(sample.worker, 0) + sample.end_ns - sample.start_ns
    if not spans_ns or min(spans_ns.values()) <= 0:
        return None
    return round(sum(s.counters.get(counter, 0) * NS_PER_S / spans_ns[s.worker] for s in samples), 3)


def known_total(run: Run, counter: str) -> int | None:
    """Return the sum of a counter over the run; None if samples were lost."""
    return None if run.damage.hits("sample") else total(run.samples, counter)


def workers_of(run: Run) -> list[str]:
    named = run.meta.workers
    return sorted({s.worker for s in run.samples}) if named is None else list(named)


def bees_of(run: Run) -> list[str]:
    """Return the bees of a swarm, in order; none for a load that the conductor's own host made."""
    return list(dict.fromkeys(worker.partition("/")[0] for worker in workers_of(run) if "/" in worker))


def load_window_ns(run: Run) -> tuple[int, int] | None:
    """Return the time that rates and the duration are stated over.

    It is the measured window or, for a load that ended by its number of messages, the time from the first message due
    to the last one done: sent or, with QoS 1 and 2, acknowledged. What the attack waited for after that is no load.
    """
    return counted_load_ns(run) or measured_window_ns(run)


def counted_load_ns(run: Run) -> tuple[int, int] | None:
    """Return the first due and the last done of a load that ended before its duration, or has none; otherwise None."""
    meta = run.meta
    start_ns, end_ns = meta.measure_start_ns, meta.measure_end_ns
    if start_ns is None or meta.first_due_ns is None or meta.last_done_ns is None:
        return None  # the load has a duration alone, or an earlier version stored the run
    planned_s = meta.duration_planned_s
    if planned_s is not None and end_ns is not None and (end_ns - start_ns) / NS_PER_S >= planned_s:
        return None
    return (meta.first_due_ns, meta.last_done_ns) if meta.last_done_ns > meta.first_due_ns else None


def measured_window_ns(run: Run) -> tuple[int, int] | None:
    """Return when measuring began and ended; None before it began. A run cut short ends with its last sample."""
    start_ns, end_ns = run.meta.measure_start_ns, run.meta.measure_end_ns
    samples = in_phase(run, RunPhase.MEASURE)
    if start_ns is None or not samples:
        return None
    last_ns = max(sample.end_ns for sample in samples)
    return start_ns, last_ns if end_ns is None else min(end_ns, last_ns)
