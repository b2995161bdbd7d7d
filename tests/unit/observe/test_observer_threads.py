"""Several observers side by side, on a clock that a test turns. Threads are real; nothing waits for real time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from malaria.clock import NS_PER_S as S
from malaria.observe import observer_threads
from malaria.observe.observer import LostError, Readings
from malaria.observe.observer_threads import ObserverThreads, ScheduledObserver
from malaria.records.rows import Event, EventKind, Observation

INTERVAL_NS = S // 1000


@dataclass
class Scripted:
    """Does at each sample what the script says next; at its end it says so and waits for the end of the test."""

    script: list[Readings | Exception]
    name: str = "sys"
    about: str = "a script"
    startings: list[Exception] = field(default_factory=list)
    played: threading.Event = field(default_factory=threading.Event)
    stops: int = 0
    begun: int = 0

    def start(self) -> None:
        self.begun += 1
        if self.startings:
            raise self.startings.pop(0)

    def sample(self, now_ns: int) -> Readings:
        if not self.script:
            self.played.set()
            return {}
        said = self.script.pop(0)
        if isinstance(said, Exception):
            raise said
        return said

    def stop(self) -> None:
        self.stops += 1


def play(*observers: Scripted, stated: bool = True) -> tuple[ObserverThreads, list[Observation | Event]]:
    watch = ObserverThreads(
        [ScheduledObserver(observer, INTERVAL_NS, stated) for observer in observers], time.monotonic_ns
    )
    watch.start()
    for observer in observers:
        assert observer.played.wait(10)
    account = watch.stop()
    assert [one.observer for one in account] == [observer.name for observer in observers]
    return watch, watch.drain()


def texts(rows: list[Observation | Event]) -> list[str]:
    return [row.text for row in rows if isinstance(row, Event)]


def values(rows: list[Observation | Event]) -> list[Readings]:
    return [row.values for row in rows if isinstance(row, Observation)]


def test_each_sample_is_a_row_on_the_clock() -> None:
    observer = Scripted([{"a": 1}, {}, {"a": 2}])
    watch, rows = play(observer)
    assert values(rows) == [{"a": 1}, {"a": 2}]
    times = [row.at_ns for row in rows]
    assert times == sorted(times)
    assert (observer.begun, observer.stops) == (1, 1)
    assert watch.account()[0].samples == 2


def test_a_loss_is_one_gap_with_its_reason_and_a_mark_at_each_end() -> None:
    gone = LostError("the broker is gone")
    watch, rows = play(Scripted([{"a": 1}, gone, gone, LostError("still gone"), {"a": 2}, gone]))
    assert values(rows) == [{"a": 1}, {"gap": "the broker is gone"}, {"a": 2}, {"gap": "the broker is gone"}]
    assert texts(rows) == ["sys lost: the broker is gone", "sys is back", "sys lost: the broker is gone"]
    assert all(row.kind is EventKind.OBSERVER for row in rows if isinstance(row, Event))
    assert watch.account()[0].gaps == 2


def test_a_failure_that_nobody_foresaw_is_a_gap_too() -> None:
    _, rows = play(Scripted([ZeroDivisionError("a bug"), {"a": 1}]))
    assert values(rows) == [{"gap": "it failed: ZeroDivisionError: a bug"}, {"a": 1}]


def test_it_is_started_until_it_starts() -> None:
    observer = Scripted([{"a": 1}], startings=[LostError("not yet"), LostError("not yet")])
    _, rows = play(observer)
    assert observer.begun == 3
    assert values(rows) == [{"gap": "not yet"}, {"a": 1}]


def test_what_nobody_asked_for_is_quietly_absent() -> None:
    watch, rows = play(Scripted([LostError("not permitted")] * 3), stated=False)
    assert rows == []
    assert watch.account()[0].gaps == 0


def test_what_nobody_asked_for_is_missed_once_it_was_there() -> None:
    _, rows = play(Scripted([{"a": 1}, LostError("gone")]), stated=False)
    assert texts(rows) == ["sys lost: gone"]


def test_one_does_not_hold_up_another() -> None:
    stuck, free = threading.Event(), Scripted([{"a": n} for n in range(5)], name="host")

    class Stuck(Scripted):
        def sample(self, now_ns: int) -> Readings:
            self.played.set()
            stuck.wait(10)
            return {}

    blocked = Stuck([])
    watch = ObserverThreads(
        [ScheduledObserver(blocked, INTERVAL_NS), ScheduledObserver(free, INTERVAL_NS)], time.monotonic_ns
    )
    watch.start()
    assert free.played.wait(10)
    stuck.set()
    watch.stop()
    assert len(watch.drain()) == 5


class Hanging(Scripted):
    """Answers its second question only when it is released."""

    def __init__(self) -> None:
        super().__init__([{"a": 1}, {"a": 2}])
        self.asked, self.released = threading.Event(), threading.Event()

    def sample(self, now_ns: int) -> Readings:
        if len(self.script) == 1:
            self.asked.set()
            assert self.released.wait(10)
        return super().sample(now_ns)


def test_an_observer_that_hangs_is_lost_from_when_it_was_asked_and_may_come_back() -> None:
    now, observer = [5 * S], Hanging()
    watch = ObserverThreads([ScheduledObserver(observer, INTERVAL_NS)], lambda: now[0])
    watch.start()
    assert observer.asked.wait(10)
    assert values(watch.drain()) == [{"a": 1}]
    now[0] += observer_threads.LONGEST_ANSWER_NS
    assert watch.drain() == []
    now[0] += 1
    lost = watch.drain()
    assert values(lost) == [{"gap": "no answer for 10 s"}]
    assert {row.at_ns for row in lost} == {5 * S}
    assert watch.drain() == []  # once
    observer.released.set()
    assert observer.played.wait(10)
    assert watch.stop()[0].gaps == 1
    rest = watch.drain()
    assert (texts(rest), values(rest)) == (["sys is back"], [{"a": 2}])


def test_an_observer_that_hangs_when_the_run_ends_is_lost_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observer_threads, "STOP_S", 0.0)
    now, observer = [5 * S], Hanging()
    watch = ObserverThreads([ScheduledObserver(observer, INTERVAL_NS)], lambda: now[0])
    watch.start()
    assert observer.asked.wait(10)
    now[0] += 2 * S
    assert watch.stop()[0].reason == "no answer for 2 s"
    assert texts(watch.drain()) == ["sys lost: no answer for 2 s"]
    observer.released.set()


def test_one_slower_than_its_interval_is_counted_and_never_piles_up() -> None:
    now = [0]

    class Slow(Scripted):
        def sample(self, now_ns: int) -> Readings:
            now[0] += 3_500_000_000  # three and a half intervals
            return super().sample(now_ns)

    observer = Slow([{"a": 1}, {"a": 2}])
    watch = observer_threads.ObserverThreads([ScheduledObserver(observer, S)], lambda: now[0])
    state = watch._states[0]
    rest: list[float] = []
    watch._over.wait = _waiting(now, rest, watch)  # type: ignore[method-assign]
    watch._run(state)
    assert state.late == 9  # three in each of three turns
    assert rest == [0.5, 0.5, 0.5]


def _waiting(now: list[int], rest: list[float], watch: ObserverThreads) -> Callable[[float | None], bool]:
    def wait(timeout: float | None = None) -> bool:
        rest.append(timeout or 0)
        now[0] += round((timeout or 0) * S)
        if len(rest) == 3:
            watch._over.set()
        return False

    return wait


def test_what_nobody_fetches_is_dropped_and_counted(monkeypatch: object) -> None:
    kept = observer_threads.MOST_WAITING
    observer_threads.MOST_WAITING = 3  # type: ignore[misc]
    try:
        watch, rows = play(Scripted([{"a": n} for n in range(5)]))
    finally:
        observer_threads.MOST_WAITING = kept  # type: ignore[misc]
    assert (len(rows), watch.account()[0].dropped_rows) == (3, 2)


def test_an_observer_that_does_not_stop_holds_nobody_up() -> None:
    class Bad(Scripted):
        def stop(self) -> None:
            raise OSError("no")

    watch, _ = play(Bad([{"a": 1}]))
    assert watch.account()[0].reason == "it failed: OSError: no"


@dataclass
class Talker(Scripted):
    """It is told `last` after its last turn."""

    last: Readings = field(default_factory=dict)

    def outstanding_ns(self, since_ns: int) -> int:
        return since_ns + 1

    def sample(self, now_ns: int) -> Readings:
        if self.played.is_set() and self.last:
            said, self.last = self.last, {}
            return said
        return super().sample(now_ns)


def test_what_is_counted_is_heard_to_the_end() -> None:
    """The interval is an hour: but for the end there is one turn."""
    talker, other = Talker([], last={"dropped": 7}), Scripted([], name="host")
    watch = ObserverThreads([ScheduledObserver(one, 3600 * S) for one in (talker, other)], time.monotonic_ns)
    assert watch.outstanding_ns(4) == 5
    watch.start()
    assert talker.played.wait(10)
    assert other.played.wait(10)
    watch.stop()
    assert values(watch.drain()) == [{"dropped": 7}]
