"""Public brokers are refused wherever a campaign would load one."""

from __future__ import annotations

from pathlib import Path

import pytest

import malaria
from campaign_fakes import SMALLEST
from malaria.campaigns import refuse_public_brokers
from malaria.campaigns.definition import campaign_from_toml
from malaria.cli.main import main
from malaria.errors import TargetError

GROUP = '[[group]]\nname = "g"\nclients = 1\ntarget = { url = "test.mosquitto.org" }\n'
CAMPAIGN = SMALLEST.replace("[[level]]", 'target = { url = "test.mosquitto.org" }\n[[level]]')
REFUSED = r"test\.mosquitto\.org is a public broker"


def test_the_target_of_one_group_is_enough() -> None:
    campaign = campaign_from_toml(CAMPAIGN, "c.toml")
    for confirmations in (0, 1):
        with pytest.raises(TargetError, match=REFUSED):
            refuse_public_brokers(campaign, confirmations)
    refuse_public_brokers(campaign, 2)


@pytest.mark.parametrize(
    "command",
    [
        ["attack", "127.0.0.1:1", "-w", "load.toml", "-d", "1s"],
        ["attack", "127.0.0.1:1", "-w", "load.toml", "-d", "1s", "--repeat", "2"],
        ["capacity", "127.0.0.1:1", "-w", "load.toml"],
        ["compare", "--ab", "127.0.0.1:1", "127.0.0.1:2", "-w", "load.toml"],
        ["compare", "--ab", "127.0.0.1:1", "test.mosquitto.org", "-c", "1"],
        ["campaign", "campaign.toml"],
    ],
    ids=" ".join,
)
def test_every_command_refuses_it(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("load.toml").write_text(GROUP)
    Path("campaign.toml").write_text(CAMPAIGN)
    assert main(command) == 2
    assert "test.mosquitto.org is a public broker" in capsys.readouterr().err
    assert not Path("runs").exists()


def test_python_refuses_it_too(tmp_path: Path) -> None:
    (tmp_path / "campaign.toml").write_text(CAMPAIGN)
    with pytest.raises(TargetError, match=REFUSED):
        malaria.campaign(tmp_path / "campaign.toml", output=tmp_path / "run")
    assert not (tmp_path / "run").exists()
