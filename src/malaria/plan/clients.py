"""warhead x share -> the concrete clients of one worker: numbers, ids, topics, schedules, and what each should receive.

Every worker computes its own part from the same warhead; nobody sends targets around. The same warhead, seed and run
name give the same clients, topics, due times and payload sizes whatever the split.

Numbers: a client's *index* counts within its group, its *number* counts over the whole warhead (and is what the payload
header carries), its *row* counts within the worker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from malaria.model.warhead import Group, Warhead
from malaria.mqtt.packets import Properties, Protocol
from malaria.mqtt.topics import TopicTree, shared_part
from malaria.schedule.pacing import Pace, Schedule
from malaria.schedule.payload import HEADER_SIZE, parse_size
from malaria.schedule.share import WHOLE, Share

type Ints = NDArray[np.int64]

FAR_SEQUENCE = 999_983
"""A sequence unlike the first: a filter that matches one and not the other depends on `{seq}`."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells this run's clients and messages from those of any other run."""

    name: str  # goes into client ids as {run}
    tag: int  # 16 bits in every payload header
    seed: int
    identities: Mapping[str, Sequence[str]] = field(default_factory=dict)  # of clients with keys of their own, by group

    def of_client(self, group: Group, index: int) -> str:
        """What `{identity}` stands for; empty when the group's names have no use for it."""
        identities = self.identities.get(group.name)
        return identities[index] if identities else ""


@dataclass(frozen=True, slots=True)
class Turn:
    """A change of the rate while the load runs: which one of a group it is, from 1, and the interval from then on."""

    number: int
    interval: Fraction
    passed_ns: int = 0  # since these clients began


@dataclass(frozen=True)
class GroupPlan:
    """The members of a group, or of a surge of it, that one worker carries: rows first_row .. first_row + count - 1."""

    group: Group
    identity: Identity
    first_number: int  # of the group's client 0
    members: Ints  # indices within the group, ascending
    first_row: int
    surge: int | None = None  # the place in the warhead's list, when these are the clients of a surge
    first_index: int = 0  # indices first_index .. first_index + clients - 1 of the group, over all workers
    clients: int = 0
    ramp_ns: int = 0
    protocol: Protocol = Protocol.V311

    @property
    def count(self) -> int:
        return len(self.members)

    @property
    def tracked(self) -> bool:
        """Whether each payload carries the header that loss, order and end-to-end latency need."""
        size = parse_size(self.group.size)
        return self.group.header and (size.fixed is None or size.fixed >= HEADER_SIZE)

    @cached_property
    def numbers(self) -> Ints:
        """Client number by position."""
        return self.first_number + self.members

    def client_id(self, index: int) -> str:
        return self.group.client_id_at(index, self.identity.name, self.identity.of_client(self.group, index))

    def topic(self, index: int, sequence: int) -> str:
        return self.group.topic_at(index, self.identity.name, sequence, self.identity.of_client(self.group, index))

    def message_properties(self, index: int, sequence: int) -> Properties:
        """What a PUBLISH has beside topic and payload; empty in MQTT 3.1.1."""
        identity = self.identity.of_client(self.group, index)
        return self.group.message_properties_at(index, self.identity.name, sequence, identity)

    def filters(self, index: int) -> tuple[str, ...]:
        return self.group.filters_at(index, self.identity.name, self.identity.of_client(self.group, index))

    def schedule(self, turn: Turn | None = None) -> Schedule:
        """The open-loop schedule of these members. Only for groups that publish and are not closed loop.

        A surge has a schedule of its own, evenly spread by itself, so that the sum of both is even too; and so has each
        turn to another rate, its time 0 being the instant of the change.
        """
        group = self.group
        turn = turn or Turn(0, group.interval)
        pace = Pace(
            arrival=group.arrival,
            clients=self.clients,
            interval=turn.interval,
            messages=group.messages,
            # equal shapes must not fire in step, nor a shape repeat its own chances
            seed=self.identity.seed + self.first_number + self.first_index + (turn.number << 40),
            jitter=group.jitter,
            client_ramp_ns=self.ramp_ns,
            ramp_passed_ns=min(turn.passed_ns, self.ramp_ns),
            rate_ramp_ns=group.rate_ramp_ns if self.surge is None else 0,
        )
        return Schedule(pace, self.members - self.first_index)

    @property
    def comes_later(self) -> bool:
        """Whether these clients connect while the attack runs, not before it."""
        return self.surge is not None or bool(self.group.start_after_ns or self.group.ramp_ns)


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


@dataclass(frozen=True)
class Plan:
    """Everything that one worker is to do."""

    warhead: Warhead
    share: Share
    identity: Identity
    groups: tuple[GroupPlan, ...]

    @property
    def clients(self) -> int:
        return sum(group.count for group in self.groups)

    def group_of(self, row: int) -> GroupPlan:
        for group in self.groups:
            if row < group.first_row + group.count:
                return group
        raise IndexError(row)

    def streams(self) -> Streams:
        """Who should hear whom. Costs a few microseconds per publisher of the whole warhead."""
        everybody = _groups_of(self.warhead, WHOLE, self.identity)
        speakers = [group for group in everybody if group.group.publishes]
        if any(_mixes_shares(group.filters(0)) for group in self.groups if group.group.subscribes):
            return _unknown("a shared subscription beside another filter of the same client: who hears what is open")
        if any(group.comes_later for group in everybody if group.group.subscribes):
            return _unknown("subscribers come in while the attack runs, and miss what was published before")
        if not all(group.tracked for group in speakers):
            return _unknown(f"payloads without our header of {HEADER_SIZE} bytes cannot be followed")
        return _match(self.groups, speakers, _responders(everybody))


