"""A process held by an ssh connection, with an ssh that runs its last word here."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from malaria.broker.broker_host import BrokerHost
from malaria.broker.ssh_process import SshBrokerProcess, hold
from malaria.broker.starting import SshBroker


@pytest.fixture
def held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], SshBrokerProcess]:
    program = tmp_path / "ssh"
    program.write_text('#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return lambda script: hold("broker", BrokerHost("box"), ["sh", "-c", script], tmp_path / "log")


def pid_of(process: SshBrokerProcess) -> int:
    """Its number, once it has said it."""
    end = time.monotonic() + 10
    while process.pid is None and time.monotonic() < end:
        time.sleep(0.005)
    assert process.pid is not None
    return process.pid


def test_its_words_and_its_exit_code_come_through(held: Callable[[str], SshBrokerProcess], tmp_path: Path) -> None:
    process = held("echo out; echo err >&2; exit 3")
    assert process.wait(10) == 3
    assert process.poll() == 3
    assert {"out", "err"} <= set((tmp_path / "log").read_text().splitlines())
    assert process.stdin is not None
    process.stdin.close()


def test_it_may_have_as_many_connections_as_its_host_allows(
    held: Callable[[str], SshBrokerProcess], tmp_path: Path
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
    try:
        process = held("ulimit -S -n")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    process.wait(10)
    assert (tmp_path / "log").read_text().splitlines()[-1] == str(hard)


def test_the_end_of_its_input_ends_it(held: Callable[[str], SshBrokerProcess]) -> None:
    process = held("exec sleep 60")
    pid = pid_of(process)
    assert Path(f"/proc/{pid}").exists()
    assert process.poll() is None
    assert process.stdin is not None
    process.stdin.close()
    process.terminate()
    assert process.wait(10) == -15
    assert not Path(f"/proc/{pid}").exists()


def test_one_that_does_not_listen_is_killed(held: Callable[[str], SshBrokerProcess], tmp_path: Path) -> None:
    process = held("trap '' TERM; echo deaf; while :; do sleep 0.05; done")
    pid = pid_of(process)
    end = time.monotonic() + 10
    while "deaf" not in (tmp_path / "log").read_text() and time.monotonic() < end:
        time.sleep(0.005)
    assert process.stdin is not None
    process.stdin.close()
    process.kill()
    process.wait(10)
    end = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and time.monotonic() < end:
        time.sleep(0.005)  # a killed process may take a moment on a busy machine
    assert not Path(f"/proc/{pid}").exists()


def test_a_lost_connection_is_not_the_brokers_end(held: Callable[[str], SshBrokerProcess], tmp_path: Path) -> None:
    process = held("echo 'client_loop: send disconnect: Broken pipe'; exit 255")
    process.wait(10)
    broker = SshBroker("broker", 1, process, tmp_path / "log")
    broker.ssh = "me@box"
    assert broker.last_words() == "client_loop: send disconnect: Broken pipe"
    death = broker.death()
    assert death is not None
    assert death.startswith("a lost ssh connection to me@box (client_loop: send disconnect: Broken pipe; ")
    assert process.stdin is not None
    process.stdin.close()
