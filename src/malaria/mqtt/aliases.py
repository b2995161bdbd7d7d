"""Topic aliases as the receiver keeps them (MQTT 5, 3.3.2.3.4)."""

from __future__ import annotations

from malaria.errors import MalformedPacket
from malaria.mqtt.packets import Publish


class TopicAliases:
    """The topic aliases that the other side introduced on one connection; `most` is the highest that is allowed."""

    __slots__ = ("_most", "_topics")

    def __init__(self, most: int) -> None:
        self._most = most
        self._topics: dict[int, str] = {}

    def topic_of(self, packet: Publish) -> str:
        """Return the topic of a PUBLISH. Raises MalformedPacket for an invalid alias."""
        alias = packet.properties.get("topic_alias")
        if alias is None:
            return packet.topic
        if alias > self._most:
            raise MalformedPacket(f"topic alias {alias}, and {self._most} is the most that we allow", "MQTT-3.1.2-26")
        if packet.topic:
            self._topics[alias] = packet.topic
        if alias not in self._topics:
            raise MalformedPacket(f"topic alias {alias}, which was not introduced", "MQTT-3.3.2-7")
        return self._topics[alias]