def make_plan(warhead: Warhead, share: Share, identity: Identity) -> Plan:
    """The part of the warhead that `share` carries."""
    return Plan(warhead, share, identity, tuple(_groups_of(warhead, share, identity)))


def _groups_of(warhead: Warhead, share: Share, identity: Identity) -> list[GroupPlan]:
    """The groups in order, then the surges in order."""
    plans: list[GroupPlan] = []
    number = row = 0
    numbered: dict[str, tuple[Group, int, int]] = {}  # group, number of its client 0, the index that is free next
    for group in warhead.groups:
        members = share.members(group.clients)
        plans.append(
            GroupPlan(
                group, identity, number, members, row, clients=group.clients, ramp_ns=group.ramp_ns,
                protocol=warhead.protocol_of(group),
            )
        )  # fmt: skip
        numbered[group.name] = (group, number, group.clients)
        number += warhead.clients_of(group)
        row += len(members)
    for place, surge in enumerate(warhead.surges):
        group, number, index = numbered[surge.group]
        members = share.members(index + surge.clients)[share.count(index) :]
        protocol = warhead.protocol_of(group)
        plans.append(
            GroupPlan(group, identity, number, members, row, place, index, surge.clients, surge.ramp_ns, protocol)
        )
        numbered[surge.group] = (group, number, index + surge.clients)
        row += len(members)
    return plans


def _unknown(note: str) -> Streams:
    return Streams(np.zeros(0, np.int64), {}, {}, note)


def _match(groups: tuple[GroupPlan, ...], speakers: list[GroupPlan], responders: TopicTree[bool]) -> Streams:
    """Sets every publisher's topic against the filters of this worker's subscribers."""
    listeners, tree = _listeners(groups)
    heard: list[list[int]] = [[] for _ in listeners]
    for speaker in speakers:
        sequences = (0, FAR_SEQUENCE) if "seq" in speaker.group.topic_uses else (0,)
        for index, number in zip(speaker.members.tolist(), speaker.numbers.tolist(), strict=True):
            matched = [_hearers(speaker, index, sequence, tree, responders) for sequence in sequences]
            if matched[0] != matched[-1]:
                return _unknown(f"a filter matches topic {speaker.group.topic} only for some {{seq}}")
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
    """The filters of those who answer requests."""
    tree: TopicTree[bool] = TopicTree()
    responding = [group for group in groups if group.group.responds]
    for filter_ in {
        filter_ for group in responding for index in group.members.tolist() for filter_ in group.filters(index)
    }:
        tree.add(shared_part(filter_) or filter_, True)
    return tree


def _hearers(
    speaker: GroupPlan, index: int, sequence: int, tree: TopicTree[int], responders: TopicTree[bool]
) -> set[int]:
    """The listeners that a message reaches; by its answer, too, where it is a request and somebody answers."""
    topic = speaker.topic(index, sequence)
    heard = set(tree.match(topic))
    answer_topic = speaker.message_properties(index, sequence).get("response_topic")
    if answer_topic is not None and responders.match(topic):
        heard |= set(tree.match(answer_topic))
    return heard


def _mixes_shares(filters: tuple[str, ...]) -> bool:
    return len(filters) > 1 and any(shared_part(filter_) is not None for filter_ in filters)


def _listeners(groups: tuple[GroupPlan, ...]) -> tuple[dict[tuple[str, ...], list[int]], TopicTree[int]]:
    """Rows that have the same filters are one listener: (rows by filters, tree of listeners)."""
    by_filters: dict[tuple[str, ...], list[int]] = {}
    for group in groups:
        if not group.group.subscribes:
            continue
        for position, index in enumerate(group.members.tolist()):
            by_filters.setdefault(group.filters(index), []).append(group.first_row + position)
    tree: TopicTree[int] = TopicTree()
    for listener, filters in enumerate(by_filters):
        for filter_ in filters:
            tree.add(shared_part(filter_) or filter_, listener)
    return by_filters, tree


def _lay_out(listeners: Mapping[tuple[str, ...], list[int]], heard: list[Ints], own: Mapping[int, int]) -> Streams:
    """`own` has the numbers of those who do not hear themselves (MQTT 5: no local), by row."""
    first: dict[int, int] = {}
    publishers: dict[int, Ints] = {}
    columns: list[Ints] = []
    shared: dict[str, tuple[int, int]] = {}
    place = 0
    for (filters, rows), numbers in zip(listeners.items(), heard, strict=True):
        if shared_part(filters[0]) is not None:
            shared[filters[0]] = place, len(numbers)
            first |= dict.fromkeys(rows, place)
            publishers |= dict.fromkeys(rows, numbers)
            columns.append(numbers)
            place += len(numbers)
            continue
        for row in rows:
            others = numbers[numbers != own[row]] if row in own else numbers
            first[row], publishers[row] = place, others
            columns.append(others)
            place += len(others)
    return Streams(np.concatenate(columns) if columns else np.zeros(0, np.int64), first, publishers, shared=shared)
