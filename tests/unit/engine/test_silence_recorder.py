"""A silence is the time between two hearings, without the time in which this process did not run."""

from __future__ import annotations

from malaria.engine.silence_recorder import TICK_NS, SilenceRecorder
from malaria.records.rows import Gauge

MS = 1_000_000
S = 1000 * MS


class Course:
    """A recorder that is ticked as a loop ticks it."""

    def __init__(self) -> None:
        self.recorder = SilenceRecorder(0)
        self.now_ns = 0
        self.heard = 0

    def silent(self, ticks: int, waiting_ns: int | None = None, sent: int = 0) -> Course:
        for _ in range(ticks):
            self.now_ns += TICK_NS
            self.recorder.tick(self.now_ns, self.heard, sent)
            if self.recorder.is_long:
                self.recorder.waiting(waiting_ns)
        return self

    def talking(self, ticks: int) -> Course:
        for _ in range(ticks):
            self.heard += 1
            self.silent(1)
        return self

    def gauges(self) -> dict[Gauge, int]:
        return self.recorder.gauges(self.now_ns)


def test_a_broker_that_talks_is_never_silent() -> None:
    assert Course().talking(10).gauges() == {Gauge.SILENT_MAX_NS: 0}


def test_less_than_half_a_second_is_not_reported() -> None:
    assert Course().talking(10).silent(3).gauges() == {Gauge.SILENT_MAX_NS: 0}


def test_a_silence_begins_at_the_tick_before_the_last_hearing_and_lasts() -> None:
    course = Course().talking(10).silent(9)
    assert course.gauges() == {Gauge.SILENT_MAX_NS: S}
    assert course.silent(10).gauges() == {Gauge.SILENT_MAX_NS: 2 * S}


def test_it_ends_when_the_broker_is_heard() -> None:
    course = Course().talking(10).silent(9, waiting_ns=1200 * MS)
    course.recorder.hear(1950 * MS, course.heard + 1)
    assert course.talking(2).gauges() == {
        Gauge.SILENT_MAX_NS: 1050 * MS,
        Gauge.SILENT_MAX_AGO_NS: 150 * MS,
        Gauge.WAITED_MAX_NS: 750 * MS,
    }
    assert course.talking(8).gauges() == {Gauge.SILENT_MAX_NS: 0}


def test_a_message_that_no_longer_waits_does_not_count() -> None:
    course = Course().silent(10, waiting_ns=100 * MS).silent(1, waiting_ns=None)
    assert Gauge.WAITED_MAX_NS not in course.gauges()


def test_what_the_process_did_not_run_is_taken_out() -> None:
    course = Course().talking(10).silent(9, waiting_ns=1 * S)
    course.now_ns += 2 * S
    course.silent(1, waiting_ns=1 * S)
    assert course.gauges() == {Gauge.SILENT_MAX_NS: 1100 * MS, Gauge.WAITED_MAX_NS: 1000 * MS}


def test_a_hearing_after_a_pause_ended_the_silence_when_it_began() -> None:
    course = Course().talking(10).silent(9)
    course.recorder.hear(course.now_ns + 2 * S, course.heard + 1)
    course.now_ns += 2 * S
    course.talking(1)
    assert course.gauges() == {Gauge.SILENT_MAX_NS: 1100 * MS, Gauge.SILENT_MAX_AGO_NS: 2 * S}


def test_a_pause_between_two_hearings_is_no_silence() -> None:
    course = Course().talking(10)
    course.now_ns += 3 * S
    assert course.talking(2).gauges() == {Gauge.SILENT_MAX_NS: 0}


def test_of_several_the_longest_is_reported() -> None:
    course = Course().silent(7)
    course.recorder.hear(750 * MS, 1)
    course.heard = 1
    course.silent(7)
    assert course.gauges() == {Gauge.SILENT_MAX_NS: 750 * MS, Gauge.SILENT_MAX_AGO_NS: 650 * MS}


def test_messages_of_qos_0_wait_from_the_tick_before_they_were_seen_sent() -> None:
    course = Course().talking(10).silent(2).silent(7, sent=5)
    assert course.recorder.spoken_ns == 1200 * MS
    assert course.talking(1).recorder.spoken_ns is None
