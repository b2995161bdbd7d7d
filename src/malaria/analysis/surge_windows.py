"""Cut the measured time where surges come and go: episodes with a surge, and times in which the target can recover.

Surges that overlap are one episode: its baseline is from before the first of them, and recovery starts when the last of
them has gone. A surge that stays to the end is a new level of the load, and the baseline of what follows.
"""

from __future__ import annotations

from dataclasses import dataclass

from malaria.analysis.windows import measured_window_ns
from malaria.records.run import Run


@dataclass(frozen=True, slots=True)
class SurgeSpan:
    """One surge: when its clients were told to come, were all there, were told to go. None: it did not happen."""

    group: str
    clients: int
    add_ns: int
    added_ns: int | None
    remove_ns: int | None


@dataclass(frozen=True, slots=True)
class Episode:
    """Surges that overlap. The target is watched until `watched_ns`. `leave_ns` is None when not all have gone."""

    surges: tuple[SurgeSpan, ...]
    add_ns: int
    leave_ns: int | None
    watched_ns: int


def episodes_of(run: Run) -> list[Episode]:
    """Return the episodes in order of time, without surges that did not come."""
    window = measured_window_ns(run)
    if window is None:
        return []
    overlapping: list[list[SurgeSpan]] = []
    for surge in sorted(_surges(run), key=lambda one: one.add_ns):
        if overlapping and any(one.remove_ns is not None and surge.add_ns < one.remove_ns for one in overlapping[-1]):
            overlapping[-1].append(surge)
        else:
            overlapping.append([surge])
    ends_ns = [*(surges[0].add_ns for surges in overlapping), window[1]][1:]
    return [_episode(surges, end_ns) for surges, end_ns in zip(overlapping, ends_ns, strict=False)]


def _episode(surges: list[SurgeSpan], end_ns: int) -> Episode:
    leaves = [surge.remove_ns for surge in surges]
    known = [leave for leave in leaves if leave is not None]
    leave_ns = max(known) if len(known) == len(leaves) else None
    return Episode(tuple(surges), surges[0].add_ns, leave_ns, max(end_ns, leave_ns or 0))


def _surges(run: Run) -> list[SurgeSpan]:
    # the clients of a staircase are its rungs, which have a judgement of their own
    if run.meta.staircase is not None:
        return []
    return [
        SurgeSpan(str(surge.group), surge.clients, surge.add_ns, surge.added_ns, surge.remove_ns)
        for surge in run.meta.surges
        if surge.add_ns is not None
    ]
