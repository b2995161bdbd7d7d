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
    NO_PROPERTIES,
    Ack,
    Auth,
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
from malaria.mqtt.properties import WILL, properties_of
from malaria.mqtt.wire import (
    BINARY,
    BYTE,
    CODES,
    GRANTED,
    LARGEST_VARINT,
    OPTIONS,
    PACKET_ID,
    REQUESTED,
    REST,
    SHORT,
    STRING,
    STRINGS,
    FieldType,
    Reader,
    WireRule,
    write_varint,
)

type Buffer = bytes | bytearray | memoryview
type PacketValues = dict[str, Any]

LARGEST_REMAINING: Final = LARGEST_VARINT

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
    """One field of a packet; `present` looks at the values read (or to be written) before it.

    A field with a `default` may be missing at the end of a packet, and is left out there when it is the default; one
    that is `tied` only together with the field before it.
    """

    name: str
    kind: FieldType
    present: Callable[[PacketValues], bool] = lambda _: True
    default: Any = None
    tied: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """The fields of a packet. `flags` are the low bits of the first byte; None if they carry values.

    `flag_rules` look at these flags, `rules` at all values, among them the `protocol`.
    """

    fields: tuple[Field, ...]
    flags: int | None = 0
    flag_rules: tuple[WireRule, ...] = ()
    rules: tuple[WireRule, ...] = ()


def _connect_flag(flag: int) -> Callable[[PacketValues], bool]:
    return lambda values: bool(values["connect_flags"] & flag)


def _will_flags_alone(values: PacketValues) -> bool:
    flags = values["connect_flags"]
    return not flags & _WILL and bool(flags & (_WILL_QOS | _WILL_RETAIN))


def _password_alone(values: PacketValues) -> bool:
    return not _5(values) and bool(values["connect_flags"] & (_PASSWORD | _USERNAME) == _PASSWORD)


def _5(values: PacketValues) -> bool:
    """Tell whether the packet belongs to MQTT 5. CONNECT states it itself."""
    return bool(values.get("protocol_level", values["protocol"]) == Protocol.V5)


def _311(values: PacketValues) -> bool:
    return not _5(values)


def _will_of_5(values: PacketValues) -> bool:
    return _5(values) and bool(values["connect_flags"] & _WILL)


def _no_topic(values: PacketValues) -> bool:
    """Tell whether a PUBLISH has neither a topic nor, in MQTT 5, an alias for it."""
    aliased = _5(values) and "topic_alias" in values["properties"]
    return not values["topic"] and not aliased


def _no_method(values: PacketValues) -> bool:
    """Tell whether an AUTH lacks its method (section 3.15.2.2.2). Only one of success may be empty."""
    return bool(values["reason_code"]) and "authentication_method" not in values["properties"]


def _properties(packet: str, *, may_miss: bool = False, tied: bool = False) -> Field:
    return Field("properties", properties_of(packet), _5, NO_PROPERTIES if may_miss else None, tied)


def _ack(packet: str, flags: int = 0) -> Layout:
    """Make the layout of PUBACK and its like. MQTT 5 may omit reason code and properties (sections 3.4 to 3.7)."""
    return Layout((_ID, Field("reason_code", BYTE, _5, 0), _properties(packet, may_miss=True)), flags=flags)


def _end(packet: str, *rules: WireRule, tied: bool = False) -> Layout:
    """Make the layout of DISCONNECT and AUTH (sections 3.14, 3.15). AUTH has both fields or, at reason 0, none."""
    return Layout((Field("reason_code", BYTE, _5, 0), _properties(packet, may_miss=True, tied=tied)), rules=rules)


_ID: Final = Field("packet_id", PACKET_ID)

