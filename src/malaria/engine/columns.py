"""The hot state of all clients of a worker: one column per fact, one row per client.

Rule of the house: one column, two handles. The NumPy array serves scans over all clients (who is overdue?), the
memoryview of the same buffer serves touches of one client (46 ns against 112 ns through the array).
One owner, the engine's thread; nothing here is locked.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Final

import numpy as np

from malaria.mqtt.session import SessionPhase

# Why a client may not send a message now. A gate of 0 is open.
OFFLINE: Final = 1  # no session with the broker
BACKLOG: Final = 2  # the kernel took only a part of what we sent last: the rest waits for EPOLLOUT
HELD: Final = 4  # older messages of this client wait: a new one queues behind them
SILENT: Final = 8  # a member of a closed loop that is not to send: it leaves, or its group pauses

type Send = Callable[[bytes | bytearray | memoryview], int]
type Receive = Callable[[memoryview], int]


def unreachable_send(_: bytes | bytearray | memoryview) -> int:
    """Stand in for the send of a client without a connection: its gate is closed, so this is never called."""
    raise BrokenPipeError("not connected")


def unreachable_receive(_: memoryview) -> int:
    """Stand in for the receive of a client without a connection."""
    raise BrokenPipeError("not connected")


class Columns:
    """State of `count` clients, indexed by the worker's own client number 0..count-1."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.phase = bytearray([SessionPhase.IDLE]) * count
        self.gate = bytearray([OFFLINE]) * count
        self.was_connected = bytearray(count)
        self.was_subscribed = bytearray(count)  # a SUBACK came in this run: a kept session holds our filters
        self.attempts = bytearray(count)  # failed attempts in a row, at most 255
        self.opened_ns = np.zeros(count, np.int64)
        self.opened_at = memoryview(self.opened_ns)
        self.stage_ns = np.zeros(count, np.int64)  # when the present stage of connecting began
        self.stage_at = memoryview(self.stage_ns)
        self.own_ns = np.zeros(count, np.int64)  # of this attempt's negotiation so far: our own time
        self.own_at = memoryview(self.own_ns)
        self.last_out_ns = np.zeros(count, np.int64)
        self.last_out_at = memoryview(self.last_out_ns)
        self.keepalive_ns = np.zeros(count, np.int64)  # 0: none
        # when the broker's answer (TCP, CONNACK, SUBACK, PINGRESP) is overdue; 0: none awaited
        self.deadline_ns = np.zeros(count, np.int64)
        self.deadline_at = memoryview(self.deadline_ns)
        self.sockets: list[socket.socket | None] = [None] * count
        self.sends: list[Send] = [unreachable_send] * count
        self.receives: list[Receive] = [unreachable_receive] * count
