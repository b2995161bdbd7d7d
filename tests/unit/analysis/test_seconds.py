"""A load second by second."""

from __future__ import annotations

from dataclasses import replace

import pytest

from malaria.analysis.seconds import between, done_per_s, due_per_s, own_lag_limit_ns, rate_of, seconds_of, touching
from malaria.clock import NS_PER_S as S
from malaria.records.rows import Counter, Metric
from malaria.records.run import Run
from malaria.records.run_meta import RunMeta
from synthetic import Course, make_run, with_late_reports

COURSE = Course([100, 100, 100], [100, 60, 120], ack_ms=[2.0, 5.0, 9.0])


def counted(records: Run, place: int, **counts: int) -> Run:
    samples = list(records.samples)
    samples[place] = replace(samples[place], counters={**samples[place].counters, **counts})
    return replace(records, samples=tuple(samples))


def test_what_is_owed_is_due_and_not_done_since_the_beginning() -> None:
    seconds = seconds_of(COURSE.run())
    assert [(s.end_s, s.due, s.done, s.owed) for s in seconds] == [
        (1, 100, 100, 0),
        (2, 100, 60, 40),
        (3, 100, 120, 20),
    ]
    assert [round(s.p99_ms(Metric.ACK) or 0) for s in seconds] == [2, 5, 9]
    assert seconds[0].p99_ms(Metric.CONNECT) is None
    assert {s.ready for s in seconds} == {100}


@pytest.mark.parametrize(
    "counter", [Counter.ABANDONED, Counter.FORGOTTEN, Counter.TOO_LARGE, Counter.PUBLISHES_REFUSED]
)
def test_what_was_given_up_is_owed_no_more(counter: Counter) -> None:
    assert seconds_of(counted(COURSE.run(), 1, **{counter: 15}))[2].owed == 5


def test_at_qos_0_what_the_kernel_took_is_done() -> None:
    records = Course([100] * 3, [0] * 3, meta={"acknowledged": False}).run()
    assert [(s.done, s.owed) for s in seconds_of(counted(records, 2, sent=90, forgotten=5))] == [(100, 0)] * 2 + [
        (90, 10)
    ]


def test_a_second_without_a_worker_is_not_there() -> None:
    records = make_run(seconds=4, workers=2)
    whole = [second.end_s for second in seconds_of(records)]
    assert whole == [4, 5, 6, 7]
    partial = tuple(s for s in records.samples if not (s.worker == "2" and s.end_ns == 5 * S))
    assert [second.end_s for second in seconds_of(replace(records, samples=partial))] == [4, 6, 7]


def test_cuts_of_time() -> None:
    seconds = seconds_of(Course([1] * 5).run())
    assert [s.end_s for s in between(seconds, S, 3 * S)] == [2, 3]
    assert [s.end_s for s in between(seconds, S // 2, 3 * S)] == [2, 3]
    assert [s.end_s for s in touching(seconds, S // 2, 3 * S)] == [1, 2, 3]
    assert [s.end_s for s in touching(seconds, S, 3 * S)] == [2, 3]


def test_nothing_measured_is_no_second() -> None:
    assert seconds_of(Run(RunMeta(), (), (), None)) == []


def test_how_late_we_may_be() -> None:
    assert own_lag_limit_ns(RunMeta()) == 5_000_000
    assert own_lag_limit_ns(RunMeta(own_lag_limit_ns=7)) == 7


def test_rates_are_over_the_time_that_was_reported() -> None:
    """Late reports leave one second of three, with three seconds of messages."""
    seconds = seconds_of(with_late_reports(Course([100] * 12, [90] * 12).run(), range(2, 10, 3)))
    assert [(second.end_s, second.due) for second in seconds] == [
        (1, 100),
        (4, 300),
        (7, 300),
        (10, 300),
        (11, 100),
        (12, 100),
    ]
    assert [second.begin_s for second in seconds] == [0, 1, 4, 7, 10, 11]
    assert (due_per_s(seconds), done_per_s(seconds), rate_of(seconds, Counter.SENT)) == (100, 90, 100)


def test_rates_of_workers_of_unequal_shares() -> None:
    """Worker 2 carries a tenth of what worker 1 carries and is late alone."""
    small = [replace(sample, worker="2", counters={"due": 10}) for sample in Course([10] * 6).run().samples]
    records = Course([100] * 6, meta={"workers": ["1", "2"]}).run()
    both = with_late_reports(replace(records, samples=(*records.samples, *small)), [2], worker="2")
    seconds = seconds_of(both)
    assert [(second.end_s, second.due) for second in seconds] == [(1, 110), (4, 130), (5, 110), (6, 110)]
    assert seconds[1].begin_s == 3  # of worker 1 nothing is known of the two seconds before
    assert due_per_s(seconds) == due_per_s(seconds[1:2]) == 110


def test_rates_of_nothing() -> None:
    assert (due_per_s([]), done_per_s([]), rate_of([], Counter.DUE)) == (0, 0, None)
