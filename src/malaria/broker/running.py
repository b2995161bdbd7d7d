"""A broker process of ours: started, waited for, stopped by its own process id, its last words told when it fails.

Promises: no broker outlives us, not even when we are killed; one that was stopped leaves nothing on the disk.
"""

from __future__ import annotations

import ctypes
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from malaria.errors import OperatorError
from malaria.probe import probe

HOST: Final = "127.0.0.1"
START_S: Final = 15.0
STOP_S: Final = 5.0
LAST_LINES: Final = 5
PR_SET_PDEATHSIG: Final = 1
"""linux/prctl.h: the signal that a process gets when its parent ends."""


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
        """SIGTERM, some patience, SIGKILL; its directory goes too. May be called twice."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.log.parent, ignore_errors=True)

    def __enter__(self) -> RunningBroker:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait_until_it_answers(self) -> RunningBroker:
        """Returns itself once a client is accepted. Raises OperatorError with the last words if none ever is."""
        end = time.monotonic() + START_S
        while self._process.poll() is None and time.monotonic() < end:
            answer = probe((socket.AF_INET, (self.host, self.port)), timeout_s=1.0)
            if not answer.problem:
                self.version = answer.version
                return self
            time.sleep(0.05)
        died = self._process.poll()
        what = f"ended at once with exit code {died}" if died is not None else f"did not answer within {START_S:.0f} s"
        said = last_lines(self.log) or "(nothing)"
        self.stop()
        raise OperatorError(f"{self.name} {what}. Its last words:\n{said}", f"mend what {self.name} says")


def private_directory(name: str) -> Path:
    """A new directory that only we can read, for a broker's log and configuration."""
    return Path(tempfile.mkdtemp(prefix=f"malaria-{name}-"))


def launch(name: str, command: Sequence[str], port: int, log: Path) -> RunningBroker:
    """Starts a broker in the background, its output in `log`; it owns the log's directory. Returns once it answers.

    Raises OperatorError when it does not start. Its standard input is a pipe that ends with us, and it is told to
    terminate when the thread that called this ends.
    """
    try:
        with log.open("wb") as sink:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # the operator's Ctrl-C is for us: we stop it when we are done
                preexec_fn=_child_settings(),
            )
    except OSError as error:
        shutil.rmtree(log.parent, ignore_errors=True)
        raise OperatorError(f"{name} cannot be started: {error}", f"try it by hand: {command[0]}") from error
    return RunningBroker(name, port, process, log).wait_until_it_answers()


def _child_settings() -> Callable[[], None]:
    """What the child does to itself before it becomes the broker. Made beforehand: little is safe after a fork."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def settle() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # as many connections as the system allows
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

    return settle


def free_port() -> int:
    """A port of loopback that nobody listens to now."""
    with socket.socket() as finder:
        finder.bind((HOST, 0))
        return int(finder.getsockname()[1])


def last_lines(log: Path) -> str:
    """The end of a log; empty when there is none."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:])
    except OSError:
        return ""
