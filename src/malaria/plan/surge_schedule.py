"""Compute from a warhead when surges join and leave, how many clients are connected at once, and which rate is due.

All functions are pure. Times are in nanoseconds since the measured time began.

The clients of a surge connect at `connect_rate`, which takes time. If their messages were due at once, this time would
be measured as latency of the broker. So the first message of a surge is due when the connect rate has let in its last
client. The time that the broker takes to answer a connect is not included.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate
from typing import Final

import numpy as np

from malaria.clock import NS_PER_S
from malaria.model.group import Group
from malaria.model.surge import Surge
from malaria.model.warhead import Warhead
from malaria.schedule.arrays import Floats

MARGIN_NS: Final = NS_PER_S
"""Added to the time that the connect rate needs: the broker still answers the last connects."""
MOST_STEPS: Final = 60
"""The most steps of the due rate during one ramp."""

type DueStep = tuple[int, float]
"""(start in nanoseconds, messages per second from then on)."""


@dataclass(frozen=True, slots=True)
class TimedRateChange:
    """A group's interval from `at_ns` on: seconds between two messages of a client."""

    at_ns: int
    group: str
    interval: Fraction


@dataclass(frozen=True, slots=True)
class TimedPause:
    """A group pauses, or goes on, at `at_ns`."""

    at_ns: int
    group: str
    paused: bool


@dataclass(frozen=True, slots=True)
class TimedLeave:
    """So many of the clients that a group has from the start leave at `at_ns`."""

    at_ns: int
    group: str
    clients: int


type LoadChange = TimedRateChange | TimedPause | TimedLeave
"""A change of the rate that is due, besides surges."""


@dataclass(frozen=True, slots=True)
class SurgeTimes:
    """The times of a surge: its clients connect from `add_ns`, publish from `begin_ns`, and leave at `leave_ns`.

    `leave_ns` is None for a surge that stays to the end. `leaves` are (time, clients) that left before the others.
    """

    group: str
    clients: int
    add_ns: int
    begin_ns: int
    leave_ns: int | None
    ramp_ns: int = 0
    leaves: tuple[tuple[int, int], ...] = ()

    def moved(self, by_ns: int) -> SurgeTimes:
        """Return the same surge with all its times later by so much."""
        return replace(
            self, add_ns=self.add_ns + by_ns, begin_ns=self.begin_ns + by_ns,
            leave_ns=None if self.leave_ns is None else self.leave_ns + by_ns,
            leaves=tuple((at_ns + by_ns, clients) for at_ns, clients in self.leaves),
        )  # fmt: skip


