"""Overload of real brokers: a slow subscriber, a processor that somebody else has, more than they can carry."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest

from attacking import run_attack, who_never_acknowledges
from malaria.analysis.series import columns
from malaria.attack.runner import AttackOutcome
from malaria.broker import RunningBroker
from malaria.model.observe import Observe
from malaria.records.rows import EventKind, Progress

SYS = Observe.model_validate({"sys": True, "interval": "500ms", "process": False, "host": False, "only": True})
CALM_TRIES = 3
CALM_S = 0.04


class Starvation:
    """Lets a process have a tenth of its time while a surge is there: 0.9 s stopped, 0.1 s not."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._starve)
        self.begun = False

    def __call__(self, progress: Progress) -> None:
        for event in progress.events:
            if event.kind is EventKind.SURGE and not self.begun:
                self.begun = True
                self._thread.start()
            elif event.kind is EventKind.SURGE:
                self.end()

    def end(self) -> None:
        self._over.set()
        if self.begun:
            self._thread.join(10)

    def _starve(self) -> None:
        try:
            while not self._over.is_set():
                os.kill(self._pid, signal.SIGSTOP)
                self._over.wait(0.9)
                os.kill(self._pid, signal.SIGCONT)
                self._over.wait(0.1)
        finally:
            os.kill(self._pid, signal.SIGCONT)


def test_what_mosquitto_drops_for_a_slow_subscriber_is_counted_and_a_fail(
    start_mosquitto_with: Callable[[str], RunningBroker], tmp_path: Path
) -> None:
    """800 messages; 20 are in flight to it, and 100 wait. Whoever is not slow gets them all.

    The count is that of an announcement after the end, so it is the whole. On a machine that stands still for half a
    second even our own subscriber is slow: what it lost is known, and dropped too.
    """
    broker = start_mosquitto_with("max_queued_messages 100\nmax_inflight_messages 20")
    with who_never_acknowledges(broker.port):
        summary = run_attack(
            broker.port, tmp_path, subscribers=1, clients=20, rate="10", duration="4s", observe=SYS
        ).summary
    messages, dropped = summary["messages"], summary["broker"]["dropped"]
    assert messages["delivered"] + messages["lost"] == messages["acked"] == 800
    assert dropped == 800 - 120 + messages["lost"]
    assert summary["verdict"]["outcome"] == "FAIL"
    assert f"the broker dropped {dropped} messages" in summary["verdict"]["reasons"]


class Stalls:
    """Notes when this machine let nobody run: a thread that wanted to wake up every 10 ms and could not."""

    def __init__(self) -> None:
        self.longest_s = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Stalls:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        before_s = time.monotonic()
        while not self._over.wait(0.01):
            now_s = time.monotonic()
            self.longest_s = max(self.longest_s, now_s - before_s - 0.01)
            before_s = now_s


def starved(mosquitto: RunningBroker, directory: Path) -> AttackOutcome:
    """Nobody gets more than a tenth of its time while twenty clients more are there."""
    starvation = Starvation(mosquitto.pid)
    surge = {"clients": 20, "at": "6s", "hold": "3s"}
    try:
        outcome = run_attack(
            mosquitto.port, directory, subscribers=1, on_progress=starvation, surges=[surge], observe=SYS,
            clients=20, rate="5", duration="17s", connect_rate=0, thresholds={},
        )  # fmt: skip
    finally:
        starvation.end()
    assert starvation.begun
    return outcome


@pytest.mark.alone
@pytest.mark.timeout(240)  # three tries
def test_a_mosquitto_that_gets_no_processor_bends_and_recovers(own_mosquitto: RunningBroker, tmp_path: Path) -> None:
    """Made again when this machine itself stood still: that is no recovery of the broker's."""
    for attempt in range(CALM_TRIES):
        with Stalls() as stalls:
            outcome = starved(own_mosquitto, tmp_path / str(attempt))
        if stalls.longest_s < CALM_S:
            break
    (found,) = outcome.summary["surges"]
    assert (found["held"], found["broke"], found["recovered"], found["metastable"]) == (False, [], True, False)
    assert "the broker bent and recovered" in outcome.summary["verdict"]["reasons"][0]
    assert "ack p99 was " in outcome.summary["verdict"]["reasons"][0]
    assert outcome.summary["verdict"]["outcome"] == "PASS"
    assert outcome.summary["messages"]["lost"] == outcome.summary["messages"]["unresolved"] == 0


@pytest.mark.alone
def test_amqtt_gets_more_than_it_can_carry(amqtt_broker: RunningBroker, tmp_path: Path) -> None:
    """It carries about 9,000 messages a second at QoS 1: 500 all along, and 20,000 more for 2 s.

    Whether it comes back is up to it: amqtt 0.12 was seen to acknowledge nothing more. That is told as it is.
    """
    surge = {"clients": 200, "at": "6s", "hold": "3s"}
    outcome = run_attack(
        amqtt_broker.port, tmp_path, surges=[surge], clients=5, rate="100", duration="18s", drain="2s", connect_rate=0,
        thresholds={},
    )  # fmt: skip
    (found,) = outcome.summary["surges"]
    assert found["held"] is False
    assert any(reason.startswith("it acked ") for reason in found["reasons"])
    course = columns(outcome.records)
    end_s = found["until_s"] + found["watched_s"]
    rates = zip(course["t_s"], course["acked_per_s"], strict=True)
    last = [float(rate) for t, rate in rates if rate is not None and end_s - 3 < float(t or 0) <= end_s]
    if found["recovered"]:
        assert median(last) > 400  # one second out of the band is forgiven
    else:
        assert "s later: " in found["reasons"][-1]
    expected = {True: {"PASS", "FAIL"}, False: {"FAIL"}, None: {"UNKNOWN", "FAIL"}}[found["recovered"]]
    assert outcome.summary["verdict"]["outcome"] in expected
