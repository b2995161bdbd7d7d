"""What cannot be made, though each key by itself is well: checks of a group, and of the groups beside each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from string import Formatter
from typing import TYPE_CHECKING, Final

from malaria.model.completion import holds_header, is_generated
from malaria.model.faults import SECRETS, KeyPathError, Location
from malaria.model.mqtt5 import OF_5, OF_MESSAGES, Message5
from malaria.model.placeholders import OF_CLIENT, OF_CLIENT_ID, OF_MESSAGE, check_template, fill
from malaria.mqtt.packets import Protocol
from malaria.mqtt.topics import SHARE, check_filter, check_topic
from malaria.schedule.payload import HEADER_SIZE, parse_size
from malaria.units import NotationError

if TYPE_CHECKING:
    from malaria.model.group import Group

LONGEST_TEXT_BYTES: Final = 65535
LARGEST_PAYLOAD_BYTES: Final = 2**28 - 1 - 2 * (LONGEST_TEXT_BYTES + 2)
LONGEST_INTERVAL_S: Final = 366 * 86400
MOST_CLIENTS: Final = 2**32 - 1
"""A client's number has 32 bits in the payload header."""

OF_PUBLISHERS: Final = (
    "interval", "arrival", "jitter", "rate_ramp_ns", "retain", "size", "payload", "messages", "inflight",
    "topic_alias", *OF_MESSAGES,
)  # fmt: skip
OF_LISTENERS: Final = (
    "filters", "topic_alias_maximum", "no_local", "retain_as_published", "retain_handling", "subscription_identifier",
)  # fmt: skip
OF_TALKERS: Final = ("qos", "topic")


def check_group(group: Group) -> None:
    """Raises KeyPathError for the first thing about a group that cannot be."""
    for check in _GROUP_CHECKS:
        check(group)


def check_text(key: str | Location, text: str, allowed: frozenset[str]) -> None:
    """Raises KeyPathError for a template that MQTT cannot carry as a string, or with placeholders of another place."""
    _check_carried(key, text)
    try:
        check_template(text, allowed)
    except NotationError as error:
        message = "holds a brace that belongs to no placeholder" if key in SECRETS else error.message
        raise KeyPathError(key, message, error.remedy) from None


def _check_carried(key: str | Location, text: str) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise KeyPathError(key, "is no text in UTF-8", "write it in UTF-8") from None
    if size > LONGEST_TEXT_BYTES or "\0" in text:
        raise KeyPathError(key, "is longer than 65,535 bytes or holds U+0000", "shorten it: MQTT cannot carry that")


# --- one group -----------------------------------------------------------------------------------------------------


def _check_role(group: Group) -> None:
    for wanted, keys, lack in (
        (group.publishes, OF_PUBLISHERS, "publishes nothing"),
        (group.subscribes, OF_LISTENERS, "listens to nothing"),
        (group.publishes or group.subscribes, OF_TALKERS, "sends and receives nothing"),
    ):
        for name in () if wanted else keys:
            field = type(group).model_fields[name]
            if getattr(group, name) != ("" if name == "topic" else field.default):
                key = field.alias or name
                raise KeyPathError(key, f"means nothing for a {group.role} group, which {lack}", f"leave {key} out")


def _check_pace(group: Group) -> None:
    if group.interval > LONGEST_INTERVAL_S:
        raise KeyPathError("interval", "is longer than a year", "write a shorter one")
    if group.closed_loop and group.arrival != "steady":
        raise KeyPathError("arrival", "an interval of 0 is closed loop and has no schedule", "leave arrival out")
    if group.closed_loop and group.rate_ramp_ns:
        raise KeyPathError(
            "rate_ramp", "an interval of 0 is closed loop and has no rate to ramp", "leave rate_ramp out"
        )
    if group.arrival != "jitter" and group.jitter != type(group).model_fields["jitter"].default:
        raise KeyPathError("jitter", f"means nothing for {group.arrival} arrival", 'write arrival = "jitter" too')


