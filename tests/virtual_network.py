"""Time, readiness and TCP without a kernel: what the simulation runs workers and a broker on.

Time moves from one event to the next and costs nothing; events of one instant happen in the order in which they were
planned. A socket behaves like a non-blocking one of Linux as far as the engine can see: connects take a round trip,
sends are taken in part or not at all when the buffer is full, reads give what is there, ends and resets turn up as
readiness. Descriptors are reused, lowest first, as a kernel does it.
"""

from __future__ import annotations

import errno
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from random import Random
from typing import Final, Protocol

from stub_broker import NEVER_NS, Output

NS_PER_S: Final = 1_000_000_000
START_NS: Final = 1_000 * NS_PER_S
FIRST_FD: Final = 10
READ, WRITE, ERROR, HANG_UP = 1, 4, 8, 16  # the values of EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP
MOST_AT_ONCE: Final = 1_000_000
"""Events of one instant: more than this is a loop that never lets time go on."""


class VirtualTime:
    """A clock that jumps from one planned action to the next."""

    def __init__(self) -> None:
        self.now_ns = START_NS
        self._planned: list[tuple[int, int, Callable[[], None]]] = []
        self._entries = 0
        self._at_once = 0

    def at(self, due_ns: int, action: Callable[[], None]) -> None:
        """Plan an action; one of the past happens now."""
        self._entries += 1
        heappush(self._planned, (max(due_ns, self.now_ns), self._entries, action))

    def run_until(self, end_ns: int, enough: Callable[[], bool]) -> None:
        """Let time pass up to `end_ns`, or until `enough` at the end of an instant."""
        planned = self._planned
        while planned and planned[0][0] <= end_ns:
            if planned[0][0] > self.now_ns:
                if enough():
                    return
                self.now_ns, self._at_once = planned[0][0], 0
            self._at_once += 1
            if self._at_once > MOST_AT_ONCE:
                raise RuntimeError(f"time stands still at {self.now_ns - START_NS} ns after the start")
            heappop(planned)[2]()
        if not enough():
            self.now_ns = max(self.now_ns, end_ns)


class Pollable(Protocol):
    """Something with a descriptor."""

    def readiness(self) -> int:
        """Return what can be done now, as flags of epoll."""
        ...


class VirtualPoller:
    """Level-triggered readiness of a worker's descriptors. `wait` returns at once: the simulation does the waiting."""

    timer = -1

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._masks: dict[int, int] = {}
        self._files: dict[int, Pollable] = {}
        self._free: list[int] = []
        self._next_fd = FIRST_FD
        self._touched: dict[int, None] = {}  # those that may be ready, in the order in which that began

    def open(self, file: Pollable) -> int:
        """Give a descriptor to a file: the lowest that is free."""
        if self._free:
            fd = heappop(self._free)
        else:
            fd, self._next_fd = self._next_fd, self._next_fd + 1
        self._files[fd] = file
        return fd

    def close_fd(self, fd: int) -> None:
        """Forget a closed descriptor, as epoll does by itself."""
        del self._files[fd]
        self._masks.pop(fd, None)
        self._touched.pop(fd, None)
        heappush(self._free, fd)

    def register(self, fd: int, eventmask: int) -> None:
        self._masks[fd] = eventmask
        self.touch(fd)

    def modify(self, fd: int, eventmask: int) -> None:
        if fd not in self._masks:
            raise FileNotFoundError(errno.ENOENT, "not registered")
        self.register(fd, eventmask)

    def unregister(self, fd: int) -> None:
        del self._masks[fd]

    def touch(self, fd: int) -> None:
        """Look at a descriptor again: its file or its mask has changed."""
        if self._ready(fd):
            self._touched[fd] = None
            self._wake()

    def wait(self, _: int, maxevents: int) -> list[tuple[int, int]]:
        events: list[tuple[int, int]] = []
        for fd in list(self._touched):
            flags = self._ready(fd)
            if not flags:
                del self._touched[fd]
            elif len(events) < maxevents:
                events.append((fd, flags))
        return events

    @property
    def anything_ready(self) -> bool:
        return any(self._ready(fd) for fd in self._touched)

    def close(self) -> None: ...

    def _ready(self, fd: int) -> int:
        mask = self._masks.get(fd)
        return 0 if mask is None else self._files[fd].readiness() & (mask | ERROR | HANG_UP)


