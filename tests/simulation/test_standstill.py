"""Loads that come to a standstill: each ends in stated time, and says what it waited for."""

from __future__ import annotations

from pathlib import Path

import pytest

from malaria.clock import NS_PER_S
from malaria.records.rows import EventKind
from simulation import Machine, Simulation, pause
from stub_broker import Behaviour


def test_a_broker_that_never_acknowledges_ends_a_closed_loop(tmp_path: Path) -> None:
    """The drain's 3 s are shorter than the 13 s that a client may take to connect."""
    simulation = Simulation(Behaviour(unacked_every=1))
    outcome = simulation.run(tmp_path, clients=1, interval="0", messages=1000, inflight=20, duration=None)
    meta, verdict = outcome.run.meta, outcome.summary["verdict"]
    assert meta.measure_end_ns - meta.measure_start_ns <= 14 * NS_PER_S
    assert meta.end_ns - meta.measure_end_ns <= 4 * NS_PER_S
    assert meta.stalled == "nothing moved for 13 s: 1 client still had 980 messages to send"
    assert verdict["outcome"] == "FAIL"
    assert any("standstill: nothing moved for 13 s" in reason for reason in verdict["reasons"])


def test_clients_that_cannot_connect_do_not_hold_a_closed_loop_for_ever(tmp_path: Path) -> None:
    simulation = Simulation(Behaviour(connack_code=5, refuse_every=2))
    outcome = simulation.run(
        tmp_path, clients=5, interval="0", messages=100, duration=None, connect_timeout="2s", reconnect="never"
    )
    assert outcome.summary["verdict"]["outcome"] == "FAIL"
    assert "could not connect" in outcome.summary["verdict"]["reasons"][0]
    assert "still had" in outcome.run.meta.stalled


@pytest.mark.parametrize("interval", ["0", "50ms"])
def test_a_worker_that_stands_still_does_not_hold_the_others_for_ever(tmp_path: Path, interval: str) -> None:
    simulation = Simulation(machines=[Machine()] * 2, story=[(0.1, pause(10_000, "2"))])
    outcome = simulation.run(tmp_path, clients=4, interval=interval, messages=100, duration=None)
    lost = [event.text for event in outcome.run.events if event.kind is EventKind.LOST]
    assert lost == [
        "worker 2 reports nothing; it is given up after 15 s",
        "worker 2 reported nothing for 15 s",
    ]
    assert outcome.summary["verdict"]["outcome"] == "UNKNOWN"
    assert "worker 2 reported nothing for 15 s" in outcome.summary["verdict"]["reasons"][0]
