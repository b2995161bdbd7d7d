"""Selecting, summing and merging samples."""

from __future__ import annotations

import numpy as np
import pytest

from malaria.analysis.windows import (
    by_second,
    histogram_of,
    in_phase,
    measured_window_ns,
    merge_samples,
    second_of,
    total,
    unpack,
    workers_of,
)
from malaria.errors import RunError
from malaria.records.histogram import Histogram
from malaria.records.rows import Counter, Gauge, Metric, RunPhase, Sample
from malaria.records.run import Run
from malaria.records.run_meta import RunMeta
from synthetic import make_records, with_meta

S = 10**9


def packed(*values_ns: int) -> bytes:
    histogram = Histogram()
    histogram.record_many(np.array(values_ns))
    return histogram.to_bytes()


ONE = Sample("1", 0, S, RunPhase.WARMUP, {"due": 3, "sent": 1}, {"inflight": 4, "lag_max_ns": 9}, {"ack": packed(5000)})
TWO = Sample("2", 1, S + 5, RunPhase.MEASURE, {"due": 2}, {"inflight": 1, "lag_max_ns": 7}, {"ack": packed(7000, 9000)})


def test_merging_adds_counts_gauges_and_histograms() -> None:
    merged = merge_samples([ONE, TWO])
    assert (merged.worker, merged.start_ns, merged.end_ns, merged.phase) == ("1+2", 0, S + 5, RunPhase.MEASURE)
    assert merged.counters == {"due": 5, "sent": 1}
    assert merged.gauges == {"inflight": 5, "lag_max_ns": 9}
    assert merged.histograms == {"ack": packed(5000, 7000, 9000)}


def test_of_pieces_of_one_worker_the_last_gauge_and_the_largest_maximum_count() -> None:
    piece = Sample("1", S, S + 5, RunPhase.DRAIN, {}, {"inflight": 2, "lag_max_ns": 1})
    assert merge_samples([piece, ONE]).gauges == {"inflight": 2, "lag_max_ns": 9}


def test_merging_one_changes_nothing() -> None:
    assert merge_samples([ONE]) == ONE


def test_merging_is_the_same_in_any_order() -> None:
    samples = list(make_records(seconds=2, workers=3, clients=90).samples)
    assert merge_samples(samples) == merge_samples(samples[::-1])


def test_a_damaged_histogram_says_where() -> None:
    bad = Sample("7", 0, 3 * S, RunPhase.MEASURE, {}, {}, {"ack": b"rubbish"})
    with pytest.raises(RunError, match="worker 7, second 3, ack"):
        unpack(bad, Metric.ACK)
    with pytest.raises(RunError, match="damaged"):
        merge_samples([bad, ONE])


def test_what_a_sample_lacks_is_empty() -> None:
    assert unpack(ONE, Metric.LAG).is_empty
    assert histogram_of([ONE, TWO], Metric.LAG).is_empty
    assert histogram_of([ONE, TWO], Metric.ACK, Metric.LAG).count == 3


def test_phases_and_totals() -> None:
    records = Run(RunMeta(), (ONE, TWO), (), None)
    assert in_phase(records, RunPhase.MEASURE) == [TWO]
    assert total(records.samples, Counter.DUE) == 5
    assert total(records.samples, Counter.LATE_SAMPLES) == 0


@pytest.mark.parametrize(
    ("end_ns", "second"),
    [(S, 1), (S - 5, 1), (S + 1_000_000, 1), (S + S // 20, 1), (S + S // 5, 2), (S + S // 2, 2), (2 * S, 2)],
)
def test_a_sample_belongs_to_the_second_it_ends(end_ns: int, second: int) -> None:
    assert second_of(end_ns) == second


def test_seconds_ascend() -> None:
    late = Sample("1", 0, 3 * S, RunPhase.MEASURE)
    assert by_second(Run(RunMeta(), (late, ONE, TWO), (), None)) == {1: [ONE, TWO], 3: [late]}


def test_workers_are_those_that_were_hired() -> None:
    assert workers_of(Run(RunMeta.model_validate({"workers": ["1", "9"]}), (ONE,), (), None)) == ["1", "9"]
    assert workers_of(Run(RunMeta(), (TWO, ONE), (), None)) == ["1", "2"]


def test_the_measured_window() -> None:
    records = make_records(seconds=4, clients=60)
    assert measured_window_ns(records) == (3 * S, 7 * S)
    assert measured_window_ns(with_meta(records, measure_end_ns=99 * S)) == (3 * S, 7 * S)
    assert measured_window_ns(with_meta(records, measure_end_ns=None)) == (3 * S, 7 * S)
    assert measured_window_ns(with_meta(records, measure_start_ns=None)) is None
    assert measured_window_ns(Run(records.meta, (ONE,), (), None)) is None


def test_gauges_that_are_a_maximum_are_named_so() -> None:
    assert {gauge for gauge in Gauge if "_max_" in gauge} == {Gauge.TURN_MAX_NS, Gauge.LAG_MAX_NS}
