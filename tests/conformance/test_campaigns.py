"""A short campaign on a real mosquitto: levels, a variant, a surge, and its own counters beside ours."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any, Final

import pytest

from conftest import lacking
from malaria.analysis.broker_figures import SYS, figure_at_each_row, mean_inside
from malaria.analysis.windows import measured_window_ns
from malaria.attacks.interrupt import Interrupt
from malaria.broker import RunningBroker, find_mosquitto
from malaria.broker.running import free_port
from malaria.campaigns import CampaignOutcome, PartPlace, new_request
from malaria.campaigns import conduct_campaign as conduct
from malaria.cli.main import main
from malaria.records.campaign_records import CampaignPart, PartState
from malaria.records.campaign_store import open_campaign
from malaria.records.rows import EventKind, Progress
from malaria.records.store import list_runs, open_run
from ssh_server import SshServer

BAD_COMMAND: Final = 2
"""What the verdict over so short a load is on a busy machine is not the point of what is tried here: that it ends is.
"""
TO: Final = ("--quiet", "--workers", "1", "-o")
TEXT: Final = """
title = "Two levels"

[broker]
kind = "mosquitto"
[[broker.listener]]
kind = "psk"
psk_clients = 60
[[broker.listener]]

[defaults]
listener = "psk"
hold = "8s"
attack = { own_lag_limit = "1m", drain = "3s", warmup = "1s" }
[[defaults.warhead.group]]
name = "meters"
clients = 20
rate = 20
size = 500
topic = "mqtt-malaria/{client}/data"
[[defaults.warhead.group]]
name = "backend"
role = "subscribe"
clients = 1
qos = 1
topic = "mqtt-malaria/+/data"
target = { first_key = 50 }
[[defaults.warhead.group]]
name = "onlooker"
role = "subscribe"
clients = 1
qos = 0
topic = "mqtt-malaria/+/data"
target = { first_key = 51 }

[[level]]
note = "Two listen: it receives 2 messages for each of ours, and sends 3."

[[level.variant]]
name = "QoS 0 without TLS"
hold = "2s"
listener = "plain"
group.meters.qos = 0
group.backend.target = { first_key = 0 }
group.onlooker.target = { first_key = 0 }

[[level]]
clients = 30
hold = "3s"
[[level.surge]]
clients = 10
at = "1s"
hold = "1s"
"""


class Silent:
    """Nobody watches; what was told is remembered."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def begin(self, part: CampaignPart, place: PartPlace, load: str) -> Any:
        def ignore(_: Progress) -> None: ...

        return ignore

    def tell(self, text: str) -> None:
        self.told.append(text)


@pytest.mark.slow
@pytest.mark.alone
def test_a_short_campaign(tmp_path: Path) -> None:
    if find_mosquitto() is None:
        lacking("mosquitto is not installed", "apt install mosquitto")
    (tmp_path / "two.toml").write_text(TEXT)
    request = new_request(tmp_path / "two.toml", {}, tmp_path / "run", lambda _: 1)
    outcome = conduct(request, Silent(), Interrupt())
    every_part_is_run_with_a_broker_that_remembers_nothing(outcome)
    its_own_counters_say_what_ours_say(outcome)
    a_surge_comes_and_goes_in_its_level(outcome)
    it_leaves_everything_behind(outcome)


def every_part_is_run_with_a_broker_that_remembers_nothing(outcome: CampaignOutcome) -> None:
    assert [part.directory for part in outcome.records.parts] == ["level-1", "level-1-variant-1", "level-2"]
    for part in outcome.records.parts:
        assert (part.state, part.clean) == (PartState.DONE, True)
        records, summary = outcome.runs[part.directory or ""]
        messages = summary["messages"]
        assert messages["due"] == messages["sent"] > 0
        assert messages["delivered"] == messages["expected"] == 2 * messages["sent"]
        assert summary["broker"]["cpu_percent"] is not None
        assert summary["broker"]["rss_bytes"] > 10**6
        assert records.meta.broker.name == "mosquitto"  # type: ignore[index]
    assert outcome.runs["level-1"][0].meta.target != outcome.runs["level-1-variant-1"][0].meta.target


