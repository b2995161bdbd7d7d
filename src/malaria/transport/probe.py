"""Connect one client to one address, and describe in words what the other side does.

Promises: never raises for what the other side does, keeps to its timeout, names a remedy with each problem.
"""

from __future__ import annotations

import errno
import select
import socket
import ssl
import time
from dataclasses import dataclass, field, replace
from typing import Final

from malaria.clock import NS_PER_S
from malaria.errors import MalformedPacket
from malaria.model.attack_table import Attack
from malaria.mqtt.codec import decode, encode, frame_length, from_broker
from malaria.mqtt.packets import (
    Auth,
    Connack,
    Connect,
    Disconnect,
    Packet,
    Protocol,
    Publish,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
)
from malaria.mqtt.terms import terms_of
from malaria.plan.clients import GroupPlan
from malaria.plan.terms_check import excluded
from malaria.transport.connection_setup import ConnectionSetup
from malaria.transport.failures import CLOSED, STAGE_TIMEOUTS, connect_error, failure_of, refusal, remedies
from malaria.transport.poller import READ, WRITE
from malaria.transport.route import Endpoint
from malaria.transport.socket_address import socket_address
from malaria.transport.stream import NOTHING_YET, Lower, Negotiation, RefusedError

TIMEOUT_S: Final = 5.0
VERSION_TOPIC: Final = "$SYS/broker/version"
VERSION_WAIT_S: Final = 0.3
LEAVE_S: Final = 0.5
_LARGEST: Final = 1 << 20
FOREIGN: Final = "this port speaks something that is no MQTT"
_FIRST_ANSWERS: Final = {0x20: "CONNACK", 0xF0: "AUTH"}
"""First bytes of the packets that may answer a CONNECT."""
_REPORT: Final = "report it to the makers of the broker, or try the other version: -V/--protocol"
_TLS_RECORDS: Final = (0x15, 0x16)


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a probe: `problem` and `remedy` are empty when the target accepted a client."""

    problem: str = ""
    remedy: str = ""
    version: str | None = None  # of the broker, where it says so in $SYS
    way: str = ""  # what the way in is made of, such as `TLSv1.3, TLS_AES_256_GCM_SHA384`
    reached: bool = False  # the address took the TCP connection


@dataclass(frozen=True, slots=True)
class ProbeClient:
    """The client that a probe connects as."""

    client_id: str = ""
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    protocol: Protocol = Protocol.V311


def patience_s(attack: Attack) -> float:
    """Return how long the first client may take to get in: the timeout of connects, if one is stated.

    Otherwise TIMEOUT_S: a broker at rest answers at once or never.
    """
    return attack.connect_timeout_ns / NS_PER_S if "connect_timeout_ns" in attack.model_fields_set else TIMEOUT_S


def probe(
    endpoint: Endpoint,
    probe_client: ProbeClient | None = None,
    setup: ConnectionSetup | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Answer:
    """Connect one client, ask for the broker's version, and leave.

    It has `timeout_s` to get in, and no longer than that again to ask, whatever comes meanwhile.

    With a setup the client is its first one, goes in as that one would, and asks whether the broker's terms allow
    what its group is to do; without, MQTT follows on TCP.
    """
    family, address = endpoint
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        return Answer(connect_error(error.errno or 0), "see: malaria doctor")
    probe_client = probe_client or ProbeClient()
    wire = _Wire(sock, timeout_s, probe_client.protocol)
    try:
        sock.settimeout(timeout_s)
        sock.connect(socket_address(*address))
        wire.reached = True
        sock.setblocking(False)
        if setup is not None and not setup.plain:
            wire.enter(setup)
        answer = _converse(wire, probe_client, None if setup is None else setup.plan)
    except OSError as error:
        answer = _network_trouble(wire, error)
    finally:
        wire.close()
    return replace(answer, reached=wire.reached)


def _converse(wire: _Wire, probe_client: ProbeClient, group: GroupPlan | None) -> Answer:
    """`group` is what the probe_client asks for: a broker whose terms exclude its load does not let it in."""
    secret = None if probe_client.password is None else probe_client.password.encode()
    wire.send(Connect(client_id=probe_client.client_id, keep_alive=30, username=probe_client.username, password=secret))
    try:
        packet = wire.receive()
    except MalformedPacket as error:
        return _malformed(wire.begun, probe_client.protocol, error)
    if packet is None:
        return _silence(wire)
    if isinstance(packet, Auth):
        return Answer(
            "the broker asks for an enhanced authentication (AUTH) that was not offered [MQTT-4.12.0-6]", _REPORT
        )
    if not isinstance(packet, Connack):
        return _no_broker(wire.begun)
    if packet.reason_code:
        return _answer(refusal(packet, probe_client.protocol))
    if group is not None and (cause := excluded(group, 0, terms_of(packet.properties))):
        return _answer(cause)
    wire.allow(wire.patience_s)
    version = _ask_version(wire)
    wire.allow(LEAVE_S)
    wire.send(Disconnect())
    return Answer(version=version, way=wire.way)


def _ask_version(wire: _Wire) -> str | None:
    """Ask for the retained `$SYS` topic of the version, if the broker has it. Leaves no subscription behind."""
    version = None
    try:
        wire.send(Subscribe(1, ((VERSION_TOPIC, 0),)))
        while version is None and (packet := wire.receive()) is not None:
            if isinstance(packet, Suback):
                wire.patience_s = VERSION_WAIT_S  # what is kept of the topic follows at once, or there is none
            elif isinstance(packet, Publish) and packet.topic == VERSION_TOPIC:
                version = packet.payload.decode(errors="replace")[:80]
        wire.send(Unsubscribe(2, (VERSION_TOPIC,)))
        while (packet := wire.receive()) is not None and not isinstance(packet, Unsuback):
            pass
    except (MalformedPacket, OSError):
        pass
    return version


class _Wire:
    """Packets over a socket, or over what was negotiated on it.

    Waits `patience_s` at most for each packet, and for all packets until the deadline that was set last.
    """

    def __init__(self, sock: socket.socket, patience_s: float, protocol: Protocol) -> None:
        self.patience_s = patience_s
        self._end_s = time.monotonic() + patience_s
        self.protocol = protocol
        self.begun = b""
        self.closed = False
        self.reached = False
        self.way = ""
        self._sock = sock
        self._stream: Lower = sock
        self.setup: ConnectionSetup | None = None  # that we went through

    def enter(self, setup: ConnectionSetup) -> None:
        """Goes through TLS and WebSocket as the setup's first client. Raises OSError."""
        self.setup = setup
        following: Negotiation | None = setup.begin(setup.plan.first_row, self._sock)
        while following is not None:
            negotiation, self._sock = following, following.sock
            while wants := negotiation.advance():
                if not self._wait(wants, self.patience_s):
                    raise RefusedError(STAGE_TIMEOUTS[negotiation.stage][0])
            self._stream = negotiation.stream
            following = setup.next(setup.plan.first_row, negotiation)
        if isinstance(self._sock, ssl.SSLSocket):
            cipher = self._sock.cipher()
            self.way = f"{self._sock.version()}, {cipher[0]}" if cipher else ""

    def allow(self, seconds: float) -> None:
        """Let everything from now on take so long at most."""
        self._end_s = time.monotonic() + seconds

    def close(self) -> None:
        self._sock.close()

    def send(self, packet: Packet) -> None:
        data = encode(packet, self.protocol)
        while data:
            try:
                data = data[self._stream.send(data) :]
            except BlockingIOError:
                if not self._wait(WRITE, self.patience_s):
                    raise TimeoutError from None

    def receive(self) -> Packet | None:
        """Return the next packet, or None when nothing came in time or the other side closed (`closed`)."""
        end = min(time.monotonic() + self.patience_s, self._end_s)
        while time.monotonic() < self._end_s:  # also when packets come without a pause
            length = frame_length(self.begun, 0, len(self.begun), _LARGEST)
            if length:
                decoded = decode(self.begun, 0, length, from_broker(self.protocol), self.protocol)
                self.begun = self.begun[length:]
                return decoded[0] if decoded else None
            if self._looks_foreign() or not self._read(end - time.monotonic()):
                return None
        return None

    def _looks_foreign(self) -> bool:
        if self.begun and self.begun[0] in (*_TLS_RECORDS, *b"HS"):  # TLS alert, HTTP/1.1, SSH-2.0
            raise MalformedPacket("not MQTT")
        return False

    def _read(self, wait_s: float) -> bool:
        """Read what came, or the end. Return False if nothing came in time."""
        buffer = bytearray(1 << 16)
        end = time.monotonic() + wait_s
        while True:
            try:
                count = self._stream.recv_into(memoryview(buffer))
            except NOTHING_YET:
                if not self._wait(READ, end - time.monotonic()):
                    return False
                continue
            self.closed = not count
            self.begun += buffer[:count]
            return bool(count)

    def _wait(self, wants: int, wait_s: float) -> bool:
        poll = select.poll()
        poll.register(self._sock, wants)
        wait_s = min(wait_s, self._end_s - time.monotonic())
        return wait_s > 0 and bool(poll.poll(wait_s * 1000))


