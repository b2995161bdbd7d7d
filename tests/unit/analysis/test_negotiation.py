"""Handshakes that were slow because of us make a run INVALID; slow brokers do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from malaria.analysis.negotiation import own_part
from malaria.analysis.summary import summarize
from malaria.records.histogram import Histogram
from malaria.records.rows import Metric
from malaria.records.run import Run
from synthetic import make_run, with_meta

MS = 1_000_000


def with_handshakes(whole_ms: int, own_ms: int) -> Run:
    """A run whose clients all took as long for TLS, so much of it ours."""
    records = make_run()
    histograms = {}
    for metric, value_ms in ((Metric.TLS, whole_ms), (Metric.OWN_NEGOTIATION, own_ms)):
        histogram = Histogram()
        histogram.record_many(np.full(100, value_ms * MS))
        histograms[metric.value] = histogram.to_bytes()
    first, *rest = records.samples
    first = replace(first, histograms=dict(first.histograms) | histograms,
                    counters=dict(first.counters) | {"negotiation_cpu_ns": MS})  # fmt: skip
    return replace(records, samples=(first, *rest))


def test_the_part_that_is_ours() -> None:
    own = own_part(with_handshakes(40, 10))
    assert own is not None
    assert round(own.share, 2) == 0.25
    assert abs(own.p99_ns - 10 * MS) < 0.1 * MS
    assert own.cpu_ns == MS / 100


def test_a_run_without_handshakes_has_no_part() -> None:
    assert own_part(make_run()) is None


def test_slow_handshakes_of_ours_are_a_remark() -> None:
    verdict = summarize(with_handshakes(40, 30))["verdict"]
    assert verdict["outcome"] == "PASS"
    assert verdict["reasons"][0].startswith("this machine caused part of the connect latency: 75% of the time")


def test_where_the_broker_would_be_blamed_they_are_invalid() -> None:
    records = with_handshakes(40, 30)
    verdict = summarize(with_meta(records, thresholds=["connect.p99 < 1ms"]))["verdict"]
    assert verdict["outcome"] == "INVALID"
    assert verdict["reasons"][0].startswith("this machine was the limit while connecting: 75% of the time")


def test_slow_handshakes_of_the_broker_are_its_own() -> None:
    assert summarize(with_handshakes(40, 15))["verdict"]["outcome"] == "PASS"


def test_short_handshakes_are_nobodys_fault() -> None:
    assert summarize(with_handshakes(3, 3))["verdict"]["outcome"] == "PASS"
