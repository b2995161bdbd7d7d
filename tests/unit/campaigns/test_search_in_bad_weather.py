"""A search in bad weather: whatever happens, the bracket so far is kept, can be read, and can be resumed."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from campaign_fakes import FakeBroker, Stage
from malaria.analysis.summary_figures import CapacityFigures
from malaria.campaigns import CampaignOutcome, conduct_campaign, resumed_request
from malaria.campaigns.definition import campaign_from_toml
from malaria.campaigns.programs import program_of
from malaria.campaigns.request import CampaignRequest, RepeatCommand
from malaria.errors import HostLimitError, OperatorError, TargetError, UnstoredRunError
from malaria.records.campaign_store import open_campaign
from simulated_search import TEXT as SIMULATED
from simulated_search import SimulatedSearch
from simulation import Simulation, crash, press_ctrl_c
from stub_broker import Behaviour

TEXT = """
title = "Capacity"
[target]
url = "mqtt://127.0.0.1:1883"
[search]
from = 100
to = 1000
width = "25%"
[defaults]
hold = "40s"
[[defaults.warhead.group]]
name = "meters"
clients = 5
interval = "2s"
"""
REPEAT = RepeatCommand(("malaria", "capacity"), by_level=False)
GONE = TargetError("127.0.0.1 port 1883: connection refused", "start the broker")


def request(directory: Path, text: str = TEXT) -> CampaignRequest:
    campaign = campaign_from_toml(text, "c.toml")
    return CampaignRequest(
        campaign, program_of(campaign), directory, lambda clients: 1, "malaria capacity", REPEAT, text
    )


def conducted(stage: Stage, directory: Path, text: str = TEXT) -> CampaignOutcome:
    return conduct_campaign(request(directory, text), stage, stage.interrupt, stage.tools)


def capacity_of(outcome: CampaignOutcome) -> CapacityFigures:
    assert outcome.summary.capacity is not None
    return outcome.summary.capacity


def resumed(stage: Stage, directory: Path) -> CampaignOutcome:
    request = resumed_request(directory, {}, lambda clients: 1)
    return conduct_campaign(request, stage, stage.interrupt, stage.tools)


def fails_from(trial: int, error: BaseException, stage: Stage) -> Stage:
    def during(_: Any) -> None:
        if len(stage.requests) >= trial:
            raise error

    stage.during = during
    return stage


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (GONE, "the target did not let a client in twice: 127.0.0.1 port 1883: connection refused"),
        (UnstoredRunError("stored only in part: No space left on device", "make room"), "could not be stored"),
    ],
    ids=["dies", "disk full"],
)  # fmt: skip
def test_a_search_that_cannot_go_on_keeps_its_bracket_and_goes_on_later(
    tmp_path: Path, error: OperatorError, words: str
) -> None:
    """After the staircase and two trials. What went wrong is the last reason."""
    stage = fails_from(4, error, Stage(carries=300, recovers=100))
    outcome = conducted(stage, tmp_path)
    capacity = capacity_of(outcome)
    assert [trial.load for trial in capacity.trials[:4]] == [100, 195, 378, 243]
    assert capacity.ending == "interrupted"
    assert outcome.summary.verdict.outcome == "UNKNOWN"
    assert any(words in line for line in stage.lines)
    assert any(error.message in reason.text for reason in outcome.summary.verdict.reasons)
    assert len(stage.requests) <= 5
    stored = open_campaign(tmp_path)
    assert stored.ended
    again = Stage(carries=300, recovers=100)
    found = capacity_of(resumed(again, tmp_path))
    assert (found.lower, found.upper, found.ending) == (243, 303, "proven")
    assert all(asked.staircase is None for asked in again.requests)


def test_a_target_that_refuses_at_once_ends_the_search_after_two_tries(tmp_path: Path) -> None:
    stage = fails_from(1, GONE, Stage())
    outcome = conducted(stage, tmp_path)
    assert len(stage.requests) == 2
    assert (capacity_of(outcome).lower, capacity_of(outcome).upper) == (None, None)
    assert outcome.summary.verdict.outcome == "UNKNOWN"
    assert outcome.summary.verdict.reasons[0].text.startswith("no load is proven")


def test_a_broker_that_cannot_be_restarted_ends_the_search(tmp_path: Path) -> None:
    broker = FakeBroker()
    stage = Stage(carries=300, broker=broker)
    started = broker.begin_level

    def begin(title: str) -> Any:
        if len(broker.began) >= 3:
            raise OperatorError("mosquitto did not start: address in use", "stop the other one")
        return started(title)

    broker.begin_level = begin  # type: ignore[method-assign]
    outcome = conducted(stage, tmp_path)
    assert outcome.summary.verdict.outcome == "UNKNOWN"
    assert len(stage.requests) == 3
    assert [trial.load for trial in capacity_of(outcome).trials[:3]] == [100, 195, 378]
    assert "the broker did not start twice: mosquitto did not start: address in use" in stage.lines


def test_no_room_on_this_machine_is_its_limit(tmp_path: Path) -> None:
    """A bracket that lies above what this machine has descriptors and ports for."""
    stage = Stage(carries=10**9)

    def room_for_200(asked: Any) -> None:
        if sum(asked.warhead.clients_of(group) for group in asked.warhead.publishing) > 200:
            raise HostLimitError("no free descriptors", "raise ulimit -n")

    stage.during = room_for_200
    outcome = conducted(stage, tmp_path)
    assert outcome.summary.verdict.outcome == "INVALID"
    assert outcome.summary.verdict.reasons[0].text.endswith("this machine cannot make more")
    assert any("no free descriptors" in reason.text for reason in outcome.summary.verdict.reasons)


def test_ctrl_c_in_the_staircase_and_later(tmp_path: Path) -> None:
    stage = Stage(carries=300, recovers=100, outcomes=[KeyboardInterrupt()])

    def press(_: Any) -> None:
        stage.interrupt.count = 1

    stage.during = press
    outcome = conducted(stage, tmp_path)
    assert capacity_of(outcome).ending == "interrupted"
    assert outcome.interrupted
    again = Stage(carries=300, recovers=100)
    assert (capacity_of(resumed(again, tmp_path)).lower, again.requests[0].staircase is not None) == (243, True)


def test_a_page_that_the_disk_does_not_take_costs_no_trial(tmp_path: Path) -> None:
    stage = Stage(carries=300, full=OSError(errno.ENOSPC, "No space left on device"))
    assert capacity_of(conducted(stage, tmp_path)).lower == 243
    assert any("the page could not be written" in line for line in stage.lines)


# --- in virtual time -------------------------------------------------------------------------------------------------


def test_a_limit_that_nothing_can_meet(tmp_path: Path) -> None:
    """Each acknowledgement takes 50 ms, and 1 ms is allowed."""
    text = SIMULATED + '[thresholds]\n"ack.p99" = "< 1ms"\n'
    search = SimulatedSearch(lambda _: Simulation(Behaviour(ack_delay_ns=50_000_000)))
    outcome = search.run(tmp_path, text)
    capacity = capacity_of(outcome)
    assert (capacity.lower, capacity.upper, capacity.ending) == (None, 1, "not even the smallest")
    assert outcome.summary.verdict.outcome == "FAIL"
    assert outcome.summary.verdict.reasons[0].text.startswith("does not carry even 1 msg/s: refuted by")


def test_a_broker_that_dies_on_the_staircase(tmp_path: Path) -> None:
    """It crashes 8 s into the first attack and stays away; the trials after it meet a broker that was started again."""
    made: list[int] = []

    def make(_: Any) -> Simulation:
        made.append(1)
        story = [(8.0, crash)] if len(made) == 1 else []
        return Simulation(Behaviour(capacity_per_s=60, fixed_service=True), story=story)

    text = SIMULATED.replace("to = 320", "to = 80").replace("25%", "50%")
    capacity = capacity_of(SimulatedSearch(make).run(tmp_path, text))
    assert (capacity.lower, capacity.upper) == (49, 73)


def test_ctrl_c_in_a_staircase_that_runs(tmp_path: Path) -> None:
    search = SimulatedSearch(lambda _: Simulation(story=[(8.0, press_ctrl_c)]))
    outcome = search.run(tmp_path)
    assert len(search.requests) == 1
    assert capacity_of(outcome).ending == "interrupted"
    loop = capacity_of(outcome).loop
    assert loop is not None
    assert [(rung.load, rung.well) for rung in loop.rungs] == [(10, True)]
    json.dumps(outcome.summary.as_json())
    assert replace(outcome.summary).capacity is not None
