"""Keep who is in a group while an attack runs: its own clients, surges and waves, without those that were let go.

Pure. The conductor counts with it, and each worker finds with it which clients are meant. Both tell it the same events
in the same order, so all workers choose alike, whatever their shares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from malaria.schedule.arrays import Ints


@dataclass(slots=True)
class Cohort:
    """Clients that came together: those of the group itself (`surge` is None), of a surge, or of a wave."""

    surge: int | None
    first_index: int
    clients: int
    add_ns: int = 0
    left: int = 0
    present: Ints | None = None  # the indices that are there; None: all of them

    @property
    def there(self) -> int:
        return self.clients - self.left

    def indices(self) -> Ints:
        if self.present is None:
            return np.arange(self.first_index, self.first_index + self.clients)
        return self.present


class Roster:
    """The cohorts of one group, in the order in which they came. Times are run time in nanoseconds."""

    def __init__(self, clients: int) -> None:
        self.cohorts = [Cohort(None, 0, clients)]

    def come(self, surge: int, first_index: int, clients: int, add_ns: int) -> None:
        """Enter a surge or wave that comes at `add_ns`."""
        self.cohorts.append(Cohort(surge, first_index, clients, add_ns))

    def there(self, at_ns: int) -> int:
        """Return how many clients are there at a time."""
        return sum(cohort.there for cohort in self.cohorts if cohort.add_ns <= at_ns)

    def came_ns(self, surge: int | None) -> int:
        """Return when a cohort came."""
        return self._cohort(surge).add_ns

    def latest(self, clients: int, at_ns: int) -> list[tuple[Cohort, int]]:
        """Return from which cohorts `clients` leave, and how many of each: who came last goes first."""
        chosen: list[tuple[Cohort, int]] = []
        for cohort in reversed(self.cohorts):
            part = min(clients, cohort.there) if cohort.add_ns <= at_ns else 0
            if part:
                chosen.append((cohort, part))
                clients -= part
        return chosen

    def leave(self, surge: int | None, clients: int | None = None) -> Ints:
        """Let clients of a cohort go, all that are left by default, and return their indices, ascending."""
        cohort = self._cohort(surge)
        there = cohort.indices()
        going = np.zeros(len(there), np.bool_)
        going[evenly(len(there) if clients is None else clients, len(there))] = True
        cohort.present = there[~going]
        cohort.left = cohort.clients - len(cohort.present)
        return there[going]

    def _cohort(self, surge: int | None) -> Cohort:
        return next(one for one in self.cohorts if one.surge == surge)

    def spread(self, clients: int, at_ns: int) -> Ints:
        """Return the indices of so many of the clients that are there, evenly spread over all of them."""
        there = [cohort.indices() for cohort in self.cohorts if cohort.add_ns <= at_ns]
        everyone = np.concatenate(there) if there else np.zeros(0, np.int64)
        return everyone[evenly(clients, len(everyone))]


def evenly(chosen: int, of: int) -> Ints:
    """Return `chosen` of the places 0 to `of` - 1, evenly spread; all of them if there are no more."""
    chosen = min(chosen, of)
    return np.arange(chosen) * of // max(1, chosen)
