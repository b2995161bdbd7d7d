"""Templates of MQTT 5 make what the codec makes, whatever the topic is called."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from malaria.engine.template5 import BuiltTemplate5, Naming, PreparedTemplate5, make_template5
from malaria.model.warhead import Warhead
from malaria.mqtt.codec import decode
from malaria.mqtt.packets import PacketType, Protocol, Publish
from malaria.plan.clients import GroupPlan, Identity, make_plan
from malaria.schedule.payload import HEADER_SIZE, unpack_header
from malaria.schedule.share import WHOLE

GROUP = {"name": "g", "clients": 3, "size": 40, "topic": "a/{index}"}
FULL = {"message_expiry": "1m", "content_type": "x", "response_topic": "r/{client}", "correlation_data": "{group}",
        "user_properties": {"a": ["{index}", "c"]}}  # fmt: skip
KINDS: dict[str, tuple[dict[str, Any], type]] = {
    "bare": ({}, PreparedTemplate5),
    "QoS 0": ({"qos": 0}, PreparedTemplate5),
    "QoS 2, retained": ({"qos": 2, "retain": True}, PreparedTemplate5),
    "all properties": (FULL, PreparedTemplate5),
    "long properties": ({"user_properties": {"a": "b" * 500}}, PreparedTemplate5),
    "a correlation of its own": ({"correlation_data": "{seq}"}, BuiltTemplate5),
    "a topic of its own": ({"topic": "a/{seq}"}, BuiltTemplate5),
    "sizes": ({"size": "30-60"}, BuiltTemplate5),
}


def plan_of(**keys: Any) -> GroupPlan:
    table = {"group": [GROUP | keys], "attack": {"duration": "1s", "protocol": "5"}}
    return make_plan(Warhead.model_validate(table), WHOLE, Identity("run", 7, 1)).groups[0]


def read(raw: bytes) -> Publish:
    found = decode(raw, 0, len(raw), frozenset(PacketType), Protocol.V5)
    assert found is not None
    assert found[1] == len(raw)
    assert isinstance(found[0], Publish)
    return found[0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("naming", Naming)
def test_packets_and_blocks(kind: str, naming: Naming) -> None:
    keys, expected = KINDS[kind]
    plan = plan_of(**keys)
    template = make_template5(plan)
    assert type(template) is expected
    template.address(1, naming)
    packet = read(bytes(template.packet(1, 9, 5, 77)))
    assert packet.topic == ("" if naming is Naming.ALIASED else plan.topic(1, 5))
    alias = {} if naming is Naming.FULL else {"topic_alias": 1}
    assert packet.properties == {**plan.message_properties(1, 5), **alias}
    assert (packet.qos, packet.retain, packet.packet_id) == (
        plan.group.qos,
        plan.group.retain,
        9 if packet.qos else None,
    )
    header = unpack_header(packet.payload[:HEADER_SIZE])
    assert header is not None
    assert (header.client, header.sequence, header.due_ns) == (1, 5, 77)
    joined, ends = template.block(1, np.array([9, 10, 11]), 5, np.array([77, 78, 79]))
    raw = bytes(joined)
    length = len(raw) // 3
    bounds = [0, *(range(length, len(raw) + 1, length) if isinstance(ends, int) else ends.tolist())]
    pieces = [raw[begin:end] for begin, end in pairwise(bounds)]
    assert pieces == [bytes(template.packet(1, 9 + i, 5 + i, 77 + i)) for i in range(3)]
    assert len({read(piece).payload for piece in pieces}) == 3
    if plan.group.qos:
        joined, _ = template.run(1, [9, 10, 11], 5, 77)
        assert bytes(joined) == b"".join(bytes(template.packet(1, 9 + i, 5 + i, 77)) for i in range(3))


def test_clients_with_packets_of_one_length_and_another_layout() -> None:
    plan = plan_of(clients=11, topic="a/{index}", user_properties={"a": "b"})
    template = make_template5(plan)
    template.address(10, Naming.INTRODUCED)  # alias and topic
    template.address(1, Naming.FULL)
    for position in (1, 10, 1, 10):
        ids = [4, 5]
        expected = b"".join(bytes(template.packet(position, i, i, 77)) for i in ids)
        assert bytes(template.run(position, ids, 4, 77)[0]) == expected
        template.address(10, Naming.ALIASED)


def test_another_client_is_not_affected() -> None:
    plan = plan_of()
    template = make_template5(plan)
    template.address(1, Naming.ALIASED)
    assert read(bytes(template.packet(0, 1, 0, 0))).topic == "a/0"
    template.address(1, Naming.FULL)
    assert read(bytes(template.packet(1, 1, 0, 0))).topic == "a/1"
