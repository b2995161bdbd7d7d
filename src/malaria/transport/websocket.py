"""MQTT over WebSocket (OASIS MQTT 3.1.1 section 6): the upgrade, and frames round the bytes (RFC 6455).

Frame boundaries mean nothing to MQTT [MQTT-6.0.0-4]. Pings of the server are answered. Its Close frame ends the stream
for both directions: from then on sending and reading raise RefusedError with the code and reason that it gave.
"""

from __future__ import annotations

import os
import re
import socket
import struct
from http import HTTPStatus
from typing import Final

import numpy as np
from wsproto import ConnectionType, WSConnection
from wsproto.connection import Connection, ConnectionState
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Message, Ping, RejectConnection, Request
from wsproto.utilities import ProtocolError

from malaria.transport.limits import LONGEST_UPGRADE_ANSWER
from malaria.transport.poller import READ, WRITE
from malaria.transport.stream import NOTHING_YET, Lower, RefusedError, Stage, Stream

SUBPROTOCOL: Final = "mqtt"
"""[MQTT-6.0.0-3]"""
HOST: Final = "host"
_END_OF_HEAD: Final = re.compile(rb"\n\r?\n")
_OVERHEAD: Final = 64
"""A frame's header may have come before: what is unpacked can be longer than what was just read, by less than this."""

_BINARY: Final = 0x82
_CONTROL: Final = (0x88, 0x89, 0x8A)  # Close, Ping, Pong
_MASKED: Final = 0x80
_SHORT: Final = 125
"""The greatest length that stands in a frame's second byte; above, two or eight bytes follow (RFC 6455, 5.2)."""

_FEWEST_ALIKE: Final = 3
"""Frames of one length from which on unpacking them at once costs less than one by one."""
_KEYS_AT_ONCE: Final = 256

type Headers = tuple[tuple[str, str], ...]


class Upgrade:
    """The HTTP request that makes a connection a WebSocket, and its answer."""

    stage = Stage.UPGRADE
    resumed = False

    def __init__(self, sock: socket.socket, lower: Lower, host: str, path: str, headers: Headers) -> None:
        """Take the way to the server, the name of the host unless `headers` give one, the path and further headers."""
        self.sock = sock
        self._lower = lower
        self._path = path or "/"
        self._http = WSConnection(ConnectionType.CLIENT)
        extra = [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers if name.lower() != HOST]
        name = next((value for name, value in headers if name.lower() == HOST), host)
        self._out = self._http.send(Request(name, self._path, subprotocols=[SUBPROTOCOL], extra_headers=extra))
        self._answer = bytearray()
        self._stream: WebSocketStream | None = None

    def advance(self) -> int:
        """Raises RefusedError when the server does not speak MQTT over WebSocket here."""
        try:
            while self._out:
                self._out = self._out[self._lower.send(self._out) :]
            self._receive()
        except BlockingIOError:
            return WRITE
        except ConnectionError:
            raise RefusedError("WebSocket: the server hung up instead of an answer") from None
        return 0 if self._stream else READ

    @property
    def stream(self) -> Lower:
        assert self._stream is not None
        return self._stream

    def _receive(self) -> None:
        """Read all that has come: epoll says nothing of what TLS has decrypted and holds."""
        part = bytearray(4096)
        while self._stream is None:
            try:
                count = self._lower.recv_into(memoryview(part))
            except NOTHING_YET:
                return
            if not count:
                raise RefusedError("WebSocket: the server hung up instead of an answer")
            self._answer += part[:count]
            if len(self._answer) > LONGEST_UPGRADE_ANSWER:
                raise RefusedError("WebSocket: the server's answer has no end")
            self._process_heads()

    def _process_heads(self) -> None:
        """Process each whole head of an answer. What follows the last one is frames, and no part of HTTP."""
        while self._stream is None and (end := _END_OF_HEAD.search(self._answer)):
            try:
                self._http.receive_data(bytes(self._answer[: end.end()]))
                events = list(self._http.events())
            except (ProtocolError, UnicodeError):  # wsproto decodes header fields as ASCII
                raise RefusedError("WebSocket: the server's answer is no upgrade of HTTP/1.1") from None
            del self._answer[: end.end()]
            for event in events:
                self._process(event)

    def _process(self, event: object) -> None:
        if isinstance(event, RejectConnection) and event.status_code >= HTTPStatus.OK:
            raise RefusedError(f"WebSocket: {_status(event.status_code)} at path {self._path}")
        if isinstance(event, AcceptConnection):  # all else is an interim answer such as 103 (RFC 9110, 15.2)
            if event.subprotocol != SUBPROTOCOL:
                raise RefusedError('WebSocket: the server does not speak the subprotocol "mqtt"')
            self._stream = WebSocketStream(self._lower)
            self._stream.begin(bytes(self._answer))


