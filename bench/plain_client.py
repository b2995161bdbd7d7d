"""Plain MQTT clients that keep their windows full: the reference of `bench.closed_loop`.

Each has one blocking socket; one client waits in its read, several wait together in epoll. A client reads, and sends
one message for each acknowledgement of that read, all in one send. With `timed` it also does what a measuring client
cannot leave out: each message carries its sequence and time, and the latency of each acknowledgement goes into a
histogram. `python -m bench.plain_client JOB` prints the messages acknowledged per second.
"""

from __future__ import annotations

import base64
import json
import os
import select
import socket
import ssl
import struct
import subprocess
import sys
import time
from array import array
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import numpy as np

SIZE: Final = 500
WARM_UP_S: Final = 0.3
READ: Final = 1 << 18
_PUBACK, _PUBREC, _PUBCOMP = 0x40, 0x50, 0x70

_STAMP: Final = struct.Struct(">Iq")
_FOLD_AT: Final = 10_000

type Send = Callable[[bytes], None]
type Receive = Callable[[], bytes]


def run_plain_client(job: Mapping[str, Any]) -> float:
    """Run clients in a process of their own; return their acknowledged messages per second.

    `job` has `clients` (how many), `port`, `window`, `qos`, `protocol` ("3.1.1" or "5"), `scheme` (mqtt, mqtts, ws,
    wss), `seconds` and `timed`.
    """
    command = [sys.executable, "-m", "bench.plain_client", json.dumps(job)]
    finished = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=60)
    return float(finished.stdout)


def main() -> None:
    job = json.loads(sys.argv[1])
    print(_load([Client(job, number) for number in range(job["clients"])], job))


class Client:
    """One client: it reads, and sends one message for each acknowledgement of that read, all in one send."""

    def __init__(self, job: Mapping[str, Any], number: int) -> None:
        self._sock, self._send, self._receive = _connect(job["port"], job["scheme"])
        is_5 = job["protocol"] == "5"
        name = f"plain-{os.getpid()}-{number}".encode()
        variable = b"\x00\x04MQTT" + bytes([5 if is_5 else 4, 2, 0, 0]) + (b"\x00" if is_5 else b"")
        self._send(_framed(0x10, variable + struct.pack(">H", len(name)) + name))
        self._receive()
        self._window = job["window"]
        self._messages = (Timed if job["timed"] else Bare)(job)
        self._begun = b""

    def fileno(self) -> int:
        return self._sock.fileno()

    def begin(self) -> None:
        """Fill the window."""
        self._send(b"".join(self._messages.first(packet_id) for packet_id in range(1, self._window + 1)))

    def turn(self) -> int:
        """Read what the broker has acknowledged and send as much again; return the messages acknowledged."""
        begun = self._begun + self._receive()
        messages, answers, acknowledged, at = self._messages, [], 0, 0
        while at + 2 <= len(begun) and at + 2 + begun[at + 1] <= len(begun):
            kind, packet_id = begun[at], begun[at + 2 : at + 4]
            if kind == _PUBREC:
                answers.append(b"\x62\x02" + packet_id)
            elif kind in (_PUBACK, _PUBCOMP):
                acknowledged += 1
                answers.append(messages.next(int.from_bytes(packet_id)))
            at += 2 + begun[at + 1]
        self._begun = begun[at:]
        if answers:
            self._send(b"".join(answers))
        return acknowledged


def _load(clients: list[Client], job: Mapping[str, Any]) -> float:
    """Keep all windows full; return the messages acknowledged per second, without those of the warm-up."""
    ready = _ready_clients(clients)
    for client in clients:
        client.begin()
    begin = time.perf_counter()
    acknowledged, counted_from = 0, 0
    while (now := time.perf_counter()) < begin + WARM_UP_S + job["seconds"]:
        if not counted_from and now >= begin + WARM_UP_S:
            counted_from, counted_since = acknowledged, now
        for client in ready():
            acknowledged += client.turn()
    return (acknowledged - counted_from) / (now - counted_since)


def _ready_clients(clients: list[Client]) -> Callable[[], Iterable[Client]]:
    """Return a function that waits for clients that can read. A lone one is always ready: its read waits."""
    if len(clients) == 1:
        return lambda: clients
    poller = select.epoll()
    by_fd = {client.fileno(): client for client in clients}
    for fd in by_fd:
        poller.register(fd, select.EPOLLIN)
    return lambda: [by_fd[fd] for fd, _ in poller.poll()]


