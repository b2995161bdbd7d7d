"""Smoke tests of the instrument on loopback: real processes, sockets and clocks against a broker of known behaviour.

They show that the parts which the simulation replaces do their work, within bounds that a busy machine keeps. The exact
figures are those of tests/simulation/test_ruler.py.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attacking import histogram, run_attack, workers_of
from malaria.attacks.runner import AttackOutcome
from malaria.records.histogram import Histogram
from malaria.records.rows import Counter, Metric, Progress
from stub_broker import Behaviour
from stub_server import StubServer

pytestmark = pytest.mark.slow

MS = 1_000_000
CALM_NS = 20 * MS
CALM_TRIES = 3


def attack(stub: StubServer, tmp_path: Path, **options: Any) -> AttackOutcome:
    return run_attack(stub.port, tmp_path, subscribers=1, **options)


def in_calm(behaviour: Behaviour, tmp_path: Path, **options: Any) -> AttackOutcome:
    """Attack, and again if another process took our processor meanwhile; the last of a few tries counts."""
    for attempt in range(CALM_TRIES):
        with StubServer(behaviour) as stub:
            outcome = attack(stub, tmp_path / f"try-{attempt}", **options)
        if (histogram(outcome.run, Metric.OWN_LAG).quantile_ns(0.99) or 0) < CALM_NS:
            break
    return outcome


def above(values: Histogram, limit_ns: int) -> int:
    edges, counts = values.buckets()
    return int(counts[np.asarray(edges) >= limit_ns].sum())


def test_a_faithful_broker_is_reported_as_one(tmp_path: Path) -> None:
    with StubServer() as stub:
        messages = attack(stub, tmp_path, workers=2, rate="50", clients=20).summary["messages"]
    assert list(stub.faults) == []
    assert stub.counts.publishes == messages["sent"] == messages["due"] == messages["acked"] == 2000
    assert messages["delivered"] == messages["expected"] == stub.counts.deliveries == 2000
    assert [messages[name] for name in ("lost", "acked_lost", "duplicated", "reordered", "unresolved")] == [0] * 5


@pytest.mark.alone
def test_a_delay_and_a_freeze_show_on_a_real_clock(tmp_path: Path) -> None:
    """1,000 messages a second, each acknowledged after 20 ms; frozen for one second."""
    behaviour = Behaviour(ack_delay_ns=20 * MS, freezes=((1.0, 1.0),))
    outcome = in_calm(behaviour, tmp_path, rate="20", clients=50, inflight=100, duration="4s")
    ack = histogram(outcome.run, Metric.ACK)
    assert ack.count == 4000
    assert above(ack, 20 * MS) == 4000
    for over_ms in (100, 250, 500):
        assert above(ack, over_ms * MS) >= 0.95 * (1000 - over_ms)


def test_a_kernel_that_takes_no_more_holds_us_back(tmp_path: Path) -> None:
    with StubServer(Behaviour(never_read=True)) as stub:
        options = {"qos": 0, "clients": 8, "rate": "100", "size": 100_000, "drain": "1s", "thresholds": {}}
        outcome = run_attack(stub.port, tmp_path, **options)
    assert sum(sample.counters.get(Counter.HELD_BACKLOG, 0) for sample in outcome.run.samples) > 0
    assert outcome.summary["verdict"]["outcome"] == "FAIL"
    assert outcome.summary["messages"]["sent"] < outcome.summary["messages"]["due"] == 1600


@pytest.mark.alone
def test_a_stopped_worker_is_invalid(tmp_path: Path) -> None:
    """The worker is stopped for 60 of every 100 ms: its messages leave late, and that is our fault."""
    stop = threading.Event()

    def starve(progress: Progress) -> None:
        if progress.phase == "measure":
            if not starving.is_alive():
                starving.start()
        elif starving.is_alive():
            stop.set()  # no timer: how long the worker takes to start is not known

    def duty() -> None:
        workers = workers_of(os.getpid())
        while not stop.is_set():
            for number, pause_s in ((signal.SIGSTOP, 0.06), (signal.SIGCONT, 0.04)):
                for worker in workers:
                    if worker.is_running():
                        os.kill(worker.pid, number)
                time.sleep(pause_s)

    starving = threading.Thread(target=duty, daemon=True)
    with StubServer() as stub:
        try:
            outcome = attack(stub, tmp_path, rate="50", clients=10, own_lag_limit="5ms", on_progress=starve)
        finally:
            stop.set()
    assert outcome.summary["verdict"]["outcome"] == "INVALID"
    assert "late" in outcome.summary["verdict"]["reasons"][0]
