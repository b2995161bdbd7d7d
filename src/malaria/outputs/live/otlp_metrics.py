"""The figures of a running attack as an OTLP request: sums, gauges and exponential histograms, all cumulative.

Names are those of the semantic conventions for messaging where they have one, and else `malaria.` and the name of the
Prometheus page without its unit, which OTLP has apart. Source: opentelemetry.io/docs/specs/semconv/messaging.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_CUMULATIVE,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric as OtlpMetric
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from malaria.outputs.live.exponential_histogram import exponential_buckets
from malaria.outputs.live.live_figures import GAUGE_READERS, LiveRun, seconds
from malaria.outputs.live.metric_names import (
    COUNTERS,
    CPU,
    DUE_RATE,
    HISTOGRAMS,
    PHASE,
    VERDICT,
    LiveMetric,
)
from malaria.printable import printable
from malaria.records.histogram import Histogram
from malaria.records.rows import Counter, Metric, RunPhase

type Attributes = Mapping[str, str | int]

_PUBLISH: Final = {"messaging.operation.name": "publish", "messaging.operation.type": "send"}
_RECEIVE: Final = {"messaging.operation.name": "receive", "messaging.operation.type": "receive"}
_SUBSCRIBE: Final = {"messaging.operation.name": "subscribe"}
_DURATION: Final = "messaging.client.operation.duration"
CONVENTIONAL_COUNTERS: Final[Mapping[Counter, tuple[str, Attributes]]] = {
    Counter.SENT: ("messaging.client.sent.messages", _PUBLISH),
    Counter.ARRIVED: ("messaging.client.consumed.messages", _RECEIVE),
}
CONVENTIONAL_HISTOGRAMS: Final[Mapping[Metric, tuple[str, Attributes]]] = {
    # the duration of the operation itself: `ack` counts from the time at which the message was due
    Metric.SERVICE: (_DURATION, _PUBLISH),
    Metric.SUBACK: (_DURATION, _SUBSCRIBE),
}
_UNITS: Final = {"seconds": "s", "bytes": "By"}
_THINGS: Final = {"messages": "message", "clients": "client", "connects": "connection", "connections": "connection"}


def otlp_request(runs: Iterable[LiveRun]) -> bytes:
    """Return the body of a request with the figures of these runs as they are now."""
    request = ExportMetricsServiceRequest(resource_metrics=[_resource(run) for run in runs])
    return bytes(request.SerializeToString())


def _resource(run: LiveRun) -> ResourceMetrics:
    facts = run.facts
    attributes = {
        "service.name": "malaria",
        "service.version": facts.malaria_version or "",
        "service.instance.id": run.name,
        "malaria.run": run.name,
        "malaria.target": facts.target or "",
        "malaria.title": facts.title or "",
    }
    scope = InstrumentationScope(name="malaria", version=facts.malaria_version or "")
    metrics = [*_sums(run), *_gauges(run), *_histograms(run), *_states(run)]
    return ResourceMetrics(
        resource=Resource(attributes=_key_values(attributes)),
        scope_metrics=[ScopeMetrics(scope=scope, metrics=metrics)],
    )


def _sums(run: LiveRun) -> Iterator[OtlpMetric]:
    for counter, metric in COUNTERS.items():
        name, attributes = _named(metric, CONVENTIONAL_COUNTERS.get(counter), run)
        yield _sum(name, metric, run, _number(run, metric.value(run.totals.get(counter, 0)), attributes))
    name, attributes = _named(CPU, None, run)
    yield _sum(name, CPU, run, _number(run, CPU.value(run.cpu_ns), attributes))


def _sum(name: str, metric: LiveMetric, run: LiveRun, point: NumberDataPoint) -> OtlpMetric:
    point.start_time_unix_nano = run.started_wall_ns
    total = Sum(data_points=[point], aggregation_temporality=AGGREGATION_TEMPORALITY_CUMULATIVE, is_monotonic=True)
    return OtlpMetric(name=name, description=metric.text, unit=unit_of(metric), sum=total)


def _gauges(run: LiveRun) -> Iterator[OtlpMetric]:
    """Yield the gauges; one that is unknown is absent."""
    for metric, read in GAUGE_READERS:
        value = read(run)
        if value is not None:
            yield _gauge(metric, [_number(run, metric.value(value), {})])


def _states(run: LiveRun) -> Iterator[OtlpMetric]:
    phases = [_number(run, int(run.summary is None and phase is run.phase), {"phase": phase}) for phase in RunPhase]
    yield _gauge(PHASE, phases)
    if run.outcome is not None:
        yield _gauge(VERDICT, [_number(run, 1, {"verdict": run.outcome})])


def _gauge(metric: LiveMetric, points: list[NumberDataPoint]) -> OtlpMetric:
    gauge = Gauge(data_points=points)
    return OtlpMetric(name=name_of(metric), description=metric.text, unit=unit_of(metric), gauge=gauge)


def _histograms(run: LiveRun) -> Iterator[OtlpMetric]:
    points: dict[str, tuple[LiveMetric, list[ExponentialHistogramDataPoint]]] = {}
    for key, histogram in run.histograms.items():
        metric = HISTOGRAMS[key]
        name, attributes = _named(metric, CONVENTIONAL_HISTOGRAMS.get(key), run)
        # two operations of one convention are two points of one metric
        points.setdefault(name, (metric, []))[1].append(_point(run, histogram, attributes))
    for name, (metric, found) in points.items():
        exponential = ExponentialHistogram(
            data_points=found, aggregation_temporality=AGGREGATION_TEMPORALITY_CUMULATIVE
        )
        text = "Duration of the operation, from sent to answered." if name == _DURATION else metric.text
        yield OtlpMetric(name=name, description=text, unit="s", exponential_histogram=exponential)


def _point(run: LiveRun, histogram: Histogram, attributes: Attributes) -> ExponentialHistogramDataPoint:
    buckets = exponential_buckets(histogram)
    return ExponentialHistogramDataPoint(
        attributes=_key_values(attributes),
        start_time_unix_nano=run.started_wall_ns,
        time_unix_nano=_now(run),
        count=histogram.count,
        sum=seconds(histogram.sum_ns),
        min=seconds(histogram.min_ns or 0),
        max=seconds(histogram.max_ns or 0),
        scale=buckets.scale,
        positive=ExponentialHistogramDataPoint.Buckets(offset=buckets.offset, bucket_counts=buckets.counts),
    )


def _number(run: LiveRun, value: float, attributes: Attributes) -> NumberDataPoint:
    point = NumberDataPoint(attributes=_key_values(attributes), time_unix_nano=_now(run))
    if isinstance(value, int):
        point.as_int = value
    else:
        point.as_double = value
    return point


def _now(run: LiveRun) -> int:
    """Return the wall clock of the latest figures of a run."""
    return run.started_wall_ns + run.at_ns


def _named(metric: LiveMetric, convention: tuple[str, Attributes] | None, run: LiveRun) -> tuple[str, Attributes]:
    """Return name and attributes of a metric: those of the convention, if there is one."""
    if convention is None:
        return name_of(metric), {}
    name, attributes = convention
    return name, {"messaging.system": "mqtt", **attributes, **_server(run.facts.target or "")}


def name_of(metric: LiveMetric) -> str:
    """Return the name of a metric without a convention."""
    return f"malaria.{metric.name.removesuffix('_seconds').removesuffix('_bytes')}"


def unit_of(metric: LiveMetric) -> str:
    """Return the unit of a metric as UCUM has it; things that are counted in braces."""
    if metric is DUE_RATE:
        return "{message}/s"
    unit = _UNITS.get(metric.name.rpartition("_")[2])
    return unit or f"{{{_THINGS.get(metric.name.partition('_')[0], 'count')}}}"


def _server(target: str) -> dict[str, str | int]:
    """Return address and port of the target; nothing if it has several addresses."""
    if "," in target:
        return {}
    parts = urlsplit(target)
    port = {"server.port": parts.port} if parts.port is not None else {}
    return {"server.address": parts.hostname, **port} if parts.hostname else {}


def _key_values(attributes: Attributes) -> list[KeyValue]:
    return [
        KeyValue(
            key=key,
            value=AnyValue(int_value=value) if isinstance(value, int) else AnyValue(string_value=printable(value)),
        )
        for key, value in attributes.items()
        if value != ""
    ]
