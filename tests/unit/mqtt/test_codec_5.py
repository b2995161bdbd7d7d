"""MQTT 5: the property table, walked; packets as the specification has them, as paho writes them, and malformed."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties as PahoProperties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from malaria.errors import MalformedPacket
from malaria.mqtt.codec import FROM_BROKER, FROM_BROKER_5, decode, encode, from_broker
from malaria.mqtt.packets import (
    Ack,
    Auth,
    Connack,
    Connect,
    Disconnect,
    Packet,
    PacketType,
    Pingreq,
    Protocol,
    Publish,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
    Will,
)
from malaria.mqtt.properties import PROPERTIES, WILL
from malformed_5 import MALFORMED_5

EVERYBODY = frozenset(PacketType)
V5 = Protocol.V5

EXAMPLES: list[tuple[Packet, str]] = [
    (Connect("a"), "100e" + "00044d515454" + "05" + "02" + "003c" + "00" + "000161"),
    (
        Connect("", True, 0, None, b"p", Will("w", b"x", 1, True, {"will_delay_interval": 5}), {"receive_maximum": 7}),
        "101f"
        + "00044d515454"
        + "05"
        + "6e"
        + "0000"
        + "03"
        + "210007"
        + "0000"
        + "05"
        + "1800000005"
        + "000177"
        + "000178"
        + "000170",
    ),
    (Connack(True, 0, {"topic_alias_maximum": 10}), "2006" + "01" + "00" + "03" + "22000a"),
    (Connack(False, 0x87), "2003" + "00" + "87" + "00"),
    (Publish("t", b"hi"), "3006" + "000174" + "00" + "6869"),
    (Publish("", b"", 1, packet_id=1, properties={"topic_alias": 3}), "3208" + "0000" + "0001" + "03" + "230003"),
    (Ack(PacketType.PUBACK, 1), "4002" + "0001"),
    (Ack(PacketType.PUBACK, 1, 0x10), "4003" + "0001" + "10"),
    (Ack(PacketType.PUBREC, 1, 0, {"reason_string": "x"}), "5008" + "0001" + "00" + "04" + "1f000178"),
    (Ack(PacketType.PUBREL, 1, 0x92), "6203" + "0001" + "92"),
    (Ack(PacketType.PUBCOMP, 1), "7002" + "0001"),
    (
        Subscribe(1, (("a", 0x2D),), {"subscription_identifier": 200}),
        "820a" + "0001" + "03" + "0bc801" + "000161" + "2d",
    ),
    (Suback(1, (1, 0x87)), "9005" + "0001" + "00" + "01" + "87"),
    (Unsubscribe(1, ("a",)), "a206" + "0001" + "00" + "000161"),
    (Unsuback(1, (0x11,)), "b004" + "0001" + "00" + "11"),
    (Pingreq(), "c000"),
    (Disconnect(), "e000"),
    (Disconnect(0x8B), "e001" + "8b"),
    (Disconnect(0x9D, {"server_reference": "b"}), "e006" + "9d" + "04" + "1c000162"),
    (Auth(0x18, {"authentication_method": "m"}), "f006" + "18" + "04" + "15" + "00016d"),
]


@pytest.mark.parametrize(
    ("packet", "hexed"), EXAMPLES, ids=[f"{type(p).__name__}{i}" for i, (p, _) in enumerate(EXAMPLES)]
)
def test_bytes_are_the_specification_s(packet: Packet, hexed: str) -> None:
    raw = bytes.fromhex(hexed)
    assert encode(packet, V5) == raw
    assert decode(raw, 0, len(raw), EVERYBODY, V5) == (packet, len(raw))


@pytest.mark.parametrize("case", MALFORMED_5)
def test_malformed(case: str) -> None:
    raw = bytes.fromhex(MALFORMED_5[case])
    with pytest.raises(MalformedPacket) as caught:
        decode(raw, 0, len(raw), EVERYBODY, V5)
    assert caught.value.clause == case.split()[0]


@pytest.mark.parametrize(
    "packet",
    [
        Connack(False, 0, {"topic_alias": 1}),
        Connack(False, 0, {"receive_maximum": 0}),
        Connack(False, 0, {"nonsense": 1}),
        Publish("", b""),
        Subscribe(1, (("$share/a/b", 4),)),
    ],
)
def test_what_would_be_refused_is_never_written(packet: Packet) -> None:
    with pytest.raises(ValueError, match=r"cannot|MQTT"):
        encode(packet, V5)


def test_3_1_1_has_no_properties() -> None:
    for packet in (Connack(False, 0, {"receive_maximum": 1}), Auth()):
        with pytest.raises(ValueError, match=r"MQTT 3\.1\.1"):
            encode(packet)
    with pytest.raises(MalformedPacket, match="AUTH"):
        decode(b"\xf0\x00", 0, 2, EVERYBODY)


def test_who_may_say_what() -> None:
    assert from_broker(Protocol.V311) == FROM_BROKER
    assert from_broker(V5) == FROM_BROKER_5 == FROM_BROKER | {PacketType.DISCONNECT, PacketType.AUTH}


# --- against paho ------------------------------------------------------------------------------------------------

PAHO_PACKETS = {name: getattr(PacketTypes, name, None) for name in
                ("CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP", "SUBSCRIBE", "SUBACK",
                 "UNSUBSCRIBE", "UNSUBACK", "DISCONNECT", "AUTH")} | {WILL: PacketTypes.WILLMESSAGE}  # fmt: skip


def paho_name(name: str) -> str:
    """`maximum_qos` is MaximumQoS there."""
    return "".join(word.capitalize() for word in name.split("_")).replace("Qos", "QoS")


def sample(name: str) -> Any:
    """A value of each property."""
    if name == "user_property":
        return (("a", "b"), ("a", "c"))
    if name in ("authentication_data", "correlation_data"):
        return b"\x00\xff"
    table = PahoProperties(PacketTypes.PUBLISH)
    kind = table.types[table.properties[table.names[_spaced(name, table)]][0]]
    return "text" if "String" in kind else 1


def _spaced(name: str, table: PahoProperties) -> str:
    return next(known for known in table.names if known.replace(" ", "").lower() == name.replace("_", "").lower())


def test_the_table_has_the_properties_and_packets_that_paho_knows() -> None:
    theirs = PahoProperties(PacketTypes.PUBLISH)
    numbers = {number: name for name, number in theirs.names.items()}
    assert {one.number for one in PROPERTIES} == set(theirs.properties)
    for one in PROPERTIES:
        assert numbers[one.number].replace(" ", "").lower() == one.name.replace("_", "").lower()
        ours = {PAHO_PACKETS[packet] for packet in one.packets}
        assert ours == set(theirs.properties[one.number][1]), one.name


@pytest.mark.parametrize("packet", sorted(set(PAHO_PACKETS) - {WILL}))
def test_every_property_of_every_packet_is_written_as_paho_writes_it(packet: str) -> None:
    kind = PacketType[packet]
    for one in PROPERTIES:
        if packet not in one.packets:
            continue
        value = sample(one.name)
        theirs = PahoProperties(PAHO_PACKETS[packet])
        setattr(theirs, paho_name(one.name), list(value) if one.name == "user_property" else value)
        many = packet in one.repeats
        ours = {one.name: (value,) if many and one.name != "user_property" else value}
        raw = encode(_with(kind, ours), V5)
        assert theirs.pack() in raw, one.name
        found = decode(raw, 0, len(raw), EVERYBODY, V5)
        assert found is not None
        assert found[0].properties == ours  # type: ignore[union-attr]


def _with(kind: PacketType, properties: dict[str, Any]) -> Packet:
    made: dict[PacketType, Packet] = {
        PacketType.CONNECT: Connect("c", properties=properties),
        PacketType.CONNACK: Connack(False, 0, properties),
        PacketType.PUBLISH: Publish("t", properties=properties),
        PacketType.SUBSCRIBE: Subscribe(1, (("a", 1),), properties),
        PacketType.SUBACK: Suback(1, (0,), properties),
        PacketType.UNSUBSCRIBE: Unsubscribe(1, ("a",), properties),
        PacketType.UNSUBACK: Unsuback(1, (0,), properties),
        PacketType.DISCONNECT: Disconnect(0, properties),
        PacketType.AUTH: Auth(0, properties),
    }
    return made.get(kind) or Ack(kind, 1, 0, properties)


def paho_says(act: str, *arguments: Any, of: Client | None = None) -> bytes:
    client = of or Client(CallbackAPIVersion.VERSION2, client_id="c", protocol=MQTTProtocolVersion.MQTTv5)
    client._sock = socket.socket()  # type: ignore[assignment]  without one, publish only queues
    queued: list[bytes] = []
    client._packet_queue = lambda command, packet, *_: queued.append(bytes(packet)) or 0  # type: ignore[method-assign,func-returns-value]
    getattr(client, act)(*arguments)
    return queued[0]


def test_connect_as_paho_writes_it() -> None:
    client = Client(CallbackAPIVersion.VERSION2, client_id="c", protocol=MQTTProtocolVersion.MQTTv5)
    client.username_pw_set("u", "p")
    will = PahoProperties(PacketTypes.WILLMESSAGE)
    will.WillDelayInterval = 9
    client.will_set("w", b"x", 1, True, will)
    mine = PahoProperties(PacketTypes.CONNECT)
    mine.SessionExpiryInterval = 60
    client._connect_properties = mine
    client._clean_start = True
    ours = Connect("c", True, 30, "u", b"p", Will("w", b"x", 1, True, {"will_delay_interval": 9}),
                   {"session_expiry_interval": 60})  # fmt: skip
    assert encode(ours, V5) == paho_says("_send_connect", 30, of=client)


def test_publish_subscribe_and_disconnect_as_paho_writes_them() -> None:
    properties = PahoProperties(PacketTypes.PUBLISH)
    properties.TopicAlias = 3
    properties.MessageExpiryInterval = 10
    ours = Publish("t", b"x", 1, True, packet_id=1, properties={"topic_alias": 3, "message_expiry_interval": 10})
    assert encode(ours, V5) == paho_says("publish", "t", b"x", 1, True, properties)
    options = SubscribeOptions(qos=1, noLocal=True, retainAsPublished=True, retainHandling=2)
    asked = encode(Subscribe(1, (("a/+", 0x2D),)), V5)
    assert asked == paho_says("subscribe", "a/+", 0, options)
    assert encode(Unsubscribe(1, ("a/+",)), V5) == paho_says("unsubscribe", "a/+")
    reason = ReasonCode(PacketTypes.DISCONNECT, "Disconnect with will message")
    assert encode(Disconnect(4), V5)[2:3] == paho_says("_send_disconnect", reason)[2:3]


@pytest.mark.parametrize("kind", ["PUBACK", "PUBREC", "PUBREL", "PUBCOMP"])
def test_acknowledgements_as_paho_writes_them(kind: str) -> None:
    assert encode(Ack(PacketType[kind], 7), V5) == paho_says(f"_send_{kind.lower()}", 7)


def test_pingreq_as_paho_writes_it() -> None:
    assert encode(Pingreq(), V5) == paho_says("_send_pingreq")


READ_BY_PAHO: dict[str, tuple[Packet, list[str]]] = {
    "CONNACK": (Connack(False, 0x87, {"reason_string": "no"}), ["Not authorized"]),
    "PUBACK": (Ack(PacketType.PUBACK, 1, 0x10), ["No matching subscribers"]),
    "PUBREC": (Ack(PacketType.PUBREC, 1, 0x97), ["Quota exceeded"]),
    "SUBACK": (Suback(1, (1, 0x87)), ["Granted QoS 1", "Not authorized"]),
    "UNSUBACK": (Unsuback(1, (0x11,)), ["No subscription found"]),
    "DISCONNECT": (Disconnect(0x9D), ["Server moved"]),
}


@pytest.mark.parametrize("kind", READ_BY_PAHO)
def test_reason_codes_mean_for_paho_what_they_mean_for_us(kind: str) -> None:
    packet, names = READ_BY_PAHO[kind]
    codes = getattr(packet, "reason_codes", None) or (packet.reason_code,)  # type: ignore[union-attr]
    assert [str(ReasonCode(getattr(PacketTypes, kind), identifier=code)) for code in codes] == names
