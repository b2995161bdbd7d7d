"""What a worker tells the conductor about how far it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SurgeStanding:
    """How far a surge is in this worker. Times are run time, of the last one so far; 0: none yet."""

    came: int  # clients that have been READY
    came_ns: int
    gone: int  # clients that were to leave and have no connection any more
    gone_ns: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a worker is: what the conductor decides by."""

    connect_orders: int  # how many orders to connect it has obeyed
    ready: int
    expected_ready: int  # clients that are to be READY before publishing starts
    refused: int
    pending: int  # messages due and not finished: held, in flight or half written
    delivered: int
    arrived: int
    publishing: bool
    surges: tuple[SurgeStanding, ...] = ()
