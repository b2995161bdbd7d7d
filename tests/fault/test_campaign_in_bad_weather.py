"""The command `malaria campaign` in bad weather: what is done is on the page, the rest says why not; it goes on."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from conftest import lacking
from malaria.broker import find_mosquitto
from malaria.records.campaign_records import CampaignPart
from malaria.records.campaign_store import open_campaign
from malaria.records.rows import EventKind
from malaria.records.store import open_run

MALARIA: Final = str(Path(sys.executable).with_name("malaria"))
PATIENCE_S: Final = 60.0
PASS, FAIL, BAD_COMMAND, UNKNOWN = 0, 1, 2, 4
pytestmark = pytest.mark.slow
TEXT: Final = """
title = "Weather"
{top}
[broker]
kind = "mosquitto"
[[broker.listener]]
{listener}
[defaults]
hold = "8s"
attack = {{ own_lag_limit = "1m", drain = "2s", connect_timeout = "1s", reconnect = ["500ms", "1s"] }}
[[defaults.warhead.group]]
name = "meters"
clients = 4
interval = "100ms"
topic = "w/{{client}}"
[[level]]
[[level]]
clients = 5
"""
THIRD_LEVEL: Final = "[[level]]\nclients = 6\n"


class Command:
    """`malaria campaign` under way, in a session of its own as from a terminal, its screen in a file."""

    def __init__(self, place: Path, *arguments: str, **environment: str) -> None:
        self._screen = place / "screen.txt"
        self._screen.write_bytes(b"")
        with self._screen.open("wb") as sink:
            self.process = subprocess.Popen(
                [MALARIA, "campaign", *arguments, "--workers", "1"],
                stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT, start_new_session=True, cwd=place,
                env=os.environ | environment,
            )  # fmt: skip

    @property
    def screen(self) -> str:
        return self._screen.read_text(errors="replace")

    def until(self, text: str, after: str = "") -> Command:
        """Wait until the screen shows a text, below the first place of another one if that is given."""
        end = time.monotonic() + PATIENCE_S
        while text not in self.screen.partition(after)[2] if after else text not in self.screen:
            assert time.monotonic() < end, f"in vain: {text!r}\n{self.screen}"
            assert self.process.poll() is None, self.screen
            time.sleep(0.02)
        return self

    def child(self, name: str) -> psutil.Process:
        children = psutil.Process(self.process.pid).children(recursive=True)
        return next(child for child in children if name in child.name())

    def end(self) -> int:
        code = self.process.wait(PATIENCE_S)
        assert "Traceback" not in self.screen, self.screen
        return code

    def clear_away(self) -> None:
        with suppress(psutil.NoSuchProcess):
            for process in psutil.Process(self.process.pid).children(recursive=True):
                process.kill()
        self.process.kill()
        self.process.wait()


class Place:
    """A directory with a campaign in it, and the commands that were begun there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run = path / "run"
        self._begun: list[Command] = []

    def write(self, listener: str = "", top: str = "", more: str = "") -> None:
        (self.path / "weather.toml").write_text(TEXT.format(listener=listener, top=top) + more)

    def begin(self, *options: str, **environment: str) -> Command:
        return self._command("weather.toml", "-o", str(self.run), *options, **environment)

    def resume(self) -> Command:
        return self._command("--resume", str(self.run))

    def parts(self) -> tuple[CampaignPart, ...]:
        return open_campaign(self.run).parts

    def summary(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.run / "summary.json").read_text())
        return found

    def page(self) -> str:
        return (self.run / "report.html").read_text()

    def clear_away(self) -> None:
        for command in self._begun:
            command.clear_away()

    def _command(self, *arguments: str, **environment: str) -> Command:
        self._begun.append(Command(self.path, *arguments, **environment))
        return self._begun[-1]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    if find_mosquitto() is None:
        lacking("mosquitto is not installed", "apt install mosquitto")
    made = Place(tmp_path)
    yield made
    made.clear_away()


