"""Latencies from one host to another, and what their clocks leave open."""

from __future__ import annotations

from malaria.analysis.clocks import beyond_clocks, clock_error_ms, clock_words
from malaria.analysis.summary import summarize
from malaria.records.rows import Metric
from malaria.records.run import Run
from malaria.units import format_ms
from synthetic import make_run, with_meta

FIGURES = {"count": 3, "min": 0.2, "p50": 0.9, "max": None}


def swarm(error_ns: int) -> Run:
    return with_meta(make_run(seconds=12, clients=60), clocks={"error_ns": error_ns, "bees": []})


def test_on_one_host_there_is_no_error() -> None:
    records = make_run(seconds=12, clients=60)
    assert clock_error_ms(records) is None
    assert clock_words(records) == ""
    assert beyond_clocks(records, Metric.END_TO_END, FIGURES) == FIGURES
    assert clock_error_ms(swarm(0)) is None  # one bee: all its clients are on one clock


def test_what_is_smaller_than_the_error_is_not_stated() -> None:
    stated = beyond_clocks(swarm(800_000), Metric.END_TO_END, FIGURES)
    assert stated == {"count": 3, "min": None, "p50": 0.9, "max": None}
    assert clock_words(swarm(800_000)) == f"± {format_ms(0.8)} (clocks); smaller is not stated"


def test_a_latency_of_one_host_has_no_part_in_it() -> None:
    assert beyond_clocks(swarm(800_000), Metric.ACK, FIGURES) == FIGURES


def test_the_summary_has_the_error_beside_what_is_left() -> None:
    summary = summarize(swarm(10**12))
    assert summary["generator"]["clock_error_ms"] == 10**6
    figures = summary["latency_ms"]["end_to_end"]
    assert all(value is None for name, value in figures.items() if name != "count")
    assert summary["latency_ms"]["ack"]["p50"] is not None
