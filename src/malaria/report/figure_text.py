"""Figures as people read them, the same in the terminal, on the page and in Markdown. Unknown is a dash, never 0.

A percentile that messages without an acknowledgement could still raise is shown as a lower bound: `≥2.8 s`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from malaria.analysis.clocks import ACROSS_HOSTS
from malaria.analysis.figure_names import LATENCY_LABELS, STATISTIC_LABELS
from malaria.analysis.latency_limits import own_lag_bound_ns
from malaria.analysis.quantiles import QUANTILES, latency_of
from malaria.analysis.summary_figures import MessageFigures, Summary
from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.records.rows import EventKind, Metric, RunPhase
from malaria.records.run import Run
from malaria.units import format_count, format_duration_ns, format_ms, format_things

UNKNOWN: Final = "—"
STEERED: Final = "The load was changed by hand while it ran. This makes it again, with the changes:"
NO_LATENCY: Final = "No latency was measured."
ATTACK_COMMANDS: Final = ("attack", "publish", "subscribe", "connect")
"""The commands that make one attack; the title of a run names its own."""


@dataclass(frozen=True, slots=True)
class StatedLatency:
    """A latency in milliseconds, or a lower bound of it."""

    ms: float | None
    at_least: bool = False

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else ''}{ms(self.ms)}"


type LatencyTable = dict[Metric, dict[str, StatedLatency]]


def count(value: float | None) -> str:
    return UNKNOWN if value is None else format_count(value)


def lost_figure(messages: MessageFigures) -> str:
    """Return the lost deliveries, and beside them the messages that never left: `0 + 1,680 unsent`.

    A broker that is gone loses nothing of what was sent to it, so the count alone would look well.
    """
    unsent = messages.never_sent
    return f"{count(messages.lost)} + {count(unsent)} unsent" if unsent else count(messages.lost)


def things(value: float | None, thing: str) -> str:
    """Return a count and its noun: `1 worker`, `20 bees`, `— workers`."""
    return f"{UNKNOWN} {thing}s" if value is None else format_things(value, thing)


def ms(value: float | None) -> str:
    return UNKNOWN if value is None else format_ms(value)


def latencies(run: Run, summary: Summary) -> LatencyTable:
    """Return the figures of the summary by metric and statistic, and lower bounds where the summary has none.

    Metrics without a value are left out.
    """
    found: LatencyTable = {}
    for metric in LATENCY_LABELS:
        figures = summary.latency_ms[metric]
        # a bound would hide the error of the clocks, which a latency between hosts has as well
        bounds = _bounds(run, metric) if None in figures.values() and metric not in ACROSS_HOSTS else {}
        if figures["count"] or bounds:
            found[metric] = {name: _stated(figures[name], bounds.get(name)) for name in STATISTIC_LABELS}
    return found


def _stated(known_ms: float | None, bound_ms: float | None) -> StatedLatency:
    if known_ms is None and bound_ms is not None:
        return StatedLatency(bound_ms, at_least=True)
    return StatedLatency(known_ms)


def _bounds(run: Run, metric: Metric) -> dict[str, float]:
    latency = latency_of(run, metric)
    values = {name: latency.quantile(q) for name, q in QUANTILES.items()}
    # known ones are in the summary already
    return {name: value.ns / NS_PER_MS for name, value in values.items() if value is not None and not value.known}


def connect_time_ns(run: Run) -> int | None:
    """Return the time from the first connect to the last CONNACK before the load; None if that never happened."""
    meta = run.meta
    if meta.first_connect_ns is not None and meta.last_connack_ns is not None:
        return max(0, meta.last_connack_ns - meta.first_connect_ns)
    return _connect_phase_ns(run)


def connect_time_text(run: Run) -> str:
    """Return ` in 3 s`, or `, those of the start in 3 s` if others came later; empty if the time is unknown."""
    took_ns = connect_time_ns(run)
    if not took_ns:
        return ""
    return f"{', those of the start' if run.meta.crowd_changes else ''} in {format_duration_ns(took_ns)}"


def _connect_phase_ns(run: Run) -> int | None:
    """Return the length of the phase, for runs of earlier versions; None if no load followed it."""
    started_ns: int | None = None
    for event in run.events:
        # phases are events of their own kind
        if event.kind is not EventKind.PHASE:
            continue
        if event.text == RunPhase.CONNECT:
            started_ns = event.at_ns
        elif started_ns is not None:
            # another phase after it (drain): not all clients came
            return event.at_ns - started_ns if event.text in (RunPhase.WARMUP, RunPhase.MEASURE) else None
    return None


def kept_up(run: Run) -> bool | None:
    """Return if the generator sent in time; None if that is not known: nothing was sent, or the loop was closed."""
    lag_ns = run.histogram(Metric.OWN_LAG).percentile_ns(0.99)
    if lag_ns is None or run.meta.closed_loop:
        return None
    return lag_ns <= own_lag_bound_ns(run)


def broker_name(run: Run, summary: Summary) -> str:
    """Return name and version, as far as they are known."""
    name = (run.meta.broker and run.meta.broker.name) or ""
    return name_and_version(name, str(summary.broker.version or "")) or "version unknown"


def connected(run: Run, summary: Summary) -> str:
    """Return the number of clients at the end of the measured window; with surges, the most at once."""
    clients = summary.clients
    return count(clients["connected_peak" if run.meta.surges else "connected"])


def name_and_version(name: str, version: str) -> str:
    """Join both, each once: many brokers have their name in their version (`mosquitto version 2.0.11`)."""
    return version if name.casefold() in version.casefold() else f"{name} {version}".rstrip()


def title_line(run: Run) -> str:
    """Return `malaria attack mqtt://broker:1883 · 3,000 clients · 500 B · …`."""
    meta = run.meta
    # a level of a campaign is an attack, whatever the command
    word = next((word for word in (meta.command or "").split()[1:2] if word in ATTACK_COMMANDS), "attack")
    return " · ".join(str(part) for part in (f"malaria {word} {meta.target or ''}", meta.load) if part)


def moment(summary: Summary) -> str:
    """Return the start of the run to the minute: `2026-11-22 17:51 UTC`."""
    return minute(summary.started)


def minute(stored: str | None) -> str:
    """Return a stored time to the minute; one that is no time as it is, and "" for None."""
    try:
        started = datetime.fromisoformat(str(stored))
    # a damaged run, or none of a real start: shown as it is
    except ValueError:
        return str(stored or "")
    return f"{started:%Y-%m-%d %H:%M} {'UTC' if not started.utcoffset() else f'{started:%z}'}".rstrip()


def length(summary: Summary) -> str:
    seconds = summary.duration_s
    return UNKNOWN if seconds is None else format_duration_ns(round(seconds * NS_PER_S))
