"""The engine, turn by turn, without a network."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from engine_rig import IDENTITY, S, World, world
from malaria.engine.publish_schedule import PublishSpan
from malaria.model.warhead import Warhead
from malaria.mqtt.codec import decode, encode
from malaria.mqtt.packets import Ack, Connect, Packet, PacketType, Protocol, Publish
from malaria.mqtt.session import SessionPhase
from malaria.plan.clients import make_plan
from malaria.records.histogram import Histogram
from malaria.schedule.payload import HEADER, pack_header
from malaria.schedule.share import WHOLE
from malaria.transport.connection_setup import ConnectionSetup
from routes import route_at

EVERYBODY = frozenset(PacketType)
METER = {"role": "publish", "clients": 1, "interval": "1s", "size": "20", "topic": "t", "qos": 1, "inflight": 2}
PUBACK, PUBREC, PUBREL, PUBCOMP = PacketType.PUBACK, PacketType.PUBREC, PacketType.PUBREL, PacketType.PUBCOMP


def packets(stream: bytes, protocol: str = "3.1.1") -> list[Packet]:
    spoken = Protocol.V5 if protocol == "5" else Protocol.V311
    found: list[Packet] = []
    at = 0
    while at < len(stream):
        one = decode(stream, at, len(stream), EVERYBODY, spoken)
        assert one is not None, "the stream ends inside a packet"
        found.append(one[0])
        at = one[1]
    return found


def published(w: World, place: int = 0) -> list[Publish]:
    return [p for p in packets(bytes(w.sockets[place].sent)) if isinstance(p, Publish)]


def pass_seconds(w: World, seconds: float) -> None:
    w.now_ns += round(seconds * S)
    w.turn()


def test_a_client_greets_and_becomes_ready() -> None:
    with world(METER) as w:
        w.connect_all()
        assert packets(bytes(w.sockets[0].sent)) == [Connect("malaria-run-g0-0")]
        assert w.engine.columns.phase[0] == SessionPhase.READY
        assert w.meter.counts.connected == 1


def test_the_schedule_does_not_wait_for_the_broker() -> None:
    with world(METER) as w:
        w.connect_all()
        w.publish()
        pass_seconds(w, 4.5)
        assert w.meter.counts.due == 5
        assert [p.packet_id for p in published(w)] == [1, 2]
        assert w.meter.counts.held_window == 3
        assert w.engine.publishers[0].held == 3
        w.say(w.sockets[0], encode(Ack(PUBACK, 1)) + encode(Ack(PUBACK, 2)))
        assert len(published(w)) == 4
        w.now_ns += S // 2
        sample = w.engine.sample()
        assert (sample.counters["sent"], sample.counters["acked"]) == (4, 2)


def test_latency_counts_from_the_due_time() -> None:
    with world(METER) as w:
        w.connect_all()
        w.publish()
        pass_seconds(w, 2)
        w.say(w.sockets[0], encode(Ack(PUBACK, 1)))
        assert w.meter.ack.take().tolist() == [2 * S]
        assert w.meter.service.take().tolist() == [0]


def test_what_the_kernel_does_not_take_waits_and_nothing_is_sent_twice() -> None:
    with world(METER | {"inflight": 20}) as w:
        w.connect_all()
        w.sockets[0].accepts = 7
        w.publish()
        pass_seconds(w, 3.5)
        assert w.meter.counts.held_backlog == 3
        for _ in range(100):
            w.writable(w.sockets[0])
        assert [p.packet_id for p in published(w)] == [1, 2, 3, 4]
        assert w.meter.counts.sent == 4
        assert w.engine.outbox.backlog_bytes == 0


@pytest.mark.parametrize("accepts", [1, 13, 28, 29, 30, 1000])
def test_a_closed_loop_keeps_its_window_full_whatever_the_kernel_takes(accepts: int) -> None:
    with world(METER | {"interval": 0, "inflight": 50}) as w:
        w.connect_all()
        w.sockets[0].accepts = accepts
        w.publish()
        w.turn()
        for _ in range(50 * 30):
            w.writable(w.sockets[0])
        assert sorted(p.packet_id or 0 for p in published(w)) == list(range(1, 51))
        assert w.meter.counts.sent == 50


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
@pytest.mark.parametrize("inflight", [1, 2, 7, 8, 20, 100, 200])
@pytest.mark.parametrize("freed", [1, 2, 5, 30])
def test_a_closed_loop_refills_at_once_what_one_read_freed(inflight: int, freed: int, protocol: str) -> None:
    """A broker with Nagle's algorithm sends its next acknowledgements only after our next bytes."""
    freed = min(freed, inflight)
    with world(METER | {"interval": 0, "inflight": inflight, "protocol": protocol}) as w:
        w.connect_all()
        w.publish()
        w.turn()
        w.turn()
        assert len(w.sockets[0].sends) == 1 + inflight // 129 + 1  # CONNECT, and the window in blocks
        assert w.engine.publishers[0].in_flight == inflight
        before = len(w.sockets[0].sends)
        w.say(w.sockets[0], b"".join(b"\x40\x02" + packet_id.to_bytes(2) for packet_id in range(1, freed + 1)))
        assert w.engine.publishers[0].in_flight == inflight
        assert len(w.sockets[0].sends) == before + 1
        again = packets(w.sockets[0].sends[-1], protocol)
        assert [p.packet_id for p in again if isinstance(p, Publish)] == list(range(1, freed + 1))
        assert w.meter.counts.due == w.meter.counts.sent == inflight + freed


