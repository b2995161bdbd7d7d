"""The stub broker on loopback, for the few tests that need a real socket. Its clock is a timerfd, exact to some 0.1 ms.

with StubServer(Behaviour(ack_delay_ns=5_000_000)) as stub:
    attack(stub.port)
    assert stub.counts.publishes == 1000
"""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from stub_broker import NEVER_NS, Behaviour, Counts, Output, Seen, StubBroker

READ_BYTES: Final = 65536


@dataclass(slots=True, eq=False)
class Peer:
    """One socket and the number of its connection."""

    sock: socket.socket
    number: int
    outgoing: bytearray = field(default_factory=bytearray)
    watched: int = select.EPOLLIN


class StubServer:
    """Serves a `StubBroker` from a thread; the block of `with` is its life. Its results may be read at any time."""

    def __init__(self, behaviour: Behaviour | None = None, host: str = "127.0.0.1", port: int = 0) -> None:
        self.broker = StubBroker(behaviour)
        self._listener = socket.create_server((host, port), backlog=4096)
        if self.broker.behaviour.never_read:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._listener.setblocking(False)
        self.host, self.port = self._listener.getsockname()[:2]
        self._timer = os.timerfd_create(time.CLOCK_MONOTONIC, flags=os.TFD_NONBLOCK | os.TFD_CLOEXEC)
        self._wake_reader, self._wake_writer = os.pipe()
        self._epoll = select.epoll()
        for number in (self._listener.fileno(), self._timer, self._wake_reader):
            self._epoll.register(number, select.EPOLLIN)
        self._by_fd: dict[int, Peer] = {}
        self._by_number: dict[int, Peer] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stub-broker", daemon=True)

    @property
    def counts(self) -> Counts:
        return self.broker.counts

    @property
    def seen(self) -> list[Seen]:
        return self.broker.seen

    @property
    def faults(self) -> list[str]:
        return self.broker.faults

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Close every connection and end. May be called twice."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        os.write(self._wake_writer, b"x")
        self._thread.join(10)
        for peer in list(self._by_fd.values()):
            self._close(peer)
        self._listener.close()
        self._epoll.close()
        for number in (self._timer, self._wake_reader, self._wake_writer):
            os.close(number)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._sit_out_freezes()
            self._write(self.broker.tick(time.monotonic_ns()))
            due_ns = self.broker.next_ns
            os.timerfd_settime_ns(
                self._timer, flags=os.TFD_TIMER_ABSTIME, initial=0 if due_ns == NEVER_NS else max(1, due_ns)
            )
            for number, flags in self._epoll.poll():
                now_ns = time.monotonic_ns()
                if self.broker.awake_ns(now_ns) > now_ns:
                    break
                self._serve(number, flags)

    def _sit_out_freezes(self) -> None:
        while (until_ns := self.broker.awake_ns(now_ns := time.monotonic_ns())) > now_ns:
            if self._stopping.wait((until_ns - now_ns) / 1e9):
                return

    def _serve(self, number: int, flags: int) -> None:
        if number == self._listener.fileno():
            self._accept()
        elif number == self._timer:
            os.read(self._timer, 8)
        elif (peer := self._by_fd.get(number)) is not None:
            if flags & select.EPOLLOUT:
                self._flush(peer)
            if flags & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR) and peer.number in self._by_number:
                self._read(peer)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except BlockingIOError:
                return
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer = Peer(sock, self.broker.opened())
            self._by_fd[sock.fileno()] = self._by_number[peer.number] = peer
            self._epoll.register(sock.fileno(), select.EPOLLIN)

    def _read(self, peer: Peer) -> None:
        try:
            data = peer.sock.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.broker.closed(peer.number)
            self._close(peer)
            return
        self._write(self.broker.handle(peer.number, data, time.monotonic_ns()))
        if peer.number in self._by_number:
            self._watch(peer)

    def _write(self, outputs: list[Output]) -> None:
        for number, data in outputs:
            peer = self._by_number.get(number)
            if peer is None:
                continue
            if data is None:
                self._close(peer)
            else:
                peer.outgoing += data
                self._flush(peer)

    def _flush(self, peer: Peer) -> None:
        while peer.outgoing:
            try:
                sent = peer.sock.send(peer.outgoing)
            except BlockingIOError:
                break
            except OSError:
                self.broker.closed(peer.number)
                self._close(peer)
                return
            del peer.outgoing[:sent]
        self._watch(peer)

    def _watch(self, peer: Peer) -> None:
        reads = self.broker.reads(peer.number)
        wanted = (select.EPOLLIN if reads else 0) | (select.EPOLLOUT if peer.outgoing else 0)
        if wanted != peer.watched:
            peer.watched = wanted
            self._epoll.modify(peer.sock.fileno(), wanted)

    def _close(self, peer: Peer) -> None:
        del self._by_fd[peer.sock.fileno()]
        del self._by_number[peer.number]
        self._epoll.unregister(peer.sock.fileno())
        peer.sock.close()
