"""Whole searches in virtual time, against brokers of known capacity: bracket, loop and triggers are the right ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from malaria.analysis.summary_figures import CapacityFigures
from malaria.attacks.runner import AttackRequest
from malaria.campaigns import CampaignOutcome
from simulated_search import TEXT, SimulatedSearch, loads_of
from simulation import Simulation
from stub_broker import Behaviour

SERVES_60 = Behaviour(capacity_per_s=60, fixed_service=True, sys_interval_s=0.5)
TIPS = Behaviour(capacity_per_s=60, fixed_service=True, slow_past=30, slow_per_s=14, sys_interval_s=0.5)
"""60 a second until 30 wait; then 14 a second until nobody waits any more."""


def capacity_of(outcome: CampaignOutcome) -> CapacityFigures:
    assert outcome.summary.capacity is not None
    return outcome.summary.capacity


def test_a_broker_of_known_capacity(tmp_path: Path) -> None:
    """The grid has 51 and 63: it serves 60 a second."""
    search = SimulatedSearch(lambda _: Simulation(SERVES_60))
    outcome = search.run(tmp_path)
    capacity = capacity_of(outcome)
    assert (capacity.lower, capacity.upper, capacity.ending) == (51, 63, "proven")
    assert outcome.summary.verdict.outcome == "PASS"
    loop = capacity.loop
    assert loop is not None
    assert (loop.tipping, loop.recovery, loop.restart_needed, loop.never_back) == (63, 33, False, 0)
    assert loop.broke_first[0].what in ("latency", "its queue")
    assert capacity.cleaned is True


def test_triggers_tell_a_vulnerable_load_from_a_stable_one(tmp_path: Path) -> None:
    """At 10 % of 51 the slow broker serves more than comes, and heals; at 90 % it stays slow once 30 wait."""
    text = TEXT.replace("[search]", '[search]\ntrigger = ["10%", "90%"]\nheal = "8s"')
    capacity = capacity_of(SimulatedSearch(lambda _: Simulation(TIPS)).run(tmp_path, text))
    assert (capacity.lower, capacity.upper) == (51, 63)
    stable, vulnerable = capacity.triggers
    assert (stable.share, vulnerable.share) == (0.1, 0.9)
    assert stable.surge is None or stable.surge > (vulnerable.surge or 0)
    assert vulnerable.surge is not None
    assert vulnerable.decided


def test_a_search_of_clients(tmp_path: Path) -> None:
    """Each client sends one message a second."""
    text = TEXT.replace('by = "rate"', 'by = "clients"')
    capacity = capacity_of(SimulatedSearch(lambda _: Simulation(SERVES_60)).run(tmp_path, text))
    assert (capacity.search, capacity.lower, capacity.upper) == ("clients", 51, 63)
    assert capacity.loop is not None
    assert (capacity.loop.tipping, capacity.loop.recovery) == (63, 33)


def test_a_broker_that_stood_still_in_one_trial(tmp_path: Path) -> None:
    """It is frozen for a second in the first full trial at 51: that trial fails, and the others outvote it."""
    frozen: list[int] = []

    def make(asked: AttackRequest) -> Simulation:
        is_full = asked.staircase is None and asked.warhead.attack.duration_ns == 8 * 10**9
        if is_full and not frozen and round(loads_of([asked])[0]) == 51:
            frozen.append(1)
            return Simulation(replace(SERVES_60, freezes=((2.0, 1.0),)))
        return Simulation(SERVES_60)

    text = TEXT + '[thresholds]\n"ack.p99" = "< 300ms"\n'
    capacity = capacity_of(SimulatedSearch(make).run(tmp_path, text))
    at_51 = [str(trial.outcome) for trial in capacity.trials if trial.load == 51]
    assert at_51[0] == "FAIL"
    assert at_51.count("PASS") > 2
    assert (capacity.lower, capacity.upper, capacity.ending) == (51, 63, "proven")
