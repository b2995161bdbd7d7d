"""Match publishers with the subscribers of a worker: the streams that each subscriber should receive.

They are computed before the load begins.

A stream is a pair (subscribing client, publisher). The receiver compares what arrives with these streams, and so counts
losses, duplicates and changes of order.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from malaria.model.warhead import Warhead
from malaria.mqtt.topics import TopicTree, shared_part
from malaria.plan.clients import GroupPlan, Identity, Plan, groups_of, reserves_of
from malaria.schedule.arrays import Ints
from malaria.schedule.share import WHOLE

FAR_SEQUENCE: Final = 999_983
"""A sequence number unlike the first: if a filter matches only one of the two, deliveries depend on `{seq}`."""


@dataclass(frozen=True)
class Streams:
    """The streams of one worker: row `i` is a pair (subscribing client, publisher).

    `publisher[i]` is the publisher's number. The streams of one client stand together, publishers ascending:
    `first[row]` is the place of its first one and `publishers[row]` their numbers. The members of a shared subscription
    have the same streams; `shared` has their place and count by filter, for other workers may have them too.
    `copies` has the streams of which a broker may deliver each message several times, and how many times: once for
    each filter of the client that matches (MQTT 3.1.1 section 3.3.5, MQTT 5 section 3.3.4). `note` says why deliveries
    cannot be foretold, when they cannot. `subscriber[i]` is the number of the client, of one member of a share.
    `by_topic` has the publisher of each topic where some messages carry no header.
    """

    publisher: Ints
    first: Mapping[int, int]
    publishers: Mapping[int, Ints]
    note: str = ""
    shared: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    copies: Mapping[int, int] = field(default_factory=dict)
    subscriber: Ints | None = None
    by_topic: Mapping[bytes, int] = field(default_factory=dict)


def streams_of(plan: Plan) -> Streams:
    """Work out which publishers each subscriber of a plan should hear.

    Takes a few microseconds per publisher of the whole warhead.
    """
    all_groups = groups_of(plan.warhead, WHOLE, plan.identity)
    reserved = reserves_of(plan.warhead, WHOLE, plan.identity)
    publishing = [group for group in (*all_groups, *reserved) if group.group.publishes]
    note = _why_unknown(all_groups, reserved)
    if note:
        return _unknown(note)
    streams = _match(plan, publishing, _responders(all_groups))
    if not needs_topics(publishing) or streams.note:
        return streams
    return replace(streams, by_topic={topic.encode(): number for topic, number in _owners(publishing).items()})


def delivery_note(warhead: Warhead) -> str:
    """Return why the deliveries of a warhead cannot be counted; empty if they can, or if nothing is delivered.

    Costs as much as a look at each publisher where payloads have no header, else nothing.
    """
    nobody = Identity("", 0, 0)
    groups = groups_of(warhead, WHOLE, nobody)
    delivers = any(one.group.publishes for one in groups) and any(one.group.subscribes for one in groups)
    return _why_unknown(groups, reserves_of(warhead, WHOLE, nobody)) if delivers else ""


def needs_topics(publishing: Sequence[GroupPlan]) -> bool:
    """Return True if messages of a group carry no header, so that only their topic and order tell them."""
    return not all(group.tracked or group.header_in_property for group in publishing)


def _why_unknown(groups: Sequence[GroupPlan], reserves: Sequence[GroupPlan]) -> str:
    subscribing = [group for group in groups if group.group.subscribes]
    publishing = [group for group in (*groups, *reserves) if group.group.publishes]
    if any(_mixes_shares(group.filters(0)) for group in subscribing):
        return "a client has a shared subscription and another filter: its deliveries cannot be foretold"
    if any(group.comes_later for group in subscribing):
        return "subscribers come in while the attack runs, and miss what was published before"
    return _why_untold(publishing, subscribing) if needs_topics(publishing) else ""


def _why_untold(publishing: Sequence[GroupPlan], subscribing: Sequence[GroupPlan]) -> str:
    """Return why messages without a header cannot be told by topic and order; empty if they can."""
    without = [group for group in publishing if not group.tracked and not group.header_in_property]
    small = all(group.group.generated for group in without)
    first = "the payload is too small for the header" if small else "the payloads have no header"
    if any(group.group.responds for group in subscribing):
        return f"{first}, and requests are answered"
    if any(shared_part(filter_) is not None for group in subscribing for filter_ in group.group.filters):
        return f"{first}, and a shared subscription divides a topic among its members"
    if any(group.group.topic_alias_maximum for group in subscribing):
        return f"{first}, and the broker may send aliases in place of topics"
    if any("seq" in group.group.topic_uses for group in without) or len(_owners(publishing)) < _clients(publishing):
        return f"{first}, and its topic is not the client's own"
    return ""


def _owners(publishing: Sequence[GroupPlan]) -> dict[str, int]:
    """Return the publisher of each topic: fewer than there are publishers where some share one."""
    return {
        group.topic(index, 0): number
        for group in publishing
        for index, number in zip(group.members.tolist(), group.numbers.tolist(), strict=True)
    }


def _clients(groups: Sequence[GroupPlan]) -> int:
    return sum(group.count for group in groups)


def _unknown(note: str) -> Streams:
    return Streams(np.zeros(0, np.int64), {}, {}, note)


def _match(plan: Plan, publishing: list[GroupPlan], responders: TopicTree[bool]) -> Streams:
    """Match every publisher's topic against the filters of this worker's subscribers."""
    listeners, tree = _listeners(plan)
    heard: list[dict[int, int]] = [{} for _ in listeners]  # publisher -> copies
    for group in publishing if listeners else ():
        told = group.tracked or group.header_in_property
        # one sequence number stands for all unless the topic holds it
        sequences = (0, FAR_SEQUENCE) if "seq" in group.group.topic_uses else (0,)
        for index, number in zip(group.members.tolist(), group.numbers.tolist(), strict=True):
            matched = [_hearers(group, index, sequence, tree, responders) for sequence in sequences]
            # then the deliveries of a publisher are no whole stream, and losses could not be told
            if matched[0].keys() != matched[-1].keys():
                return _unknown(f"a filter matches topic {group.group.topic_template(index)} only for some {{seq}}")
            if not told and any(copies > 1 for copies in matched[0].values()):
                return _unknown("the payloads have no header, and filters overlap: copies cannot be told from messages")
            for listener, copies in (matched[0] if len(matched) == 1 else matched[0] | matched[1]).items():
                heard[listener][number] = copies
    own = {
        group.first_row + position: number
        for group in plan.parts
        if group.group.no_local
        for position, number in enumerate(group.numbers.tolist())
    }
    clients = np.concatenate([np.zeros(0, np.int64), *(group.numbers for group in plan.parts)])
    return _lay_out(listeners, heard, own, clients)


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
) -> Tally[int]:
    """Return the listeners that a message reaches, also by its answer if it is a request, and by how many filters."""
    topic = group.topic(index, sequence)
    heard = Tally(tree.match(topic))
    if group.group.response_topic is not None and responders.match(topic):
        heard.update(tree.match(group.message_properties(index, sequence)["response_topic"]))
    return heard


def _mixes_shares(filters: tuple[str, ...]) -> bool:
    return len(filters) > 1 and any(shared_part(filter_) is not None for filter_ in filters)


def _listeners(plan: Plan) -> tuple[dict[tuple[str, ...], list[int]], TopicTree[int]]:
    """Group rows with the same filters into listeners: (rows by filters, tree of listeners).

    A client of a reserve is one only as a further member of a shared subscription that is there from the start. Any
    other misses what was published before it came, so what it should hear is not known.
    """
    by_filters: dict[tuple[str, ...], list[int]] = {}
    for group in plan.groups:
        if group.group.subscribes:
            _add_rows(by_filters, group)
    joined = [reserve for reserve in plan.reserves if reserve.group.subscribes and _shares(reserve)]
    if joined:
        there = _shared_filters(plan)
        for reserve in joined:
            _add_rows(by_filters, reserve, there)
    tree: TopicTree[int] = TopicTree()
    # clients with equal filters hear the same: one entry in the tree serves thousands of rows
    for listener, filters in enumerate(by_filters):
        for filter_ in filters:
            tree.add(shared_part(filter_) or filter_, listener)
    return by_filters, tree


def _add_rows(
    by_filters: dict[tuple[str, ...], list[int]], part: GroupPlan, allowed: Collection[tuple[str, ...]] | None = None
) -> None:
    for position, index in enumerate(part.members.tolist()):
        filters = part.filters(index)
        if allowed is None or filters in allowed:
            by_filters.setdefault(filters, []).append(part.first_row + position)


def _shares(part: GroupPlan) -> bool:
    return any(shared_part(filter_) is not None for filter_ in part.group.filters)


def _shared_filters(plan: Plan) -> set[tuple[str, ...]]:
    """Return the shared subscriptions that clients of any worker have from the start."""
    sharing = [
        part for part in groups_of(plan.warhead, WHOLE, plan.identity) if part.group.subscribes and _shares(part)
    ]
    return {part.filters(index) for part in sharing for index in part.members.tolist()}


def _lay_out(
    listeners: Mapping[tuple[str, ...], list[int]],
    heard: Sequence[Mapping[int, int]],
    own: Mapping[int, int],
    clients: Ints,
) -> Streams:
    """Lay the streams out in columns.

    `heard` has the publishers of each listener with the copies of a message that it may get, `own` the numbers of
    clients with no-local (MQTT 5), by row; `clients` the numbers of all clients, by row.
    """
    first: dict[int, int] = {}
    publishers: dict[int, Ints] = {}
    columns: list[Ints] = []
    hearing: list[Ints] = []
    shared: dict[str, tuple[int, int]] = {}
    copies: dict[int, int] = {}
    place = 0
    for (filters, rows), several in zip(listeners.items(), heard, strict=True):
        numbers = np.array(sorted(several), np.int64)
        overlapping = {number: count for number, count in several.items() if count > 1}
        if shared_part(filters[0]) is not None:
            shared[filters[0]] = place, len(numbers)
            # the members of a share have one stream between them: any of them may get a message
            first |= dict.fromkeys(rows, place)
            publishers |= dict.fromkeys(rows, numbers)
            columns.append(numbers)
            hearing.append(np.full(len(numbers), clients[rows[0]]))
            place += len(numbers)
            continue
        for row in rows:
            # with no-local the broker does not deliver a client's own messages to it
            others = numbers[numbers != own[row]] if row in own else numbers
            first[row], publishers[row] = place, others
            for number, count in overlapping.items():
                if row not in own or number != own[row]:
                    copies[place + int(np.searchsorted(others, number))] = count
            columns.append(others)
            hearing.append(np.full(len(others), clients[row]))
            place += len(others)
    everything = np.concatenate(columns) if columns else np.zeros(0, np.int64)
    subscriber = np.concatenate(hearing) if hearing else np.zeros(0, np.int64)
    return Streams(everything, first, publishers, shared=shared, copies=copies, subscriber=subscriber)


def refused_streams(plan: Plan, streams: Streams, refused: Mapping[int, Collection[str]]) -> Ints:
    """Return the places of the streams that nothing is owed to, ascending.

    `refused` has the filters that the broker refused, by row of the client. A stream of a shared subscription is owed
    to the members that are left; one that a granted filter matches too is owed by that one.
    """
    shared = {place for place, count in streams.shared.values() if count}
    left = Tally(
        place for row, place in streams.first.items() if place in shared and row not in refused and row < plan.clients
    )
    places: list[int] = []
    topics: Mapping[int, list[str]] = {}
    for row, filters in refused.items():
        if row not in streams.first or left[streams.first[row]]:
            continue
        group = plan.group_of(row)
        granted = set(group.filters(int(group.members[row - group.first_row]))) - set(filters)
        topics = topics or (_topics_by_publisher(plan) if granted else {})
        tree: TopicTree[bool] = TopicTree()
        for filter_ in granted:
            tree.add(filter_, True)
        for place, number in enumerate(streams.publishers[row].tolist(), streams.first[row]):
            if not granted or not any(tree.match(topic) for topic in topics[number]):
                places.append(place)
    return np.unique(np.array(places, np.int64))


def _topics_by_publisher(plan: Plan) -> dict[int, list[str]]:
    """Return the topic of each publisher of the whole warhead, and that of the answers to it, by its number."""
    topics: dict[int, list[str]] = {}
    everyone = groups_of(plan.warhead, WHOLE, plan.identity) + reserves_of(plan.warhead, WHOLE, plan.identity)
    for group in everyone:
        if not group.group.publishes:
            continue
        for index, number in zip(group.members.tolist(), group.numbers.tolist(), strict=True):
            answer = group.message_properties(index, 0).get("response_topic")
            topics[number] = [group.topic(index, 0), *([answer] if answer is not None else [])]
    return topics
