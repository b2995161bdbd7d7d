"""Bytes <-> packets. What a packet holds, in which order and under which condition, is one table: `LAYOUTS`.

A packet is a first byte (type and flags), its remaining length, and fields. A field is present or not by the flags
read before it, so the table reads like section 3 of the specification. The values between the table and the packets'
classes are plain dictionaries; `_TO_FIELDS` and `_FROM_FIELDS` say what differs from attribute names.

Promises: stateless; any bytes give packets, "more is needed" or `MalformedPacket` with the clause, nothing else;
every length has a limit; what we encode, we decode to an equal value. A rule of the specification stands in the table
once and holds for both directions: what is refused when it comes is also never written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from malaria.errors import MalformedPacket
from malaria.mqtt.packets import (
    Ack,
    Connack,
    Connect,
    Disconnect,
    Packet,
    PacketType,
    Pingreq,
    Pingresp,
    Protocol,
    Publish,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
    Will,
)
from malaria.mqtt.wire import (
    BINARY,
    BYTE,
    GRANTED,
    PACKET_ID,
    REQUESTED,
    REST,
    SHORT,
    STRING,
    STRINGS,
    Kind,
    Reader,
    Rule,
)

type Buffer = bytes | bytearray | memoryview
type Values = dict[str, Any]

LARGEST_REMAINING: Final = 268_435_455
"""Four bytes of seven bits (section 2.2.3)."""

# CONNECT flags (section 3.1.2.3)
_CLEAN: Final = 0x02
_WILL: Final = 0x04
_WILL_QOS: Final = 0x18
_WILL_RETAIN: Final = 0x20
_PASSWORD: Final = 0x40
_USERNAME: Final = 0x80
# PUBLISH flags (section 3.3.1)
_RETAIN: Final = 0x01
_QOS: Final = 0x06
_DUP: Final = 0x08


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a packet; `present` looks at the values read (or to be written) before it."""

    name: str
    kind: Kind
    present: Callable[[Values], bool] = lambda _: True


@dataclass(frozen=True, slots=True)
class Layout:
    """A packet's fields. `flags` are the low bits of the first byte; None: they carry values.

    `flag_rules` look at these flags, `rules` at all values.
    """

    fields: tuple[Field, ...]
    flags: int | None = 0
    flag_rules: tuple[Rule, ...] = ()
    rules: tuple[Rule, ...] = ()


def _connect_flag(flag: int) -> Callable[[Values], bool]:
    return lambda values: bool(values["connect_flags"] & flag)


def _will_flags_alone(values: Values) -> bool:
    flags = values["connect_flags"]
    return not flags & _WILL and bool(flags & (_WILL_QOS | _WILL_RETAIN))


def _password_alone(values: Values) -> bool:
    return bool(values["connect_flags"] & (_PASSWORD | _USERNAME) == _PASSWORD)


_ID: Final = Field("packet_id", PACKET_ID)

LAYOUTS: Final[Mapping[PacketType, Layout]] = {
    PacketType.CONNECT: Layout(
        (
            Field("protocol_name", STRING),
            Field("protocol_level", BYTE),
            Field("connect_flags", BYTE),
            Field("keep_alive", SHORT),
            Field("client_id", STRING),
            Field("will_topic", STRING, _connect_flag(_WILL)),
            Field("will_payload", BINARY, _connect_flag(_WILL)),
            Field("username", STRING, _connect_flag(_USERNAME)),
            Field("password", BINARY, _connect_flag(_PASSWORD)),
        ),
        rules=(
            Rule(lambda values: values["protocol_name"] != "MQTT", "a protocol that is not MQTT", "MQTT-3.1.2-1"),
            Rule(lambda values: values["protocol_level"] not in set(Protocol), "an unknown level", "MQTT-3.1.2-2"),
            Rule(_connect_flag(0x01), "CONNECT with its reserved flag set", "MQTT-3.1.2-3"),
            Rule(lambda values: values["connect_flags"] & _WILL_QOS == _WILL_QOS, "a will with QoS 3", "MQTT-3.1.2-14"),
            Rule(_will_flags_alone, "will flags without a will", "MQTT-3.1.2-13"),
            Rule(_password_alone, "a password without a user name", "MQTT-3.1.2-22"),
        ),
    ),
    PacketType.CONNACK: Layout(
        (Field("acknowledge_flags", BYTE), Field("reason_code", BYTE)),
        rules=(
            Rule(lambda values: values["acknowledge_flags"] > 1, "CONNACK with reserved flags set", "MQTT-3.2.2-1"),
            Rule(
                lambda values: values["acknowledge_flags"] and values["reason_code"],
                "CONNACK refuses and has a session present",
                "MQTT-3.2.2-4",
            ),
        ),
    ),
    PacketType.PUBLISH: Layout(
        (
            Field("topic", STRING),
            Field("packet_id", PACKET_ID, lambda values: bool(values["flags"] & _QOS)),
            Field("payload", REST),
        ),
        flags=None,
        flag_rules=(
            Rule(lambda flags: flags & _QOS == _QOS, "PUBLISH with QoS 3", "MQTT-3.3.1-4"),
            Rule(lambda flags: flags & _DUP and not flags & _QOS, "PUBLISH with DUP at QoS 0", "MQTT-3.3.1-2"),
        ),
        rules=(
            Rule(
                lambda values: not values["topic"] or not {"+", "#"}.isdisjoint(values["topic"]),
                "PUBLISH to a topic that is empty or has a wildcard",
                "MQTT-3.3.2-2",
            ),
        ),
    ),
    PacketType.PUBACK: Layout((_ID,)),
    PacketType.PUBREC: Layout((_ID,)),
    PacketType.PUBREL: Layout((_ID,), flags=2),
    PacketType.PUBCOMP: Layout((_ID,)),
    PacketType.SUBSCRIBE: Layout((_ID, Field("filters", REQUESTED)), flags=2),
    PacketType.SUBACK: Layout((_ID, Field("reason_codes", GRANTED))),
    PacketType.UNSUBSCRIBE: Layout((_ID, Field("filters", STRINGS)), flags=2),
    PacketType.UNSUBACK: Layout((_ID,)),
    PacketType.PINGREQ: Layout(()),
    PacketType.PINGRESP: Layout(()),
    PacketType.DISCONNECT: Layout(()),
}

