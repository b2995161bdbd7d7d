"""The judgement whether a target held while a surge was there.

It held when it stayed on target, no queue grew, it dropped neither messages nor connections, and its latency stayed
under the stated limit or, without one, within its baseline. The reasons say what it did not do. Falling behind is
bending; dropping is breaking.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from malaria.analysis.baseline import OWED, Baseline
from malaria.analysis.dropped import drop_counter, dropped_between
from malaria.analysis.queues import GROWING, LEAST_GROWTH, LEAST_GROWTH_LOAD_S, growths
from malaria.analysis.seconds import P99, LoadSecond, done_per_s, due_per_s, touching
from malaria.analysis.surge_windows import SurgeSpan
from malaria.analysis.thresholds import stated_thresholds
from malaria.analysis.windows import measured_window_ns
from malaria.clock import NS_PER_MS
from malaria.records.histogram import Histogram, values_needed
from malaria.records.rows import Metric
from malaria.records.run import Run
from malaria.units import format_count, format_ms, format_rate, format_things

ON_TARGET: Final = 0.98
"""Of what was due."""
LEAST_SECONDS: Final = 2
JUDGED_LATENCIES: Final = {Metric.ACK: "ack", Metric.END_TO_END: "end to end"}


@dataclass(frozen=True, slots=True)
class HoldWindow:
    """One surge and what is known of it. `seconds` are those of its time; `troubled_ns` is the end of its trouble."""

    run: Run
    surge: SurgeSpan
    seconds: Sequence[LoadSecond]
    all_seconds: Sequence[LoadSecond]
    baseline: Baseline | None
    leave_ns: int
    troubled_ns: int


@dataclass(frozen=True, slots=True)
class SurgeHold:
    """The judgement. `held` is None when too little was seen; `broke` names the figures of what was dropped."""

    held: bool | None
    broke: tuple[str, ...]
    reasons: tuple[str, ...]


def judge_hold(window: HoldWindow) -> SurgeHold:
    """Return whether the target held. Raises RunError for a damaged run."""
    drops = {figure: text for figure, found in BREAKS.items() if (text := found(window))}
    bends = [text for found in BENDS if (text := found(window))] if window.seconds else []
    reasons = (*bends, *drops.values())
    if reasons:
        return SurgeHold(False, tuple(drops), reasons)
    if len(window.seconds) < LEAST_SECONDS:
        seen = format_things(len(window.seconds), "second")
        return SurgeHold(None, (), (f"{seen} of the surge could be judged, {LEAST_SECONDS} are needed",))
    return SurgeHold(True, (), ())


# --- what is bending -----------------------------------------------------------------------------------------------


def _all_came(window: HoldWindow) -> str:
    surge, measured = window.surge, measured_window_ns(window.run)
    # of clients that stayed the window ends where the next ones come, maybe before these could connect
    until_ns = surge.remove_ns if surge.remove_ns is not None or measured is None else measured[1]
    came = surge.added_ns is not None and (until_ns is None or surge.added_ns <= until_ns)
    return "" if came else "it did not accept all clients of the surge"


def _on_target(window: HoldWindow) -> str:
    meta, seconds = window.run.meta, window.seconds
    if not meta.publishing or meta.closed_loop:
        return ""
    due, done = (sum(getattr(second, name) for second in seconds) for name in ("due", "done"))
    under_way = _floor(seconds) if window.baseline is None else window.baseline.most.get(OWED, 0)
    if done + under_way >= ON_TARGET * due:
        return ""
    verb = "acked" if meta.acknowledged else "took"
    of_due = f"{format_count(done_per_s(seconds))} of {format_rate(due_per_s(seconds), 'msg')}"
    return f"it {verb} {of_due} ({100 * done / due:.3g} %, needs {100 * ON_TARGET:g} %)"


def _floor(seconds: Sequence[LoadSecond]) -> float:
    """Return what may be under way where there is no baseline."""
    return max(LEAST_GROWTH, LEAST_GROWTH_LOAD_S * due_per_s(seconds))


def _queues(window: HoldWindow) -> str:
    span = window.surge.add_ns, window.leave_ns
    found = [growth for growth in growths(window.run, window.all_seconds, span) if growth.grows]
    return ", ".join(GROWING[growth.queue].format(format_count(growth.trend.per_s)) for growth in found)


def _latency(window: HoldWindow) -> str:
    exceeded: list[str] = []
    for metric, name in JUDGED_LATENCIES.items():
        most_ms = _most_ms(window, metric)
        merged = _merged(window.seconds, metric)
        value = merged.quantile_ns(P99)  # of too few values it is their maximum
        point = "max" if merged.count < values_needed(P99) else "p99"
        if most_ms is not None and value is not None and value / NS_PER_MS > most_ms:
            exceeded.append(f"{name} {point} was {format_ms(value / NS_PER_MS)} (at most {format_ms(most_ms)})")
    return ", ".join(exceeded)


def _merged(seconds: Sequence[LoadSecond], metric: Metric) -> Histogram:
    merged = Histogram()
    for second in seconds:
        merged.merge(second.reported.histogram(metric))
    return merged


def _most_ms(window: HoldWindow, metric: Metric) -> float | None:
    """Return the stated limit or, without one, that of the baseline."""
    stated = [
        threshold.value
        for threshold in stated_thresholds(window.run)
        if threshold.key == f"{metric}.p99" and threshold.operator in ("<", "<=")
    ]
    baseline = window.baseline
    return min(stated) if stated else None if baseline is None else baseline.most.get(metric)


# --- what is breaking ----------------------------------------------------------------------------------------------


def _messages(window: HoldWindow) -> str:
    dropped = dropped_between(drop_counter(window.run), window.surge.add_ns, window.troubled_ns)
    return f"it dropped {format_things(dropped.count, 'message')}" if dropped is not None and dropped.count else ""


def _connections(window: HoldWindow) -> str:
    lost = sum(second.dropped for second in touching(window.all_seconds, window.surge.add_ns, window.troubled_ns))
    return f"{format_things(lost, 'connection')} broke" if lost else ""


BENDS: Final[tuple[Callable[[HoldWindow], str], ...]] = (_all_came, _on_target, _queues, _latency)
BREAKS: Final[Mapping[str, Callable[[HoldWindow], str]]] = {
    "clients.dropped": _connections,
    "broker.dropped": _messages,
}
"""By the figure of the summary: a threshold on it, if it is stated, is the operator's word on such drops."""
