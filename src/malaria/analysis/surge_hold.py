"""Whether a target held while a surge was there.

It held when it stayed on target, no queue of it grew, it dropped neither messages nor connections, and its latency
stayed under the stated limit or, without one, in its band. What it did not do is told in reasons. Falling behind is
bending; dropping is breaking.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from malaria.analysis.baseline import OWED, Baseline
from malaria.analysis.dropped import drop_counter, dropped_between
from malaria.analysis.episodes import ExcessStay
from malaria.analysis.queues import GROWING, LEAST_GROWTH, LEAST_GROWTH_LOAD_S, growths
from malaria.analysis.seconds import LoadSecond, touching
from malaria.analysis.thresholds import stated_thresholds
from malaria.clock import NS_PER_MS
from malaria.records.histogram import Histogram
from malaria.records.rows import Metric
from malaria.records.run import Run
from malaria.units import format_count, format_ms, format_rate, format_things

ON_TARGET: Final = 0.98
"""Of what was due."""
LEAST_SECONDS: Final = 2
LATENCIES: Final = {Metric.ACK: "ack", Metric.END_TO_END: "end to end"}


@dataclass(frozen=True, slots=True)
class HoldWindow:
    """One surge and what is known of it. `seconds` are those of its time, `troubled_ns` when its trouble was over."""

    records: Run
    stay: ExcessStay
    seconds: Sequence[LoadSecond]
    all_seconds: Sequence[LoadSecond]
    band: Baseline | None
    leave_ns: int
    troubled_ns: int


@dataclass(frozen=True, slots=True)
class SurgeHold:
    """`held` None: too little was seen. `broke`: the figures of the summary that tell what it dropped."""

    held: bool | None
    broke: tuple[str, ...]
    reasons: tuple[str, ...]


def holding(trial: HoldWindow) -> SurgeHold:
    """Did it hold? Raises RunError for a damaged run."""
    drops = {figure: text for figure, found in BREAKS.items() if (text := found(trial))}
    bends = [text for found in BENDS if (text := found(trial))] if trial.seconds else []
    reasons = (*bends, *drops.values())
    if reasons:
        return SurgeHold(False, tuple(drops), reasons)
    if len(trial.seconds) < LEAST_SECONDS:
        seen = format_things(len(trial.seconds), "second")
        return SurgeHold(None, (), (f"{seen} of them could be judged, {LEAST_SECONDS} are needed",))
    return SurgeHold(True, (), ())


# --- what is bending -----------------------------------------------------------------------------------------------


def _all_came(trial: HoldWindow) -> str:
    added_ns = trial.stay.added_ns
    return "" if added_ns is not None and added_ns <= trial.leave_ns else "it did not let all of them in"


def _on_target(trial: HoldWindow) -> str:
    meta, seconds = trial.records.meta, trial.seconds
    if not meta.publishing or meta.closed_loop:
        return ""
    due, done = (sum(getattr(second, name) for second in seconds) for name in ("due", "done"))
    under_way = _floor(seconds) if trial.band is None else trial.band.most.get(OWED, 0)
    if done + under_way >= ON_TARGET * due:
        return ""
    verb = "acked" if meta.acknowledged else "took"
    of_due = f"{format_count(done / len(seconds))} of {format_rate(due / len(seconds), 'msg')}"
    return f"it {verb} {of_due} ({100 * done / due:.3g} %, needs {100 * ON_TARGET:g} %)"


def _floor(seconds: Sequence[LoadSecond]) -> float:
    """What may be under way where nothing was seen before."""
    return max(LEAST_GROWTH, LEAST_GROWTH_LOAD_S * sum(second.due for second in seconds) / len(seconds))


def _queues(trial: HoldWindow) -> str:
    span = trial.stay.add_ns, trial.leave_ns
    found = [growth for growth in growths(trial.records, trial.all_seconds, span) if growth.grows]
    return ", ".join(GROWING[growth.queue].format(format_count(growth.trend.per_s)) for growth in found)


def _latency(trial: HoldWindow) -> str:
    said: list[str] = []
    for metric, name in LATENCIES.items():
        most_ms = _most_ms(trial, metric)
        value = _merged(trial.seconds, metric).quantile_ns(0.99)
        if most_ms is not None and value is not None and value / NS_PER_MS > most_ms:
            said.append(f"{name} p99 was {format_ms(value / NS_PER_MS)} (at most {format_ms(most_ms)})")
    return ", ".join(said)


def _merged(seconds: Sequence[LoadSecond], metric: Metric) -> Histogram:
    merged = Histogram()
    for second in seconds:
        merged.merge(second.reported.histogram(metric))
    return merged


def _most_ms(trial: HoldWindow, metric: Metric) -> float | None:
    """The stated limit; without one that of the band."""
    stated = [
        threshold.value
        for threshold in stated_thresholds(trial.records)
        if threshold.key == f"{metric}.p99" and threshold.operator in ("<", "<=")
    ]
    band = trial.band
    return min(stated) if stated else None if band is None else band.most.get(metric)


# --- what is breaking ----------------------------------------------------------------------------------------------


def _messages(trial: HoldWindow) -> str:
    dropped = dropped_between(drop_counter(trial.records), trial.stay.add_ns, trial.troubled_ns)
    return f"it dropped {format_things(dropped.count, 'message')}" if dropped is not None and dropped.count else ""


def _connections(trial: HoldWindow) -> str:
    lost = sum(second.dropped for second in touching(trial.all_seconds, trial.stay.add_ns, trial.troubled_ns))
    return f"{format_things(lost, 'connection')} broke" if lost else ""


BENDS: Final[tuple[Callable[[HoldWindow], str], ...]] = (_all_came, _on_target, _queues, _latency)
BREAKS: Final[Mapping[str, Callable[[HoldWindow], str]]] = {
    "clients.dropped": _connections,
    "broker.dropped": _messages,
}
"""By the figure of the summary: a threshold on it, if it is stated, is the operator's word on such drops."""
