"""The changes of a running attack. Each takes effect at a stated time, on every worker alike.

A change is announced ahead of its time, so that every worker knows it before it takes effect. All are frozen and can be
pickled. They do not say whether a file or a person wanted them.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from malaria.units import format_rate, format_things


@dataclass(frozen=True, slots=True)
class Wave:
    """Clients that no file planned: `clients` of the group's reserve, from `first_index` on, over all workers."""

    group: str
    first_index: int
    clients: int


@dataclass(frozen=True, slots=True)
class AddClients:
    """Connect the clients of a surge (by its place), paced like all clients.

    They publish from `begin_ns` (run time), which leaves our own pace the time to connect them. With `wave` the surge
    is one that was not planned: its place follows those of all others.
    """

    surge: int
    begin_ns: int
    wave: Wave | None = None


@dataclass(frozen=True, slots=True)
class RemoveClients:
    """Take clients of a surge away, or of those that `group` has from the start. Nothing of theirs is due from then on.

    They finish the messages that are under way, for the drain time of the attack at most, and send DISCONNECT.
    `clients` of those that are left go, evenly spread (`malaria.plan.roster`); None: all of them.
    """

    surge: int | None
    clients: int | None = None
    group: str = ""


@dataclass(frozen=True, slots=True)
class ChangeRate:
    """Give the clients of an open-loop group and of its surges `interval` seconds between two messages."""

    group: str
    interval: Fraction


@dataclass(frozen=True, slots=True)
class PauseGroup:
    """Let nothing of a group, and of its surges, be due until it resumes."""

    group: str


@dataclass(frozen=True, slots=True)
class ResumeGroup:
    """Let a group that pauses go on where its schedule stood: what is due moves by the length of the pause."""

    group: str


@dataclass(frozen=True, slots=True)
class DisconnectClients:
    """Break `count` connections of a group, evenly spread over it. Their clients reconnect as after any loss.

    With `at_once` all in one turn of the loop, else in small lots.
    """

    group: str
    count: int
    at_once: bool = False


type Change = AddClients | RemoveClients | ChangeRate | PauseGroup | ResumeGroup | DisconnectClients


@dataclass(frozen=True, slots=True)
class TimedChange:
    """A change and the run time at which it takes effect."""

    at_ns: int
    change: Change


def describe_change(change: ChangeRate | PauseGroup | ResumeGroup | DisconnectClients) -> str:
    """Return a change in words: `meters: 2 msg/s each`, `meters: 50 clients disconnected`."""
    match change:
        case DisconnectClients(group, count):
            return f"{group}: {format_things(count, 'client')} disconnected"
        case ChangeRate(group, interval):
            return f"{group}: {format_rate(float(1 / interval), 'msg')} each"
        case PauseGroup(group):
            return f"{group}: pause"
        case ResumeGroup(group):
            return f"{group}: resume"
