"""The first and last moments of the connects and of a load, over which times and rates are stated."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Milestones:
    """Moments in run time, in nanoseconds. None: it has not happened, or is not noted for this load.

    The connects are those of the clients that are there from the start. The moments of the load are noted where it
    ends by its number of messages, and are those of the measured time.
    """

    first_connect_ns: int | None = None  # the first TCP connect began
    last_connack_ns: int | None = None
    first_due_ns: int | None = None
    last_done_ns: int | None = None  # the last message was sent or, with QoS 1 and 2, acknowledged
    last_delivered_ns: int | None = None
    due: int = 0  # messages since the measured time began
    sent: int = 0


NO_MILESTONES: Final = Milestones()


def merged(several: Iterable[Milestones]) -> Milestones:
    """Return the milestones of several workers as one: the earliest of the first, the latest of the last moments."""
    known = list(several)
    return Milestones(
        first_connect_ns=_earliest(one.first_connect_ns for one in known),
        last_connack_ns=_latest(one.last_connack_ns for one in known),
        first_due_ns=_earliest(one.first_due_ns for one in known),
        last_done_ns=_latest(one.last_done_ns for one in known),
        last_delivered_ns=_latest(one.last_delivered_ns for one in known),
        due=sum(one.due for one in known),
        sent=sum(one.sent for one in known),
    )


def _earliest(moments: Iterable[int | None]) -> int | None:
    return min((moment for moment in moments if moment is not None), default=None)


def _latest(moments: Iterable[int | None]) -> int | None:
    return max((moment for moment in moments if moment is not None), default=None)
