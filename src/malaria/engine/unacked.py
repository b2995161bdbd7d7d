"""Account for the messages of one group that were begun and never acknowledged, over all connections. A cold module.

While a message is in flight, its window slot knows it. This account takes it over when no slot can: the broker did not
keep the session, refused the message, or the client left; and at QoS 0, which has no window, while the kernel has only
a part of it. So each sequence below a client's next one is acknowledged, in flight, or listed here.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from malaria.engine.window import Window
from malaria.plan.clients import GroupPlan
from malaria.records.ledger import Published
from malaria.schedule.arrays import Ints


class Unacked:
    """Messages without acknowledgement of one group's members here. `window` is None at QoS 0."""

    def __init__(self, plan: GroupPlan, window: Window | None) -> None:
        self._numbers = plan.numbers
        self._window = window
        self._forgotten: dict[int, list[int]] = {}  # sequences, by position
        self._forgotten_dues: list[Ints] = []
        self._explained = 0  # of those forgotten: refused by the broker, or too large for it
        self._unfinished_at_qos_0: dict[int, list[int]] = {}
        self._partly_sent: dict[int, int] = {}  # position -> the sequence whose connection ended within it
        self.cut: set[int] = set()  # members whose connection we broke on purpose, until they are back
        self._cut_off: dict[int, list[int]] = {}  # sequences that were under way then and are forgotten, by position

    # --- messages that will not be acknowledged ------------------------------------------------------------------

    def forget_in_flight(self, position: int) -> int:
        """Free the member's window: the session that knew its messages is gone. Return how many there were."""
        window = self._window
        if window is None:
            return 0
        places = window.taken(position)
        if places:
            sequences = window.sequence[places].tolist()
            self._forgotten.setdefault(position, []).extend(sequences)
            if position in self.cut:
                self._cut_off.setdefault(position, []).extend(sequences)
            else:
                self._forgotten_dues.append(window.due_ns[places])
        self._partly_sent.pop(position, None)
        window.clear(position)
        return len(places)

    def give_up_held(self, dues_ns: Iterable[int]) -> None:
        """Take over the due times of messages that a member leaves unsent."""
        self._forgotten_dues.append(np.array([*dues_ns], np.int64))

    def explain(self, position: int, sequence: int) -> None:
        """Take over a message that the broker refused, or that is too large for it."""
        self._explained += 1
        self._forgotten.setdefault(position, []).append(sequence)

    # --- messages of which the kernel took a part ----------------------------------------------------------------

    def begin_part(self, position: int, sequence: int) -> None:
        """Note a message of which the kernel took a part. A window knows it anyway; at QoS 0 nothing else does."""
        if self._window is None:
            self._unfinished_at_qos_0.setdefault(position, []).append(sequence)

    def finish_part(self, position: int, sequence: int, now_ns: int) -> None:
        """Enter that the kernel took the rest of the message at `now_ns`."""
        if self._window is None:
            self._unfinished_at_qos_0[position].remove(sequence)
            return
        for place in self._window.taken(position):
            if self._window.sequence_at[place] == sequence:
                self._window.sent_at[place] = now_ns

    def cut_part(self, position: int, sequence: int) -> bool:
        """Enter that the connection ended within the message; return True if it counts as sent all the same."""
        window = self._window
        if window is None:
            if position in self.cut:
                self._cut_off.setdefault(position, []).append(sequence)
            return False
        if any(window.sequence_at[place] == sequence for place in window.taken(position)):
            self._partly_sent[position] = sequence  # it counts as sent when a kept session sends it again
            return False
        return True  # the broker acknowledged half a message: by its own account it has all of it

    def completes(self, position: int, sequence: int) -> bool:
        """Return True if sending this message again makes it whole for the first time."""
        if self._partly_sent.get(position) != sequence:
            return False
        del self._partly_sent[position]
        return True

    # --- the account ---------------------------------------------------------------------------------------------

    def published(self, next_sequence: Ints) -> Published:
        """Return the account of the group as it stands; `next_sequence` has one entry per member."""
        unacked: dict[int, list[int]] = {}
        numbers, in_flight = self._numbers.tolist(), self._in_flight()
        for part in (self._forgotten, self._unfinished_at_qos_0, in_flight):
            for position, sequences in part.items():
                if sequences:
                    unacked.setdefault(numbers[position], []).extend(sequences)
        cut_off = {numbers[position]: list(sequences) for position, sequences in self._cut_off.items()}
        for position in self.cut & in_flight.keys():
            cut_off.setdefault(numbers[position], []).extend(in_flight[position])
        acknowledged = np.full(len(numbers), self._window is not None)
        return Published(self._numbers, next_sequence.copy(), acknowledged, unacked, self._explained, cut_off)

    def dues_ns(self) -> Ints:
        """Return the due times of all messages that were never acknowledged, those in flight too.

        It is without those whose connection we broke on purpose.
        """
        return np.concatenate([self.in_flight_dues_ns(), *self._forgotten_dues])

    def in_flight_dues_ns(self) -> Ints:
        """Return the due times of the messages in flight, without those of members that we have cut off."""
        window = self._window
        if window is None:
            return np.zeros(0, np.int64)
        places = np.flatnonzero(window.states)
        if self.cut:
            places = places[~np.isin(places // window.size, list(self.cut))]
        return window.due_ns[places]

    def _in_flight(self) -> dict[int, list[int]]:
        """Return the sequences in flight by position, oldest first."""
        if self._window is None:
            return {}
        positions = np.unique(np.flatnonzero(self._window.states) // self._window.size)
        sequence_at, taken = self._window.sequence_at, self._window.taken
        return {p: [sequence_at[place] for place in taken(p)] for p in positions.tolist()}
