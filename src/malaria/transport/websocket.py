"""MQTT over WebSocket (OASIS MQTT 3.1.1 section 6): the upgrade, and frames round the bytes. RFC 6455 is wsproto's.

Frame boundaries mean nothing to MQTT [MQTT-6.0.0-4]. Pings of the server are answered. Its Close frame ends the stream
for both directions: from then on sending and reading raise RefusedError with the code and reason that it gave.
"""

from __future__ import annotations

import re
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
HOST: Final = "host"
_END_OF_HEAD: Final = re.compile(rb"\n\r?\n")
_OVERHEAD: Final = 64
"""A frame's header may have come before: what is unpacked can be longer than what was just read, by less than this."""

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
    """Bytes in binary frames."""

    __slots__ = ("_frames", "_over")

    def __init__(self, lower: Lower) -> None:
        super().__init__(lower)
        self._frames = Connection(ConnectionType.CLIENT)
        self._over = ""  # why nothing can be sent or read any more

    def begin(self, early: bytes) -> None:
        """Process frames that came in one read with the upgrade's answer: pings are answered.

        Raises RefusedError for a Close frame, and for data: a server of MQTT waits for CONNECT.
        """
        self._frames.receive_data(early)
        for event in self._frames.events():
            if isinstance(event, BytesMessage):
                raise RefusedError("WebSocket: the server spoke before it was asked")
            self._process(event)
            if self._over:
                raise RefusedError(self._over)

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
        """Send a pong, unless it does not fit now: the server will ask again."""
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
