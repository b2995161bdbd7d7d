"""Brokers that another program runs: a systemd unit, or a pair of commands that start and stop one."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from malaria.broker.broker_host import BrokerHost, last_line
from malaria.errors import OperatorError
from malaria.ssh.connection import CommandResult

POLL_S: Final = 0.2
ALIVE: Final = frozenset({"active", "activating", "reloading", "deactivating", "refreshing"})
"""Answers of `systemctl is-active` for a unit whose process runs, or is about to."""
SYSTEMCTL_S: Final = 100.0
"""A little more than systemd itself waits for a unit to start or stop."""


@dataclass(frozen=True, slots=True)
class SystemdUnit:
    """A systemd unit, used like a process."""

    host: BrokerHost
    name: str

    @property
    def pid(self) -> int | None:
        number = self._property("MainPID")
        # systemd shows 0 for a unit without a main process
        return number or None

    @property
    def stdin(self) -> None:
        return None

    def start(self) -> None:
        self._do("start")

    def poll(self) -> int | None:
        """Return the exit code of its main process (0 if systemd does not know one); None while it runs."""
        # the word, not the exit code: is-active fails for units that are about to start
        if last_line(self._systemctl("is-active").output) in ALIVE:
            return None
        return self._property("ExecMainStatus") or 0

    def terminate(self) -> None:
        self._do("stop")

    def kill(self) -> None:
        self._do("kill", "--signal=KILL")

    def wait(self, timeout: float | None = None) -> int:
        end = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if end is not None and time.monotonic() >= end:
                raise subprocess.TimeoutExpired(f"systemctl stop {self.name}", timeout or 0)
            time.sleep(POLL_S)
        return code

    def last_words(self, lines: int) -> str:
        """Return the end of its journal; empty if it cannot be read."""
        try:
            done = self.host.run(["journalctl", "--no-pager", "-o", "cat", "-n", str(lines), "-u", self.name])
        except OperatorError:
            return ""
        return "" if done.code else done.output

    def _do(self, verb: str, *options: str) -> None:
        done = self._systemctl(verb, *options)
        if done.code:
            raise OperatorError(
                f"systemctl {verb} {self.name} on {self.host.name}: {last_line(done.output)}",
                f"see systemctl status {self.name}; if this user may not do it, set sudo = true",
            )

    def _systemctl(self, verb: str, *options: str) -> CommandResult:
        return self.host.run(["systemctl", "--no-ask-password", verb, *options, "--", self.name], SYSTEMCTL_S)

    def _property(self, name: str) -> int | None:
        done = self.host.run(["systemctl", "show", f"--property={name}", "--value", "--", self.name])
        value = last_line(done.output)
        return int(value) if done.code == 0 and value.isdigit() else None


@dataclass(frozen=True, slots=True)
class CommandPair:
    """A broker that two commands start and stop, used like a process. Its process is unknown: it answers or not."""

    host: BrokerHost
    start_command: Sequence[str]
    stop_command: Sequence[str]
    start_s: float
    stop_s: float

    @property
    def pid(self) -> None:
        return None

    @property
    def stdin(self) -> None:
        return None

    def start(self) -> str:
        """Run the start command and return its output. Raises OperatorError if it fails or does not end."""
        return self._do(self.start_command, self.start_s)

    def poll(self) -> None:
        return None

    def terminate(self) -> None:
        self._do(self.stop_command, self.stop_s)

    def kill(self) -> None:
        """Do nothing: the stop command is all there is."""

    def wait(self, timeout: float | None = None) -> int:
        return 0

    def _do(self, command: Sequence[str], timeout_s: float) -> str:
        done = self.host.run(command, timeout_s)
        if done.code:
            # the end of the output has the cause
            output = "\n".join(done.output.splitlines()[-5:]) or "(nothing)"
            raise OperatorError(
                f"{command[0]} on {self.host.name} ended with exit code {done.code}. Its last output:\n{output}",
                "try it by hand on that host",
            )
        return done.output