def _silence(wire: _Wire) -> Answer:
    if wire.closed and wire.setup is not None:
        return _answer(wire.setup.cause_in_greeting(CLOSED))
    if wire.closed:
        return Answer(
            "it closed the connection without a CONNACK: no MQTT broker, or a listener for TLS"
            + (", or a broker that does not know MQTT 5" if wire.protocol is Protocol.V5 else ""),
            "check the port: plain MQTT is usually 1883, TLS 8883"
            + ("; or leave -V 5 away: not every broker speaks MQTT 5" if wire.protocol is Protocol.V5 else ""),
        )
    return Answer(
        f"it accepted the connection, but no CONNACK came in {wire.patience_s:g} s",
        "is it an MQTT listener? A TLS or WebSocket port waits like this; or the broker hangs. A slow one needs more: "
        "--connect-timeout",
    )


def _malformed(begun: bytes, protocol: Protocol, error: MalformedPacket) -> Answer:
    """Tell a broker whose answer breaks a clause of the specification from a port that speaks something else.

    A broker without MQTT 5 answers with a CONNACK of 3.1.1, which is no packet of MQTT 5 (3.1.2.2 there).
    """
    answer = _no_broker(begun) if protocol is Protocol.V311 else _older(begun)
    if answer.problem == FOREIGN and begun[0] in _FIRST_ANSWERS:
        return Answer(
            f"the broker's {_FIRST_ANSWERS[begun[0]]} is malformed: {error}",
            _REPORT,
        )
    return answer