def its_own_counters_say_what_ours_say(outcome: CampaignOutcome) -> None:
    """Each PUBLISH is acknowledged, delivered twice, and one of the deliveries is acknowledged: in 2, out 3.

    Counts agree to the message, and its rates among themselves within 1 %. Against ours they are over the times at
    which its announcements came here, of which a busy machine makes one or another late.
    """
    records, summary = outcome.runs["level-1"]
    ours_per_s = summary["rates"]["sent_per_s"]
    window = measured_window_ns(records)

    def theirs_per_s(name: str) -> float:
        return mean_inside(records, SYS, name, window) or 0.0

    (*_, (_, publishes)) = figure_at_each_row(records, SYS, "publish_received")
    assert publishes == summary["messages"]["sent"]
    assert ours_per_s == pytest.approx(400, rel=0.03)
    publishes_per_s = theirs_per_s("publish_received_per_s")
    assert publishes_per_s == pytest.approx(ours_per_s, rel=0.03)
    assert theirs_per_s("messages_received_per_s") == pytest.approx(2 * publishes_per_s, rel=0.01)
    assert theirs_per_s("messages_sent_per_s") == pytest.approx(3 * publishes_per_s, rel=0.01)


def a_surge_comes_and_goes_in_its_level(outcome: CampaignOutcome) -> None:
    records, summary = outcome.runs["level-2"]
    assert [event.text for event in records.events if event.kind is EventKind.SURGE] == ["+10 clients", "−10 clients"]
    assert summary["clients"]["connected_peak"] == 42


def it_leaves_everything_behind(outcome: CampaignOutcome) -> None:
    assert open_campaign(outcome.directory) == outcome.records
    assert outcome.records.broker["version"]
    assert "listener" in (outcome.records.broker["settings"] or "")
    assert {path.name for path in outcome.directory.iterdir()} == {
        "campaign.json", "campaign.toml", "summary.json", "report.html", "report.md",
        "level-1", "level-1-variant-1", "level-2",
    }  # fmt: skip
    assert {entry.title for entry in list_runs(outcome.directory)} == {
        "20 clients", "20 clients · QoS 0 without TLS", "30 clients, +10",
    }  # fmt: skip


@pytest.mark.slow
def test_its_commands_work_when_they_are_pasted(mosquitto: RunningBroker, tmp_path: Path) -> None:
    """On a target that is still there: the campaign's level again, and the attack alone from its warhead."""
    file, run = tmp_path / "two.toml", tmp_path / "run"
    file.write_text(TEXT.replace("\ntarget = {", "\n# {"))
    target = f"mqtt://127.0.0.1:{mosquitto.port}"
    first = ["campaign", str(file), "--target", target, "--levels", "level-2", "--hold", "1s", *TO, str(run)]
    assert main(first) != BAD_COMMAND
    (part,) = open_campaign(run).parts
    assert part.state is PartState.DONE
    commands = [shlex.split(line) for line in part.command.splitlines()]
    assert [command[1] for command in commands] == ["campaign", "attack"]
    for number, command in enumerate(commands):
        assert main([*command[1:], *TO, str(tmp_path / f"again-{number}")]) != BAD_COMMAND
    assert [part.state for part in open_campaign(tmp_path / "again-0").parts] == [PartState.DONE]
    again = open_run(tmp_path / "again-1").meta
    assert again.end_ns
    assert again.aborted is None
    assert again.warhead_toml == open_run(run / "level-2").meta.warhead_toml


FAR: Final = """
title = "Another host"
[target]
url = "mqtt://127.0.0.1:{port}"
[broker]
kind = "mosquitto"
config = "{config}"
persistence = "{database}"
ssh = "box"
ssh_config = "{ssh_config}"
[defaults]
hold = "4s"
attack = {{ own_lag_limit = "1m", drain = "3s" }}
[[defaults.warhead.group]]
name = "meters"
clients = 5
interval = "100ms"
[[level]]
"""


@pytest.mark.slow
def test_a_broker_on_another_host_is_started_and_observed_there(sshd: SshServer, tmp_path: Path) -> None:
    if find_mosquitto() is None:
        lacking("mosquitto is not installed", "apt install mosquitto")
    port, config, file = free_port(), tmp_path / "mosquitto.conf", tmp_path / "far.toml"
    user = "user root\n" if os.geteuid() == 0 else ""
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nsys_interval 1\n{user}")
    told = {"port": port, "config": config, "database": tmp_path / "mosquitto.db", "ssh_config": sshd.config}
    file.write_text(FAR.format(**told))
    outcome = conduct(new_request(file, {}, tmp_path / "run", lambda _: 1), Silent(), Interrupt())
    (part,) = outcome.records.parts
    assert (part.state, part.clean) == (PartState.DONE, True), part.why
    assert part.clean_reason == f"started for this level, {tmp_path / 'mosquitto.db'} was not there"
    records, summary = outcome.runs["level-1"]
    observers: Any = records.meta.observers
    assert [(one.observer, one.reason) for one in observers] == [
        ("sys", ""),
        ("process", ""),
        ("host", ""),
        ("programs", ""),
    ]
    assert all("box" in one.about for one in observers[1:3])  # other programs are looked at where the load is made
    assert summary["broker"]["cpu_percent"] is not None
    assert outcome.records.broker["settings"] == f"{config} on box"