def states(place: Place) -> list[str]:
    return [part.state.value for part in place.parts()]


def test_a_broker_that_cannot_start_and_a_key_that_is_wrong(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place.write(f"port = {taken.getsockname()[1]}", more=THIRD_LEVEL)
        command = place.begin()
        assert command.end() == UNKNOWN, command.screen
    assert states(place) == ["not run"] * 3
    assert "Address already in use" in place.parts()[0].why
    assert "the broker did not start twice" in place.parts()[2].why
    assert "Address already in use" in place.page()
    assert place.summary()["verdict"]["outcome"] == "UNKNOWN"
    place.write(top="on_fial = 1")
    command = place.begin("-o", "elsewhere")
    assert command.end() == BAD_COMMAND
    assert "weather.toml: on_fial: unknown key" in command.screen
    assert "did you mean on_fail?" in command.screen
    assert not (place.path / "elsewhere").exists()


def test_the_broker_dies_the_operator_interrupts_and_it_goes_on(place: Place) -> None:
    place.write()
    command = place.begin().until("1 of 2").until("ack p50")
    command.child("mosquitto").kill()
    command.until("mosquitto ended with signal KILL").until("5 clients: started again after signal KILL")
    command.until("measure", after="· 5 clients · 5 clients ·")  # a level that has not begun would be "not run"
    os.killpg(command.process.pid, signal.SIGINT)
    assert command.end() == UNKNOWN, command.screen
    assert states(place) == ["done", "interrupted"]
    assert "interrupted by the operator" in place.page()
    first = open_run(place.run / "level-1")
    assert [event.kind for event in first.events if "signal KILL" in event.text] == [
        EventKind.BROKER,
        EventKind.OBSERVER,
    ]
    resumed = place.resume()
    assert resumed.end() == FAIL, resumed.screen
    assert "1 of 2" not in resumed.screen
    assert states(place) == ["done"] * 2
    assert [part.directory for part in place.parts()][1:] == ["level-2-run-2"]
    verdict = place.summary()["verdict"]
    assert verdict["outcome"] == "FAIL"
    assert verdict["reasons"][0].startswith("4 clients: mosquitto ended with signal KILL (at 0:0")


NO_PERF: Final = """#!/bin/sh
echo 'Access to performance monitoring is limited: perf_event_paranoid' >&2
exit 255
"""


def test_killed_with_what_it_may_not_see_and_it_goes_on(place: Place) -> None:
    """No right to read $SYS, none to use perf, and then SIGKILL: the page of what was done stands."""
    tools, rules = place.path / "bin", place.path / "acl"
    tools.mkdir()
    (tools / "perf").write_text(NO_PERF)
    (tools / "perf").chmod(0o755)
    rules.write_text("topic readwrite w/#\n")
    place.write(f'acl_file = "{rules}"', 'observe = { sys = true, perf = { seconds = "1s" } }')
    command = place.begin(PATH=f"{tools}:{os.environ['PATH']}").until("2 of 2").until("4 clients: PASS")
    command.until("measure", after="· 5 clients · 5 clients ·")
    os.kill(command.process.pid, signal.SIGKILL)
    command.process.wait(PATIENCE_S)
    assert states(place) == ["done", "running"]
    assert place.summary()["levels"][0]["verdict"]["outcome"] == "PASS"
    assert "4 clients" in place.page()
    reasons = {one.observer: one.reason for one in open_run(place.run / "level-1").meta.observers}  # type: ignore[attr-defined]
    assert "$SYS" in reasons["sys"]
    assert "perf" in reasons["perf"]
    again = subprocess.run([MALARIA, "report", str(place.run)], capture_output=True, timeout=PATIENCE_S, check=False)
    assert again.returncode == 0, again.stderr
    resumed = place.resume()
    assert resumed.end() == PASS, resumed.screen
    assert states(place) == ["done"] * 2
