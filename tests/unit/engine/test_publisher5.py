"""Publishing in MQTT 5, turn by turn, without a network: the broker's terms, refusals, aliases, sessions."""

from __future__ import annotations

from typing import Any

import pytest

from engine_rig import S, World, world
from malaria.mqtt.codec import decode, encode
from malaria.mqtt.packets import Ack, Connack, Connect, Disconnect, Packet, PacketType, Protocol, Publish
from malaria.mqtt.session import SessionPhase
from malaria.records.rows import EventKind

V5 = Protocol.V5
EVERYBODY = frozenset(PacketType)
METER = {"role": "publish", "clients": 1, "interval": "1s", "size": "20", "topic": "t/{index}", "qos": 1,
         "inflight": 4, "protocol": "5"}  # fmt: skip
PUBACK, PUBREC, PUBCOMP = PacketType.PUBACK, PacketType.PUBREC, PacketType.PUBCOMP


def packets(stream: bytes) -> list[Packet]:
    found: list[Packet] = []
    at = 0
    while at < len(stream):
        one = decode(stream, at, len(stream), EVERYBODY, V5)
        assert one is not None, "the stream ends inside a packet"
        found.append(one[0])
        at = one[1]
    return found


def published(w: World, place: int = 0) -> list[Publish]:
    return [p for p in packets(bytes(w.sockets[place].sent)) if isinstance(p, Publish)]


def pass_seconds(w: World, seconds: float) -> None:
    w.now_ns += round(seconds * S)
    w.turn()


def say(w: World, *said: Packet, place: int = -1) -> None:
    w.say(w.sockets[place], b"".join(encode(packet, V5) for packet in said))


def come_back(w: World, connack: Connack) -> None:
    """The connection breaks, and the next one is answered so."""
    w.say(w.sockets[-1], b"")
    pass_seconds(w, 1.1)
    w.writable(w.sockets[-1])
    say(w, connack)


def troubles(w: World) -> set[str]:
    return {event.text for event in w.meter.events(0) if event.kind is EventKind.TROUBLE}


def test_the_receive_maximum_bounds_the_window() -> None:
    with world(METER) as w:
        w.connect_all({"receive_maximum": 2})
        w.publish()
        pass_seconds(w, 5.5)
        assert [p.packet_id for p in published(w)] == [1, 2]
        assert w.meter.counts.held_window == 4
        say(w, Ack(PUBACK, 1))
        assert [p.packet_id for p in published(w)] == [1, 2, 3]
        say(w, Ack(PUBACK, 2, 0x10), Ack(PUBACK, 3))  # "no matching subscribers" is an acknowledgement
        assert w.meter.counts.acked == 3
        assert [p.packet_id for p in published(w)][3:] == [4, 1]


@pytest.mark.parametrize("limit", [3, 9, 20])
def test_a_closed_loop_keeps_the_receive_maximum_full_and_no_fuller(limit: int) -> None:
    with world(METER | {"interval": 0, "inflight": 40}) as w:
        w.connect_all({"receive_maximum": limit})
        w.publish()
        pass_seconds(w, 0)
        for _ in range(30):
            in_flight = len(published(w)) - w.meter.counts.acked
            assert 0 < in_flight <= limit
            say(w, *(Ack(PUBACK, p.packet_id or 0) for p in published(w)[w.meter.counts.acked :]))
            w.turn()
        assert w.meter.counts.acked >= 30
        assert w.meter.counts.stray_ack == 0


def test_what_is_sent_again_keeps_to_a_receive_maximum_that_is_lower_now() -> None:
    with world(METER | {"clean_start": False}) as w:
        w.connect_all()
        w.publish()
        pass_seconds(w, 3.5)
        assert len(published(w)) == 4
        come_back(w, Connack(True, 0, {"receive_maximum": 2}))
        assert [(p.packet_id, p.dup) for p in published(w, 1)] == [(1, True), (2, True)]
        say(w, Ack(PUBACK, 1))
        assert [p.packet_id for p in published(w, 1)] == [1, 2, 3]
        say(w, Ack(PUBACK, 2), Ack(PUBACK, 3))
        again = published(w, 1)
        assert [(p.packet_id, p.dup) for p in again[:4]] == [(1, True), (2, True), (3, True), (4, True)]
        assert [p.dup for p in again[4:]] == [False]  # one more: two are in flight
        assert w.meter.counts.redelivered == 4
        say(w, *(Ack(PUBACK, i) for i in (4, again[4].packet_id or 0)))
        assert w.engine.publishers[0].held == 0


@pytest.mark.parametrize("qos", [1, 2])
def test_a_refusal_ends_a_message_without_acknowledging_it(qos: int) -> None:
    with world(METER | {"qos": qos, "inflight": 1}) as w:
        w.connect_all()
        w.publish()
        pass_seconds(w, 1.5)
        say(w, Ack(PUBACK if qos == 1 else PUBREC, 1, 0x87, {"reason_string": "not you"}))
        counts = w.meter.counts
        assert (counts.sent, counts.acked, counts.publishes_refused, counts.stray_ack) == (2, 0, 1, 0)
        assert [p.packet_id for p in published(w)] == [1, 1]  # the id is free, and what was held goes out
        assert troubles(w) == {"the broker refused a message: not authorised"}
        (account,) = (p.published() for p in w.engine.publishers)
        assert dict(account.unacked) == {0: [0, 1]}
        say(w, Ack(PUBACK if qos == 1 else PUBREC, 9, 0x87))
        assert counts.stray_ack == 1
        assert w.meter.ack.waiting == 0


