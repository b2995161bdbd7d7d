"""From rows of observers to figures of the broker."""

from __future__ import annotations

import json

from malaria.analysis.broker_figures import broker_figure, broker_figures, course, mean, mean_inside, state_at
from malaria.analysis.summary import summarize
from malaria.analysis.summary_figures import BrokerFigures
from malaria.clock import NS_PER_S as S
from malaria.records.rows import Observation, Reading, RunPhase, Sample
from malaria.records.run import Run
from malaria.records.run_meta import RunMeta

WINDOW = (10 * S, 20 * S)


def records(*rows: tuple[str, int, dict[str, Reading]]) -> Run:
    seen = tuple(Observation(name, at_s * S, values) for name, at_s, values in rows)
    meta = {"measure_start_ns": WINDOW[0], "measure_end_ns": WINDOW[1], "broker": {}}
    return Run(RunMeta.model_validate(meta), (Sample("1", WINDOW[0], WINDOW[1], RunPhase.MEASURE),), (), None, seen)


def cpu(at_s: int, percent: Reading) -> tuple[str, int, dict[str, Reading]]:
    return "process", at_s, {"cpu_percent": percent, "rss_bytes": at_s}


def test_a_mean_is_over_the_measured_time_alone() -> None:
    run = records(cpu(8, 0.0), cpu(10, 100.0), cpu(15, 50.0), cpu(20, 70.0), cpu(25, 0.0))
    assert mean(run, "process", "cpu_percent", WINDOW) == 60.0
    assert broker_figures(run)["rss_bytes"] == 20


def test_each_value_counts_for_the_time_it_covers() -> None:
    run = records(cpu(5, 1.0), cpu(15, 10.0), cpu(16, 100.0), cpu(20, 0.0))
    assert mean(run, "process", "cpu_percent", WINDOW) == 15.0


def test_a_gap_covers_nothing() -> None:
    gap: tuple[str, int, dict[str, Reading]] = ("process", 14, {"gap": "gone"})
    run = records(cpu(10, 9.0), cpu(14, 100.0), gap, cpu(18, 0.0), cpu(20, 40.0))
    assert mean(run, "process", "cpu_percent", WINDOW) == 80.0
    assert course(run, "process", "cpu_percent")[2] == (14 * S, None)


def test_less_than_half_is_no_mean() -> None:
    assert mean(records(cpu(10, 9.0), cpu(14, 100.0)), "process", "cpu_percent", WINDOW) is None
    assert mean(records(), "process", "cpu_percent", WINDOW) is None
    assert mean(records(cpu(10, 9.0)), "process", "cpu_percent", None) is None


def test_the_state_keeps_what_has_not_changed() -> None:
    run = records(
        ("sys", 1, {"version": "x", "$SYS/a": "1"}),
        ("sys", 12, {"clients_connected": 5}),
        ("sys", 13, {"gap": "gone"}),
        ("sys", 25, {"clients_connected": 0}),
    )
    assert state_at(run, "sys", 20 * S) == {"version": "x", "$SYS/a": "1", "clients_connected": 5}
    assert state_at(run, "sys", None)["clients_connected"] == 0


def test_the_summary_says_what_observers_saw() -> None:
    host: dict[str, Reading] = {"cpu_percent": 38.0, "memory_used_bytes": 310, "memory_bytes": 2000}
    run = records(cpu(10, 0.0), cpu(20, 71.0), ("host", 10, host), ("host", 20, host), ("sys", 11, {"version": "m"}))
    broker = summarize(run)["broker"]
    assert broker == {
        "version": "m",
        "cpu_percent": 71.0,
        "host_cpu_percent": 38.0,
        "rss_bytes": 20,
        "host_memory_used_bytes": 310,
        "host_memory_bytes": 2000,
        "sys": {"version": "m"},
        "dropped": None,
        "queue_growth_per_s": None,
        "queues": {},
        "cpu_limit_percent": None,
        "throttled_percent": None,
        "busiest_thread_percent": None,
        "descriptors": None,
        "descriptors_limit": None,
        "memory_limit_bytes": None,
        "ended_s": None,
    }


def test_a_container_stands_in_for_a_process() -> None:
    values: dict[str, Reading] = {"cpu_percent": 12.0, "rss_bytes": 3}
    run = records(("docker", 10, values), ("docker", 20, values))
    assert (broker_figures(run)["cpu_percent"], broker_figures(run)["rss_bytes"]) == (12.0, 3)


def test_a_broker_s_own_word_is_of_sys_or_else_of_its_prometheus_page() -> None:
    page: dict[str, Reading] = {"publish_dropped": 7, "messages_stored": 3}
    run = records(("prometheus", 10, page), ("sys", 11, {"messages_stored": 5}))
    assert broker_figure(run, "messages_stored") == [(11 * S, 5)]
    assert broker_figure(run, "publish_dropped") == [(10 * S, 7)]
    assert broker_figure(run, "retained") == []


def test_what_is_no_number_to_prometheus_is_none_to_us() -> None:
    run = records(("prometheus", 10, {"messages_stored": float("nan")}), ("prometheus", 11, {"messages_stored": 4}))
    assert broker_figure(run, "messages_stored") == [(11 * S, 4)]
    assert json.dumps(summarize(run).as_json(), allow_nan=False)


def test_nothing_observed_is_nothing_known() -> None:
    figures = broker_figures(Run(RunMeta(), (), (), None))
    assert figures == BrokerFigures()


def test_a_mean_inside_leaves_out_what_is_about_the_time_before() -> None:
    rates = [(1, 0.0), (2, 0.0), (3, 50.0), (4, 100.0), (5, 100.0), (6, 100.0), (7, 20.0)]
    rows = tuple(Observation("sys", int((at + 0.5) * S), {"messages_sent_per_s": rate}) for at, rate in rates)
    records = Run(RunMeta(), (), (), None, rows)
    assert mean_inside(records, "sys", "messages_sent_per_s", (2 * S, 7 * S)) == 100.0
    assert mean_inside(records, "sys", "messages_sent_per_s", (2 * S, 4 * S)) is None
    assert mean_inside(records, "sys", "messages_sent_per_s", None) is None
