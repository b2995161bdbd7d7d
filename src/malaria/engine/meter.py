"""Count and time what a worker does. Hot paths append integers here; once a second they are folded into a `Sample`.

Promises: nothing is dropped; a latency is an append of one integer (35 ns) or of a whole array; folding is vectorised.
"""

from __future__ import annotations

import os
import time
from array import array
from collections import Counter as Tally
from collections.abc import Callable, Iterable

import numpy as np

from malaria.clock import NS_PER_S, Clock
from malaria.records.first_texts import FirstTexts
from malaria.records.histogram import Histogram
from malaria.records.rows import Counter, Event, EventKind, Gauge, Metric, RunPhase, Sample
from malaria.schedule.arrays import Ints
from malaria.transport.stream import Stage

LATE_SAMPLE_NS = 3 * NS_PER_S // 2
FOLD_AT = 1 << 18
"""Values waiting in one batch before it is folded ahead of the second: bounds the memory of a flood."""


class Counts:
    """One integer attribute per `records.Counter`."""

    __slots__ = tuple(counter.value for counter in Counter)
    due: int
    sent: int
    acked: int
    delivered: int
    duplicated: int
    duplicated_qos_2: int
    overlapping: int
    reordered: int
    arrived: int
    retained: int
    foreign: int
    unexpected: int
    negative_latency: int
    clamped_low: int
    clamped_high: int
    redelivered: int
    stray_ack: int
    bytes_sent: int
    bytes_received: int
    sends: int
    held_window: int
    held_backlog: int
    held_offline: int
    answered: int
    publishes_refused: int
    too_large: int
    forgotten: int
    abandoned: int
    connected: int
    refused: int
    dropped: int
    cut: int
    reconnects: int
    connect_timeouts: int
    ping_timeouts: int
    pings: int
    malformed: int
    subscriptions: int
    subscriptions_refused: int
    subscriptions_lowered: int
    unmatched: int
    taken_over: int
    negotiation_cpu_ns: int
    resumed: int
    turns: int
    late_samples: int

    def __init__(self) -> None:
        for name in self.__slots__:
            setattr(self, name, 0)

    def as_tuple(self) -> tuple[int, ...]:
        """Return the values in the order of `records.Counter`."""
        return tuple(getattr(self, name) for name in self.__slots__)


class Batch:
    """Nanoseconds that wait to be folded into a histogram: single ones by `append`, arrays by `extend`."""

    __slots__ = ("_arrays", "_pending", "_singles", "append")

    def __init__(self) -> None:
        self._singles = array("q")
        self._arrays: list[Ints] = []
        self._pending = 0
        self.append: Callable[[int], None] = self._singles.append

    def extend(self, values_ns: Ints) -> None:
        """Keeps the array itself: the caller must not write to it afterwards."""
        self._arrays.append(values_ns)
        self._pending += len(values_ns)

    @property
    def waiting(self) -> int:
        return len(self._singles) + self._pending

    def take(self) -> Ints:
        """Return all values since the last call."""
        singles = np.frombuffer(self._singles.tobytes(), np.int64)
        values = np.concatenate([singles, *self._arrays]) if self._arrays else singles
        del self._singles[:]  # in place: `append` stays bound to it
        self._arrays.clear()
        self._pending = 0
        return values


