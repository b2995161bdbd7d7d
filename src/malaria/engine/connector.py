"""Opens connections: paced, bounded, and again after they were lost.

Two limits hold at once. `connect_rate` spaces the attempts. `connects_in_progress` bounds how many are between TCP
start and READY: a broker that listens with a backlog of 100 drops what overflows it, and each dropped connect costs its
client a full second, so too fast a pace would be measured as slowness of the broker.
"""

from __future__ import annotations

import errno
import socket
from collections import deque
from collections.abc import Mapping, Sequence
from functools import partial
from heapq import heapify, heappop, heappush
from itertools import count
from time import thread_time_ns
from typing import Final

from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.engine.attempts import Attempts
from malaria.engine.columns import HELD, OFFLINE, SILENT, unreachable_receive, unreachable_send
from malaria.engine.context import EngineContext
from malaria.engine.conversation import Conversation
from malaria.engine.receiver import Receiver
from malaria.engine.record_reader import RecordReader
from malaria.mqtt.session import SessionPhase
from malaria.plan.clients import GroupPlan, Plan
from malaria.records.rows import CONNECTION_LOST
from malaria.transport.connection_setup import ConnectionSetup
from malaria.transport.failures import STAGE_TIMEOUTS, TIMEOUTS, connect_error, failure_of
from malaria.transport.poller import READ, WRITE
from malaria.transport.socket_address import socket_address
from malaria.transport.stream import Lower, Negotiation, Stage

IP_BIND_ADDRESS_NO_PORT: Final = 24
"""Linux: pick the local port at connect, when the four-tuple is known; else a source address has 28k ports in all."""
HASTE_NS: Final = 20 * NS_PER_MS
"""An idle pace saves up no more than this: a burst of connects would wait for our own handshakes."""
MOST_PER_TURN: Final = 64
UNDER_WAY: Final = (SessionPhase.CONNECTING, SessionPhase.GREETING, SessionPhase.SUBSCRIBING)


