"""Recovery after a surge: whether the target recovered, how fast, and whether what remains is a metastable failure.

Metastable failure (Bronson et al., "Metastable Failures in Distributed Systems", HotOS 2021): the load is again the one
that was carried before, but the trouble that the surge brought remains and does not lessen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from malaria.analysis.baseline import DROPPED, INFLIGHT, LOST, MISSING, OWED, STORED, Baseline, SecondValues
from malaria.analysis.seconds import LoadSecond, due_per_s
from malaria.analysis.surge_hold import ON_TARGET
from malaria.analysis.trend import LEAST_POINTS, trend
from malaria.clock import NS_PER_S
from malaria.records.rows import Metric
from malaria.units import format_count, format_duration_ns, format_ms, format_things

SUSTAINED_S: Final = 3
STAYS_SHARE: Final = 0.9
"""Of all seconds from the recovery on; one second out of the baseline is always forgiven."""
SAME_LOAD: Final = 1.05
"""Of the load before: more than this, and it has not gone."""

MEASURE_TEXTS: Final[Mapping[str, str]] = {
    OWED: "owed {} messages",
    Metric.ACK: "ack p99 {}",
    Metric.END_TO_END: "end to end p99 {}",
    STORED: "{} messages stored",
    INFLIGHT: "{} messages in flight at the broker",
    DROPPED: "{} more messages dropped",
    LOST: "{} more connections broken",
    MISSING: "{} clients missing",
}


@dataclass(frozen=True, slots=True)
class RecoveryWatch:
    """The time after a surge that left at `leave_ns`: `seconds` that can be judged, up to `until_ns`."""

    baseline: Baseline
    measures: Mapping[str, SecondValues]
    seconds: Sequence[LoadSecond]
    add_ns: int
    leave_ns: int
    until_ns: int

    @property
    def watched_s(self) -> float:
        return (self.until_ns - self.leave_ns) / NS_PER_S


@dataclass(frozen=True, slots=True)
class RecoveryTime:
    """The recovery from a surge. `recovered` is None when too little was seen; `recovery_s` counts from its end."""

    recovered: bool | None
    recovery_s: float | None = None
    metastable: bool | None = None
    reasons: tuple[str, ...] = ()


def time_to_recover(watch: RecoveryWatch) -> RecoveryTime:
    """Return whether and when the target recovered."""
    seconds = watch.seconds
    if len(seconds) < SUSTAINED_S:
        seen = format_things(len(seconds), "second")
        return RecoveryTime(None, reasons=(f"{seen} after the surge could be judged, {SUSTAINED_S} are needed",))
    exceeded = [watch.baseline.measures_above(watch.measures, second.end_s) for second in seconds]
    start = next((n for n in range(len(seconds)) if _settles(watch, exceeded, n)), None)
    if start is not None:
        after_s = seconds[start].begin_s - watch.leave_ns / NS_PER_S
        return RecoveryTime(True, round(max(0.0, after_s), 3), False)
    return _still_in_trouble(watch, exceeded)


def _settles(watch: RecoveryWatch, exceeded: Sequence[Sequence[str]], start: int) -> bool:
    """Return True when the target is within the baseline from this second on, and stays there."""
    rest, seconds = exceeded[start:], watch.seconds[start:]
    if len(rest) < SUSTAINED_S or any(rest[:SUSTAINED_S]):
        return False
    if sum(1 for names in rest if names) > max(1, (1 - STAYS_SHARE) * len(rest)):
        return False
    if OWED not in watch.baseline.most:
        return True
    done = sum(second.done for second in seconds)
    return done + watch.baseline.most[OWED] >= ON_TARGET * sum(second.due for second in seconds)


def _still_in_trouble(watch: RecoveryWatch, exceeded: Sequence[Sequence[str]]) -> RecoveryTime:
    names = sorted({name for last in exceeded[-SUSTAINED_S:] for name in last}, key=list(MEASURE_TEXTS).index)
    coming = not exceeded[-1] or all(_lessens(watch, name) for name in names)
    texts = ", ".join(_described(watch, name) for name in names) or "it acked less than was due"
    sentence = f"{format_duration_ns(watch.until_ns - watch.leave_ns)} later: {texts}"
    if coming and watch.watched_s < (watch.leave_ns - watch.add_ns) / NS_PER_S:
        return RecoveryTime(None, None, None, ("it was still recovering when the observation ended", sentence))
    return RecoveryTime(False, None, False if coming else _metastable(watch), (sentence,))


def _lessens(watch: RecoveryWatch, name: str) -> bool:
    """Return True when a measure falls, or would at this pace be normal within as much time again."""
    points = _points(watch, name)
    slope = trend(points)
    if slope is None:
        return False
    excess = points[-1][1] - watch.baseline.most[name]
    return slope.falls or (slope.per_s < 0 and excess < -slope.per_s * slope.span_s)


def _metastable(watch: RecoveryWatch) -> bool | None:
    """Return True for a trouble that does not lessen; None when too little was seen, or the load has not gone."""
    same_load = due_per_s(watch.seconds) <= SAME_LOAD * watch.baseline.due_per_s
    return True if len(watch.seconds) >= LEAST_POINTS and same_load else None


def _points(watch: RecoveryWatch, name: str) -> list[tuple[float, float]]:
    values = watch.measures[name]
    return [(second.end_s, values[second.end_s]) for second in watch.seconds if second.end_s in values]


def _described(watch: RecoveryWatch, name: str) -> str:
    value, most = max(v for _, v in _points(watch, name)[-SUSTAINED_S:]), watch.baseline.most[name]
    form = format_ms if name in (Metric.ACK, Metric.END_TO_END) else format_count
    limit = f" (at most {form(most)})" if most else ""
    return MEASURE_TEXTS[name].format(form(value)) + limit