def answers(kind: int, ids: Iterable[int]) -> bytes:
    return b"".join(bytes([kind, 2]) + packet_id.to_bytes(2) for packet_id in ids)


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_pubrels_and_the_next_messages_of_qos_2_go_out_in_one_send(count: int, protocol: str) -> None:
    with world(METER | {"interval": 0, "inflight": 10, "qos": 2, "protocol": protocol}) as w:
        w.connect_all()
        w.publish()
        w.turn()
        sock, first, second = w.sockets[0], range(1, count + 1), range(6, 6 + count)
        w.say(sock, answers(0x50, first))
        assert sock.sends[-1] == answers(0x62, first)
        before = len(sock.sends)
        w.say(sock, answers(0x70, first) + answers(0x50, second))
        assert len(sock.sends) == before + 1
        pubrels = answers(0x62, second)
        assert sock.sends[-1].startswith(pubrels)
        again = packets(sock.sends[-1][len(pubrels) :], protocol)
        assert [p.packet_id for p in again if isinstance(p, Publish)] == list(first)
        assert w.meter.counts.acked == count
        assert w.meter.counts.bytes_sent == len(sock.sent)


@pytest.mark.parametrize("taken", [0, 3, 8, 10])
def test_pubrels_that_the_kernel_did_not_take_wait_and_no_message_passes_them(taken: int) -> None:
    with world(METER | {"interval": 0, "inflight": 10, "qos": 2}) as w:
        w.connect_all()
        w.publish()
        w.turn()
        sock = w.sockets[0]
        w.say(sock, answers(0x50, (1, 2)))
        sent, sock.accepts = len(sock.sent), taken
        w.say(sock, answers(0x70, (1, 2)) + answers(0x50, (6, 7)))
        sock.accepts = None
        w.writable(sock)
        pubrels = answers(0x62, (6, 7))
        assert bytes(sock.sent[sent : sent + 8]) == pubrels
        again = packets(bytes(sock.sent[sent + 8 :]), "3.1.1")
        assert [p.packet_id for p in again if isinstance(p, Publish)] == [1, 2]
        assert w.meter.counts.sent == w.meter.counts.due == 12
        assert w.meter.counts.bytes_sent == len(sock.sent)


BURSTS = {
    "all in order": [*range(1, 21)],
    "a part in order": [*range(3, 15)],
    "round the end of the window": [*range(9, 21), *range(1, 9)],
    "out of order": [*range(20, 0, -1)],
    "one twice": [*range(1, 11), 10],
    "one unknown at the end": [*range(1, 12), 21],
    "all unknown": [*range(21, 41)],
    "far beyond the window": [*range(65_520, 65_536)],
}


