"""What is to change during an attack: announced ahead, marked when it takes effect, and seen to be done.

A state machine without I/O, a part of the conductor. Times are run time. What had not taken effect when the load ended
did not happen, and is neither marked nor recorded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.control.changes import Act, AddClients, ChangeRate, Disconnect, RemoveClients
from malaria.control.standing import SurgeStanding
from malaria.errors import OperatorError
from malaria.model.group_checks import LONGEST_INTERVAL_S
from malaria.model.warhead import Warhead
from malaria.plan.timetable import SurgeTimes, TimedRateChange
from malaria.records.rows import Event, EventKind
from malaria.records.run_meta import SurgeFacts
from malaria.units import format_count, format_rate

NOTICE_NS: Final = NS_PER_S
"""How far ahead an act is announced: far over what a worker needs to hear of it."""
HAND_NOTICE_NS: Final = 300 * NS_PER_MS
"""The same for one that nobody knew of."""


@dataclass(slots=True)
class SurgeProgress:
    """What came of one surge. None: it has not happened."""

    visit: SurgeTimes
    add_ns: int | None = None
    added_ns: int | None = None  # when the last of them was READY
    remove_ns: int | None = None
    removed_ns: int | None = None  # when the last of them had no connection any more


@dataclass(frozen=True, slots=True)
class _Item:
    act: Act
    mark: Event
    passage: SurgeProgress | None = None  # of a surge, and what of it the act enters
    enters: Literal["add_ns", "remove_ns"] = "add_ns"


class ChangeSchedule:
    """The acts of an attack, in order of time."""

    def __init__(self, visits: Sequence[SurgeTimes]) -> None:
        self._passages = [SurgeProgress(visit) for visit in visits]
        self._planned: deque[_Item] = deque()
        self._announced: deque[_Item] = deque()
        self.turns: list[TimedRateChange] = []
        """The changes of a rate that have taken effect, in run time."""

    def begin(self, measure_ns: int, end_ns: int | None) -> None:
        """The measured time begins then. What would be at its end or later does not happen."""
        items = [item for place, passage in enumerate(self._passages) for item in _items(place, passage, measure_ns)]
        items.sort(key=lambda item: item.act.at_ns)
        self._planned.extend(item for item in items if end_ns is None or item.act.at_ns < end_ns)

    def announce(self, at_ns: int) -> list[Act]:
        """What the workers are to be told now."""
        told: list[Act] = []
        while self._planned and self._planned[0].act.at_ns <= at_ns + NOTICE_NS:
            item = self._planned.popleft()
            self._announced.append(item)
            told.append(item.act)
        return told

    def insert(self, change: ChangeRate | Disconnect, at_ns: int) -> list[Act]:
        """A change that somebody wants now: announced at once, among what has been announced."""
        act = Act(at_ns + HAND_NOTICE_NS, change)
        item = _Item(act, Event(act.at_ns, EventKind.ACT, describe_change(change)))
        self._announced = deque(sorted([*self._announced, item], key=lambda one: one.act.at_ns))
        return [act]

    def take_effect(self, at_ns: int) -> list[Event]:
        """The marks of what has taken effect since the last call."""
        marks: list[Event] = []
        while self._announced and self._announced[0].act.at_ns <= at_ns:
            item = self._announced.popleft()
            if item.passage is not None:
                setattr(item.passage, item.enters, item.act.at_ns)
            if isinstance(item.act.change, ChangeRate):
                self.turns.append(TimedRateChange(item.act.at_ns, item.act.change.group, item.act.change.interval))
            marks.append(item.mark)
        return marks

    def end(self) -> None:
        """The load ends: nothing more takes effect."""
        self._planned.clear()
        self._announced.clear()

    def observe(self, standings: Sequence[Sequence[SurgeStanding]]) -> None:
        """What each worker that is there says of each surge."""
        for place, passage in enumerate(self._passages):
            seen = [standing[place] for standing in standings if place < len(standing)]
            whole = passage.visit.clients
            if passage.add_ns is not None and sum(one.came for one in seen) >= whole:
                passage.added_ns = max(one.came_ns for one in seen)
            if passage.remove_ns is not None and sum(one.gone for one in seen) >= whole:
                passage.removed_ns = max(one.gone_ns for one in seen)

    @property
    def over(self) -> bool:
        """Whether nothing is to happen any more."""
        return not self._planned and not self._announced

    def surges(self) -> tuple[SurgeFacts, ...]:
        """Return what came of each surge, as the record keeps it."""
        return tuple(
            SurgeFacts(
                group=passage.visit.group,
                clients=passage.visit.clients,
                add_ns=passage.add_ns,
                added_ns=passage.added_ns,
                remove_ns=passage.remove_ns,
                removed_ns=passage.removed_ns,
            )
            for passage in self._passages
        )


def _items(place: int, passage: SurgeProgress, measure_ns: int) -> list[_Item]:
    visit = passage.visit
    crowd = f"{format_count(visit.clients)} client{'' if visit.clients == 1 else 's'}"
    come = Act(measure_ns + visit.add_ns, AddClients(place, measure_ns + visit.begin_ns))
    items = [_Item(come, Event(come.at_ns, EventKind.SURGE, f"+{crowd}"), passage, "add_ns")]
    if visit.leave_ns is not None:
        leave = Act(measure_ns + visit.leave_ns, RemoveClients(place))
        mark = Event(leave.at_ns, EventKind.SURGE, f"\N{MINUS SIGN}{crowd}")
        items.append(_Item(leave, mark, passage, "remove_ns"))
    return items


# --- by hand -------------------------------------------------------------------------------------------------------


def check_change(change: ChangeRate | Disconnect, warhead: Warhead) -> None:
    """Raises OperatorError for a change that this load cannot make."""
    group = next((group for group in warhead.groups if group.name == change.group), None)
    if group is None:
        names = ", ".join(group.name for group in warhead.groups)
        raise OperatorError(f"there is no group {change.group!r}", f"there is {names}")
    if isinstance(change, Disconnect):
        if change.count < 1:
            raise OperatorError(f"{change.count} clients cannot be disconnected", "say how many, from 1 on")
        return
    for hinders, reason in (
        (not group.publishes, "publishes nothing"),
        (group.closed_loop, "is a closed loop: the broker sets its rate"),
        (group.messages is not None, "sends a stated number of messages"),
        (bool(group.rate_ramp_ns), "has a rate that grows by itself (rate_ramp)"),
        (not 0 < change.interval <= LONGEST_INTERVAL_S, "cannot have that interval"),
    ):
        if hinders:
            raise OperatorError(
                f"the rate of group {group.name} cannot be changed: it {reason}", "choose another group"
            )


def describe_change(change: ChangeRate | Disconnect) -> str:
    """`meters: 2 msg/s each`, `meters: 50 clients disconnected`."""
    if isinstance(change, Disconnect):
        return f"{change.group}: {format_count(change.count)} clients disconnected"
    return f"{change.group}: {format_rate(float(1 / change.interval), 'msg')} each"
