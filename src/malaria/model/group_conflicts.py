"""Refuse groups that share a name or a client id, and keys of MQTT 5 in a group of MQTT 3.1.1."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from string import Formatter
from typing import Final

from malaria.model.faults import KeyPathError, Location
from malaria.model.group import Group
from malaria.model.mqtt5 import OF_5, OF_MESSAGES
from malaria.mqtt.packets import Protocol

MOST_CLIENTS: Final = 2**32 - 1
"""A client's number has 32 bits in the payload header."""


def check_protocol(group: Group, position: int, protocol: Protocol) -> None:
    """Raise KeyPathError for a key of MQTT 5 in a group that uses MQTT 3.1.1."""
    if protocol is Protocol.V5:
        return
    place: Location = ("group", position)
    paths: list[Location] = [(name,) for name in OF_5 if getattr(group, name) != type(group).model_fields[name].default]
    if group.will is not None:
        will = group.will
        paths += [("will", name) for name in (*OF_MESSAGES, "delay") if getattr(will, name) not in (None, ())]
    # the first one is enough: the remedy is the same for all
    for path in paths:
        raise KeyPathError(
            (*place, *path), "is of MQTT 5, and this group speaks 3.1.1", 'write protocol = "5" (-V 5), or leave it out'
        )
    if group.responds:
        remedy = 'write protocol = "5" (-V 5): in 3.1.1 a message does not say where its answer belongs'
        raise KeyPathError((*place, "role"), "is of MQTT 5, and this group speaks 3.1.1", remedy)
    if group.chosen_by_broker:
        remedy = 'put {index} into it, or write protocol = "5" (-V 5): then the broker chooses'
        raise KeyPathError((*place, "client_id"), "is empty, and so the same for every client", remedy)


def check_groups(groups: Sequence[Group], clients: Sequence[int]) -> None:
    """Raise KeyPathError if two groups or two clients have the same name, or if there are too many clients.

    `clients` is how many of each group there ever are, those of its surges included.
    """
    for (i, one), (j, other) in combinations(enumerate(groups), 2):
        if one.name == other.name:
            raise KeyPathError(
                ("group", j, "name"), f"{one.name!r} is the name of group[{i}] too", "give each its own name"
            )
        if same := shared_client_id((one, clients[i]), (other, clients[j])):
            remedy = "the broker would throw out the one for the other: put {group} into client_id"
            raise KeyPathError(("group", j, "client_id"), f"{same!r} is a client of group {one.name} too", remedy)
    if sum(clients) > MOST_CLIENTS:
        raise KeyPathError(
            "group",
            "all groups and surges together have too many clients",
            f"at most {MOST_CLIENTS:,} can be told apart",
        )


def shared_client_id(one: tuple[Group, int], other: tuple[Group, int]) -> str | None:
    """Return a client id that both groups use, or None. Most templates differ in their fixed beginnings already."""
    # a broker gives no id twice
    if one[0].chosen_by_broker or other[0].chosen_by_broker:
        return None
    first, second = _beginning(one[0]), _beginning(other[0])
    # different beginnings cannot meet, and a million ids need not be made
    if not first.startswith(second) and not second.startswith(first):
        return None
    # the set holds the smaller group, whatever the size of the other
    few, many = sorted((one, other), key=lambda pair: pair[1])
    ids = set(_client_ids(*few))
    return next((client_id for client_id in _client_ids(*many) if client_id in ids), None)


def _client_ids(group: Group, clients: int) -> Iterator[str]:
    return (group.client_id_at(index, "run", f"{group.name}-{index}") for index in range(clients))


def _beginning(group: Group) -> str:
    """Return the client id up to the first {index}."""
    text = ""
    for literal, name, _, _ in Formatter().parse(group.client_id):
        text += literal
        if name in ("index", "identity"):
            break
        text += {"group": group.name, "run": "run"}.get(name or "", "")
    return text
