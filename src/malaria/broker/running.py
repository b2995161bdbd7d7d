"""A broker process of ours: started, waited for, stopped by its own process id, its last words told when it fails.

Promises: no broker outlives us, not even when we are killed; one that was stopped leaves nothing on the disk.
"""

from __future__ import annotations

import ctypes
import resource
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Protocol

from malaria.broker.configuration import MosquittoListener
from malaria.errors import OperatorError
from malaria.transport.probe import Answer, probe

HOST: Final = "127.0.0.1"
START_S: Final = 15.0
STOP_S: Final = 5.0
LAST_LINES: Final = 5
QUIET_PORTS: Final = range(10_000, 32_768)
"""Below those that Linux gives to connections (ip_local_port_range)."""
TRIES: Final = 100
PR_SET_PDEATHSIG: Final = 1
"""linux/prctl.h: the signal that a process gets when its parent ends."""


class BrokerProcess(Protocol):
    """What is started, asked and stopped: a child of ours, one on another host, a service. As of `subprocess`."""

    @property
    def pid(self) -> int | None: ...
    @property
    def stdin(self) -> IO[bytes] | None: ...
    def poll(self) -> int | None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...
    def wait(self, timeout: float | None = None) -> int: ...


type BrokerCheck = Callable[[float], Answer]
"""One look at a broker, given the most seconds that it may take: does it let a client in?"""


@dataclass(frozen=True, slots=True)
class BrokerTimeouts:
    """How long a broker may take to answer after its start, and to end after it was told to."""

    ready_s: float = START_S
    stop_s: float = STOP_S


TIMEOUTS: Final = BrokerTimeouts()


def plain_check(host: str, port: int) -> BrokerCheck:
    """Looks with plain MQTT and without a name."""
    return lambda timeout_s: probe((socket.AF_INET, (host, port)), timeout_s=timeout_s)


class RunningBroker:
    """A broker that answers at `host`:`port`. A context manager: the end of the block stops it.

    `ssh` names the host of its process, None being this one; `pid` counts there, and is None where it is not known.
    `listeners` are those that we configured, beside the plain one at `port`.
    """

    def __init__(
        self,
        name: str,
        port: int,
        process: BrokerProcess,
        log: Path,
        look: BrokerCheck | None = None,
        patience: BrokerTimeouts = TIMEOUTS,
    ) -> None:
        self.name = name
        self.host = HOST
        self.port = port
        self.version: str | None = None
        self.log = log
        self.ssh: str | None = None
        self.listeners: tuple[MosquittoListener, ...] = ()
        self.configuration: str | None = None  # where we made it: for the page, there is no secret in it
        self.started = time.time()
        self._stopped = False
        self.process = process
        self._look = look or plain_check(self.host, port)
        self._patience = patience

    @property
    def pid(self) -> int | None:
        return self.process.pid

    def death(self) -> str | None:
        """How its process ended, in words: `exit code 3`, `signal KILL`. None while it runs."""
        code = self.process.poll()
        return None if code is None else describe_exit(code)

    def last_words(self) -> str:
        """The end of what it said."""
        return last_lines(self.log)

    def stop(self) -> None:
        """SIGTERM, some patience, SIGKILL; its directory goes too. May be called twice.

        Raises OperatorError when a broker that is no child of ours cannot be stopped.
        """
        if self._stopped:
            return
        self._stopped = True
        try:
            if self.process.stdin is not None:
                self.process.stdin.close()
            self.process.terminate()
            self.process.wait(self._patience.stop_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        finally:
            shutil.rmtree(self.log.parent, ignore_errors=True)

    def __enter__(self) -> RunningBroker:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait_until_it_answers(self) -> RunningBroker:
        """Returns itself once a client is accepted. Raises OperatorError with the last words if none ever is."""
        try:
            return self._wait()
        except BaseException:  # an interrupt too: nobody else knows of it yet
            with suppress(OperatorError):
                self.stop()
            raise

    def _wait(self) -> RunningBroker:
        end, problem = time.monotonic() + self._patience.ready_s, ""
        while (died := self.death()) is None and time.monotonic() < end:
            answer = self._look(min(1.0, self._patience.ready_s))
            if not answer.problem:
                self.version = answer.version
                return self
            problem = answer.problem
            time.sleep(0.05)
        what = (
            f"ended at once with {died}" if died else f"did not answer within {self._patience.ready_s:g} s: {problem}"
        )
        said = self.last_words() or "(nothing)"
        raise OperatorError(f"{self.name} {what}. Its last words:\n{said}", f"mend what {self.name} says")


def describe_exit(code: int) -> str:
    """An exit code as `subprocess` has it, in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name.removeprefix('SIG')}"
    except ValueError:
        return f"signal {-code}"


def private_directory(name: str) -> Path:
    """A new directory that only we can read, for a broker's log and configuration."""
    return Path(tempfile.mkdtemp(prefix=f"malaria-{name}-"))


def launch(
    name: str,
    command: Sequence[str],
    port: int,
    log: Path,
    look: BrokerCheck | None = None,
    patience: BrokerTimeouts = TIMEOUTS,
) -> RunningBroker:
    """Starts a broker in the background, its output in `log`; it owns the log's directory. Returns once it answers.

    Raises OperatorError when it does not start. Its standard input is a pipe that ends with us, and it is told to
    terminate when the thread that called this ends.
    """
    process = start_process(name, command, log)
    return RunningBroker(name, port, process, log, look, patience).wait_until_it_answers()


def start_process(name: str, command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """What `launch` starts, without waiting for an answer."""
    try:
        with log.open("wb") as sink:
            return subprocess.Popen(
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
    """A port of loopback that nobody has now, and that no connection gets for its own end before it is taken.

    What the kernel gives for port 0 is of the range from which it serves every connect.
    """
    for _ in range(TRIES):
        port = QUIET_PORTS.start + secrets.randbelow(len(QUIET_PORTS))
        with suppress(OSError), socket.socket() as finder:
            finder.bind((HOST, port))
            return port
    with socket.socket() as finder:
        finder.bind((HOST, 0))
        return int(finder.getsockname()[1])


def last_lines(log: Path) -> str:
    """The end of a log; empty when there is none."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:])
    except OSError:
        return ""
