"""What one client keeps in memory for its broker is bounded, and the others go on."""

from __future__ import annotations

from functools import cache

import pytest

from engine_rig import S, World, world
from malaria.engine import outbox
from malaria.mqtt.codec import encode
from malaria.mqtt.packets import Publish
from malaria.mqtt.session import SessionPhase
from malaria.transport.failures import NOT_READING, remedies
from malaria.transport.limits import LARGEST_FRAME, OWED_BYTES

LISTENERS = {"role": "subscribe", "clients": 2, "qos": 2, "topic": "t"}
PART = 100_000


@cache
def burst(qos: int, first_id: int, count: int) -> bytes:
    return b"".join(encode(Publish("t", b"x", qos, packet_id=first_id + i)) for i in range(count))


def send_without_reading(w: World, qos: int, answers: int) -> None:
    """The broker of the first client sends messages and takes nothing."""
    w.sockets[0].accepts = 0
    for at in range(0, answers, 1000):
        w.say(w.sockets[0], burst(qos, 1 + at % 60_000, 1000))


@pytest.mark.parametrize("qos", [1, 2])
def test_a_broker_that_sends_and_never_reads_is_given_up(qos: int) -> None:
    with world(LISTENERS) as w:
        w.connect_all()
        send_without_reading(w, qos, OWED_BYTES // 4 // 1000 * 1000)
        assert not w.sockets[0].closed
        assert 0 < w.engine.outbox.backlog_bytes <= OWED_BYTES
        send_without_reading(w, qos, 2000)
        assert w.sockets[0].closed
        assert w.engine.outbox.backlog_bytes == 0
        assert w.meter.counts.dropped == 1
        assert [event.text for event in w.meter.events(0)] == [f"connection lost: {NOT_READING[0]}"]
        w.say(w.sockets[1], burst(qos, 1, 1))
        assert w.engine.columns.phase[1] == SessionPhase.READY
        assert w.sockets[1].sends[-1] == (b"\x40\x02\x00\x01" if qos == 1 else b"\x50\x02\x00\x01")
        w.now_ns += 2 * S
        w.turn()
        assert len(w.sockets) == 3  # it comes back


def test_a_broker_that_reads_slowly_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is answered three times as much as may be owed at once."""
    monkeypatch.setattr(outbox, "OWED_BYTES", 100_000)
    with world(LISTENERS) as w:
        w.connect_all()
        for _ in range(8):
            send_without_reading(w, 1, 10_000)
            w.sockets[0].accepts = 30_000
            w.writable(w.sockets[0])
            w.writable(w.sockets[0])
        assert not w.sockets[0].closed


def test_answers_of_one_turn_past_the_limit_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "OWED_BYTES", 10)
    with world(LISTENERS) as w:
        w.connect_all()
        w.sockets[0].accepts = 0
        box = w.engine.outbox
        for _ in range(100):
            box.send(0, b"\x40\x02\x00\x01", w.now_ns)
        assert box.backlog_bytes <= 14
        assert box.broken == [(0, NOT_READING[0])]


def test_what_is_sent_again_after_a_reconnect_is_no_answer() -> None:
    meter = {"role": "publish", "clients": 1, "interval": 0, "size": "1000", "topic": "t", "qos": 1, "inflight": 2000}
    with world(meter | {"clean_start": False}) as w:
        w.connect_all()
        w.publish()
        for _ in range(20):
            w.turn()
        w.say(w.sockets[0], b"")
        w.now_ns += 2 * S
        w.turn()
        w.sockets[1].accepts = None
        w.writable(w.sockets[1])
        w.sockets[1].accepts = 0
        w.say(w.sockets[1], b"\x20\x02\x01\x00")
        w.turn()
        assert w.engine.outbox.backlog_bytes > OWED_BYTES
        assert not w.sockets[1].closed


def test_the_reason_has_a_remedy() -> None:
    assert remedies([NOT_READING[0]])


@pytest.mark.parametrize("size", [17 << 20])
def test_a_packet_of_more_than_16_mib_is_taken(size: int) -> None:
    with world(LISTENERS) as w:
        w.connect_all()
        packet = encode(Publish("t", bytes(size), 1, packet_id=7))
        assert len(packet) <= LARGEST_FRAME
        stream = packet + burst(1, 8, 1)
        for at in range(0, len(stream), PART):
            w.say(w.sockets[0], stream[at : at + PART])
        assert (w.meter.counts.arrived, w.meter.counts.malformed) == (2, 0)
        assert w.sockets[0].sent.endswith(b"\x40\x02\x00\x07\x40\x02\x00\x08")
