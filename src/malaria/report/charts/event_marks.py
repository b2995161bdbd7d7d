"""What is marked on the time axis: what happened, as stored, and what observers saw happen to the broker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from malaria.analysis.observed import PROCESS, SYS, rows_of
from malaria.records.rows import Event, EventKind
from malaria.records.run import Run

RESTARTED: Final = "broker restarted"
BAD: Final = frozenset({EventKind.TROUBLE, EventKind.LOST})
"""Kinds that stand out."""


def marks(records: Run) -> list[Event]:
    """In order of time; the phases are no marks."""
    told = [event for event in records.events if event.kind is not EventKind.PHASE]
    return sorted([*told, *restarts(records)], key=lambda event: event.at_ns)


def restarts(records: Run) -> list[Event]:
    """When the broker's process was another one than before; or else, when `$SYS` says a shorter uptime."""
    found = list(_steps(records, PROCESS, "restarts", sign=1)) or list(_steps(records, SYS, "uptime_s", sign=-1))
    return [Event(at_ns, EventKind.TROUBLE, RESTARTED) for at_ns in found]


def _steps(records: Run, observer: str, name: str, sign: int) -> Iterator[int]:
    """When a number went up (+1) or down (-1)."""
    before: float | None = None
    for row in rows_of(records, observer):
        value = row.values.get(name)
        if isinstance(value, int | float):
            if before is not None and (value - before) * sign > 0:
                yield row.at_ns
            before = value


def gathered(told: list[Event], near_ns: int) -> list[Event]:
    """Marks nearer than this to the one before share its line; all of their words stand there."""
    lines: list[Event] = []
    for event in told:
        if lines and event.at_ns - lines[-1].at_ns < near_ns:
            if event.text not in lines[-1].text:
                kind = event.kind if event.kind in BAD else lines[-1].kind
                lines[-1] = replace(lines[-1], text=f"{lines[-1].text}, {event.text}", kind=kind)
        else:
            lines.append(event)
    return lines
