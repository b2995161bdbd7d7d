"""The instrument held against a broker of known behaviour: what it reports must be what was done."""

from __future__ import annotations

import os
import signal
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from attacking import histogram, run_attack
from malaria.attack.runner import AttackOutcome
from malaria.records.histogram import Histogram
from malaria.records.rows import Counter, Metric, Progress
from stub_broker import Behaviour
from stub_server import StubServer

MS = 1_000_000
CALM_NS = 20 * MS
CALM_TRIES = 3


def attack(stub: StubServer, tmp_path: Path, **options: Any) -> AttackOutcome:
    return run_attack(stub.port, tmp_path, subscribers=1, **options)


def in_calm(behaviour: Behaviour, tmp_path: Path, **options: Any) -> tuple[StubServer, AttackOutcome]:
    """An attack whose times are to be read: one during which somebody else took our processor is made again.

    The ruler and what it is held against run on the same machine; the last of a few tries counts, calm or not.
    """
    for attempt in range(CALM_TRIES):
        with StubServer(behaviour) as stub:
            outcome = attack(stub, tmp_path / f"try-{attempt}", **options)
        if (histogram(outcome.records, Metric.OWN_LAG).quantile_ns(0.99) or 0) < CALM_NS:
            break
    return stub, outcome


def median_ms(outcome: AttackOutcome, metric: Metric) -> float:
    value = histogram(outcome.records, metric).quantile_ns(0.5)
    assert value is not None
    return value / MS


def above(values: Histogram, limit_ns: int) -> int:
    edges, counts = values.buckets()
    return int(counts[np.asarray(edges) >= limit_ns].sum())


def total(outcome: AttackOutcome, counter: Counter) -> int:
    return sum(sample.counters.get(counter, 0) for sample in outcome.records.samples)


def faultless(stub: StubServer) -> bool:
    """We did nothing against the protocol, as an independent reader of it sees it."""
    assert list(stub.faults) == []
    return True


@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_faithful_broker_is_reported_as_one(tmp_path: Path, qos: int, workers: int) -> None:
    with StubServer() as stub:
        messages = attack(stub, tmp_path, workers=workers, qos=qos, rate="50", clients=20).summary["messages"]
    assert faultless(stub)
    assert stub.counts.publishes == messages["sent"] == messages["due"] == 2000
    assert messages["delivered"] == messages["expected"] == stub.counts.deliveries == 2000
    assert messages["acked"] == (None if qos == 0 else 2000)
    assert [messages[name] for name in ("lost", "acked_lost", "duplicated", "reordered", "unresolved")] == [0] * 5
    assert len({(seen.header.client, seen.header.sequence) for seen in stub.seen if seen.header}) == 2000


def test_the_same_messages_from_one_worker_and_from_three(tmp_path: Path) -> None:
    sets = []
    for workers in (1, 3):
        with StubServer() as stub:
            attack(
                stub, tmp_path / str(workers), workers=workers, rate="20", clients=10, arrival="poisson", size="50~9"
            )
        sets.append({(seen.header.client, seen.header.sequence, seen.size) for seen in stub.seen if seen.header})
    assert sets[0] == sets[1]


@pytest.mark.alone
def test_a_delay_of_the_acknowledgement_is_read_as_that_delay(tmp_path: Path) -> None:
    readings = {}
    for delay_ms in (0, 20):
        _, outcome = in_calm(Behaviour(ack_delay_ns=delay_ms * MS), tmp_path / str(delay_ms), rate="20", clients=10)
        readings[delay_ms] = {metric: median_ms(outcome, metric) for metric in (Metric.ACK, Metric.SERVICE, Metric.LAG)}
    added = {metric: readings[20][metric] - readings[0][metric] for metric in readings[0]}
    assert added[Metric.SERVICE] == pytest.approx(20, abs=5)
    assert added[Metric.ACK] == pytest.approx(20, abs=5)
    assert abs(added[Metric.LAG]) < 5


@pytest.mark.alone
def test_a_delay_of_the_delivery_is_end_to_end_alone(tmp_path: Path) -> None:
    _, outcome = in_calm(Behaviour(delivery_delay_ns=50 * MS), tmp_path, rate="20", clients=10)
    assert median_ms(outcome, Metric.END_TO_END) == pytest.approx(50, abs=10)
    assert median_ms(outcome, Metric.SERVICE) < 25


