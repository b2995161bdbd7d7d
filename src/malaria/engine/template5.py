"""PUBLISH packets of MQTT 5: as `template` makes them, with properties between packet id and payload. A hot module.

    [ room for the longest head | packet id | properties | header: magic run client sequence due | filler ]

What a client's topic is called changes with its connection: in full; in full with the alias that it is to have; or by
that alias alone. `address` says so. About 0.1 us a message beside what 3.1.1 costs.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from enum import Enum, auto
from typing import Final, Protocol

from malaria.engine.template import (
    BuiltTemplate,
    Encoded,
    PreparedTemplate,
    Template,
    fixed_size,
    publish_head,
)
from malaria.mqtt.properties import properties_of
from malaria.plan.clients import GroupPlan
from malaria.plan.streams import FAR_SEQUENCE
from malaria.schedule.payload import HEADER, HEADER_PROPERTY, MAGIC, pack_header

ALIAS: Final = 1
"""The alias of a client's topic: it has one topic, and so one alias."""
_PROPERTIES: Final = properties_of("PUBLISH")


class Naming(Enum):
    """The way in which a PUBLISH names its topic."""

    FULL = auto()
    INTRODUCED = auto()  # in full, and the alias that it has from now on (MQTT 5, 3.3.2.3.4)
    ALIASED = auto()


class Template5(Template, Protocol):
    """Makes the PUBLISH packets of one group that speaks MQTT 5."""

    def address(self, position: int, naming: Naming) -> None:
        """Set how the packets of this client name their topic from now on."""


def make_template5(plan: GroupPlan) -> Template5:
    """Return the quickest template that can make this group's packets."""
    size = fixed_size(plan)
    if size is None or plan.message_properties(0, 0) != plan.message_properties(0, FAR_SEQUENCE):
        return BuiltTemplate5(plan)
    return PreparedTemplate5(plan, size)


class PreparedTemplate5(PreparedTemplate):
    """Packets whose length does not change from one message of a connection to the next."""

    def __init__(self, plan: GroupPlan, size: int) -> None:
        super().__init__(plan, size)
        self._plan = plan
        self._members = plan.members.tolist()
        self._properties = [_written(plan, index, 0, Naming.FULL) for index in self._members]
        self._heads = [self._head(position, Naming.FULL) for position in range(plan.count)]
        longest = max((len(written) for written in self._properties), default=0) + len(_alias_written())
        room = max((len(head) for head in self._heads), default=0) + 2 + longest
        self._payload_at = room
        self._buffer = bytearray(room) + self._buffer[len(self._buffer) - size :]
        self._whole = memoryview(self._buffer)
        self._packers: dict[int, Callable[..., None]] = {}

    def address(self, position: int, naming: Naming) -> None:
        self._properties[position] = _written(self._plan, self._members[position], 0, naming)
        self._heads[position] = self._head(position, naming)
        for rows in self._rows.values():  # also those of another length: it may come back to them
            if rows.member == position:
                rows.member = -1

    def packet(self, position: int, packet_id: int, sequence: int, due_ns: int) -> Encoded:
        head, properties = self._heads[position], self._properties[position]
        length = len(properties)
        pack = self._packers.get(length) or self._packer(length)
        if self._qos:
            at = self._payload_at - length - 2
            pack(self._buffer, at, packet_id, properties, MAGIC, self._tag, self._numbers[position], sequence, due_ns)
        else:
            at = self._payload_at - length
            pack(self._buffer, at, properties, MAGIC, self._tag, self._numbers[position], sequence, due_ns)
        begin = at - len(head)
        self._buffer[begin:at] = head
        return self._whole[begin:]

    def _prefix(self, position: int) -> bytes:
        packet_id = b"\0\0" if self._qos else b""
        return self._heads[position] + packet_id + self._properties[position] + self._member_header(position)

    def _packer(self, length: int) -> Callable[..., None]:
        ids = "H" if self._qos else ""
        layout = struct.Struct(f">{ids}{length}s{HEADER.format.removeprefix('>')}")
        pack: Callable[..., None] = layout.pack_into
        self._packers[length] = pack
        return pack

    def _head(self, position: int, naming: Naming) -> bytes:
        topic = _topic(self._plan, self._members[position], 0, naming)
        return publish_head(self._plan.group, topic, len(self._properties[position]) + self._size)


class BuiltTemplate5(BuiltTemplate):
    """Packets made one by one."""

    def __init__(self, plan: GroupPlan) -> None:
        super().__init__(plan)
        self._naming = [Naming.FULL] * plan.count

    def address(self, position: int, naming: Naming) -> None:
        self._naming[position] = naming

    def packet(self, position: int, packet_id: int, sequence: int, due_ns: int) -> Encoded:
        index, naming = self._members[position], self._naming[position]
        header = b""
        if self._plan.header_in_property:
            header = pack_header(self._plan.identity.tag, self._numbers[position], sequence, due_ns)
        written = _written(self._plan, index, sequence, naming, header)
        rest = written + self._payload(position, sequence, due_ns)
        head = publish_head(self._group, _topic(self._plan, index, sequence, naming), len(rest))
        return self._joined(head, packet_id, rest)


def _topic(plan: GroupPlan, index: int, sequence: int, naming: Naming) -> str:
    return "" if naming is Naming.ALIASED else plan.topic(index, sequence)


def _written(plan: GroupPlan, index: int, sequence: int, naming: Naming, header: bytes = b"") -> bytes:
    properties = dict(plan.message_properties(index, sequence))
    if header:
        properties["user_property"] = (*properties.get("user_property", ()), (HEADER_PROPERTY, header.hex()))
    if naming is not Naming.FULL:
        properties["topic_alias"] = ALIAS
    return _PROPERTIES.write(properties)


def _alias_written() -> bytes:
    return _PROPERTIES.write({"topic_alias": ALIAS})
