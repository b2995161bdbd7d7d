"""Say of a running attack how it goes: on target, or what is wrong, the worst first."""

from __future__ import annotations

from typing import Final

from malaria.analysis.headline import ON_TARGET
from malaria.analysis.seconds import OWN_LAG_LIMIT_NS
from malaria.clock import NS_PER_MS
from malaria.printable import printable
from malaria.records.rows import Counter, Gauge, Metric, Progress, RunPhase
from malaria.units import format_count, format_ms, format_things

GOOD, DOUBTFUL, BAD = "green", "yellow", "red"
LOADED: Final = (RunPhase.WARMUP, RunPhase.MEASURE)
UNDER_WAY_S: Final = 1.0
"""Messages that were due within this time may still be under way."""


def so_far(progress: Progress) -> tuple[str, str]:
    """Return a sentence and its style: `so far: on target`; empty while there is nothing to say."""
    told = _trouble(progress) or _course(progress)
    return (f"so far: {told[0]}", told[1]) if told else ("", "")


def _trouble(progress: Progress) -> tuple[str, str] | None:
    totals = progress.totals
    lost = [printable(one.bee) for one in progress.bees if one.lost]
    if lost:
        return f"{', '.join(lost)} lost", BAD
    if dropped := totals.get(Counter.DROPPED, 0):
        return f"{format_things(dropped, 'connection')} lost", BAD
    if behind := _behind(progress):
        return behind, BAD
    late_ms = progress.second_latency_ms.get(Metric.OWN_LAG, {}).get("p99", 0)
    if late_ms > OWN_LAG_LIMIT_NS / NS_PER_MS:
        return f"this machine is late: {format_ms(late_ms)} (p99)", DOUBTFUL
    if refused := totals.get(Counter.REFUSED, 0):
        return f"{format_things(refused, 'connect')} refused", DOUBTFUL
    return None


def _behind(progress: Progress) -> str:
    """Return what is missing of the messages that were due; empty if no more are missing than are under way."""
    due, per_s = progress.totals.get(Counter.DUE, 0), progress.due_per_s
    if not due or not per_s:
        return ""
    counter = answered_by(progress)
    # where some want no answer, those that want one are sent, and are done when they wait no more
    waiting = 0 if counter is Counter.ACKED else progress.gauges.get(Gauge.INFLIGHT, 0)
    missing = due - progress.totals.get(counter, 0) + waiting
    if missing <= max(ON_TARGET * due, UNDER_WAY_S * per_s, 1):
        return ""
    return f"behind: {'done' if waiting else counter} {100 * (due - missing) / due:.0f} % of {format_count(due)} due"


def answered_by(progress: Progress) -> Counter:
    """Return the counter of messages that are done: acked, and sent where some are at QoS 0."""
    if not progress.acknowledged:
        return Counter.SENT
    acknowledged = progress.totals.get(Counter.ACKED, 0) or progress.gauges.get(Gauge.INFLIGHT, 0)
    return Counter.ACKED if acknowledged else Counter.SENT


def _course(progress: Progress) -> tuple[str, str] | None:
    if progress.phase not in LOADED or not progress.totals.get(Counter.DUE):
        return None
    if progress.due_per_s is None:
        return "as fast as the broker answers", GOOD
    return "on target", GOOD