def waits_of(stub: StubServer, over_ns: int) -> int:
    """How many messages came to be acknowledged later than that after they were due, by what the stub itself noted.

    Those of the freeze, and those that waited until it had caught up, however fast this machine let it.
    """
    since_due = [seen.at_ns - seen.header.due_ns for seen in stub.seen if seen.header]
    return sum(each - min(since_due) > over_ns for each in since_due)


def pauses_of(stub: StubServer, over_ns: int) -> int:
    """How often nothing came to the stub, or it took nothing up, for so long while messages were due all along."""
    times = [seen.at_ns for seen in stub.seen]
    return sum(later - earlier > over_ns for earlier, later in pairwise(times))


@pytest.mark.alone
@pytest.mark.parametrize("inflight", [100, 1])
def test_a_freeze_is_a_second_for_every_message_that_was_due_in_it(tmp_path: Path, inflight: int) -> None:
    """1,000 messages a second, frozen for one: about 1,000 waited, evenly spread over 0 to 1 s. Coordinated omission
    would show a handful. With a window of 1 most of them could not even be sent: then `lag` holds the wait.
    """
    frozen = Behaviour(freezes=((1.0, 1.0),))
    stub, outcome = in_calm(frozen, tmp_path, rate="20", clients=50, inflight=inflight, duration="4s")
    ack, service, lag = (histogram(outcome.records, metric) for metric in (Metric.ACK, Metric.SERVICE, Metric.LAG))
    assert ack.count == stub.counts.publishes == 4000
    for over_ms in (50, 250, 500):
        waited = above(ack, over_ms * MS)
        assert waited >= 0.95 * (1000 - over_ms)  # who was due so long before the end of the freeze
        assert waited == pytest.approx(waits_of(stub, over_ms * MS), rel=0.05, abs=20)
    waited = above(ack, 50 * MS)
    if inflight == 1:
        assert above(service, 50 * MS) <= 60 * pauses_of(stub, 25 * MS)  # one a client and pause: the freeze, if calm
        assert above(lag, 50 * MS) >= 800
        assert total(outcome, Counter.HELD_WINDOW) >= 800
    else:
        assert above(service, 50 * MS) == pytest.approx(waited, rel=0.2)
        assert above(lag, 50 * MS) <= 400


@pytest.mark.alone
def test_a_freeze_of_the_broker_is_not_our_fault(tmp_path: Path) -> None:
    """own_lag stays small while lag is a second: the verdict is the broker's, not INVALID."""
    frozen = Behaviour(freezes=((0.5, 1.0),))
    _, outcome = in_calm(frozen, tmp_path, rate="20", clients=20, inflight=1, duration="3s")
    own = histogram(outcome.records, Metric.OWN_LAG)
    assert own.count == 1200
    assert above(own, 300 * MS) < 60
    assert outcome.summary["verdict"]["outcome"] != "INVALID"


@pytest.mark.alone
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_loss_repetition_and_disorder_are_counted_exactly(tmp_path: Path, qos: int) -> None:
    behaviour = Behaviour(lose_every=100, duplicate_every=77, swap_neighbours_every=90)
    with StubServer(behaviour) as stub:
        messages = attack(stub, tmp_path, qos=qos, rate="100", clients=10).summary["messages"]
    assert faultless(stub)
    assert stub.counts.lost == messages["lost"] == 20
    assert messages["acked_lost"] == (20 if qos else 0)
    assert messages["duplicated"] == (stub.counts.duplicated if qos < 2 else messages["duplicated"])
    assert messages["reordered"] == stub.counts.swapped > 10
    assert messages["expected"] == messages["delivered"] + messages["lost"] + messages["unresolved"] == 2000


def test_what_was_never_acknowledged_is_unresolved_only_if_it_did_not_arrive(tmp_path: Path) -> None:
    with StubServer(Behaviour(unacked_every=50)) as stub:
        outcome = attack(stub, tmp_path, rate="50", clients=10, inflight=100)
    messages = outcome.summary["messages"]
    assert messages["acked"] == messages["sent"] - stub.counts.unacked == 980
    assert (messages["delivered"], messages["lost"], messages["unresolved"]) == (1000, 0, 0)
    assert outcome.summary["latency_ms"]["ack"]["p50"] is not None
    assert outcome.summary["latency_ms"]["ack"]["p99"] is None  # 2 % never finished: it cannot be known


