"""Match publishers with the subscribers of a worker: the streams that each subscriber should receive.

They are computed before the load begins.

A stream is a pair (subscribing client, publisher). The receiver compares what arrives with these streams, and so counts
losses, duplicates and changes of order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from malaria.mqtt.topics import TopicTree, shared_part
from malaria.plan.clients import GroupPlan, Plan, groups_of
from malaria.schedule.arrays import Ints
from malaria.schedule.payload import HEADER_SIZE
from malaria.schedule.share import WHOLE

FAR_SEQUENCE: Final = 999_983
"""A sequence number unlike the first: if a filter matches only one of the two, deliveries depend on `{seq}`."""


@dataclass(frozen=True)
class Streams:
    """The streams of one worker: row `i` is a pair (subscribing client, publisher).

    `publisher[i]` is the publisher's number. The streams of one client stand together, publishers ascending:
    `first[row]` is the place of its first one and `publishers[row]` their numbers. The members of a shared subscription
    have the same streams; `shared` has their place and count by filter, for other workers may have them too.
    `note` says why deliveries cannot be foretold, when they cannot.
    """

    publisher: Ints
    first: Mapping[int, int]
    publishers: Mapping[int, Ints]
    note: str = ""
    shared: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def streams_of(plan: Plan) -> Streams:
    """Work out which publishers each subscriber of a plan should hear.

    Takes a few microseconds per publisher of the whole warhead.
    """
    all_groups = groups_of(plan.warhead, WHOLE, plan.identity)
    publishing = [group for group in all_groups if group.group.publishes]
    subscribing = [group for group in plan.groups if group.group.subscribes]
    if any(_mixes_shares(group.filters(0)) for group in subscribing):
        return _unknown("a client has a shared subscription and another filter: its deliveries cannot be foretold")
    if any(group.comes_later for group in all_groups if group.group.subscribes):
        return _unknown("subscribers come in while the attack runs, and miss what was published before")
    if not all(group.tracked for group in publishing):
        return _unknown(f"payloads without our header of {HEADER_SIZE} bytes cannot be followed")
    return _match(plan.groups, publishing, _responders(all_groups))


def _unknown(note: str) -> Streams:
    return Streams(np.zeros(0, np.int64), {}, {}, note)


def _match(groups: tuple[GroupPlan, ...], publishing: list[GroupPlan], responders: TopicTree[bool]) -> Streams:
    """Match every publisher's topic against the filters of this worker's subscribers."""
    listeners, tree = _listeners(groups)
    heard: list[list[int]] = [[] for _ in listeners]
    for group in publishing:
        # one sequence number stands for all unless the topic holds it
        sequences = (0, FAR_SEQUENCE) if "seq" in group.group.topic_uses else (0,)
        for index, number in zip(group.members.tolist(), group.numbers.tolist(), strict=True):
            matched = [_hearers(group, index, sequence, tree, responders) for sequence in sequences]
            # then the deliveries of a publisher are no whole stream, and losses could not be told
            if matched[0] != matched[-1]:
                return _unknown(f"a filter matches topic {group.group.topic} only for some {{seq}}")
            for listener in matched[0]:
                heard[listener].append(number)
    own = {
        group.first_row + position: number
        for group in groups
        if group.group.no_local
        for position, number in enumerate(group.numbers.tolist())
    }
    return _lay_out(listeners, [np.array(sorted(numbers), np.int64) for numbers in heard], own)


def _responders(groups: Sequence[GroupPlan]) -> TopicTree[bool]:
    """Return the filters of the groups that answer requests."""
    tree: TopicTree[bool] = TopicTree()
    responding = [group for group in groups if group.group.responds]
    for filter_ in {
        filter_ for group in responding for index in group.members.tolist() for filter_ in group.filters(index)
    }:
        tree.add(shared_part(filter_) or filter_, True)
    return tree


def _hearers(
    group: GroupPlan, index: int, sequence: int, tree: TopicTree[int], responders: TopicTree[bool]
) -> set[int]:
    """Return the listeners that a message reaches, also by its answer if it is a request."""
    topic = group.topic(index, sequence)
    heard = set(tree.match(topic))
    answer_topic = group.message_properties(index, sequence).get("response_topic")
    if answer_topic is not None and responders.match(topic):
        heard |= set(tree.match(answer_topic))
    return heard


def _mixes_shares(filters: tuple[str, ...]) -> bool:
    return len(filters) > 1 and any(shared_part(filter_) is not None for filter_ in filters)


def _listeners(groups: tuple[GroupPlan, ...]) -> tuple[dict[tuple[str, ...], list[int]], TopicTree[int]]:
    """Group rows with the same filters into listeners: (rows by filters, tree of listeners)."""
    by_filters: dict[tuple[str, ...], list[int]] = {}
    for group in groups:
        if not group.group.subscribes:
            continue
        for position, index in enumerate(group.members.tolist()):
            by_filters.setdefault(group.filters(index), []).append(group.first_row + position)
    tree: TopicTree[int] = TopicTree()
    # clients with equal filters hear the same: one entry in the tree serves thousands of rows
    for listener, filters in enumerate(by_filters):
        for filter_ in filters:
            tree.add(shared_part(filter_) or filter_, listener)
    return by_filters, tree


def _lay_out(listeners: Mapping[tuple[str, ...], list[int]], heard: list[Ints], own: Mapping[int, int]) -> Streams:
    """Lay the streams out in columns. `own` has the numbers of clients with no-local (MQTT 5), by row."""
    first: dict[int, int] = {}
    publishers: dict[int, Ints] = {}
    columns: list[Ints] = []
    shared: dict[str, tuple[int, int]] = {}
    place = 0
    for (filters, rows), numbers in zip(listeners.items(), heard, strict=True):
        if shared_part(filters[0]) is not None:
            shared[filters[0]] = place, len(numbers)
            # the members of a share have one stream between them: any of them may get a message
            first |= dict.fromkeys(rows, place)
            publishers |= dict.fromkeys(rows, numbers)
            columns.append(numbers)
            place += len(numbers)
            continue
        for row in rows:
            # with no-local the broker does not deliver a client's own messages to it
            others = numbers[numbers != own[row]] if row in own else numbers
            first[row], publishers[row] = place, others
            columns.append(others)
            place += len(others)
    return Streams(np.concatenate(columns) if columns else np.zeros(0, np.int64), first, publishers, shared=shared)