@pytest.mark.parametrize("ids", BURSTS.values(), ids=BURSTS)
def test_a_burst_of_acknowledgements_counts_as_one_by_one_does(ids: list[int]) -> None:
    def counted(reads: list[bytes]) -> tuple[object, ...]:
        with world(METER | {"inflight": 20, "clients": 1}, duration="1h") as w:
            w.connect_all()
            w.publish()
            pass_seconds(w, 19.5)
            publisher = w.engine.publishers[0]
            assert publisher.in_flight == 20
            for read in reads:
                w.say(w.sockets[0], read)
            assert publisher.window is not None
            w.meter.gather()
            counts, latencies = w.meter.counts, sorted(w.meter.ack.take().tolist())
            return bytes(publisher.window.state), counts.acked, counts.stray_ack, latencies, w.meter.service.waiting

    acks = [b"\x40\x02" + packet_id.to_bytes(2) for packet_id in ids]
    assert counted([b"".join(acks)]) == counted(acks)


@pytest.mark.parametrize("ids", [[0], [0, 1], [*range(12)], [1, 0]])
def test_a_packet_id_of_0_is_malformed_however_it_comes(ids: list[int]) -> None:
    with world(METER | {"inflight": 20}) as w:
        w.connect_all()
        w.publish()
        w.say(w.sockets[0], b"".join(b"\x40\x02" + packet_id.to_bytes(2) for packet_id in ids))
        assert w.sockets[0].closed
        assert w.meter.counts.malformed == 1


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
@pytest.mark.parametrize("answers", [1, 3, 12])
def test_a_puback_for_a_message_of_qos_2_is_malformed_however_many_come(answers: int, protocol: str) -> None:
    with world(METER | {"interval": 0, "inflight": 20, "qos": 2, "protocol": protocol}) as w:
        w.connect_all()
        w.publish()
        w.turn()
        w.say(w.sockets[0], b"".join(encode(Ack(PUBACK, packet_id)) for packet_id in range(1, answers + 1)))
        assert w.sockets[0].closed
        assert (w.meter.counts.malformed, w.meter.counts.acked) == (1, 0)


@pytest.mark.parametrize("reason", [0x00, 0x10])
@pytest.mark.parametrize("qos", [1, 2])
def test_answers_of_mqtt_5_with_a_reason_of_success_count_as_those_without(qos: int, reason: int) -> None:
    with world(METER | {"interval": 0, "inflight": 20, "qos": qos, "protocol": "5"}) as w:
        w.connect_all()
        w.publish()
        w.turn()
        kinds = [0x40] if qos == 1 else [0x50, 0x70]
        for kind in kinds:
            w.say(w.sockets[0], b"".join(bytes([kind, 3, 0, packet_id, reason]) for packet_id in (1, 2, 5)))
        assert (w.meter.counts.acked, w.meter.counts.stray_ack, w.engine.publishers[0].in_flight) == (3, 0, 20)


def test_a_reason_is_malformed_in_mqtt_3_1_1() -> None:
    with world(METER | {"interval": 0, "inflight": 20}) as w:
        w.connect_all()
        w.publish()
        w.turn()
        w.say(w.sockets[0], bytes([0x40, 3, 0, 1, 0]))
        assert w.sockets[0].closed


@pytest.mark.parametrize("inflight", [2, 8, 20])
def test_a_closed_loop_refills_what_is_acknowledged_out_of_order(inflight: int) -> None:
    with world(METER | {"interval": 0, "inflight": inflight}) as w:
        w.connect_all()
        w.publish()
        w.turn()
        w.say(w.sockets[0], encode(Ack(PUBACK, inflight)) + (encode(Ack(PUBACK, 2)) if inflight > 2 else b""))
        assert w.engine.publishers[0].in_flight == inflight


@pytest.mark.parametrize("inflight", [1, 2, 8, 20])
def test_a_closed_loop_of_qos_2_refills_at_each_completed_message(inflight: int) -> None:
    with world(METER | {"interval": 0, "inflight": inflight, "qos": 2}) as w:
        w.connect_all()
        w.publish()
        w.turn()
        w.say(w.sockets[0], encode(Ack(PUBREC, 1)))
        w.say(w.sockets[0], encode(Ack(PUBCOMP, 1)))
        assert (w.engine.publishers[0].in_flight, w.meter.counts.sent) == (inflight, inflight + 1)


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_the_pubrels_of_one_read_go_out_in_one_send_and_in_order(protocol: str) -> None:
    with world(METER | {"interval": 0, "inflight": 5, "qos": 2, "protocol": protocol}) as w:
        w.connect_all()
        w.publish()
        w.turn()
        before = len(w.sockets[0].sends)
        w.say(w.sockets[0], b"".join(encode(Ack(PUBREC, packet_id)) for packet_id in (2, 1, 3)))
        assert packets(b"".join(w.sockets[0].sends[before:]), protocol) == [Ack(PUBREL, i) for i in (2, 1, 3)]
        assert len(w.sockets[0].sends) == before + 1


