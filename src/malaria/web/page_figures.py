"""The figures on top of the live page, in words: phase, clients, rates against target, latency, losses, CPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from malaria.analysis.live_series import LiveTable
from malaria.analysis.observer_series import DROPPED_SO_FAR
from malaria.records.rows import Counter, Gauge, Metric, Progress, RunPhase
from malaria.report.figure_text import UNKNOWN
from malaria.report.terminal.live_block import HOT_PERCENT, per_second, ready, target_of
from malaria.report.terminal.so_far import BAD, DOUBTFUL, answered_by, so_far
from malaria.units import format_bytes, format_count, format_ms, format_rate, format_things
from malaria.web.http_models import FigureView


def percent(value: float) -> str:
    return f"{value:.0f} %"


LOOKED_BACK: Final = 15
"""Rows in which the latest reading is looked for: a broker updates $SYS every ten seconds or so."""
WATCHED: Final[Mapping[str, tuple[str, Callable[[float], str], str]]] = {
    "sys_clients_connected": ("clients", format_count, "$SYS"),
    "sys_messages_received_per_s": ("received", format_rate, "$SYS"),
    "sys_messages_sent_per_s": ("sent", format_rate, "$SYS"),
    DROPPED_SO_FAR: ("dropped", format_count, "since the watch began"),
    "sys_messages_stored": ("stored", format_count, "$SYS"),
    "process_cpu_percent": ("broker CPU", percent, "of a core"),
    "process_rss_bytes": ("broker memory", format_bytes, "resident"),
    "docker_cpu_percent": ("container CPU", percent, "of a core"),
    "host_cpu_percent": ("host CPU", percent, "of all cores"),
}
"""The figures of a watch: column of its series -> label, how it is written, note."""
PHASES: Final[Mapping[RunPhase, str]] = {
    RunPhase.PREPARE: "the workers get ready",
    RunPhase.CONNECT: "the clients connect",
    RunPhase.DRAIN: "the load has ended: messages under way are waited for",
    RunPhase.VERIFY: "the load has ended: messages under way are waited for",
    RunPhase.FINISH: "the load has ended: the last figures come in",
}
"""What goes on where there is nothing to say of the load."""
PLAIN: Final = "plain"
TONES: Final = {DOUBTFUL: "doubtful", BAD: "bad"}
"""Style of the terminal -> tone of a figure."""


def page_figures(progress: Progress, dropped_by_broker: float | None) -> tuple[FigureView, ...]:
    """Return the figures that matter most while an attack runs; those that are not known are left out."""
    made = [
        _clients(progress),
        _rate(progress),
        _latency(progress, Metric.ACK, "ack p99"),
        _latency(progress, Metric.END_TO_END, "end to end p99"),
        _losses(progress, dropped_by_broker),
        _broker(progress),
        _own(progress),
    ]
    return tuple(figure for figure in made if figure is not None)


def how_it_goes(progress: Progress) -> tuple[str, str]:
    """Return a sentence on the load so far, and its tone; outside the load, what goes on."""
    sentence, style = so_far(progress)
    if sentence:
        return sentence, TONES.get(style, "")
    return PHASES.get(progress.phase, ""), PLAIN


def watched_figures(columns: LiveTable) -> tuple[FigureView, ...]:
    """Return the latest readings of a watch, from the last rows of its series."""
    found = {name: _latest(columns.get(name, ())) for name in WATCHED}
    return tuple(
        FigureView(name=name, label=label, value=write(value), note=note)
        for name, (label, write, note) in WATCHED.items()
        if (value := found[name]) is not None
    )


def _latest(values: Sequence[float | str | None]) -> float | None:
    return next((value for value in reversed(values) if isinstance(value, int | float)), None)


def _clients(progress: Progress) -> FigureView:
    return FigureView(
        name="clients",
        label="clients",
        value=format_count(ready(progress)),
        note=f"of {format_count(progress.clients_planned)}",
    )


def _rate(progress: Progress) -> FigureView | None:
    counter = answered_by(progress) if progress.totals.get(Counter.DUE) else Counter.ARRIVED
    if not progress.totals.get(counter):
        return None
    target = target_of(progress, Counter.SENT)
    note = f"target {target}" if target else f"{format_count(progress.totals[counter])} so far"
    if progress.totals.get(Counter.DUE) and progress.due_per_s is None:
        note = "closed loop"
    return FigureView(name="rate", label=f"{counter} now", value=per_second(progress.second, counter), note=note)


def _latency(progress: Progress, metric: Metric, label: str) -> FigureView | None:
    """Return the p99 of the last second, or its maximum where a second has too few values for a p99."""
    since, now = progress.latency_ms.get(metric), progress.second_latency_ms.get(metric, {})
    if not since:
        return None
    point = "max" if "max" in now and "p99" not in now else "p99"
    value = format_ms(now[point]) if point in now else UNKNOWN
    so_far = next((f"{name} {format_ms(since[name])}" for name in ("p99", "max") if name in since), UNKNOWN)
    shown = label if point == "p99" else label.replace("p99", "max")
    return FigureView(name=metric.value, label=f"{shown} now", value=value, note=f"{so_far} so far")


def _losses(progress: Progress, dropped_by_broker: float | None) -> FigureView:
    totals = progress.totals
    lost, refused = totals.get(Counter.DROPPED, 0), totals.get(Counter.REFUSED, 0)
    parts = [f"{format_count(refused)} refused"] if refused else []
    if dropped_by_broker:
        parts.append(f"{format_things(dropped_by_broker, 'message')} dropped by the broker")
    tone = "bad" if lost or dropped_by_broker else "doubtful" if refused else ""
    return FigureView(
        name="lost",
        label="connections lost",
        value=format_count(lost),
        note=", ".join(parts) or "none refused",
        tone=tone,
    )


def _broker(progress: Progress) -> FigureView | None:
    cpu = progress.target_percent
    if "broker" not in cpu and "host" not in cpu:
        return None
    name = "broker" if "broker" in cpu else "host"
    note = f"host {cpu['host']:.0f} %" if "host" in cpu else "of a core"
    return FigureView(
        name="broker_cpu",
        label=f"{name} CPU",
        value=f"{cpu[name]:.0f} %",
        note=note if name == "broker" else "of all cores",
        tone="doubtful" if cpu[name] >= HOT_PERCENT else "",
    )


def _own(progress: Progress) -> FigureView | None:
    """Return how late the generator is, and what waits in it."""
    since, now = progress.latency_ms.get(Metric.OWN_LAG), progress.second_latency_ms.get(Metric.OWN_LAG, {})
    if not since:
        return None
    value = now.get("p99", now.get("max"))
    waiting = format_count(progress.gauges.get(Gauge.INFLIGHT, 0))
    held = format_count(progress.gauges.get(Gauge.HELD, 0))
    return FigureView(
        name="own_lag",
        label="own lag now",
        value=UNKNOWN if value is None else format_ms(value),
        note=f"{waiting} in flight, {held} held",
    )
