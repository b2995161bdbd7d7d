"""A staircase in virtual time, against brokers of known capacity: the rungs, the break and the way back are exact."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from attacking import request_for
from malaria.analysis.summary_figures import LoopFigures
from malaria.attacks.runner import AttackOutcome
from malaria.model.observe import Observe
from malaria.records.staircase import Staircase
from simulation import Machine, Simulation, crash, kill, press_ctrl_c, restore
from stub_broker import Behaviour

SYS = Observe.model_validate({"sys": True, "interval": "500ms", "process": False, "host": False, "only": True})
LOADS = (20, 40, 80)
"""Messages per second, or clients that send one a second."""
BY_CLIENTS: dict[str, Any] = {
    "clients": 20,
    "rate": "1",
    "surges": [{"clients": 20, "at": "10s"}, {"clients": 40, "at": "20s"}],
}
BY_RATE: dict[str, Any] = {"clients": 10, "rate": "2"}
LOAD = {"inflight": 1000, "duration": "300s", "drain": "2s", "connect_rate": 0, "observe": SYS, "thresholds": {}}
SERVES_60 = Behaviour(capacity_per_s=60, fixed_service=True, sys_interval_s=0.5)
TIPS = Behaviour(capacity_per_s=60, fixed_service=True, slow_past=30, slow_per_s=28, sys_interval_s=0.5)
"""60 a second until 30 wait; then 28 a second until nobody waits any more."""

type Rungs = list[tuple[int, str, bool | None]]


def climb(simulation: Simulation, directory: Path, *, by_rate: bool = True, **options: Any) -> AttackOutcome:
    request = request_for(1883, directory, 1, 1, **(LOAD | (BY_RATE if by_rate else BY_CLIENTS) | options))
    stairs = Staircase(LOADS, rung_s=4.0, patience_s=12.0, by_rate=by_rate)
    outcome = simulation.carry_out(replace(request, staircase=stairs))
    assert simulation.broker.faults == []
    return outcome


def loop_of(outcome: AttackOutcome) -> LoopFigures:
    assert outcome.summary.loop is not None
    return outcome.summary.loop


def rungs(outcome: AttackOutcome) -> Rungs:
    return [(rung.load, rung.way, rung.well) for rung in loop_of(outcome).rungs]


@pytest.mark.parametrize("by_rate", [True, False])
def test_a_target_that_carries_every_rung_is_not_brought_down(tmp_path: Path, by_rate: bool) -> None:
    outcome = climb(Simulation(), tmp_path, by_rate=by_rate)
    assert rungs(outcome) == [(load, "up", True) for load in LOADS]
    loop = loop_of(outcome)
    assert (loop.tipping, loop.recovery, loop.ratio, loop.restart_needed) == (None, None, None, None)
    assert [rung.acked_per_s for rung in loop.rungs] == pytest.approx(LOADS, rel=0.01)
    assert [rung.clients for rung in loop.rungs] == ([11] * 3 if by_rate else [load + 1 for load in LOADS])
    assert outcome.summary.messages.due == outcome.summary.messages.delivered
    unit = "msg/s" if by_rate else "clients"
    assert outcome.summary.verdict.reasons[0].text == f"climbed to 80 {unit} without tipping"
    assert outcome.summary.verdict.outcome == "PASS"


@pytest.mark.parametrize("by_rate", [True, False])
def test_a_target_without_a_loop_is_well_on_the_first_step_down(tmp_path: Path, by_rate: bool) -> None:
    """It serves 60 a second: 80 are too many, and at 40 the queue shrinks by 20 a second."""
    outcome = climb(Simulation(SERVES_60), tmp_path, by_rate=by_rate)
    assert rungs(outcome) == [(20, "up", True), (40, "up", True), (80, "up", False), (40, "down", True)]
    loop = loop_of(outcome)
    assert (loop.tipping, loop.recovery, loop.ratio, loop.restart_needed) == (80, 40, 0.5, False)
    assert loop.recovery_s == 5.0
    assert loop.never_back == 0
    assert loop.sustained_by is None
    assert [rung.acked_per_s for rung in loop.rungs if rung.load == 80] == [60.0]
    assert [sign.what for sign in loop.broke_first] == ["its queue", "latency", "stored messages"]
    assert outcome.summary.verdict.outcome == "FAIL"
    unit = "msg/s" if by_rate else "clients"
    assert outcome.summary.verdict.reasons[0].text.startswith(
        f"tips at 80 {unit}, well again at 40 (0.50 of it), 5 s after; no restart needed: it acknowledged 60 of 80"
    )


def test_a_metastable_target_stays_sick_at_a_load_that_it_carried(tmp_path: Path) -> None:
    """At 40 a second 28 are served: the queue grows. At 20 it shrinks by 8 a second, and is not gone when we leave."""
    outcome = climb(Simulation(TIPS), tmp_path)
    assert rungs(outcome) == [
        (20, "up", True), (40, "up", True), (80, "up", False), (40, "down", False), (20, "down", False),
    ]  # fmt: skip
    loop = loop_of(outcome)
    assert (loop.tipping, loop.recovery, loop.recovery_s) == (80, None, None)
    assert loop.restart_needed is None  # it was getting better
    assert loop.sustained_by == "its queue"
    assert loop.packets_per_message == loop.healthy_packets_per_message == 1.0
    assert "was not yet well again at 20 msg/s" in outcome.summary.verdict.reasons[0].text


def test_a_target_that_does_not_get_better_needs_a_restart(tmp_path: Path) -> None:
    """Once 30 wait it serves 10 a second: even 20 are too many."""
    outcome = climb(Simulation(replace(TIPS, slow_per_s=10)), tmp_path)
    loop = loop_of(outcome)
    assert rungs(outcome)[-1] == (20, "down", False)
    assert loop.restart_needed is True
    assert "did not get well again at 20 msg/s: a restart is needed" in outcome.summary.verdict.reasons[0].text


def test_lost_connections_and_their_reconnects_are_counted(tmp_path: Path) -> None:
    """The broker crashes on the second rung, and is back 1 s later."""
    simulation = Simulation(story=[(8.0, crash), (9.0, restore)])
    outcome = climb(simulation, tmp_path)
    loop = loop_of(outcome)
    assert loop.tipping == 40
    assert loop.connects_per_lost is not None
    assert loop.connects_per_lost >= 1
    assert loop.recovery == 20
    assert loop.broke_first[0].what in ("broken connections", "refused connects")


def test_a_generator_that_is_late_is_no_evidence(tmp_path: Path) -> None:
    """Every turn of the engine takes 40 ms."""
    simulation = Simulation(machines=[Machine(turn_ns=40_000_000)])
    outcome = climb(simulation, tmp_path, own_lag_limit="5ms")
    assert rungs(outcome) == [(20, "up", None)]
    assert outcome.summary.verdict.outcome == "INVALID"
    assert outcome.summary.verdict.reasons[0].text.startswith("this machine was the limit at 20 msg/s: messages left")


def test_ctrl_c_keeps_the_rungs_so_far(tmp_path: Path) -> None:
    outcome = climb(Simulation(story=[(8.0, press_ctrl_c)]), tmp_path)
    assert rungs(outcome) == [(20, "up", True)]
    assert outcome.summary.verdict.outcome == "UNKNOWN"


def test_a_lost_worker_ends_the_climb(tmp_path: Path) -> None:
    simulation = Simulation(machines=[Machine()] * 2, story=[(8.0, kill("1"))])
    request = request_for(1883, tmp_path, 2, 1, **(LOAD | BY_RATE))
    outcome = simulation.carry_out(replace(request, staircase=Staircase(LOADS, 4.0, 12.0, by_rate=True)))
    assert outcome.summary.verdict.outcome == "UNKNOWN"
    assert [rung.load for rung in loop_of(outcome).rungs] == [20]


def test_the_rate_that_is_due_follows_the_steps(tmp_path: Path) -> None:
    outcome = climb(Simulation(SERVES_60), tmp_path, by_rate=False)
    begin_ns = outcome.run.meta.measure_start_ns
    assert begin_ns is not None
    assert outcome.run.meta.rate_steps is not None
    steps = [(round((at_ns - begin_ns) / 1e9), per_s) for at_ns, per_s in outcome.run.meta.rate_steps]
    assert steps == [(0, 20), (7, 40), (14, 80), (20, 40)]
    assert outcome.summary.surges == ()
