"""The schedule of the changes of an attack: announced ahead, marked when they take effect, followed to the end.

A state machine without I/O, owned by the conductor. Times are run time. A change that had not taken effect when the
load ended did not happen: it is neither marked nor recorded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.control.changes import (
    AddClients,
    Change,
    ChangeRate,
    DisconnectClients,
    RemoveClients,
    TimedChange,
    describe_change,
)
from malaria.control.standing import SurgeStanding
from malaria.plan.surge_schedule import SurgeTimes, TimedRateChange
from malaria.records.rows import Event, EventKind
from malaria.records.run_meta import SurgeFacts
from malaria.units import format_things

NOTICE_NS: Final = NS_PER_S
"""How far ahead a planned change is announced. A worker needs far less to receive it."""
HAND_NOTICE_NS: Final = 300 * NS_PER_MS
"""How far ahead a change is announced that was not planned: a person waits for it."""


@dataclass(slots=True)
class SurgeProgress:
    """The course of one surge so far. None means: not yet."""

    times: SurgeTimes
    begin_ns: int | None = None  # its clients publish
    add_ns: int | None = None
    added_ns: int | None = None  # the last of its clients was READY
    remove_ns: int | None = None
    removed_ns: int | None = None  # the last of its clients had no connection any more


@dataclass(frozen=True, slots=True)
class _ScheduledChange:
    timed: TimedChange
    mark: Event
    surge: SurgeProgress | None = None  # gets the time in field `sets` when the change takes effect
    sets: Literal["add_ns", "remove_ns"] = "add_ns"


class ChangeSchedule:
    """The changes of an attack, in order of time."""

    def __init__(self, surges: Sequence[SurgeTimes], *, on_demand: bool = False) -> None:
        """`on_demand`: surges come and go only by `put`, whatever their times say."""
        self._surges = [SurgeProgress(times) for times in surges]
        self._on_demand = on_demand
        self._planned: deque[_ScheduledChange] = deque()
        self._announced: deque[_ScheduledChange] = deque()
        self.expects_more = False
        """Whether a change is to come that is not decided yet."""
        self.rate_changes: list[TimedRateChange] = []
        """Those that have taken effect, in run time."""

    def begin(self, measure_ns: int, end_ns: int | None) -> None:
        """Plan the surges from the beginning of the measured time. A change at its end or later does not happen."""
        surges = [] if self._on_demand else self._surges
        changes = [change for place, surge in enumerate(surges) for change in _changes(place, surge, measure_ns)]
        changes.sort(key=lambda change: change.timed.at_ns)
        self._planned.extend(change for change in changes if end_ns is None or change.timed.at_ns < end_ns)

    def announce(self, at_ns: int) -> list[TimedChange]:
        """Return the planned changes that the workers must be told now."""
        announced: list[TimedChange] = []
        while self._planned and self._planned[0].timed.at_ns <= at_ns + NOTICE_NS:
            change = self._planned.popleft()
            self._announced.append(change)
            announced.append(change.timed)
        return announced

    def insert(self, change: ChangeRate | DisconnectClients, at_ns: int) -> list[TimedChange]:
        """Schedule a change that was not planned, and return it: it is announced at once."""
        return self.put(change, at_ns + HAND_NOTICE_NS)

    def put(self, change: Change, effect_ns: int) -> list[TimedChange]:
        """Schedule a change for a time that is at least HAND_NOTICE_NS away, and return it."""
        timed = TimedChange(effect_ns, change)
        inserted = self._scheduled(timed)
        self._announced = deque(sorted([*self._announced, inserted], key=lambda one: one.timed.at_ns))
        return [timed]

    def _scheduled(self, timed: TimedChange) -> _ScheduledChange:
        change = timed.change
        if isinstance(change, AddClients):
            return _coming(timed, self._surges[change.surge])
        if isinstance(change, RemoveClients):
            return _leaving(timed, self._surges[change.surge])
        return _ScheduledChange(timed, Event(timed.at_ns, EventKind.ACT, describe_change(change)))

    def take_effect(self, at_ns: int) -> list[Event]:
        """Return the marks of the changes that have taken effect since the last call."""
        marks: list[Event] = []
        while self._announced and self._announced[0].timed.at_ns <= at_ns:
            scheduled = self._announced.popleft()
            effect_ns, change = scheduled.timed.at_ns, scheduled.timed.change
            if scheduled.surge is not None:
                setattr(scheduled.surge, scheduled.sets, effect_ns)
            if isinstance(change, AddClients) and scheduled.surge is not None:
                scheduled.surge.begin_ns = change.begin_ns
            if isinstance(change, ChangeRate):
                self.rate_changes.append(TimedRateChange(effect_ns, change.group, change.interval))
            marks.append(scheduled.mark)
        return marks

    def end(self) -> None:
        """Drop the changes that are still to come: the load ends."""
        self._planned.clear()
        self._announced.clear()

    def update_surges(self, standings: Sequence[Sequence[SurgeStanding]]) -> None:
        """Note which surges are complete, from the standing of every worker that is not lost.

        With a lost worker the sum stays below the number of clients, so the time stays unknown.
        """
        for place, surge in enumerate(self._surges):
            reported = [standing[place] for standing in standings if place < len(standing)]
            clients = surge.times.clients
            if surge.add_ns is not None and sum(one.came for one in reported) >= clients:
                surge.added_ns = max(one.came_ns for one in reported)
            if surge.remove_ns is not None and sum(one.gone for one in reported) >= clients:
                surge.removed_ns = max(one.gone_ns for one in reported)

    @property
    def over(self) -> bool:
        """Tell whether no change is to come."""
        return not self._planned and not self._announced and not self.expects_more

    def surges_come(self) -> tuple[SurgeTimes, ...]:
        """Return the surges that have come, with the times at which they did and left."""
        return tuple(
            replace(surge.times, add_ns=surge.add_ns, begin_ns=surge.begin_ns, leave_ns=surge.remove_ns)
            for surge in self._surges
            if surge.add_ns is not None and surge.begin_ns is not None
        )

    def surge_facts(self) -> tuple[SurgeFacts, ...]:
        """Return the course of each surge, as the run stores it."""
        return tuple(
            SurgeFacts(
                group=surge.times.group,
                clients=surge.times.clients,
                add_ns=surge.add_ns,
                added_ns=surge.added_ns,
                remove_ns=surge.remove_ns,
                removed_ns=surge.removed_ns,
            )
            for surge in self._surges
        )


def _changes(place: int, surge: SurgeProgress, measure_ns: int) -> list[_ScheduledChange]:
    """Return the one or two changes of a surge."""
    times = surge.times
    changes = [_coming(TimedChange(measure_ns + times.add_ns, AddClients(place, measure_ns + times.begin_ns)), surge)]
    if times.leave_ns is not None:
        changes.append(_leaving(TimedChange(measure_ns + times.leave_ns, RemoveClients(place)), surge))
    return changes


def _coming(timed: TimedChange, surge: SurgeProgress) -> _ScheduledChange:
    mark = Event(timed.at_ns, EventKind.SURGE, f"+{format_things(surge.times.clients, 'client')}")
    return _ScheduledChange(timed, mark, surge, "add_ns")


def _leaving(timed: TimedChange, surge: SurgeProgress) -> _ScheduledChange:
    mark = Event(timed.at_ns, EventKind.SURGE, f"\N{MINUS SIGN}{format_things(surge.times.clients, 'client')}")
    return _ScheduledChange(timed, mark, surge, "remove_ns")
