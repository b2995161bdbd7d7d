"""The readable client and the fast engine are the same machine: any events bring them to the same phase and bytes."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine_rig import IDENTITY, S, World, world
from malaria.mqtt.codec import encode
from malaria.mqtt.packets import Ack, Connack, Packet, PacketType, Pingresp, Publish, Suback
from malaria.payload import pack_header
from malaria.session import SUBSCRIBE_ID, Instruction, Phase, Send, Session, SessionConfig

WINDOW = 3
ACKS = [PacketType.PUBACK, PacketType.PUBREC, PacketType.PUBREL, PacketType.PUBCOMP]

fitting = st.one_of(
    st.builds(Ack, st.sampled_from(ACKS), st.integers(1, 2)),
    st.builds(Publish, st.just("t"), st.just(b"x" * 30), st.sampled_from([1, 2]), packet_id=st.integers(1, 2)),
    st.sampled_from([Publish("t", b"short"), Pingresp(), Ack(PacketType.PUBREL, 1)]),
)
rude = st.sampled_from([Connack(False, 0), Connack(True, 0), Connack(False, 5), Suback(SUBSCRIBE_ID, (1,)),
                        Ack(PacketType.PUBACK, WINDOW + 1)])  # fmt: skip
events = st.lists(
    st.one_of(
        st.tuples(st.just("due"), st.none()),
        st.tuples(st.just("say"), fitting),
        st.tuples(st.just("acknowledge"), st.integers(1, WINDOW)),
        st.tuples(st.just("say"), rude),
        st.tuples(st.just("open"), st.none()),
        st.tuples(st.just("pass"), st.integers(1, 12)),
        st.tuples(st.just("close"), st.none()),
        st.tuples(st.just("come_back"), st.booleans()),
    ),
    min_size=3,
    max_size=40,
)


class Twins:
    """One client as a session and as an engine of one; `check` compares them after every event."""

    def __init__(self, w: World, qos: int, subscribes: bool, clean: bool) -> None:
        self.world = w
        self.session = Session(
            SessionConfig(
                client_id="malaria-run-g0-0",
                topic=lambda _: "t",
                payload=lambda sequence, due: pack_header(IDENTITY.tag, 0, sequence, due - w.epoch_ns),
                qos=qos,
                window=WINDOW,
                filters=(("t", qos),) if subscribes else (),
                clean_start=clean,
                keep_alive_ns=10 * S,
            )
        )
        self.said = bytearray()
        w.engine.publishers[0]._epoch_ns = w.epoch_ns

    def follow(self, instructions: list[Instruction]) -> None:
        for instruction in instructions:
            if isinstance(instruction, Send):
                self.said += instruction.data

    def start(self) -> None:
        self.world.engine.connect(rest=False)
        self.world.engine.connect(rest=True)
        self.world.turn()
        self.follow(self.session.start(self.world.now_ns))
        self.check()

    def happen(self, kind: str, detail: Any) -> None:
        getattr(self, kind)(detail)
        self.check()

    def say(self, packet: Packet) -> None:
        if self.session.phase in (Phase.GREETING, Phase.SUBSCRIBING, Phase.READY):
            self.world.say(self.world.sockets[-1], encode(packet))
            self.follow(self.session.received(packet, self.world.now_ns))

    def acknowledge(self, packet_id: int) -> None:
        """The next acknowledgement of a message in flight, of the right kind."""
        message = self.session._in_flight.get(packet_id)
        if message is not None:
            self.say(Ack(message.awaits, packet_id))

    def due(self, _: None) -> None:
        publisher, now_ns = self.world.engine.publishers[0], self.world.now_ns
        publisher._dues.append(now_ns)
        publisher._positions.append(0)
        publisher.next_due_ns = now_ns
        self.world.turn()
        self.follow(self.session.due(now_ns, now_ns))

    def open(self, _: None) -> None:
        if self.session.phase is Phase.CONNECTING:
            self.world.writable(self.world.sockets[-1])
            self.follow(self.session.opened(self.world.now_ns))

    def close(self, _: None) -> None:
        if self.session.phase in (Phase.GREETING, Phase.SUBSCRIBING, Phase.READY):
            self.world.say(self.world.sockets[-1], b"")
            self.follow(self.session.closed("closed", self.world.now_ns))

    def come_back(self, session_present: bool) -> None:
        """The whole way round at once; chance alone would hardly ever find it."""
        subscribed = Suback(SUBSCRIBE_ID, (1,))
        for kind, detail in (("close", None), ("pass", 31), ("open", None), ("say", Connack(session_present, 0))):
            self.happen(kind, detail)
        if self.session.phase is Phase.SUBSCRIBING:
            self.happen("say", subscribed)

    def __getattr__(self, name: str) -> Any:
        if name == "pass":
            return self.pass_seconds
        raise AttributeError(name)

    def pass_seconds(self, seconds: int) -> None:
        self.world.now_ns += seconds * S
        self.world.turn()
        self.follow(self.session.tick(self.world.now_ns))

    def check(self) -> None:
        assert Phase(self.world.engine.columns.phase[0]) is self.session.phase
        assert b"".join(bytes(sock.sent) for sock in self.world.sockets) == bytes(self.said)


@settings(max_examples=500, deadline=None)
@given(st.sampled_from([0, 1, 2]), st.booleans(), st.booleans(), events)
def test_the_twins_agree(qos: int, subscribes: bool, clean: bool, happenings: list[tuple[str, Any]]) -> None:
    group = {"role": "both" if subscribes else "publish", "clients": 1, "interval": "1h", "size": "20", "topic": "t",
             "qos": qos, "inflight": WINDOW, "keepalive": "10s", "clean_start": clean}  # fmt: skip
    if subscribes:
        group["filters"] = ["t"]
    with world(group) as w:
        twins = Twins(w, qos, subscribes, clean)
        twins.start()
        greeted = [("open", None), ("say", Connack(False, 0)), ("say", Suback(SUBSCRIBE_ID, (1,)))]
        for kind, detail in greeted[: 3 if subscribes else 2] + happenings:
            twins.happen(kind, detail)
