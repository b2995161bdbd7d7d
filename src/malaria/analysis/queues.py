"""The growth of queues: of messages due and not acknowledged, and of those that the broker stores or has in flight.

A queue grows when its trend rises and its growth over the time is more than chance and one late second can cause: more
than 10 messages and more than a tenth of a second's load.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from malaria.analysis.baseline import INFLIGHT, OWED, QUEUES, STORED, queue_figures
from malaria.analysis.seconds import LoadSecond, between, due_per_s
from malaria.analysis.trend import Trend, TrendPoint, trend
from malaria.clock import NS_PER_S
from malaria.records.run import Run

LEAST_GROWTH: Final = 10
LEAST_GROWTH_LOAD_S: Final = 0.1
GROWING: Final = {
    OWED: "its queue grew by {} messages/s",
    STORED: "what it stores grew by {} messages/s",
    INFLIGHT: "what it has in flight grew by {} messages/s",
}
"""In words, of the broker."""

type TimeSpan = tuple[int, int]
"""From when to when, run time in ns."""


@dataclass(frozen=True, slots=True)
class Growth:
    """The trend of one queue over one span, and whether it counts as growth."""

    queue: str
    trend: Trend
    grows: bool


def growths(run: Run, seconds: Sequence[LoadSecond], span: TimeSpan) -> list[Growth]:
    """Return the growth of each queue of which enough was seen in the span."""
    within = between(seconds, *span)
    if not within:
        return []
    least = max(LEAST_GROWTH, LEAST_GROWTH_LOAD_S * due_per_s(within))
    found: list[Growth] = []
    for queue, points in _points(run, within, span).items():
        slope = trend(points)
        if slope is not None:
            found.append(Growth(queue, slope, slope.rises and slope.per_s * slope.span_s >= least))
    return found


def _points(run: Run, within: Sequence[LoadSecond], span: TimeSpan) -> dict[str, list[TrendPoint]]:
    points: dict[str, list[TrendPoint]] = {}
    if run.meta.publishing and not run.meta.closed_loop:
        points[OWED] = [(second.end_s, second.owed) for second in within]
    for queue in QUEUES:
        course = queue_figures(run, queue)
        seen = [(at_ns / NS_PER_S, value) for at_ns, value in course if span[0] <= at_ns <= span[1] + NS_PER_S]
        points[queue] = [(at_s, value) for at_s, value in seen if value is not None]
    return points
