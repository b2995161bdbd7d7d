"""Rates and duration of loads that end by their number of messages, and the time that clients took to connect.

Unless a test says otherwise, the broker answers after 1 ms.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from malaria.clock import NS_PER_MS, NS_PER_S
from malaria.report.figure_text import connect_time_ns
from simulation import Machine, Simulation, correct_clocks
from stub_broker import Behaviour
from virtual_network import Link

PROMPT = Behaviour(ack_delay_ns=NS_PER_MS)


def rates(directory: Path, behaviour: Behaviour = PROMPT, machines: int = 1, **options: Any) -> dict[str, Any]:
    """The rates of a run and its duration."""
    simulation = Simulation(behaviour, machines=[Machine()] * machines)
    summary = simulation.run(directory, duration=options.pop("duration", None), **options).summary
    return {"duration_s": summary.duration_s} | {key: value for key, value in summary.rates.items() if value}


@pytest.mark.parametrize("workers", [1, 3])
def test_an_open_loop_is_counted_from_the_first_due_to_the_last_acknowledgement(tmp_path: Path, workers: int) -> None:
    """The last of 1,000 messages is due after 100 ms but one, and is sent with those of its turn."""
    found = rates(tmp_path, machines=workers, clients=100, messages=10, interval="10ms")
    assert found == pytest.approx(
        {"duration_s": 0.101, "due_per_s": 9901, "sent_per_s": 9901, "acked_per_s": 9901}, rel=0.01
    )


def test_a_closed_loop_is_counted_from_its_first_message_to_its_last_acknowledgement(tmp_path: Path) -> None:
    """A window of 20 is acknowledged every millisecond."""
    found = rates(tmp_path, clients=2, messages=2000, interval="0", inflight=20)
    assert found == {"duration_s": 0.1, "due_per_s": 40_000, "sent_per_s": 40_000, "acked_per_s": 40_000}


def test_deliveries_are_counted_up_to_the_last_of_them(tmp_path: Path) -> None:
    late = Behaviour(ack_delay_ns=NS_PER_MS, delivery_delay_ns=100 * NS_PER_MS)
    found = rates(tmp_path, late, subscribers=1, clients=2, messages=2000, interval="0", inflight=20)
    assert found["acked_per_s"] == 40_000
    assert found["delivered_per_s"] == pytest.approx(4000 / 0.199)


def test_messages_of_the_warm_up_are_in_no_rate(tmp_path: Path) -> None:
    """Of ten messages each, one a second, the first two are due before the measured time and acknowledged in it."""
    slow = Behaviour(ack_delay_ns=5 * NS_PER_S)
    found = rates(tmp_path, slow, clients=10, messages=10, interval="1s", warmup="2s", drain="10s")
    assert found["duration_s"] == 12.9  # 80 messages, the last of them due after 7.9 s
    assert found["due_per_s"] == found["acked_per_s"] == round(80 / 12.9, 3)


def test_the_wait_for_lost_acknowledgements_is_not_counted(tmp_path: Path) -> None:
    lossy = Behaviour(ack_delay_ns=NS_PER_MS, unacked_every=60)
    found = rates(tmp_path, lossy, clients=10, messages=60, interval="100ms")
    assert found["duration_s"] == pytest.approx(5.99, abs=0.002)
    assert found["acked_per_s"] == pytest.approx(590 / 5.99, rel=0.001)


def test_a_standstill_that_ends_the_load_is_not_counted(tmp_path: Path) -> None:
    """Each lost acknowledgement keeps a place of the window, until none is left."""
    lossy = Behaviour(ack_delay_ns=NS_PER_MS, unacked_every=10)
    found = rates(tmp_path, lossy, clients=1, messages=1000, interval="0", inflight=5)
    assert found["duration_s"] < 0.1
    assert found["acked_per_s"] == pytest.approx(45 / found["duration_s"], rel=0.1)


def test_a_closed_loop_without_an_answer_in_its_time_is_unknown(tmp_path: Path) -> None:
    """All answers come while the messages under way are waited for."""
    late = Simulation(Behaviour(ack_delay_ns=600 * NS_PER_MS))
    found = late.run(tmp_path, clients=2, interval="0", inflight=5, duration="500ms", thresholds={}).summary
    assert found.messages["acked"] == 10
    assert found.verdict.outcome == "UNKNOWN"
    assert [reason.text for reason in found.verdict.reasons] == ["no message was acknowledged in the measured time"]


def test_a_closed_loop_that_ends_by_its_number_of_messages_may_have_its_answers_late(tmp_path: Path) -> None:
    late = Simulation(Behaviour(ack_delay_ns=600 * NS_PER_MS))
    options: dict[str, Any] = {"duration": None, "thresholds": {}}
    found = late.run(tmp_path, clients=2, messages=5, interval="0", inflight=5, **options).summary
    assert (found.messages["acked"], found.verdict.outcome) == (10, "PASS")


def test_a_load_that_its_duration_ends_is_counted_over_it(tmp_path: Path) -> None:
    whole = {"duration_s": 3.0, "due_per_s": 100, "sent_per_s": 100, "acked_per_s": 100}
    assert rates(tmp_path / "both", clients=10, messages=60, interval="100ms", duration="3s") == whole
    assert rates(tmp_path / "duration", clients=10, interval="100ms", duration="3s") == whole


def test_messages_that_are_sent_before_the_duration_is_over_end_the_load(tmp_path: Path) -> None:
    found = rates(tmp_path, clients=10, messages=60, interval="100ms", duration="30s")
    assert found["duration_s"] == pytest.approx(5.99, abs=0.002)


def test_clocks_of_hosts_are_corrected_in_the_milestones(tmp_path: Path) -> None:
    """The clock of the second host is known 2 ms wrong until the load runs, so its messages are due 2 ms later."""
    machines = [Machine(), Machine(offset_ns=3600 * NS_PER_S, known_ns=3600 * NS_PER_S + 2 * NS_PER_MS)]
    simulation = Simulation(PROMPT, machines=machines, story=[(0.5, correct_clocks)])
    summary = simulation.run(tmp_path, clients=10, messages=60, interval="100ms", duration=None).summary
    assert summary.duration_s == 5.993


def test_clients_are_connected_with_the_last_connack(tmp_path: Path) -> None:
    """A connect takes a round trip of 10 ms for TCP and one for MQTT; the next report comes much later."""
    simulation = Simulation(PROMPT, link=Link(latency_ns=5 * NS_PER_MS))
    outcome = simulation.run(tmp_path, clients=6, interval="100ms", connect_rate="0")
    assert connect_time_ns(outcome.run) == 20 * NS_PER_MS


def test_a_reconnect_does_not_prolong_the_time_to_connect(tmp_path: Path) -> None:
    simulation = Simulation(Behaviour(close_after_messages=30), link=Link(latency_ns=5 * NS_PER_MS))
    outcome = simulation.run(tmp_path, clients=6, interval="100ms", connect_rate="0")
    assert outcome.summary.clients.reconnects == 1
    assert connect_time_ns(outcome.run) == 20 * NS_PER_MS