class WebSocketStream(Stream):
    """Bytes in binary frames.

    Whole binary messages in one frame, which is what servers of MQTT send, are unpacked here at a twentieth of the cost
    of wsproto (19 us a frame). Control frames go through wsproto one by one. From the first frame of any other kind on
    (fragments, text, masked, reserved bits) wsproto gets all that comes, and judges it.
    """

    __slots__ = ("_begun", "_frames", "_left", "_over", "_unusual")

    def __init__(self, lower: Lower) -> None:
        super().__init__(lower)
        self._frames = Connection(ConnectionType.CLIENT)
        self._over = ""  # why nothing can be sent or read any more
        self._begun = b""  # a frame's header, or a control frame, of which a part has come
        self._left = 0  # payload bytes of the present binary frame that have not come
        self._unusual = False  # wsproto gets all from here on

    def begin(self, early: bytes) -> None:
        """Process frames that came in one read with the upgrade's answer: pings are answered.

        Raises RefusedError for a Close frame, and for data: a server of MQTT waits for CONNECT.
        """
        scratch = memoryview(bytearray(len(early)))
        place, done = self._unpack(early, scratch)
        if self._unusual:
            place = self._unpack_unusual(early[done:], scratch, place)
        if place or self._left:
            raise RefusedError("WebSocket: the server spoke before it was asked")
        if self._over:
            raise RefusedError(self._over)
        self._begun = b"" if self._unusual else early[done:]

    def _send(self, data: bytes | bytearray | memoryview) -> int:
        if self._over:  # the packet that we answer came in one read with the Close frame
            raise RefusedError(self._over)
        frame = _binary_frame(data)
        taken = self._lower.send(frame)  # if it takes nothing, the frame is forgotten: frames stand alone
        if taken == len(frame):
            return len(data)
        self._keep(frame[taken:])
        return len(data) - 1

    def recv_into(self, view: memoryview, /) -> int:
        """Read as `socket.recv_into` does. Raises RefusedError after the server's Close, once all before is read."""
        if self._over:
            raise RefusedError(self._over)
        count = self._lower.recv_into(view[: len(view) - _OVERHEAD])
        if not count:
            return 0
        data = self._begun + bytes(view[:count])
        place, done = (0, 0) if self._unusual else self._unpack(data, view)
        self._begun = b""
        if self._unusual:
            place = self._unpack_unusual(data[done:], view, place)
        elif not self._over:
            self._begun = data[done:]
        if place:
            return place
        if self._over:
            raise RefusedError(self._over)
        raise BlockingIOError  # only a ping, or a part of a frame

    def _unpack(self, data: bytes, view: memoryview) -> tuple[int, int]:
        """Put payloads of binary frames into `view`; return their bytes, and the bytes of `data` that are done with.

        Stops at a header or control frame that is not whole, at the server's Close, and at an unusual frame.
        """
        place, at = (0, 0) if self._left else _unpack_alike(data, view)
        end = len(data)
        while True:
            part = min(self._left, end - at)
            if part:
                view[place : place + part] = data[at : at + part]
                place, at, self._left = place + part, at + part, self._left - part
            if at + 2 > end:
                return place, at
            first, length = data[at], data[at + 1]
            if first in _CONTROL and length <= _SHORT:
                if at + 2 + length > end:
                    return place, at
                self._frames.receive_data(data[at : at + 2 + length])
                at += 2 + length
                for event in self._frames.events():
                    self._process(event)
                if self._over:
                    return place, at  # what follows a Close frame does not count (RFC 6455, 5.5.1)
                continue
            size = _header_size(length)
            if first != _BINARY or not size:
                self._unusual = True
                return place, at
            if at + size > end:
                return place, at
            self._left = length if size == 2 else int.from_bytes(data[at + 2 : at + size])
            if size > 2 and not (_SHORT if size == 4 else 0xFFFF) < self._left < 1 << 63:
                self._unusual, self._left = True, 0  # not the shortest form of its length, or negative: refused
                return place, at
            at += size

    def _unpack_unusual(self, data: bytes, view: memoryview, place: int) -> int:
        """Put into `view` from `place` on what wsproto makes of `data`; return where that ends."""
        self._frames.receive_data(data)
        for event in self._frames.events():
            if isinstance(event, BytesMessage):
                view[place : place + len(event.data)] = event.data
                place += len(event.data)
            else:
                self._process(event)
                if self._over:
                    break  # what follows a Close frame does not count (RFC 6455, 5.5.1)
        return place

    def _process(self, event: object) -> None:
        match event:
            case Ping():
                self._answer(event)
            case CloseConnection() if self._frames.state is ConnectionState.OPEN:
                # wsproto asks us to close: the server sent something that is not allowed
                self._over = f"malformed: a WebSocket frame that malaria refuses ({event.reason})"
            case CloseConnection():
                self._over = _closed_by_server(event)
            case Message():
                self._over = "malformed: a WebSocket text message, and MQTT is binary [MQTT-6.0.0-1]"

    def _answer(self, ping: Ping) -> None:
        """Send a pong, unless it does not fit now: the server will ask again."""
        if self._rest:
            return
        pong = self._frames.send(ping.response())
        try:
            taken = self._lower.send(pong)
        except BlockingIOError:
            return
        self._rest = pong[taken:]