def surge_times(warhead: Warhead, workers: int) -> tuple[SurgeTimes, ...]:
    """Return the times of each surge of a warhead, in its order, if this number of workers carries it."""
    delays_ns = _delays_ns(warhead.surges, warhead.attack.connect_rate, workers)
    return tuple(
        SurgeTimes(
            group=surge.group,
            clients=surge.clients,
            add_ns=surge.at_ns,
            begin_ns=surge.at_ns + -(-delay_ns // NS_PER_S) * NS_PER_S + MARGIN_NS,
            leave_ns=surge.leave_ns,
            ramp_ns=surge.ramp_ns,
        )
        for surge, delay_ns in zip(warhead.surges, delays_ns, strict=True)
    )


def _delays_ns(surges: Sequence[Surge], connect_rate: Fraction, workers: int) -> list[int]:
    """Return for each surge the longest time that one of its clients waits for the connect rate.

    Each worker paces its own clients. A worker may have one client more than the even part; this client connects up to
    `workers` - 1 gaps of the whole rate later.
    """
    if not connect_rate or not surges:
        return [0] * len(surges)
    gap_ns = float(NS_PER_S / connect_rate)
    times_ns = np.concatenate([_times_ns(surge) for surge in surges])
    surge_of = np.repeat(np.arange(len(surges)), [surge.clients for surge in surges])
    # all surges share one queue for the connect rate: first come, first served
    order = np.argsort(times_ns, kind="stable")
    arrived = times_ns[order]
    # a client connects one gap after the one before it, but not before its own time: a running maximum
    queue = np.arange(len(arrived)) * gap_ns
    waited = np.maximum.accumulate(arrived - queue) + queue + gap_ns - arrived
    longest = np.zeros(len(surges))
    np.maximum.at(longest, surge_of[order], waited)
    return [int(ns + gap_ns * (workers - 1)) for ns in longest.tolist()]


def _times_ns(surge: Surge) -> Floats:
    """Return the time at which each client of a surge is to connect: evenly over its ramp."""
    steps: Floats = np.arange(surge.clients, dtype=np.float64)
    return steps * (surge.ramp_ns / surge.clients) + surge.at_ns


# --- number of clients -----------------------------------------------------------------------------------------------


def clients_planned(warhead: Warhead) -> int:
    """Return the most clients that are planned to be connected at once.

    Clients of a ramp that would come after the end of the attack do not count.
    """
    end_ns = warhead.attack.duration_ns
    leaving = {surge.leave_ns for surge in warhead.surges if surge.leave_ns is not None}
    # the number falls only when a surge leaves, so it is greatest just before one leaves, or at the end
    moments: Iterable[int | None] = [*(at_ns for at_ns in leaving if end_ns is None or at_ns < end_ns), end_ns]
    return max(_clients_just_before(warhead, at_ns) for at_ns in moments)


def clients_steered(
    warhead: Warhead, changes: Sequence[LoadChange], surges: Sequence[SurgeTimes], end_ns: int | None
) -> int:
    """Return the most clients that should have been connected at once, in a load that was changed while it ran.

    `surges` are those that have come, waves too: they count from the time at which they publish, for until then some of
    them still connect. `end_ns` is when the load ended, if it has.
    """
    goes = [(change.at_ns, change.clients) for change in changes if isinstance(change, TimedLeave)]
    comes: list[tuple[int, int]] = []
    for times in surges:
        there_ns, leaves = times.begin_ns + times.ramp_ns, _leaves(times)
        comes.append((there_ns, times.clients - sum(clients for at_ns, clients in leaves if at_ns < there_ns)))
        goes += [(at_ns, clients) for at_ns, clients in leaves if at_ns >= there_ns]
    come, gone = _RunningSum(comes), _RunningSum(goes)
    # the number falls when clients leave, so it is greatest just before some do, or at the end
    moments: list[int | None] = [*{at_ns for at_ns, _ in goes if end_ns is None or at_ns < end_ns}, end_ns]
    return max(_groups_just_before(warhead, at_ns) + come.until(at_ns) - gone.before(at_ns) for at_ns in moments)


class _RunningSum:
    """The sum of (time, number) steps up to a time, or before it; None is after all of them."""

    def __init__(self, steps: Iterable[tuple[int, int]]) -> None:
        ordered = sorted(steps)
        self._times = [at_ns for at_ns, _ in ordered]
        self._sums = [0, *accumulate(number for _, number in ordered)]

    def until(self, at_ns: int | None) -> int:
        return self._sums[-1 if at_ns is None else bisect_right(self._times, at_ns)]

    def before(self, at_ns: int | None) -> int:
        return self._sums[-1 if at_ns is None else bisect_left(self._times, at_ns)]


def _leaves(times: SurgeTimes) -> tuple[tuple[int, int], ...]:
    """Return when clients of a surge leave, and how many."""
    rest = times.clients - sum(clients for _, clients in times.leaves)
    return times.leaves if times.leave_ns is None else (*times.leaves, (times.leave_ns, rest))


def _clients_just_before(warhead: Warhead, at_ns: int | None) -> int:
    """Count the clients that are connected just before a time; None is an attack without an end."""
    there = [s for s in warhead.surges if s.leave_ns is None or (at_ns is not None and at_ns <= s.leave_ns)]
    return _groups_just_before(warhead, at_ns) + sum(_come_by(surge, at_ns, surge.at_ns) for surge in there)


def _groups_just_before(warhead: Warhead, at_ns: int | None) -> int:
    """Count the clients, without those of surges."""
    warmup_ns = warhead.attack.warmup_ns
    return sum(_come_by(group, at_ns, group.start_after_ns - warmup_ns) for group in warhead.groups)


def _come_by(crowd: Group | Surge, at_ns: int | None, start_ns: int) -> int:
    """Count the clients of a group or surge that connect before a time: client i at start + i / clients * ramp."""
    if at_ns is None:
        return crowd.clients
    time_ns = at_ns - start_ns
    if time_ns <= 0:
        return 0
    return min(crowd.clients, -(-time_ns * crowd.clients // crowd.ramp_ns)) if crowd.ramp_ns else crowd.clients


# --- due rate ------------------------------------------------------------------------------------------------------


def base_rate(warhead: Warhead) -> Fraction | None:
    """Return the messages per second of all groups without surges.

    Return None for a load without a schedule: no group publishes, or one is a closed loop.
    """
    publishing = warhead.publishing
    if not publishing or any(group.closed_loop for group in publishing):
        return None
    return sum((group.clients / group.interval for group in publishing), Fraction(0))


@dataclass(slots=True)
class _GroupPace:
    """The pace of one group at a moment."""

    clients: Fraction
    interval: Fraction
    paused: bool = False

    @property
    def per_s(self) -> Fraction:
        return Fraction(0) if self.paused else self.clients / self.interval

    def change(self, change: LoadChange | Fraction) -> None:
        """Take a change; a number is that of clients who join."""
        match change:
            case TimedRateChange():
                self.interval = change.interval
            case TimedPause():
                self.paused = change.paused
            case TimedLeave():
                self.clients -= change.clients
            case Fraction():
                self.clients += change


def rate_steps(
    warhead: Warhead,
    workers: int,
    changes: Sequence[LoadChange] = (),
    surges: Sequence[SurgeTimes] | None = None,
) -> tuple[DueStep, ...] | None:
    """Return the rate that is due, as steps in the order of time; None where `base_rate` returns None.

    Surges and `changes` alter it. `surges` are those that have come, if not all come at the warhead's times.
    """
    if base_rate(warhead) is None:
        return None
    groups = {group.name: _GroupPace(Fraction(group.clients), group.interval) for group in warhead.publishing}
    timed: list[tuple[int, str, LoadChange | Fraction]] = [(change.at_ns, change.group, change) for change in changes]
    for times in surge_times(warhead, workers) if surges is None else surges:
        timed += [(at_ns, times.group, count) for at_ns, count in _client_steps(times)]
    steps = {-warhead.attack.warmup_ns: _per_s(groups.values())}
    for at_ns, name, change in sorted(timed, key=lambda one: one[0]):
        # a surge of a group that only subscribes changes no rate
        if name in groups:
            groups[name].change(change)
            steps[at_ns] = _per_s(groups.values())
    return tuple((at_ns, float(rate)) for at_ns, rate in steps.items())


def _per_s(groups: Iterable[_GroupPace]) -> Fraction:
    return sum((group.per_s for group in groups), Fraction(0))


def _client_steps(times: SurgeTimes) -> list[tuple[int, Fraction]]:
    """Return the changes of the number of publishing clients of a surge, as (time, clients added).

    A ramp becomes steps of at least a second: shorter ones would be finer than the samples that they are compared with.
    """
    leave_ns, ramp_ns = times.leave_ns, times.ramp_ns
    parts = max(1, min(MOST_STEPS, ramp_ns // NS_PER_S))
    steps = [(times.begin_ns + ramp_ns * part // parts, Fraction(times.clients, parts)) for part in range(parts)]
    # who leaves before the surge publishes never does
    steps += [(max(at_ns, times.begin_ns), Fraction(-clients)) for at_ns, clients in times.leaves]
    if leave_ns is None:
        return steps
    # a step that begins after the surge has left adds no client, so none of it leaves
    steps = [(at_ns, count) for at_ns, count in steps if at_ns < leave_ns]
    return [*steps, (leave_ns, -sum((count for _, count in steps), Fraction(0)))] if steps else []
