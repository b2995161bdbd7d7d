"""The layout table, walked; and every malformed packet with the clause that it breaks."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
from amqtt.mqtt.connack import ConnackPacket
from amqtt.mqtt.publish import PublishPacket
from amqtt.mqtt.suback import SubackPacket
from amqtt.mqtt.subscribe import SubscribePacket
from amqtt.mqtt.unsubscribe import UnsubscribePacket
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from malaria.errors import MalformedPacket
from malaria.mqtt.codec import FROM_BROKER_5, LAYOUTS, decode, encode, encode_remaining_length, frame_length
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
from malformed_5 import MALFORMED_5

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
    assert {PacketType(bytes.fromhex(h)[0] >> 4) for _, h in EXAMPLES} | {PacketType.AUTH} == set(LAYOUTS) == EVERYBODY


MALFORMED = {
    "MQTT-2.2.1 reserved type 0": "0000",
    "MQTT-2.2.1 type 15": "f000",
    "MQTT-2.2.2-2 PUBREL flags": "60020001",
    "MQTT-2.2.2-2 SUBSCRIBE flags": "800600010001" + "6101",
    "MQTT-2.2.3 five length bytes": "30ffffffff01",
    "MQTT-2.2.3 bytes behind the end": "4003000100",
    "MQTT-2.3.1-1 packet id 0": "40020000",
    "MQTT-2.3.1-1 PUBLISH with packet id 0": "320500017400" + "00",
    "MQTT-1.5 QoS 1 without a packet id": "3203000174",
    "MQTT-1.5 length over the end": "3003ffff74",
    "MQTT-1.5 cut inside a field": "400100",
    "MQTT-1.5.3-1 no UTF-8": "30030001ff",
    "MQTT-1.5.3-1 surrogate": "30050003eda080",
    "MQTT-1.5.3-2 U+0000": "3003000100",
    "MQTT-3.1.2-1 protocol name": "100d00044d5154580402003c000161",
    "MQTT-3.1.2-2 protocol level": "100d00044d5154540702003c000161",
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
    "MQTT-3.8.3-4 QoS 3 asked for": "82060001000161" + "03",
    "MQTT-3.8.3-3 no filter": "82020001",
    "MQTT-3.9.3-1 no return code": "90020001",
    "MQTT-3.9.3-2 return code 3": "9003000103",
    "MQTT-3.10.3-2 nothing to unsubscribe": "a2020001",
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed(case: str) -> None:
    raw = bytes.fromhex(MALFORMED[case])
    with pytest.raises(MalformedPacket) as caught:
        decode(raw, 0, len(raw), EVERYBODY)
    assert caught.value.clause == case.split()[0]


def test_every_rule_of_the_table_has_its_malformed_packet() -> None:
    rules = {
        rule.clause
        for layout in LAYOUTS.values()
        for rule in (*layout.flag_rules, *layout.rules, *(r for field in layout.fields for r in field.kind.rules))
    }
    assert rules <= {case.split()[0] for case in (*MALFORMED, *MALFORMED_5)}


UNWRITABLE: dict[str, Packet] = {
    "MQTT-1.5.3-2 U+0000 in a client id": Connect("a\0"),
    "MQTT-1.5.3-2 U+0000 in a filter": Subscribe(1, (("a\0", 0),)),
    "MQTT-1.5.3-2 U+0000 in a filter given up": Unsubscribe(1, ("a\0",)),
    "MQTT-2.3.1-1 packet id 0": Ack(PacketType.PUBACK, 0),
    "MQTT-3.1.2-22 password alone": Connect("a", password=b"p"),
    "MQTT-3.2.2-4 refused and present": Connack(True, 5),
    "MQTT-3.3.1-2 DUP at QoS 0": Publish("t", dup=True),
    "MQTT-3.3.2-2 wildcard": Publish("a/+"),
    "MQTT-3.8.3-3 no filter": Subscribe(1, ()),
    "MQTT-3.8.3-4 QoS 3 asked for": Subscribe(1, (("a", 3),)),
    "MQTT-3.9.3-2 return code 3": Suback(1, (3,)),
    "MQTT-3.10.3-2 nothing to unsubscribe": Unsubscribe(1, ()),
    "65,535 string": Publish("x" * 65_536),
    "65,535 password": Connect("a", username="u", password=b"x" * 65_536),
    "65,535 packet id": Ack(PacketType.PUBACK, 65_536),
    "65,535 keep-alive": Connect("a", keep_alive=65_536),
    "utf-8 surrogate": Publish("\ud800"),
    "QoS 3": Publish("t", qos=3, packet_id=1),
    "QoS 5 would spill into DUP": Publish("t", qos=5, packet_id=1),
    "QoS 4 of a will would spill into retain": Connect("a", will=Will("w", qos=4)),
    "packet id missing": Publish("t", qos=1),
    "packet id at QoS 0": Publish("t", packet_id=1),
}


@pytest.mark.parametrize("case", UNWRITABLE)
def test_what_would_be_refused_is_never_written(case: str) -> None:
    with pytest.raises(ValueError, match=case.split()[0]):
        encode(UNWRITABLE[case])


@pytest.mark.parametrize("kind", sorted(EVERYBODY - FROM_BROKER_5 | {PacketType.DISCONNECT}))
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


@pytest.mark.parametrize("buffer", [bytes, bytearray, memoryview])
def test_any_buffer_is_read_from_any_place(buffer: Callable[[bytes], bytes | bytearray | memoryview]) -> None:
    raw = buffer(b"??" + encode(Publish("t", b"x")) + b"??")
    assert decode(raw, 2, len(raw) - 2) == (Publish("t", b"x"), len(raw) - 2)


@pytest.mark.parametrize("first", ["00", "36", "38", "60", "10"])
def test_a_wrong_first_byte_is_refused_before_its_length_is_waited_for(first: str) -> None:
    with pytest.raises(MalformedPacket):
        decode(bytes.fromhex(first), 0, 1)


def test_a_remaining_length_that_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="268,435,456"):
        encode_remaining_length(268_435_456)


class TestAgainstPaho:
    """The same packets as paho-mqtt writes them."""

    def sent(self, act: str, *args: object, of: Client | None = None) -> bytes:
        client = of or Client(CallbackAPIVersion.VERSION2, client_id="c")
        client._sock = socket.socket()  # type: ignore[assignment]  without one, publish only queues
        queued: list[bytes] = []
        client._packet_queue = lambda command, packet, *_: queued.append(bytes(packet)) or 0  # type: ignore[method-assign,func-returns-value]
        getattr(client, act)(*args)
        return queued[0]

    def test_publish(self) -> None:
        expected = self.sent("_send_publish", 7, b"a/b", b"hello", 1, True, False)
        assert encode(Publish("a/b", b"hello", 1, True, packet_id=7)) == expected

    def test_connect(self) -> None:
        expected = self.sent("_send_connect", 60)
        assert encode(Connect("c")) == expected

    def test_connect_with_everything(self) -> None:
        client = Client(CallbackAPIVersion.VERSION2, client_id="c", clean_session=False)
        client.username_pw_set("u", "p")
        client.will_set("w", b"gone", qos=2, retain=True)
        expected = Connect("c", False, 60, "u", b"p", Will("w", b"gone", 2, True))
        assert encode(expected) == self.sent("_send_connect", 60, of=client)

    def test_subscribe_and_unsubscribe(self) -> None:
        options = [(b"a/#", 1), (b"b", 0)]
        assert encode(Subscribe(1, (("a/#", 1), ("b", 0)))) == self.sent("_send_subscribe", False, options)
        assert encode(Unsubscribe(1, ("a/#", "b"))) == self.sent("_send_unsubscribe", False, [b"a/#", b"b"])

    @pytest.mark.parametrize("kind", ["puback", "pubrec", "pubrel", "pubcomp"])
    def test_acknowledgements(self, kind: str) -> None:
        assert encode(Ack(PacketType[kind.upper()], 513)) == self.sent(f"_send_{kind}", 513)


class TestAgainstAmqtt:
    """The same packets as amqtt writes them."""

    def test_publish(self) -> None:
        theirs = PublishPacket.build("a/b", b"hello", 7, True, 2, True)
        assert encode(Publish("a/b", b"hello", 2, True, True, 7)) == theirs.to_bytes()

    def test_connack(self) -> None:
        assert encode(Connack(True, 0)) == ConnackPacket.build(1, 0).to_bytes()

    def test_subscribe(self) -> None:
        assert encode(Subscribe(9, (("a/+", 2),))) == SubscribePacket.build([("a/+", 2)], 9).to_bytes()

    def test_suback(self) -> None:
        assert encode(Suback(9, (2, 0x80))) == SubackPacket.build(9, [2, 0x80]).to_bytes()

    def test_unsubscribe(self) -> None:
        assert encode(Unsubscribe(9, ("a", "b"))) == UnsubscribePacket.build(["a", "b"], 9).to_bytes()
