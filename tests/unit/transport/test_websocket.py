"""MQTT over WebSocket against wsproto's own server side, over a pair of sockets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.connection import Connection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    Pong,
    RejectConnection,
    Request,
    TextMessage,
)

from malaria.transport.poller import READ
from malaria.transport.stream import RefusedError
from malaria.transport.websocket import Upgrade, WebSocketStream


class Server:
    """The other end."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.http = WSConnection(ConnectionType.SERVER)
        self.events: list[Event] = []

    def hear(self) -> list[Event]:
        self.http.receive_data(self.sock.recv(1 << 16))
        heard = list(self.http.events())
        self.events += heard
        return heard

    def say(self, *events: Event) -> None:
        self.sock.sendall(b"".join(self.http.send(event) for event in events))


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, Server]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield ours, Server(theirs)


def upgraded(ours: socket.socket, server: Server) -> WebSocketStream:
    upgrade = Upgrade(ours, ours, "broker:80", "/mqtt", (("X-Token", "42"),))
    assert upgrade.advance() == READ
    server.hear()
    server.say(AcceptConnection(subprotocol="mqtt"))
    assert upgrade.advance() == 0
    stream = upgrade.stream
    assert isinstance(stream, WebSocketStream)
    return stream


def advance_often(upgrade: Upgrade) -> None:
    for _ in range(3):
        upgrade.advance()


def read(stream: WebSocketStream) -> bytes:
    buffer = bytearray(4096)
    return bytes(buffer[: stream.recv_into(memoryview(buffer))])


def test_the_request_names_host_path_protocol_and_headers(ends: tuple[socket.socket, Server]) -> None:
    ours, server = ends
    upgraded(ours, server)
    request = server.events[0]
    assert isinstance(request, Request)
    assert (request.host, request.target, request.subprotocols) == ("broker:80", "/mqtt", ["mqtt"])
    assert (b"x-token", b"42") in request.extra_headers


def test_a_given_host_replaces_the_address(ends: tuple[socket.socket, Server]) -> None:
    ours, server = ends
    Upgrade(ours, ours, "10.0.0.1:80", "/mqtt", (("host", "broker.example"),)).advance()
    request = server.hear()[0]
    assert isinstance(request, Request)
    assert request.host == "broker.example"


