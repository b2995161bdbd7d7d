"""The most that one client keeps in memory for its broker, whatever the broker does. Bytes.

A buffer past its limit ends the client's connection with a reason in words; the other clients go on.

| buffer | limit |
| --- | --- |
| answers that the kernel did not take | OWED_BYTES, and one answer |
| messages sent again after a reconnect | the in-flight window of the client |
| a message of which the kernel took a part | one message, or one TLS record or WebSocket frame of messages |
| a packet of which only a part has come | LARGEST_FRAME, and one read; a second copy while it is decoded |
| the answer to a WebSocket upgrade | LONGEST_UPGRADE_ANSWER |
| a WebSocket frame that is coming in | nothing but its header: its bytes go on as they come |
"""

from __future__ import annotations

from typing import Final

from malaria.mqtt.terms import LARGEST_PACKET

OWED_BYTES: Final = 1 << 20
"""A broker that keeps to the protocol leaves at most 65,535 packet ids of 4 bytes unread: a quarter of this."""
LARGEST_FRAME: Final = LARGEST_PACKET
"""The specification's limit (MQTT-2.2.3). A longer one is malformed."""
LONGEST_UPGRADE_ANSWER: Final = 64 << 10
LARGEST_RECORD: Final = 16 << 10
"""Bytes that one TLS record carries (RFC 8446, 5.1)."""
