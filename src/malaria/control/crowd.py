"""Keep who is in the load as it was decided: the roster of each group, what its reserve has left, who still connects.

Pure. Times are run time in nanoseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from malaria.control.changes import RemoveClients, Wave
from malaria.plan.connect_queue import ConnectQueue
from malaria.plan.roster import Roster
from malaria.plan.surge_schedule import SurgeTimes


@dataclass(frozen=True, slots=True)
class GroupSize:
    """The clients of a group from the start, and how many can be added."""

    name: str
    clients: int
    reserve: int = 0


@dataclass(frozen=True, slots=True)
class _Leave:
    """Clients that came at `add_ns` and leave at `at_ns`. A roster is without them as soon as that is decided."""

    add_ns: int
    at_ns: int
    clients: int


class Crowd:
    """The groups of one attack. `surges` are those of the warhead, in its order."""

    def __init__(
        self, groups: Sequence[GroupSize], surges: Sequence[SurgeTimes], connect_rate: Fraction, workers: int
    ) -> None:
        self.queue = ConnectQueue(connect_rate, workers)
        self._rosters = {group.name: Roster(group.clients) for group in groups}
        self._reserves = {group.name: group.reserve for group in groups}
        self._next_index = {group.name: group.clients for group in groups}
        self._first_indices: list[int] = []
        for surge in surges:
            self._first_indices.append(self._next_index.get(surge.group, 0))
            self._next_index[surge.group] = self._first_indices[-1] + surge.clients
        self._leaves: list[_Leave] = []
        self.paused: set[str] = set()

    # --- who is there ----------------------------------------------------------------------------------------------

    def there(self, group: str, at_ns: int) -> int:
        """Return how many clients a group has at a time, also those that still connect."""
        return self._rosters[group].there(at_ns)

    def there_in_all(self, at_ns: int) -> int:
        """Return how many clients all groups have at a time, with those whose leaving is decided and still to come."""
        still = sum(leave.clients for leave in self._leaves if leave.add_ns <= at_ns < leave.at_ns)
        return still + sum(roster.there(at_ns) for roster in self._rosters.values())

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(self._rosters)

    def reserve_left(self, group: str) -> int:
        """Return how many clients can still be added to a group."""
        return self._reserves[group]

    # --- who comes and goes ----------------------------------------------------------------------------------------

    def surge_comes(self, place: int, times: SurgeTimes, add_ns: int) -> int:
        """Enter a surge of the warhead; return how long it waits for waves that still connect."""
        delay_ns = self.queue.delay_ns(add_ns)
        self.queue.enter(add_ns, times.clients, times.ramp_ns)
        self._rosters[times.group].come(place, self._first_indices[place], times.clients, add_ns)
        return delay_ns

    def wave_comes(self, place: int, group: str, clients: int, add_ns: int) -> Wave:
        """Take clients from a group's reserve, which has so many."""
        wave = Wave(group, self._next_index[group], clients)
        self._next_index[group] += clients
        self._reserves[group] -= clients
        self.queue.enter(add_ns, clients)
        self._rosters[group].come(place, wave.first_index, clients, add_ns)
        return wave

    def leave(self, group: str, clients: int, at_ns: int) -> list[RemoveClients]:
        """Let clients of a group go, those that came last first; it must have more than these."""
        latest = self._rosters[group].latest(clients, at_ns)
        self._leaves += [_Leave(cohort.add_ns, at_ns, part) for cohort, part in latest]
        changes = [RemoveClients(cohort.surge, part, group) for cohort, part in latest]
        for change in changes:
            self._rosters[group].leave(change.surge, change.clients)
        return changes

    def surge_leaves(self, place: int, group: str, at_ns: int) -> int:
        """Let all go that are left of a surge, and return how many they are."""
        roster = self._rosters[group]
        clients = len(roster.leave(place))
        self._leaves.append(_Leave(roster.came_ns(place), at_ns, clients))
        return clients

    def left_of(self, surge: int | None, group: str) -> int:
        """Return how many clients a surge still has, or the group itself of those from the start."""
        return next(cohort.there for cohort in self._rosters[group].cohorts if cohort.surge == surge)
