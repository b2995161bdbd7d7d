"""A search from its options to its page: which attacks are made, what is stored, and how it goes on after a cut."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from campaign_fakes import REPEAT, Stage, names
from malaria.campaigns import (
    CampaignOutcome,
    CampaignRequest,
    CapacityOptions,
    capacity_request,
    conduct_campaign,
    resumed_request,
)
from malaria.campaigns.capacity_program import CapacityProgram
from malaria.campaigns.definition import campaign_from_toml
from malaria.campaigns.programs import program_of
from malaria.clock import NS_PER_S
from malaria.errors import CampaignError, HostLimitError
from malaria.model.observe import Observe
from malaria.model.option_table import LoadOptions
from malaria.model.target import parse_target
from malaria.model.warhead_options import build_warhead
from malaria.records.campaign_store import open_campaign
from malaria.records.search_goal import TrialLoad
from malaria.records.staircase import Staircase
from page_text import page_text

TEXT = """
title = "Capacity"
[target]
url = "mqtt://127.0.0.1:1883"
[search]
from = 100
to = 1000
width = "25%"
staircase = false
[defaults]
hold = "40s"
[[defaults.warhead.group]]
name = "meters"
clients = 5
interval = "2s"
"""
CLIMBING = TEXT.replace("staircase = false\n", "")
BY_RATE = TEXT.replace("[search]", '[search]\nby = "rate"')
RESULTS = ("PASS", "PASS", "FAIL")
"""Of three short trials: 100 and 200 pass, 400 fails."""


def search(text: str = TEXT) -> CapacityProgram:
    program = program_of(campaign_from_toml(text, "c.toml"))
    assert isinstance(program, CapacityProgram)
    return program


def request(directory: Path, text: str = TEXT) -> CampaignRequest:
    campaign = campaign_from_toml(text, "c.toml")
    return CampaignRequest(
        campaign, program_of(campaign), directory, lambda clients: 1, "malaria capacity", REPEAT, text
    )


def carrying(capacity: int, **more: Any) -> Stage:
    """A stage on which an attack passes up to so many clients."""
    stage = Stage(**more)
    stage.during = lambda asked: None
    decide = stage.outcomes

    class Outcomes(list):  # type: ignore[type-arg]
        def __bool__(self) -> bool:
            return True

        def pop(self, _: int = 0) -> Any:
            if decide:
                return decide.pop(0)
            group = stage.requests[-1].warhead.groups[0]
            return "PASS" if load_of(stage, group) <= capacity else "FAIL"

    stage.outcomes = Outcomes()
    return stage


def load_of(stage: Stage, group: Any) -> int:
    clients: int = group.clients
    return clients


def conducted(stage: Stage, directory: Path, text: str = TEXT) -> CampaignOutcome:
    return conduct_campaign(request(directory, text), stage, stage.interrupt, stage.tools)


def test_the_first_trial_is_short_and_planned() -> None:
    (first,) = search().planned
    assert (first.title, first.clients, first.directory) == ("100 clients", 100, "trial-1")
    assert first.warhead.attack.duration_ns == 10 * NS_PER_S
    assert first.warhead.groups[0].clients == 100


def test_a_rate_is_shared_by_the_clients() -> None:
    (first,) = search(BY_RATE).planned
    assert (first.title, first.clients) == ("100 msg/s", 5)
    assert first.warhead.groups[0].clients / first.warhead.groups[0].interval == 100


def test_a_search_begins_with_the_load_of_the_warhead() -> None:
    (first,) = search(TEXT.replace("from = 100\n", "")).planned
    assert first.clients == 5
    (first,) = search(BY_RATE.replace("from = 100\n", "")).planned
    assert first.title == "2 msg/s"


def test_no_hand_changes_the_load_of_a_search(tmp_path: Path) -> None:
    stage = carrying(300)
    conducted(stage, tmp_path)
    assert {asked.unsteerable for asked in stage.requests} == {
        "this attack belongs to a search, which sets its loads itself"
    }


def test_a_search_ends_between_two_neighbours(tmp_path: Path) -> None:
    stage = carrying(300)
    outcome = conducted(stage, tmp_path)
    capacity = outcome.summary.capacity
    assert capacity is not None
    assert (capacity.lower, capacity.upper, capacity.ending) == (243, 303, "proven")
    assert capacity.binding is not None
    assert outcome.summary.verdict.outcome == "PASS"
    assert outcome.summary.verdict.reasons[0].text == (
        "carries 243 clients: proven by 3 of 3 holds of 40 s; 303 refuted by 2 of 2 holds: "
        "the broker fell behind at 0:02: acked 27 of 30 msg/s (90 %, needs 98 %), and owed 12 at the end"
    )
    assert names(stage) == [f"trial-{number}" for number in range(1, len(stage.requests) + 1)]
    assert "so far: between 243 and 303 clients" in stage.lines


def test_each_trial_is_stored_with_its_load(tmp_path: Path) -> None:
    stage = carrying(300)
    conducted(stage, tmp_path)
    stored = open_campaign(tmp_path)
    assert stored.search is not None
    assert [part.trial.load for part in stored.parts if part.trial] == [
        asked.warhead.groups[0].clients for asked in stage.requests
    ]
    assert all(part.took_s is not None for part in stored.parts)


def test_files_are_written(tmp_path: Path) -> None:
    """Wide steps make few trials: the page has all of them, and is written after each."""
    conducted(carrying(150, pages=True), tmp_path, TEXT.replace("25%", "100%"))
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert (summary["capacity"]["lower"], summary["capacity"]["upper"]) == (100, 200)
    page = page_text((tmp_path / "report.html").read_text())
    assert "carries 100 clients" in page
    assert "What broke first: at 200 clients" in page


def test_a_search_goes_on_where_it_was_cut(tmp_path: Path) -> None:
    whole = carrying(300)
    conducted(whole, tmp_path / "whole")
    cut = carrying(300, outcomes=["PASS", "PASS", "FAIL", SystemExit()])
    with pytest.raises(SystemExit):
        conducted(cut, tmp_path / "cut")
    again = carrying(300)
    resumed = resumed_request(tmp_path / "cut", {}, lambda clients: 1)
    conduct_campaign(resumed, again, again.interrupt, again.tools)
    loads = [asked.warhead.groups[0].clients for asked in whole.requests]
    assert [asked.warhead.groups[0].clients for asked in again.requests] == loads[3:]


def test_ctrl_c_leaves_the_bracket_so_far(tmp_path: Path) -> None:
    stage = carrying(300)

    def press(asked: Any) -> None:
        stage.interrupt.count = len(stage.requests) == 5

    stage.during = press
    outcome = conducted(stage, tmp_path)
    assert len(stage.requests) == 5
    assert outcome.summary.capacity is not None
    assert outcome.summary.capacity.ending == "interrupted"
    assert outcome.summary.verdict.outcome == "UNKNOWN"


def test_a_machine_that_cannot_make_more(tmp_path: Path) -> None:
    stage = carrying(10**9, outcomes=["PASS", "INVALID", "INVALID"])
    outcome = conducted(stage, tmp_path)
    assert outcome.summary.verdict.outcome == "INVALID"
    assert outcome.summary.verdict.reasons[0].text == (
        "carries at least 100 clients: proven by 2 of 2 holds of 40 s; this machine cannot make more"
    )


def test_the_budget_is_kept(tmp_path: Path) -> None:
    outcome = conducted(carrying(300), tmp_path, TEXT.replace("[search]", '[search]\nbudget = "20s"'))
    capacity = outcome.summary.capacity
    assert capacity is not None
    assert capacity.ending == "budget"
    assert outcome.summary.verdict.outcome == "UNKNOWN"


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("[search]", "[[level]]\n[search]", "cannot be used with"),
        ("width = \"25%\"", "width = \"0%\"", "is not a share"),
        ("from = 100", "from = 0", "from"),
        ('interval = "2s"', 'role = "subscribe"', "no group publishes"),
    ],
)  # fmt: skip
def test_what_cannot_be_searched_is_refused(before: str, after: str, message: str) -> None:
    with pytest.raises(CampaignError, match=message):
        search(TEXT.replace(before, after))


def test_a_closed_loop_has_no_rate() -> None:
    with pytest.raises(CampaignError, match="a closed loop has no rate"):
        search(BY_RATE.replace('interval = "2s"', "interval = 0"))


def test_a_search_has_no_levels_to_choose_from(tmp_path: Path) -> None:
    """The order of two groups that publish would be a guess."""
    two = TEXT + '[[defaults.warhead.group]]\nname = "others"\nclients = 5\n'
    with pytest.raises(CampaignError, match="2 groups publish"):
        search(two)
    assert replace(request(tmp_path), directory=tmp_path).program.length is None


def test_a_trial_is_made_again_by_the_command_of_the_search(tmp_path: Path) -> None:
    conducted(carrying(10**9, outcomes=["PASS", "INVALID", "INVALID"]), tmp_path)
    before = open_campaign(tmp_path)
    assert resumed_request(tmp_path, {}, lambda clients: 1).repeat.of_level(3) == before.command == "malaria capacity"


def test_options_make_a_campaign_that_repeats_their_command(tmp_path: Path) -> None:
    load = build_warhead(LoadOptions(clients=5, interval="2s", duration="40s"))
    command = "malaria capacity broker -c 5 --fail-if 'ack.p99 > 1s'"
    options = CapacityOptions(parse_target("broker"), load, "40s", {"to": 1_000}, Observe())
    made = capacity_request(options, command, tmp_path, lambda clients: 1)
    assert made.repeat.of_level(2) == command
    assert made.campaign.search is not None
    assert made.program.planned[0].trial == TrialLoad(
        5, 318.147, Staircase((5, 10, 20, 40, 78, 152), rung_s=10.0, patience_s=30.0)
    )


def test_a_search_begins_with_a_staircase(tmp_path: Path) -> None:
    """The steps between its rungs are surges, of which none is due by its time; then the bracket is chopped."""
    (first,) = search(CLIMBING).planned
    assert first.title == "staircase, 100 to 1,000 clients"
    assert first.trial is not None
    assert first.trial.staircase is not None
    assert first.trial.staircase.loads == (100, 195, 378, 737, 1000)
    assert [surge.clients for surge in first.warhead.surges] == [95, 183, 359, 263]
    stage = Stage(carries=300, recovers=100)
    outcome = conducted(stage, tmp_path, CLIMBING)
    capacity = outcome.summary.capacity
    assert capacity is not None
    assert (capacity.lower, capacity.upper) == (243, 303)
    assert [trial.load for trial in capacity.trials[:4]] == [100, 195, 378, 243]
    assert [str(trial.outcome) for trial in capacity.trials[:4]] == ["PASS", "PASS", "FAIL", "PASS"]
    loop = capacity.loop
    assert loop is not None
    assert (loop.tipping, loop.recovery, loop.ratio, loop.run) == (378, 100, 0.265, "trial-1")
    assert [(rung.load, rung.way, rung.well) for rung in loop.rungs] == [
        (100, "up", True), (195, "up", True), (378, "up", False), (195, "down", False), (100, "down", True),
    ]  # fmt: skip


def test_a_staircase_of_a_rate_changes_the_rate(tmp_path: Path) -> None:
    (first,) = search(CLIMBING.replace("[search]", '[search]\nby = "rate"')).planned
    assert first.title == "staircase, 100 to 1,000 msg/s"
    assert first.warhead.surges == ()
    assert first.warhead.groups[0].clients == 5


def test_a_first_load_that_is_too_much_is_climbed_to_from_below(tmp_path: Path) -> None:
    stage = Stage(carries=60, recovers=20)
    outcome = conducted(stage, tmp_path, CLIMBING)
    second = stage.requests[1].staircase
    assert second is not None
    assert second.loads == (11, 19, 34, 64, 100)
    capacity = outcome.summary.capacity
    assert capacity is not None
    assert capacity.lower is not None
    assert capacity.lower <= 60
    assert capacity.loop is not None
    assert (capacity.loop.tipping, capacity.loop.recovery) == (64, 19)


def test_a_staircase_that_is_too_high_for_this_machine_is_made_lower(tmp_path: Path) -> None:
    """Then single trials go on, and a load for which there is no room ends the search as this machine's limit."""
    stage = Stage(carries=10**9)

    def room_for_500(asked: Any) -> None:
        if sum(asked.warhead.clients_of(group) for group in asked.warhead.publishing) > 500:
            raise HostLimitError("no free local ports", "add --source-address")

    stage.during = room_for_500
    outcome = conducted(stage, tmp_path, CLIMBING.replace("to = 1000", "to = 100000"))
    stairs = [asked.staircase.loads for asked in stage.requests if asked.staircase is not None]
    assert stairs == [(100, 195, 378, 737, 1438, 2807), (100, 195, 378), (737, 1438, 2807)]
    assert outcome.summary.verdict.outcome == "INVALID"
    assert outcome.summary.verdict.reasons[0].text == (
        "carries at least 378 clients: proven by 2 of 2 holds of 40 s; this machine cannot make more"
    )


@pytest.mark.parametrize("more", ['ramp = "1s"', "messages = 5", 'start_after = "1s"'])
def test_a_load_that_cannot_go_by_steps_is_searched_without_a_staircase(more: str) -> None:
    program = search(CLIMBING.replace('interval = "2s"', f'interval = "2s"\n{more}'))
    assert program.planned[0].trial is not None
    assert program.planned[0].trial.staircase is None
