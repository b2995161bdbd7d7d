"""Clients that come while the load runs, and clients that leave before it ends, in one worker.

Promises: no message of a client is due before its surge begins or after it leaves. What was due until then is sent and
acknowledged first; then a client sends DISCONNECT and waits for the broker to close, so that no byte is lost. A client
that cannot finish in time leaves all the same, and its open messages are counted. Leaving is not a dropped connection.
Clients leave in small lots, so that the load of the others goes on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
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
    """The clients of one surge in this worker: those that have come, and those that are still to leave.

    Also those that a group has from the start, once some of them are to leave.
    """

    def __init__(self, plan: GroupPlan, publisher: Publisher | None) -> None:
        self.plan = plan
        self.publisher = publisher
        self.was_here = bytearray(plan.count)
        self.came = self.gone = 0
        self.came_ns = self.gone_ns = 0  # on the worker's clock
        self.orders: list[tuple[int, list[int]]] = []  # (when, rows that leave then) that have not begun to
        self.told = 0  # rows that have been told to leave
        self.staying: deque[tuple[int, int]] = deque()  # (row, when its time to finish is over): no DISCONNECT sent yet
        self.departing: dict[int, int] = {}  # rows that have sent DISCONNECT, and the end of the wait for the broker

    @property
    def over(self) -> bool:
        return not self.staying and not self.departing

    @property
    def all_told(self) -> bool:
        return self.told == self.plan.count

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
        self._publishers = {id(publisher.plan): publisher for publisher in publishers}
        self._cohorts: dict[int | str, SurgeClients] = {
            part.surge: SurgeClients(part, self._publishers.get(id(part)))
            for part in plan.groups
            if part.surge is not None
        }
        self._from_the_start = sum(part.count for part in plan.groups if part.surge is None)
        self._patience_ns = plan.warhead.attack.drain_ns
        self._columns = context.columns
        self._clock = context.clock
        self._connector = connector
        self.next_ns = NEVER

    def admit(self, part: GroupPlan, publisher: Publisher | None) -> None:
        """Take the clients of a wave, whose place follows those of all other surges."""
        assert part.surge is not None
        self._cohorts[part.surge] = SurgeClients(part, publisher)

    def add(self, surge: int, at_ns: int, span: PublishSpan) -> Publisher | None:
        """Let the clients of a surge connect from `at_ns` (clock) and publish in `span`; return their publisher."""
        cohort = self._cohorts[surge]
        self._connector.bring_in(cohort.plan, at_ns)
        if cohort.publisher is not None and (span.end_ns is None or span.origin_ns < span.end_ns):
            cohort.publisher.begin(span)
        return cohort.publisher

    def remove(self, part: GroupPlan, at_ns: int, rows: Sequence[int]) -> None:
        """End the schedule of some clients of a surge or group at `at_ns` (clock), and let them leave then."""
        cohort = self._cohort_of(part)
        cohort.orders.append((at_ns, list(rows)))
        cohort.told += len(rows)
        if cohort.publisher is not None and cohort.all_told:
            cohort.publisher.stop_at(at_ns)
        elif cohort.publisher is not None:
            cohort.publisher.leave([row - part.first_row for row in rows], at_ns)
        self.next_ns = min(self.next_ns, at_ns)

    def _cohort_of(self, part: GroupPlan) -> SurgeClients:
        key = part.group.name if part.surge is None else part.surge
        if key not in self._cohorts:
            self._cohorts[key] = SurgeClients(part, self._publishers.get(id(part)))
        return self._cohorts[key]

    def stay(self) -> None:
        """Let the clients that have not begun to leave stay: the load ends."""
        for cohort in self._cohorts.values():
            cohort.orders.clear()

    def settled(self, client: int) -> None:
        """Note that a client has become READY."""
        self._connector.settled(client)
        if client < self._from_the_start:
            return
        for cohort in self._of_surges():
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
            self._send_disconnects(cohort, now_ns)
            self._close_departed(cohort, now_ns)
            # the first of them go a moment later: a sample that ends now still finds them all
            for order in [order for order in cohort.orders if order[0] <= now_ns]:
                cohort.orders.remove(order)
                self._begin_leaving(cohort, order, now_ns)
            self.next_ns = min(self.next_ns, *(at_ns for at_ns, _ in cohort.orders), NEVER)
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
            for cohort in self._of_surges()
        )

    # --- parts -----------------------------------------------------------------------------------------------------

    def _of_surges(self) -> Iterator[SurgeClients]:
        return (cohort for key, cohort in self._cohorts.items() if isinstance(key, int))

    def _begin_leaving(self, cohort: SurgeClients, order: tuple[int, list[int]], now_ns: int) -> None:
        at_ns, rows = order
        cohort.staying.extend((row, at_ns + self._patience_ns) for row in rows)
        publisher = cohort.publisher
        if publisher is None:
            return
        if cohort.all_told and not cohort.orders:
            publisher.end(now_ns)
            return
        publisher.catch_up(now_ns)
        if publisher.closed_loop:
            publisher.fall_silent((row - cohort.plan.first_row for row in rows), leaving=True)

    def _send_disconnects(self, cohort: SurgeClients, now_ns: int) -> None:
        """Send DISCONNECT for one lot of clients that owe nothing any more, or whose time to finish is over."""
        sent = 0
        for _ in range(min(len(cohort.staying), LOOKS)):
            client, until_ns = cohort.staying.popleft()
            if not (now_ns >= until_ns or self._is_out(client) or not cohort.owes(client)):
                cohort.staying.append((client, until_ns))
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
