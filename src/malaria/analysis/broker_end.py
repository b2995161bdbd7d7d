"""Finds the moment at which the broker went away: its process ended, or all connections closed within a second.

The observer of the process sees the end and the exit code. Without it, the connections alone tell: all of them closed
in one second, or in two neighbouring ones. A moment is the middle of the time in which it must lie, so that its second
is right when the samples are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from malaria.analysis.lost_connections import listed_causes, lost_connections
from malaria.analysis.summary_figures import Summary
from malaria.analysis.timeline import load_time_s
from malaria.analysis.windows import workers_of
from malaria.clock import NS_PER_S
from malaria.records.rows import EXIT_CODE, GAP, Counter, EventKind, Gauge, Observation
from malaria.records.run import Run
from malaria.records.sample_timeline import Second
from malaria.units import format_clock, format_count, format_things

PROCESS: Final = "process"
LEAST_CONNECTIONS: Final = 2
"""Fewer say nothing of the broker: one client alone may have been sent away."""
NEAR_NS: Final = 2 * NS_PER_S
"""Connections that closed within this time of the end of the process closed with it."""


@dataclass(frozen=True, slots=True)
class BrokerEnd:
    """The end of the broker during a run, or of all connections to it. Times are run time.

    `process`: its process was seen to end, with `exit_code` as `subprocess` has it (None: unknown). `closed` of
    `connections` were closed with it. `back_ns`: when the process was found again, or clients connected again.
    """

    at_ns: int
    process: bool
    exit_code: int | None
    closed: int
    connections: int
    back_ns: int | None

    @property
    def all_closed(self) -> bool:
        return self.closed >= self.connections >= LEAST_CONNECTIONS


@dataclass(frozen=True, slots=True)
class _Closing:
    """Connections that closed in one second, or in two neighbouring ones, and how many there were before."""

    from_ns: int
    until_ns: int
    closed: int
    connections: int


def broker_end(run: Run) -> BrokerEnd | None:
    """Return the first end of the broker; None if it was there all the time."""
    return run.once(_broker_end)


def end_words(end: BrokerEnd) -> str:
    """Return in a few words what ended: `the broker's process ended (signal 9)`, `all 201 connections closed`."""
    if end.process:
        return f"the broker's process ended{'' if end.exit_code is None else f' ({_code(end.exit_code)})'}"
    return f"all {format_count(end.connections)} connections closed"


def _broker_end(run: Run) -> BrokerEnd | None:
    closings = _closings(run)
    last_ns = max((sample.end_ns for sample in run.samples), default=0)
    rows = [row for row in run.observations if row.observer == PROCESS]
    place = next((place for place, row in enumerate(rows) if EXIT_CODE in row.values and row.at_ns <= last_ns), None)
    if place is not None:
        return _end_of_process(run, rows, place, closings)
    whole = next((one for one in closings if one.closed >= one.connections >= LEAST_CONNECTIONS), None)
    if whole is None:
        return None
    middle_ns = (whole.from_ns + whole.until_ns) // 2
    return BrokerEnd(middle_ns, False, None, whole.closed, whole.connections, _reconnected_ns(run, whole.from_ns))


def _end_of_process(run: Run, rows: Sequence[Observation], place: int, closings: Sequence[_Closing]) -> BrokerEnd:
    end_ns, code = rows[place].at_ns, rows[place].values[EXIT_CODE]
    alive_ns = rows[place - 1].at_ns if place else 0
    near = [one for one in closings if one.until_ns > alive_ns - NS_PER_S and one.from_ns < end_ns + NEAR_NS]
    most = max(near, key=lambda one: one.closed, default=None)
    from_ns, until_ns = alive_ns, end_ns
    if most is not None and max(from_ns, most.from_ns) < min(until_ns, most.until_ns):
        from_ns, until_ns = max(from_ns, most.from_ns), min(until_ns, most.until_ns)
    again = (row.at_ns for row in rows[place + 1 :] if GAP not in row.values and EXIT_CODE not in row.values)
    return BrokerEnd(
        at_ns=(from_ns + until_ns) // 2,
        process=True,
        exit_code=code if isinstance(code, int) else None,
        closed=most.closed if most is not None else 0,
        connections=most.connections if most is not None else 0,
        back_ns=next(again, None),
    )


def _closings(run: Run) -> list[_Closing]:
    """Return every time of one or two seconds in which connections closed that the broker or the network ended."""
    seconds = list(run.timeline)
    workers = set(workers_of(run))
    found: list[_Closing] = []
    for place, second in enumerate(seconds):
        closed = second.total(Counter.DROPPED)
        if not closed or place == 0 or not seconds[place - 1].workers >= workers:
            continue
        before = seconds[place - 1].gauges().get(Gauge.CLIENTS_READY, 0)
        later = seconds[place + 1] if place + 1 < len(seconds) else None
        also = later.total(Counter.DROPPED) if later is not None and closed < before else 0
        found.append(_Closing(*_span(second, later if also else None), closed + also, before))
    return found


def _span(second: Second, later: Second | None) -> tuple[int, int]:
    """Return the time that the samples of a second cover; of two seconds, that around their boundary."""
    begin_ns, end_ns = (min(s.start_ns for s in second.samples), max(s.end_ns for s in second.samples))
    return (begin_ns, end_ns) if later is None else (end_ns - NS_PER_S // 10, end_ns + NS_PER_S // 10)


def _reconnected_ns(run: Run, after_ns: int) -> int | None:
    return next((s.end_ns for s in run.samples if s.start_ns > after_ns and s.counters.get(Counter.RECONNECTS)), None)


# --- in words ------------------------------------------------------------------------------------------------------


def end_sentence(run: Run, summary: Summary, end: BrokerEnd) -> str:
    """Return who died, when and how, what closed with it, whether it came back, and what was never sent."""
    return "; ".join(
        part for part in (*_what_ended(run, end), _return(run, summary, end), _never_sent(summary)) if part
    )


def moment(run: Run, at_ns: int) -> str:
    """Return a run time as people read it: `at 0:04` of the load."""
    return f"at {format_clock(load_time_s(run.meta, at_ns))}"


def _what_ended(run: Run, end: BrokerEnd) -> tuple[str, ...]:
    when = moment(run, end.at_ns)
    which = f"all {format_count(end.connections)} connections" if end.all_closed else _part_closed(end)
    if not end.process:
        causes = listed_causes(lost_connections(run))
        return (f"{which} closed at once {when}{f' ({causes})' if causes else ''}",)
    words = [event.text for event in run.events if event.kind is EventKind.BROKER]
    how = "" if end.exit_code is None else f" ({_code(end.exit_code)})"
    first = f"{words[0]} ({when})" if words else f"the broker's process ended {when}{how}"
    return first, f"{which} closed at once" if which else ""


def _part_closed(end: BrokerEnd) -> str:
    if not end.closed:
        return ""
    return f"{format_count(end.closed)} of {format_things(max(end.connections, end.closed), 'connection')}"


def _code(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _return(run: Run, summary: Summary, end: BrokerEnd) -> str:
    if end.back_ns is None:
        return "it did not come back" if end.process else "none came back"
    clients = summary.clients
    back = f"it was back {moment(run, end.back_ns)}"
    if clients.connected is None or clients.planned is None:
        return back
    return f"{back}; at the end {format_count(clients.connected)} of {format_count(clients.planned)} were connected"


def _never_sent(summary: Summary) -> str:
    messages = summary.messages
    unsent = messages.never_sent
    if not unsent:
        return ""
    was = "was" if unsent == 1 else "were"
    return f"{format_count(unsent)} of {format_things(messages.due or 0, 'message')} {was} never sent"
