"""The course of a load, second by second: what was due, what was done of it, and what the broker owed.

`done` is what the broker acknowledged or, where not every message is acknowledged, what the kernel took. `owed` is due
minus done since the beginning, without what was given up with its client: the queue as we see it, wherever it stands.
In a closed loop a message is due when there is room for it, so that nothing is ever owed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from malaria.analysis.windows import by_second, histogram_of, measured_window_ns, total, workers_of
from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.records.rows import Counter, Gauge, Metric, RunPhase, Sample
from malaria.records.run import Run
from malaria.records.run_meta import RunMeta

_NEAR_NS: Final = NS_PER_S // 10
P99: Final = 0.99
OWN_LAG_LIMIT_NS: Final = 5 * NS_PER_MS
"""Where the run states no other."""


@dataclass(frozen=True, slots=True)
class Second:
    """One second of the measured time, of all workers. `end_s` is run time."""

    end_s: int
    due: int
    done: int
    owed: int
    ready: int  # clients, at its end
    dropped: int  # connections
    samples: tuple[Sample, ...]

    def p99_ms(self, metric: Metric) -> float | None:
        """Of what ended in it. Raises RunError for a damaged histogram."""
        value = histogram_of(self.samples, metric).quantile_ns(P99)
        return None if value is None else value / NS_PER_MS

    def is_late(self, limit_ns: int) -> bool:
        """Whether we were, by more than that at the p99. Raises RunError for a damaged histogram."""
        return (histogram_of(self.samples, Metric.OWN_LAG).quantile_ns(P99) or 0) > limit_ns


def own_lag_limit_ns(meta: RunMeta) -> int:
    """Return how late the generator itself may be."""
    return OWN_LAG_LIMIT_NS if meta.own_lag_limit_ns is None else meta.own_lag_limit_ns


def done_counter(meta: RunMeta) -> Counter:
    """What tells that a message of this run was carried."""
    return Counter.ACKED if meta.acknowledged else Counter.SENT


def seconds_of(records: Run) -> list[Second]:
    """The measured seconds in which every worker reported, in order. Raises RunError for a damaged run."""
    window = measured_window_ns(records)
    if window is None:
        return []
    workers, done = set(workers_of(records)), done_counter(records.meta)
    course: list[Second] = []
    owed = 0
    for end_s, samples in by_second(records).items():
        owed += total(samples, Counter.DUE) - total(samples, done) - _given_up(samples, done)
        measured = [s for s in samples if s.phase is RunPhase.MEASURE and s.end_ns > window[0] + _NEAR_NS]
        if {sample.worker for sample in measured} >= workers:
            course.append(_second(end_s, samples, done, max(owed, 0)))
    return course


def _given_up(samples: list[Sample], done: Counter) -> int:
    """Messages that nobody waits for any more: refused, or their client left or began its session anew."""
    given_up = total(samples, Counter.ABANDONED) + total(samples, Counter.TOO_LARGE)
    if done is Counter.ACKED:
        given_up += total(samples, Counter.FORGOTTEN) + total(samples, Counter.PUBLISHES_REFUSED)
    return given_up


def _second(end_s: int, samples: list[Sample], done: Counter, owed: int) -> Second:
    last = {sample.worker: sample for sample in samples}
    return Second(
        end_s=end_s,
        due=total(samples, Counter.DUE),
        done=total(samples, done),
        owed=owed,
        ready=sum(sample.gauges.get(Gauge.CLIENTS_READY, 0) for sample in last.values()),
        dropped=total(samples, Counter.DROPPED),
        samples=tuple(samples),
    )


def touching(seconds: Iterable[Second], from_ns: int, until_ns: int) -> list[Second]:
    """Those of which a part lies within."""
    return [
        second
        for second in seconds
        if second.end_s * NS_PER_S > from_ns + _NEAR_NS and (second.end_s - 1) * NS_PER_S < until_ns - _NEAR_NS
    ]


def between(seconds: Iterable[Second], from_ns: int, until_ns: int) -> list[Second]:
    """Those that lie within, whole."""
    return [
        second
        for second in seconds
        if (second.end_s - 1) * NS_PER_S >= from_ns - _NEAR_NS and second.end_s * NS_PER_S <= until_ns + _NEAR_NS
    ]