def test_pubrels_of_a_connection_that_is_lost_in_the_same_read_are_dropped() -> None:
    with world(METER | {"interval": 0, "inflight": 5, "qos": 2}) as w:
        w.connect_all()
        w.publish()
        w.turn()
        w.say(w.sockets[0], encode(Ack(PUBREC, 1)) + b"\x00\x00")
        assert w.sockets[0].closed
        assert w.engine.outbox.broken == []
        pass_seconds(w, 1.1)
        w.writable(w.sockets[1])
        w.say(w.sockets[1], b"\x20\x02\x00\x00")
        w.turn()
        assert len(published(w, 1)) == 5


def test_a_closed_loop_ends_after_its_messages() -> None:
    with world(METER | {"interval": 0, "inflight": 5, "messages": 7}) as w:
        w.connect_all()
        w.publish()
        w.turn()
        w.say(w.sockets[0], b"".join(encode(Ack(PUBACK, packet_id)) for packet_id in range(1, 6)))
        w.turn()
        assert [p.packet_id for p in published(w)] == [1, 2, 3, 4, 5, 1, 2]
        assert w.engine.publishers[0].done


@pytest.mark.parametrize("inflight", [2, 50])
def test_a_closed_loop_begins_at_its_origin(inflight: int) -> None:
    with world(METER | {"interval": 0, "inflight": inflight}) as w:
        w.connect_all()
        origin_ns = w.now_ns + S
        w.engine.publish(PublishSpan(w.epoch_ns, origin_ns, origin_ns, None))
        pass_seconds(w, 0.9)
        assert published(w) == []
        pass_seconds(w, 0.1)
        assert len(published(w)) == inflight


def test_a_lost_connection_comes_back_and_forgets_what_was_in_flight() -> None:
    with world(METER) as w:
        w.connect_all()
        w.publish()
        pass_seconds(w, 0.5)
        w.say(w.sockets[0], b"")
        assert w.meter.counts.dropped == 1
        assert w.sockets[0].closed
        pass_seconds(w, 1.1)
        w.writable(w.sockets[1])
        w.say(w.sockets[1], b"\x20\x02\x00\x00")
        assert (w.meter.counts.reconnects, w.meter.counts.forgotten) == (1, 1)
        assert [p.dup for p in published(w, 1)] == [False]
        (account,) = (p.published() for p in w.engine.publishers)
        assert dict(account.unacked) == {0: [0, 1]}


def test_a_kept_session_is_sent_again() -> None:
    with world(METER | {"clean_start": False}) as w:
        w.connect_all()
        w.publish()
        pass_seconds(w, 0.5)
        first = published(w)[0]
        w.say(w.sockets[0], b"")
        pass_seconds(w, 1.1)
        w.writable(w.sockets[1])
        w.say(w.sockets[1], b"\x20\x02\x01\x00")
        again = published(w, 1)[0]
        assert again.dup
        assert (again.packet_id, again.payload) == (first.packet_id, first.payload)
        w.say(w.sockets[1], encode(Ack(PUBACK, 1)))
        assert w.meter.counts.acked == 1


GARBAGE = {
    "type 0": b"\x00\x00",
    "ff": b"\xff" * 40,
    "five length bytes": b"\x30\x80\x80\x80\x80\x01",
    "second CONNACK": b"\x20\x02\x00\x00",
    "topic too long": b"\x32\x04\x00\x09ab",
    "no topic": b"\x30\x00",
    "half a topic length": b"\x30\x01\x00",
    "QoS 3": b"\x36\x05\x00\x01t\x00\x01",
    "DUP at QoS 0": b"\x38\x03\x00\x01t",
    "packet id 0": b"\x32\x05\x00\x01t\x00\x00",
    "PUBREC for QoS 1": b"\x50\x02\x00\x01",
}


