"""Figures in words: what is known, what is only bounded, what is not known."""

from __future__ import annotations

from typing import Any

import pytest

from malaria.analysis.summary import summarize
from malaria.analysis.summary_figures import Summary
from malaria.clock import NS_PER_S
from malaria.printable import printable
from malaria.records.rows import Event, EventKind, Metric
from malaria.records.run import Run
from malaria.records.run_meta import ChangeFacts
from malaria.report.figure_text import (
    StatedLatency,
    broker_name,
    connect_time_ns,
    connect_time_text,
    count,
    kept_up,
    latencies,
    length,
    moment,
    ms,
    name_and_version,
    title_line,
)
from synthetic import make_run, with_meta


def summary_of(records: Run) -> Summary:
    return summarize(records)


def test_unknown_is_a_dash_and_zero_is_zero() -> None:
    assert (count(None), count(0)) == ("—", "0")
    assert (ms(None), str(StatedLatency(None)), str(StatedLatency(5836.2, at_least=True))) == ("—", "—", "≥5,836 ms")


def test_latencies_are_those_of_the_summary() -> None:
    records = make_run()
    summary = summary_of(records)
    found = latencies(records, summary)
    assert {metric: value["p99"].ms for metric, value in found.items()} == {
        metric: summary["latency_ms"][metric]["p99"] for metric in found
    }
    assert not any(value.at_least for statistics in found.values() for value in statistics.values())


def test_what_never_finished_bounds_a_percentile_from_below() -> None:
    records = make_run(trouble="falls-behind")
    summary = summary_of(records)
    ack = latencies(records, summary)[Metric.ACK]
    assert summary["latency_ms"]["ack"]["p99"] is None
    assert ack["p99"].at_least
    assert ack["p99"].ms is not None
    assert ack["p50"] == StatedLatency(summary["latency_ms"]["ack"]["p50"])
    assert ack["mean"] == StatedLatency(None)


def test_the_time_to_connect_is_that_of_the_phase() -> None:
    records = make_run()
    assert connect_time_ns(records) == 3 * NS_PER_S
    cut = Run(records.meta, records.samples, (Event(0, EventKind.PHASE, "connect"),), None)
    assert connect_time_ns(cut) is None


def test_the_time_to_connect_is_that_of_the_start() -> None:
    records = make_run()
    assert connect_time_text(records) == " in 3 s"
    later = with_meta(records, changes=(ChangeFacts(at_ns=9 * NS_PER_S, verb="add", change="+500", by="key"),))
    assert connect_time_text(later) == ", those of the start in 3 s"


@pytest.mark.parametrize(("trouble", "good"), [(None, True), ("generator-limit", False)])
def test_whether_the_generator_kept_up(trouble: Any, good: bool) -> None:
    records = make_run(trouble=trouble)
    assert kept_up(records) is good
    assert kept_up(with_meta(records, closed_loop=True)) is None


@pytest.mark.parametrize(
    ("broker", "said"),
    [
        ({"name": "mosquitto", "version": "2.0.21"}, "mosquitto 2.0.21"),
        ({"name": "mosquitto", "version": "mosquitto version 2.0.21"}, "mosquitto version 2.0.21"),
        ({"name": "amqtt"}, "amqtt"),
        ({}, "version unknown"),
    ],
)
def test_the_name_of_the_broker_is_said_once(broker: dict[str, str], said: str) -> None:
    records = with_meta(make_run(seconds=2), broker=broker)
    assert broker_name(records, summary_of(records)) == said


def test_the_line_over_everything() -> None:
    records = make_run(seconds=6)
    assert title_line(records).startswith("malaria attack mqtt://broker:1883 · 3,000 clients · ")
    assert length(Summary(duration_s=6.0)) == "6 s"
    assert length(Summary(duration_s=None)) == "—"


@pytest.mark.parametrize(
    ("stored", "said"),
    [("2026-11-22T17:51:07+00:00", "2026-11-22 17:51 UTC"), (None, ""), ("yesterday", "yesterday")],
)
def test_the_moment(stored: str | None, said: str) -> None:
    assert moment(Summary(started=stored)) == said


def test_no_character_from_outside_moves_the_cursor() -> None:
    assert printable("a\x1b[31mb\nc\u202e") == "a\ufffd[31mb c\ufffd"


@pytest.mark.parametrize(
    ("name", "version", "said"),
    [
        ("mosquitto", "mosquitto version 2.0.11", "mosquitto version 2.0.11"),
        ("amqtt", "0.12", "amqtt 0.12"),
        ("amqtt", "", "amqtt"),
        ("", "2.0", "2.0"),
        ("", "", ""),
    ],
)
def test_a_broker_is_named_once(name: str, version: str, said: str) -> None:
    assert name_and_version(name, version) == said


def test_the_title_names_the_command_that_made_the_run() -> None:
    run = with_meta(make_run(seconds=3, clients=60), command="malaria subscribe broker -t '#'", load="1 subscriber")
    assert title_line(run) == "malaria subscribe mqtt://broker:1883 · 1 subscriber"
    assert title_line(with_meta(run, command="malaria demo")) == "malaria attack mqtt://broker:1883 · 1 subscriber"
