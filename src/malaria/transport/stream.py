"""Lead from a TCP connection to MQTT: handshakes that take several steps, and streams that bytes go through.

A `Negotiation` is advanced whenever its socket is ready, until it has a `Stream`. A stream has the two calls of a
socket that the engine uses, with their rules: `send` takes a part or raises BlockingIOError, `recv_into` gives what is
there or raises BlockingIOError, 0 bytes are the end.

What is hard: a layer that turns our bytes into others (a TLS record, a WebSocket frame) cannot take them back when the
kernel takes only a part. `Stream.send` then keeps the rest, and *owes one byte* of what it was given: it reports all
but the last byte as taken, so that the caller waits for EPOLLOUT as with a bare socket and offers that byte again, and
a message counts as sent when the kernel has its last byte.
"""

from __future__ import annotations

import socket
import ssl
from abc import ABC, abstractmethod
from enum import StrEnum
from typing import Final, Protocol

NOTHING_YET: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
"""Exceptions of reading while nothing is there, of a socket and of TLS over it."""


class Stage(StrEnum):
    """The steps of the way in, each with its own latency."""

    TCP = "tcp"
    TLS = "tls"
    UPGRADE = "upgrade"


class RefusedError(OSError):
    """The other side, or we, ended a negotiation. `strerror` says why in words."""

    def __init__(self, reason: str) -> None:
        super().__init__(None, reason)


class Lower(Protocol):
    """A socket, as far as streams need it."""

    def send(self, data: bytes | bytearray | memoryview, /) -> int: ...
    def recv_into(self, view: memoryview, /) -> int: ...
    def fileno(self) -> int: ...


class Negotiation(Protocol):
    """One stage on the way in for one client."""

    stage: Stage

    @property
    def resumed(self) -> bool:
        """True if state of an earlier connection made it shorter."""
        ...

    @property
    def sock(self) -> socket.socket:
        """The socket underneath, which belongs to the negotiation now."""
        ...

    def advance(self) -> int:
        """Goes as far as it can; returns what it waits for (READ or WRITE), 0 when it is done. Raises OSError."""
        ...

    @property
    def stream(self) -> Lower:
        """The way for bytes, once it is done."""
        ...


class Stream(ABC):
    """A layer over `lower` that cannot take bytes back. Not to be used after an OSError that is no BlockingIOError."""

    __slots__ = ("_lower", "_owed", "_rest")

    def __init__(self, lower: Lower) -> None:
        self._lower = lower
        self._rest: bytes = b""  # turned, and not yet taken by `lower`
        self._owed = 0  # bytes of the caller that are in `_rest` and that we have not reported as taken

    def send(self, data: bytes | bytearray | memoryview, /) -> int:
        """Send as `socket.send` does."""
        if self._rest:
            self._send_rest()
        owed, self._owed = self._owed, 0
        if owed == len(data):
            return owed
        return owed + self._send(data[owed:] if owed else data)

    def fileno(self) -> int:
        return self._lower.fileno()

    @abstractmethod
    def recv_into(self, view: memoryview, /) -> int:
        """Read as `socket.recv_into` does."""

    @abstractmethod
    def _send(self, data: bytes | bytearray | memoryview) -> int:
        """Turns and sends; what is turned and not taken goes through `_keep`."""

    def _keep(self, rest: bytes) -> None:
        """Count the last byte as taken when `rest` is taken."""
        self._rest, self._owed = rest, 1

    def _send_rest(self) -> None:
        self._rest = self._rest[self._lower.send(self._rest) :]
        if self._rest:
            raise BlockingIOError
