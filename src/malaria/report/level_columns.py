"""The columns of the tables that set the levels of a campaign side by side, on the page and in Markdown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from malaria.records.rows import Metric
from malaria.report.figure_text import UNKNOWN, StatedLatency, latencies, lost_figure
from malaria.report.shown_levels import ShownLevel
from malaria.report.target_text import done_per_s, in_bytes, messages_per_s, percent

LEVEL_COLUMNS: Final = {
    "ack": "ack p99", "lost": "lost", "end_to_end": "end to end p99", "rates": "messages per second",
    "percentiles": "ack p50", "broker_cpu": "broker CPU", "broker_memory": "memory", "host_cpu": "host CPU",
}  # fmt: skip
"""The name of a definition, and the heading of the column: what a reader asks first is leftmost, for a phone."""


@dataclass(frozen=True, slots=True)
class LevelFigure:
    """A cell: the figure as people read it, and as a number for sorting (None: not known)."""

    text: str
    number: float | None


def level_figures(one: ShownLevel) -> list[LevelFigure]:
    """Return the figures of a level in the order of LEVEL_COLUMNS."""
    found, broker = latencies(one.run, one.summary), one.summary.broker
    # at QoS 0 there is no ack, and without subscribers no end to end
    ack, end_to_end = found.get(Metric.ACK, {}), found.get(Metric.END_TO_END, {})
    messages = one.summary.messages
    return [
        _latency(ack.get("p99")),
        LevelFigure(lost_figure(messages), messages.lost),
        _latency(end_to_end.get("p99")),
        LevelFigure(messages_per_s(one.run, one.summary), done_per_s(one.summary)),
        _latency(ack.get("p50")),
        LevelFigure(percent(broker.cpu_percent), broker.cpu_percent),
        LevelFigure(in_bytes(broker.rss_bytes), broker.rss_bytes),
        LevelFigure(percent(broker.host_cpu_percent), broker.host_cpu_percent),
    ]


def _latency(value: StatedLatency | None) -> LevelFigure:
    return LevelFigure(UNKNOWN, None) if value is None else LevelFigure(str(value), value.ms)
