"""The configuration that is made for mosquitto, and where mosquitto is looked for."""

from __future__ import annotations

import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from malaria import broker
from malaria.broker import mosquitto
from malaria.broker.configuration import MosquittoListener, MosquittoSettings
from malaria.errors import OperatorError


def test_it_is_looked_for_where_debian_puts_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "mosquitto"
    program.touch(mode=0o755)
    monkeypatch.setattr(mosquitto, "SBIN", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert mosquitto.find_mosquitto() == str(program)


def test_without_it_the_remedy_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mosquitto, "find_mosquitto", lambda: None)
    with pytest.raises(OperatorError) as caught:
        mosquitto.start_mosquitto()
    assert caught.value.remedy == "apt install mosquitto"


def test_the_configuration_is_private_and_takes_further_lines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    started: list[tuple[Any, ...]] = []

    def launch(*arguments: Any) -> SimpleNamespace:
        started.append(arguments)
        return SimpleNamespace()

    monkeypatch.setattr(mosquitto, "private_directory", lambda _: tmp_path)
    monkeypatch.setattr(mosquitto, "find_mosquitto", lambda: "/usr/sbin/mosquitto")
    monkeypatch.setattr(mosquitto, "free_port", lambda: 18999)
    monkeypatch.setattr(mosquitto, "launch", launch)
    mosquitto.start_mosquitto(MosquittoSettings(further=("max_connections 7",)))
    written = tmp_path / "mosquitto.conf"
    lines = written.read_text().splitlines()
    assert "listener 18999 127.0.0.1" in lines
    assert {"allow_anonymous true", "sys_interval 1", "max_connections 7"} <= set(lines)
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert [arguments[:4] for arguments in started] == [
        ("mosquitto", ["/usr/sbin/mosquitto", "-c", str(written)], 18999, tmp_path / "mosquitto.log")
    ]


def test_other_listeners_stand_beside_the_plain_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(mosquitto, "find_mosquitto", lambda: "/usr/sbin/mosquitto")
    monkeypatch.setattr(mosquitto, "free_port", lambda: 18999)
    monkeypatch.setattr(mosquitto, "launch", lambda *arguments: SimpleNamespace(port=arguments[2]))
    monkeypatch.setattr(mosquitto.os, "geteuid", lambda: 1000)
    settings = MosquittoSettings((MosquittoListener(18083, websockets=True),))
    broker = mosquitto.start_mosquitto(settings, tmp_path)
    assert (broker.port, broker.listeners) == (18999, settings.listeners)
    assert broker.configuration == (tmp_path / "mosquitto.conf").read_text()
    lines = broker.configuration.splitlines()
    assert [line for line in lines if line.startswith("listener")] == [
        "listener 18999 127.0.0.1",
        "listener 18083 127.0.0.1",
    ]
    assert not any(line.startswith("user") for line in lines)


def test_ports_are_found_where_none_is_said() -> None:
    said, found = mosquitto.with_free_ports([MosquittoListener(7), MosquittoListener(0)])
    assert said.port == 7
    assert found.port > 1023


@pytest.mark.parametrize(("found", "name"), [("/usr/sbin/mosquitto", "mosquitto"), (None, "amqtt")])
def test_the_embedded_one_is_taken_where_there_is_no_mosquitto(
    monkeypatch: pytest.MonkeyPatch, found: str | None, name: str
) -> None:
    monkeypatch.setattr(broker, "find_mosquitto", lambda: found)
    monkeypatch.setattr(broker, "start_mosquitto", lambda: "mosquitto")
    monkeypatch.setattr(broker, "start_embedded", lambda: "amqtt")
    assert str(broker.start_default()) == name
