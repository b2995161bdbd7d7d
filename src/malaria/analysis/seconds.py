"""The course of a load, second by second: what was due, what was done of it, and what the broker owed.

`done` is what the broker acknowledged or, where not every message is acknowledged, what the kernel took. `owed` is due
minus done since the beginning, without what was given up with its client: the queue as the generator sees it. In a
closed loop a message is due when there is room for it, so nothing is ever owed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from malaria.analysis.losses import samples_that_stayed, stayed
from malaria.analysis.windows import measured_window_ns, per_s
from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.records.rows import Counter, Gauge, Metric, RunPhase
from malaria.records.run import Run
from malaria.records.run_meta import RunMeta
from malaria.records.sample_timeline import Second, Timeline

_NEAR_NS: Final = NS_PER_S // 10
P99: Final = 0.99
OWN_LAG_LIMIT_NS: Final = 5 * NS_PER_MS
"""Where the run states no other."""


@dataclass(frozen=True, slots=True)
class LoadSecond:
    """One second of the measured time, over all workers. `end_s` is run time; `done_by` counts what is `done`.

    Reports that are late fall into a later second, which then covers more than one: take rates with `rate_of`.
    """

    end_s: int
    due: int
    done: int
    owed: int
    ready: int  # clients, at its end
    dropped: int  # connections
    done_by: Counter
    reported: Second

    @property
    def begin_s(self) -> int:
        """Return since when, in run time, every worker's report tells of it: earlier if all of them were late."""
        covered_ns: dict[str, int] = defaultdict(int)
        for sample in self.reported.samples:
            covered_ns[sample.worker] += sample.end_ns - sample.start_ns
        return self.end_s - max(1, round(min(covered_ns.values()) / NS_PER_S))

    def p99_ms(self, metric: Metric) -> float | None:
        """Return the p99 of what ended in it, which below 100 values is the maximum; None without values.

        Raises RunError for a damaged histogram.
        """
        value = self.reported.histogram(metric).quantile_ns(P99)
        return None if value is None else value / NS_PER_MS

    def is_late(self, limit_ns: int) -> bool:
        """Return True when the generator's own lag p99 exceeds the limit. Raises RunError for a damaged histogram."""
        return (self.reported.histogram(Metric.OWN_LAG).quantile_ns(P99) or 0) > limit_ns


def own_lag_limit_ns(meta: RunMeta) -> int:
    """Return how late the generator may be for a second, a start or a handshake to count as the target's own."""
    return OWN_LAG_LIMIT_NS if meta.own_lag_limit_ns is None else meta.own_lag_limit_ns


def done_counter(meta: RunMeta) -> Counter:
    """Return the counter that says that a message of this run was carried."""
    return Counter.ACKED if meta.acknowledged else Counter.SENT


def seconds_of(run: Run) -> list[LoadSecond]:
    """Return the measured seconds in which every worker reported, in order. Raises RunError for a damaged run.

    Where workers were lost, the seconds are those of the workers that stayed, before the loss too: a load that shrinks
    with a bee is no change of what the broker does.
    """
    return run.once(_seconds)


def _seconds(run: Run) -> list[LoadSecond]:
    window = measured_window_ns(run)
    if window is None:
        return []
    timeline = run.timeline if not run.meta.lost_workers else Timeline(samples_that_stayed(run))
    return load_seconds(timeline, set(stayed(run)), done_counter(run.meta), window[0])


def load_seconds(timeline: Iterable[Second], workers: set[str], done: Counter, from_ns: int) -> list[LoadSecond]:
    """Return the seconds, of all that the workers reported since they began, that were measured from `from_ns` on."""
    course: list[LoadSecond] = []
    owed = 0
    for second in timeline:
        owed += second.total(Counter.DUE) - second.total(done) - _given_up(second, done)
        measured = {
            sample.worker
            for sample in second.samples
            if sample.phase is RunPhase.MEASURE and sample.end_ns > from_ns + _NEAR_NS
        }
        if measured >= workers:
            course.append(_load_second(second, done, max(owed, 0)))
    return course


def _given_up(second: Second, done: Counter) -> int:
    """Count the messages that are no longer waited for: refused, or their client left or began its session anew."""
    counters = [Counter.ABANDONED, Counter.TOO_LARGE]
    if done is Counter.ACKED:
        counters += [Counter.FORGOTTEN, Counter.PUBLISHES_REFUSED]
    return sum(second.total(counter) for counter in counters)


def _load_second(second: Second, done: Counter, owed: int) -> LoadSecond:
    last = {sample.worker: sample for sample in second.samples}
    return LoadSecond(
        end_s=second.end_s,
        due=second.total(Counter.DUE),
        done=second.total(done),
        owed=owed,
        ready=sum(sample.gauges.get(Gauge.CLIENTS_READY, 0) for sample in last.values()),
        dropped=second.total(Counter.DROPPED),
        done_by=done,
        reported=second,
    )


def rate_of(seconds: Iterable[LoadSecond], counter: Counter) -> float | None:
    """Return the rate over the time that was reported in these seconds; None where nothing was."""
    return per_s([sample for second in seconds for sample in second.reported.samples], counter)


def due_per_s(seconds: Iterable[LoadSecond]) -> float:
    """Return the messages due per second of the time that was reported; 0 where nothing was."""
    return rate_of(seconds, Counter.DUE) or 0.0


def done_per_s(seconds: Sequence[LoadSecond]) -> float:
    """Return the messages done per second of the time that was reported; 0 where nothing was."""
    return (rate_of(seconds, seconds[0].done_by) or 0.0) if seconds else 0.0


def touches(second: LoadSecond, spans: Iterable[tuple[int, int]]) -> bool:
    """Return True if a part of a second lies within one of these times."""
    return any(touching([second], *span) for span in spans)


def touching(seconds: Iterable[LoadSecond], from_ns: int, until_ns: int) -> list[LoadSecond]:
    """Return the seconds of which a part lies within a time."""
    return [
        second
        for second in seconds
        if second.end_s * NS_PER_S > from_ns + _NEAR_NS and (second.end_s - 1) * NS_PER_S < until_ns - _NEAR_NS
    ]


def between(seconds: Iterable[LoadSecond], from_ns: int, until_ns: int) -> list[LoadSecond]:
    """Return the seconds that lie within a time as a whole."""
    return [
        second
        for second in seconds
        if (second.end_s - 1) * NS_PER_S >= from_ns - _NEAR_NS and second.end_s * NS_PER_S <= until_ns + _NEAR_NS
    ]
