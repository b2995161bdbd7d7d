"""A broker that a command of the operator starts: the process with all that it starts in turn, as one group.

Promises: a stop reaches every process of the group, and so does the death of malaria, even by SIGKILL: a shell waits
for the end of its input, which malaria holds open. Does not promise it for a death in the few milliseconds between the
start of the command and the making of its group.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from typing import IO, Final

GUARD: Final = 'read -r _; kill -s TERM -- "-$1"; sleep "$2"; kill -s KILL -- "-$1"'
LOOK_S: Final = 0.02


class ProcessGroup:
    """The group of a process that leads a session of its own, with the methods of `subprocess.Popen`."""

    def __init__(self, leader: subprocess.Popen[bytes], stop_s: float) -> None:
        """`stop_s` is how long the group may take to end after SIGTERM when malaria is gone."""
        self._leader = leader
        self._guard = subprocess.Popen(
            ["sh", "-c", GUARD, "sh", str(leader.pid), f"{stop_s:g}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._leader.pid

    @property
    def stdin(self) -> IO[bytes] | None:
        return self._leader.stdin

    def poll(self) -> int | None:
        return self._leader.poll()

    def terminate(self) -> None:
        self._guard.kill()
        self._guard.wait()
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the leader and, with a timeout, for the rest of its group. Raises subprocess.TimeoutExpired."""
        end_s = None if timeout is None else time.monotonic() + timeout
        code = self._leader.wait(timeout)
        while end_s is not None and self._send(0):
            if time.monotonic() > end_s:
                raise subprocess.TimeoutExpired(self._leader.args, timeout or 0)
            time.sleep(LOOK_S)
        return code

    def _send(self, number: int) -> bool:
        """Send a signal to the group; return whether it has any process."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._leader.pid, number)
            return True
        return False