def _check_payload(group: Group) -> None:
    if not is_generated(group.payload) and group.size != type(group).model_fields["size"].default:
        raise KeyPathError("size", f"{group.payload} has a size of its own", "leave size out")
    if group.header and is_generated(group.payload) and group.publishes and not holds_header(group.size):
        remedy = f"make all payloads {HEADER_SIZE} bytes or more, or write header = false and do without the account"
        raise KeyPathError(
            "header", f"a size of {group.size} has no room for the header of {HEADER_SIZE} bytes", remedy
        )
    if parse_size(group.size).largest > LARGEST_PAYLOAD_BYTES:
        raise KeyPathError("size", "MQTT cannot carry a payload of that size", "write at most 250 MB")


def _check_names(group: Group) -> None:
    check_text("client_id", group.client_id, OF_CLIENT_ID)
    if (
        group.client_id
        and group.clients > 1
        and not check_template(group.client_id, OF_CLIENT_ID) & {"index", "identity"}
    ):
        raise KeyPathError("client_id", "is the same for every client of the group", "put {index} into it")
    for key, text in (("username", group.username), ("password", group.password)):
        if text is not None:
            check_text(key, text, OF_CLIENT)
    if group.password is not None and not group.username:
        raise KeyPathError("password", "stands without a user name", "write username too [MQTT-3.1.2-22]")


def _check_topics(group: Group) -> None:
    """Topics and filters are looked at as the first client will use them."""
    if group.publishes:
        _check_filled("topic", group.topic, OF_MESSAGE, check_topic, group)
        if group.messages is None and "messages" in group.topic_uses:
            raise KeyPathError("topic", "uses {messages}, but the group has no such number", "write messages = ... too")
    if group.subscribes and not group.filters:
        raise KeyPathError("filters", "is an empty list", 'write at least one filter, such as ["malaria/#"]')
    for position, filter_ in enumerate(group.filters):
        key: str | Location = "topic" if filter_ == group.topic else ("filters", position)
        _check_filled(key, filter_, OF_CLIENT, check_filter, group)
    if group.will is not None:
        _check_filled(("will", "topic"), group.will.topic, OF_CLIENT, check_topic, group)
        _check_carried(("will", "payload"), group.will.payload)
        _check_message(group.will, ("will",), OF_CLIENT, group)
    _check_message(group, (), OF_MESSAGE, group)


def _check_message(message: Message5, above: Location, allowed: frozenset[str], group: Group) -> None:
    if message.response_topic is not None:
        _check_filled((*above, "response_topic"), message.response_topic, allowed, check_topic, group)
    texts = {"content_type": message.content_type, "correlation_data": message.correlation_data}
    for key, text in texts.items():
        if text is not None:
            check_text((*above, key), text, allowed)
    for name, text in message.user_properties:
        _check_carried((*above, "user_properties", name), name)
        check_text((*above, "user_properties", name), text, allowed)


def _check_aliases(group: Group) -> None:
    if group.topic_alias and "seq" in group.topic_uses:
        remedy = "leave {seq} out of the topic, or topic_alias"
        raise KeyPathError("topic_alias", "stands for a topic, and every message has another one", remedy)


def _check_shared(group: Group) -> None:
    if group.no_local and any(filter_.startswith(SHARE) for filter_ in group.filters):
        raise KeyPathError("no_local", "cannot be asked of a shared subscription", "leave it out [MQTT-3.8.3-4]")


def _check_chosen_id(group: Group) -> None:
    """An id that the broker chooses is not known when names are made of it."""
    if not group.chosen_by_broker:
        return
    named = {"topic": group.topic, "username": group.username, "password": group.password,
             "response_topic": group.response_topic, "filters": "".join(group.filters)}  # fmt: skip
    for key, text in named.items():
        if text and "client" in check_template(text, OF_MESSAGE):
            raise KeyPathError(key, "uses {client}, and the broker chooses the ids", "write {group} and {index}")
    if group.will is not None and "client" in check_template(group.will.topic, OF_CLIENT):
        raise KeyPathError(("will", "topic"), "uses {client}, and the broker chooses the ids", "write {index}")