@dataclass(frozen=True, slots=True)
class Link:
    """The way between every client and the broker.

    `jitter_ns` is added to the latency, uniformly between 0 and itself. `fragments` splits what is sent in both
    directions at random places. With `accepts_per_s` the broker accepts connections at that pace; past `backlog` of
    them a SYN is dropped and repeated after 1, 3, 7 … seconds, as Linux does.
    """

    latency_ns: int = 0
    jitter_ns: int = 0
    fragments: bool = False
    send_buffer: int = 256 * 1024
    accepts_per_s: float = 0.0
    backlog: int = 100
    seed: int = 1


@dataclass(slots=True)
class _Direction:
    """One half of a connection: what is sent later arrives later."""

    last_ns: int = 0


class VirtualSocket:
    """A client's TCP socket, with the calls that the engine makes."""

    def __init__(self, network: VirtualNetwork, poller: VirtualPoller) -> None:
        self.network = network
        self.poller = poller
        self.fd = poller.open(self)
        self.number: int | None = None  # of the broker's end
        self.connected = False
        self.error = 0
        self.ended = False  # the broker has closed, and that has arrived
        self.closed = False
        self.incoming: deque[bytes] = deque()
        self.underway = 0  # bytes sent that the broker has not read
        self.unread = bytearray()  # ... those of them that have arrived at the broker
        self.finished = False  # the end of ours has arrived at the broker
        self.accepted_ns = 0
        self.up, self.down = _Direction(), _Direction()

    def fileno(self) -> int:
        return -1 if self.closed else self.fd

    def setsockopt(self, *_: object) -> None: ...

    def bind(self, _: object) -> None: ...

    def connect_ex(self, _: object) -> int:
        self.network.connect(self)
        return errno.EINPROGRESS

    def getsockopt(self, *_: object) -> int:
        error, self.error = self.error, 0
        return error

    def send(self, data: bytes | bytearray | memoryview) -> int:
        self._raise_error()
        if not self.connected:
            raise BlockingIOError(errno.EAGAIN, "not connected yet")
        room = self.network.link.send_buffer - self.underway
        if room <= 0:
            raise BlockingIOError(errno.EAGAIN, "the buffer is full")
        taken = self.network.part_of(min(room, len(data)))
        self.network.carry_up(self, bytes(data[:taken]))
        return taken

    def recv_into(self, view: memoryview) -> int:
        if self.incoming:
            return self._read(view)
        self._raise_error()
        if self.ended:
            return 0
        raise BlockingIOError(errno.EAGAIN, "nothing there")

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.poller.close_fd(self.fd)
            self.network.hang_up(self)

    def readiness(self) -> int:
        flags = READ if self.incoming or self.ended or self.error else 0
        if self.error:
            return flags | WRITE | ERROR | HANG_UP
        if self.connected and self.underway < self.network.link.send_buffer:
            flags |= WRITE
        return flags

    def changed(self) -> None:
        """Let the poller know that the readiness may have changed."""
        if not self.closed:
            self.poller.touch(self.fd)

    def _raise_error(self) -> None:
        if self.error:
            error, self.error, self.ended = self.error, 0, True
            raise OSError(error, "the connection broke")

    def _read(self, view: memoryview) -> int:
        """Give several pieces at once, as a kernel does that had the time to gather them."""
        count = 0
        while self.incoming and count < len(view):
            piece = self.incoming.popleft()
            room = len(view) - count
            if len(piece) > room:
                self.incoming.appendleft(piece[room:])
                piece = piece[:room]
            view[count : count + len(piece)] = piece
            count += len(piece)
        return count


