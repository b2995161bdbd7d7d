"""The columns of the tables that set the levels of a campaign side by side, on the page and in Markdown."""

from __future__ import annotations

from typing import Final

from malaria.records.rows import Metric
from malaria.report.figure_text import UNKNOWN, latencies, lost_figure
from malaria.report.shown_levels import ShownLevel
from malaria.report.target_text import in_bytes, messages_per_s, percent

LEVEL_COLUMNS: Final = {
    "broker_cpu": "broker CPU", "host_cpu": "host CPU", "broker_memory": "memory", "rates": "messages per second",
    "ack": "ack p50", "percentiles": "ack p99", "lost": "lost",
}  # fmt: skip
"""The name of a definition, and the heading of the column."""


def level_figures(one: ShownLevel) -> list[str]:
    """Return the figures of a level in the order of LEVEL_COLUMNS."""
    ack, broker = latencies(one.run, one.summary).get(Metric.ACK, {}), one.summary.broker
    return [
        percent(broker.cpu_percent),
        percent(broker.host_cpu_percent),
        in_bytes(broker.rss_bytes),
        messages_per_s(one.run, one.summary),
        # at QoS 0 there is no ack
        *(str(ack.get(which, UNKNOWN)) for which in ("p50", "p99")),
        lost_figure(one.summary.messages),
    ]
