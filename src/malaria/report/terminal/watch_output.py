"""Prints what the observers see: a line of JSON per row, a screen that redraws, or a line a second."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.live import Live

from malaria.clock import NS_PER_S, wall_ns
from malaria.records.rows import Event, Observation
from malaria.report.terminal.latest_readings import LatestReadings, json_line
from malaria.report.terminal.live_block import event_line


class WatchOutput:
    """The output of `watch` that prints nothing and only keeps the latest readings; the base of the others."""

    def __init__(self, latest: LatestReadings) -> None:
        self.latest = latest

    def __call__(self, at_ns: int, rows: Sequence[Observation | Event]) -> None:
        """Take the new rows, and print them. `at_ns` is the time since the start."""
        for row in rows:
            self.latest.take(row)


class JsonLines(WatchOutput):
    """A line of JSON for every row, for programs."""

    def __init__(self, latest: LatestReadings, print_line: Callable[[str], None]) -> None:
        super().__init__(latest)
        self._print_line = print_line

    def __call__(self, at_ns: int, rows: Sequence[Observation | Event]) -> None:
        super().__call__(at_ns, rows)
        now_ns = wall_ns()
        for row in rows:
            self._print_line(json_line(row, now_ns - at_ns + row.at_ns))


class WatchScreen(WatchOutput):
    """One block that redraws in place."""

    def __init__(self, latest: LatestReadings, title: str, live: Live) -> None:
        super().__init__(latest)
        self._title = title
        self._live = live

    def __call__(self, at_ns: int, rows: Sequence[Observation | Event]) -> None:
        super().__call__(at_ns, rows)
        if rows:
            self._live.update(self.latest.block(self._title, at_ns), refresh=True)


class PlainLines(WatchOutput):
    """A line of text every second, and a line for every event."""

    def __init__(self, latest: LatestReadings, print_line: Callable[[str], None]) -> None:
        super().__init__(latest)
        self._print_line = print_line
        self._printed_ns = 0

    def __call__(self, at_ns: int, rows: Sequence[Observation | Event]) -> None:
        super().__call__(at_ns, rows)
        for row in rows:
            if isinstance(row, Event):
                self._print_line(event_line(row, 0))
        # rows come ten times a second
        if at_ns - self._printed_ns >= NS_PER_S and (self.latest.readings or self.latest.gaps):
            self._printed_ns = at_ns
            self._print_line(self.latest.line(at_ns))
