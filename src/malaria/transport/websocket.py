"""MQTT over WebSocket (OASIS MQTT 3.1.1 section 6): the upgrade, and frames round the bytes. RFC 6455 is wsproto's.

Frame boundaries mean nothing to MQTT [MQTT-6.0.0-4]. Pings of the server are answered. Its Close frame ends the stream
for both directions: from then on sending and reading raise RefusedError with the code and reason that it gave.
"""

from __future__ import annotations

import socket
from http import HTTPStatus
from typing import Final

from wsproto import ConnectionType, WSConnection
from wsproto.connection import Connection, ConnectionState
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Message, Ping, RejectConnection, Request
from wsproto.utilities import ProtocolError

from malaria.transport.limits import LONGEST_UPGRADE_ANSWER
from malaria.transport.poller import READ, WRITE
from malaria.transport.stream import NOTHING_YET, Lower, RefusedError, Stage, Stream

SUBPROTOCOL: Final = "mqtt"
"""[MQTT-6.0.0-3]"""
_OVERHEAD: Final = 64
"""A frame's header may have come before: what is unpacked can be longer than what was just read, by less than this."""

type Headers = tuple[tuple[str, str], ...]


class Upgrade:
    """The HTTP request that makes a connection a WebSocket, and its answer."""

    stage = Stage.UPGRADE
    resumed = False

    def __init__(self, sock: socket.socket, lower: Lower, host: str, path: str, headers: Headers) -> None:
        self.sock = sock
        self._lower = lower
        self._path = path or "/"
        self._http = WSConnection(ConnectionType.CLIENT)
        extra = [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers]
        self._out = self._http.send(Request(host, self._path, subprotocols=[SUBPROTOCOL], extra_headers=extra))
        self._read = 0
        self._accepted = False

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
        return 0 if self._accepted else READ

    @property
    def stream(self) -> Lower:
        return WebSocketStream(self._lower)

    def _receive(self) -> None:
        answer = bytearray(4096)
        try:
            count = self._lower.recv_into(memoryview(answer))
        except NOTHING_YET:
            return
        self._read += count
        if not count:
            raise RefusedError("WebSocket: the server hung up instead of an answer")
        if self._read > LONGEST_UPGRADE_ANSWER:
            raise RefusedError("WebSocket: the server's answer has no end")
        try:
            self._http.receive_data(bytes(answer[:count]))
            events = list(self._http.events())
        except (ProtocolError, UnicodeError):  # wsproto decodes header fields as ASCII
            raise RefusedError("WebSocket: the server's answer is no upgrade of HTTP/1.1") from None
        for event in events:
            if isinstance(event, RejectConnection):
                if event.status_code < HTTPStatus.OK:
                    continue  # an interim answer such as 103 Early Hints; the final one follows (RFC 9110, 15.2)
                raise RefusedError(f"WebSocket: {_status(event.status_code)} at path {self._path}")
            if isinstance(event, AcceptConnection):
                self._accept(event)
            elif isinstance(event, CloseConnection):
                raise RefusedError(_closed_by_server(event))
            elif self._accepted:
                raise RefusedError("WebSocket: the server spoke before it was asked")

    def _accept(self, event: AcceptConnection) -> None:
        if event.subprotocol != SUBPROTOCOL:
            raise RefusedError('WebSocket: the server does not speak the subprotocol "mqtt"')
        self._accepted = True


class WebSocketStream(Stream):
    """Bytes in binary frames."""

    __slots__ = ("_frames", "_over")

    def __init__(self, lower: Lower) -> None:
        super().__init__(lower)
        self._frames = Connection(ConnectionType.CLIENT)
        self._over = ""  # why nothing can be sent or read any more

    def _send(self, data: bytes | bytearray | memoryview) -> int:
        if self._over:  # the packet that we answer came in one read with the Close frame
            raise RefusedError(self._over)
        frame = self._frames.send(BytesMessage(bytes(data)))
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
        self._frames.receive_data(bytes(view[:count]))
        place = 0
        for event in self._frames.events():
            if isinstance(event, BytesMessage):
                view[place : place + len(event.data)] = event.data
                place += len(event.data)
            else:
                self._process(event)
                if self._over:
                    break  # what follows a Close frame does not count (RFC 6455, 5.5.1)
        if place:
            return place
        if self._over:
            raise RefusedError(self._over)
        raise BlockingIOError  # only a ping, or a part of a frame

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
        """A pong that does not fit now is not sent: the server will ask again."""
        if self._rest:
            return
        pong = self._frames.send(ping.response())
        try:
            taken = self._lower.send(pong)
        except BlockingIOError:
            return
        self._rest = pong[taken:]


def _closed_by_server(event: CloseConnection) -> str:
    reason = f": {event.reason}" if event.reason else ""
    return f"WebSocket: closed by the server with code {int(event.code)}{reason}"


def _status(code: int) -> str:
    """`404 Not Found`."""
    try:
        return f"{code} {HTTPStatus(code).phrase}"
    except ValueError:
        return str(code)
