"""The instrument held against a broker of known behaviour, in virtual time: it reports exactly what was done."""

from __future__ import annotations

from pathlib import Path

import pytest

from exactly import MS, US, of_values, recorded, total
from malaria.records.rows import Counter, Metric
from simulation import Link, Machine, Simulation, pause, starved
from stub_broker import Behaviour

FLAWLESS = {"lost": 0, "acked_lost": 0, "duplicated": 0, "reordered": 0, "unresolved": 0, "unacked": 0,
            "duplicated_qos_2": 0, "overlapping": 0}  # fmt: skip


@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("workers", [1, 3])
def test_a_faithful_broker_is_reported_as_one(tmp_path: Path, qos: int, workers: int) -> None:
    simulation = Simulation(machines=[Machine()] * workers)
    outcome = simulation.run(tmp_path, 1, qos=qos, rate="50", clients=20, thresholds={})
    broker = simulation.broker
    assert broker.faults == []
    counts = {name: 2000 for name in ("due", "sent", "expected", "delivered")}
    assert outcome.summary["messages"] == counts | FLAWLESS | (
        {"acked": 2000} if qos else {"acked": None, "unacked": None}
    )
    assert broker.counts.publishes == broker.counts.deliveries == 2000
    assert len({(seen.header.client, seen.header.sequence) for seen in broker.seen}) == 2000
    assert outcome.summary["verdict"] == {"outcome": "PASS", "reasons": []}


def test_the_same_story_ends_in_the_same_numbers(tmp_path: Path) -> None:
    """Every sample of every worker, with everything random in it."""
    told = []
    for number in (1, 2):
        simulation = Simulation(
            Behaviour(capacity_per_s=300), [Machine(), Machine()], Link(200 * US, jitter_ns=MS, fragments=True)
        )
        outcome = simulation.run(tmp_path / str(number), 2, rate="10", clients=10, arrival="poisson", size="50~9")
        gauges = [{**sample.gauges, "rss_bytes": 0} for sample in outcome.run.samples]
        told.append((gauges, [(sample.counters, sample.histograms) for sample in outcome.run.samples]))
    assert told[0] == told[1]


def test_the_same_messages_from_one_worker_and_from_three(tmp_path: Path) -> None:
    sets = []
    for workers in (1, 3):
        simulation = Simulation(machines=[Machine()] * workers)
        simulation.run(tmp_path / str(workers), 1, rate="20", clients=10, arrival="poisson", size="50~9")
        sets.append({(one.header, one.size) for one in simulation.broker.seen})
    assert sets[0] == sets[1]


@pytest.mark.parametrize("latency_us", [0, 150])
def test_five_milliseconds_more_read_five_milliseconds_more(tmp_path: Path, latency_us: int) -> None:
    link = Link(latency_us * US)
    for delay_ms in (1, 5, 20):
        simulation = Simulation(Behaviour(ack_delay_ns=delay_ms * MS), link=link)
        outcome = simulation.run(tmp_path / str(delay_ms), 1, rate="20", clients=10)
        expected = of_values([delay_ms * MS + 2 * latency_us * US] * 400)
        assert recorded(outcome, Metric.ACK) == recorded(outcome, Metric.SERVICE) == expected
        assert recorded(outcome, Metric.LAG) == recorded(outcome, Metric.OWN_LAG) == of_values([0] * 400)


def test_a_delay_of_the_delivery_is_end_to_end_alone(tmp_path: Path) -> None:
    simulation = Simulation(Behaviour(delivery_delay_ns=50 * MS), link=Link(MS))
    outcome = simulation.run(tmp_path, 1, rate="20", clients=10)
    assert recorded(outcome, Metric.END_TO_END) == of_values([52 * MS] * 400)
    assert recorded(outcome, Metric.ACK) == of_values([2 * MS] * 400)


def test_a_connect_lasts_from_the_syn_to_the_connack(tmp_path: Path) -> None:
    simulation = Simulation(Behaviour(connack_delay_ns=7 * MS), link=Link(MS))
    outcome = simulation.run(tmp_path, clients=10, rate="1")
    assert recorded(outcome, Metric.TCP) == of_values([2 * MS] * 10)
    assert recorded(outcome, Metric.CONNACK) == of_values([9 * MS] * 10)
    assert recorded(outcome, Metric.CONNECT) == of_values([11 * MS] * 10)


WAITS = [0] * 3000 + [k * MS for k in range(1, 1001)]
"""A thousand messages a second for four seconds, one of them frozen: the theory."""


