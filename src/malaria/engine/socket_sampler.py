"""Look at a few connections of a worker once a second: where bytes wait between us and the broker.

Three kinds of waiting look alike in latency and differ in the kernel: bytes that the broker does not read (our send
queue is long, its window is shut), bytes that we do not read (our receive queue is long), and bytes that the network
lost (segments are sent again). Costs about 5 us per connection and second, and nothing per message.
"""

from __future__ import annotations

import fcntl
import socket
import struct
import sys
import termios
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from malaria.engine.columns import Columns
from malaria.mqtt.session import SessionPhase
from malaria.plan.clients import Plan
from malaria.records.rows import Gauge

MOST_PER_GROUP: Final = 4
MOST: Final = 16
"""Connections looked at in one second."""
INFO_BYTES: Final = 192
"""Of TCP_INFO, up to sndbuf_limited: Linux 4.10 and later have all of it."""
PROBES_AT: Final = 3
TOTAL_RETRANS_AT: Final = 100
RWND_LIMITED_AT: Final = 176
SHUT_US: Final = 100_000
"""A window that held bytes back for so many microseconds of a second counts as shut."""


@dataclass(frozen=True, slots=True)
class SocketState:
    """One connection as the kernel has it. The last two count since it was opened."""

    unsent_bytes: int
    unread_bytes: int
    probes: int  # unanswered probes of a window that is shut
    retransmits: int
    shut_us: int


class SocketSampler:
    """Reads the state of a few READY connections: at most MOST_PER_GROUP of each part of the plan."""

    def __init__(self, plan: Plan, columns: Columns) -> None:
        self._parts = [(part.first_row, part.first_row + part.count) for part in plan.parts]
        self._columns = columns
        self._before: dict[socket.socket, SocketState] = {}

    def gauges(self) -> Mapping[Gauge, int]:
        """Return the sums over the connections that were looked at; nothing where none can be."""
        states = {sock: state for sock in self._chosen() if (state := read_state(sock)) is not None}
        before, self._before = self._before, states
        if not states:
            return {}
        # a connection that was not looked at before has no growth that belongs to this second
        pairs = [(state, before.get(sock, state)) for sock, state in states.items()]
        return {
            Gauge.SOCKETS_SAMPLED: len(states),
            Gauge.SOCKET_UNSENT_BYTES: sum(now.unsent_bytes for now, _ in pairs),
            Gauge.SOCKET_UNREAD_BYTES: sum(now.unread_bytes for now, _ in pairs),
            Gauge.SOCKETS_SHUT: sum(now.probes > 0 or now.shut_us - was.shut_us > SHUT_US for now, was in pairs),
            Gauge.SOCKET_RETRANSMITS: sum(now.retransmits - was.retransmits for now, was in pairs),
        }

    def _chosen(self) -> list[socket.socket]:
        """Return the first READY connections of each part: the same ones every second, as long as they last."""
        phase, sockets = self._columns.phase, self._columns.sockets
        chosen: list[socket.socket] = []
        for first, end in self._parts:
            found = 0
            for client in range(first, min(end, first + 4 * MOST_PER_GROUP)):
                sock = sockets[client]
                # a simulated connection has no kernel behind it
                if phase[client] == SessionPhase.READY and type(sock) is socket.socket:
                    chosen.append(sock)
                    found += 1
                if found == MOST_PER_GROUP or len(chosen) == MOST:
                    break
        return chosen[:MOST]


def read_state(sock: socket.socket) -> SocketState | None:
    """Return the state of a TCP connection; None where the kernel does not tell."""
    if sys.platform != "linux":
        return None
    try:
        unsent, unread = (_queued(sock, request) for request in (termios.TIOCOUTQ, termios.FIONREAD))
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, INFO_BYTES)
    except (OSError, ValueError):  # it was closed a moment ago, and has no descriptor
        return None
    if len(info) < INFO_BYTES:
        return None
    retransmits = int(struct.unpack_from("I", info, TOTAL_RETRANS_AT)[0])
    shut_us = int(struct.unpack_from("Q", info, RWND_LIMITED_AT)[0])
    return SocketState(unsent, unread, info[PROBES_AT], retransmits, shut_us)


def _queued(sock: socket.socket, request: int) -> int:
    return int(struct.unpack("i", fcntl.ioctl(sock.fileno(), request, b"\0\0\0\0"))[0])
