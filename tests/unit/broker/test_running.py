"""What is done to a broker process, without a broker."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from malaria.broker import running
from malaria.broker.running import RunningBroker, last_lines, launch
from malaria.errors import OperatorError


class Process:
    """A child that ends on the signals it is told to obey."""

    def __init__(self, stubborn: bool = False) -> None:
        self.pid = 4242
        self.stdin = None
        self.got: list[str] = []
        self.stubborn = stubborn

    def terminate(self) -> None:
        self.got.append("TERM")

    def kill(self) -> None:
        self.got.append("KILL")

    def wait(self, timeout: float | None = None) -> int:
        if self.stubborn and timeout is not None:
            raise subprocess.TimeoutExpired("broker", timeout)
        return 0

    def poll(self) -> int | None:
        return 3


def broker_of(process: Any, log: Path) -> RunningBroker:
    return RunningBroker("mosquitto", 1883, process, log)


@pytest.mark.parametrize(("stubborn", "signals"), [(False, ["TERM"]), (True, ["TERM", "KILL"])])
def test_stopping_asks_first_and_leaves_nothing_behind(tmp_path: Path, stubborn: bool, signals: list[str]) -> None:
    directory = tmp_path / "broker"
    directory.mkdir()
    process = Process(stubborn)
    with broker_of(process, directory / "log") as broker:
        assert (broker.host, broker.port, broker.pid) == ("127.0.0.1", 1883, 4242)
    assert process.got == signals
    assert not directory.exists()


def test_a_broker_that_dies_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    log = tmp_path / "broker" / "log"
    log.parent.mkdir()
    log.write_text("\n".join(f"line {n}" for n in range(9)))
    with pytest.raises(OperatorError) as caught:
        broker_of(Process(), log).wait_until_it_answers()
    assert "mosquitto ended at once with exit code 3" in caught.value.message
    assert caught.value.message.endswith("line 4\nline 5\nline 6\nline 7\nline 8")
    assert caught.value.remedy


def test_a_command_that_does_not_exist(tmp_path: Path) -> None:
    log = tmp_path / "broker" / "log"
    log.parent.mkdir()
    with pytest.raises(OperatorError, match="nobody cannot be started"):
        launch("nobody", [str(tmp_path / "no-such-program")], 1, log)
    assert not log.parent.exists()


def test_last_lines_of_a_log_that_is_not_there(tmp_path: Path) -> None:
    assert last_lines(tmp_path / "none") == ""


def test_a_free_port_is_held_for_who_listens_there() -> None:
    port = running.free_port()
    assert port in running.QUIET_PORTS
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind((running.LOOPBACK, port))
    for address in (running.LOOPBACK, "0.0.0.0"):
        with (
            socket.create_server((address, port)) as server,  # sets SO_REUSEADDR, as brokers do
            socket.create_connection((running.LOOPBACK, port)),
        ):
            server.accept()[0].close()


def test_where_none_of_them_is_free_the_kernel_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as holder:
        holder.bind((running.LOOPBACK, 0))
        taken = holder.getsockname()[1]
        monkeypatch.setattr(running, "QUIET_PORTS", range(taken, taken + 1))
        assert running.free_port() not in (0, taken)


def test_an_interrupt_while_it_is_waited_for_stops_it(tmp_path: Path) -> None:
    log = tmp_path / "broker" / "log"
    log.parent.mkdir()
    process = Process()
    process.poll = lambda: None  # type: ignore[method-assign]

    def interrupted(_: float) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        RunningBroker("mosquitto", 1, process, log, interrupted).wait_until_it_answers()
    assert process.got == ["TERM"]


@pytest.mark.parametrize(
    ("code", "words"), [(0, "exit code 0"), (3, "exit code 3"), (-9, "signal KILL"), (-99, "signal 99")]
)
def test_an_end_in_words(code: int, words: str) -> None:
    assert running.describe_exit(code) == words