def test_a_freeze_is_a_second_for_every_message_that_was_due_in_it(tmp_path: Path) -> None:
    """Coordinated omission would show a handful of them."""
    simulation = Simulation(Behaviour(freezes=((1.0, 1.0),)))
    outcome = simulation.run(tmp_path, 1, rate="20", clients=50, inflight=100, duration="4s")
    assert recorded(outcome, Metric.ACK) == recorded(outcome, Metric.SERVICE) == of_values(WAITS)
    assert recorded(outcome, Metric.END_TO_END) == of_values(WAITS)
    assert recorded(outcome, Metric.LAG) == of_values([0] * 4000)
    figures = outcome.summary["latency_ms"]["ack"]
    assert figures["mean"] == pytest.approx(125.125, abs=0.001)  # zeros count as 1 us
    assert [round(figures[name]) for name in ("p50", "p90", "p95", "p99", "max")] == [0, 600, 800, 960, 1000]


def test_a_freeze_with_a_window_of_one_is_lag_for_those_that_could_not_be_sent(tmp_path: Path) -> None:
    """Each of the 50 clients has one message in flight when it begins; 950 more become due and wait for them."""
    simulation = Simulation(Behaviour(freezes=((1.0, 1.0),)))
    outcome = simulation.run(tmp_path, 1, rate="20", clients=50, inflight=1, duration="4s")
    assert recorded(outcome, Metric.ACK) == of_values(WAITS)
    assert recorded(outcome, Metric.SERVICE) == of_values([0] * 3950 + [k * MS for k in range(951, 1001)])
    assert recorded(outcome, Metric.LAG) == of_values([0] * 3050 + [k * MS for k in range(1, 951)])
    assert recorded(outcome, Metric.OWN_LAG) == of_values([0] * 4000)  # it was not our fault
    assert outcome.summary["verdict"]["outcome"] == "PASS"


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_loss_repetition_and_disorder_are_counted_exactly(tmp_path: Path, qos: int) -> None:
    behaviour = Behaviour(lose_every=1000, duplicate_every=777, swap_neighbours_every=90)
    simulation = Simulation(behaviour)
    outcome = simulation.run(tmp_path, 1, qos=qos, rate="100", clients=10, duration="10s")
    messages, counts = outcome.summary["messages"], simulation.broker.counts
    assert simulation.broker.faults == []
    assert (counts.lost, counts.duplicated, counts.swapped) == (10, 12, 109)  # one of 110 is repeated instead
    assert messages["due"] == messages["sent"] == messages["expected"] == 10_000
    assert messages["delivered"] == 9_990
    assert (messages["lost"], messages["acked_lost"]) == (10, 10 if qos else 0)
    assert (messages["duplicated"], messages["reordered"]) == (12, 109)
    assert messages["unresolved"] == 0


def test_messages_never_acknowledged_are_unresolved_only_if_they_did_not_arrive(tmp_path: Path) -> None:
    simulation = Simulation(Behaviour(unacked_every=50))
    outcome = simulation.run(tmp_path, 1, rate="50", clients=10, inflight=100)
    assert outcome.summary["messages"]["unacked"] == 20
    assert outcome.summary["verdict"]["outcome"] == "FAIL"
    assert outcome.summary["verdict"]["reasons"][0].startswith("20 messages were never acknowledged, yet delivered")
    messages = outcome.summary["messages"]
    assert (messages["sent"], messages["acked"], messages["delivered"]) == (1000, 980, 1000)
    assert (messages["lost"], messages["unresolved"]) == (0, 0)
    ack = outcome.summary["latency_ms"]["ack"]
    assert ack["p50"] == 0.001
    assert ack["p99"] is None  # 2 % never finished: it cannot be known


def test_without_a_subscriber_nobody_knows_whether_they_arrived(tmp_path: Path) -> None:
    outcome = Simulation(Behaviour(unacked_every=60)).run(tmp_path, rate="50", clients=6)
    messages, verdict = outcome.summary["messages"], outcome.summary["verdict"]
    assert (messages["sent"], messages["acked"], messages["unacked"], messages["unresolved"]) == (600, 590, 10, 10)
    assert verdict["outcome"] == "FAIL"
    assert verdict["reasons"] == [verdict["reasons"][0]]
    assert verdict["reasons"][0].startswith("10 messages were never acknowledged")
    assert "delivered" not in verdict["reasons"][0]


