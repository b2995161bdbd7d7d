"""The latency section of a page: the table, and where the time of a connect goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from malaria.analysis.figure_names import LATENCY_LABELS, STATISTIC_LABELS
from malaria.analysis.summary_figures import Summary
from malaria.records.rows import Metric
from malaria.records.run import Run
from malaria.report.figure_text import count, latencies, ms
from malaria.report.page.page_elements import CellTexts, ChartPlace, PageTable, TableCell, defined, page_table

CONNECT_PARTS: Final = {
    Metric.TCP: "TCP", Metric.TLS: "TLS", Metric.UPGRADE: "WebSocket upgrade", Metric.CONNACK: "CONNECT to CONNACK",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ConnectPart:
    """One part of an average connect. `metric` is its class in the style sheet, `percent` its share of the whole."""

    metric: str
    percent: float
    label: TableCell
    mean: str


@dataclass(frozen=True, slots=True)
class LatencyView:
    """`table` is None if nothing was measured; `is_bounded` says that a figure of it is only a lower bound."""

    table: PageTable | None
    is_bounded: bool
    connect_parts: tuple[ConnectPart, ...]
    chart: ChartPlace


def latency_view(run: Run, summary: Summary, chart: ChartPlace) -> LatencyView:
    found = latencies(run, summary)
    rows: list[CellTexts] = [
        [
            defined(metric, LATENCY_LABELS[metric]),
            count(summary.latency_ms[metric]["count"]),
            *(str(statistics[name]) for name in STATISTIC_LABELS),
        ]
        for metric, statistics in found.items()
    ]
    is_bounded = any(value.at_least for statistics in found.values() for value in statistics.values())
    table = page_table(["", "count", *STATISTIC_LABELS.values()], rows) if rows else None
    return LatencyView(table, is_bounded, connect_parts(summary), chart)


def connect_parts(summary: Summary) -> tuple[ConnectPart, ...]:
    """Return the parts of an average connect; nothing if it has only one."""
    means = {metric: summary.latency_ms[metric]["mean"] for metric in CONNECT_PARTS}
    # a plain connect has no TLS and no upgrade
    known = {metric: mean for metric, mean in means.items() if mean}
    whole = sum(known.values())
    if len(known) < 2:
        return ()
    return tuple(
        ConnectPart(metric, 100 * mean / whole, defined(metric, CONNECT_PARTS[metric]), ms(mean))
        for metric, mean in known.items()
    )
