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
    read: Callable[[Summary], float | None]
    more_is_worse: bool = True


def cpu_us_per_message(summary: Summary) -> float | None:
    """Return the broker's CPU time for each message that it took or delivered, in microseconds."""
    rates = summary.rates
    # at QoS 0 nothing is acknowledged, and what was sent counts
    per_s = (rates.acked_per_s or rates.sent_per_s or 0) + (rates.delivered_per_s or 0)
    percent = summary.broker.cpu_percent
    return None if percent is None or not per_s else percent * PERCENT_TO_US / per_s


def _figure(key: str, *, more_is_worse: bool = True) -> ComparedFigure:
    return ComparedFigure(key, lambda summary: look_up(summary, key), more_is_worse)


COMPARED: Final = (
    ComparedFigure(CPU_PER_MESSAGE, cpu_us_per_message),
    _figure("broker.rss_bytes"),
    _figure("ack.p50"),
    _figure("ack.p99"),
    _figure("end_to_end.p50"),
    _figure("end_to_end.p99"),
    _figure("connect.p50"),
    _figure("rates.acked_per_s", more_is_worse=False),
    _figure("rates.delivered_per_s", more_is_worse=False),
)
"""In the order of the table."""

COUNTED: Final[Mapping[str, bool]] = {
    "messages.acked_lost": True,
    "messages.duplicated_qos_2": True,
    "messages.lost": False,
    "messages.unacked": False,
    "messages.duplicated": False,
    "messages.reordered": False,
    "broker.dropped": False,
    "clients.refused": False,
    "clients.dropped": False,
}
"""Counts of which more is worse -> whether one breaks a promise of MQTT, which no number of good runs outvotes."""
