"""A process on another host that is held by an ssh connection of its own. Synchronous.

Promises: its output goes to a file here while it runs, its exit code is known, and its input ends when this process
ends or the connection breaks. Does not promise to outlast a connection that is gone for more than a minute.
"""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Final

from malaria.ssh.background import call, submit
from malaria.ssh.connection import SshTimeouts, connect
from malaria.ssh.destination import SshDestination
from malaria.ssh.ssh_failures import CONNECTION_LOST, SshError, explain_failure

if TYPE_CHECKING:
    from asyncssh import SSHClientConnection, SSHClientProcess

TIMEOUTS: Final = SshTimeouts(keepalive_s=15.0, keepalive_count=4)
"""A host under full load may be silent for a while."""


class HeldProcess:
    """One process. `command` is a line for the login shell there; `log` takes the output and the errors."""

    def __init__(self, destination: SshDestination, command: str, log: Path) -> None:
        """Connect and start it. Raises SshError."""
        self._destination = destination
        self._command = command
        self._log = log
        self._connection: SSHClientConnection | None = None
        self._process: SSHClientProcess[bytes] | None = None
        started: Future[None] = Future()
        self._ended = submit(self._hold(started))
        started.result()

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal; None while it runs. Raises SshError if the connection broke."""
        return self._ended.result() if self._ended.done() else None

    def wait(self, timeout_s: float | None = None) -> int:
        """Wait for its end and return the exit code. Raises TimeoutError, and SshError if the connection broke."""
        return self._ended.result(timeout_s)

    def end_input(self) -> None:
        """End its standard input."""
        call(self._end_input)

    def disconnect(self) -> None:
        """Break the connection at once."""
        call(self._disconnect)

    def _end_input(self) -> None:
        if self._process is not None and not self._process.is_closing():
            self._process.stdin.write_eof()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.abort()

    async def _hold(self, started: Future[None]) -> int:
        """Run the process to its end and return its exit code; report the start, or why there was none."""
        import asyncssh

        try:
            async with connect(self._destination, TIMEOUTS) as connection:
                with self._log.open("wb", buffering=0) as sink:
                    self._connection = connection
                    self._process = await connection.create_process(
                        self._command, stdout=sink, stderr=asyncssh.STDOUT, encoding=None
                    )
                    started.set_result(None)
                    await self._process.wait_closed()
        except Exception as error:
            failure = explain_failure(error) or error
            if not started.done():
                started.set_exception(failure)
            raise failure from None
        code = self._process.returncode
        if code is None:  # the connection ended, and not the process
            raise SshError(*CONNECTION_LOST)
        return code
