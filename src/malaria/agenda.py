"""What is to change during an attack: announced ahead, marked when it takes effect, and seen to be done.

A state machine without I/O, a part of the conductor. Times are run time. What had not taken effect when the load ended
did not happen, and is neither marked nor recorded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from malaria.clock import NS_PER_S
from malaria.engine.acts import Act, AddClients, RemoveClients
from malaria.engine.surges import Presence
from malaria.records import Event, EventKind
from malaria.timetable import Visit
from malaria.units import format_count

NOTICE_NS: Final = NS_PER_S
"""How far ahead an act is announced: far over what a worker needs to hear of it."""


@dataclass(slots=True)
class _Passage:
    """What came of one surge. None: it has not happened."""

    visit: Visit
    add_ns: int | None = None
    added_ns: int | None = None  # when the last of them was READY
    remove_ns: int | None = None
    removed_ns: int | None = None  # when the last of them had no connection any more


@dataclass(frozen=True, slots=True)
class _Item:
    act: Act
    passage: _Passage
    enters: Literal["add_ns", "remove_ns"]
    text: str


class Agenda:
    """The acts of an attack, in order of time."""

    def __init__(self, visits: Sequence[Visit]) -> None:
        self._passages = [_Passage(visit) for visit in visits]
        self._planned: deque[_Item] = deque()
        self._announced: deque[_Item] = deque()

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

    def take_effect(self, at_ns: int) -> list[Event]:
        """The marks of what has taken effect since the last call."""
        marks: list[Event] = []
        while self._announced and self._announced[0].act.at_ns <= at_ns:
            item = self._announced.popleft()
            setattr(item.passage, item.enters, item.act.at_ns)
            marks.append(Event(item.act.at_ns, EventKind.SURGE, item.text))
        return marks

    def end(self) -> None:
        """The load ends: nothing more takes effect."""
        self._planned.clear()
        self._announced.clear()

    def observe(self, standings: Sequence[Sequence[Presence]]) -> None:
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

    def surges(self) -> list[dict[str, object]]:
        """What came of each surge, as the record keeps it."""
        names = ("add_ns", "added_ns", "remove_ns", "removed_ns")
        return [
            {"group": passage.visit.group, "clients": passage.visit.clients}
            | {name: getattr(passage, name) for name in names}
            for passage in self._passages
        ]


def _items(place: int, passage: _Passage, measure_ns: int) -> list[_Item]:
    visit = passage.visit
    crowd = f"{format_count(visit.clients)} client{'' if visit.clients == 1 else 's'}"
    come = Act(measure_ns + visit.add_ns, AddClients(place, measure_ns + visit.begin_ns))
    items = [_Item(come, passage, "add_ns", f"+{crowd}")]
    if visit.leave_ns is not None:
        leave = Act(measure_ns + visit.leave_ns, RemoveClients(place))
        items.append(_Item(leave, passage, "remove_ns", f"\N{MINUS SIGN}{crowd}"))
    return items
