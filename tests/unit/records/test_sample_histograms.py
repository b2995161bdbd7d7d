"""Histograms of samples, unpacked and merged."""

from __future__ import annotations

import pytest

from malaria.errors import RunError
from malaria.records.histogram import Histogram
from malaria.records.rows import Metric, RunPhase, Sample
from malaria.records.sample_histograms import merged_histogram, second_of, unpack

S = 10**9


def sample(*values_ns: int) -> Sample:
    histogram = Histogram()
    for value_ns in values_ns:
        histogram.record(value_ns)
    return Sample("1", 0, S, RunPhase.MEASURE, {}, {}, {"ack": histogram.to_bytes()})


def test_merging_adds_all_values() -> None:
    assert merged_histogram([sample(5000), sample(7000, 9000)], Metric.ACK, Metric.LAG).count == 3


def test_what_a_sample_lacks_is_empty() -> None:
    assert unpack(sample(5000), Metric.LAG).is_empty
    assert merged_histogram([sample(5000)], Metric.LAG).is_empty


def test_a_damaged_histogram_says_where() -> None:
    bad = Sample("7", 0, 3 * S, RunPhase.MEASURE, {}, {}, {"ack": b"rubbish"})
    with pytest.raises(RunError, match="worker 7, second 3, ack"):
        unpack(bad, Metric.ACK)
    with pytest.raises(RunError, match="damaged"):
        merged_histogram([bad], Metric.ACK)


@pytest.mark.parametrize(
    ("end_ns", "second"),
    [(S, 1), (S - 5, 1), (S + 1_000_000, 1), (S + S // 20, 1), (S + S // 5, 2), (S + S // 2, 2), (2 * S, 2)],
)
def test_a_sample_belongs_to_the_second_it_ends(end_ns: int, second: int) -> None:
    assert second_of(end_ns) == second
