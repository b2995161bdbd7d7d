"""The in-flight window: which packet ids of which client wait for an acknowledgement, and the stamps of each.

Packet ids are slots 1..size of a client's window. The next id is the first free one going round from the one after the
last taken, so in the usual case (acknowledgements in order) it is simply the next, and an id is not used again before
its final acknowledgement (MQTT-2.3.1-4). A full window is found by one `bytearray.find`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from malaria.schedule.arrays import Ints

FREE: Final = 0
AWAIT_PUBACK: Final = 1
AWAIT_PUBREC: Final = 2
AWAIT_PUBCOMP: Final = 3
_FREE_BYTE: Final = bytes([FREE])


class Window:
    """Windows of `clients` clients, `size` slots each, as flat columns: place = client * size + slot."""

    def __init__(self, clients: int, size: int) -> None:
        places = clients * size
        self.size = size
        self.state = bytearray(places)
        self.states = np.frombuffer(self.state, np.uint8)
        self.sequence = np.zeros(places, np.uint32)
        self.sequence_at = memoryview(self.sequence)
        self.due_ns = np.zeros(places, np.int64)
        self.due_at = memoryview(self.due_ns)
        self.sent_ns = np.zeros(places, np.int64)
        self.sent_at = memoryview(self.sent_ns)
        self.turn_at = memoryview(np.zeros(clients, np.uint16))  # the slot to try next

    def next_free(self, client: int) -> int:
        """Return the slot that the next message takes, or -1 when the window is full."""
        row = client * self.size
        turn = self.turn_at[client]
        if not self.state[row + turn]:
            return turn
        place = self.state.find(_FREE_BYTE, row + turn, row + self.size)
        if place < 0:
            place = self.state.find(_FREE_BYTE, row, row + turn)
        return place - row if place >= 0 else -1

    def free_run(self, client: int, most: int) -> Sequence[int]:
        """Return up to `most` free slots that follow one another, in the order in which messages take them.

        The run goes round the end of the window and stops at a slot in flight: free slots behind that one are found by
        the next call.
        """
        slot = self.next_free(client)
        if slot < 0:
            return ()
        row, size = client * self.size, self.size
        ahead = self._free_from(row + slot, min(most, size - slot))
        if ahead == most or slot + ahead < size:
            return range(slot, slot + ahead)
        return [*range(slot, size), *range(self._free_from(row, min(most - ahead, slot)))]

    def _free_from(self, place: int, most: int) -> int:
        """Return how many places are free from `place` on, up to the first in flight."""
        if self.state.count(_FREE_BYTE, place, place + most) == most:
            return most
        states = self.state[place : place + most]
        return most - len(states.lstrip(_FREE_BYTE))

    def free_slots(self, client: int, most: int) -> Ints:
        """Return up to `most` free slots in the order in which messages take them."""
        row = client * self.size
        turn = self.turn_at[client]
        most = min(most, self.free(client))
        round_the_end = max(0, turn + most - self.size)
        ahead = self.state.count(_FREE_BYTE, row + turn, row + turn + most - round_the_end)
        if ahead + self.state.count(_FREE_BYTE, row, row + round_the_end) == most:
            # acknowledgements came in order, so the next slots are free: a tenth of the cost of a search
            slots = np.arange(turn, turn + most)
            return slots % self.size if round_the_end else slots
        slots = np.flatnonzero(self.states[row : row + self.size] == FREE)
        begin = int(np.searchsorted(slots, turn))
        return np.concatenate([slots[begin:], slots[:begin]])[:most]

    def free(self, client: int) -> int:
        """Return how many messages the window has room for."""
        row = client * self.size
        return self.state.count(_FREE_BYTE, row, row + self.size)

    def taken(self, client: int) -> list[int]:
        """Return the places in flight, oldest message first."""
        row = client * self.size
        places = row + np.flatnonzero(self.states[row : row + self.size])
        oldest_first: list[int] = places[np.argsort(self.sequence[places], kind="stable")].tolist()
        return oldest_first

    def clear(self, client: int) -> None:
        """Frees all slots of a client; its ids start again at 1."""
        row = client * self.size
        self.states[row : row + self.size] = FREE
        self.turn_at[client] = 0

    @property
    def in_flight(self) -> int:
        return int(np.count_nonzero(self.states))
