"""Read all records that have come from a stream that gives one of them for each read. A hot module.

A broker that speaks TLS sends each acknowledgement in a record of its own. Read one in a turn, a closed loop sends its
messages one by one too, each with a record, a send and a turn of the broker.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from malaria.engine.columns import Receive
from malaria.transport.failures import CLOSED, failure_of
from malaria.transport.limits import LARGEST_RECORD
from malaria.transport.stream import NOTHING_YET

MOST_RECORDS: Final = 16
"""Records of one read: all of them count as heard at its beginning, and each takes 3 us."""


class RecordReader:
    """Reads from one client's stream. `ended(reason)` is called for an end that comes behind data in one read."""

    __slots__ = ("_ended", "_receive")

    def __init__(self, receive: Receive, ended: Callable[[str], None]) -> None:
        self._receive = receive
        self._ended = ended

    def recv_into(self, view: memoryview, /) -> int:
        """Read as the stream does, but several records where they are there."""
        count = self._receive(view)
        if not count:
            return 0
        try:
            for _ in range(MOST_RECORDS - 1):
                if len(view) - count < LARGEST_RECORD:
                    break
                more = self._receive(view[count:])
                if not more:
                    self._ended(CLOSED)
                    break
                count += more
        except NOTHING_YET:
            pass
        except OSError as error:
            self._ended(failure_of(error))
        return count
