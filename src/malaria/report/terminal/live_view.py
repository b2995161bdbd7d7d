"""A running attack in the terminal: on a tty one block that redraws in place, elsewhere plain lines.

Both show the figures of the last second and those since the start, and events as they happen. The clock is that of the
load: 0:00 is its start, and what was before it is negative, or `before` while the start is not known. Without a tty
there is a line a second for ten seconds of connecting and of the load, then one every ten.
"""

from __future__ import annotations

from collections import deque
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from malaria.clock import NS_PER_S
from malaria.printable import printable
from malaria.records.rows import Counter, Event, EventKind, Metric, Progress, RunPhase
from malaria.report.terminal.live_block import (
    LiveCourse,
    LivePicture,
    arriving,
    event_line,
    live_block,
    moment_of,
    per_second,
    phase_text,
    ready,
    target_of,
)
from malaria.report.terminal.so_far import so_far
from malaria.units import format_count, format_ms

EVENTS_KEPT: Final = 12
LINES_AT_FIRST: Final = 10
"""Lines a second, one for each; later there is one every SECONDS_BETWEEN."""
SECONDS_BETWEEN: Final = 10
CTRL_C: Final = "Ctrl-C: end the load and report; twice: stop at once"


class LiveView:
    """Shows progress while its `with` block runs. With `quiet` it shows nothing. `hint` says what Ctrl-C does.

    On a tty the block ends with `note`, where it has one.
    """

    def __init__(self, title: str, load: str, console: Console, quiet: bool = False, hint: str = CTRL_C) -> None:
        self._title = printable(f"{title} · {load}")
        self._hint = hint
        self.note = ""
        self._console = console
        self._quiet = quiet
        self._live = Live(console=console, transient=True, auto_refresh=False) if console.is_terminal else None
        self._events: deque[Event] = deque(maxlen=EVENTS_KEPT)
        self._course = LiveCourse()
        self._pace = LinePace()

    def __enter__(self) -> Self:
        if self._quiet:
            return self
        if self._live is not None:
            self._live.__enter__()
        else:
            self._print(f"{self._title}\n({self._hint})")  # at once: a reader may leave after the first line
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
        self._events += events
        if self._live is not None:
            self._course.add(progress)
            picture = LivePicture(self._title, self._hint, progress, tuple(self._events), self._course, self.note)
            self._live.update(live_block(picture, *self._console.size), refresh=True)
            return
        for event in events:
            self._print(event_line(event, progress.load_start_ns))
        if self._pace.is_due(progress):
            self._print(line(progress))

    def _print(self, text: str) -> None:
        self._console.print(Text(text), highlight=False, soft_wrap=True)


class LinePace:
    """Decides when a log gets a line: a change of phase, and the seconds of connecting and of the load."""

    def __init__(self) -> None:
        self._phase: RunPhase | None = None
        self._stage = ""
        self._lines = 0
        self._second = -1

    def is_due(self, progress: Progress) -> bool:
        """Return True when this state, one of several a second, is to be printed."""
        stage = "before" if progress.load_start_ns is None else "load"
        if stage != self._stage:
            self._stage, self._lines, self._second = stage, 0, -(10**9)
        second = (progress.at_ns - (progress.load_start_ns or 0)) // NS_PER_S
        is_new_phase = progress.phase is not self._phase
        if second == self._second and not is_new_phase:
            return False
        # a warm-up has lines of its own, and they must not shorten the first ten seconds of the load
        past_first = second >= LINES_AT_FIRST if second >= 0 and stage == "load" else self._lines >= LINES_AT_FIRST
        if not is_new_phase and past_first and second < self._next_second():
            return False
        self._phase, self._second = progress.phase, second
        self._lines += 1
        return True

    def _next_second(self) -> int:
        return (self._second // SECONDS_BETWEEN + 1) * SECONDS_BETWEEN


def line(progress: Progress) -> str:
    """Return one second as one plain line."""
    second, totals = progress.second, progress.totals
    parts = [
        f"{moment_of(progress.at_ns, progress.load_start_ns):>7}",
        f"{phase_text(progress):<20}",
        f"clients {format_count(ready(progress))}/{format_count(progress.clients_planned)}",
    ]
    if totals.get(Counter.DUE):
        parts += [f"{name} {per_second(second, name)}" for name in (Counter.SENT, Counter.ACKED)]
        # a closed loop has none, and beside the last second of a load that has ended it would be that of another time
        if target := target_of(progress, Counter.SENT):
            parts.append(f"target {target}")
    if totals.get(Counter.ARRIVED):
        parts.append(f"{arriving(totals)} {per_second(second, arriving(totals))}")
    for metric, name in ((Metric.ACK, "ack"), (Metric.OWN_LAG, "generator lag")):
        figures = progress.second_latency_ms.get(metric, {})
        known = [f"{point} {format_ms(figures[point])}" for point in ("p50", "p99") if point in figures]
        parts += [f"{name} {' '.join(known)}"] if known else []
    parts += [f"{name} CPU {percent:.0f} %" for name, percent in sorted(progress.target_percent.items())]
    if progress.bees:
        here = sum(not one.lost for one in progress.bees)
        parts.append(f"bees {format_count(here)}/{format_count(len(progress.bees))}")
    return "  ".join(filter(None, (*parts, so_far(progress)[0])))