FROM_BROKER: Final = frozenset(
    {
        PacketType.CONNACK,
        PacketType.PUBLISH,
        PacketType.PUBACK,
        PacketType.PUBREC,
        PacketType.PUBREL,
        PacketType.PUBCOMP,
        PacketType.SUBACK,
        PacketType.UNSUBACK,
        PacketType.PINGRESP,
    }
)
"""What a server may send to a client (table 2.1)."""


def encode(packet: Packet, protocol: Protocol = Protocol.V311) -> bytes:
    """The bytes of a packet. Raises ValueError for a value that no field can hold."""
    kind, values = _fields_of(packet, protocol)
    layout = LAYOUTS[kind]
    flags: int = values["flags"] if layout.flags is None else layout.flags
    fields = [field for field in layout.fields if field.present(values)]
    broken = _broken(layout.flag_rules, flags) or _broken(layout.rules, values) or _broken_value(fields, values)
    if broken:
        raise ValueError(f"{kind.name} cannot be written: {broken.says} [{broken.clause}]")
    body = b"".join(field.kind.write(values[field.name]) for field in fields)
    return bytes((kind << 4 | flags,)) + encode_remaining_length(len(body)) + body


def decode(
    buffer: Buffer, start: int, end: int, allowed: frozenset[PacketType] = FROM_BROKER
) -> tuple[Packet, int] | None:
    """The packet at `start` and where the next one begins; None when buffer[start:end] holds only a part of it.

    Raises MalformedPacket for bytes that are no packet, and for one that the other side must not send.
    """
    length = frame_length(buffer, start, end, LARGEST_REMAINING + 5)
    if start < end:
        _check_first_byte(buffer[start], allowed)
    if not length:
        return None
    frame = bytes(buffer[start : start + length])
    kind = PacketType(frame[0] >> 4)
    values = _read_fields(kind, frame)
    _refuse(_broken(LAYOUTS[kind].rules, values))
    return _packet_of(kind, values), start + length


def frame_length(buffer: Buffer, start: int, end: int, limit: int) -> int:
    """Bytes of the whole frame at `start`, first byte included; 0 when buffer[start:end] holds only a part of it.

    Raises MalformedPacket for a remaining length of more than four bytes and for a frame longer than `limit`.
    """
    length = shift = 0
    for place in range(start + 1, min(end, start + 5)):
        byte = buffer[place]
        length |= (byte & 0x7F) << shift
        if byte < 0x80:
            length += place + 1 - start
            if length > limit:
                raise MalformedPacket(f"a frame of {length:,} bytes (limit {limit:,})", "MQTT-2.2.3")
            return length if start + length <= end else 0
        shift += 7
    if end >= start + 5:
        raise MalformedPacket("a remaining length of more than four bytes", "MQTT-2.2.3")
    return 0


def encode_remaining_length(length: int) -> bytes:
    """Seven bits a byte, lowest first (section 2.2.3). Raises ValueError over 268,435,455."""
    if not 0 <= length <= LARGEST_REMAINING:
        raise ValueError(f"a packet of {length:,} bytes cannot be written")
    encoded = bytearray()
    while length > 0x7F:
        encoded.append(length & 0x7F | 0x80)
        length >>= 7
    encoded.append(length)
    return bytes(encoded)


# --- first byte ----------------------------------------------------------------------------------------------------


def _check_first_byte(first: int, allowed: frozenset[PacketType]) -> None:
    if first >> 4 not in allowed:
        raise MalformedPacket(f"a packet of type {first >> 4}, which must not come from there", "MQTT-2.2.1")
    kind, flags = PacketType(first >> 4), first & 0x0F
    layout = LAYOUTS[kind]
    if layout.flags not in (None, flags):
        raise MalformedPacket(f"{kind.name} with flags {flags:#x}", "MQTT-2.2.2-2")
    _refuse(_broken(layout.flag_rules, flags))


# --- fields and rules ------------------------------------------------------------------------------------------------