LAYOUTS: Final[Mapping[PacketType, Layout]] = {
    PacketType.CONNECT: Layout(
        (
            Field("protocol_name", STRING),
            Field("protocol_level", BYTE),
            Field("connect_flags", BYTE),
            Field("keep_alive", SHORT),
            _properties("CONNECT"),
            Field("client_id", STRING),
            Field("will_properties", properties_of(WILL), _will_of_5),
            Field("will_topic", STRING, _connect_flag(_WILL)),
            Field("will_payload", BINARY, _connect_flag(_WILL)),
            Field("username", STRING, _connect_flag(_USERNAME)),
            Field("password", BINARY, _connect_flag(_PASSWORD)),
        ),
        rules=(
            WireRule(lambda values: values["protocol_name"] != "MQTT", "a protocol that is not MQTT", "MQTT-3.1.2-1"),
            WireRule(lambda values: values["protocol_level"] not in set(Protocol), "an unknown level", "MQTT-3.1.2-2"),
            WireRule(_connect_flag(0x01), "CONNECT with its reserved flag set", "MQTT-3.1.2-3"),
            WireRule(
                lambda values: values["connect_flags"] & _WILL_QOS == _WILL_QOS, "a will with QoS 3", "MQTT-3.1.2-14"
            ),
            WireRule(_will_flags_alone, "will flags without a will", "MQTT-3.1.2-13"),
            WireRule(_password_alone, "a password without a user name", "MQTT-3.1.2-22"),
        ),
    ),
    PacketType.CONNACK: Layout(
        (Field("acknowledge_flags", BYTE), Field("reason_code", BYTE), _properties("CONNACK")),
        rules=(
            WireRule(lambda values: values["acknowledge_flags"] > 1, "CONNACK with reserved flags set", "MQTT-3.2.2-1"),
            WireRule(
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
            _properties("PUBLISH"),
            Field("payload", REST),
        ),
        flags=None,
        flag_rules=(
            WireRule(lambda flags: flags & _QOS == _QOS, "PUBLISH with QoS 3", "MQTT-3.3.1-4"),
            WireRule(lambda flags: flags & _DUP and not flags & _QOS, "PUBLISH with DUP at QoS 0", "MQTT-3.3.1-2"),
        ),
        rules=(
            WireRule(
                lambda values: _no_topic(values) or not {"+", "#"}.isdisjoint(values["topic"]),
                "PUBLISH to a topic that is empty or has a wildcard",
                "MQTT-3.3.2-2",
            ),
        ),
    ),
    PacketType.PUBACK: _ack("PUBACK"),
    PacketType.PUBREC: _ack("PUBREC"),
    PacketType.PUBREL: _ack("PUBREL", flags=2),
    PacketType.PUBCOMP: _ack("PUBCOMP"),
    PacketType.SUBSCRIBE: Layout(
        (_ID, _properties("SUBSCRIBE"), Field("filters", REQUESTED, _311), Field("filters", OPTIONS, _5)), flags=2
    ),
    PacketType.SUBACK: Layout(
        (_ID, _properties("SUBACK"), Field("reason_codes", GRANTED, _311), Field("reason_codes", CODES, _5))
    ),
    PacketType.UNSUBSCRIBE: Layout((_ID, _properties("UNSUBSCRIBE"), Field("filters", STRINGS)), flags=2),
    PacketType.UNSUBACK: Layout((_ID, _properties("UNSUBACK"), Field("reason_codes", CODES, _5))),
    PacketType.PINGREQ: Layout(()),
    PacketType.PINGRESP: Layout(()),
    PacketType.DISCONNECT: _end("DISCONNECT"),
    PacketType.AUTH: _end(
        "AUTH",
        WireRule(_311, "AUTH, which is of MQTT 5", "MQTT-2.2.1"),
        WireRule(_no_method, "AUTH without its authentication method", "MQTT-3.15.2"),
        tied=True,
    ),
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
FROM_BROKER_5: Final = FROM_BROKER | {PacketType.DISCONNECT, PacketType.AUTH}
"""The same in MQTT 5."""


def from_broker(protocol: Protocol) -> frozenset[PacketType]:
    """Return the packet types that a server may send to a client."""
    return FROM_BROKER_5 if protocol is Protocol.V5 else FROM_BROKER


def encode(packet: Packet, protocol: Protocol = Protocol.V311) -> bytes:
    """Encode a packet. Raises ValueError if a field cannot hold its value or the protocol does not have it."""
    kind, values = _fields_of(packet, protocol)
    if protocol is not Protocol.V5 and (kind is PacketType.AUTH or getattr(packet, "properties", None)):
        raise ValueError(f"{kind.name} cannot be written: MQTT 3.1.1 has no properties and no AUTH")
    values["protocol"] = protocol
    layout = LAYOUTS[kind]
    flags: int = values["flags"] if layout.flags is None else layout.flags
    fields = _without_defaults([field for field in layout.fields if field.present(values)], values)
    broken = _broken(layout.flag_rules, flags) or _broken(layout.rules, values) or _broken_value(fields, values)
    if broken:
        raise ValueError(f"{kind.name} cannot be written: {broken.says} [{broken.clause}]")
    body = b"".join(field.kind.write(values[field.name]) for field in fields)
    return bytes((kind << 4 | flags,)) + encode_remaining_length(len(body)) + body


def decode(
    buffer: Buffer,
    start: int,
    end: int,
    allowed: frozenset[PacketType] = FROM_BROKER,
    protocol: Protocol = Protocol.V311,
) -> tuple[Packet, int] | None:
    """Decode the packet at `start`; return it and where the next one begins, or None if it is incomplete.

    Raises MalformedPacket for bytes that are no packet, and for one that the other side must not send.
    """
    length = frame_length(buffer, start, end, LARGEST_REMAINING + 5)
    if start < end:
        _check_first_byte(buffer[start], allowed)
    if not length:
        return None
    frame = bytes(buffer[start : start + length])
    kind = PacketType(frame[0] >> 4)
    values = _read_fields(kind, frame, protocol)
    _refuse(_broken(LAYOUTS[kind].rules, values))
    head = _head_length(frame)
    if head > 2 and not frame[head - 1] and _5(values):  # MQTT 3.1.1 does not forbid it
        raise MalformedPacket("a remaining length in more bytes than it needs", "MQTT-1.5.5-1")
    return _packet_of(kind, values), start + length


def frame_length(buffer: Buffer, start: int, end: int, limit: int) -> int:
    """Return the bytes of the frame at `start`, first byte included; 0 if buffer[start:end] has only a part of it.

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
    """Encode a length, seven bits a byte, lowest first (section 2.2.3). Raises ValueError over 268,435,455."""
    if length > LARGEST_REMAINING:
        raise ValueError(f"a packet of {length:,} bytes cannot be written")
    return write_varint(length)


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


def _read_fields(kind: PacketType, frame: bytes, protocol: Protocol) -> PacketValues:
    values: PacketValues = {"flags": frame[0] & 0x0F, "protocol": protocol}
    reader = Reader(frame[_head_length(frame) :])
    is_short = False
    for field in LAYOUTS[kind].fields:
        if not field.present(values):
            continue
        if field.default is not None and reader.done and (is_short or not field.tied):
            values[field.name] = field.default
            is_short = True
            continue
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


def _broken(rules: tuple[WireRule, ...], value: Any) -> WireRule | None:
    for rule in rules:
        if rule.broken(value):
            return rule
    return None


def _without_defaults(fields: list[Field], values: PacketValues) -> list[Field]:
    """Drop the last fields that may be left out."""
    while fields and fields[-1].default is not None and values[fields[-1].name] == fields[-1].default:
        fields.pop()
    return fields


def _broken_value(fields: list[Field], values: PacketValues) -> WireRule | None:
    for field in fields:
        if (rule := _broken(field.kind.rules, values[field.name])) is not None:
            return rule
    return None


def _refuse(rule: WireRule | None) -> None:
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
    PacketType.AUTH: Auth,
}
_TYPES: Final = {cls: kind for kind, cls in _CLASSES.items()}


def _fields_of(packet: Packet, protocol: Protocol) -> tuple[PacketType, PacketValues]:
    match packet:
        case Connect():
            return PacketType.CONNECT, _connect_fields(packet, protocol)
        case Connack(session_present, reason_code, properties):
            values = {"acknowledge_flags": int(session_present), "reason_code": reason_code, "properties": properties}
            return PacketType.CONNACK, values
        case Publish():
            return PacketType.PUBLISH, _publish_fields(packet)
        case Ack(kind, packet_id, reason_code, properties):
            return kind, {"packet_id": packet_id, "reason_code": reason_code, "properties": properties}
        case _:
            return _TYPES[type(packet)], {name: getattr(packet, name) for name in packet.__slots__}


def _packet_of(kind: PacketType, values: PacketValues) -> Packet:
    flags = values.pop("flags")
    del values["protocol"]
    if kind is PacketType.CONNECT:
        return _connect_of(values)
    if kind is PacketType.CONNACK:
        return _connack_of(values)
    if kind is PacketType.PUBLISH:
        return _publish_of(flags, values)
    if kind in (PacketType.PUBACK, PacketType.PUBREC, PacketType.PUBREL, PacketType.PUBCOMP):
        return Ack(kind, **values)
    return _CLASSES[kind](**values)


def _connect_fields(packet: Connect, protocol: Protocol) -> PacketValues:
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
        "properties": packet.properties,
        "client_id": packet.client_id,
        "will_properties": will.properties if will else NO_PROPERTIES,
        "will_topic": will.topic if will else None,
        "will_payload": will.payload if will else None,
        "username": packet.username,
        "password": packet.password,
    }


def _level(qos: int) -> int:
    """Check that a QoS fits into two bits: more would change the flags next to them."""
    if not 0 <= qos <= 2:
        raise ValueError(f"there is no QoS {qos}")
    return qos


def _connect_of(values: PacketValues) -> Connect:
    flags = values["connect_flags"]
    will = None
    if flags & _WILL:
        will = Will(
            values["will_topic"],
            values["will_payload"],
            flags >> 3 & 3,
            bool(flags & _WILL_RETAIN),
            values.get("will_properties", NO_PROPERTIES),
        )
    return Connect(
        client_id=values["client_id"],
        clean_start=bool(flags & _CLEAN),
        keep_alive=values["keep_alive"],
        username=values.get("username"),
        password=values.get("password"),
        will=will,
        properties=values.get("properties", NO_PROPERTIES),
    )


def _connack_of(values: PacketValues) -> Connack:
    properties = values.get("properties", NO_PROPERTIES)
    return Connack(bool(values["acknowledge_flags"]), values["reason_code"], properties)


def _publish_fields(packet: Publish) -> PacketValues:
    if (packet.packet_id is None) != (packet.qos == 0):
        raise ValueError("a PUBLISH has a packet id at QoS 1 and 2, and only there")
    flags = _DUP * packet.dup | _level(packet.qos) << 1 | _RETAIN * packet.retain
    return {
        "flags": flags,
        "topic": packet.topic,
        "packet_id": packet.packet_id,
        "properties": packet.properties,
        "payload": packet.payload,
    }


def _publish_of(flags: int, values: PacketValues) -> Publish:
    return Publish(
        topic=values["topic"],
        payload=values["payload"],
        qos=flags >> 1 & 3,
        retain=bool(flags & _RETAIN),
        dup=bool(flags & _DUP),
        packet_id=values.get("packet_id"),
        properties=values.get("properties", NO_PROPERTIES),
    )