def _check_filled(
    key: str | Location, template: str, allowed: frozenset[str], check: Callable[[str], None], group: Group
) -> None:
    check_text(key, template, allowed)
    filled = fill(template, group.values_at(0, "run") | {"seq": 0})
    try:
        check(filled)
    except ValueError as error:
        message, _, remedy = str(error).partition("; ")
        raise KeyPathError(key, message, remedy or "see docs/warhead.md for topics and filters") from None


_GROUP_CHECKS: Final = (
    _check_role, _check_pace, _check_payload, _check_names, _check_topics, _check_aliases, _check_shared,
    _check_chosen_id,
)  # fmt: skip


def check_protocol(group: Group, position: int, protocol: Protocol) -> None:
    """Raises KeyPathError for what only MQTT 5 has in a group that does not speak it."""
    if protocol is Protocol.V5:
        return
    place: Location = ("group", position)
    said: list[Location] = [(name,) for name in OF_5 if getattr(group, name) != type(group).model_fields[name].default]
    if group.will is not None:
        will = group.will
        said += [("will", name) for name in (*OF_MESSAGES, "delay") if getattr(will, name) not in (None, ())]
    for path in said:
        raise KeyPathError(
            (*place, *path), "is of MQTT 5, and this group speaks 3.1.1", 'write protocol = "5" (-V 5), or leave it out'
        )
    if group.responds:
        remedy = 'write protocol = "5" (-V 5): in 3.1.1 a message does not say where its answer belongs'
        raise KeyPathError((*place, "role"), "is of MQTT 5, and this group speaks 3.1.1", remedy)
    if group.chosen_by_broker:
        remedy = 'put {index} into it, or write protocol = "5" (-V 5): then the broker chooses'
        raise KeyPathError((*place, "client_id"), "is empty, and so the same for every client", remedy)


# --- groups beside each other --------------------------------------------------------------------------------------


def check_groups(groups: Sequence[Group], clients: Sequence[int]) -> None:
    """Raises KeyPathError when two groups or two clients would have the same name, or there are too many.

    `clients` is how many of each group there ever are, those of its surges included.
    """
    for (i, one), (j, other) in combinations(enumerate(groups), 2):
        if one.name == other.name:
            raise KeyPathError(
                ("group", j, "name"), f"{one.name!r} is the name of group[{i}] too", "give each its own name"
            )
        if same := _shared_client_id((one, clients[i]), (other, clients[j])):
            remedy = "the broker would throw out the one for the other: put {group} into client_id"
            raise KeyPathError(("group", j, "client_id"), f"{same!r} is a client of group {one.name} too", remedy)
    if sum(clients) > MOST_CLIENTS:
        raise KeyPathError(
            "group",
            "all groups and surges together have too many clients",
            f"at most {MOST_CLIENTS:,} can be told apart",
        )


def _shared_client_id(one: tuple[Group, int], other: tuple[Group, int]) -> str | None:
    """A client id that both groups use. A look at the fixed beginnings settles it for all but odd templates."""
    if one[0].chosen_by_broker or other[0].chosen_by_broker:
        return None
    first, second = _beginning(one[0]), _beginning(other[0])
    if not first.startswith(second) and not second.startswith(first):
        return None
    few, many = sorted((one, other), key=lambda pair: pair[1])
    ids = set(_client_ids(*few))
    return next((client_id for client_id in _client_ids(*many) if client_id in ids), None)


def _client_ids(group: Group, clients: int) -> Iterator[str]:
    return (group.client_id_at(index, "run", f"{group.name}-{index}") for index in range(clients))


def _beginning(group: Group) -> str:
    """The client id up to the first {index}."""
    text = ""
    for literal, name, _, _ in Formatter().parse(group.client_id):
        text += literal
        if name in ("index", "identity"):
            break
        text += {"group": group.name, "run": "run"}.get(name or "", "")
    return text
