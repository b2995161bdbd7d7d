"""Whatever the broker does while clients come and go: each message is accounted for, and none is due out of time."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from engine_rig import FakeSocket, S, World, world
from malaria.control.changes import AddClients, RemoveClients, TimedChange
from malaria.engine.connector import UNDER_WAY
from malaria.mqtt.codec import decode, encode
from malaria.mqtt.packets import Ack, Connect, Packet, PacketType, Publish
from malaria.mqtt.session import SessionPhase
from malaria.schedule.payload import HEADER

END_S = 8
DRAIN_S = 1
STEP_NS = 53 * S // 1000  # so that most turns come late

surges = st.lists(
    st.tuples(st.integers(1, 4), st.integers(0, 30), st.integers(10, 40), st.integers(0, 8)), min_size=1, max_size=3
)
"""(clients, at, hold, ramp), times in tenths of a second."""
troubles = st.lists(st.tuples(st.integers(0, 150), st.sampled_from(["deaf", "hears", "drops"])), max_size=6)
"""At these steps the broker stops answering, answers again, or closes a connection."""


class Broker:
    """Answers everything, unless it is deaf."""

    def __init__(self, w: World) -> None:
        self.world = w
        self.deaf = False
        self.heard: dict[FakeSocket, int] = {}
        self.seen: list[tuple[int, int, int]] = []  # client, sequence, due

    def turn(self) -> None:
        for sock in list(self.world.sockets):
            if not sock.closed and not self.deaf:
                self.answer(sock)

    def answer(self, sock: FakeSocket) -> None:
        w = self.world
        if w.engine.columns.phase[w.engine._client_of(sock.fd)] == SessionPhase.CONNECTING:
            w.writable(sock)
        for packet in self.fresh(sock):
            if isinstance(packet, Connect):
                w.say(sock, b"\x20\x02\x00\x00")
            elif isinstance(packet, Publish):
                _, _, client, sequence, due_ns = HEADER.unpack_from(packet.payload)
                self.seen.append((client, sequence, due_ns))
                w.say(sock, encode(Ack(PacketType.PUBACK, packet.packet_id or 0)))
        if sock.sent.endswith(b"\xe0\x00") and not sock.closed:
            w.say(sock, b"")

    def fresh(self, sock: FakeSocket) -> Iterator[Packet]:
        at = self.heard.get(sock, 0)
        while at < len(sock.sent) and not sock.closed:
            one = decode(sock.sent, at, len(sock.sent), frozenset(PacketType))
            assert one is not None
            packet, at = one
            self.heard[sock] = at
            yield packet

    def drop(self, number: int) -> None:
        there = [sock for sock in self.world.sockets if not sock.closed]
        if there:
            self.world.say(there[number % len(there)], b"")


@settings(max_examples=150, deadline=None)
@given(
    surges, troubles, st.sampled_from([1, 2, 20]), st.sampled_from(["steady", "random", "poisson"]), st.integers(1, 20)
)
def test_every_message_is_accounted_for(
    crowd: list[tuple[int, int, int, int]], weather: list[tuple[int, str]], inflight: int, arrival: str, notice: int
) -> None:
    group = {"clients": 2, "interval": "400ms", "size": "20", "topic": "t", "inflight": inflight, "arrival": arrival,
             "keepalive": 0}  # fmt: skip
    tables = [
        {"group": "g0", "clients": n, "at": f"{at}00ms", "hold": f"{hold}00ms", "ramp": f"{min(ramp, hold)}00ms"}
        for n, at, hold, ramp in crowd
    ]
    with world(
        group, surges=tables, drain=f"{DRAIN_S}s", reconnect=["100ms", "200ms"], connects_in_progress=inflight
    ) as w:
        w.connect_all()
        w.publish(end_s=END_S)
        acts: list[TimedChange] = []
        leave_ns = {}
        for place, (_, at, hold, _) in enumerate(crowd):
            acts.append(TimedChange(at * S // 10, AddClients(place, at * S // 10 + S)))
            acts.append(TimedChange((at + hold) * S // 10, RemoveClients(place)))
            leave_ns[place] = (at + hold) * S // 10
        broker = Broker(w)
        troubles_at = dict(weather)
        for step in range((END_S + 2 * DRAIN_S + 2) * S // STEP_NS):
            for act in [act for act in acts if act.at_ns <= w.now_ns - w.epoch_ns + notice * STEP_NS]:
                acts.remove(act)
                w.engine.act(act)
            w.now_ns += STEP_NS
            w.turn()
            trouble = troubles_at.get(step)
            broker.deaf = trouble == "deaf" or (broker.deaf and trouble != "hears")
            if trouble == "drops":
                broker.drop(step)
            broker.turn()
            if step == END_S * S // STEP_NS:
                w.engine.end_publishing()
        check(w, broker, leave_ns)


def check(w: World, broker: Broker, leave_ns: dict[int, int]) -> None:
    counts, publishers = w.meter.counts, w.engine.publishers
    begun = sum(int(p.next_sequence.sum()) for p in publishers)
    assert counts.due == begun + sum(p.held for p in publishers) + counts.abandoned
    assert begun == counts.acked + counts.forgotten + sum(p.in_flight for p in publishers)
    for publisher in publishers:
        surge = publisher.plan.surge
        numbers = set(publisher.plan.numbers.tolist())
        dues = [due for client, _, due in broker.seen if client in numbers]
        end_ns = END_S * S if surge is None else min(leave_ns[surge], END_S * S)
        assert all(due < end_ns for due in dues)
        if surge is None:
            continue
        assert publisher.in_flight == publisher.held == 0
        presence = w.engine.standing().surges[surge]
        assert presence.gone == publisher.plan.count
        assert leave_ns[surge] <= presence.gone_ns <= leave_ns[surge] + (DRAIN_S + 1) * S + 4 * STEP_NS
        rows = range(publisher.base, publisher.base + publisher.plan.count)
        assert not any(w.engine.columns.sockets[row] for row in rows)
    assert w.engine.connector._in_progress == sum(phase in UNDER_WAY for phase in w.engine.columns.phase)
    assert len({(client, sequence) for client, sequence, _ in broker.seen}) == len(broker.seen)