class Meter:
    """Counts, latencies and events of one worker."""

    def __init__(self, worker: str, cpu_clock: Clock = time.process_time_ns) -> None:
        self.worker = worker
        self._cpu_clock = cpu_clock
        self.counts = Counts()
        self.connect = Batch()
        self.stages = {stage: Batch() for stage in Stage}
        self.own_negotiation = Batch()
        self.connack = Batch()
        self.suback = Batch()
        self.ack = Batch()
        self.service = Batch()
        self.prompt_lag = Batch()  # sent at once: the whole of `lag` is ours
        self.held_lag = Batch()  # had to wait: due to sent
        self.held_own_lag = Batch()  # ... of it ours: due to the turn that took the message up
        self.end_to_end = Batch()
        self.unfinished = Batch()
        self.before_fold: list[Callable[[], None]] = []  # each hands over what its owner has gathered
        self._failed: dict[str, set[int]] = {}
        self._fresh_causes: set[str] = set()  # since the last report
        self._causes, self._trouble_texts = FirstTexts(), FirstTexts()
        self.turn_max_ns = 0
        self._troubles: Tally[str] = Tally()
        self._events: list[Event] = []
        self._histograms: dict[Metric, Histogram] = {}
        self._last = self.counts.as_tuple()
        self._start_ns = 0
        self._lag_max_ns = 0

    def trouble(self, text: str) -> None:
        """Count something that the broker did; equal texts are reported once per period, with their number."""
        self._troubles[self._trouble_texts.limited(text)] += 1

    def failed(self, client: int, cause: str) -> None:
        """Count a failed attempt of a client to connect."""
        self.counts.refused += 1
        cause = self._causes.limited(cause)
        self._failed.setdefault(cause, set()).add(client)
        self._fresh_causes.add(cause)

    def clients_failed(self) -> dict[str, int]:
        """Return how many clients each reason of failure has hit so far, each client once.

        Only the reasons that have hit a client since the last call.
        """
        fresh, self._fresh_causes = self._fresh_causes, set()
        return {cause: len(clients) for cause, clients in self._failed.items() if cause in fresh}

    def mark(self, event: Event) -> None:
        self._events.append(event)

    def restart_period(self, at_ns: int) -> None:
        """Begins the first period; what was counted before belongs to it."""
        self._start_ns = max(0, at_ns)  # run time 0 may be known some milliseconds wrong

    def move_period(self, by_ns: int) -> None:
        """Move the start of the current period: run time 0 has been corrected."""
        self._start_ns = max(0, self._start_ns + by_ns)

    def fold_when_full(self) -> None:
        """Keeps memory bounded between two samples; costs a few comparisons."""
        if any(batch.waiting > FOLD_AT for _, batch in self._sources()):
            self._fold()

    def events(self, at_ns: int) -> list[Event]:
        """Return the events since the last call, equal troubles gathered."""
        events, self._events = self._events, []
        events += [Event(at_ns, EventKind.TROUBLE, text, self.worker, n) for text, n in self._troubles.items()]
        self._troubles.clear()
        return events

    def sample(self, at_ns: int, phase: RunPhase, gauges: dict[Gauge, int]) -> Sample:
        """Closes the period that ends at `at_ns` (run time)."""
        self._fold()
        if at_ns - self._start_ns > LATE_SAMPLE_NS:
            self.counts.late_samples += 1
        for histogram in self._histograms.values():
            self.counts.clamped_low += histogram.clamped_low
            self.counts.clamped_high += histogram.clamped_high
        now, before = self.counts.as_tuple(), self._last
        counters = {name.value: a - b for name, a, b in zip(Counter, now, before, strict=True) if a != b}
        own = {Gauge.CPU_NS: self._cpu_clock(), Gauge.RSS_BYTES: resident_bytes(),
               Gauge.TURN_MAX_NS: self.turn_max_ns, Gauge.LAG_MAX_NS: self._lag_max_ns}  # fmt: skip
        sample = Sample(
            worker=self.worker,
            start_ns=self._start_ns,
            end_ns=at_ns,
            phase=phase,
            counters=counters,
            gauges={name.value: value for name, value in (own | gauges).items()},
            histograms={metric.value: h.to_bytes() for metric, h in self._histograms.items()},
        )
        self._last, self._start_ns = now, at_ns
        self.turn_max_ns = self._lag_max_ns = 0
        self._histograms.clear()
        return sample

    def _sources(self) -> Iterable[tuple[tuple[Metric, ...], Batch]]:
        return (
            ((Metric.CONNECT,), self.connect),
            *(((Metric(stage.value),), batch) for stage, batch in self.stages.items()),
            ((Metric.OWN_NEGOTIATION,), self.own_negotiation),
            ((Metric.CONNACK,), self.connack),
            ((Metric.SUBACK,), self.suback),
            ((Metric.ACK,), self.ack),
            ((Metric.SERVICE,), self.service),
            ((Metric.LAG, Metric.OWN_LAG), self.prompt_lag),
            ((Metric.LAG,), self.held_lag),
            ((Metric.OWN_LAG,), self.held_own_lag),
            ((Metric.END_TO_END,), self.end_to_end),
            ((Metric.UNFINISHED,), self.unfinished),
        )

    def gather(self) -> None:
        """Take over what others have gathered for the batches."""
        for hand_over in self.before_fold:
            hand_over()

    def _fold(self) -> None:
        self.gather()
        for metrics, batch in self._sources():
            if not batch.waiting:
                continue
            values = batch.take()
            if Metric.LAG in metrics:
                self._lag_max_ns = max(self._lag_max_ns, int(values.max()))
            negative = values < 0
            if negative.any():  # an answer before its question: clocks; counted, and kept at the low end
                self.counts.negative_latency += int(negative.sum())
            for metric in metrics:
                self._histograms.setdefault(metric, Histogram()).record_many(values)


def resident_bytes() -> int:
    """Resident memory of this process."""
    try:
        with open("/proc/self/statm", "rb") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import psutil

        return int(psutil.Process().memory_info().rss)
