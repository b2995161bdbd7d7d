"""The latest readings of all observers: as a block that redraws, a line per second, or a line of JSON.

Only the latest are kept, so memory does not grow with time.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from malaria.clock import NS_PER_S
from malaria.printable import printable
from malaria.records.rows import GAP, Event, Observation, Reading, storable
from malaria.report.figure_text import UNKNOWN
from malaria.units import format_bytes, format_count, format_rate

EVENTS_SHOWN: Final = 6
LABEL_WIDTH: Final = 9


def _percent(value: float) -> str:
    return f"{value:.0f} %"


def _per_s(value: float) -> str:
    return format_rate(value)


type ShownReading = tuple[str, str, Callable[[float], str]]
"""(name of the reading, its label, the function that formats it)"""

SHOWN_READINGS: Final[Mapping[str, tuple[ShownReading, ...]]] = {
    "sys": (
        ("clients_connected", "clients", format_count),
        ("messages_received_per_s", "received", _per_s),
        ("messages_sent_per_s", "sent", _per_s),
        ("publish_dropped", "dropped", format_count),
        ("messages_stored", "stored", format_count),
        ("messages_inflight", "in flight", format_count),
        ("heap_bytes", "heap", format_bytes),
    ),
    "process": (
        ("cpu_percent", "CPU", lambda value: f"{value:.0f} % of a core"),
        ("busiest_thread_percent", "busiest thread", _percent),
        ("throttled_percent", "throttled", _percent),
        ("rss_bytes", "memory", format_bytes),
        ("threads", "threads", format_count),
        ("descriptors", "open files", format_count),
        ("context_switches_per_s", "switches", _per_s),
        ("restarts", "restarts", format_count),
    ),
    "docker": (
        ("cpu_percent", "CPU", lambda value: f"{value:.0f} % of a core"),
        ("rss_bytes", "memory", format_bytes),
        ("processes", "processes", format_count),
    ),
    "host": (
        ("cpu_percent", "CPU", _percent),
        ("memory_used_bytes", "memory", format_bytes),
        ("memory_bytes", "of", format_bytes),
        ("tcp_sockets", "TCP sockets", format_count),
        ("tcp_retransmits", "retransmits", format_count),
        ("listen_overflows", "listen overflows", format_count),
        ("listen_drops", "drops", format_count),
    ),
}
"""The readings that are shown of each observer, in order. Others are shown with their first MOST_OTHERS readings."""
MOST_OTHERS: Final = 12
NOT_IN_LINE: Final = frozenset({"threads", "busiest_thread_percent", "throttled_percent", "restarts", "memory_bytes",
                                "tcp_retransmits", "listen_overflows", "listen_drops", "context_switches_per_s",
                                "heap_bytes", "descriptors", "tcp_sockets"})  # fmt: skip


class LatestReadings:
    """The latest reading of each name by observer, the observers that see nothing, and the last events."""

    def __init__(self) -> None:
        self.readings: dict[str, dict[str, Reading]] = {}
        self.gaps: dict[str, str] = {}
        self.events: deque[Event] = deque(maxlen=EVENTS_SHOWN)

    def take(self, row: Observation | Event) -> None:
        """Keep a row that an observer has delivered."""
        if isinstance(row, Event):
            self.events.append(row)
        elif GAP in row.values:
            self.gaps[row.observer] = str(row.values[GAP])
            self.readings.pop(row.observer, None)  # an observer that sees nothing knows no current value
        else:
            # it sees something again
            self.gaps.pop(row.observer, None)
            known = {name: storable(reading) for name, reading in row.values.items()}
            self.readings.setdefault(row.observer, {}).update(known)

    def line(self, at_ns: int) -> str:
        """Return all readings as one plain line."""
        parts = [f"{at_ns / NS_PER_S:8.1f} s"]
        for observer in self.observers:
            shown = [f"{label} {text}" for name, label, text in self.shown(observer) if name not in NOT_IN_LINE]
            parts.append(f"{observer}: {self.gaps.get(observer) or ', '.join(shown) or UNKNOWN}")
        return "  ".join(parts)

    def block(self, title: str, at_ns: int) -> RenderableType:
        """Return the screen: a row of readings for each observer, and the last events."""
        table = Table.grid(padding=(0, 2))
        for observer in self.observers:
            gap = self.gaps.get(observer)
            parts = [Text.assemble((label, "dim"), " ", text) for _, label, text in self.shown(observer)]
            shown = Text("   ").join(parts) if parts else Text(UNKNOWN)
            table.add_row(Text(f"  {observer:<{LABEL_WIDTH}}"), Text(printable(gap), "yellow") if gap else shown)
        head = Text(f"{title}  {_about(self.readings)}  {at_ns // NS_PER_S} s")
        events = [Text(f"  {event.at_ns / NS_PER_S:6.0f} s  {printable(event.text)}") for event in self.events]
        return Group(head, Text(), table, Text(), *events)

    @property
    def observers(self) -> list[str]:
        """The observers that have delivered anything, in the order in which they are shown."""
        return sorted(self.readings.keys() | self.gaps.keys(), key=_rank)

    def shown(self, observer: str) -> list[tuple[str, str, str]]:
        """Return name, label and text of each reading to show."""
        readings = self.readings.get(observer, {})
        known: tuple[ShownReading, ...] = SHOWN_READINGS.get(observer) or tuple(
            (name, printable(name), lambda value: f"{value:g}") for name in sorted(readings)[:MOST_OTHERS]
        )
        return [(name, label, _written(readings[name], write)) for name, label, write in known if name in readings]


def json_line(row: Observation | Event, wall_ns: int) -> str:
    """Return one row as JSON; `wall_ns` is when it was observed."""
    when = datetime.fromtimestamp(wall_ns / NS_PER_S, UTC).isoformat(timespec="milliseconds")
    if isinstance(row, Event):
        return json.dumps({"time": when, "observer": row.worker, "event": row.text}, allow_nan=False)
    values = {name: storable(reading) for name, reading in row.values.items()}
    return json.dumps({"time": when, "observer": row.observer, "values": values}, allow_nan=False)


def _written(value: Reading, write: Callable[[float], str]) -> str:
    if value is None:
        return UNKNOWN
    return printable(value) if isinstance(value, str) else write(value)


def _rank(observer: str) -> tuple[int, str]:
    order = list(SHOWN_READINGS)
    # known observers first, in the order of the table, then the others by name
    return (order.index(observer) if observer in order else len(order), observer)


def _about(readings: Mapping[str, Mapping[str, Reading]]) -> str:
    version = readings.get("sys", {}).get("version")
    return f"· {printable(version)}" if isinstance(version, str) else ""
