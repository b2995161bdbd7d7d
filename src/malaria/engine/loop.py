"""Run one worker's event loop: one thread, one epoll, thousands of clients.

A turn: wait for sockets until something is due; hear what the broker says; publish what is due; open connections;
every tick look at deadlines and keep-alives; every second close a sample. The loop watches itself: the length of its
turns and how late it takes up what is due are in every sample.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np

from malaria.clock import NS_PER_S, NS_PER_US
from malaria.control.changes import AddClients, TimedChange
from malaria.control.standing import Standing
from malaria.engine.address_book import AddressBook
from malaria.engine.arrivals import Inbox
from malaria.engine.arrivals5 import Inbox5
from malaria.engine.arrivals_small import SmallInbox
from malaria.engine.columns import Columns
from malaria.engine.connector import Connector
from malaria.engine.context import EngineContext
from malaria.engine.conversation import Conversation
from malaria.engine.load_changes import LoadChanges
from malaria.engine.meter import Meter
from malaria.engine.milestone_recorder import MilestoneRecorder
from malaria.engine.outbox import Outbox
from malaria.engine.platform import Platform
from malaria.engine.publish_schedule import PublishSpan
from malaria.engine.publisher import Publisher
from malaria.engine.publisher5 import Publisher5
from malaria.engine.receiver import Receiver
from malaria.engine.silence_recorder import TICK_NS, SilenceRecorder
from malaria.engine.socket_sampler import SocketSampler
from malaria.mqtt.packets import Protocol
from malaria.mqtt.session import SessionPhase
from malaria.plan.clients import GroupPlan, Plan, groups_of
from malaria.plan.streams import needs_topics
from malaria.records.rows import Gauge, RunPhase, Sample
from malaria.schedule.share import WHOLE
from malaria.transport.connection_setup import setups_of
from malaria.transport.poller import READ, WRITE
from malaria.transport.route import Route

GRAIN_NS: Final = 500 * NS_PER_US
"""The shortest wait: what is due within it goes out in one turn; a wake-up is paid for at most 2,000 times a second."""
MOST_EVENTS: Final = 512


class Engine:
    """All clients of one worker. `routes` has the way of each group, by name.

    Raises OperatorError for a way that cannot work.
    """

    def __init__(self, plan: Plan, routes: Mapping[str, Route], meter: Meter, platform: Platform) -> None:
        poller, clock = platform.poller, platform.clock
        self.plan = plan
        self.meter = meter
        self.columns = columns = Columns(plan.rows)
        self.outbox = Outbox(columns, poller, meter)
        self.milestones = MilestoneRecorder(meter.counts, counted=plan.warhead.counted)
        addresses = AddressBook(platform.look_up, platform.run_aside, clock, meter.trouble)
        context = EngineContext(
            columns, poller, self.outbox, meter, clock, platform.make_socket, self.milestones, addresses
        )
        self.inbox = _inbox(plan, context)
        self.publishers = [_publisher(group, context) for group in plan.groups if group.group.publishes]
        by_client = _publisher_by_client(plan, self.publishers)
        self.changes = LoadChanges(plan, context, self.publishers, by_client, partial(_publisher, context=context))
        setups = setups_of(plan, routes)
        self.conversation = Conversation(plan, context, by_client, self.inbox, setups)
        self.connector = Connector(plan, setups, context)
        self.receiver = Receiver(context, by_client, self.inbox, self.conversation, self.connector.lost)
        self.conversation.lost = self.connector.lost
        self.changes.attach(self.connector, self.inbox)
        self.silence = SilenceRecorder(clock())
        late = plan.warhead.surges or plan.reserves
        self.conversation.settled = self.changes.settled if late else self.connector.settled
        self.connector.conversation = self.conversation
        self.connector.receiver = self.receiver
        self.phase = RunPhase.PREPARE
        self._socket_sampler = SocketSampler(plan, columns)
        self._poller = poller
        self._clock = clock
        self._published_ns = 0
        self._wait = poller.wait
        self._timer = poller.timer
        self._read = self.receiver.read
        self._client_of = self.connector.clients_by_fd.get
        self._publisher_by_client = by_client
        self._other_fds: dict[int, Callable[[], None]] = {}
        self._epoch_ns = 0
        self._span: PublishSpan | None = None  # of the load, while it runs
        self._next_tick_ns = clock()
        self._at_start = 0
        self._connect_orders = 0
        for group in plan.parts:
            columns.keepalive_ns[group.first_row : group.first_row + group.count] = group.group.keepalive * NS_PER_S
        self._ready = np.frombuffer(columns.phase, np.uint8)

    # --- orders ----------------------------------------------------------------------------------------------------

    def watch(self, fd: int, readable: Callable[[], None]) -> None:
        """Calls back when another descriptor (the control pipe) has something to say."""
        self._other_fds[fd] = readable
        self._poller.register(fd, READ)

    def set_epoch(self, epoch_ns: int) -> None:
        """Set run time 0 on this worker's clock."""
        self._epoch_ns = epoch_ns
        self.meter.restart_period(self._clock() - epoch_ns)

    def correct_epoch(self, epoch_ns: int) -> None:
        """Move run time 0 while the load runs: later stamps count from there, and due times stay as they are."""
        self.meter.move_period(self._epoch_ns - epoch_ns)
        self._epoch_ns = epoch_ns
        if self._span is not None:
            self._span = replace(self._span, epoch_ns=epoch_ns)
        self.inbox.correct_epoch(epoch_ns)
        for publisher in self.publishers:
            publisher.correct_epoch(epoch_ns)

    def connect(self, *, rest: bool) -> None:
        """Brings in the clients that are there from the start: those that subscribe, or the `rest`."""
        self._connect_orders += 1
        for group in self.plan.groups:
            if group.group.subscribes is not rest and not group.comes_later:
                self._at_start += group.count
                for client in range(group.first_row, group.first_row + group.count):
                    self.connector.enqueue(client)

    def publish(self, span: PublishSpan) -> None:
        """Start publishing at `span.origin_ns`; groups that come later start to connect from there."""
        self._span = span
        self.inbox.begin(span.epoch_ns, span.measure_ns)
        self.milestones.load_began(span.measure_ns)
        for group in self.plan.groups:
            if group.comes_later and group.surge is None:
                self.connector.bring_in(group, span.origin_ns + group.group.start_after_ns)
        for publisher in self.publishers:
            if publisher.plan.surge is None:
                publisher.begin(_later(span, span.origin_ns + publisher.plan.group.start_after_ns))

    def act(self, act: TimedChange) -> None:
        """Changes the running load at the act's time, which is better still ahead."""
        span, at_ns = self._span, self._epoch_ns + act.at_ns
        if span is None:
            return  # the load has ended, or never began
        if isinstance(act.change, AddClients):
            span = _later(span, self._epoch_ns + act.change.begin_ns)
        self.changes.act(act, at_ns, span)
        self._next_tick_ns = min(self._next_tick_ns, self.changes.next_ns)

    def end_at(self, end_ns: int) -> None:
        """Take back what is due at `end_ns` (clock) or later. To be called before that time."""
        if self._span is not None:
            self._span = replace(self._span, end_ns=end_ns)
        for publisher in self.publishers:
            publisher.stop_at(end_ns)

    def end_publishing(self) -> None:
        """Stop the schedule and further connects; messages that are held or in flight go on."""
        self._span = None
        self.connector.forget_newcomers()
        self.changes.end()
        for publisher in self.publishers:
            publisher.end(self._clock())

    def hang_up(self) -> None:
        """Send DISCONNECT for all clients and close their connections."""
        self.connector.stop()
        self.connector.close_all(self._clock())
        self.changes.closed(self._clock())

    # --- the wheel -------------------------------------------------------------------------------------------------

    def turn(self, until_ns: int) -> int:
        """Take one turn, waiting until `until_ns` at most. Return the time at its end. Hot.

        At low rates most of the cost is code gone cold while we slept: what is not needed is not called.
        """
        events = self._wait(self.wake_ns(until_ns), MOST_EVENTS)
        begin_ns = now_ns = self.connector.turn_began_ns = self._clock()
        client_of, read, timer = self._client_of, self._read, self._timer
        # reading comes before sending: acknowledgements make room in the windows
        for place, (fd, mask) in enumerate(events, 1):
            if fd == timer:
                continue  # it has done its work by ending the wait
            client = client_of(fd)
            if client is None:
                self._other(fd)
                continue
            if mask == READ:
                read(client, now_ns)
            else:
                self._write_or_hang_up(client, mask, now_ns)
            if not place & 3:
                now_ns = self._clock()  # data can be younger than the poll; an age of 4 reads is our error bound
        for publisher in self.publishers:
            if publisher.next_due_ns <= now_ns:
                publisher.publish_due(now_ns)
                self._published_ns = now_ns
        if not self.connector.idle:
            self.connector.run(now_ns)
        if self.outbox.broken:
            self._close_broken()
        if now_ns >= self._next_tick_ns:
            self._tick(now_ns)
        end_ns = self._clock()
        self.meter.counts.turns += 1
        if end_ns - begin_ns > self.meter.turn_max_ns:
            self.meter.turn_max_ns = end_ns - begin_ns
        return end_ns

    def wake_ns(self, until_ns: int) -> int:
        """Return when the next turn has something to do besides reading, at most `until_ns`; 0 means now."""
        for publisher in self.publishers:
            due_ns = publisher.next_due_ns
            if due_ns < until_ns:
                # its window took all that one turn may send: there may be room for more
                if publisher.closed_loop and due_ns <= self._published_ns:
                    return 0
                until_ns = max(due_ns, min(until_ns, self._published_ns + GRAIN_NS))
        if self._next_tick_ns < until_ns:
            until_ns = self._next_tick_ns
        return until_ns if self.connector.idle else self.connector.next_ns(until_ns)

    def noted_turn(self, until_ns: int) -> int:
        """Take one turn as `turn` does, and note the milestones of a load that ends by its number of messages."""
        end_ns = self.turn(until_ns)
        self.milestones.turn_ended(self.connector.turn_began_ns, end_ns)
        return end_ns

    def _write_or_hang_up(self, client: int, mask: int, now_ns: int) -> None:
        if self.columns.phase[client] == SessionPhase.CONNECTING:
            self.connector.writable(client, now_ns)
            return
        # what waited goes first; then messages held behind it
        if mask & WRITE and self.outbox.flush(client, now_ns):
            publisher = self._publisher_by_client[client]
            if publisher is not None:
                publisher.release(client - publisher.base, now_ns)
        if mask & ~WRITE and self.columns.sockets[client] is not None:
            self.receiver.read(client, now_ns)  # data first; then read() itself reports the end or the error

    def _other(self, fd: int) -> None:
        """Serve a descriptor of no client: the control pipe, or a socket closed earlier in this batch."""
        readable = self._other_fds.get(fd)
        if readable is not None:
            readable()

    def _close_broken(self) -> None:
        broken, self.outbox.broken = self.outbox.broken, []
        for client, reason in broken:
            self.connector.lost(client, reason)

    def _tick(self, now_ns: int) -> None:
        self._next_tick_ns = now_ns + TICK_NS
        self.connector.check_deadlines(now_ns)
        columns = self.columns
        quiet = now_ns - columns.last_out_ns >= columns.keepalive_ns
        quiet &= (self._ready == SessionPhase.READY) & (columns.deadline_ns == 0) & (columns.keepalive_ns > 0)
        for client in quiet.nonzero()[0].tolist():
            self.conversation.keep_alive(client, now_ns)
        self.meter.fold_when_full()
        self._note_silence(now_ns)
        self.changes.tick(now_ns)
        self._next_tick_ns = min(self._next_tick_ns, self.changes.next_ns)

    def _note_silence(self, now_ns: int) -> None:
        silence, counts = self.silence, self.meter.counts
        silence.tick(now_ns, counts.acked + counts.arrived, counts.sent)
        self._read = self._read_in_silence if silence.is_long else self.receiver.read
        if silence.is_long:
            silence.waiting(self._waiting_since_ns() if self.ready_clients else None)

    def _read_in_silence(self, client: int, now_ns: int) -> None:
        """Read, and note whether that ends the silence."""
        self.receiver.read(client, now_ns)
        counts = self.meter.counts
        self.silence.hear(now_ns, counts.acked + counts.arrived)

    def _waiting_since_ns(self) -> int | None:
        """Return when the oldest message was due that the broker owes an answer; None if it owes none."""
        dues_ns = [due_ns for publisher in self.publishers if (due_ns := publisher.oldest_due_ns()) is not None]
        if dues_ns or any(publisher.window is not None for publisher in self.publishers):
            return min(dues_ns, default=None)
        return self.silence.spoken_ns  # at QoS 0 the deliveries are the answer

    # --- telling ---------------------------------------------------------------------------------------------------

    def standing(self) -> Standing:
        counts = self.meter.counts
        behind = [publisher.unsent() for publisher in self.publishers]
        return Standing(
            connect_orders=self._connect_orders,
            ready=self.ready_clients,
            expected_ready=self._at_start,
            refused=counts.refused,
            pending=sum(p.in_flight + p.held for p in self.publishers) + bool(self.outbox.backlog_bytes),
            delivered=counts.delivered,
            arrived=counts.arrived,
            publishing=not all(publisher.done for publisher in self.publishers),
            surges=self.changes.standing(self._epoch_ns),
            scheduled=not all(publisher.closed_loop or publisher.done for publisher in self.publishers),
            accepted=counts.connected,
            moved=counts.sent + counts.acked + counts.arrived,
            clients_behind=sum(clients for clients, _ in behind),
            unsent=sum(messages for _, messages in behind),
            milestones=self.milestones.milestones(self._epoch_ns, self._first_due_ns()),
        )

    def _first_due_ns(self) -> int | None:
        """Return when the first message of an open loop was due in the measured time."""
        dues_ns = [publisher.first_due_ns for publisher in self.publishers]
        return min((due_ns for due_ns in dues_ns if due_ns is not None), default=None)

    def sample(self) -> Sample:
        """Closes the current period."""
        gauges = {
            Gauge.CLIENTS_CONNECTED: int(
                np.count_nonzero((self._ready == SessionPhase.READY) | (self._ready == SessionPhase.SUBSCRIBING))
            ),
            Gauge.CLIENTS_READY: self.ready_clients,
            Gauge.INFLIGHT: sum(p.in_flight for p in self.publishers),
            Gauge.HELD: sum(p.held for p in self.publishers),
            Gauge.BACKLOG_BYTES: self.outbox.backlog_bytes,
            **self._socket_sampler.gauges(),
        }
        now_ns = self._clock()
        return self.meter.sample(now_ns - self._epoch_ns, self.phase, gauges | self.silence.gauges(now_ns))

    @property
    def ready_clients(self) -> int:
        return int(np.count_nonzero(self._ready == SessionPhase.READY))


def _later(span: PublishSpan, origin_ns: int) -> PublishSpan:
    """Return the span of the same load from `origin_ns` on."""
    return replace(span, origin_ns=origin_ns, measure_ns=max(span.measure_ns, origin_ns))


def _inbox(plan: Plan, context: EngineContext) -> Inbox:
    """Return the quickest inbox for what this worker hears."""
    publishing = [group for group in groups_of(plan.warhead, WHOLE, plan.identity) if group.group.publishes]
    if any(group.header_in_property for group in publishing) or needs_topics(publishing):
        return SmallInbox(plan, context)
    speaks_5 = any(group.protocol is Protocol.V5 for group in plan.groups)
    return Inbox5(plan, context) if speaks_5 else Inbox(plan, context)


def _publisher(plan: GroupPlan, context: EngineContext) -> Publisher:
    return Publisher5(plan, context) if plan.protocol is Protocol.V5 else Publisher(plan, context)


def _publisher_by_client(plan: Plan, publishers: list[Publisher]) -> list[Publisher | None]:
    column: list[Publisher | None] = [None] * plan.rows
    for publisher in publishers:
        column[publisher.base : publisher.base + publisher.plan.count] = [publisher] * publisher.plan.count
    return column
