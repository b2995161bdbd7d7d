"""A broker's process on another host, held by one ssh connection as if it were a child of ours.

Promises: its output and its exit code come to us; it is told to end when we tell it, when we end, and when the
connection is lost. Does not promise to outlast a connection that is gone for more than a minute.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from malaria.broker.broker_host import SSH_FAILED, BrokerHost
from malaria.broker.running import start_process
from malaria.errors import OperatorError

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
"""Runs the broker on that host, with as many connections as that allows. The end of its input is our word to end."""
_PID: Final = re.compile(rf"^{re.escape(GREETING)} (\d+)$", re.MULTILINE)
_BY_SIGNAL: Final = 128
"""A shell says 128 + n of a child that signal n ended."""


class SshBrokerProcess:
    """The process of a broker on another host, by the ssh client that holds it."""

    def __init__(self, host: BrokerHost, client: subprocess.Popen[bytes], log: Path) -> None:
        self._host = host
        self._client = client
        self._log = log
        self._pid: int | None = None

    @property
    def pid(self) -> int | None:
        """Its number on that host; None as long as it has not said it."""
        if self._pid is None and (found := _PID.search(_text(self._log))):
            self._pid = int(found[1])
        return self._pid

    @property
    def stdin(self) -> IO[bytes] | None:
        return self._client.stdin

    def poll(self) -> int | None:
        code = self._client.poll()
        return None if code is None else _code(code)

    def terminate(self) -> None:
        """The end of the input has said so already."""

    def kill(self) -> None:
        """By its number, on its host; then the connection."""
        if self.pid is not None and self._client.poll() is None:
            with suppress(OperatorError):  # out of reach: then its side of the lost connection ends the broker
                self._host.run(["kill", "-KILL", str(self.pid)], timeout_s=10)
        self._client.terminate()

    def wait(self, timeout: float | None = None) -> int:
        return _code(self._client.wait(timeout))


def hold(name: str, host: BrokerHost, command: Sequence[str], log: Path) -> SshBrokerProcess:
    """Starts `command` on `host`, its output in `log`. Raises OperatorError when there is no ssh here."""
    return SshBrokerProcess(host, start_process(name, host.argv(["sh", "-c", HOLD, "sh", *command]), log), log)


def _code(code: int) -> int:
    """The exit code as `subprocess` has it: of a signal, its number below 0."""
    return _BY_SIGNAL - code if _BY_SIGNAL < code < SSH_FAILED else code


def _text(log: Path) -> str:
    try:
        return log.read_text(errors="replace")
    except OSError:
        return ""
