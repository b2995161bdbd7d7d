"""A sink never holds up who puts, counts what it drops, and ends in time."""

from __future__ import annotations

from threading import Event

import pytest

from malaria.outputs.live.background_sink import BackgroundSink


def test_calls_are_made_in_order() -> None:
    made: list[int] = []
    sink = BackgroundSink("test")
    for number in range(100):
        sink.put(lambda number=number: made.append(number))
    assert sink.close()
    assert made == list(range(100))
    assert sink.dropped == 0


def test_what_finds_the_queue_full_is_dropped_and_counted() -> None:
    begun, go, made = Event(), Event(), []
    sink = BackgroundSink("test", most_waiting=2)
    sink.put(lambda: (begun.set(), go.wait(30)))
    begun.wait(30)
    for number in range(5):
        sink.put(lambda number=number: made.append(number))
    assert sink.dropped == 3
    go.set()
    assert not sink.close()
    assert made == [0, 1]


def test_a_call_that_hangs_does_not_hold_up_the_end() -> None:
    begun, go = Event(), Event()
    sink = BackgroundSink("test")
    sink.put(lambda: (begun.set(), go.wait(30)))
    begun.wait(30)
    sink.put(lambda: None)
    assert not sink.close(wait_s=0.01)
    assert sink.dropped == 1
    go.set()


def test_a_call_that_fails_ends_the_sink_and_is_told_to_who_puts() -> None:
    sink = BackgroundSink("test")
    sink.put(lambda: 1 / 0)
    sink.close()
    with pytest.raises(ZeroDivisionError):
        sink.put(lambda: None)


def test_what_comes_after_the_end_is_counted() -> None:
    sink = BackgroundSink("test")
    assert sink.close()
    sink.put(lambda: None)
    assert sink.dropped == 1
