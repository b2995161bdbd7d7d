"""Hold what an engine runs on: clock, readiness, sockets, names. A worker has the kernel's, a test simulated ones.

Everything that an engine learns of the world comes through these fields, so that the same code runs in virtual time.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from malaria.clock import Clock, now_ns
from malaria.engine.address_book import RunAside, run_in_thread
from malaria.transport.poller import EpollPoller, Poller
from malaria.transport.resolver import LookUp, system_look_up

SOCKET_TYPE: Final = socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC

type MakeSocket = Callable[[int], socket.socket]
"""Returns a new non-blocking TCP socket of an address family. Raises OSError when there are no descriptors left."""


def tcp_socket(family: int) -> socket.socket:
    """Return a new non-blocking TCP socket of the kernel."""
    return socket.socket(family, SOCKET_TYPE)


@dataclass(frozen=True, slots=True)
class Platform:
    """The surroundings of one engine. The engine binds each of them once, so injection costs nothing per message."""

    clock: Clock = now_ns
    cpu_clock: Clock = time.process_time_ns  # processor time of this worker
    poller: Poller = field(default_factory=EpollPoller)
    make_socket: MakeSocket = tcp_socket
    look_up: LookUp = system_look_up
    run_aside: RunAside = run_in_thread