class Bare:
    """The same bytes for each message of a packet id; nothing is recorded."""

    def __init__(self, job: Mapping[str, Any]) -> None:
        self._packets = [_publish(packet_id, job["qos"], job["protocol"]) for packet_id in range(1, job["window"] + 1)]

    def first(self, packet_id: int) -> bytes:
        """Return the first message of a packet id."""
        return self._packets[packet_id - 1]

    def next(self, packet_id: int) -> bytes:
        """Return the next message of a packet id that was acknowledged."""
        return self._packets[packet_id - 1]


class Timed:
    """Messages with sequence and time in their payload; the latency of each acknowledgement is kept."""

    def __init__(self, job: Mapping[str, Any]) -> None:
        self._packets = [bytearray(packet) for packet in Bare(job)._packets]
        self._payload_at = len(self._packets[0]) - SIZE
        self._sent_ns = [0] * len(self._packets)
        self._sequence = 0
        self._latencies_ns = array("q")
        self._histogram = np.zeros(64, np.int64)  # by powers of two

    def first(self, packet_id: int) -> bytes:
        """Return the first message of a packet id."""
        now_ns = time.monotonic_ns()
        self._sent_ns[packet_id - 1] = now_ns
        packet = self._packets[packet_id - 1]
        _STAMP.pack_into(packet, self._payload_at, self._sequence, now_ns)
        self._sequence += 1
        return bytes(packet)

    def next(self, packet_id: int) -> bytes:
        """Record the latency of the message that was acknowledged; return the next of its packet id."""
        self._latencies_ns.append(time.monotonic_ns() - self._sent_ns[packet_id - 1])
        if len(self._latencies_ns) == _FOLD_AT:
            powers = np.log2(np.frombuffer(self._latencies_ns.tobytes(), np.int64)).astype(np.int64)
            self._histogram += np.bincount(powers, minlength=64)
            del self._latencies_ns[:]
        return self.first(packet_id)


def _publish(packet_id: int, qos: int, protocol: str) -> bytes:
    properties = b"\x00" if protocol == "5" else b""
    return _framed(0x30 | qos << 1, b"\x00\x06bench/" + packet_id.to_bytes(2) + properties + b"x" * SIZE)


def _framed(first: int, body: bytes) -> bytes:
    length = len(body)
    size = bytes([length]) if length < 128 else bytes([length & 127 | 128, length >> 7])
    return bytes([first]) + size + body


def _connect(port: int, scheme: str) -> tuple[socket.socket, Send, Receive]:
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if scheme in ("mqtts", "wss"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        sock = context.wrap_socket(sock)
    if scheme not in ("ws", "wss"):
        return sock, sock.sendall, lambda: sock.recv(READ)
    key = base64.b64encode(os.urandom(16)).decode()
    sock.sendall(
        f"GET /mqtt HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n".encode()
    )
    if b" 101 " not in sock.recv(READ):
        sys.exit("the broker does not speak WebSocket at this port")
    return sock, *_websocket(sock)


def _websocket(sock: socket.socket) -> tuple[Send, Receive]:
    begun = b""

    def send(data: bytes) -> None:
        """Send one binary frame, masked with a fresh key as a client must (RFC 6455, 5.3)."""
        head = struct.pack(">BBH", 0x82, 0x80 | 126, len(data)) if len(data) < 65536 else struct.pack(
            ">BBQ", 0x82, 0x80 | 127, len(data)
        )  # fmt: skip
        key = os.urandom(4)
        keys = np.frombuffer(key * (len(data) // 4 + 1), np.uint8, len(data))
        sock.sendall(head + key + (np.frombuffer(data, np.uint8) ^ keys).tobytes())

    def receive() -> bytes:
        nonlocal begun
        begun += sock.recv(READ)
        data = b""
        while len(begun) >= 2:
            length, at = begun[1], 2
            if length == 126:
                length, at = int.from_bytes(begun[2:4]), 4
            if len(begun) < at + length:
                break
            data += begun[at : at + length]
            begun = begun[at + length :]
        return data

    return send, receive


if __name__ == "__main__":
    main()
