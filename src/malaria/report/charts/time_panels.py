"""The panels of the charts over time, from top to bottom, as a table: each has a few lines.

Lines that lie on each other when all goes well (due, sent, acked, delivered) are drawn from thick to thin, so that all
of them are seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from malaria.analysis.observer_series import DROPPED, DROPPED_SO_FAR
from malaria.records.run import Run
from malaria.report.charts.chart_model import BLUE, GREEN, GREY, ORANGE, PURPLE, RED, SKY, AxisScale

WORKERS_SHOWN: Final = 8
"""More workers than this are shown as one sum."""

type SeriesColumns = Mapping[str, Sequence[float | str | None]]


@dataclass(frozen=True, slots=True)
class PanelLine:
    """One column of the series. `needs` names the fact of the run (a flag) without which the line means nothing."""

    name: str
    column: str
    colour: str
    width_px: float = 2
    dash: str = "solid"
    needs: str = ""
    steps: bool = False  # a count over the second that ends here, not a value at its end
    entry: str = ""  # its entry in the legend, if it shares that with other lines of the panel


@dataclass(frozen=True, slots=True)
class TimePanel:
    """One chart of the stack. `unit` is what its lines count, if the names of their columns have no unit."""

    title: str
    lines: tuple[PanelLine, ...]
    scale: AxisScale = AxisScale.COUNT
    unit: str = ""


DUE: Final = PanelLine("due", "due_per_s", GREY, 8, needs="publishing", steps=True)
SENT: Final = PanelLine("sent", "sent_per_s", ORANGE, 5, needs="publishing", steps=True)
ACKED: Final = PanelLine("acked", "acked_per_s", BLUE, 2.5, needs="acknowledged", steps=True)
DELIVERED: Final = PanelLine("delivered", "delivered_per_s", GREEN, 1.5, "dot", needs="subscribing", steps=True)

PANELS: Final = (
    TimePanel(
        "clients",
        (
            PanelLine("ready", "clients", BLUE),
            PanelLine("$SYS", "sys_clients_connected", GREY, 1.5, "dot"),
            PanelLine("Prometheus", "prometheus_clients_connected", SKY, 1.5, "dot"),
        ),
        unit="clients",
    ),
    TimePanel("messages per second", (DUE, SENT, ACKED, DELIVERED)),
    TimePanel(
        "latency",
        (
            PanelLine("ack p50", "ack_p50_ms", BLUE),
            PanelLine("ack p99", "ack_p99_ms", ORANGE),
            PanelLine("ack max", "ack_max_ms", RED, 1.5, "dot"),
            PanelLine("end to end p99", "end_to_end_p99_ms", GREEN, 1.5, "dash"),
        ),
        AxisScale.MS,
    ),
    TimePanel(
        "broker CPU, % of a core",
        (
            PanelLine("process", "process_cpu_percent", BLUE, steps=True),
            PanelLine("container", "docker_cpu_percent", SKY, steps=True),
        ),
    ),
    TimePanel(
        "broker memory",
        (
            PanelLine("process", "process_rss_bytes", BLUE),
            PanelLine("container", "docker_rss_bytes", SKY),
            PanelLine("heap ($SYS)", "sys_heap_bytes", GREEN, 1.5, "dash"),
        ),
        AxisScale.BYTES,
    ),
    TimePanel("host CPU, % of all cores", (PanelLine("host", "host_cpu_percent", BLUE, steps=True),)),
    TimePanel(
        "messages in the broker",
        (
            PanelLine("stored", "sys_messages_stored", BLUE),
            PanelLine("in flight", "sys_messages_inflight", GREEN, 1.5, "dash"),
            PanelLine("stored (Prometheus)", "prometheus_messages_stored", SKY),
            PanelLine("in flight (Prometheus)", "prometheus_messages_inflight", ORANGE, 1.5, "dash"),
            PanelLine("dropped so far", DROPPED_SO_FAR, RED, 2, "dot"),
        ),
        unit="messages",
    ),
    TimePanel(
        "packets per second ($SYS)",
        (
            PanelLine("received", "sys_messages_received_per_s", BLUE, steps=True),
            PanelLine("sent", "sys_messages_sent_per_s", ORANGE, steps=True),
        ),
    ),
    TimePanel(
        "messages waiting in the generator",
        (PanelLine("in flight", "inflight", BLUE), PanelLine("due, not sent", "held", RED)),
        unit="messages",
    ),
    TimePanel(
        "lag of the generator",
        (PanelLine("lag p50", "own_lag_p50_ms", SKY), PanelLine("lag p99", "own_lag_p99_ms", PURPLE)),
        AxisScale.MS,
    ),
    TimePanel("generator CPU, % of a core", (PanelLine("all workers", "cpu_percent", RED, steps=True),)),
)
CHOSEN: Final = "prometheus_"
MOST_CHOSEN: Final = 8
"""Panels for chosen series of a Prometheus page; further ones are in the raw data alone."""


def panels_of(run: Run, table: SeriesColumns) -> list[TimePanel]:
    """Return the panels and lines for which this run has values."""
    shown: list[TimePanel] = []
    for panel in (*PANELS, *_of_prometheus(table)):
        lines = tuple(line for line in (*panel.lines, *_of_workers(panel, table)) if _means_something(run, line))
        values = [value for line in lines for value in table.get(line.column, ())]
        if any(values):  # a panel of zeros says nothing, a line of zeros beside others does
            known = tuple(line for line in lines if any(v is not None for v in table.get(line.column, ())))
            shown.append(TimePanel(panel.title, known, panel.scale, panel.unit))
    return shown


def _means_something(run: Run, line: PanelLine) -> bool:
    return not line.needs or bool(getattr(run.meta, line.needs))


def _of_workers(panel: TimePanel, table: SeriesColumns) -> list[PanelLine]:
    """Return a thin line for each of a few workers: one that uses its whole core is hidden in the sum."""
    prefix = "cpu_percent_"
    names = [column.removeprefix(prefix) for column in table if column.startswith(prefix)]
    # one worker is the sum; many would hide each other
    if panel.lines[0].column != "cpu_percent" or not 1 < len(names) <= WORKERS_SHOWN:
        return []
    return [
        PanelLine(f"worker {name}", f"{prefix}{name}", GREY, 1.5, steps=True, entry="each worker") for name in names
    ]


def _of_prometheus(table: SeriesColumns) -> list[TimePanel]:
    """Return a panel for each chosen series; for a counter, its growth per second."""
    drawn = {line.column for panel in PANELS for line in panel.lines} | set(DROPPED)
    names = [
        column
        for column in table
        # of a counter its growth says more than its total
        if column.startswith(CHOSEN) and f"{column}_per_s" not in table and column not in drawn
    ]
    return [
        TimePanel(name.removeprefix(CHOSEN), (PanelLine("prometheus", name, BLUE, steps=name.endswith("_per_s")),))
        for name in names[:MOST_CHOSEN]
    ]
