"""A broker process of ours: started, waited for, stopped by its own process id, its last words kept."""

from __future__ import annotations

import resource
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from malaria.errors import OperatorError
from malaria.probe import probe

HOST: Final = "127.0.0.1"
START_S: Final = 15.0
STOP_S: Final = 5.0
LAST_LINES: Final = 5


class RunningBroker:
    """A broker that answers at `host`:`port`. A context manager: the end of the block stops it."""

    def __init__(self, name: str, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.host = HOST
        self.port = port
        self.version: str | None = None
        self.log = log
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        """SIGTERM, some patience, SIGKILL. May be called twice."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> RunningBroker:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait_until_it_answers(self) -> RunningBroker:
        """Returns itself once a client is accepted. Raises OperatorError with the broker's last words if that never comes."""
        end = time.monotonic() + START_S
        while self._process.poll() is None and time.monotonic() < end:
            answer = probe((socket.AF_INET, (self.host, self.port)), timeout_s=1.0)
            if not answer.problem:
                self.version = answer.version
                return self
            time.sleep(0.05)
        died = self._process.poll()
        self.stop()
        what = f"ended at once with exit code {died}" if died is not None else f"did not answer within {START_S:.0f} s"
        raise OperatorError(f"{self.name} {what}", last_lines(self.log) or "it said nothing")


def launch(name: str, command: Sequence[str], port: int, log: Path) -> RunningBroker:
    """Starts a broker in the background, its output in `log`; its standard input is a pipe that ends with us."""
    with log.open("wb") as sink:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # the operator's Ctrl-C is for us: we stop it when we are done
            preexec_fn=raise_descriptor_limit,
        )
    return RunningBroker(name, port, process, log).wait_until_it_answers()


def raise_descriptor_limit() -> None:
    """As many connections as the system allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def free_port() -> int:
    """A port of loopback that nobody listens to now."""
    with socket.socket() as probe_socket:
        probe_socket.bind((HOST, 0))
        return int(probe_socket.getsockname()[1])


def last_lines(log: Path) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:])
    except OSError:
        return ""
