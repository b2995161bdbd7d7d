"""The readable client, walked through its table."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest

from malaria.mqtt.codec import decode
from malaria.mqtt.packets import (
    Ack,
    Connack,
    Connect,
    Disconnect,
    Packet,
    PacketType,
    Pingreq,
    Pingresp,
    Publish,
    Suback,
    Subscribe,
    Unsuback,
)
from malaria.mqtt.session import (
    ALLOWED,
    CONNECTED,
    KINDS,
    SUBSCRIBE_ID,
    Acked,
    CloseTransport,
    Delivered,
    Forgotten,
    Instruction,
    OpenTransport,
    SendBytes,
    Session,
    SessionConfig,
    SessionEvent,
    SessionPhase,
)

S = 1_000_000_000
EVERYBODY = frozenset(PacketType)
PUBACK, PUBREC, PUBREL, PUBCOMP = PacketType.PUBACK, PacketType.PUBREC, PacketType.PUBREL, PacketType.PUBCOMP


def session(qos: int = 1, window: int = 2, filters: tuple[tuple[str, int], ...] = (), clean: bool = True) -> Session:
    return Session(
        SessionConfig("c", lambda q: f"t/{q}", lambda q, due: b"%d" % due, qos, window, filters, clean_start=clean)
    )


def ready(client: Session, present: bool = False) -> list[Instruction]:
    client.start(0)
    client.opened(0)
    told = client.received(Connack(present, 0), 0)
    if client.phase is SessionPhase.SUBSCRIBING:
        told += client.received(Suback(SUBSCRIBE_ID, (1,)), 0)
    return told


def sent(instructions: list[Instruction]) -> list[Packet]:
    packets = [decode(i.data, 0, len(i.data), EVERYBODY) for i in instructions if isinstance(i, SendBytes)]
    return [found[0] for found in packets if found]


def test_the_way_to_ready() -> None:
    client = session(filters=(("a/#", 1),))
    assert client.start(0) == [OpenTransport()]
    assert sent(client.opened(0)) == [Connect("c")]
    assert sent(client.received(Connack(False, 0), 1)) == [Subscribe(SUBSCRIBE_ID, (("a/#", 1),))]
    assert client.received(Suback(SUBSCRIBE_ID, (1,)), 2) == []
    assert client.phase is SessionPhase.READY


ONE_OF_EACH: list[Packet] = [Connack(False, 0), Publish("t"), Ack(PUBACK, 1), Suback(SUBSCRIBE_ID, (0,)), Unsuback(1),
                             Pingresp()]  # fmt: skip


@pytest.mark.parametrize(("phase", "packet"), list(product(CONNECTED, ONE_OF_EACH)))
def test_what_may_not_come_in_a_phase_ends_the_connection(phase: SessionPhase, packet: Packet) -> None:
    client = session(filters=(("a/#", 1),))
    client.phase = phase
    told = client.received(packet, 0)
    if (phase, KINDS.get(type(packet))) in ALLOWED:
        assert client.phase is not SessionPhase.WAITING
    else:
        assert client.phase is SessionPhase.WAITING
        assert isinstance(told[0], CloseTransport)
        assert told[0].reason.startswith("malformed")


@pytest.mark.parametrize(("phase", "packet"), list(product(set(SessionPhase) - set(CONNECTED), ONE_OF_EACH)))
def test_what_comes_without_a_connection_is_nobody_s(phase: SessionPhase, packet: Packet) -> None:
    client = session()
    client.phase = phase
    assert client.received(packet, 0) == []
    assert client.phase is phase


# How each kind of event is brought about, for clients with a filter (bare) and without.
ACTS: dict[SessionEvent, Callable[[Session], list[Instruction]]] = {
    SessionEvent.START: lambda client: client.start(0),
    SessionEvent.OPENED: lambda client: client.opened(0),
    SessionEvent.CONNACK: lambda client: client.received(Connack(True, 0), 0),
    SessionEvent.CONNACK_BARE: lambda client: client.received(Connack(False, 0), 0),
    SessionEvent.SUBACK: lambda client: client.received(Suback(SUBSCRIBE_ID, (1,)), 0),
    SessionEvent.TRAFFIC: lambda client: client.received(Publish("t"), 0),
    SessionEvent.GOODBYE: lambda client: client.received(Disconnect(0x8B), 0),
    SessionEvent.LOST: lambda client: client.closed("reset", 0),
    SessionEvent.STOP: lambda client: client.stop(0),
}


@pytest.mark.parametrize(("phase", "kind"), ALLOWED)
def test_the_table_walked(phase: SessionPhase, kind: SessionEvent) -> None:
    client = session(filters=(("a/#", 1),), clean=False)
    client.phase = phase
    client._subscribed = True
    ACTS[kind](client)
    assert client.phase is ALLOWED[phase, kind]


@pytest.mark.parametrize(("phase", "kind"), list(product(SessionPhase, [SessionEvent.START, SessionEvent.OPENED])))
def test_an_event_of_ours_out_of_turn_is_our_bug(phase: SessionPhase, kind: SessionEvent) -> None:
    client = session()
    client.phase = phase
    if (phase, kind) not in ALLOWED:
        with pytest.raises(RuntimeError, match=f"{kind.name} while {phase.name}"):
            ACTS[kind](client)


def test_every_phase_can_be_reached_and_left_but_the_last() -> None:
    assert {SessionPhase.IDLE, *ALLOWED.values()} == set(SessionPhase)
    assert {kind for phase, kind in ALLOWED if phase is SessionPhase.CLOSED} == {SessionEvent.STOP}


def test_nothing_wakes_a_closed_client() -> None:
    client = session()
    ready(client)
    client.stop(0)
    assert client.received(Connack(False, 0), 1) == client.closed("reset", 1) == client.tick(999 * S) == []
    assert client.phase is SessionPhase.CLOSED


def test_a_refusal_says_why_in_words_and_is_tried_again() -> None:
    client = session()
    client.start(0)
    client.opened(0)
    assert client.received(Connack(False, 5), 0) == [CloseTransport("refused: not authorised")]
    assert client.tick(1 * S) == [OpenTransport()]


def test_a_slow_answer_ends_the_attempt() -> None:
    client = session()
    client.start(0)
    assert client.tick(9 * S) == []
    assert client.tick(10 * S) == [CloseTransport("timeout")]


def test_a_suback_for_something_else_ends_the_connection() -> None:
    client = session(filters=(("a/#", 1),))
    client.start(0)
    client.opened(0)
    client.received(Connack(False, 0), 0)
    assert isinstance(client.received(Suback(7, (1,)), 0)[0], CloseTransport)


def test_ids_go_round_from_the_one_after_the_last_taken() -> None:
    client = session(window=3)
    ready(client)
    taken = []
    for n, freed in enumerate([0, 0, 0, 2, 1, 3]):
        told = client.received(Ack(PUBACK, freed), n) if freed else []
        taken += [p.packet_id for p in sent([*told, *client.due(n, n)]) if isinstance(p, Publish)]
    assert taken == [1, 2, 3, 2, 1, 3]


def test_a_kept_session_keeps_the_ids_received_and_is_not_subscribed_again() -> None:
    client = session(filters=(("x", 2),), clean=False)
    ready(client)
    message = Publish("x", b"m", 2, packet_id=9)
    client.received(message, 1)
    client.closed("reset", 2)
    client.tick(2 * S)
    client.opened(2 * S)
    assert client.received(Connack(True, 0), 2 * S) == []
    assert Delivered(message, message.topic) not in client.received(message, 3 * S)


def test_a_full_window_holds_and_an_acknowledgement_lets_go() -> None:
    client = session(window=2)
    ready(client)
    assert [p.packet_id for n in range(4) for p in sent(client.due(n, n)) if isinstance(p, Publish)] == [1, 2]
    told = client.received(Ack(PUBACK, 2), 9)
    assert told[0] == Acked(sequence=1, due_ns=1, sent_ns=1)
    assert sent(told) == [Publish("t/2", b"2", 1, packet_id=2)]


def test_what_is_due_before_ready_goes_out_when_it_is() -> None:
    client = session(qos=0)
    assert client.due(5, 5) == []
    assert sent(ready(client)) == [Publish("t/0", b"5")]


def test_exactly_once_out() -> None:
    client = session(qos=2)
    ready(client)
    client.due(1, 1)
    assert sent(client.received(Ack(PUBREC, 1), 2)) == [Ack(PUBREL, 1)]
    assert sent(client.received(Ack(PUBREC, 1), 2)) == [Ack(PUBREL, 1)]  # repeated: answered again
    assert client.received(Ack(PUBCOMP, 1), 3) == [Acked(0, 1, 1)]


def test_exactly_once_in() -> None:
    client = session()
    ready(client)
    message = Publish("x", b"m", 2, packet_id=9)
    first, again = client.received(message, 1), client.received(message, 2)
    assert Delivered(message, message.topic) in first
    assert sent(first) == sent(again) == [Ack(PUBREC, 9)]
    assert Delivered(message, message.topic) not in again
    assert sent(client.received(Ack(PUBREL, 9), 3)) == [Ack(PUBCOMP, 9)]
    assert Delivered(message, message.topic) in client.received(message, 4)


@pytest.mark.parametrize(("qos", "kind"), [(1, PUBREC), (1, PUBCOMP), (2, PUBACK), (2, PUBCOMP)])
def test_an_acknowledgement_of_the_wrong_kind_ends_the_connection(qos: int, kind: PacketType) -> None:
    client = session(qos=qos)
    ready(client)
    client.due(1, 1)
    assert isinstance(client.received(Ack(kind, 1), 2)[0], CloseTransport)


def test_an_acknowledgement_of_nothing_is_counted() -> None:
    client = session()
    ready(client)
    assert client.received(Ack(PUBACK, 7), 1) == []
    assert (client.strays, client.phase) == (1, SessionPhase.READY)


def test_a_kept_session_sends_again_with_dup_oldest_first() -> None:
    client = session(clean=False, window=3, qos=2)
    ready(client)
    for n in range(3):
        client.due(n, n)
    client.received(Ack(PUBREC, 1), 5)
    client.closed("reset", 6)
    client.due(7, 7)
    assert sent(ready(client, present=True)) == [
        Ack(PUBREL, 1),
        Publish("t/1", b"1", 2, dup=True, packet_id=2),
        Publish("t/2", b"2", 2, dup=True, packet_id=3),
    ]


def test_without_a_session_what_was_in_flight_is_forgotten() -> None:
    client = session()
    ready(client)
    client.due(1, 1)
    client.closed("reset", 2)
    assert Forgotten((0,)) in ready(client)


def test_silence_is_broken_by_a_ping_and_no_answer_ends_it() -> None:
    client = session()
    ready(client)
    assert client.tick(59 * S) == []
    assert sent(client.tick(60 * S)) == [Pingreq()]
    assert client.tick(119 * S) == []
    assert isinstance(client.tick(120 * S)[0], CloseTransport)
    assert client.tick(121 * S) == [OpenTransport()]


def test_each_failed_attempt_waits_twice_as_long() -> None:
    client = session()
    waits = []
    for _ in range(7):
        client.start(0)
        client.closed("refused", 0)
        waits.append(client.reconnect_ns // S)
    assert waits == [1, 2, 4, 8, 16, 30, 30]


def test_goodbye_only_to_somebody() -> None:
    client = session()
    assert client.stop(0) == [CloseTransport("")]
    client = session()
    ready(client)
    assert len(client.stop(0)) == 2


def test_a_session_from_before_this_run_is_subscribed_anew() -> None:
    client = session(filters=(("a/#", 1),), clean=False)
    client.start(0)
    client.opened(0)
    assert sent(client.received(Connack(True, 0), 0)) == [Subscribe(SUBSCRIBE_ID, (("a/#", 1),))]


def test_a_session_after_a_clean_start_is_a_broken_broker() -> None:
    client = session()
    client.start(0)
    client.opened(0)
    assert isinstance(client.received(Connack(True, 0), 0)[0], CloseTransport)


def test_a_suback_must_answer_every_filter() -> None:
    client = session(filters=(("a", 1), ("b", 1)))
    client.start(0)
    client.opened(0)
    client.received(Connack(False, 0), 0)
    assert isinstance(client.received(Suback(SUBSCRIBE_ID, (1,)), 0)[0], CloseTransport)
