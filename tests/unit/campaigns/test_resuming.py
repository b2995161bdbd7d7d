"""From a file or a directory to what is to be done, and the commands that repeat it."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from campaign_fakes import TEXT
from malaria.campaigns import CampaignRequest, new_request, resumed_request
from malaria.campaigns.demo_campaign import demo_request
from malaria.campaigns.recorder import CampaignRecorder
from malaria.errors import OperatorError, RunError
from malaria.plan.credentials import Credentials
from malaria.records.campaign_store import open_campaign

REMOTE = TEXT.replace(
    'kind = "mosquitto"', 'kind = "none"\n[target]\nurl = "broker"\nusername = "u"\npassword = "hush"'
)


def made(tmp_path: Path, text: str = TEXT, **said: str | None) -> CampaignRequest:
    (tmp_path / "meters.toml").write_text(text)
    return new_request(tmp_path / "meters.toml", said, tmp_path / "run", lambda clients: clients)


def begun(request: CampaignRequest) -> None:
    with CampaignRecorder(request, lambda *_: {}, lambda _: None):
        pass


def test_the_command_says_it_again_without_secrets(tmp_path: Path) -> None:
    file = str(tmp_path / "meters.toml")
    request = made(tmp_path, hold="20s", levels="5", target="mqtts://u:hush@broker", insecure=None)
    words = ["malaria", "campaign", file, "--hold", "20s", "--levels", "5"]
    assert shlex.split(request.command)[:7] == words
    assert "hush" not in request.command + str(request.options)
    assert request.options == {
        "hold": "20s", "levels": "5", "target": "mqtts://broker:8883", "insecure": None, "username": "u",
    }  # fmt: skip
    (level,) = request.campaign.levels
    again = shlex.split(request.repeat.of_level(level.number))
    assert again[:5] == words[:5]
    assert again[-2:] == ["--levels", "level-1"]
    assert level.warhead.target.password == "hush"


def test_the_commands_name_its_bees(tmp_path: Path) -> None:
    def started(bees: list[str]) -> CampaignRequest:
        return new_request(tmp_path / "meters.toml", {"hold": "20s"}, tmp_path / "run", lambda clients: clients, bees)

    (tmp_path / "meters.toml").write_text(TEXT)
    request = started(["--swarm", "field", "--bee", "bee-1"])
    assert request.command.endswith("--hold 20s --swarm field --bee bee-1")
    assert request.repeat.of_level(2).endswith("--hold 20s --swarm field --bee bee-1 --levels level-2")
    begun(request)
    # it may go on with other bees, or on this machine
    others = resumed_request(tmp_path / "run", {}, lambda clients: clients, more=["--swarm", "meadow"])
    assert others.command == request.command
    assert others.repeat.of_level(2).endswith("--hold 20s --swarm meadow --levels level-2")


def test_paths_are_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    request = made(tmp_path, target="mqtts://broker", psk_file="keys/m.psk")
    assert request.options["psk_file"] == str(tmp_path / "keys" / "m.psk")


def test_a_campaign_goes_on_from_its_copy_with_the_same_options(tmp_path: Path) -> None:
    request = made(tmp_path, hold="20s", levels="7,9")
    begun(request)
    (tmp_path / "meters.toml").unlink()
    again = resumed_request(tmp_path / "run", {}, lambda clients: clients)
    assert again.campaign.levels == request.campaign.levels
    assert [level.number for level in again.campaign.levels] == [2, 3]
    assert again.repeat == request.repeat
    assert again.command == request.command
    assert again.before == open_campaign(tmp_path / "run")


def test_secrets_are_said_again(tmp_path: Path) -> None:
    begun(made(tmp_path, REMOTE))
    assert "hush" not in (tmp_path / "run" / "campaign.toml").read_text()
    again = resumed_request(tmp_path / "run", {"password": "hush"}, lambda clients: clients)
    assert again.campaign.levels[0].warhead.target.password == "hush"
    assert "password" not in again.options


def test_a_password_that_is_given_again_is_no_template(tmp_path: Path) -> None:
    begun(made(tmp_path, REMOTE))
    again = resumed_request(tmp_path / "run", {"password": "hu{sh"}, lambda clients: clients)
    warhead = again.campaign.levels[0].warhead
    assert Credentials(warhead.target, warhead.groups[0], "run").login_at(0) == ("u", "hu{sh")


def test_a_copy_that_was_changed_is_refused(tmp_path: Path) -> None:
    begun(made(tmp_path))
    copy = tmp_path / "run" / "campaign.toml"
    copy.write_text(copy.read_text().replace("clients = 7", "clients = 8"))
    with pytest.raises(RunError, match="has other levels than the campaign that was started"):
        resumed_request(tmp_path / "run", {}, lambda clients: clients)
    copy.unlink()
    with pytest.raises(RunError, match="cannot be read"):
        resumed_request(tmp_path / "run", {}, lambda clients: clients)


def test_no_campaign_is_there(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="holds no campaign"):
        resumed_request(tmp_path, {}, lambda clients: clients)


@pytest.mark.parametrize(("found", "kind"), [("/usr/sbin/mosquitto", "mosquitto"), (None, "embedded")])
def test_the_demo_takes_the_broker_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: str | None, kind: str
) -> None:
    monkeypatch.setattr("malaria.campaigns.demo_campaign.find_mosquitto", lambda: found)
    monkeypatch.setattr("malaria.campaigns.demo_campaign.free_share", lambda: 1.0)
    request = demo_request(tmp_path / "run", lambda clients: clients)
    assert request.campaign.broker.kind == kind
    assert [level.clients for level in request.campaign.levels] == [100, 300, 600]
    assert [request.repeat.of_level(level.number) for level in request.campaign.levels] == ["malaria demo"] * 3
    begun(request)
    again = resumed_request(tmp_path / "run", {}, lambda clients: clients)
    assert (again.campaign.levels, again.repeat) == (request.campaign.levels, request.repeat)
