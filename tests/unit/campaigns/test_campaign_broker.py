"""What is told of a campaign's broker, how it is observed, and how its end is noticed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from campaign_fakes import FakeBroker
from malaria.campaigns.campaign_broker import BrokerWatch, broker_facts, observed
from malaria.errors import OperatorError
from malaria.model.broker import BrokerTable
from malaria.model.observe import Observe, ProcessChoice
from malaria.ssh.destination import SshDestination


def table(**keys: Any) -> BrokerTable:
    return BrokerTable.model_validate(keys)


def running(**facts: Any) -> Any:
    told: dict[str, Any] = {"name": "mosquitto", "version": "2.0", "pid": 7, "ssh": None, "configuration": None,
                            "last_words": lambda: "first\nout of \x1b[1mmemory"}  # fmt: skip
    return SimpleNamespace(**told | facts)


def watched(observe: dict[str, Any], broker: Any, **keys: Any) -> Observe:
    keys = keys or {"kind": "mosquitto"}
    return observed(Observe.model_validate(observe), table(**keys), broker)


def test_a_process_of_ours_is_watched_by_its_id() -> None:
    assert watched({}, running()).process == ProcessChoice(pid=7)
    assert watched({"process": True}, running()).process == ProcessChoice(pid=7)


@pytest.mark.parametrize(
    "said", [{"process": False}, {"process": "nginx"}, {"only": True}, {"only": True, "sys": True}]
)
def test_what_is_said_stands(said: dict[str, Any]) -> None:
    assert watched(said, running()) == Observe.model_validate(said)


@pytest.mark.parametrize("broker", [None, running(pid=None)])
def test_a_process_that_nobody_knows_is_found_by_its_port(broker: Any) -> None:
    assert watched({}, broker) == Observe()


REMOTE = {"kind": "command", "command": "broker", "ssh": "admin@broker:2222", "ssh_config": "/there"}


def test_a_broker_on_another_host_is_watched_there() -> None:
    seen = watched({}, running(ssh="admin@broker:2222"), **REMOTE)
    host = SshDestination("broker", "admin", 2222)
    assert (seen.process, seen.host, seen.ssh_config) == (ProcessChoice(pid=7, ssh=host), host, "/there")
    seen = watched({"host": False, "ssh_config": "/mine"}, running(ssh="[::1]"), **REMOTE)
    assert (seen.process, seen.host, seen.ssh_config) == (
        ProcessChoice(pid=7, ssh=SshDestination("::1")), False, "/mine",
    )  # fmt: skip


def test_the_settings_that_we_made() -> None:
    facts = broker_facts(table(kind="mosquitto"), running(configuration="listener 1\n"))
    assert facts == {"kind": "mosquitto", "name": "mosquitto", "version": "2.0", "settings": "listener 1\n"}


def test_the_settings_that_we_were_given_without_their_secrets(tmp_path: Path) -> None:
    file = tmp_path / "mosquitto.conf"
    file.write_text("listener 1883\npassword_file /etc/users\nremote_password hush\nbridge_psk 00ff\npsk_file keys/a\n")
    settings = broker_facts(table(kind="mosquitto", config=str(file)), running())["settings"]
    assert settings == (
        "listener 1883\npassword_file /etc/users\nremote_password ...\nbridge_psk ...\npsk_file keys/a\n"
    )


@pytest.mark.parametrize(
    ("keys", "settings"),
    [
        ({}, None),
        ({"kind": "embedded"}, None),
        ({"kind": "command", "command": ["emqx", "foreground now"]}, "emqx 'foreground now'"),
        ({"kind": "systemd", "unit": "mosquitto.service"}, "mosquitto.service"),
        ({"kind": "mosquitto", "config": "/etc/m.conf", "ssh": "broker"}, "/etc/m.conf on broker"),
    ],
)
def test_settings_of_others(keys: dict[str, Any], settings: str | None) -> None:
    facts = broker_facts(table(**keys), None)
    assert (facts["settings"], facts["name"]) == (settings, None)


def test_an_end_is_told_once() -> None:
    broker = FakeBroker(ends=[None, "exit code 3", "exit code 3"], running=running())
    watch = BrokerWatch(broker)
    told = []
    for _ in range(4):
        watch.ask()
        told += watch.news()
    assert told == ["mosquitto ended with exit code 3; its last line: out of \ufffd[1mmemory"]


def test_who_was_killed_had_no_last_words() -> None:
    watch = BrokerWatch(FakeBroker(ends=["signal KILL"], running=running()))
    watch.ask()
    assert list(watch.news()) == ["mosquitto ended with signal KILL"]


def test_who_cannot_be_asked_is_not_dead() -> None:
    class Unreachable(FakeBroker):
        def death(self) -> str | None:
            raise OperatorError("ssh broker: no route", "")

    watch = BrokerWatch(Unreachable())
    watch.ask()
    assert watch.news() == ()
