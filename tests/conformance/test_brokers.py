"""The brokers that we start ourselves: they answer, carry an attack without a loss, and go when they are told to."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from attacking import run_attack
from malaria.broker import RunningBroker, start_embedded
from malaria.errors import OperatorError

BROKERS: Final = ("own_mosquitto", "amqtt_broker")
ORPHAN: Final = "from malaria.broker import {0}; import time; b = {0}(); print(b.pid, flush=True); time.sleep(60)"


@pytest.fixture(params=BROKERS)
def broker(request: pytest.FixtureRequest) -> RunningBroker:
    running: RunningBroker = request.getfixturevalue(request.param)
    return running


def test_it_answers_and_says_its_version(broker: RunningBroker) -> None:
    assert broker.version
    assert broker.name in ("mosquitto", "amqtt")
    os.kill(broker.pid, 0)


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_it_carries_an_attack_without_a_loss(broker: RunningBroker, tmp_path: Path, qos: int) -> None:
    outcome = run_attack(broker.port, tmp_path, clients=20, interval="200ms", qos=qos, subscribers=1, duration="2s")
    messages = outcome.summary["messages"]
    assert messages["due"] == messages["sent"] == messages["expected"] == messages["delivered"] > 0
    assert (messages["lost"], messages["duplicated"], messages["unresolved"]) == (0, 0, 0)
    if qos:
        assert messages["acked"] == messages["sent"]


def test_after_stop_nobody_listens_and_nothing_is_left(broker: RunningBroker) -> None:
    broker.stop()
    with socket.socket() as caller:
        assert caller.connect_ex((broker.host, broker.port)) != 0
    assert not broker.log.parent.exists()
    broker.stop()


def test_mosquitto_keeps_its_directory_to_itself(own_mosquitto: RunningBroker) -> None:
    assert (own_mosquitto.log.parent / "mosquitto.conf").stat().st_mode & 0o077 == 0
    assert own_mosquitto.log.parent.stat().st_mode & 0o077 == 0


def test_a_configuration_that_mosquitto_refuses(start_mosquitto_with: Callable[[str], RunningBroker]) -> None:
    with pytest.raises(OperatorError, match="no_such_setting") as caught:
        start_mosquitto_with("no_such_setting 7")
    assert "ended at once" in caught.value.message


def test_the_embedded_broker_is_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    with start_embedded() as broker:
        assert broker.log.read_text() == ""
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("start", ["start_mosquitto", "start_embedded"])
@pytest.mark.usefixtures("mosquitto")  # skips where it is not installed
def test_it_does_not_outlive_us_when_we_are_killed(start: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", ORPHAN.format(start)]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    assert gone(pid, patience_s=10)


def gone(pid: int, patience_s: float) -> bool:
    """Has the process ended (it may wait, as a zombie, for whoever adopts it)?"""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False