class Connector:
    """Brings clients to the broker and back to it. Owns the sockets. `setups` has the way in of each client."""

    def __init__(self, plan: Plan, setups: Sequence[ConnectionSetup], context: EngineContext) -> None:
        attack = plan.warhead.attack
        share = plan.share
        self._setups = setups
        self._attempts = Attempts(setups, context.addresses)
        self._negotiations: dict[int, Negotiation] = {}
        self._columns = context.columns
        self._poller = context.poller
        self._outbox = context.outbox
        self._meter = context.meter
        self._counts = context.meter.counts
        self._clock = context.clock
        self._make_socket = context.make_socket
        self._milestones = context.milestones
        self._timeout_ns = attack.connect_timeout_ns
        self._backoff_ns = attack.reconnect_ns
        rate = attack.connect_rate * (share.last - share.first) / share.of
        self._gap_ns = int(NS_PER_S / rate) if rate else 0
        self._bound = max(1, attack.connects_in_progress * (share.last - share.first) // share.of)
        self._waiting: deque[int] = deque()
        self._later: list[tuple[int, int, int]] = []
        self._ticket = count()
        self._next_open_ns = 0
        self._in_progress = 0
        self._by_fd: dict[int, int] = {}
        self._stopped = False
        self.turn_began_ns = 0  # of the engine: what came since then has waited for us
        self.idle = True  # no client is to be connected, now or later
        self.conversation: Conversation
        self.receiver: Receiver

    # --- asking ----------------------------------------------------------------------------------------------------

    def enqueue(self, client: int) -> None:
        """Connects the client as soon as the pace allows."""
        self._waiting.append(client)
        self.idle = self._stopped

    def enqueue_at(self, client: int, at_ns: int) -> None:
        """Connects the client then, at the earliest."""
        heappush(self._later, (at_ns, next(self._ticket), client))
        self.idle = self._stopped

    def bring_in(self, part: GroupPlan, start_ns: int) -> None:
        """Connects the members of a group or surge from then on, over its ramp."""
        steps = (part.members - part.first_index) * part.ramp_ns // part.clients
        times = (steps + start_ns).tolist()
        self._later += zip(times, self._ticket, range(part.first_row, part.first_row + part.count), strict=False)
        heapify(self._later)  # all at once: pushed one by one, ten thousand would hold up the load for 10 ms
        self.idle = self._stopped

    def forget_newcomers(self) -> None:
        """Drop the planned connects of clients that have never been connected."""
        phase = self._columns.phase
        self._later = [entry for entry in self._later if phase[entry[2]] != SessionPhase.IDLE]
        heapify(self._later)
        self._waiting = deque(client for client in self._waiting if phase[client] != SessionPhase.IDLE)
        self.idle = self._stopped or not (self._waiting or self._later)

    def stop(self) -> None:
        """Begin no further connect."""
        self._stopped = self.idle = True

    @property
    def clients_by_fd(self) -> Mapping[int, int]:
        """The client of each descriptor; always the same object."""
        return self._by_fd

    def next_ns(self, horizon_ns: int) -> int:
        """Return when `run` has something to do next, the horizon at most."""
        if self.idle or self._in_progress >= self._bound:
            return horizon_ns
        if self._waiting:
            return min(horizon_ns, self._next_open_ns)
        return min(horizon_ns, max(self._later[0][0], self._next_open_ns))

    # --- doing -----------------------------------------------------------------------------------------------------

    def run(self, now_ns: int) -> None:
        """Opens what may be opened now."""
        if self._stopped:
            return
        self._open_waiting(now_ns)
        self.idle = not (self._waiting or self._later)

    def _open_waiting(self, now_ns: int) -> None:
        while self._later and self._later[0][0] <= now_ns:
            self._waiting.append(heappop(self._later)[2])
        if self._gap_ns and now_ns - self._next_open_ns > HASTE_NS:
            self._next_open_ns = now_ns - HASTE_NS
        for _ in range(MOST_PER_TURN):
            if not self._waiting or self._in_progress >= self._bound or now_ns < self._next_open_ns:
                return
            client = self._waiting.popleft()
            if self._columns.phase[client] != SessionPhase.CLOSED:  # not one that has left while it waited
                self._next_open_ns += self._gap_ns
                self._open(client, now_ns)

    def check_deadlines(self, now_ns: int) -> None:
        """Ends what waits too long for an answer."""
        deadline = self._columns.deadline_ns
        for client in ((deadline != 0) & (deadline <= now_ns)).nonzero()[0].tolist():
            if self._columns.phase[client] == SessionPhase.READY:
                self._counts.ping_timeouts += 1
                self.lost(client, "ping timeout: the broker did not answer a PINGREQ")
            else:
                self._counts.connect_timeouts += 1
                self._end_late(client, now_ns)

    def writable(self, client: int, now_ns: int) -> None:
        """Go on with a connection under way: the TCP connect came to an end, or a negotiation may write."""
        if client in self._negotiations:
            self._negotiate(client)
            return
        sock = self._columns.sockets[client]
        assert sock is not None
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self._try_next(client, connect_error(error), now_ns)
            return
        self._end_stage(client, Stage.TCP)
        if self._setups[client].plain:
            self._talk(client, sock, now_ns)
        elif self._begin_negotiation(client, sock):
            self._columns.receives[client] = partial(self._hear_negotiation, client)
            self._negotiate(client)

    def settled(self, client: int) -> None:
        """Free the place of a client among the connects in progress: it is READY."""
        self._in_progress -= 1
        self._attempts.end(client)

    def lost(self, client: int, reason: str) -> None:
        """Close a connection or an attempt that has ended, and plan the next attempt. `reason` is for the operator."""
        phase = self._columns.phase[client]
        if phase == SessionPhase.CLOSED:
            self._close(client)  # it had sent DISCONNECT, and this is the broker's answer
        if phase not in (*UNDER_WAY, SessionPhase.READY):
            return
        if phase == SessionPhase.READY:
            self._counts.dropped += 1
            self._meter.trouble(f"{CONNECTION_LOST}{reason}")
        else:
            self._in_progress -= 1
            if phase == SessionPhase.GREETING:
                reason = self._setups[client].cause_in_greeting(reason)
            self._meter.failed(client, self._attempts.named(client, reason))
            self._attempts.end(client)
        self._close(client)
        self._plan_again(client)

    def dismiss(self, client: int, now_ns: int) -> None:
        """Let a client leave for good: send DISCONNECT if it has a session, and plan no further connect.

        The socket stays until the broker closes it (`lost`) or `hang_up`: closed at once, with bytes of the broker
        unread, it would answer with a reset, and the broker might not read our last bytes.
        """
        phase = self._columns.phase[client]
        self._in_progress -= phase in UNDER_WAY
        self._attempts.end(client)
        self.conversation.part(client, now_ns)
        self._columns.phase[client] = SessionPhase.CLOSED
        self._columns.deadline_at[client] = 0
        self._columns.gate[client] |= OFFLINE
        if phase not in (SessionPhase.SUBSCRIBING, SessionPhase.READY):
            self._close(client)

    def hang_up(self, client: int) -> None:
        """Closes the connection of a client that was dismissed."""
        self._close(client)

    def cut(self, client: int) -> None:
        """Break the connection of a client that is READY, without DISCONNECT, and plan its next attempt."""
        if self._columns.phase[client] == SessionPhase.READY:
            self._counts.cut += 1
            self._close(client)
            self._plan_again(client)

    def close_all(self, now_ns: int) -> None:
        """Send DISCONNECT for every client and close its connection."""
        for client in list(self._by_fd.values()):
            self.conversation.part(client, now_ns)
            self._close(client)
            self._columns.phase[client] = SessionPhase.CLOSED

    @property
    def open_sockets(self) -> int:
        return len(self._by_fd)

    # --- TLS and WebSocket -----------------------------------------------------------------------------------------

    def _begin_negotiation(self, client: int, sock: socket.socket) -> bool:
        fd = sock.fileno()
        try:
            negotiation = self._setups[client].begin(client, sock)
        except OSError as failure:
            if sock.fileno() < 0:  # taken over and closed already
                del self._by_fd[fd]
                self._columns.sockets[client] = None
            self.lost(client, failure_of(failure))
            return False
        self._columns.sockets[client] = negotiation.sock
        self._negotiations[client] = negotiation
        return True

    def _negotiate(self, client: int) -> None:
        """Takes a negotiation as far as it goes. What it costs us is no slowness of the broker, and is kept apart."""
        negotiation = self._negotiations[client]
        began_ns = thread_time_ns()
        try:
            wants = negotiation.advance()
        except OSError as failure:
            self.lost(client, failure_of(failure))
            return
        finally:
            self._counts.negotiation_cpu_ns += thread_time_ns() - began_ns
            self._columns.own_at[client] += self._clock() - self.turn_began_ns
        if wants:
            self._poller.modify(negotiation.sock.fileno(), wants)
            return
        self._finish_stage(client, negotiation)

    def _finish_stage(self, client: int, done: Negotiation) -> None:
        self._end_stage(client, done.stage)
        following = self._setups[client].next(client, done)
        if following is not None:
            self._negotiations[client] = following
            self._negotiate(client)
            return
        del self._negotiations[client]
        self._counts.resumed += done.resumed
        self._meter.own_negotiation.append(self._columns.own_at[client])
        self._talk(client, done.stream, self._clock())

    def _hear_negotiation(self, client: int, _: memoryview) -> int:
        """Stands in for a client's `receive` until its negotiation is over."""
        self._negotiate(client)
        raise BlockingIOError

    def _talk(self, client: int, stream: Lower, now_ns: int) -> None:
        """Begin MQTT on a transport that is ready."""
        self._columns.sends[client] = stream.send
        self._columns.receives[client] = stream.recv_into
        if self._setups[client].answers_in_bursts:
            ended = partial(self._outbox.close_later, client)
            self._columns.receives[client] = RecordReader(stream.recv_into, ended).recv_into
        self._poller.modify(stream.fileno(), READ)
        self.conversation.greet(client, now_ns)

    def _end_stage(self, client: int, stage: Stage) -> None:
        columns, now_ns = self._columns, self._clock()
        self._meter.stages[stage].append(now_ns - columns.stage_at[client])
        columns.stage_at[client] = now_ns
        columns.deadline_at[client] = now_ns + self._timeout_ns

    def _end_late(self, client: int, now_ns: int) -> None:
        """End a step of a connect that took too long; a TCP connect goes on with the next endpoint."""
        negotiation = self._negotiations.get(client)
        phase = SessionPhase(self._columns.phase[client])
        if negotiation is not None:
            self.lost(client, STAGE_TIMEOUTS[negotiation.stage][0])
        elif phase is SessionPhase.CONNECTING:
            self._try_next(client, TIMEOUTS[phase][0], now_ns)
        else:
            self.lost(client, TIMEOUTS[phase][0])

    # --- parts -----------------------------------------------------------------------------------------------------

    def _open(self, client: int, now_ns: int) -> None:
        """Begin an attempt to connect."""
        self._attempts.begin(client)
        self._in_progress += 1
        columns = self._columns
        columns.phase[client] = SessionPhase.CONNECTING
        columns.own_at[client] = 0
        columns.opened_at[client] = began_ns = self._clock()
        self._milestones.connect_began(began_ns)
        self._dial(client, now_ns)

    def _dial(self, client: int, now_ns: int) -> None:
        """Start the TCP connect to the present endpoint of the attempt."""
        columns = self._columns
        family, address = self._attempts.endpoint(client)
        try:
            sock = self._make_socket(family)
        except OSError as error:
            self._not_dialled(client, error.errno or errno.EIO, now_ns)
            return
        columns.stage_at[client] = self._clock()
        columns.deadline_at[client] = now_ns + self._timeout_ns
        columns.sockets[client] = sock
        self._by_fd[sock.fileno()] = client
        self._poller.register(sock.fileno(), WRITE)
        source = self._setups[client].source_of(client)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if source:
                sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
                sock.bind(socket_address(source, 0))
            code = sock.connect_ex(socket_address(*address))
        except OSError as failure:
            code = failure.errno or errno.EIO
        if code not in (0, errno.EINPROGRESS):
            self._not_dialled(client, code, now_ns)

    def _not_dialled(self, client: int, code: int, now_ns: int) -> None:
        """Handle a connect that the kernel refused to start. Where descriptors are short, no endpoint can help."""
        if code in (errno.EMFILE, errno.ENFILE):
            self._attempts.end(client)
            self.lost(client, connect_error(code))
        else:
            self._try_next(client, connect_error(code), now_ns)

    def _try_next(self, client: int, reason: str, now_ns: int) -> None:
        """Go on with the next endpoint of the attempt at once; without one the attempt has failed."""
        failed = self._attempts.named(client, reason)
        if self._stopped or not self._attempts.advance(client):
            self.lost(client, reason)
            return
        self._meter.trouble(f"{failed}, so {self._attempts.named(client, 'the next address was tried')}")
        self._close(client)
        self._dial(client, now_ns)

    def _close(self, client: int) -> None:
        """Close the connection of a client, and drop what belonged to it. The client keeps its held messages."""
        columns = self._columns
        sock = columns.sockets[client]
        if sock is not None:
            self._setups[client].keep_session(client, sock)
            del self._by_fd[sock.fileno()]
            sock.close()  # epoll forgets a closed descriptor by itself
        columns.sockets[client] = None
        self._negotiations.pop(client, None)
        columns.sends[client], columns.receives[client] = unreachable_send, unreachable_receive
        columns.deadline_at[client] = 0
        self._outbox.forget(client)
        self.receiver.forget(client)
        columns.gate[client] = columns.gate[client] & (HELD | SILENT) | OFFLINE

    def _plan_again(self, client: int) -> None:
        columns = self._columns
        if self._stopped or self._backoff_ns is None:
            columns.phase[client] = SessionPhase.CLOSED
            return
        self._attempts.renew(client)
        first_ns, most_ns = self._backoff_ns
        columns.phase[client] = SessionPhase.WAITING
        wait_ns = min(most_ns, first_ns << min(columns.attempts[client], 40))
        columns.attempts[client] = min(columns.attempts[client] + 1, 255)
        self.enqueue_at(client, self._clock() + wait_ns)
