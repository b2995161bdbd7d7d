"""Workers on hosts of their own, in virtual time: clocks that differ, workers that die, an operator who stops."""

from __future__ import annotations

from pathlib import Path

import pytest

from exactly import MS, S, of_values, recorded, total
from malaria.records.rows import Counter, EventKind, Metric
from simulation import Link, Machine, Simulation, correct_clocks, kill, pause, press_ctrl_c
from stub_broker import Behaviour

HOUR_NS = 3600 * S


def test_clocks_that_are_known_exactly_change_nothing(tmp_path: Path) -> None:
    machines = [Machine(offset_ns=-HOUR_NS // 10), Machine(offset_ns=HOUR_NS), Machine()]
    simulation = Simulation(Behaviour(delivery_delay_ns=10 * MS), machines, Link(MS))
    outcome = simulation.run(tmp_path, 1, rate="20", clients=9)
    assert recorded(outcome, Metric.END_TO_END) == of_values([12 * MS] * 360)
    assert total(outcome, Counter.NEGATIVE_LATENCY) == 0
    assert outcome.summary["messages"]["delivered"] == 360


@pytest.mark.parametrize("error_ms", [3, -3])
def test_an_error_of_a_clock_is_an_error_of_end_to_end_alone(tmp_path: Path, error_ms: int) -> None:
    """The second worker is told a run time 0 that is off; the subscriber is with the first, which takes 2 ms to reach.

    An arrival before its time is counted as such.
    """
    machines = [Machine(), Machine(offset_ns=HOUR_NS, known_ns=HOUR_NS + error_ms * MS)]
    simulation = Simulation(machines=machines, link=Link(MS))
    outcome = simulation.run(tmp_path, 1, rate="20", clients=10)
    assert recorded(outcome, Metric.END_TO_END) == of_values([2 * MS] * 200 + [(2 + error_ms) * MS] * 200)
    assert recorded(outcome, Metric.ACK) == of_values([2 * MS] * 400)
    assert total(outcome, Counter.NEGATIVE_LATENCY) == (200 if error_ms < 0 else 0)


def test_a_clock_that_becomes_better_known_is_corrected_while_the_load_runs(tmp_path: Path) -> None:
    machines = [Machine(), Machine(offset_ns=HOUR_NS, known_ns=HOUR_NS + 3 * MS)]
    simulation = Simulation(machines=machines, link=Link(MS), story=[(0.999, correct_clocks)])
    outcome = simulation.run(tmp_path, 1, rate="20", clients=10)
    assert recorded(outcome, Metric.END_TO_END) == of_values([2 * MS] * 300 + [5 * MS] * 100)


def test_a_worker_that_dies_leaves_its_share_unknown_and_the_rest_readable(tmp_path: Path) -> None:
    """Both carry 100 messages a second; the first dies after 1.5 s, and half a second of its samples with it."""
    simulation = Simulation(machines=[Machine()] * 2, story=[(1.5, kill("1"))])
    outcome = simulation.run(tmp_path, 1, clients=20, rate="10", duration="4s")
    messages = outcome.summary["messages"]
    assert outcome.summary["verdict"]["outcome"] == "UNKNOWN"
    assert "SIGKILL" in outcome.summary["verdict"]["reasons"][0]
    assert "1/2" in outcome.summary["verdict"]["reasons"][0]
    assert messages["sent"] == 101 + 400  # a message that is due at the end of a second is in its sample
    assert (messages["expected"], messages["lost"]) == (None, None)
    lost = [event for event in outcome.run.events if event.kind is EventKind.LOST]
    assert [event.text for event in lost] == ["worker 1 was killed by SIGKILL"]
    assert simulation.broker.counts.publishes == 150 + 400


def test_all_workers_dead_is_an_end(tmp_path: Path) -> None:
    simulation = Simulation(machines=[Machine()] * 2, story=[(1.0, kill("1")), (1.25, kill("2"))])
    outcome = simulation.run(tmp_path, clients=20, rate="10", duration="60s")
    assert outcome.summary["verdict"]["outcome"] == "UNKNOWN"
    assert outcome.run.meta.end_ns <= outcome.run.meta.measure_start_ns + 1_300 * MS


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_ends_with_a_report(tmp_path: Path, times: int) -> None:
    """Once: what is under way is finished. Twice: at once. The acknowledgements take 300 ms."""
    simulation = Simulation(Behaviour(ack_delay_ns=300 * MS), story=[(1.0, press_ctrl_c)] * times)
    outcome = simulation.run(tmp_path, 1, clients=20, rate="10", duration="60s")
    messages = outcome.summary["messages"]
    assert outcome.summary["verdict"]["outcome"] == "UNKNOWN"
    assert outcome.summary["verdict"]["reasons"][0].startswith("stopped by the operator after 1 s of 1 min (2")
    assert messages["due"] == messages["sent"]
    assert 200 <= messages["due"] <= 211  # it is noticed with the next look, every 50 ms
    assert messages["acked"] == (messages["due"] if times == 1 else 140 + (messages["due"] - 200))


def test_a_machine_that_stands_still_for_a_second_and_a_half(tmp_path: Path) -> None:
    """Nothing is lost; 1,500 ms of the one worker's messages leave late, and the other's do not."""
    simulation = Simulation(machines=[Machine()] * 2, story=[(1.0, pause(1.5, "2"))])
    outcome = simulation.run(tmp_path, 1, clients=20, rate="10", duration="5s", own_lag_limit="1s")
    messages = outcome.summary["messages"]
    assert messages["due"] == messages["acked"] == messages["delivered"] == 1000
    assert recorded(outcome, Metric.OWN_LAG) == of_values([0] * 850 + [k * 10 * MS - 5 * MS for k in range(1, 151)])
    assert total(outcome, Counter.LATE_SAMPLES) == 1
