"""The broker's process on another host, held by one ssh connection.

Promises: its output and its exit code are known here; it is told to end when it is stopped here, when this process
ends, and when the connection breaks.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from malaria.broker.broker_host import BrokerHost
from malaria.errors import OperatorError
from malaria.ssh.held_process import HeldProcess
from malaria.ssh.ssh_failures import SshError

GREETING: Final = "malaria: the broker's process is"
HOLD: Final = f"""\
ulimit -S -n "$(ulimit -H -n)" 2>/dev/null
exec 3<&0
"$@" </dev/null 3<&- &
broker=$!
echo "{GREETING} $broker"
(cat <&3; kill -TERM $broker) >/dev/null 2>&1 &
watch=$!
exec 3<&-
wait $broker
code=$?
kill $watch 2>/dev/null
exit $code
"""
"""Runs the broker on that host, with as many open files as the host allows. The end of the input ends the broker."""
SSH_FAILED: Final = 255
"""The exit code of a process whose connection broke, as ssh returns it."""
KILL_S: Final = 10.0
_PID: Final = re.compile(rf"^{re.escape(GREETING)} (\d+)$", re.MULTILINE)
_BY_SIGNAL: Final = 128
"""A shell returns 128 + n for a child that signal n ended."""


class SshBrokerProcess:
    """The process of a broker on another host. `lost` is why its connection broke; None while it holds."""

    stdin = None

    def __init__(self, host: BrokerHost, command: Sequence[str], log: Path) -> None:
        """Start `command` on the host, its output in `log`. Raises OperatorError if the host cannot be reached."""
        self.lost: SshError | None = None
        self._host = host
        self._log = log
        self._pid: int | None = None
        words = host.words(["sh", "-c", HOLD, "sh", *command])
        try:
            self._held = HeldProcess(host.destination, shlex.join(words), log)
        except SshError as error:
            raise host.unreachable(error) from None

    @property
    def pid(self) -> int | None:
        """The process id on that host; None until it is known."""
        # the script prints it first, but it arrives some time after the start
        if self._pid is None and (found := _PID.search(_text(self._log))):
            self._pid = int(found[1])
        return self._pid

    def poll(self) -> int | None:
        try:
            return _as_subprocess(self._held.poll())
        except SshError as error:
            return self._lose(error)

    def wait(self, timeout: float | None = None) -> int:
        try:
            return _as_subprocess(self._held.wait(timeout))
        except SshError as error:
            return self._lose(error)
        except TimeoutError:
            raise subprocess.TimeoutExpired(f"the broker on {self._host.name}", timeout or 0) from None

    def terminate(self) -> None:
        """End the input of the script that holds it; the script then sends SIGTERM."""
        self._held.end_input()

    def kill(self) -> None:
        """Kill it by its id on its host, then break the connection."""
        if self.pid is not None and self.poll() is None:
            with suppress(OperatorError):  # out of reach: the end of the connection ends the broker
                self._host.run(["kill", "-KILL", str(self.pid)], KILL_S)
        # if the host cannot be reached, the script there sends SIGTERM when the connection is gone
        self._held.disconnect()

    def _lose(self, error: SshError) -> int:
        self.lost = error
        return SSH_FAILED


def _as_subprocess[C: (int, int | None)](code: C) -> C:
    """Return the exit code as `subprocess` has it: the negative number of a signal."""
    return _BY_SIGNAL - code if code is not None and _BY_SIGNAL < code < SSH_FAILED else code


def _text(log: Path) -> str:
    try:
        return log.read_text(errors="replace")
    except OSError:
        return ""
