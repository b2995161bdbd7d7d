"""The properties of MQTT 5 (section 2.2.2): one table with the type of each and the packets that may hold it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from malaria.errors import MalformedPacket
from malaria.mqtt.packets import Properties
from malaria.mqtt.wire import (
    BINARY,
    BYTE,
    LONG,
    PAIR,
    SHORT,
    STRING,
    VARINT,
    FieldType,
    Reader,
    WireRule,
    read_varint,
    write_varint,
)

WILL: Final = "WILL"
_MESSAGE: Final = frozenset({"PUBLISH", WILL})
_ACKS: Final = frozenset({"PUBACK", "PUBREC", "PUBREL", "PUBCOMP", "SUBACK", "UNSUBACK"})
_HELLO: Final = frozenset({"CONNECT", "CONNACK"})
_ENDS: Final = frozenset({"DISCONNECT", "AUTH"})
_EVERYWHERE: Final = _MESSAGE | _ACKS | _HELLO | _ENDS | {"SUBSCRIBE", "UNSUBSCRIBE"}


def _flagged(name: str) -> WireRule:
    return WireRule(lambda value: value > 1, f"{name} is neither 0 nor 1", "MQTT-2.2.2")


def _nonzero(name: str) -> WireRule:
    return WireRule(lambda value: value == 0, f"{name} is 0", "MQTT-2.2.2")


@dataclass(frozen=True, slots=True)
class Property:
    """One line of table 2-4. `repeats` are the packets in which it may occur several times."""

    number: int
    name: str
    kind: FieldType
    packets: frozenset[str]
    repeats: frozenset[str] = frozenset()
    rule: Callable[[str], WireRule] | None = None


PROPERTIES: Final = (
    Property(0x01, "payload_format_indicator", BYTE, _MESSAGE, rule=_flagged),
    Property(0x02, "message_expiry_interval", LONG, _MESSAGE),
    Property(0x03, "content_type", STRING, _MESSAGE),
    Property(0x08, "response_topic", STRING, _MESSAGE),
    Property(0x09, "correlation_data", BINARY, _MESSAGE),
    Property(0x0B, "subscription_identifier", VARINT, frozenset({"PUBLISH", "SUBSCRIBE"}), frozenset({"PUBLISH"}),
             _nonzero),
    Property(0x11, "session_expiry_interval", LONG, _HELLO | {"DISCONNECT"}),
    Property(0x12, "assigned_client_identifier", STRING, frozenset({"CONNACK"})),
    Property(0x13, "server_keep_alive", SHORT, frozenset({"CONNACK"})),
    Property(0x15, "authentication_method", STRING, _HELLO | {"AUTH"}),
    Property(0x16, "authentication_data", BINARY, _HELLO | {"AUTH"}),
    Property(0x17, "request_problem_information", BYTE, frozenset({"CONNECT"}), rule=_flagged),
    Property(0x18, "will_delay_interval", LONG, frozenset({WILL})),
    Property(0x19, "request_response_information", BYTE, frozenset({"CONNECT"}), rule=_flagged),
    Property(0x1A, "response_information", STRING, frozenset({"CONNACK"})),
    Property(0x1C, "server_reference", STRING, frozenset({"CONNACK", "DISCONNECT"})),
    Property(0x1F, "reason_string", STRING, _ACKS | _ENDS | {"CONNACK"}),
    Property(0x21, "receive_maximum", SHORT, _HELLO, rule=_nonzero),
    Property(0x22, "topic_alias_maximum", SHORT, _HELLO),
    Property(0x23, "topic_alias", SHORT, frozenset({"PUBLISH"}), rule=_nonzero),
    Property(0x24, "maximum_qos", BYTE, frozenset({"CONNACK"}), rule=_flagged),
    Property(0x25, "retain_available", BYTE, frozenset({"CONNACK"}), rule=_flagged),
    Property(0x26, "user_property", PAIR, _EVERYWHERE, _EVERYWHERE),
    Property(0x27, "maximum_packet_size", LONG, _HELLO, rule=_nonzero),
    Property(0x28, "wildcard_subscription_available", BYTE, frozenset({"CONNACK"}), rule=_flagged),
    Property(0x29, "subscription_identifier_available", BYTE, frozenset({"CONNACK"}), rule=_flagged),
    Property(0x2A, "shared_subscription_available", BYTE, frozenset({"CONNACK"}), rule=_flagged),
)  # fmt: skip

_BY_NUMBER: Final[Mapping[int, Property]] = {one.number: one for one in PROPERTIES}
_BY_NAME: Final[Mapping[str, Property]] = {one.name: one for one in PROPERTIES}


def properties_of(packet: str) -> FieldType:
    """Return the type of field that the properties of a packet (or of a WILL) are."""
    return FieldType(lambda reader: _read(reader, packet), lambda properties: _write(properties, packet))


def _read(reader: Reader, packet: str) -> Properties:
    inner = Reader(reader.take(read_varint(reader)))
    found: dict[str, Any] = {}
    while not inner.done:
        number = read_varint(inner)
        one = _BY_NUMBER.get(number)
        if one is None or packet not in one.packets:
            raise MalformedPacket(f"{packet} with property {number:#04x}, which cannot stand there", "MQTT-2.2.2-2")
        value = _checked(one, one.kind.read(inner))
        if packet in one.repeats:
            found[one.name] = (*found.get(one.name, ()), value)
        elif one.name in found:
            raise MalformedPacket(f"{packet} with {one.name} twice", "MQTT-2.2.2")
        else:
            found[one.name] = value
    return found


def _checked(one: Property, value: Any) -> Any:
    rule = _broken(one, value)
    if rule is not None:
        raise MalformedPacket(rule.says, rule.clause)
    return value


def _broken(one: Property, value: Any) -> WireRule | None:
    rules = (*one.kind.rules, one.rule(one.name)) if one.rule else one.kind.rules
    return next((rule for rule in rules if rule.broken(value)), None)


def _write(properties: Properties, packet: str) -> bytes:
    """Write properties. Raises ValueError for a property or a value that the packet cannot have."""
    unknown = [name for name in properties if name not in _BY_NAME or packet not in _BY_NAME[name].packets]
    if unknown:
        raise ValueError(f"{packet} cannot have the property {unknown[0]}")
    body = b""
    for one in PROPERTIES:
        if one.name not in properties:
            continue
        value = properties[one.name]
        for single in value if packet in one.repeats else (value,):
            rule = _broken(one, single)
            if rule is not None:
                raise ValueError(f"{packet} cannot be written: {rule.says} [{rule.clause}]")
            body += write_varint(one.number) + one.kind.write(single)
    return write_varint(len(body)) + body
