"""The block of a running attack on a tty: phase, figures, latencies, the target's CPU, courses, bees, events.

It fits the terminal: a wide one has figures and latencies side by side, a low one fewer events and no empty lines.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from malaria.analysis.distribution import BARS
from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.printable import printable
from malaria.records.rows import BeeStanding, Counter, Event, EventKind, Gauge, LastSecond, Metric, Progress, RunPhase
from malaria.report.figure_text import UNKNOWN
from malaria.report.terminal.so_far import answered_by, so_far
from malaria.report.terminal.terminal_lines import GAP, INDENT, LABEL_WIDTH, wrapped
from malaria.units import format_bytes, format_clock, format_count, format_ms

WIDE: Final = 120
"""Columns from which figures and latencies stand side by side."""
TALL: Final = 30
"""Lines from which blocks are set apart."""
EVENTS_SHOWN: Final = 5
BAR_WIDTH: Final = 24
BEES_SHOWN: Final = 24
SECONDS_KEPT: Final = 300
FEWEST_SECONDS: Final = 2
TROUBLED: Final = {
    EventKind.TROUBLE: "red",
    EventKind.LOST: "red",
    EventKind.BROKER: "red",
    EventKind.OPERATOR: "yellow",
}
PHASES_COUNTED_IN_CLIENTS: Final = (RunPhase.PREPARE, RunPhase.CONNECT)
LATENCIES: Final = {
    Metric.ACK: "ack",
    Metric.END_TO_END: "end to end",
    Metric.CONNECT: "connect",
    Metric.OWN_LAG: "own lag",
}
LEAST_STEADY_PER_S: Final = 10
"""Messages due in a second, from which a second with less than half of them is no chance."""
HOT_PERCENT: Final = 90
"""A broker of one thread, or a host, that uses more of its CPU is near its end."""


@dataclass(slots=True)
class LiveCourse:
    """The last seconds of the load: messages due and done, and the latency of acks."""

    dues: deque[float] = field(default_factory=lambda: deque(maxlen=SECONDS_KEPT))
    rates: deque[float] = field(default_factory=lambda: deque(maxlen=SECONDS_KEPT))
    acks_ms: deque[float] = field(default_factory=lambda: deque(maxlen=SECONDS_KEPT))
    _end_ns: int = -1

    def add(self, progress: Progress) -> None:
        """Take in the last second, once, if anything was due in it or the load pauses."""
        second = progress.second
        if second is None or second.end_ns == self._end_ns:
            return
        pauses = bool(self.dues) and progress.phase is RunPhase.MEASURE
        if not pauses and not second.per_s.get(Counter.DUE):
            return
        self._end_ns = second.end_ns
        self.dues.append(second.per_s.get(Counter.DUE, 0))
        self.rates.append(second.per_s.get(answered_by(progress), 0))
        ack = progress.second_latency_ms.get(Metric.ACK, {})
        self.acks_ms.append(ack.get("p99", ack.get("max", 0)))


@dataclass(frozen=True, slots=True)
class LivePicture:
    """All that the block shows."""

    title: str
    hint: str
    progress: Progress
    events: Sequence[Event]
    course: LiveCourse
    note: str = ""


def live_block(picture: LivePicture, width: int, height: int) -> RenderableType:
    """Return the block for a terminal of this size."""
    progress = picture.progress
    parts: list[list[RenderableType]] = [
        list(wrapped(picture.title, "", width)),
        [_bar(progress)],
        _tables(progress, width),
        [*_target(progress), *_courses(picture.course, progress, width)],
    ]
    if progress.bees:
        parts.append([_bees(progress.bees)])
    note, foot = (wrapped(text, INDENT, width) if text else [] for text in (picture.note, picture.hint))
    lines = sum(map(_height, parts)) + len(foot) + 1  # the line of the cursor
    if lines + len(note) < height:  # one is left for an event
        foot, lines = note + foot, lines + len(note)
    gap: list[RenderableType] = [Text()] if lines + len(parts) + 1 <= height or height >= TALL else []
    room = height - lines - len(gap) * len(parts)
    events = _events(picture, max(1, min(EVENTS_SHOWN, room)), width)
    parts += [events] if events else []
    for line in foot:
        line.stylize("dim")
    parts.append([*foot])
    return Group(*parts[0], *(each for part in parts[1:] for each in (*gap, *part)))


def _height(part: Sequence[RenderableType]) -> int:
    return sum(_lines_of(each) for each in part)


def _lines_of(each: RenderableType) -> int:
    """Return the lines that a text or a table takes."""
    if not isinstance(each, Table):
        return 1
    inner = [cell for column in each.columns for cell in column.cells if isinstance(cell, Table)]
    return max(map(_lines_of, inner)) if inner else each.row_count + each.show_header


def _tables(progress: Progress, width: int) -> list[RenderableType]:
    figures, latencies = _figures(progress), _latencies(progress)
    if width < WIDE:
        return [figures, latencies] if latencies.row_count else [figures]
    both = Table.grid(padding=(0, 4))
    both.add_row(figures, latencies)
    return [both]


def phase_text(progress: Progress) -> str:
    """Return `connect 2,140/3,000`, `measure 3:12/10:00`."""
    done, total = progress.phase_done, progress.phase_total
    if progress.phase in PHASES_COUNTED_IN_CLIENTS:
        return f"{progress.phase} {format_count(done)}/{format_count(total)}"
    return f"{progress.phase} {format_clock(done // NS_PER_S)}{f'/{format_clock(total // NS_PER_S)}' if total else ''}"


def moment_of(at_ns: int, load_start_ns: int | None) -> str:
    """Return a moment of run time on the clock of the load; `before` while its start is not known."""
    return "before" if load_start_ns is None else format_clock((at_ns - load_start_ns) / NS_PER_S)


def event_line(event: Event, load_start_ns: int | None) -> str:
    """Return `   0:07  worker 2 was killed`; several events of a kind with their number."""
    times = f" (x {format_count(event.count)})" if event.count > 1 else ""
    return f"{moment_of(event.at_ns, load_start_ns):>7}  {printable(event.text)}{times}"


def _events(picture: LivePicture, most: int, width: int) -> list[RenderableType]:
    lines: list[RenderableType] = []
    for event in list(picture.events)[-most:]:
        clock, text = event_line(event, picture.progress.load_start_ns)[:9], event_line(event, None)[9:]
        first, *_ = wrapped(text, f"{INDENT}{clock}", width)
        lines.append(Text(first.plain, style=TROUBLED.get(event.kind, "")))
    return lines


def _bar(progress: Progress) -> RenderableType:
    row = Table.grid(padding=(0, 2))
    bar = ProgressBar(total=max(progress.phase_total, 1), completed=progress.phase_done, width=BAR_WIDTH)
    row.add_row(Text(f"{INDENT}{phase_text(progress)}", no_wrap=True), bar, Text(*so_far(progress)))
    return row


def _figures(progress: Progress) -> Table:
    """Return the counts of the last second, their targets, and the totals since the start."""
    second, totals, gauges = progress.second, progress.totals, progress.gauges
    table = _table("", "last second", "target", "since start")
    for counter in (Counter.DUE, Counter.SENT, Counter.ACKED, arriving(totals)):
        # a row of zeros, such as acked at QoS 0, would look like trouble
        if not totals.get(counter):
            continue
        behind = is_behind(progress, counter)
        shown = Text(per_second(second, counter), style="red" if behind else "")
        table.add_row(f"{INDENT}{counter}", shown, target_of(progress, counter), format_count(totals[counter]))
    present = f"{format_count(ready(progress))} of {format_count(progress.clients_planned)}"
    gone = [(totals.get(each, 0), each) for each in (Counter.REFUSED, Counter.DROPPED)]
    lost = Text(", ".join(f"{format_count(number)} {each}" for number, each in gone))
    lost.stylize("red" if any(number for number, _ in gone) else "")
    table.add_row(f"{INDENT}clients", present, "", lost)
    waiting = f"{format_count(gauges.get(Gauge.INFLIGHT, 0))} in flight"
    table.add_row(f"{INDENT}waiting", waiting, "", f"{format_count(gauges.get(Gauge.HELD, 0))} held")
    return table


def is_behind(progress: Progress, counter: Counter) -> bool:
    """Return True if the last second had less than half of what is due: a broker that stands still is seen at once."""
    second, due_per_s = progress.second, progress.due_per_s or 0
    if counter not in (Counter.SENT, Counter.ACKED) or second is None or due_per_s < LEAST_STEADY_PER_S:
        return False
    if not _has_target(progress, counter):
        return False
    is_late = second.per_s.get(counter, 0) < due_per_s / 2
    return is_late and progress.phase is RunPhase.MEASURE and progress.phase_done > 2 * NS_PER_S


def _latencies(progress: Progress) -> Table:
    table = _table("", "p50", "p99", "max", "p50 so far", "p99 so far")
    for metric, name in LATENCIES.items():
        since, last = progress.latency_ms.get(metric), progress.second_latency_ms.get(metric, {})
        if since:
            cells = [*(last.get(point) for point in ("p50", "p99", "max")), since.get("p50"), since.get("p99")]
            table.add_row(f"{INDENT}{name}", *(UNKNOWN if value is None else format_ms(value) for value in cells))
    return table


def _target(progress: Progress) -> list[RenderableType]:
    """Return the CPU of the broker and its host, and the memory of the generator, as far as they are known."""
    cpu, rss_bytes = progress.target_percent, progress.gauges.get(Gauge.RSS_BYTES)
    parts = [Text(f"CPU {cpu['broker']:.0f} % of a core", style=heat(cpu["broker"]))] if "broker" in cpu else []
    parts += [Text(f"host CPU {cpu['host']:.0f} %", style=heat(cpu["host"]))] if "host" in cpu else []
    line = Text(f"{INDENT}{'broker' if parts else '':<{LABEL_WIDTH}}")
    parts += [Text(f"generator memory {format_bytes(rss_bytes)}", style="dim")] if rss_bytes else []
    return [line.append_text(Text(GAP).join(parts))] if parts else []


def heat(percent: float) -> str:
    """Return the style of a use of CPU."""
    return "yellow" if percent >= HOT_PERCENT else ""


def _courses(course: LiveCourse, progress: Progress, width: int) -> list[RenderableType]:
    """Return a sparkline of the messages done and one of their latency, each with its largest value."""
    if len(course.rates) < FEWEST_SECONDS:
        return []
    room = width - len(INDENT) - LABEL_WIDTH - len("   most 1,000,000/s ")
    lines: list[RenderableType] = [
        _spark(f"{answered_by(progress)}/s", course.rates, room, f"{rate_text(max(course.rates))}/s")
    ]
    if any(course.acks_ms):
        lines.append(_spark("ack p99", course.acks_ms, room, format_ms(max(course.acks_ms))))
    return lines


def _spark(label: str, values: Sequence[float], room: int, most: str) -> Text:
    return Text(f"{INDENT}{label:<{LABEL_WIDTH}}{sparkline(values, room)}{GAP}most {most}")


def sparkline(values: Sequence[float], width: int) -> str:
    """Return the last `width` values as bars from zero to the largest of them."""
    shown = list(values)[-width:]
    largest = max(shown, default=0)
    if largest <= 0:
        return BARS[0] * len(shown)
    return "".join(BARS[round(value / largest * (len(BARS) - 1))] for value in shown)


def _bees(bees: Sequence[BeeStanding]) -> Table:
    """Return the bees in their order; of more than BEES_SHOWN, the lost ones and those with the largest lag."""
    table = _table("bee", "clients", "sent", "acked", "latest")
    worst = sorted(bees, key=lambda one: (not one.lost, -(one.lag_max_ns or 0)))
    for one in sorted(worst[:BEES_SHOWN], key=bees.index):
        if one.lost:
            table.add_row(Text(f"{INDENT}{printable(one.bee)}", style="red"), Text("lost", style="red"), "", "", "")
            continue
        rates = (UNKNOWN if value is None else f"{rate_text(value)}/s" for value in (one.sent_per_s, one.acked_per_s))
        late = UNKNOWN if one.lag_max_ns is None else format_ms(one.lag_max_ns / NS_PER_MS)
        table.add_row(f"{INDENT}{printable(one.bee)}", format_count(one.clients_ready), *rates, late)
    if len(bees) > BEES_SHOWN:
        table.add_row(f"{INDENT}and {format_count(len(bees) - BEES_SHOWN)} more", "", "", "", "")
    return table


def _table(*heads: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for number, head in enumerate(heads):
        table.add_column(head, justify="right" if number else "left", min_width=9 if number else 12, no_wrap=True)
    return table


def ready(progress: Progress) -> int:
    """Return the clients that are connected now."""
    # workers report ready clients once a second, the phase counts them as they come
    if progress.phase in PHASES_COUNTED_IN_CLIENTS:
        return progress.phase_done
    return progress.gauges.get(Gauge.CLIENTS_READY, 0)


def arriving(totals: Mapping[str, int]) -> Counter:
    """Return the counter of what comes back: without counted deliveries, a row of zeros would look like a loss."""
    return Counter.DELIVERED if totals.get(Counter.DELIVERED) else Counter.ARRIVED


def target_of(progress: Progress, counter: Counter) -> str:
    """Return the rate that is due; empty outside of the load, or if what is due is not what the counter counts."""
    due_per_s = progress.due_per_s
    return "" if due_per_s is None or not _has_target(progress, counter) else f"{rate_text(due_per_s)}/s"


def _has_target(progress: Progress, counter: Counter) -> bool:
    is_other = counter is arriving(progress.totals) or (counter is Counter.ACKED and not progress.acknowledged)
    return progress.loaded and not is_other


def per_second(second: LastSecond | None, counter: str) -> str:
    """Return the rate of a counter in a second, or a dash while no second is over."""
    return UNKNOWN if second is None else f"{rate_text(second.per_s.get(counter, 0))}/s"


def rate_text(per_s: float) -> str:
    """Return messages per second without their unit, with a digit after the point below 100."""
    return format_count(round(per_s)) if per_s >= 100 else f"{per_s:.1f}"
