"""Clients that come while the load runs, and leave before it ends, turn by turn and without a network."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest

from engine_rig import FakeSocket, S, World, world
from malaria.control.changes import AddClients, ChangeRate, RemoveClients, TimedChange
from malaria.control.standing import SurgeStanding
from malaria.engine.surges import HANG_UP_NS, LOT
from malaria.mqtt.codec import decode, encode
from malaria.mqtt.packets import Ack, Packet, PacketType, Publish
from malaria.mqtt.session import SessionPhase
from malaria.schedule.payload import HEADER

METER = {"role": "publish", "clients": 2, "interval": "1s", "size": "20", "topic": "t", "qos": 1, "keepalive": 0}
SURGE = {"group": "g0", "clients": 3, "at": "1s", "hold": "5s"}
DISCONNECT = b"\xe0\x00"
CONNACK = b"\x20\x02\x00\x00"


def sent(sock: FakeSocket) -> list[Publish]:
    return [packet for packet, _ in packets(sock, 0) if isinstance(packet, Publish)]


def packets(sock: FakeSocket, at: int) -> Iterator[tuple[Packet, int]]:
    """What was said from that byte on, each with where it ends."""
    while at < len(sock.sent):
        one = decode(sock.sent, at, len(sock.sent), frozenset(PacketType))
        assert one is not None
        yield one
        at = one[1]


def go_on(w: World, until_s: float, answer: bool = True, step_s: float = 0.05) -> None:
    """Time passes; a friendly broker lets everybody in, acknowledges, and closes after a DISCONNECT."""
    while w.now_ns < w.epoch_ns + round(until_s * S):
        w.now_ns += round(step_s * S)
        w.turn()
        for sock in w.sockets if answer else ():
            if not sock.closed:
                be_kind(w, sock)


heard: dict[FakeSocket, int] = {}  # how much of it the broker has answered


def be_kind(w: World, sock: FakeSocket) -> None:
    if w.engine.columns.phase[w.engine._client_of(sock.fd)] == SessionPhase.CONNECTING:
        w.writable(sock)
        w.say(sock, CONNACK)
    for packet, end in list(packets(sock, heard.get(sock, 0))):
        heard[sock] = end
        if isinstance(packet, Publish):
            w.say(sock, encode(Ack(PacketType.PUBACK, packet.packet_id or 0)))
    if sock.sent.endswith(DISCONNECT):
        w.say(sock, b"")


@pytest.fixture(autouse=True)
def forget() -> None:
    heard.clear()


def surging(*surges: dict[str, Any], group: dict[str, Any] | None = None, **attack: Any) -> Any:
    return world(METER | (group or {}), surges=surges or (SURGE,), drain="2s", **attack)


def start(w: World, *acts: TimedChange) -> None:
    """Run time 0 is the beginning of the load."""
    w.connect_all()
    w.publish()
    for act in acts:
        w.engine.act(act)


COME, LEAVE = TimedChange(1 * S, AddClients(0, 2 * S)), TimedChange(6 * S, RemoveClients(0))


def test_they_are_no_part_of_the_start() -> None:
    with surging() as w:
        w.connect_all()
        assert (w.engine.standing().expected_ready, len(w.sockets)) == (2, 2)


def test_they_come_publish_and_leave_at_their_times() -> None:
    with surging() as w:
        start(w, COME, LEAVE)
        go_on(w, 0.95)
        assert len(w.sockets) == 2
        go_on(w, 1.9)
        assert [len(sent(sock)) for sock in w.sockets] == [2, 2, 0, 0, 0]
        go_on(w, 9.95)
        assert all(sock.closed and sock.sent.endswith(DISCONNECT) for sock in w.sockets[2:])
        assert [len(sent(sock)) for sock in w.sockets[2:]] == [4, 4, 4]
        assert w.meter.counts.due == w.meter.counts.acked == 20 + 12
        assert (w.meter.counts.dropped, w.meter.counts.refused, w.meter.counts.reconnects) == (0, 0, 0)
        (presence,) = w.engine.standing().surges
        assert (presence.came, presence.gone) == (3, 3)
        assert S <= presence.came_ns <= 1.1 * S
        assert 6 * S <= presence.gone_ns <= 6.1 * S
        assert w.engine.ready_clients == 2


def test_their_dues_lie_evenly_between_those_of_the_group() -> None:
    with surging(group={"interval": "600ms"}) as w:
        start(w, COME, LEAVE)
        go_on(w, 7)
        assert w.meter.counts.due == 2 * 7 * S // (6 * S // 10) + 1 + 3 * 4 * S // (6 * S // 10)


def test_nothing_is_due_after_they_are_to_leave_however_late_that_is_noticed() -> None:
    with surging() as w:
        start(w, COME, LEAVE)
        go_on(w, 5.5)
        w.now_ns += 7 * S
        w.turn()
        w.turn()
        (own, theirs) = (publisher.published() for publisher in w.engine.publishers)
        assert theirs.sent.sum() == 12
        assert own.sent.sum() > 12


def test_who_owes_stays_until_it_is_acknowledged() -> None:
    with surging() as w:
        start(w, COME, LEAVE)
        go_on(w, 5.5)
        go_on(w, 7, answer=False)
        assert [sock.sent.endswith(DISCONNECT) for sock in w.sockets[2:]] == [True, True, False]  # sent at 5.67 s
        assert w.engine.standing().pending > 0
        be_kind(w, w.sockets[4])
        go_on(w, 7.2, answer=False)
        assert w.sockets[4].sent.endswith(DISCONNECT)


def test_who_cannot_finish_goes_in_bounded_time_and_what_it_owed_is_counted() -> None:
    with surging(group={"inflight": 1}) as w:
        start(w, COME, LEAVE)
        go_on(w, 4.5)
        go_on(w, 9, answer=False)  # the messages due at 5 s are in flight; those of 5.33 s and so on are held
        counts = w.meter.counts
        assert all(sock.sent.endswith(DISCONNECT) for sock in w.sockets[2:])
        assert not any(sock.closed for sock in w.sockets[:2])
        go_on(w, 8.1 + HANG_UP_NS / S, answer=False)
        assert all(sock.closed for sock in w.sockets[2:])
        assert counts.forgotten == 3
        (_, theirs) = (publisher.published() for publisher in w.engine.publishers)
        assert int(theirs.sent.sum()) + counts.abandoned == 12
        assert sum(map(len, theirs.unacked.values())) == 3
        assert sum(p.in_flight + p.held for p in w.engine.publishers[1:]) == 0
        assert w.engine.standing().surges[0].gone == 3


def test_who_has_not_come_in_time_is_not_waited_for() -> None:
    with surging(group={"clients": 1}, connects_in_progress=1) as w:
        start(w, COME, LEAVE)
        go_on(w, 5, answer=False)
        assert len(w.sockets) == 2  # the broker never answers the first of them, and its message of 2 s is held
        go_on(w, 6.1, answer=False)
        assert w.engine.connector.open_sockets == 2
        go_on(w, 9, answer=False)
        assert w.engine.standing().surges[0] == SurgeStanding(0, 0, 3, w.engine.standing().surges[0].gone_ns)
        assert 8 * S <= w.engine.standing().surges[0].gone_ns <= 8.2 * S  # after the drain time
        assert w.engine.connector.open_sockets == 1
        assert w.meter.counts.abandoned == 12


def test_the_end_of_the_load_calls_off_what_has_not_begun() -> None:
    with surging() as w:
        start(w, COME, LEAVE)
        go_on(w, 3)
        w.engine.end_publishing()
        go_on(w, 8)
        assert not any(sock.closed for sock in w.sockets)
        assert w.engine.standing().surges[0].gone == 0
        w.engine.act(LEAVE)  # too late: the load has ended
        go_on(w, 9)
        assert not any(sock.closed for sock in w.sockets)


def test_an_end_before_they_come_keeps_them_away() -> None:
    with surging() as w:
        start(w, COME)
        w.engine.end_publishing()
        go_on(w, 3)
        assert len(w.sockets) == 2


def test_who_is_still_leaving_at_the_end_is_gone_with_it() -> None:
    with surging() as w:
        start(w, COME, LEAVE)
        go_on(w, 5.5)
        go_on(w, 6.5, answer=False)
        w.engine.hang_up()
        assert w.engine.standing().surges[0].gone == 3
        assert all(sock.closed for sock in w.sockets)


def test_many_leave_in_lots() -> None:
    with surging(SURGE | {"clients": 3 * LOT}, group={"interval": "1h"}, connects_in_progress=1000) as w:
        start(w, COME, LEAVE)
        go_on(w, 5.95)
        w.now_ns = w.epoch_ns + 6 * S
        w.turn()
        w.turn()
        said = [sum(sock.sent.endswith(DISCONNECT) for sock in w.sockets)]
        for _ in range(3):
            w.now_ns += S // 100
            w.turn()
            said.append(sum(sock.sent.endswith(DISCONNECT) for sock in w.sockets))
        assert said[0] <= LOT
        assert said[-1] == 3 * LOT


def test_a_ramp_spreads_them_and_their_first_messages() -> None:
    with surging(SURGE | {"clients": 4, "ramp": "2s"}) as w:
        start(w, COME, LEAVE)
        go_on(w, 1.95)
        assert len(w.sockets) == 2 + 2
        go_on(w, 2.6)
        assert len(w.sockets) == 2 + 4
        go_on(w, 7)
        # client i of 4 sends at i/4 s past the second, from 2 s + i/2 s on, until 6 s
        assert [len(sent(sock)) for sock in w.sockets[2:]] == [4, 3, 3, 3]


@pytest.mark.parametrize("inflight", [2, 50])
def test_a_closed_loop_begins_and_ends_in_time(inflight: int) -> None:
    with surging(group={"interval": 0, "inflight": inflight, "clients": 1}) as w:
        start(w, COME, LEAVE)
        go_on(w, 1.9)
        assert [len(sent(sock)) for sock in w.sockets[1:]] == [0, 0, 0]
        go_on(w, 5.9)
        before = len(sent(w.sockets[1]))
        assert before >= inflight
        go_on(w, 6)
        at_leaving = [len(sent(sock)) for sock in w.sockets[1:]]
        go_on(w, 7)
        assert [len(sent(sock)) for sock in w.sockets[1:]] == at_leaving
        assert w.engine.standing().surges[0].gone == 3


def test_a_lost_connection_of_theirs_is_dropped_and_comes_back() -> None:
    with surging() as w:
        start(w, COME, LEAVE)
        go_on(w, 3.05)
        w.say(w.sockets[2], b"")
        assert w.meter.counts.dropped == 1
        go_on(w, 10)
        assert w.meter.counts.reconnects == 1
        presence = w.engine.standing().surges[0]
        assert (presence.came, presence.gone) == (3, 3)


def test_surges_without_publishers_leave_at_once() -> None:
    listeners = {"role": "subscribe", "clients": 1, "topic": "t", "keepalive": 0}
    with world(METER, listeners | {"role": "connect", "topic": ""}, surges=(SURGE | {"group": "g1"},)) as w:
        start(w, COME, LEAVE)
        go_on(w, 7)
        assert w.engine.standing().surges[0].gone == 3


def faster(at_s: float, interval: Fraction) -> TimedChange:
    return TimedChange(round(at_s * S), ChangeRate("g0", interval))


def dues(w: World) -> list[float]:
    """The due times of everything that was published, in seconds of run time."""
    headers = [HEADER.unpack_from(packet.payload) for sock in w.sockets for packet in sent(sock)]
    return sorted(header[-1] / S for header in headers)


@pytest.mark.parametrize("notice_s", [0.05, 2])
def test_a_rate_changes_at_its_time_however_late_it_is_told(notice_s: float) -> None:
    with surging() as w:
        start(w)
        go_on(w, 3 - notice_s)
        w.engine.act(faster(3, Fraction(1, 2)))
        go_on(w, 5.95)
        assert dues(w) == [n / 2 for n in range(6)] + [3 + n / 4 for n in range(12)]


def test_rates_change_one_after_the_other() -> None:
    with surging() as w:
        start(w, faster(1, Fraction(1, 2)), faster(2, Fraction(2)))
        go_on(w, 4.95)
        assert dues(w) == [0, 0.5, 1, 1.25, 1.5, 1.75, 2, 3, 4]


def test_a_worker_that_was_held_up_takes_up_every_rate() -> None:
    with surging(group={"inflight": 100}) as w:
        start(w, faster(1, Fraction(1, 2)), faster(2, Fraction(2)))
        w.now_ns += round(4.9 * S)
        w.engine.end_publishing()
        assert dues(w) == [0, 0.5, 1, 1.25, 1.5, 1.75, 2, 3, 4]


def test_who_comes_later_comes_at_the_changed_rate() -> None:
    with surging() as w:
        start(w, faster(0.5, Fraction(2)), COME, LEAVE)
        go_on(w, 7)
        assert [len(sent(sock)) for sock in w.sockets[2:]] == [2, 2, 2]


def test_a_rate_that_changes_while_they_climb_a_ramp_leaves_out_who_has_not_begun() -> None:
    with surging(SURGE | {"clients": 4, "ramp": "2s", "at": 0}, group={"clients": 1, "interval": "1h"}) as w:
        start(w, TimedChange(0, AddClients(0, 2 * S)), faster(3, Fraction(1)))
        go_on(w, 4.95)
        # client i begins at 2 + i/2 s; from 3 s on each sends at i/4 s past the second
        assert [len(sent(sock)) for sock in w.sockets[1:]] == [3, 2, 2, 2]


def test_a_closed_loop_has_no_rate_to_change() -> None:
    with surging(group={"interval": 0, "inflight": 2, "clients": 1}) as w:
        start(w, faster(0.5, Fraction(2)))
        go_on(w, 1)
        assert len(sent(w.sockets[0])) > 2
