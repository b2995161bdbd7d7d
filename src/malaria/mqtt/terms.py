"""The terms of a broker for a client: properties of CONNACK, each with its default (MQTT 5, 3.2.2.3).

MQTT 3.1.1 has none of this: `UNLIMITED` holds there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from malaria.mqtt.codec import LARGEST_REMAINING
from malaria.mqtt.packets import Properties

LARGEST_PACKET: Final = LARGEST_REMAINING + 5


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of a broker. Counts and sizes are upper limits."""

    receive_maximum: int = 65_535
    maximum_packet_size: int = LARGEST_PACKET
    maximum_qos: int = 2
    topic_alias_maximum: int = 0
    retain_available: bool = True
    wildcard_subscription_available: bool = True
    subscription_identifier_available: bool = True
    shared_subscription_available: bool = True
    server_keep_alive: int | None = None  # seconds, replaces that of CONNECT
    assigned_client_identifier: str | None = None


UNLIMITED: Final = Terms()


def terms_of(properties: Properties) -> Terms:
    """Return the terms that a CONNACK states."""
    stated: dict[str, Any] = {name: properties[name] for name in Terms.__slots__ if name in properties}
    flags = {name: bool(value) for name, value in stated.items() if name.endswith("_available")}
    return Terms(**(stated | flags))
