"""Options that every command with several attacks has, as they reach the campaign that it makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli_fakes import Calls, install
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


@pytest.mark.parametrize("command", COMMANDS)
def test_the_last_figures_are_waited_for_unless_told_otherwise(command: list[str], calls: Calls) -> None:
    for words in ([], ["--no-wait"]):
        assert main([*command, *words]) == 0
        made = calls.requests[-1]
        assert made.wait_for_figures is not bool(words)
        assert made.more == tuple(words)


@pytest.mark.parametrize("command", COMMANDS)
def test_some_bees_make_the_load(command: list[str], calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ChosenBees, "launcher", lambda _: None)
    words = ["--swarm", "field", "--bee", "a", "--without", "b", "--knock-from", "a"]
    assert main([*command, *words]) == 0
    assert (calls.requests[-1].knock_from, calls.requests[-1].more) == ("a", tuple(words))
