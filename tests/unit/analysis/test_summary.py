"""The figures of `summary.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from malaria.analysis.summary import summarize
from malaria.errors import RunError
from malaria.model.threshold import FIGURES
from malaria.records.rows import Gauge, RunPhase, Sample
from malaria.records.run import Run
from malaria.records.run_meta import ChangeFacts, RunMeta
from synthetic import make_run, with_meta

LATENCY = ["count", "min", "mean", "stddev", "p50", "p90", "p95", "p99", "p99_9", "max"]
KEYS = {
    "verdict": ["outcome", "reasons"],
    "clients": ["planned", "connected", "connected_peak", "refused", "dropped", "reconnects"],
    "messages": ["due", "sent", "acked", "expected", "delivered", "duplicated", "reordered", "lost", "acked_lost",
                 "unresolved", "unacked", "duplicated_qos_2", "overlapping"],
    "rates": ["due_per_s", "sent_per_s", "acked_per_s", "delivered_per_s"],
    "latency_ms": ["connect", "tcp", "tls", "upgrade", "connack", "suback", "ack", "service", "lag", "end_to_end"],
    "broker": ["version", "cpu_percent", "host_cpu_percent", "rss_bytes", "host_memory_used_bytes",
               "host_memory_bytes", "sys", "dropped", "queue_growth_per_s", "queues", "cpu_limit_percent",
               "throttled_percent", "busiest_thread_percent", "descriptors", "descriptors_limit", "memory_limit_bytes",
               "ended_s"],
    "generator": ["bees", "workers", "cpu_percent", "rss_bytes", "clock_error_ms"],
    "steady": ["seconds", "due_per_s", "sent_per_s", "acked_per_s", "ack_p99_ms", "longest_stall_ms",
               "connections_dropped", "messages_dropped"],
    "stalls": ["count", "longest_ms", "limit_ms"],
}  # fmt: skip
TOP = [
    "version",
    "target",
    "addresses",
    "started",
    "duration_s",
    "verdict",
    "headline",
    *list(KEYS)[1:-2],
    "bees",
    "steady",
    "surges",
    "recovery",
    "stalls",
    "episodes",
    "levels",
]
UNMEASURED = (
    "messages.unacked",
    "messages.duplicated_qos_2",
    "messages.overlapping",
    "broker.",
    "recovery.",
    "stalls.",
    "tcp.",
    "tls.",
    "upgrade.",
    "connack.",
    "suback.",
)
"""What the run of these tests has not: observers, surges, a way in that is told in its parts."""


@pytest.mark.parametrize("trouble", [None, "falls-behind", "lost-worker", "generator-limit", "unfinished"])
def test_the_keys_are_those_that_were_promised(trouble: str | None) -> None:
    summary = json.loads(
        json.dumps(summarize(make_run(seconds=12, clients=600, trouble=trouble)).as_json(), allow_nan=False)
    )
    assert list(summary) == TOP
    assert {key: list(summary[key]) for key in KEYS} == KEYS
    assert all(list(figures) == LATENCY for figures in summary["latency_ms"].values())


def test_every_figure_of_a_threshold_is_there() -> None:
    """What observers tell, and of surges, is there as unknown: nobody observed, none came."""
    summary = summarize(make_run(seconds=12, clients=3000))
    for key, figure in FIGURES.items():
        node: object = summary
        for part in figure.path:
            assert isinstance(node, Mapping)
            node = node[part]
        assert isinstance(node, int | float) or (node is None and key.startswith(UNMEASURED))


def test_a_good_run_in_figures() -> None:
    summary = summarize(make_run())
    assert summary["duration_s"] == 30
    assert (summary.clients.planned, summary.clients.connected, summary.clients.connected_peak) == (3000, 3000, 3000)
    assert summary["messages"]["due"] == summary["messages"]["acked"] == 15000
    assert set(summary["rates"].values()) == {500.0}
    assert summary["latency_ms"]["ack"]["count"] == 15000
    assert summary["generator"] == {
        "bees": 1,
        "workers": 2,
        "cpu_percent": 8.0,
        "rss_bytes": 80_500_000,
        "clock_error_ms": None,
    }
    assert summary["broker"]["version"] == "2.0.21"
    assert summary["broker"]["sys"] == {}


def test_an_empty_run_knows_nothing() -> None:
    summary = summarize(Run(RunMeta(), (), (), None))
    known = {
        key: value
        for key in ("clients", "messages", "rates")
        for key, value in summary[key].items()  # type: ignore[literal-required]
        if value is not None
    }
    assert not known
    assert all(set(figures.values()) == {None} for figures in summary["latency_ms"].values())
    assert (summary["version"], summary["duration_s"]) == (None, None)
    assert summary["verdict"]["outcome"] == "UNKNOWN"


def test_what_does_not_apply_is_unknown() -> None:
    records = with_meta(make_run(seconds=3, clients=60), acknowledged=False, subscribing=False)
    rates = summarize(records)["rates"]
    assert rates["acked_per_s"] is None
    assert rates["delivered_per_s"] is None
    assert rates["sent_per_s"] == 10.0


def test_a_killed_run_counts_as_far_as_it_goes() -> None:
    records = replace(make_run(seconds=6, clients=60), ledger=None)
    messages = summarize(records)["messages"]
    assert (messages["due"], messages["sent"], messages["acked"]) == (60, 60, 60)
    assert {messages[name] for name in ("expected", "delivered", "lost", "unresolved")} == {None}


def test_open_messages_hide_what_they_could_move() -> None:
    ack = summarize(make_run(trouble="unfinished"))["latency_ms"]["ack"]
    assert ack["p50"] is not None
    assert [ack[name] for name in ("mean", "stddev", "p99_9", "max")] == [None] * 4


def test_the_clients_of_a_lost_worker_are_gone() -> None:
    clients = summarize(make_run(trouble="lost-worker"))["clients"]
    assert (clients["connected"], clients["connected_peak"]) == (1500, 3000)


def test_clients_that_were_added_and_left_again_at_once_were_planned() -> None:
    """A wave is planned from when it publishes; the end came before, so it read "15 of 9 connected"."""
    run = make_run()
    connected = summarize(run).clients.connected_peak
    assert connected is not None
    few = with_meta(run, clients_planned=connected - 6)
    assert summarize(few).clients.planned == connected - 6
    steered = with_meta(few, changes=(ChangeFacts(at_ns=1, verb="add", change="+6"),))
    assert summarize(steered).clients.planned == connected


def test_clients_after_the_measured_time_do_not_count() -> None:
    records = make_run(seconds=3, workers=1, clients=60)
    gone = Sample("1", 8 * 10**9, 9 * 10**9, RunPhase.FINISH, {}, {Gauge.CLIENTS_READY: 0})
    assert summarize(replace(records, samples=(*records.samples, gone)))["clients"]["connected"] == 60


def test_a_damaged_histogram_is_a_run_error() -> None:
    records = make_run(seconds=2, clients=60)
    bad = replace(records.samples[-3], histograms={"ack": b"rubbish"})
    with pytest.raises(RunError, match="damaged"):
        summarize(replace(records, samples=(bad,)))
