"""Runs several observers at once, each in a thread of its own and at its own interval, on the run's clock.

Promises: no observer holds up another one, or the reader of the rows. An observer that loses its object, or fails in an
unforeseen way, writes one row `gap` with the reason and one event, and another event when it is back. So does one that
does not answer for `LONGEST_ANSWER_NS`, or has not answered when the run ends. A sample that
takes longer than the interval is followed by fewer samples; the skipped ones are counted (`late_samples`). Rows that
are not fetched are dropped beyond a bound, and counted. `stop` takes a bounded time. An observer that runs only by
default and never sees anything writes no row and no event; its reason is kept.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from malaria.clock import NS_PER_S
from malaria.observe.observer import CountingObserver, LostError, Observer, Readings, unforeseen_failure
from malaria.records.rows import GAP, Event, EventKind, Observation
from malaria.records.run_meta import ObserverFacts

MOST_WAITING: Final = 20_000
"""Most rows that wait to be fetched."""
STOP_S: Final = 3.0
LONGEST_ANSWER_NS: Final = 10 * NS_PER_S
"""The longest `start` or `sample` of any observer, whatever it waits for."""


@dataclass(frozen=True, slots=True)
class ScheduledObserver:
    """An observer and the interval of its samples. `stated`: the user asked for it, it is not a default."""

    observer: Observer
    interval_ns: int = NS_PER_S
    stated: bool = True


@dataclass(slots=True)
class _ThreadState:
    """The state of one observer's thread."""

    scheduled: ScheduledObserver
    samples: int = 0
    late: int = 0
    gaps: int = 0
    dropped: int = 0  # rows that were not fetched in time
    reason: str = ""  # why the last sample failed; empty if it did not
    started: bool = False
    asked_ns: int | None = None  # when the `start` or `sample` that is under way began
    stopped: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)  # `drain` reads the state while the thread hangs

    @property
    def silent(self) -> bool:
        return not self.scheduled.stated and not self.samples


class ObserverThreads:
    """Runs observers until it is stopped. `clock` gives nanoseconds of run time."""

    def __init__(self, scheduled: Sequence[ScheduledObserver], clock: Callable[[], int]) -> None:
        self._states = [_ThreadState(one) for one in scheduled]
        self._clock = clock
        self._rows: queue.SimpleQueue[Observation | Event] = queue.SimpleQueue()
        self._over = threading.Event()
        self._threads = [
            threading.Thread(
                target=self._run, args=(state,), name=f"observe-{state.scheduled.observer.name}", daemon=True
            )
            for state in self._states
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def drain(self) -> list[Observation | Event]:
        """Return the rows since the last call, in the order in which they came."""
        self._mark_hung(LONGEST_ANSWER_NS)
        rows: list[Observation | Event] = []
        while True:
            try:
                rows.append(self._rows.get_nowait())
            except queue.Empty:
                return rows

    def outstanding_ns(self, since_ns: int) -> int:
        """Return how long updates that cover the time up to `since_ns` (of `malaria.clock`) may still take."""
        observers = [state.scheduled.observer for state in self._states]
        return max((one.outstanding_ns(since_ns) for one in observers if isinstance(one, CountingObserver)), default=0)

    def stop(self) -> tuple[ObserverFacts, ...]:
        """Stop all observers and return their final state. One that does not end in time is left behind."""
        self._over.set()
        end = time.monotonic() + STOP_S
        for thread in self._threads:
            # one that was never started cannot be joined
            if thread.ident is not None:
                thread.join(max(0.0, end - time.monotonic()))
        self._mark_hung(0)
        return self.account()

    def account(self) -> tuple[ObserverFacts, ...]:
        """Return the state of every observer so far."""
        return tuple(_facts_of(state) for state in self._states)

    def _run(self, state: _ThreadState) -> None:
        """Sample one observer at its interval until `stop`; this is the body of its thread."""
        observer, interval_ns = state.scheduled.observer, state.scheduled.interval_ns
        turn = self._clock() // interval_ns
        while not self._over.is_set():
            self._sample(state)
            due = turn + 1
            # turns are multiples of the interval since run time 0, so that observers sample together
            turn = max(due, self._clock() // interval_ns + 1)
            state.late += turn - due
            self._over.wait(max(0, turn * interval_ns - self._clock()) / NS_PER_S)
        if isinstance(observer, CountingObserver):  # read what was counted since its last sample
            self._sample(state)
        try:
            observer.stop()
        except Exception as error:
            state.reason = unforeseen_failure(error)
        state.stopped.set()

    def _sample(self, state: _ThreadState) -> None:
        """Take one sample, or record the reason why there is none."""
        observer = state.scheduled.observer
        state.asked_ns = self._clock()
        try:
            if not state.started:
                observer.start()
                state.started = True
            before_ns = self._clock()
            values = dict(observer.sample(before_ns))
            # the middle is off by half of the sample's duration at most
            at_ns = (before_ns + self._clock()) // 2
        except LostError as error:
            self._mark_failed(state, str(error), error.readings)
        except Exception as error:  # hostile input, or a bug: the run goes on without this observer's figures
            self._mark_failed(state, unforeseen_failure(error))
        else:
            with state.lock:
                state.asked_ns = None
                if values:
                    self._mark_found(state, at_ns)
                    state.samples += 1
                    self._put(state, Observation(observer.name, at_ns, values))

    def _mark_failed(self, state: _ThreadState, reason: str, readings: Readings | None = None) -> None:
        with state.lock:
            state.asked_ns = None
            at_ns = self._clock()
            if readings:
                self._put(state, Observation(state.scheduled.observer.name, at_ns, dict(readings)))
            self._mark_lost(state, reason, at_ns)

    def _mark_hung(self, longest_ns: int) -> None:
        """Mark observers as lost that have not answered for that long, from the moment at which they were asked."""
        for state in self._states:
            with state.lock:
                if state.asked_ns is None or state.reason:
                    continue
                waited_ns = self._clock() - state.asked_ns
                if waited_ns > longest_ns:
                    self._mark_lost(state, f"no answer for {waited_ns / NS_PER_S:.0f} s", state.asked_ns)

    def _mark_lost(self, state: _ThreadState, reason: str, at_ns: int) -> None:
        """Note why nothing can be read from `at_ns` on. The caller holds the lock."""
        # one gap per trouble, not one per sample
        fresh = not state.reason
        state.reason = reason
        if state.silent or not fresh:
            return
        state.gaps += 1
        name = state.scheduled.observer.name
        self._put(state, Observation(name, at_ns, {GAP: reason}))
        self._put(state, Event(at_ns, EventKind.OBSERVER, f"{name} lost: {reason}", name))

    def _mark_found(self, state: _ThreadState, at_ns: int) -> None:
        # an observer by default that never saw anything had no gap to come back from
        if state.reason and state.gaps:
            name = state.scheduled.observer.name
            self._put(state, Event(at_ns, EventKind.OBSERVER, f"{name} is back", name))
        state.reason = ""

    def _put(self, state: _ThreadState, row: Observation | Event) -> None:
        if self._rows.qsize() < MOST_WAITING:
            self._rows.put(row)
        else:
            state.dropped += 1


def _facts_of(state: _ThreadState) -> ObserverFacts:
    observer = state.scheduled.observer
    return ObserverFacts(
        observer=observer.name,
        about=observer.about,
        stated=state.scheduled.stated,
        interval_s=state.scheduled.interval_ns / NS_PER_S,
        samples=state.samples,
        late_samples=state.late,
        gaps=state.gaps,
        dropped_rows=state.dropped,
        reason=state.reason,
    )
