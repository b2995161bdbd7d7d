"""What can change a running attack: one kind of order, through one door, at a stated time on every worker alike.

An act is announced ahead of its time, so that every worker hears of it before it takes effect. All frozen, all
picklable, without a word about who wanted it: a file or a hand at the keyboard.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class AddClients:
    """The clients of a surge (its place in the warhead) come: they connect from the act's time, paced like all, and
    are to publish from `begin_ns` (run time), when our own pace has had the time to let them in.
    """

    surge: int
    begin_ns: int


@dataclass(frozen=True, slots=True)
class RemoveClients:
    """The clients of a surge go: nothing of theirs is due from the act's time on; they finish what is under way, for
    the drain time of the attack at most, and say DISCONNECT.
    """

    surge: int


@dataclass(frozen=True, slots=True)
class ChangeRate:
    """The clients of an open-loop group, those of its surges too, have `interval` seconds between two messages."""

    group: str
    interval: Fraction


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Clients 0 .. count - 1 of a group lose their connection without a word, and come back as after any loss."""

    group: str
    count: int


type Change = AddClients | RemoveClients | ChangeRate | Disconnect


@dataclass(frozen=True, slots=True)
class Act:
    """A change and when it takes effect (run time)."""

    at_ns: int
    change: Change