def _read_fields(kind: PacketType, frame: bytes) -> Values:
    values: Values = {"flags": frame[0] & 0x0F}
    reader = Reader(frame[_head_length(frame) :])
    for field in LAYOUTS[kind].fields:
        if field.present(values):
            value = values[field.name] = field.kind.read(reader)
            _refuse(_broken(field.kind.rules, value))
    if not reader.done:
        raise MalformedPacket(f"{kind.name} with bytes behind its last field", "MQTT-2.2.3")
    return values


def _head_length(frame: bytes) -> int:
    place = 1
    while frame[place] & 0x80:
        place += 1
    return place + 1


def _broken(rules: tuple[Rule, ...], value: Any) -> Rule | None:
    for rule in rules:
        if rule.broken(value):
            return rule
    return None


def _broken_value(fields: list[Field], values: Values) -> Rule | None:
    for field in fields:
        if (rule := _broken(field.kind.rules, values[field.name])) is not None:
            return rule
    return None


def _refuse(rule: Rule | None) -> None:
    if rule is not None:
        raise MalformedPacket(rule.says, rule.clause)


# --- packets <-> field values ----------------------------------------------------------------------------------------

_CLASSES: Final[Mapping[PacketType, Callable[..., Packet]]] = {
    PacketType.SUBSCRIBE: Subscribe,
    PacketType.SUBACK: Suback,
    PacketType.UNSUBSCRIBE: Unsubscribe,
    PacketType.UNSUBACK: Unsuback,
    PacketType.PINGREQ: Pingreq,
    PacketType.PINGRESP: Pingresp,
    PacketType.DISCONNECT: Disconnect,
}
_TYPES: Final = {cls: kind for kind, cls in _CLASSES.items()}


def _fields_of(packet: Packet, protocol: Protocol) -> tuple[PacketType, Values]:
    match packet:
        case Connect():
            return PacketType.CONNECT, _connect_fields(packet, protocol)
        case Connack(session_present, reason_code):
            return PacketType.CONNACK, {"acknowledge_flags": int(session_present), "reason_code": reason_code}
        case Publish():
            return PacketType.PUBLISH, _publish_fields(packet)
        case Ack(kind, packet_id):
            return kind, {"packet_id": packet_id}
        case _:
            return _TYPES[type(packet)], {name: getattr(packet, name) for name in packet.__slots__}


def _packet_of(kind: PacketType, values: Values) -> Packet:
    flags = values.pop("flags")
    if kind is PacketType.CONNECT:
        return _connect_of(values)
    if kind is PacketType.CONNACK:
        return _connack_of(values)
    if kind is PacketType.PUBLISH:
        return _publish_of(flags, values)
    if kind in (PacketType.PUBACK, PacketType.PUBREC, PacketType.PUBREL, PacketType.PUBCOMP):
        return Ack(kind, values["packet_id"])
    return _CLASSES[kind](**values)


def _connect_fields(packet: Connect, protocol: Protocol) -> Values:
    will = packet.will
    flags = _CLEAN * packet.clean_start
    if will is not None:
        flags |= _WILL | _level(will.qos) << 3 | _WILL_RETAIN * will.retain
    flags |= _USERNAME * (packet.username is not None) | _PASSWORD * (packet.password is not None)
    return {
        "protocol_name": "MQTT",
        "protocol_level": protocol,
        "connect_flags": flags,
        "keep_alive": packet.keep_alive,
        "client_id": packet.client_id,
        "will_topic": will.topic if will else None,
        "will_payload": will.payload if will else None,
        "username": packet.username,
        "password": packet.password,
    }


def _level(qos: int) -> int:
    """Two bits: more would spill over into the flags beside them."""
    if not 0 <= qos <= 2:
        raise ValueError(f"there is no QoS {qos}")
    return qos


def _connect_of(values: Values) -> Connect:
    flags = values["connect_flags"]
    will = None
    if flags & _WILL:
        will = Will(values["will_topic"], values["will_payload"], flags >> 3 & 3, bool(flags & _WILL_RETAIN))
    return Connect(
        client_id=values["client_id"],
        clean_start=bool(flags & _CLEAN),
        keep_alive=values["keep_alive"],
        username=values.get("username"),
        password=values.get("password"),
        will=will,
    )


def _connack_of(values: Values) -> Connack:
    return Connack(bool(values["acknowledge_flags"]), values["reason_code"])


def _publish_fields(packet: Publish) -> Values:
    if (packet.packet_id is None) != (packet.qos == 0):
        raise ValueError("a PUBLISH has a packet id at QoS 1 and 2, and only there")
    flags = _DUP * packet.dup | _level(packet.qos) << 1 | _RETAIN * packet.retain
    return {"flags": flags, "topic": packet.topic, "packet_id": packet.packet_id, "payload": packet.payload}


def _publish_of(flags: int, values: Values) -> Publish:
    return Publish(
        topic=values["topic"],
        payload=values["payload"],
        qos=flags >> 1 & 3,
        retain=bool(flags & _RETAIN),
        dup=bool(flags & _DUP),
        packet_id=values.get("packet_id"),
    )
