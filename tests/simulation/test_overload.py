"""More than a broker can carry, in virtual time: queues, drops and waits to the message."""

from __future__ import annotations

from pathlib import Path

from exactly import MS, S, of_values, recorded, total
from malaria.model.observe import Observe
from malaria.records.rows import Counter, Metric
from simulation import Simulation, slow_subscriber
from stub_broker import Behaviour

SYS = Observe.model_validate({"sys": True, "interval": "500ms", "process": False, "host": False, "only": True})
DRAIN_NS = 1_050 * MS
"""A drain time of 1 s: the conductor ends it when it looks next, every 50 ms."""


def test_a_queue_grows_when_the_broker_is_slower_than_the_load(tmp_path: Path) -> None:
    """400 a second come, 200 are served: message n waits for 5 ms n, minus the 2.5 ms n since the first was due."""
    simulation = Simulation(Behaviour(capacity_per_s=200, fixed_service=True))
    outcome = simulation.run(
        tmp_path, 1, rate="20", clients=20, inflight=1000, duration="3s", drain="1s", thresholds={}
    )
    assert outcome.summary["rates"]["due_per_s"] == 400
    assert outcome.summary["rates"]["acked_per_s"] == 199.667  # 599 in 3 s: the first takes 5 ms
    assert outcome.summary["messages"]["acked"] == (3 * S + DRAIN_NS) // (5 * MS)
    assert recorded(outcome, Metric.ACK) == of_values(n * 5 * MS - (n - 1) * 2_500_000 for n in range(1, 811))
    assert recorded(outcome, Metric.LAG) == of_values([0] * 1200)
    assert outcome.summary["verdict"]["outcome"] == "FAIL"
    assert "fell behind" in outcome.summary["verdict"]["reasons"][0]


def test_drops_of_a_full_queue_are_counted_to_the_message(tmp_path: Path) -> None:
    """Room for 50: it is full after a quarter of a second, and from then on half of all messages find no room."""
    simulation = Simulation(Behaviour(capacity_per_s=200, fixed_service=True, queue_limit=50, sys_interval_s=0.5))
    outcome = simulation.run(tmp_path, 1, rate="20", clients=20, inflight=1000, duration="3s", observe=SYS)
    messages, dropped = outcome.summary["messages"], simulation.broker.counts.dropped
    assert messages["due"] == messages["acked"] == 1200  # a message that it drops is acknowledged, too
    assert messages["delivered"] == simulation.broker.counts.deliveries == 1200 - dropped
    assert messages["lost"] == messages["acked_lost"] == outcome.summary["broker"]["dropped"] == dropped
    assert dropped == 1200 - 600 - 50 + 1  # served in 3 s, and waiting at the end; the first is served after 5 ms
    assert outcome.summary["latency_ms"]["ack"]["max"] == 250  # a full queue: 50 times 5 ms
    assert outcome.summary["verdict"]["outcome"] == "FAIL"
    (said,) = [text for text in outcome.summary["verdict"]["reasons"] if "lost" in text]
    assert said == (
        f"1 subscriber lost {dropped} of 1,200 deliveries: it was sent 400 msg/s, and the broker says that it dropped "
        f"{dropped}, as from a full queue; all publishes were acknowledged"
    )


def test_drops_for_a_slow_subscriber_are_counted_to_the_message(tmp_path: Path) -> None:
    """800 messages; 20 are in flight to it and 100 wait, and it acknowledges none. The other one gets them all."""
    behaviour = Behaviour(subscriber_inflight=20, subscriber_queue=100, sys_interval_s=0.5)
    simulation = Simulation(behaviour, story=[(0, slow_subscriber("ruler/#"))])
    outcome = simulation.run(tmp_path, 1, clients=20, rate="10", duration="4s", observe=SYS)
    messages = outcome.summary["messages"]
    assert messages["delivered"] == messages["acked"] == 800
    assert outcome.summary["broker"]["dropped"] == simulation.broker.counts.dropped == 800 - 120
    assert outcome.summary["verdict"]["outcome"] == "FAIL"
    told = "the broker dropped 680 messages for subscribers outside this run, whose own deliveries are complete"
    assert told in outcome.summary["verdict"]["reasons"]


def test_a_broker_that_stays_frozen_cannot_hang_us(tmp_path: Path) -> None:
    """Frozen for good after a second of load: 400 messages fill the windows, and 200 more cannot be sent."""
    simulation = Simulation(Behaviour(freezes=((1.0, 3600.0),)))
    outcome = simulation.run(tmp_path, 1, clients=20, rate="10", duration="4s", drain="1s", thresholds={})
    messages = outcome.summary["messages"]
    assert (messages["due"], messages["sent"], messages["acked"], messages["unresolved"]) == (800, 600, 200, 400)
    assert outcome.summary["verdict"]["outcome"] == "FAIL"
    assert outcome.summary["latency_ms"]["ack"]["max"] is None
    assert recorded(outcome, Metric.UNFINISHED) == of_values(k * 5 * MS + DRAIN_NS for k in range(1, 601))


def test_a_broker_frozen_for_a_while_is_waited_for_and_nothing_is_lost(tmp_path: Path) -> None:
    simulation = Simulation(Behaviour(freezes=((3.5, 4.0),)))  # past the end of the load
    outcome = simulation.run(tmp_path, 1, clients=20, rate="10", duration="4s", drain="10s")
    messages = outcome.summary["messages"]
    assert messages["acked"] == messages["delivered"] == 800
    assert messages["lost"] == messages["unresolved"] == total(outcome, Counter.DROPPED) == 0
    assert recorded(outcome, Metric.ACK) == of_values([0] * 700 + [3_500 * MS + k * 5 * MS for k in range(1, 101)])
