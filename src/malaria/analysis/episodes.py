"""When surges were there, and when the target had time to come back: the measured time, cut where they come and go.

Surges that overlap are one episode: what went before is before the first of them, and nobody can recover until the last
of them is gone. One that stays to the end is a new level of the load: what comes after it is set against that.
"""

from __future__ import annotations

from dataclasses import dataclass

from malaria.analysis.windows import measured_window_ns
from malaria.records.run import Run


@dataclass(frozen=True, slots=True)
class ExcessStay:
    """One surge: told to come, all there, told to go, all gone. None: it did not happen."""

    group: str
    clients: int
    add_ns: int
    added_ns: int | None
    remove_ns: int | None


@dataclass(frozen=True, slots=True)
class Episode:
    """Surges that overlap; then the target is watched to `watched_ns`. `leave_ns` None: not all of them have gone."""

    stays: tuple[ExcessStay, ...]
    add_ns: int
    leave_ns: int | None
    watched_ns: int


def episodes_of(records: Run) -> list[Episode]:
    """In order of time. Surges that did not come are none."""
    window = measured_window_ns(records)
    if window is None:
        return []
    crowds: list[list[ExcessStay]] = []
    for stay in sorted(_stays(records), key=lambda one: one.add_ns):
        if crowds and any(one.remove_ns is not None and stay.add_ns < one.remove_ns for one in crowds[-1]):
            crowds[-1].append(stay)
        else:
            crowds.append([stay])
    ends_ns = [*(crowd[0].add_ns for crowd in crowds), window[1]][1:]
    return [_episode(crowd, end_ns) for crowd, end_ns in zip(crowds, ends_ns, strict=False)]


def _episode(crowd: list[ExcessStay], end_ns: int) -> Episode:
    leaves = [stay.remove_ns for stay in crowd]
    known = [leave for leave in leaves if leave is not None]
    leave_ns = max(known) if len(known) == len(leaves) else None
    return Episode(tuple(crowd), crowd[0].add_ns, leave_ns, max(end_ns, leave_ns or 0))


def _stays(records: Run) -> list[ExcessStay]:
    return [
        ExcessStay(str(surge.group), surge.clients, surge.add_ns, surge.added_ns, surge.remove_ns)
        for surge in records.meta.surges
        if surge.add_ns is not None
    ]
