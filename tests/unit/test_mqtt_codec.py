"""The layout table, walked; and every malformed packet with the clause that it breaks."""

from __future__ import annotations

import socket

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from malaria.errors import MalformedPacket
from malaria.mqtt.codec import FROM_BROKER, LAYOUTS, decode, encode, encode_remaining_length, frame_length
from malaria.mqtt.packets import (
    Ack,
    Connack,
    Connect,
    Disconnect,
    Packet,
    PacketType,
    Pingreq,
    Pingresp,
    Publish,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
    Will,
)

EVERYBODY = frozenset(PacketType)

EXAMPLES: list[tuple[Packet, str]] = [
    (Connect("a"), "100d00044d5154540402003c000161"),
    (
        Connect("a", False, 10, "u", b"p", Will("w", b"x", 1, True)),
        "101900044d51545404ec000a00016100017700017800017500017 0".replace(" ", ""),
    ),
    (Connack(True, 0), "20020100"),
    (Connack(False, 5), "20020005"),
    (Publish("t", b"hi"), "3005000174" + "6869"),
    (Publish("t", b"", 1, True, True, 258), "3b05000174" + "0102"),
    (Ack(PacketType.PUBACK, 1), "40020001"),
    (Ack(PacketType.PUBREC, 1), "50020001"),
    (Ack(PacketType.PUBREL, 1), "62020001"),
    (Ack(PacketType.PUBCOMP, 1), "70020001"),
    (Subscribe(1, (("a/+", 1),)), "820800010003612f2b01"),
    (Suback(1, (1, 0x80)), "900400010180"),
    (Unsubscribe(1, ("a",)), "a20500010001" + "61"),
    (Unsuback(1), "b0020001"),
    (Pingreq(), "c000"),
    (Pingresp(), "d000"),
    (Disconnect(), "e000"),
]


@pytest.mark.parametrize(("packet", "hexed"), EXAMPLES, ids=[type(p).__name__ + h[:2] for p, h in EXAMPLES])
def test_bytes_are_the_specification_s(packet: Packet, hexed: str) -> None:
    raw = bytes.fromhex(hexed)
    assert encode(packet) == raw
    assert decode(raw, 0, len(raw), EVERYBODY) == (packet, len(raw))


def test_the_examples_cover_the_table() -> None:
    assert {PacketType(bytes.fromhex(h)[0] >> 4) for _, h in EXAMPLES} == set(LAYOUTS) == EVERYBODY


MALFORMED = {
    "MQTT-2.2.1 reserved type 0": "0000",
    "MQTT-2.2.1 type 15": "f000",
    "MQTT-2.2.2-2 PUBREL flags": "60020001",
    "MQTT-2.2.2-2 SUBSCRIBE flags": "800600010001" + "6101",
    "MQTT-2.2.3 five length bytes": "30ffffffff01",
    "MQTT-2.2.3 bytes behind the end": "4003000100",
    "MQTT-2.3.1-1 packet id 0": "40020000",
    "MQTT-1.5 cut inside a field": "400100",
    "MQTT-1.5.3-1 no UTF-8": "30030001ff",
    "MQTT-1.5.3-1 surrogate": "30050003eda080",
    "MQTT-1.5.3-2 U+0000": "3003000100",
    "MQTT-3.1.2-1 protocol name": "100d00044d5154580402003c000161",
    "MQTT-3.1.2-3 reserved flag": "100d00044d5154540403003c000161",
    "MQTT-3.1.2-13 will flags without a will": "100d00044d515454040a003c000161",
    "MQTT-3.1.2-14 will QoS 3": "101300044d515454041e003c000161000177000178",
    "MQTT-3.1.2-22 password alone": "101000044d5154540442003c000161000170",
    "MQTT-3.2.2-1 reserved CONNACK flags": "20020200",
    "MQTT-3.2.2-4 refused and present": "20020105",
    "MQTT-3.3.1-2 DUP at QoS 0": "38030001" + "74",
    "MQTT-3.3.1-4 QoS 3": "360500017400" + "01",
    "MQTT-3.3.2-2 wildcard": "30030001" + "2b",
    "MQTT-3.3.2-2 empty topic": "30020000",
    "MQTT-3.8.3-3 no filter": "82020001",
    "MQTT-3.8.3-4 QoS 3 asked for": "82060001000161" + "03",
    "MQTT-3.9.3-2 return code 3": "9003000103",
    "MQTT-3.10.3-2 nothing to unsubscribe": "a2020001",
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed(case: str) -> None:
    raw = bytes.fromhex(MALFORMED[case])
    with pytest.raises(MalformedPacket) as caught:
        decode(raw, 0, len(raw), EVERYBODY)
    assert caught.value.clause == case.split()[0]


@pytest.mark.parametrize("kind", sorted(EVERYBODY - FROM_BROKER))
def test_a_broker_must_not_send_what_clients_send(kind: PacketType) -> None:
    raw = next(bytes.fromhex(h) for _, h in EXAMPLES if int(h[0], 16) == kind)
    with pytest.raises(MalformedPacket, match="must not come"):
        decode(raw, 0, len(raw))


@pytest.mark.parametrize("length", [0, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455])
def test_remaining_length_is_read_back(length: int) -> None:
    head = b"\x30" + encode_remaining_length(length)
    whole = length + len(head)
    assert frame_length(head, 0, len(head), 1 << 29) == (whole if length == 0 else 0)
    with pytest.raises(MalformedPacket):
        frame_length(head, 0, len(head), whole - 1)


def test_a_string_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="65,535"):
        encode(Publish("x" * 65_536))


class TestAgainstPaho:
    """The same packets as paho-mqtt writes them."""

    def sent(self, act: str, *args: object, **kwargs: object) -> bytes:
        client = Client(CallbackAPIVersion.VERSION2, client_id="c")
        client._sock = socket.socket()  # type: ignore[assignment]  without one, publish only queues
        queued: list[bytes] = []
        client._packet_queue = lambda command, packet, *_: queued.append(bytes(packet)) or 0  # type: ignore[method-assign,func-returns-value]
        getattr(client, act)(*args, **kwargs)
        return queued[0]

    def test_publish(self) -> None:
        expected = self.sent("_send_publish", 7, b"a/b", b"hello", 1, True, False)
        assert encode(Publish("a/b", b"hello", 1, True, packet_id=7)) == expected

    def test_connect(self) -> None:
        expected = self.sent("_send_connect", 60)
        assert encode(Connect("c")) == expected

    def test_puback(self) -> None:
        assert encode(Ack(PacketType.PUBACK, 513)) == self.sent("_send_puback", 513)
