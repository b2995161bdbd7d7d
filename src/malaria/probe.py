"""One careful conversation with a target: is anybody there, do they speak MQTT, do they let us in?

Promises: never raises for what the other side does, waits no longer than told, puts the cause in words with a remedy.
"""

from __future__ import annotations

import errno
import select
import socket
import time
from dataclasses import dataclass
from typing import Final

from malaria.engine.causes import connect_error, refusal, refusal_remedy, remedies
from malaria.engine.gear import Endpoint
from malaria.errors import MalformedPacket
from malaria.mqtt.codec import decode, encode, frame_length
from malaria.mqtt.packets import Connack, Connect, Disconnect, Packet, Publish, Subscribe, Unsuback, Unsubscribe

TIMEOUT_S: Final = 5.0
VERSION_TOPIC: Final = "$SYS/broker/version"
VERSION_WAIT_S: Final = 0.3
_LARGEST: Final = 1 << 20
_TLS_RECORDS: Final = (0x15, 0x16)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: `problem` and `remedy` are empty when the target accepted a client."""

    problem: str = ""
    remedy: str = ""
    version: str | None = None  # of the broker, where it says so in $SYS


def probe(
    endpoint: Endpoint, username: str | None = None, password: str | None = None, timeout_s: float = TIMEOUT_S
) -> Answer:
    """Connects one client, asks for the broker's version, and leaves."""
    family, address = endpoint
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        return Answer(connect_error(error.errno or 0), "see: malaria doctor")
    with sock:
        try:
            sock.settimeout(timeout_s)
            sock.connect(address)
            return _converse(_Wire(sock, timeout_s), username, password)
        except OSError as error:
            return _network_trouble(error, address)


def _converse(wire: _Wire, username: str | None, password: str | None) -> Answer:
    secret = None if password is None else password.encode()
    wire.send(Connect(client_id="", clean_start=True, keep_alive=30, username=username, password=secret))
    try:
        packet = wire.receive()
    except MalformedPacket:
        return _no_broker(wire.begun)
    if packet is None:
        return _silence(wire)
    if not isinstance(packet, Connack):
        return _no_broker(wire.begun)
    if packet.reason_code:
        return Answer(refusal(packet.reason_code), refusal_remedy(packet.reason_code))
    version = _ask_version(wire)
    wire.send(Disconnect())
    return Answer(version=version)


def _ask_version(wire: _Wire) -> str | None:
    """The retained `$SYS` topic, if the broker has it and lets us read it. Leaves no subscription behind."""
    version = None
    try:
        wire.send(Subscribe(1, ((VERSION_TOPIC, 0),)))
        wire.patience_s = VERSION_WAIT_S
        while version is None and (packet := wire.receive()) is not None:
            if isinstance(packet, Publish) and packet.topic == VERSION_TOPIC:
                version = packet.payload.decode(errors="replace")[:80]
        wire.send(Unsubscribe(2, (VERSION_TOPIC,)))
        while (packet := wire.receive()) is not None and not isinstance(packet, Unsuback):
            pass
    except (MalformedPacket, OSError):
        pass
    return version


class _Wire:
    """Packets over a blocking socket."""

    def __init__(self, sock: socket.socket, patience_s: float) -> None:
        self.patience_s = patience_s
        self.begun = b""
        self.closed = False
        self._sock = sock

    def send(self, packet: Packet) -> None:
        self._sock.sendall(encode(packet))

    def receive(self) -> Packet | None:
        """The next packet, or None when nothing came in time or the other side closed (`closed`)."""
        end = time.monotonic() + self.patience_s
        while True:
            length = frame_length(self.begun, 0, len(self.begun), _LARGEST)
            if length:
                decoded = decode(self.begun, 0, length)
                self.begun = self.begun[length:]
                return decoded[0] if decoded else None
            if self._looks_foreign() or not self._read(end - time.monotonic()):
                return None

    def _looks_foreign(self) -> bool:
        if self.begun and self.begun[0] in (*_TLS_RECORDS, *b"HS"):  # TLS alert, HTTP/1.1, SSH-2.0
            raise MalformedPacket("not MQTT")
        return False

    def _read(self, wait_s: float) -> bool:
        if wait_s <= 0 or not select.select([self._sock], [], [], wait_s)[0]:
            return False
        data = self._sock.recv(65536)
        self.closed = not data
        self.begun += data
        return bool(data)


def _silence(wire: _Wire) -> Answer:
    if wire.closed:
        return Answer(
            "it closed the connection without a CONNACK: no MQTT broker, or a listener for TLS",
            "check the port: plain MQTT is usually 1883, TLS 8883",
        )
    return Answer(
        f"it accepted the connection, but no CONNACK came in {wire.patience_s:g} s",
        "is it an MQTT listener? A TLS or WebSocket port waits like this; or the broker hangs",
    )


def _no_broker(begun: bytes) -> Answer:
    if begun[:1] and begun[0] in _TLS_RECORDS:
        return Answer("this port speaks TLS", "use the plain listener (usually 1883)")
    what = "HTTP" if begun.startswith(b"HTTP") else "SSH" if begun.startswith(b"SSH") else "something that is no MQTT"
    return Answer(f"this port speaks {what}", "check host and port: plain MQTT is usually 1883")


def _network_trouble(error: OSError, address: tuple[str, int]) -> Answer:
    if isinstance(error, TimeoutError):
        return Answer(
            f"no answer from {address[0]} port {address[1]}", "check address and firewall: packets vanish on the way"
        )
    if error.errno in (errno.ECONNRESET, errno.EPIPE):
        return Answer(
            "it reset the connection: no MQTT broker, or a listener for TLS",
            "check the port: plain MQTT is usually 1883, TLS 8883",
        )
    cause = connect_error(error.errno or 0)
    return Answer(cause, remedies([cause]).get(cause, "see: malaria doctor TARGET"))
