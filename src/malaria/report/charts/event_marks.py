"""The marks on the time axis: the events of the run, and the end, restarts and stalls of the broker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from malaria.analysis.broker_end import broker_end, end_words
from malaria.analysis.broker_figures import PROCESS, SYS, rows_of
from malaria.analysis.stalls import stalls_of
from malaria.records.rows import Event, EventKind
from malaria.records.run import Run

MARKS_SHOWN: Final = 40
"""More marks than this make a chart unreadable; the table of events has them all."""
RESTARTED: Final = "broker restarted"
BAD: Final = frozenset({EventKind.TROUBLE, EventKind.LOST, EventKind.BROKER})
"""Kinds that are shown in the colour of trouble."""


def marks(run: Run) -> list[Event]:
    """Return the events of a run in order of time, without its phases."""
    events = [event for event in run.events if event.kind is not EventKind.PHASE]
    return sorted([*events, *restarts(run), *_stalls(run), *_end(run)], key=lambda event: event.at_ns)


def restarts(run: Run) -> list[Event]:
    """Return when the broker's process was replaced; if that was not observed, when its uptime in `$SYS` fell."""
    # the process is looked at every second, $SYS only as often as the broker announces
    found = list(_steps(run, PROCESS, "restarts", sign=1)) or list(_steps(run, SYS, "uptime_s", sign=-1))
    return [Event(at_ns, EventKind.TROUBLE, RESTARTED) for at_ns in found]


def _end(run: Run) -> list[Event]:
    """Return when the broker went away, unless an event says so."""
    end = broker_end(run)
    if end is None or any(event.kind is EventKind.BROKER for event in run.events):
        return []
    return [Event(end.at_ns, EventKind.BROKER, end_words(end))]


def _stalls(run: Run) -> list[Event]:
    """Return where the broker stood still, each at its beginning."""
    return [Event(stall.since_ns, EventKind.TROUBLE, stall.words) for stall in stalls_of(run) or ()]


def _steps(run: Run, observer: str, name: str, sign: int) -> Iterator[int]:
    """Yield the times at which a number went up (`sign` +1) or down (-1)."""
    before: float | None = None
    for row in rows_of(run, observer):
        value = row.values.get(name)
        if isinstance(value, int | float):
            if before is not None and (value - before) * sign > 0:
                yield row.at_ns
            before = value


def gathered(events: list[Event], near_ns: int) -> list[Event]:
    """Join marks that are nearer than this to the one before: they share its line, and their texts are joined."""
    lines: list[Event] = []
    for event in events:
        if lines and event.at_ns - lines[-1].at_ns < near_ns:
            # the same text twice on one line would say nothing new
            if event.text not in lines[-1].text:
                # one trouble among several events colours the whole line
                kind = event.kind if event.kind in BAD else lines[-1].kind
                lines[-1] = replace(lines[-1], text=f"{lines[-1].text}, {event.text}", kind=kind)
        else:
            lines.append(event)
    return lines
