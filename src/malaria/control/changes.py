"""The changes of a running attack. Each takes effect at a stated time, on every worker alike.

A change is announced ahead of its time, so that every worker knows it before it takes effect. All are frozen and can be
pickled. They do not say whether a file or a person wanted them.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from malaria.units import format_count, format_rate


@dataclass(frozen=True, slots=True)
class AddClients:
    """Connect the clients of a surge (by its place in the warhead), paced like all clients.

    They publish from `begin_ns` (run time), which leaves our own pace the time to connect them.
    """

    surge: int
    begin_ns: int


@dataclass(frozen=True, slots=True)
class RemoveClients:
    """Take the clients of a surge away. Nothing of theirs is due from then on.

    They finish the messages that are under way, for the drain time of the attack at most, and send DISCONNECT.
    """

    surge: int


@dataclass(frozen=True, slots=True)
class ChangeRate:
    """Give the clients of an open-loop group and of its surges `interval` seconds between two messages."""

    group: str
    interval: Fraction


@dataclass(frozen=True, slots=True)
class DisconnectClients:
    """Break the connections of clients 0 to count - 1 of a group. They reconnect as after any loss."""

    group: str
    count: int


type Change = AddClients | RemoveClients | ChangeRate | DisconnectClients


@dataclass(frozen=True, slots=True)
class TimedChange:
    """A change and the run time at which it takes effect."""

    at_ns: int
    change: Change


def describe_change(change: ChangeRate | DisconnectClients) -> str:
    """Return a change in words: `meters: 2 msg/s each`, `meters: 50 clients disconnected`."""
    if isinstance(change, DisconnectClients):
        return f"{change.group}: {format_count(change.count)} clients disconnected"
    return f"{change.group}: {format_rate(float(1 / change.interval), 'msg')} each"
