"""The publishing side of a group that speaks MQTT 5: keep the terms of the broker, count what it refuses.

Beside `publisher`: no more messages in flight than the broker's receive maximum; no packet over its maximum packet
size; the topic by its alias, once it was introduced on this connection; a PUBACK or PUBREC with a reason of failure
ends a message without acknowledging it. A client that needs none of this costs one look-up in a set.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from malaria.engine.columns import HELD, OFFLINE
from malaria.engine.context import EngineContext
from malaria.engine.publisher import Publisher
from malaria.engine.sender import SMALL_WINDOW
from malaria.engine.template5 import Naming, Template5, make_template5
from malaria.engine.window import AWAIT_PUBACK, AWAIT_PUBCOMP, AWAIT_PUBREC, FREE, Window
from malaria.mqtt.terms import Terms
from malaria.plan.clients import GroupPlan
from malaria.plan.terms_check import largest_packet
from malaria.schedule.arrays import Ints


class Publisher5(Publisher):
    """The publishing members of one group in this worker.

    After each CONNACK the caller calls `agree` with the terms of the broker, then `resume`.
    """

    _template: Template5

    def __init__(self, plan: GroupPlan, context: EngineContext) -> None:
        super().__init__(plan, context)
        self._special: set[int] = set()  # members in one of the next three
        self._limits: dict[int, int] = {}  # in flight at once, where the broker grants less than our window
        self._largest: dict[int, int] = {}  # bytes of a packet, where a message could be larger than the broker takes
        self._unnamed: set[int] = set()  # the topic has not been introduced on this connection
        self._waiting_again: dict[int, deque[int]] = {}  # places to be sent again when the limit lets them
        self._terms = Terms()

    def _make_template(self, plan: GroupPlan) -> Template5:
        return make_template5(plan)

    # --- terms -------------------------------------------------------------------------------------------------------

    def agree(self, client: int, terms: Terms) -> None:
        """Take the terms of a CONNACK: they hold for this client from now on."""
        position = client - self.base
        self._terms = terms
        self._template.address(position, Naming.FULL)
        self._end_waiting(position)
        self._limits.pop(position, None)
        self._largest.pop(position, None)
        self._unnamed.discard(position)
        if self.window is not None and terms.receive_maximum < self.window.size:
            self._limits[position] = terms.receive_maximum
        index = int(self.plan.members[position])
        if largest_packet(self.plan, index) > terms.maximum_packet_size:
            self._largest[position] = terms.maximum_packet_size
        self._look(position)

    def resume(self, client: int, session_present: bool, now_ns: int) -> None:
        """Redeliver with the topic in full: the aliases of the last connection are not valid any more."""
        position = client - self.base
        super().resume(client, session_present, now_ns)
        if self._terms.topic_alias_maximum and self.plan.group.topic_alias:
            self._unnamed.add(position)
        # messages sent again carry their topic in full, so that the alias comes after the last of them
        if position not in self._waiting_again:
            self._introduce(position)
        self._look(position)

    def _introduce(self, position: int) -> None:
        """Let the next message carry the topic and the alias that stands for it from then on."""
        if position in self._unnamed:
            self._template.address(position, Naming.INTRODUCED)

    def _look(self, position: int) -> None:
        """Note whether a member has a limit, a largest packet or a topic to introduce."""
        if position in self._limits or position in self._largest or position in self._unnamed:
            self._special.add(position)
        else:
            self._special.discard(position)

    def _quota(self, position: int) -> int:
        """Return how many more messages may be in flight."""
        window = self.window
        if window is None:
            return SMALL_WINDOW * SMALL_WINDOW
        free = window.free(position)
        limit = self._limits.get(position)
        return free if limit is None else max(0, limit - (window.size - free))

    # --- sending -----------------------------------------------------------------------------------------------------

    def _send_one(self, position: int, due_ns: int) -> bool:
        """Send the next message as 3.1.1 does, within the broker's terms. Hot."""
        if position not in self._special:
            return Publisher._send_one(self, position, due_ns)
        if position in self._limits and not self._quota(position):
            return False
        if position in self._largest and self._too_large(position, due_ns):
            return True  # done with it: to hold it would stop all behind it for ever
        sent = Publisher._send_one(self, position, due_ns)
        if sent and position in self._unnamed:
            self._unnamed.discard(position)
            self._template.address(position, Naming.ALIASED)
            self._look(position)
        return sent

    def _send_run(self, position: int, slots: Sequence[int], due_ns: int) -> int:
        """Send messages in one send as 3.1.1 does, within the broker's terms. Hot."""
        if position not in self._special:
            return Publisher._send_run(self, position, slots, due_ns)
        # one by one: each may be too large, or is the one that introduces the topic's alias
        if position in self._largest or position in self._unnamed:
            return self._send_each(position, [due_ns] * len(slots))
        allowed = slots[: self._quota(position)]
        return Publisher._send_run(self, position, allowed, due_ns) if allowed else 0

    def _send_block(self, position: int, dues_ns: Ints) -> int:
        if position not in self._special:
            return Publisher._send_block(self, position, dues_ns)
        if position in self._largest or position in self._unnamed:
            return self._send_each(position, dues_ns.tolist())
        return Publisher._send_block(self, position, dues_ns[: self._quota(position)])

    def _send_each(self, position: int, dues_ns: list[int]) -> int:
        sent = 0
        for due_ns in dues_ns:
            if self._columns.gate[self.base + position] & ~HELD or not self._send_one(position, due_ns):
                break
            sent += 1
        return sent

    def _too_large(self, position: int, due_ns: int) -> bool:
        """Count a message that is larger than the broker takes, and do not send it. Return True if it is one."""
        sequence = self._next_at[position]
        if len(self._packet(position, 1, sequence, due_ns - self._epoch_ns)) <= self._largest[position]:
            return False
        self._next_at[position] = sequence + 1
        self._counts.too_large += 1
        self._unacked.explain(position, sequence)
        self._meter.trouble(f"a message was larger than the broker takes ({self._largest[position]:,} bytes)")
        return True

    # --- answers -----------------------------------------------------------------------------------------------------

    def refuse(self, client: int, packet_id: int, now_ns: int, *, received: bool) -> bool:
        """End a message that a PUBACK or PUBREC (`received`) refuses: it is over, and not acknowledged.

        False: the message awaits another answer.
        """
        place = self._place(client, packet_id)
        if place is None:
            self._counts.stray_ack += 1
            return True
        assert self.window is not None
        if self.window.state[place] != (AWAIT_PUBREC if received else AWAIT_PUBACK):
            return False
        self.window.state[place] = FREE
        self._counts.publishes_refused += 1
        position = client - self.base
        self._unacked.explain(position, self.window.sequence_at[place])
        self.release(position, now_ns)
        return True

    # --- connections -------------------------------------------------------------------------------------------------

    def _redeliver(self, window: Window, position: int, places: Iterable[int], now_ns: int) -> None:
        """Send again within the receive maximum, which a new connection may have lowered; a PUBREL always goes."""
        limit = self._limits.get(position, window.size)
        first: list[int] = []
        later: deque[int] = deque()
        for place in places:
            (first if window.state[place] == AWAIT_PUBCOMP or len(first) < limit else later).append(place)
        super()._redeliver(window, position, first, now_ns)
        if later:
            self._waiting_again[position] = later
            self._columns.gate[self.base + position] |= HELD

    def _outstanding(self, position: int) -> int:
        """Return the number of messages in flight on this connection."""
        assert self.window is not None
        waiting = len(self._waiting_again.get(position, ()))
        return self.window.size - self.window.free(position) - waiting

    def release(self, position: int, now_ns: int) -> None:
        if position in self._waiting_again and not self._columns.gate[self.base + position] & OFFLINE:
            self._send_waiting_again(position, now_ns)
        if position not in self._waiting_again:
            super().release(position, now_ns)

    def _send_waiting_again(self, position: int, now_ns: int) -> None:
        assert self.window is not None
        waiting, limit = self._waiting_again[position], self._limits[position]
        for place in [place for place in waiting if self.window.state[place] == FREE]:
            waiting.remove(place)  # answered before it was its turn
        while waiting and self._outstanding(position) < limit:
            super()._redeliver(self.window, position, [waiting.popleft()], now_ns)
        if not waiting:
            self._end_waiting(position)
            self._introduce(position)

    def _end_waiting(self, position: int) -> None:
        """Open the gate that was closed for messages to be sent again, unless others are held too."""
        if self._waiting_again.pop(position, None) is not None and position not in self._held:
            self._columns.gate[self.base + position] &= ~HELD
