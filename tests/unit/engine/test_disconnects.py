"""Connections broken on purpose: at their time, in lots, and not taken for the broker's doing."""

from __future__ import annotations

from engine_rig import S, World, world
from malaria.control.changes import DisconnectClients, TimedChange
from malaria.engine.disconnects import LOT, Disconnects
from malaria.engine.publish_schedule import NEVER
from malaria.mqtt.session import SessionPhase

IDLE = {"role": "connect", "clients": 3, "keepalive": 0}


def pass_seconds(w: World, seconds: float) -> None:
    w.now_ns += round(seconds * S)
    w.turn()


def started(w: World) -> World:
    w.connect_all()
    w.publish()
    return w


def test_they_lose_their_connection_without_a_word_and_come_back() -> None:
    with world(IDLE) as w:
        started(w).engine.act(TimedChange(2 * S, DisconnectClients("g0", 2)))
        pass_seconds(w, 1.99)
        assert not any(sock.closed for sock in w.sockets)
        pass_seconds(w, 0.01)
        assert [sock.closed for sock in w.sockets] == [True, True, False]
        assert not w.sockets[0].sent.endswith(b"\xe0\x00")
        assert (w.meter.counts.cut, w.meter.counts.dropped) == (2, 0)
        pass_seconds(w, 1.1)
        for sock in w.sockets[3:]:
            w.writable(sock)
            w.say(sock, b"\x20\x02\x00\x00")
        assert w.engine.ready_clients == 3
        assert w.meter.counts.reconnects == 2


def test_many_are_cut_in_lots() -> None:
    with world(IDLE | {"clients": LOT + 5}, connects_in_progress=1000) as w:
        started(w).engine.act(TimedChange(S, DisconnectClients("g0", 10**6)))
        cut = []
        for _ in range(4):
            pass_seconds(w, 1 if not cut else 0.01)
            cut.append(w.meter.counts.cut)
        assert cut == [LOT, LOT + 5, LOT + 5, LOT + 5]


def test_the_end_of_the_load_calls_them_off() -> None:
    with world(IDLE) as w:
        started(w).engine.act(TimedChange(2 * S, DisconnectClients("g0", 2)))
        w.engine.end_publishing()
        pass_seconds(w, 3)
        assert w.meter.counts.cut == 0
        assert set(w.engine.columns.phase) == {SessionPhase.READY}


def test_a_storm_breaks_them_all_in_one_turn() -> None:
    """20 connections would take two lots otherwise."""
    broken: list[int] = []
    disconnects = Disconnects(broken.append)
    disconnects.order(2 * S, range(20), at_once=True)
    disconnects.order(3 * S, range(20, 35))
    assert disconnects.next_ns == 2 * S
    disconnects.tick(2 * S)
    assert broken == list(range(20))
    assert disconnects.next_ns == 3 * S
    disconnects.tick(3 * S)
    assert len(broken) == 30
    disconnects.order(5 * S, [99], at_once=True)
    disconnects.cancel()
    assert disconnects.next_ns == NEVER