@pytest.mark.parametrize("cut", [1, 100])
@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_ends_the_connection_and_is_counted(garbage: bytes, cut: int) -> None:
    with world(METER) as w:
        w.connect_all()
        w.publish()
        w.turn()
        for at in range(0, len(garbage), cut):
            if not w.sockets[0].closed:
                w.say(w.sockets[0], garbage[at : at + cut])
        assert (w.meter.counts.malformed, w.meter.counts.dropped) == (1, 1)
        assert any("malformed" in event.text for event in w.meter.events(0))


def test_a_silent_connection_is_pinged_and_given_up() -> None:
    with world({"role": "connect", "clients": 1, "keepalive": "10s"}) as w:
        w.connect_all()
        pass_seconds(w, 10)
        assert w.sockets[0].sent.endswith(b"\xc0\x00")
        pass_seconds(w, 10)
        assert w.meter.counts.ping_timeouts == 1


def test_a_refusal_is_told_in_words_and_tried_again() -> None:
    with world(METER) as w:
        w.engine.connect(rest=True)
        w.turn()
        w.writable(w.sockets[0])
        w.say(w.sockets[0], b"\x20\x02\x00\x05")
        assert w.meter.clients_failed() == {"the broker refused: not authorised": 1}
        pass_seconds(w, 1.1)
        assert len(w.sockets) == 2


def test_connects_in_progress_are_bounded() -> None:
    with world(METER | {"clients": 20}, connects_in_progress=4) as w:
        w.engine.connect(rest=True)
        w.turn()
        w.turn()
        assert len(w.sockets) == 4
        w.writable(w.sockets[0])
        w.say(w.sockets[0], b"\x20\x02\x00\x00")
        assert len(w.sockets) == 5


def test_the_connect_rate_is_kept() -> None:
    with world(METER | {"clients": 500}, connect_rate=100, connects_in_progress=1000) as w:
        w.engine.connect(rest=True)
        for _ in range(200):
            pass_seconds(w, 0.01)
        assert 195 <= len(w.sockets) <= 215


LISTENER = {"role": "subscribe", "clients": 1, "qos": 2, "topic": "t"}


def message(w: World, sequence: int, qos: int = 1, packet_id: int = 1, size: int = 20) -> bytes:
    """What our publisher would send, as the broker forwards it."""
    header = pack_header(w.engine.plan.identity.tag, 0, sequence, w.now_ns - w.epoch_ns)
    return encode(Publish("t", header + bytes(size - 20), qos, packet_id=packet_id if qos else None))


def listening() -> tuple[dict[str, object], dict[str, object]]:
    return METER, LISTENER


@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("cut", [1, 30, 33, 60, 300])
def test_deliveries_are_followed_however_they_are_cut(qos: int, cut: int) -> None:
    with world(*listening()) as w:
        w.connect_all()
        w.publish()
        subscriber = w.sockets[0]  # subscribers connect first
        stream = b"".join(message(w, q, qos, q + 1) for q in [*range(12), 11, 13, 12])
        before = len(subscriber.sent)
        for at in range(0, len(stream), cut):
            w.say(subscriber, stream[at : at + cut])
        counts = w.meter.counts
        repeated = 0 if qos == 2 else 1  # at QoS 2 the id is known: the repeat is not delivered at all
        assert (counts.arrived, counts.delivered, counts.duplicated, counts.reordered) == (15, 14, repeated, 1)
        answers = packets(bytes(subscriber.sent[before:]))
        kind = {1: PUBACK, 2: PUBREC}.get(qos)
        ids = [q + 1 for q in [*range(12), 11, 13, 12]]
        assert answers == ([] if kind is None else [Ack(kind, i) for i in ids])


def test_retained_and_foreign_messages_are_no_deliveries() -> None:
    with world(*listening()) as w:
        w.connect_all()
        w.publish()
        retained = bytearray(message(w, 0, 0))
        retained[0] |= 1
        w.say(w.sockets[0], bytes(retained) + encode(Publish("t", b"x" * 40)) + encode(Publish("t", b"x")))
        counts = w.meter.counts
        assert (counts.arrived, counts.retained, counts.foreign, counts.delivered) == (3, 1, 2, 0)


