"""What other programs read while a load runs is at its end what `summary.json` says, whatever happened."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from prometheus_client.parser import text_string_to_metric_families

from attacking import request_for
from malaria.outputs.live.json_lines import AttackLines
from malaria.outputs.live.live_figures import LiveFigures
from malaria.outputs.live.metric_names import COUNTERS, HISTOGRAMS, PREFIX
from malaria.outputs.live.otlp_metrics import otlp_request
from malaria.outputs.live.prometheus_metrics import attack_page
from malaria.records.rows import Counter
from simulation import Machine, Simulation, kill
from stub_broker import Behaviour

COUNTED = ("due", "sent", "acked", "delivered", "duplicated", "reordered")


class Followed:
    """An attack that was followed: its summary, its last page, its lines, and its last push."""

    def __init__(self, simulation: Simulation, tmp_path: Path, **options: Any) -> None:
        figures = LiveFigures(tmp_path / "run")
        lines = AttackLines(str(tmp_path / "lines.jsonl"), tmp_path / "run")
        request = request_for(1883, tmp_path / "run", len(simulation.machines), 1, **options)
        outcome = simulation.carry_out(replace(request, followers=(figures, lines)), lambda _: None)
        lines.close()
        figures.close()
        self.summary = outcome.summary
        self.lines = [json.loads(line) for line in (tmp_path / "lines.jsonl").read_text().splitlines()]
        families = text_string_to_metric_families(attack_page(figures).render()[1].decode())
        self.page = {
            s.name.removeprefix(PREFIX): s.value for one in families for s in one.samples if "le" not in s.labels
        }
        with figures.reading() as runs:
            (resource,) = ExportMetricsServiceRequest.FromString(otlp_request(runs)).resource_metrics
        self.pushed = {metric.name: metric for metric in resource.scope_metrics[0].metrics}


@pytest.fixture
def followed(tmp_path: Path) -> Followed:
    """Two workers, a broker that loses and repeats, and a surge."""
    simulation = Simulation(Behaviour(lose_every=97, duplicate_every=77), machines=[Machine()] * 2)
    surge = {"clients": 10, "at": "500ms", "hold": "1s"}
    options = {"clients": 20, "rate": "10", "duration": "3s", "qos": 1, "warmup": "1s", "surges": [surge]}
    return Followed(simulation, tmp_path, **options)


def test_totals_are_those_of_the_summary(followed: Followed) -> None:
    messages = followed.summary["messages"]
    assert messages["due"] > 600
    assert min(messages["lost"], messages["duplicated"]) > 0
    totals = [line for line in followed.lines if line["kind"] == "second"][-1]["totals"]
    for name in COUNTED:
        assert followed.page[f"{COUNTERS[Counter(name)].name}_total"] == totals[name] == messages[name], name
    for key in ("lost", "acked_lost", "unresolved", "unacked", "expected"):
        assert followed.page[f"messages_{key}"] == messages[key], key
    assert followed.lines[-1]["messages"] == messages.as_json()
    assert followed.lines[-1]["outcome"] == followed.summary["verdict"]["outcome"] == "FAIL"
    assert followed.pushed["messaging.client.sent.messages"].sum.data_points[0].as_int == messages["sent"]


def test_histograms_have_the_values_of_the_summary(followed: Followed) -> None:
    for metric, exported in HISTOGRAMS.items():
        figures = followed.summary["latency_ms"].get(metric)
        if not figures or not figures["count"]:
            continue
        assert followed.page[f"{exported.name}_count"] == figures["count"], metric
        mean_ms = followed.page[f"{exported.name}_sum"] / figures["count"] * 1000
        assert mean_ms == pytest.approx(figures["mean"], abs=1e-6)
    figures = followed.summary["latency_ms"]["ack"]
    (point,) = followed.pushed["malaria.ack_latency"].exponential_histogram.data_points
    assert (point.count, sum(point.positive.bucket_counts)) == (figures["count"], figures["count"])
    assert (point.min * 1000, point.max * 1000) == pytest.approx((figures["min"], figures["max"]))


def test_a_line_a_second_without_a_gap_and_totals_that_grow(followed: Followed) -> None:
    seconds = [line for line in followed.lines if line["kind"] == "second"]
    whole = [int(line["run_s"]) for line in seconds]
    assert whole == list(range(whole[0], whole[0] + len(whole)))
    for name in (counter.value for counter in Counter):
        growing = [line["totals"][name] for line in seconds]
        assert growing == sorted(growing)
    assert [line["text"] for line in followed.lines if line["kind"] == "event" and line["event"] == "surge"] == [
        "+10 clients",
        "\N{MINUS SIGN}10 clients",
    ]


def test_a_lost_worker_takes_nothing_back(tmp_path: Path) -> None:
    simulation = Simulation(machines=[Machine()] * 2, story=[(1.5, kill("2"))])
    followed = Followed(simulation, tmp_path, clients=20, rate="10", duration="3s", qos=1)
    messages = followed.summary["messages"]
    assert followed.lines[-1]["outcome"] == "UNKNOWN"
    assert followed.page["messages_sent_total"] == messages["sent"]
    assert "messages_lost" not in followed.page
    growing = [line["totals"]["sent"] for line in followed.lines if line["kind"] == "second"]
    assert growing == sorted(growing)
