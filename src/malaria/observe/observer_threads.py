"""Several observers at once: each in a thread of its own, at its own pace, on the run's clock.

Promises: no observer holds up another, nor who reads the rows. One that loses what it watches gives a row `gap` with
the reason and a mark, once, and another mark when it is back; one that fails in a way nobody foresaw does the same. One
that takes longer than its interval gives fewer samples: those left out are counted (`late_samples`), never made up for.
What nobody fetches is dropped beyond a bound, and counted. `stop` takes a bounded time.
An observer that is there only by default and never saw anything leaves no row and no mark, only its reason.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from malaria.clock import NS_PER_S
from malaria.observe.observer import CountingObserver, LostError, Observer, clean
from malaria.records.rows import GAP, Event, EventKind, Observation
from malaria.records.run_meta import ObserverFacts

MOST_WAITING: Final = 20_000
"""Rows that nobody has fetched."""
STOP_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class ScheduledObserver:
    """An observer and how it is to be asked. `stated`: somebody asked for it."""

    observer: Observer
    interval_ns: int = NS_PER_S
    stated: bool = True


@dataclass(slots=True)
class _State:
    """How one observer has fared."""

    post: ScheduledObserver
    samples: int = 0
    late: int = 0
    gaps: int = 0
    dropped: int = 0  # rows that nobody fetched in time
    reason: str = ""  # why there is nothing now; empty while there is
    started: bool = False
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def silent(self) -> bool:
        return not self.post.stated and not self.samples


class ObserverThreads:
    """Runs observers until it is stopped. `clock` gives nanoseconds of run time."""

    def __init__(self, posts: Sequence[ScheduledObserver], clock: Callable[[], int]) -> None:
        self._states = [_State(post) for post in posts]
        self._clock = clock
        self._rows: queue.SimpleQueue[Observation | Event] = queue.SimpleQueue()
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._watch, args=(state,), name=f"observe-{state.post.observer.name}", daemon=True)
            for state in self._states
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def drain(self) -> list[Observation | Event]:
        """What has come since the last call, in the order in which it came."""
        rows: list[Observation | Event] = []
        while True:
            try:
                rows.append(self._rows.get_nowait())
            except queue.Empty:
                return rows

    def outstanding_ns(self, since_ns: int) -> int:
        """How long it may yet take until all is heard that is about the time up to `since_ns` (of `malaria.clock`)."""
        observers = [state.post.observer for state in self._states]
        return max((one.outstanding_ns(since_ns) for one in observers if isinstance(one, CountingObserver)), default=0)

    def stop(self) -> tuple[ObserverFacts, ...]:
        """Ends all observers and tells how each has fared. One that does not end in time is left alone."""
        self._over.set()
        end = time.monotonic() + STOP_S
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, end - time.monotonic()))
        return self.account()

    def account(self) -> tuple[ObserverFacts, ...]:
        """How each observer has fared so far."""
        return tuple(_account(state) for state in self._states)

    def _watch(self, state: _State) -> None:
        """The life of one observer's thread."""
        observer, interval_ns = state.post.observer, state.post.interval_ns
        turn = self._clock() // interval_ns
        while not self._over.is_set():
            self._turn(state)
            due = turn + 1
            turn = max(due, self._clock() // interval_ns + 1)
            state.late += turn - due
            self._over.wait(max(0, turn * interval_ns - self._clock()) / NS_PER_S)
        if isinstance(observer, CountingObserver):  # what has been counted since its last turn
            self._turn(state)
        try:
            observer.stop()
        except Exception as error:
            state.reason = _unforeseen(error)
        state.stopped.set()

    def _turn(self, state: _State) -> None:
        """One sample, or the reason why there is none."""
        observer = state.post.observer
        try:
            if not state.started:
                observer.start()
                state.started = True
            before_ns = self._clock()
            values = dict(observer.sample(before_ns))
            at_ns = (before_ns + self._clock()) // 2
        except LostError as error:
            self._lose(state, str(error))
        except Exception as error:  # hostile input, or a bug of ours: the run goes on without this observer's figures
            self._lose(state, _unforeseen(error))
        else:
            if values:
                self._find(state, at_ns)
                state.samples += 1
                self._put(state, Observation(observer.name, at_ns, values))

    def _lose(self, state: _State, reason: str) -> None:
        fresh = not state.reason
        state.reason = reason
        if state.silent or not fresh:
            return
        state.gaps += 1
        at_ns, name = self._clock(), state.post.observer.name
        self._put(state, Observation(name, at_ns, {GAP: reason}))
        self._put(state, Event(at_ns, EventKind.OBSERVER, f"{name} lost: {reason}", name))

    def _find(self, state: _State, at_ns: int) -> None:
        if state.reason and state.gaps:
            name = state.post.observer.name
            self._put(state, Event(at_ns, EventKind.OBSERVER, f"{name} is back", name))
        state.reason = ""

    def _put(self, state: _State, row: Observation | Event) -> None:
        if self._rows.qsize() < MOST_WAITING:
            self._rows.put(row)
        else:
            state.dropped += 1


def _account(state: _State) -> ObserverFacts:
    observer = state.post.observer
    return ObserverFacts(
        observer=observer.name,
        about=observer.about,
        stated=state.post.stated,
        interval_s=state.post.interval_ns / NS_PER_S,
        samples=state.samples,
        late_samples=state.late,
        gaps=state.gaps,
        dropped_rows=state.dropped,
        reason=state.reason,
    )


def _unforeseen(error: Exception) -> str:
    return clean(f"it failed: {type(error).__name__}: {error}")
