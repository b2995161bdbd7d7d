"""The figures of a run for tools that follow a benchmark from commit to commit: Bencher, github-action-benchmark,
and whatever reads OpenMetrics.

Figures that are not known are left out: in these formats a 0 would be believed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector

from malaria.analysis.summary import summarize
from malaria.analysis.summary_figures import Summary
from malaria.outputs.files import json_text
from malaria.records.run import Run

LATENCIES: Final = ("connect", "ack", "end_to_end", "lag")
STATISTICS: Final = ("p50", "p99")
MESSAGES: Final = ("lost", "unacked", "duplicated")


@dataclass(frozen=True, slots=True)
class BenchmarkFigure:
    """One figure. `smaller` tells that a smaller value is the better one; OpenMetrics wants base units."""

    name: str
    value: float
    unit: str
    smaller: bool = True


def to_bencher(run: Run) -> bytes:
    """Return Bencher Metric Format: {name of the run: {figure: {"value": number}}}.

    Its source is https://bencher.dev/docs/reference/bencher-metric-format/.
    """
    measures = {figure.name.replace("_", "-"): {"value": figure.value} for figure in _figures(summarize(run))}
    return json_text({_title(run): measures}).encode()


def to_github_benchmark(run: Run) -> bytes:
    """Return the figures of which smaller ones are better, as `customSmallerIsBetter` of github-action-benchmark."""
    entries = [
        {"name": f"{_title(run)}: {figure.name}", "unit": figure.unit, "value": figure.value}
        for figure in _figures(summarize(run))
        if figure.smaller
    ]
    return json_text(entries).encode()


def to_openmetrics(run: Run) -> bytes:
    """Return the figures as gauges with the labels `run` and `verdict`, in seconds and bytes."""
    registry = CollectorRegistry()
    registry.register(_FigureCollector(run))
    text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return text


class _FigureCollector(Collector):
    """Hands the figures to the library, which knows the format."""

    def __init__(self, run: Run) -> None:
        self._summary = summarize(run)
        self._title = _title(run)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        labels = {"run": self._title, "verdict": str(self._summary.verdict.outcome)}
        for figure in _figures(self._summary):
            in_ms = figure.unit == "ms"
            name = f"malaria_{figure.name.removesuffix('_ms')}" + ("_seconds" if in_ms else "")
            gauge = GaugeMetricFamily(name, f"{figure.name} of the whole run", labels=list(labels))
            gauge.add_metric(list(labels.values()), figure.value / 1000 if in_ms else figure.value)
            yield gauge


def _title(run: Run) -> str:
    return run.meta.title or "attack"


def _figures(summary: Summary) -> Iterator[BenchmarkFigure]:
    """Yield the known figures that say whether a broker became better or worse."""
    for latency in LATENCIES:
        figures = summary.latency_ms.get(latency)
        if figures is not None:
            for statistic in STATISTICS:
                yield from _known(f"{latency}_{statistic}_ms", figures[statistic], "ms")
    for name in MESSAGES:
        yield from _known(f"messages_{name}", summary.messages[name], "messages")
    yield from _known("acked_per_s", summary.rates.acked_per_s, "messages/s", smaller=False)
    yield from _known("broker_cpu_percent", summary.broker.cpu_percent, "% of a core")
    yield from _known("broker_cpu_us_per_message", _cpu_us_per_message(summary), "us")
    yield from _known("broker_rss_bytes", summary.broker.rss_bytes, "bytes")


def _known(name: str, value: float | None, unit: str, *, smaller: bool = True) -> Iterator[BenchmarkFigure]:
    if value is not None:
        yield BenchmarkFigure(name, value, unit, smaller)


def _cpu_us_per_message(summary: Summary) -> float | None:
    """Return the broker's CPU for a message that it acknowledged."""
    cpu, acked = summary.broker.cpu_percent, summary.rates.acked_per_s
    return None if cpu is None or not acked else round(cpu * 10_000 / acked, 3)