def _unpack_alike(data: bytes, view: memoryview) -> tuple[int, int]:
    """Unpack binary frames of one short length as `_unpack` does, if all whole ones are such; else return (0, 0).

    A server sends each acknowledgement in a frame of its own. Costs 0.7 us for ten, one by one 3 us.
    """
    width = 2 + data[1] if len(data) > 1 else 0
    if data[:1] != bytes([_BINARY]) or not 2 < width <= 2 + _SHORT:
        return 0, 0
    count = len(data) // width
    payloads = bytearray(data[: count * width])
    if count < _FEWEST_ALIKE or payloads[::width] != data[:1] * count or payloads[1::width] != data[1:2] * count:
        return 0, 0
    del payloads[::width]
    del payloads[:: width - 1]
    view[: len(payloads)] = payloads
    return len(payloads), count * width


def _header_size(length: int) -> int:
    """Return the bytes of the header of a frame from the server, by its second byte; 0 if it is masked."""
    if length <= _SHORT:
        return 2
    return {_SHORT + 1: 4, _SHORT + 2: 10}.get(length, 0)


def _binary_frame(data: bytes | bytearray | memoryview) -> bytes:
    """Return the bytes as one binary message, masked with a fresh key as a client must (RFC 6455, 5.3)."""
    size = len(data)
    if size <= _SHORT:
        head = struct.pack(">BB", _BINARY, _MASKED | size)
    elif size <= 0xFFFF:
        head = struct.pack(">BBH", _BINARY, _MASKED | _SHORT + 1, size)
    else:
        head = struct.pack(">BBQ", _BINARY, _MASKED | _SHORT + 2, size)
    key = _fresh_key()
    keys = np.frombuffer(key * (size // 4 + 1), np.uint8, size)
    return head + key + (np.frombuffer(data, np.uint8) ^ keys).tobytes()


def _fresh_key() -> bytes:
    """Return a masking key that nobody can foresee. The kernel is asked for many at once: a call costs 0.5 us."""
    try:
        return _keys.pop()
    except IndexError:
        many = os.urandom(4 * _KEYS_AT_ONCE)
        _keys.extend(many[at : at + 4] for at in range(0, len(many), 4))
        return os.urandom(4)


_keys: list[bytes] = []


def _closed_by_server(event: CloseConnection) -> str:
    reason = f": {event.reason}" if event.reason else ""
    return f"WebSocket: closed by the server with code {int(event.code)}{reason}"


def _status(code: int) -> str:
    """`404 Not Found`."""
    try:
        return f"{code} {HTTPStatus(code).phrase}"
    except ValueError:
        return str(code)
