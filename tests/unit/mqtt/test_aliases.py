"""Topic aliases: introduced, used, changed, and those that are none."""

from __future__ import annotations

import pytest

from malaria.errors import MalformedPacket
from malaria.mqtt.aliases import TopicAliases
from malaria.mqtt.packets import Publish


def aliased(topic: str, alias: int) -> Publish:
    return Publish(topic, properties={"topic_alias": alias})


def test_an_alias_stands_for_the_topic_that_introduced_it_last() -> None:
    aliases = TopicAliases(2)
    assert aliases.topic_of(Publish("plain")) == "plain"
    assert [aliases.topic_of(p) for p in (aliased("a", 1), aliased("b", 2), aliased("", 1))] == ["a", "b", "a"]
    assert [aliases.topic_of(p) for p in (aliased("c", 1), aliased("", 1), aliased("", 2))] == ["c", "c", "b"]


@pytest.mark.parametrize(("most", "packet", "clause"), [
    (2, aliased("a", 3), "MQTT-3.1.2-26"),
    (0, aliased("a", 1), "MQTT-3.1.2-26"),
    (2, aliased("", 2), "MQTT-3.3.2-7"),
])  # fmt: skip
def test_one_that_is_none(most: int, packet: Publish, clause: str) -> None:
    with pytest.raises(MalformedPacket) as caught:
        TopicAliases(most).topic_of(packet)
    assert caught.value.clause == clause
