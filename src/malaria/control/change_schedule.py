"""The schedule of the changes of an attack: announced ahead, marked when they take effect, followed to the end.

A state machine without I/O, owned by the conductor. Times are run time. A change that had not taken effect when the
load ended did not happen: it is neither marked nor recorded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final, Literal

from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.control.changes import (
    AddClients,
    Change,
    ChangeRate,
    PauseGroup,
    RemoveClients,
    ResumeGroup,
    TimedChange,
    describe_change,
)
from malaria.control.crowd import Crowd
from malaria.control.standing import SurgeStanding
from malaria.plan.surge_schedule import LoadChange, SurgeTimes, TimedLeave, TimedPause, TimedRateChange
from malaria.records.rows import Event, EventKind
from malaria.records.run_meta import SurgeFacts
from malaria.units import format_things

NOTICE_NS: Final = NS_PER_S
"""How far ahead a planned change is announced. A worker needs far less to receive it."""
HAND_NOTICE_NS: Final = 300 * NS_PER_MS
"""How far ahead a change is announced that was not planned: a person waits for it."""


@dataclass(slots=True)
class SurgeProgress:
    """The course of one surge or wave so far. None means: not yet."""

    times: SurgeTimes
    by_hand: bool = False  # a wave
    begin_ns: int | None = None  # its clients publish
    add_ns: int | None = None
    added_ns: int | None = None  # the last of its clients was READY
    remove_ns: int | None = None
    removed_ns: int | None = None  # the last of its clients had no connection any more
    leaves: tuple[tuple[int, int], ...] = ()  # (time, clients) of those that left before the others

    @property
    def to_come(self) -> int:
        """Return how many of its clients must come: who is told to leave while the others still come need not."""
        if self.remove_ns is not None and self.remove_ns < (self.begin_ns or 0):
            return 0
        return self.times.clients - sum(clients for _, clients in self.leaves)


@dataclass(frozen=True, slots=True)
class _ScheduledChange:
    timed: TimedChange
    mark: Event | None
    surge: SurgeProgress | None = None  # gets the time in field `sets` when the change takes effect
    sets: Literal["add_ns", "remove_ns", "leaves"] = "add_ns"


class ChangeSchedule:
    """The changes of an attack, in order of time."""

    def __init__(self, surges: Sequence[SurgeTimes], *, on_demand: bool = False, crowd: Crowd | None = None) -> None:
        """`on_demand`: surges come and go only by `put`, whatever their times say. `crowd` has the groups."""
        self.crowd = Crowd((), surges, Fraction(0), 1) if crowd is None else crowd
        self.steered = False
        """Whether clients have come or gone that no surge planned, or a group has paused."""
        self._surges = [SurgeProgress(times) for times in surges]
        self._on_demand = on_demand
        self._planned: deque[_ScheduledChange] = deque()
        self._announced: deque[_ScheduledChange] = deque()
        self.expects_more = False
        """Whether a change is to come that is not decided yet."""
        self.load_changes: list[LoadChange] = []
        """Those of rates, pauses and clients from the start that have taken effect, in run time."""

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
            change = self._in_the_crowd(self._planned.popleft())
            if change is not None:
                self._announce(change)
                announced.append(change.timed)
        return announced

    def _in_the_crowd(self, planned: _ScheduledChange) -> _ScheduledChange | None:
        """Return the change of a surge as it is with what was done by hand before; None if nobody is left to leave."""
        timed, surge = planned.timed, planned.surge
        assert surge is not None
        change, group = timed.change, surge.times.group
        if group not in self.crowd.groups:
            return planned
        if isinstance(change, AddClients):
            delay_ns = self.crowd.surge_comes(change.surge, surge.times, timed.at_ns)
            return _coming(TimedChange(timed.at_ns, replace(change, begin_ns=change.begin_ns + delay_ns)), surge)
        assert isinstance(change, RemoveClients)
        assert change.surge is not None
        left = self.crowd.surge_leaves(change.surge, group, timed.at_ns)
        return _leaving(timed, surge, left) if left else None

    def _announce(self, change: _ScheduledChange) -> None:
        self._announced = deque(sorted([*self._announced, change], key=lambda one: one.timed.at_ns))

    # --- changes that were not planned -----------------------------------------------------------------------------

    def put(self, change: Change, effect_ns: int, words: str | None = None) -> list[TimedChange]:
        """Schedule a change for a time that is at least HAND_NOTICE_NS away, and return it.

        `words` are those of its mark; without them it is described, and an empty text sets no mark.
        """
        timed = TimedChange(effect_ns, change)
        scheduled = self._scheduled(timed)
        if words is not None and scheduled.mark is not None:
            mark = replace(scheduled.mark, text=words) if words else None
            scheduled = replace(scheduled, mark=mark)
        self._announce(scheduled)
        return [timed]

    def add(self, group: str, clients: int, effect_ns: int, words: str) -> list[TimedChange]:
        """Let a wave of clients of a group's reserve come, which has so many."""
        begin_ns = self.crowd.queue.begin_ns(effect_ns, clients)
        place = len(self._surges)
        wave = self.crowd.wave_comes(place, group, clients, effect_ns)
        self._surges.append(SurgeProgress(SurgeTimes(group, clients, effect_ns, begin_ns, None), by_hand=True))
        return self.put(AddClients(place, begin_ns, wave), effect_ns, words)

    def remove(self, group: str, clients: int, effect_ns: int, words: str) -> list[TimedChange]:
        """Let clients of a group go, those that came last first; it must have more than these."""
        orders: list[TimedChange] = []
        for change in self.crowd.leave(group, clients, effect_ns):
            orders += self.put(change, effect_ns, "" if orders else words)
        return orders

    def pause(self, group: str, effect_ns: int, words: str) -> list[TimedChange]:
        self.crowd.paused.add(group)
        return self.put(PauseGroup(group), effect_ns, words)

    def resume(self, group: str, effect_ns: int, words: str) -> list[TimedChange]:
        self.crowd.paused.discard(group)
        return self.put(ResumeGroup(group), effect_ns, words)

    def _scheduled(self, timed: TimedChange) -> _ScheduledChange:
        change = timed.change
        if isinstance(change, AddClients):
            return _coming(timed, self._surges[change.surge])
        if isinstance(change, RemoveClients) and change.surge is not None:
            surge = self._surges[change.surge]
            if change.clients is None:
                return _leaving(timed, surge, surge.times.clients)
            return _leaving(timed, surge, change.clients, last=not self.crowd.left_of(change.surge, surge.times.group))
        if isinstance(change, RemoveClients):
            return _ScheduledChange(timed, _gone_mark(timed.at_ns, change.clients or 0))
        return _ScheduledChange(timed, Event(timed.at_ns, EventKind.ACT, describe_change(change)))

    def take_effect(self, at_ns: int) -> list[Event]:
        """Return the marks of the changes that have taken effect since the last call."""
        marks: list[Event] = []
        while self._announced and self._announced[0].timed.at_ns <= at_ns:
            scheduled = self._announced.popleft()
            self._note(scheduled.timed, scheduled.surge, scheduled.sets)
            marks += [] if scheduled.mark is None else [scheduled.mark]
        return marks

    def _note(self, timed: TimedChange, surge: SurgeProgress | None, sets: str) -> None:
        """Enter a change that has taken effect."""
        effect_ns = timed.at_ns
        match timed.change:
            case AddClients(_, begin_ns, wave) if surge is not None:
                surge.add_ns, surge.begin_ns = effect_ns, begin_ns
                self.steered |= wave is not None or begin_ns - effect_ns != surge.times.begin_ns - surge.times.add_ns
            case RemoveClients(_, clients) if surge is not None:
                if sets == "remove_ns":
                    surge.remove_ns = effect_ns
                else:
                    surge.leaves += ((effect_ns, clients or 0),)
                self.steered |= clients is not None
            case RemoveClients(None, clients, group):
                self.load_changes.append(TimedLeave(effect_ns, group, clients or 0))
                self.steered = True
            case ChangeRate(group, interval):
                self.load_changes.append(TimedRateChange(effect_ns, group, interval))
            case PauseGroup(group):
                self.load_changes.append(TimedPause(effect_ns, group, paused=True))
            case ResumeGroup(group):
                self.load_changes.append(TimedPause(effect_ns, group, paused=False))

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
            if surge.add_ns is not None and reported and sum(one.came for one in reported) >= surge.to_come:
                came_ns = max(surge.add_ns, *(one.came_ns for one in reported))
                # a client that was told to leave while it connected may be READY after that
                surge.added_ns = came_ns if surge.to_come else min(came_ns, surge.remove_ns or came_ns)
            if surge.remove_ns is not None and sum(one.gone for one in reported) >= clients:
                surge.removed_ns = max(one.gone_ns for one in reported)

    @property
    def latest_ns(self) -> int:
        """The time at which the last of the announced changes takes effect; 0 without any."""
        return self._announced[-1].timed.at_ns if self._announced else 0

    @property
    def over(self) -> bool:
        """Tell whether no change is to come."""
        return not self._planned and not self._announced and not self.expects_more

    @property
    def intervals(self) -> dict[str, Fraction]:
        """The seconds between two messages of a client, of each group whose rate was changed."""
        return {one.group: one.interval for one in self.load_changes if isinstance(one, TimedRateChange)}

    def surges_come(self) -> tuple[SurgeTimes, ...]:
        """Return the surges that have come, with the times at which they did and left."""
        return tuple(
            replace(
                surge.times, add_ns=surge.add_ns, begin_ns=surge.begin_ns, leave_ns=surge.remove_ns, leaves=surge.leaves
            )
            for surge in self._surges
            if surge.add_ns is not None and surge.begin_ns is not None
        )

    def surge_facts(self) -> tuple[SurgeFacts, ...]:
        """Return the course of each surge, and of each wave that has come, as the run stores it."""
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
            if surge.add_ns is not None or not surge.by_hand
        )


def _changes(place: int, surge: SurgeProgress, measure_ns: int) -> list[_ScheduledChange]:
    """Return the one or two changes of a surge."""
    times = surge.times
    changes = [_coming(TimedChange(measure_ns + times.add_ns, AddClients(place, measure_ns + times.begin_ns)), surge)]
    if times.leave_ns is not None:
        timed = TimedChange(measure_ns + times.leave_ns, RemoveClients(place))
        changes.append(_leaving(timed, surge, times.clients))
    return changes


def _coming(timed: TimedChange, surge: SurgeProgress) -> _ScheduledChange:
    mark = Event(timed.at_ns, EventKind.SURGE, f"+{format_things(surge.times.clients, 'client')}")
    return _ScheduledChange(timed, mark, surge, "add_ns")


def _leaving(timed: TimedChange, surge: SurgeProgress, clients: int, *, last: bool = True) -> _ScheduledChange:
    return _ScheduledChange(timed, _gone_mark(timed.at_ns, clients), surge, "remove_ns" if last else "leaves")


def _gone_mark(at_ns: int, clients: int) -> Event:
    return Event(at_ns, EventKind.SURGE, f"\N{MINUS SIGN}{format_things(clients, 'client')}")