def test_a_starved_worker_is_invalid(tmp_path: Path) -> None:
    """The worker stands still for the first 60 of every 100 ms, so 60 of 100 messages leave late: 60 ms, 59 ms, …"""
    simulation = Simulation(story=list(starved(0, 2, of_ms=100, stopped_ms=60)))
    outcome = simulation.run(tmp_path, 1, rate="100", clients=10, own_lag_limit="5ms")
    late = [k * MS for k in range(1, 61)] + [0] * 40
    assert recorded(outcome, Metric.OWN_LAG) == recorded(outcome, Metric.LAG) == of_values(late * 20)
    assert outcome.summary["verdict"]["outcome"] == "INVALID"
    assert "late" in outcome.summary["verdict"]["reasons"][0]


def test_a_machine_that_stood_still_once_is_seen_and_forgiven(tmp_path: Path) -> None:
    """One pause of 15 ms in ten seconds concerns 0.15 % of the messages: its p99 is not ours."""
    simulation = Simulation(story=[(5.0, pause(0.015))])
    outcome = simulation.run(tmp_path, 1, rate="100", clients=10, duration="10s", own_lag_limit="5ms")
    assert recorded(outcome, Metric.OWN_LAG) == of_values([0] * 9_985 + [k * MS for k in range(1, 16)])
    assert outcome.summary["verdict"]["outcome"] == "PASS"


def test_a_closed_loop_takes_what_the_broker_gives(tmp_path: Path) -> None:
    """Little's law: 4 clients x 5 in flight, 20 ms each, are 1,000 messages a second."""
    simulation = Simulation(Behaviour(ack_delay_ns=20 * MS))
    outcome = simulation.run(tmp_path, 1, interval=0, clients=4, inflight=5)
    messages = outcome.summary["messages"]
    assert messages["sent"] == messages["acked"] == messages["delivered"] == simulation.broker.counts.publishes == 2000
    assert recorded(outcome, Metric.SERVICE) == of_values([20 * MS] * 2000)


def test_a_broker_that_does_not_read_holds_us_back_and_is_named(tmp_path: Path) -> None:
    """Each client gets 20 messages of 10,000 bytes rid of, and a part of the next, into a buffer of 200 kB."""
    simulation = Simulation(Behaviour(never_read=True), link=Link(send_buffer=200_000))
    outcome = simulation.run(
        tmp_path, qos=0, clients=8, rate="100", size=10_000, duration="2s", drain="1s", thresholds={}
    )
    messages = outcome.summary["messages"]
    assert messages["due"] == 1600
    assert 8 * 19 <= messages["sent"] <= 8 * 21
    assert total(outcome, Counter.HELD_BACKLOG) == messages["due"] - messages["sent"] - 8
    assert outcome.summary["verdict"]["outcome"] == "FAIL"


def test_halves_of_packets_change_nothing(tmp_path: Path) -> None:
    """Every send and every delivery is cut at random places, a hundred times in all."""
    simulation = Simulation(link=Link(100 * US, fragments=True, send_buffer=5_000))
    outcome = simulation.run(tmp_path, 2, rate="50", clients=10, size="20-400", thresholds={})
    assert simulation.broker.faults == []
    assert outcome.summary["messages"] == FLAWLESS | {"due": 1000, "sent": 1000, "acked": 1000, "expected": 2000,
                                                      "delivered": 2000}  # fmt: skip


@pytest.mark.parametrize("inflight", [3, 20])
def test_a_closed_loop_writes_whole_packets_into_a_full_buffer(tmp_path: Path, inflight: int) -> None:
    """Each message is larger than the buffer, so every send is taken in part, and the next waits for its rest."""
    simulation = Simulation(link=Link(MS, send_buffer=700))
    outcome = simulation.run(tmp_path, 1, interval=0, clients=2, inflight=inflight, size=1000)
    messages = outcome.summary["messages"]
    assert simulation.broker.faults == []
    assert messages["due"] == messages["sent"] == messages["acked"] == messages["delivered"] > 500


@pytest.mark.slow
def test_an_hour_of_load(tmp_path: Path) -> None:
    simulation = Simulation(Behaviour(ack_delay_ns=5 * MS, lose_every=777))
    outcome = simulation.run(tmp_path, 1, clients=3, interval="6s", duration="1h")
    assert outcome.summary["messages"]["due"] == 1800
    assert outcome.summary["messages"]["lost"] == 2
    assert recorded(outcome, Metric.ACK) == of_values([5 * MS] * 1800)
