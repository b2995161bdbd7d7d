"""A running attack in the terminal: on a tty one block that redraws in place, elsewhere one plain line per second.

Both show the figures of the last second and those since the start, and events as they happen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Final, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.printable import printable
from malaria.records.rows import BeeStanding, Counter, Event, EventKind, Gauge, Metric, Progress, RunPhase, Sample
from malaria.report.figure_text import UNKNOWN
from malaria.units import format_bytes, format_count, format_ms

EVENTS_SHOWN: Final = 5
BAR_WIDTH: Final = 40
BEES_SHOWN: Final = 24
TROUBLED: Final = {
    EventKind.TROUBLE: "red",
    EventKind.LOST: "red",
    EventKind.BROKER: "red",
    EventKind.OPERATOR: "yellow",
}
PHASES_COUNTED_IN_CLIENTS: Final = (RunPhase.PREPARE, RunPhase.CONNECT)


class LiveView:
    """Shows progress while its `with` block runs. With `quiet` it shows nothing."""

    def __init__(self, title: str, load: str, console: Console, quiet: bool = False) -> None:
        self._title = printable(f"{title} · {load}")
        self._console = console
        self._quiet = quiet
        self._live = Live(console=console, transient=True, auto_refresh=False) if console.is_terminal else None
        self._events: list[Event] = []
        self._next_line_s = 0

    def __enter__(self) -> Self:
        if self._quiet:
            return self
        if self._live is not None:
            self._live.__enter__()
        else:
            self._print(self._title)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None and not self._quiet:
            self._live.__exit__(kind, error, trace)

    def update(self, progress: Progress) -> None:
        """Show the latest state; cheap enough for several calls a second."""
        if self._quiet:
            return
        events = [event for event in progress.events if event.kind is not EventKind.PHASE]
        self._events = [*self._events, *events][-EVENTS_SHOWN:]
        if self._live is not None:
            self._live.update(Group(Text(self._title), *block(progress, self._events)), refresh=True)
            return
        for event in events:
            self._print(event_line(event))
        # updates come several times a second, and a log needs one line for each
        if progress.at_ns >= self._next_line_s * NS_PER_S:
            self._next_line_s = progress.at_ns // NS_PER_S + 1
            self._print(line(progress))

    def _print(self, text: str) -> None:
        self._console.print(Text(text), highlight=False, soft_wrap=True)


def line(progress: Progress) -> str:
    """Return one second as one plain line."""
    second, totals = progress.second, progress.totals
    parts = [
        f"{progress.at_ns / NS_PER_S:6.1f} s",
        f"{phase_text(progress):<22}",
        f"clients {format_count(_ready(progress))}/{format_count(progress.clients_planned)}",
    ]
    if totals.get(Counter.DUE):
        parts += [f"{name} {_per_second(second, name)}" for name in (Counter.SENT, Counter.ACKED)]
        # a closed loop has no target
        if progress.due_per_s is not None:
            parts.append(f"target {_rate(progress.due_per_s)}/s")
    if totals.get(Counter.ARRIVED):
        # where deliveries cannot be counted, a rate of zero would look like a loss
        arriving = Counter.DELIVERED if totals.get(Counter.DELIVERED) else Counter.ARRIVED
        parts.append(f"{arriving} {_per_second(second, arriving)}")
    for metric, name in ((Metric.ACK, "ack"), (Metric.OWN_LAG, "generator lag")):
        figures = progress.second_latency_ms.get(metric)
        if figures:
            parts.append(f"{name} p50 {format_ms(figures['p50'])} {_highest(figures)}")
    if progress.bees:
        here = sum(not one.lost for one in progress.bees)
        parts.append(f"bees {format_count(here)}/{format_count(len(progress.bees))}")
    return "  ".join(parts)


def _highest(figures: Mapping[str, float]) -> str:
    """Return the p99, or the maximum of a second with too few values for one."""
    point = "p99" if "p99" in figures else "max"
    return f"{point} {format_ms(figures[point])}"


def block(progress: Progress, events: list[Event]) -> list[RenderableType]:
    """Return the screen below the title: phase and bar, figures, latencies, bees, events."""
    parts: list[RenderableType] = [
        Text(""),
        _bar(progress),
        Text(""),
        _figures(progress),
        Text(""),
        _latencies(progress),
    ]
    if progress.bees:
        parts += [Text(""), _bees(progress.bees)]
    if events:
        parts.append(Text(""))
        parts += [Text(f"  {event_line(event)}", style=TROUBLED.get(event.kind, "")) for event in events]
    return parts


def phase_text(progress: Progress) -> str:
    """Return `connect 2,140/3,000`, `measure 3:12/10:00`."""
    done, total = progress.phase_done, progress.phase_total
    if progress.phase in PHASES_COUNTED_IN_CLIENTS:
        return f"{progress.phase} {format_count(done)}/{format_count(total)}"
    return f"{progress.phase} {_clock(done)}{f'/{_clock(total)}' if total else ''}"


def _clock(time_ns: int) -> str:
    """Return `3:12`, `1:03:12`."""
    minutes, seconds = divmod(time_ns // NS_PER_S, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def event_line(event: Event) -> str:
    times = f" (x {format_count(event.count)})" if event.count > 1 else ""
    return f"{event.at_ns / NS_PER_S:6.1f} s  {printable(event.text)}{times}"


def _bar(progress: Progress) -> RenderableType:
    row = Table.grid(padding=(0, 2))
    bar = ProgressBar(total=max(progress.phase_total, 1), completed=progress.phase_done, width=BAR_WIDTH)
    row.add_row(Text("  " + f"{phase_text(progress):<24}"), bar)
    return row


def _figures(progress: Progress) -> Table:
    """Return the counts of the last second, their targets, and the totals since the start."""
    second, totals = progress.second, progress.totals
    table = _table("", "last second", "target", "since start")
    arriving = Counter.DELIVERED if totals.get(Counter.DELIVERED) else Counter.ARRIVED
    for counter in (Counter.DUE, Counter.SENT, Counter.ACKED, arriving):
        # a row of zeros, such as acked at QoS 0, would look like trouble
        if not totals.get(counter):
            continue
        target = "" if counter is arriving or progress.due_per_s is None else f"{_rate(progress.due_per_s)}/s"
        table.add_row(f"  {counter}", _per_second(second, counter), target, format_count(totals[counter]))
    ready = f"{format_count(_ready(progress))} of {format_count(progress.clients_planned)}"
    table.add_row("  clients", ready, "", f"{format_count(totals.get(Counter.REFUSED, 0))} refused, "
                  f"{format_count(totals.get(Counter.DROPPED, 0))} dropped")  # fmt: skip
    waiting = f"{format_count(progress.gauges.get(Gauge.INFLIGHT, 0))} in flight, "
    waiting += f"{format_count(progress.gauges.get(Gauge.HELD, 0))} held"
    rss_bytes = progress.gauges.get(Gauge.RSS_BYTES)
    table.add_row("  waiting", waiting, "", f"generator {format_bytes(rss_bytes)}" if rss_bytes else "")
    return table


def _latencies(progress: Progress) -> Table:
    table = _table("", "p50", "p99", "max", "p50 since start", "p99 since start")
    names = {
        Metric.ACK: "ack",
        Metric.END_TO_END: "end to end",
        Metric.CONNECT: "connect",
        Metric.OWN_LAG: "generator lag",
    }
    for metric, name in names.items():
        since, last = progress.latency_ms.get(metric), progress.second_latency_ms.get(metric, {})
        if since:
            cells = [*(last.get(point) for point in ("p50", "p99", "max")), since.get("p50"), since.get("p99")]
            table.add_row(f"  {name}", *(UNKNOWN if value is None else format_ms(value) for value in cells))
    return table


def _bees(bees: Sequence[BeeStanding]) -> Table:
    """Return the bees in their order; of more than BEES_SHOWN, the lost ones and those with the largest lag."""
    table = _table("bee", "clients", "sent", "acked", "latest")
    worst = sorted(bees, key=lambda one: (not one.lost, -(one.lag_max_ns or 0)))
    for one in sorted(worst[:BEES_SHOWN], key=bees.index):
        if one.lost:
            table.add_row(Text(f"  {printable(one.bee)}", style="red"), Text("lost", style="red"), "", "", "")
            continue
        rates = (UNKNOWN if value is None else f"{_rate(value)}/s" for value in (one.sent_per_s, one.acked_per_s))
        late = UNKNOWN if one.lag_max_ns is None else format_ms(one.lag_max_ns / NS_PER_MS)
        table.add_row(f"  {printable(one.bee)}", format_count(one.clients_ready), *rates, late)
    if len(bees) > BEES_SHOWN:
        table.add_row(f"  and {format_count(len(bees) - BEES_SHOWN)} more", "", "", "", "")
    return table


def _table(*heads: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for number, head in enumerate(heads):
        table.add_column(head, justify="right" if number else "left", min_width=9 if number else 12)
    return table


def _ready(progress: Progress) -> int:
    # workers report ready clients once a second, the phase counts them as they come
    if progress.phase in PHASES_COUNTED_IN_CLIENTS:
        return progress.phase_done
    return progress.gauges.get(Gauge.CLIENTS_READY, 0)


def _per_second(second: Sample | None, counter: str) -> str:
    # no second is over yet
    if second is None or second.end_ns <= second.start_ns:
        return UNKNOWN
    per_s = second.counters.get(counter, 0) * NS_PER_S / (second.end_ns - second.start_ns)
    return f"{_rate(per_s)}/s"


def _rate(per_s: float) -> str:
    return format_count(round(per_s)) if per_s >= 100 else f"{per_s:.1f}"