def _older(begun: bytes) -> Answer:
    """Recognise a CONNACK of 3.1.1 that refuses."""
    try:
        decoded = decode(begun, 0, len(begun), from_broker(Protocol.V311), Protocol.V311)
    except MalformedPacket:
        decoded = None
    if decoded and isinstance(decoded[0], Connack) and decoded[0].reason_code:
        return _answer(refusal(decoded[0], Protocol.V5))
    return _no_broker(begun)


def _no_broker(begun: bytes) -> Answer:
    if begun[:1] and begun[0] in _TLS_RECORDS:
        return Answer("this port speaks TLS", "use mqtts:// (or wss://), or the plain listener (usually 1883)")
    what = "HTTP" if begun.startswith(b"HTTP") else "SSH" if begun.startswith(b"SSH") else ""
    cause = f"this port speaks {what}" if what else FOREIGN
    return Answer(cause, "check host and port: plain MQTT is usually 1883")


def _network_trouble(wire: _Wire, error: OSError) -> Answer:
    if isinstance(error, TimeoutError):
        return Answer(
            "no answer to the TCP connect",
            "check address and firewall: packets vanish on the way; or give the broker longer: --connect-timeout",
        )
    if wire.setup is not None:
        return _answer(wire.setup.cause_in_greeting(failure_of(error)))
    if error.errno in (errno.ECONNRESET, errno.EPIPE):
        return Answer(
            "it reset the connection: no MQTT broker, or a listener for TLS",
            "check the port: plain MQTT is usually 1883, TLS 8883",
        )
    return _answer(failure_of(error))


def _answer(cause: str) -> Answer:
    return Answer(cause, remedies([cause]).get(cause, "see: malaria doctor TARGET"))
