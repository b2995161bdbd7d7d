"""Hostile bytes through the engine and the readable session, with a seed: the loss of one connection at the most."""

from __future__ import annotations

from random import Random
from typing import Any, Final

import pytest

from engine_rig import S, World, world
from fuzz_rounds import rounds
from malaria.errors import MalformedPacket
from malaria.mqtt.codec import decode, encode, from_broker
from malaria.mqtt.packets import Connack, Protocol
from malaria.mqtt.session import Session, SessionConfig, SessionPhase
from malaria.records.rows import Counter, RunPhase
from mutated_packets import mutated, seeds

SHARDS: Final = 4
WORLDS: Final = rounds(60)
ROUNDS: Final = 25
"""In each world: 4 x 60 x 25 are 6,000 rounds; with MALARIA_FUZZ=15 they are 90,000."""
SEEDS: Final = seeds()


def hostile_bytes(random: Random, protocol: Protocol) -> bytes:
    """Return a few packets one after the other, most of them mutated, or mere noise."""
    if random.random() < 0.1:
        return random.randbytes(random.randint(1, 200))
    fitting = [raw for raw, known in SEEDS if known is protocol]
    chosen = random.choices(fitting, k=random.choice((1, 1, 2, 5)))
    return b"".join(raw if random.random() < 0.3 else mutated(random, raw) for raw in chosen)


def group_by_chance(random: Random, protocol: Protocol) -> dict[str, Any]:
    group: dict[str, Any] = {
        "role": random.choice(("publish", "subscribe", "both")), "clients": 2, "topic": "t", "qos": random.randrange(3),
        "size": "20", "inflight": random.choice((1, 3, 20)), "keepalive": "10s", "clean_start": random.random() < 0.5,
        "interval": "1s",
    }  # fmt: skip
    if group["role"] != "publish":
        group["filters"] = ["t"]
    if protocol is Protocol.V5:
        group["protocol"] = "5"
        if group["role"] != "publish" and random.random() < 0.5:
            group["topic_alias_maximum"] = 5
    if group["role"] == "subscribe":
        del group["interval"], group["size"], group["inflight"]
    return group


def attack_engine(random: Random, world: World, protocol: Protocol) -> None:
    """One round: hostile bytes to a connection that is open, in pieces; then time passes, and clients come back."""
    sock = random.choice([sock for sock in world.sockets if not sock.closed] or world.sockets)
    world.writable(sock)
    if random.random() < 0.7 and not sock.closed:
        world.say(sock, encode(Connack(random.random() < 0.2, 0), protocol))
    data = hostile_bytes(random, protocol)
    while data and not sock.closed:
        cut = random.choice((len(data), random.randint(1, len(data))))
        world.say(sock, data[:cut])
        data = data[cut:]
    world.now_ns += random.choice((0, S // 10, S, 40 * S))
    world.turn()


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(SHARDS))
def test_hostile_bytes_cost_one_connection_at_the_most(shard: int) -> None:
    malformed = 0
    for seed in range(shard * WORLDS, (shard + 1) * WORLDS):
        random = Random(seed)
        protocol = random.choice(tuple(Protocol))
        with world(group_by_chance(random, protocol)) as made:
            made.connect_all()
            if random.random() < 0.8:
                made.publish()
            for number in range(ROUNDS):
                try:
                    attack_engine(random, made, protocol)
                except Exception as error:
                    error.add_note(f"seed {seed}, round {number}")
                    raise
            sample = made.meter.sample(made.now_ns, RunPhase.MEASURE, {})
            malformed += sample.counters.get(Counter.MALFORMED, 0)
    assert malformed > WORLDS


def session_by_chance(random: Random, protocol: Protocol) -> Session:
    return Session(
        SessionConfig(
            client_id="c",
            topic=lambda _: "t",
            payload=lambda sequence, due: b"x" * 20,
            qos=random.randrange(3),
            window=random.choice((1, 3)),
            filters=(("t", 1),) if random.random() < 0.5 else (),
            clean_start=random.random() < 0.5,
            keep_alive_ns=10 * S,
            protocol=protocol,
        )
    )


@pytest.mark.slow
def test_a_session_takes_any_packet_that_is_one() -> None:
    """What the codec lets through gives instructions; the session raises nothing."""
    ended = 0
    for seed in range(rounds(4_000)):
        random = Random(seed)
        protocol = random.choice(tuple(Protocol))
        session = session_by_chance(random, protocol)
        now_ns = S
        session.start(now_ns)
        session.opened(now_ns)
        stream = encode(Connack(False, 0), protocol) * (random.random() < 0.8) + hostile_bytes(random, protocol)
        at = 0
        while at < len(stream) and session.phase not in (SessionPhase.CLOSED, SessionPhase.CONNECTING):
            try:
                found = decode(stream, at, len(stream), from_broker(protocol), protocol)
            except MalformedPacket:
                break
            if found is None:
                break
            packet, at = found
            session.received(packet, now_ns)
            now_ns += S // 100
            session.due(now_ns, now_ns)
            session.tick(now_ns)
        ended += session.phase is not SessionPhase.READY
    assert ended
