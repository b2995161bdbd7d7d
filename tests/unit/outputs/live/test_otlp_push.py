"""The figures as OTLP, read with the official protobufs by a receiver on loopback."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE

from live_attack import EPOCH_WALL_NS, LATENCIES_MS, StagedAttack, play, progress
from malaria.outputs.live import background_sink
from malaria.outputs.live.http_endpoint import endpoint_of
from malaria.outputs.live.live_figures import LiveFigures
from malaria.outputs.live.otlp_push import OtlpPush
from malaria.records.rows import Metric
from post_receiver import Receiver, receiving


class Both:
    """The figures and the push, told of each row in this order."""

    def __init__(self, url: str, root: Path, headers: dict[str, str] | None = None) -> None:
        self.figures = LiveFigures(root)
        self.push = OtlpPush(endpoint_of("--otlp", url, "/v1/metrics", headers or {}), self.figures)

    def __getattr__(self, name: str) -> Any:
        def tell(argument: Any) -> None:
            for one in (self.figures, self.push):
                getattr(one, name)(argument)

        return tell


def attributes(found: Any) -> dict[str, str | int]:
    return {pair.key: pair.value.string_value or pair.value.int_value for pair in found.attributes}


def metrics_of(body: bytes) -> dict[str, Any]:
    (resource,) = ExportMetricsServiceRequest.FromString(body).resource_metrics
    (scope,) = resource.scope_metrics
    assert len({metric.name for metric in scope.metrics}) == len(scope.metrics)
    return {metric.name: metric for metric in scope.metrics}


@pytest.fixture
def pushed(tmp_path: Path) -> bytes:
    with receiving(Receiver()) as there:
        both = Both(there.url, tmp_path / "first", {"api-key": "geheim"})
        play(both, StagedAttack(tmp_path / "first"))
        assert both.push.close() == ""
        path, headers, body = there.posts[-1]
    assert (path, headers["Content-Type"]) == ("/v1/metrics", "application/x-protobuf")
    assert headers["api-key"] == "geheim"
    return body


def test_the_resource_names_run_and_target(pushed: bytes) -> None:
    (resource,) = ExportMetricsServiceRequest.FromString(pushed).resource_metrics
    assert attributes(resource.resource) == {
        "service.name": "malaria",
        "service.version": "1.2",
        "service.instance.id": "first",
        "malaria.run": "first",
        "malaria.target": "mqtt://127.0.0.1:1883",
    }


def test_counters_are_cumulative_sums_under_the_names_of_the_conventions(pushed: bytes) -> None:
    found = metrics_of(pushed)
    sent = found["messaging.client.sent.messages"]
    assert sent.unit == "{message}"
    assert sent.sum.is_monotonic
    assert sent.sum.aggregation_temporality == AGGREGATION_TEMPORALITY_CUMULATIVE
    (point,) = sent.sum.data_points
    assert (point.as_int, point.start_time_unix_nano) == (800, EPOCH_WALL_NS)
    assert point.time_unix_nano == EPOCH_WALL_NS + 2_100_000_000
    assert attributes(point) == {
        "messaging.system": "mqtt",
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "server.address": "127.0.0.1",
        "server.port": 1883,
    }
    assert found["malaria.messages_due"].sum.data_points[0].as_int == 820
    assert found["malaria.sent"].unit == "By"
    assert found["malaria.generator_cpu"].sum.data_points[0].as_double == 0.8


def test_histograms_are_exponential_with_exact_count_sum_and_extremes(pushed: bytes) -> None:
    ack = metrics_of(pushed)["malaria.ack_latency"]
    assert ack.unit == "s"
    assert ack.exponential_histogram.aggregation_temporality == AGGREGATION_TEMPORALITY_CUMULATIVE
    (point,) = ack.exponential_histogram.data_points
    values = LATENCIES_MS[Metric.ACK]
    assert point.count == 4 * len(values) == sum(point.positive.bucket_counts)
    assert point.sum == pytest.approx(4 * sum(values) / 1000)
    assert (point.min, point.max) == (0.0001, 0.007)
    base = 2 ** (2**-point.scale)
    highest = point.positive.offset + len(point.positive.bucket_counts) - 1
    assert base**highest < 0.007 <= base ** (highest + 1)


def test_gauges_and_verdict(pushed: bytes) -> None:
    found = metrics_of(pushed)
    assert found["malaria.clients_ready"].gauge.data_points[0].as_int == 50
    assert found["malaria.messages_lost"].gauge.data_points[0].as_int == 3
    assert found["malaria.messages_due_per_second"].unit == "{message}/s"
    assert attributes(found["malaria.verdict"].gauge.data_points[0]) == {"verdict": "PASS"}
    assert "malaria.messages_acked_lost" not in found


def test_names_are_valid(pushed: bytes) -> None:
    for metric in metrics_of(pushed).values():
        assert re.fullmatch(r"[a-z][a-z0-9_.]*", metric.name)
        assert metric.unit
        assert metric.description


def test_each_run_is_pushed_until_its_verdict_has_arrived(tmp_path: Path) -> None:
    with receiving(Receiver(500)) as there:
        both = Both(there.url, tmp_path)
        first, second = StagedAttack(tmp_path / "01"), StagedAttack(tmp_path / "02")
        play(both, first)
        for at_s in range(10, 10_000, 10):  # the first push may come before the figures know the run
            if there.answered.wait(0.05):
                break
            both.progress(progress(at_s))
        there.status = 200
        play(both, second)
        told = both.push.close()
        pushes = [ExportMetricsServiceRequest.FromString(body).resource_metrics for _, _, body in there.posts]
    verdicts = [
        attributes(one.resource)["malaria.run"]
        for one in (resource for push in pushes for resource in push)
        if any(metric.name == "malaria.verdict" for metric in one.scope_metrics[0].metrics)
    ]
    assert set(verdicts) == {f"{tmp_path.name}/01", f"{tmp_path.name}/02"}
    assert told.endswith("of the pushes were not taken, the last ones were")
    assert len(first.notes) + len(second.notes) == 1


def test_what_is_rejected_is_noted(tmp_path: Path) -> None:
    partial = ExportMetricsPartialSuccess(rejected_data_points=7, error_message="too old")
    answer = ExportMetricsServiceResponse(partial_success=partial).SerializeToString()
    attack = StagedAttack(tmp_path)
    with receiving(Receiver(answer=answer)) as there:
        both = Both(there.url, tmp_path)
        play(both, attack)
        both.push.close()
    assert attack.notes == [f"--otlp {there.url}/v1/metrics: 7 figures were rejected: too old; the load goes on"]


def test_a_server_that_is_no_collector_harms_nothing(tmp_path: Path) -> None:
    attack = StagedAttack(tmp_path)
    with receiving(Receiver(answer=b"<html>welcome</html>")) as there:
        both = Both(there.url, tmp_path)
        play(both, attack)
        assert both.push.close() == ""
    assert attack.notes == []


def test_a_collector_that_hangs_is_told_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_sink, "CLOSE_S", 0.05)
    with receiving(Receiver(hangs=True)) as there:
        both = Both(there.url, tmp_path)
        play(both, StagedAttack(tmp_path))
        assert both.push.close().endswith("the last figures were not taken: it did not answer")


def test_without_an_attack_nothing_is_pushed(tmp_path: Path) -> None:
    with receiving(Receiver()) as there:
        both = Both(there.url, tmp_path)
        both.end("the target does not answer")
        assert both.push.close() == ""
        assert there.posts == []
