"""Real brokers that do not start, die, keep what they should not, and are on another host."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from malaria.broker import BrokerEndpoint, CleanStart, Lifecycle, find_mosquitto
from malaria.broker.mosquitto import SBIN
from malaria.broker.running import free_port, plain_check
from malaria.errors import OperatorError
from malaria.model.broker import BrokerTable
from malaria.mqtt.codec import encode
from malaria.mqtt.packets import Connack, Connect, Publish
from ssh_server import SshServer

type Start = Callable[..., Lifecycle]


@pytest.fixture
def port(request: pytest.FixtureRequest) -> int:
    if find_mosquitto() is None:
        request.getfixturevalue("mosquitto")  # skips with the remedy
    return free_port()


@pytest.fixture
def life(port: int) -> Iterator[Start]:
    """A lifecycle with its door at `port`; ended after the test."""
    begun: list[Lifecycle] = []

    def make(**table: Any) -> Lifecycle:
        begun.append(
            Lifecycle(
                BrokerTable.model_validate(table), BrokerEndpoint("127.0.0.1", port, plain_check("127.0.0.1", port))
            )
        )
        return begun[-1]

    yield make
    for lifecycle in begun:
        lifecycle.stop()


def configuration(directory: Path, port: int, *further: str) -> Path:
    path = directory / "mosquitto.conf"
    user = ["user root"] if os.geteuid() == 0 else []
    path.write_text("\n".join([f"listener {port} 127.0.0.1", "allow_anonymous true", *user, *further]) + "\n")
    return path


def ended(lifecycle: Lifecycle, patience_s: float = 10.0) -> str:
    """How its broker ended."""
    end = time.monotonic() + patience_s
    while (death := lifecycle.death()) is None and time.monotonic() < end:
        time.sleep(0.02)
    assert death is not None
    return death


def retain(port: int, topic: str) -> None:
    """Leaves a retained message at the broker."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as wire:
        wire.sendall(encode(Connect(client_id="keeper", keep_alive=30)))
        assert wire.recv(4) == encode(Connack(False, 0))
        wire.sendall(encode(Publish(topic, b"kept", 1, retain=True, packet_id=1)))
        assert wire.recv(4)[:1] == b"\x40"  # PUBACK: it has it


# --- it does not start ---------------------------------------------------------------------------------------------


def test_a_port_that_is_taken(life: Start) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        with pytest.raises(OperatorError, match=r"(?s)ended at once with exit code 1.*Address already in use"):
            life(kind="mosquitto", listener=[{"port": taken}]).begin_level("1")


def test_a_configuration_that_is_refused(life: Start, port: int, tmp_path: Path) -> None:
    config = configuration(tmp_path, port, "no_such_setting 7")
    with pytest.raises(OperatorError, match="no_such_setting"):
        life(kind="mosquitto", config=str(config)).begin_level("1")


def test_a_broker_that_is_slow_to_answer(life: Start, port: int, tmp_path: Path) -> None:
    config = configuration(tmp_path, port)
    command = ["sh", "-c", f"sleep 1; PATH=$PATH:{SBIN} exec mosquitto -c {config}"]
    assert life(kind="command", command=command).begin_level("1").clean is None


def test_a_broker_that_never_answers(life: Start) -> None:
    lifecycle = life(kind="command", command=["sh", "-c", "echo loading; exec sleep 60"], ready_timeout="3s")
    with pytest.raises(OperatorError, match=r"(?s)sh did not answer within 3 s: nothing listens.*loading"):
        lifecycle.begin_level("1")
    assert lifecycle.running is None


def test_a_program_that_is_not_there(life: Start) -> None:
    with pytest.raises(OperatorError, match="cannot be started"):
        life(kind="command", command="/no/such/broker").begin_level("1")


# --- it dies, it keeps ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "death"), [(signal.SIGKILL, "signal KILL"), (signal.SIGTERM, "exit code 0")])
def test_its_death_is_noticed(life: Start, number: signal.Signals, death: str) -> None:
    lifecycle = life(kind="mosquitto", clean="first")
    lifecycle.begin_level("1")
    assert lifecycle.death() is None
    assert lifecycle.running is not None
    assert lifecycle.running.pid is not None
    os.kill(lifecycle.running.pid, number)
    assert ended(lifecycle) == death
    again = lifecycle.begin_level("2")
    assert again == CleanStart(True, f"started again after {death}; it keeps nothing on its disk")
    assert lifecycle.death() is None


