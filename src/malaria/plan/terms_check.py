"""Compare the terms of a broker (CONNACK of MQTT 5) with what a group needs, and describe the conflict.

A client whose load the broker excludes is not started: its CONNACK counts as a refusal, with a remedy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from malaria.mqtt.codec import encode_remaining_length
from malaria.mqtt.properties import properties_of
from malaria.mqtt.terms import Terms
from malaria.mqtt.topics import SHARE
from malaria.plan.clients import GroupPlan
from malaria.schedule.payload import parse_size

NO_GO: Final = "the broker's terms: "
QOS: Final = f"{NO_GO}no message over QoS "
SIZE: Final = f"{NO_GO}no packet over "
RETAIN: Final = f"{NO_GO}no retained messages"
WILDCARDS: Final = f"{NO_GO}no filters with wildcards"
SHARING: Final = f"{NO_GO}no shared subscriptions"
IDENTIFIERS: Final = f"{NO_GO}no subscription identifiers"
REMEDIES: Final = {
    QOS: "lower -q/--qos, or allow more there",
    SIZE: "lower -s/--size, or raise the broker's limit (mosquitto: max_packet_size)",
    RETAIN: "leave --retain away, or allow retained messages there",
    WILDCARDS: "subscribe to filters without + and #, or allow them there",
    SHARING: "leave $share away, or allow shared subscriptions there",
    IDENTIFIERS: "leave subscription_identifier away, or allow identifiers there",
}
"""What each cause begins with -> what to do."""


def excluded(plan: GroupPlan, index: int, terms: Terms) -> str:
    """Return why the broker's terms exclude the load of a client, or an empty text."""
    return next(_exclusions(plan, index, terms), "")


def smallest_packet(plan: GroupPlan, index: int) -> int:
    """Return the bytes of the smallest PUBLISH that is known of this client: its first topic, the least payload."""
    return _packet(plan, index, parse_size(plan.group.size).low if plan.group.generated else 0)


def largest_packet(plan: GroupPlan, index: int) -> int:
    """Return the bytes of the largest PUBLISH, as far as malaria makes the payloads."""
    return _packet(plan, index, parse_size(plan.group.size).largest)


def _exclusions(plan: GroupPlan, index: int, terms: Terms) -> Iterator[str]:
    group = plan.group
    if group.publishes:
        if group.qos > terms.maximum_qos:
            yield f"{QOS}{terms.maximum_qos}"
        if group.retain and not terms.retain_available:
            yield RETAIN
        if smallest_packet(plan, index) > terms.maximum_packet_size:
            yield f"{SIZE}{terms.maximum_packet_size:,} bytes"
    if group.subscribes:
        if any("+" in filter_ or "#" in filter_ for filter_ in group.filters):
            yield from () if terms.wildcard_subscription_available else (WILDCARDS,)
        if any(filter_.startswith(SHARE) for filter_ in group.filters):
            yield from () if terms.shared_subscription_available else (SHARING,)
        if group.subscription_identifier is not None and not terms.subscription_identifier_available:
            yield IDENTIFIERS


def _packet(plan: GroupPlan, index: int, payload_size: int) -> int:
    properties = properties_of("PUBLISH").write(plan.message_properties(index, 0))
    ids = 2 if plan.group.qos else 0
    remaining = 2 + len(plan.topic(index, 0).encode()) + ids + len(properties) + payload_size
    return 1 + len(encode_remaining_length(remaining)) + remaining
