"""What broke first: each sign alone, and several in the order of time. The run tips in its sixth measured second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from malaria.analysis.capacity.signs import signs_of, where_bytes_wait
from malaria.analysis.seconds import LoadSecond, seconds_of
from malaria.clock import NS_PER_S
from malaria.records.rows import Counter, Gauge, Observation
from malaria.records.run import Run
from synthetic import Course, make_run, with_late_reports

TIPS = 5
"""Measured seconds before the trouble."""


def found(run: Run) -> list[tuple[str, float]]:
    seconds = seconds_of(run)
    return [(sign.what, sign.at_s) for sign in signs_of(run, seconds[:TIPS], seconds[TIPS:])]


def run_of(*rows: Observation, **change: Any) -> Run:
    return replace(make_run(seconds=10, workers=1, clients=60), observations=rows, **change)


def seen(observer: str, course: Mapping[int, float], name: str, **more: float) -> list[Observation]:
    """One row a second; `course` has the seconds, counted from the tipping point, in which the figure changed."""
    begin_s = seconds_of(make_run(seconds=10, workers=1, clients=60))[TIPS].end_s
    value, rows = course[-99], []
    for second in range(-TIPS, 5):
        value = course.get(second, value)
        rows.append(Observation(observer, (begin_s + second) * NS_PER_S, {name: value, **more}))
    return rows


def at(second: int) -> float:
    return float(seconds_of(make_run(seconds=10, workers=1, clients=60))[TIPS].end_s + second)


def test_a_run_that_is_well_has_no_sign() -> None:
    assert found(run_of()) == []


@pytest.mark.parametrize(
    ("what", "rows"),
    [
        ("broker CPU", seen("process", {-99: 40.0, 1: 97.0}, "cpu_percent")),
        ("broker CPU", seen("process", {-99: 30.0, 1: 46.0}, "cpu_percent", cpu_limit_percent=50.0)),
        ("host CPU", seen("host", {-99: 40.0, 1: 99.0}, "cpu_percent")),
        ("memory", seen("process", {-99: 40.0, 1: 95.0}, "rss_bytes", memory_limit_bytes=100.0)),
        ("memory", seen("host", {-99: 40.0, 1: 95.0}, "memory_used_bytes", memory_bytes=100.0)),
        ("descriptors", seen("process", {-99: 40.0, 1: 1_000.0}, "descriptors", descriptors_limit=1_024.0)),
        ("stored messages", seen("sys", {-99: 5.0, 1: 900.0}, "messages_stored")),
        ("dropped messages", seen("sys", {-99: 0.0, 1: 30.0}, "publish_dropped")),
    ],
)
def test_each_sign_of_an_observer(what: str, rows: list[Observation]) -> None:
    assert found(run_of(*rows)) == [(what, at(1))]


def test_what_was_so_in_health_is_no_sign() -> None:
    assert found(run_of(*seen("process", {-99: 97.0}, "cpu_percent"))) == []


def counting(counter: Counter, second: int) -> Run:
    run = run_of()
    end_s = at(second)
    samples = [
        replace(sample, counters={**sample.counters, counter: 3}) if sample.end_ns == end_s * NS_PER_S else sample
        for sample in run.samples
    ]
    return replace(run, samples=tuple(samples))


@pytest.mark.parametrize(
    ("counter", "what"), [(Counter.REFUSED, "refused connects"), (Counter.DROPPED, "broken connections")]
)
def test_each_sign_of_the_clients(counter: Counter, what: str) -> None:
    assert found(counting(counter, 2)) == [(what, at(2))]


@pytest.mark.parametrize("late", [(), range(7, 18, 3)])
def test_late_reports_hide_no_queue(late: range) -> None:
    """It owes 300 messages all along: more than a quarter of a second's, whatever the seconds hold."""
    run = with_late_reports(Course([1000] * 20, [1000] * TIPS + [700] + [1000] * 14).run(), late)
    assert ("its queue", TIPS + 1) in found(run)


def test_signs_are_told_in_the_order_of_time() -> None:
    rows = [
        *seen("host", {-99: 40.0, 3: 99.0}, "cpu_percent"),
        *seen("process", {-99: 40.0, 0: 97.0}, "cpu_percent"),
        *seen("sys", {-99: 0.0, 2: 30.0}, "publish_dropped"),
    ]
    assert [what for what, _ in found(run_of(*rows))] == ["broker CPU", "dropped messages", "host CPU"]


def with_sockets(**gauges: int) -> list[LoadSecond]:
    run = run_of()
    samples = [replace(sample, gauges={**sample.gauges, **gauges}) for sample in run.samples]
    return [replace(second, owed=500) for second in seconds_of(replace(run, samples=tuple(samples)))]


@pytest.mark.parametrize(
    ("gauges", "where"),
    [
        ({}, None),
        ({Gauge.SOCKETS_SAMPLED: 4}, "inside the broker"),
        ({Gauge.SOCKETS_SAMPLED: 4, Gauge.SOCKET_UNSENT_BYTES: 400_000}, "the broker does not read"),
        ({Gauge.SOCKETS_SAMPLED: 4, Gauge.SOCKETS_SHUT: 2}, "the broker does not read"),
        ({Gauge.SOCKETS_SAMPLED: 4, Gauge.SOCKET_UNREAD_BYTES: 400_000}, "this machine does not read"),
        ({Gauge.SOCKETS_SAMPLED: 4, Gauge.SOCKET_RETRANSMITS: 9}, "the network loses segments"),
        (
            {Gauge.SOCKETS_SAMPLED: 4, Gauge.SOCKET_RETRANSMITS: 9, Gauge.SOCKETS_SHUT: 4},
            "the broker does not read",
        ),
    ],
)
def test_where_bytes_wait(gauges: dict[str, int], where: str | None) -> None:
    assert where_bytes_wait(with_sockets(**{str(name): value for name, value in gauges.items()})) == where
