"""Surges against brokers of known capacity, in virtual time: the right verdict is known beforehand.

All of them get 100 messages a second, after 7 s twice as many for 3 s, and then 100 again. They differ in what they
can do: 2,000 a second; 150, so that 150 messages wait when the surge goes; 150 with a queue of 60; and 150 until 60
wait, then 70 until nobody waits any more, which at 100 messages a second never is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from malaria.attacks.runner import AttackOutcome
from malaria.model.observe import Observe
from simulation import Simulation
from stub_broker import Behaviour

SURGE = {"clients": 20, "at": "6s", "hold": "4s"}
"""They publish from 7 s on: without a connect rate our own pace needs no time for them, and a second is added."""
LOAD = {"clients": 20, "rate": "5", "inflight": 1000, "duration": "19s", "drain": "1s", "connect_rate": 0}
SYS = Observe.model_validate({"sys": True, "interval": "500ms", "process": False, "host": False, "only": True})
EXCESS = 150
"""Messages that come in the 3 s of the surge beyond what a broker of 150 a second can serve."""


def surge_of(behaviour: Behaviour, directory: Path, **options: Any) -> tuple[Simulation, AttackOutcome, dict[str, Any]]:
    """Run the load and the surge; return what became of the surge, too."""
    simulation = Simulation(behaviour)
    outcome = simulation.run(directory, 1, surges=[SURGE], observe=SYS, thresholds={}, **(LOAD | options))
    (surge,) = outcome.summary["surges"]
    assert simulation.broker.faults == []
    assert outcome.summary["messages"]["due"] == 19 * 100 + 3 * 100
    return simulation, outcome, surge


def test_a_broker_with_room_holds(tmp_path: Path) -> None:
    behaviour = Behaviour(capacity_per_s=2000, fixed_service=True, sys_interval_s=0.5)
    simulation, outcome, surge = surge_of(behaviour, tmp_path)
    assert (surge["held"], surge["broke"], surge["recovered"], surge["metastable"]) == (True, [], True, False)
    assert (surge["recovery_s"], surge["reasons"]) == (0.0, [])
    assert outcome.summary["verdict"] == {"outcome": "PASS", "reasons": []}
    assert outcome.summary["broker"]["dropped"] == simulation.broker.counts.dropped == 0
    assert outcome.summary["broker"]["queue_growth_per_s"] == 0


def test_a_broker_without_enough_bends_and_recovers(tmp_path: Path) -> None:
    """50 a second come off the 150 that wait: that takes 3 s."""
    behaviour = Behaviour(capacity_per_s=150, fixed_service=True, sys_interval_s=0.5)
    _, outcome, surge = surge_of(behaviour, tmp_path, drain="2s")
    assert (surge["held"], surge["broke"], surge["recovered"], surge["metastable"]) == (False, [], True, False)
    assert surge["recovery_s"] == EXCESS / (150 - 100)
    assert outcome.summary["verdict"]["outcome"] == "PASS"
    assert "the broker bent and recovered after 3 s" in outcome.summary["verdict"]["reasons"][0]
    assert outcome.summary["messages"]["acked"] == outcome.summary["messages"]["delivered"] == 2200
    assert outcome.summary["messages"]["lost"] == outcome.summary["messages"]["unresolved"] == 0


def test_clients_that_leave_wait_for_the_drain_time_and_no_longer(tmp_path: Path) -> None:
    """The last message of the surge is served 1 s after it came, and 1 s is the drain time: it is given up."""
    behaviour = Behaviour(capacity_per_s=150, fixed_service=True, sys_interval_s=0.5)
    simulation, outcome, _ = surge_of(behaviour, tmp_path, drain="1s")
    assert outcome.summary["messages"]["acked"] == simulation.broker.counts.acked == 2199
    assert outcome.summary["messages"]["delivered"] == 2200


def test_a_broker_with_a_short_queue_breaks_and_recovers(tmp_path: Path) -> None:
    """50 a second are too many for 3 s, and 60 of them find room: about 90 do not, and 60 come off in 1.2 s."""
    behaviour = Behaviour(capacity_per_s=150, fixed_service=True, queue_limit=60, sys_interval_s=0.5)
    simulation, outcome, surge = surge_of(behaviour, tmp_path)
    dropped = simulation.broker.counts.dropped
    assert dropped == EXCESS - 60 + 2  # what comes at once is taken in the order of the clients
    assert (surge["held"], surge["broke"], surge["recovered"]) == (False, ["broker.dropped"], True)
    assert surge["recovery_s"] == 2.0  # in whole seconds
    assert outcome.summary["broker"]["dropped"] == outcome.summary["messages"]["lost"] == dropped
    assert outcome.summary["steady"]["messages_dropped"] == 0
    assert outcome.summary["verdict"]["outcome"] == "FAIL"
    assert outcome.summary["verdict"]["reasons"][0].startswith("+20 clients at 0:06: the broker broke and recovered")
    assert f"it dropped {dropped} messages" in outcome.summary["verdict"]["reasons"][0]


def test_a_metastable_broker_never_recovers(tmp_path: Path) -> None:
    """The surge is gone; 100 a second come as before, 70 go, and the queue grows by 30 a second."""
    behaviour = Behaviour(capacity_per_s=150, fixed_service=True, slow_past=60, slow_per_s=70, sys_interval_s=0.5)
    simulation, outcome, surge = surge_of(behaviour, tmp_path)
    assert (surge["held"], surge["broke"], surge["recovered"], surge["metastable"]) == (False, [], False, True)
    assert (surge["recovery_s"], surge["watched_s"]) == (None, 9)
    assert outcome.summary["messages"]["delivered"] == simulation.broker.counts.deliveries
    assert outcome.summary["messages"]["unresolved"] == 2200 - simulation.broker.counts.deliveries
    assert outcome.summary["verdict"]["outcome"] == "FAIL"
    assert "never recovered within 9 s (metastable)" in outcome.summary["verdict"]["reasons"][0]
    assert not any("fell behind" in reason for reason in outcome.summary["verdict"]["reasons"])  # said once


def test_a_broker_that_gets_no_processor_during_a_surge_bends_and_recovers(tmp_path: Path) -> None:
    """It is frozen for 0.9 s of every second while twenty clients more are there."""
    behaviour = Behaviour(freezes=tuple((second, 0.9) for second in range(7, 10)), sys_interval_s=0.5)
    _, outcome, surge = surge_of(behaviour, tmp_path)
    assert (surge["held"], surge["broke"], surge["recovered"], surge["metastable"]) == (False, [], True, False)
    assert outcome.summary["verdict"]["outcome"] == "PASS"
    assert "the broker bent and recovered" in outcome.summary["verdict"]["reasons"][0]
    assert outcome.summary["latency_ms"]["ack"]["max"] == 900
    assert outcome.summary["messages"]["acked"] == outcome.summary["messages"]["delivered"] == 2200
