"""The clients of surges in one worker: they come while the load runs, and leave before it ends.

Promises: no message of a surge is due before its clients begin or after they leave. What was due until then is sent and
acknowledged first; then a client sends DISCONNECT and waits for the broker to close, so that no byte is lost. A client
that cannot finish in time leaves all the same, and its open messages are counted. Leaving is not a dropped connection.
Clients leave in small lots, so that the load of the others goes on.
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
"""Clients that send DISCONNECT in one turn: a fifth of a millisecond, two milliseconds with TLS."""
LOOKS: Final = 4 * LOT
"""Clients looked at in one turn, ready to leave or not."""
LOT_EVERY_NS: Final = 5 * NS_PER_MS
HANG_UP_NS: Final = NS_PER_S
"""How long we wait for the broker to close after our DISCONNECT."""


class SurgeClients:
    """The clients of one surge in this worker: those that have come, and those that are still to leave."""

    def __init__(self, plan: GroupPlan, publisher: Publisher | None) -> None:
        self.plan = plan
        self.publisher = publisher
        self.was_here = bytearray(plan.count)
        self.came = self.gone = 0
        self.came_ns = self.gone_ns = 0  # on the worker's clock
        self.leave_ns = NEVER
        self.leaving = False
        self.staying: deque[int] = deque()  # rows that are to leave and have not sent DISCONNECT
        self.departing: dict[int, int] = {}  # rows that have sent DISCONNECT, and the end of the wait for the broker

    @property
    def over(self) -> bool:
        return not self.staying and not self.departing

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
        self._cohorts = {
            part.surge: SurgeClients(part, by_part.get(id(part))) for part in plan.groups if part.surge is not None
        }
        self._patience_ns = plan.warhead.attack.drain_ns
        self._columns = context.columns
        self._clock = context.clock
        self._connector = connector
        self.next_ns = NEVER

    def add(self, surge: int, at_ns: int, span: PublishSpan) -> None:
        """Let the clients of a surge connect from `at_ns` (clock) and publish in `span`."""
        cohort = self._cohorts[surge]
        self._connector.bring_in(cohort.plan, at_ns)
        if cohort.publisher is not None and (span.end_ns is None or span.origin_ns < span.end_ns):
            cohort.publisher.begin(span)

    def remove(self, surge: int, at_ns: int) -> None:
        """End the schedule of a surge's clients at `at_ns` (clock), and let them leave then."""
        cohort = self._cohorts[surge]
        cohort.leave_ns = at_ns
        if cohort.publisher is not None:
            cohort.publisher.stop_at(at_ns)
        self.next_ns = min(self.next_ns, at_ns)

    def stay(self) -> None:
        """Let the clients that have not begun to leave stay: the load ends."""
        for cohort in self._cohorts.values():
            if not cohort.leaving:
                cohort.leave_ns = NEVER

    def settled(self, client: int) -> None:
        """Note that a client has become READY."""
        self._connector.settled(client)
        for cohort in self._cohorts.values():
            position = client - cohort.plan.first_row
            if 0 <= position < cohort.plan.count:
                if not cohort.was_here[position]:
                    cohort.was_here[position] = 1
                    cohort.came += 1
                    cohort.came_ns = self._clock()
                return

    def tick(self, now_ns: int) -> None:
        """Let the clients leave whose surge is over, in small lots."""
        self.next_ns = NEVER
        for cohort in self._cohorts.values():
            if cohort.leave_ns > now_ns:
                self.next_ns = min(self.next_ns, cohort.leave_ns)
                continue
            if cohort.leaving:
                self._send_disconnects(cohort, now_ns)
                self._close_departed(cohort, now_ns)
            else:  # the first of them go a moment later: a sample that ends now still finds them all
                self._begin_leaving(cohort, now_ns)
            if not cohort.over:
                self.next_ns = min(self.next_ns, now_ns + LOT_EVERY_NS)

    def closed(self, now_ns: int) -> None:
        """Count the clients that were leaving as gone: every connection has been closed."""
        for cohort in self._cohorts.values():
            if not cohort.over:
                cohort.count_gone(len(cohort.staying) + len(cohort.departing), now_ns)
                cohort.staying.clear()
                cohort.departing.clear()

    def standing(self, epoch_ns: int) -> tuple[SurgeStanding, ...]:
        """Return the progress of each surge of the warhead, in order."""
        return tuple(
            SurgeStanding(
                came=cohort.came,
                came_ns=cohort.came_ns - epoch_ns if cohort.came else 0,
                gone=cohort.gone,
                gone_ns=cohort.gone_ns - epoch_ns if cohort.gone else 0,
            )
            for cohort in self._cohorts.values()
        )

    # --- parts -----------------------------------------------------------------------------------------------------

    def _begin_leaving(self, cohort: SurgeClients, now_ns: int) -> None:
        cohort.leaving = True
        cohort.staying.extend(range(cohort.plan.first_row, cohort.plan.first_row + cohort.plan.count))
        if cohort.publisher is not None:
            cohort.publisher.end(now_ns)

    def _send_disconnects(self, cohort: SurgeClients, now_ns: int) -> None:
        """Send DISCONNECT for one lot of clients that owe nothing any more, or whose time to finish is over."""
        overdue = now_ns >= cohort.leave_ns + self._patience_ns
        sent = 0
        for _ in range(min(len(cohort.staying), LOOKS)):
            client = cohort.staying.popleft()
            if not (overdue or self._is_out(client) or not cohort.owes(client)):
                cohort.staying.append(client)
                continue
            self._dismiss(cohort, client, now_ns)
            sent += 1
            if sent == LOT:
                break

    def _close_departed(self, cohort: SurgeClients, now_ns: int) -> None:
        """Count clients that the broker disconnected as gone; close the others after HANG_UP_NS."""
        for client, until_ns in list(cohort.departing.items()):
            if self._columns.sockets[client] is not None and now_ns >= until_ns:
                self._connector.hang_up(client)
            if self._columns.sockets[client] is None:
                del cohort.departing[client]
                cohort.count_gone(1, now_ns)

    def _is_out(self, client: int) -> bool:
        """Tell whether a client is neither connected nor to be connected again."""
        return self._columns.phase[client] in (SessionPhase.IDLE, SessionPhase.CLOSED)

    def _dismiss(self, cohort: SurgeClients, client: int, now_ns: int) -> None:
        if cohort.publisher is not None:
            cohort.publisher.give_up(client - cohort.plan.first_row)
        cohort.departing[client] = now_ns + HANG_UP_NS
        self._connector.dismiss(client, now_ns)
