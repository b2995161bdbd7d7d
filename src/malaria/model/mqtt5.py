"""The keys of a group that only MQTT 5 has: of messages, subscriptions, sessions and wills.

A name is that of the property, shortened where it is clear: `session_expiry` is the session expiry interval.

Promises: the codec can write every value. A key that is left out is not in the packet: the default of the
specification holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from malaria.model.fields import FOR_EVER_S, ExpiryS, Flag, ProtocolText, UserProperties
from malaria.model.placeholders import fill
from malaria.model.table import Table

type Limit = Annotated[int, Field(strict=True, ge=1, le=65535)]
type LargeLimit = Annotated[int, Field(strict=True, ge=1, le=268_435_455)]
type PlaceholderValues = Mapping[str, str | int]

NO_LOCAL: Final = 0x04
RETAIN_AS_PUBLISHED: Final = 0x08
RETAIN_HANDLING_SHIFT: Final = 4
"""The options of a subscription, beside its QoS (MQTT 5, 3.8.3.1)."""


class Message5(Table):
    """The properties of a message. Texts are templates."""

    message_expiry: ExpiryS = None
    """MQTT 5: whole seconds after which the broker forgets a message."""
    content_type: str | None = None
    """MQTT 5: content type of every message; a template."""
    response_topic: str | None = None
    """MQTT 5: topic that answers go to; a template."""
    correlation_data: str | None = None
    """MQTT 5: what tells an answer from others; a template."""
    user_properties: UserProperties = ()
    """MQTT 5: user properties of every message: name = text, or a list of texts; templates."""

    def properties_at(self, values: PlaceholderValues) -> dict[str, Any]:
        """Return the properties as the packet has them; `values` replace the placeholders."""
        found: dict[str, Any] = {}
        if self.message_expiry is not None:
            found["message_expiry_interval"] = self.message_expiry
        if self.content_type is not None:
            found["content_type"] = fill(self.content_type, values)
        if self.response_topic is not None:
            found["response_topic"] = fill(self.response_topic, values)
        if self.correlation_data is not None:
            found["correlation_data"] = fill(self.correlation_data, values).encode()
        if self.user_properties:
            found["user_property"] = tuple((name, fill(text, values)) for name, text in self.user_properties)
        return found


OF_MESSAGES: Final = (*Message5.model_fields,)


class Client5(Message5):
    """The keys of a client that only MQTT 5 has. Without `protocol`, the one of `[attack]` holds."""

    protocol: ProtocolText = None
    """MQTT version of this group, in place of the one of [attack]."""
    session_expiry: ExpiryS = None
    """MQTT 5: whole seconds that the broker keeps a session after its connection, or "never" (ends)."""
    receive_maximum: Limit | None = None
    """MQTT 5: the most deliveries of QoS 1 and 2 that the broker may have under way."""
    maximum_packet_size: LargeLimit | None = None
    """MQTT 5: bytes of the largest packet that the broker may send."""
    topic_alias_maximum: int = Field(default=0, strict=True, ge=0, le=65535)
    """MQTT 5: the most topic aliases that the broker may use."""
    topic_alias: Flag = False
    """MQTT 5: send the topic once per connection, and its alias from then on."""
    no_local: Flag = False
    """MQTT 5: do not deliver to a client what it publishes itself."""
    retain_as_published: Flag = False
    """MQTT 5: deliver messages with the RETAIN flag that they were published with."""
    retain_handling: Literal[0, 1, 2] = 0
    """MQTT 5: retained messages at subscribing: 0 all, 1 those of new subscriptions, 2 none."""
    subscription_identifier: LargeLimit | None = None
    """MQTT 5: number that the broker puts on messages of these subscriptions."""

    def connect_properties(self, *, clean_start: bool) -> dict[str, Any]:
        """Return the properties of CONNECT. A kept session without an expiry never ends, as in MQTT 3.1.1."""
        # without an expiry MQTT 5 would end the session with the connection, and 3.1.1 keeps it
        expiry = FOR_EVER_S if self.session_expiry is None and not clean_start else self.session_expiry
        properties = {
            "session_expiry_interval": expiry,
            "receive_maximum": self.receive_maximum,
            "topic_alias_maximum": self.topic_alias_maximum or None,
            "maximum_packet_size": self.maximum_packet_size,
        }
        return {name: value for name, value in properties.items() if value is not None}

    @property
    def subscription_options(self) -> int:
        """Return the options byte of a subscription, without its QoS."""
        # the QoS of the subscription fills the two lowest bits
        flags = NO_LOCAL * self.no_local | RETAIN_AS_PUBLISHED * self.retain_as_published
        return flags | self.retain_handling << RETAIN_HANDLING_SHIFT

    def subscribe_properties(self) -> dict[str, Any]:
        identifier = self.subscription_identifier
        return {} if identifier is None else {"subscription_identifier": identifier}


OF_5: Final = tuple(name for name in Client5.model_fields if name != "protocol")
"""The keys of a group that a 3.1.1 client cannot have."""