def test_a_queue_grows_when_the_broker_is_slower_than_the_load(tmp_path: Path) -> None:
    with StubServer(Behaviour(capacity_per_s=200)) as stub:
        outcome = attack(stub, tmp_path, rate="20", clients=20, inflight=1000, duration="3s", drain="1s", thresholds={})
    assert outcome.summary["verdict"]["outcome"] == "FAIL"
    assert outcome.summary["rates"]["due_per_s"] == pytest.approx(400, rel=0.02)
    assert outcome.summary["rates"]["acked_per_s"] == pytest.approx(200, rel=0.25)
    assert "fell behind" in outcome.summary["verdict"]["reasons"][0]


def test_a_broker_that_does_not_read_holds_us_back_and_is_named(tmp_path: Path) -> None:
    with StubServer(Behaviour(never_read=True)) as stub:
        options = {"rate": "200", "clients": 4, "size": 60_000, "qos": 0, "drain": "1s"}
        outcome = run_attack(stub.port, tmp_path, **options)
    assert total(outcome, Counter.HELD_BACKLOG) > 0
    assert outcome.summary["verdict"]["outcome"] == "FAIL"
    messages = outcome.summary["messages"]
    assert messages["sent"] < messages["due"] == 1600


@pytest.mark.alone
def test_a_starved_worker_is_invalid(tmp_path: Path) -> None:
    """The worker is stopped for 60 of every 100 ms: its messages leave late, and that is our fault."""
    stop = threading.Event()

    def starve(progress: Progress) -> None:
        if progress.phase == "measure":
            if not starving.is_alive():
                starving.start()
        elif starving.is_alive():
            stop.set()  # no timer: how long the worker takes to start is not known

    def duty() -> None:
        workers = [p for p in psutil.Process().children() if "malaria.engine.worker" in p.cmdline()]
        while not stop.is_set():
            for number, pause_s in ((signal.SIGSTOP, 0.06), (signal.SIGCONT, 0.04)):
                for worker in workers:
                    if worker.is_running():
                        os.kill(worker.pid, number)
                time.sleep(pause_s)

    starving = threading.Thread(target=duty, daemon=True)
    with StubServer() as stub:
        try:
            outcome = attack(
                stub, tmp_path, rate="50", clients=10, duration="2s", own_lag_limit="5ms", on_progress=starve
            )
        finally:
            stop.set()
    assert outcome.summary["verdict"]["outcome"] == "INVALID"
    assert "late" in outcome.summary["verdict"]["reasons"][0]


def test_a_closed_loop_takes_what_the_broker_gives(tmp_path: Path) -> None:
    with StubServer(Behaviour(ack_delay_ns=20 * MS)) as stub:
        outcome = attack(stub, tmp_path, interval=0, clients=4, inflight=5)
    messages = outcome.summary["messages"]
    assert messages["sent"] == messages["acked"] == messages["delivered"] == stub.counts.publishes
    assert outcome.summary["rates"]["acked_per_s"] <= 4 * 5 * 50 * 1.05  # Little's law


def test_every_reconnect_is_counted_and_nothing_is_numbered_twice(tmp_path: Path) -> None:
    with StubServer(Behaviour(close_after_messages=100)) as stub:
        outcome = attack(stub, tmp_path, rate="20", clients=10, clean_start=False, reconnect=["100ms", "1s"])
    assert outcome.summary["clients"]["dropped"] == stub.counts.closed >= 1
    assert outcome.summary["clients"]["reconnects"] == stub.counts.closed
    messages = outcome.summary["messages"]
    assert messages["sent"] == messages["acked"] == 400
    assert messages["lost"] == messages["unresolved"] == 0
    again = [seen for seen in stub.seen if seen.dup]
    assert len(again) == total(outcome, Counter.REDELIVERED) >= 1


def test_garbage_is_survived_and_named(tmp_path: Path) -> None:
    with StubServer(Behaviour(garbage_after_messages=150)) as stub:
        outcome = attack(stub, tmp_path, rate="20", clients=10, reconnect=["100ms", "1s"])
    assert total(outcome, Counter.MALFORMED) >= 1
    assert any("malformed" in event.text for event in outcome.records.events)
    assert outcome.summary["verdict"]["outcome"] == "FAIL"
