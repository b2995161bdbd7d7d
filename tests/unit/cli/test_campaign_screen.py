"""Options that every command with several attacks has, as they reach the campaign that it makes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import malaria.campaigns
from cli_fakes import Calls, install
from malaria.campaigns import CampaignRequest
from malaria.campaigns.recorder import CampaignRecorder
from malaria.cli.main import main
from malaria.swarm.run.chosen_bees import ChosenBees

COMMANDS = (
    ["capacity", "127.0.0.1:1"],
    ["compare", "--ab", "127.0.0.1:1", "127.0.0.1:2"],
    ["attack", "127.0.0.1:1", "--repeat", "2"],
)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Calls:
    monkeypatch.chdir(tmp_path)
    return install(monkeypatch)


def interrupted(calls: Calls) -> Callable[..., Any]:
    """Return a stand-in for a campaign that is stopped before its first attack: its record is there."""

    def conduct(request: CampaignRequest, *others: Any) -> Any:
        with CampaignRecorder(request, lambda *_: {}, lambda _: None):
            return calls.conduct_campaign(request, *others)

    return conduct


@pytest.mark.parametrize("command", COMMANDS)
def test_the_last_figures_are_waited_for_unless_told_otherwise(command: list[str], calls: Calls) -> None:
    for words in ([], ["--no-wait"]):
        assert main([*command, *words]) == 0
        made = calls.requests[-1]
        assert made.wait_for_figures is not bool(words)
        assert made.more == tuple(words)


@pytest.mark.parametrize("command", [["capacity", "mqtts://x"], ["compare", "--ab", "mqtts://x", "mqtts://y"]])
def test_a_key_of_the_environment_is_given_again(
    command: list[str], calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MALARIA_PSK", "a1b2c3d4e5f60718")
    monkeypatch.setattr(malaria.campaigns, "conduct_campaign", interrupted(calls))
    main([*command, "--psk-identity", "meter", "-o", "run"])
    assert "a1b2c3d4" not in Path("run/campaign.toml").read_text()
    main([command[0], "--resume", "run"])
    first, again = ([level.warhead.target.psk for level in made.campaign.levels] for made in calls.requests)
    assert again == first
    assert set(again) == {"a1b2c3d4e5f60718"}


@pytest.mark.parametrize("command", [["capacity", "broker"], ["attack", "broker", "--repeat", "2"],
                                     ["capacity", "mqtt://me@broker"]])  # fmt: skip
def test_a_login_is_that_of_the_target_and_given_again(
    command: list[str], calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MALARIA_PASSWORD", "hu{sh")
    monkeypatch.setattr(malaria.campaigns, "conduct_campaign", interrupted(calls))
    assert main([*command, *(() if "@" in command[1] else ("-u", "me")), "-o", "run"]) == 0
    warhead = calls.requests[0].campaign.levels[0].warhead
    assert (warhead.target.url, warhead.target.username) == ("mqtt://broker:1883", "me")
    assert warhead.target.password == "hu{{sh"
    assert {group.username for group in warhead.groups} == {None}
    assert "hu{" not in Path("run/campaign.toml").read_text()


@pytest.mark.parametrize("command", [["capacity", "broker"], ["compare", "--ab", "one", "two"]])
def test_a_password_is_given_again(command: list[str], calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALARIA_PASSWORD", "hush")
    monkeypatch.setattr(malaria.campaigns, "conduct_campaign", interrupted(calls))
    assert main([*command, "-u", "me", "-o", "run"]) == 0
    assert main([command[0], "--resume", "run"]) == 0
    for warhead in (level.warhead for made in calls.requests for level in made.campaign.levels):
        assert (warhead.target.username, warhead.target.password) == ("me", "hush")
        assert {group.username for group in warhead.groups} == {None}


def test_a_key_of_the_environment_is_no_load(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALARIA_PSK", "a1b2c3d4e5f60718")
    assert main(["capacity", "--demo"]) == 0
    assert len(calls.requests) == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_some_bees_make_the_load(command: list[str], calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ChosenBees, "launcher", lambda _: None)
    words = ["--swarm", "field", "--bee", "a", "--without", "b", "--knock-from", "a"]
    assert main([*command, *words]) == 0
    assert (calls.requests[-1].knock_from, calls.requests[-1].more) == ("a", tuple(words))