def test_what_mosquitto_kept_is_gone_after_a_clean_start(life: Start, port: int, tmp_path: Path) -> None:
    file = tmp_path / "kept.db"
    listeners, level = [{"port": port}], "a level"
    lifecycle = life(kind="mosquitto", listener=listeners, persistence=str(file), clean="first")
    assert lifecycle.begin_level(level) == CleanStart(True, f"started for this level, {file} was not there")
    retain(port, "stays")
    lifecycle.stop()
    assert b"stays" in file.read_bytes()
    again = life(kind="mosquitto", listener=listeners, persistence=str(file), clean="each-level")
    assert again.begin_level(level) == CleanStart(True, f"started for this level, {file} removed")
    again.stop()
    assert b"stays" not in file.read_bytes()


def test_every_level_has_a_process_and_the_same_doors(life: Start) -> None:
    lifecycle = life(kind="mosquitto", listener=[{"kind": "psk", "psk_clients": 5}, {"kind": "ws"}])
    seen = []
    for level in ("1", "2"):
        lifecycle.begin_level(level)
        assert lifecycle.running is not None
        seen.append((lifecycle.running.pid, lifecycle.access("psk"), lifecycle.access("ws")))
    assert seen[0][0] != seen[1][0]
    assert seen[0][1:] == seen[1][1:]


def test_two_commands_that_start_and_stop(life: Start, port: int, tmp_path: Path) -> None:
    config = configuration(tmp_path, port, f"pid_file {tmp_path}/pid")
    start = ["sh", "-c", f"PATH=$PATH:{SBIN} exec mosquitto -d -c {config}"]
    stop = ["sh", "-c", f"kill $(cat {tmp_path}/pid); while [ -e {tmp_path}/pid ]; do sleep 0.05; done"]
    lifecycle = life(kind="command", command=start, stop_command=stop)
    for level in ("1", "2"):
        assert lifecycle.begin_level(level).clean is None
        assert lifecycle.death() is None
    lifecycle.stop()
    assert plain_check("127.0.0.1", port)(1.0).problem


# --- it is on another host -----------------------------------------------------------------------------------------


@pytest.fixture
def far(life: Start, sshd: SshServer) -> Start:
    return lambda **table: life(ssh="box", ssh_config=str(sshd.config), **table)


def test_over_ssh_it_is_held_and_let_go(far: Start, port: int, tmp_path: Path) -> None:
    lifecycle = far(kind="mosquitto", config=str(configuration(tmp_path, port)), clean="first")
    assert lifecycle.begin_level("1").clean is None
    broker = lifecycle.running
    assert broker is not None
    assert broker.pid is not None
    assert b"mosquitto" in Path(f"/proc/{broker.pid}/cmdline").read_bytes()
    assert (broker.ssh, broker.host, broker.port) == ("box", "127.0.0.1", port)
    lifecycle.stop()
    assert not Path(f"/proc/{broker.pid}").exists()


def test_over_ssh_its_death_is_noticed(far: Start, port: int, tmp_path: Path) -> None:
    lifecycle = far(kind="mosquitto", config=str(configuration(tmp_path, port)))
    lifecycle.begin_level("1")
    assert lifecycle.running is not None
    assert lifecycle.running.pid is not None
    os.kill(lifecycle.running.pid, signal.SIGKILL)
    assert ended(lifecycle) == "signal KILL"


def test_over_ssh_a_lost_connection_is_said_to_be_one(far: Start, port: int, tmp_path: Path) -> None:
    lifecycle = far(kind="mosquitto", config=str(configuration(tmp_path, port)))
    lifecycle.begin_level("1")
    broker = lifecycle.running
    assert broker is not None
    assert broker.pid is not None
    wrapper = int(Path(f"/proc/{broker.pid}/stat").read_text().rpartition(")")[2].split()[1])
    session = int(Path(f"/proc/{wrapper}/stat").read_text().rpartition(")")[2].split()[1])
    assert b"sshd" in Path(f"/proc/{session}/cmdline").read_bytes()
    os.kill(session, signal.SIGKILL)
    assert ended(lifecycle).startswith("a lost ssh connection to box")
    end = time.monotonic() + 10
    while Path(f"/proc/{broker.pid}").exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert not Path(f"/proc/{broker.pid}").exists()  # it does not outlive the connection that holds it


def test_over_ssh_its_last_words_are_told(far: Start, port: int, tmp_path: Path) -> None:
    config = configuration(tmp_path, port, "no_such_setting 7")
    with pytest.raises(OperatorError, match=r"(?s)ended at once with exit code \d+.*no_such_setting") as caught:
        far(kind="mosquitto", config=str(config)).begin_level("1")
    assert "malaria: the broker's process" not in caught.value.message


