"""The concrete clients of one worker, made from a warhead and a share: numbers, ids, topics and schedules.

Every worker computes its own part from the same warhead; no coordinator sends it. The same warhead, seed and run
name give the same clients, topics, due times and payload sizes whatever the split.

Numbers: a client's *index* counts within its group, its *number* counts over the whole warhead (and is what the payload
header carries), its *row* counts within the worker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property

import numpy as np

from malaria.model.completion import holds_header
from malaria.model.group import Group
from malaria.model.warhead import Warhead
from malaria.mqtt.packets import Properties, Protocol
from malaria.schedule.arrays import Ints
from malaria.schedule.pacing import Pace, Schedule
from malaria.schedule.payload import HEADER_SIZE, parse_size
from malaria.schedule.share import Share


@dataclass(frozen=True, slots=True)
class Identity:
    """The name, tag and seed that tell this run's clients and messages from those of other runs."""

    name: str  # goes into client ids as {run}
    tag: int  # 16 bits in every payload header
    seed: int
    identities: Mapping[str, Sequence[str]] = field(default_factory=dict)  # of clients with keys of their own, by group

    def of_client(self, group: Group, index: int) -> str:
        """Return the value of `{identity}`, or an empty text if the group's names do not use it."""
        identities = self.identities.get(group.name)
        return identities[index] if identities else ""


@dataclass(frozen=True, slots=True)
class RateChange:
    """A change of the rate while the load runs: its number in the group, from 1, and the interval from then on."""

    number: int
    interval: Fraction
    passed_ns: int = 0  # since these clients began


@dataclass(frozen=True)
class GroupPlan:
    """The clients of a group, or of a surge, that one worker carries: rows first_row .. first_row + count - 1."""

    group: Group
    identity: Identity
    first_number: int  # client i of the group has the number first_number + i, if it is one of these
    members: Ints  # indices within the group, ascending
    first_row: int
    surge: int | None = None  # the place in the warhead's list, when these are the clients of a surge
    first_index: int = 0  # indices first_index .. first_index + clients - 1 of the group, over all workers
    clients: int = 0
    ramp_ns: int = 0
    protocol: Protocol = Protocol.V311
    header_in_property: bool = False  # a user property of MQTT 5 carries it, for the payload has no room

    @property
    def count(self) -> int:
        return len(self.members)

    @cached_property
    def tracked(self) -> bool:
        """Tell whether each payload carries the header that loss, order and end-to-end latency need."""
        size = parse_size(self.group.size)
        return self.group.header and (size.fixed is None or size.fixed >= HEADER_SIZE)

    @cached_property
    def numbers(self) -> Ints:
        """Return the client numbers by position."""
        return self.first_number + self.members

    def client_id(self, index: int) -> str:
        return self.group.client_id_at(index, self.identity.name, self.identity.of_client(self.group, index))

    def topic(self, index: int, sequence: int) -> str:
        return self.group.topic_at(index, self.identity.name, sequence, self.identity.of_client(self.group, index))

    def message_properties(self, index: int, sequence: int) -> Properties:
        """Return the properties of a PUBLISH. Empty in MQTT 3.1.1."""
        identity = self.identity.of_client(self.group, index)
        return self.group.message_properties_at(index, self.identity.name, sequence, identity)

    def filters(self, index: int) -> tuple[str, ...]:
        return self.group.filters_at(index, self.identity.name, self.identity.of_client(self.group, index))

    def schedule(self, change: RateChange | None = None) -> Schedule:
        """Return the open-loop schedule of these clients. Only for groups that publish and are not closed loop.

        A surge has a schedule of its own, evenly spread by itself, so that the sum of both is even too. A change of the
        rate begins another schedule, whose time 0 is the instant of the change.
        """
        group = self.group
        change = change or RateChange(0, group.interval)
        pace = Pace(
            arrival=group.arrival,
            clients=self.clients,
            interval=change.interval,
            messages=group.messages,
            # equal shapes must not fire in step, nor a shape repeat its own chances
            seed=self.identity.seed + self.first_number + self.first_index + (change.number << 40),
            jitter=group.jitter,
            client_ramp_ns=self.ramp_ns,
            ramp_passed_ns=min(change.passed_ns, self.ramp_ns),
            rate_ramp_ns=group.rate_ramp_ns if self.surge is None else 0,
        )
        return Schedule(pace, self.members - self.first_index)

    @property
    def comes_later(self) -> bool:
        """Tell whether these clients connect while the attack runs, not before it."""
        return self.surge is not None or bool(self.group.start_after_ns or self.group.ramp_ns)

    def rows_of(self, indices: Ints) -> Ints:
        """Return the rows of those of the group's clients `indices` (ascending) that are among these."""
        return self.first_row + np.flatnonzero(np.isin(self.members, indices, assume_unique=True))

    def wave(self, surge: int, first_index: int, clients: int) -> GroupPlan:
        """Return the plan for some clients of a reserve, which come in as one more surge."""
        begin, end = np.searchsorted(self.members, (first_index, first_index + clients)).tolist()
        return replace(
            self, members=self.members[begin:end], first_row=self.first_row + begin, surge=surge,
            first_index=first_index, clients=clients,
        )  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """The part of a warhead that one worker carries out.

    `reserves` are clients that come only if somebody adds them while the load runs: one part for each group that has a
    reserve. They are in no group, and in no count of clients.
    """

    warhead: Warhead
    share: Share
    identity: Identity
    groups: tuple[GroupPlan, ...]
    reserves: tuple[GroupPlan, ...] = ()

    @property
    def clients(self) -> int:
        return sum(group.count for group in self.groups)

    @property
    def rows(self) -> int:
        """Return the number of clients with those of the reserves."""
        return self.clients + sum(reserve.count for reserve in self.reserves)

    @property
    def parts(self) -> tuple[GroupPlan, ...]:
        """Return the groups and the reserves, in the order of their rows."""
        return self.groups + self.reserves

    def group_of(self, row: int) -> GroupPlan:
        """Return the group, surge or reserve that a row belongs to."""
        for group in self.parts:
            if row < group.first_row + group.count:
                return group
        raise IndexError(row)


