"""Percentiles in the presence of messages that never finished."""

from __future__ import annotations

import numpy as np
import pytest

from malaria.analysis.quantiles import Latency
from malaria.records.histogram import Histogram, values_needed

MS = 10**6


def of(*values_ms: float) -> Histogram:
    histogram = Histogram()
    histogram.record_many(np.array([round(value * MS) for value in values_ms], np.int64))
    return histogram


def test_without_unfinished_ones_every_percentile_is_known() -> None:
    latency = Latency(of(*range(1, 101)))
    quantile = latency.quantile(0.99)
    assert latency.complete
    assert quantile is not None
    assert quantile.known
    assert quantile.ns == pytest.approx(99 * MS, rel=2**-9)


def test_nothing_at_all_has_none() -> None:
    assert Latency(of()).quantile(0.5) is None


@pytest.mark.parametrize(
    ("q", "needed"),
    [(0, 1), (0.5, 1), (0.9, 10), (0.95, 20), (0.99, 100), (0.999, 1_000), (0.9999, 10_000), (1, 1)],
)
def test_a_percentile_needs_a_value_beyond_it(q: float, needed: int) -> None:
    assert Latency(of(*range(1, needed + 1))).quantile(q) is not None
    assert Latency(of(*range(1, needed))).quantile(q) is None
    assert values_needed(q) == needed


def test_unfinished_messages_count_for_a_percentile() -> None:
    quantile = Latency(of(*range(1, 99)), of(2000, 2000)).quantile(0.99)
    assert quantile is not None
    assert not quantile.known


@pytest.mark.parametrize(("q", "known"), [(0.5, True), (0.98, True), (0.99, False), (1.0, False)])
def test_those_that_waited_longest_hide_only_the_end(q: float, known: bool) -> None:
    latency = Latency(of(*range(1, 99)), of(2000, 2000))
    quantile = latency.quantile(q)
    assert not latency.complete
    assert quantile is not None
    assert quantile.known is known


@pytest.mark.parametrize(("q", "known"), [(0.4, True), (0.5, False), (0.9, False)])
def test_a_young_one_hides_all_that_is_above_it(q: float, known: bool) -> None:
    """It had waited 5 ms at the end: it may become the fifth, or the last."""
    latency = Latency(of(1, 2, 3, 4, 6, 7, 8, 9, 10), of(5))
    quantile = latency.quantile(q)
    assert quantile is not None
    assert quantile.known is known


def test_if_nothing_finished_nothing_is_known_but_a_lower_bound() -> None:
    latency = Latency(of(), of(2000, 2000, 2000))
    quantile = latency.quantile(0.5)
    assert latency.count == 0
    assert quantile is not None
    assert not quantile.known
    assert quantile.ns == pytest.approx(2000 * MS, rel=2**-9)
