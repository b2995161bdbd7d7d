"""Judge one rung of a staircase from its seconds: well, not well and why, or no evidence.

The rules are those of an attack as far as a few seconds can show them. A short look can refute a load, never prove it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from malaria.analysis.queues import LEAST_GROWTH, LEAST_GROWTH_LOAD_S
from malaria.analysis.seconds import LoadSecond, done_per_s, due_per_s, rate_of
from malaria.clock import NS_PER_MS
from malaria.records.histogram import Histogram
from malaria.records.rows import Counter, Metric
from malaria.units import format_count, format_ms, format_rate, format_things

ON_TARGET: Final = 0.98
"""Of what was due."""
DELIVERED_SHARE: Final = 0.95
"""Of the deliveries that each message had on the first rung."""
DELIVERY_SLACK_S: Final = 0.5
"""So much of a second's deliveries may be under way."""
P99: Final = 0.99
LATENCY_NAMES: Final = {Metric.ACK: "ack", Metric.END_TO_END: "end to end"}


@dataclass(frozen=True, slots=True)
class RungLimits:
    """The conditions that a rung must meet. `ready` are the clients that should be there.

    `owed` is the most that may be owed at the end (None: as much as at its beginning, and a little more); `fan_out` the
    deliveries of each message (None: nobody subscribes, or it is not known yet); `p99_ms` the stated limits of latency.
    """

    own_lag_ns: int
    ready: int
    owed: float | None = None
    fan_out: float | None = None
    p99_ms: Mapping[Metric, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RungJudgement:
    """`well` is None where nothing can be said of the target; `reason` says what was not well, or why it is unknown."""

    well: bool | None
    reason: str = ""


def judge_rung(seconds: Sequence[LoadSecond], limits: RungLimits, owed_before: int) -> RungJudgement:
    """Judge the seconds of a rung. `owed_before` is what was owed when they began. Raises RunError for damage."""
    if not seconds:
        return RungJudgement(None, "nothing was seen of it")
    late = _merged(seconds, Metric.OWN_LAG).quantile_ns(P99) or 0
    if late > limits.own_lag_ns:
        bound = format_ms(limits.own_lag_ns / NS_PER_MS)
        return RungJudgement(None, f"messages left {format_ms(late / NS_PER_MS)} late (p99; at most {bound})")
    found = [
        text
        for text in (
            _missing(seconds, limits),
            _dropped(seconds),
            _behind(seconds, limits, owed_before),
            _undelivered(seconds, limits),
            _latency(seconds, limits),
        )
        if text
    ]
    return RungJudgement(not found, "; ".join(found))


def delivered(seconds: Sequence[LoadSecond]) -> int:
    """Return the first arrivals."""
    return sum(second.reported.total(Counter.DELIVERED) for second in seconds)


def slack(seconds: Sequence[LoadSecond]) -> float:
    """Return the messages that may be under way without the target being behind."""
    return max(LEAST_GROWTH, LEAST_GROWTH_LOAD_S * due_per_s(seconds))


def _missing(seconds: Sequence[LoadSecond], limits: RungLimits) -> str:
    ready = seconds[-1].ready
    if ready >= limits.ready:
        return ""
    return f"{format_count(ready)} of {format_things(limits.ready, 'client')} were connected"


def _dropped(seconds: Sequence[LoadSecond]) -> str:
    lost = sum(second.dropped for second in seconds)
    return f"{format_things(lost, 'connection')} broke" if lost else ""


def _behind(seconds: Sequence[LoadSecond], limits: RungLimits, owed_before: int) -> str:
    due, done = (sum(getattr(second, name) for second in seconds) for name in ("due", "done"))
    owed = seconds[-1].owed
    most = owed_before + slack(seconds) if limits.owed is None else limits.owed
    if owed <= most and done + slack(seconds) >= ON_TARGET * due:
        return ""
    of_due = f"{format_count(done_per_s(seconds))} of {format_rate(due_per_s(seconds), 'msg')}"
    return f"it acknowledged {of_due}, and owed {format_things(owed, 'message')}"


def _undelivered(seconds: Sequence[LoadSecond], limits: RungLimits) -> str:
    if limits.fan_out is None:
        return ""
    wanted = limits.fan_out * sum(second.done for second in seconds)
    under_way = DELIVERY_SLACK_S * limits.fan_out * due_per_s(seconds)
    came = delivered(seconds)
    if came + max(under_way, LEAST_GROWTH) >= DELIVERED_SHARE * wanted:
        return ""
    came_per_s = rate_of(seconds, Counter.DELIVERED) or 0.0
    return f"it delivered {format_count(came_per_s)} of {format_rate(limits.fan_out * done_per_s(seconds), 'msg')}"


def _latency(seconds: Sequence[LoadSecond], limits: RungLimits) -> str:
    exceeded = []
    for metric, most_ms in limits.p99_ms.items():
        value = _merged(seconds, metric).quantile_ns(P99)
        if value is not None and value / NS_PER_MS > most_ms:
            name = LATENCY_NAMES[metric]
            exceeded.append(f"{name} p99 was {format_ms(value / NS_PER_MS)} (at most {format_ms(most_ms)})")
    return ", ".join(exceeded)


def _merged(seconds: Sequence[LoadSecond], metric: Metric) -> Histogram:
    merged = Histogram()
    for second in seconds:
        merged.merge(second.reported.histogram(metric))
    return merged