def test_a_refusal_of_the_wrong_kind_ends_the_connection() -> None:
    with world(METER) as w:
        w.connect_all()
        w.publish()
        pass_seconds(w, 0.5)
        say(w, Ack(PUBREC, 1, 0x87))
        assert w.meter.counts.malformed == 1
        assert w.engine.columns.phase[0] == SessionPhase.WAITING


def test_a_topic_is_said_once_in_a_connection() -> None:
    keys = {"topic_alias": True, "session_expiry": "1m", "user_properties": {"of": "{client}"}}
    with world(METER | keys) as w:
        w.connect_all({"topic_alias_maximum": 5})
        w.publish()
        pass_seconds(w, 2.5)
        owner = ("of", "malaria-run-g0-0")
        assert [(p.topic, p.properties) for p in published(w)] == [
            (topic, {"topic_alias": 1, "user_property": (owner,)}) for topic in ("t/0", "", "")
        ]
        assert len({p.payload for p in published(w)}) == 3
        come_back(w, Connack(True, 0, {"topic_alias_maximum": 1}))
        assert [p.topic for p in published(w, 1)][:5] == ["t/0", "t/0", "t/0", "t/0", ""][: len(published(w, 1))]
        assert [("topic_alias" in p.properties, p.dup) for p in published(w, 1)][:4] == [(False, True)] * 3 + [
            (True, False)
        ]
        say(w, *(Ack(PUBACK, i) for i in (1, 2, 3, 4)))
        come_back(w, Connack(True, 0))
        pass_seconds(w, 2)
        assert {p.topic for p in published(w, 2)} == {"t/0"}  # this time it grants none


def test_only_the_first_connection_of_a_lasting_session_starts_clean() -> None:
    with world(METER | {"session_expiry": "1m", "client_id": "", "keepalive": "30s"}) as w:
        w.connect_all({"assigned_client_identifier": "chosen", "server_keep_alive": 5})
        assert packets(bytes(w.sockets[0].sent))[0] == Connect("", True, 30, properties={"session_expiry_interval": 60})
        pass_seconds(w, 5.1)
        assert w.meter.counts.pings == 1
        come_back(w, Connack(False, 0))
        again = packets(bytes(w.sockets[1].sent))[0]
        assert isinstance(again, Connect)
        assert (again.client_id, again.clean_start) == ("chosen", False)
        pass_seconds(w, 6)
        assert w.meter.counts.pings == 1  # now our own keep-alive holds


def test_a_goodbye_of_the_broker_is_told_in_words() -> None:
    with world(METER) as w:
        w.connect_all()
        say(w, Disconnect(0x9D, {"server_reference": "other:1883", "reason_string": "moved house"}))
        text = "connection lost: the broker sent DISCONNECT: server moved (moved house); it refers to other:1883"
        assert troubles(w) == {text}
        assert w.meter.counts.dropped == 1
        pass_seconds(w, 1.1)
        w.writable(w.sockets[1])
        say(w, Disconnect(0x8B))  # before CONNACK nothing but that may come
        assert w.meter.counts.malformed == 1


TERMS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "QoS": ({"qos": 2}, {"maximum_qos": 1}, "no message over QoS 1"),
    "retain": ({"retain": True}, {"retain_available": 0}, "no retained messages"),
    "size": ({"size": "500"}, {"maximum_packet_size": 300}, "no packet over 300 bytes"),
}


@pytest.mark.parametrize("case", TERMS)
def test_terms_that_exclude_the_load_are_a_refusal(case: str) -> None:
    keys, granted, text = TERMS[case]
    with world(METER | keys) as w:
        w.connect_all(granted)
        assert list(w.meter.clients_failed()) == [f"the broker's terms: {text}"]
        assert w.meter.counts.refused == 1
        assert w.engine.columns.phase[0] == SessionPhase.WAITING


def test_a_message_that_is_too_large_is_not_sent_and_counted() -> None:
    with world(METER | {"size": "20-400", "inflight": 60}) as w:
        w.connect_all({"maximum_packet_size": 200})
        w.publish()
        for _ in range(40):
            pass_seconds(w, 1)
        counts = w.meter.counts
        assert counts.due == 41 == counts.sent + counts.too_large
        assert 5 < counts.too_large < 36
        raw = bytes(w.sockets[0].sent)
        assert all(len(encode(p, V5)) <= 200 for p in published(w))
        assert len(published(w)) == counts.sent
        assert raw.count(b"MQTT") == 1
        assert troubles(w) == {"a message was larger than the broker takes (200 bytes)"}
        (account,) = (p.published() for p in w.engine.publishers)
        assert len(account.unacked[0]) == 41  # none was acknowledged


def test_both_versions_side_by_side() -> None:
    older = METER | {"protocol": "3.1.1"}
    with world(METER, older) as w:
        w.connect_all({"receive_maximum": 1})
        w.publish()
        pass_seconds(w, 3.5)
        assert len(published(w, 0)) == 1
        assert w.sockets[1].sent.count(b"t/0") == 4
        say(w, Ack(PUBACK, 1, 0x00), place=0)
        w.say(w.sockets[1], encode(Ack(PUBACK, 1)))
        assert w.meter.counts.acked == 2
        w.say(w.sockets[1], b"\x40\x03\x00\x02\x00")  # three bytes are a PUBACK of MQTT 5 alone
        assert w.meter.counts.malformed == 1