def make_plan(warhead: Warhead, share: Share, identity: Identity) -> Plan:
    """Make the plan for the part of the warhead that `share` carries."""
    groups, reserves = groups_of(warhead, share, identity), reserves_of(warhead, share, identity)
    return Plan(warhead, share, identity, tuple(groups), tuple(reserves))


def groups_of(warhead: Warhead, share: Share, identity: Identity) -> list[GroupPlan]:
    """Plan the groups in order, then the surges in order."""
    plans: list[GroupPlan] = []
    number = row = 0
    numbered: dict[str, tuple[Group, int, int]] = {}  # group, number of its client 0, the index that is free next
    for group in warhead.groups:
        members = share.members(group.clients)
        plans.append(
            GroupPlan(
                group, identity, number, members, row, clients=group.clients, ramp_ns=group.ramp_ns,
                protocol=warhead.protocol_of(group), header_in_property=_needs_property(warhead, group),
            )
        )  # fmt: skip
        numbered[group.name] = (group, number, group.clients)
        # numbers of surge clients follow those of their group, so that a group's numbers are one range
        number += warhead.clients_of(group)
        row += len(members)
    for place, surge in enumerate(warhead.surges):
        group, number, index = numbered[surge.group]
        # the share deals the group's indices on from where the group, or its last surge, ended
        members = share.members(index + surge.clients)[share.count(index) :]
        protocol = warhead.protocol_of(group)
        plans.append(
            GroupPlan(
                group, identity, number, members, row, place, index, surge.clients, surge.ramp_ns, protocol,
                _needs_property(warhead, group),
            )
        )  # fmt: skip
        numbered[surge.group] = (group, number, index + surge.clients)
        row += len(members)
    return plans


def reserves_of(warhead: Warhead, share: Share, identity: Identity) -> list[GroupPlan]:
    """Plan the reserve of each group that has one.

    Indices go on after the group's surges. Numbers and rows go on after those of all groups, so that a load is the same
    with a reserve and without.
    """
    plans: list[GroupPlan] = []
    number = sum(warhead.clients_of(group) for group in warhead.groups)
    row = sum(share.count(warhead.clients_of(group)) for group in warhead.groups)
    for group in warhead.groups:
        index, reserve = warhead.clients_of(group), group.reserve or 0
        if not reserve:
            continue
        members = share.members(index + reserve)[share.count(index) :]
        plans.append(
            GroupPlan(
                group, identity, number - index, members, row, None, index, reserve, 0, warhead.protocol_of(group),
                _needs_property(warhead, group),
            )
        )  # fmt: skip
        number += reserve
        row += len(members)
    return plans


def _needs_property(warhead: Warhead, group: Group) -> bool:
    """Return True if generated payloads are too small for the header, and all that publish and hear speak MQTT 5.

    Those that answer requests send the payload back without the properties.
    """
    if not group.publishes or not group.generated or holds_header(group.size):
        return False
    speaking = [one for one in warhead.groups if one.subscribes] + [group]
    all_5 = all(warhead.protocol_of(one) is Protocol.V5 for one in speaking)
    return len(speaking) > 1 and all_5 and not any(one.responds for one in warhead.groups)
