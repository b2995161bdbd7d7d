"""Starts a broker's process, waits until it answers, and stops it by its own process id.

Promises: no broker outlives this process, even if this process is killed; a stopped broker leaves no files behind.
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
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Protocol

from malaria.broker.configuration import LOOPBACK, MosquittoListener
from malaria.errors import OperatorError
from malaria.observe.process_exit import describe_exit
from malaria.transport.probe import Answer, probe

START_S: Final = 15.0
STOP_S: Final = 5.0
LAST_LINES: Final = 5
QUIET_PORTS: Final = range(10_000, 32_768)
"""Ports below those that Linux gives to outgoing connections (ip_local_port_range)."""
TRIES: Final = 100
_held_ports: Final[list[socket.socket]] = []
"""The sockets that hold the ports of `free_port`: garbage collection would close them."""
PR_SET_PDEATHSIG: Final = 1
"""linux/prctl.h: the signal that a process gets when its parent ends."""


class BrokerProcess(Protocol):
    """A process with the methods of `subprocess.Popen`: a child process, one on another host, or a service."""

    @property
    def pid(self) -> int | None: ...
    @property
    def stdin(self) -> IO[bytes] | None: ...
    def poll(self) -> int | None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...
    def wait(self, timeout: float | None = None) -> int: ...


type BrokerCheck = Callable[[float], Answer]
"""Checks once whether a broker lets a client in; the argument is the most seconds that it may take."""


@dataclass(frozen=True, slots=True)
class BrokerTimeouts:
    """The longest waits for a broker: to answer after its start, and to end after SIGTERM."""

    ready_s: float = START_S
    stop_s: float = STOP_S


TIMEOUTS: Final = BrokerTimeouts()


def plain_check(host: str, port: int) -> BrokerCheck:
    """Return a check over plain MQTT, without a user name."""
    return lambda timeout_s: probe((socket.AF_INET, (host, port)), timeout_s=timeout_s)


class RunningBroker:
    """A broker that answers at `host`:`port`. A context manager: the end of the block stops it.

    `ssh` is the host of its process, None for this one; `pid` is its id there, None if unknown. `listeners` are those
    that malaria configured, without the plain one at `port`.
    """

    def __init__(
        self,
        name: str,
        port: int,
        process: BrokerProcess,
        log: Path,
        check: BrokerCheck | None = None,
        timeouts: BrokerTimeouts = TIMEOUTS,
    ) -> None:
        self.name = name
        self.host = LOOPBACK
        self.port = port
        self.version: str | None = None
        self.log = log
        self.ssh: str | None = None
        self.listeners: tuple[MosquittoListener, ...] = ()
        self.configuration: str | None = None  # if malaria made it: printed on the page, it contains no secret
        self.started = time.time()
        self._stopped = False
        self.process = process
        self._check = check or plain_check(self.host, port)
        self._timeouts = timeouts

    @property
    def pid(self) -> int | None:
        return self.process.pid

    def death(self) -> str | None:
        """Return how its process ended: `exit code 3`, `signal KILL`. None while it runs."""
        code = self.process.poll()
        return None if code is None else describe_exit(code)

    def last_words(self) -> str:
        """Return the last lines of its output."""
        return last_lines(self.log)

    def stop(self) -> None:
        """Send SIGTERM, then SIGKILL if it takes too long, and delete its directory. May be called twice.

        Raises OperatorError when a broker that is not a child process cannot be stopped.
        """
        if self._stopped:
            return
        self._stopped = True
        try:
            # the embedded broker ends with its standard input
            if self.process.stdin is not None:
                self.process.stdin.close()
            self.process.terminate()
            self.process.wait(self._timeouts.stop_s)
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
        """Return itself once a client is let in. Raises OperatorError with its last output if none ever is."""
        try:
            return self._wait()
        except BaseException:  # an interrupt too: no caller has it yet, and could stop it
            with suppress(OperatorError):
                self.stop()
            raise

    def _wait(self) -> RunningBroker:
        end, problem = time.monotonic() + self._timeouts.ready_s, ""
        while (died := self.death()) is None and time.monotonic() < end:
            answer = self._check(min(1.0, self._timeouts.ready_s))
            # an open port is not enough: the broker must let a client in
            if not answer.problem:
                self.version = answer.version
                return self
            problem = answer.problem
            time.sleep(0.05)
        what = (
            f"ended at once with {died}" if died else f"did not answer within {self._timeouts.ready_s:g} s: {problem}"
        )
        output = self.last_words() or "(nothing)"
        raise OperatorError(f"{self.name} {what}. Its last output:\n{output}", f"correct what {self.name} reports")


def launch(
    name: str,
    command: Sequence[str],
    port: int,
    log: Path,
    check: BrokerCheck | None = None,
    timeouts: BrokerTimeouts = TIMEOUTS,
) -> RunningBroker:
    """Start a broker in the background and return it once it answers. `log` takes its output; it owns that directory.

    Raises OperatorError when it does not start. Its standard input is a pipe that ends with this process, and it gets
    SIGTERM when the calling thread ends.
    """
    process = start_process(name, command, log)
    return RunningBroker(name, port, process, log, check, timeouts).wait_until_it_answers()


def start_process(name: str, command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start the process of a broker as `launch` does, without waiting for an answer."""
    try:
        with log.open("wb") as sink:
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # the operator's Ctrl-C is for malaria, which stops it when it is done
                preexec_fn=_child_settings(),
            )
    except OSError as error:
        shutil.rmtree(log.parent, ignore_errors=True)
        raise OperatorError(f"{name} cannot be started: {error}", f"try it by hand: {command[0]}") from error


def _child_settings() -> Callable[[], None]:
    """Return what the child does before it becomes the broker; all is looked up now: little is safe after a fork."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None

    def settle() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # allow as many connections as the system does
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

    return settle


def free_port() -> int:
    """Return a TCP port that nobody uses and that this process holds until it ends.

    Whoever listens there with SO_REUSEADDR can, as every broker does. Nobody else gets it: no other call in any
    process, no outgoing connection, and nobody while a broker that listens there is started again.
    """
    for _ in range(TRIES):
        # random, not the next one: commands that start together would all try the same port
        with suppress(OSError):
            return _hold_port(QUIET_PORTS.start + secrets.randbelow(len(QUIET_PORTS)))
    # all tries were taken: a port of the kernel's choice is better than none
    return _hold_port(0)


def _hold_port(port: int) -> int:
    """Bind a socket to a port, of the kernel's choice if 0, and keep it. Raises OSError where somebody has the port."""
    holder = socket.socket()
    try:
        # all addresses: a broker that listens on all of them must not find a connection from one of them
        holder.bind(("", port))
    except OSError:
        holder.close()
        raise
    # only now, and never listen: nobody can bind without the option, and whoever has it can listen (socket(7))
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    _held_ports.append(holder)
    return int(holder.getsockname()[1])


def last_lines(log: Path) -> str:
    """Return the last lines of a log; empty if there is none."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:])
    except OSError:
        return ""