class Broker(Protocol):
    """The calls of `StubBroker`."""

    def opened(self) -> int: ...
    def handle(self, connection: int, data: bytes, now_ns: int) -> list[Output]: ...
    def closed(self, connection: int) -> None: ...
    def tick(self, now_ns: int) -> list[Output]: ...
    @property
    def next_ns(self) -> int: ...
    def awake_ns(self, now_ns: int) -> int: ...
    def reads(self, connection: int) -> bool: ...


@dataclass(slots=True)
class DirectClient:
    """A client beside the engine's, without a network between it and the broker. `hear` gets what the broker sends."""

    network: VirtualNetwork
    number: int
    hear: Callable[[bytes], None] = field(repr=False)

    def say(self, data: bytes) -> None:
        network = self.network
        network.time.at(network.time.now_ns, lambda: network.give(self.number, data))


class VirtualNetwork:
    """Carries bytes between sockets and the broker, and gives the broker its time."""

    def __init__(self, time: VirtualTime, broker: Broker, link: Link) -> None:
        self.time = time
        self.broker = broker
        self.link = link
        self.refuses = False  # nothing listens
        self.silent = False  # SYNs go nowhere
        self._random = Random(link.seed)
        self._sockets: dict[int, VirtualSocket] = {}
        self._direct: dict[int, DirectClient] = {}
        self._waking_ns = NEVER_NS  # when the broker is to be woken
        self._accepting: deque[int] = deque()  # times at which connections in the backlog are accepted

    # --- clients ---------------------------------------------------------------------------------------------------

    def make_socket(self, poller: VirtualPoller) -> socket.socket:
        return VirtualSocket(self, poller)  # type: ignore[return-value]  # as far as the engine can see

    def direct_client(self, hear: Callable[[bytes], None] = lambda _: None) -> DirectClient:
        client = DirectClient(self, self.broker.opened(), hear)
        self._direct[client.number] = client
        return client

    def connect(self, sock: VirtualSocket, attempt: int = 0) -> None:
        self._later(sock.up, lambda: self._arrive(sock, attempt))

    def carry_up(self, sock: VirtualSocket, data: bytes) -> None:
        sock.underway += len(data)
        if sock.number not in self._sockets:  # the broker has closed: its kernel answers with a reset
            self._later(sock.up, lambda: self._reset(sock))
        else:
            self._later(sock.up, lambda: self._reach_broker(sock, data))

    def hang_up(self, sock: VirtualSocket) -> None:
        self._later(sock.up, lambda: self._end_of(sock))

    def part_of(self, most: int) -> int:
        """Return how much of a send is taken."""
        return self._random.randint(1, most) if self.link.fragments else most

    # --- the broker ------------------------------------------------------------------------------------------------

    def crash(self) -> None:
        """Break every connection and refuse new ones, as a broker that was killed."""
        self.refuses = True
        for number, sock in list(self._sockets.items()):
            self.broker.closed(number)
            del self._sockets[number]
            self._later(sock.down, lambda sock=sock: self._reset(sock))  # type: ignore[misc]

    def restore(self) -> None:
        """Listen again."""
        self.refuses = False

    def give(self, number: int, data: bytes) -> None:
        """Hand bytes to the broker, and send what it answers."""
        now_ns = self.time.now_ns
        awake_ns = self.broker.awake_ns(now_ns)
        if awake_ns > now_ns:
            self.time.at(awake_ns, lambda: self.give(number, data))
            return
        self._send(self.broker.handle(number, data, now_ns))

    # --- parts -----------------------------------------------------------------------------------------------------

    def _later(self, direction: _Direction, action: Callable[[], None]) -> None:
        latency_ns = self.link.latency_ns
        if self.link.jitter_ns:
            latency_ns += self._random.randrange(self.link.jitter_ns + 1)
        direction.last_ns = max(direction.last_ns, self.time.now_ns + latency_ns)
        self.time.at(direction.last_ns, action)

    def _arrive(self, sock: VirtualSocket, attempt: int) -> None:
        """A SYN reaches the broker's kernel."""
        now_ns = self.time.now_ns
        if sock.closed or self.silent:
            return
        if self.refuses:
            self._later(sock.down, lambda: self._reset(sock, errno.ECONNREFUSED))
            return
        while self._accepting and self._accepting[0] <= now_ns:
            self._accepting.popleft()
        if self.link.accepts_per_s:
            if len(self._accepting) > self.link.backlog:
                self.time.at(now_ns + (NS_PER_S << attempt), lambda: self._arrive(sock, attempt + 1))
                return
            before_ns = self._accepting[-1] if self._accepting else now_ns
            sock.accepted_ns = before_ns + round(NS_PER_S / self.link.accepts_per_s)
            self._accepting.append(sock.accepted_ns)
        sock.number = self.broker.opened()
        self._sockets[sock.number] = sock
        self._later(sock.down, lambda: self._establish(sock))

    @staticmethod
    def _establish(sock: VirtualSocket) -> None:
        sock.connected = True
        sock.changed()

    @staticmethod
    def _reset(sock: VirtualSocket, error: int = errno.ECONNRESET) -> None:
        if not sock.closed:
            sock.error = error
            sock.changed()

    def _reach_broker(self, sock: VirtualSocket, data: bytes) -> None:
        sock.unread += data
        self._read(sock)

    def _end_of(self, sock: VirtualSocket) -> None:
        sock.finished = True
        self._read(sock)

    def _read(self, sock: VirtualSocket) -> None:
        """Let the broker read from a connection, as soon as it does."""
        number, now_ns = sock.number, self.time.now_ns
        if number is None or number not in self._sockets:
            return
        ready_ns = max(self.broker.awake_ns(now_ns), sock.accepted_ns)
        if ready_ns > now_ns:
            self.time.at(ready_ns, lambda: self._read(sock))
            return
        if sock.unread and self.broker.reads(number):
            data, sock.unread = bytes(sock.unread), bytearray()
            sock.underway -= len(data)
            sock.changed()
            self._send(self.broker.handle(number, data, now_ns))
        if sock.finished and number in self._sockets:
            del self._sockets[number]
            self.broker.closed(number)
        self._plan_tick()

    def _tick(self) -> None:
        now_ns = self.time.now_ns
        if now_ns < self._waking_ns:
            return  # another one has done it
        self._waking_ns = NEVER_NS
        if self.broker.awake_ns(now_ns) <= now_ns:
            self._send(self.broker.tick(now_ns))
        self._plan_tick()

    def _plan_tick(self) -> None:
        due_ns = self.broker.next_ns
        if due_ns != NEVER_NS:
            due_ns = self.broker.awake_ns(max(due_ns, self.time.now_ns))
            if due_ns < self._waking_ns:
                self._waking_ns = due_ns
                self.time.at(due_ns, self._tick)

    def _send(self, outputs: list[Output]) -> None:
        for number, data in outputs:
            direct = self._direct.get(number)
            if direct is not None:
                if data is not None:
                    direct.hear(data)
                continue
            sock = self._sockets.get(number)
            if sock is None:
                continue
            if data is None:
                del self._sockets[number]
                self._later(sock.down, lambda sock=sock: self._end(sock))  # type: ignore[misc]
            else:
                self._carry_down(sock, data)
        self._plan_tick()

    def _carry_down(self, sock: VirtualSocket, data: bytes) -> None:
        while data:
            taken = self.part_of(len(data))
            piece, data = data[:taken], data[taken:]
            self._later(sock.down, lambda piece=piece: self._reach_client(sock, piece))  # type: ignore[misc]

    @staticmethod
    def _reach_client(sock: VirtualSocket, data: bytes) -> None:
        if not sock.closed:
            sock.incoming.append(data)
            sock.changed()

    @staticmethod
    def _end(sock: VirtualSocket) -> None:
        sock.ended = True
        sock.changed()
