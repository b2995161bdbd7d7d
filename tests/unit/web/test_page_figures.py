"""The figures on top of the live page: in words, with a target, and a colour where something is wrong."""

from __future__ import annotations

from dataclasses import replace

from malaria.clock import NS_PER_S
from malaria.records.rows import Counter, Gauge, LastSecond, Metric, Progress, RunPhase
from malaria.web.page_figures import how_it_goes, page_figures, watched_figures

SECOND = LastSecond(0, NS_PER_S, RunPhase.MEASURE, {Counter.ACKED: 431, Counter.DUE: 500, Counter.ARRIVED: 20})
LOADED = Progress(
    20 * NS_PER_S, RunPhase.MEASURE, 10, 60, 3000, 500.0,
    totals={Counter.DUE: 10_000, Counter.ACKED: 9_900},
    gauges={Gauge.CLIENTS_READY: 2_999, Gauge.INFLIGHT: 40, Gauge.HELD: 60},
    second=SECOND,
    latency_ms={Metric.ACK: {"p50": 1.0, "p99": 41.0, "max": 99.0}, Metric.OWN_LAG: {"p99": 0.4}},
    second_latency_ms={Metric.ACK: {"p50": 1.0, "p99": 60.0, "max": 80.0}, Metric.OWN_LAG: {"max": 0.5}},
    target_percent={"broker": 93.0, "host": 38.0},
)  # fmt: skip


def shown(progress: Progress, dropped: float | None = None) -> dict[str, tuple[str, str, str]]:
    return {one.name: (one.value, one.note, one.tone) for one in page_figures(progress, dropped)}


def test_a_load_under_way() -> None:
    assert shown(LOADED) == {
        "clients": ("2,999", "of 3,000", ""),
        "rate": ("431/s", "target 500/s", ""),
        "ack": ("60 ms", "p99 41 ms so far", ""),
        "lost": ("0", "none refused", ""),
        "broker_cpu": ("93 %", "host 38 %", "doubtful"),
        "own_lag": ("0.50 ms", "40 in flight, 60 held", ""),
    }


def test_how_it_goes() -> None:
    assert how_it_goes(LOADED) == ("so far: on target", "")
    broken = replace(LOADED, totals={**LOADED.totals, Counter.DROPPED: 3})
    assert how_it_goes(broken) == ("so far: 3 connections lost", "bad")
    over = replace(LOADED, phase=RunPhase.FINISH)
    assert how_it_goes(over) == ("the load has ended: the last figures come in", "plain")


def test_trouble_has_a_colour() -> None:
    lost = replace(LOADED, totals={**LOADED.totals, Counter.DROPPED: 1_204, Counter.REFUSED: 2})
    assert shown(lost)["lost"] == ("1,204", "2 refused", "bad")
    refused = replace(LOADED, totals={**LOADED.totals, Counter.REFUSED: 2})
    assert shown(refused)["lost"] == ("0", "2 refused", "doubtful")
    assert shown(LOADED, dropped=64)["lost"] == ("0", "64 messages dropped by the broker", "bad")


def test_a_second_with_few_values_shows_its_maximum() -> None:
    few = replace(LOADED, second_latency_ms={Metric.ACK: {"p50": 1.0, "max": 80.0}})
    (ack,) = (one for one in page_figures(few, None) if one.name == "ack")
    assert (ack.label, ack.value) == ("ack max now", "80 ms")
    none = replace(LOADED, second_latency_ms={})
    (ack,) = (one for one in page_figures(none, None) if one.name == "ack")
    assert (ack.label, ack.value) == ("ack p99 now", "—")


def test_a_closed_loop_and_a_subscriber_have_no_target() -> None:
    assert shown(replace(LOADED, due_per_s=None))["rate"] == ("431/s", "closed loop", "")
    alone = replace(LOADED, totals={Counter.ARRIVED: 20}, due_per_s=None)
    assert shown(alone)["rate"] == ("20.0/s", "20 so far", "")


def test_a_load_that_has_ended_has_no_target() -> None:
    ended = replace(LOADED, phase=RunPhase.DRAIN)
    acked = ended.totals[Counter.ACKED]
    assert shown(ended)["rate"] == ("431/s", f"{acked:,} so far", "")


def test_before_anything_is_known() -> None:
    begins = Progress(0, RunPhase.PREPARE, 0, 3000, 3000, 500.0)
    assert list(shown(begins)) == ["clients", "lost"]


def test_a_watch_shows_the_latest_reading_of_each() -> None:
    table = {"host_cpu_percent": [5.0, 7.0, None], "sys_clients_connected": [None, 3, 3], "process_rss_bytes": [None]}
    assert [(one.label, one.value) for one in watched_figures(table)] == [("clients", "3"), ("host CPU", "7 %")]