def test_a_publisher_that_nobody_asked_for_is_unexpected() -> None:
    with world(*listening()) as w:
        w.connect_all()
        w.publish()
        w.say(w.sockets[0], encode(Publish("t", pack_header(w.engine.plan.identity.tag, 77, 0, 0))))
        assert w.meter.counts.unexpected == 1


def test_a_header_from_the_future_is_foreign() -> None:
    with world(*listening()) as w:
        w.connect_all()
        w.publish()
        broken = encode(Publish("t", pack_header(w.engine.plan.identity.tag, 0, 0, 2**64 - 1)))
        w.say(w.sockets[0], broken)
        w.say(w.sockets[0], broken * 9)
        assert (w.meter.counts.foreign, w.meter.counts.delivered) == (10, 0)


def test_exactly_once_from_end_to_end() -> None:
    with world(METER | {"qos": 2}) as w:
        w.connect_all()
        w.publish()
        pass_seconds(w, 0.1)
        sock = w.sockets[0]
        w.say(sock, encode(Ack(PUBREC, 1)))
        assert packets(bytes(sock.sent))[-1] == Ack(PUBREL, 1)
        w.say(sock, encode(Ack(PUBCOMP, 1)))
        assert w.meter.counts.acked == 1


def test_the_end_says_goodbye() -> None:
    with world(METER) as w:
        w.connect_all()
        w.engine.hang_up()
        assert w.sockets[0].sent.endswith(b"\xe0\x00")
        assert w.sockets[0].closed


def test_a_ramp_ends_with_the_load() -> None:
    with world(METER | {"clients": 10, "ramp": "10s"}) as w:
        w.engine.connect(rest=False)
        w.engine.connect(rest=True)
        w.publish()
        for _ in range(30):
            pass_seconds(w, 0.1)
        assert len(w.sockets) == 4  # at 0, 1, 2 and 3 s
        w.engine.end_publishing()
        pass_seconds(w, 5)
        assert len(w.sockets) == 4


def test_what_was_due_before_the_end_is_taken_up_however_late_the_end_is_noticed() -> None:
    with world(METER | {"clients": 100, "interval": "1s"}) as w:
        w.connect_all()
        w.publish(end_s=2)
        w.now_ns += 5 * S
        w.engine.end_publishing()
        assert w.meter.counts.due == 200
        assert w.engine.publishers[0].held + w.meter.counts.sent == 200


def test_a_corrected_epoch_moves_what_is_stamped_and_not_what_is_due() -> None:
    """The bee's clock turns out to be 3 ms ahead of what was thought: stamps lose them, the schedule does not."""
    with world(METER, {"role": "subscribe", "clients": 1, "topic": "t"}) as w:
        w.connect_all()
        w.publish()
        pass_seconds(w, 0.5)
        w.engine.correct_epoch(w.epoch_ns + 3_000_000)
        pass_seconds(w, 0.5)
        meter = next(sock for sock in w.sockets if any(isinstance(p, Publish) for p in packets(bytes(sock.sent))))
        sent = [p for p in packets(bytes(meter.sent)) if isinstance(p, Publish)]
        dues = [HEADER.unpack_from(p.payload)[4] for p in sent]
        assert dues[-1] - dues[-2] == S - 3_000_000
        listener = next(sock for sock in w.sockets if sock is not meter)
        w.now_ns += 10_000_000
        w.say(listener, encode(Publish("t", sent[-1].payload)))
        sample = w.engine.sample()
        assert Histogram.from_bytes(sample.histograms["end_to_end"]).max_ns == pytest.approx(10_000_000, rel=0.01)
        assert sample.start_ns == 0
        assert sample.end_ns == w.now_ns - w.epoch_ns - 3_000_000


def test_source_addresses_are_used_evenly_by_a_worker_whose_clients_have_only_every_nth_number() -> None:
    warhead = Warhead.model_validate({"group": [METER | {"name": "g", "clients": 16}], "attack": {"duration": "1s"}})
    plan = make_plan(warhead, WHOLE.split(4)[1], IDENTITY)
    route = route_at("10.0.0.1", 1883, "10.0.0.2", "10.0.0.3")
    setup = ConnectionSetup(plan.groups[0], route, warhead)
    assert [setup.source_of(client) for client in range(4)] == ["10.0.0.2", "10.0.0.3"] * 2
