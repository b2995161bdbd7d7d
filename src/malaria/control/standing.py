"""The standing of a worker: how far it is, as it reports to the conductor."""

from __future__ import annotations

from dataclasses import dataclass

from malaria.control.milestones import NO_MILESTONES, Milestones


@dataclass(frozen=True, slots=True)
class SurgeStanding:
    """The standing of one surge in a worker. Times are run time, of the last client so far; 0 if there is none yet."""

    came: int  # clients that have been READY
    came_ns: int
    gone: int  # clients that had to leave and have no connection any more
    gone_ns: int


@dataclass(frozen=True, slots=True)
class Standing:
    """The standing of a worker. The conductor decides by it."""

    connect_orders: int  # how many orders to connect it has followed
    ready: int
    expected_ready: int  # clients that are to be READY before publishing starts
    refused: int
    pending: int  # messages due and not finished: held, in flight or half written
    delivered: int
    arrived: int
    publishing: bool
    surges: tuple[SurgeStanding, ...] = ()
    scheduled: bool = False  # messages will be due by the clock, whatever the broker does
    accepted: int = 0  # CONNACKs so far
    moved: int = 0  # messages sent, acknowledged or arrived so far
    clients_behind: int = 0  # clients of a closed loop that have not sent all their messages
    unsent: int = 0  # ... and how many messages that are
    milestones: Milestones = NO_MILESTONES