class Decrypted:
    """Gives what came in parts, as TLS does; the socket below has nothing more to read."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._held = b""

    def send(self, data: bytes, /) -> int:
        return self._sock.send(data)

    def recv_into(self, view: memoryview, /) -> int:
        if not self._held:
            self._held = self._sock.recv(1 << 20)
        count = min(len(view), len(self._held))
        view[:count] = self._held[:count]
        self._held = self._held[count:]
        return count


@pytest.mark.parametrize("tls", [False, True])
def test_an_answer_may_be_nearly_64_kib_long(ends: tuple[socket.socket, Server], tls: bool) -> None:
    ours, server = ends
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    server.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    upgrade = Upgrade(ours, Decrypted(ours) if tls else ours, "broker", "/mqtt", ())
    upgrade.advance()
    server.hear()
    many = [(b"X-%d" % number, b"y" * 1000) for number in range(60)]
    server.say(AcceptConnection(subprotocol="mqtt", extra_headers=many))
    assert upgrade.advance() == 0


def test_a_ping_in_the_segment_of_the_answer_is_answered(ends: tuple[socket.socket, Server]) -> None:
    ours, server = ends
    upgrade = Upgrade(ours, ours, "broker", "/mqtt", ())
    upgrade.advance()
    server.hear()
    answer = server.http.send(AcceptConnection(subprotocol="mqtt"))
    ping, message = server.http.send(Ping(b"there?")), server.http.send(BytesMessage(b"later"))
    server.sock.sendall(answer + ping + message[:1])
    assert upgrade.advance() == 0
    (pong,) = server.hear()
    assert isinstance(pong, Pong)
    assert bytes(pong.payload) == b"there?"
    server.sock.sendall(message[1:])
    stream = upgrade.stream
    assert isinstance(stream, WebSocketStream)
    assert read(stream) == b"later"


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (BytesMessage(b"\x20\x02\x00\x00"), "spoke before it was asked"),
        (CloseConnection(1008, "full"), "closed by the server with code 1008: full"),
    ],
)
def test_what_else_comes_with_the_answer_ends_the_upgrade(
    ends: tuple[socket.socket, Server], event: Event, reason: str
) -> None:
    ours, server = ends
    upgrade = Upgrade(ours, ours, "broker", "/mqtt", ())
    upgrade.advance()
    server.hear()
    server.say(AcceptConnection(subprotocol="mqtt"), event)
    with pytest.raises(RefusedError, match=reason):
        upgrade.advance()


def test_bytes_go_both_ways(ends: tuple[socket.socket, Server]) -> None:
    ours, server = ends
    stream = upgraded(ours, server)
    assert stream.send(b"\x10\x00hello") == 7
    (message,) = server.hear()
    assert isinstance(message, BytesMessage)
    assert bytes(message.data) == b"\x10\x00hello"
    server.say(BytesMessage(b"\x20\x02"), BytesMessage(b"\x00\x00"))
    assert read(stream) == b"\x20\x02\x00\x00"


def test_a_frame_in_pieces_is_given_as_it_comes(ends: tuple[socket.socket, Server]) -> None:
    ours, server = ends
    stream = upgraded(ours, server)
    frame = server.http.send(BytesMessage(b"0123456789" * 30))
    got = b""
    for i in range(len(frame)):
        server.sock.sendall(frame[i : i + 1])
        try:
            got += read(stream)
        except BlockingIOError:
            assert i < 4  # the header is nothing to read
    assert got == b"0123456789" * 30


def test_a_ping_is_answered_and_is_nothing_to_read(ends: tuple[socket.socket, Server]) -> None:
    ours, server = ends
    stream = upgraded(ours, server)
    server.say(Ping(b"there?"))
    with pytest.raises(BlockingIOError):
        read(stream)
    (pong,) = server.hear()
    assert isinstance(pong, Pong)
    assert bytes(pong.payload) == b"there?"


def test_a_close_is_told_after_what_came_before_it(ends: tuple[socket.socket, Server]) -> None:
    ours, server = ends
    stream = upgraded(ours, server)
    server.say(BytesMessage(b"last"), CloseConnection(1008, "too many"))
    assert read(stream) == b"last"
    with pytest.raises(RefusedError, match="closed by the server with code 1008: too many"):
        read(stream)


def test_sending_after_a_close_names_the_close(ends: tuple[socket.socket, Server]) -> None:
    ours, server = ends
    stream = upgraded(ours, server)
    server.say(BytesMessage(b"PUBACK"), CloseConnection(1001))
    assert read(stream) == b"PUBACK"
    with pytest.raises(RefusedError, match="closed by the server with code 1001"):
        stream.send(b"PUBLISH")


def test_a_ping_behind_a_close_is_not_answered(ends: tuple[socket.socket, Server]) -> None:
    ours, server = ends
    stream = upgraded(ours, server)
    ping = server.http.send(Ping(b"there?"))
    server.sock.sendall(server.http.send(CloseConnection(1000)) + ping)
    with pytest.raises(RefusedError, match="closed by the server with code 1000"):
        read(stream)


@pytest.mark.parametrize(
    "frame",
    [
        b"\x82\x81\x00\x00\x00\x00a",  # masked
        b"\xf2\x01a",  # reserved bits
        b"\x81\x02\xff\xff",  # text that is not UTF-8
        b"\x89\x7e\x00\x7e" + b"a" * 126,  # a control frame of more than 125 bytes
        b"\x83\x01a",  # an opcode without a meaning
    ],
)
def test_a_frame_that_we_refuse_is_not_called_a_close(ends: tuple[socket.socket, Server], frame: bytes) -> None:
    ours, server = ends
    stream = upgraded(ours, server)
    server.sock.sendall(frame)
    with pytest.raises(RefusedError, match="malformed: a WebSocket frame that malaria refuses"):
        read(stream)


@pytest.mark.parametrize("interim", [b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"])
@pytest.mark.parametrize("at_once", [True, False])
def test_an_interim_answer_is_skipped(ends: tuple[socket.socket, Server], interim: bytes, at_once: bool) -> None:
    ours, server = ends
    upgrade = Upgrade(ours, ours, "broker:80", "/mqtt", ())
    assert upgrade.advance() == READ
    server.hear()
    server.sock.sendall(interim)
    if not at_once:
        assert upgrade.advance() == READ
    server.say(AcceptConnection(subprotocol="mqtt"))
    assert upgrade.advance() == 0


@pytest.mark.parametrize("field", ["Connection", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"])
def test_bytes_beyond_ascii_are_not_an_upgrade(ends: tuple[socket.socket, Server], field: str) -> None:
    ours, server = ends
    upgrade = Upgrade(ours, ours, "broker", "/mqtt", ())
    upgrade.advance()
    server.sock.recv(4096)
    server.sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\n" + field.encode() + b": \xff\r\n\r\n")
    with pytest.raises(RefusedError, match="no upgrade of HTTP"):
        advance_often(upgrade)


def test_text_is_refused(ends: tuple[socket.socket, Server]) -> None:
    ours, server = ends
    stream = upgraded(ours, server)
    server.say(TextMessage("hello"))
    with pytest.raises(RefusedError, match=r"MQTT-6\.0\.0-1"):
        read(stream)


def test_the_end_without_a_close_is_the_end(ends: tuple[socket.socket, Server]) -> None:
    ours, server = ends
    stream = upgraded(ours, server)
    server.sock.close()
    assert read(stream) == b""


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (RejectConnection(status_code=404), "404 Not Found at path /mqtt"),
        (RejectConnection(status_code=799), "799 at path"),
        (AcceptConnection(subprotocol=None), 'subprotocol "mqtt"'),
    ],
)
def test_another_answer_is_a_reason(ends: tuple[socket.socket, Server], answer: Event, reason: str) -> None:
    ours, server = ends
    upgrade = Upgrade(ours, ours, "broker", "/mqtt", ())
    upgrade.advance()
    server.hear()
    server.say(answer)
    with pytest.raises(RefusedError, match=reason):
        upgrade.advance()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"SSH-2.0-OpenSSH\r\n\r\n", "no upgrade of HTTP"),
        (b"\x20\x02\x00\x05", None),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", "no upgrade of HTTP"),
        (b"", "hung up instead"),
    ],
)
def test_garbage_is_a_reason(ends: tuple[socket.socket, Server], answer: bytes, reason: str | None) -> None:
    ours, server = ends
    upgrade = Upgrade(ours, ours, "broker", "", ())
    upgrade.advance()
    server.sock.recv(4096)
    server.sock.sendall(answer)
    server.sock.close()
    with pytest.raises(RefusedError, match=reason):
        advance_often(upgrade)


def test_an_answer_without_an_end_is_cut(ends: tuple[socket.socket, Server]) -> None:
    ours, server = ends
    upgrade = Upgrade(ours, ours, "broker", "", ())
    upgrade.advance()
    server.sock.sendall(b"HTTP/1.1 200 OK\r\nX: ")

    def flood() -> None:
        for _ in range(100):
            server.sock.sendall(b"a" * 4000)
            upgrade.advance()

    with pytest.raises(RefusedError):
        flood()


def frame(first: int, payload: bytes) -> bytes:
    """A frame of a server; lengths as RFC 6455, 5.2 wants them."""
    if len(payload) < 126:
        return bytes([first, len(payload)]) + payload
    if len(payload) < 1 << 16:
        return bytes([first, 126]) + len(payload).to_bytes(2) + payload
    return bytes([first, 127]) + len(payload).to_bytes(8) + payload


ANSWERS = [b"\x40\x02" + packet_id.to_bytes(2) for packet_id in range(0x8200, 0x8209)]


@pytest.mark.parametrize("length", [0, 1, 4, 125])
@pytest.mark.parametrize(
    "others", [b"", frame(0x89, b"ping"), frame(0x82, b"another length"), frame(0x02, b"ab") + frame(0x80, b"")]
)
@pytest.mark.parametrize("place", [0, 1, 5, 9])
@pytest.mark.parametrize("step", [5, 6, 13, 18, 1 << 20])
def test_many_frames_of_one_length_give_the_same_bytes_as_each_alone(
    length: int, others: bytes, place: int, step: int
) -> None:
    frames = [frame(0x82, answer.ljust(length, b"\x82")[:length]) for answer in ANSWERS]
    sent = b"".join([*frames[:place], others, *frames[place:]])
    assert read_all([sent[at : at + step] for at in range(0, len(sent), step)]) == read_all([*split(sent)])


def split(sent: bytes) -> Iterator[bytes]:
    """Yield a byte at a time: no two frames come together."""
    yield from (sent[at : at + 1] for at in range(len(sent)))


def read_all(pieces: list[bytes]) -> tuple[bytes, list[bytes]]:
    """Return what is read of a stream that comes in these pieces, and the opcodes of what was answered."""
    lower = Scripted(pieces)
    stream = WebSocketStream(lower)
    got, buffer = bytearray(), bytearray(1 << 18)
    for _ in pieces:
        with suppress(BlockingIOError):
            got += buffer[: stream.recv_into(memoryview(buffer))]
    return bytes(got), [answer[:1] for answer in lower.sent]


MIXED = (
    frame(0x82, b"one"),
    frame(0x89, b"ping"),
    frame(0x82, b""),
    frame(0x82, b"x" * 125),
    frame(0x82, b"y" * 126),
    frame(0x8A, b"a pong nobody asked for"),
    frame(0x82, bytes(70_000)),
    frame(0x02, b"begin ") + frame(0x89, b"within") + frame(0x80, b"end"),
    frame(0x82, b"after"),
)


@pytest.mark.parametrize("step", [1, 2, 3, 7, 100, 1 << 20])
@pytest.mark.parametrize("begin", range(len(MIXED)))
def test_frames_of_every_kind_give_the_same_bytes_however_they_are_cut(step: int, begin: int) -> None:
    """Binary frames, control frames between them, and from a fragment on all through wsproto."""
    # small steps through the large frame would take seconds and tell nothing
    sent = b"".join(one for one in MIXED[begin:] if step > 7 or len(one) < 1000)
    pieces = [sent[at : at + step] for at in range(0, len(sent), step)]
    lower = Scripted(pieces)
    stream = WebSocketStream(lower)
    got, buffer = bytearray(), bytearray(1 << 18)
    for _ in pieces:
        try:
            count = stream.recv_into(memoryview(buffer))
        except BlockingIOError:
            continue
        got += buffer[:count]
    plain = Connection(ConnectionType.CLIENT)
    plain.receive_data(b"".join(pieces))
    events = list(plain.events())
    assert got == b"".join(bytes(event.data) for event in events if isinstance(event, BytesMessage))
    server = Connection(ConnectionType.SERVER)
    server.receive_data(b"".join(lower.sent))
    pongs = [bytes(event.payload) for event in server.events() if isinstance(event, Pong)]
    assert pongs == [bytes(event.payload) for event in events if isinstance(event, Ping)]


@pytest.mark.parametrize("size", [1, 3, 4, 125, 126, 127, 65_535, 65_536, 70_001])
def test_frames_of_every_length_are_read_by_a_server_as_they_were_sent(size: int) -> None:
    payload = bytes(range(256)) * (size // 256) + bytes(range(size % 256))
    lower = Scripted([])
    assert WebSocketStream(lower).send(payload) == size
    server = Connection(ConnectionType.SERVER)
    server.receive_data(b"".join(lower.sent))
    assert b"".join(bytes(event.data) for event in server.events() if isinstance(event, BytesMessage)) == payload


@pytest.mark.parametrize("header", [b"\x82\x7e\x00\x05", b"\x82\x7f" + (9).to_bytes(8), b"\x82\x7f" + b"\xff" * 8])
def test_a_length_in_a_form_that_is_not_allowed_is_malformed(header: bytes) -> None:
    stream = WebSocketStream(Scripted([header + b"x" * 20]))
    with pytest.raises(RefusedError, match="malformed"):
        read(stream)


class Scripted:
    """A socket that gives these pieces, one a read, and keeps what is sent."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = list(pieces)
        self.sent: list[bytes] = []

    def send(self, data: bytes | bytearray | memoryview, /) -> int:
        self.sent.append(bytes(data))
        return len(data)

    def recv_into(self, view: memoryview, /) -> int:
        piece = self._pieces.pop(0)
        view[: len(piece)] = piece
        return len(piece)

    def fileno(self) -> int:
        return -1
