"""The clients of surges in one worker: they come while the load runs, and leave before it ends.

Promises: nothing of theirs is due before they are to begin nor after they are to leave; what was due until then is
finished, acknowledged, and only then do they say DISCONNECT and wait for the broker to hang up, so that no byte of
theirs is thrown away; whoever cannot finish in time goes without, and what he owed is counted. Leaving is no dropped
connection. Many leave in small lots, between which the load of the others goes on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.control.standing import SurgeStanding
from malaria.engine.connector import Connector
from malaria.engine.context import EngineContext
from malaria.engine.publish_schedule import NEVER, PublishSpan
from malaria.engine.publisher import Publisher
from malaria.mqtt.session import SessionPhase
from malaria.plan.clients import GroupPlan, Plan

LOT: Final = 10
"""Goodbyes said in one turn: a fifth of a millisecond of it, two milliseconds with TLS."""
LOOKS: Final = 4 * LOT
"""Clients looked at in one turn, ready to leave or not."""
LOT_EVERY_NS: Final = 5 * NS_PER_MS
HANG_UP_NS: Final = NS_PER_S
"""How long we wait for the broker to close after our DISCONNECT."""


class SurgeClients:
    """The clients of one surge in this worker: who has come, and who is to go and is still there."""

    def __init__(self, plan: GroupPlan, publisher: Publisher | None) -> None:
        self.plan = plan
        self.publisher = publisher
        self.was_here = bytearray(plan.count)
        self.came = self.gone = 0
        self.came_ns = self.gone_ns = 0  # on the worker's clock
        self.leave_ns = NEVER
        self.leaving = False
        self.staying: deque[int] = deque()  # rows that are to leave and have not said so
        self.parting: dict[int, int] = {}  # said DISCONNECT: when we stop waiting for the broker to close

    @property
    def over(self) -> bool:
        return not self.staying and not self.parting

    def owes(self, client: int) -> bool:
        return self.publisher is not None and self.publisher.owes(client - self.plan.first_row)

    def count_gone(self, clients: int, now_ns: int) -> None:
        self.gone += clients
        self.gone_ns = now_ns


class Surges:
    """Lets the surges of a worker in and out. `tick` is to be called at `next_ns`."""

    def __init__(
        self, plan: Plan, context: EngineContext, publishers: Sequence[Publisher], connector: Connector
    ) -> None:
        by_part = {id(publisher.plan): publisher for publisher in publishers}
        self._parties = {
            part.surge: SurgeClients(part, by_part.get(id(part))) for part in plan.groups if part.surge is not None
        }
        self._patience_ns = plan.warhead.attack.drain_ns
        self._columns = context.columns
        self._clock = context.clock
        self._connector = connector
        self.next_ns = NEVER

    def add(self, surge: int, at_ns: int, span: PublishSpan) -> None:
        """They connect from `at_ns` (clock) and publish in `span`."""
        party = self._parties[surge]
        self._connector.bring_in(party.plan, at_ns)
        if party.publisher is not None and (span.end_ns is None or span.origin_ns < span.end_ns):
            party.publisher.begin(span)

    def remove(self, surge: int, at_ns: int) -> None:
        """Nothing of theirs is due from `at_ns` (clock) on, and then they leave."""
        party = self._parties[surge]
        party.leave_ns = at_ns
        if party.publisher is not None:
            party.publisher.stop_at(at_ns)
        self.next_ns = min(self.next_ns, at_ns)

    def stay(self) -> None:
        """The load ends: who has not begun to leave is not to leave any more."""
        for party in self._parties.values():
            if not party.leaving:
                party.leave_ns = NEVER

    def settled(self, client: int) -> None:
        """A client has become READY."""
        self._connector.settled(client)
        for party in self._parties.values():
            position = client - party.plan.first_row
            if 0 <= position < party.plan.count:
                if not party.was_here[position]:
                    party.was_here[position] = 1
                    party.came += 1
                    party.came_ns = self._clock()
                return

    def tick(self, now_ns: int) -> None:
        """Lets go who may go."""
        self.next_ns = NEVER
        for party in self._parties.values():
            if party.leave_ns > now_ns:
                self.next_ns = min(self.next_ns, party.leave_ns)
                continue
            if party.leaving:
                self._say_goodbye(party, now_ns)
                self._see_off(party, now_ns)
            else:  # the first of them go a moment later: a sample that ends now still finds them all
                self._break_up(party, now_ns)
            if not party.over:
                self.next_ns = min(self.next_ns, now_ns + LOT_EVERY_NS)

    def closed(self, now_ns: int) -> None:
        """Every connection has been closed: who was leaving is gone."""
        for party in self._parties.values():
            if not party.over:
                party.count_gone(len(party.staying) + len(party.parting), now_ns)
                party.staying.clear()
                party.parting.clear()

    def standing(self, epoch_ns: int) -> tuple[SurgeStanding, ...]:
        """One for each surge of the warhead, in order."""
        return tuple(
            SurgeStanding(
                came=party.came,
                came_ns=party.came_ns - epoch_ns if party.came else 0,
                gone=party.gone,
                gone_ns=party.gone_ns - epoch_ns if party.gone else 0,
            )
            for party in self._parties.values()
        )

    # --- parts -----------------------------------------------------------------------------------------------------

    def _break_up(self, party: SurgeClients, now_ns: int) -> None:
        party.leaving = True
        party.staying.extend(range(party.plan.first_row, party.plan.first_row + party.plan.count))
        if party.publisher is not None:
            party.publisher.end(now_ns)

    def _say_goodbye(self, party: SurgeClients, now_ns: int) -> None:
        """One lot of those who owe nothing any more, or for whom nobody waits longer."""
        overdue = now_ns >= party.leave_ns + self._patience_ns
        said = 0
        for _ in range(min(len(party.staying), LOOKS)):
            client = party.staying.popleft()
            if not (overdue or self._is_out(client) or not party.owes(client)):
                party.staying.append(client)
                continue
            self._dismiss(party, client, now_ns)
            said += 1
            if said == LOT:
                break

    def _see_off(self, party: SurgeClients, now_ns: int) -> None:
        """Count clients that the broker disconnected as gone; close the others after HANG_UP_NS."""
        for client, until_ns in list(party.parting.items()):
            if self._columns.sockets[client] is not None and now_ns >= until_ns:
                self._connector.hang_up(client)
            if self._columns.sockets[client] is None:
                del party.parting[client]
                party.count_gone(1, now_ns)

    def _is_out(self, client: int) -> bool:
        """Neither connected nor to be connected again."""
        return self._columns.phase[client] in (SessionPhase.IDLE, SessionPhase.CLOSED)

    def _dismiss(self, party: SurgeClients, client: int, now_ns: int) -> None:
        if party.publisher is not None:
            party.publisher.give_up(client - party.plan.first_row)
        party.parting[client] = now_ns + HANG_UP_NS
        self._connector.dismiss(client, now_ns)
