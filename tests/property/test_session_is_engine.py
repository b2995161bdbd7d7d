"""The readable client and the fast engine are the same machine: any events bring them to the same phase and bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine_rig import IDENTITY, S, World, world
from malaria.mqtt.codec import encode
from malaria.mqtt.packets import (
    Ack,
    Connack,
    Disconnect,
    Packet,
    PacketType,
    Pingresp,
    Protocol,
    Publish,
    Suback,
)
from malaria.mqtt.session import SUBSCRIBE_ID, Instruction, SendBytes, Session, SessionConfig, SessionPhase
from malaria.schedule.payload import pack_header

WINDOW = 3
ACKS = [PacketType.PUBACK, PacketType.PUBREC, PacketType.PUBREL, PacketType.PUBCOMP]

fitting = st.one_of(
    st.builds(Ack, st.sampled_from(ACKS), st.integers(1, 2)),
    st.builds(Publish, st.just("t"), st.just(b"x" * 30), st.sampled_from([1, 2]), packet_id=st.integers(1, 2)),
    st.sampled_from([Publish("t", b"short"), Pingresp(), Ack(PacketType.PUBREL, 1)]),
)
terms = st.fixed_dictionaries(
    {},
    optional={
        "receive_maximum": st.integers(1, WINDOW + 1),
        "topic_alias_maximum": st.integers(0, 2),
        "server_keep_alive": st.sampled_from([0, 5]),
        "assigned_client_identifier": st.just("chosen"),
    },
)
harsh = st.one_of(terms, terms, terms, st.just({"maximum_qos": 0}), st.just({"receive_maximum": 1}))
"""What a broker of MQTT 5 may grant."""
fitting_5 = st.one_of(
    fitting,
    st.builds(Ack, st.sampled_from(ACKS), st.integers(1, 2), st.sampled_from([0, 0x10, 0x87, 0x92])),
    st.builds(
        Publish,
        st.sampled_from(["t", "t", ""]),
        st.just(b"x" * 30),
        st.sampled_from([1, 2]),
        packet_id=st.integers(1, 2),
        properties=st.fixed_dictionaries({"topic_alias": st.integers(1, 3)}, optional={"content_type": st.just("x")}),
    ),
)
rude_5 = st.sampled_from([Disconnect(0x8B), Connack(False, 0x97), Suback(SUBSCRIBE_ID, (0x87,)),
                          Ack(PacketType.PUBACK, WINDOW + 1, 0x97)])  # fmt: skip
rude = st.sampled_from([Connack(False, 0), Connack(True, 0), Connack(False, 5), Suback(SUBSCRIBE_ID, (1,)),
                        Ack(PacketType.PUBACK, WINDOW + 1)])  # fmt: skip


def events(
    said: st.SearchStrategy[Packet], connacks: st.SearchStrategy[Connack], *others: st.SearchStrategy[Any]
) -> st.SearchStrategy[Any]:
    """`said` is what a broker may say to a client that is connected, `connacks` how it takes one back."""
    return st.lists(
        st.one_of(
            st.tuples(st.just("due"), st.none()),
            st.tuples(st.just("say"), said),
            st.tuples(st.just("acknowledge"), st.integers(1, WINDOW)),
            *others,
            st.tuples(st.just("say"), rude),
            st.tuples(st.just("open"), st.none()),
            st.tuples(st.just("pass"), st.integers(1, 12)),
            st.tuples(st.just("close"), st.none()),
            st.tuples(st.just("come_back"), connacks),
        ),
        min_size=3,
        max_size=40,
    )


@dataclass(frozen=True)
class Manners:
    """What the client of MQTT 5 does beside what all do."""

    topic_alias: bool = False
    session_expiry: int | None = None
    properties: bool = False

    def keys_for(self, subscribes: bool) -> dict[str, Any]:
        """Of a group."""
        said: dict[str, Any] = {"protocol": "5", "topic_alias": self.topic_alias}
        if self.session_expiry is not None:
            said["session_expiry"] = self.session_expiry
        if self.properties:
            said |= {"user_properties": {"a": ["b", "c"]}, "message_expiry": 9}
        if subscribes:
            said |= {"topic_alias_maximum": 2} | ({"subscription_identifier": 7} if self.properties else {})
        return said

    def config(self, clean: bool, subscribes: bool) -> dict[str, Any]:
        """Of a session."""
        expiry = 0xFFFFFFFF if self.session_expiry is None and not clean else self.session_expiry
        message = {"user_property": (("a", "b"), ("a", "c")), "message_expiry_interval": 9}
        return {
            "protocol": Protocol.V5,
            "outlives": bool(self.session_expiry),
            "topic_alias": self.topic_alias,
            "connect_properties": ({"topic_alias_maximum": 2} if subscribes else {})
            | ({} if expiry is None else {"session_expiry_interval": expiry}),
            "message_properties": message if self.properties else {},
            "subscribe_properties": {"subscription_identifier": 7} if self.properties else {},
        }


manners = st.builds(Manners, st.booleans(), st.sampled_from([None, 0, 60]), st.booleans())


class Twins:
    """One client as a session and as an engine of one; `check` compares them after every event."""

    def __init__(self, w: World, qos: int, subscribes: bool, clean: bool, manners: Manners | None = None) -> None:
        self.world = w
        self.follows_aliases = subscribes
        self.protocol = Protocol.V311 if manners is None else Protocol.V5
        more = {} if manners is None else manners.config(clean, subscribes)
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
                **more,
            )
        )
        self.said = bytearray()
        w.engine.publishers[0]._epoch_ns = w.epoch_ns

    def follow(self, instructions: list[Instruction]) -> None:
        for instruction in instructions:
            if isinstance(instruction, SendBytes):
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
        if not self.follows_aliases and isinstance(packet, Publish) and packet.properties:
            return  # the engine does not look at aliases that it has not allowed
        if self.session.phase in (SessionPhase.GREETING, SessionPhase.SUBSCRIBING, SessionPhase.READY):
            self.world.say(self.world.sockets[-1], encode(packet, self.protocol))
            self.follow(self.session.received(packet, self.world.now_ns))

    def acknowledge(self, packet_id: int) -> None:
        """The next acknowledgement of a message in flight, of the right kind."""
        message = self.session._in_flight.get(packet_id)
        if message is not None:
            self.say(Ack(message.awaits, packet_id))

    def refuse(self, packet_id: int) -> None:
        """The same with a reason of failure, where there is one."""
        message = self.session._in_flight.get(packet_id)
        if message is not None and message.awaits is not PacketType.PUBCOMP:
            self.say(Ack(message.awaits, packet_id, 0x87))

    def fill(self, connack: Connack) -> None:
        """Messages enough to fill the window and to be held, and then the connection breaks."""
        for _ in range(WINDOW + 2):
            self.happen("due", None)
        self.happen("come_back", connack)

    def due(self, _: None) -> None:
        publisher, now_ns = self.world.engine.publishers[0], self.world.now_ns
        publisher._schedule.dues.append(now_ns)
        publisher._schedule.positions.append(0)
        publisher.next_due_ns = now_ns
        self.world.turn()
        self.follow(self.session.due(now_ns, now_ns))

    def open(self, _: None) -> None:
        if self.session.phase is SessionPhase.CONNECTING:
            self.world.writable(self.world.sockets[-1])
            self.follow(self.session.opened(self.world.now_ns))

    def close(self, _: None) -> None:
        if self.session.phase in (SessionPhase.GREETING, SessionPhase.SUBSCRIBING, SessionPhase.READY):
            self.world.say(self.world.sockets[-1], b"")
            self.follow(self.session.closed("closed", self.world.now_ns))

    def come_back(self, connack: Connack) -> None:
        """The whole way round at once; chance alone would hardly ever find it."""
        subscribed = Suback(SUBSCRIBE_ID, (1,))
        for kind, detail in (("close", None), ("pass", 31), ("open", None), ("say", connack)):
            self.happen(kind, detail)
        if self.session.phase is SessionPhase.SUBSCRIBING:
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
        assert SessionPhase(self.world.engine.columns.phase[0]) is self.session.phase
        assert b"".join(bytes(sock.sent) for sock in self.world.sockets) == bytes(self.said)


returns = st.builds(Connack, st.booleans(), st.just(0))
returns_5 = st.builds(Connack, st.booleans(), st.just(0), harsh)
refusals = st.tuples(st.just("refuse"), st.integers(1, WINDOW))
fillings = st.tuples(st.just("fill"), returns_5)


ANSWERED_EARLY = (("due", None), ("fill", Connack(True, 0, {"receive_maximum": 1})), ("acknowledge", 2))
"""Before it was its turn to be sent again."""


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([0, 1, 2]), st.booleans(), st.booleans(), events(fitting, returns))
def test_the_twins_agree(qos: int, subscribes: bool, clean: bool, happenings: list[tuple[str, Any]]) -> None:
    with world(group_of(qos, subscribes, clean)) as w:
        meet(Twins(w, qos, subscribes, clean), Connack(False, 0), happenings)


@example(1, False, False, Manners(), {}, [*ANSWERED_EARLY])
@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([0, 1, 2]), st.booleans(), st.booleans(), manners, harsh,
    events(st.one_of(fitting_5, rude_5), returns_5, refusals, fillings),
)  # fmt: skip
def test_the_twins_agree_in_mqtt_5(
    qos: int,
    subscribes: bool,
    clean: bool,
    manners: Manners,
    granted: dict[str, Any],
    happenings: list[tuple[str, Any]],
) -> None:
    with world(group_of(qos, subscribes, clean) | manners.keys_for(subscribes)) as w:
        meet(Twins(w, qos, subscribes, clean, manners), Connack(False, 0, granted), happenings)


def group_of(qos: int, subscribes: bool, clean: bool) -> dict[str, Any]:
    group = {"role": "both" if subscribes else "publish", "clients": 1, "interval": "1h", "size": "20", "topic": "t",
             "qos": qos, "inflight": WINDOW, "keepalive": "10s", "clean_start": clean}  # fmt: skip
    return group | ({"filters": ["t"]} if subscribes else {})


def meet(twins: Twins, connack: Connack, happenings: list[tuple[str, Any]]) -> None:
    twins.start()
    for kind, detail in [("open", None), ("say", connack)]:
        twins.happen(kind, detail)
    if twins.session.phase is SessionPhase.SUBSCRIBING:
        twins.happen("say", Suback(SUBSCRIBE_ID, (1,)))
    for kind, detail in happenings:
        twins.happen(kind, detail)
