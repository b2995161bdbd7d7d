"""Samples by second: the same whether they come one by one or all at once."""

from __future__ import annotations

import random

import numpy as np
import pytest

from malaria.analysis.series import columns
from malaria.errors import RunError
from malaria.records import histogram
from malaria.records.histogram import Histogram
from malaria.records.rows import LOST_HISTOGRAMS, Counter, Gauge, Metric, RunPhase, Sample
from malaria.records.run import Run
from malaria.records.run_meta import RunMeta
from malaria.records.sample_timeline import Second, Timeline
from synthetic import make_run

S = 10**9


def packed(*values_ns: int) -> bytes:
    made = Histogram()
    made.record_many(np.array(values_ns))
    return made.to_bytes()


ONE = Sample("1", 0, S, RunPhase.WARMUP, {"due": 3, "sent": 1}, {"inflight": 4, "lag_max_ns": 9}, {"ack": packed(5000)})
TWO = Sample("2", 1, S + 5, RunPhase.MEASURE, {"due": 2}, {"inflight": 1, "lag_max_ns": 7}, {"ack": packed(7000, 9000)})


def second_with(*samples: Sample) -> Second:
    second = Second(1)
    for sample in samples:
        second.add(sample)
    return second


def test_a_second_adds_counts_gauges_and_histograms() -> None:
    second = second_with(ONE, TWO)
    assert second.workers == {"1", "2"}
    assert (second.total(Counter.DUE), second.total(Counter.ACKED)) == (5, 0)
    assert second.gauges() == {"inflight": 5, "lag_max_ns": 9}
    assert second.histogram(Metric.ACK).to_bytes() == packed(5000, 7000, 9000)
    assert second.histogram(Metric.LAG).is_empty
    merged = second.merged()
    assert (merged.worker, merged.start_ns, merged.end_ns, merged.phase) == ("1+2", 0, S + 5, RunPhase.MEASURE)
    assert merged.counters == {"due": 5, "sent": 1}


def test_a_second_takes_more_after_it_was_read() -> None:
    second = second_with(ONE)
    assert second.histogram(Metric.ACK).count == 1
    second.add(TWO)
    assert second.histogram(Metric.ACK).count == 3


def test_the_last_gauge_of_a_worker_and_the_largest_maximum_count() -> None:
    piece = Sample("1", S, S + 5, RunPhase.DRAIN, {}, {"inflight": 2, "lag_max_ns": 1})
    assert second_with(piece, ONE).gauges() == {"inflight": 2, "lag_max_ns": 9}


def test_gauges_that_are_a_maximum_are_named_so() -> None:
    assert {gauge for gauge in Gauge if "_max_" in gauge} == {
        Gauge.TURN_MAX_NS,
        Gauge.LAG_MAX_NS,
        Gauge.SILENT_MAX_NS,
        Gauge.SILENT_MAX_AGO_NS,
        Gauge.WAITED_MAX_NS,
    }


def test_one_by_one_and_all_at_once_are_the_same() -> None:
    samples = list(make_run(seconds=4, workers=3, clients=90).samples)
    shuffled = random.Random(1).sample(samples, len(samples))
    together, apart = Timeline(samples), Timeline()
    for sample in shuffled:
        apart.add(sample)
    for one, other in zip(together, apart, strict=True):
        assert (one.end_s, one.workers, one.gauges()) == (other.end_s, other.workers, other.gauges())
        assert one.merged().counters == other.merged().counters
        assert one.histogram(Metric.ACK).to_bytes() == other.histogram(Metric.ACK).to_bytes()


def test_seconds_ascend_and_have_no_holes_filled() -> None:
    late = Sample("1", 0, 3 * S, RunPhase.MEASURE)
    assert [(second.end_s, second.samples) for second in Timeline([late, ONE, TWO])] == [(1, [ONE, TWO]), (3, [late])]


def test_steps_of_several_seconds() -> None:
    samples = [Sample("1", (n - 1) * S, n * S, RunPhase.MEASURE, {"due": n}) for n in range(1, 8)]
    assert [(step.end_s, step.total("due")) for step in Timeline(samples, step_s=5)] == [(5, 15), (10, 13)]


def test_steps_made_of_seconds_are_those_made_of_samples() -> None:
    run = make_run(seconds=7, workers=2, clients=90)
    made, wanted = list(run.timeline.in_steps(3)), list(Timeline(run.samples, step_s=3))
    assert [step.end_s for step in made] == [step.end_s for step in wanted]
    for one, other in zip(made, wanted, strict=True):
        assert (one.workers, one.gauges(), one.merged()) == (other.workers, other.gauges(), other.merged())
        assert one.histogram(Metric.ACK).to_bytes() == other.histogram(Metric.ACK).to_bytes()


def test_a_step_without_one_of_its_histograms_has_no_latencies() -> None:
    lost = Sample("1", S, 2 * S, RunPhase.MEASURE, {}, {}, {LOST_HISTOGRAMS: b""})
    (step,) = Timeline([ONE, lost]).in_steps(5)
    assert step.histogram(Metric.ACK).is_empty


def test_each_histogram_is_unpacked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures of the whole run, its seconds and steps of several come from the same seconds."""
    run = make_run(seconds=30, workers=2, clients=90)
    unpacked: list[bytes] = []
    read = histogram._read_packed

    def count(packed: bytes) -> object:
        unpacked.append(packed)
        return read(packed)

    monkeypatch.setattr(histogram, "_read_packed", count)
    for metric in Metric:
        assert run.histogram(metric).count == sum(second.histogram(metric).count for second in run.timeline)
    columns(run)
    columns(run, 5)
    assert len(unpacked) == sum(len(sample.histograms) for sample in run.samples)


def test_what_was_shown_can_be_dropped() -> None:
    timeline = Timeline([ONE, Sample("1", S, 2 * S, RunPhase.MEASURE)])
    timeline.drop_before(2)
    assert [second.end_s for second in timeline] == [2]
    assert len(timeline) == 1


def test_the_seconds_of_a_run_are_made_once() -> None:
    run = Run(RunMeta(), (ONE, TWO), (), None)
    assert run.timeline is run.timeline
    assert run.histogram(Metric.ACK) is run.histogram(Metric.ACK)


def test_a_damaged_histogram_is_said() -> None:
    bad = Sample("7", 0, 3 * S, RunPhase.MEASURE, {}, {}, {"ack": b"rubbish"})
    with pytest.raises(RunError, match="damaged"):
        second_with(bad, ONE).histogram(Metric.ACK)
