"""Which publishers each subscriber should hear."""

from __future__ import annotations

from typing import Any

from malaria.model.warhead import Warhead
from malaria.plan.clients import Identity, Plan, make_plan
from malaria.plan.streams import streams_of
from malaria.schedule.share import WHOLE

IDENTITY = Identity("run", 1, 1)
METERS = {"name": "meters", "clients": 10, "interval": "2s", "topic": "t/{index}"}
BACKEND = {"name": "backend", "role": "subscribe", "clients": 2, "topic": "t/+"}
SURGES = ({"group": "meters", "clients": 5, "at": "1s"}, {"group": "meters", "clients": 4, "at": "2s", "hold": "1s"})


def plan(*surges: dict[str, Any], groups: tuple[dict[str, Any], ...] = (METERS, BACKEND)) -> Plan:
    table = {"group": groups, "surge": surges, "attack": {"duration": "10s"}}
    return make_plan(Warhead.model_validate(table), WHOLE, IDENTITY)


def test_subscribers_hear_the_clients_of_a_surge() -> None:
    streams = streams_of(plan(*SURGES))
    assert streams.note == ""
    assert streams.publishers[10].tolist() == [*range(19)]


def test_streams_of_late_subscribers_are_unknown() -> None:
    assert "subscribers come in while the attack runs" in streams_of(plan(SURGES[0] | {"group": "backend"})).note


def test_members_of_a_share_have_the_same_streams() -> None:
    speakers = {"name": "p", "clients": 2, "topic": "t/{index}"}
    listener: dict[str, Any] = {"role": "subscribe", "qos": 1}
    groups = (
        speakers,
        listener | {"name": "plain", "clients": 1, "filters": ["t/+"]},
        listener | {"name": "share", "clients": 3, "filters": ["$share/s/t/+"]},
        listener | {"name": "more", "clients": 1, "filters": ["$share/s/t/+"]},
        listener | {"name": "other", "clients": 1, "filters": ["$share/o/t/0"]},
    )
    streams = streams_of(plan(groups=groups))
    assert streams.publisher.tolist() == [0, 1, 0, 1, 0]
    assert dict(streams.first) == {2: 0, 3: 2, 4: 2, 5: 2, 6: 2, 7: 4}
    assert dict(streams.shared) == {"$share/s/t/+": (2, 2), "$share/o/t/0": (4, 1)}
    mixed = groups[1] | {"filters": ["$share/s/t/+", "a"]}
    assert "shared subscription and another filter" in streams_of(plan(groups=(speakers, mixed))).note


def test_a_requester_expects_its_own_message_back() -> None:
    ask = {
        "name": "a",
        "role": "both",
        "clients": 2,
        "topic": "r/{index}",
        "response_topic": "b/{index}",
        "filters": ["b/{index}"],
    }
    answer = {"name": "r", "role": "respond", "clients": 1, "filters": ["$share/s/r/0"]}
    table = {"group": [ask, answer], "attack": {"duration": 1, "protocol": "5"}}
    streams = streams_of(make_plan(Warhead.model_validate(table), WHOLE, IDENTITY))
    assert {row: numbers.tolist() for row, numbers in streams.publishers.items()} == {0: [0], 1: [], 2: [0]}


def test_clients_with_no_local_do_not_hear_themselves() -> None:
    everyone: dict[str, Any] = {"name": "g", "role": "both", "clients": 3, "topic": "t/{index}", "filters": ["t/+"]}
    table = {"group": [everyone | {"no_local": True}], "attack": {"duration": 1, "protocol": "5"}}
    streams = streams_of(make_plan(Warhead.model_validate(table), WHOLE, IDENTITY))
    assert {row: numbers.tolist() for row, numbers in streams.publishers.items()} == {0: [1, 2], 1: [0, 2], 2: [0, 1]}
    assert streams.publisher.tolist() == [1, 2, 0, 2, 0, 1]
