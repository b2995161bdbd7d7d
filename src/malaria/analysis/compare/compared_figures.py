"""The figures that a comparison of two sides decides on: a short table, because every further question costs pairs.

Each is a ratio of the sides. Counts (lost messages, refused connects) have rules of their own, for most of them are 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from malaria.analysis.summary_figures import Summary
from malaria.analysis.thresholds import look_up

PERCENT_TO_US: Final = 10_000
"""One percent of a core is so many microseconds of CPU time a second."""
CPU_PER_MESSAGE: Final = "broker.cpu_us_per_message"


@dataclass(frozen=True, slots=True)
class ComparedFigure:
    """A figure with a name, how it is read from a summary, and whether more of it is worse."""

    name: str
    label: str
    read: Callable[[Summary], float | None]
    more_is_worse: bool = True


def cpu_us_per_message(summary: Summary) -> float | None:
    """Return the broker's CPU time for each message that it took or delivered, in microseconds."""
    rates = summary.rates
    # at QoS 0 nothing is acknowledged, and what was sent counts
    per_s = (rates.acked_per_s or rates.sent_per_s or 0) + (rates.delivered_per_s or 0)
    percent = summary.broker.cpu_percent
    return None if percent is None or not per_s else percent * PERCENT_TO_US / per_s


def _figure(key: str, label: str, *, more_is_worse: bool = True) -> ComparedFigure:
    return ComparedFigure(key, label, lambda summary: look_up(summary, key), more_is_worse)


COMPARED: Final = (
    ComparedFigure(CPU_PER_MESSAGE, "broker CPU / message", cpu_us_per_message),
    _figure("broker.rss_bytes", "broker memory"),
    _figure("ack.p50", "ack p50"),
    _figure("ack.p99", "ack p99"),
    _figure("end_to_end.p50", "end to end p50"),
    _figure("end_to_end.p99", "end to end p99"),
    _figure("rates.acked_per_s", "acked per second", more_is_worse=False),
    _figure("rates.delivered_per_s", "delivered per second", more_is_worse=False),
)
"""In the order of the table."""


@dataclass(frozen=True, slots=True)
class ComparedCount:
    """A count of which more is worse. One that breaks a promise of MQTT is outvoted by no number of good runs."""

    label: str
    is_promise: bool = False


COUNTED: Final[Mapping[str, ComparedCount]] = {
    "messages.acked_lost": ComparedCount("acked but lost", is_promise=True),
    "messages.duplicated_qos_2": ComparedCount("duplicated at QoS 2", is_promise=True),
    "messages.lost": ComparedCount("messages lost"),
    "messages.unacked": ComparedCount("never acked"),
    "messages.duplicated": ComparedCount("messages duplicated"),
    "messages.reordered": ComparedCount("messages reordered"),
    "broker.dropped": ComparedCount("dropped by the broker"),
    "clients.refused": ComparedCount("connects refused"),
    "clients.dropped": ComparedCount("connections dropped"),
}
"""The counts that are compared, by their names in `summary.json`."""
