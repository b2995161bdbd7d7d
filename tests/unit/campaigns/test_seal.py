"""Directories of campaigns from elsewhere: known by their seal, with the commands that going on would run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from malaria.campaigns import foreign_commands, new_request, resumed_request
from malaria.campaigns.recorder import CampaignRecorder
from malaria.campaigns.seal import seal_of
from malaria.cli.campaign_screen import confirm_commands
from malaria.cli.main import main
from malaria.errors import CampaignError
from malaria.outputs.files import write_campaign_files
from malaria.records.campaign_store import COPY, FILE

CAMPAIGN = """
title = "t"
[broker]
kind = "command"
command = ["sh", "-c", "touch ran; exit 1"]
stop_command = "true"
[target]
url = "mqtt://127.0.0.1:1"
[defaults]
hold = "1s"
[[defaults.warhead.group]]
name = "g"
clients = 1
interval = "1s"
topic = "t"
payload = "module:function"
[[level]]
clients = 1
"""
COMMANDS = ("sh -c 'touch ran; exit 1'", "true", "the Python function module:function")


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of a campaign that this user began."""
    monkeypatch.setenv("MALARIA_HOME", str(tmp_path / "home"))
    (tmp_path / "c.toml").write_text(CAMPAIGN)
    request = new_request(tmp_path / "c.toml", {}, tmp_path / "run", lambda _: 1)
    with CampaignRecorder(request, write_campaign_files, print):
        pass
    return tmp_path / "run"


def found(directory: Path) -> tuple[str, ...]:
    return foreign_commands(resumed_request(directory, {}, lambda _: 1))


def test_our_own_directory_needs_no_question(made: Path) -> None:
    assert found(made) == ()


def other_user(made: Path) -> None:
    (made.parent / "home" / "campaign.key").unlink()


def other_command(made: Path) -> None:
    copy = made / COPY
    copy.write_text(f"# another\n{copy.read_text()}")


def no_seal(made: Path) -> None:
    records = json.loads((made / FILE).read_text())
    del records["seal"]
    (made / FILE).write_text(json.dumps(records))


def other_options(made: Path) -> None:
    records = json.loads((made / FILE).read_text())
    records["options"] = {"hold": "2s"}
    (made / FILE).write_text(json.dumps(records))


@pytest.mark.parametrize("change", [other_user, other_command, no_seal, other_options])
def test_commands_of_a_directory_from_elsewhere_are_listed(made: Path, change: Callable[[Path], None]) -> None:
    change(made)
    assert found(made) == COMMANDS


def test_without_a_terminal_it_is_refused_with_the_commands(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other_user(made)
    assert main(["campaign", "--resume", str(made)]) == 2
    told = capsys.readouterr().err
    assert "was not made by this user on this host" in told
    assert all(command in told for command in COMMANDS)
    assert "--yes" in told
    assert not Path("ran").exists()


def test_with_yes_or_a_yes_it_goes_on(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other_user(made)
    request = resumed_request(made, {}, lambda _: 1)
    confirm_commands(request, yes=True)
    with pytest.raises(CampaignError, match="It would run"):
        confirm_commands(request, yes=False)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: True)
    confirm_commands(request, yes=False)


def test_without_a_place_for_a_key_nothing_is_ours(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (made.parent / "file").touch()
    monkeypatch.setenv("MALARIA_HOME", str(made.parent / "file" / "home"))
    assert seal_of("x", {}) == ""
    assert found(made) == COMMANDS


def test_the_key_is_private(made: Path) -> None:
    assert (made.parent / "home" / "campaign.key").stat().st_mode & 0o777 == 0o600
