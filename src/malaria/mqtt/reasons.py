"""Return and reason codes in words (MQTT 3.1.1, table 3.1 and section 3.9.3; MQTT 5, table 2-6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from malaria.mqtt.packets import Connack, Properties, Protocol

FAILURE: Final = 0x80
"""Reason codes from here on are refusals (MQTT 5, 2.4)."""
NO_MATCHING_SUBSCRIBERS: Final = 0x10
SESSION_TAKEN_OVER: Final = 0x8E

RETURN_CODES: Final[Mapping[int, str]] = {
    0: "accepted",
    1: "unacceptable protocol version",
    2: "client id rejected",
    3: "server unavailable",
    4: "bad user name or password",
    5: "not authorised",
}
"""Of CONNACK in 3.1.1."""

REASON_CODES: Final[Mapping[int, str]] = {
    0x00: "success",
    0x01: "granted QoS 1",
    0x02: "granted QoS 2",
    0x04: "disconnect with the will",
    0x10: "no matching subscribers",
    0x11: "no subscription existed",
    0x18: "continue authentication",
    0x19: "re-authenticate",
    0x80: "unspecified error",
    0x81: "malformed packet",
    0x82: "protocol error",
    0x83: "implementation specific error",
    0x84: "unsupported protocol version",
    0x85: "client id not valid",
    0x86: "bad user name or password",
    0x87: "not authorised",
    0x88: "server unavailable",
    0x89: "server busy",
    0x8A: "banned",
    0x8B: "server shutting down",
    0x8C: "bad authentication method",
    0x8D: "keep-alive timeout",
    0x8E: "session taken over by another client of this id",
    0x8F: "topic filter invalid",
    0x90: "topic name invalid",
    0x91: "packet id in use",
    0x92: "packet id not found",
    0x93: "receive maximum exceeded",
    0x94: "topic alias invalid",
    0x95: "packet too large",
    0x96: "message rate too high",
    0x97: "quota exceeded",
    0x98: "administrative action",
    0x99: "payload format invalid",
    0x9A: "retain not supported",
    0x9B: "QoS not supported",
    0x9C: "use another server",
    0x9D: "server moved",
    0x9E: "shared subscriptions not supported",
    0x9F: "connection rate exceeded",
    0xA0: "maximum connect time",
    0xA1: "subscription identifiers not supported",
    0xA2: "wildcard subscriptions not supported",
}


def reason_text(code: int, protocol: Protocol = Protocol.V5) -> str:
    """Return the text of a reason code (in 3.1.1, of CONNACK's return code)."""
    table = REASON_CODES if protocol is Protocol.V5 else RETURN_CODES
    return table.get(code, f"code {code}, which {protocol.title} does not know")


def reason_with_details(code: int, properties: Properties, protocol: Protocol = Protocol.V5) -> str:
    """Return the text of a reason with the broker's own reason string and the server that it refers to."""
    text = reason_text(code, protocol)
    if words := properties.get("reason_string"):
        text += f" ({str(words)[:120]})"
    if server := properties.get("server_reference"):
        text += f"; it refers to {str(server)[:120]}"
    return text


def connack_reason(packet: Connack, protocol: Protocol) -> str:
    """Return why a CONNACK refuses.

    A broker that does not speak MQTT 5 answers with a return code of 3.1.1: 1, unacceptable protocol version.
    """
    if protocol is Protocol.V5 and packet.reason_code in RETURN_CODES and packet.reason_code:
        return f"{RETURN_CODES[packet.reason_code]} ({Protocol.V311.title} is what it speaks)"
    return reason_with_details(packet.reason_code, packet.properties, protocol)