def test_over_ssh_its_file_is_removed(far: Start, port: int, tmp_path: Path) -> None:
    kept = tmp_path / "a file 'of' $mine.db"
    location = ("persistence true", f"persistence_location {tmp_path}/", f"persistence_file {kept.name}")
    config = configuration(tmp_path, port, *location)
    lifecycle = far(kind="mosquitto", config=str(config), persistence=str(kept))
    assert lifecycle.begin_level("1").reason == f"started for this level, {kept} was not there"
    retain(port, "stays")
    assert lifecycle.begin_level("2").reason == f"started for this level, {kept} removed"


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("UserKnownHostsFile /dev/null", "its host key is not in known_hosts"),
        ("IdentityFile /dev/null", "it refused the login"),
    ],
)
def test_an_ssh_that_is_refused(life: Start, sshd: SshServer, tmp_path: Path, option: str, reason: str) -> None:
    other = tmp_path / "ssh_config"
    key = option.split()[0]
    lines = [line for line in sshd.config.read_text().splitlines() if key not in line]
    other.write_text("\n".join([*lines, f"    {option}"]) + "\n")
    with pytest.raises(OperatorError, match=reason):
        life(kind="command", command="broker", ssh="box", ssh_config=str(other)).begin_level("1")


# --- it is a service ------------------------------------------------------------------------------------------------

SYSTEMCTL = """\
#!/usr/bin/env python3
# a systemd with one unit, whose main process is the command in the unit's file
import json, os, signal, subprocess, sys, time
here = os.path.dirname(os.path.abspath(__file__))
state = os.path.join(here, "state.json")
unit = json.load(open(state))
def alive():
    try:
        return open(f"/proc/{{unit['pid']}}/stat").read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
verb = next(word for word in sys.argv[1:] if not word.startswith("-"))
if verb == "start" and not alive():
    unit["pid"] = subprocess.Popen(unit["command"], start_new_session=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=open(os.path.join(here, "journal"), "a")).pid
elif verb in ("stop", "kill") and alive():
    os.kill(unit["pid"], signal.SIGKILL if verb == "kill" else signal.SIGTERM)
    while alive():
        time.sleep(0.02)
elif verb == "is-active":
    print("active" if alive() else "failed")
    sys.exit(0 if alive() else 3)
elif verb == "show":
    print(unit["pid"] if "--property=MainPID" in sys.argv else 0)
json.dump(unit, open(state, "w"))
"""


@pytest.fixture
def systemd(port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A systemctl on PATH whose unit is a real mosquitto; its state lies in the directory.

    A test asks for it before `life`, which at its end starts again what ran before it: only then the unit ends.
    """
    directory = tmp_path / "systemd"
    directory.mkdir()
    for name, text in {"systemctl": SYSTEMCTL.replace("{{", "{").replace("}}", "}"),
                       "journalctl": f"#!/bin/sh\ntail -n 5 {directory}/journal\n"}.items():  # fmt: skip
        (directory / name).write_text(text)
        (directory / name).chmod(0o755)
    command = [find_mosquitto(), "-c", str(configuration(tmp_path, port))]
    (directory / "state.json").write_text(json.dumps({"command": command, "pid": 0}))
    monkeypatch.setenv("PATH", str(directory), prepend=":")
    yield directory
    subprocess.run([directory / "systemctl", "stop", "mosquitto.service"], check=False)


def test_a_unit_is_started_and_stopped(systemd: Path, life: Start, port: int) -> None:
    lifecycle = life(kind="systemd", unit="mosquitto.service")
    assert lifecycle.begin_level("1").clean is None
    assert lifecycle.running is not None
    pid = lifecycle.running.pid
    assert pid == json.loads((systemd / "state.json").read_text())["pid"]
    lifecycle.begin_level("2")
    assert lifecycle.running.pid not in (pid, None)
    lifecycle.stop()
    assert plain_check("127.0.0.1", port)(1.0).problem


def test_a_unit_that_ran_before_runs_after(systemd: Path, life: Start, port: int) -> None:
    first = life(kind="systemd", unit="mosquitto.service", clean="never")
    first.begin_level("1")
    second = life(kind="systemd", unit="mosquitto.service", clean="never")
    assert second.begin_level("1") == CleanStart(False, "it was running before the campaign began")
    second.stop()
    assert plain_check("127.0.0.1", port)(10.0).problem == ""
    third = life(kind="systemd", unit="mosquitto.service")
    assert third.begin_level("1").clean is None
    third.stop()
    assert plain_check("127.0.0.1", port)(10.0).problem == ""
    first.stop()
    assert plain_check("127.0.0.1", port)(1.0).problem


def test_a_unit_whose_broker_does_not_start(systemd: Path, life: Start, port: int, tmp_path: Path) -> None:
    configuration(tmp_path, port, "no_such_setting 7")
    with pytest.raises(OperatorError, match=r"(?s)mosquitto\.service ended at once.*no_such_setting"):
        life(kind="systemd", unit="mosquitto.service").begin_level("1")
