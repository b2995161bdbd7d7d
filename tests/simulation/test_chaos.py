"""Brokers that misbehave in every way, by seed: the run ends in time, can be read, and its account adds up.

A failure names its seeds; `check(*attack_by_chance(seed, directory))` tells that story again.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from chaos_broker import ChaosBroker
from exactly import MS, S, total
from malaria.attacks.runner import AttackOutcome
from malaria.records.rows import Counter, Gauge
from simulation import Action, Link, Machine, Simulation, crash, kill, pause, press_ctrl_c, restore

LONGEST_S: Final = 60
"""Of virtual time, for loads of 1 s: every wait of the conductor is bounded."""
BATCH: Final = 25
MEMORY: Final = "/dev/shm"
QUICK: Final = 200
ALL: Final = 10_000


def options_by_chance(random: Random) -> dict[str, Any]:
    """Return a small load with everything that makes a difference to the engine."""
    options: dict[str, Any] = {
        "qos": random.randrange(3),
        "clients": random.randint(1, 6),
        "protocol": random.choice(("3.1.1", "5")),
        "inflight": random.choice((1, 3, 20, 100)),
        "size": random.choice(("30", "20-400")),
        "clean_start": random.random() < 0.7,
        "reconnect": random.choice((["10ms", "100ms"], ["100ms", "1s"], "never")),
        "connect_timeout": "1s",
        "keepalive": random.choice(("1s", "60s")),
        "duration": "1s",
        "drain": random.choice(("200ms", "1s")),
        "thresholds": {},
        "reserve": 4,  # that of a load that states none is hundreds of times the load
    }
    pace = random.choice(("rate", "rate", "burst", "loop"))
    if pace == "loop":
        options |= {"interval": 0, "inflight": random.choice((1, 3)), "messages": 30}
        del options["duration"]
    else:
        options["rate"] = random.choice(("5", "20"))
        options["arrival"] = random.choice(("steady", "poisson", "burst") if pace == "rate" else ("burst",))
        if random.random() < 0.3:
            options["surges"] = [{"clients": 3, "at": "200ms", "hold": "500ms"}]
    return options | (mqtt_5_by_chance(random) if options["protocol"] == "5" else {})


def mqtt_5_by_chance(random: Random) -> dict[str, Any]:
    """Return keys of MQTT 5 for publishers and subscribers."""
    keys = {"topic_alias": True, "session_expiry": "1m", "receive_maximum": 5, "message_expiry": "10s"}
    subscriber = {"topic_alias_maximum": 2, "subscription_identifier": 7, "topic": "$share/some/ruler/+/data"}
    chosen = {key: value for key, value in keys.items() if random.random() < 0.3}
    return chosen | {"subscriber": {key: value for key, value in subscriber.items() if random.random() < 0.3}}


def story_by_chance(random: Random, workers: int) -> list[tuple[float, Action]]:
    """Return a few accidents besides those of the broker."""
    accidents: list[tuple[float, Action]] = []
    if random.random() < 0.2:
        at_s = random.random()
        accidents += [(at_s, crash), (at_s + random.random(), restore)]
    if random.random() < 0.2:
        accidents.append((random.random(), pause(random.random())))
    if random.random() < 0.1:
        accidents.append((random.random(), kill(str(workers))))
    if random.random() < 0.1:
        accidents.append((random.random(), press_ctrl_c))
    return accidents


def attack_by_chance(seed: int, directory: Path) -> tuple[Simulation, AttackOutcome]:
    random = Random(seed)
    machines = [Machine(offset_ns=random.randrange(-S, S))] + [Machine()] * random.choice((0, 0, 1))
    link = Link(
        random.choice((0, 100_000, 20 * MS)), random.choice((0, MS)), random.random() < 0.3,
        random.choice((300, 5_000, 256 * 1024)), seed=seed,
    )  # fmt: skip
    simulation = Simulation(
        machines=machines, link=link, broker=ChaosBroker(seed), story=story_by_chance(random, len(machines))
    )
    return simulation, simulation.run(directory, random.choice((0, 1, 2)), **options_by_chance(random))


def check(simulation: Simulation, outcome: AttackOutcome) -> None:
    """The account adds up, whatever the broker did."""
    assert simulation.broker.faults == []
    assert outcome.run.meta.end_ns is not None  # as it was read back
    assert outcome.run.meta.end_ns < LONGEST_S * S
    messages = outcome.summary["messages"]
    numbers = {name: count for name, count in messages.items() if count is not None}
    assert all(count >= 0 for count in numbers.values()), messages
    if outcome.run.meta.lost_workers:
        return  # its part of the account is missing, and the run says so
    if not numbers:
        return  # nothing was sent
    assert numbers["sent"] <= numbers["due"]
    assert numbers.get("acked", 0) <= numbers["sent"]
    if "expected" in numbers:
        assert numbers["expected"] == numbers["delivered"] + numbers["lost"] + numbers["unresolved"]
        assert numbers["acked_lost"] <= numbers["lost"]
    check_counters(simulation, outcome)


def check_counters(simulation: Simulation, outcome: AttackOutcome) -> None:
    """Every message that was due is somewhere, and every message that came was something."""
    last = {sample.worker: sample.gauges for sample in outcome.run.samples}
    held = sum(gauges.get(Gauge.HELD, 0) for gauges in last.values())
    publishers = [one for worker in simulation.pool.all for one in worker.worker.engine.publishers]
    begun = sum(int(publisher.next_sequence.sum()) for publisher in publishers)
    due, abandoned = total(outcome, Counter.DUE), total(outcome, Counter.ABANDONED)
    assert due == begun + held + abandoned
    if all(publisher.window is not None for publisher in publishers):
        open_ones = sum(publisher.in_flight for publisher in publishers)
        ended = Counter.ACKED, Counter.PUBLISHES_REFUSED, Counter.FORGOTTEN, Counter.TOO_LARGE
        assert begun == open_ones + sum(total(outcome, counter) for counter in ended)
    kinds = Counter.DELIVERED, Counter.DUPLICATED, Counter.FOREIGN, Counter.UNEXPECTED, Counter.RETAINED
    assert sum(total(outcome, counter) for counter in kinds) <= total(outcome, Counter.ARRIVED)


def survive(seeds: range, directory: Path) -> None:
    failures = []
    for seed in seeds:
        try:
            check(*attack_by_chance(seed, directory / str(seed)))
        except Exception as error:
            failures.append(f"seed {seed}: {type(error).__name__}: {error}")
        shutil.rmtree(directory / str(seed), ignore_errors=True)
    assert failures == []


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A directory in memory where there is one: a run of a few milliseconds takes longer on a disk."""
    with tempfile.TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else tmp_path) as directory:
        yield Path(directory)


@pytest.mark.parametrize("first", range(0, QUICK, BATCH))
def test_whatever_a_broker_does_the_run_ends_and_adds_up(place: Path, first: int) -> None:
    survive(range(first, first + BATCH), place)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(QUICK, ALL, 10 * BATCH))
def test_ten_thousand_such_brokers(place: Path, first: int) -> None:
    survive(range(first, min(ALL, first + 10 * BATCH)), place)
