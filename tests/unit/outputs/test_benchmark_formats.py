"""Figures for tools that follow them from commit to commit."""

from __future__ import annotations

import json

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from malaria.analysis.summary import summarize
from malaria.outputs.benchmark_formats import to_bencher, to_github_benchmark, to_openmetrics
from synthetic import make_run, observed, with_meta

RUN = with_meta(observed(make_run(seconds=12, clients=100)), title="meters")
SUMMARY = summarize(RUN)


def test_bencher_gets_each_known_figure() -> None:
    (measures,) = json.loads(to_bencher(RUN)).values()
    assert json.loads(to_bencher(RUN)).keys() == {"meters"}
    assert measures["ack-p99-ms"] == {"value": SUMMARY.latency_ms["ack"].p99}
    assert measures["acked-per-s"] == {"value": SUMMARY.rates.acked_per_s}
    assert SUMMARY.broker.cpu_percent is not None
    assert SUMMARY.rates.acked_per_s is not None
    per_message = SUMMARY.broker.cpu_percent / 100 / SUMMARY.rates.acked_per_s * 1e6
    assert measures["broker-cpu-us-per-message"]["value"] == pytest.approx(per_message, abs=0.001)


def test_an_unknown_figure_is_left_out() -> None:
    (measures,) = json.loads(to_bencher(make_run(seconds=12))).values()
    assert not [name for name in measures if name.startswith("broker")]


def test_github_gets_what_should_become_smaller() -> None:
    entries = json.loads(to_github_benchmark(RUN))
    assert {"name": "meters: ack_p99_ms", "unit": "ms", "value": SUMMARY.latency_ms["ack"].p99} in entries
    assert not [entry for entry in entries if "acked_per_s" in entry["name"]]


def test_openmetrics_is_read_by_the_official_parser() -> None:
    families = {family.name: family for family in text_string_to_metric_families(to_openmetrics(RUN).decode())}
    (sample,) = families["malaria_ack_p99_seconds"].samples
    assert sample.labels == {"run": "meters", "verdict": str(SUMMARY.verdict.outcome)}
    assert sample.value == pytest.approx((SUMMARY.latency_ms["ack"].p99 or 0) / 1000)
    assert "malaria_messages_lost" in families
