"""Refuse a group whose keys contradict each other. Each key by itself has been checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Final

from malaria.model.completion import holds_header, is_generated
from malaria.model.faults import KeyPathError, Location
from malaria.model.group_keys import GroupKeys
from malaria.model.mqtt5 import OF_MESSAGES, Message5
from malaria.model.placeholders import OF_CLIENT, OF_CLIENT_ID, OF_MESSAGE, RUN_NAME_CHARS, check_template, fill
from malaria.model.template_checks import check_carried, check_text
from malaria.mqtt.topics import SHARE, check_filter, check_topic
from malaria.mqtt.wire import LONGEST_STRING
from malaria.schedule.pacing import MOST_PER_S
from malaria.schedule.payload import HEADER_SIZE, parse_size
from malaria.units import format_things

LARGEST_PAYLOAD_BYTES: Final = 2**28 - 1 - 2 * (LONGEST_STRING + 2)
LONGEST_INTERVAL_S: Final = 366 * 86400
SHORTEST_INTERVAL_S: Final = Fraction(1, MOST_PER_S)
OF_PUBLISHERS: Final = (
    "interval", "arrival", "jitter", "rate_ramp_ns", "retain", "size", "payload", "messages", "inflight",
    "topics", "topic_alias", *OF_MESSAGES,
)  # fmt: skip
OF_SUBSCRIBERS: Final = (
    "filters", "topic_alias_maximum", "no_local", "retain_as_published", "retain_handling", "subscription_identifier",
)  # fmt: skip
OF_MESSAGE_TEXTS: Final = ("response_topic", "content_type", "correlation_data")
WIDEST_NUMBER: Final = 2**32 - 1
"""The largest sequence of a message: as wide as any number of a client."""
LONGEST_IDENTITY_BYTES: Final = 256
"""What OpenSSL takes as the identity of a pre-shared key."""
OF_MESSAGING: Final = ("qos", "topic")


def check_group(group: GroupKeys) -> None:
    """Raise KeyPathError for the first contradiction in a group."""
    for check in _GROUP_CHECKS:
        check(group)


def _check_role(group: GroupKeys) -> None:
    for wanted, keys, lack in (
        (group.publishes, OF_PUBLISHERS, "publishes nothing"),
        (group.subscribes, OF_SUBSCRIBERS, "subscribes to nothing"),
        (group.publishes or group.subscribes, OF_MESSAGING, "sends and receives nothing"),
    ):
        # only what differs from its default can have been stated by the operator
        for name in () if wanted else keys:
            field = type(group).model_fields[name]
            if getattr(group, name) != ("" if name == "topic" else field.default):
                key = field.alias or name
                raise KeyPathError(key, f"means nothing for a {group.role} group, which {lack}", f"leave {key} out")


def _check_pace(group: GroupKeys) -> None:
    if group.interval > LONGEST_INTERVAL_S:
        raise KeyPathError("interval", "is longer than a year", "write a shorter one")
    if 0 < group.interval < SHORTEST_INTERVAL_S:
        raise KeyPathError(
            "interval",
            f"is shorter than a microsecond: a client can be asked for at most {MOST_PER_S:,} messages a second",
            "write a longer one, or 0 to send as fast as the window allows",
        )
    if group.closed_loop and group.arrival != "steady":
        raise KeyPathError("arrival", "an interval of 0 is closed loop and has no schedule", "leave arrival out")
    if group.closed_loop and group.rate_ramp_ns:
        raise KeyPathError(
            "rate_ramp", "an interval of 0 is closed loop and has no rate to ramp", "leave rate_ramp out"
        )
    # the default of `jitter` is there in any case
    if group.arrival != "jitter" and group.jitter != type(group).model_fields["jitter"].default:
        raise KeyPathError("jitter", f"means nothing for {group.arrival} arrival", 'write arrival = "jitter" too')


def _check_payload(group: GroupKeys) -> None:
    if not is_generated(group.payload) and group.size != type(group).model_fields["size"].default:
        raise KeyPathError("size", f"{group.payload} has a size of its own", "leave size out")
    # a header cut short would make every figure of loss and order wrong
    if group.header and is_generated(group.payload) and group.publishes and not holds_header(group.size):
        remedy = f"make all payloads {HEADER_SIZE} bytes or more, or write header = false and do without the account"
        raise KeyPathError(
            "header", f"a size of {group.size} has no room for the header of {HEADER_SIZE} bytes", remedy
        )
    if parse_size(group.size).largest > LARGEST_PAYLOAD_BYTES:
        raise KeyPathError("size", "MQTT cannot carry a payload of that size", "write at most 250 MB")


def _check_names(group: GroupKeys) -> None:
    check_text("client_id", group.client_id, OF_CLIENT_ID)
    if group.clients > 1 and group.has_one_id:
        raise KeyPathError("client_id", "is the same for every client of the group", "put {index} into it")
    for key, text in (("username", group.username), ("password", group.password)):
        if text is not None:
            check_text(key, text, OF_CLIENT)
    if group.password is not None and not group.username:
        raise KeyPathError("password", "needs a user name", "write username too [MQTT-3.1.2-22]")


def _check_topics(group: GroupKeys) -> None:
    """Check topics and filters as the first client fills them."""
    if group.publishes:
        for place, topic in _topics(group):
            _check_filled(place, topic, OF_MESSAGE, check_topic, group)
        if len(group.topics) > group.clients:
            message = (
                f"{len(group.topics):,} topics for {format_things(group.clients, 'client')}, and each client takes one"
            )
            raise KeyPathError("topics", message, f"write clients = {len(group.topics)} or more, or fewer topics")
        if group.messages is None and "messages" in group.topic_uses:
            raise KeyPathError("topic", "uses {messages}, but the group has no messages", "write messages = ... too")
    if group.subscribes and not group.filters:
        raise KeyPathError("filters", "is an empty list", 'write at least one filter, such as ["malaria/#"]')
    for position, filter_ in enumerate(group.filters):
        # a subscriber's only filter was written as its topic
        key: str | Location = "topic" if filter_ == group.topic else ("filters", position)
        _check_filled(key, filter_, OF_CLIENT, check_filter, group)
    if group.will is not None:
        _check_filled(("will", "topic"), group.will.topic, OF_CLIENT, check_topic, group)
        check_carried(("will", "payload"), group.will.payload)
        _check_message(group.will, ("will",), OF_CLIENT, group)
    _check_message(group, (), OF_MESSAGE, group)


def _topics(group: GroupKeys) -> list[tuple[str | Location, str]]:
    """Return the topics that the clients publish to, each with its place in the warhead."""
    return [(("topics", place), topic) for place, topic in enumerate(group.topics)] or [("topic", group.topic)]


def _check_message(message: Message5, above: Location, allowed: frozenset[str], group: GroupKeys) -> None:
    if message.response_topic is not None:
        _check_filled((*above, "response_topic"), message.response_topic, allowed, check_topic, group)
    texts = {"content_type": message.content_type, "correlation_data": message.correlation_data}
    for key, text in texts.items():
        if text is not None:
            check_text((*above, key), text, allowed)
    for name, text in message.user_properties:
        check_carried((*above, "user_properties", name), name)
        check_text((*above, "user_properties", name), text, allowed)


def _check_aliases(group: GroupKeys) -> None:
    # with a new topic for every message no alias is ever used twice
    if group.topic_alias and "seq" in group.topic_uses:
        remedy = "leave {seq} out of the topic, or topic_alias"
        raise KeyPathError("topic_alias", "stands for a topic, and every message has another one", remedy)


def _check_shared(group: GroupKeys) -> None:
    if group.no_local and any(filter_.startswith(SHARE) for filter_ in group.filters):
        raise KeyPathError("no_local", "cannot be asked of a shared subscription", "leave it out [MQTT-3.8.3-4]")


def _check_chosen_id(group: GroupKeys) -> None:
    """Refuse {client} in names if the broker chooses the client ids: they are not known beforehand."""
    if not group.chosen_by_broker:
        return
    topics = "".join(topic for _, topic in _topics(group))
    named = {"topic": topics, "username": group.username, "password": group.password,
             "response_topic": group.response_topic, "filters": "".join(group.filters)}  # fmt: skip
    for key, text in named.items():
        if text and "client" in check_template(text, OF_MESSAGE):
            raise KeyPathError(key, "uses {client}, and the broker chooses the ids", "write {group} and {index}")
    if group.will is not None and "client" in check_template(group.will.topic, OF_CLIENT):
        raise KeyPathError(("will", "topic"), "uses {client}, and the broker chooses the ids", "write {index}")


def _check_filled(
    key: str | Location, template: str, allowed: frozenset[str], check: Callable[[str], None], group: GroupKeys
) -> None:
    check_text(key, template, allowed)
    # wildcards and empty levels may come from the values, so the filled text is checked
    filled = fill(template, group.values_at(0, "run") | {"seq": 0})
    try:
        check(filled)
    except ValueError as error:
        # errors of `mqtt.topics` are one text: what is wrong; what to write
        message, _, remedy = str(error).partition("; ")
        raise KeyPathError(key, message, remedy or "see `malaria docs warhead` for topics and filters") from None


def _check_lengths(group: GroupKeys) -> None:
    """Refuse templates that may grow too long for MQTT once they are filled: a worker would meet that under way."""
    widest = group.values_at(WIDEST_NUMBER, "r" * RUN_NAME_CHARS, "i" * LONGEST_IDENTITY_BYTES)
    widest |= {"seq": WIDEST_NUMBER}
    for key, template in _templates(group):
        size = len(fill(template, widest).encode())
        if size > LONGEST_STRING:
            message = f"may come to {size:,} bytes once its placeholders are filled; {LONGEST_STRING:,} is the most"
            raise KeyPathError(key, message, "make it shorter")


def _templates(group: GroupKeys) -> Iterator[tuple[str | Location, str]]:
    """Yield the texts of a group that are filled for each client or message."""
    named: list[tuple[str | Location, str | None]] = [("client_id", group.client_id), *_topics(group)]
    named += [(("filters", place), filter_) for place, filter_ in enumerate(group.filters)]
    named += [("username", group.username), ("password", group.password)]
    messages: list[tuple[Location, Message5]] = [((), group)]
    if group.will is not None:
        named.append((("will", "topic"), group.will.topic))
        messages.append((("will",), group.will))
    for above, message in messages:
        named += [((*above, key), getattr(message, key)) for key in OF_MESSAGE_TEXTS]
        named += [((*above, "user_properties", name), text) for name, text in message.user_properties]
    return ((key, text) for key, text in named if text)


_GROUP_CHECKS: Final = (
    _check_role, _check_pace, _check_payload, _check_names, _check_topics, _check_lengths, _check_aliases,
    _check_shared, _check_chosen_id,
)  # fmt: skip
