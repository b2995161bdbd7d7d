"""Delays that are recognised by their length."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from malaria.analysis.known_delays import NAGLE, known_delays
from malaria.analysis.outcome import Outcome
from malaria.analysis.summary import summarize
from malaria.clock import NS_PER_MS
from malaria.records.histogram import Histogram
from malaria.records.rows import Metric
from malaria.records.run import Run
from synthetic import make_run


def with_values(run: Run, metric: Metric, *parts: tuple[int, float, float]) -> Run:
    """The same run whose values of a metric are normal around these: (count, mean in ms, deviation in ms)."""
    histogram, random = Histogram(), np.random.default_rng(1)
    for count, mean_ms, deviation_ms in parts:
        values = np.abs(random.normal(mean_ms, deviation_ms, count)) * NS_PER_MS
        histogram.record_many(values.astype(np.int64))
    bare = [replace(one, histograms={k: v for k, v in one.histograms.items() if k != metric}) for one in run.samples]
    bare[0] = replace(bare[0], histograms={**bare[0].histograms, metric: histogram.to_bytes()})
    return replace(run, samples=tuple(bare))


def said(*parts: tuple[int, float, float], metric: Metric = Metric.CONNACK, way_ms: float = 0.1) -> list[str]:
    run = with_values(make_run(seconds=6), Metric.TCP, (50, way_ms, way_ms / 100))
    run = with_values(run, metric, *parts)
    reasons = known_delays(run, summarize(run))
    assert all(reason.outcome is Outcome.PASS for reason in reasons)
    return [reason.text for reason in reasons]


def test_a_connack_that_nagle_holds_back() -> None:
    assert said((100, 43, 1)) == [f"100% of the values of CONNACK lie between 38 and 50 ms: {NAGLE}"]
    assert said((100, 4, 1)) == []


def test_one_delivery_in_ten_is_a_plateau_too() -> None:
    (text,) = said((900, 1, 0.2), (100, 42, 1), metric=Metric.END_TO_END)
    assert text == f"10% of the values of end to end lie between 38 and 50 ms: {NAGLE}"


@pytest.mark.parametrize(
    "parts",
    [
        ((1000, 30, 12),),  # a hump that passes through the band
        ((1000, 1, 0.2), (9, 42, 1)),  # too few
        ((5000, 1, 0.2), (60, 42, 1)),  # rare
    ],
)
def test_what_is_no_peak_is_not_named(parts: tuple[tuple[int, float, float], ...]) -> None:
    assert said(*parts, metric=Metric.END_TO_END) == []


def test_a_long_way_is_not_nagle() -> None:
    assert said((100, 43, 1), way_ms=42) == []


def test_a_retransmission_and_a_syn_that_was_sent_again() -> None:
    (again,) = said((900, 1, 0.2), (100, 215, 2), metric=Metric.ACK)
    assert "10% of the values of ack lie between 200 and 240 ms: TCP sends a lost packet again" in again
    (syn,) = said((80, 1, 0.2), (20, 1040, 5), metric=Metric.CONNECT)
    assert "20% of the values of connect lie between 1000 and 1100 ms: a SYN without an answer" in syn


def test_deliveries_at_multiples_of_an_interval() -> None:
    parts = tuple((300, 255.0 * times, 1.0) for times in (1, 2, 3))
    assert said(*parts, metric=Metric.END_TO_END) == [
        "100% of the deliveries come at multiples of 250 ms: a poll interval is the cause"
    ]


def test_it_is_a_remark_of_a_pass() -> None:
    run = with_values(make_run(seconds=6), Metric.CONNACK, (100, 43, 1))
    verdict = summarize(run).verdict
    assert verdict.outcome is Outcome.PASS
    assert [NAGLE in reason.text for reason in verdict.reasons] == [True]
